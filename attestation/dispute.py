"""Disputes: a gateway that signed two payloads for one place of its chain is caught by both, kept side by side."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

from attestation.envelope import MAX_ENVELOPE_BYTES
from core import jcs
from core.errors import FormError
from core.ids import check_hex, check_id
from core.numbers import parse_natural
from core.period import instant_text, parse_instant

SCHEMA = "carbonseal-dispute/1"
EQUIVOCATION = "equivocation"
_FIELDS = {"schema", "subject", "seq", "prev", "kind", "epoch", "seq_frame", "leaves", "indices", "time"}


class Dispute(NamedTuple):
    """Two payloads (SHA-256 in `leaves`) at the log `indices` for one (gateway, epoch, seq_frame).

    `seq` and `prev` chain it in the history "dispute:<gateway>".
    """

    gateway: str
    seq: int
    prev: bytes | None
    epoch: int
    seq_frame: int
    leaves: tuple[bytes, ...]
    indices: tuple[int, ...]
    time: int


def history_of(gateway: str) -> str:
    """The subject of a gateway's disputes in the manifest."""
    return f"dispute:{gateway}"


def dispute_payload(dispute: Dispute) -> bytes:
    """The payload the node signs."""
    return jcs.canonical({
        "schema": SCHEMA, "subject": dispute.gateway, "seq": str(dispute.seq),
        "prev": None if dispute.prev is None else dispute.prev.hex(), "kind": EQUIVOCATION,
        "epoch": str(dispute.epoch), "seq_frame": str(dispute.seq_frame),
        "leaves": [leaf.hex() for leaf in dispute.leaves], "indices": [str(index) for index in dispute.indices],
        "time": instant_text(dispute.time)})


def parse_dispute(payload: bytes) -> Dispute:
    """The dispute of its payload. Raises FormError (dispute-malformed, …)."""
    document = jcs.parse(payload, limit=MAX_ENVELOPE_BYTES)
    if not isinstance(document, dict) or set(document) != _FIELDS or document["schema"] != SCHEMA:
        raise FormError("dispute-malformed", f"not a document of schema {SCHEMA}")
    leaves, indices = _texts(document["leaves"]), _texts(document["indices"])
    if document["kind"] != EQUIVOCATION or len(leaves) != 2 or len(indices) != 2 or leaves[0] == leaves[1]:
        raise FormError("dispute-malformed", "an equivocation names two different payloads and where they stand")
    seq, prev = parse_natural(document["seq"], where="seq"), document["prev"]
    if (seq == 0) != (prev is None):
        raise FormError("dispute-malformed", "the first entry has prev null, every other one a digest")
    return Dispute(
        check_id(document["subject"], where="subject"), seq, None if prev is None else check_hex(prev, where="prev"),
        parse_natural(document["epoch"], where="epoch"), parse_natural(document["seq_frame"], where="seq_frame"),
        tuple(check_hex(leaf, where="leaves") for leaf in leaves),
        tuple(parse_natural(index, where="indices") for index in indices),
        parse_instant(document["time"], where="time"))


def _texts(value: object) -> Sequence[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise FormError("dispute-malformed", "leaves and indices are lists of text")
    return value


def next_dispute(previous: bytes | None, dispute: Dispute) -> Dispute:
    """The dispute, chained after the payload before it (None: the gateway's first)."""
    if previous is None:
        return dispute._replace(seq=0, prev=None)
    return dispute._replace(seq=parse_dispute(previous).seq + 1, prev=sha256(previous).digest())
