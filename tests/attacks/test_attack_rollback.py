"""A database set back, and a copy run as a second node with the same key: who notices, and when."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from api_world import World
from attack_helpers import Prepared, accept_more, resume_gateway

from api import fsck, pipeline
from api.deployment import writing
from api.node import Node
from core.database import reading
from core.errors import Refused
from ledger import log

pytestmark = [pytest.mark.chain, pytest.mark.timeout(240)]


def copy_of(folder: Path, *, chain_of: World | None = None) -> Path:
    """The deployment copied whole, as a backup or a thief does; `chain_of`: it joins that world's chain."""
    target = Path(shutil.copytree(folder, folder.with_name(f"{folder.name}-copy")))
    if chain_of is not None:
        with (target / "carbonseal.toml").open("a", encoding="utf-8") as settings:
            settings.write(f'chain_url = "{chain_of.link.url}"\n')
    return target


def grow(world: World, count: int = 1) -> int:
    """Frames accepted and sealed; the size sealed."""
    accept_more(world, count)
    sealed = pipeline.seal(world.deployment)
    assert sealed is not None
    return sealed.size


@pytest.fixture
def rolled_back(park: World, folder: Path) -> Iterator[World]:
    """Database and lock file as they were yesterday, both consistent; the chain has gone on since."""
    old = copy_of(folder, chain_of=park)
    grow(park, 4)
    pipeline.anchor(park.deployment, park.link)
    world = World.opened(old)
    with writing(world.deployment):
        yield world
    world.close()


def test_a_database_set_back_with_its_lock_is_refused_once_the_chain_is_asked(rolled_back: World) -> None:
    log.start(rolled_back.deployment.engine, rolled_back.deployment.log_key, lock=rolled_back.deployment.last_signed)
    with pytest.raises(Refused) as caught:
        pipeline.anchor(rolled_back.deployment, rolled_back.link)
    assert caught.value.code == "log-rolled-back"
    assert [item.code for item in fsck.check(rolled_back.deployment, rolled_back.link)] == ["log-rolled-back"]


def test_appending_to_it_is_refused_before_and_after_it_has_outgrown_the_chain(rolled_back: World) -> None:
    grow(rolled_back, 2)
    with pytest.raises(Refused) as caught:
        pipeline.anchor(rolled_back.deployment, rolled_back.link)
    assert caught.value.code == "log-rolled-back"
    grow(rolled_back, 6)
    with pytest.raises(Refused) as caught:
        pipeline.anchor(rolled_back.deployment, rolled_back.link)
    assert caught.value.code == "anchor-inconsistent"
    assert [item.code for item in fsck.check(rolled_back.deployment, rolled_back.link)] == ["anchor-conflict"]


def test_of_two_nodes_with_one_key_the_second_to_anchor_a_size_is_told_of_the_split_view(
        park: World, folder: Path, about_to_issue: Prepared) -> None:
    twin = World.opened(copy_of(folder, chain_of=park))
    # Its own lock file and its own generation: nothing on this machine stands against the copy.
    with writing(twin.deployment):
        resume_gateway(twin)
        one, other = grow(park), grow(twin)
        assert one == other
        with reading(park.deployment.engine) as first, reading(twin.deployment.engine) as second:
            assert log.root_at(first, one) != log.root_at(second, other)
        pipeline.anchor(park.deployment, park.link)
        with pytest.raises(Refused) as caught:
            pipeline.anchor(twin.deployment, twin.link)
        assert caught.value.code == "anchor-conflict"
        assert caught.value.detail["held"] != caught.value.detail["offered"]
        with pytest.raises(Refused) as refused:
            pipeline.issue(twin.deployment, twin.link, about_to_issue.statement)
        assert refused.value.code == "anchor-conflict"
    twin.close()


def test_the_second_node_that_outgrows_the_first_does_not_extend_it(park: World, folder: Path) -> None:
    twin = World.opened(copy_of(folder, chain_of=park))
    with writing(twin.deployment):
        grow(park)
        grow(twin, 3)
        pipeline.anchor(park.deployment, park.link)
        with pytest.raises(Refused) as caught:
            pipeline.anchor(twin.deployment, twin.link)
        assert caught.value.code == "anchor-inconsistent"
    twin.close()


def test_a_second_node_on_the_same_folder_is_refused_by_its_lock(park: World) -> None:
    with pytest.raises(Refused) as caught:
        Node(park.deployment).start()
    assert caught.value.code == "deployment-locked"


def test_yesterdays_database_under_todays_lock_is_not_served_even_when_it_was_appended_to(
        park: World, folder: Path) -> None:
    twin = World.opened(copy_of(folder))
    with writing(twin.deployment):
        accept_more(twin, 1)
        grow(park, 2)
        (twin.deployment.directory / "signed").write_bytes((folder / "signed").read_bytes())
        with pytest.raises(Refused, match="log-rolled-back"):
            accept_more(twin)
    with pytest.raises(Refused, match="log-rolled-back"):
        Node(twin.deployment).start()
    (twin.deployment.directory / "signed").unlink()
    with writing(twin.deployment):
        resume_gateway(twin)
        accept_more(twin, 5)
        (twin.deployment.directory / "signed").write_bytes((folder / "signed").read_bytes())
        with pytest.raises(Refused, match="log-rolled-back"):
            pipeline.seal(twin.deployment)
    with pytest.raises(Refused, match="log-rolled-back"):
        Node(twin.deployment).start()
    twin.close()
