"""Anchors as this node knows them: what was anchored, what the chain still holds, and what has to be anchored again."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import cast

from sqlalchemy import Connection, Engine, Table, delete, insert, select

from api.models import ApiAnchor
from core.database import reading, transaction
from core.errors import Refused
from ledger import log
from ledger.anchor.evm import AnchorReceipt, EvmAnchor

_ANCHORS = cast(Table, ApiAnchor.__table__)  # type: ignore[attr-defined]
# How many of the newest anchors are looked at again; a fork deeper than this is an incident, not a routine.
RECHECKED = 64


@dataclass(frozen=True)
class Anchored:
    """A root the chain took. `time`: ms UTC of its block."""

    size: int
    root: bytes
    transaction: str
    block: int
    block_hash: str
    time: int


def anchor_newest(engine: Engine, anchors: EvmAnchor, origin: str) -> Anchored | None:
    """Anchor the newest checkpoint, unless the chain has it already; None while nothing is sealed.

    Raises Unavailable (chain-…), Refused (anchor-conflict: a split view; log-rolled-back).
    """
    latest = anchors.latest(origin)
    with reading(engine) as connection:
        sealed = log.sealed_size(connection)
    if latest is not None and latest.size > sealed:
        raise Refused("log-rolled-back", f"the chain holds size {latest.size}, the newest checkpoint here is {sealed}",
                      where=origin, hint="restore the newest copy of the database; a copy that served is a split view")
    return _anchor(engine, anchors, origin, sealed) if sealed else None


def restore_lost(engine: Engine, anchors: EvmAnchor, origin: str, chain_id: int) -> int:
    """Anchor again, oldest first, what the chain no longer holds (a crash, a fork); how many there were."""
    lost: list[int] = []
    with reading(engine) as connection:
        recorded = listed(connection, RECHECKED)
    for item in recorded:
        if anchors.holds(AnchorReceipt(origin, item.size, item.root, chain_id, anchors.address, item.transaction,
                                       item.block, item.block_hash, item.time)):
            break
        lost.append(item.size)
    for size in reversed(lost):
        _anchor(engine, anchors, origin, size)
    return len(lost)


def _anchor(engine: Engine, anchors: EvmAnchor, origin: str, size: int) -> Anchored | None:
    latest = anchors.latest(origin)
    with reading(engine) as connection:
        root = log.root_at(connection, size)
        grows = latest is None or latest.size < size
        proof = log.consistency_proof(connection, latest.size if latest else 0, size) if grows else []
    if not grows and anchors.anchored(origin, size) is None:
        # The chain went on without this size and takes no older one; the later anchors cover the same entries.
        with transaction(engine) as connection:
            connection.execute(delete(_ANCHORS).where(_ANCHORS.c.size == size))
        return None
    receipt = anchors.anchor(origin, latest.size if latest else 0, size, root, proof)
    anchored = Anchored(size, root, receipt.transaction, receipt.block_number, receipt.block_hash, receipt.time)
    with transaction(engine) as connection:
        connection.execute(delete(_ANCHORS).where(_ANCHORS.c.size == size))
        connection.execute(insert(_ANCHORS).values(**asdict(anchored)))
    return anchored


def listed(connection: Connection, limit: int, below: int = 2**63 - 1) -> list[Anchored]:
    """Recorded anchors of sizes below `below`, newest first."""
    rows = connection.execute(select(_ANCHORS).where(_ANCHORS.c.size < below)
                              .order_by(_ANCHORS.c.size.desc()).limit(limit))
    return [Anchored(**row._mapping) for row in rows]
