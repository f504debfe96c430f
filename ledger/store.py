"""Where the log is kept: a small interface whose comments are its contract, and its SQL implementation.

Who owns the store can stop the service. Any edit of an entry, tile or checkpoint is found by fsck, by verifiers and by
witnesses, because all of it is committed to by signed roots; a restored old copy is found by the lock (ledger.lock).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from itertools import accumulate, pairwise
from typing import Any, Protocol

from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from core.errors import NotFound, Refused, VerificationFailed
from core.merkle import HASH_BYTES
from ledger import checkpoint as checkpoints
from ledger.checkpoint import Checkpoint
from ledger.tiles import Tile, split_hashes

# As wide as a tile, and small enough that reading one entry of it costs little.
SEGMENT_ENTRIES = 256
SEGMENT_BYTES = 2**20
# Segments fetched at once while streaming: at 350 B an entry they stay in the processor's cache.
_PAGE = 16
# Tiles asked for in one statement; a proof in a log of 16 million entries needs at most 6.
_SLOTS = 8


@dataclass(frozen=True)
class Head:
    """`appended`: entries stored; `sealed`: size of the last checkpoint."""

    appended: int = 0
    sealed: int = 0


@dataclass(frozen=True)
class Segment:
    """Consecutive entries as stored; LogSegment says what each part is."""

    first: int
    count: int
    lengths: bytes
    data: bytes
    hashes: bytes
    digest: bytes

    @cached_property
    def bounds(self) -> Sequence[int]:
        """count + 1 offsets into `data`. Raises VerificationFailed (segment-malformed)."""
        whole = struct.unpack(f">{self.count}H", self.lengths)
        bounds = list(accumulate([length + 1 for length in whole], initial=0))
        if bounds[-1] != len(self.data):
            raise _malformed(self.first)
        return bounds

    def check(self) -> None:
        """Bytes and leaf hashes are those that arrived together: one hash over all of them, not one an entry.

        Raises VerificationFailed (leaf-hash-mismatch, segment-digest-mismatch, segment-malformed).
        """
        if _digest(self.lengths, self.data, self.hashes) == self.digest:
            return
        for ordinal in self.mismatches(self.leaf_hashes()):
            raise VerificationFailed("leaf-hash-mismatch", "the stored bytes are not those that were appended",
                                     where=f"entry {self.first + ordinal}", hint="run carbonseal fsck")
        raise VerificationFailed("segment-digest-mismatch", "bytes and leaf hashes are not those that arrived together",
                                 where=f"entry {self.first}", hint="run carbonseal fsck")

    def mismatches(self, computed: Sequence[bytes]) -> list[int]:
        """Ordinals of the entries whose stored leaf hash is not the computed one."""
        pairs = zip(computed, split_hashes(self.hashes), strict=True)
        return [at for at, (now, stored) in enumerate(pairs) if now != stored]

    def entries(self) -> list[bytes]:
        """The entries, without the leaf byte."""
        return [self.data[start + 1 : end] for start, end in pairwise(self.bounds)]

    def leaf_hashes(self) -> list[bytes]:
        """The leaf hashes computed from `data` now."""
        data, bounds = self.data, self.bounds
        return [sha256(data[start:end]).digest() for start, end in pairwise(bounds)]


class Store(Protocol):
    """One log. Every method works in the transaction of its caller, sees its own writes, and commits nothing."""

    def head(self) -> Head:
        """How far the log has come; zeros for a new one."""

    def append(self, entries: Sequence[bytes]) -> range:
        """Store entries behind the last one. The indices are final, and durable, only once the caller has committed.

        Concurrent appenders wait for one another until they commit. Nothing stored is ever changed.
        """

    def segments(self, start: int, end: int) -> Iterator[Segment]:
        """The segments that hold entries [start, end), in order; the first and last may reach beyond."""

    def tiles(self, positions: Iterable[int]) -> Mapping[int, Tile]:
        """The stored tiles among these positions."""

    def checkpoint(self, size: int | None) -> Checkpoint:
        """The checkpoint of a size, or the latest. Raises NotFound (checkpoint-missing)."""

    def advance(self, previous: int, size: int, tiles: Sequence[Tile]) -> None:
        """Move from the sealed size `previous` to `size` by compare-and-swap and write the tiles.

        Who comes second is told Refused (log-two-writers) and has written nothing. Until the caller ends its
        transaction every other writer waits.
        """

    def publish(self, checkpoint: Checkpoint, time: int) -> None:
        """Write the checkpoint of the size advanced to. Readers see it and its tiles together, on the commit."""


class SqlStore:
    """The store in SQLite or PostgreSQL."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def head(self) -> Head:
        """See Store."""
        row = self._connection.execute(_HEAD).one_or_none()
        return Head(*row) if row else Head()

    def append(self, entries: Sequence[bytes]) -> range:
        """See Store."""
        count = {"count": len(entries)}
        end = self._connection.execute(_GROW, count).scalar_one_or_none()
        if end is None:
            self._connection.execute(_BEGIN)
            end = self._connection.execute(_GROW, count).scalar_one()
        first = end - len(entries)
        rows, at = [], first
        for chunk in _chunks(entries):
            rows.append(_row(at, chunk))
            at += len(chunk)
        try:
            if rows:
                self._connection.execute(_INSERT_SEGMENT, rows)
        except IntegrityError:
            raise Refused("log-damaged", "an index that should be free is taken", where=f"entry {first}",
                          hint="run carbonseal fsck") from None
        return range(first, end)

    def segments(self, start: int, end: int) -> Iterator[Segment]:
        """See Store."""
        begin = self._connection.execute(_SEGMENT_OF, {"index": start}).scalar() or 0
        while begin < end:
            rows = self._connection.execute(_SEGMENTS, {"start": begin, "last": end - 1, "limit": _PAGE}).all()
            if not rows:
                return
            for row in rows:
                yield _segment(row)
            begin = rows[-1][0] + 1

    def tiles(self, positions: Iterable[int]) -> Mapping[int, Tile]:
        """See Store."""
        wanted, found = sorted(positions), {}
        for i in range(0, len(wanted), _SLOTS):
            slots = (wanted[i : i + _SLOTS] + [-1] * _SLOTS)[:_SLOTS]
            parameters = {f"p{slot}": position for slot, position in enumerate(slots)}
            for position, hashes, middle in self._connection.execute(_TILES, parameters):
                found[position] = Tile(position, blob(hashes), blob(middle))
        return found

    def checkpoint(self, size: int | None) -> Checkpoint:
        """See Store."""
        statement = _LATEST if size is None else _CHECKPOINT
        note = self._connection.execute(statement, {} if size is None else {"size": size}).scalar_one_or_none()
        if note is None:
            raise NotFound("checkpoint-missing", "the log has no checkpoint" + (f" of size {size}" if size else " yet"),
                           hint="seal the log first, or ask for a size that was sealed")
        return checkpoints.parse(blob(note))

    def advance(self, previous: int, size: int, tiles: Sequence[Tile]) -> None:
        """See Store."""
        self._connection.execute(_BEGIN)
        swapped = self._connection.execute(_SWAP, {"old": previous, "new": size})
        if swapped.rowcount != 1:
            raise Refused("log-two-writers", f"the log has left size {previous}: another process is sealing it",
                          hint="run one sealing process per log")
        if tiles:
            self._connection.execute(_PUT_TILE, [vars(tile) for tile in tiles])

    def publish(self, checkpoint: Checkpoint, time: int) -> None:
        """See Store."""
        self._connection.execute(_PUT_CHECKPOINT, {"size": checkpoint.size, "root": checkpoint.root,
                                                   "note": checkpoint.note, "time": time})

    def replace_note(self, checkpoint: Checkpoint) -> None:
        """Put the note with more cosignatures in the place of the stored one of the same size and root."""
        done = self._connection.execute(_REPLACE_NOTE, {"size": checkpoint.size, "root": checkpoint.root,
                                                        "note": checkpoint.note})
        if done.rowcount != 1:
            raise NotFound("checkpoint-missing", f"no checkpoint of size {checkpoint.size} with this root")


