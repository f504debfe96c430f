"""One anvil for the session; each test starts from the same snapshot of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from chain_helpers import NOW, World

from core.clock import FixedClock
from ledger.anchor.embedded import EmbeddedChain

# The compiler run belongs to the repository, not to what is installed.
sys.path.append(str(Path(__file__).resolve().parents[2]))


@pytest.fixture(scope="session")
def embedded() -> Iterator[EmbeddedChain]:
    with EmbeddedChain(None, FixedClock(NOW)) as chain:
        yield chain


@pytest.fixture(scope="session")
def deployed(embedded: EmbeddedChain) -> World:
    return World(embedded.url, embedded.clock)


@pytest.fixture
def world(deployed: World, embedded: EmbeddedChain) -> Iterator[World]:
    snapshot = embedded.rpc.call("evm_snapshot")
    deployed.clock.instant = NOW
    yield deployed
    embedded.rpc.call("evm_revert", snapshot)
