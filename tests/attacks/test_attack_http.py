"""Strangers and neighbours at the node's HTTP door: other people's claim points, replays, bombs, odd paths and ids."""

from __future__ import annotations

import http.client
import json
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_helpers import bearer, check_problem
from api_world import (
    ACCOUNTS,
    HOUR,
    REGISTRAR,
    START,
    STEEL,
    SUZHENG,
    World,
    participant_fields,
)
from attack_helpers import Prepared

from api import fsck, pipeline
from api.deployment import add_token, writing
from api.server import Server
from certificates import store
from core.database import reading
from core.ethereum import Account
from core.records import Kind
from ledger import log

pytestmark = [pytest.mark.chain, pytest.mark.timeout(300)]

OTHER, GONE = "org:other-works", "org:gone-works"
STRANGERS = {org: Account(org.encode().ljust(32, b".")) for org in (OTHER, GONE)}
# A stranger's request may cost the node this much at most.
BOUND_S = 20.0


@dataclass
class Door:
    """A served node, its world, and a client."""

    world: World
    url: str
    client: httpx.Client
    statement: bytes

    def as_(self, org: str) -> dict[str, str]:
        return bearer(self.world.deployment, org)

    def post(self, path: str, content: bytes, org: str, **headers: str) -> httpx.Response:
        return self.client.post(path, content=content, headers={**self.as_(org), **headers})

    def entries(self) -> int:
        with reading(self.world.deployment.engine) as connection:
            return log.size(connection)

    def ended(self, job: str) -> dict[str, Any]:
        """The job once it is done or failed."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            answer: dict[str, Any] = self.client.get(f"/v1/jobs/{job}", headers=self.as_("org:node")).json()
            if answer["state"] in ("done", "failed"):
                return answer
            time.sleep(0.05)
        raise AssertionError("the job does not end")

    def claimed(self, claim: bytes, org: str) -> str:
        """The code with which a claim ends; "done" when it is computed."""
        answer = self.post("/v1/claims", claim, org)
        if answer.status_code != 202:
            return str(answer.json()["code"])
        ended = self.ended(answer.json()["job"])
        return "done" if ended["state"] == "done" else str(ended["error"]["code"])

    def raw(self, method: str, target: str, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
        """A request whose target no client tidies up."""
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=30)
        connection.putrequest(method, target, skip_host=False)
        for name, value in (headers or {}).items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, content


@pytest.fixture(scope="module")
def door(about_to_issue: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    folder = Path(shutil.copytree(about_to_issue.folder, tmp_path_factory.mktemp("door") / "node"))
    world = World.opened(folder)
    with writing(world.deployment):
        for org, account in STRANGERS.items():
            pipeline.register(world.deployment, world.signed("participant", org, "register", participant_fields(
                org, ["enterprise"], [], account.address)))
            add_token(world.deployment, org, ["enterprise"])
    with Server(world.deployment, port=0) as server, httpx.Client(base_url=server.url, trust_env=False,
                                                                  timeout=120) as client:
        world.link = server.node.link
        yield Door(world, server.url, client, about_to_issue.statement)
    assert fsck.check(world.deployment, None) == []
    world.close()


def strangers_claim(door: Door, org: str = OTHER, **changes: Any) -> bytes:
    """A claim that a neighbour signed itself, on the steel works' claim point unless told otherwise."""
    before = ACCOUNTS.get(STEEL)
    ACCOUNTS[STEEL] = STRANGERS[org]
    try:
        return door.world.claim(**{"subject": org, **changes})
    finally:
        assert before is not None
        ACCOUNTS[STEEL] = before


# claims on what belongs to others

@pytest.mark.parametrize(("kind", "boundary", "expected"), [
    (Kind.GREEN_POWER, "他人的屋顶", "claim-point-foreign"), (Kind.EMISSION, "他人的厂区", "meter-foreign")])
def test_a_neighbour_claims_nothing_of_a_meter_that_is_not_its_own(door: Door, kind: Kind, boundary: str,
                                                                   expected: str) -> None:
    code = door.claimed(strangers_claim(door, kind=kind, boundary=boundary), OTHER)
    assert code == expected


def test_a_claim_in_anothers_name_is_refused_with_either_token(door: Door) -> None:
    before = door.entries()
    forged = strangers_claim(door, subject=STEEL, boundary="冒名")
    check_problem(door.post("/v1/claims", forged, OTHER), 403, "organisation-other")
    check_problem(door.post("/v1/claims", forged, STEEL), 403, "claim-signer")
    assert door.entries() == before


def test_a_neighbour_supersedes_nobody_elses_statement(door: Door) -> None:
    code = door.claimed(strangers_claim(door, supersedes=door.statement, boundary="更正他人"), OTHER)
    assert code == "claim-supersedes"


