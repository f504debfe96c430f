"""The inputs document of a run: who, where, when, the quantities with their sources, and the options chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any

from core.errors import FormError, InputError, quoted
from core.ids import DIGEST_HINT, check_hex, check_id
from core.numbers import parse_decimal, parse_natural
from core.period import Period, parse_instant
from core.quantity import Quantity, unit_place
from core.units import Unit, parse_unit
from mrv.calculation.covers import COVERS, check_covers, check_papers
from mrv.calculation.gaps import MEMBERS, SUBSTITUTION, check_gaps, check_substitution
from mrv.definitions.dates import days_of
from mrv.definitions.methodology import CALENDAR, InputRule, Methodology, OptionRule

MAX_BOUNDARY_CHARS = 200
MAX_OPTION_CHARS = 200
MAX_ITEMS = 10_000
"""Of all inputs and parts together: some two seconds of the largest methodology, with its trace."""

_WATT_HOUR, _JOULE, _GRAM, _LITRE = (parse_unit(text) for text in ("Wh", "J", "g", "L"))
_JOULES = {"J", "kJ", "MJ", "GJ", "TJ"}
_TOP = {"subject", "boundary", "period", "inputs", "options", "allow_unconfirmed"}
_OPTIONAL = {"carried", "previous", "parts"}
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
MAX_PARTS = 400
"""A year cut at every day, with room."""


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


@dataclass(frozen=True)
class Inputs:
    """A checked inputs document. `items`: by input name, in the order of the names.

    `parts`: the inputs of each part of a split period, in order; () where the period is whole, and then `items` are
    its inputs. `previous`: the priority of each input in the statement before. `place`: where the inputs stand.
    """

    document: Mapping[str, Any]
    subject: str
    boundary: str
    period: Period
    rules: Mapping[str, InputRule]
    items: Mapping[str, tuple[Item, ...]]
    options: Mapping[str, Any]
    carried: Quantity | None
    allow_unconfirmed: bool
    previous: Mapping[str, int]
    parts: tuple[Inputs, ...] = ()
    place: str = "inputs"

    def place_of(self, name: str) -> str:
        """Where an input stands in the document: "inputs.fuel.diesel", "parts[1].inputs.fuel.diesel"."""
        return f"{self.place}.{name}"

    def given(self, name: str) -> bool:
        """Whether anything is given under this name."""
        return name in self.items

    def total(self, name: str) -> Quantity:
        """The sum of an input's quantities in the unit of its rule; an optional input not given is none (0).

        Raises InputError (input-missing) for what cannot be none: the member of a family, an intensive quantity.
        """
        if name not in self.items and (name not in self.rules or self.rules[name].single):
            raise InputError("input-missing", f"the input {name!r} is missing", where=self.place,
                             hint="a missing value is never taken as zero")
        total = Quantity(Decimal(0), self.rules[name].unit)
        for item in self.items.get(name, ()):
            total = total + item.quantity
        return total

    def quantities(self, name: str) -> list[Quantity]:
        """Each quantity of an input."""
        return [item.quantity for item in self.items.get(name, ())]

    def members(self, family: str) -> list[str]:
        """The suffixes given of a family "fuel.*", sorted."""
        return [name[len(family) - 1 :] for name in sorted(self.items) if name.startswith(family[:-1])]

    def option(self, name: str) -> Quantity | str:
        """An option as an argument: a quantity where it is one, else its text. Raises FormError (option-missing)."""
        if name not in self.options:
            raise FormError("option-missing", f"the option {name!r} is needed", where="options")
        value = self.options[name]
        return Quantity.from_json(value, where=name) if isinstance(value, dict) else str(value)

    def texts(self) -> dict[str, str]:
        """The options that are texts, for the paths of parameters."""
        return {name: value for name, value in self.options.items() if isinstance(value, str)}

    def notices(self) -> list[str]:
        """Codes for inputs that are not measured: "estimated-input", "manual-input", "declared-input"."""
        items = [item for group in self.items.values() for item in group]
        codes = [f"{item.document['method']}-input" for item in items if item.document["method"] != "measured"]
        codes += ["declared-input" for item in items if item.source["type"] == "declared"]
        return codes + ["substituted-input" for item in items if item.source["type"] == SUBSTITUTION]

    def priority_drops(self) -> list[str]:
        """The inputs whose worst source stands lower than in the statement before, in order of their names.

        A substituted gap is no choice of a source and does not count.
        """
        return [name for name, before in sorted(self.previous.items())
                if any(int(item.document["priority"]) > before for item in self.items.get(name, ())
                       if item.source["type"] != SUBSTITUTION)]


def read_inputs(methodology: Methodology, document: Mapping[str, Any], period: Period) -> Inputs:
    """The inputs of a document, each allowed by the methodology.

    Raises FormError (inputs-malformed, option-…), InputError (input-missing, input-unknown, unit-mismatch,
    out-of-range, source-not-allowed, source-mismatch, inputs-overlap, priority-mismatch, option-not-of-period).
    """
    if not _TOP <= set(document) <= _TOP | _OPTIONAL:
        raise FormError("inputs-malformed", "an inputs document has exactly " + ", ".join(sorted(_TOP)),
                        hint="and optionally " + ", ".join(sorted(_OPTIONAL)))
    if not isinstance(document["allow_unconfirmed"], bool):
        raise FormError("inputs-malformed", "allow_unconfirmed is true or false", where="allow_unconfirmed",
                        hint="without quotes; true accepts rules and values not yet compared with their official text")
    boundary = document["boundary"]
    if not isinstance(boundary, str) or not 0 < len(boundary) <= MAX_BOUNDARY_CHARS:
        raise FormError("inputs-malformed", "a boundary is a short text", where="boundary")
    subject = check_id(document["subject"], where="subject")
    options = _read_options(methodology, document["options"], period)
    carried = _read_carried(document.get("carried"))
    _check_amount(document)
    previous = _read_previous(methodology, document.get("previous"))

    def read(given: Any, span: Period, place: str = "inputs", parts: tuple[Inputs, ...] = ()) -> Inputs:
        rules, items = _read_items(methodology, given, span, place) if not parts else _merged(parts)
        return Inputs(document, subject, boundary, span, rules, items, options, carried,
                      document["allow_unconfirmed"], previous, parts, place)

    parts = tuple(read(given, span, f"parts[{number}].inputs")
                  for number, (given, span) in enumerate(_read_parts(methodology, document, period)))
    inputs = read(document["inputs"], period, "inputs", parts)
    for part in parts or (inputs,):
        for name, items in part.items.items():
            check_gaps(part.place_of(name), [(item.quantity, item.source) for item in items])
    for name, items in inputs.items.items():
        check_papers(inputs.rules[name], [item.source for item in items], inputs.place_of(name))
    _check_spans(inputs)
    return inputs


def _check_amount(document: Mapping[str, Any]) -> None:
    parts = document.get("parts")
    wholes = [document, *parts] if isinstance(parts, list) else [document]
    given = [whole.get("inputs") for whole in wholes if isinstance(whole, Mapping)]
    count = sum(len(items) for inputs in given if isinstance(inputs, Mapping) for items in inputs.values()
                if isinstance(items, list))
    if count > MAX_ITEMS:
        raise InputError("inputs-too-many", f"{count} quantities are more than {MAX_ITEMS}", where="inputs",
                         hint="add up what comes from one source, or make statements of shorter periods")


def _read_parts(methodology: Methodology, document: Mapping[str, Any], period: Period) -> list[tuple[Any, Period]]:
    """The inputs and period of each part. Raises FormError (parts-malformed), InputError (split-not-allowed)."""
    parts = document.get("parts")
    if parts is None:
        return []
    if not methodology.split:
        raise InputError("split-not-allowed", f"{methodology.key} does not split a period", where="parts",
                         hint="make one statement for each side of the change")
    if not isinstance(parts, list) or not 2 <= len(parts) <= MAX_PARTS or document["inputs"] != {}:
        raise FormError("parts-malformed", "parts are a list of at least two, and inputs are then empty", where="parts",
                        hint='"inputs": {} beside "parts": [{"period", "inputs"}, …]')
    read = []
    for number, part in enumerate(parts):
        if not isinstance(part, Mapping) or set(part) != {"period", "inputs"}:
            raise FormError("parts-malformed", "a part has exactly period and inputs", where=f"parts[{number}]",
                            hint='{"period": {"start", "end", "zone"}, "inputs": {…}}')
        read.append((part["inputs"], Period.from_json(part["period"], where=f"parts[{number}].period")))
    spans = [span for _, span in read]
    tiled = (spans[0].start == period.start and spans[-1].end == period.end
             and all(a.end == b.start and days_of(a)[1] < days_of(b)[0] for a, b in pairwise(spans))
             and {span.zone for span in spans} == {period.zone})
    if not tiled:
        raise FormError("parts-malformed", "the parts do not make up the period, cut at midnights", where="parts",
                        hint="the first begins with the period, each where the one before ends, the last ends with it; "
                        "all in its zone")
    return read


def _merged(parts: tuple[Inputs, ...]) -> tuple[dict[str, InputRule], dict[str, tuple[Item, ...]]]:
    rules: dict[str, InputRule] = {}
    items: dict[str, tuple[Item, ...]] = {}
    for part in parts:
        rules |= part.rules
        for name in part.items:
            items[name] = items.get(name, ()) + part.items[name]
    return rules, dict(sorted(items.items()))


def _read_previous(methodology: Methodology, given: Any) -> dict[str, int]:
    if given is None:
        return {}
    if not isinstance(given, Mapping) or set(given) != {"statement", "priorities"} \
            or not isinstance(given["priorities"], Mapping):
        raise FormError("inputs-malformed", "previous has exactly statement and priorities", where="previous")
    check_hex(given["statement"], where="previous")
    for name in given["priorities"]:
        if methodology.rule_of(name) is None:
            raise InputError("input-unknown", f"{methodology.key} has no input {name!r}", where="previous")
    return {name: parse_natural(text, where="previous") for name, text in given["priorities"].items()}


def _read_items(methodology: Methodology, given: Any, period: Period,
                place: str) -> tuple[dict[str, InputRule], dict[str, tuple[Item, ...]]]:
    if not isinstance(given, Mapping):
        raise FormError("inputs-malformed", "inputs are an object of lists", where=place)
    rules = {rule.name: rule for rule in methodology.inputs}
    items: dict[str, tuple[Item, ...]] = {}
    for name in sorted(given):
        rule = methodology.rule_of(name)
        if rule is None or name.endswith("*"):
            raise InputError("input-unknown", f"{methodology.key} has no input {name!r}", where=f"{place}.{name}",
                             hint="the inputs are " + ", ".join(rule.name for rule in methodology.inputs))
        rules[name] = rule
        items[name] = _read_list(rule, given[name], period, f"{place}.{name}")
    for rule in methodology.inputs:
        if rule.required and not any(methodology.rule_of(name) is rule for name in items):
            raise InputError("input-missing", f"the input {rule.name!r} is missing", where=place,
                             hint="a missing value is never taken as zero")
    return rules, items


def _read_list(rule: InputRule, given: Any, period: Period, where: str) -> tuple[Item, ...]:
    if not isinstance(given, list) or not given:
        raise InputError("input-missing", "a list of at least one quantity is needed", where=where)
    if rule.single and len(given) > 1:
        raise InputError("input-repeated", f"{rule.name} is one value, {len(given)} are given", where=where,
                         hint="give the weighted mean with the document that derives it")
    return tuple(_read_item(rule, item, period, f"{where}[{i}]") for i, item in enumerate(given))


def _read_item(rule: InputRule, given: Any, period: Period, where: str) -> Item:
    if not isinstance(given, Mapping) or set(given) != _ITEM:
        raise FormError("inputs-malformed", "an item has exactly " + ", ".join(sorted(_ITEM)), where=where)
    place = f"{where}.quantity"
    quantity = Quantity.from_json(given["quantity"], where=place)
    quantity.unit.ratio_to(rule.unit, where=unit_place(place))
    if quantity.value < 0:
        raise InputError("out-of-range", f"{quantity} is negative", where=where,
                         hint="what flows the other way is an input of its own")
    source = given["source"]
    if not isinstance(source, Mapping) or set(source) - {COVERS} != _SOURCE_MEMBERS.get(str(source.get("type"))) \
            or (COVERS in source and source["type"] != "document"):
        raise FormError("inputs-malformed", "the source has not the members of its type", where=f"{where}.source",
                        hint=_source_hint(source))
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
        if not isinstance(point, Mapping) or set(point) != members \
                or not all(isinstance(value, str) for value in point.values()):
            raise FormError("inputs-malformed", "a register source has positions from and to", where=where)
        if "time" in point:
            parse_instant(point["time"], where=where)
    for name in ("meter", "mark"):
        if name in item.source:
            check_id(item.source[name], where=where)
    start, end = item.span()
    base = _base_unit(item.quantity.unit, where)
    if item.quantity.to(base).value != end - start:
        raise InputError("source-mismatch", f"{item.quantity} is not the register difference {end - start} {base.text}",
                         where=where, hint="give to.position − from.position as the quantity, or correct the positions")


def _base_unit(unit: Unit, where: str) -> Unit:
    """What one serial number of a register counts: Wh, J for a meter that counts joules, g, L."""
    for base in (_WATT_HOUR, _GRAM, _LITRE):
        if unit.dimension == base.dimension:
            return _JOULE if unit.text in _JOULES else base
    raise InputError("unit-mismatch", f"no register counts {unit.text}", where=where,
                     hint="Wh, J, g or L and their multiples")


def _read_options(methodology: Methodology, given: Any, period: Period) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise FormError("inputs-malformed", "options are an object", where="options")
    rules = {rule.name: rule for rule in methodology.options}
    for name in given:
        if name not in rules:
            raise FormError("option-unknown", f"{methodology.key} has no option {name!r}", where="options",
                            hint="the options are " + ", ".join(rules))
    for name, rule in rules.items():
        if name not in given and rule.required:
            raise FormError("option-missing", f"the option {name!r} is needed", where="options")
        if name in given:
            _check_option(name, given[name], rule.one_of, rule.many)
            _check_calendar(rule, given[name], period)
    return dict(given)


def _check_calendar(rule: OptionRule, value: Any, period: Period) -> None:
    """A factor is chosen by this option: it may not be another year's than the one the quantities are of."""
    if rule.period == "":
        return
    first, last = (day.isoformat()[: CALENDAR[rule.period]] for day in days_of(period))
    if not first == last == value:
        span = first if first == last else f"{first} to {last}"
        raise InputError("option-not-of-period", f"the {rule.period} of the period is {span}, the option {rule.name!r}"
                         f" says {str(value)[:40]!r}", where="options",
                         hint=f"the period lies in one {rule.period}, and the option names it")


