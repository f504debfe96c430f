"""The inputs document of a run: who, where, when, the quantities with their sources, and the options chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any

from core.errors import FormError, InputError, quoted
from core.ids import check_id
from core.period import Period
from core.quantity import Quantity
from mrv.calculation.covers import check_papers
from mrv.calculation.gaps import SUBSTITUTION, check_gaps
from mrv.calculation.items import Item, read_items
from mrv.calculation.options import read_carried, read_options, read_previous
from mrv.definitions.dates import days_of
from mrv.definitions.methodology import InputRule, Methodology

EXAMPLE = "示例 example"
"""With this begin boundary and titles of an example (`mrv methodologies ID --example`); what keeps it is no data."""
MAX_BOUNDARY_CHARS = 200
MAX_NAME_CHARS = 40
"""Of a name in a message."""
MAX_ITEMS = 10_000
"""Of all inputs and parts together: some two seconds of the largest methodology, with its trace."""
MAX_PARTS = 400
"""A year cut at every day, with room."""

_TOP = {"subject", "boundary", "period", "inputs", "options", "allow_unconfirmed"}
_OPTIONAL = {"carried", "previous", "parts"}


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
        """Codes for inputs that are not measured, and "example-input" for what is left of a printed example."""
        items = [item for group in self.items.values() for item in group]
        codes = [f"{item.document['method']}-input" for item in items if item.document["method"] != "measured"]
        codes += ["declared-input" for item in items if item.source["type"] == "declared"]
        codes += ["example-input" for text in (self.boundary, *(item.source.get("title") for item in items))
                  if str(text).startswith(EXAMPLE)]
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
        missing, unknown = sorted(_TOP - set(document)), sorted(set(document) - _TOP - _OPTIONAL)
        wrong = f"lacks {', '.join(missing)}" if missing else f"has no member {quoted(unknown[0], MAX_NAME_CHARS)}"
        raise FormError("inputs-malformed", f"an inputs document {wrong}",
                        hint="it has " + ", ".join(sorted(_TOP)) + ", and optionally " + ", ".join(sorted(_OPTIONAL)))
    if not isinstance(document["allow_unconfirmed"], bool):
        raise FormError("inputs-malformed", "allow_unconfirmed is true or false", where="allow_unconfirmed",
                        hint="without quotes; true accepts rules and values not yet compared with their official text")
    boundary = document["boundary"]
    if not isinstance(boundary, str) or not 0 < len(boundary) <= MAX_BOUNDARY_CHARS:
        raise FormError("inputs-malformed", "a boundary is a short text", where="boundary")
    subject = check_id(document["subject"], where="subject")
    options = read_options(methodology, document["options"], period)
    carried = read_carried(document.get("carried"))
    _check_amount(document)
    previous = read_previous(methodology, document.get("previous"))

    def read(given: Any, span: Period, place: str = "inputs", parts: tuple[Inputs, ...] = ()) -> Inputs:
        rules, items = _read_inputs(methodology, given, span, place) if not parts else _merged(parts)
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


def _read_inputs(methodology: Methodology, given: Any, period: Period,
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
        items[name] = read_items(rule, given[name], period, f"{place}.{name}")
    for rule in methodology.inputs:
        if rule.required and not any(methodology.rule_of(name) is rule for name in items):
            raise InputError("input-missing", f"the input {rule.name!r} is missing", where=place,
                             hint="a missing value is never taken as zero")
    return rules, items


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