def test_a_signed_claim_sent_again_is_the_same_claim_and_writes_nothing(door: Door) -> None:
    claim = door.world.claim(kind=Kind.EMISSION, boundary="重放")
    first = door.post("/v1/claims", claim, STEEL)
    assert door.ended(first.json()["job"])["state"] == "done"
    time.sleep(0.5)
    before = door.entries()
    for _ in range(3):
        again = door.post("/v1/claims", claim, STEEL)
        assert again.json()["claim"] == first.json()["claim"]
        assert door.ended(again.json()["job"])["state"] == "done"
    assert door.entries() == before


def test_an_opinion_sent_to_another_claim_is_refused_and_not_kept(door: Door) -> None:
    claims = [door.post("/v1/claims", door.world.claim(kind=Kind.EMISSION, boundary=name), STEEL).json()
              for name in ("甲", "乙")]
    one, other = (door.ended(claim["job"])["result"]["statement"] for claim in claims)
    with reading(door.world.deployment.engine) as connection:
        statement = store.statement(connection, bytes.fromhex(one))
    opinion = door.world.opinion(statement)
    before = door.entries()
    for wrong in (claims[1]["claim"], "00" * 32, "zz", "..", other):
        answer = door.client.post(f"/v1/claims/{wrong}/opinion", content=opinion, headers=door.as_(SUZHENG))
        assert answer.status_code in (400, 404, 409), answer.text
    assert door.entries() == before
    assert door.client.get(f"/v1/claims/{claims[0]['claim']}", headers=door.as_(STEEL)).json()["opinion"] is None


def test_an_opinion_sent_again_is_the_same_opinion_and_one_certificate(door: Door) -> None:
    with reading(door.world.deployment.engine) as connection:
        claim = store.statement(connection, door.statement).claim_digest.hex()
        opinion = store.opinion_on(connection, door.statement).payload
    for _ in range(3):
        answer = door.post(f"/v1/claims/{claim}/opinion", opinion, SUZHENG)
        assert answer.status_code == 202, answer.text
        assert door.ended(answer.json()["job"])["state"] == "done"
    issued = [event.values["payloadDigest"] for event in door.world.link.certificates.events()
              if event.name == "CertificateIssued"]
    assert issued.count(door.statement) == 1


# tokens

def test_a_revoked_participants_token_writes_nothing(door: Door) -> None:
    revocation = door.world.signed("participant", GONE, "revoke", {"reason": "closed"}, time=START + HOUR)
    assert door.post("/v1/registrations", revocation, REGISTRAR).status_code == 201
    before = door.entries()
    answer = door.post("/v1/claims", strangers_claim(door, GONE), GONE)
    assert answer.status_code in (403, 422), answer.text
    assert answer.json()["code"].startswith("participant-"), answer.text
    assert door.entries() == before


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer x", "Basic Y3M6Y3M=", "bearer " + "a" * 20_000,
                                    "Bearer cs_\udcff".encode("utf-8", "surrogateescape").decode("latin-1")])
def test_no_token_and_no_half_token_opens_anything(door: Door, header: str) -> None:
    answer = door.client.get("/v1/meters", headers={"authorization": header.encode("latin-1")})
    assert answer.status_code == 401, answer.text


# weight

def bomb(name: str) -> bytes:
    if name == "2,000 long numbers":
        item = {"quantity": {"value": "9" * 4_000, "unit": "kWh"}, "source": {"type": "declared"}, "priority": "1",
                "method": "measured", "uncertainty": None}
        items = [item] * 2_000
    elif name == "2,000 inputs":
        items = [{"quantity": {"value": "9" * 180, "unit": "kWh"}, "source": {"type": "declared"}, "priority": "1",
                  "method": "measured", "uncertainty": None}] * 2_000
    else:
        items = json.loads("[" * 200 + "]" * 200)
    return json.dumps({"subject": STEEL, "boundary": "x", "period": {
        "start": "2026-11-16T16:00:00.000Z", "end": "2026-11-17T16:00:00.000Z", "zone": "Asia/Shanghai"},
        "inputs": {"purchased_electricity": items}, "options": {"region": "cn"}, "allow_unconfirmed": True}).encode()


@pytest.mark.parametrize("content", [
    bomb("2,000 long numbers"), bomb("2,000 inputs"), bomb("depth"), b"[" * 1_000_000, b'{"a":' * 500_000,
    b'{"inputs":"' + b"x" * 10_000_000 + b'"}', b'{"inputs":[' + b"[]," * 3_000_000 + b"[]]}",
    b'{"inputs":{},"inputs":{}}', b'{"x":1e400}', b'{"x":NaN}', b"\xef\xbb\xbf{}", b"\xff\xfe", b"",
    b'{"subject":"\\ud800"}', b"9" * 5_000_000,
], ids=["long-numbers", "many-inputs", "depth", "brackets", "objects", "10-MB-text", "many-lists", "duplicate",
        "float", "nan", "bom", "utf-16", "empty", "surrogate", "number"])
