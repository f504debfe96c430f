"""A quantity: an exact decimal with its unit. In JSON {"value": decimal text, "unit": text}."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from core.errors import FormError, InputError, quoted
from core.numbers import CONTEXT, MAX_DIGITS, decimal_text, parse_decimal
from core.units import Unit, convert, parse_unit

_PRINTED = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?([0-9]+))?")
_NOT_FINITE = re.compile(r"[+-]?(?:s?nan[0-9]*|inf|infinity)", re.ASCII | re.IGNORECASE)
# Far beyond every scale, and small enough for any machine's decimal library.
_MAX_EXPONENT_CHARS = 4


def printed_decimal(text: object, *, where: str = "") -> Decimal:
    """The value of decimal text as people and sources print it: "0.5500", ".0274", "5.7e-07".

    Not for documents of evidence, whose numbers are canonical. Raises FormError, one code for each cause: json-number
    (a number of JSON, not text), number-not-finite (NaN, Infinity), number-too-long (digits or exponent beyond every
    scale), number-malformed (anything else).
    """
    if isinstance(text, int | float) and not isinstance(text, bool):
        raise FormError("json-number", f"{str(text)[:40]} is a number of JSON, which may have lost digits", where=where,
                        hint='write the digits as a string: "1234.5"')
    found = _PRINTED.fullmatch(text) if isinstance(text, str) else None
    if not isinstance(text, str) or found is None:
        raise _no_number(text, where)
    if len(text) <= MAX_DIGITS and len(found[1] or "") <= _MAX_EXPONENT_CHARS:
        value = Decimal(text)
        if not value or -MAX_DIGITS <= value.adjusted() <= MAX_DIGITS:
            return value
    raise FormError("number-too-long", f"{text[:40]} has more than {MAX_DIGITS} digits", where=where)


def _no_number(text: object, where: str) -> FormError:
    if isinstance(text, str) and _NOT_FINITE.fullmatch(text):
        return FormError("number-not-finite", f"{text[:40]} is not a number", where=where)
    return FormError("number-malformed", f"{quoted(text, 40)} is not a decimal number", where=where,
                     hint='write the digits as a string, without spaces and separators: "1234.5"')


@dataclass(frozen=True)
class Quantity:
    """`value` times `unit`. Arithmetic follows the one context of the project (precision 40, ROUND_HALF_UP)."""

    value: Decimal
    unit: Unit

    @classmethod
    def of(cls, value: str, unit: str) -> Quantity:
        """A quantity from printed text: `Quantity.of("0.5810", "tCO2/MWh")`."""
        return cls(printed_decimal(value), parse_unit(unit))

    @classmethod
    def from_json(cls, document: object, *, where: str = "") -> Quantity:
        """The quantity of {"value", "unit"} with a canonical decimal. Raises FormError."""
        value, unit = _members(document, where)
        return cls(parse_decimal(value, where=where), parse_unit(unit, where=unit_place(where)))

    @classmethod
    def from_printed(cls, document: object, *, where: str = "") -> Quantity:
        """As `from_json`, but the decimal may be spelled as people do. Raises FormError."""
        value, unit = _members(document, where)
        return cls(printed_decimal(value, where=where), parse_unit(unit, where=unit_place(where)))

    def as_json(self) -> dict[str, str]:
        """{"value": canonical decimal text, "unit": text}."""
        return {"value": decimal_text(self.value), "unit": self.unit.text}

    def to(self, unit: Unit | str) -> Quantity:
        """The same quantity in another unit of its dimension. Raises InputError (unit-mismatch)."""
        target = parse_unit(unit) if isinstance(unit, str) else unit
        return Quantity(convert(self.value, self.unit, target), target)

    def __add__(self, other: Quantity) -> Quantity:
        return Quantity(CONTEXT.add(self.value, self._aligned(other)), self.unit)

    def __sub__(self, other: Quantity) -> Quantity:
        return Quantity(CONTEXT.subtract(self.value, self._aligned(other)), self.unit)

    def __mul__(self, other: Quantity) -> Quantity:
        return Quantity(CONTEXT.multiply(self.value, other.value), self.unit * other.unit)

    def __truediv__(self, other: Quantity) -> Quantity:
        if other.value == 0:
            raise InputError("division-by-zero", f"{self} is divided by zero")
        return Quantity(CONTEXT.divide(self.value, other.value), self.unit / other.unit)

    def __lt__(self, other: Quantity) -> bool:
        return self.value < self._aligned(other)

    def __str__(self) -> str:
        return f"{decimal_text(self.value)} {self.unit.text}"

    def _aligned(self, other: Quantity) -> Decimal:
        return convert(other.value, other.unit, self.unit)


def unit_place(where: str) -> str:
    """Where the unit of a quantity stands."""
    return f"{where}.unit" if where else ""


def _members(document: object, where: str) -> tuple[str, str]:
    if not isinstance(document, dict) or set(document) != {"value", "unit"}:
        raise FormError("quantity-malformed", "a quantity has exactly value and unit", where=where,
                        hint='{"value": "1234.5", "unit": "kWh"}')
    return document["value"], document["unit"]
