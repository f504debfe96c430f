"""One quantity of an input with where it comes from, checked against what the methodology allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from core.errors import FormError, InputError
from core.ids import DIGEST_HINT, check_hex, check_id
from core.numbers import parse_decimal, parse_natural
from core.period import Period, parse_instant
from core.quantity import Quantity, unit_place
from core.units import Unit, parse_unit
from mrv.calculation.covers import COVERS, check_covers
from mrv.calculation.forms import unlike
from mrv.calculation.gaps import MEMBERS, SUBSTITUTION, check_substitution
from mrv.definitions.methodology import InputRule

_WATT_HOUR, _JOULE, _GRAM, _LITRE = (parse_unit(text) for text in ("Wh", "J", "g", "L"))
_JOULES = {"J", "kJ", "MJ", "GJ", "TJ"}
_ITEM = {"quantity", "source", "priority", "method", "uncertainty"}
_SOURCE_MEMBERS = {
    "register": {"type", "meter", "quantity", "from", "to"},
    "claim-point": {"type", "mark", "meter", "quantity", "from", "to"},
    "document": {"type", "digest", "title"},  # and what it covers, where it says so: mrv.calculation.covers
    "declared": {"type"},
    SUBSTITUTION: MEMBERS,
}
_OPENING = {"position"}
"""Of a claim point: where the certificate before ended."""
_POINT = {"position", "time", "gateway", "epoch", "seq", "block", "ordinal", "index"}
"""A reading in the log."""


@dataclass(frozen=True)
class Item:
    """One quantity of an input with where it comes from; `document` is its JSON form as given."""

    quantity: Quantity
    source: Mapping[str, Any]
    document: Mapping[str, Any]

    @property
    def uncertainty(self) -> Decimal | None:
        """Half of the 95 % interval over the mean, in %; None where it is not stated."""
        text = self.document["uncertainty"]
        return None if text is None else parse_decimal(text)

    def span(self) -> tuple[int, int]:
        """The register positions [from, to) of a register or claim point source, in base units (Wh, J, g, L)."""
        return tuple(parse_natural(self.source[end]["position"], where="position") for end in ("from", "to"))  # type: ignore[return-value]


def read_items(rule: InputRule, given: Any, period: Period, where: str) -> tuple[Item, ...]:
    """The items of one input. Raises FormError (inputs-malformed), InputError (input-missing, input-repeated, …)."""
    if not isinstance(given, list):
        raise FormError("inputs-malformed", "an input is a list of quantities with their sources", where=where,
                        hint="write [ ] around what is given, even around a single one")
    if not given:
        raise InputError("input-missing", "a list of at least one quantity is needed", where=where,
                         hint="leave the input out where there is none of it")
    if rule.single and len(given) > 1:
        raise InputError("input-repeated", f"{rule.name} is one value, {len(given)} are given", where=where,
                         hint="give the weighted mean with the document that derives it")
    return tuple(_read_item(rule, item, period, f"{where}[{i}]") for i, item in enumerate(given))


def _read_item(rule: InputRule, given: Any, period: Period, where: str) -> Item:
    wrong = unlike(given, _ITEM)
    if wrong:
        raise FormError("inputs-malformed", f"an item has exactly {', '.join(sorted(_ITEM))}: {wrong}", where=where)
    place = f"{where}.quantity"
    quantity = Quantity.from_json(given["quantity"], where=place)
    quantity.unit.ratio_to(rule.unit, where=unit_place(place))
    if quantity.value < 0:
        raise InputError("out-of-range", f"{quantity} is negative", where=where,
                         hint="what flows the other way is an input of its own")
    source = given["source"]
    _check_source(source, f"{where}.source")
    _check_allowed(rule, given, source, where)
    item = Item(quantity, source, given)
    if item.uncertainty is not None and item.uncertainty < 0:
        raise InputError("out-of-range", "an uncertainty in % is not negative", where=f"{where}.uncertainty",
                         hint="half of the 95 % interval over the mean, in %; null if unknown")
    if source["type"] == "document":
        check_hex(source["digest"], where=f"{where}.source.digest", hint=DIGEST_HINT)
        if COVERS in source:
            check_covers(rule, source[COVERS], period, f"{where}.source.covers")
    elif source["type"] == SUBSTITUTION:
        check_substitution(rule, quantity, source, period, where)
    elif source["type"] != "declared":
        _check_span(item, where)
    return item


def _check_source(source: Any, where: str) -> None:
    kind = str(source.get("type")) if isinstance(source, Mapping) else ""
    wrong = unlike(source, _SOURCE_MEMBERS.get(kind, {"type"}), {COVERS} if kind == "document" else ())
    if wrong or kind not in _SOURCE_MEMBERS:
        raise FormError("inputs-malformed", "the source has not the members of its type"
                        + (f": {wrong}" if wrong and kind in _SOURCE_MEMBERS else ""), where=where,
                        hint=_source_hint(source))


def _source_hint(source: object) -> str:
    kind = str(source.get("type")) if isinstance(source, Mapping) else ""
    known = _SOURCE_MEMBERS.get(kind)
    return f"a {kind} has {', '.join(sorted(known))}" if known else f"a source has a type: {', '.join(_SOURCE_MEMBERS)}"


def _check_allowed(rule: InputRule, given: Mapping[str, Any], source: Mapping[str, Any], where: str) -> None:
    if source["type"] not in rule.sources:
        raise InputError("source-not-allowed", f"{rule.name} may not come from a {source['type']}", where=where,
                         hint="allowed, best first: " + ", ".join(rule.sources))
    methods = ("estimated",) if source["type"] == SUBSTITUTION else rule.methods
    if given["method"] not in methods:
        raise InputError("source-not-allowed", f"{rule.name} may not be {given['method']}", where=where,
                         hint="allowed: " + ", ".join(methods))
    expected = rule.priority_of(source["type"])
    if given["priority"] != expected:
        raise InputError("priority-mismatch", f"a {source['type']} has priority {expected} for {rule.name}",
                         where=f"{where}.priority", hint=f'write "{expected}": the place of {source["type"]} among '
                         + ", ".join(rule.sources))


def _check_span(item: Item, where: str) -> None:
    for name, members in (("from", _OPENING if item.source["type"] == "claim-point" else _POINT), ("to", _POINT)):
        point = item.source[name]
        wrong = unlike(point, members)
        if wrong or not all(isinstance(value, str) for value in point.values()):
            raise FormError("inputs-malformed", f"a register source has readings from and to: {wrong or 'texts alone'}",
                            where=f"{where}.source.{name}", hint=f"a reading has {', '.join(sorted(members))}")
        if "time" in point:
            parse_instant(point["time"], where=f"{where}.source.{name}.time")
    for name in ("meter", "mark"):
        if name in item.source:
            check_id(item.source[name], where=where)
    start, end = item.span()
    base = base_unit(item.quantity.unit, where)
    if item.quantity.to(base).value != end - start:
        raise InputError("source-mismatch", f"{item.quantity} is not the register difference {end - start} {base.text}",
                         where=where, hint="give to.position − from.position as the quantity, or correct the positions")


def base_unit(unit: Unit, where: str = "") -> Unit:
    """What one serial number of a register counts: Wh, J for a meter that counts joules, g, L.

    Raises InputError (unit-mismatch) for what no register counts.
    """
    for base in (_WATT_HOUR, _GRAM, _LITRE):
        if unit.dimension == base.dimension:
            return _JOULE if unit.text in _JOULES else base
    raise InputError("unit-mismatch", f"no register counts {unit.text}", where=where,
                     hint="Wh, J, g or L and their multiples")
