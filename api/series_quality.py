"""How complete a register's readings are, by the hours of a period: from the hourly read model, no block is opened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection

from attestation import series
from attestation.rollup import Hour
from core.numbers import decimal_text
from core.period import HOUR_MS, Period, instant_text
from mrv.quality.coverage import VALID_PERCENT, Coverage, coverage

# Gaps told one by one; the rest is in the count of hours.
MAX_GAPS = 50


@dataclass(frozen=True)
class SeriesCoverage:
    """The hours of a period in which a register was read often enough; `interval` ms between readings, None unknown."""

    meter: str
    quantity: str
    hours: Coverage
    interval: int | None

    def as_json(self) -> dict[str, Any]:
        """{"meter", "quantity", "interval_ms", "hours", "valid", "percent", "gaps": [{"from", "to"}]}."""
        return {"meter": self.meter, "quantity": self.quantity,
                "interval_ms": None if self.interval is None else str(self.interval),
                "hours": str(self.hours.expected), "valid": str(self.hours.good),
                "percent": decimal_text(self.hours.percent),
                "gaps": [{"from": instant_text(start), "to": instant_text(end)}
                         for start, end in self.hours.gaps[:MAX_GAPS]]}


def coverage_of(connection: Connection, meter: str, quantity: str, period: Period) -> SeriesCoverage:
    """An hour counts with 75 % of the readings that its hours usually have (docs/spec/data-quality.md §1)."""
    hours = series.hourly(connection, meter, quantity, period)
    usual = _usual(hours)
    first = -(-period.start // HOUR_MS) * HOUR_MS
    count = max((period.end - first) // HOUR_MS, 1)
    span = Period(first, first + max((count - 1) * HOUR_MS, 1), period.zone)
    kept = [hour for hour in hours if span.start <= hour.hour <= span.end]
    good = [hour.readings * 100 >= usual * VALID_PERCENT for hour in kept]
    found = coverage(np.array([hour.hour for hour in kept], np.int64), np.array(good, np.bool_), span, HOUR_MS)
    return SeriesCoverage(meter, quantity, found, HOUR_MS // usual if usual else None)


def typical_interval(connection: Connection, meter: str, quantity: str, period: Period) -> int | None:
    """Milliseconds between readings as most hours with readings have them; None where there is no reading."""
    usual = _usual(series.hourly(connection, meter, quantity, period))
    return HOUR_MS // usual if usual else None


def _usual(hours: Sequence[Hour]) -> int:
    """How many readings an hour usually has; the greater number where two are as usual."""
    counts = Counter(hour.readings for hour in hours)
    return max(counts, key=lambda readings: (counts[readings], readings), default=0)
