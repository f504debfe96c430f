"""A register over a period as items of a run: its difference, and what stands for a gap at either end.

A gap inside the period needs nothing: a register goes on counting while nobody reads it. Where the last reading before
an end is older than the methodology admits, the span is measured between the readings there are, and the rest is
substituted by the methodology's rule, if the control plan says so; otherwise the period is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from itertools import pairwise
from typing import Any, NamedTuple

from sqlalchemy import Connection

from attestation import registry, series
from attestation.envelope import open_envelope
from attestation.history import profiles_in
from attestation.series import RegisterReading
from core.claims import MeterInput
from core.errors import InputError, NotFound
from core.period import Period, instant_text
from core.quantity import Quantity
from core.records import Quality
from core.units import parse_unit
from ledger import log
from mrv.calculation.gaps import SUBSTITUTION, over
from mrv.definitions.methodology import METHODS, InputRule
from mrv.quality import uncertainty

Document = dict[str, Any]

REASON = "计量表在此时段无可用读数 · no reading of the meter that counts"
# What one serial number a millisecond is in the unit of a rate: 1 Wh/ms = 3,600,000 W.
_RATES = {"Wh": ("W", 3_600_000), "J": ("W", 1000), "g": ("g/s", 1000), "L": ("L/s", 1000)}
_METHOD_OF = {Quality.MEASURED: "measured", Quality.ESTIMATED: "estimated", Quality.MANUAL: "manual"}


@dataclass(frozen=True)
class Treatment:
    """How a register's ends are judged: the greatest staleness in ms (None for any), and whether gaps are filled."""

    max_staleness_ms: int | None
    fills: bool


class _Point(NamedTuple):
    """A register at an instant, and the log index of the frame that shows it."""

    time: int
    position: int
    log_index: int


def register_items(connection: Connection, period: Period, rule: InputRule, given: MeterInput,
                   treatment: Treatment) -> list[Document]:
    """The register's difference over the period, then a substitution for each gap at its ends.

    Raises NotFound (register-not-yet, meter-unknown, column-unknown), InputError (source-not-allowed).
    """
    start, end = _ends(connection, period, given, treatment)
    source = {"type": "register", "meter": given.meter, "quantity": given.quantity,
              "from": start.place().as_json(), "to": end.place().as_json()}
    unit = series.base_unit(connection, given.meter, given.quantity)
    quantity = {"value": str(end.position - start.position), "unit": unit}
    measured = record(rule, quantity, source, method_of(start, end),
                      uncertainty_of(connection, given.meter, start.time, end.time, method_of(start, end)))
    gaps = [(period.start, start.time), (end.time, period.end)] if treatment.fills else []
    return [measured, *(_substituted(connection, rule, given, unit, (start, end), gap)
                        for gap in gaps if _is_gap(*gap, treatment))]


def record(rule: InputRule, quantity: Document, source: Document, method: str, percent: str | None) -> Document:
    """One item of an inputs document; `percent`: its uncertainty. Raises InputError (source-not-allowed)."""
    kind = source["type"]
    if kind not in rule.sources:
        raise InputError("source-not-allowed", f"{rule.name} may not come from a {kind}", where="claim.inputs",
                         hint="allowed, best first: " + ", ".join(rule.sources))
    return {"quantity": quantity, "source": source, "priority": rule.priority_of(kind), "method": method,
            "uncertainty": percent}


def uncertainty_of(connection: Connection, meter: str, start: int, end: int, method: str) -> str | None:
    """Of a register's difference over [start, end] ms UTC, by the accuracy classes that the meter had."""
    classes = [profile.accuracy_class for profile in profiles_in(registry.history(connection, meter), start, end)]
    return uncertainty.of_register(classes, method)


def method_of(*ends: RegisterReading) -> str:
    """The weakest method among the readings at the ends."""
    return max((_METHOD_OF[Quality(end.quality)] for end in ends), key=METHODS.index)


