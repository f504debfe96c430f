"""The data quality control plan: strict to read, one version after another, every datum held against it."""

from __future__ import annotations

from copy import deepcopy
from datetime import date
from typing import Any

import pytest
from mrv_helpers import PERIOD, code_of, inventory, item, paper, register

from core.period import Period
from mrv.authoring.catalogue import shipped
from mrv.calculation.inputs import Inputs, read_inputs
from mrv.quality.checks import Finding
from mrv.quality.plan import ControlPlan, check_history, check_inputs, parse_plan, plan_in_force

METHODOLOGY = shipped().methodologies["inventory.general@2"]
DATUM = {"input": "purchased_electricity", "title": {"zh": "购入电量", "en": "purchased electricity"},
         "computation": "总表起止示数之差", "unit": "kWh", "source": "register", "method": "measured",
         "instrument": {"meter": "m:plant-main", "model": "DTZ341", "place": "总降 1 号柜", "accuracy_class": "0.5S",
                        "calibration_days": "2190"},
         "frequency": "continuous", "gap": "greatest-rate", "department": "能源部"}
DIESEL = DATUM | {"input": "fuel.diesel", "source": "document", "instrument": None, "unit": "t",
                  "frequency": "per-batch", "gap": "refused"}


def plan(**members: Any) -> dict[str, Any]:
    return deepcopy({
        "schema": "carbonseal-control-plan/1", "entity": "org:plant", "boundary": "厂区", "version": "1",
        "previous": None, "reason": "first", "valid_from": "2026-01-01", "methodology": "inventory.general",
        "facilities": [{"id": "fac:boiler-1", "title": "1 号锅炉"}], "data": [DATUM],
        "assurance": ["计量器具台账每月核对"]} | members)


def revision(before: dict[str, Any], **members: Any) -> dict[str, Any]:
    return plan(version="2", previous=parse_plan(before).digest.hex(), reason="better-instrument",
                valid_from="2026-11-16", **members)


def inputs_of(**given: Any) -> Inputs:
    document = inventory(options={"region": "jiangsu", "gwp": "AR6"})
    document["inputs"] |= given
    return read_inputs(METHODOLOGY, document, Period.from_json(PERIOD))


def codes(findings: list[Finding]) -> list[str]:
    return sorted(finding.code for finding in findings)


def checked(document: dict[str, Any], **given: Any) -> list[str]:
    return codes(check_inputs(parse_plan(document), inputs_of(**given)))


def test_data_as_planned_give_no_finding() -> None:
    assert checked(plan()) == []


def test_a_datum_that_is_not_planned_is_found() -> None:
    assert checked(plan(), **{"fuel.diesel": [item("1", "t", paper())]}) == ["plan-missing"]
    assert checked(plan(data=[DATUM, DIESEL]), **{"fuel.diesel": [item("1", "t", paper())]}) == []


def test_a_planned_datum_that_is_absent_is_found() -> None:
    assert checked(plan(data=[DATUM, DIESEL])) == ["plan-datum-absent"]


@pytest.mark.parametrize(("datum", "expected"), [
    ({"source": "document", "instrument": None}, ["plan-meter-differs", "plan-source-differs"]),
    ({"method": "estimated"}, ["plan-method-differs"]), ({"unit": "t"}, ["plan-unit-differs"]),
    ({"unit": "MWh"}, []), ({"instrument": DATUM["instrument"] | {"meter": "m:other"}}, ["plan-meter-differs"])])
def test_a_datum_obtained_otherwise_is_found(datum: dict[str, Any], expected: list[str]) -> None:
    assert checked(plan(data=[DATUM | datum])) == expected


def test_of_several_planned_ways_the_nearest_counts() -> None:
    second = DATUM | {"instrument": DATUM["instrument"] | {"meter": "m:two"}}
    given = {"purchased_electricity": [item("1", "Wh", register("0", "1")),
                                       item("1", "Wh", register("0", "1", "m:two"))]}
    assert checked(plan(data=[DATUM, second]), **given) == []
    assert checked(plan(), **given) == ["plan-meter-differs"]


@pytest.mark.parametrize(("gap", "expected"), [("greatest-rate", []), ("zero", ["plan-gap-differs"]),
                                               ("refused", ["plan-gap-differs"])])
def test_a_gap_is_treated_as_planned(gap: str, expected: list[str]) -> None:
    source = {"type": "substitution", "rule": "greatest-rate", "meter": "m:plant-main", "digest": "ef" * 32,
              "start": PERIOD["start"], "end": "2026-10-31T17:00:00.000Z", "rate": {"value": "5", "unit": "kW"},
              "reason": "通信中断"}
    given = {"purchased_electricity": [item("5", "kWh", source, "3", "estimated")]}
    assert checked(plan(data=[DATUM | {"gap": gap}]), **given) == expected


