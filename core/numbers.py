"""Decimal text in one canonical form, and the one arithmetic context (precision 40, ROUND_HALF_UP)."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Context, Decimal, DivisionByZero, InvalidOperation, Overflow

from core.errors import FormError, quoted

PRECISION = 40
MAX_DIGITS = 200
CONTEXT = Context(prec=PRECISION, rounding=ROUND_HALF_UP, Emin=-999_999, Emax=999_999,
                  traps=[DivisionByZero, InvalidOperation, Overflow])

_CANONICAL = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]*[1-9])?")
_INTEGER = re.compile(r"0|[1-9][0-9]*")


def decimal_text(value: Decimal) -> str:
    """Plain notation: no exponent, no trailing zeros after the point, no −0.

    Raises FormError (number-not-finite, number-too-long).
    """
    if not value.is_finite():
        raise FormError("number-not-finite", f"{value} is not a number")
    if value == 0:
        return "0"
    if abs(value.adjusted()) > MAX_DIGITS:
        raise FormError("number-too-long", f"a number has more than {MAX_DIGITS} digits")
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def parse_decimal(text: str, *, where: str = "") -> Decimal:
    """The value of canonical decimal text; "1e2", "+5", "01", "1.0" and "-0" are FormErrors."""
    if not isinstance(text, str) or len(text) > MAX_DIGITS or not _CANONICAL.fullmatch(text) or text == "-0":
        raise FormError("number-not-canonical", f"{quoted(text, 40)} is not a canonical decimal", where=where,
                        hint="plain digits as a string: no exponent, no trailing zeros, no plus sign")
    return Decimal(text)


def parse_natural(text: str, *, where: str = "", limit: int = 2**64) -> int:
    """A non-negative integer below `limit` from canonical ASCII digits; "05", "+5", "5_0" and "５" are FormErrors."""
    if not isinstance(text, str) or len(text) > 20 or not text.isascii() or not _INTEGER.fullmatch(text):
        raise FormError("number-not-canonical", f"{quoted(text, 40)} is not a canonical natural number", where=where)
    value = int(text)
    if value >= limit:
        raise FormError("number-out-of-range", f"{text} is not below {limit}", where=where)
    return value
