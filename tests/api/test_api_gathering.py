"""What a statement is built from: parts at a rule's change, planned substitutions, the statement before; verified."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from api_plans import datum, hand_in, plan, two_days
from api_world import ACCOUNTS, DAY, HOUR, MAIN, MAIN_RATE, MINUTE, START, STEEL, SUZHENG, World

from api import evidence, fsck, gather, metering, pipeline, plans
from attestation.envelope import open_envelope
from certificates import store
from certificates.store import StoredStatement
from core.claims import ClaimInput, Covers, DocumentInput, MeterInput, MethodologyRef
from core.database import reading
from core.errors import CarbonSealError
from core.jcs import parse
from core.numbers import parse_decimal
from core.period import Period, instant_text
from core.records import Kind
from ledger import log
from mrv.authoring import catalogue
from mrv.authoring.translate import methodology_document, parameter_documents
from mrv.definitions.dates import days_of
from mrv.definitions.ruleset import RuleSet
from mrv.quality.signed_plan import sign_plan
from verify.report import Outcome
from verify.verifier import verify

GENERAL = "inventory.general"
TWO_DAYS = Period(START, START + 2 * DAY)
ONE_DAY = Period(START, START + DAY)

# A factor in force that changes at the midnight between the two days.
_CHANGING = {"shared": {"select": "in-force", "unit": "kgCO2/kWh", "status": "published"}, "parameters": {
    "test.factor": {"title": {"zh": "因子", "en": "factor"}, "values": [
        {"key": "old", "value": "0.5", "from": "2026-01-01", "to": "2026-11-18", "source": "a", "date_status": "known"},
        {"key": "new", "value": "0.4", "from": "2026-11-18", "to": None, "source": "b", "date_status": "known"}]}}}
_METHODOLOGY: dict[str, Any] = {
    "id": "inventory.test", "version": "1", "kind": "emission", "title": {"zh": "测试", "en": "test"}, "source": "none",
    "status": "published", "valid": {"from": "2026-01-01", "to": None},
    "inputs": {"electricity": {"zh": "电", "en": "electricity", "unit": "kWh", "required": "true", "gap": "none",
                               "sources": ["register", "document"], "methods": ["measured"]}},
    "steps": {"location": {"formula": "electricity.location@1", "with": {
        "consumption": "inputs.electricity", "factor": "parameters.test.factor"}}},
    "outputs": {"emission": "steps.location.emission"}, "split": ["emission"],
    "result": {"output": "emission", "unit": "kgCO2e", "rounding": "round", "digits": "0"}, "max_staleness": "900000"}


def changing_rules() -> RuleSet:
    documents = dict(catalogue.load().ruleset.documents())
    unit = {**_METHODOLOGY, "result": {**_METHODOLOGY["result"], "unit": "kgCO2"}}
    documents["methodologies/inventory.test@1"] = methodology_document(unit)
    return RuleSet.from_documents(documents | {
        f"parameters/{item['id']}": item for item in parameter_documents(_CHANGING)})


@pytest.fixture
def park(tmp_path: Path) -> Iterator[World]:
    with two_days(tmp_path) as world:
        yield world


def claim(world: World, methodology: str, period: Period, inputs: dict[str, list[ClaimInput]], **changes: Any) -> bytes:
    found = catalogue.shipped().methodology(methodology, None, *days_of(period))
    ref = MethodologyRef(found.id, found.version, found.digest)
    return world.claim(Kind.EMISSION, methodology=ref, period=period, inputs=inputs, **changes)


def general(world: World, period: Period = ONE_DAY, **changes: Any) -> bytes:
    return claim(world, GENERAL, period, **{"inputs": {"purchased_electricity": [MeterInput(MAIN, "energy")]},
                                            "options": {"region": "jiangsu", "gwp": "AR6"}, **changes})


def calculated(world: World, payload: bytes) -> StoredStatement:
    return pipeline.calculate(world.deployment, pipeline.claim(world.deployment, payload).digest)


def code_of(world: World, payload: bytes) -> str:
    with pytest.raises(CarbonSealError) as caught:
        calculated(world, payload)
    return caught.value.code


def records(statement: StoredStatement, kind: str = "input") -> list[dict[str, Any]]:
    return [dict(item["record"]) for item in statement.details if item["record"]["kind"] == kind]


def check_offline(world: World, statement: StoredStatement, *levels: str) -> None:
    """A reader verifies the review file: every step that needs no chain and no opinion passes."""
    pipeline.seal(world.deployment)
    for level in levels or ("full", "auditor", "buyer"):
        data = evidence.export(world.deployment, world.link, statement.digest, purpose="review", level=level)
        report = verify(data, world.deployment.trust, now=world.clock.now(), require=[1])
        assert [step for step in report.steps if step.outcome is Outcome.FAILED] == [], level
        passed = {step.n for step in report.steps if step.outcome is Outcome.PASSED}
        assert {1, 2, 4, 6} <= passed
        assert level == "buyer" or {7, 8} <= passed


# uncertainty

def test_a_statement_from_the_log_states_the_uncertainty_of_its_meter(park: World) -> None:
    park.accept_frames(49)
    statement = calculated(park, general(park))
    assert [record["uncertainty"] for record in records(statement)] == ["0.5"]
    assert statement.fields["outputs"]["quality.uncertainty"] == {"value": "0.5", "unit": "%"}
    assert not [code for code in statement.fields["notices"] if code.startswith("uncertainty")]
    check_offline(park, statement)


def test_a_document_brings_the_uncertainty_that_it_states(park: World) -> None:
    park.accept_frames(49)
    bills: list[ClaimInput] = [DocumentInput(b"\xcd" * 32, parse_decimal("9600"), "kWh", "电费单", Decimal("2")),
                               DocumentInput(b"\xce" * 32, parse_decimal("9600"), "kWh", "电费单")]
    statement = calculated(park, general(park, inputs={"purchased_electricity": bills}))
    assert [record["uncertainty"] for record in records(statement)] == ["2", None]
    assert statement.fields["outputs"]["quality.uncertainty"] == {"value": "1", "unit": "%"}
    assert "uncertainty-partial" in statement.fields["notices"]
    check_offline(park, statement)


def test_another_uncertainty_than_the_claim_s_document_states_is_found(park: World,
                                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    park.accept_frames(49)
    bill: ClaimInput = DocumentInput(b"\xcd" * 32, parse_decimal("9600"), "kWh", "电费单", Decimal("2"))
    honest = gather._document_item
    monkeypatch.setattr(gather, "_document_item", lambda *given: honest(*given) | {"uncertainty": "1"})
    statement = calculated(park, general(park, inputs={"purchased_electricity": [bill]}))
    pipeline.seal(park.deployment)
    data = evidence.export(park.deployment, park.link, statement.digest, purpose="review", level="full")
    report = verify(data, park.deployment.trust, now=park.clock.now())
    assert [(step.n, step.code) for step in report.steps if step.outcome is Outcome.FAILED] == [(9, "claim-inputs")]


# a period across a change

def test_a_period_across_a_change_is_built_in_parts_from_the_registers(
        park: World, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = changing_rules()
    monkeypatch.setattr(catalogue, "shipped", lambda: rules)
    pipeline.release_rules(park.deployment, park.rules())
    park.accept_frames(49)
    metered: dict[str, list[ClaimInput]] = {"electricity": [MeterInput(MAIN, "energy")]}
    statement = calculated(park, claim(park, "inventory.test", TWO_DAYS, metered, options={}))
    day = MAIN_RATE * 96 // 1000
    assert statement.fields["result"]["value"] == str(day * 5 // 10 + day * 4 // 10)
    assert "period-split" in statement.fields["notices"]
    first, second = records(statement)
    assert first["source"]["to"] == second["source"]["from"]
    assert first["source"]["to"]["time"] == instant_text(START + DAY)
    assert [record["key"] for record in records(statement, "parameter")] == ["old", "new"]
    assert statement.fields["completeness"]["max_staleness_ms"] == "0"
    check_offline(park, statement)

    # A bill of both days says nothing of either.
    bill: dict[str, list[ClaimInput]] = {
        "electricity": [DocumentInput(b"\xab" * 32, parse_decimal("5"), "kWh", "电费单")]}
    assert code_of(park, claim(park, "inventory.test", TWO_DAYS, bill, options={}, boundary="乙")) == \
        "document-undivided"
    # One that says which share is of which day is taken, each in its part.
    shares: dict[str, list[ClaimInput]] = {"electricity": [
        DocumentInput(b"\xab" * 32, parse_decimal(value), "kWh", "电费单", None, Covers(start, start + DAY, None))
        for value, start in (("10", START), ("20", START + DAY))]}
    divided = calculated(park, claim(park, "inventory.test", TWO_DAYS, shares, options={}, boundary="丁"))
    assert divided.fields["result"]["value"] == "13"
    check_offline(park, divided)
    crossing: dict[str, list[ClaimInput]] = {"electricity": [
        DocumentInput(b"\xab" * 32, parse_decimal("5"), "kWh", "电费单", None, Covers(START, START + 2 * DAY, None))]}
    assert code_of(park, claim(park, "inventory.test", TWO_DAYS, crossing, options={}, boundary="戊")) == \
        "period-outside"
    one = claim(park, "inventory.test", ONE_DAY, bill, options={}, boundary="丙")
    assert "period-split" not in calculated(park, one).fields["notices"]


# gaps

def test_a_gap_at_the_end_is_refused_unless_the_plan_says_how_it_is_filled(park: World) -> None:
    park.accept_frames(19)
    refused = general(park)
    assert code_of(park, refused) == "reading-stale"
    hand_in(park, plan(data=[datum(gap="refused")]))
    assert code_of(park, refused) == "reading-stale"


def test_a_planned_gap_is_filled_with_the_greatest_rate_named_and_counted(park: World) -> None:
    park.accept_frames(19)
    hand_in(park, plan())
    statement = calculated(park, general(park))
    metered, filled = records(statement)
    assert (metered["source"]["type"], filled["source"]["type"]) == ("register", "substitution")
    last = START + 20 * HOUR - 15 * MINUTE
    assert metered["source"]["to"]["time"] == filled["source"]["start"] == instant_text(last)
    assert filled["source"]["end"] == instant_text(START + DAY)
    assert filled["source"]["rate"] == {"value": str(MAIN_RATE * 4), "unit": "W"}
    assert filled["quantity"] == {"value": str(MAIN_RATE * 17), "unit": "Wh"}
    assert {"substituted-input", "estimated-input"} <= set(statement.fields["notices"])
    assert (metered["uncertainty"], filled["uncertainty"]) == ("0.5", "100")
    assert statement.fields["outputs"]["quality.uncertainty"] == {"value": "17.7131", "unit": "%"}
    share = statement.fields["outputs"]["quality.substituted.purchased_electricity"]
    assert share == {"value": "17.7083", "unit": "%"}
    assert statement.fields["completeness"]["max_staleness_ms"] == "0"
    check_offline(park, statement)


def test_the_rate_of_a_gap_can_be_walked_to_a_signed_frame(park: World) -> None:
    park.accept_frames(19)
    hand_in(park, plan())
    filled = records(calculated(park, general(park)))[1]
    with reading(park.deployment.engine) as connection:
        digests = {open_envelope(data).digest.hex() for _, data in log.entries(connection, 0, log.size(connection))}
    assert filled["source"]["digest"] in digests


def test_a_gap_at_the_start_ends_with_the_first_reading_there_is(park: World) -> None:
    before = Period(START - DAY, START)
    refused = general(park, before)
    assert code_of(park, refused) == "register-not-yet"
    hand_in(park, plan())
    metered, filled = records(calculated(park, refused))
    first = instant_text(START - HOUR)
    assert metered["source"]["from"]["time"] == filled["source"]["end"] == first
    assert filled["source"]["start"] == instant_text(START - DAY)
    assert metered["quantity"] == {"value": str(MAIN_RATE * 4), "unit": "Wh"}
    assert filled["quantity"] == {"value": str(MAIN_RATE * 4 * 23), "unit": "Wh"}
    with reading(park.deployment.engine) as connection:
        statement = store.statement_of(connection, pipeline.claim(park.deployment, refused).digest)
    check_offline(park, statement)


def test_a_gap_before_readings_that_were_there_does_not_verify(park: World) -> None:
    """A node that calls measured hours a gap is found out: the file shows their readings."""
    park.accept_frames(24)
    hand_in(park, plan())
    original = metering._first_after
    patch = pytest.MonkeyPatch()
    patch.setattr(metering, "_is_gap", lambda earlier, later, treatment: later == START or later - earlier > HOUR)
    patch.setattr(metering, "_first_after", lambda connection, given, period: original(
        connection, given, Period(START + 5 * HOUR, period.end)))
    statement = calculated(park, general(park))
    patch.undo()
    assert records(statement)[1]["source"]["end"] == instant_text(START + 5 * HOUR)
    pipeline.seal(park.deployment)
    data = evidence.export(park.deployment, park.link, statement.digest, purpose="review", level="full")
    report = verify(data, park.deployment.trust, now=park.clock.now())
    assert [(step.n, step.code) for step in report.steps if step.outcome is Outcome.FAILED] == [
        (7, "reading-not-last")]


def test_nothing_is_filled_where_nothing_was_measured(park: World) -> None:
    hand_in(park, plan())
    later = Period(START + DAY, START + 2 * DAY)
    assert code_of(park, general(park, later)) == "register-not-yet"


# the statement before

def test_a_statement_names_the_one_before_with_the_priority_of_each_source(park: World) -> None:
    park.accept_frames(49)
    first = calculated(park, general(park))
    assert "previous" not in records(first, "run")[0]
    second = calculated(park, general(park, Period(START + DAY, START + 2 * DAY)))
    assert records(second, "run")[0]["previous"] == {
        "statement": first.digest.hex(), "priorities": {"purchased_electricity": "1"}}
    assert "source-priority-dropped" not in second.fields["notices"]
    check_offline(park, second, "full")


def test_a_source_that_sinks_from_one_period_to_the_next_is_a_notice(park: World) -> None:
    park.accept_frames(49)
    calculated(park, general(park))
    bill: ClaimInput = DocumentInput(b"\xcd" * 32, parse_decimal("9600"), "kWh", "电费单")
    sunk = general(park, Period(START + DAY, START + 2 * DAY), inputs={"purchased_electricity": [bill]})
    statement = calculated(park, sunk)
    assert "source-priority-dropped" in statement.fields["notices"]
    check_offline(park, statement, "full")


def test_another_boundary_or_a_later_period_is_no_statement_before(park: World) -> None:
    park.accept_frames(49)
    calculated(park, general(park, Period(START + DAY, START + 2 * DAY)))
    calculated(park, general(park, boundary="另一厂区"))
    assert "previous" not in records(calculated(park, general(park)), "run")[0]


def test_the_newest_correction_is_the_statement_before(park: World) -> None:
    park.accept_frames(49)
    first = calculated(park, general(park))
    corrected = calculated(park, general(park, supersedes=first.digest))
    second = calculated(park, general(park, Period(START + DAY, START + 2 * DAY)))
    assert records(second, "run")[0]["previous"]["statement"] == corrected.digest.hex()


# documents of the log

def test_a_plan_is_a_leaf_of_the_log_and_held_by_fsck(park: World) -> None:
    taken = hand_in(park, plan())
    with reading(park.deployment.engine) as connection:
        opened = open_envelope(log.entry(connection, taken.log_index))
    assert opened.digest == taken.digest
    assert parse(opened.payload)["plan"]["entity"] == STEEL
    pipeline.seal(park.deployment)
    assert [item for item in fsck.check(park.deployment, None) if item.step == "documents"] == []


def test_a_plan_handed_in_twice_is_one_plan(park: World) -> None:
    assert hand_in(park, plan()) == hand_in(park, plan())


@pytest.mark.parametrize(("changes", "org", "code"), [
    ({}, SUZHENG, "plan-signer"), ({"entity": SUZHENG}, SUZHENG, "plan-role"),
    ({"version": "2", "previous": "00" * 32, "reason": "wrong-data"}, STEEL, "plan-history"),
    ({"methodology": "no.such"}, STEEL, "methodology-unknown"),
    ({"data": [datum(input="no_such")]}, STEEL, "input-unknown"), ({"data": [datum(unit="t")]}, STEEL, "unit-mismatch"),
    ({"data": [datum(gap="zero")]}, STEEL, "source-not-allowed"),
    ({"data": [datum(source="claim-point")]}, STEEL, "source-not-allowed")])
def test_a_plan_that_is_not_the_enterprises_own_and_sound_is_refused(
        park: World, changes: dict[str, Any], org: str, code: str) -> None:
    with pytest.raises(CarbonSealError) as caught:
        hand_in(park, plan(**changes), org)
    assert caught.value.code == code


def test_a_plan_signed_for_another_log_is_refused(park: World) -> None:
    payload = sign_plan(plan(), ACCOUNTS[STEEL], "elsewhere.example", pipeline.domain_of(park.deployment))
    with pytest.raises(CarbonSealError) as caught:
        plans.take(park.deployment, payload)
    assert caught.value.code == "plan-context"
