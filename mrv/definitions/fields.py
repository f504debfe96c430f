"""What a formula asks for: named inputs with units and bounds, single or in lists; values are bound to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from core.errors import FormError, InputError, quoted
from core.numbers import decimal_text, parse_decimal, parse_natural
from core.quantity import Quantity, unit_place
from core.units import Unit, convert, parse_unit
from mrv.definitions import members
from mrv.language.checker import TEXT, ListType, Type
from mrv.language.interpreter import NO_ITEMS, Scalar, Value

# A year of quarter hours is 35,136 values; this many are evaluated with their trace in about two seconds.
MAX_QUANTITIES = 50_000

Given = Any
"""A Quantity, a text, or for a list input a sequence of them or of mappings from field names to them."""

_BOUNDS = ("min", "max", "above", "below")


@dataclass(frozen=True)
class Field:
    """One quantity or text: `minimum` and `maximum` may be reached, `above` and `below` may not."""

    name: str
    title: Mapping[str, str]
    type: Type
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    above: Decimal | None = None
    below: Decimal | None = None
    one_of: tuple[str, ...] = ()

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Field:
        """The field of its canonical JSON form. Raises FormError."""
        least, most, above, below = (parse_decimal(document[key]) if key in document else None for key in _BOUNDS)
        kind: Type = TEXT if document["unit"] == TEXT else parse_unit(document["unit"])
        return cls(members.name(document), members.title(document), kind, least, most, above, below,
                   members.texts(document, "one_of"))

    def bind(self, given: Given, where: str) -> Scalar:
        """The value in the field's unit. Raises InputError (unit-mismatch, out-of-range, input-malformed)."""
        if isinstance(self.type, str):
            if not isinstance(given, str) or (self.one_of and given not in self.one_of):
                raise InputError("out-of-range", f"{quoted(given, 40)} is not one of {', '.join(self.one_of)}",
                                 where=where, hint="give one of these texts, spelled so")
            return given
        if not isinstance(given, Quantity):
            raise InputError("input-malformed", f"a quantity in {self.type.text} is needed", where=where,
                             hint='{"value": "1234.5", "unit": "' + self.type.text + '"}')
        value = convert(given.value, given.unit, self.type, where=unit_place(where))
        self._check_bounds(value, where)
        return value

    def _check_bounds(self, value: Decimal, where: str) -> None:
        inside = ((self.minimum is None or value >= self.minimum) and (self.maximum is None or value <= self.maximum)
                  and (self.above is None or value > self.above) and (self.below is None or value < self.below))
        if not inside:
            assert isinstance(self.type, Unit)
            unit = "" if self.type.text == "1" else f" {self.type.text}"
            raise InputError("out-of-range", f"{decimal_text(value)}{unit} is not {self.words()}{unit}", where=where,
                             hint="check the value and its unit")

    def words(self) -> str:
        """The bounds in a sentence: "at least 0 and at most 1"."""
        parts = (("at least", self.minimum), ("at most", self.maximum), ("above", self.above), ("below", self.below))
        return " and ".join(f"{word} {decimal_text(bound)}" for word, bound in parts if bound is not None)

    def span(self) -> str:
        """The bounds as a person reads them: "≥ 0, ≤ 1"."""
        parts = (("≥", self.minimum), ("≤", self.maximum), (">", self.above), ("<", self.below))
        return ", ".join(f"{sign} {decimal_text(bound)}" for sign, bound in parts if bound is not None)


