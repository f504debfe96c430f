"""Readings of a meter out of the blocks of a file: every body given is decoded, R(t) is the last reading until t."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attestation.assess import USABLE, movement
from attestation.block import (
    VALUE_LIMIT,
    Body,
    Header,
    Integers,
    check_ends,
    columns_of,
    decode_body,
    quality_of,
    times_of,
    unpack,
)
from attestation.flags import UNTRUSTED_CLOCKS
from attestation.history import History, Segment, profile_at, segment_at, segments, serial
from attestation.registration import ReadingPlace
from core.errors import CarbonSealError, NotFound, VerificationFailed
from core.records import ClockQuality, Quality
from verify.model import BlockItem

# Bodies decoded side by side: enough to fill an array operation, few enough to stay in the cache.
_BATCH = 96

# Times (ms UTC) and raw counts of readings one after another, (n,) each.
Run = tuple[Integers, Integers]


def check_bodies(items: Iterable[BlockItem]) -> int:
    """Decodes every body given and checks it against its header; answers how many values that were.

    Raises VerificationFailed (body-mismatch).
    """
    values, batch = 0, list[BlockItem]()
    for item in items:
        if item.body is not None:
            batch.append(item)
        if len(batch) == _BATCH:
            values += _check_batch(batch)
            batch.clear()
    return values + (_check_batch(batch) if batch else 0)


def _check_batch(items: Sequence[BlockItem]) -> int:
    try:
        bodies = [decode_body(item.body or b"", item.header) for item in items]
        owners = [i for i, body in enumerate(bodies) for _ in body.columns]
        ends: list[list[tuple[str, int, int]]] = [[] for _ in items]
        packed = [column for body in bodies for column in body.columns]
        first_last = np.zeros((len(packed), 2), np.int64)
        total = 0
        for group in unpack(packed):
            first_last[group.rows, 0], first_last[group.rows, 1] = group.values[:, 0], group.values[:, -1]
            total += group.values.size
        for column, owner, (first, last) in zip(packed, owners, first_last.tolist(), strict=True):
            ends[owner].append((column.quantity, first, last))
        for item, body, columns in zip(items, bodies, ends, strict=True):
            check_ends(item.header, columns)
            if body.times is not None:
                times_of(item.header, body)
        return total
    except CarbonSealError as error:
        raise VerificationFailed("body-mismatch", f"{error.code}: {error.message}", where=error.where) from None


@dataclass(frozen=True)
class RegisterBlock:
    """One block of a meter with one of its registers. Arrays (readings,): times ms UTC, raw counts, quality codes."""

    header: Header
    times: Integers
    raw: Integers
    quality: Integers


class Register:
    """One register of a meter over the blocks of a file, in the order of the chain, each with its frame's clock."""

    def __init__(self, history: History, quantity: str, blocks: Sequence[tuple[BlockItem, ClockQuality]]) -> None:
        self._history = history
        self._quantity = quantity
        self._blocks = [item for item, _ in blocks]
        self._trusted = [clock not in UNTRUSTED_CLOCKS for _, clock in blocks]
        self._places = {(item.gateway, item.epoch, item.seq): i for i, item in enumerate(self._blocks)}
        self._parts = _segments(history, quantity)
        self._opened: dict[int, RegisterBlock | None] = {}

    def check_place(self, place: ReadingPlace, method: str, floor: int | None) -> None:
        """Passes when the reading stands there, with that time and serial number, of the quality its use needs.

        `floor`: the serial number where the span begins; None when nothing before is known, and a register that wraps
        can then only be checked modulo its width. Raises VerificationFailed (reading-…, serial-mismatch).
        """
        position = self._position(place)
        block = self._open(position)
        item = self._blocks[position]
        if block is None or place.block != item.ordinal or place.ordinal >= len(block.times):
            raise VerificationFailed("reading-not-found", "no such reading in the block named", where=_name(place))
        if int(block.times[place.ordinal]) != place.time:
            raise VerificationFailed("reading-not-found", "the reading named is of another time", where=_name(place))
        quality = int(block.quality[place.ordinal])
        if not self._trusted[position]:
            raise VerificationFailed("reading-quality", "the frame's clock cannot be trusted", where=_name(place))
        if quality not in USABLE or (method == "measured" and quality != Quality.MEASURED):
            raise VerificationFailed("reading-quality", f"quality {quality} is not {method}", where=_name(place))
        self._check_serial(place, int(block.raw[place.ordinal]), floor)

    def passed_over(self, place: ReadingPlace, instant: int) -> int:
        """How many usable readings of trusted clocks lie between the place and the instant (inclusive).

        Raises VerificationFailed (reading-not-last when the place lies after the instant, reading-not-found when a
        block that may hold later readings came without its body).
        """
        if place.time > instant:
            raise VerificationFailed("reading-not-last", "the reading is later than the instant", where=_name(place))
        count = 0
        for position in range(self._position(place), len(self._blocks)):
            header = self._blocks[position].header
            if header.readings and header.t0 > instant:
                break
            block = self._open(position) if header.readings and self._trusted[position] else None
            if block is not None:
                later = (block.times > place.time) & (block.times <= instant)
                count += int((later & _usable(block)).sum())
        return count

    def usable_within(self, start: int, end: int) -> int:
        """How many usable readings of trusted clocks lie in [start, end) ms UTC, as far as the file shows them."""
        runs = self._runs(range(len(self._blocks)))
        return sum(int(((times >= start) & (times < end)).sum()) for times, _ in runs)

    def check_fit(self, place: ReadingPlace) -> None:
        """Passes when the reading's block moves as acceptance asks, in itself and against its neighbours both ways.

        Acceptance keeps a column of a frame out as a whole; so a neighbour is not asked when it does not move plausibly
        itself, or does not join the block on its far side. Raises VerificationFailed (reading-implausible).
        """
        position = self._position(place)
        own = self._run(position)
        if own is None or not self._moves(*own):
            raise VerificationFailed("reading-implausible", "the readings of its block fall, or rise beyond the "
                                     "capacity", where=_name(place))
        before, after = range(position - 1, -1, -1), range(position + 1, len(self._blocks))
        # Frames of a clock that went back stand in the chain but not in time.
        earlier = (run for run in self._runs(before) if run[0][-1] < own[0][0])
        later = (run for run in self._runs(after) if run[0][0] > own[0][-1])
        if not (self._joins(own, earlier) and self._joins(own, later)):
            raise VerificationFailed("reading-implausible", "the register falls, or rises beyond the capacity, between "
                                     "its block and the next one before or after", where=_name(place))

    def falls_below(self, place: ReadingPlace, until: int) -> bool:
        """Whether a later block that begins before `until` shows the register below the place, by its header."""
        for position in range(self._position(place) + 1, len(self._blocks)):
            header = self._blocks[position].header
            ends = _ends(header, self._quantity) if header.t0 < until and self._trusted[position] else None
            for time, raw in zip(*(end.tolist() for end in ends), strict=True) if ends else ():
                if serial(segment_at(self._parts, time), raw, place.position) < place.position:
                    return True
        return False

    def _joins(self, own: Run, neighbours: Iterator[Run]) -> bool:
        """Whether the nearest neighbour that is not itself doubtful fits; `neighbours` from near to far."""
        near = next(neighbours, None)
        while near is not None:
            far = next(neighbours, None)
            if self._moves(*near):
                if self._fit(own, near):
                    return True
                if far is None or self._fit(near, far):
                    return False
            near = far
        return True

    def _fit(self, *runs: Run) -> bool:
        """Whether the later of two runs begins where the earlier may have led."""
        earlier, later = sorted(runs, key=lambda run: int(run[0][0]))
        return self._moves(np.append(earlier[0][-1:], later[0][:1]), np.append(earlier[1][-1:], later[1][:1]))

    def _moves(self, times: Integers, raw: Integers) -> bool:
        """Whether readings one after another move as acceptance asks."""
        positions, floor = list[int](), 0
        for time, value in zip(times.tolist(), raw.tolist(), strict=True):
            floor = serial(segment_at(self._parts, time), value, floor)
            positions.append(floor)
        if max(map(abs, positions)) >= VALUE_LIMIT:
            return False
        return not movement(times, np.array(positions, np.int64), self._capacity(int(times[-1])))

    def _runs(self, positions: Iterable[int]) -> Iterator[Run]:
        return (run for run in map(self._run, positions) if run is not None)

    def _run(self, position: int) -> Run | None:
        """The usable readings of a block as (times, raw); without its body, the ends that its header shows."""
        item = self._blocks[position]
        header = item.header
        if not header.readings or not self._trusted[position] or header.t0 < self._parts[0].since:
            return None
        if item.body is None:
            return _ends(header, self._quantity)
        block = self._open(position)
        usable = None if block is None else _usable(block)
        return None if block is None or not np.any(usable) else (block.times[usable], block.raw[usable])

    def _capacity(self, instant: int) -> int:
        profile = profile_at(self._history, instant)
        return profile.capacity_w if profile else 0

    def _check_serial(self, place: ReadingPlace, raw: int, floor: int | None) -> None:
        part = segment_at(self._parts, place.time)
        expected = serial(part, raw)
        if part.modulus is not None:
            turn = part.modulus * part.ratio
            if floor is not None:
                expected = serial(part, raw, self._walked(place, floor))
            elif place.position >= expected:
                expected += (place.position - expected) // turn * turn
        if place.position != expected:
            raise VerificationFailed("serial-mismatch", f"the register and its history give {expected}, the statement "
                                     f"says {place.position}", where=_name(place))

    def _walked(self, place: ReadingPlace, floor: int) -> int:
        """The serial number the register had reached before the place, wrap by wrap through the block headers."""
        for item in self._blocks[: self._position(place)]:
            header = item.header
            last = header.t0 + header.step * max(header.readings - 1, 0)
            for registers, time in ((header.first_registers, header.t0), (header.last_registers, last)):
                for quantity, raw in registers:
                    if quantity == self._quantity:
                        floor = self._lifted(raw, time, floor)
        return floor

    def _lifted(self, raw: int, time: int, floor: int) -> int:
        """The floor after one more reading; one that leaps beyond what the capacity allows in a day is passed over."""
        position = serial(segment_at(self._parts, time), raw, floor)
        return position if 0 <= position - floor <= 24 * self._capacity(time) else floor

    def _position(self, place: ReadingPlace) -> int:
        if place.frame not in self._places:
            raise VerificationFailed("reading-not-found", "the file has no such block", where=_name(place))
        return self._places[place.frame]

    def _open(self, position: int) -> RegisterBlock | None:
        """The decoded block; None when its body has no such column. Raises VerificationFailed (reading-not-found)."""
        if position not in self._opened:
            item = self._blocks[position]
            if item.body is None:
                raise VerificationFailed("reading-not-found", "the block of the reading came without its body",
                                         where=f"{item.gateway} {item.epoch}/{item.seq}")
            body = decode_body(item.body, item.header)
            self._opened[position] = _register_block(item.header, body, self._quantity)
        return self._opened[position]


