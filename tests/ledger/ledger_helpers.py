"""Helpers of the log's tests: a deliberately naive tree, a log with its keys, and a check of every invariant."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from sqlalchemy import Engine, text
from sqlmodel import SQLModel

from core import merkle
from core.clock import FixedClock
from core.database import open_engine, reading, transaction
from core.signer import KeySigner
from ledger import checkpoint as checkpoints
from ledger import log, models, tiles
from ledger.checkpoint import Checkpoint
from ledger.fsck import fsck
from ledger.lock import FileLock

ORIGIN = "carbon.example/lanhe"
VECTORS = Path(__file__).parent.parent / "vectors"
TABLES = [SQLModel.metadata.tables[str(table.__tablename__)] for table in (
    models.LogHead, models.LogSegment, models.LogTile, models.LogCheckpoint, models.WitnessHead,
    models.WitnessConflict)]


def naive_root(entries: Sequence[bytes]) -> bytes:
    """MTH as RFC 6962 §2.1 writes it, by recursion."""
    if not entries:
        return hashlib.sha256(b"").digest()
    if len(entries) == 1:
        return hashlib.sha256(b"\x00" + entries[0]).digest()
    split = largest_power_below(len(entries))
    return hashlib.sha256(b"\x01" + naive_root(entries[:split]) + naive_root(entries[split:])).digest()


def naive_path(index: int, entries: Sequence[bytes]) -> list[bytes]:
    """PATH(m, D[n]) as RFC 6962 §2.1.1 writes it."""
    if len(entries) <= 1:
        return []
    split = largest_power_below(len(entries))
    if index < split:
        return [*naive_path(index, entries[:split]), naive_root(entries[split:])]
    return [*naive_path(index - split, entries[split:]), naive_root(entries[:split])]


def naive_proof(old: int, entries: Sequence[bytes], complete: bool = True) -> list[bytes]:
    """SUBPROOF(m, D[n], b) as RFC 6962 §2.1.2 writes it."""
    if old == len(entries):
        return [] if complete else [naive_root(entries)]
    split = largest_power_below(len(entries))
    if old <= split:
        return [*naive_proof(old, entries[:split], complete), naive_root(entries[split:])]
    return [*naive_proof(old - split, entries[split:], False), naive_root(entries[:split])]


def largest_power_below(count: int) -> int:
    """The largest power of two smaller than `count`."""
    power = 1
    while power * 2 < count:
        power *= 2
    return power


def open_log_engine(path: Path) -> Engine:
    """An engine with the log's tables."""
    engine = open_engine(path)
    SQLModel.metadata.create_all(engine, tables=TABLES)
    return engine


@dataclass
class Log:
    """A log under test: what was acknowledged stands in `entries`."""

    folder: Path
    signer: KeySigner = field(default_factory=lambda: KeySigner.from_seed(b"\x07" * 32))
    clock: FixedClock = field(default_factory=lambda: FixedClock(1_767_225_600_000))
    entries: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.engine = open_log_engine(self.folder / "log.db")
        self.lock = FileLock(self.folder / "log.lock")
        self.key = checkpoints.log_key(ORIGIN, self.signer.public_key)

    def append(self, *entries: bytes) -> range:
        """Append in one transaction."""
        with transaction(self.engine) as connection:
            indices = log.append(connection, entries)
        self.entries += entries
        return indices

    def seal(self) -> Checkpoint | None:
        """Seal with the lock."""
        return log.seal(self.engine, self.signer, ORIGIN, self.clock, lock=self.lock)

    def grow(self, count: int) -> Checkpoint:
        """Append `count` distinct entries and seal."""
        self.append(*(b"entry %d" % index for index in range(len(self.entries), len(self.entries) + count)))
        sealed = self.seal()
        assert sealed is not None
        return sealed

    def corrupt(self, statement: str, **values: object) -> None:
        """Change rows behind the log's back."""
        with transaction(self.engine) as connection:
            assert connection.execute(text(statement), values).rowcount > 0

    def check(self) -> None:
        """`check_everything` with what was acknowledged."""
        check_everything(self)


def check_everything(tested: Log) -> None:
    """Every invariant of a log: whole by fsck, each entry at its index, each checkpoint right, proofs and tiles too."""
    assert fsck(tested.engine, tested.key, lock=tested.lock) == []
    log.start(tested.engine, tested.key, lock=tested.lock)
    with reading(tested.engine) as connection:
        assert log.size(connection) == len(tested.entries)
        assert [entry for _, entry in log.entries(connection, 0, len(tested.entries) + 9)] == tested.entries
        sizes = [row[0] for row in connection.execute(text("SELECT size FROM log_checkpoint ORDER BY size"))]
        for size in sizes:
            signed = log.checkpoint(connection, size)
            checkpoints.verify(signed, tested.key)
            assert signed.root == naive_root(tested.entries[:size]) == log.root_at(connection, size)
        for old, new in pairwise(sizes):
            merkle.verify_consistency(old, new, log.root_at(connection, old), log.root_at(connection, new),
                                      log.consistency_proof(connection, old, new))
        if sizes and sizes[-1]:
            _check_proofs_and_tiles(connection, tested.entries, sizes[-1])


def _check_proofs_and_tiles(connection, entries: list[bytes], size: int) -> None:  # type: ignore[no-untyped-def]
    root = log.root_at(connection, size)
    for index in {0, size // 2, size - 1}:
        merkle.verify_inclusion(merkle.leaf_hash(entries[index]), index, size,
                                log.inclusion_proof(connection, index, size), root)
    width = size % 256
    if width:
        number = tiles.path_text(tiles.TilePath(None, size // 256, width))
        assert tiles.parse_bundle(log.resource(connection, number), width) == entries[size - width : size]
