"""Numbers as people type them in the inputs document of a calculation, made canonical before the rules see them.

What a person gives ("1000.50", "1e6") is read leniently where that loses nothing, and refused with one code for each
cause, the same as in `mrv eval`. Documents that are signed (claims, statements) are never touched: they are canonical.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.errors import FormError
from core.numbers import MAX_DIGITS, decimal_text
from core.quantity import printed_decimal

_QUANTITY = {"value", "unit"}
_CARRIED = {"statement", "value", "unit"}


def canonical_numbers(given: Any, where: str = "") -> Any:
    """The document with every decimal in canonical form: values of quantities, uncertainties, what is carried in.

    Anything else is left as it is, for the reader of the document to judge. Raises FormError (json-number,
    number-not-finite, number-too-long, number-malformed).
    """
    if isinstance(given, list):
        return [canonical_numbers(item, f"{where}[{i}]") for i, item in enumerate(given)]
    if not isinstance(given, Mapping):
        return given
    place = f"{where}." if where else ""
    if set(given) in (_QUANTITY, _CARRIED):
        return {**given, "value": _canonical(given["value"], f"{place}value")}
    return {name: _member(name, value, place + name) for name, value in given.items()}


def _member(name: str, value: Any, where: str) -> Any:
    if name == "uncertainty" and value is not None and not isinstance(value, list | Mapping):
        return _canonical(value, where)
    return canonical_numbers(value, where)


def _canonical(value: object, where: str) -> str:
    text = decimal_text(printed_decimal(value, where=where))
    if len(text) > MAX_DIGITS:
        raise FormError("number-too-long", f"{text[:40]} has more than {MAX_DIGITS} digits", where=where)
    return text
