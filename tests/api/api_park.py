"""A running node over ASGI with its world, where one certificate has been brought about over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from api_helpers import bearer
from api_world import HOUR, PV, REGISTRAR, START, STEEL, SUZHENG, World, body
from starlette.testclient import TestClient

from api.app import create_app
from api.node import Node
from certificates import store
from core.database import reading
from core.period import instant_text


@dataclass
class Park:
    """A running node over ASGI with its world, and the certificate that the fixture brought about."""

    world: World
    client: TestClient
    claim: str = ""
    statement: str = ""
    piece: str = ""

    def as_(self, org: str) -> dict[str, str]:
        return bearer(self.world.deployment, org)

    def get(self, path: str, org: str | None = None, **query: str) -> Any:
        return self.client.get(path, params=query, headers=self.as_(org) if org else {})

    def post(self, path: str, content: bytes, org: str | None = None, **headers: str) -> Any:
        return self.client.post(path, content=content, headers={**(self.as_(org) if org else {}), **headers})

    def done(self, job: str, org: str) -> dict[str, Any]:
        self.get(f"/v1/jobs/{job}/events", org)
        answer = self.get(f"/v1/jobs/{job}", org).json()
        assert answer["state"] == "done", answer
        return dict(answer["result"])


@contextmanager
def certified_park(directory: Path) -> Iterator[Park]:
    """A node that runs in `directory`, with everything registered and one certificate issued."""
    world = World.made(directory, settings={
        "seal_interval_ms": 50, "show_readings": True, "source_notices": f"{PV}=replayed-source"})
    node = Node(world.deployment)
    with TestClient(create_app(node), raise_server_exceptions=False) as client:
        world.link = node.link
        park = Park(world, client)
        _register(park)
        _certify(park)
        yield park
    world.deployment.close()


def _register(park: Park) -> None:
    world = park.world
    for envelope in world.registrations():
        assert park.post("/v1/registrations", envelope, REGISTRAR).status_code == 201
    assert park.post("/v1/rules", world.rules(), REGISTRAR).status_code == 201
    answer = park.post("/v1/frames", body(*world.gateway.frames(START - HOUR, 26))).json()
    assert {item["outcome"] for item in answer["frames"]} == {"accepted"}
    opened = world.claim_point(int(answer["frames"][1]["index"]))
    assert park.post("/v1/registrations", opened, REGISTRAR).status_code == 201
    world.link.start()
    world.enter()


def _certify(park: Park) -> None:
    answer = park.post("/v1/claims", park.world.claim(), STEEL)
    assert answer.status_code == 202, answer.text
    park.claim = answer.json()["claim"]
    park.statement = park.done(answer.json()["job"], STEEL)["statement"]
    with reading(park.world.deployment.engine) as connection:
        statement = store.statement(connection, bytes.fromhex(park.statement))
    opinion = park.post(f"/v1/claims/{park.claim}/opinion", park.world.opinion(statement), SUZHENG)
    assert opinion.status_code == 202, opinion.text
    park.done(opinion.json()["job"], SUZHENG)
    park.piece = park.get("/v1/certificates").json()[0]["piece"]


def period_query(start: int, end: int) -> dict[str, str]:
    """The parameters of a period."""
    return {"start": instant_text(start), "end": instant_text(end)}