def _register_block(header: Header, body: Body, quantity: str) -> RegisterBlock | None:
    for column in columns_of(body):
        if column.quantity == quantity:
            return RegisterBlock(header, times_of(header, body), column.values, quality_of(body))
    return None


def _usable(block: RegisterBlock) -> NDArray[np.bool_]:
    return np.isin(block.quality, sorted(USABLE))


def _ends(header: Header, quantity: str) -> Run | None:
    """First and last reading as the header shows them; None where it does not show that they are usable, or when."""
    raw = [dict(registers).get(quantity) for registers in (header.first_registers, header.last_registers)]
    unusable = any(code not in USABLE for code, _ in header.quality_summary)
    if None in raw or unusable or (header.readings > 1 and not header.step):
        return None
    count = min(header.readings, 2)
    times = (header.t0, header.t0 + header.step * (header.readings - 1))
    return np.array(times[:count], np.int64), np.array(raw[:count], np.int64)


def _segments(history: History, quantity: str) -> tuple[Segment, ...]:
    try:
        return segments(history, quantity)
    except NotFound as error:
        raise VerificationFailed("reading-not-found", error.message, where=error.where) from None


def _name(place: ReadingPlace) -> str:
    return f"{place.gateway} epoch {place.epoch} seq {place.seq} reading {place.ordinal}"
