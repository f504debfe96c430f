"""Numbers have one text: plain digits, no exponent, no trailing zeros, no minus zero."""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import FormError
from core.numbers import CONTEXT, MAX_DIGITS, PRECISION, decimal_text, parse_decimal, parse_natural

DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, min_value=Decimal("-1e30"), max_value=Decimal("1e30"))


@given(DECIMALS)
def test_the_text_of_a_number_is_read_back_as_the_number(value: Decimal) -> None:
    assert parse_decimal(decimal_text(value)) == value


@given(DECIMALS)
def test_equal_numbers_have_the_same_text(value: Decimal) -> None:
    with localcontext(prec=200):
        assert decimal_text(value * Decimal("10.00") / Decimal(10)) == decimal_text(value)


@pytest.mark.parametrize(("value", "text"), [
    ("0", "0"), ("-0", "0"), ("0.000", "0"), ("1E+3", "1000"), ("1e-7", "0.0000001"), ("-12.3400", "-12.34"),
    ("100", "100"), ("1.10", "1.1"), ("4.40", "4.4")])
def test_one_form(value: str, text: str) -> None:
    assert decimal_text(Decimal(value)) == text


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "sNaN"])
def test_what_is_no_number_has_no_text(value: str) -> None:
    with pytest.raises(FormError, match="number-not-finite"):
        decimal_text(Decimal(value))


@pytest.mark.parametrize(("exponent", "accepted"), [
    (MAX_DIGITS, True), (MAX_DIGITS + 1, False), (-MAX_DIGITS, True), (-MAX_DIGITS - 1, False)])
def test_a_number_is_not_blown_up_by_its_exponent(exponent: int, accepted: bool) -> None:
    value = Decimal(f"1e{exponent}")
    if accepted:
        assert Decimal(decimal_text(value)) == value
    else:
        with pytest.raises(FormError, match="number-too-long"):
            decimal_text(value)


@pytest.mark.parametrize("text", [
    "1e2", "+5", "01", "1.0", "-0", "1.", ".5", "", " 1", "1 ", "1\n", "５", "5_0", "0x1", "NaN", "1,5", "--1", "-",
    "0.10", "00", "9" * (MAX_DIGITS + 1), None, 5, 1.5, Decimal(1), b"1", True])
def test_another_spelling_is_refused(text: Any) -> None:
    with pytest.raises(FormError, match="number-not-canonical"):
        parse_decimal(text)


@pytest.mark.parametrize("text", ["0", "5", "-5", "0.5", "-0.05", "9" * MAX_DIGITS])
def test_canonical_text_is_read(text: str) -> None:
    assert str(parse_decimal(text)) == text


@pytest.mark.parametrize("text", ["-1", "05", "+5", "5_0", "５", "1.0", "", " 5", "1e3", "9" * 21, None, 5, b"5"])
def test_a_natural_number_is_ascii_digits(text: Any) -> None:
    with pytest.raises(FormError, match="number-not-canonical"):
        parse_natural(text)


@pytest.mark.parametrize(("text", "limit", "accepted"), [
    ("18446744073709551615", 2**64, True), ("18446744073709551616", 2**64, False), ("9", 10, True), ("10", 10, False)])
def test_a_natural_number_is_below_its_limit(text: str, limit: int, accepted: bool) -> None:
    if accepted:
        assert parse_natural(text, limit=limit) == int(text)
    else:
        with pytest.raises(FormError, match="number-out-of-range"):
            parse_natural(text, limit=limit)


def test_the_context_rounds_half_up_at_forty_digits() -> None:
    third = CONTEXT.divide(Decimal(1), Decimal(3))
    assert third == Decimal("0." + "3" * PRECISION)
    assert CONTEXT.quantize(Decimal("2.5"), Decimal(1)) == 3
    assert CONTEXT.quantize(Decimal("-2.5"), Decimal(1)) == -3
