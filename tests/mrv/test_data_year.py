"""The factor of the year in which electricity was used: an option of the corporate inventory, never a silent guess."""

from __future__ import annotations

from copy import deepcopy
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mrv_helpers import code_of, small_parameter

from certificates.inventory_report import report_of
from core.errors import CarbonSealError
from core.period import Period
from mrv.authoring.catalogue import load, shipped
from mrv.calculation.run import RunResult, run
from mrv.calculation.statement import Context, build, rebuild, records_of
from mrv.definitions.changes import midnight, parts_of
from mrv.definitions.parameter import DATA_YEAR
from mrv.definitions.ruleset import RuleSet
from mrv.presentation.explain import explain, walk_lines

RULES, TODAY, ZONE = shipped(), date(2026, 12, 5), "Asia/Shanghai"
CASE = next(case for case in load().cases if case.rule == "inventory.corporate@1"
            and case.name == "a year of use has its own factor")
BY_YEAR = {"electricity_factor": DATA_YEAR}
PATHS = ("grid.average.jiangsu", "grid.excluding_traded_non_fossil.cn")
ARGUMENTS = (date(2026, 12, 5), date(2022, 1, 1), date(2022, 12, 31))


def span(start: date, end: date) -> dict[str, str]:
    return Period(midnight(start, ZONE), midnight(end, ZONE), ZONE).as_json()


def bill(kwh: object, digest: str = "ab") -> dict[str, Any]:
    return {"purchased_electricity": [{
        "quantity": {"value": str(kwh), "unit": "kWh"}, "priority": "2", "method": "measured", "uncertainty": None,
        "source": {"type": "document", "digest": digest * 32, "title": "电费结算单"}}]}


def corporate(start: date, end: date, at: date = TODAY, rules: RuleSet = RULES, **members: Any) -> RunResult:
    document = deepcopy(CASE.body["document"]) | {"allow_unconfirmed": True, "period": span(start, end),
                                                  "inputs": bill("1000")} | members
    return run(rules, "inventory.corporate", None, document, at)


def options(**changes: str) -> dict[str, Any]:
    return {"options": {name: value for name, value in CASE.body["document"]["options"].items()
                        if name != "electricity_factor"} | changes}


def fiscal(first: object, second: object, **members: Any) -> RunResult:
    cut = date(2023, 1, 1)
    parts = [{"period": span(date(2022, 4, 1), cut), "inputs": bill(first)},
             {"period": span(cut, date(2023, 4, 1)), "inputs": bill(second, "cd")}]
    return corporate(date(2022, 4, 1), date(2023, 4, 1), inputs={}, parts=parts, **members)


def chosen(result: RunResult) -> dict[str, tuple[str, str]]:
    return {path: (value.year, value.selection) for path, value in result.parameters if path in PATHS}


@pytest.mark.parametrize(("year", "factor"), [(2021, "0.6451"), (2022, "0.5978"), (2023, "0.5827")])
def test_each_year_has_the_factor_of_its_own_data(year: int, factor: str) -> None:
    """Of 2021 the day of publication is not known; its year is, and that is what it is chosen by."""
    result = corporate(date(year, 1, 1), date(year + 1, 1, 1), **options(**BY_YEAR))
    assert result.outputs["scope2_location"].to("kgCO2e").value == Decimal(factor) * 1000
    assert chosen(result) == {path: (str(year), DATA_YEAR) for path in PATHS}


@pytest.mark.parametrize("changes", [{}, {"electricity_factor": "latest-published"}])
def test_without_the_choice_the_official_rule_stands(changes: dict[str, str]) -> None:
    result = corporate(date(2022, 1, 1), date(2023, 1, 1), **options(**changes))
    assert chosen(result) == dict.fromkeys(PATHS, ("2023", ""))
    assert not any("selection" in record for record in records_of(result))


def test_a_period_over_two_years_is_refused_with_the_days_to_split_at() -> None:
    with pytest.raises(CarbonSealError) as caught:
        corporate(date(2021, 12, 31), date(2023, 1, 2), **options(**BY_YEAR))
    assert (caught.value.code, caught.value.where) == ("period-crosses-change", PATHS[0])
    assert caught.value.hint == "split the period at 2022-01-01, 2023-01-01"


@pytest.mark.parametrize(("first", "end", "code"), [
    (date(2022, 12, 31), date(2023, 1, 1), None), (date(2022, 12, 31), date(2023, 1, 2), "period-crosses-change"),
    (date(2023, 1, 1), date(2023, 1, 2), None)])
def test_a_day_belongs_to_the_year_of_its_own_zone(first: date, end: date, code: str | None) -> None:
    if code is None:
        corporate(first, end, **options(**BY_YEAR))
    else:
        assert code_of(lambda: corporate(first, end, **options(**BY_YEAR))) == code


def test_a_split_year_is_the_sum_of_its_parts_with_their_own_factors() -> None:
    result = fiscal("900", "300", **options(**BY_YEAR))
    assert result.result.value == Decimal("712.83").quantize(Decimal(1))
    assert [[value.year for path, value in part.parameters if path == PATHS[0]] for part in result.parts] == [
        ["2022"], ["2023"]]
    assert "period-split" in result.notices


