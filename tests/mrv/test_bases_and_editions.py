"""A coefficient of the other basis is refused, and an edition of potentials never borrows from another."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from mrv_helpers import item, paper

from core.errors import CarbonSealError
from core.quantity import Quantity
from mrv.authoring.catalogue import shipped
from mrv.calculation.run import RunResult, run

RULES = shipped()
PERIOD = {"start": "2026-10-31T16:00:00.000Z", "end": "2026-11-30T16:00:00.000Z", "zone": "Asia/Shanghai"}
EXCLUDED = {f"category_{number}": "excluded" for number in range(1, 16)}


def energy(basis: str, *coefficients: str, heat: str = "0") -> Quantity:
    line = [{"quantity": Quantity.of("1000", "MWh"), "coefficient": Quantity.of(text, "kgce/kWh")}
            for text in coefficients]
    result = RULES.formulas["energy.comprehensive@1"].evaluate(
        {"basis": basis, "electricity": line, "fuels": [], "gases": [], "standard_gases": [],
         "heat": [{"quantity": Quantity.of(heat, "GJ"), "coefficient": Quantity.of("34.12", "kgce/GJ")}]})
    found = result.outputs["energy"]
    assert isinstance(found, Quantity)
    return found


@pytest.mark.parametrize(("basis", "coefficient"), [
    ("当量", "0.1228"), ("当量", "0.1229"), ("当量", "0.123"),
    ("等价", "0.1231"), ("等价", "0.3025"), ("等价", "0.404")])
def test_a_coefficient_of_its_basis_is_taken(basis: str, coefficient: str) -> None:
    assert energy(basis, coefficient).to("kgce").value == Decimal(coefficient) * 1_000_000


@pytest.mark.parametrize(("basis", "coefficients"), [
    ("当量", ["0.1227"]), ("当量", ["0.1231"]), ("当量", ["0.3025"]), ("当量", ["0.1229", "0.3025"]),
    ("等价", ["0.123"]), ("等价", ["0.1229"]), ("等价", ["0.3025", "0.1229"]), ("等价", ["0"])])
def test_a_coefficient_of_the_other_basis_is_refused_wherever_it_stands(basis: str, coefficients: list[str]) -> None:
    with pytest.raises(CarbonSealError) as caught:
        energy(basis, *coefficients)
    error = caught.value
    assert error.code == "out-of-range"
    assert error.where.startswith("basis, electricity[")
    assert error.where.endswith("].coefficient")
    assert f'basis != "{basis}"' in error.message
    assert "basis" in error.hint


def test_without_electricity_either_basis_gives_the_same() -> None:
    assert energy("当量", heat="1000") == energy("等价", heat="1000") == Quantity.of("34.12", "tce")


def inventory(name: str, gwp: str, gas: str) -> RunResult:
    inputs: dict[str, Any] = {"purchased_electricity": [item("0", "kWh", paper(), "2")],
                              f"leak.{gas}": [item("1", "kg", paper("cd" * 32))]}
    options = {"region": "jiangsu", "gwp": gwp} | (EXCLUDED if name == "inventory.corporate" else {})
    document = {"subject": "org:plant", "boundary": "厂区", "period": PERIOD, "inputs": inputs, "options": options,
                "allow_unconfirmed": True}
    return run(RULES, name, None, document, date(2026, 12, 5))


@pytest.mark.parametrize("name", ["inventory.general", "inventory.corporate"])
@pytest.mark.parametrize(("gwp", "kilograms"), [("SAR", "23900"), ("AR4", "22800"), ("AR5", "23500")])
def test_a_kilogram_of_sf6_weighs_what_its_edition_says(name: str, gwp: str, kilograms: str) -> None:
    assert str(inventory(name, gwp, "SF6").result) == f"{kilograms} kgCO2e"


@pytest.mark.parametrize("name", ["inventory.general", "inventory.corporate"])
@pytest.mark.parametrize(("gwp", "gas"), [("SAR", "HCFC-22"), ("AR4", "HCFC-22"), ("SAR", "NF3")])
def test_a_gas_that_an_edition_lacks_is_an_error_that_names_it(name: str, gwp: str, gas: str) -> None:
    with pytest.raises(CarbonSealError) as caught:
        inventory(name, gwp, gas)
    assert (caught.value.code, f"gwp.{gwp}.{gas}" in caught.value.message) == ("parameter-missing", True)
    assert f"gwp.AR5.{gas}" in RULES.parameters


def test_every_gas_of_the_later_editions_stands_in_the_older_ones_but_for_two() -> None:
    def gases(edition: str) -> set[str]:
        return {name.split(".", 2)[2] for name in RULES.parameters if name.startswith(f"gwp.{edition}.")}

    assert gases("AR5") - gases("AR4") == {"HCFC-22"}
    assert gases("AR5") - gases("SAR") == {"HCFC-22", "NF3"}
