"""Units: what may be converted into what, and how exactly."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import FormError, InputError
from core.numbers import CONTEXT
from core.units import ONE, apply_ratio, convert, known_symbols, parse_unit

values = st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-10**12, max_value=10**12)


@pytest.mark.parametrize(("value", "source", "target", "expected"), [
    ("1000", "kg", "t", "1"), ("1", "1e4 Nm3", "Nm3", "10000"), ("1", "1e4Nm3", "Nm3", "10000"),
    ("1", "万Nm3", "Nm3", "10000"), ("1", "MWh", "kWh", "1000"), ("1", "GWh", "MWh", "1000"), ("1", "kWh", "MJ", "3.6"),
    ("1", "TJ", "GJ", "1000"), ("2.5", "tce", "kgce", "2500"), ("0.5810", "tCO2/MWh", "kgCO2/kWh", "0.5810"),
    ("1", "GJ/1e4Nm3", "MJ/Nm3", "0.1"), ("5", "%", "1", "0.05"), ("1", "day", "h", "24"),
    ("1.75", "MPa", "kPa", "1750"),
    ("1", "tkm", "kg·km", "1000"), ("1", "kgCO2e/(kg·km)", "kgCO2e/(t·km)", "1000"), ("1", "m3", "L", "1000"),
    ("1", "short ton", "kg", "907.18474"), ("1", "mmBtu", "MJ", "1055.05585262"), ("1", "1e4 tCO2", "tCO2", "10000"),
    ("1", "mg/Nm3", "kg/Nm3", "0.000001"), ("1", "t clinker", "t", "1"), ("1", "kW·h", "kWh", "1"),
])
def test_a_conversion_is_exact(value: str, source: str, target: str, expected: str) -> None:
    assert convert(Decimal(value), parse_unit(source), parse_unit(target)) == Decimal(expected)


@pytest.mark.parametrize(("source", "target"), [
    ("t", "tCO2"), ("tCO2", "tCO2e"), ("tC", "tCO2"), ("tce", "t"), ("kWh", "kgce"), ("Nm3", "m3"), ("°C", "K"),
    ("kgCO2/kWh", "kgCO2e/kWh"), ("kWh", "kW"), ("CNY", "EUR"), ("scf", "Nm3"), ("1", "t"), ("kgoe", "kgce"),
    ("GJ/t", "GJ/1e4Nm3"),
])
def test_two_dimensions_do_not_convert(source: str, target: str) -> None:
    with pytest.raises(InputError) as caught:
        convert(Decimal(1), parse_unit(source), parse_unit(target))
    assert caught.value.code == "unit-mismatch"


@pytest.mark.parametrize("text", ["", "bushel", "kwh", "t//h", "t/", "/t", "(t", "t)", "t·", "1e99t", "1e19t", "t^5",
                                  "x" * 81, "1e4", "t h", "()"])
def test_what_is_no_unit_is_refused(text: str) -> None:
    with pytest.raises(FormError) as caught:
        parse_unit(text)
    assert caught.value.code == "unit-unknown"


@pytest.mark.parametrize(("value", "source", "target", "expected"), [
    ("1", "tonne", "kg", "1000"), ("2", "tonnes", "t", "2"), ("1", "公吨", "t", "1"), ("1", "升", "m3", "0.001"),
    ("1", "l", "L", "1"), ("1", "TWh", "GWh", "1000"), ("1", "千度", "kWh", "1000"), ("1", "亿度", "万度", "10000"),
    ("1", "Gcal", "GJ", "4.1868"), ("1", "大卡", "kJ", "4.1868"), ("1", "百万大卡", "GJ", "4.1868"),
    ("1", "百万千焦", "GJ", "1"), ("1", "万标方", "Nm3", "10000"), ("1", "万立方米", "m3", "10000"),
    ("1", "atm", "kPa", "101.325"), ("1000000", "Btu", "mmBtu", "1"), ("100000", "Btu", "therm", "1"),
    ("1", "long ton", "lb", "2240"), ("1", "short ton", "lbs", "2000"), ("1", "US gallon", "L", "3.785411784"),
    ("1", "UK gallon", "L", "4.54609"), ("1", "kgCO2e/t-km", "kgCO2e/(t·km)", "1"),
    ("1.45", "bar", "MPa", "0.145"), ("1", "吨标煤", "kgce", "1000")])
def test_everyday_units_are_read_exactly(value: str, source: str, target: str, expected: str) -> None:
    assert convert(Decimal(value), parse_unit(source), parse_unit(target)) == Decimal(expected)


def test_a_pound_of_force_on_a_square_inch_is_exact() -> None:
    assert parse_unit("psi").ratio_to(parse_unit("Pa")) == (
        Fraction("0.45359237") * Fraction("9.80665") / Fraction("0.0254") ** 2)


@pytest.mark.parametrize(("text", "meant"), [
    ("ton", "t (1000 kg), short ton (907.18474 kg) or long ton (1016.0469088 kg)"), ("tons", "short ton"),
    ("gallon", "US gallon (3.785411784 L) or UK gallon (4.54609 L)"), ("加仑", "UK gallon"),
    ("MT", "t (1000 kg) or Mt"),
    ("万方", "m3 (万m3) as it was metered, or Nm3 (万Nm3)"), ("C", "write °C"), ("°F", "(°F − 32) / 1.8"),
    ("kwh", "write kWh: the case"), ("KWH", "write kWh"), ("Mwh", "write MWh"), ("BTU", "write Btu"),
    ("tCO2/mwh", "write MWh"), ("bushel", "`carbonseal mrv units`")])
def test_what_may_be_meant_is_told_and_never_taken(text: str, meant: str) -> None:
    with pytest.raises(FormError) as caught:
        parse_unit(text)
    assert caught.value.code == "unit-unknown"
    assert meant in caught.value.hint


@pytest.mark.parametrize(("source", "target"), [("K", "°C"), ("°C", "K")])
def test_a_temperature_is_not_converted_but_told_how(source: str, target: str) -> None:
    with pytest.raises(InputError) as caught:
        convert(Decimal(300), parse_unit(source), parse_unit(target))
    assert "°C = K − 273.15" in caught.value.hint
    with pytest.raises(InputError) as caught:
        convert(Decimal(300), parse_unit("K/h"), parse_unit("°C"))
    assert "273.15" not in caught.value.hint


def test_a_unit_of_another_type_is_refused() -> None:
    with pytest.raises(FormError):
        parse_unit(5)  # type: ignore[arg-type]


@pytest.mark.parametrize(("left", "right", "product"), [
    ("t", "GJ/t", "GJ"), ("kWh", "tCO2/MWh", "kWh·tCO2/MWh"), ("t", "t", "t^2"), ("1", "t", "t"), ("h", "kg/h", "kg")])
def test_units_multiply_and_cancel(left: str, right: str, product: str) -> None:
    assert (parse_unit(left) * parse_unit(right)).text == product


def test_a_unit_divided_by_itself_is_one() -> None:
    assert parse_unit("GJ/t") / parse_unit("GJ/t") == ONE
    assert ONE.text == "1"


@pytest.mark.parametrize("text", ["tCO2/MWh", "GJ/1e4Nm3", "kgCO2e/(t·km)", "kgce", "(kg/tAl)/(AE-min/cell-day)", "m^2",
                                  "‰"])
def test_the_text_of_a_unit_names_the_same_unit(text: str) -> None:
    unit = parse_unit(text)
    assert parse_unit(unit.text).same_as(unit)


def test_a_percentage_is_the_same_dimension_as_a_fraction_but_not_the_same_unit() -> None:
    assert parse_unit("%").dimension == ONE.dimension
    assert not parse_unit("%").same_as(ONE)


def test_the_root_of_a_square_is_the_unit() -> None:
    assert (parse_unit("kWh") * parse_unit("kWh")).root() == parse_unit("kWh")
    assert (parse_unit("%") * parse_unit("%")).root() == parse_unit("%")
    assert parse_unit("kWh").root() is None


def test_a_ratio_without_a_finite_decimal_is_rounded_once_at_forty_digits() -> None:
    assert str(apply_ratio(Decimal(1), Fraction(2500, 9))) == "277.7777777777777777777777777777777777778"


def test_a_whole_ratio_rounds_nothing_however_long_the_value() -> None:
    long = Decimal("1." + "0" * 60 + "1")
    assert apply_ratio(long, Fraction(1000)) == Decimal("1000." + "0" * 57 + "1")


@given(values, st.sampled_from([("kWh", "MWh"), ("t", "kg"), ("MPa", "Pa"), ("1e4Nm3", "Nm3"), ("%", "1"),
                                ("L", "m3")]))
def test_a_round_trip_of_powers_of_ten_is_exact(value: Decimal, pair: tuple[str, str]) -> None:
    there, back = (parse_unit(text) for text in pair)
    assert convert(convert(value, there, back), back, there) == value


@given(values, st.sampled_from([("GJ", "kWh"), ("day", "h"), ("mmBtu", "kWh"), ("short ton", "t"), ("km", "m")]))
def test_a_round_trip_is_right_to_thirty_eight_digits(value: Decimal, pair: tuple[str, str]) -> None:
    there, back = (parse_unit(text) for text in pair)
    again = convert(convert(value, there, back), back, there)
    assert abs(again - value) <= abs(value) * Decimal("1e-38")


@given(values, values)
def test_converting_a_sum_is_summing_the_converted(left: Decimal, right: Decimal) -> None:
    kwh, mwh = parse_unit("kWh"), parse_unit("MWh")
    apart = CONTEXT.add(convert(left, kwh, mwh), convert(right, kwh, mwh))
    assert convert(CONTEXT.add(left, right), kwh, mwh) == apart


def test_every_symbol_has_a_dimension_name() -> None:
    symbols = known_symbols()
    assert symbols["tCO2"] == "co2"
    assert symbols["kW"] == "energy·time^-1"
    assert symbols["%"] == "1"
    assert all(parse_unit(symbol) for symbol in symbols)


@pytest.mark.parametrize(("written", "meant"), [
    ("度", "kWh"), ("万度", "1e4kWh"), ("元", "CNY"), ("万元", "1e4CNY"), ("℃", "°C"), ("件", "item"), ("吨", "t"),
    ("t CO2", "tCO2"), ("tCO₂", "tCO2"), ("kgCO₂", "kgCO2"), ("tCO₂e", "tCO2e"), ("tCO2eq", "tCO2e"),
    ("万tCO₂", "1e4tCO2"), ("吨标准煤", "tce"), ("元/度", "CNY/kWh"), ("kgCO₂/kWh", "kgCO2/kWh")])
def test_what_people_write_is_read_as_the_unit_it_means(written: str, meant: str) -> None:
    assert parse_unit(written) == parse_unit(meant)


def test_grams_by_mole_are_kilograms_by_kilomole() -> None:
    assert parse_unit("g/mol").ratio_to(parse_unit("kg/kmol")) == 1
    assert parse_unit("kg/mol").ratio_to(parse_unit("kg/kmol")) == 1000
    assert parse_unit("kg-mole").ratio_to(parse_unit("mol")) == 1000


@pytest.mark.parametrize(("written", "meant"), [
    ("KWH", "kWh"), ("kwh", "kWh"), ("Kwh/t", "kWh"), ("mW", "MW"), ("mwh", "MWh"), ("TCO2", "tCO2"), ("nm3", "Nm3")])
def test_another_case_of_letters_is_refused_by_naming_the_unit(written: str, meant: str) -> None:
    with pytest.raises(FormError) as caught:
        parse_unit(written)
    assert (caught.value.code, caught.value.hint.startswith(f"write {meant}: the case")) == ("unit-unknown", True)


def test_an_unknown_unit_names_none() -> None:
    with pytest.raises(FormError) as caught:
        parse_unit("furlong")
    assert caught.value.hint == "`carbonseal mrv units` lists the symbols"


@pytest.mark.parametrize(("value", "unit", "meant"), [
    ("58.8", "%", "0.588"), ("0.588", "1", "0.588"), ("588", "‰", "0.588"), ("588", "kgC/t", "0.588")])
def test_a_fraction_is_read_as_carbon_by_mass(value: str, unit: str, meant: str) -> None:
    assert convert(Decimal(value), parse_unit(unit), parse_unit("tC/t")) == Decimal(meant)


@pytest.mark.parametrize(("source", "target"), [
    ("tC/t", "%"), ("%", "tC/GJ"), ("%", "tC"), ("%", "t/tC"), ("%", "tCO2/t"), ("%", "tC/1e4Nm3"), ("t/t", "tCO2e/t")])
def test_a_fraction_is_read_as_nothing_else(source: str, target: str) -> None:
    with pytest.raises(InputError) as caught:
        convert(Decimal(1), parse_unit(source), parse_unit(target))
    assert caught.value.code == "unit-mismatch"
