"""What a verifier is told of a statement's data, and where each number comes from; over HTTP, as the desk asks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from api_helpers import JIANGHUI, bearer, check_problem
from api_plans import METER, datum, plan, signed
from api_world import ACCOUNTS, DAY, HOUR, MAIN, MAIN_RATE, PERIOD, PV, START, STEEL, SUZHENG, World, profile
from sqlalchemy import update
from starlette.testclient import TestClient

from api import pipeline
from api.app import create_app
from api.deployment import writing
from api.node import Node
from attestation.envelope import open_envelope
from attestation.models import BlockRow
from certificates.store import StoredStatement
from core.claims import ClaimInput, DocumentInput, MeterInput, MethodologyRef
from core.clock import FixedClock
from core.database import reading, transaction
from core.numbers import parse_decimal
from core.period import Period, instant_text
from core.records import Kind
from ledger import log
from mrv.authoring import catalogue

PLAN = plan()
PAPER = b"\xab" * 32


@dataclass
class Office:
    """A node with a day of readings, spoken to over ASGI."""

    world: World
    client: TestClient

    def get(self, path: str, org: str = SUZHENG) -> Any:
        return self.client.get(path, headers=bearer(self.world.deployment, org))

    def post(self, path: str, content: bytes, org: str = STEEL) -> Any:
        return self.client.post(path, content=content, headers=bearer(self.world.deployment, org))

    def plan(self, document: dict[str, Any], org: str = STEEL) -> Any:
        return self.post("/v1/mrv/plans", signed(self.world, document, org), org)

    def state(self, period: Period = PERIOD, boundary: str = "蓝河厂区", **changes: Any) -> StoredStatement:
        """The statement of an inventory of the main meter."""
        found = catalogue.shipped().methodologies["inventory.general@2"]
        facts: dict[str, Any] = {"inputs": {"purchased_electricity": [MeterInput(MAIN, "energy")]}, **changes}
        payload = self.world.claim(
            Kind.EMISSION, methodology=MethodologyRef(found.id, found.version, found.digest), period=period,
            boundary=boundary, options={"region": "jiangsu", "gwp": "AR6"}, **facts)
        return pipeline.calculate(self.world.deployment, pipeline.claim(self.world.deployment, payload).digest)

    def quality(self, statement: StoredStatement) -> dict[str, Any]:
        answer = self.get(f"/v1/claims/{statement.claim_digest.hex()}/quality")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def explained(self, statement: StoredStatement) -> Any:
        return self.get(f"/v1/claims/{statement.claim_digest.hex()}/explanation")


@pytest.fixture
def office(tmp_path: Any) -> Iterator[Office]:
    """The clock stands two days on, so that two days can be claimed."""
    world = World.made(tmp_path / "node", clock=FixedClock(START + 50 * HOUR))
    with writing(world.deployment):
        world.prepare()
    with TestClient(create_app(Node(world.deployment)), raise_server_exceptions=False) as client:
        yield Office(world, client)
    world.close()


def codes(quality: dict[str, Any], check: str = "") -> list[str]:
    return [item["code"] for item in quality["findings"] if check in ("", item["check"])]


# the control plan

def test_a_plan_is_handed_in_listed_and_read_by_those_who_may(office: Office) -> None:
    answer = office.plan(PLAN)
    assert answer.status_code == 201, answer.text
    taken = answer.json()
    assert taken["signer"] == ACCOUNTS[STEEL].address
    assert office.get("/v1/mrv/plans").json() == [taken]
    assert office.get(f"/v1/mrv/plans?entity={STEEL}", STEEL).json() == [taken]
    assert office.get(f"/v1/mrv/plans/{taken['id']}").json() == taken
    assert office.get("/v1/mrv/plans", JIANGHUI).json() == []
    check_problem(office.get(f"/v1/mrv/plans?entity={STEEL}", JIANGHUI), 403, "organisation-other")
    check_problem(office.get(f"/v1/mrv/plans/{taken['id']}", JIANGHUI), 403, "organisation-other")
    check_problem(office.get(f"/v1/mrv/plans/{'00' * 32}"), 404, "plan-unknown")
    for answer in (office.get(f"/v1/mrv/plans/{taken['id']}", JIANGHUI), office.get(f"/v1/mrv/plans/{'00' * 32}")):
        assert answer.json()["hint"]


def test_versions_follow_one_another_with_a_reason(office: Office) -> None:
    first = office.plan(PLAN).json()
    second = PLAN | {"version": "2", "previous": first["digest"], "reason": "better-instrument",
                     "valid_from": "2026-12-01"}
    assert office.plan(second).status_code == 201
    check_problem(office.plan(second | {"valid_from": "2026-12-02"}), 422, "plan-history")
    check_problem(office.post("/v1/mrv/plans", b"{}"), 400, "document-members")


def test_a_plan_of_another_enterprise_is_not_taken(office: Office) -> None:
    payload = signed(office.world, PLAN, SUZHENG)
    check_problem(office.post("/v1/mrv/plans", payload), 403, "plan-signer")
    check_problem(office.post("/v1/mrv/plans", payload, SUZHENG), 403, "role-missing")


def test_inputs_are_held_against_a_plan_without_keeping_anything(office: Office) -> None:
    case = next(case for case in catalogue.load().cases if case.rule == "inventory.general@2"
                and "document" in case.body and "error" not in case.body)
    given = case.body["document"] | {"allow_unconfirmed": True}
    answer = office.client.post("/v1/mrv/plans/check/inventory.general", json={"plans": [PLAN], "inputs": given})
    assert answer.status_code == 200, answer.text
    assert answer.json()["plan"]["version"] == "1"
    assert {item["code"] for item in answer.json()["findings"]} == {"plan-missing", "plan-source-differs"}
    assert office.get("/v1/mrv/plans").json() == []
    both = {"plans": [], "inputs": given}
    check_problem(office.client.post("/v1/mrv/plans/check/inventory.general", json=both), 400, "plan-malformed")


# the verifier's report

def test_data_as_planned_and_plausible_give_no_finding_but_the_plans_lateness(office: Office) -> None:
    office.world.accept_frames(24)
    office.plan(PLAN)
    quality = office.quality(office.state())
    assert codes(quality) == ["plan-late"]
    assert quality["plan"]["version"] == "1"
    assert quality["shares"]["purchased_electricity"]["measured"] == "100"
    assert [(item["hours"], item["valid"], item["gaps"]) for item in quality["coverage"]] == [("24", "24", [])]
    assert {item["check"] for item in quality["checks"]} == {
        "control-plan", "coverage", "stacks", "cross-check", "due", "instruments", "balance", "late", "restated",
        "documents"}


def test_a_plan_that_was_there_before_the_readings_is_in_time(office: Office) -> None:
    office.plan(PLAN)
    office.world.accept_frames(48)
    assert codes(office.quality(office.state(Period(START + DAY, START + 2 * DAY)))) == []


def test_without_a_plan_that_is_the_finding(office: Office) -> None:
    office.world.accept_frames(24)
    quality = office.quality(office.state())
    assert (quality["plan"], codes(quality)) == (None, ["plan-absent"])
    office.plan(PLAN | {"valid_from": "2026-11-18"})
    assert codes(office.quality(office.state(Period(START, START + HOUR)))) == ["plan-absent"]


@pytest.mark.parametrize(("changes", "code"), [
    ({"instrument": METER | {"meter": PV}}, "plan-meter-differs"),
    ({"source": "document", "instrument": None, "gap": "refused"}, "plan-source-differs"),
    ({"method": "estimated"}, "plan-method-differs"),
    ({"instrument": METER | {"accuracy_class": "0.2"}}, "accuracy-insufficient")])
def test_a_datum_obtained_otherwise_than_planned_is_found(office: Office, changes: dict[str, Any], code: str) -> None:
    office.world.accept_frames(24)
    office.plan(PLAN | {"data": [datum(**changes)]})
    assert code in codes(office.quality(office.state()), "control-plan")


def test_a_calibration_that_ran_out_is_a_notice_of_the_statement_and_a_finding(office: Office) -> None:
    office.world.accept_frames(24)
    lapsed = profile("import", "CN-MAIN") | {"calibration_until": instant_text(START + DAY - 1)}
    pipeline.register(office.world.deployment, office.world.signed(
        "meter", MAIN, "profile", {"profile": lapsed}, time=START + HOUR))
    statement = office.state()
    assert "calibration-lapsed" in statement.fields["notices"]
    assert codes(office.quality(statement), "instruments") == ["calibration-lapsed"]
    until = profile("import", "CN-MAIN") | {"calibration_until": instant_text(START + DAY)}
    pipeline.register(office.world.deployment, office.world.signed(
        "meter", MAIN, "profile", {"profile": until}, time=START + 2 * HOUR))
    assert "calibration-lapsed" not in office.state(boundary="乙").fields["notices"]


def test_sub_meters_that_do_not_add_up_are_found(office: Office) -> None:
    child = profile("generation", "CN-PV") | {"parent": MAIN}
    pipeline.register(office.world.deployment, office.world.signed("meter", PV, "profile", {"profile": child},
                                                                   time=START - HOUR))
    office.world.accept_frames(24)
    (finding,) = [item for item in office.quality(office.state())["findings"] if item["check"] == "balance"]
    assert (finding["code"], finding["where"]) == ("balance-open", MAIN)
    assert f"{MAIN_RATE * 96} Wh" in finding["message"]


def test_hours_without_readings_are_told_one_by_one(office: Office) -> None:
    """20 of 24 hours were read: below the 90 % of the practice; the rest was filled as planned."""
    office.world.accept_frames(19)
    office.plan(PLAN)
    quality = office.quality(office.state())
    assert codes(quality, "coverage") == ["coverage-low"]
    assert quality["coverage"][0]["gaps"] == [
        {"from": instant_text(START + 20 * HOUR), "to": instant_text(START + DAY)}]
    assert quality["shares"]["purchased_electricity"]["substitutions"] == "1"
    assert codes(quality, "control-plan") == ["plan-late"]


def test_what_a_correction_changed_is_named(office: Office) -> None:
    office.world.accept_frames(24)
    bill: ClaimInput = DocumentInput(PAPER, parse_decimal("9000"), "kWh", "电费单")
    first = office.state(inputs={"purchased_electricity": [bill]})
    second = office.state(supersedes=first.digest)
    found = [item for item in office.quality(second)["findings"] if item["check"] == "restated"]
    assert {item["where"] for item in found} == {"result", "purchased_electricity"}
    assert any("9000 became 9600" in item["message"] for item in found)


def test_a_bill_that_two_periods_rest_on_is_found(office: Office) -> None:
    bill: ClaimInput = DocumentInput(PAPER, parse_decimal("9000"), "kWh", "电费单")
    given = {"purchased_electricity": [bill]}
    assert codes(office.quality(office.state(inputs=given)), "documents") == []
    again = office.state(Period(START + DAY, START + 2 * DAY), inputs=given)
    assert codes(office.quality(again), "documents") == ["document-reused"]


def test_a_report_is_for_the_subject_and_those_with_oversight(office: Office) -> None:
    office.world.accept_frames(24)
    claim = office.state().claim_digest.hex()
    for what in ("quality", "explanation"):
        assert office.get(f"/v1/claims/{claim}/{what}", STEEL).status_code == 200
        check_problem(office.get(f"/v1/claims/{claim}/{what}", JIANGHUI), 403, "organisation-other")
        check_problem(office.get(f"/v1/claims/{'00' * 32}/{what}"), 404, "claim-unknown")


# where a number comes from

def test_every_input_is_walked_to_the_reading_in_its_signed_frame(office: Office) -> None:
    office.world.accept_frames(24)
    statement = office.state()
    answer = office.explained(statement).json()
    assert answer["tree"]["kind"] == "result"
    electricity = next(item for item in answer["sources"] if item["kind"] == "input")
    start, end = electricity["readings"]
    assert int(end["position"]) - int(start["position"]) == int(electricity["value"])
    with reading(office.world.deployment.engine) as connection:
        for place in (start, end):
            opened = open_envelope(log.entry(connection, int(place["index"])))
            assert (opened.digest.hex(), opened.kid.hex()) == (place["frame"], place["key"])
    factor = next(item for item in answer["sources"] if item["kind"] == "parameter")
    assert factor["digest"] == catalogue.shipped().parameter(factor["name"]).digest.hex()
    assert factor["source"]


def test_a_number_whose_reading_is_not_there_is_not_explained(office: Office) -> None:
    office.world.accept_frames(24)
    statement = office.state()
    index = int(next(item["record"]["source"]["to"]["index"] for item in statement.details
                     if item["record"]["kind"] == "input"))
    with transaction(office.world.deployment.engine) as connection:
        connection.execute(update(BlockRow).where(BlockRow.log_index == index).values(header=b"\x80"))
    check_problem(office.explained(statement), 409, "source-broken")


def test_a_document_is_walked_to_its_digest(office: Office) -> None:
    bill: ClaimInput = DocumentInput(PAPER, parse_decimal("9000"), "kWh", "电费单")
    sources = office.explained(office.state(inputs={"purchased_electricity": [bill]})).json()["sources"]
    assert [(item["source"], item["digest"]) for item in sources if item["kind"] == "input"] == [
        ("document", PAPER.hex())]
