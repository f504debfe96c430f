"""Fixtures of this room."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from attestation_helpers import Gateway, Node


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    """A node with the gateway and one meter enrolled; after each test its read models follow from its entries."""
    made = Node(tmp_path).enrol("m:main")
    yield made
    assert made.check_everything() == []
    made.engine.dispose()


@pytest.fixture
def gateway() -> Gateway:
    """The enrolled gateway, at the start of its chain."""
    return Gateway()
