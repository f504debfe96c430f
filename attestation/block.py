"""Blocks: what one meter said during one frame. The header stands in the frame's tree, the body beside it.

    header [meter, salt, t0, step, count, first registers, last registers, quality summary, gap, body hash]
    body   [times, columns, quality]

Values are integers, |value| < 2^62. A column is its first value and count − 1 deltas in the narrowest signed big-endian
typed array (RFC 8746) that holds them. Times: regular (t0 + i·step, times null) or millisecond deltas (step 0).
There is one encoding for each block; every other is refused.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from enum import IntEnum
from functools import lru_cache
from hashlib import sha256
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core import cbor
from core.errors import FormError
from core.ids import check_id
from core.period import MAX_INSTANT
from core.records import Quality

Integers = NDArray[np.int64]

SALT_BYTES = 16
# Sums of two values stay inside 64 bits, in every language.
VALUE_LIMIT = 2**62
# A day of seconds: longer frames would make a lost one too dear.
MAX_COUNT = 86_400
MAX_COLUMNS = 64
MAX_HEADER_BYTES = 16_384
MAX_BODY_BYTES = 8 * 2**20
MAX_SCALE = 12
MAX_STEP = 86_400_000

_WIDTHS: dict[int, np.dtype[Any]] = {72: np.dtype(">i1"), 73: np.dtype(">i2"), 74: np.dtype(">i4"), 75: np.dtype(">i8")}
_QUALITIES = frozenset(int(code) for code in Quality)


class GapReason(IntEnum):
    """Why a meter has no readings for a while, as the gateway declares it; no rule tells them apart.

    The gateway of this repository knows only that a meter did not answer (COMMUNICATION); others may know more.
    """

    COMMUNICATION = 1
    POWER = 2
    MAINTENANCE = 3
    LOST = 4


class Gap(NamedTuple):
    """No readings from `t_from` to `t_to` (ms UTC, both ends included)."""

    reason: int
    t_from: int
    t_to: int


class Header(NamedTuple):
    """The header of a block of `readings` instants.

    Registers are (quantity, raw value) in column order; the quality summary is (code, n) sorted by code.
    """

    meter: str
    salt: bytes
    t0: int
    step: int
    readings: int
    first_registers: tuple[tuple[str, int], ...]
    last_registers: tuple[tuple[str, int], ...]
    quality_summary: tuple[tuple[int, int], ...]
    gap: Gap | None
    body_hash: bytes


class Packed(NamedTuple):
    """A column as it stands in a body: `deltas` are count − 1 integers of the type that `tag` names."""

    quantity: str
    scale: int
    first: int
    tag: int
    deltas: bytes


class Body(NamedTuple):
    """The body of a block, its numbers still packed. `quality` is (code, run length) in order of time."""

    times: tuple[int, bytes] | None
    columns: tuple[Packed, ...]
    quality: tuple[tuple[int, int], ...]


class Column(NamedTuple):
    """`values` (count,) int64: raw integers; the quantity is raw × 10^scale of the unit its meter's profile names."""

    quantity: str
    scale: int
    values: Integers


class BlockData(NamedTuple):
    """What a gateway puts into a block. `times` (count,) ms UTC, strictly rising; `quality` (count,) of Quality codes.

    `registers` names the columns that are cumulative registers.
    """

    meter: str
    times: Integers
    columns: tuple[Column, ...]
    quality: Integers
    registers: tuple[str, ...] = ()
    gap: Gap | None = None


class Unpacked(NamedTuple):
    """Columns of one length, width and time axis side by side: row i of `values` is column `rows[i]` of the input.

    `lows`, `highs`: least and greatest value of each row; `falls`, `leaps`: least and greatest step from one value to
    the next (0 when there is one value).
    """

    rows: list[int]
    values: Integers
    lows: Integers
    highs: Integers
    falls: Integers
    leaps: Integers


def encode_header(header: Header) -> bytes:
    """Canonical bytes of a header."""
    return cbor.encode([
        header.meter, header.salt, header.t0, header.step, header.readings, header.first_registers,
        header.last_registers, header.quality_summary, header.gap and list(header.gap), header.body_hash,
    ])


