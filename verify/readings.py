"""Readings of a meter out of the blocks of a file: every body given is decoded, R(t) is the last reading until t."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from attestation.assess import USABLE, reach
from attestation.block import (
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
from attestation.history import History, Segment, profile_at, segment_at, segments, serial
from attestation.registration import ReadingPlace
from core.errors import CarbonSealError, NotFound, VerificationFailed
from core.records import ClockQuality, Quality
from verify.model import BlockItem

# Bodies decoded side by side: enough to fill an array operation, few enough to stay in the cache.
_BATCH = 96
_UNTRUSTED = (ClockQuality.UNKNOWN, ClockQuality.RELATIVE)


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
        self._trusted = [clock not in _UNTRUSTED for _, clock in blocks]
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
        """How many readings between the place and the instant (inclusive) could have been taken and were not.

        Left out of the count is what shows a reason: unusable quality or clock, a register that falls, or one that
        rises faster than the capacity. Raises VerificationFailed (reading-not-last when the place lies after the
        instant, reading-not-found when a block that may hold later readings came without its body).
        """
        if place.time > instant:
            raise VerificationFailed("reading-not-last", "the reading is later than the instant", where=_name(place))
        count = 0
        for position in range(self._position(place), len(self._blocks)):
            header = self._blocks[position].header
            if header.readings and header.t0 > instant:
                break
            if header.readings and self._trusted[position]:
                count += self._later(position, place, instant)
        return count

    def _later(self, position: int, place: ReadingPlace, instant: int) -> int:
        block = self._open(position)
        if block is None:
            return 0
        mask = (block.times > place.time) & (block.times <= instant) & np.isin(block.quality, sorted(USABLE))
        count = 0
        for time, raw in zip(block.times[mask].tolist(), block.raw[mask].tolist(), strict=True):
            part = segment_at(self._parts, time)
            rise = serial(part, raw, place.position) - place.position
            limit = reach(np.array(self._capacity(time), np.int64), time - place.time)
            count += 0 <= rise <= int(limit)
        return count

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


def _segments(history: History, quantity: str) -> tuple[Segment, ...]:
    try:
        return segments(history, quantity)
    except NotFound as error:
        raise VerificationFailed("reading-not-found", error.message, where=error.where) from None


def _name(place: ReadingPlace) -> str:
    return f"{place.gateway} epoch {place.epoch} seq {place.seq} reading {place.ordinal}"
