"""The chain's certificates as rows: a read model that follows the registry's events and can be dropped and read again.

Events say what changed; the state of what they name is then read from the registry itself, so rows and chain agree as
of the block read up to. Where the chain no longer holds a block that was read (a fork, or a development chain that lost
its last second), everything above is forgotten and read again, and the outbox learns what has to be sent again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Table, delete, insert, select

from certificates import outbox
from certificates.blocks import Blocks, hash_of
from certificates.models import CertBlock, CertCertificate, CertEvent, CertPiece, table
from certificates.registry import Registry, RegistryEvent
from core import jcs
from core.database import reading, transaction
from ledger.anchor.layout import CertificateState, PieceState

BLOCKS, EVENTS = table(CertBlock), table(CertEvent)
CERTIFICATES, PIECES = table(CertCertificate), table(CertPiece)
NOBODY = "0x" + "0" * 40

# A fork deeper than this many reads of the chain is read again from the beginning.
KEPT_BLOCKS = 1_000
# Events of one batch transfer get ordinals of their own below their log's.
_BATCH = 1_024


@dataclass(frozen=True)
class Progress:
    """What following brought. `head`: block read up to; `forgotten`: events a fork took back; `lost`: own writes."""

    head: int
    events: int
    forgotten: int
    lost: int


def follow(engine: Engine, registry: Registry, blocks: Blocks) -> Progress:
    """Read the chain from where the rows end to its head. Idempotent. Raises Unavailable."""
    lost = outbox.recheck(engine, lambda number: hash_of(blocks, number))
    with reading(engine) as connection:
        base, stale = _common(connection, blocks)
        touched = _touched_above(connection, base)
    head = blocks.block(blocks.head())
    if head is None or (head.number <= base and not stale):
        return Progress(base, 0, 0, lost)
    events = registry.events(base + 1, head.number) if head.number > base else []
    rows = [row for event in events for row in _rows(event, blocks)]
    touched |= {(row["digest"], row["piece"]) for row in rows}
    certificates, pieces = _states(registry, touched)
    with transaction(engine) as connection:
        forgotten = _forget_above(connection, base)
        if rows:
            connection.execute(insert(EVENTS), rows)
        for digest, certificate in certificates.items():
            _replace(connection, CERTIFICATES, "digest", digest,
                     None if certificate is None else _certificate_row(certificate))
        for piece, state in pieces.items():
            _replace(connection, PIECES, "id", piece, None if state is None else _piece_row(piece, state))
        if head.number > base:
            connection.execute(insert(BLOCKS).values(number=head.number, hash=head.hash))
        connection.execute(delete(BLOCKS).where(BLOCKS.c.number.in_(
            select(BLOCKS.c.number).order_by(BLOCKS.c.number.desc()).offset(KEPT_BLOCKS))))
    return Progress(head.number, len(rows), forgotten, lost)


def rebuild(engine: Engine, registry: Registry, blocks: Blocks) -> Progress:
    """Drop the read model and read the whole chain again."""
    with transaction(engine) as connection:
        for each in (BLOCKS, EVENTS, CERTIFICATES, PIECES):
            connection.execute(delete(each))
    return follow(engine, registry, blocks)


def head(connection: Connection) -> int:
    """Number of the block read up to; −1 before the first."""
    number = connection.execute(select(BLOCKS.c.number).order_by(BLOCKS.c.number.desc()).limit(1)).scalar()
    return -1 if number is None else number


def differences(engine: Engine, registry: Registry) -> list[str]:
    """What the rows say otherwise than the chain does now: for fsck; empty when they agree."""
    with reading(engine) as connection:
        certificates = {row.digest: row for row in connection.execute(select(CERTIFICATES))}
        pieces = {row.id: row for row in connection.execute(select(PIECES))}
    found = []
    for digest, row in certificates.items():
        state = registry.certificate(digest)
        if state is None or _certificate_row(state) != row._asdict():
            found.append(f"certificate {digest.hex()}")
    for identity, row in pieces.items():
        piece = registry.piece(int.from_bytes(identity, "big"))
        if piece is None or _piece_row(identity, piece) != row._asdict():
            found.append(f"piece {identity.hex()}")
    return found


def _common(connection: Connection, blocks: Blocks) -> tuple[int, bool]:
    """The newest block read that the chain still holds (−1: none), and whether newer ones were read."""
    stale = False
    for number, digest in connection.execute(select(BLOCKS).order_by(BLOCKS.c.number.desc())):
        if hash_of(blocks, number) == digest:
            return number, stale
        stale = True
    return -1, stale


def _touched_above(connection: Connection, base: int) -> set[tuple[bytes | None, bytes | None]]:
    rows = connection.execute(select(EVENTS.c.digest, EVENTS.c.piece).where(EVENTS.c.block > base))
    return {(row.digest, row.piece) for row in rows}


def _forget_above(connection: Connection, base: int) -> int:
    connection.execute(delete(BLOCKS).where(BLOCKS.c.number > base))
    return connection.execute(delete(EVENTS).where(EVENTS.c.block > base)).rowcount


def _rows(event: RegistryEvent, blocks: Blocks) -> Iterable[dict[str, Any]]:
    block = blocks.block(event.block_number)
    shared = {"block": event.block_number, "transaction": event.transaction, "time": block.time if block else 0,
              "name": event.name, "digest": event.values.get("payloadDigest"),
              "data": jcs.canonical({name: _json(value) for name, value in event.values.items()}).decode()}
    for position, piece in enumerate(_pieces(event)):
        yield {**shared, "ordinal": event.log_index * _BATCH + position, "piece": piece}


def _pieces(event: RegistryEvent) -> list[bytes | None]:
    """The pieces an event is about, one row each; an event about no piece is one row as well."""
    values = event.values
    numbers = [values[name] for name in ("id", "lower", "upper") if values.get(name)] + list(values.get("ids", ()))
    return [number.to_bytes(32, "big") for number in numbers] or [None]


def _json(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    return [_json(item) for item in value] if isinstance(value, list | tuple) else str(value)


def _states(registry: Registry, touched: Iterable[tuple[bytes | None, bytes | None]]) -> tuple[
        dict[bytes, CertificateState | None], dict[bytes, PieceState | None]]:
    pieces = {piece: registry.piece(int.from_bytes(piece, "big")) for _, piece in touched if piece is not None}
    digests = {digest for digest, _ in touched if digest is not None}
    digests |= {state.payload_digest for state in pieces.values() if state is not None}
    return {digest: registry.certificate(digest) for digest in digests}, pieces


def _replace(connection: Connection, target: Table, key: str, value: bytes, row: dict[str, Any] | None) -> None:
    connection.execute(delete(target).where(target.c[key] == value))
    if row is not None:
        connection.execute(insert(target).values(row))


def _certificate_row(state: CertificateState) -> dict[str, Any]:
    return {"digest": state.payload_digest, "status": state.status.name.lower(), "kind": state.kind,
            "holder": state.holder, "amount": state.amount, "first": state.first, "moved": state.moved,
            "short": state.short, "superseded_by": state.superseded_by, "issued_at": state.issued_at}


def _piece_row(identity: bytes, state: PieceState) -> dict[str, Any]:
    return {"id": identity, "digest": state.payload_digest, "first": state.start, "last": state.end,
            "owner": state.owner, "status": state.status.label, "pledgee": state.pledgee}
