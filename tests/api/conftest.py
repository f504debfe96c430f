"""Fixtures of the service's tests: a fresh deployment, its node, a client."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from api_helpers import ORIGIN, TOKENS, clock
from api_park import Park, certified_park
from api_world import HOUR, START, World, founding
from starlette.testclient import TestClient

from api import pipeline
from api.app import create_app
from api.deployment import Deployment, Founding, create, writing
from api.node import Node
from core.clock import FixedClock


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    made = create(tmp_path / "node", Founding(ORIGIN, TOKENS), clock=clock(), chain=False)
    yield made
    made.close()


@pytest.fixture
def node(deployment: Deployment) -> Node:
    return Node(deployment)


@pytest.fixture
def client(node: Node) -> Iterator[TestClient]:
    with TestClient(create_app(node), raise_server_exceptions=False) as made:
        yield made


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[World]:
    """A deployment without a chain, its registrations in the log; it holds the writer's lock."""
    world = World(create(tmp_path / "node", founding(), clock=FixedClock(START + 26 * HOUR), chain=False))
    world.trust_nobody()
    with writing(world.deployment):
        for envelope in world.registrations():
            pipeline.register(world.deployment, envelope)
        yield world
    world.deployment.close()


@pytest.fixture(scope="session")
def park(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Park]:
    """The park that the tests of routes share: none of them relies on another, whatever the order."""
    with certified_park(tmp_path_factory.mktemp("routes") / "node") as made:
        yield made
