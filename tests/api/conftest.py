"""Fixtures of the service's tests: a fresh deployment, its node, a client."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from api_helpers import ORIGIN, TOKENS, clock
from starlette.testclient import TestClient

from api.app import create_app
from api.deployment import Deployment, Founding, create
from api.node import Node


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
