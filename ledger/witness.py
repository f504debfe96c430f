"""A witness (C2SP tlog-witness): it co-signs a checkpoint only if it extends what it has co-signed before.

Refusals carry the standard's HTTP status through the error tree: 400 form, 404 unknown origin, 403 not the log's
signature, 409 another size or root than remembered (with the size), 422 a proof that does not hold. Two notes that
contradict one another are kept as evidence. Who owns a witness's key and memory can co-sign anything: hence k of n.

A library so far: no part of the node asks witnesses or runs one.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, text

from core import merkle
from core.clock import Clock
from core.database import transaction
from core.errors import Forbidden, FormError, NotFound, Refused, VerificationFailed
from core.numbers import parse_natural
from core.signer import Signer
from ledger import checkpoint as checkpoints
from ledger import note
from ledger.checkpoint import Checkpoint
from ledger.store import blob

# The standard's limit: no consistency proof below 2^63 leaves is longer.
MAX_PROOF_LINES = 63
MAX_REQUEST_BYTES = note.MAX_NOTE_BYTES + 4096


@dataclass(frozen=True)
class Request:
    """A parsed add-checkpoint request."""

    old_size: int
    proof: tuple[bytes, ...]
    checkpoint: Checkpoint


def write_request(old_size: int, proof: Sequence[bytes], checkpoint: Checkpoint) -> bytes:
    """The body of an add-checkpoint request."""
    lines = [f"old {old_size}", *(b64encode(item).decode() for item in proof), "", ""]
    return "\n".join(lines).encode() + checkpoint.note


def parse_request(data: bytes) -> Request:
    """The request in a body. Raises FormError (witness-request-malformed, checkpoint-malformed, note-…)."""
    head, blank, signed = data.partition(b"\n\n")
    lines = head.decode("ascii", "replace").split("\n")
    if len(data) > MAX_REQUEST_BYTES or not blank or len(lines) > 1 + MAX_PROOF_LINES:
        raise FormError("witness-request-malformed", "too long, or no blank line before the checkpoint")
    if not lines[0].startswith("old "):
        raise FormError("witness-request-malformed", "the first line must be: old <size>")
    old_size = parse_natural(lines[0].removeprefix("old "), where="old size", limit=checkpoints.MAX_SIZE)
    proof = tuple(note.decode_base64(line, "witness-request-malformed") for line in lines[1:])
    checkpoint = checkpoints.parse(signed)
    if old_size > checkpoint.size:
        raise FormError("witness-request-malformed", f"old size {old_size} is above the size {checkpoint.size}")
    return Request(old_size, proof, checkpoint)


def decide(known: Checkpoint | None, request: Request) -> None:
    """Passes when the offered checkpoint extends the known one. Pure.

    Raises Refused (witness-size-conflict, witness-root-conflict; detail `size`), VerificationFailed (witness-proof).
    """
    size, root = (known.size, known.root) if known else (0, merkle.EMPTY_ROOT)
    offered = request.checkpoint
    if request.old_size != size:
        raise Refused("witness-size-conflict", f"the witness remembers size {size}, not {request.old_size}",
                      where=offered.origin, hint=f"prove consistency from {size}", size=str(size))
    if offered.size == size and offered.root != root:
        raise Refused("witness-root-conflict", f"another root was co-signed for size {size}", where=offered.origin,
                      hint="the log shows two histories: both notes are kept", size=str(size))
    try:
        merkle.verify_consistency(size, offered.size, root, offered.root, request.proof)
    except VerificationFailed as error:
        raise VerificationFailed("witness-proof", f"the checkpoint does not extend size {size}: {error.message}",
                                 where=offered.origin) from None


class Witness:
    """A witness with its memory in a database. `logs`: origin → vkey text of each log it serves."""

    def __init__(self, engine: Engine, signer: Signer, name: str, logs: Mapping[str, str], clock: Clock) -> None:
        self._engine, self._signer, self._name, self._clock = engine, signer, name, clock
        self._logs = {origin: note.parse_key(key) for origin, key in logs.items()}
        own = note.key_of(name, signer.public_key, note.COSIGNATURE_V1)
        if any(key.public_key == own.public_key for key in self._logs.values()):
            raise Refused("witness-is-log", "a witness may not use the key of a log it serves", where=name)

    def add_checkpoint(self, body: bytes) -> bytes:
        """Answer an add-checkpoint request with the cosignature line, once the new head is durable.

        Check and update are one transaction with a compare-and-swap, so a smaller size never follows a larger one.
        """
        request = parse_request(body)
        offered = request.checkpoint
        self._authenticate(offered)
        known = None
        try:
            with transaction(self._engine) as connection:
                known = _known(connection, offered.origin)
                decide(known, request)
                _remember(connection, known, offered)
                line = checkpoints.cosign(offered, self._signer, self._name, self._clock.now())
        except (Refused, VerificationFailed) as error:
            if known is not None and error.code in ("witness-root-conflict", "witness-proof"):
                self._keep(known, offered)
            raise
        return line

    def conflicts(self, origin: str) -> list[tuple[bytes, bytes]]:
        """(co-signed note, contradicting note) of a log, oldest first."""
        with self._engine.connect() as connection:
            return [(blob(known), blob(offered)) for known, offered in
                    connection.execute(_CONFLICTS, {"origin": origin})]

    def _authenticate(self, offered: Checkpoint) -> None:
        key = self._logs.get(offered.origin)
        if key is None:
            raise NotFound("witness-origin-unknown", "the witness does not serve this log", where=offered.origin[:80])
        try:
            checkpoints.verify(offered, key)
        except VerificationFailed as error:
            raise Forbidden("witness-signature", f"not signed by the log: {error.message}",
                            where=offered.origin) from None

    def _keep(self, known: Checkpoint, offered: Checkpoint) -> None:
        # Once for each tree offered: anyone may send a note of the log again, with a wrong proof or with lines added.
        with transaction(self._engine) as connection:
            kept = [checkpoints.parse(blob(row.offered)) for row in connection.execute(
                _CONFLICTS, {"origin": known.origin})]
            if any((each.size, each.root) == (offered.size, offered.root) for each in kept):
                return
            connection.execute(_KEEP, {"origin": known.origin, "known": known.note, "offered": offered.note,
                                       "time": self._clock.now()})


def _known(connection: Connection, origin: str) -> Checkpoint | None:
    kept = connection.execute(_HEAD, {"origin": origin}).scalar_one_or_none()
    return checkpoints.parse(blob(kept)) if kept is not None else None


def _remember(connection: Connection, known: Checkpoint | None, offered: Checkpoint) -> None:
    values = {"origin": offered.origin, "size": offered.size, "root": offered.root, "note": offered.note}
    if known is None:
        done = connection.execute(_FIRST, values)
    else:
        done = connection.execute(_NEXT, {**values, "old": known.size})
    if done.rowcount != 1:
        raise Refused("witness-size-conflict", "another checkpoint was co-signed meanwhile", where=offered.origin,
                      hint="ask again from the size the witness remembers now")


_HEAD = text("SELECT note FROM witness_head WHERE origin = :origin")
_FIRST = text("INSERT INTO witness_head (origin, size, root, note) VALUES (:origin, :size, :root, :note)"
              " ON CONFLICT (origin) DO NOTHING")
_NEXT = text("UPDATE witness_head SET size = :size, root = :root, note = :note"
             " WHERE origin = :origin AND size = :old")
_KEEP = text("INSERT INTO witness_conflict (origin, known, offered, time) VALUES (:origin, :known, :offered, :time)")
_CONFLICTS = text("SELECT known, offered FROM witness_conflict WHERE origin = :origin ORDER BY id")
