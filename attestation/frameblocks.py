"""All blocks of a frame at once: every check of form, and the values side by side for vectorised work."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from attestation.block import (
    Body,
    Header,
    Integers,
    Packed,
    Unpacked,
    check_ends,
    decode_body,
    last_time,
    quality_of,
    times_of,
    unpack,
)
from attestation.frame import Frame, check_headers, check_span
from core.records import Quality


class FrameBlocks(NamedTuple):
    """The decoded blocks of one frame.

    Column j (over all blocks, in order) belongs to block `owners[j]` and has the times `axes[axis_of[j]]` (ms UTC).
    `plain[i]`: whether block i is regular and every reading measured.
    """

    headers: list[Header]
    bodies: list[Body]
    columns: list[Packed]
    owners: list[int]
    axes: list[Integers]
    axis_of: list[int]
    groups: list[Unpacked]
    plain: list[bool]


def open_blocks(frame: Frame, blocks: Sequence[tuple[bytes, bytes]]) -> FrameBlocks:
    """The blocks of a frame, when they are exactly what it names. Raises FormError (frame-…, block-…, cbor-…)."""
    headers = check_headers(frame, [header for header, _ in blocks])
    bodies = [decode_body(body, header) for (_, body), header in zip(blocks, headers, strict=True)]
    check_span(frame, headers, [last_time(header, body) for header, body in zip(headers, bodies, strict=True)])
    return side_by_side(headers, bodies)


def side_by_side(headers: list[Header], bodies: list[Body]) -> FrameBlocks:
    """Blocks with their values in one place. Raises FormError (block-…)."""
    plain = [body.times is None and header.quality_summary == ((Quality.MEASURED, header.readings),)
             for header, body in zip(headers, bodies, strict=True)]
    axes, axis_of_block = _axes(headers, bodies)
    columns = [column for body in bodies for column in body.columns]
    owners = [ordinal for ordinal, body in enumerate(bodies) for _ in body.columns]
    axis_of = [axis_of_block[owner] for owner in owners]
    opened = FrameBlocks(headers, bodies, columns, owners, axes, axis_of, unpack(columns, axis_of), plain)
    _check_registers(opened)
    return opened


def _axes(headers: Sequence[Header], bodies: Sequence[Body]) -> tuple[list[Integers], list[int]]:
    """Distinct time axes, and the axis of each block; irregular blocks have one of their own."""
    axes: list[Integers] = []
    known: dict[tuple[int, int, int], int] = {}
    numbers: list[int] = []
    for header, body in zip(headers, bodies, strict=True):
        key = (header.t0, header.step, header.readings)
        number = known.get(key) if body.times is None else None
        if number is None:
            number = len(axes)
            axes.append(times_of(header, body))
            if body.times is None:
                known[key] = number
        numbers.append(number)
    return axes, numbers


def _check_registers(blocks: FrameBlocks) -> None:
    lasts = np.zeros(len(blocks.columns), np.int64)
    for group in blocks.groups:
        lasts[group.rows] = group.values[:, -1]
    ends = [(column.quantity, column.first, last) for column, last in zip(blocks.columns, lasts.tolist(), strict=True)]
    start = 0
    for header, body in zip(blocks.headers, blocks.bodies, strict=True):
        check_ends(header, ends[start : start + len(body.columns)])
        start += len(body.columns)


def column_quality(blocks: FrameBlocks, column: int) -> Integers:
    """(readings,) quality codes of a column."""
    return quality_of(blocks.bodies[blocks.owners[column]])
