"""An error says what to do with what the rules hold: near names, accepted units, the values and options there are."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from mrv_helpers import inventory, item, paper, small_parameter

from core.errors import CarbonSealError, InputError
from core.units import parse_unit
from mrv.authoring.catalogue import shipped
from mrv.calculation.service import evaluate, result_of
from mrv.definitions.ruleset import RuleSet
from mrv.presentation import listing
from mrv.presentation.advice import accepted, advising, near

RULES, TODAY = shipped(), date(2026, 12, 5)
FUEL = {"consumption": {"value": "1", "unit": "t"}, "net_calorific_value": {"value": "20", "unit": "GJ/t"},
        "carbon_content": {"value": "0.03", "unit": "tC/GJ"}, "oxidation": {"value": "0.98", "unit": "1"}}


def error_of(action: Callable[[], object], **asked: str) -> CarbonSealError:
    with pytest.raises(CarbonSealError) as caught, advising(RULES, **asked):
        action()
    return caught.value


def evaluated(formula: str, inputs: Any) -> CarbonSealError:
    return error_of(lambda: evaluate(RULES, formula, inputs), formula=formula)


def ran(name: str, document: Any, at: date = TODAY) -> CarbonSealError:
    return error_of(lambda: result_of(RULES, name, document, at), methodology=name)


@pytest.mark.parametrize(("name", "meant"), [
    ("heat.steam.satured", "heat.steam.saturated"), ("饱和蒸汽", "heat.steam.saturated"),
    ("fuel.combustion.heat@9", "fuel.combustion.heat"), ("anode", "aluminium.anode")])
def test_an_unknown_formula_is_answered_with_near_names(name: str, meant: str) -> None:
    error = evaluated(name, FUEL)
    assert error.code == "formula-unknown"
    assert meant in error.hint


def test_a_name_like_no_other_is_told_how_to_search() -> None:
    assert evaluated("qqqqqqqq", FUEL).hint == "`carbonseal mrv formulas --find WORD` searches names and titles"
    assert "near it" not in evaluated("", FUEL).hint


def test_an_unknown_methodology_and_parameter_are_answered_with_near_names() -> None:
    assert "inventory.enterprise" in ran("inventory.entreprise", inventory()).hint
    error = error_of(lambda: listing.parameter(RULES, "grid.avg.jiangsu", TODAY), parameter="grid.avg.jiangsu")
    assert (error.code, error.where) == ("parameter-missing", "grid.avg.jiangsu")
    assert "grid.average.jiangsu" in error.hint


def test_a_region_without_a_factor_is_answered_with_those_that_have_one() -> None:
    error = ran("inventory.enterprise", inventory(options={"region": "JS"}))
    assert error.where == "grid.average.JS"
    assert "region (required): anhui, beijing" in error.hint
    assert "jiangsu" in ran("inventory.enterprise", inventory(options={})).hint


def test_a_fuel_without_factors_is_answered_with_those_that_have_them() -> None:
    bought = inventory()["inputs"]
    error = ran("inventory.enterprise", inventory(inputs=bought | {"fuel.wood": [item("1", "t", paper())]}))
    assert (error.code, error.where) == ("parameter-missing", "c1.ncv.wood")
    assert "fuel.* has anthracite, bituminous_coal" in error.hint
    assert "region" not in error.hint


@pytest.mark.parametrize(("member", "unit", "where", "told"), [
    ("consumption", "kWh", "consumption.unit", "give it in t; mg, g, kg, short ton, lb"),
    ("consumption", "bushel", "consumption.unit", "give it in t; mg, g, kg"),
    ("consumption", "ton", "consumption.unit", "or long ton (1016.0469088 kg); give it in t; mg"),
    ("consumption", "T", "consumption.unit", "write t: the case of letters matters; give it in t; mg, g, kg"),
    ("oxidation", "t", "oxidation.unit", 'give it as a plain number, with the unit "1"; %'),
    ("carbon_content", "tCO2/GJ", "carbon_content.unit", "give it in tC/GJ, or in another unit of carbon·energy^-1")])
def test_a_wrong_unit_is_answered_with_the_accepted_ones(member: str, unit: str, where: str, told: str) -> None:
    error = evaluated("fuel.combustion.heat", FUEL | {member: {"value": "1", "unit": unit}})
    assert error.where == where
    assert told in error.hint


def test_a_wrong_unit_in_a_list_names_the_item_and_the_field() -> None:
    table = [{"pressure": {"value": "1", "unit": "MPa"}, "temperature": {"value": "180", "unit": "K"},
              "enthalpy": {"value": "2777", "unit": "kJ/kg"}}]
    error = evaluated("heat.steam.saturated", {"pressure": {"value": "1", "unit": "MPa"}, "table": table})
    assert (error.code, error.where) == ("unit-mismatch", "table[0].temperature.unit")
    assert "°C = K − 273.15; give it in °C" in error.hint
    error = evaluated("inventory.sum", {"parts": [{"value": "1", "unit": "tCO2"}, {"value": "1", "unit": "t"}]})
    assert error.where == "parts[1].unit"
    assert "give it in tCO2" in error.hint


@pytest.mark.parametrize(("unit", "code"), [("t", "unit-mismatch"), ("bushel", "unit-unknown")])
def test_a_wrong_unit_of_an_inputs_document_names_the_input(unit: str, code: str) -> None:
    items = [item("1", "kWh", paper(), "2"), item("1", unit, paper("cd" * 32), "2")]
    error = ran("inventory.enterprise", inventory(inputs={"purchased_electricity": items}))
    assert (error.code, error.where) == (code, "inputs.purchased_electricity[1].quantity.unit")
    assert "give it in kWh" in error.hint


@pytest.mark.parametrize(("path", "at", "told"), [
    ("cbam.mark-up", "2025-06-01", "of 2026, 2027"), ("grid.average.cn", "2010-01-01", "published on "),
    ("cbam.factor", "2025-12-31", "of 2026, ")])
def test_a_date_without_a_value_is_answered_with_those_there_are(path: str, at: str, told: str) -> None:
    error = error_of(lambda: listing.parameter(RULES, path, date.fromisoformat(at)), parameter=path)
    assert error.code == "rule-not-in-force"
    assert told in error.hint


@pytest.mark.parametrize(("known", "told"), [
    ("known", "in force 2025-01-01 to 2026-01-01"), ("unknown", "of unknown date: ask for one by its key")])
def test_a_rule_not_in_force_tells_when_it_was(known: str, told: str) -> None:
    found = small_parameter("in-force", [{"key": "a", "value": "1", "from": "2025-01-01", "to": "2026-01-01",
                                          "date_status": known}])
    rules = RuleSet({found.id: found}, {}, {})
    with pytest.raises(InputError) as caught, advising(rules, parameter=found.id):
        listing.parameter(rules, found.id, TODAY)
    assert caught.value.hint.endswith(told)


def test_a_missing_input_is_told_where_the_inputs_are_shown() -> None:
    assert "`carbonseal mrv formulas fuel.combustion.heat`" in evaluated("fuel.combustion.heat", {}).hint


def test_what_the_rules_say_nothing_about_keeps_its_hint() -> None:
    def fail() -> None:
        raise InputError("out-of-range", "too much", where="x", hint="less")

    error = error_of(fail, formula="fuel.combustion.heat")
    assert (error.code, error.message, error.where, error.hint) == ("out-of-range", "too much", "x", "less")
    with advising(RULES, formula="fuel.combustion.heat"):
        assert evaluate(RULES, "fuel.combustion.heat", FUEL)["outputs"]


def test_a_place_no_rule_declares_keeps_its_hint() -> None:
    def fail() -> None:
        raise InputError("unit-mismatch", "no", where="nothing.unit", hint="kept")

    assert error_of(fail, formula="fuel.combustion.heat").hint == "kept"
    assert error_of(fail, methodology="inventory.enterprise").hint == "kept"
    assert error_of(fail, methodology="no.such").hint == "kept"
    assert error_of(fail).hint == "kept"


def test_near_names_are_few_and_each_once() -> None:
    titles = {item.id: item.title for item in RULES.parameters.values()}
    found = near("grid.average", titles)
    assert len(found) == len(set(found)) == 6
    assert near("", titles) == []


def test_what_is_accepted_converts() -> None:
    told = accepted(parse_unit("kWh"))
    for symbol in told.removeprefix("give it in kWh; ").removesuffix(" are converted").split(", "):
        assert parse_unit(symbol).dimension == parse_unit("kWh").dimension