@pytest.mark.parametrize("path", ["/v1/mrv/run/inventory.enterprise", "/v1/mrv/eval/fuel.combustion.heat",
                                  "/v1/mrv/compare/inventory.enterprise"])
def test_a_heavy_or_malformed_calculation_is_answered_in_bounded_time(door: Door, path: str, content: bytes) -> None:
    begun = time.monotonic()
    answer = door.client.post(path, content=content)
    assert answer.status_code in (400, 404, 409, 413, 422), (answer.status_code, answer.text[:500])
    assert answer.json()["code"] != "internal-error"
    assert time.monotonic() - begun < BOUND_S
    assert door.client.get("/healthz").status_code == 200


def test_a_body_of_millions_of_lists_keeps_nobody_else_waiting(door: Door) -> None:
    content = b'{"inputs":[' + b"[]," * 3_000_000 + b"[]]}"
    waits = []
    with ThreadPoolExecutor(1) as stranger:
        heavy = stranger.submit(door.client.post, "/v1/mrv/eval/fuel.combustion.heat", content=content)
        while not heavy.done():
            begun = time.monotonic()
            assert door.client.get("/healthz").status_code == 200
            waits.append(time.monotonic() - begun)
            time.sleep(0.05)
    assert heavy.result().status_code == 400
    assert len(waits) > 3
    assert max(waits) < BOUND_S / 10


@pytest.mark.parametrize("content", [b"[" * 1_000_000, b'{"schema":"a","schema":"a"}', b'{"a":1.0}', b"", b"\xff" * 9])
def test_a_malformed_claim_or_opinion_is_a_form_error(door: Door, content: bytes) -> None:
    assert door.post("/v1/claims", content, STEEL).status_code == 400
    assert door.post(f"/v1/claims/{'00' * 32}/opinion", content, SUZHENG).status_code == 400


# paths, ids, headers

TARGETS = ["/log/tile/entries/../../keys/log.pem", "/log/tile/..%2f..%2fkeys%2flog.pem", "/log/tile/0/%2e%2e/%2e",
           "/log/tile/0/x001/../../../keys/log.pem", "/static/../app.py", "/static/..%2fapp.py", "/static/%2e%2e/a.py",
           "/static//etc/passwd", "/static/%00", "//etc/passwd", "/log/entry/..%2f..", "/log/entry/1%00",
           "/log/entry/%EF%BC%95", "/log/entry/-1", "/log/entry/" + "9" * 5_000, "/log/checkpoint?size=%2e%2e",
           "/v1/certificates/..%2f..%2fkeys/evidence", "/v1/certificates/%0d%0aset-cookie:x/evidence",
           "/v1/registrations/org:a%0d%0aset-cookie:x=y", "/v1/registrations/" + "a" * 60_000,
           "/v1/mrv/parameters/../../../etc/passwd", "/v1/mrv/parameters/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
           "/v1/meters/m:x%0a/register?quantity=energy&at=x", "/v1/certificates?cursor=%ff%fe",
           "/v1/anchors?cursor='%20OR%201=1", "/v1/certificates?limit=99999999999999999999",
           "/v1/ledger?serials=:::&form=csv"]


@pytest.mark.parametrize("target", TARGETS)
def test_an_odd_address_is_answered_with_an_error_and_no_file(door: Door, target: str) -> None:
    token = door.as_("org:gov-js")
    for headers in ({}, token):
        status, content = door.raw("GET", target, headers)
        assert 400 <= status < 500, (status, content[:200])
        assert b"PRIVATE KEY" not in content
        assert b"root:" not in content
        assert b"set-cookie:x=y\r\n" not in content


@pytest.mark.parametrize(("key", "status"), [("a" * 200, 404), ("a" * 201, 400), ("a" * 60_000, 400), ("é", 400),
                                             ("a b", 400), ("", 400), ("a\tb", 400)])
def test_an_idempotency_key_is_short_and_plain(door: Door, key: str, status: int) -> None:
    answer = door.client.post("/v1/mrv/eval/none.such", content=b"{}", headers={
        **door.as_(STEEL), "idempotency-key": key.encode("latin-1")})
    assert answer.status_code == status, answer.text


def test_headers_beyond_all_measure_are_refused_and_the_node_goes_on(door: Door) -> None:
    for size in (100_000, 5_000_000):
        with suppress(httpx.HTTPError):
            assert door.client.get("/healthz", headers={"x-large": "a" * size}).status_code in (200, 400)
        assert door.client.get("/healthz").status_code == 200