def decode_header(data: bytes) -> Header:
    """The header of its bytes, every field checked. Raises FormError (block-…, cbor-…)."""
    item = cbor.decode(data, limit=MAX_HEADER_BYTES)
    if type(item) is not list or len(item) != 10:
        raise _bad("block-header-form", "a block header is an array of ten")
    meter, salt, t0, step, count, first, last, summary, gap, digest = item
    check_id(meter, where="block header")
    if type(salt) is not bytes or len(salt) != SALT_BYTES or type(digest) is not bytes or len(digest) != 32:
        raise _bad("block-header-form", "salt has 16 bytes and body hash 32", meter)
    if not (_within(t0, MAX_INSTANT) and _within(step, MAX_STEP) and _within(count, MAX_COUNT)):
        raise _bad("block-header-range", "t0, step or count is out of range", meter)
    if step and count < 2:
        raise _bad("block-step", "a block of fewer than two readings has step 0", meter)
    header = Header(meter, salt, t0, step, count, _registers(first, meter), _registers(last, meter),
                    _summary(summary, count, meter), _gap(gap, meter), digest)
    _check_silence(header)
    return header


def encode_body(body: Body) -> bytes:
    """Canonical bytes of a body."""
    times = None if body.times is None else cbor.Tag(*body.times)
    columns = [[c.quantity, c.scale, c.first, cbor.Tag(c.tag, c.deltas)] for c in body.columns]
    return cbor.encode([times, columns, body.quality])


def decode_body(data: bytes, header: Header) -> Body:
    """The body that belongs to `header`, its structure checked; the numbers are checked by `unpack` and `check_ends`.

    Raises FormError (block-…, cbor-…).
    """
    if sha256(data).digest() != header.body_hash:
        raise _bad("block-body-hash", "the body is not the one the header names", header.meter)
    item = cbor.decode(data, limit=MAX_BODY_BYTES)
    if type(item) is not list or len(item) != 3 or type(item[1]) is not list:
        raise _bad("block-body-form", "a block body is an array of times, columns and quality", header.meter)
    times, columns, runs = item
    if len(columns) > MAX_COLUMNS or bool(columns) != bool(header.readings):
        raise _bad("block-columns", f"{len(columns)} columns for {header.readings} readings", header.meter)
    body = Body(_times(times, header), tuple([_column(column, header) for column in columns]), _runs(runs, header))
    if len({column.quantity for column in body.columns}) != len(body.columns):
        raise _bad("block-columns", "a quantity occurs in two columns", header.meter)
    return body


def unpack(columns: Sequence[Packed], axes: Sequence[int] | None = None) -> list[Unpacked]:
    """All values of many columns at once, grouped by shape; also checks range and that no width is wasted.

    `axes[i]`: number of the time axis of column i; columns of different axes are never grouped.
    Raises FormError (block-value-range, block-width).
    """
    groups: defaultdict[tuple[int, int, int], list[int]] = defaultdict(list)
    for row, column in enumerate(columns):
        groups[column.tag, len(column.deltas), 0 if axes is None else axes[row]].append(row)
    return [_unpack_group(columns, rows, key[0]) for key, rows in groups.items()]


def _unpack_group(columns: Sequence[Packed], rows: list[int], tag: int) -> Unpacked:
    deltas = np.frombuffer(b"".join([columns[row].deltas for row in rows]), _WIDTHS[tag]).reshape(len(rows), -1)
    values = np.empty((len(rows), deltas.shape[1] + 1), np.int64)
    values[:, 0] = 0
    values[:, 1:] = deltas
    falls, leaps = _extremes(values[:, 1:], tag)
    values[:, 0] = [columns[row].first for row in rows]
    np.cumsum(values, axis=1, out=values)
    lows, highs = values.min(axis=1), values.max(axis=1)
    # A sum that leaves 64 bits wraps to at least 2^62 away from zero when the value before it was in range.
    if lows.min() <= -VALUE_LIMIT or highs.max() >= VALUE_LIMIT:
        raise _bad("block-value-range", "a value is not below 2^62 in magnitude")
    return Unpacked(rows, values, lows, highs, falls, leaps)


def _extremes(deltas: Integers, tag: int) -> tuple[Integers, Integers]:
    """Least and greatest of each row; a row that a narrower type would hold is refused."""
    if deltas.shape[1] == 0:
        zeros = np.zeros(len(deltas), np.int64)
        if tag != 72:
            raise _bad("block-width", "an array is wider than its numbers need")
        return zeros, zeros
    lows, highs = deltas.min(axis=1), deltas.max(axis=1)
    if tag != 72:
        bounds = np.iinfo(_WIDTHS[tag - 1])
        if np.any((lows >= bounds.min) & (highs <= bounds.max)):
            raise _bad("block-width", "an array is wider than its numbers need")
    return lows, highs


def columns_of(body: Body) -> tuple[Column, ...]:
    """The columns of a body with their values. Raises FormError like `unpack`."""
    columns: list[Column] = [Column(c.quantity, c.scale, np.empty(0, np.int64)) for c in body.columns]
    for group in unpack(body.columns):
        for row, values in zip(group.rows, group.values, strict=True):
            columns[row] = columns[row]._replace(values=values)
    return tuple(columns)


