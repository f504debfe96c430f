"""What /readyz tells of the work in the background: two histories stop the node, a chain or database away does not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from api_world import founding
from starlette.testclient import TestClient

from api import pipeline, sealer
from api.app import create_app
from api.deployment import Deployment, create
from api.node import Node
from core.errors import CarbonSealError, Forbidden, Refused, Unavailable, VerificationFailed


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    made = create(tmp_path / "node", founding(), chain=False)
    yield made
    made.close()


def readiness(deployment: Deployment, name: str, told: str) -> tuple[int, bool, str]:
    """Status, readiness and the named check, once the background has told what it was to tell."""
    with TestClient(create_app(Node(deployment)), raise_server_exceptions=False) as client:
        deadline = time.monotonic() + 20
        while (answer := client.get("/readyz")).json()["checks"][name] != told and time.monotonic() < deadline:
            time.sleep(0.02)
    return answer.status_code, answer.json()["ready"], answer.json()["checks"][name]


@pytest.mark.parametrize(("error", "ready"), [
    (Refused("anchor-conflict", "the chain holds another root"), False),
    (Refused("anchor-inconsistent", "the root does not extend the last one"), False),
    (Refused("log-rolled-back", "the chain is ahead"), False),
    (Forbidden("anchor-forbidden", "the node is not entered yet"), True),
    (Unavailable("chain-unavailable", "away"), True)])
def test_two_histories_on_the_chain_stop_the_node(deployment: Deployment, monkeypatch: pytest.MonkeyPatch,
                                                  error: CarbonSealError, ready: bool) -> None:
    def anchor(*_arguments: object) -> None:
        raise error

    monkeypatch.setattr(pipeline, "anchor", anchor)
    assert readiness(deployment, "anchoring", error.code) == (200 if ready else 503, ready, error.code)


@pytest.mark.parametrize(("error", "ready"), [
    (VerificationFailed("root-mismatch", "the tiles do not lead to the root last signed"), False),
    (Refused("log-rolled-back", "another tree was signed before"), False),
    (Unavailable("database-unavailable", "disk full"), True)])
def test_a_log_that_cannot_be_sealed_stops_the_node(deployment: Deployment, monkeypatch: pytest.MonkeyPatch,
                                                    error: CarbonSealError, ready: bool) -> None:
    def sealed_size(_connection: object) -> int:
        raise error

    monkeypatch.setattr(sealer.log, "sealed_size", sealed_size)
    assert readiness(deployment, "sealing", error.code) == (200 if ready else 503, ready, error.code)
