"""Frames over HTTP: gateways post to a real server on 127.0.0.1 until the time is up; values/s and flatness of memory.

Workload: 4 gateways of 25 meters each, power in W and a register in Wh once a second, in frames of 60 s, 20 frames a
request; every request waits for its durable answer. The floor is the bare loop of the same frames through acceptance.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import numpy as np

from api import pipeline
from api.deployment import Deployment, Founding, create, writing
from attestation.block import BlockData, Column
from attestation.build import build_frame
from attestation.envelope import open_envelope, seal
from attestation.frame import EpochStart, encode_submission
from attestation.history import profiles_digest
from attestation.registration import CONTENT_TYPE_OF, registration_payload
from bench.figures import Figure, figure
from core.clock import SystemClock
from core.errors import Unavailable
from core.period import instant_text
from core.records import ClockQuality
from core.signer import KeySigner
from ledger.anchor.embedded import free_port

ORIGIN = "bench.example/http"
GATEWAYS, METERS = 4, 25
SECONDS, FRAMES = 60, 20
VALUES = METERS * 2 * SECONDS * FRAMES
"""Values of one request."""
SIGNER = KeySigner.from_seed(b"bench http".ljust(32, b"."))
_SERVE = "import sys; from pathlib import Path; from api.server import serve; serve(Path(sys.argv[1]))"


def run(quick: bool) -> Iterator[Figure]:
    """The figures, each {name, value, unit, n, machine, floor, ratio}. `quick`: 8 s instead of 60 s."""
    seconds = 8 if quick else 60
    # Enough for two million values a second; a faster machine ends early, and n says how many it took.
    requests = max(8, seconds * 2_000_000 // (VALUES * GATEWAYS))
    with tempfile.TemporaryDirectory() as folder:
        bodies = [_bodies(gateway, requests) for gateway in range(GATEWAYS)]
        floor = _bare(Path(folder) / "bare", [each[: max(2, requests // 20)] for each in bodies])
        posted, elapsed, resident = _served(Path(folder) / "node", bodies, seconds)
    yield figure("http-frames", posted * VALUES / elapsed, "values/s", posted * VALUES, floor)
    early, late = resident[len(resident) // 4], max(resident[-max(1, len(resident) // 4):])
    yield figure("http-rss-growth", late / early, "last quarter / end of first", len(resident))
    yield figure("http-rss", late, "MiB", len(resident))


def _bodies(gateway: int, requests: int) -> list[bytes]:
    """The request bodies of one gateway, in the order of its chain."""
    rng = np.random.default_rng(gateway)
    energy = rng.integers(10**6, 10**9, METERS)
    prev: bytes | EpochStart = EpochStart(None, "key")
    measured = np.zeros(SECONDS, np.int64)
    start = SystemClock().now() - requests * FRAMES * SECONDS * 1000
    bodies = []
    for request in range(requests):
        parts = []
        for i in range(FRAMES):
            seq = request * FRAMES + i
            power = rng.integers(20_000, 400_000, (METERS, SECONDS))
            registers = energy[:, None] + np.cumsum(power, axis=1) // 3600
            energy = registers[:, -1]
            times = start + 1000 * np.arange(seq * SECONDS, (seq + 1) * SECONDS, dtype=np.int64)
            blocks = [BlockData(_meter(gateway, m), times, (Column("power", 0, power[m]),
                                                            Column("energy", 0, registers[m])), measured, ("energy",))
                      for m in range(METERS)]
            made = build_frame(SIGNER, ORIGIN, "site:bench", _gateway(gateway), 0, seq, prev,
                               ClockQuality.SYNCHRONISED, None, profiles_digest({}), blocks)
            prev = open_envelope(made.envelope).digest
            parts.append(encode_submission(made))
        bodies.append(b"".join(parts))
    return bodies


def _bare(folder: Path, bodies: Sequence[Sequence[bytes]]) -> float:
    """Values/s of the same frames through the pipeline in this process, without HTTP."""
    deployment = _deployment(folder, free_port())
    with writing(deployment) as generation:
        began = monotonic()
        for group in zip(*bodies, strict=True):
            _check(pipeline.accept(deployment, generation, group))
        elapsed = monotonic() - began
    deployment.close()
    return len(bodies) * len(bodies[0]) * VALUES / elapsed


def _check(answers: Sequence[Any]) -> None:
    for answer in answers:
        if not isinstance(answer, list) or any(item.outcome != "accepted" for item in answer):
            raise Unavailable("bench-refused", f"the workload was refused: {answer}")


def _served(folder: Path, bodies: Sequence[Sequence[bytes]], seconds: int) -> tuple[int, float, list[float]]:
    """(requests answered, seconds, resident MiB of the server each 0.25 s)."""
    port = free_port()
    _deployment(folder, port).close()
    with subprocess.Popen([sys.executable, "-c", _SERVE, str(folder)]) as server:
        try:
            _wait_ready(port)
            resident: list[float] = []
            ended = threading.Event()
            watcher = threading.Thread(target=_watch, args=(server.pid, resident, ended))
            watcher.start()
            began = monotonic()
            counts = [0] * len(bodies)
            posters = [threading.Thread(target=_post, args=(port, each, began + seconds, counts, i))
                       for i, each in enumerate(bodies)]
            for poster in posters:
                poster.start()
            for poster in posters:
                poster.join()
            elapsed = monotonic() - began
            ended.set()
            watcher.join()
        finally:
            server.terminate()
    return sum(counts), elapsed, resident


def _post(port: int, bodies: Sequence[bytes], until: float, counts: list[int], mine: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for body in bodies:
        if monotonic() > until:
            break
        connection.request("POST", "/v1/frames", body, {"Content-Type": "application/cbor-seq"})
        answer = json.loads(connection.getresponse().read())
        if any(item["outcome"] != "accepted" for item in answer["frames"]):
            raise Unavailable("bench-refused", f"the workload was refused: {answer}")
        counts[mine] += 1
    connection.close()


def _watch(pid: int, resident: list[float], ended: threading.Event) -> None:
    while not ended.wait(0.25):
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
        resident.append(pages * 4096 / 2**20)


def _wait_ready(port: int) -> None:
    deadline = monotonic() + 60
    while monotonic() < deadline:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            sleep(0.1)
    raise Unavailable("server-start-failed", "the server did not answer")


def _deployment(folder: Path, port: int) -> Deployment:
    deployment = create(folder, Founding(ORIGIN, registrars=[SIGNER.public_key], settings={"http_port": port}))
    for kind, subject, event, fields in _registrations():
        payload = registration_payload(kind, subject, event, 0, fields)
        pipeline.register(deployment, seal(SIGNER, CONTENT_TYPE_OF[kind], payload, ORIGIN))
    return deployment


def _registrations() -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    columns = [{"quantity": "power", "unit": "W", "scale": "0", "kind": "gauge", "width": None, "min": "0",
                "max": "1000000"},
               {"quantity": "energy", "unit": "Wh", "scale": "0", "kind": "register", "width": None, "min": "0",
                "max": "1000000000000"}]
    for gateway in range(GATEWAYS):
        yield "device", _gateway(gateway), "enrol", {
            "public_key": SIGNER.public_key.hex(), "site": "site:bench", "org": "org:bench"}
        for m in range(METERS):
            yield "meter", _meter(gateway, m), "profile", {"profile": {
                "carrier": "electricity", "columns": columns, "direction": "import", "capacity_w": "1000000",
                "accuracy_class": "0.5S", "calibration_until": instant_text(2**42), "gateway": _gateway(gateway),
                "parent": None, "org": "org:bench", "serial": f"B{gateway}-{m}", "origin": "simulated"}}


def _gateway(number: int) -> str:
    return f"gw:bench-{number}"


def _meter(gateway: int, number: int) -> str:
    return f"m:bench-{gateway}-{number:02d}"