# Versions


def history(*documents: dict[str, Any]) -> list[ControlPlan]:
    return [parse_plan(document) for document in documents]


def test_the_plan_of_the_first_day_holds_and_a_change_within_is_found() -> None:
    plans = history(plan(), revision(plan()))
    chosen, findings = plan_in_force(plans, date(2026, 11, 1), date(2026, 11, 30))
    assert (chosen.version, codes(findings)) == (1, ["plan-changed"])
    chosen, findings = plan_in_force(plans, date(2026, 11, 1), date(2026, 11, 15))
    assert (chosen.version, findings) == (1, [])
    chosen, findings = plan_in_force(plans, date(2026, 11, 16), date(2026, 11, 30))
    assert (chosen.version, findings) == (2, [])


def test_before_the_first_plan_there_is_none() -> None:
    assert plan_in_force(history(plan()), date(2026, 1, 1), date(2026, 1, 2))[0].version == 1
    assert code_of(lambda: plan_in_force(history(plan()), date(2025, 12, 31), date(2026, 1, 2))) == "plan-not-in-force"


@pytest.mark.parametrize("members", [
    {"version": "3"}, {"previous": "00" * 32}, {"entity": "org:other"}, {"valid_from": "2026-01-01"}])
def test_a_revision_follows_the_version_before(members: dict[str, Any]) -> None:
    check_history(history(plan(), revision(plan())))
    assert code_of(lambda: check_history(history(plan(), revision(plan()) | members))) == "plan-history"


def test_a_history_begins_with_the_first_version() -> None:
    assert code_of(lambda: check_history([])) == "plan-history"
    assert code_of(lambda: check_history(history(revision(plan())))) == "plan-history"


@pytest.mark.parametrize("members", [
    {"version": "0"}, {"version": "2"}, {"previous": "00" * 32}, {"reason": "new-source"},
    {"version": "2", "previous": "00" * 32}, {"version": "2", "previous": "00" * 32, "reason": "tidying"}])
def test_a_first_version_has_no_reason_and_a_later_one_does(members: dict[str, Any]) -> None:
    assert code_of(lambda: parse_plan(plan(**members))) == "plan-malformed"


# Form


@pytest.mark.parametrize(("members", "code"), [
    ({"schema": "x"}, "plan-schema"), ({"note": "x"}, "plan-malformed"), ({"entity": "Org"}, "id-malformed"),
    ({"boundary": " "}, "plan-malformed"), ({"boundary": "x" * 2001}, "plan-malformed"),
    ({"version": 1}, "number-not-canonical"), ({"previous": "zz"}, "hex-malformed"),
    ({"valid_from": "2026-1-1"}, "date-malformed"), ({"data": []}, "plan-malformed"), ({"data": {}}, "plan-malformed"),
    ({"assurance": [""]}, "plan-malformed"), ({"facilities": [{"id": "fac:a"}]}, "plan-malformed"),
    ({"facilities": [{"id": "fac:a", "title": "x"}] * 2}, "plan-malformed"),
    *[({"data": [DATUM | {name: value}]}, code) for name, value, code in (
        ("input", "", "plan-malformed"), ("title", {"zh": "电"}, "plan-malformed"), ("unit", "kwh", "unit-unknown"),
        ("source", "rumour", "plan-malformed"), ("method", "guessed", "plan-malformed"),
        ("frequency", "sometimes", "plan-malformed"), ("gap", "nearest", "plan-malformed"),
        ("instrument", {}, "plan-malformed"),
        ("instrument", DATUM["instrument"] | {"accuracy_class": "good"}, "accuracy-malformed"),
        ("instrument", DATUM["instrument"] | {"calibration_days": "-1"}, "number-not-canonical"),
        ("department", None, "plan-malformed"))]])
def test_a_malformed_plan_is_refused(members: dict[str, Any], code: str) -> None:
    assert code_of(lambda: parse_plan(plan(**members))) == code


@pytest.mark.parametrize("document", [None, [], "plan", 5, {}])
def test_what_is_no_document_is_refused(document: Any) -> None:
    assert code_of(lambda: parse_plan(document)) == "plan-malformed"


def test_the_same_plan_has_the_same_digest_and_another_another() -> None:
    assert parse_plan(plan()).digest == parse_plan(plan()).digest
    assert parse_plan(plan()).digest != parse_plan(plan(boundary="二厂")).digest
