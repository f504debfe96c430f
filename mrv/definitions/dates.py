"""Validity of rules: half-open spans of calendar days, [from, to), either end open."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from core.errors import FormError, InputError, quoted
from core.period import Period, time_zone

# Python reads weeks ("2026-W27-3") too; other implementations do not.
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def parse_day(text: object, *, where: str = "") -> date:
    """The day of "2026-07-01". Raises FormError (date-malformed)."""
    if isinstance(text, str) and _DAY.fullmatch(text):
        try:
            return date.fromisoformat(text)
        except ValueError:
            pass
    raise FormError("date-malformed", f"{quoted(text, 40)} is not a date", where=where, hint='write "2026-07-01"')


def optional_day(text: object, *, where: str = "") -> date | None:
    """As `parse_day`; None for null."""
    return None if text is None else parse_day(text, where=where)


def day_text(day: date | None) -> str | None:
    """"2026-07-01", or None."""
    return day.isoformat() if day else None


@dataclass(frozen=True)
class Validity:
    """The days on which a rule holds: `start` ≤ day < `end`; None is open."""

    start: date | None
    end: date | None

    @classmethod
    def from_document(cls, document: Any) -> Validity:
        """The validity of {"from", "to"}. Raises FormError (validity-empty)."""
        start, end = optional_day(document["from"]), optional_day(document["to"])
        if start is not None and end is not None and start >= end:
            raise FormError("validity-empty", f"{start} is not before {end}")
        return cls(start, end)

    def holds(self, day: date) -> bool:
        """Whether the rule holds on a day."""
        return (self.start is None or self.start <= day) and (self.end is None or day < self.end)

    def overlaps(self, other: Validity) -> bool:
        """Whether a day exists on which both hold."""
        return ((self.start is None or other.end is None or self.start < other.end)
                and (other.start is None or self.end is None or other.start < self.end))

    def as_json(self) -> dict[str, str | None]:
        """{"from", "to"}."""
        return {"from": day_text(self.start), "to": day_text(self.end)}


def days_of(period: Period) -> tuple[date, date]:
    """The first and last calendar day of a period in its own zone.

    Raises FormError (zone-unknown, period-malformed).
    """
    zone = time_zone(period.zone, where="period")
    return _day(period.start, zone), _day(period.end - 1, zone)


def day_of(instant: int, zone: str) -> date:
    """The calendar day of an instant (ms UTC) in a zone. Raises FormError (zone-unknown, period-malformed)."""
    return _day(instant, time_zone(zone, where="period"))


def is_unusual(period: Period) -> bool:
    """Whether a period is none of whole calendar days of its zone, or longer than a year.

    Raises FormError (zone-unknown, period-malformed).
    """
    zone = time_zone(period.zone, where="period")
    first, last = days_of(period)
    within = (last.year, last.month, last.day) < (first.year + 1, first.month, first.day)
    return not (within and _begins_day(period.start, zone) and _begins_day(period.end, zone))


def _begins_day(instant: int, zone: ZoneInfo) -> bool:
    before = _day(instant - 1, zone)
    try:
        return _day(instant, zone) != before
    except FormError:
        return True  # what follows the last day of the calendar


def _day(instant: int, zone: ZoneInfo) -> date:
    try:
        return datetime.fromtimestamp(instant // 1000, UTC).astimezone(zone).date()
    except OverflowError:
        raise FormError("period-malformed", "the period ends after the year 9999 in its own zone",
                        where="period") from None


def check_in_force(name: str, validity: Validity, first: date, last: date) -> None:
    """Raises InputError: rule-not-in-force when the rule holds on neither end, period-crosses-change when on one."""
    if validity.holds(first) and validity.holds(last):
        return
    span = f"{validity.start or '…'} to {validity.end or '…'}"
    if validity.holds(first) or validity.holds(last):
        change = validity.end if validity.holds(first) else validity.start
        raise InputError("period-crosses-change", f"{name} holds from {span}, the period runs {first} to {last}",
                         where=name, hint=f"make two statements, one that ends before {change} and one from that day")
    raise InputError("rule-not-in-force", f"{name} holds from {span}, not on {first} to {last}", where=name,
                     hint="no other year's rule is taken in its place")
