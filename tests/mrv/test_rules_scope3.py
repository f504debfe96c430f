"""The worked examples of the GHG Protocol Scope 3 Technical Guidance v1.0 (2013), one formula each.

Where the guidance contradicts its own arithmetic the recomputed figure is expected and the printed one is refused.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mrv_helpers import code_of

from mrv.authoring.catalogue import shipped
from mrv.calculation.service import evaluate

RULES = shipped()
ENERGY, MASS, MONEY = "kgCO2e/kWh", "kgCO2e/kg", "kgCO2e/USD"


def q(value: str, unit: str = "1") -> dict[str, str]:
    return {"value": value, "unit": unit}


def rows(units: dict[str, str], *lines: str) -> list[dict[str, Any]]:
    """Rows of a list input: "400 20" under {"quantity": "kg", "factor": "kgCO2e/kg"}."""
    return [{name: q(value, unit) for (name, unit), value in zip(units.items(), line.split(), strict=True)}
            for line in lines]


def emission(formula: str, output: str = "emission", **inputs: Any) -> Decimal:
    return Decimal(evaluate(RULES, formula, inputs)["outputs"][output]["value"])


def activity(**lists: Any) -> Decimal:
    names = ("by_mass", "by_energy", "by_volume", "by_count", "by_money")
    return emission("scope3.activity", **{name: lists.get(name, []) for name in names})


QUANTITY_KG, QUANTITY_KWH = {"quantity": "kg", "factor": MASS}, {"quantity": "kWh", "factor": ENERGY}
SUPPLIER = {
    "energy": rows(QUANTITY_KWH, "5000 0.5", "2500 0.2"),
    "materials": rows(QUANTITY_KG, "5000 7", "2500 5", "500 2", "500 1.5"),
    "transport": rows({"mass": "kg", "distance": "km", "factor": "kgCO2e/(kg·km)"},
                      "5000 1000 0.01", "2500 2500 0.02", "500 800 0.05", "500 200 0.1"),
    "waste": rows(QUANTITY_KG, "100 0.5"), "other": []}


def test_example_1_1_supplier_specific() -> None:
    assert activity(by_mass=rows(QUANTITY_KG, "200000 0.15", "600000 0.1", "200000 0.1", "100000 0.25",
                                 "50000 0.2")) == 145000


def test_example_1_2_hybrid_is_257300_and_not_the_printed_72800() -> None:
    parts = {name: emission("scope3.supplier", name, **SUPPLIER) for name in (
        "scope_1_2", "material_inputs", "transport_of_inputs", "waste_output", "emission")}
    assert parts == {"scope_1_2": 3000, "material_inputs": 49250, "transport_of_inputs": 205000, "waste_output": 50,
                     "emission": 257300}
    assert parts["emission"] - 72800 == 184500


def test_example_1_4_average_data_and_spend() -> None:
    dollars = rows({"quantity": "USD", "factor": MONEY}, "5000 0.3", "3000 0.3", "4000 0.3", "6000 0.5", "1500 0.2",
                   "5000 0.2", "5000 0.3", "1000 0.3", "5000 0.4")
    assert emission("scope3.purchased", by_mass=rows(QUANTITY_KG, "400 20", "200 10", "500 40", "100 70", "1500 3",
                                                     "300 3"), by_count=[], by_yuan=[], by_dollar=dollars) == 54100


def test_example_4_1_fuel_based() -> None:
    fuels = rows({"quantity": "L", "factor": "kgCO2e/L"}, "50000 3", "80000 3", "90000 3")
    leaks = rows({"leakage": "kg", "gwp": MASS}, "50 2000")
    assert emission("scope3.transport.fuel", fuels=fuels, electricity=[], refrigerants=leaks) == 760000


def test_examples_4_2_and_9_1_distance_based() -> None:
    units = {"mass": "t", "distance": "km", "factor": "kgCO2e/(t·km)"}
    assert emission("scope3.transport", legs=rows(units, "2 2000 0.2", "1 3000 1", "6 4000 0.05")) == 5000
    assert emission("scope3.transport", legs=rows(units, "4 2000 0.2")) == 1600


@pytest.mark.parametrize(("distances", "shares"), [
    (("10", "15", "25"), ("11.8", "7.4", "12.3")), (("10", "15", "10"), ("15.43", "9.64", "6.43"))])
def test_example_4_3_shares_of_a_delivery_run(distances: tuple[str, ...], shares: tuple[str, ...]) -> None:
    run = list(zip(("24", "10", "10"), distances, strict=True))
    allocated = []
    for i, (mass, distance) in enumerate(run):
        others = rows({"mass": "t", "distance": "km"}, *(" ".join(other) for j, other in enumerate(run) if j != i))
        allocated.append(emission("scope3.transport.share", "allocated", emission=q("31.5", "kgCO2e"),
                                  mass=q(mass, "t"), distance=q(distance, "km"), others=others))
    assert [round(value, len(text.split(".")[1])) for value, text in zip(allocated, shares, strict=True)] == [
        Decimal(text) for text in shares]
    assert abs(sum(map(Fraction, allocated)) - Fraction("31.5")) < Fraction(1, 10**36)


def test_example_4_4_spend_is_in_kilograms() -> None:
    lines = rows({"amount": "USD", "price_index": "1", "factor": MONEY}, "20000 1 0.04", "30000 1 0.15", "40000 1 0.05")
    assert emission("scope3.spend.dollar", lines=lines) == 7300


def test_example_4_5_distribution_by_site() -> None:
    units = {"electricity": "kWh", "electricity_factor": ENERGY, "fuel": "kWh", "fuel_factor": ENERGY,
             "leaks": "kgCO2e", "volume": "m3", "total_volume": "m3"}
    assert emission("scope3.distribution.site", facilities=rows(
        units, "10000 0.8 1000 0.25 0 100 400", "15000 0.8 2000 0.25 0 200 800")) == Decimal("5187.5")


def test_example_5_1_waste_by_type_and_water_by_volume() -> None:
    assert activity(by_mass=rows({"quantity": "t", "factor": "kgCO2e/t"}, "2000 40", "5000 2", "4000 10"),
                    by_volume=rows({"quantity": "m3", "factor": "kgCO2e/m3"}, "5000 0.5")) == 132500


def test_example_5_2_waste_by_average_data() -> None:
    routes = rows({"share": "%", "factor": "kgCO2e/t"}, "25 300", "5 0", "30 0", "20 10", "20 30")
    # The guidance prints 3,320: 40 × (0.25 × 300 + 0.2 × 10 + 0.2 × 30) is that.
    assert emission("scope3.waste", mass=q("40", "t"), routes=routes) == 3320


def test_example_7_1_commuting_by_distance() -> None:
    common = {"one_way": "km", "times_a_week": "1", "weeks": "1"}
    rail = rows({"people": "person", **common, "factor": "kgCO2e/(person·km)"}, "1 10 5 48 0.1", "1 10 4 48 0.1")
    car = rows({"vehicles": "vehicle", **common, "factor": "kgCO2e/(vehicle·km)"}, "1 15 1 48 0.2", "1 20 5 48 0.2")
    answers = {name: emission("scope3.commuting.distance", name, passenger=rail, vehicle=car, telework=[])
               for name in ("passenger_distance", "vehicle_distance", "emission")}
    assert answers == {"passenger_distance": 8640, "vehicle_distance": 11040, "emission": 3072}


def test_example_7_2_commuting_by_average_data() -> None:
    modes = rows({"share": "%", "one_way": "km", "factor": "kgCO2e/(person·km)"}, "50 10 0.1", "30 15 0.2", "15 1 0",
                 "5 5 0.1")
    assert emission("scope3.commuting.average", employees=q("10000", "person"), days=q("235"), modes=modes) == 6697500


def test_example_8_1_is_1320_and_not_1325_of_a_rounded_share() -> None:
    assert emission("scope3.leased.occupied", area=q("200", "m2"), total_area=q("2000", "m2"), occupancy=q("0.75"),
                    energy=rows(QUANTITY_KWH, "1500 0.2", "3000 0.7"),
                    gases=rows({"mass": "kg", "gwp": MASS}, "5 1500")) == 1320


def test_example_10_2_processing_by_average_data() -> None:
    assert activity(by_mass=rows(QUANTITY_KG, "1000 1.5")) == 1500


def test_example_11_1_direct_use_phase() -> None:
    products = rows({"uses": "1", "sold": "item", "energy": "kWh/item", "factor": ENERGY}, "1000 11500 1.3 0.5",
                    "1100 1900 1.5 0.5", "2000 20000 0.2 0.5")
    assert emission("scope3.use-phase", products=products) == 13042500


def test_example_11_2_indirect_use_phase() -> None:
    scenarios = rows({"share": "%", "energy": "kWh/item", "factor": ENERGY}, "20 0.4 0.5", "40 0.5 0.5", "40 1.2 0.5")
    assert emission("scope3.use-phase.scenarios", sold=q("2000", "item"), uses=q("1000"),
                    scenarios=scenarios) == 760000


def test_example_13_1_a_leased_factory() -> None:
    assert emission("scope3.shared-asset", assets=rows({"emission": "kgCO2e", "area": "m2", "total_area": "m2"},
                                                       "9000 5000 15000")) == 3000


def test_example_14_1_franchises() -> None:
    reports = rows({"scope_1": "kgCO2e", "scope_2": "kgCO2e"}, "100000 20000", "25000 10000", "30000 10000",
                   "90000 30000", "30000 10000")
    assert emission("scope3.reported", reports=reports) == 355000


def test_example_15_1_equity() -> None:
    assert emission("scope3.investments.equity", investments=rows({"emission": "tCO2e", "share": "%"}, "120000 40",
                                                                  "200000 15", "1600000 25", "60000 25")) == 493000


def test_example_15_2_is_2332500_kilograms_and_not_2242500_tonnes() -> None:
    sectors = rows({"revenue": "USD", "factor": MONEY, "share": "%"}, "3000000 0.6 5", "7500000 0.5 15",
                   "1150000 3 20", "3300000 2 10", "2200000 1.5 10")
    assert emission("scope3.investments.revenue", sectors=sectors) == 2332500


def test_example_15_3_shares_are_not_rounded() -> None:
    projects = rows({"emission": "tCO2e", "investment": "1e6 USD", "cost": "1e6 USD"}, "200000 1 20", "10000 5 50",
                    "250000 3 60", "30000 10 90")
    assert round(emission("scope3.investments.debt", projects=projects), 2) == Decimal("26833.33")


@pytest.mark.parametrize(("years", "expected"), [("30", 31500000), ("60", 63000000)])
def test_example_15_5_projected_lifetime(years: str, expected: int) -> None:
    assert emission("scope3.investments.lifetime", annual=q("7000000", "tCO2e/year"), lifetime=q(years, "year"),
                    share=q("15", "%")) == expected


@pytest.mark.parametrize(("days", "years", "tonnes"), [("40", "5", "162"), ("60", "5", "243"), ("60", "8", "388.8"),
                                                       ("20", "5", "81"), ("20", "8", "129.6")])
def test_example_b_1_scenarios_of_a_fan(days: str, years: str, tonnes: str) -> None:
    assert emission("scope3.use-phase.power", sold=q("1000", "item"), power=q("300", "W/item"),
                    hours_a_day=q("6", "h/day"), days_a_year=q(days, "day/year"), lifespan=q(years, "year"),
                    factor=q("0.45", ENERGY)) / 1000 == Decimal(tonnes)


def test_example_c_1_emission_of_a_wash() -> None:
    intensity = emission("scope3.use-phase.intensity", "intensity", emission=q("500000", "kgCO2e"),
                         sold=q("2000", "item"), uses=q("1500"))
    assert round(intensity, 4) == Decimal("0.1667")


# What holds for every share


positive = st.decimals(min_value="0.001", max_value="1000000", places=3).map(str)


@given(runs=st.lists(st.tuples(positive, positive), min_size=1, max_size=6), total=positive)
def test_shares_of_a_run_add_up_to_the_run(runs: list[tuple[str, str]], total: str) -> None:
    shares = [emission("scope3.transport.share", "allocated", emission=q(total, "kgCO2e"), mass=q(mass, "t"),
                       distance=q(distance, "km"),
                       others=rows({"mass": "t", "distance": "km"},
                                   *(" ".join(other) for j, other in enumerate(runs) if j != i)))
              for i, (mass, distance) in enumerate(runs)]
    assert abs(sum(map(Fraction, shares)) - Fraction(total)) <= Fraction(total) / 10**38


@given(scale=st.integers(min_value=2, max_value=1000))
def test_twice_the_supplies_emit_twice_as_much(scale: int) -> None:
    energy = [{"quantity": q(str(5000 * scale), "kWh"), "factor": q("0.5", ENERGY)}]
    single = emission("scope3.supplier", **SUPPLIER | {"materials": [], "transport": [], "waste": [],
                                                        "energy": rows(QUANTITY_KWH, "5000 0.5")})
    assert emission("scope3.supplier", **SUPPLIER | {"materials": [], "transport": [], "waste": [],
                                                      "energy": energy}) == single * scale


@pytest.mark.parametrize(("formula", "inputs"), [
    ("scope3.purchased", {"by_mass": [], "by_count": [], "by_yuan": [], "by_dollar": []}),
    ("scope3.commuting.distance", {"passenger": [], "vehicle": [], "telework": []})])
def test_a_category_without_a_line_is_no_zero(formula: str, inputs: dict[str, Any]) -> None:
    assert code_of(lambda: evaluate(RULES, formula, inputs)) == "out-of-range"


@pytest.mark.parametrize(("formula", "name"), [
    ("scope3.reported", "reports"), ("scope3.floor-area", "buildings"), ("scope3.investments.debt", "projects")])
def test_an_empty_list_of_what_must_be_given_is_missing(formula: str, name: str) -> None:
    assert code_of(lambda: evaluate(RULES, formula, {name: []})) == "input-missing"
