"""Figures of public projects, to the decimal, and a naive second implementation compared over random inputs."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal, localcontext
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.quantity import Quantity
from core.units import ONE, Unit, parse_unit
from mrv.authoring.catalogue import shipped
from mrv.definitions.formula import Formula

RULES = shipped()
Q = Quantity.of
D = Decimal
WIDE = Context(prec=60, rounding=ROUND_HALF_UP)
TEMPERATURES = ["297", "298", "300", "302", "302", "301", "300", "300", "300", "299", "298", "297"]


def number(output: Any) -> Decimal:
    assert isinstance(output, Quantity)
    return output.value


def rounded(output: Any, digits: str) -> Decimal:
    return number(output).quantize(D(digits), ROUND_HALF_UP)


def waste_water(reference: str = "303.16", factor: Decimal | None = None) -> tuple[Any, dict[str, Any]]:
    temperature = RULES.formula("reduction.wastewater.temperature").evaluate({
        "months": [{"temperature": Q(t, "K")} for t in TEMPERATURES], "activation_energy": Q("15175", "cal/mol"),
        "gas_constant": Q("1.987", "cal/(mol·K)"), "reference_temperature": Q(reference, "K")}).outputs["factor"]
    methane = RULES.formula("reduction.wastewater.methane").evaluate({
        "cod_project": Q("18142.464", "t"), "concentration_in": Q("20", "kg/m3"), "concentration_out": Q("3", "kg/m3"),
        "temperature_factor": temperature if factor is None else Quantity(factor, ONE), "depth_factor": Q("0.7", "1"),
        "conservativeness": Q("0.89", "1"), "methane_capacity": Q("0.21", "t/t"), "gwp": Q("28", "tCO2e/t")}).outputs
    return temperature, methane


def test_acm0014_reproduces_to_the_decimal() -> None:
    temperature, methane = waste_water()
    assert rounded(temperature, "0.000001") == D("0.741774")
    assert rounded(methane["cod_baseline"], "0.001") == D("15421.094")
    assert rounded(methane["mcf"], "0.000001") == D("0.462125")
    assert rounded(methane["emission"], "0.01") == D("41903.67")
    electricity = number(RULES.formula("electricity.location").evaluate(
        {"consumption": Q("3406", "MWh"), "factor": Q("0.448", "tCO2/MWh")}).outputs["emission"])
    heat = D("66.35") * D("77.4")
    baseline = number(methane["emission"]) + electricity + heat
    assert baseline.quantize(D("0.01"), ROUND_HALF_UP) == D("48565.05")
    reduction = RULES.formula("reduction.balance").evaluate({
        "baseline": Quantity(baseline, parse_unit("tCO2e")), "project": Q("13712", "tCO2e"),
        "leakage": Q("0", "tCO2e")}).outputs["reduction"]
    assert rounded(reduction, "0.01") == D("34853.05")


def test_acm0014_is_sharp_on_the_reference_temperature() -> None:
    assert rounded(waste_water("303.15")[1]["emission"], "0.01") == D("41938.51")


def test_acm0014_is_sharp_on_rounding_in_the_middle() -> None:
    assert rounded(waste_water(factor=D("0.742"))[1]["emission"], "0.1") == D("41916.4")


def test_a_year_of_mangroves_is_rounded_down() -> None:
    outputs = RULES.formula("reduction.annual-average").evaluate(
        {"total": Q("2861923", "tCO2e"), "years": Q("40", "year")}).outputs
    assert (str(number(outputs["average"])), str(number(outputs["reported"]))) == ("71548.075", "71548")


def test_a_therm_is_energy() -> None:
    assert Q("100", "therm").to("GJ").value.quantize(D("0.001")) == D("10.551")


def test_the_steel_case_is_not_adjusted_to_its_rounded_print() -> None:
    total = RULES.formula("steel.enterprise-total").evaluate({
        "fossil": Q("744.03", "1e4 tCO2"), "process": Q("69.22", "1e4 tCO2"),
        "net_electricity_heat": Q("-0.95", "1e4 tCO2"), "carbon_in_products": Q("29.68", "1e4 tCO2"),
        "crude_steel": Q("435.2", "1e4 t")}).outputs["total"]
    assert isinstance(total, Quantity)
    assert total.to("1e4 tCO2").value == D("782.62")


# A second implementation: plain Decimal arithmetic in declared units, written from the rules, not from the YAML.

def _naive() -> dict[str, Callable[..., dict[str, Decimal]]]:
    c = D(44)
    return {
        "fuel.combustion.heat": lambda consumption, net_calorific_value, carbon_content, oxidation: {
            "emission": consumption * net_calorific_value * carbon_content * oxidation * c / 12},
        "fuel.combustion.gas": lambda consumption, net_calorific_value, carbon_content, oxidation: {
            "emission": consumption * net_calorific_value * carbon_content * oxidation * c / 12},
        "fuel.combustion.carbon": lambda consumption, carbon_content, oxidation: {
            "emission": consumption * carbon_content * oxidation * c / 12},
        "fuel.combustion.energy": lambda heat, carbon_content, oxidation: {
            "emission": heat * carbon_content * oxidation * c / 12},
        "fuel.factor": lambda net_calorific_value, carbon_content, oxidation: {
            "factor": net_calorific_value * carbon_content * oxidation * c / 12},
        "electricity.location": lambda consumption, factor: {"emission": consumption * factor},
        "electricity.net": lambda purchased, exported, factor: {"net": purchased * factor - exported * factor},
        "heat.purchased": lambda heat, factor: {"emission": heat * factor},
        "heat.steam.emission": lambda mass, enthalpy, factor: {"emission": mass * enthalpy / 10**6 * factor},
        "inventory.intensity": lambda emission, production: {"intensity": emission / production},
        "process.desulphurisation": lambda sorbent, carbonate_share, factor, conversion: {
            "emission": sorbent * carbonate_share * factor * conversion},
        "aluminium.anode-effect": lambda aluminium, cf4_factor, c2f6_factor, cf4_gwp, c2f6_gwp: {
            "emission": aluminium * (cf4_factor * cf4_gwp + c2f6_factor * c2f6_gwp) / 1000},
        "cems.hourly-mass": lambda concentration, dry_flow: {"mass": concentration * dry_flow / 10**6},
        "cems.co2-mass": lambda dry_flow, co2_share: {"emission": dry_flow * co2_share * c / D("22.4") / 1000},
        "cems.dry-flow": lambda flow, temperature, atmospheric_pressure, static_pressure, moisture: {
            "dry_flow": flow * 273 / (273 + temperature) * (atmospheric_pressure + static_pressure) / 101325
            * (1 - moisture)},
        "reduction.balance": lambda baseline, project, leakage: {"reduction": baseline - project - leakage},
        "reduction.grid.baseline": lambda generation, factor: {"baseline": generation * factor},
        "green-power.gec-issue": lambda generation, carried_in: {
            "certificates": ((generation + carried_in) / 1000).to_integral_value(ROUND_FLOOR),
            "carried_out": (generation + carried_in) % 1000},
        "cbam.default-markup": lambda default, markup: {"value": default * (1 + markup / 100)},
        "cbam.certificates": lambda goods, see, benchmark, cbam_factor, carbon_price_paid, cbam_price: {
            "certificates": goods * (see - benchmark * cbam_factor - carbon_price_paid / cbam_price)},
    }


NAIVE = _naive()
positive = st.decimals(min_value="0.0001", max_value="1000000", places=4)
share = st.decimals(min_value=0, max_value="0.9999", places=4)
# Their product is the carbon in a tonne of fuel, at most a tonne.
OF_A_FUEL = {"net_calorific_value", "carbon_content"}
# The potentials of two gases are of one report.
OF_ONE_REPORT = {"cf4_gwp": st.just(D(6630)), "c2f6_gwp": st.just(D(11100))}


def arguments(formula: Formula) -> st.SearchStrategy[dict[str, Decimal]]:
    """Random values in the declared units, inside the declared bounds."""
    def strategy(field: Any) -> st.SearchStrategy[Decimal]:
        if field.maximum is not None or field.below is not None:
            return share
        return positive

    found = {item.name: strategy(item.field) for item in formula.inputs}
    if found.keys() >= OF_A_FUEL:
        found |= dict.fromkeys(OF_A_FUEL, share)
    if found.keys() >= OF_ONE_REPORT.keys():
        found |= OF_ONE_REPORT
    return st.fixed_dictionaries(found)


def unit_of(formula: Formula, name: str) -> Unit:
    kind = next(item.type for item in formula.inputs if item.name == name)
    assert isinstance(kind, Unit)
    return kind


@pytest.mark.parametrize("name", sorted(NAIVE))
@settings(max_examples=40)
@given(data=st.data())
def test_a_naive_implementation_agrees(name: str, data: st.DataObject) -> None:
    formula = RULES.formula(name)
    values = data.draw(arguments(formula))
    outputs = formula.evaluate({key: Quantity(value, unit_of(formula, key)) for key, value in values.items()}).outputs
    with localcontext(WIDE):
        for output, expected in NAIVE[name](**values).items():
            assert abs(number(outputs[output]) - expected) <= max(abs(expected), D(1)) * D("1e-30")


LINEAR = {"fuel.combustion.heat": ("consumption", "emission"), "electricity.location": ("consumption", "emission"),
          "heat.purchased": ("heat", "emission"), "process.desulphurisation": ("sorbent", "emission"),
          "cems.hourly-mass": ("dry_flow", "mass"), "fuel.heat": ("consumption", "heat")}


@pytest.mark.parametrize("name", sorted(LINEAR))
@settings(max_examples=25)
@given(data=st.data(), factor=st.integers(1, 1000))
def test_twice_the_activity_is_twice_the_result(name: str, data: st.DataObject, factor: int) -> None:
    formula, (scaled, output) = RULES.formula(name), LINEAR[name]
    values = {key: Quantity(value, unit_of(formula, key)) for key, value in data.draw(arguments(formula)).items()}
    once = number(formula.evaluate(values).outputs[output])
    more = values | {scaled: Quantity(values[scaled].value * factor, values[scaled].unit)}
    with localcontext(WIDE):
        assert abs(number(formula.evaluate(more).outputs[output]) - once * factor) <= once * factor * D("1e-36")


@given(st.lists(st.decimals(min_value=0, max_value=10**6, places=3), min_size=1, max_size=12))
def test_a_sum_does_not_depend_on_where_it_is_cut(parts: list[Decimal]) -> None:
    total = RULES.formula("inventory.sum")

    def of(values: list[Decimal]) -> Decimal:
        return number(total.evaluate({"parts": [Quantity(v, parse_unit("tCO2")) for v in values]}).outputs["total"])

    assert of(parts) == sum(parts)
    assert of([of(parts[: len(parts) // 2]), of(parts[len(parts) // 2 :])]) == of(parts) if len(parts) > 1 else True


@given(st.lists(st.decimals(min_value="0.001", max_value=10**6, places=3), min_size=1, max_size=6))
def test_allocation_shares_make_the_whole(masses: list[Decimal]) -> None:
    formula = RULES.formula("footprint.allocation")
    kg = parse_unit("kg")
    shares = [number(formula.evaluate({
        "emission": Q("90", "kgCO2e"), "product": Quantity(mass, kg),
        "co_products": [Quantity(m, kg) for j, m in enumerate(masses) if j != i]}).outputs["share"])
        for i, mass in enumerate(masses)]
    with localcontext(WIDE):
        assert abs(sum(shares) - 1) <= D("1e-36")


@given(st.lists(st.decimals(min_value=0, max_value=1000, places=2), min_size=1, max_size=8))
def test_an_uncertainty_lies_between_its_greatest_part_and_the_sum(parts: list[Decimal]) -> None:
    percent = parse_unit("%")
    combined = number(RULES.formula("uncertainty.product").evaluate(
        {"parts": [Quantity(part, percent) for part in parts]}).outputs["uncertainty"])
    assert max(parts) - D("1e-30") <= combined <= sum(parts) + D("1e-30")


@given(st.decimals(min_value="1.7", max_value="1.8", places=6))
def test_an_interpolated_enthalpy_lies_between_its_rows(pressure: Decimal) -> None:
    table = [{"pressure": Q("1.7", "MPa"), "temperature": Q("204.3", "°C"), "enthalpy": Q("2793.8", "kJ/kg")},
             {"pressure": Q("1.8", "MPa"), "temperature": Q("207.1", "°C"), "enthalpy": Q("2795.1", "kJ/kg")}]
    outputs = RULES.formula("heat.steam.saturated").evaluate(
        {"pressure": Quantity(pressure, parse_unit("MPa")), "table": table}).outputs
    assert D("2793.8") <= number(outputs["enthalpy"]) <= D("2795.1")
