"""An inputs document as people write it, made canonical before the rules see it: numbers, local dates, priorities.

What a person gives ("1000.50", "1e6") is read leniently where that loses nothing, and refused with one code for each
cause, the same as in `mrv eval`. Documents that are signed (claims, statements) are never touched: they are canonical.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from core.errors import FormError
from core.numbers import MAX_DIGITS, decimal_text
from core.period import instant_text, parse_instant
from core.quantity import printed_decimal
from mrv.calculation.covers import COVERS
from mrv.definitions.changes import midnight
from mrv.definitions.dates import parse_day
from mrv.definitions.methodology import InputRule, Methodology

_QUANTITY = {"value", "unit"}
_CARRIED = {"statement", "value", "unit"}
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT_HINT = ('a local date ("2026-10-01": its midnight in the zone; the end is the day after the last), or UTC '
                 'with milliseconds ("2026-09-30T16:00:00.000Z")')


def canonical_numbers(given: Any, where: str = "") -> Any:
    """The document with every decimal in canonical form: values of quantities, uncertainties, what is carried in.

    Anything else is left as it is, for the reader of the document to judge. Raises FormError (json-number,
    number-not-finite, number-too-long, number-malformed).
    """
    if isinstance(given, list):
        # No form has a list in a list: what is below one is not worth naming place by place.
        return [item if isinstance(item, list) else canonical_numbers(item, f"{where}[{i}]")
                for i, item in enumerate(given)]
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


def canonical_dates(given: Any) -> Any:
    """The document with the local dates of its periods, and of what documents cover, as instants.

    A date is the first instant of its day in the zone of the period; an end is not in the period. Raises FormError
    (instant-malformed, date-malformed, zone-unknown).
    """
    if not isinstance(given, Mapping):
        return given
    zone = given["period"].get("zone") if isinstance(given.get("period"), Mapping) else None
    read = _part(given, zone, "")
    if isinstance(given.get("parts"), list):
        read["parts"] = [_part(part, zone, f"parts[{i}].") for i, part in enumerate(given["parts"])]
    return read


def _part(part: Any, zone: Any, place: str) -> Any:
    """The whole or a part: what has a period and inputs."""
    if not isinstance(part, Mapping):
        return part
    read = dict(part)
    if "period" in part:
        read["period"] = _span(part["period"], zone, f"{place}period")
    if isinstance(part.get("inputs"), Mapping):
        read["inputs"] = {name: _papers(items, zone, f"{place}inputs.{name}") for name, items in part["inputs"].items()}
    return read


def _papers(items: Any, zone: Any, where: str) -> Any:
    """The items of an input, what their documents cover as instants; no account named is null."""
    if not isinstance(items, list):
        return items
    return [_paper(item, zone, f"{where}[{i}].source.covers") for i, item in enumerate(items)]


def _paper(item: Any, zone: Any, where: str) -> Any:
    source = item.get("source") if isinstance(item, Mapping) else None
    if not isinstance(source, Mapping) or not isinstance(source.get(COVERS), Mapping):
        return item
    covers = {"account": None, **_span(source[COVERS], zone, where)}
    return {**item, "source": {**source, COVERS: covers}}


def _span(given: Any, zone: Any, where: str) -> Any:
    if not isinstance(given, Mapping):
        return given
    place = given.get("zone", zone)
    return {**given, **{name: _instant(given[name], place, f"{where}.{name}") for name in ("start", "end")
                        if name in given}}


def _instant(text: Any, zone: Any, where: str) -> str:
    if isinstance(text, str) and _DAY.fullmatch(text) and isinstance(zone, str):
        return instant_text(midnight(parse_day(text, where=where), zone))
    try:
        return instant_text(parse_instant(text, where=where))
    except FormError as error:
        error.hint = _INSTANT_HINT
        raise


def with_priorities(methodology: Methodology, given: Any) -> Any:
    """The document with the priority of each source that leaves it out: its kind says it."""
    if not isinstance(given, Mapping):
        return given
    read = {**given, "inputs": _ranked(methodology, given.get("inputs"))} if "inputs" in given else {**given}
    if isinstance(given.get("parts"), list):
        read["parts"] = [{**part, "inputs": _ranked(methodology, part["inputs"])}
                         if isinstance(part, Mapping) and "inputs" in part else part for part in given["parts"]]
    return read


def _ranked(methodology: Methodology, inputs: Any) -> Any:
    if not isinstance(inputs, Mapping):
        return inputs
    return {name: [_rank(rule, item) for item in items] if isinstance(items, list) and rule is not None else items
            for name, items in inputs.items() for rule in [methodology.rule_of(name)]}


def _rank(rule: InputRule, item: Any) -> Any:
    if not isinstance(item, Mapping) or "priority" in item or not isinstance(item.get("source"), Mapping):
        return item
    kind = item["source"].get("type")
    return {**item, "priority": rule.priority_of(kind)} if kind in rule.sources else {**item, "priority": None}
