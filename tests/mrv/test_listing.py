"""What rules there are: every one is listed with what a reader needs, and found by the words he may remember."""

from __future__ import annotations

import json
from datetime import date
from fractions import Fraction
from typing import Any

import pytest
from mrv_helpers import code_of, run_methodology

from core.units import known_aliases, known_symbols, parse_unit
from mrv.authoring.catalogue import example, shipped, shipped_catalogue
from mrv.calculation.service import evaluate
from mrv.presentation import listing

RULES, TODAY = shipped(), date(2026, 12, 5)
LISTED = listing.methodologies(RULES)


def of(name: str, kind: str, key: str) -> dict[str, Any]:
    return next(item for item in listing.methodology(RULES, name)[kind] if item["name"] == key)


def test_every_methodology_is_listed_with_what_a_reader_needs() -> None:
    assert {item["methodology"] for item in LISTED} == set(RULES.methodologies)
    for item in LISTED:
        assert item["title"]["zh"]
        assert item["title"]["en"]
        assert item["inputs"]
        assert item["status"] in ("published", "unconfirmed")
        for rule in item["inputs"]:
            assert {"name", "description", "unit", "required", "metered", "documents", "sources"} <= set(rule)
            assert parse_unit(rule["unit"])
        assert item["result"]["output"] in [output["name"] for output in item["outputs"]]
    assert json.dumps(LISTED)


def test_what_must_be_metered_and_what_may_be_a_document_is_told() -> None:
    generation = of("green-power.pv", "inputs", "generation")
    assert (generation["metered"], generation["documents"], generation["required"]) == (True, False, True)
    bought = of("inventory.enterprise", "inputs", "purchased_electricity")
    assert (bought["metered"], bought["documents"]) == (False, True)


def test_an_id_is_its_newest_version_and_a_version_may_be_named() -> None:
    assert listing.methodology(RULES, "cbam.simple-goods")["version"] == "1"
    assert listing.methodology(RULES, "cbam.simple-goods@1")["version"] == "1"
    assert code_of(lambda: listing.methodology(RULES, "cbam.simple-goods@9")) == "methodology-unknown"


def test_the_period_rule_is_told() -> None:
    assert listing.methodology(RULES, "inventory.enterprise")["period"] == {"across_change": "refused", "adds_up": []}
    split = [item["period"] for item in LISTED if item["period"]["across_change"] == "split"]
    assert split
    assert all(period["adds_up"] for period in split)


def test_an_option_that_names_a_parameter_lists_what_there_is() -> None:
    region = of("inventory.enterprise", "options", "region")
    assert {"jiangsu", "cn"} <= set(region["values"])
    assert "tibet" not in region["values"]
    for value in region["values"]:
        assert f"grid.average.{value}" in RULES.parameters


def test_the_members_of_a_family_are_those_whose_parameters_fit_its_unit() -> None:
    solid = set(of("inventory.enterprise", "inputs", "fuel.*")["members"])
    gaseous = set(of("inventory.enterprise", "inputs", "gas.*")["members"])
    assert {"diesel", "anthracite"} <= solid
    assert "natural_gas" in gaseous
    assert not solid & gaseous


def test_what_stands_for_an_option_is_no_member() -> None:
    leaks = set(of("inventory.general", "inputs", "leak.*")["members"])
    assert {"CH4", "SF6"} <= leaks
    assert not leaks & {"SAR", "AR4", "AR5", "AR6"}
    assert set(of("inventory.general", "options", "gwp")["values"]) <= set(of("inventory.general", "options", "gwp")[
        "one_of"])


@pytest.mark.parametrize("key", sorted(RULES.methodologies))
def test_the_example_of_a_methodology_runs_as_it_is_printed(key: str) -> None:
    found = example(shipped_catalogue(), "methodology", key)
    assert found is not None
    printed = json.loads(json.dumps(found))
    assert run_methodology(RULES, key, printed["inputs"], date.fromisoformat(printed["at"]))["result"]


def test_every_formula_has_an_example_that_evaluates() -> None:
    for key in RULES.formulas:
        found = example(shipped_catalogue(), "formula", key)
        assert found is not None, key
        assert evaluate(RULES, key, json.loads(json.dumps(found))["inputs"])["outputs"], key


