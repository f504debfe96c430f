"""Tables of the log and of a witness. They never leave this package; functions hand out frozen dataclasses."""

from __future__ import annotations

from sqlalchemy import BigInteger, Integer
from sqlmodel import Field, SQLModel

# SQLite makes a primary key its row number only when the type is spelled INTEGER; PostgreSQL needs 64 bits.
_BIG = BigInteger().with_variant(Integer, "sqlite")


class LogHead(SQLModel, table=True):
    """One row: how far the log has come. Appending and sealing both go through it, so each has one writer at a time."""

    __tablename__ = "log_head"

    id: int = Field(primary_key=True)
    appended: int = Field(sa_type=_BIG)  # entries stored
    sealed: int = Field(sa_type=_BIG)  # size of the last checkpoint, 0 before it


class LogSegment(SQLModel, table=True):
    """Consecutive entries that one append wrote, at most SEGMENT_ENTRIES. Never changed, never deleted.

    `data` holds each entry behind the byte 0x00, the form RFC 6962 hashes as a leaf. `lengths`: big-endian uint16 of
    each entry without that byte. `hashes`: the leaf hashes as computed when the entries arrived. `digest`: SHA-256 of
    lengths, hashes and data; sealing reads all of them back and takes the hashes only when it still holds.
    """

    __tablename__ = "log_segment"

    first: int = Field(primary_key=True, sa_type=_BIG)
    count: int
    lengths: bytes
    data: bytes
    hashes: bytes
    digest: bytes


class LogTile(SQLModel, table=True):
    """A tile of tlog-tiles: full ones never change, the rightmost of each level grows with each checkpoint.

    `position`: level << 56 | number, one integer, so that a look-up is one descent. `middle`: the complete nodes four
    levels above `hashes`; with them no proof hashes more than 22 nodes of a tile.
    """

    __tablename__ = "log_tile"

    position: int = Field(primary_key=True, sa_type=_BIG)
    hashes: bytes
    middle: bytes


class LogCheckpoint(SQLModel, table=True):
    """Every checkpoint ever signed. `note`: the signed note; cosignatures are added to it. `time`: ms UTC."""

    __tablename__ = "log_checkpoint"

    size: int = Field(primary_key=True, sa_type=_BIG)
    root: bytes
    note: bytes
    time: int = Field(sa_type=_BIG)


class WitnessHead(SQLModel, table=True):
    """A witness's memory: the latest checkpoint it co-signed of each log."""

    __tablename__ = "witness_head"

    origin: str = Field(primary_key=True)
    size: int = Field(sa_type=_BIG)
    root: bytes
    note: bytes


class WitnessConflict(SQLModel, table=True):
    """Two notes of one log that cannot both be true, kept as evidence. `time`: ms UTC when the second was seen."""

    __tablename__ = "witness_conflict"

    id: int | None = Field(default=None, primary_key=True)
    origin: str = Field(index=True)
    known: bytes
    offered: bytes
    time: int = Field(sa_type=_BIG)
