"""A real server on 127.0.0.1: starts, ends cleanly on SIGTERM, survives SIGKILL, and is alone on its directory."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from api_helpers import check_problem
from api_world import AFTER, HOUR, START, World, body

from api import fsck, pipeline
from api.deployment import create, open_deployment, writing
from api.server import Server
from core.clock import SharedClock
from core.database import reading
from core.errors import CarbonSealError, InputError, Refused
from ledger import log
from ledger.anchor.embedded import free_port

pytestmark = [pytest.mark.chain, pytest.mark.timeout(300)]

SERVE = "import sys; from pathlib import Path; from api.server import serve; serve(Path(sys.argv[1]))"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A deployment in simulated time, its registrations in the log; nobody serves it yet."""
    clock = SharedClock(tmp_path / "node-clock")
    clock.start(AFTER)
    made = World.made(tmp_path / "node", clock=clock, settings={
        "http_port": free_port(), "clock_file": str(tmp_path / "node-clock"), "seal_interval_ms": 100})
    with writing(made.deployment):
        for envelope in made.registrations():
            pipeline.register(made.deployment, envelope)
    yield made
    made.close()


@contextmanager
def served(world: World) -> Iterator[tuple[subprocess.Popen[bytes], httpx.Client]]:
    """The deployment served by a process of its own."""
    process = subprocess.Popen([sys.executable, "-c", SERVE, str(world.deployment.directory)], cwd=ROOT,
                               stderr=subprocess.PIPE)
    base = f"http://127.0.0.1:{world.deployment.settings.http_port}"
    try:
        with httpx.Client(base_url=base, trust_env=False, timeout=30) as client:
            wait_ready(client, process)
            yield process, client
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(60)
        if process.stderr:
            process.stderr.close()


def wait_ready(client: httpx.Client, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, process.stderr and process.stderr.read()
        try:
            if client.get("/readyz").json()["checks"]["chain"] == "ok":
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise AssertionError("the server did not become ready")


def sealed(client: httpx.Client) -> int:
    return int(client.get("/log/checkpoint").text.splitlines()[1])


def wait_sealed(client: httpx.Client, size: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        # A manifest may have come along meanwhile.
        if client.get("/log/checkpoint").status_code == 200 and sealed(client) >= size:
            return
        time.sleep(0.1)
    raise AssertionError("nothing was sealed")


def test_it_seals_and_anchors_by_itself_and_ends_cleanly(world: World) -> None:
    with served(world) as (process, client):
        answer = client.post("/v1/frames", content=body(*world.gateway.frames(START - HOUR, 3))).json()
        size = int(answer["frames"][-1]["index"]) + 1
        wait_sealed(client, size)
        deadline = time.monotonic() + 20
        while not (anchors := client.get("/v1/anchors").json()) or int(anchors[0]["size"]) < size:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert not (world.deployment.directory / "chain" / "keeper").read_text()
    assert fsck.check(world.deployment, None) == []


def test_a_second_server_on_the_directory_is_refused(world: World) -> None:
    with served(world) as (process, _), open_in_other_port(world) as second:
        with pytest.raises(Refused) as caught:
            second.__enter__()
        assert caught.value.code == "deployment-locked"
        assert process.poll() is None


@contextmanager
def open_in_other_port(world: World) -> Iterator[Server]:
    deployment = open_deployment(world.deployment.directory, clock=world.clock)
    server = Server(deployment, port=0)
    yield server
    server.stop()
    deployment.close()


def test_a_taken_port_is_told(world: World) -> None:
    with Server(world.deployment, port=0) as server:
        taken = int(server.url.rpartition(":")[2])
        with pytest.raises(InputError) as caught:
            Server(world.deployment, port=taken)
    assert caught.value.code == "port-taken"


def test_nothing_acknowledged_is_lost_to_sigkill(world: World) -> None:
    frames = world.gateway.frames(START - HOUR, 12)
    acknowledged: list[int] = []
    with served(world) as (process, client):
        for frame in frames[:6]:
            answer = client.post("/v1/frames", content=body(frame)).json()["frames"][0]
            acknowledged.append(int(answer["index"]))
        process.kill()
        process.wait()
    with served(world) as (_, client):
        answers = client.post("/v1/frames", content=body(*frames)).json()["frames"]
    assert [item["outcome"] for item in answers] == ["duplicate"] * 6 + ["accepted"] * 6
    assert [int(item["index"]) for item in answers[:6]] == acknowledged
    assert fsck.check(world.deployment, None) == []


def test_frames_in_flight_at_sigterm_are_answered_or_refused_never_half(world: World) -> None:
    bodies = [body(frame) for frame in world.gateway.frames(START - HOUR, 20)]
    answered: list[str] = []
    with served(world) as (process, client):
        def post() -> None:
            for content in bodies:
                try:
                    answer = client.post("/v1/frames", content=content)
                except httpx.HTTPError:
                    return
                answered.extend(item["outcome"] for item in answer.json().get("frames", ()))

        poster = threading.Thread(target=post)
        poster.start()
        time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        poster.join(30)
    with reading(world.deployment.engine) as connection:
        kept = log.size(connection) - len(world.heads)
    assert set(answered) <= {"accepted"}
    assert kept >= len(answered)
    assert fsck.check(world.deployment, None) == []


def test_a_server_whose_lock_was_taken_over_writes_nothing_more(world: World) -> None:
    with Server(world.deployment, port=0) as server:
        (world.deployment.directory / "lock").unlink()
        with writing(world.deployment), httpx.Client(base_url=server.url, trust_env=False) as client:
            answer = client.post("/v1/frames", content=body(world.gateway.frame(START - HOUR)))
            check_problem(answer, 409, "writer-superseded")
            assert client.get("/readyz").status_code == 503
            assert client.get("/readyz").json()["checks"]["database"] == "writer-superseded"


def test_a_damaged_log_is_not_served(world: World) -> None:
    pipeline.seal(world.deployment)
    with world.deployment.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE log_tile SET hashes = zeroblob(length(hashes))")
    with pytest.raises(CarbonSealError) as caught, Server(world.deployment, port=0):
        pass
    assert caught.value.code == "root-mismatch"
    with writing(world.deployment):
        pass


def test_a_restored_older_database_is_not_served(world: World, tmp_path: Path) -> None:
    pipeline.seal(world.deployment)
    world.deployment.close()
    files = sorted(world.deployment.directory.glob("carbonseal.db*"))
    kept = {path: path.read_bytes() for path in files}
    with writing(world.deployment):
        world.put(world.gateway.frame(START - HOUR))
    pipeline.seal(world.deployment)
    world.deployment.close()
    for path in world.deployment.directory.glob("carbonseal.db*"):
        path.unlink()
    for path, content in kept.items():
        path.write_bytes(content)
    with pytest.raises(Refused) as caught, Server(world.deployment, port=0):
        pass
    assert caught.value.code == "log-rolled-back"


def test_it_listens_on_loopback_unless_told_otherwise(tmp_path: Path) -> None:
    deployment = create(tmp_path / "node", chain=False)
    server = Server(deployment, port=0)
    assert server.url.startswith("http://127.0.0.1:")
    server.stop()
    deployment.close()
