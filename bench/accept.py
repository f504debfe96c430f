"""Acceptance: judge → log append → record, durable, every value range-checked, rollups updated.

Workload: 100 meters of one gateway, power in W and a register in Wh, once a second, in frames of 60 s and of 15 min.
The floor is the same values range-checked and summed by hour as plain int64 arrays in memory: what no store can beat.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import text
from sqlmodel import SQLModel

from attestation import acceptance, registry
from attestation.block import BlockData, Column, Integers
from attestation.build import build_frame
from attestation.envelope import open_envelope, seal
from attestation.frame import EpochStart, Submission, encode_submission
from attestation.history import profiles_digest
from attestation.registration import CONTENT_TYPE_OF, registration_payload
from bench.figures import Figure, figure
from core.clock import FixedClock
from core.database import open_engine, transaction
from core.period import instant_text
from core.records import ClockQuality
from core.signer import KeySigner
from ledger import models as _log_models  # noqa: F401  declares its tables
from ledger.log import append

METERS = 100
START = 1_760_000_400_000
ORIGIN = "bench.example/park"
GATEWAY = "gw:bench"
SIGNER = KeySigner.from_seed(b"bench".ljust(32, b"."))
HIGHEST_W = 1_000_000
# Batches of about 1.2 million values: what a busy node finds waiting.
VALUES_PER_BATCH = 1_200_000
_TABLES = [table for name, table in SQLModel.metadata.tables.items() if name.startswith(("log_", "attestation_"))]


def run(quick: bool) -> Iterator[Figure]:
    """The figures, each {name, value, unit, n, machine, floor, ratio}. `quick`: a sixth of the values."""
    values = 2_400_000 if quick else 14_400_000
    for seconds, label in ((60, "60s"), (900, "15min")):
        yield from _measure(seconds, label, max(2, values // (METERS * 2 * seconds)))


def _measure(seconds: int, label: str, frames: int) -> Iterator[Figure]:
    matrix = _readings(seconds * frames)
    submissions = _submissions(matrix, seconds)
    count = frames * METERS * 2 * seconds
    with tempfile.TemporaryDirectory() as folder:
        elapsed, at_rest = _accept(Path(folder), submissions, METERS * 2 * seconds)
    yield figure(f"accept-{label}", count / elapsed, "values/s", count, count / _floor(matrix))
    wire = sum(len(encode_submission(submission)) for submission in submissions)
    yield figure(f"wire-{label}", wire / count, "bytes/value", count)
    yield figure(f"rest-{label}", at_rest / count, "bytes/value", count, _parquet(matrix) / count)


def _readings(seconds: int) -> tuple[Integers, Integers, Integers]:
    """times (s,), power (meters, s) in W as a load with noise, energy (meters, s) in Wh as its running sum."""
    rng = np.random.default_rng(20_260_101)
    level = rng.integers(20_000, 400_000, (METERS, 1))
    drift = np.cumsum(rng.integers(-60, 61, (METERS, seconds)), axis=1)
    power = np.clip(level + drift + rng.integers(-150, 151, (METERS, seconds)), 0, HIGHEST_W).astype(np.int64)
    energy = rng.integers(10**6, 10**9, (METERS, 1)) + np.cumsum(power, axis=1) // 3600
    return START + 1000 * np.arange(seconds, dtype=np.int64), power, energy.astype(np.int64)


def _submissions(matrix: tuple[Integers, Integers, Integers], seconds: int) -> list[Submission]:
    times, power, energy = matrix
    measured = np.zeros(seconds, np.int64)
    prev: bytes | EpochStart = EpochStart(None, "key")
    made = []
    for seq in range(len(times) // seconds):
        part = slice(seq * seconds, (seq + 1) * seconds)
        blocks = [BlockData(_meter(i), times[part], (Column("power", 0, power[i, part]),
                                                     Column("energy", 0, energy[i, part])), measured, ("energy",))
                  for i in range(METERS)]
        made.append(build_frame(SIGNER, ORIGIN, "site:bench", GATEWAY, 0, seq, prev, ClockQuality.SYNCHRONISED, None,
                                profiles_digest({}), blocks))
        prev = open_envelope(made[-1].envelope).digest
    return made


def _meter(number: int) -> str:
    return f"m:bench-{number:03d}"


def _accept(folder: Path, submissions: list[Submission], values_per_frame: int) -> tuple[float, int]:
    """(seconds to accept all, bytes the evidence takes in the database)."""
    engine = open_engine(folder / "bench.db")
    SQLModel.metadata.create_all(engine, tables=_TABLES)
    clock = FixedClock(START + 24 * 3_600_000)
    size = max(1, VALUES_PER_BATCH // values_per_frame)
    with transaction(engine) as connection:
        for kind, subject, event, fields in _registrations():
            payload = registration_payload(kind, subject, event, START - 1, fields)
            sealed = seal(SIGNER, CONTENT_TYPE_OF[kind], payload, ORIGIN)
            index = append(connection, [sealed])[0]
            entry = registry.judge_registration(connection, sealed, ORIGIN, [SIGNER.public_key], index)
            registry.record_registration(connection, index, entry)
    began = perf_counter()
    for start in range(0, len(submissions), size):
        with transaction(engine) as connection:
            decisions = acceptance.judge(connection, submissions[start : start + size], clock, ORIGIN)
            indices = append(connection, [each.submission.envelope for each in decisions if each.appends])
            acceptance.record(connection, decisions, indices)
        refused = [decision.error for decision in decisions if decision.error]
        if refused:
            raise refused[0]
    elapsed = perf_counter() - began
    return elapsed, _evidence_bytes(engine)


def _evidence_bytes(engine: Any) -> int:
    with engine.connect() as connection:
        flags = connection.execute(text("SELECT count(*) FROM attestation_flag")).scalar_one()
        if flags:
            raise RuntimeError(f"{flags} flags: the workload is not what it should be")
        query = text("SELECT sum(length(header) + length(body) + length(meter) + 12) FROM attestation_block")
        return int(connection.execute(query).scalar_one())


def _registrations() -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    yield "device", GATEWAY, "enrol", {"public_key": SIGNER.public_key.hex(), "site": "site:bench", "org": "org:bench"}
    for number in range(METERS):
        yield "meter", _meter(number), "profile", {"profile": {
            "carrier": "electricity", "direction": "import", "capacity_w": str(HIGHEST_W), "accuracy_class": "0.5S",
            "calibration_until": instant_text(START * 2), "gateway": GATEWAY, "parent": None, "org": "org:bench",
            "serial": str(number), "origin": "simulated", "columns": [
                {"quantity": "power", "unit": "W", "scale": "0", "kind": "gauge", "width": None, "min": "0",
                 "max": str(HIGHEST_W)},
                {"quantity": "energy", "unit": "Wh", "scale": "0", "kind": "register", "width": "12", "min": "0",
                 "max": str(10**12 - 1)}]}}


def _floor(matrix: tuple[Integers, Integers, Integers]) -> float:
    times, power, energy = matrix
    began = perf_counter()
    hours = np.flatnonzero(np.diff(times // 3_600_000, prepend=-1))
    for values, highest in ((power, HIGHEST_W), (energy, 10**12)):
        if values.min() < 0 or values.max() > highest:
            raise RuntimeError("the workload is out of range")
        np.add.reduceat(values, hours, axis=1)
    return perf_counter() - began


def _parquet(matrix: tuple[Integers, Integers, Integers]) -> int:
    """Bytes of the same values as Parquet with zstd, a file for 15 minutes as a frame would be."""
    times, power, energy = matrix
    total = 0
    for start in range(0, len(times), 900):
        part = slice(start, start + 900)
        width = len(times[part])
        names = pa.array([_meter(i) for i in range(METERS)]).take(pa.array(np.repeat(np.arange(METERS), width)))
        table = pa.table({"meter": names, "time": np.tile(times[part], METERS), "power": power[:, part].ravel(),
                          "energy": energy[:, part].ravel()})
        buffer = io.BytesIO()
        pq.write_table(table, buffer, compression="zstd")
        total += buffer.tell()
    return total