def _ends(connection: Connection, period: Period, given: MeterInput,
          treatment: Treatment) -> tuple[RegisterReading, RegisterReading]:
    """R(t) at both ends; the first reading after the start where the one before is missing or too old to be filled."""
    start = series.register_at(connection, given.meter, given.quantity, period.start)
    end = series.register_at(connection, given.meter, given.quantity, period.end)
    if treatment.fills and (start is None or _is_gap(start.time, period.start, treatment)):
        start = _first_after(connection, given, period)
    # With one reading alone nothing was measured, and no rate is known that could stand for the rest.
    unmeasured = end is not None and start is not None and end.time == start.time and _is_gap(
        end.time, period.end, treatment)
    if start is None or end is None or end.time < start.time or (treatment.fills and unmeasured):
        raise NotFound("register-not-yet", f"no counted reading at or before {instant_text(period.start)}",
                       where=f"{given.meter} {given.quantity}",
                       hint="claim a period that begins with a reading, or plan the treatment of the gap")
    return start, end


def _is_gap(earlier: int, later: int, treatment: Treatment) -> bool:
    limit = treatment.max_staleness_ms
    return limit is not None and later - earlier > limit


def _first_after(connection: Connection, given: MeterInput, period: Period) -> RegisterReading | None:
    for hour in series.hourly(connection, given.meter, given.quantity, period):
        if hour.t_first >= period.start:
            return series.register_at(connection, given.meter, given.quantity, hour.t_first)
    return None


def _substituted(connection: Connection, rule: InputRule, given: MeterInput, unit: str,
                 ends: tuple[RegisterReading, RegisterReading], gap: tuple[int, int]) -> Document:
    source: Document = {"type": SUBSTITUTION, "rule": rule.substitution, "meter": given.meter,
                        "start": instant_text(gap[0]), "end": instant_text(gap[1]), "rate": None, "reason": REASON,
                        "digest": None}
    percent = uncertainty.of_substitution(rule.substitution)
    if rule.substitution == "zero":
        return record(rule, {"value": "0", "unit": unit}, source, "estimated", percent)
    rate, digest = _rate(connection, rule, given, unit, ends)
    source |= {"rate": rate.as_json(), "digest": digest.hex()}
    return record(rule, over(rate, *gap).to(parse_unit(unit)).as_json(), source, "estimated", percent)


def _rate(connection: Connection, rule: InputRule, given: MeterInput, unit: str,
          ends: tuple[RegisterReading, RegisterReading]) -> tuple[Quantity, bytes]:
    """The rate that stands for the gap and the digest of what shows it: a signed frame, or the meter's registration.

    Rounded up to a whole W: never below what was measured.
    """
    name, factor = _RATES[unit]
    if rule.substitution == "capacity":
        entry = next(entry for _, entry in reversed(registry.history(connection, given.meter).entries)
                     if entry.fields.get("profile") is not None)
        # A capacity is in base units an hour.
        value = _ceiling(entry.fields["profile"].capacity_w * factor, 3_600_000)
        return Quantity(Decimal(value), parse_unit(name)), entry.digest
    points = list(_points(connection, given, *ends))
    steepest = max(((later.position - earlier.position, later.time - earlier.time, later.log_index)
                    for earlier, later in pairwise(points) if later.time > earlier.time),
                   key=lambda step: Decimal(step[0]) / step[1], default=(0, 1, ends[1].log_index))
    payload = open_envelope(log.entry(connection, steepest[2])).payload
    return (Quantity(Decimal(_ceiling(steepest[0] * factor, steepest[1])), parse_unit(name)),
            sha256(payload).digest())


def _ceiling(numerator: int, denominator: int) -> int:
    return -(-numerator // denominator)


def _points(connection: Connection, given: MeterInput, start: RegisterReading,
            end: RegisterReading) -> Iterator[_Point]:
    """The register at the ends and at the first and last reading of every hour between, in order of time."""
    yield _Point(start.time, start.position, start.log_index)
    if end.time > start.time:
        for hour in series.hourly(connection, given.meter, given.quantity, Period(start.time, end.time)):
            yield _Point(hour.t_first, hour.first_position, hour.first_index)
            yield _Point(min(hour.t_last, end.time), min(hour.last_position, end.position), hour.last_index)
        yield _Point(end.time, end.position, end.log_index)