@dataclass(frozen=True)
class Input:
    """A named input: one field; or a list whose items are one field (`field`) or several named `fields`."""

    name: str
    title: Mapping[str, str]
    field: Field | None
    fields: tuple[Field, ...] = ()
    least: int = 0
    is_list: bool = False

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Input:
        """The input of its canonical JSON form. Raises FormError."""
        name, title = members.name(document), members.title(document)
        if "list" not in document:
            return cls(name, title, Field.from_document(document))
        least = parse_natural(document["least"])
        items = document["list"]
        if isinstance(items, Mapping):
            return cls(name, title, Field.from_document({"name": name, "title": title, **items}), (), least, True)
        members.check_unique((item["name"] for item in members.objects(document, "list")), "a field")
        return cls(name, title, None, tuple(Field.from_document(item) for item in items), least, True)

    @property
    def type(self) -> Type | ListType:
        """What the checker sees."""
        if not self.is_list:
            assert self.field is not None
            return self.field.type
        return ListType(self.field.type if self.field else None, {field.name: field.type for field in self.fields})

    def bind(self, given: Given) -> Value:
        """The value or list of values in the declared units. Raises InputError."""
        if not self.is_list:
            assert self.field is not None
            return self.field.bind(given, self.name)
        if not isinstance(given, Sequence) or isinstance(given, str):
            raise InputError("input-malformed", "a list is needed", where=self.name,
                             hint="write [ ] around the values, also of one")
        check_amount({self.name: given})
        if len(given) < self.least:
            raise InputError("input-missing", f"{len(given)} items, at least {self.least} are needed", where=self.name,
                             hint=NO_ITEMS)
        return [self._bind_item(item, f"{self.name}[{i}]") for i, item in enumerate(given)]

    def _bind_item(self, given: Given, where: str) -> Value:
        if self.field is not None:
            return self.field.bind(given, where)
        if not isinstance(given, Mapping):
            raise InputError("input-malformed", "an object with named fields is needed", where=where,
                             hint="the fields are " + ", ".join(field.name for field in self.fields))
        return bind_all(self.fields, given, where)


def bind_all(fields: Sequence[Field], given: Mapping[str, Given], where: str) -> dict[str, Scalar]:
    """Every field bound, none missing, none unknown. Raises InputError (input-missing, input-unknown)."""
    check_names([field.name for field in fields], given, where)
    return {field.name: field.bind(given[field.name], f"{where}.{field.name}") for field in fields}


def check_names(names: Sequence[str], given: Mapping[str, Given], where: str) -> None:
    """Raises InputError input-missing or input-unknown unless exactly these names are given."""
    for name in names:
        if name not in given:
            raise InputError("input-missing", f"the input {name!r} is missing", where=where,
                             hint="a missing value is never taken as zero")
    for name in given:
        if name not in names:
            raise InputError("input-unknown", f"there is no input {name!r}", where=where,
                             hint="the inputs are " + ", ".join(names))


def check_amount(inputs: Mapping[str, Given]) -> None:
    """Passes for at most 50,000 quantities, read or still in JSON. Raises InputError (inputs-too-many)."""
    left, pending = MAX_QUANTITIES, list(inputs.values())
    while pending:
        value = pending.pop()
        if isinstance(value, list):
            pending += value[: left + 1]
        elif isinstance(value, Mapping) and set(value) != {"value", "unit"}:
            pending += value.values()
        else:
            left -= 1
        if len(pending) > left:
            raise InputError("inputs-too-many", f"more than {MAX_QUANTITIES} quantities are given at once",
                             where=next(iter(inputs), ""), hint="add them up in several evaluations")


def read_given(document: object, where: str) -> Given:
    """Values from JSON: {"value", "unit"} → Quantity (or the text when unit is "text"), lists and objects alike.

    Raises FormError.
    """
    if isinstance(document, list):
        return [read_given(item, f"{where}[{i}]") for i, item in enumerate(document)]
    if isinstance(document, dict):
        if set(document) == {"value", "unit"}:
            if document["unit"] == TEXT:
                return str(document["value"])
            return Quantity.from_printed(document, where=where)
        return {name: read_given(item, f"{where}.{name}") for name, item in document.items()}
    raise FormError("quantity-malformed", "a quantity has exactly value and unit", where=where,
                    hint='{"value": "1234.5", "unit": "kWh"}')
