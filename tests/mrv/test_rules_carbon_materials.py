"""GB/T 32151.34-2024 after its public transcription: the minimal vectors of each equation, and the steam tables.

The symbols are those of the standard's list of variables; the vectors are the transcription's own, not real plants.
"""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from mrv_helpers import code_of

from core.quantity import Quantity
from mrv.authoring.catalogue import shipped
from mrv.calculation.service import evaluate

RULES = shipped()


def q(value: str, unit: str = "1") -> dict[str, str]:
    return {"value": value, "unit": unit}


def answer(formula: str, output: str = "emission", **inputs: Any) -> Decimal:
    return Decimal(evaluate(RULES, formula, inputs)["outputs"][output]["value"])


def near(value: Decimal, expected: str) -> bool:
    """Whether a value agrees with the printed digits of a figure that ends in "..."."""
    return abs(value - Decimal(expected)) < Decimal(1).scaleb(-11)


def test_equation_1_by_volume() -> None:
    assert answer("fuel.combustion.carbon.gas", consumption=q("2", "1e4Nm3"), carbon_content=q("0.015", "tC/1e4Nm3"),
                  oxidation=q("0.98")) == Decimal("0.1078")


def test_equation_2_by_mass() -> None:
    assert near(answer("fuel.combustion.carbon", consumption=q("10", "t"), carbon_content=q("0.02", "tC/t"),
                       oxidation=q("1")), "0.733333333333")


def test_equations_3_to_5_by_heat() -> None:
    assert near(answer("fuel.combustion.energy", heat=q("10", "GJ"), carbon_content=q("0.02", "tC/GJ"),
                       oxidation=q("1")), "0.733333333333")
    assert answer("fuel.heat.gas", "heat", consumption=q("2", "1e4Nm3"),
                  net_calorific_value=q("3", "GJ/1e4Nm3")) == 6
    assert answer("fuel.heat", "heat", consumption=q("10", "t"), net_calorific_value=q("3", "GJ/t")) == 30


CALCINATION = {"green_coke": q("100", "t"), "green_fixed_carbon": q("0.008", "tC/t"), "calcined_coke": q("70", "t"),
               "undercalcined_coke": q("5", "t"), "dust": q("1", "t"), "calcined_fixed_carbon": q("0.002", "tC/t"),
               "green_volatile": q("0.10"), "calcined_volatile": q("0.02"), "methane_share": q("0.35")}
BAKING = {"packing": q("10", "t"), "packing_fixed_carbon": q(".005", "tC/t"), "packing_volatile": q(".10"),
          "green_blocks": q("100", "t"), "green_fixed_carbon": q(".007", "tC/t"), "green_volatile": q(".02"),
          "carbon_out": q(".05", "tC"), "baked_blocks": q("95", "t"), "baked_fixed_carbon": q(".006", "tC/t"),
          "methane_share": q(".35")}
GRAPHITISATION = {"packing": q("10", "t"), "packing_fixed_carbon": q(".005", "tC/t"), "packing_volatile": q(".10"),
                  "charged": q("100", "t"), "charged_fixed_carbon": q(".007", "tC/t"), "carbon_out": q(".05", "tC"),
                  "product": q("95", "t"), "product_fixed_carbon": q(".006", "tC/t"), "methane_share": q(".35")}
FUME = {"flow": q("1000", "Nm3/h"), "concentration": q("10", "mg/Nm3"), "heating_value": q("30", "GJ/t"),
        "carbon_content": q(".02", "tC/GJ"), "oxidation": q(".98"), "duration": q("1", "day")}


def test_equation_6_calcination() -> None:
    assert answer("carbon-materials.calcination", **CALCINATION) == Decimal("10.6535")


def test_equation_7_baking() -> None:
    assert near(answer("carbon-materials.baking", **BAKING), "3.364166666666")


def test_equation_8_graphitisation_is_not_that_of_baking() -> None:
    """Only the insulating and resistance material has a volatile term; the blocks are baked already."""
    assert near(answer("carbon-materials.graphitisation", **GRAPHITISATION), "1.439166666666")


def test_equation_9_fume_incineration() -> None:
    assert answer("carbon-materials.fume-incineration", **FUME) == Decimal("0.00051744")


def test_equations_10_to_13() -> None:
    assert answer("process.desulphurisation", sorbent=q("10", "t"), carbonate_share=q(".90"), conversion=q("1"),
                  factor=q(".44", "tCO2/t")) == Decimal("3.96")
    assert answer("inventory.sum", "total", parts=[q(".1", "tCO2"), q(".2", "tCO2")]) == Decimal("0.3")
    assert answer("electricity.location", consumption=q("100", "MWh"), factor=q(".5", "tCO2/MWh")) == 50
    assert answer("heat.steam.emission", mass=q("1000", "kg"), enthalpy=q("2800", "kJ/kg"),
                  factor=q(".11", "tCO2/GJ")) == Decimal("0.308")


def test_equations_14_to_16_add_up() -> None:
    direct = answer("inventory.sum", "total", parts=[q(value, "tCO2") for value in ("10", "2", "3", "4", ".3")])
    indirect = answer("inventory.indirect-net", "net", purchased_electricity=q("50", "tCO2"),
                      purchased_heat=q(".308", "tCO2"), exported_electricity=q("5", "tCO2"),
                      exported_heat=q(".0616", "tCO2"))
    assert (direct, indirect, direct + indirect) == (Decimal("19.3"), Decimal("45.2464"), Decimal("64.5464"))


