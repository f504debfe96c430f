"""Attacks from outside: the helpers of the rooms they go through, and a park that is about to issue."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.extend(str(Path(__file__).parents[1] / room) for room in ("api", "edge", "verify"))

from api_world import World
from attack_helpers import Prepared

from api import pipeline
from api.deployment import writing


@pytest.fixture(scope="session")
def about_to_issue(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """Made once; tests work on copies."""
    folder = tmp_path_factory.mktemp("attacks") / "node"
    world = World.made(folder)
    with writing(world.deployment):
        world.prepare().accept_frames()
        claim = pipeline.claim(world.deployment, world.claim())
        statement = pipeline.calculate(world.deployment, claim.digest)
        pipeline.review(world.deployment, world.opinion(statement))
        pipeline.seal(world.deployment)
        pipeline.anchor(world.deployment, world.link)
        world.link.stop()
    world.close()
    return Prepared(folder, statement.digest)


@pytest.fixture
def folder(about_to_issue: Prepared, tmp_path: Path) -> Path:
    """A copy of the prepared deployment that nobody has opened yet."""
    return Path(shutil.copytree(about_to_issue.folder, tmp_path / "node"))


@pytest.fixture
def park(folder: Path) -> Iterator[World]:
    """The copy, opened and held as its writer, its chain running."""
    world = World.opened(folder)
    with writing(world.deployment):
        world.link.start()
        yield world
        world.link.stop()
    world.close()
