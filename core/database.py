"""One database. SQLite in WAL mode with synchronous=FULL is the embedded default; PostgreSQL by URL.

Rooms declare their tables as SQLModel classes in their own models.py; the composition root creates them all. Every
write happens in one transaction begun by `transaction`, which takes the writer's lock at its start.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import OperationalError

from core.errors import Unavailable

BUSY_TIMEOUT_MS = 30_000
# The writer's lock among the advisory locks of a PostgreSQL database: "carbseal".
_WRITER_LOCK = int.from_bytes(b"carbseal")


def open_engine(target: str | Path) -> Engine:
    """An engine for a database URL or the path of an SQLite file. Connecting happens on first use."""
    url = target if isinstance(target, str) and "://" in target else f"sqlite:///{target}"
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _configure_sqlite)
    return engine


def _configure_sqlite(connection: Any, _record: Any) -> None:
    # autocommit off the driver: transactions begin where we say so (BEGIN IMMEDIATE below).
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_TIMEOUT_MS}",
                   "cache_size=-65536", "wal_autocheckpoint=4000"):
        connection.execute(f"PRAGMA {pragma}")


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """One write transaction: committed durably when the block ends, rolled back when it raises.

    Raises Unavailable (database-unavailable) when the disk is full, the file locked or the server away.
    """
    try:
        with engine.connect() as connection, connection.begin():
            if engine.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            else:
                # As in SQLite: what one writer has looked up stays true until it commits.
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = {BUSY_TIMEOUT_MS}")
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITER_LOCK})")
            yield connection
    except OperationalError as error:
        raise Unavailable("database-unavailable", f"the database did not take the write: {error.orig}",
                          hint="check free disk space and other writers, then send again") from error


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection to read from one consistent snapshot."""
    with engine.connect() as connection, connection.begin():
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN")
        yield connection
