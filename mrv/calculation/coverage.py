"""What time of a period the inputs answer for: readings of registers at its ends, spans that documents cover.

A boundary reading is R(t), the last at or before an end of the period. What is left open is never silent: refused where
the methodology names a greatest staleness or refuses a gap, else named and counted beside the result. Each meter and
each account answers for its own time: another one's reading is no reading of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any, NamedTuple

from core.errors import InputError
from core.numbers import CONTEXT
from core.period import Period, instant_text, parse_instant
from core.quantity import Quantity
from core.units import Unit
from mrv.calculation.covers import COVERS, covered_span
from mrv.calculation.gaps import SUBSTITUTION, gap_of
from mrv.calculation.inputs import Inputs
from mrv.calculation.items import Item, base_unit
from mrv.definitions.dates import day_of
from mrv.definitions.methodology import Methodology
from mrv.language.interpreter import round_to

GAP_UNCOVERED = "gap-uncovered"
COVERAGE_PARTIAL = "coverage-partial"
READING_STALE = "reading-stale"

REFUSED = "refused"
"""The treatment of missing data that admits none."""
UNSAID_MS = 900_000
"""What a methodology without a limit lets pass without a word: a quarter of an hour, the interval of most registers."""
REGISTER, DOCUMENT = "register", "document"
SHARE_DIGITS = 4
"""After the point of a percentage: five minutes of a year are seen."""

Span = tuple[int, int]


@dataclass(frozen=True)
class Uncovered:
    """Time [start, end) ms UTC of the period that a meter (`kind` register) or an account (document) leaves open.

    `name`: the meter or account, None for documents that name none. `missing`: what the register moved meanwhile, where
    two spans show it.
    """

    input: str
    kind: str
    name: str | None
    start: int
    end: int
    missing: Quantity | None = None

    def as_json(self) -> dict[str, Any]:
        """{"input", "kind", "name", "start", "end", "missing"}."""
        return {"input": self.input, "kind": self.kind, "name": self.name, "start": instant_text(self.start),
                "end": instant_text(self.end), "missing": self.missing.as_json() if self.missing else None}


@dataclass(frozen=True)
class Coverage:
    """What a period leaves open. `shares`: of each such input the greatest share of one meter or account, in % of time.

    `early`: a register begins before the period by more than a quarter of an hour, and no limit forbids it.
    """

    uncovered: tuple[Uncovered, ...]
    shares: Mapping[str, Decimal]
    early: bool

    def notices(self) -> list[str]:
        """The codes that say it."""
        kinds = {hole.kind for hole in self.uncovered}
        return [code for code, holds in ((GAP_UNCOVERED, REGISTER in kinds), (COVERAGE_PARTIAL, DOCUMENT in kinds),
                                         (READING_STALE, self.early)) if holds]


class _Reading(NamedTuple):
    """A span of one register: times ms UTC (`start` None: from the claim's own beginning), positions, unit."""

    start: int | None
    end: int
    first: int
    last: int
    unit: Unit


class _Register(NamedTuple):
    """One register of one input with its spans in order of time, and the gaps that are substituted beside it."""

    input: str
    meter: str
    spans: list[_Reading]
    gaps: list[Span]


def coverage_of(methodology: Methodology, inputs: Inputs, at: date) -> Coverage:
    """What the inputs leave open of their period, for the statement date `at`.

    Raises InputError: period-outside, reading-after-statement, inputs-overlap, source-mismatch (readings that cannot
    be), reading-stale (beyond the methodology's limit), gap-uncovered (of an input that refuses a gap).
    """
    limit = methodology.max_staleness_ms
    for part in inputs.parts or (inputs,):
        _check_times(part, at)
        if limit is not None:
            _check_stale(methodology, part, limit)
    _check_order(inputs)
    tolerance = UNSAID_MS if limit is None else limit
    registers, period = _registers(inputs), inputs.period
    found = [hole for register in registers for hole in _left_open(register, period, tolerance)]
    found += [hole for name in inputs.items for hole in _papers_left_open(inputs, name, tolerance)]
    _check_refused(inputs, found, tolerance)
    early = limit is None and any(_opening(register) < period.start - UNSAID_MS for register in registers)
    return Coverage(tuple(found), _shares(found, period), early)


def _check_times(inputs: Inputs, at: date) -> None:
    """Each reading stands where R(t) can: in order, none after the end of the period or the day of the statement."""
    period = inputs.period
    for name, items in inputs.items.items():
        for number, item in enumerate(items):
            if item.source["type"] not in ("register", "claim-point"):
                continue
            where = f"{inputs.place_of(name)}[{number}].source"
            start, end = _times(item)
            if start is not None and start > end:
                raise InputError("period-outside", "the reading that ends the span is earlier than the one that begins "
                                 "it", where=f"{where}.to.time", hint="from is the earlier reading, to the later one")
            if end > period.end:
                raise InputError("period-outside", f"the reading that ends the span is of {instant_text(end)}, after "
                                 "the period", where=f"{where}.to.time",
                                 hint="take the last reading at or before the end of the period")
            if start is not None and start < end <= period.start:
                raise InputError("period-outside", "the span ends before the period begins", where=f"{where}.to.time",
                                 hint="take the last readings at or before both ends of the period")
            if day_of(max(end - 1, 0), period.zone) > at:
                raise InputError("reading-after-statement", f"a reading of {instant_text(end)} is later than the "
                                 f"statement of {at}", where=f"{where}.to.time",
                                 hint="date the statement after its readings")


def _check_stale(methodology: Methodology, inputs: Inputs, limit: int) -> None:
    """No boundary reading of a part is older than the methodology admits, and no hole in it longer."""
    for register in _registers(inputs):
        where, start = inputs.place_of(register.input), inputs.period.start
        opening = _opening(register)
        if opening < start - limit:
            raise InputError(READING_STALE, f"the first reading of {register.meter} is of {instant_text(opening)}, "
                             f"{start - opening} ms before the period; {methodology.key} allows {limit} ms",
                             where=where, hint="take the last reading at or before the start of the period")
        for hole in _left_open(register, inputs.period, limit):
            if hole.end - hole.start > limit:
                raise InputError(READING_STALE, f"no reading of {register.meter} answers for {instant_text(hole.start)}"
                                 f" to {instant_text(hole.end)}{_moved(hole)}; {methodology.key} allows {limit} ms",
                                 where=where,
                                 hint="give the readings at both ends, what is substituted for the gap by the "
                                 "methodology's rule, or parts of the period cut where a meter begins or ends")


def _moved(hole: Uncovered) -> str:
    return f", when it moved {hole.missing}" if hole.missing else ""


def _check_order(inputs: Inputs) -> None:
    """The spans of one register follow one another, in time as in position."""
    for register in _registers(inputs):
        where = f"{register.input}/{register.meter}"
        for before, after in pairwise(register.spans):
            if after.start is None:
                continue
            if after.start < before.end:
                raise InputError("inputs-overlap", "two spans of one register share time", where=where,
                                 hint="let each span begin with the reading that ended the one before")
            if after.first < before.last or (after.start == before.end and after.first != before.last):
                raise InputError("source-mismatch", f"the register ends a span at {before.last} and begins the next at "
                                 f"{after.first}", where=where,
                                 hint="a register goes on counting: correct the positions or the times")


def _registers(inputs: Inputs) -> list[_Register]:
    found: dict[tuple[str, str, str], _Register] = {}
    for name, items in inputs.items.items():
        gaps = _gaps(items)
        for item in items:
            if item.source["type"] in ("register", "claim-point"):
                meter = str(item.source["meter"])
                beside = gaps.get(meter, []) + gaps.get(None, [])
                key = (name, meter, str(item.source["quantity"]))
                register = found.setdefault(key, _Register(name, meter, [], beside))
                register.spans.append(_Reading(*_times(item), *item.span(), item.quantity.unit))
    for register in found.values():
        register.spans.sort(key=lambda span: (_begin(span), span.end, span.first))
    return list(found.values())


def _times(item: Item) -> tuple[int | None, int]:
    begins = item.source["from"].get("time")
    return None if begins is None else parse_instant(begins), parse_instant(item.source["to"]["time"])


def _begin(span: _Reading) -> int:
    """The time of the first reading a span names: a claim point's names its last alone."""
    return span.end if span.start is None else span.start


def _opening(register: _Register) -> int:
    return min(_begin(span) for span in register.spans)


def _gaps(items: Sequence[Item]) -> dict[str | None, list[Span]]:
    """The substituted gaps of an input by the meter that each names; one that names none stands for every meter."""
    found: dict[str | None, list[Span]] = {}
    for item in items:
        if item.source["type"] == SUBSTITUTION:
            found.setdefault(item.source["meter"], []).append(gap_of(item.source))
    return found


def _covered(register: _Register, period: Period) -> list[Span]:
    """What a register answers for: its spans, the time between two in which it stood still, what is substituted."""
    spans = [(period.start if span.start is None else span.start, span.end) for span in register.spans]
    still = [(a.end, b.start) for a, b in pairwise(register.spans) if b.start is not None and a.last == b.first]
    return [*spans, *still, *register.gaps]


def _left_open(register: _Register, period: Period, tolerance: int) -> Iterator[Uncovered]:
    """The holes longer than the tolerance, and each between two spans in which the register moved."""
    moved = {(max(a.end, period.start), min(b.start, period.end)): (b.first - a.last, base_unit(b.unit))
             for a, b in pairwise(register.spans) if b.start is not None and b.first > a.last}
    for start, end in _holes(_covered(register, period), period):
        missing = moved.get((start, end))
        if missing is not None or end - start > tolerance:
            quantity = None if missing is None else Quantity(Decimal(missing[0]), missing[1])
            yield Uncovered(register.input, REGISTER, register.meter, start, end, quantity)


def _papers_left_open(inputs: Inputs, name: str, tolerance: int) -> Iterator[Uncovered]:
    """The holes that the documents of each account leave; one that does not say what it covers stands for the whole."""
    if inputs.rules[name].single:
        return
    gaps = _gaps(inputs.items[name])
    accounts: dict[str | None, list[Span]] = {}
    for item in inputs.items[name]:
        if COVERS in item.source:
            accounts.setdefault(item.source[COVERS]["account"], []).append(covered_span(item.source))
    for account, spans in accounts.items():
        beside = gaps.get(None, []) + (gaps.get(account, []) if account is not None else [])
        for start, end in _holes([*spans, *beside], inputs.period):
            if end - start > tolerance:
                yield Uncovered(name, DOCUMENT, account, start, end)


def _holes(spans: Sequence[Span], period: Period) -> Iterator[Span]:
    """The parts of the period that none of the spans [start, end) covers, in order."""
    at = period.start
    for start, end in sorted(spans):
        if at < start < period.end:
            yield at, start
        at = max(at, end)
    if at < period.end:
        yield at, period.end


def _check_refused(inputs: Inputs, found: Sequence[Uncovered], tolerance: int) -> None:
    """An input whose missing data are refused is answered for by something at every time of the period."""
    for name in dict.fromkeys(hole.input for hole in found):
        items = inputs.items[name]
        whole = any(item.source["type"] == "declared" or (item.source["type"] == DOCUMENT and COVERS not in item.source)
                    for item in items)
        if inputs.rules[name].gap != REFUSED or whole:
            continue
        spans = [covered_span(item.source) for item in items if COVERS in item.source]
        spans += [span for register in _registers(inputs) if register.input == name
                  for span in _covered(register, inputs.period)]
        for start, end in _holes(spans, inputs.period):
            if end - start > tolerance:
                raise InputError(GAP_UNCOVERED, f"nothing that is given of {name} answers for {instant_text(start)} to "
                                 f"{instant_text(end)}, and a gap of it is refused", where=inputs.place_of(name),
                                 hint="give what is missing, with 0 where there was nothing, or leave covers out of a "
                                 "document that stands for the whole period")


def _shares(found: Sequence[Uncovered], period: Period) -> dict[str, Decimal]:
    times: dict[tuple[str, str, str | None], int] = {}
    for hole in found:
        key = (hole.input, hole.kind, hole.name)
        times[key] = times.get(key, 0) + hole.end - hole.start
    greatest: dict[str, int] = {}
    for (name, _, _), time in times.items():
        greatest[name] = max(greatest.get(name, 0), time)
    return {name: _percent(time, period.end - period.start) for name, time in sorted(greatest.items())}


def _percent(time: int, whole: int) -> Decimal:
    return round_to(CONTEXT.divide(Decimal(100 * time), Decimal(whole)), "round", SHARE_DIGITS)
