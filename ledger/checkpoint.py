"""Checkpoints (C2SP tlog-checkpoint): the log's signed statement of its size and root, co-signed by witnesses. Pure.

    <origin>
    <size>
    <base64 of the root>

    — <origin> <signature of the log>
    — <witness> <cosignature/v1>

Three lines, no extensions. The name of the log's key is its origin.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.errors import FormError, InputError, VerificationFailed
from core.merkle import HASH_BYTES
from core.numbers import parse_natural
from core.signer import Signer
from ledger import note
from ledger.note import COSIGNATURE_V1, ED25519_NOTE, VerifierKey

MAX_SIZE = 2**63


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint as parsed or signed. `note`: the whole signed note, byte for byte."""

    origin: str
    size: int
    root: bytes
    note: bytes


@dataclass(frozen=True)
class Cosignature:
    """A verified cosignature. `time`: ms UTC as the witness states it."""

    witness: VerifierKey
    time: int


@dataclass(frozen=True)
class WitnessPolicy:
    """k of n: at least `threshold` distinct keys of `keys` must have co-signed. 0 asks for none."""

    threshold: int = 0
    keys: tuple[VerifierKey, ...] = ()

    @classmethod
    def parse(cls, threshold: int, keys: Iterable[str]) -> WitnessPolicy:
        """A policy of vkey texts. Raises FormError, InputError (witness-policy)."""
        parsed = tuple(note.parse_key(text) for text in keys)
        if any(key.kind != COSIGNATURE_V1 for key in parsed):
            raise InputError("witness-policy", "a witness key must be of the cosignature kind (0x04)")
        if not 0 <= threshold <= len({key.public_key for key in parsed}):
            raise InputError("witness-policy", f"{threshold} distinct witnesses cannot be had from {len(parsed)} keys",
                             hint="one key under two names is one witness")
        return cls(threshold, parsed)


def log_key(origin: str, public_key: bytes) -> str:
    """The vkey text of a log. `public_key`: DER of an Ed25519 key."""
    return note.key_of(origin, public_key).text


def witness_key(name: str, public_key: bytes) -> str:
    """The vkey text of a witness. `public_key`: DER of an Ed25519 key."""
    return note.key_of(name, public_key, COSIGNATURE_V1).text


def body(origin: str, size: int, root: bytes) -> bytes:
    """The three lines that are signed."""
    return f"{origin}\n{size}\n{b64encode(root).decode()}\n".encode()


def parse(data: bytes) -> Checkpoint:
    """The checkpoint in a signed note: form only, nothing verified. Raises FormError (checkpoint-malformed, note-…)."""
    lines = note.parse(data).text.decode().split("\n")
    if len(lines) != 4:
        raise FormError("checkpoint-malformed", f"a checkpoint has three lines, this one {len(lines) - 1}")
    origin, size, encoded, _ = lines
    if not origin:
        raise FormError("checkpoint-malformed", "the origin is empty")
    root = note.decode_base64(encoded, "checkpoint-malformed")
    if len(root) != HASH_BYTES:
        raise FormError("checkpoint-malformed", f"a root of {len(root)} bytes")
    return Checkpoint(origin, parse_natural(size, where="checkpoint size", limit=MAX_SIZE), root, data)


def sign(signer: Signer, origin: str, size: int, root: bytes) -> Checkpoint:
    """The checkpoint of this size and root, signed by the log."""
    text = body(origin, size, root)
    return Checkpoint(origin, size, root, text + b"\n" + note.sign(signer, origin, text).line)


def verify(checkpoint: Checkpoint, log: str | VerifierKey) -> None:
    """Passes when the log of this key signed the checkpoint, and no signature of the key in it is bad.

    Raises VerificationFailed (checkpoint-origin, checkpoint-unsigned, note-signature), FormError (note-key-malformed).
    """
    _verify(checkpoint, _log_key(log), ())


def verify_policy(checkpoint: Checkpoint, log: str | VerifierKey, policy: WitnessPolicy) -> list[Cosignature]:
    """The cosignatures that count, once the log's signature holds and at least k distinct witnesses have co-signed.

    A key counts once, with its latest time, under however many names it signs. Raises what `verify` raises,
    VerificationFailed (checkpoint-not-witnessed) and InputError (witness-is-log).
    """
    key = _log_key(log)
    if any(witness.public_key == key.public_key for witness in policy.keys):
        raise InputError("witness-is-log", "the log's own key stands among the witnesses", where=key.name,
                         hint="a witness must be another party")
    latest: dict[bytes, Cosignature] = {}
    for witness, time in _verify(checkpoint, key, policy.keys):
        if time is not None and (witness.public_key not in latest or latest[witness.public_key].time < time * 1000):
            latest[witness.public_key] = Cosignature(witness, time * 1000)
    if len(latest) < policy.threshold:
        raise VerificationFailed("checkpoint-not-witnessed",
                                 f"{len(latest)} of the {policy.threshold} cosignatures asked for", where=key.name)
    return list(latest.values())


def check_age(cosignatures: Sequence[Cosignature], threshold: int, now: int, max_age: int) -> None:
    """Passes when at least `threshold` witnesses saw this checkpoint within `max_age` ms before `now` (ms UTC).

    Guards against an old checkpoint served for ever. Raises VerificationFailed (checkpoint-stale).
    """
    fresh = [item for item in cosignatures if now - item.time <= max_age]
    if len(fresh) < max(threshold, 1):
        raise VerificationFailed("checkpoint-stale", f"only {len(fresh)} witnesses have seen it in the last "
                                 f"{max_age // 1000} s", hint="fetch a newer checkpoint")


def cosign(checkpoint: Checkpoint, signer: Signer, name: str, now: int) -> bytes:
    """A witness's cosignature line over the checkpoint. `now`: ms UTC."""
    return note.cosign(signer, name, _text(checkpoint), now // 1000).line


def with_signatures(checkpoint: Checkpoint, lines: Iterable[bytes]) -> Checkpoint:
    """The same checkpoint with more signature lines; a line already there is not repeated. Raises FormError."""
    merged = checkpoint.note
    for line in lines:
        if line not in merged:
            merged += line
    result = parse(merged)
    if _text(result) != _text(checkpoint):
        raise FormError("checkpoint-malformed", "what was added are not signature lines")
    return result


def _verify(checkpoint: Checkpoint, key: VerifierKey,
            witnesses: Sequence[VerifierKey]) -> list[tuple[VerifierKey, int | None]]:
    if checkpoint.origin != key.name:
        raise VerificationFailed("checkpoint-origin", f"the checkpoint is of the log {checkpoint.origin[:80]!r}",
                                 where=key.name)
    parsed = note.parse(checkpoint.note)
    if parsed.text != _text(checkpoint):
        raise VerificationFailed("checkpoint-unsigned", "the note is not that of this origin, size and root")
    found = note.verify(parsed, [key, *witnesses])
    if all(signed_by != key for signed_by, _ in found):
        raise VerificationFailed("checkpoint-unsigned", "the log has not signed this checkpoint", where=key.name)
    return found


def _log_key(log: str | VerifierKey) -> VerifierKey:
    key = note.parse_key(log) if isinstance(log, str) else log
    if key.kind != ED25519_NOTE:
        raise FormError("note-key-malformed", "a log's key must be of the kind 0x01", where=key.name)
    return key


def _text(checkpoint: Checkpoint) -> bytes:
    return body(checkpoint.origin, checkpoint.size, checkpoint.root)
