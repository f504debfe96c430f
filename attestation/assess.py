"""What of an accepted frame can be counted, and what is doubtful: flags, and sums by hour. Pure and vectorised.

What may be true but doubtful is kept and flagged, and stays out of calculations until resolved. A column of a block is
the unit: one bad meter never blocks the others, one bad register not its meter's power.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from attestation.block import Integers, Unpacked
from attestation.flags import Context, Flag, Span, flag, keeps_out
from attestation.frameblocks import FrameBlocks, column_quality
from attestation.rules import Rule, rule_at
from core.period import HOUR_MS
from core.records import Quality

# Meters refresh their registers up to once a minute: a step may carry a minute's energy more than its own time.
_REFRESH_MINUTES = 2
# Eight years: beyond it capacity × time could leave 64 bits.
_MAX_MINUTES = 2**22

USABLE = frozenset({Quality.MEASURED, Quality.ESTIMATED, Quality.MANUAL})
_USABLE = np.array(sorted(USABLE))

Mask = NDArray[np.bool_]


class Subjects(Protocol):
    """Meters as registered: who carries one as of an index, and what holds for its columns over time."""

    def gateway_of(self, meter: str, index: int) -> str | None:
        """The gateway that carries the meter at a log index, None when it was not enrolled."""

    def rules(self, meter: str, quantity: str) -> tuple[Rule, ...]:
        """What holds for a column over time, as registered to date."""


class Slice(NamedTuple):
    """The part of one hour of columns that share their times; arrays are (len(columns),) int64."""

    columns: Integers
    hour: int
    readings: int
    measured: int
    totals: Integers
    lows: Integers
    highs: Integers
    t_first: int
    t_last: int
    first_raw: Integers
    last_raw: Integers
    first_position: Integers
    last_position: Integers


class Assessment(NamedTuple):
    """What counts of a frame (`slices` over `columns` as (meter, quantity)) and what is doubtful.

    `registers[j]`: whether column j is a cumulative register.
    """

    columns: tuple[tuple[str, str], ...]
    registers: tuple[bool, ...]
    slices: list[Slice]
    flags: list[Flag]


Heads = dict[tuple[str, str], tuple[int, int]]


class Lane:
    """The rules of a frame's columns as arrays, for frames whose columns are the same."""

    def __init__(self, key: tuple[tuple[str, str, int], ...], span: Span, subjects: Subjects, index: int) -> None:
        self.columns = tuple((meter, quantity) for meter, quantity, _ in key)
        rules = [rule_at(subjects.rules(meter, quantity), span.t_first) for meter, quantity in self.columns]
        self.faults = [_column_fault(subjects.gateway_of(column[0], index), span.gateway, rule, column[2])
                       for column, rule in zip(key, rules, strict=True)]
        self.known: Mask = np.array([not fault for fault in self.faults], bool)
        filled = [rule or _NO_RULE for rule in rules]
        table = np.array(filled, np.int64).reshape(len(filled), len(Rule._fields)).T
        (self.since, self.until, _, self.low, self.high, register, self.offset, self.ratio, _, self.capacity,
         self.calibrated) = table
        self.register: Mask = register.astype(bool)
        self.registers = tuple(self.register.tolist())

    def covers(self, instant: int) -> bool:
        """Whether every rule holds at an instant."""
        return bool(np.all((self.since <= instant) & (instant < self.until)))


# Holds at no instant: what has no rule at the time of one frame may have one at that of the next.
_NO_RULE = Rule(0, 0, 0, 0, 0, False, 0, 1, 0, 0, 2**62)


def _column_fault(carrier: str | None, gateway: str, rule: Rule | None, scale: int) -> str:
    if carrier is None:
        return "meter-not-enrolled"
    if carrier != gateway:
        return "meter-elsewhere"
    if rule is None:
        return "column-unknown"
    return "" if rule.scale == scale else "scale-changed"


