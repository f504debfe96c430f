"""What a statement's data are held against: meters that the plan names, a stack's hours, the day they are due.

A datum that the control plan takes from documents may name the instrument that it rests on. Where that meter reports to
the log, its register, or the hours of its stack, are compared with what the documents say. No number is changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
from sqlalchemy import Connection, select
from sqlmodel import col

from attestation import registry, series
from attestation.block import Integers
from attestation.history import participant_at, profile_at
from attestation.models import FrameRow
from attestation.registration import BASE_UNITS, Profile
from core.errors import InputError, NotFound, VerificationFailed
from core.numbers import CONTEXT, decimal_text
from core.period import HOUR_MS, Period
from core.quantity import Quantity
from core.records import Quality
from core.units import parse_unit
from ledger import log
from mrv.calculation.items import Item
from mrv.definitions.changes import midnight
from mrv.definitions.dates import days_of
from mrv.definitions.ruleset import RuleSet
from mrv.quality.checks import Finding, check_late, check_monthly
from mrv.quality.coverage import StackHours, stack_hours
from mrv.quality.plan import ControlPlan, Datum

# Daily sums against the monthly report, in practice of the online monitoring (docs/spec/data-quality.md §4).
TOLERANCE_PERCENT = 5
MAX_MILLIGRAMS = 10**18
"""A thousand million tonnes in an hour: what two gauges of 62 bits multiply to has no column."""
_CONCENTRATION, _FLOW = "mg/Nm3", "Nm3/h"


@dataclass(frozen=True)
class Stack:
    """A stack over a period by its analyser: the hours of HJ 75, and what the documents say of its mass."""

    input: str
    meter: str
    hours: StackHours
    documented: Quantity

    def as_json(self) -> dict[str, str]:
        """{"input", "meter", "hours", "valid", "substituted_hours", "measured", "substituted", "documented"}, tCO2."""
        return {"input": self.input, "meter": self.meter, "hours": str(self.hours.valid + len(self.hours.invalid)),
                "valid": str(self.hours.valid), "substituted_hours": str(len(self.hours.invalid)),
                "measured": decimal_text(self.hours.mass.value),
                "substituted": decimal_text(self.hours.substituted().value),
                "documented": decimal_text(self.documented.value)}

    def findings(self) -> Iterator[Finding]:
        """The hours that are not valid, each taken for the greatest valid one; and a document that says otherwise."""
        if self.hours.invalid:
            yield Finding("stack-substituted", self.meter, f"{len(self.hours.invalid)} hours without 75 % of their "
                          f"samples, taken for {self.hours.substituted()}")
        total = self.hours.mass + self.hours.substituted()
        yield from check_monthly(self.input, [_milligrams(total)], _milligrams(self.documented), TOLERANCE_PERCENT)


def stacks(connection: Connection, plan: ControlPlan | None, items: Sequence[tuple[str, Item]],
           period: Period) -> tuple[list[Stack], list[Finding]]:
    """Each planned stack whose analyser reports concentration and flow to the log, with what is found of them."""
    found, findings = list[Stack](), list[Finding]()
    for name, datum, meter, profile in _instruments(connection, plan, period):
        columns = [next((column.quantity for column in profile.columns
                         if not column.register and column.unit == unit), None) for unit in (_CONCENTRATION, _FLOW)]
        documented = _documented(name, items, datum)
        if documented is None or columns[0] is None or columns[1] is None:
            continue
        try:
            hours = hours_of_stack(connection, meter, columns[0], columns[1], period)
        except InputError as error:
            findings.append(Finding("coverage-low", meter, f"the stack has no mass: {error.message}"))
            continue
        found.append(Stack(name, meter, hours, documented.to("tCO2")))
        findings += found[-1].findings()
    return found, findings


def hours_of_stack(connection: Connection, meter: str, concentration: str, flow: str, period: Period) -> StackHours:
    """The hours of a stack from its samples in the log: mg/Nm3 and Nm3/h, only what was measured is normal.

    The samples of an hour are multiplied one by one, and their mean is the mass of the hour: no average of averages.
    Raises InputError (input-missing: no valid hour; out-of-range: a mass beyond every scale).
    """
    one, other = (series.raw(connection, meter, quantity, period) for quantity in (concentration, flow))
    times, left, right = np.intersect1d(one.times, other.times, return_indices=True)
    good = (one.quality[left] == Quality.MEASURED) & (other.quality[right] == Quality.MEASURED)
    hour = (times - period.start) // HOUR_MS
    count = -(-(period.end - period.start) // HOUR_MS)
    samples = np.bincount(hour, minlength=count).astype(np.int64)
    normal = np.bincount(hour[good], minlength=count).astype(np.int64)
    masses = _masses(hour[good], one.values[left][good], other.values[right][good], normal,
                     Decimal(1).scaleb(one.scale + other.scale))
    usual = max(int(np.bincount(samples).argmax()), 1)
    return stack_hours(masses, np.ones(count, np.int64), normal, np.maximum(normal, usual))


def _masses(hours: Integers, left: Integers, right: Integers, normal: Integers, scale: Decimal) -> Integers:
    """The mean product of each hour in whole mg; 0 where there is no sample. Raises InputError (out-of-range)."""
    sums = [0] * len(normal)
    for i, a, b in zip(hours.tolist(), left.tolist(), right.tolist(), strict=True):
        sums[i] += a * b
    means = [int(CONTEXT.divide(CONTEXT.multiply(Decimal(total), scale), Decimal(max(number, 1))))
             for total, number in zip(sums, normal.tolist(), strict=True)]
    if any(abs(mean) > MAX_MILLIGRAMS for mean in means):
        raise InputError("out-of-range", "an hour of the stack has a mass beyond every stack's", where="stack",
                         hint="look at the unit and scale in which the analyser reports")
    return np.array(means, np.int64)


def check_metered(connection: Connection, plan: ControlPlan | None, items: Sequence[tuple[str, Item]],
                  period: Period) -> Iterator[Finding]:
    """Documents against the register of the instrument that their datum names, where it reports to the log."""
    for name, datum, meter, profile in _instruments(connection, plan, period):
        documented = _documented(name, items, datum)
        for column in profile.columns if documented is not None else ():
            base = parse_unit(BASE_UNITS[column.unit][0]) if column.register else None
            if documented is None or base is None or base.dimension != documented.unit.dimension:
                continue
            try:
                metered = series.energy(connection, meter, column.quantity, period).value
            except NotFound:
                continue
            yield from check_monthly(name, [metered], documented.to(base).value, TOLERANCE_PERCENT)


def check_due(connection: Connection, rules: RuleSet, subject: str, items: Sequence[tuple[str, Item]],
              period: Period, at: date) -> Iterator[Finding]:
    """The readings that close the period, and the statement, against the day on which its last month is due.

    The days are a parameter of the subject's jurisdiction; where it has none nothing is due.
    """
    try:
        jurisdiction = participant_at(registry.history(connection, subject), log.size(connection)).jurisdiction
    except VerificationFailed:
        # An organisation that was revoked since owes nothing more.
        return
    parameter = rules.parameters.get(f"reporting.{jurisdiction[:2].lower()}.monthly-retention")
    if parameter is None:
        return
    last = days_of(period)[1]
    month_end = date(last.year + last.month // 12, last.month % 12 + 1, 1)
    days = int(parameter.values[0].quantity.value)
    # The day counts whole: what comes before the midnight that ends it is in time.
    due = midnight(month_end + timedelta(days=days), period.zone) - 1
    for meter, index in sorted({(item.source["meter"], int(item.source["to"]["index"])) for _, item in items
                                if item.source["type"] in ("register", "claim-point")}):
        received = connection.execute(select(col(FrameRow.received)).where(col(FrameRow.log_index) == index)).scalar()
        if received is not None:
            yield from check_late(meter, received, due)
    yield from check_late("statement", midnight(at, period.zone), due)


def _instruments(connection: Connection, plan: ControlPlan | None,
                 period: Period) -> Iterator[tuple[str, Datum, str, Profile]]:
    """The data that are planned from documents and name an instrument that is a meter of the log."""
    for name, data in plan.data.items() if plan else ():
        for datum in data:
            if datum.source != "document" or datum.instrument is None:
                continue
            try:
                profile = profile_at(registry.history(connection, datum.instrument.meter), period.end)
            except NotFound:
                continue
            if profile is not None:
                yield name, datum, datum.instrument.meter, profile


def _documented(name: str, items: Sequence[tuple[str, Item]], datum: Datum) -> Quantity | None:
    """What the documents of an input say altogether, in the unit of its datum; None without one."""
    found = [item.quantity.to(datum.unit) for given, item in items
             if given == name and item.source["type"] == "document"]
    return sum(found[1:], found[0]) if found else None


def _milligrams(mass: Quantity) -> Decimal:
    return CONTEXT.multiply(mass.to("tCO2").value, Decimal(10) ** 9)
