"""Control plans from hostile enterprises: malformed, forged, many, at once, and edited in the database afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from api_helpers import ORIGIN, bearer
from api_world import ACCOUNTS, REGISTRAR_KEY, START, STEEL, World, participant_fields
from sqlalchemy import insert, text
from sqlmodel import SQLModel

from api import fsck, pipeline, plans
from api.deployment import Founding, add_token, create, writing
from api.server import Server
from core import jcs
from core.clock import FixedClock
from core.database import reading, transaction
from core.ethereum import Account
from mrv.quality.signed_plan import SignedPlan, read_signed_plan, sign_plan

OTHER = "org:other-works"
SIGNERS = {STEEL: ACCOUNTS[STEEL], OTHER: Account(OTHER.encode().ljust(32, b"."))}
DATUM: dict[str, Any] = {
    "input": "purchased_electricity", "title": {"zh": "购入电量", "en": "purchased electricity"},
    "computation": "起止示数之差", "unit": "kWh", "source": "register", "method": "measured",
    "instrument": {"meter": "m:lanhe-main", "model": "DTZ341", "place": "总降", "accuracy_class": "0.5S",
                   "calibration_days": "2190"},
    "frequency": "continuous", "gap": "greatest-rate", "department": "能源部"}
PLAN: dict[str, Any] = {
    "schema": "carbonseal-control-plan/1", "version": "1", "previous": None, "reason": "first",
    "valid_from": "2026-01-01", "methodology": "inventory.general",
    "facilities": [{"id": "fac:plant", "title": "厂区"}], "data": [DATUM], "assurance": ["台账每月核对"]}
URL = "/v1/mrv/plans"
ENTRIES = SQLModel.metadata.tables["api_entry"]


@dataclass
class Desk:
    """A served node with two enterprises, and a client."""

    world: World
    client: httpx.Client

    def signed(self, org: str, signer: str = "", **changes: Any) -> bytes:
        document = {**PLAN, "entity": org, "boundary": "厂区", **changes}
        domain = pipeline.domain_of(self.world.deployment)
        return sign_plan(document, SIGNERS[signer or org], self.world.deployment.origin, domain)

    def post(self, payload: bytes, org: str = STEEL, **headers: str) -> httpx.Response:
        return self.client.post(URL, content=payload, headers={**bearer(self.world.deployment, org), **headers})

    def kept(self) -> int:
        """How many plans the log holds; the node writes manifests by itself meanwhile."""
        with reading(self.world.deployment.engine) as connection:
            return sum(1 for _ in plans.stored(connection))


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    founding = Founding(ORIGIN, {STEEL: ["enterprise"]}, registrars=[REGISTRAR_KEY.public_key])
    world = World(create(tmp_path_factory.mktemp("plans") / "node", founding, clock=FixedClock(START), chain=False))
    world.trust_nobody()
    with writing(world.deployment):
        for org, account in SIGNERS.items():
            pipeline.register(world.deployment, world.signed("participant", org, "register", participant_fields(
                org, ["enterprise"], [], account.address)))
        add_token(world.deployment, OTHER, ["enterprise"])
    with Server(world.deployment, port=0) as server, httpx.Client(base_url=server.url, trust_env=False,
                                                                  timeout=60) as client:
        yield Desk(world, client)
    world.close()


# bad input

CHANGES: list[tuple[tuple[Any, ...], Any]] = [
    (("plan", "version"), "9" * 400), (("plan", "valid_from"), "0001-01-01"), (("plan", "valid_from"), "9999-12-31"),
    (("plan", "data"), [None]), (("plan", "data"), [DATUM] * 1001), (("plan", "data", 0, "unit"), "kWh^999999999"),
    (("plan", "data", 0, "instrument", "calibration_days"), "9" * 19),
    (("plan", "data", 0, "instrument", "accuracy_class"), "1e999999999"),
    (("plan", "data", 0, "title"), {"zh": "\x00", "en": "x"}), (("plan", "methodology"), "x" * 2000),
    (("plan", "entity"), OTHER), (("plan", "boundary"), ["厂区"]), (("origin",), None),
    (("origin",), "other.example/a"),
    (("domain", "chain_id"), "1" * 80), (("domain", "chain_id"), "1"), (("signature",), "00" * 65),
    (("signature",), "ff" * 65), (("signature",), "zz"), (("schema",), "carbonseal-control-plan/1")]


@pytest.mark.parametrize(("place", "value"), CHANGES, ids=[f"{place[-1]}-{i}" for i, (place, _) in enumerate(CHANGES)])
def test_a_plan_changed_in_any_member_is_refused_with_a_code_and_leaves_no_entry(desk: Desk, place: tuple[Any, ...],
                                                                                 value: Any) -> None:
    document = deepcopy(json.loads(desk.signed(STEEL)))
    at = document
    for step in place[:-1]:
        at = at[step]
    at[place[-1]] = value
    before = desk.kept()
    answer = desk.post(jcs.canonical(document))
    assert answer.status_code in (400, 403, 404, 409, 422), answer.text
    assert answer.json()["code"] != "internal-error"
    assert desk.kept() == before


@pytest.mark.parametrize("content", [b"", b"x", b"{}", b"[]", b"null", b"[" * 60_000, b"\xff" * 9, b'{"plan":1e400}',
                                     b'{"a":1,"a":2}', b'"' + b"x" * 5_000_000 + b'"'])
def test_what_is_no_plan_is_a_form_error(desk: Desk, content: bytes) -> None:
    assert desk.post(content).status_code == 400


def test_nobody_signs_or_hands_in_a_plan_for_a_neighbour(desk: Desk) -> None:
    before = desk.kept()
    assert desk.post(desk.signed(STEEL), OTHER).json()["code"] == "organisation-other"
    assert desk.post(desk.signed(STEEL, OTHER), STEEL).json()["code"] == "plan-signer"
    assert desk.kept() == before


# at once, and many

def test_one_plan_sent_thirty_times_at_once_is_one_entry(desk: Desk) -> None:
    payload, before = desk.signed(STEEL, boundary="并发"), desk.kept()
    with ThreadPoolExecutor(30) as senders:
        keyed = [senders.submit(desk.post, payload, STEEL, **{"idempotency-key": "one"}) for _ in range(15)]
        plain = [senders.submit(desk.post, payload, STEEL) for _ in range(15)]
        answers = [sent.result() for sent in keyed + plain]
    taken = [answer.json()["index"] for answer in answers if answer.status_code == 201]
    others = {answer.json()["code"] for answer in answers if answer.status_code != 201}
    assert len(set(taken)) == 1
    assert others <= {"idempotency-in-progress"}
    assert desk.kept() == before + 1


def test_the_plans_of_one_enterprise_cost_another_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(40):
        assert desk.post(desk.signed(OTHER, boundary=f"边界 {number}"), OTHER).status_code == 201
    read: list[bytes] = []

    def counting(payload: bytes) -> SignedPlan:
        read.append(payload)
        return read_signed_plan(payload)

    monkeypatch.setattr(plans, "read_signed_plan", counting)
    first = desk.post(desk.signed(STEEL, boundary="自己的"))
    assert first.status_code == 201, first.text
    listed = desk.client.get(URL, headers=bearer(desk.world.deployment, STEEL)).json()
    assert {item["plan"]["entity"] for item in listed} == {STEEL}
    with reading(desk.world.deployment.engine) as connection:
        assert len(plans.history(connection, STEEL, "自己的", "inventory.general")) == 1
    assert OTHER.encode() not in b"".join(read)


def test_many_plans_are_read_page_by_page_and_a_page_is_bounded(desk: Desk) -> None:
    def listed(query: str, org: str = STEEL) -> httpx.Response:
        return desk.client.get(f"{URL}?{query}", headers=bearer(desk.world.deployment, org))

    for number in range(5):
        assert desk.post(desk.signed(STEEL, boundary=f"分页 {number}")).status_code == 201
    whole = listed("limit=500").json()
    indices = [int(item["index"]) for item in whole]
    assert len(whole) >= 5
    assert indices == sorted(indices, reverse=True)
    pages = [listed("limit=2")]
    while "next" in pages[-1].links:
        pages.append(desk.client.get(pages[-1].links["next"]["url"], headers=bearer(desk.world.deployment, STEEL)))
    assert [item for answer in pages for item in answer.json()] == whole
    assert {len(answer.json()) for answer in pages[:-1]} == {2}
    assert [listed(query).json()["code"] for query in ("limit=0", "limit=501", "cursor=x")] == [
        "parameter-invalid", "parameter-invalid", "cursor-malformed"]


def test_a_neighbours_cursor_opens_no_neighbours_plans(desk: Desk) -> None:
    for org in (STEEL, OTHER):
        for number in range(2):
            assert desk.post(desk.signed(org, boundary=f"游标 {number}"), org).status_code == 201
    first = desk.client.get(f"{URL}?limit=1", headers=bearer(desk.world.deployment, STEEL))
    taken = desk.client.get(first.links["next"]["url"], headers=bearer(desk.world.deployment, OTHER))
    assert taken.status_code == 200
    assert {item["plan"]["entity"] for item in taken.json()} <= {OTHER}
    named = desk.client.get(f"{URL}?limit=1&entity={STEEL}", headers=bearer(desk.world.deployment, OTHER))
    assert named.json()["code"] == "organisation-other"


# edited afterwards

@pytest.mark.parametrize("edit", ["UPDATE api_entry SET subject = 'org:nobody' WHERE subject = :org",
                                  "UPDATE api_entry SET payload = :payload WHERE subject = :org",
                                  "DELETE FROM api_entry WHERE subject = :org"])
def test_a_plan_edited_moved_or_deleted_in_the_database_is_found(desk: Desk, edit: str) -> None:
    engine = desk.world.deployment.engine
    desk.post(desk.signed(STEEL, boundary="被改"))
    with transaction(engine) as connection:
        kept = connection.execute(text("SELECT * FROM api_entry WHERE subject = :org"), {"org": STEEL}).mappings().all()
        connection.execute(text(edit), {"org": STEEL, "payload": b"{}"} if ":payload" in edit else {"org": STEEL})
    found = {(item.code, item.place) for item in fsck.check(desk.world.deployment, None)}
    with transaction(engine) as connection:
        for row in kept:
            connection.execute(text("DELETE FROM api_entry WHERE digest = :digest"), {"digest": row["digest"]})
            connection.execute(insert(ENTRIES).values(dict(row)))
    assert {("document-differs", f"entry {row['log_index']}") for row in kept} <= found
    assert fsck.check(desk.world.deployment, None) == []