class Assessor:
    """Assesses frames in the order of the log; `heads` holds the last counted (time, position) of each register."""

    def __init__(self, subjects: Subjects, heads: Heads) -> None:
        self.subjects = subjects
        self.heads = heads
        self._lanes: dict[tuple[object, ...], Lane] = {}

    def forget(self) -> None:
        """Registrations changed: read the rules anew."""
        self._lanes.clear()

    def assess(self, span: Span, blocks: FrameBlocks, context: Context, flags: list[Flag]) -> Assessment:
        """What counts of a frame's blocks, advancing `heads`. `flags`: those of the frame as a whole.

        A frame-wide flag that excludes and was not cleared leaves nothing to count.
        """
        if keeps_out(flags, context.cleared):
            return Assessment((), (), [], flags)
        lane = self._lane(span, blocks, context.leaf_index)
        slices: list[Slice] = []
        found: list[Flag] = []
        plain = np.array([blocks.plain[owner] for owner in blocks.owners], bool)
        for group in blocks.groups:
            self._assess_group(_Group(span, blocks, lane, group, plain[group.rows], context), slices, found)
        return Assessment(lane.columns, lane.registers, slices, flags + _unique(found))

    def _lane(self, span: Span, blocks: FrameBlocks, index: int) -> Lane:
        key = tuple([(blocks.headers[owner].meter, column.quantity, column.scale)
                     for owner, column in zip(blocks.owners, blocks.columns, strict=True)])
        lane = self._lanes.get((span.gateway, key))
        if lane is None or not lane.covers(span.t_first):
            lane = self._lanes[span.gateway, key] = Lane(key, span, self.subjects, index)
        return lane

    def _assess_group(self, group: _Group, slices: list[Slice], flags: list[Flag]) -> None:
        good = self._plain_rows(group)
        if good.any():
            rows = np.flatnonzero(good)
            slices.extend(_slices(group, rows))
            self._advance(group, rows)
        for row in np.flatnonzero(~good).tolist():
            found, sliced = self._examine(group, row)
            flags.extend(found)
            slices.extend(sliced)

    def _plain_rows(self, group: _Group) -> Mask:
        """Rows that need no second look: in range, under one rule, rising within the capacity."""
        lane, ids, values = group.lane, group.ids, group.unpacked
        t_first, t_last = int(group.times[0]), int(group.times[-1])
        good = (lane.known[ids] & group.plain & (lane.since[ids] <= t_first) & (t_last < lane.until[ids])
                & (lane.low[ids] <= values.lows) & (values.highs <= lane.high[ids]) & (t_last <= lane.calibrated[ids]))
        capacity, ratio = lane.capacity[ids], lane.ratio[ids]
        first = lane.offset[ids] + values.values[:, 0] * ratio
        heads = [self.heads.get(lane.columns[i], _NO_HEAD) for i in group.rows]
        head_time, head_position = np.array(heads, np.int64).T
        rise = first - head_position
        steady = (values.falls >= 0) & (values.leaps * ratio <= reach(capacity, group.step))
        joins = (rise >= 0) & (rise <= reach(capacity, t_first - head_time)) & (head_time < t_first)
        result: Mask = good & (~lane.register[ids] | (steady & (joins | (head_time < 0))))
        return result

    def _advance(self, group: _Group, rows: Integers) -> None:
        lane = group.lane
        ids = group.ids[rows]
        positions = (lane.offset[ids] + group.unpacked.values[rows, -1] * lane.ratio[ids]).tolist()
        t_last = int(group.times[-1])
        for column, position, register in zip(ids.tolist(), positions, lane.register[ids].tolist(), strict=True):
            if register:
                self.heads[lane.columns[column]] = (t_last, position)

    def _examine(self, group: _Group, row: int) -> tuple[list[Flag], list[Slice]]:
        """One column reading by reading: parts of different rules, wraps, readings that are not usable."""
        column = group.rows[row]
        meter, quantity = group.lane.columns[column]
        codes_of = column_quality(group.blocks, column)
        usable = np.isin(codes_of, _USABLE)
        times, raw = group.times[usable], group.unpacked.values[row][usable]
        if len(times) == 0:
            return [], []
        codes, positions = self._trace((meter, quantity), times, raw)
        fault = group.lane.faults[column]
        if fault:
            # Until someone decides about it nothing else is said of the column; a decision answers the fault alone.
            decided = (meter, _scope(fault, quantity), fault) in group.context.cleared
            codes = [fault, *codes] if decided else [fault]
        span = Span(group.span.gateway, int(times[0]), int(times[-1]))
        flags = [flag(code, span, meter, _scope(code, quantity)) for code in codes]
        if keeps_out(flags, group.context.cleared):
            return flags, []
        register = group.lane.registers[column]
        if register:
            self.heads[meter, quantity] = (span.t_last, int(positions[-1]))
        measured = codes_of[usable] == Quality.MEASURED
        return flags, _column_slices(column, register, times, raw, positions, measured)

    def _trace(self, column: tuple[str, str], times: Integers, raw: Integers) -> tuple[list[str], Integers]:
        """Codes of what is doubtful about a column, and its serial numbers."""
        rules = self.subjects.rules(*column)
        codes: list[str] = []
        positions = np.zeros(len(raw), np.int64)
        head_time, floor = head = self.heads.get(column, _NO_HEAD)
        capacity, register = 0, False
        for start, stop, rule in parts(rules, times):
            if rule is None:
                return ["column-unknown"], positions
            part = raw[start:stop]
            if part.min() < rule.low or part.max() > rule.high:
                return ["out-of-range"], positions
            if times[stop - 1] > rule.calibrated_until:
                codes.append("calibration-expired")
            capacity, register = rule.capacity, rule.register
            if register:
                positions[start:stop] = serials(rule, part, floor if head_time >= 0 or start else None)
                floor = int(positions[stop - 1])
        if register:
            since = int(head_time < 0)
            codes += movement(np.append(head[0], times)[since:], np.append(head[1], positions)[since:], capacity)
        return codes, positions


