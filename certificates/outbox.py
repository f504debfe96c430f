"""Chain writes that are intended: recorded durably first, sent afterwards, recognised when they are there already.

    intend   a row, in the transaction of whatever decided it; the same operation twice is one row
    deliver  every pending row in order: is it on the chain? then done, else send it
    recheck  a done row whose block is no longer on the chain is pending again

Recovery is `recheck` and `deliver` again, which is also the normal path. Nothing can be written twice: a row's id and
what it writes derive from the operation alone, and the contract refuses what it holds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Connection, Engine, Row, insert, select, update

from certificates.models import CertOutbox, table
from core import jcs
from core.database import reading, transaction
from core.errors import CarbonSealError, Forbidden, NotFound, Refused, Unavailable

PENDING, DONE, REFUSED = "pending", "done", "refused"
OUTBOX = table(CertOutbox)


# A development chain loses at most its last second of blocks, a QBFT chain none; deeper blocks are not asked for again.
FINAL_BLOCKS = 256


@dataclass(frozen=True)
class Operation:
    """One intended chain write by `actor` (account address). `arguments`: all that tells it from any other."""

    kind: str
    actor: str
    arguments: Mapping[str, str]

    @property
    def id(self) -> bytes:
        """SHA-256 of its canonical form: the same operation has the same id."""
        return jcs.digest([self.kind, self.actor, dict(self.arguments)])


@dataclass(frozen=True)
class Sighting:
    """Where the chain was seen to hold an operation. `transaction`: None when it was found there, not sent by us."""

    block: int
    block_hash: str
    transaction: str | None = None


@dataclass(frozen=True)
class Intent:
    """An operation with its state: pending, done (sighting) or refused (error as its dict)."""

    position: int
    operation: Operation
    state: str
    sighting: Sighting | None
    error: Mapping[str, Any] | None
    attempts: int


class Handler(Protocol):
    """Knows one kind of operation on one chain."""

    def find(self, operation: Operation) -> Sighting | None:
        """Where the chain already holds the operation's effect; None when it does not. Raises Unavailable."""

    def send(self, operation: Operation) -> Sighting:
        """Write it and wait until a block has it.

        Raises Refused when the chain says no, Unavailable when it cannot be known whether it was written.
        """


HandlerOf = Callable[[Operation], Handler | None]


def intend(connection: Connection, operation: Operation, now: int) -> Intent:
    """Record an operation in the caller's transaction; one that was refused before is pending again."""
    row = _row(connection, operation.id)
    if row is None:
        connection.execute(insert(OUTBOX).values(
            id=operation.id, kind=operation.kind, actor=operation.actor, state=PENDING, attempts=0, created=now,
            arguments=jcs.canonical(dict(operation.arguments)).decode()))
    elif row.state == REFUSED:
        _set(connection, operation.id, state=PENDING, error=None)
    return intent(connection, operation.id)


def intent(connection: Connection, identity: bytes) -> Intent:
    """An intent by its operation's id. Raises NotFound (intent-unknown)."""
    row = _row(connection, identity)
    if row is None:
        raise NotFound("intent-unknown", "no such operation was intended", where=identity.hex(),
                       hint="ask with the id that the operation was answered with")
    return _intent(row)


def intents(connection: Connection, state: str | None = None) -> list[Intent]:
    """All intents in order, or those of one state."""
    query = select(OUTBOX).order_by(OUTBOX.c.position)
    if state is not None:
        query = query.where(OUTBOX.c.state == state)
    return [_intent(row) for row in connection.execute(query)]


def deliver(engine: Engine, handler_of: HandlerOf) -> list[Intent]:
    """Bring every pending operation to the chain, in order; the intents that were settled now.

    An operation whose actor's key is not here (`handler_of` gives None) waits. So does one that cannot be known yet;
    then Unavailable is raised after the others have been tried, or at once when the chain is away.
    """
    with reading(engine) as connection:
        waiting = intents(connection, PENDING)
    settled: list[Intent] = []
    blocked: Unavailable | None = None
    for item in waiting:
        handler = handler_of(item.operation)
        if handler is None:
            continue
        try:
            settled.append(_settle(engine, item.operation, handler))
        except Unavailable as error:
            _note(engine, item.operation, error)
            blocked = error
            if error.code.startswith("chain-"):
                break
    if blocked is not None:
        raise blocked
    return settled