@pytest.mark.parametrize(("formula", "inputs", "name"), [
    ("carbon-materials.calcination", CALCINATION, "green_volatile"),
    ("carbon-materials.baking", BAKING, "green_fixed_carbon"),
    ("carbon-materials.graphitisation", GRAPHITISATION, "packing_volatile"),
    ("carbon-materials.fume-incineration", FUME, "oxidation")])
@pytest.mark.parametrize(("value", "refused"), [("1", False), ("1.0001", True), ("-0.0001", True)])
def test_a_share_lies_between_nothing_and_all(formula: str, inputs: dict[str, Any], name: str, value: str,
                                              refused: bool) -> None:
    # Nothing else is in the material: what is left beside this share is none.
    none = {other: inputs[other] | {"value": "0"} for other in inputs
            if other.split("_")[0] == name.split("_")[0] and other.endswith(("_volatile", "_fixed_carbon"))}
    changed = inputs | none | {name: inputs[name] | {"value": value}}
    if refused:
        assert code_of(lambda: evaluate(RULES, formula, changed)) == "out-of-range"
    else:
        assert evaluate(RULES, formula, changed)["outputs"]


# The steam tables


def table(name: str) -> dict[Decimal, Decimal]:
    return {Decimal(value.year): value.quantity.value for value in RULES.parameter(name).values}


def test_saturated_steam_has_seventy_rows_and_each_pressure_once() -> None:
    assert len(table("steam.saturated.enthalpy")) == len(table("steam.saturated.temperature")) == 70
    assert table("steam.saturated.enthalpy").keys() == table("steam.saturated.temperature").keys()


def test_the_misprinted_pressures_are_corrected_and_say_so() -> None:
    values = {value.year: value for value in RULES.parameter("steam.saturated.enthalpy").values}
    assert (values["1.40"].text, values["1.70"].text, values["1.80"].text) == ("2788.4", "2793.8", "2795.1")
    assert (values["1.70"].locator, values["1.80"].locator) == ("printed 1.40 MPa", "printed 1.50 MPa")
    assert "1.50" not in values


def test_saturated_steam_is_hotter_at_every_higher_pressure() -> None:
    temperatures = sorted(table("steam.saturated.temperature").items())
    assert all(before[1] < after[1] for before, after in pairwise(temperatures))


SUPERHEATED = sorted((Decimal(name.removeprefix("steam.superheated.").removesuffix("MPa")), name)
                     for name in RULES.parameters if name.startswith("steam.superheated.") and name.endswith("MPa"))


def test_superheated_steam_has_twelve_pressures() -> None:
    assert [str(pressure) for pressure, _ in SUPERHEATED] == ["0.01", "0.1", "0.5", "1", "3", "5", "7", "10", "14",
                                                              "20", "25", "30"]


@pytest.mark.parametrize("name", [name for _, name in SUPERHEATED])
def test_superheated_steam_holds_more_heat_at_every_higher_temperature(name: str) -> None:
    rows = sorted(table(name).items())
    assert all(before[1] < after[1] for before, after in pairwise(rows))


def test_superheated_steam_holds_less_heat_at_every_higher_pressure() -> None:
    """At 550 °C the table prints 3593.2 for 0.01 MPa, below 3595.4 for 0.1 MPa: kept as printed, the only exception."""
    odd = []
    for (_, low), (_, high) in pairwise(SUPERHEATED):
        lower, upper = table(low), table(high)
        odd += [(low, temperature) for temperature in lower.keys() & upper.keys()
                if lower[temperature] <= upper[temperature]]
    assert odd == [("steam.superheated.0.01MPa", Decimal(550))]


def test_no_row_of_liquid_water_stands_among_the_steam() -> None:
    assert min(value for _, name in SUPERHEATED for value in table(name).values()) > 2000
    for pressure, name in SUPERHEATED:
        boiling = [value for key, value in table("steam.saturated.temperature").items() if key >= pressure]
        assert not boiling or min(table(name)) > min(boiling)


def test_the_value_with_exchanged_digits_is_left_out() -> None:
    assert Decimal(400) not in table("steam.superheated.0.5MPa")
    assert Decimal(400) in table("steam.superheated.1MPa")


def saturated_rows(*pressures: str) -> list[dict[str, Any]]:
    """Rows of the shipped table as `heat.steam.saturated` takes them."""
    def value(name: str, pressure: str) -> Quantity:
        return next(item.quantity for item in RULES.parameter(name).values if item.year == pressure)

    return [{"pressure": q(p, "MPa"), "temperature": value("steam.saturated.temperature", p).as_json(),
             "enthalpy": value("steam.saturated.enthalpy", p).as_json()} for p in pressures]


def test_steam_at_1_75_megapascals_is_read_from_the_shipped_table() -> None:
    rows = saturated_rows("1.60", "1.70", "1.80", "1.90")
    assert answer("heat.steam.saturated", "enthalpy", pressure=q("1.75", "MPa"), table=rows) == Decimal("2794.45")
    assert answer("heat.steam.saturated", "temperature", pressure=q("1.75", "MPa"), table=rows) == Decimal("205.7")


@pytest.mark.parametrize(("pressure", "refused"), [("0.001", False), ("22.0", False), ("0.0009", True), ("22.1", True)])
def test_outside_the_table_steam_is_refused(pressure: str, refused: bool) -> None:
    every = saturated_rows(*(value.year for value in RULES.parameter("steam.saturated.enthalpy").values))
    inputs = {"pressure": q(pressure, "MPa"), "table": every}
    if refused:
        assert code_of(lambda: evaluate(RULES, "heat.steam.saturated", inputs)) == "out-of-range"
    else:
        assert evaluate(RULES, "heat.steam.saturated", inputs)["outputs"]
