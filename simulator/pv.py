"""A simulated rooftop photovoltaic plant: a sun curve and clouds from a seed, in integers. Nothing was measured."""

from __future__ import annotations

from hashlib import shake_256

from core.errors import InputError
from core.period import DAY_MS
from simulator.sample import SITE_OFFSET_MS

SLOT_MS = 900_000
SLOTS_PER_DAY = DAY_MS // SLOT_MS
SLOTS_PER_HOUR = 4
CAPACITY_W = 500_000
# Minutes of daylight by month at about 32° N (Jiangsu), rounded to 15; noon of the sun is taken at 12:00.
DAYLIGHT_MINUTES = (615, 660, 720, 780, 825, 855, 840, 795, 735, 675, 630, 600)
# Output in the clear at noon, in thousandths of capacity, by month: lower sun and colder modules in winter.
NOON_PERMILLE = (560, 640, 720, 790, 820, 820, 810, 810, 760, 690, 600, 540)
_MEAN_YEAR_DAYS_X4 = 1461
_FULL = 10_000


class SolarPlant:
    """Energy fed by the plant since `commissioned` (a local midnight, ms UTC)."""

    def __init__(self, seed: bytes, commissioned: int, capacity_w: int = CAPACITY_W) -> None:
        self._seed = seed
        self._start = commissioned
        self._capacity_w = capacity_w
        self._slots: dict[int, list[int]] = {}
        self._totals = [0]

    def energy_wh(self, instant: int) -> int:
        """Wh from the commissioning to `instant` (ms UTC), interpolated inside a quarter of an hour, never falling."""
        day, slot, inside = self._place(instant)
        slots = self._day(day)
        return self._before(day) + sum(slots[:slot]) + slots[slot] * inside // SLOT_MS

    def power_w(self, instant: int) -> int:
        """Mean power in W of the quarter of an hour that holds `instant`."""
        day, slot, _ = self._place(instant)
        return self._day(day)[slot] * SLOTS_PER_HOUR

    def _place(self, instant: int) -> tuple[int, int, int]:
        if instant < self._start:
            raise InputError("before-commissioning", "the solar plant did not exist yet", where=str(instant))
        day, rest = divmod(instant - self._start, DAY_MS)
        return day, *divmod(rest, SLOT_MS)

    def _before(self, day: int) -> int:
        """Wh of all days before `day`."""
        while len(self._totals) <= day:
            self._totals.append(self._totals[-1] + sum(self._day(len(self._totals) - 1)))
        return self._totals[day]

    def _day(self, day: int) -> list[int]:
        """Wh of each quarter of an hour of a day."""
        if day not in self._slots:
            local_day = (self._start + SITE_OFFSET_MS) // DAY_MS + day
            noise = shake_256(self._seed + local_day.to_bytes(8, "big")).digest(SLOTS_PER_DAY + 1)
            month = _month(local_day)
            self._slots[day] = [self._slot_wh(slot, month, noise) for slot in range(SLOTS_PER_DAY)]
        return self._slots[day]

    def _slot_wh(self, slot: int, month: int, noise: bytes) -> int:
        """A parabola over the day × the day's cloud (30 to 100 %) × the slot's cloud (70 to 100 %)."""
        minutes = DAYLIGHT_MINUTES[month]
        since_sunrise = slot * 15 + 7 - (720 - minutes // 2)
        if not 0 < since_sunrise < minutes:
            return 0
        sun = 4 * since_sunrise * (minutes - since_sunrise) * _FULL // minutes**2
        clouds = (3000 + 7000 * noise[-1] // 255) * (7000 + 3000 * noise[slot] // 255) // _FULL
        watts = self._capacity_w * NOON_PERMILLE[month] // 1000 * sun // _FULL * clouds // _FULL
        return watts // SLOTS_PER_HOUR


def _month(day_since_1970: int) -> int:
    """0 to 11, from the day of a mean year: exact enough for a sun that is invented."""
    day_of_year_x4 = day_since_1970 * 4 % _MEAN_YEAR_DAYS_X4
    return day_of_year_x4 * 12 // _MEAN_YEAR_DAYS_X4