def times_of(header: Header, body: Body) -> Integers:
    """(count,) ms UTC of the readings. Raises FormError (block-times) unless strictly rising and truly irregular."""
    if body.times is None:
        return header.t0 + header.step * np.arange(header.readings, dtype=np.int64)
    tag, data = body.times
    deltas = np.frombuffer(data, _WIDTHS[tag]).astype(np.int64)
    _extremes(deltas[None, :], tag)
    if deltas.min() <= 0 or deltas.max() > MAX_INSTANT // MAX_COUNT:
        raise _bad("block-times", "times do not rise, or leap too far", header.meter)
    if header.readings > 1 and deltas.min() == deltas.max() and deltas[0] <= MAX_STEP:
        raise _bad("block-times", "regular times are written with a step", header.meter)
    return np.concatenate(([header.t0], header.t0 + np.cumsum(deltas)))


def last_time(header: Header, body: Body) -> int:
    """Time of the last reading, ms UTC; of a silent meter the end of its gap."""
    if body.times is not None:
        return int(times_of(header, body)[-1])
    if header.readings == 0 and header.gap is not None:
        return header.gap.t_to
    return header.t0 + header.step * (header.readings - 1 if header.readings else 0)


def quality_of(body: Body) -> Integers:
    """(count,) quality codes."""
    return np.repeat(np.array([code for code, _ in body.quality], np.int64), [n for _, n in body.quality])


def check_ends(header: Header, columns: Iterable[tuple[str, int, int]]) -> None:
    """Passes when the header's registers are the ends (quantity, first, last) of columns, in their order.

    Raises FormError (block-registers).
    """
    ends = [(name, first, last) for name, first, last in columns if any(name == r for r, _ in header.first_registers)]
    if header.first_registers != tuple((name, first) for name, first, _ in ends):
        raise _bad("block-registers", "the first registers are not those of the body", header.meter)
    if header.last_registers != tuple((name, last) for name, _, last in ends):
        raise _bad("block-registers", "the last registers are not those of the body", header.meter)


def decode_block(header_bytes: bytes, body_bytes: bytes) -> tuple[Header, BlockData]:
    """A whole block, everything checked that one block can show. Raises FormError."""
    header = decode_header(header_bytes)
    body = decode_body(body_bytes, header)
    columns = columns_of(body)
    check_ends(header, ((c.quantity, int(c.values[0]), int(c.values[-1])) for c in columns))
    names = tuple(name for name, _ in header.first_registers)
    return header, BlockData(header.meter, times_of(header, body), columns, quality_of(body), names, header.gap)


def encode_block(data: BlockData, salt: bytes) -> tuple[bytes, bytes]:
    """(header, body) bytes of a block. Raises FormError when the data cannot stand in one."""
    body = _pack_body(data)
    body_bytes = encode_body(body)
    header_bytes = encode_header(_header_of(data, salt, body_bytes))
    decode_block(header_bytes, body_bytes)
    return header_bytes, body_bytes


def _pack_body(data: BlockData) -> Body:
    count = len(data.times)
    if len(data.quality) != count or any(len(column.values) != count for column in data.columns):
        raise _bad("block-columns", "columns, times and quality differ in length", data.meter)
    columns = [] if count == 0 else [
        Packed(c.quantity, c.scale, int(c.values[0]), *_narrow(np.diff(c.values))) for c in data.columns]
    times = _narrow(np.diff(data.times)) if count > 1 and not _step(data.times) else None
    runs = tuple((int(code), len(list(run))) for code, run in groupby(data.quality.tolist()))
    return Body(times, tuple(columns), runs)


def _header_of(data: BlockData, salt: bytes, body: bytes) -> Header:
    count = len(data.times)
    registers = [column for column in data.columns if count and column.quantity in data.registers]
    codes, numbers = np.unique(data.quality, return_counts=True)
    t0 = int(data.times[0]) if count else data.gap.t_from if data.gap else 0
    return Header(
        data.meter, salt, t0, _step(data.times), count,
        tuple((c.quantity, int(c.values[0])) for c in registers),
        tuple((c.quantity, int(c.values[-1])) for c in registers),
        tuple(zip(codes.tolist(), numbers.tolist(), strict=True)), data.gap, sha256(body).digest())


def _step(times: Integers) -> int:
    deltas = np.diff(times)
    regular = len(deltas) and deltas.min() == deltas.max() and 0 < deltas[0] <= MAX_STEP
    return int(deltas[0]) if regular else 0


def _narrow(numbers: Integers) -> tuple[int, bytes]:
    low, high = (int(numbers.min()), int(numbers.max())) if len(numbers) else (0, 0)
    tag = next(tag for tag, kind in _WIDTHS.items() if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max)
    return tag, numbers.astype(_WIDTHS[tag]).tobytes()


