"""A disk that is full in the middle of things: a clean code, nothing acknowledged lost, and it goes on by itself."""

from __future__ import annotations

import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from api_world import HOUR, START, World, body
from attack_helpers import Prepared, accept_more, resume_gateway
from edge_helpers import GATEWAY, ORIGIN, SEED
from spool_helpers import build

from api import evidence, fsck, pipeline
from api.server import Server
from attestation.frame import Submission, read_submissions
from core.database import reading
from core.errors import Unavailable
from core.signer import KeySigner
from edge.spool import Place, Spool, Spooled
from ledger import log
from ledger.anchor.embedded import free_port

pytestmark = [pytest.mark.chain, pytest.mark.timeout(300)]


@contextmanager
def no_file_beyond(size: int) -> Iterator[None]:
    """No file of this process grows beyond `size` bytes; to SQLite that is a full disk."""
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def size_of(world: World) -> int:
    with reading(world.deployment.engine) as connection:
        return log.size(connection)


@pytest.mark.parametrize("limit", [0, 100, 4096, 60_000])
def test_a_disk_full_while_sealing_publishes_nothing_and_the_next_seal_covers_all(park: World, limit: int) -> None:
    accept_more(park, 3)
    with reading(park.deployment.engine) as connection:
        published = log.checkpoint(connection)
    with no_file_beyond(limit), pytest.raises(Unavailable) as caught:
        pipeline.seal(park.deployment)
    assert caught.value.code in ("database-unavailable", "lock-unusable")
    with reading(park.deployment.engine) as connection:
        assert log.checkpoint(connection) == published
    sealed = pipeline.seal(park.deployment)
    assert sealed is not None
    assert sealed.size == size_of(park)
    assert fsck.check(park.deployment, None) == []


def test_a_disk_full_while_claiming_and_issuing_leaves_one_certificate(park: World, about_to_issue: Prepared) -> None:
    for limit in (0, 4096):
        with no_file_beyond(limit), pytest.raises(Unavailable) as caught:
            pipeline.issue(park.deployment, park.link, about_to_issue.statement)
        assert caught.value.code.endswith(("-unavailable", "-failed"))
    assert pipeline.issue(park.deployment, park.link, about_to_issue.statement).state == "done"
    issued = [event for event in park.link.certificates.events() if event.name == "CertificateIssued"]
    assert len(issued) == 1
    assert fsck.check(park.deployment, park.link) == []


def test_evidence_is_exported_while_the_disk_is_full(park: World, about_to_issue: Prepared) -> None:
    before = evidence.export(park.deployment, park.link, about_to_issue.statement, purpose="review", level="full")
    with no_file_beyond(0):
        full = evidence.export(park.deployment, park.link, about_to_issue.statement, purpose="review", level="full")
    assert full == before


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 48 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "none", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip("only root mounts a small disk")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """A file that takes all that is left."""
    ballast = folder / "ballast"
    with ballast.open("ab", buffering=0) as file:
        for piece in (2**20, 4096, 1):
            try:
                while file.write(bytes(piece)) == piece:
                    pass
            except OSError:
                pass
    return ballast


@pytest.mark.slow
def test_a_node_on_a_full_disk_refuses_and_goes_on_when_there_is_room(folder: Path, small_disk: Path) -> None:
    place = Path(shutil.copytree(folder, small_disk / "node"))
    world = World.opened(place)
    resume_gateway(world)
    acknowledged: dict[int, bytes] = {}
    waiting = [body(item) for item in world.gateway.frames(START - HOUR + world.gateway.seq * HOUR, 30)]
    codes: set[str] = set()
    with Server(world.deployment, port=0) as server, httpx.Client(base_url=server.url, trust_env=False,
                                                                  timeout=60) as client:
        def post() -> bool:
            answer = client.post("/v1/frames", content=waiting[0])
            if answer.status_code != 200:
                assert answer.status_code == 503, answer.text
                codes.add(answer.json()["code"])
                return False
            (frame,) = answer.json()["frames"]
            assert frame["outcome"] in ("accepted", "duplicate"), frame
            acknowledged[int(frame["index"])] = waiting.pop(0)
            return True

        for _ in range(3):
            assert post()
        ballast = fill(small_disk)
        for _ in range(40):
            if len(waiting) <= 10 or not post():
                fill(small_disk)
        assert codes == {"database-unavailable"}
        assert client.get("/log/checkpoint").status_code == 200
        assert client.get("/readyz").status_code in (200, 503)
        ballast.unlink()
        deadline = time.monotonic() + 60
        while waiting and time.monotonic() < deadline:
            post()
        assert not waiting
        assert client.get("/readyz").json()["ready"]
    with reading(world.deployment.engine) as connection:
        for index, sent in acknowledged.items():
            (item,) = read_submissions(sent)
            assert log.entry(connection, index) == item.envelope
    assert fsck.check(world.deployment, None) == []
    world.close()


@pytest.mark.slow
def test_a_node_that_starts_on_a_full_disk_says_so_and_harms_nothing(folder: Path, small_disk: Path) -> None:
    place = Path(shutil.copytree(folder, small_disk / "node"))
    ballast = fill(small_disk)
    started = subprocess.run([sys.executable, "-m", "cli", "serve", "--dir", str(place), "--port", str(free_port())],
                             capture_output=True, text=True, timeout=120, cwd=Path(__file__).parents[2])
    assert "Traceback" not in started.stderr + started.stdout
    assert started.returncode in (2, 3), started
    ballast.unlink()
    world = World.opened(place)
    assert fsck.check(world.deployment, None) == []
    world.close()


def a_spool(path: Path) -> Spool:
    return Spool(path, GATEWAY, ORIGIN, limit_bytes=2**30, limit_frames=10**6)


def sign_until_it_fails(spool: Spool, frame: Callable[[Place], Submission]) -> tuple[Place, list[Spooled]]:
    """The place and what waits after the last frame that was taken."""
    while True:
        after = spool.next_place(), spool.waiting(1000, 2**30)
        try:
            spool.sign_next(frame)
        except Unavailable as error:
            if error.code != "spool-failed":
                raise
            return after


def test_a_spool_on_a_full_disk_uses_no_place_twice(tmp_path: Path) -> None:
    spool, signer = a_spool(tmp_path / "spool.sqlite"), KeySigner.from_seed(SEED)
    for number in range(5):
        spool.sign_next(build(signer, number))
    for limit in (0, 4096, 40_000, 70_000):
        number += 1
        with no_file_beyond(limit):
            place, seen = sign_until_it_fails(spool, build(signer, number))
        # What was not durable is neither shown nor shipped, and its place is used by the next frame.
        assert (spool.next_place(), spool.waiting(1000, 2**30)) == (place, seen)
        spool.sign_next(build(signer, number))
        assert spool.next_place().seq == place.seq + 1
    spool.close()
    again = a_spool(tmp_path / "spool.sqlite")
    frames = again.waiting(1000, 2**30)
    assert [frame.seq for frame in frames] == list(range(len(frames)))
    again.close()
