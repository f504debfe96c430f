"""Invariants of the field, on shipped rules over random values: units, scaling, additivity, monotony, conservation."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mrv_helpers import green, inventory, item, paper

from core.numbers import decimal_text
from core.quantity import Quantity
from core.units import Unit, known_symbols, parse_unit
from mrv.authoring.catalogue import load
from mrv.calculation.run import run
from mrv.calculation.service import outputs_json
from mrv.definitions.fields import read_given

CATALOGUE = load()
RULES, TODAY = CATALOGUE.ruleset, date(2026, 12, 5)
D = Decimal
Q = Quantity.of
amounts = st.decimals(min_value="0.001", max_value=10**9, places=3)

# Units

SYMBOLS = sorted(known_symbols())
BY_DIMENSION: dict[Any, list[str]] = {}
for _symbol in SYMBOLS:
    BY_DIMENSION.setdefault(parse_unit(_symbol).dimension, []).append(_symbol)
numbers = st.decimals(min_value=-(10**12), max_value=10**12, places=6)


@st.composite
def two_units(draw: st.DrawFn) -> tuple[Unit, Unit]:
    """Two units of one dimension: a symbol for a symbol, above and below the line."""
    above = BY_DIMENSION[draw(st.sampled_from(sorted(BY_DIMENSION)))]
    below = BY_DIMENSION[draw(st.sampled_from(sorted(BY_DIMENSION)))]
    one, other = (f"{draw(st.sampled_from(above))}/{draw(st.sampled_from(below))}" for _ in range(2))
    return parse_unit(one), parse_unit(other)


@given(two_units(), numbers)
def test_a_conversion_is_the_exact_ratio_rounded_once(units: tuple[Unit, Unit], value: Decimal) -> None:
    one, other = units
    there = Quantity(value, one).to(other).value
    exact = Fraction(value) * one.scale / other.scale
    assert abs(Fraction(there) - exact) <= abs(exact) / 10**39


@given(two_units(), numbers)
def test_there_and_back_is_the_same_quantity(units: tuple[Unit, Unit], value: Decimal) -> None:
    one, other = units
    back = Quantity(value, one).to(other).to(one).value
    assert abs(back - value) <= abs(value) * D("1e-38")
    if (one.scale / other.scale).denominator == 1:
        assert back == value  # multiplied exactly, then divided once


@given(two_units())
def test_the_text_of_a_unit_is_that_unit(units: tuple[Unit, Unit]) -> None:
    for unit in (*units, units[0] * units[1], units[0] / units[1]):
        again = parse_unit(unit.text)
        assert (again.dimension, again.scale, again.text) == (unit.dimension, unit.scale, unit.text)


# Formulas: a case said in other units is the same case

EXACT_TWINS = {"t": "kg", "kWh": "MWh", "MWh": "kWh", "kg": "t", "GJ": "MJ", "tCO2": "kgCO2", "tCO2e": "kgCO2e",
               "kgCO2e": "tCO2e", "1": "%", "%": "1", "tCO2/MWh": "kgCO2/kWh", "GJ/t": "MJ/kg", "Wh": "kWh",
               "tCO2/GJ": "kgCO2/MJ", "km": "m", "MPa": "kPa", "tC": "kgC", "kgCO2e/kWh": "tCO2e/MWh",
               "tCO2e/t": "kgCO2e/kg", "1e4Nm3": "Nm3", "tC/GJ": "kgC/MJ", "kgCO2e/kg": "tCO2e/t"}
FORMULA_CASES = [case for case in CATALOGUE.cases if case.kind == "formula" and "expected" in case.body]


def in_other_units(value: Any) -> Any:
    if isinstance(value, list):
        return [in_other_units(one) for one in value]
    if isinstance(value, Mapping):
        return {name: in_other_units(one) for name, one in value.items()}
    if isinstance(value, Quantity) and value.unit.text in EXACT_TWINS:
        return value.to(EXACT_TWINS[value.unit.text])
    return value


def quantities_of(value: Any) -> list[Quantity]:
    if isinstance(value, list):
        return [found for one in value for found in quantities_of(one)]
    if isinstance(value, Mapping):
        return [found for one in value.values() for found in quantities_of(one)]
    return [value] if isinstance(value, Quantity) else []


@pytest.mark.parametrize("case", FORMULA_CASES, ids=lambda case: f"{case.rule} {case.name}")
def test_a_case_in_other_units_gives_the_same_digits(case: Any) -> None:
    formula = RULES.formula(case.rule)
    given_ = {name: read_given(value, name) for name, value in case.body["inputs"].items()}
    other = in_other_units(given_)
    assert outputs_json(formula.evaluate(other)) == outputs_json(formula.evaluate(given_))


def test_most_cases_are_said_in_other_units() -> None:
    changed = [case for case in FORMULA_CASES
               if any(quantity.unit.text in EXACT_TWINS for quantity in quantities_of(
                   [read_given(value, name) for name, value in case.body["inputs"].items()]))]
    assert len(changed) > len(FORMULA_CASES) * 0.7


# Formulas: what grows with what

GROWS = {
    "fuel.combustion.heat": (("consumption", "net_calorific_value", "carbon_content", "oxidation"), (), "emission"),
    "fuel.combustion.carbon": (("consumption", "carbon_content", "oxidation"), (), "emission"),
    "electricity.location": (("consumption", "factor"), (), "emission"),
    "electricity.net": (("purchased",), ("exported",), "net"),
    "heat.purchased": (("heat", "factor"), (), "emission"),
    "heat.steam.emission": (("mass", "enthalpy", "factor"), (), "emission"),
    "process.activity": (("consumption", "factor", "purity"), (), "emission"),
    "process.desulphurisation": (("sorbent", "carbonate_share", "factor", "conversion"), (), "emission"),
    "aluminium.anode-effect": (("aluminium", "cf4_factor", "c2f6_factor"), (), "emission"),
    "cems.dry-flow": (("flow", "atmospheric_pressure"), ("moisture",), "dry_flow"),
    "cbam.simple": (("attributed",), ("activity_level",), "see"),
    "reduction.balance": (("baseline",), ("project", "leakage"), "reduction"),
    "inventory.intensity": (("emission",), ("production",), "intensity"),
}


@st.composite
def evaluations(draw: st.DrawFn) -> tuple[str, dict[str, Quantity], str, Decimal]:
    """A formula, values inside its bounds, one of its inputs, and a greater value for it."""
    name = draw(st.sampled_from(sorted(GROWS)))
    values: dict[str, Quantity] = {}
    for field in RULES.formula(name).inputs:
        assert isinstance(field.type, Unit)
        assert field.field is not None
        bounded = (field.field.maximum is not None or field.field.below is not None
                   or field.name in ("net_calorific_value", "carbon_content"))
        values[field.name] = Quantity(draw(st.decimals("0.001", "0.4") if bounded else amounts), field.type)
    if name == "aluminium.anode-effect":
        # The potentials of two gases are of one report, so they do not grow.
        values |= {"cf4_gwp": Quantity.of("6630", "kgCO2e/kg"), "c2f6_gwp": Quantity.of("11100", "kgCO2e/kg")}
    changed = draw(st.sampled_from(GROWS[name][0] + GROWS[name][1]))
    return name, values, changed, draw(st.decimals("1.001", "2", places=3))


@given(evaluations())
def test_more_of_a_source_is_more_and_of_a_sink_less(case: tuple[str, dict[str, Quantity], str, Decimal]) -> None:
    name, values, changed, times = case
    formula, (up, _, output) = RULES.formula(name), GROWS[name]
    greater = values | {changed: Quantity(values[changed].value * times, values[changed].unit)}
    before, after = (formula.evaluate(given_).outputs[output].value for given_ in (values, greater))  # type: ignore[union-attr]
    assert before < after if changed in up else before > after


# Runs


def electricity(*values: Decimal) -> dict[str, Any]:
    return inventory(inputs={"purchased_electricity": [
        item(decimal_text(value), "kWh", paper(f"{i:064x}"), "2") for i, value in enumerate(values)]})


def total_of(document: dict[str, Any]) -> Quantity:
    return run(RULES, "inventory.enterprise", None, document, TODAY).outputs["total_location"]


@given(st.lists(amounts, min_size=2, max_size=6))
def test_a_consumption_may_be_stated_in_any_pieces_and_order(pieces: list[Decimal]) -> None:
    whole = total_of(electricity(sum(pieces, D(0))))
    assert total_of(electricity(*pieces)) == whole == total_of(electricity(*reversed(pieces)))


@given(amounts, amounts)
def test_two_plants_together_emit_what_they_emit_apart(one: Decimal, other: Decimal) -> None:
    apart, together = (Fraction(quantity.value) for quantity in (
        total_of(electricity(one)) + total_of(electricity(other)), total_of(electricity(one + other))))
    assert abs(together - apart) <= apart / 10**38


@given(amounts, st.integers(2, 1000))
def test_an_inventory_scales_with_its_activity(one: Decimal, times: int) -> None:
    once, scaled = (Fraction(total_of(electricity(value)).value) for value in (one, one * times))
    assert abs(scaled - once * times) <= scaled / 10**38


@given(st.integers(1_000_000, 10**12))
def test_whole_units_and_the_rest_on_the_register_are_the_generation(generated: int) -> None:
    result = run(RULES, "green-power.pv", None, green(str(500 + generated)), TODAY)
    spent = sum(interval.end - interval.start for interval in result.intervals)
    assert spent == result.amount * 1_000_000
    assert 0 <= generated - spent < 1_000_000


@settings(max_examples=40)
@given(st.lists(st.integers(1_000_000, 10**10), min_size=2, max_size=4))
def test_a_month_after_a_month_loses_no_watt_hour(months: list[int]) -> None:
    """Each claim begins where the intervals of the one before ended."""
    start = end = 0
    amounts_ = []
    for generated in months:
        end += generated
        document = green(str(end))
        (given_,) = document["inputs"]["generation"]
        given_["source"]["from"]["position"] = str(start)
        given_["quantity"] = {"value": str(end - start), "unit": "Wh"}
        result = run(RULES, "green-power.pv", None, document, TODAY)
        amounts_.append(result.amount)
        start = result.intervals[-1].end
    assert sum(amounts_) == sum(months) // 1_000_000
    assert end - start == sum(months) % 1_000_000


@given(st.lists(st.decimals(min_value="0.001", max_value=10**6, places=3), min_size=1, max_size=5), amounts)
def test_co_products_share_an_emission_and_nothing_is_left(masses: list[Decimal], emission: Decimal) -> None:
    formula = RULES.formula("footprint.allocate")
    shared = []
    for i, mass in enumerate(masses):
        others = [Quantity(other, parse_unit("kg")) for j, other in enumerate(masses) if j != i]
        outputs = formula.evaluate({
            "emission": Quantity(emission, parse_unit("kgCO2e")), "basis": "mass",
            "product_mass": Quantity(mass, parse_unit("kg")), "product_value": Q("0", "CNY"), "co_mass": others,
            "co_value": []}).outputs
        shared.append(Fraction(outputs["allocated"].value))  # type: ignore[union-attr]
    assert abs(sum(shared) - Fraction(emission)) <= Fraction(emission) / 10**37
