"""Numbers and traps of the field, each through the formula that carries it: neighbours of the published cases."""

from __future__ import annotations

import calendar
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mrv_helpers import code_of

from mrv.authoring.catalogue import shipped
from mrv.calculation.service import evaluate, parameter

RULES = shipped()


def q(value: str, unit: str = "1") -> dict[str, str]:
    return {"value": value, "unit": unit}


def text(value: str) -> dict[str, str]:
    return q(value, "text")


def outputs(formula: str, **inputs: Any) -> dict[str, str]:
    return {name: output["value"] for name, output in evaluate(RULES, formula, inputs)["outputs"].items()}


def factor(path: str) -> dict[str, str]:
    value = RULES.parameter(path).values[0]
    return q(value.text, value.quantity.unit.text)


# Green certificates


def months_later(year: int, month: int, months: int) -> tuple[int, int]:
    return (year * 12 + month - 1 + months) // 12, (year * 12 + month - 1 + months) % 12 + 1


@given(year=st.integers(2024, 2199), month=st.integers(1, 12))
def test_a_certificate_holds_through_the_twenty_fourth_month(year: int, month: int) -> None:
    last_year, last_month = months_later(year, month, 23)
    assert outputs("green-power.gec-validity", year=q(str(year)), month=q(str(month))) == {
        "last_year": str(last_year), "last_month": str(last_month),
        "last_day": str(calendar.monthrange(last_year, last_month)[1])}


@pytest.mark.parametrize(("year", "month", "last"), [
    ("2023", "12", ("2025", "12", "31")), ("2017", "7", ("2025", "12", "31")), ("2024", "1", ("2025", "12", "31")),
    ("2024", "2", ("2026", "1", "31")), ("2024", "3", ("2026", "2", "28")), ("2026", "3", ("2028", "2", "29"))])
def test_certificates_on_both_sides_of_2024(year: str, month: str, last: tuple[str, ...]) -> None:
    assert tuple(outputs("green-power.gec-validity", year=q(year), month=q(month)).values()) == last


@pytest.mark.parametrize("month", ["0", "13", "1.5"])
def test_a_month_that_is_none_is_refused(month: str) -> None:
    assert code_of(lambda: outputs("green-power.gec-validity", year=q("2024"), month=q(month))) == "out-of-range"


@given(generation=st.lists(st.decimals("0", "5000", places=3), min_size=1, max_size=12))
def test_nothing_is_lost_over_a_year_of_issues(generation: list[Decimal]) -> None:
    carried, issued = Decimal(0), Decimal(0)
    for month in generation:
        out = outputs("green-power.gec-issue", generation=q(str(month), "kWh"), carried_in=q(str(carried), "kWh"))
        carried, issued = Decimal(out["carried_out"]), issued + Decimal(out["certificates"])
        assert 0 <= carried < 1000
    assert issued * 1000 + carried == sum(generation)


# Stacks


FLAGS = "NFMSDCTB"


def sample(concentration: str, flow: str, flag: str) -> dict[str, Any]:
    return {"concentration": q(concentration, "mg/Nm3"), "dry_flow": q(flow, "Nm3/h"), "flag": text(flag)}


@pytest.mark.parametrize("flag", [flag for flag in FLAGS if flag != "N"])
def test_only_normal_samples_make_the_mass_of_an_hour(flag: str) -> None:
    samples = [sample("100", "400000", "N")] * 3 + [sample("5000", "900000", flag)]
    assert outputs("cems.hour-mass", samples=samples, expected_samples=q("4")) == {"share": "75", "mass": "40"}


@pytest.mark.parametrize(("normal", "refused"), [(45, False), (44, True)])
def test_an_hour_below_three_quarters_gives_no_mass(normal: int, refused: bool) -> None:
    samples = [sample("100", "400000", "N")] * normal
    inputs = {"samples": samples, "expected_samples": q("60")}
    if refused:
        assert code_of(lambda: outputs("cems.hour-mass", **inputs)) == "out-of-range"
    else:
        assert outputs("cems.hour-mass", **inputs)["mass"] == "40"


