"""Collects the readings of one frame's time into blocks. Pure: no clock, no key, no disk.

Every meter of the gateway gets a block. A poll that a meter did not answer in full (no answer, a refusal, a point that
it reports as not implemented) leaves no row: the block's gap spans the first to the last instant missed, and a meter
without any row is a silent block.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np

from adapters.modbus_tcp.profile import Point
from attestation.block import VALUE_LIMIT, BlockData, Column, Gap, GapReason
from core.errors import CarbonSealError
from core.records import Quality, Reading
from edge.config import MeterSettings


@dataclass
class _Track:
    """What one meter said so far: rows of (time, quality, raw values in the order of its points)."""

    settings: MeterSettings
    rows: list[tuple[int, int, tuple[int, ...]]] = field(default_factory=list)
    missed: list[int] = field(default_factory=list)


class Framer:
    """The frame that is being filled."""

    def __init__(self, meters: Sequence[MeterSettings]) -> None:
        self._settings = tuple(meters)
        self._begin()

    @property
    def polls(self) -> int:
        """Instants collected so far."""
        return self._polls

    def add(self, instant: int, answers: Mapping[str, Sequence[Reading] | CarbonSealError]) -> int:
        """Take the answers of one poll at `instant` (ms UTC, rising); the number of values taken."""
        self._polls += 1
        taken = 0
        for track in self._tracks:
            row = _row(track.settings.profile.points, answers[track.settings.profile.meter])
            if row is None:
                track.missed.append(instant)
            else:
                track.rows.append((instant, *row))
                taken += len(row[1])
        return taken

    def take(self) -> list[BlockData]:
        """The blocks of the frame; collecting begins anew. Empty when nothing was polled."""
        blocks = [_block(track) for track in self._tracks] if self._polls else []
        self._begin()
        return blocks

    def _begin(self) -> None:
        self._tracks = [_Track(settings) for settings in self._settings]
        self._polls = 0


def _row(points: Sequence[Point], answer: Sequence[Reading] | CarbonSealError) -> tuple[int, tuple[int, ...]] | None:
    """(quality, raw values) of a complete answer."""
    if isinstance(answer, CarbonSealError):
        return None
    by_quantity = {reading.quantity: reading for reading in answer}
    if any(point.quantity not in by_quantity for point in points):
        return None
    readings = [by_quantity[point.quantity] for point in points]
    raw = tuple(_raw(reading.value, point.scale) for reading, point in zip(readings, points, strict=True))
    # What no block can hold is the meter's fault, not a reason to lose the frame.
    if any(abs(value) >= VALUE_LIMIT for value in raw):
        return None
    return max((int(reading.quality) for reading in readings), default=int(Quality.MEASURED)), raw


def _raw(value: Decimal, scale: int) -> int:
    return int(value.scaleb(-scale)) if scale else int(value)


def _block(track: _Track) -> BlockData:
    points, rows = track.settings.profile.points, track.rows
    gap = Gap(int(GapReason.COMMUNICATION), track.missed[0], track.missed[-1]) if track.missed else None
    times = np.array([time for time, _, _ in rows], np.int64)
    quality = np.array([code for _, code, _ in rows], np.int64)
    columns = tuple(
        Column(point.quantity, point.scale, np.array([values[index] for _, _, values in rows], np.int64))
        for index, point in enumerate(points)) if rows else ()
    registers = track.settings.registers if rows else ()
    return BlockData(track.settings.profile.meter, times, columns, quality, registers, gap)