_NO_HEAD = (-1, 0)


class _Group:
    """Columns of one time axis in one frame, with what is needed to judge them."""

    def __init__(self, span: Span, blocks: FrameBlocks, lane: Lane, unpacked: Unpacked, plain: Mask,
                 context: Context) -> None:
        self.span = span
        self.blocks = blocks
        self.lane = lane
        self.unpacked = unpacked
        self.plain = plain
        self.context = context
        self.rows = unpacked.rows
        self.ids: Integers = np.array(unpacked.rows, np.int64)
        self.times = blocks.axes[blocks.axis_of[unpacked.rows[0]]]

    @property
    def step(self) -> int:
        """Milliseconds between two readings of the (regular) axis."""
        return int(self.times[1] - self.times[0]) if len(self.times) > 1 else 0


def reach(capacity: Integers | int, elapsed: Integers | int) -> Integers:
    """Base units a register of this capacity (an hour) can gain in some milliseconds, a refresh allowed for."""
    minutes: Integers = np.minimum(np.asarray(elapsed, np.int64) // 60_000, _MAX_MINUTES) + _REFRESH_MINUTES
    return minutes * capacity // 60 + 1


def serials(rule: Rule, raw: Integers, floor: int | None) -> Integers:
    """Serial numbers of rising raw values; a register with a modulus wraps where it falls. `floor`: the one before."""
    positions = rule.offset + raw * rule.ratio
    if rule.modulus:
        turn = rule.modulus * rule.ratio
        positions[1:] += np.cumsum(np.diff(raw) < 0) * turn
        if floor is not None and positions[0] < floor:
            positions += -(-(floor - int(positions[0])) // turn) * turn
    return positions


def movement(times: Integers, positions: Integers, capacity: int) -> list[str]:
    """What is doubtful about serial numbers one after another: acceptance and verification ask the same.

    At most one of clock-off (times do not rise), register-falls, impossible-jump (a rise beyond `reach`).
    """
    rises, elapsed = np.diff(positions), np.diff(times)
    if len(rises) == 0:
        return []
    if elapsed.min() <= 0:
        return ["clock-off"]
    if rises.min() < 0:
        return ["register-falls"]
    return ["impossible-jump"] if np.any(rises > reach(capacity, elapsed)) else []


def parts(rules: tuple[Rule, ...], times: Integers) -> Iterable[tuple[int, int, Rule | None]]:
    """(start, stop, rule) of the runs of times under one rule."""
    start = 0
    while start < len(times):
        rule = rule_at(rules, int(times[start]))
        stop = len(times) if rule is None else int(np.searchsorted(times, rule.until))
        yield start, stop, rule
        start = stop


def _scope(code: str, quantity: str) -> str:
    return "" if code in ("meter-not-enrolled", "meter-elsewhere") else quantity


def _hours(times: Integers) -> list[tuple[int, int, int]]:
    """(hour, start, stop) of the runs of times within one hour."""
    first, last = int(times[0]) // HOUR_MS, int(times[-1]) // HOUR_MS
    if first == last:
        return [(first * HOUR_MS, 0, len(times))]
    hours = times // HOUR_MS
    cuts = [0, *(np.flatnonzero(np.diff(hours)) + 1).tolist(), len(times)]
    return [(int(hours[start]) * HOUR_MS, start, stop) for start, stop in pairwise(cuts)]


def _slices(group: _Group, rows: Integers) -> Iterable[Slice]:
    """The hours of rows that need no second look."""
    lane, ids = group.lane, group.ids[rows]
    whole = len(rows) == len(group.ids)
    values = group.unpacked.values if whole else group.unpacked.values[rows]
    for hour, start, stop in _hours(group.times):
        part = values[:, start:stop]
        lows, highs = group.unpacked.lows[rows], group.unpacked.highs[rows]
        if stop - start < values.shape[1]:
            lows, highs = part.min(axis=1), part.max(axis=1)
        first, last = part[:, 0], part[:, -1]
        register = lane.register[ids]
        yield Slice(
            ids, hour, stop - start, stop - start, np.where(register, 0, part.sum(axis=1)), lows, highs,
            int(group.times[start]), int(group.times[stop - 1]), first, last,
            np.where(register, lane.offset[ids] + first * lane.ratio[ids], 0),
            np.where(register, lane.offset[ids] + last * lane.ratio[ids], 0))


def _column_slices(column: int, register: bool, times: Integers, raw: Integers, positions: Integers,
                   measured: Mask) -> list[Slice]:
    ids = np.array([column], np.int64)
    found = []
    for hour, a, b in _hours(times):
        part = raw[a:b]
        total = 0 if register else int(part.sum())
        numbers = (total, int(part.min()), int(part.max()), int(raw[a]), int(raw[b - 1]), int(positions[a]),
                   int(positions[b - 1]))
        totals, lows, highs, first, last, first_at, last_at = (np.array([number], np.int64) for number in numbers)
        found.append(Slice(ids, hour, b - a, int(measured[a:b].sum()), totals, lows, highs, int(times[a]),
                           int(times[b - 1]), first, last, first_at, last_at))
    return found


def _unique(flags: Iterable[Flag]) -> list[Flag]:
    """One flag for each (meter, quantity, code): the widest."""
    found: dict[tuple[str, str, str], Flag] = {}
    for each in flags:
        key = (each.meter, each.quantity, each.code)
        known = found.get(key, each)
        found[key] = each._replace(t_from=min(each.t_from, known.t_from), t_to=max(each.t_to, known.t_to))
    return list(found.values())
