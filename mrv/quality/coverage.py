"""Coverage of a series of readings, and sums over it: columns for the checks, integers for the sums.

Times are int64 ms UTC in ascending order, registers int64 in base units, `good` a boolean column: what counts. Nothing
is filled in here; a gap is reported, and its treatment is the methodology's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError
from core.period import Period
from core.quantity import Quantity
from core.units import parse_unit

Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

VALID_PERCENT = 75
"""Of an hour's samples must be normal for the hour to be valid (HJ 75, after transcriptions)."""

_MAX_INT64 = 2**63 - 1
_MILLIGRAMS_OF_A_TONNE = Decimal(10) ** 9


@dataclass(frozen=True)
class Coverage:
    """Of `expected` readings `good` count and `bad` do not; `gaps`: spans [from, to) ms longer than an interval."""

    expected: int
    good: int
    bad: int
    gaps: tuple[tuple[int, int], ...]

    @property
    def percent(self) -> Decimal:
        """Received of expected, cut to two digits after the point: never rounded up to a limit."""
        return Decimal(self.good * 10_000 // self.expected) / 100

    def reaches(self, percent: int) -> bool:
        """Whether at least this share of the expected readings counts; compared exactly."""
        return self.good * 100 >= percent * self.expected


def coverage(times: Integers, good: Booleans, period: Period, interval: int) -> Coverage:
    """Which readings of a period count. One is expected at every `interval` ms from the start, the end included.

    Raises InputError: series-disordered (a time not after the one before), series-outside (not within the period),
    series-too-dense (more readings than instants).
    """
    if interval <= 0 or len(times) != len(good):
        raise InputError("series-disordered", "columns differ in length, or the interval is empty")
    if len(times) and (int(times[0]) < period.start or int(times[-1]) > period.end):
        raise InputError("series-outside", "a reading is not within the period")
    if np.any(np.diff(times) <= 0):
        raise InputError("series-disordered", "a reading is not later than the one before")
    expected = (period.end - period.start) // interval + 1
    if len(times) > expected:
        raise InputError("series-too-dense", f"{len(times)} readings at {expected} instants")
    counted = times[good]
    edges = np.concatenate(([period.start - interval], counted, [period.end + interval]))
    wide = np.flatnonzero(np.diff(edges) > interval)
    gaps = tuple((int(edges[i]) + interval, int(edges[i + 1])) for i in wide)
    return Coverage(expected, len(counted), len(times) - len(counted), gaps)


def difference(registers: Integers, good: Booleans) -> int:
    """What a register moved between its first and last good reading, in base units.

    Raises InputError: register-falls (a good reading below the one before), input-missing (fewer than two).
    """
    counted = registers[good]
    if len(counted) < 2:
        raise InputError("input-missing", "a difference needs two good readings")
    if np.any(counted[1:] < counted[:-1]):
        raise InputError("register-falls", "a register reading is below the one before",
                         hint="a change of the meter, its ratio or a roll-over is registered, not guessed")
    return int(counted[-1]) - int(counted[0])


@dataclass(frozen=True)
class StackHours:
    """The hours of a stack: mass of the valid ones in mg, how many they are, the hours that are not valid."""

    milligrams: int
    valid: int
    invalid: tuple[int, ...]
    greatest: int

    @property
    def mass(self) -> Quantity:
        """The mass of the valid hours in tCO2, exact."""
        return Quantity(Decimal(self.milligrams) / _MILLIGRAMS_OF_A_TONNE, parse_unit("tCO2"))

    def substituted(self) -> Quantity:
        """What the invalid hours are taken for: each the greatest valid hour, in tCO2."""
        return Quantity(Decimal(self.greatest * len(self.invalid)) / _MILLIGRAMS_OF_A_TONNE, parse_unit("tCO2"))


def stack_hours(concentration: Integers, flow: Integers, normal: Integers, expected: Integers) -> StackHours:
    """The mass of the valid hours: mg/Nm3 × Nm3/h by hour. `normal` of `expected` samples make an hour valid.

    Raises InputError: series-disordered (columns of different length), out-of-range (a negative number, more normal
    samples than expected), input-missing (no valid hour).
    """
    columns = (concentration, flow, normal, expected)
    if len({len(column) for column in columns}) != 1:
        raise InputError("series-disordered", "the columns of a stack differ in length")
    if any(np.any(column < 0) for column in columns) or np.any(normal > expected) or np.any(expected == 0):
        raise InputError("out-of-range", "a column of a stack is negative, or counts more samples than expected")
    valid = normal * 100 >= expected * VALID_PERCENT
    if not np.any(valid):
        raise InputError("input-missing", "no hour is valid")
    masses = _products(concentration[valid], flow[valid])
    return StackHours(sum(masses), len(masses), tuple(int(i) for i in np.flatnonzero(~valid)), max(masses))


def _products(left: Integers, right: Integers) -> Sequence[int]:
    """Products as Python integers; by column where none can leave 64 bits."""
    if int(left.max()) * int(right.max()) <= _MAX_INT64:
        columns: Any = (left * right).tolist()
        return list(columns)
    return [int(a) * int(b) for a, b in zip(left, right, strict=True)]
