"""fsck: the whole log rebuilt from its raw entries and compared with everything that is stored beside them.

Trusts nothing but the entry bytes and the log's key. Reads only; damage is reported by place, never repaired.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, text

from core.database import reading
from core.errors import CarbonSealError, VerificationFailed
from ledger import checkpoint as checkpoints
from ledger import note, tiles
from ledger.integration import Integration
from ledger.lock import Lock
from ledger.note import VerifierKey
from ledger.store import Segment, SqlStore, blob
from ledger.tiles import TILE_HEIGHT, TILE_WIDTH, Tile, split_hashes

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong. `where`: "entry 12", "tile 0/3", "checkpoint 4096", "head", "lock"."""

    code: str
    where: str
    message: str


def fsck(engine: Engine, log: str, *, lock: Lock | None = None, progress: Progress | None = None) -> list[Finding]:
    """Everything that is wrong with the log; an empty list means it is whole.

    `log`: the log's vkey. `progress` is called with (entries done, entries in all).
    """
    with reading(engine) as connection:
        check = _Check(connection, note.parse_key(log), progress)
        check.run()
        if lock is not None:
            check.lock(lock)
    return check.findings


class _Check:
    def __init__(self, connection: Connection, key: VerifierKey, progress: Progress | None) -> None:
        self.findings: list[Finding] = []
        self._connection, self._key, self._progress = connection, key, progress
        self._store = SqlStore(connection)
        self._head = self._store.head()
        self._tree = Integration()
        self._roots: dict[int, bytes] = {0: self._tree.root()}
        self._signed = {row.size for row in connection.execute(_CHECKPOINTS)}
        stops = {size for size in self._signed if 0 < size < self._head.sealed} | {self._head.sealed}
        self._stops = deque(sorted(stops - {0}))

    def run(self) -> None:
        """Steps: 1 entries against their hashes, 2 tiles, 3 checkpoints, 4 the head and strays."""
        expected = 0
        for segment in self._segments():
            if segment.first != expected:
                break
            expected += segment.count
            try:
                self._feed(self._rehash(segment))
            except VerificationFailed as error:
                self._report(error.code, error.where, error.message)
                break
            if self._progress:
                self._progress(expected, self._head.appended)
        if expected != self._head.appended:
            self._report("entry-missing", f"entry {expected}", f"the head counts {self._head.appended} entries")
        self._compare(self._tree.frontier())
        self._checkpoints()
        self._strays()

    def lock(self, lock: Lock) -> None:
        """The lock must remember a state of this very log, at or after the last checkpoint."""
        try:
            held = lock.read()
        except CarbonSealError as error:
            self._report(error.code, "lock", error.message)
            return
        if held is None and self._head.sealed:
            self._report("lock-missing", "lock", "the log was sealed, the lock remembers nothing")
        if held is not None and (held.size > self._head.appended or
                                 self._roots.get(held.size, held.root) != held.root):
            self._report("log-rolled-back", "lock", f"size {held.size} was signed with a root this log does not have")

    def _report(self, code: str, where: str, message: str) -> None:
        self.findings.append(Finding(code, where, message))

    def _segments(self) -> Iterator[Segment]:
        try:
            yield from self._store.segments(0, self._head.appended)
        except VerificationFailed as error:
            self._report(error.code, error.where, error.message)

    def _rehash(self, segment: Segment) -> list[bytes]:
        """1. Hashes of the entry bytes, beside those stored when they were appended."""
        hashes = segment.leaf_hashes()
        bad = segment.mismatches(hashes)
        for ordinal in bad:
            self._report("leaf-hash-mismatch", f"entry {segment.first + ordinal}",
                         "the bytes are not those that were appended")
        if not bad:
            segment.check()
        return hashes

    def _feed(self, hashes: list[bytes]) -> None:
        while hashes and self._stops:
            stop = self._stops[0]
            taken = stop - self._tree.size
            self._tree.add(hashes[:taken])
            hashes = hashes[taken:]
            self._compare(self._tree.drain())
            if self._tree.size == stop:
                self._roots[stop] = self._tree.root()
                self._stops.popleft()

    def _compare(self, rebuilt: list[Tile]) -> None:
        """2. Stored tiles against rebuilt ones."""
        stored = self._store.tiles([tile.position for tile in rebuilt]) if rebuilt else {}
        for tile in rebuilt:
            where = tiles.name(tile.position)
            found = stored.get(tile.position)
            if found is None:
                self._report("tile-missing", where, "the tile is not stored")
            elif found.hashes != tile.hashes:
                pairs = zip(split_hashes(tile.hashes), split_hashes(found.hashes), strict=False)
                at = next((i for i, (left, right) in enumerate(pairs) if left != right), tile.width)
                self._report("tile-mismatch", where, f"hash {at} is not that of the entries")
            elif found.middle != tile.middle:
                self._report("tile-mismatch", where, "its middle nodes are not those of its hashes")

    def _checkpoints(self) -> None:
        """3. Every checkpoint: its note, its signature, its root."""
        for size, root, signed in self._connection.execute(_CHECKPOINTS):
            where = f"checkpoint {size}"
            try:
                parsed = checkpoints.parse(blob(signed))
                checkpoints.verify(parsed, self._key)
            except CarbonSealError as error:
                self._report(error.code, where, error.message)
                continue
            if (parsed.size, parsed.root) != (size, blob(root)):
                self._report("checkpoint-mismatch", where, "the row and its note differ")
            if self._roots.get(size) != parsed.root:
                self._report("root-mismatch", where, "the entries do not lead to the root that was signed")
        if self._head.sealed and self._head.sealed not in self._signed:
            self._report("checkpoint-missing", f"checkpoint {self._head.sealed}", "the head names it, it is not stored")

    def _strays(self) -> None:
        """4. Rows that belong to no entry."""
        last = self._connection.execute(_LAST).scalar()
        if last is not None and last >= self._head.appended:
            self._report("entry-unexpected", f"entry {last}", f"the head counts {self._head.appended} entries")
        for (position,) in self._connection.execute(_POSITIONS):
            tile = Tile(position, b"", b"")
            nodes = self._head.sealed >> TILE_HEIGHT * tile.level
            if tile.number * TILE_WIDTH >= nodes:
                self._report("tile-unexpected", tiles.name(position), "it reaches beyond the checkpoint")


_CHECKPOINTS = text("SELECT size, root, note FROM log_checkpoint ORDER BY size")
_LAST = text("SELECT max(first) FROM log_segment")
_POSITIONS = text("SELECT position FROM log_tile ORDER BY position")
