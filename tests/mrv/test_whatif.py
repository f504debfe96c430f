"""Scenarios: the same engine beside the base, and never a statement."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mrv_helpers import code_of, green, inventory, item, paper

from core.errors import CarbonSealError
from mrv.authoring.catalogue import shipped
from mrv.calculation.run import RunResult, run
from mrv.calculation.statement import Context, build, records_of
from mrv.calculation.whatif import (
    ASSUMED,
    MAX_SCENARIOS,
    SCENARIO,
    Comparison,
    compare,
    comparison_json,
    read_scenario,
    read_scenarios,
)

RULES, TODAY = shipped(), date(2026, 12, 5)
FACTOR = "grid.average.jiangsu"
CONTEXT = Context("park.example/lanhe", "11" * 32, "22" * 32, {})


def compared(*scenarios: dict[str, Any], document: dict[str, Any] | None = None,
             name: str = "inventory.enterprise") -> Comparison:
    read = read_scenarios([{"name": "情景", **scenario} for scenario in scenarios])
    return compare(RULES, name, document or inventory(), read, TODAY)


def only(comparison: Comparison) -> RunResult:
    ((_, result),) = comparison.scenarios
    return result


def assumed(value: str = "0.4", unit: str = "kgCO2/kWh", reason: str = "2030 目标") -> dict[str, Any]:
    return {"parameters": {FACTOR: {"value": value, "unit": unit, "reason": reason}}}


def test_an_assumed_factor_changes_what_it_is_read_for_and_nothing_else() -> None:
    comparison = compared(assumed())
    base, result = comparison.base, only(comparison)
    assert result.outputs["electricity_location"].as_json() == {"value": "400", "unit": "tCO2"}
    assert result.outputs["electricity_market"] == base.outputs["electricity_market"]
    assert base.result == run(RULES, "inventory.enterprise", None, inventory(), TODAY).result


def test_an_assumption_says_that_it_is_one() -> None:
    (value,) = [value for path, value in only(compared(assumed())).parameters if path == FACTOR]
    assert value.status == ASSUMED
    assert value.source == "scenario 情景: 2030 目标"
    assert value.published is None


def test_an_assumption_in_another_unit_of_the_kind_is_converted() -> None:
    one, other = only(compared(assumed("0.4"))), only(compared(assumed("400", "kgCO2/MWh")))
    assert one.outputs == other.outputs


def test_certificates_bought_lower_the_market_based_figure_only() -> None:
    comparison = compared({"inputs": {"retired_certificates": {"value": "600", "unit": "MWh"}}})
    result = only(comparison)
    assert result.outputs["electricity_location"] == comparison.base.outputs["electricity_location"]
    assert result.outputs["electricity_market"].as_json()["value"] == "243.84"
    assert result.outputs["certified_share"].as_json()["value"] == "0.6"


def test_more_certificates_than_electricity_is_the_same_error_as_ever() -> None:
    buying = {"inputs": {"retired_certificates": {"value": "1001", "unit": "MWh"}}}
    assert code_of(lambda: compared(buying)) == "out-of-range"


def test_a_technology_change_scales_replaces_adds_or_removes_an_input() -> None:
    document = inventory()
    document["inputs"]["fuel.anthracite"] = [item("10", "t", paper()), item("5000", "kg", paper("cd" * 32))]
    coal = "fuel.anthracite"
    results = [result for _, result in compared(
        {"inputs": {coal: {"factor": "0.5"}}}, {"inputs": {coal: {"value": "3", "unit": "t"}}},
        {"inputs": {coal: {"add": {"value": "1", "unit": "t"}}}}, {"inputs": {coal: None}},
        document=document).scenarios]
    totals = [result.inputs.total(coal).as_json()["value"] for result in results[:3]]
    assert totals == ["7.5", "3", "16"]
    assert not results[3].inputs.given(coal)
    assert results[3].outputs["direct"].value == 0


def test_an_option_may_be_chosen_otherwise() -> None:
    comparison = compared({"options": {"region": "cn"}})
    document = comparison_json(comparison)["scenarios"][0]
    assert document["options"] == [{"name": "region", "base": "jiangsu", "scenario": "cn"}]
    assert {item["path"] for item in document["parameters"]} == {FACTOR, "grid.average.cn"}


def test_the_difference_is_scenario_minus_base_and_a_share_of_it() -> None:
    document = comparison_json(compared(assumed("0.5827", reason="same"), assumed("0.29135"), assumed("1.1654")))
    figures = [scenario["outputs"]["electricity_location"] for scenario in document["scenarios"]]
    assert [(figure["difference"], figure["percent"]) for figure in figures] == [
        ("0", "0"), ("-291.35", "-50"), ("582.7", "100")]
    assert document["base"]["outputs"]["direct"]["value"] == "0"
    assert document["scenarios"][0]["outputs"]["direct"]["percent"] is None


def test_what_differs_is_listed_and_what_does_not_is_not() -> None:
    document = comparison_json(compared({**assumed(), "inputs": {"purchased_electricity": {"factor": "0.8"}}}))
    (scenario,) = document["scenarios"]
    (parameter,) = scenario["parameters"]
    assert parameter["path"] == FACTOR
    assert parameter["base"]["status"] == "published"
    assert parameter["scenario"]["status"] == ASSUMED
    assert scenario["inputs"] == [{"name": "purchased_electricity", "base": {"value": "1000000", "unit": "kWh"},
                                   "scenario": {"value": "800000", "unit": "kWh"}}]
    assert scenario["options"] == []


def test_a_comparison_says_that_it_is_not_attested() -> None:
    document = comparison_json(compared(assumed()))
    assert document["attested"] is False
    assert SCENARIO in document["scenarios"][0]["notices"]
    assert SCENARIO not in document["base"]["notices"]
    assert "certificate" not in document["scenarios"][0]


def salts(result: RunResult) -> list[bytes]:
    return [bytes(16)] * len(records_of(result))


@pytest.mark.parametrize("scenario", [{"options": {"region": "cn"}}, assumed(),
                                      {"inputs": {"purchased_electricity": {"factor": "1"}}}])
def test_a_scenario_is_never_made_into_a_statement(scenario: dict[str, Any]) -> None:
    """Not even one that changes nothing; while its base is."""
    comparison = compared(scenario)
    result = only(comparison)
    assert code_of(lambda: build(result, CONTEXT, salts(result))) == "not-certifiable"
    assert build(comparison.base, CONTEXT, salts(comparison.base))


def test_taking_the_notice_away_does_not_make_a_scenario_certifiable() -> None:
    result = only(compared(assumed()))
    forged = replace(result, notices=tuple(notice for notice in result.notices if notice != SCENARIO))
    assert code_of(lambda: build(forged, CONTEXT, salts(forged))) == "not-certifiable"


def test_a_scenario_of_green_power_spends_no_serials() -> None:
    comparison = compared({"inputs": {"generation": {"value": "9000000", "unit": "Wh"}}}, document=green(),
                          name="green-power.pv")
    assert comparison.base.intervals
    assert only(comparison).intervals == ()
    assert only(comparison).outputs != comparison.base.outputs


def test_the_rules_are_as_they_were_after_a_scenario() -> None:
    before = RULES.digests()
    compared(assumed())
    assert RULES.digests() == before
    assert RULES.methodologies["inventory.enterprise@2"].certifies


@pytest.mark.parametrize(("scenario", "code"), [
    ({"parameters": {"grid.average.cn": {"value": "1", "unit": "kgCO2/kWh", "reason": "x"}}}, "scenario-idle"),
    ({"parameters": {"no.such": {"value": "1", "unit": "1", "reason": "x"}}}, "parameter-missing"),
    ({"parameters": {FACTOR: {"value": "1", "unit": "GJ", "reason": "x"}}}, "unit-mismatch"),
    ({"parameters": {FACTOR: {"value": "NaN", "unit": "kgCO2/kWh", "reason": "x"}}}, "number-not-finite"),
    ({"parameters": {FACTOR: {"value": "1", "unit": "kgCO2/kWh"}}}, "scenario-malformed"),
    ({"inputs": {"steam": {"value": "1", "unit": "t"}}}, "input-unknown"),
    ({"inputs": {"purchased_electricity": {"value": "-1", "unit": "kWh"}}}, "out-of-range"),
    ({"inputs": {"purchased_electricity": {"value": "1", "unit": "GJ·s"}}}, "unit-mismatch"),
    ({"inputs": {"purchased_electricity": None}}, "input-missing"),
    ({"inputs": {"purchased_electricity": {"times": "2"}}}, "scenario-malformed"),
    ({"inputs": {"purchased_electricity": "0"}}, "scenario-malformed"),
    ({"options": {"region": "tibet"}}, "parameter-missing"),
    ({"options": {"colour": "green"}}, "option-unknown"),
    ({"inputs": []}, "scenario-malformed"), ({"name": ""}, "scenario-malformed"), ({"name": 3}, "scenario-malformed"),
    ({"name": "x" * 81}, "scenario-malformed"), ({"goal": "x"}, "scenario-malformed"),
])
def test_a_scenario_that_means_nothing_is_refused(scenario: dict[str, Any], code: str) -> None:
    assert code_of(lambda: compared(scenario)) == code


@pytest.mark.parametrize("document", [None, {}, [], [{"name": "x"}] * (MAX_SCENARIOS + 1), [1]])
def test_scenarios_are_a_short_list(document: object) -> None:
    assert code_of(lambda: read_scenarios(document)) == "scenario-malformed"
    assert len(read_scenarios([{"name": "x"}] * MAX_SCENARIOS)) == MAX_SCENARIOS


@pytest.mark.parametrize("scenario", [
    {}, {"inputs": {}}, {"options": {"region": "jiangsu"}}, {"inputs": {"retired_certificates": {"factor": "2"}}},
    {"inputs": {"fuel.coke": None}},
    {"options": {"region": "cn"}, "inputs": {"fuel.coke": {"factor": "2"}}}])
def test_a_scenario_that_changes_nothing_is_idle(scenario: dict[str, Any]) -> None:
    assert read_scenario({"name": "as it is"}).parameters == {}
    assert code_of(lambda: compared(scenario)) == "scenario-idle"


def test_an_input_that_the_base_has_not_may_be_added() -> None:
    comparison = compared({"inputs": {"retired_certificates": {"add": {"value": "1", "unit": "MWh"}}}})
    document = comparison_json(comparison)
    assert document["main_outputs"] == ["total_location", "total_market"]
    [scenario] = document["scenarios"]
    assert scenario["difference"]["difference"] == "0"
    assert scenario["outputs"]["total_market"]["difference"].startswith("-")


def test_an_error_names_the_scenario_that_brings_it() -> None:
    scenarios = read_scenarios([{"name": "节电", "inputs": {"purchased_electricity": {"factor": "0.5"}}},
                                {"name": "第二", "inputs": {"steam": {"factor": "2"}}}])
    with pytest.raises(CarbonSealError) as caught:
        compare(RULES, "inventory.enterprise", inventory(), scenarios, TODAY)
    assert (caught.value.code, caught.value.where) == ("input-unknown", "inputs.steam")
    assert caught.value.message.startswith("scenario '第二': ")
    with pytest.raises(CarbonSealError) as caught:
        compared({"parameters": {FACTOR: {"value": "1", "unit": "GJ", "reason": "x"}}})
    assert caught.value.where == FACTOR


@given(st.decimals(min_value=Decimal("0.01"), max_value=5, places=4))
def test_scaling_an_input_scales_what_is_linear_in_it(factor: Decimal) -> None:
    comparison = compared({"inputs": {"purchased_electricity": {"factor": str(factor)}}})
    before = comparison.base.outputs["electricity_location"].value
    assert only(comparison).outputs["electricity_location"].value == before * factor