def test_a_rule_that_is_not_there_has_no_example() -> None:
    assert example(shipped_catalogue(), "formula", "no.such@1") is None


@pytest.mark.parametrize(("words", "found"), [
    ("蒸汽", "heat.steam.saturated@1"), ("STEAM saturated", "heat.steam.saturated@1"),
    ("标杆", "benchmark.level@1"), ("scope 3 travel", "scope3.business-travel@1"), ("", "unit.mass@1")])
def test_a_formula_is_found_by_words(words: str, found: str) -> None:
    names = [item["formula"] for item in listing.formulas(RULES, words)]
    assert found in names
    assert (len(names) == len(RULES.formulas)) is (words == "")


def test_every_word_must_be_there() -> None:
    assert listing.formulas(RULES, "steam anode") == []
    assert listing.methodologies(RULES, "江苏省") == []
    assert [item["id"] for item in listing.methodologies(RULES, "光伏 绿色")] == ["green-power.pv"]


def test_parameters_are_listed_by_prefix_and_words() -> None:
    paths = [item["path"] for item in listing.parameters(RULES, "grid.average.")]
    assert "grid.average.jiangsu" in paths
    assert all(path.startswith("grid.average.") for path in paths)
    assert paths == sorted(paths)
    assert [item["path"] for item in listing.parameters(RULES, "grid.average.", "江苏")] == ["grid.average.jiangsu"]
    assert len(listing.parameters(RULES)) == len(RULES.parameters)
    assert listing.parameters(RULES, "no.such") == []


def test_a_listed_parameter_shows_its_values_in_short() -> None:
    [found] = listing.parameters(RULES, "grid.average.jiangsu")
    assert {value["year"] for value in found["values"]} == {"2021", "2022", "2023"}
    assert found["unit"] == "kgCO2/kWh"


def test_a_keyed_table_is_read_whole() -> None:
    table = listing.parameter(RULES, "steam.saturated.enthalpy", TODAY)
    assert len(table["rows"]) == len(RULES.parameters["steam.saturated.enthalpy"].values)
    assert {"key": "steam.saturated.enthalpy.1.70", "value": "2793.8", "year": "1.70", "unit": "kJ/kg"}.items() <= next(
        row for row in table["rows"] if row["year"] == "1.70").items()


def test_a_row_of_a_table_is_still_read_by_its_key() -> None:
    assert listing.parameter(RULES, "steam.saturated.enthalpy.1.70", TODAY)["value"] == "2793.8"


def test_a_parameter_of_years_is_the_value_of_the_date_unless_all_are_asked_for() -> None:
    assert listing.parameter(RULES, "cbam.mark-up", TODAY)["value"] == "10"
    assert "rows" not in listing.parameter(RULES, "grid.average.cn", TODAY)
    assert len(listing.parameter(RULES, "grid.average.cn", TODAY, every=True)["rows"]) == 3
    assert code_of(lambda: listing.parameter(RULES, "no.such", TODAY, every=True)) == "parameter-missing"


def test_every_unit_is_listed_with_its_factor() -> None:
    rows = {row["symbol"]: row for row in listing.units()}
    assert set(rows) == {*known_symbols(), *known_aliases()}
    assert rows["kWh"] == {"symbol": "kWh", "dimension": "energy", "factor": "3600000", "base": "J", "alias_of": None}
    assert rows["bar"]["alias_of"] == "1e5Pa"


@pytest.mark.parametrize("row", listing.units(), ids=lambda row: row["symbol"])
def test_the_factor_of_a_unit_is_what_it_converts_by(row: dict[str, Any]) -> None:
    assert parse_unit(row["symbol"]).ratio_to(parse_unit(row["base"])) == Fraction(row["factor"])


def test_units_are_found_by_symbol_and_dimension() -> None:
    assert {"kWh", "GJ"} <= {row["symbol"] for row in listing.units("energy")}
    assert listing.units("short ton")[0]["symbol"] == "short ton"


def test_a_formula_names_the_parameters_that_fit_its_inputs() -> None:
    rows = {row["input"]: row for row in listing.formula(RULES, "electricity.location")["parameters"]}
    assert rows["factor"]["paths"] == "grid.average.{region}"
    assert rows["factor"]["examples"][0].startswith("grid.average.")
    assert listing.formula(RULES, "number.round")["parameters"] == []
