"""Rows in bulk, and block bodies at rest: compressed where that helps, hashed over what they are before it."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy import Connection, Dialect, Insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import SQLModel, col

from attestation.block import MAX_BODY_BYTES
from attestation.models import BlockRow
from core.errors import NotFound, VerificationFailed

# Below it a block is a minute of seconds, and compression costs more time than it saves room.
COMPRESS_FROM_BYTES = 1024
_LEVEL = 1
# Databases limit the parameters of one statement.
_PER_QUERY = 500
Item = TypeVar("Item")
_PLAIN, _ZLIB = b"\0", b"\1"


def pack_body(body: bytes) -> bytes:
    """A body as it is stored."""
    if len(body) >= COMPRESS_FROM_BYTES:
        packed = zlib.compress(body, _LEVEL)
        if len(packed) < len(body):
            return _ZLIB + packed
    return _PLAIN + body


def unpack_body(stored: bytes) -> bytes:
    """The body of its stored form. Raises VerificationFailed (body-damaged)."""
    if stored[:1] == _PLAIN:
        return stored[1:]
    try:
        engine = zlib.decompressobj()
        body = engine.decompress(stored[1:], MAX_BODY_BYTES)
    except zlib.error:
        body = b""
    if stored[:1] != _ZLIB or not body or not engine.eof or engine.unused_data:
        raise VerificationFailed("body-damaged", "a stored block body cannot be read", hint="run carbonseal fsck")
    return body


def chunks(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """Parts of what a query asks for, each small enough for one statement."""
    return (items[start : start + _PER_QUERY] for start in range(0, len(items), _PER_QUERY))


def insert_rows(connection: Connection, table: type[SQLModel], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows given in the order of the table's columns."""
    if rows:
        _execute(connection, _insert_text(table, connection.dialect), rows)


def upsert_rows(connection: Connection, statement: Insert, rows: Sequence[tuple[Any, ...]]) -> None:
    """Run an insert … on conflict … statement (see `insert_for`) for rows in the order of the table's columns."""
    if rows:
        _execute(connection, _compile(statement, connection.dialect), rows)


def insert_for(connection: Connection, table: type[SQLModel]) -> Any:
    """The dialect's insert of a table, with `on_conflict_do_update`."""
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    return make(table)


@lru_cache(maxsize=64)
def _insert_text(table: type[SQLModel], dialect: Dialect) -> tuple[str, tuple[str, ...] | None]:
    make = postgresql.insert if dialect.name == "postgresql" else sqlite.insert
    return _compile(make(table), dialect)


def _compile(statement: Insert, dialect: Dialect) -> tuple[str, tuple[str, ...] | None]:
    """SQL text, and the parameter names when the driver takes them by name."""
    compiled = statement.compile(dialect=dialect)
    names = tuple(column.name for column in statement.table.columns)
    return str(compiled), None if getattr(compiled, "positional", False) else names


def _execute(connection: Connection, text: tuple[str, tuple[str, ...] | None], rows: Sequence[tuple[Any, ...]]) -> None:
    sql, names = text
    # Driver-level executemany: rows by the thousand would spend their time in parameter objects.
    parameters = list(rows) if names is None else [dict(zip(names, row, strict=True)) for row in rows]
    connection.exec_driver_sql(sql, parameters)


def blocks_of(connection: Connection, log_index: int) -> list[tuple[bytes, bytes]]:
    """(header, body) of every block of a frame, in order. Raises NotFound (frame-unknown)."""
    query = (select(col(BlockRow.header), col(BlockRow.body)).where(col(BlockRow.log_index) == log_index)
             .order_by(col(BlockRow.ordinal)))
    found = [(row[0], unpack_body(row[1])) for row in connection.execute(query)]
    if not found:
        raise NotFound("frame-unknown", "no frame stands at this log index", where=str(log_index))
    return found