def _within(value: object, limit: int) -> bool:
    return type(value) is int and 0 <= value <= limit


def _registers(value: Any, meter: str) -> tuple[tuple[str, int], ...]:
    if type(value) is not list or len(value) > MAX_COLUMNS:
        raise _bad("block-registers", "registers are a list", meter)
    for item in value:
        if type(item) is not list or len(item) != 2 or type(item[1]) is not int or abs(item[1]) >= VALUE_LIMIT:
            raise _bad("block-registers", "a register is [quantity, value]", meter)
        _check_quantity(item[0])
    return tuple([(quantity, number) for quantity, number in value])


def _check_quantity(value: object) -> None:
    # The same few names come with every block; what is not text is not hashed.
    _known_quantity(value) if type(value) is str else check_id(value, where="quantity")


@lru_cache(maxsize=4096)
def _known_quantity(name: str) -> str:
    return check_id(name, where="quantity")


def _summary(value: Any, count: int, meter: str) -> tuple[tuple[int, int], ...]:
    pairs = _pairs(value, meter)
    if any(pairs[i][0] >= pairs[i + 1][0] for i in range(len(pairs) - 1)) or sum(n for _, n in pairs) != count:
        raise _bad("block-quality", "the quality summary is not sorted, or does not add up to count", meter)
    return pairs


def _pairs(value: Any, meter: str) -> tuple[tuple[int, int], ...]:
    if type(value) is not list or len(value) > MAX_COUNT:
        raise _bad("block-quality", "quality is a list of [code, n]", meter)
    for item in value:
        if (type(item) is not list or len(item) != 2 or type(item[0]) is not int or item[0] not in _QUALITIES
                or type(item[1]) is not int or item[1] < 1):
            raise _bad("block-quality", "quality is a list of [code, n]", meter)
    return tuple([(code, number) for code, number in value])


def _gap(value: Any, meter: str) -> Gap | None:
    if value is None:
        return None
    if type(value) is not list or len(value) != 3 or not all(_within(item, MAX_INSTANT) for item in value):
        raise _bad("block-gap", "a gap is [reason, t_from, t_to]", meter)
    gap = Gap(*value)
    if gap.reason not in set(GapReason) or gap.t_to < gap.t_from:
        raise _bad("block-gap", "a gap has a known reason and does not end before it starts", meter)
    return gap


def _check_silence(header: Header) -> None:
    if header.readings:
        return
    if header.gap is None:
        raise _bad("block-silent", "a silent meter declares its gap", header.meter)
    if header.first_registers or header.last_registers or header.t0 != header.gap.t_from:
        raise _bad("block-silent", "a silent block has no registers, and its t0 is the start of its gap", header.meter)


def _times(value: Any, header: Header) -> tuple[int, bytes] | None:
    if value is None:
        if header.readings > 1 and header.step == 0:
            raise _bad("block-times", "step 0 needs times", header.meter)
        return None
    if header.step or header.readings < 2:
        raise _bad("block-times", "a regular block has no times", header.meter)
    return _array(value, header)


def _column(value: Any, header: Header) -> Packed:
    if type(value) is not list or len(value) != 4:
        raise _bad("block-columns", "a column is [quantity, scale, first, deltas]", header.meter)
    quantity, scale, first, deltas = value
    _check_quantity(quantity)
    if type(scale) is not int or abs(scale) > MAX_SCALE or type(first) is not int or abs(first) >= VALUE_LIMIT:
        raise _bad("block-columns", "scale or first value is out of range", header.meter)
    return Packed(quantity, scale, first, *_array(deltas, header))


def _array(value: Any, header: Header) -> tuple[int, bytes]:
    if type(value) is not cbor.Tag or len(value.value) != (header.readings - 1) * _WIDTHS[value.tag].itemsize:
        raise _bad("block-array", f"a typed array of {header.readings - 1} numbers is needed", header.meter)
    return value.tag, value.value


def _runs(value: Any, header: Header) -> tuple[tuple[int, int], ...]:
    runs = _pairs(value, header.meter)
    if any(runs[i][0] == runs[i + 1][0] for i in range(len(runs) - 1)):
        raise _bad("block-quality", "neighbouring runs of one code are joined", header.meter)
    totals: defaultdict[int, int] = defaultdict(int)
    for code, number in runs:
        totals[code] += number
    if tuple(sorted(totals.items())) != header.quality_summary:
        raise _bad("block-quality", "the runs are not those of the quality summary", header.meter)
    return runs


def _bad(code: str, message: str, meter: str = "") -> FormError:
    return FormError(code, message, where=meter)
