"""Where the inputs of a statement come from, as its disclosed detail records say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from attestation.registration import ReadingPlace
from core.errors import FormError
from core.fields import mapping, members, sequence, text
from core.ids import check_id
from core.numbers import parse_natural
from core.period import Period, parse_instant
from mrv.calculation.gaps import SUBSTITUTION
from mrv.calculation.inputs import MAX_ITEMS, MAX_PARTS
from verify.model import Detail, Details

_PLACE = ("position", "time", "gateway", "epoch", "seq", "block", "ordinal", "index")
_INPUT = ("kind", "name", "quantity", "source", "priority", "method", "uncertainty")


@dataclass(frozen=True)
class RegisterSource:
    """An input read from a register: [start, end) of its serial numbers.

    `opening` is the reading behind `start`, None for a claim point, where the chain's mark says where a claim starts.
    `amount`: the quantity stated, {"value", "unit"}; `uncertainty`: in %, as stated. `part`: the part of a divided
    period that it is of, None where the period is whole or the file does not say. `before`, `after`: gaps [start, end)
    ms UTC beside it that the statement substitutes: the first ends at the opening reading, the second begins at the
    closing one.
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
    uncertainty: Any = None
    part: Period | None = None
    before: tuple[int, int] | None = None
    after: tuple[int, int] | None = None

    @property
    def reach(self) -> tuple[int, int | None]:
        """(end, start) of the time it answers for, with its gaps, ms UTC; the start None for a claim point."""
        start = None if self.opening is None else self.opening.time
        return (self.after[1] if self.after else self.closing.time), (self.before[0] if self.before else start)


def register_sources(details: Details | None) -> list[RegisterSource]:
    """The register and claim point inputs among the disclosed records. Raises FormError."""
    found, gaps, number = list[RegisterSource](), dict[tuple[str, object], list[tuple[int, int]]](), 0
    parts = _parts(details)
    for detail in details.records if details else ():
        if detail.record["kind"] == "input":
            record = members(detail.record, _INPUT, "record")
            source = record["source"]
            kind = source.get("type") if isinstance(source, dict) else None
            if kind in ("register", "claim-point"):
                found.append(replace(_register_source(record, source), part=parts[number] if parts else None))
            elif kind == SUBSTITUTION:
                gaps.setdefault((text(record["name"], "record.name"), source.get("meter")), []).append(_gap(source))
            number += 1
    return [_beside(source, gaps.get((source.name, source.meter), [])) for source in found]


def sources_of(records: Iterable[Mapping[str, Any]]) -> list[RegisterSource]:
    """The same of records that no file disclosed: those of inputs about to be stated. Raises FormError."""
    return register_sources(Details(True, tuple(Detail(i, b"", record, ()) for i, record in enumerate(records))))


def _parts(details: Details | None) -> list[Period]:
    """The part of each input record, in order; empty where the period is whole or the run is not disclosed."""
    top = details.records[0].record if details and details.records else {}
    if top.get("kind") != "run" or "parts" not in top:
        return []
    found = []
    for part in sequence(top["parts"], "record.parts", MAX_PARTS):
        item = members(part, ("period", "inputs"), "record.parts")
        counts = mapping(item["inputs"], "record.parts").values()
        number = sum(parse_natural(count, where="record.parts", limit=MAX_ITEMS) for count in counts)
        found += [Period.from_json(item["period"], where="record.parts")] * number
    records = sum(detail.record["kind"] == "input" for detail in details.records) if details else 0
    if len(found) != records:
        raise FormError("member-malformed", "the parts do not count the inputs", where="record.parts")
    return found


def _gap(source: Mapping[str, Any]) -> tuple[int, int]:
    start, end = (parse_instant(source.get(name), where="record.source") for name in ("start", "end"))
    return start, end


def _beside(source: RegisterSource, gaps: Iterable[tuple[int, int]]) -> RegisterSource:
    opening = source.opening.time if source.opening else None
    return replace(source, before=next((gap for gap in gaps if gap[1] == opening), None),
                   after=next((gap for gap in gaps if gap[0] == source.closing.time), None))


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
                          text(record["method"], "record.method"), record["quantity"], record["uncertainty"])


def _place(value: object) -> ReadingPlace:
    item = members(value, _PLACE, "record.source")
    numbers = {name: parse_natural(item[name], where=name)
               for name in _PLACE if name not in ("time", "gateway")}
    return ReadingPlace(time=parse_instant(item["time"], where="time"),
                        gateway=check_id(item["gateway"], where="gateway"), **numbers)