def _check_option(name: str, value: Any, one_of: tuple[str, ...], many: bool) -> None:
    texts = value if many else [value]
    if not isinstance(texts, list) or not texts or (many and len(set(map(str, texts))) != len(texts)):
        raise FormError("option-malformed", f"the option {name!r} is a list without repetition", where="options")
    if isinstance(value, Mapping):
        Quantity.from_json(value, where=f"options.{name}")
    elif not all(isinstance(text, str) and len(text) <= MAX_OPTION_CHARS for text in texts):
        raise FormError("option-malformed", f"the option {name!r} is a short text or a quantity", where="options")
    for text in texts:
        if one_of and text not in one_of:
            raise FormError("option-malformed", f"{quoted(text, 40)} is not allowed for {name!r}", where="options",
                            hint="one of " + ", ".join(one_of[:40]))


def _read_carried(given: Any) -> Quantity | None:
    if given is None:
        return None
    if not isinstance(given, Mapping) or set(given) != {"statement", "value", "unit"}:
        raise FormError("inputs-malformed", "carried has exactly statement, value and unit", where="carried")
    check_hex(given["statement"], where="carried")
    quantity = Quantity.from_json({"value": given["value"], "unit": given["unit"]}, where="carried")
    if quantity.value < 0:
        raise InputError("out-of-range", "a carried remainder is not negative", where="carried",
                         hint="carry the carried_out of the statement before")
    return quantity


def _check_spans(inputs: Inputs) -> None:
    spans: dict[str, list[tuple[int, int]]] = {}
    for name, items in inputs.items.items():
        for item in items:
            if item.source["type"] in ("register", "claim-point"):
                spans.setdefault(f"{name}/{item.source['meter']}/{item.source['quantity']}", []).append(item.span())
    for where, ranges in spans.items():
        if any(a[1] > b[0] for a, b in pairwise(sorted(ranges))):
            raise InputError("inputs-overlap", "two spans of one register overlap", where=where,
                             hint="let each span begin where the one before ended, and name none twice")