@given(first=st.integers(0, 10 ** 9), second=st.integers(0, 10 ** 9))
def test_a_split_never_loses_energy(first: int, second: int) -> None:
    result = fiscal(first, second, **options(**BY_YEAR))
    assert result.outputs["scope2_location"].to("kgCO2e").value == (
        first * Decimal("0.5978") + second * Decimal("0.5827"))


def test_a_part_that_still_crosses_a_year_is_refused() -> None:
    cut = date(2022, 7, 1)
    parts = [{"period": span(date(2022, 4, 1), cut), "inputs": bill(1)},
             {"period": span(cut, date(2023, 4, 1)), "inputs": bill(1, "cd")}]
    assert code_of(lambda: corporate(date(2022, 4, 1), date(2023, 4, 1), inputs={}, parts=parts,
                                     **options(**BY_YEAR))) == "period-crosses-change"


@pytest.mark.parametrize(("at", "code"), [(date(2025, 12, 30), "rule-not-in-force"), (date(2025, 12, 31), None)])
def test_a_value_is_not_used_before_the_day_it_was_published(at: date, code: str | None) -> None:
    period = date(2023, 1, 1), date(2024, 1, 1)
    if code is None:
        assert corporate(*period, at, **options(**BY_YEAR)).result.value == Decimal(583)
    else:
        assert code_of(lambda: corporate(*period, at, **options(**BY_YEAR))) == code


def test_a_year_without_a_value_is_told_the_years_there_are() -> None:
    with pytest.raises(CarbonSealError) as caught:
        corporate(date(2024, 1, 1), date(2025, 1, 1), **options(**BY_YEAR))
    assert caught.value.code == "rule-not-in-force"
    assert "of the data year 2024" in caught.value.message
    assert caught.value.hint.endswith("it has 2021, 2022, 2023")


def test_of_two_values_of_one_year_the_one_published_last_is_taken() -> None:
    def of(*days: str | None) -> str:
        values = [{"value": str(i), "key": str(i), "year": "2022", **({"published": day} if day else {})}
                  for i, day in enumerate(days)]
        return small_parameter("latest-published", values).of_data_year(*ARGUMENTS).key

    assert of("2024-01-01", "2025-01-01") == "1"
    assert of("2025-01-01", "2024-01-01") == "0"
    assert of(None, "2024-01-01") == "1"
    assert of("2024-01-01", "2027-01-01") == "0"


# What a reader sees


def test_the_statement_says_how_the_value_was_chosen_and_is_computed_again_to_the_byte() -> None:
    result = fiscal("900000", "300000", **options(**BY_YEAR))
    records = [record for record in records_of(result) if record["kind"] == "parameter" and record["path"] in PATHS]
    assert len(records) == 4
    assert {record["selection"] for record in records} == {DATA_YEAR}
    payload, details = build(result, Context("o", "00" * 32, "00" * 32, {}), [bytes(16)] * len(records_of(result)))
    assert rebuild(RULES, payload, details) == (payload, details)


def test_tree_and_report_say_it_too() -> None:
    result = corporate(date(2022, 1, 1), date(2023, 1, 1), **options(**BY_YEAR))
    facts = [line.facts for _, line in walk_lines(explain(result)) if (line.kind, line.name) == ("parameter", PATHS[0])]
    assert facts[0]["selection"] == DATA_YEAR
    rows = {row["path"]: row["selection"] for row in report_of(result).as_json()["parameters"]}
    assert rows == {path: DATA_YEAR if path in PATHS else None for path in rows}


def test_a_claim_of_a_fiscal_year_is_cut_at_new_year_only_where_the_option_asks_for_it() -> None:
    period = Period(midnight(date(2021, 4, 1), ZONE), midnight(date(2023, 4, 1), ZONE), ZONE)
    rule = RULES.methodologies["inventory.corporate@1"]
    cuts = [date(2022, 1, 1), date(2023, 1, 1)]
    parts = parts_of(RULES, rule, {"region": "jiangsu", **BY_YEAR}, (), period)
    assert [part.start for part in parts[1:]] == [midnight(day, ZONE) for day in cuts]
    assert parts_of(RULES, rule, {"region": "jiangsu"}, (), period) == [period]
    latest = {"region": "jiangsu", "electricity_factor": "latest-published"}
    assert parts_of(RULES, rule, latest, (), period) == [period]
    whole = Period(midnight(cuts[0], ZONE), midnight(cuts[1], ZONE), ZONE)
    assert parts_of(RULES, rule, {"region": "jiangsu", **BY_YEAR}, (), whole) == [whole]


# What a methodology may say


@pytest.mark.parametrize(("option", "offered"), [
    ("region", []), ("no_such", []), ("electricity_factor", ["data-year"]),
    ("electricity_factor", ["data-year", "latest-published"]), ("electricity_factor", ["latest-published", "nearest"])])
def test_the_option_offers_exactly_the_two_ways(option: str, offered: list[str]) -> None:
    documents = deepcopy(RULES.documents())
    rule = documents["methodologies/inventory.corporate@1"]
    for known in rule["options"]:
        if known["name"] == "electricity_factor" and offered:
            known["one_of"] = offered
    step = next(step for step in rule["steps"] if step["name"] == "location")
    step["arguments"][1]["binding"]["selected_by"] = option
    assert code_of(lambda: RuleSet.from_documents(documents)) == "rule-malformed"
