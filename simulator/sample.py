"""The steel sample as a cumulative curve, repeated for ever and moved to the present.

Mapping, the same for every meter of the plant: the sample's last local midnight (2019-01-01 00:00, a Tuesday) is laid
on `sample_end`, a local midnight of the site that is also a Tuesday: weekday and time of day stay what they were.
After `sample_end` the last 364 days (52 whole weeks) repeat. Inside an interval the curve is interpolated linearly, in
integers; that is said wherever the values go.
"""

from __future__ import annotations

import lzma
from collections.abc import Iterator
from functools import lru_cache
from importlib import resources
from itertools import accumulate

from adapters.csv_sample.codec import INTERVAL_MS, read
from core.errors import FormError, InputError
from core.period import DAY_MS, HOUR_MS

FILE = "steel_industry.csv.xz"
WEEK_MS = 7 * DAY_MS
YEAR_MS = 365 * DAY_MS
REPEAT_MS = 52 * WEEK_MS
# China has kept +08:00 without daylight saving since 1992, which covers everything a plant of ours can show.
SITE_OFFSET_MS = 8 * HOUR_MS
# 1970-01-06 was a Tuesday.
_A_TUESDAY_MS = 5 * DAY_MS
WH_PER_KWH = 1000
INTERVALS_PER_HOUR = HOUR_MS // INTERVAL_MS


@lru_cache(maxsize=1)
def cumulative_wh() -> tuple[int, ...]:
    """Energy in Wh since the start of the sample at each of the 35,041 interval boundaries."""
    return tuple(accumulate(_intervals_wh(), initial=0))


def _intervals_wh() -> Iterator[int]:
    data = lzma.decompress(resources.files("simulator").joinpath("data", FILE).read_bytes())
    for reading in read(data, "m:sample"):
        energy = reading.value * WH_PER_KWH
        if energy != int(energy):
            raise FormError("csv-row", "an interval is not a whole number of Wh", where=str(reading.time))
        yield int(energy)


def aligned_end(now: int) -> int:
    """The site's first Tuesday midnight at or after `now` (ms UTC): there the sample's year ends."""
    weeks = -((_A_TUESDAY_MS - SITE_OFFSET_MS - now) // WEEK_MS)
    return _A_TUESDAY_MS - SITE_OFFSET_MS + weeks * WEEK_MS


def check_end(sample_end: int) -> int:
    """`sample_end`, if it is a Tuesday midnight of the site. Raises InputError (sample-end)."""
    if aligned_end(sample_end) != sample_end:
        raise InputError("sample-end", "the sample must end on a Tuesday midnight of the site (+08:00)",
                         hint="weekdays of the sample would be shifted otherwise")
    return sample_end


class SteelCurve:
    """The plant's purchased electricity as a function of time."""

    def __init__(self, sample_end: int) -> None:
        self._start = check_end(sample_end) - YEAR_MS
        self._curve = cumulative_wh()
        self._repeat_wh = self._curve[-1] - self._curve[(YEAR_MS - REPEAT_MS) // INTERVAL_MS]

    def energy_wh(self, instant: int) -> int:
        """Energy in Wh from the start of the sample's year to `instant` (ms UTC), interpolated, never falling.

        Raises InputError (before-sample) for an instant before that year.
        """
        repeats, index, inside = self._place(instant)
        low, high = self._curve[index], self._curve[index + 1]
        return repeats * self._repeat_wh + low + (high - low) * inside // INTERVAL_MS

    def power_w(self, instant: int) -> int:
        """Mean power in W of the sample's interval that holds `instant`."""
        _, index, _ = self._place(instant)
        return (self._curve[index + 1] - self._curve[index]) * INTERVALS_PER_HOUR

    def _place(self, instant: int) -> tuple[int, int, int]:
        """(whole repeats, interval of the sample, ms into it)."""
        offset = instant - self._start
        if offset < 0:
            raise InputError("before-sample", "the plant has no readings before the sample's year", where=str(instant))
        repeats = max(0, (offset - (YEAR_MS - REPEAT_MS)) // REPEAT_MS)
        index, inside = divmod(offset - repeats * REPEAT_MS, INTERVAL_MS)
        return repeats, index, inside
