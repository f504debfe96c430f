"""Proofs in C2SP tlog-proof form: an entry's index and audit path with the checkpoint they belong to. Pure.

    c2sp.org/tlog-proof@v1
    extra <base64>            (optional, authenticated by nothing)
    index <decimal>
    <base64 of each hash, lowest sibling first>

    <checkpoint, byte for byte>

Proof and checkpoint travel together, so neither can be shown against the moment of the other.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass

from core import merkle
from core.errors import FormError
from core.numbers import parse_natural
from ledger import checkpoint as checkpoints
from ledger import note
from ledger.checkpoint import Checkpoint, Cosignature, WitnessPolicy

HEADER = "c2sp.org/tlog-proof@v1"
MAX_EXTRA_BYTES = 64 * 1024
# Header, index, 64 hashes, the extra line in base64 and the largest checkpoint.
MAX_PROOF_BYTES = note.MAX_NOTE_BYTES + 96 * 1024


@dataclass(frozen=True)
class Proof:
    """A parsed proof; nothing in it has been verified. `extra` is never authenticated."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: Checkpoint
    extra: bytes | None = None


def write(index: int, path: Sequence[bytes], checkpoint: Checkpoint, extra: bytes | None = None) -> bytes:
    """The text of a proof."""
    lines = [HEADER]
    if extra is not None:
        lines.append("extra " + b64encode(extra).decode())
    lines.append(f"index {index}")
    lines += [b64encode(item).decode() for item in path]
    return "\n".join([*lines, "", ""]).encode() + checkpoint.note


def parse(data: bytes) -> Proof:
    """The proof in a text. Raises FormError (proof-malformed, checkpoint-malformed, note-…)."""
    if len(data) > MAX_PROOF_BYTES:
        raise FormError("proof-malformed", f"a proof of {len(data)} bytes exceeds {MAX_PROOF_BYTES}")
    head, blank, signed = data.partition(b"\n\n")
    lines = head.decode("ascii", "replace").split("\n")
    if not blank or lines.pop(0) != HEADER or not lines:
        raise FormError("proof-malformed", f"not a proof: {HEADER}, index, hashes, a blank line, the checkpoint")
    extra = None
    if lines[0].startswith("extra "):
        extra = note.decode_base64(lines.pop(0).removeprefix("extra "), "proof-malformed")
    if not lines or not lines[0].startswith("index ") or len(lines) > 1 + merkle.MAX_PATH:
        raise FormError("proof-malformed", "the index line is missing, or there are more than 64 hashes")
    index = parse_natural(lines.pop(0).removeprefix("index "), where="index", limit=checkpoints.MAX_SIZE)
    path = tuple(note.decode_base64(line, "proof-malformed") for line in lines)
    if any(len(item) != merkle.HASH_BYTES for item in path) or (extra and len(extra) > MAX_EXTRA_BYTES):
        raise FormError("proof-malformed", "a hash does not have 32 bytes, or the extra data are too long")
    return Proof(index, path, checkpoints.parse(signed), extra)


def verify(proof: Proof, leaf: bytes, log: str, policy: WitnessPolicy | None = None) -> list[Cosignature]:
    """Passes when the leaf hash stands at the proof's index under a checkpoint the log signed and the policy accepts.

    Size and root come from the checkpoint alone. Raises what `checkpoint.verify_policy` and `merkle.verify_inclusion`
    raise. Answers the cosignatures that count.
    """
    cosignatures = checkpoints.verify_policy(proof.checkpoint, log, policy or WitnessPolicy())
    merkle.verify_inclusion(leaf, proof.index, proof.checkpoint.size, proof.path, proof.checkpoint.root)
    return cosignatures
