"""Figures of the log: durable append, one synchronous writer, sealing, proofs from a large log on disk.

Machines are noisy, so what can be is given as a ratio to a bare loop measured in the same run.
"""

from __future__ import annotations

import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import sha256
from pathlib import Path

from sqlalchemy import Engine
from sqlmodel import SQLModel

from bench.figures import Figure, figure
from core import merkle
from core.clock import SystemClock
from core.database import open_engine, reading, transaction
from core.signer import KeySigner
from ledger import log, models
from ledger.lock import FileLock

ORIGIN = "bench.carbonseal.example/log"
ENTRY_BYTES = 350
CACHE = Path(".cache/bench")
_SEED = 20260101
_TABLES = [SQLModel.metadata.tables[str(table.__tablename__)] for table in
           (models.LogHead, models.LogSegment, models.LogTile, models.LogCheckpoint)]


def run(quick: bool) -> Iterator[Figure]:
    """Each figure as {name, value, unit, n, machine, floor, ratio}; `quick` takes smaller n."""
    yield append_sealed(100_000 if quick else 500_000)
    yield synchronous_writer(500 if quick else 3_000)
    yield seal_ratio(100_000 if quick else 200_000)
    yield from proofs(1_000_000 if quick else 10_000_000, 2_000 if quick else 20_000)


def append_sealed(n: int, batch: int = 10_000) -> Figure:
    """Entries/s of 350 B, each batch committed with synchronous=FULL and then sealed with the lock beside it."""
    batches = [_entries(batch, seed) for seed in range(n // batch)]
    with tempfile.TemporaryDirectory(dir=_folder()) as folder:
        engine, signer = _engine(Path(folder) / "log.db"), KeySigner.generate()
        lock = FileLock(Path(folder) / "log.lock")
        start = time.perf_counter()
        for entries in batches:
            with transaction(engine) as connection:
                log.append(connection, entries)
            log.seal(engine, signer, ORIGIN, SystemClock(), lock=lock)
        seconds = time.perf_counter() - start
        engine.dispose()
    return figure("ledger.append_sealed", n / seconds, "entries/s", n)


def synchronous_writer(n: int) -> Figure:
    """Appends/s of one writer that waits for each commit, beside a bare write + fsync of the same bytes."""
    entries = _entries(n, 1)
    with tempfile.TemporaryDirectory(dir=_folder()) as folder:
        engine = _engine(Path(folder) / "log.db")
        # A running node overwrites its write-ahead log in place; a new one still grows the file with each commit.
        _append_each(engine, _entries(2_500, 3))
        floors, rates = [], []
        for part in range(5):
            chunk = entries[part * n // 5 : (part + 1) * n // 5]
            floors.append(len(chunk) / _timed(partial(_write_and_fsync, Path(folder) / "bare", chunk)))
            rates.append(len(chunk) / _timed(partial(_append_each, engine, chunk)))
        engine.dispose()
    rate, floor = statistics.median(rates), statistics.median(floors)
    return figure("ledger.append_synchronous", rate, "entries/s", n, floor)


def seal_ratio(n: int, rounds: int = 9) -> Figure:
    """Entries/s of sealing (read back, hash, tiles, self-check, sign, commit) beside a bare hashlib RFC 6962 loop."""
    entries, signer = _entries(n, 2), KeySigner.generate()
    rates, floors = [], []
    with tempfile.TemporaryDirectory(dir=_folder()) as folder:
        for turn in range(rounds):
            engine = _engine(Path(folder) / f"log{turn}.db")
            for start in range(0, n, 10_000):
                with transaction(engine) as connection:
                    log.append(connection, entries[start : start + 10_000])
            floors.append(n / _timed(partial(_bare_root, entries)))
            rates.append(n / _timed(partial(log.seal, engine, signer, ORIGIN, SystemClock())))
            with reading(engine) as connection:
                assert log.checkpoint(connection).root == _bare_root(entries)
            engine.dispose()
    rate, floor = statistics.median(rates), statistics.median(floors)
    return figure("ledger.seal", rate, "entries/s", n, floor)


def proofs(n: int, samples: int) -> Iterator[Figure]:
    """Milliseconds of inclusion and consistency proofs at random places of a log of `n` entries on disk."""
    engine = large_log(n)
    random_ = random.Random(_SEED)
    with reading(engine) as connection:
        root = log.checkpoint(connection).root
        index = random_.randrange(n)
        merkle.verify_inclusion(merkle.leaf_hash(log.entry(connection, index)), index, n,
                                log.inclusion_proof(connection, index, n), root)
        indices = [random_.randrange(n) for _ in range(samples)]
        inclusion = _latencies(lambda index: log.inclusion_proof(connection, index, n), indices)
        consistency = _latencies(lambda size: log.consistency_proof(connection, size, n), indices)
    engine.dispose()
    for name, times in (("inclusion", inclusion), ("consistency", consistency)):
        yield figure(f"ledger.{name}_proof_p50", times[len(times) // 2], "ms", n)
        yield figure(f"ledger.{name}_proof_p99", times[len(times) * 99 // 100], "ms", n)


def large_log(n: int) -> Engine:
    """A sealed log of `n` entries of 8 bytes under .cache/bench, built through append and seal once and kept."""
    path = _folder() / f"log-{n}.db"
    engine = _engine(path)
    with reading(engine) as connection:
        done = log.size(connection)
    signer = KeySigner.from_seed(sha256(b"bench").digest())
    for start in range(done, n, 250_000):
        with transaction(engine) as connection:
            log.append(connection, [index.to_bytes(8, "big") for index in range(start, min(start + 250_000, n))])
    log.seal(engine, signer, ORIGIN, SystemClock())
    return engine


def _append_each(engine: Engine, entries: list[bytes]) -> None:
    for entry in entries:
        with transaction(engine) as connection:
            log.append(connection, [entry])


def _write_and_fsync(path: Path, entries: list[bytes]) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    for entry in entries:
        os.write(descriptor, entry)
        os.fsync(descriptor)
    os.close(descriptor)


def _bare_root(entries: list[bytes]) -> bytes:
    level = [sha256(b"\x00" + entry).digest() for entry in entries]
    while len(level) > 1:
        odd = level[-1:] if len(level) % 2 else []
        level = [sha256(b"\x01" + left + right).digest()
                 for left, right in zip(level[::2], level[1::2], strict=False)] + odd
    return level[0]


def _latencies(call: Callable[[int], object], arguments: list[int]) -> list[float]:
    times = []
    for argument in arguments:
        start = time.perf_counter()
        call(argument)
        times.append((time.perf_counter() - start) * 1000)
    return sorted(times)


def _timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _entries(count: int, seed: int) -> list[bytes]:
    block = random.Random(_SEED + seed).randbytes(count * ENTRY_BYTES)
    return [block[i * ENTRY_BYTES : (i + 1) * ENTRY_BYTES] for i in range(count)]


def _engine(path: Path) -> Engine:
    engine = open_engine(path)
    SQLModel.metadata.create_all(engine, tables=_TABLES)
    return engine


def _folder() -> Path:
    CACHE.mkdir(parents=True, exist_ok=True)
    return CACHE
