"""A database restored from an older copy: nothing is acknowledged with an index that was given away before."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from api_helpers import check_problem
from api_world import HOUR, START, World, body, founding
from starlette.testclient import TestClient

from api import fsck, pipeline
from api.app import create_app
from api.deployment import check_not_rolled_back, create, writing
from api.node import Node
from core.clock import FixedClock
from core.database import reading
from core.errors import CarbonSealError, Refused, Unavailable
from ledger import log


def copy(source: Path, target: Path) -> None:
    """What `.backup` and `.restore` do: in place, under whoever has the database open."""
    one, two = sqlite3.connect(source), sqlite3.connect(target)
    try:
        one.backup(two)
    finally:
        one.close()
        two.close()


class Backups:
    """Copies of a deployment's database, to be put in its place again."""

    def __init__(self, world: World, folder: Path) -> None:
        self.path, self.folder = world.deployment.directory / "carbonseal.db", folder

    def take(self, name: str) -> None:
        copy(self.path, self.folder / name)

    def restore(self, name: str) -> None:
        copy(self.folder / name, self.path)


@pytest.fixture
def backups(bare: World, tmp_path: Path) -> Backups:
    return Backups(bare, tmp_path)


@pytest.fixture
def rolled_back(bare: World, backups: Backups) -> World:
    """A deployment whose database is that of before its last checkpoint."""
    backups.take("older")
    bare.put(*bare.gateway.frames(START, 2))
    pipeline.seal(bare.deployment)
    backups.take("newest")
    backups.restore("older")
    return bare


def size(world: World) -> int:
    with reading(world.deployment.engine) as connection:
        return log.size(connection)


STEPS: dict[str, Callable[[World], Any]] = {
    "accept": lambda world: pipeline.accept(world.deployment, world.generation(), [body(world.gateway.frame(START))]),
    "register": lambda world: pipeline.register(world.deployment, world.claim_point(3)),
    "register again": lambda world: pipeline.register(world.deployment, first_entry(world)),
    "release": lambda world: pipeline.release_rules(world.deployment, world.rules()),
    "claim": lambda world: pipeline.claim(world.deployment, b"{}"),
    "manifest": lambda world: pipeline.manifest(world.deployment, 0),
    "seal": lambda world: pipeline.seal(world.deployment),
}


def first_entry(world: World) -> bytes:
    with reading(world.deployment.engine) as connection:
        return log.entry(connection, 0)


@pytest.mark.parametrize("step", STEPS)
def test_no_step_answers_from_an_older_copy(rolled_back: World, step: str) -> None:
    before = size(rolled_back)
    with pytest.raises(Refused) as caught:
        STEPS[step](rolled_back)
    assert caught.value.code == "log-rolled-back"
    assert size(rolled_back) == before


@pytest.mark.parametrize("step", ["accept", "register", "release", "manifest", "seal"])
def test_every_step_is_taken_again_once_the_newest_copy_is_back(
        rolled_back: World, backups: Backups, step: str) -> None:
    backups.restore("newest")
    STEPS[step](rolled_back)
    assert fsck.check(rolled_back.deployment, None) == []


def test_a_node_does_not_start_on_an_older_copy(rolled_back: World, tmp_path: Path) -> None:
    released = World.opened(rolled_back.deployment.directory)
    (rolled_back.deployment.directory / "lock").unlink()  # the fixture holds it
    node = Node(released.deployment)
    with pytest.raises(Refused) as caught:
        node.start()
    assert caught.value.code == "log-rolled-back"
    with writing(released.deployment):
        pass
    released.deployment.close()


def test_a_running_node_acknowledges_nothing_once_its_database_was_rolled_back(tmp_path: Path) -> None:
    world = World(create(tmp_path / "node", founding(settings={"seal_interval_ms": 3_600_000}),
                         clock=FixedClock(START + 26 * HOUR), chain=False))
    world.trust_nobody()
    for envelope in world.registrations():
        pipeline.register(world.deployment, envelope)
    backups, frame = Backups(world, tmp_path), world.gateway.frame(START)
    with TestClient(create_app(Node(world.deployment)), raise_server_exceptions=False) as client:
        backups.take("older")
        first = client.post("/v1/frames", content=body(frame)).json()["frames"][0]
        assert first["outcome"] == "accepted"
        pipeline.seal(world.deployment)
        assert client.get("/readyz").json()["checks"]["log"] == "ok"
        backups.take("newest")
        backups.restore("older")
        refused = client.post("/v1/frames", content=body(frame))
        check_problem(refused, 409, "log-rolled-back")
        assert "frames" not in refused.json()
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json()["checks"]["log"]) == (503, "log-rolled-back")
        backups.restore("newest")
        assert client.get("/readyz").status_code == 200
        again = client.post("/v1/frames", content=body(frame)).json()["frames"][0]
        assert (again["outcome"], again["index"]) == ("duplicate", first["index"])
    world.deployment.close()


def test_what_was_appended_and_not_yet_signed_is_no_roll_back(bare: World) -> None:
    """At the boundary: as many entries as were signed, and more."""
    pipeline.seal(bare.deployment)
    for _ in range(2):
        with reading(bare.deployment.engine) as connection:
            check_not_rolled_back(bare.deployment, connection)
        bare.put(bare.gateway.frame(START + bare.gateway.seq * HOUR))


def test_before_the_first_checkpoint_there_is_nothing_to_compare_with(bare: World) -> None:
    assert bare.deployment.last_signed.read() is None
    assert bare.put(bare.gateway.frame(START)) == [6]


@pytest.mark.parametrize("damage", [
    lambda path: path.write_bytes(b"no checkpoint"), lambda path: path.write_bytes(b""), lambda path: (
        path.unlink(), path.mkdir())])
def test_a_lock_that_cannot_be_read_stops_the_node_and_blames_no_sender(
        bare: World, damage: Callable[[Path], Any]) -> None:
    pipeline.seal(bare.deployment)
    damage(bare.deployment.last_signed.path)
    before = size(bare)
    with pytest.raises(CarbonSealError) as caught:
        bare.put(bare.gateway.frame(START))
    assert isinstance(caught.value, Unavailable)
    assert caught.value.code == "lock-unusable"
    assert size(bare) == before
