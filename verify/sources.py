"""Where the inputs of a statement come from, as its disclosed detail records say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from attestation.registration import ReadingPlace
from core.errors import FormError
from core.fields import members, text
from core.ids import check_id
from core.numbers import parse_natural
from core.period import parse_instant
from verify.model import Details

_PLACE = ("position", "time", "gateway", "epoch", "seq", "block", "ordinal", "index")
_INPUT = ("kind", "name", "quantity", "source", "priority", "method", "uncertainty")


@dataclass(frozen=True)
class RegisterSource:
    """An input read from a register: [start, end) of its serial numbers.

    `opening` is the reading behind `start`, None for a claim point, where the chain's mark says where a claim starts.
    `amount`: the quantity stated, {"value", "unit"}.
    """

    name: str
    meter: str
    quantity: str
    mark: str | None
    start: int
    opening: ReadingPlace | None
    closing: ReadingPlace
    method: str
    amount: Any


def register_sources(details: Details | None) -> list[RegisterSource]:
    """The register and claim point inputs among the disclosed records. Raises FormError."""
    found = []
    for detail in details.records if details else ():
        if detail.record["kind"] == "input":
            record = members(detail.record, _INPUT, "record")
            source = record["source"]
            if isinstance(source, dict) and source.get("type") in ("register", "claim-point"):
                found.append(_register_source(record, source))
    return found


def subjects_of(sources: Iterable[RegisterSource]) -> set[str]:
    """The meters and claim points that the sources name."""
    return {subject for source in sources for subject in (source.meter, source.mark) if subject is not None}


def _register_source(record: Mapping[str, Any], source: dict[str, Any]) -> RegisterSource:
    marked = source["type"] == "claim-point"
    names = ("type", "meter", "quantity", "from", "to", *(("mark",) if marked else ()))
    item = members(source, names, "record.source")
    opening = None if marked else _place(item["from"])
    start = opening.position if opening else parse_natural(
        members(item["from"], ("position",), "from")["position"], where="from.position")
    closing = _place(item["to"])
    if closing.position < start:
        raise FormError("member-malformed", "a register source ends before it starts", where="record.source")
    return RegisterSource(text(record["name"], "record.name"), check_id(item["meter"], where="meter"),
                          check_id(item["quantity"], where="quantity"),
                          check_id(item["mark"], where="mark") if marked else None, start, opening, closing,
                          text(record["method"], "record.method"), record["quantity"])


def _place(value: object) -> ReadingPlace:
    item = members(value, _PLACE, "record.source")
    numbers = {name: parse_natural(item[name], where=name)
               for name in _PLACE if name not in ("time", "gateway")}
    return ReadingPlace(time=parse_instant(item["time"], where="time"),
                        gateway=check_id(item["gateway"], where="gateway"), **numbers)