def run(engine: Engine, operation: Operation, handler_of: HandlerOf, now: int) -> Intent:
    """Intend one operation and deliver what is pending; its intent, done. Raises its Refused, or Unavailable."""
    with transaction(engine) as connection:
        intend(connection, operation, now)
    try:
        deliver(engine, handler_of)
    except Unavailable:
        with reading(engine) as connection:
            if intent(connection, operation.id).state == PENDING:
                raise
    with reading(engine) as connection:
        settled = intent(connection, operation.id)
    if settled.error is not None and settled.state == REFUSED:
        kind = Forbidden if str(settled.error["code"]).endswith("-forbidden") else Refused
        raise kind(**settled.error)
    return settled


def recheck(engine: Engine, block_hash: Callable[[int], str | None]) -> int:
    """Set done operations back to pending whose block the chain no longer holds; how many.

    Each block is asked for, down to FINAL_BLOCKS below the newest: that a later operation stands says nothing about an
    earlier one, which may have been seen on a branch that was lost. `block_hash` gives None for a block not there.
    """
    with reading(engine) as connection:
        rows = connection.execute(select(OUTBOX.c.block, OUTBOX.c.block_hash).where(OUTBOX.c.state == DONE)
                                  .distinct().order_by(OUTBOX.c.block.desc())).all()
    recent = [(block, digest) for block, digest in rows if block > rows[0].block - FINAL_BLOCKS]
    lost = [(block, digest) for block, digest in recent if block_hash(block) != digest]
    count = 0
    with transaction(engine) as connection:
        for block, digest in lost:
            where = (OUTBOX.c.state == DONE, OUTBOX.c.block == block, OUTBOX.c.block_hash == digest)
            count += connection.execute(update(OUTBOX).where(*where).values(state=PENDING)).rowcount
    return count


def _settle(engine: Engine, operation: Operation, handler: Handler) -> Intent:
    sighting = handler.find(operation)
    error: CarbonSealError | None = None
    if sighting is None:
        try:
            sighting = handler.send(operation)
        except Refused as refusal:
            # Another replica, or our own earlier try that timed out, may have been taken meanwhile.
            sighting, error = handler.find(operation), refusal
    with transaction(engine) as connection:
        if sighting is not None:
            _set(connection, operation.id, state=DONE, block=sighting.block, block_hash=sighting.block_hash,
                 transaction=sighting.transaction, error=None)
        elif error is not None:
            _set(connection, operation.id, state=REFUSED, error=_error_text(error))
        return intent(connection, operation.id)


def _note(engine: Engine, operation: Operation, error: CarbonSealError) -> None:
    with transaction(engine) as connection:
        _set(connection, operation.id, error=_error_text(error), attempts=OUTBOX.c.attempts + 1)


def _error_text(error: CarbonSealError) -> str:
    return json.dumps(error.as_dict(), ensure_ascii=False, sort_keys=True, default=str)


def _set(connection: Connection, identity: bytes, **values: Any) -> None:
    connection.execute(update(OUTBOX).where(OUTBOX.c.id == identity).values(**values))


def _row(connection: Connection, identity: bytes) -> Row[Any] | None:
    return connection.execute(select(OUTBOX).where(OUTBOX.c.id == identity)).first()


def _intent(row: Row[Any]) -> Intent:
    operation = Operation(row.kind, row.actor, json.loads(row.arguments))
    seen = Sighting(row.block, row.block_hash, row.transaction) if row.state == DONE else None
    return Intent(row.position, operation, row.state, seen, json.loads(row.error) if row.error else None, row.attempts)
