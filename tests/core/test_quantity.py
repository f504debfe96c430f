"""Quantities: printed and canonical numbers, arithmetic with units."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import CarbonSealError, FormError, InputError
from core.quantity import Quantity, printed_decimal

values = st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-10**9, max_value=10**9)


@pytest.mark.parametrize(("text", "value"), [("0.5500", "0.55"), (".0274", "0.0274"), ("5.7e-07", "0.00000057"),
                                             ("1E3", "1000"), ("+2", "2"), ("2.", "2"), ("-0", "0"), ("007", "7")])
def test_a_number_as_printed_is_read(text: str, value: str) -> None:
    assert printed_decimal(text) == Decimal(value)


@pytest.mark.parametrize("text", ["", ".", "1,000", "1_000", "１", "0x1", "1e", "e5", " 1",
                                  "1\n", "in", "nano", "ınf", None, True, [], "x" * 500])
def test_what_is_no_number_is_refused(text: object) -> None:
    with pytest.raises(FormError) as caught:
        printed_decimal(text)
    assert caught.value.code == "number-malformed"


@pytest.mark.parametrize("text", ["NaN", "nan", "-NaN", "Infinity", "-inf", "+INF"])
def test_what_is_not_finite_says_so(text: str) -> None:
    with pytest.raises(FormError) as caught:
        printed_decimal(text, where="x")
    assert (caught.value.code, caught.value.where) == ("number-not-finite", "x")


@pytest.mark.parametrize("number", [1, -3, 1.5, 10**60, float("nan")])
def test_a_number_of_json_is_no_decimal_text(number: float) -> None:
    with pytest.raises(FormError) as caught:
        printed_decimal(number)
    assert caught.value.code == "json-number"


@pytest.mark.parametrize("text", ["1e201", "1e400", "1e-201", "-1e400", "1e12345", "1e" + "9" * 300, "9" * 201,
                                  "0." + "0" * 200, "1" + "0" * 400])
def test_a_number_beyond_every_scale_is_refused(text: str) -> None:
    with pytest.raises(FormError) as caught:
        printed_decimal(text)
    assert caught.value.code == "number-too-long"


@pytest.mark.parametrize("text", ["1e200", "1e-200", "0e9999", "9" * 200])
def test_the_greatest_and_least_scale_are_read(text: str) -> None:
    assert printed_decimal(text) == Decimal(text)


def test_a_quantity_reads_and_writes_its_json() -> None:
    document = {"value": "1234.5", "unit": "kWh"}
    assert Quantity.from_json(document).as_json() == document
    assert str(Quantity.from_json(document)) == "1234.5 kWh"


@pytest.mark.parametrize("document", [{"value": "1.50", "unit": "t"}, {"value": "1e3", "unit": "t"},
                                      {"value": "01", "unit": "t"}, {"value": "-0", "unit": "t"}])
def test_evidence_takes_only_the_canonical_spelling(document: dict[str, str]) -> None:
    assert Quantity.from_printed(document).unit.text == "t"
    with pytest.raises(FormError) as caught:
        Quantity.from_json(document)
    assert caught.value.code == "number-not-canonical"


@pytest.mark.parametrize("document", [None, [], "1 t", {"value": "1"}, {"value": "1", "unit": "t", "x": "1"}])
def test_a_quantity_has_exactly_value_and_unit(document: object) -> None:
    with pytest.raises(FormError) as caught:
        Quantity.from_json(document)
    assert caught.value.code == "quantity-malformed"


def test_adding_converts_to_the_left_unit() -> None:
    assert Quantity.of("1", "MWh") + Quantity.of("500", "kWh") == Quantity.of("1.5", "MWh")
    assert Quantity.of("1", "MWh") - Quantity.of("500", "kWh") == Quantity.of("0.5", "MWh")


@pytest.mark.parametrize(("left", "right"), [("kWh", "t"), ("tCO2", "tCO2e"), ("t", "tce"), ("Nm3", "m3")])
def test_adding_two_dimensions_is_an_error(left: str, right: str) -> None:
    with pytest.raises(InputError) as caught:
        Quantity.of("1", left) + Quantity.of("1", right)
    assert caught.value.code == "unit-mismatch"


def test_multiplying_and_dividing_combine_units() -> None:
    assert Quantity.of("2", "t") * Quantity.of("3", "GJ/t") == Quantity.of("6", "GJ")
    assert (Quantity.of("6", "GJ") / Quantity.of("2", "t")).unit.text == "GJ/t"


def test_dividing_by_zero_is_an_error_of_ours() -> None:
    with pytest.raises(InputError) as caught:
        Quantity.of("6", "GJ") / Quantity.of("0", "t")
    assert caught.value.code == "division-by-zero"


def test_quantities_compare_across_units() -> None:
    assert Quantity.of("999", "kg") < Quantity.of("1", "t")
    assert not Quantity.of("1000", "kg") < Quantity.of("1", "t")


@given(values, values)
def test_addition_is_commutative(left: Decimal, right: Decimal) -> None:
    a, b = Quantity(left, Quantity.of("1", "t").unit), Quantity(right, Quantity.of("1", "t").unit)
    assert a + b == b + a


@given(st.text(max_size=30))
def test_no_text_makes_a_foreign_exception(text: str) -> None:
    with suppress(CarbonSealError):
        assert printed_decimal(text).is_finite()