def test_the_mass_of_an_hour_is_no_product_of_averages() -> None:
    samples = [sample("100", "200000", "N"), sample("300", "400000", "N")]
    mass = outputs("cems.hour-mass", samples=samples, expected_samples=q("2"))["mass"]
    assert mass == "70" != str(200 * 300000 // 10**6)


def test_the_constant_of_f_11_is_the_density_of_carbon_dioxide_in_short_tons() -> None:
    density = RULES.parameter("cems.rho").values[0].quantity.to("short ton/scf").value / 100
    assert round(density, 10) == RULES.parameter("cems.K_f11").values[0].quantity.value


@pytest.mark.parametrize(("moisture", "o2", "co2"), [("0", "0.209", "0"), ("0.1", "0.1881", "0")])
def test_air_and_nothing_else_has_no_carbon_dioxide(moisture: str, o2: str, co2: str) -> None:
    assert outputs("cems.co2-from-o2", fc=factor("cems.Fc.bituminous"), fd=factor("cems.Fd.bituminous"),
                   moisture=q(moisture), o2=q(o2))["co2"] == co2


def test_bituminous_coal_at_five_per_cent_oxygen_and_eight_of_moisture() -> None:
    co2 = outputs("cems.co2-from-o2", fc=q("1800", "scf CO2/mmBtu"), fd=q("9780", "dscf/mmBtu"), moisture=q("8", "%"),
                  o2=q("5", "%"))["co2"]
    assert round(Decimal(co2), 4) == Decimal("12.5294")


# Fuels and gases


@pytest.mark.parametrize(("fuel", "expected"), [
    ("natural_gas", "0.2025594"), ("LPG", "0.2277594"), ("gas_diesel_oil", "0.2683404"),
    ("other_bituminous_coal", "0.372231")])
def test_residential_fuels_of_ipcc_2006_with_ar5(fuel: str, expected: str) -> None:
    gases = [{"factor": factor(f"ipcc.res.{fuel}.{gas}"), "gwp": factor(f"gwp.AR5.{gas}")}
             for gas in ("CO2", "CH4", "N2O")]
    assert outputs("fuel.co2e-factor", gases=gases)["factor"] == expected


def test_natural_gas_of_the_epa_by_standard_cubic_feet() -> None:
    heat = outputs("fuel.heat.scf", volume=q("1000000", "scf"), heat_content=factor("epa.ng.heat_content"))["heat"]
    gases = [{"factor": factor(f"epa.ng.{gas}"), "gwp": factor(f"gwp.AR4.{gas}")} for gas in ("CO2", "CH4", "N2O")]
    emission = Decimal(outputs("fuel.co2e", heat=q(heat, "mmBtu"), gases=gases)["emission"])
    assert round(emission, 6) == round(Decimal("1.026") * (Decimal("53.06") + Decimal("0.025") + Decimal("0.0298")), 6)


@pytest.mark.parametrize(("edition", "expected"), [("SAR", "1444.25"), ("AR4", "1436.9"), ("AR5", "1443.25"),
                                                   ("AR6", "1466.65")])
def test_one_edition_of_potentials_for_all_gases(edition: str, expected: str) -> None:
    masses = {"CO2": "1000", "CH4": "2.5", "N2O": "0.3", "SF6": "0.0125"}
    gases = [{"mass": q(mass, "t"), "gwp": factor(f"gwp.{edition}.{gas}")} for gas, mass in masses.items()]
    assert outputs("ghg.co2e", gases=gases)["emission"] == expected


@pytest.mark.parametrize(("edition", "expected"), [("SAR", "25228"), ("AR4", "29274"), ("AR5", "26316"),
                                                   ("AR6", "29308")])
def test_anode_effects_by_edition(edition: str, expected: str) -> None:
    assert outputs("aluminium.anode-effect", aluminium=q("100000", "t"), cf4_factor=factor("al.cf4"),
                   c2f6_factor=factor("al.c2f6"), cf4_gwp=factor(f"gwp.{edition}.CF4"),
                   c2f6_gwp=factor(f"gwp.{edition}.C2F6"))["emission"] == expected


def test_magnesia_divides_by_forty() -> None:
    common = {"clinker": q("1000000", "t"), "kiln_dust": q("0", "t"), "bypass_dust": q("0", "t"), "cao": q("0.65"),
              "cao_noncarbonate": q("0.02"), "mgo": q("0.02"), "mgo_noncarbonate": q("0.005")}
    assert outputs("process.cement.clinker", **common)["emission"] == "511500"


@pytest.mark.parametrize(("carbonate", "mass"), [
    ("CaCO3", "100.0869"), ("MgCO3", "84.3139"), ("Na2CO3", "105.9885"), ("FeCO3", "115.854"), ("MnCO3", "114.947"),
    ("BaCO3", "197.336"), ("Li2CO3", "73.891"), ("K2CO3", "138.205"), ("SrCO3", "147.63")])
def test_a_carbonate_factor_is_the_ratio_of_molar_masses(carbonate: str, mass: str) -> None:
    ratio = outputs("process.carbonate-factor", co2_molar_mass=q("44.0095", "kg/kmol"), molar_mass=q(mass, "kg/kmol"))
    assert abs(Decimal(ratio["factor"]) - Decimal(factor(f"carb.{carbonate}")["value"])) < Decimal("0.0008")


@pytest.mark.parametrize(("value", "unit", "formula", "output", "expected"), [
    ("1", "MWh", "unit.energy", "gj", "3.6"), ("1000", "kg", "unit.mass", "t", "1"),
    ("1", "1e4 Nm3", "unit.gas-volume", "nm3", "10000"), ("12.5", "%", "unit.ratio", "fraction", "0.125"),
    ("3.6", "MJ", "unit.energy", "kwh", "1"), ("1", "short ton", "unit.mass", "t", "0.90718474")])
def test_units_are_converted_exactly(value: str, unit: str, formula: str, output: str, expected: str) -> None:
    assert outputs(formula, value=q(value, unit))[output] == expected


@pytest.mark.parametrize(("value", "unit", "formula", "output", "expected"), [
    ("2", "万t", "unit.mass", "t", "20000"), ("1", "kt", "unit.mass", "t", "1000"),
    ("3", "万kWh", "unit.energy", "mwh", "30"), ("1", "亿kWh", "unit.energy", "mwh", "100000"),
    ("1", "万Nm3", "unit.gas-volume", "nm3", "10000"),
    ("1", "MMBtu", "unit.energy", "gj", "1.05505585262")])
def test_units_as_reports_write_them(value: str, unit: str, formula: str, output: str, expected: str) -> None:
    assert outputs(formula, value=q(value, unit))[output] == expected


@pytest.mark.parametrize("unit", ["kgCO2e/(t.km)", "kgCO2e/tonne-km", "kgCO2e/(t·km)", "kgCO2e/tkm"])
def test_tonne_kilometres_have_several_spellings_and_one_meaning(unit: str) -> None:
    legs = [{"mass": q("2", "t"), "distance": q("100", "km"), "factor": q("0.2", unit)}]
    assert outputs("scope3.transport", legs=legs)["emission"] == "40"


@given(value=st.decimals(allow_nan=False, allow_infinity=False, min_value=0, max_value=10**9, places=6))
def test_a_quantity_comes_back_from_another_unit(value: Decimal) -> None:
    there = outputs("unit.mass", value=q(str(value), "t"))["kg"]
    assert Decimal(outputs("unit.mass", value=q(there, "kg"))["t"]) == value


# Energy levels, uncertainty, dates


@pytest.mark.parametrize(("process", "value", "level"), [
    ("stamp_coke", "110", "标杆水平及以上"), ("stamp_coke", "110.01", "标杆水平与基准水平之间"),
    ("stamp_coke", "140", "标杆水平与基准水平之间"), ("stamp_coke", "140.01", "低于基准水平"),
    ("converter", "-30", "标杆水平及以上"), ("converter", "-29.99", "标杆水平与基准水平之间"),
    ("converter", "-10", "标杆水平与基准水平之间"), ("converter", "-9.99", "低于基准水平"),
    ("converter", "-35", "标杆水平及以上")])
def test_lower_is_better_and_equality_reaches_the_level(process: str, value: str, level: str) -> None:
    bounds = {"stamp_coke": ("110", "140"), "converter": ("-30", "-10")}[process]
    assert outputs("benchmark.level", value=q(value, "kgce/t"), advanced=q(bounds[0], "kgce/t"),
                   baseline=q(bounds[1], "kgce/t"))["level"] == level


@given(value=st.integers(1, 10**6), uncertainty=st.integers(0, 100))
def test_an_interval_and_its_uncertainty_are_two_ways_to_say_one_thing(value: int, uncertainty: int) -> None:
    interval = outputs("uncertainty.interval", value=q(str(value), "tCO2e"), uncertainty=q(str(uncertainty), "%"))
    back = outputs("uncertainty.from-interval", lower=q(interval["lower"], "tCO2e"), mean=q(str(value), "tCO2e"),
                   upper=q(interval["upper"], "tCO2e"))
    assert abs(Decimal(back["uncertainty"]) - uncertainty) < Decimal("1e-30")


@given(parts=st.lists(st.tuples(st.integers(1, 1000), st.integers(0, 50)), min_size=1, max_size=5))
def test_propagation_is_never_wider_than_the_interval_method(parts: list[tuple[int, int]]) -> None:
    lines = [{"value": q(str(value), "tCO2e"), "uncertainty": q(str(share), "%")} for value, share in parts]
    total = Decimal(sum(value for value, _ in parts))
    bounds = outputs("uncertainty.bounds", parts=lines)
    half = total * Decimal(outputs("uncertainty.sum", parts=lines)["uncertainty"]) / 100
    assert half <= Decimal(bounds["upper"]) - total + Decimal("1e-20")


@pytest.mark.parametrize(("before", "after", "change"), [
    ("0.5564", "0.5122", "-7.94"), ("0.3869", "0.4042", "4.47"), ("0.2268", "0.2472", "8.99"),
    ("0.6776", "0.6361", "-6.12"), ("0.5617", "0.5500", "-2.08"), ("0.5395", "0.5271", "-2.3"),
    ("0.5857", "0.5543", "-5.36")])
def test_changes_of_regional_factors(before: str, after: str, change: str) -> None:
    answer = outputs("electricity.factor-change", before=q(before, "kgCO2/kWh"), after=q(after, "kgCO2/kWh"))
    assert round(Decimal(answer["change"]), 2) == Decimal(change)


@pytest.mark.parametrize(("day", "refused"), [("2025-12-30", True), ("2025-12-31", False)])
def test_a_value_is_not_known_before_its_publication_even_by_its_own_key(day: str, refused: bool) -> None:
    if refused:
        assert code_of(lambda: parameter(RULES, "grid.cn.2023", date.fromisoformat(day))) == "rule-not-in-force"
    else:
        assert parameter(RULES, "grid.cn.2023", date.fromisoformat(day))["value"] == "0.5306"