def _chunks(entries: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    for start in range(0, len(entries), SEGMENT_ENTRIES):
        yield from _halved(entries[start : start + SEGMENT_ENTRIES])


def _halved(chunk: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    if len(chunk) > 1 and sum(map(len, chunk)) > SEGMENT_BYTES:
        half = len(chunk) // 2
        yield from _halved(chunk[:half])
        yield from _halved(chunk[half:])
    else:
        yield chunk


def _row(first: int, chunk: Sequence[bytes]) -> dict[str, object]:
    leaves = [b"\x00" + entry for entry in chunk]
    lengths = struct.pack(f">{len(chunk)}H", *map(len, chunk))
    data, hashes = b"".join(leaves), b"".join([sha256(leaf).digest() for leaf in leaves])
    return {"first": first, "count": len(chunk), "lengths": lengths, "data": data, "hashes": hashes,
            "digest": _digest(lengths, data, hashes)}


def _digest(lengths: bytes, data: bytes, hashes: bytes) -> bytes:
    # Lengths and hashes have sizes that the count gives, so their order leaves no two readings.
    digest = sha256(lengths)
    digest.update(hashes)
    digest.update(data)
    return digest.digest()


def blob(value: object) -> bytes:
    """The bytes in a column; what somebody put there in their place counts as none."""
    return value if isinstance(value, bytes) else b""


def _segment(row: Sequence[Any]) -> Segment:
    segment = Segment(row[0], row[1], blob(row[2]), blob(row[3]), blob(row[4]), blob(row[5]))
    if len(segment.lengths) != 2 * segment.count or len(segment.hashes) != HASH_BYTES * segment.count:
        raise _malformed(segment.first)
    return segment


def _malformed(first: int) -> VerificationFailed:
    return VerificationFailed("segment-malformed", "stored entries do not have their stated lengths",
                              where=f"entry {first}", hint="run carbonseal fsck")


_HEAD = text("SELECT appended, sealed FROM log_head WHERE id = 1")
_BEGIN = text("INSERT INTO log_head (id, appended, sealed) VALUES (1, 0, 0) ON CONFLICT (id) DO NOTHING")
_GROW = text("UPDATE log_head SET appended = appended + :count WHERE id = 1 RETURNING appended")
_SWAP = text("UPDATE log_head SET sealed = :new WHERE id = 1 AND sealed = :old")
_INSERT_SEGMENT = text("INSERT INTO log_segment (first, count, lengths, data, hashes, digest)"
                       " VALUES (:first, :count, :lengths, :data, :hashes, :digest)")
_SEGMENT_OF = text("SELECT max(first) FROM log_segment WHERE first <= :index")
_SEGMENTS = text("SELECT first, count, lengths, data, hashes, digest FROM log_segment"
                 " WHERE first >= :start AND first <= :last ORDER BY first LIMIT :limit")
_TILES = text("SELECT position, hashes, middle FROM log_tile"
              " WHERE position IN (:p0, :p1, :p2, :p3, :p4, :p5, :p6, :p7)")
_PUT_TILE = text("INSERT INTO log_tile (position, hashes, middle) VALUES (:position, :hashes, :middle)"
                 " ON CONFLICT (position) DO UPDATE SET hashes = excluded.hashes, middle = excluded.middle")
_LATEST = text("SELECT note FROM log_checkpoint ORDER BY size DESC LIMIT 1")
_CHECKPOINT = text("SELECT note FROM log_checkpoint WHERE size = :size")
_PUT_CHECKPOINT = text("INSERT INTO log_checkpoint (size, root, note, time) VALUES (:size, :root, :note, :time)")
_REPLACE_NOTE = text("UPDATE log_checkpoint SET note = :note WHERE size = :size AND root = :root")
