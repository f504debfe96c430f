"""The series read model: the register at an instant, the energy of a period, hours, and raw readings on demand.

R(t) is the last signed reading at or before t that counts; energy is a difference of two R, so lost readings in between
neither add nor hide any. What is flagged and unresolved is not read here: a spike takes its column of that frame with
it, and R(t) is the last reading of a frame before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection, Select, select
from sqlmodel import col

from attestation.assess import USABLE, parts, serials
from attestation.block import Integers, decode_block
from attestation.flags import COUNTS
from attestation.models import BlockRow, FlagRow, FrameRow, RollupRow
from attestation.registration import BASE_UNITS, ReadingPlace
from attestation.rollup import Hour
from attestation.rules import Rule, rule_at
from attestation.storage import unpack_body
from attestation.subjects import DatabaseRegistry
from core.errors import NotFound
from core.period import Period, instant_text


@dataclass(frozen=True)
class RegisterReading:
    """A register at its last reading: `position` is the serial number (Wh or base unit), `time` in ms UTC.

    The proof: block number `block` of the frame (gateway, epoch, seq) at `log_index`, reading number `ordinal` of it.
    """

    meter: str
    quantity: str
    position: int
    time: int
    log_index: int
    gateway: str
    epoch: int
    seq: int
    block: int
    ordinal: int
    quality: int

    def place(self) -> ReadingPlace:
        """The reading as documents name it."""
        return ReadingPlace(self.position, self.time, self.gateway, self.epoch, self.seq, self.block, self.ordinal,
                            self.log_index)


@dataclass(frozen=True)
class EnergyDifference:
    """A register over a period: `value` = end − start in `unit` (Wh or base unit); `staleness` ms at the worse end."""

    start: RegisterReading
    end: RegisterReading
    value: int
    unit: str
    staleness: int


class Series(NamedTuple):
    """Raw readings in order of time. Arrays are (n,) int64; values are raw integers × 10^scale."""

    times: Integers
    values: Integers
    quality: Integers
    log_index: Integers
    scale: int


class StoredFlag(NamedTuple):
    """A flag of the work list; open while `resolution` is empty."""

    log_index: int
    gateway: str
    meter: str
    quantity: str
    code: str
    excludes: bool
    t_from: int
    t_to: int
    resolution: str


class _Block(NamedTuple):
    log_index: int
    gateway: str
    epoch: int
    seq: int
    ordinal: int
    header: bytes
    body: bytes


def register_at(connection: Connection, meter: str, quantity: str, instant: int) -> RegisterReading | None:
    """R(instant): the last counted reading of a register at or before an instant (ms UTC), or None."""
    query = (select(col(RollupRow.first_index), col(RollupRow.last_index), col(RollupRow.hour),
                    col(RollupRow.first_position))
             .where(col(RollupRow.meter) == meter, col(RollupRow.quantity) == quantity,
                    col(RollupRow.hour) <= instant, col(RollupRow.t_first) <= instant)
             .order_by(col(RollupRow.hour).desc()).limit(1))
    row = connection.execute(query).first()
    if row is None:
        return None
    first_index, last_index, hour, floor = row
    frames = _blocks(meter).where(col(FrameRow.log_index).between(first_index, last_index),
                                  col(FrameRow.t_first) <= instant, col(FrameRow.t_last) >= hour)
    rules = DatabaseRegistry(connection).rules(meter, quantity)
    for found in connection.execute(frames.order_by(col(FrameRow.t_first).desc())):
        block = _Block(*found)
        readings = None if _is_kept_out(connection, block.log_index, meter, quantity) else _counted(
            block, quantity, hour, instant)
        if readings is None:
            continue
        rule = rule_at(rules, int(readings.times[-1]))
        if rule is None or not rule.register:
            return None
        earlier = _earlier(connection, frames, block, meter, quantity) if rule.modulus else ()
        for one in (*earlier, block):
            floor = _last_position(rules, _counted(one, quantity, hour, instant), floor)
        return RegisterReading(meter, quantity, floor, int(readings.times[-1]), block.log_index, block.gateway,
                               block.epoch, block.seq, block.ordinal, readings.ordinal, readings.quality)
    return None


class _Counted(NamedTuple):
    """The readings of one column that count; the ordinal and quality of the last of them."""

    times: Integers
    values: Integers
    ordinal: int
    quality: int


def _counted(block: _Block, quantity: str, start: int, instant: int) -> _Counted | None:
    _, data = decode_block(block.header, unpack_body(block.body))
    column = next((column for column in data.columns if column.quantity == quantity), None)
    counted = np.isin(data.quality, sorted(USABLE)) & (data.times >= start) & (data.times <= instant)
    if column is None or not counted.any():
        return None
    ordinal = int(np.flatnonzero(counted)[-1])
    return _Counted(data.times[counted], column.values[counted], ordinal, int(data.quality[ordinal]))


def _earlier(connection: Connection, frames: Select[Any], block: _Block, meter: str, quantity: str) -> list[_Block]:
    """The blocks of the hour before `block`: a register may wrap in any of them."""
    rows = connection.execute(frames.where(col(FrameRow.log_index) < block.log_index)
                              .order_by(col(FrameRow.log_index)))
    return [one for one in map(_Block._make, rows) if not _is_kept_out(connection, one.log_index, meter, quantity)]


def _last_position(rules: tuple[Rule, ...], readings: _Counted | None, floor: int) -> int:
    for start, stop, rule in parts(rules, readings.times) if readings else ():
        if readings is not None and rule is not None:
            floor = int(serials(rule, readings.values[start:stop], floor)[-1])
    return floor


def _blocks(meter: str) -> Select[Any]:
    columns: tuple[Any, ...] = (
        FrameRow.log_index, FrameRow.gateway, FrameRow.epoch, FrameRow.seq, BlockRow.ordinal, BlockRow.header,
        BlockRow.body)
    return (select(*[col(column) for column in columns])
            .join(BlockRow, (col(BlockRow.log_index) == col(FrameRow.log_index)) & (col(BlockRow.meter) == meter)))


def energy(connection: Connection, meter: str, quantity: str, period: Period) -> EnergyDifference:
    """What a register gained over a period, R(end) − R(start). Raises NotFound (register-not-yet, column-unknown)."""
    start = register_at(connection, meter, quantity, period.start)
    end = register_at(connection, meter, quantity, period.end)
    if start is None or end is None:
        raise NotFound("register-not-yet", f"no counted reading at or before {instant_text(period.start)}",
                       where=f"{meter} {quantity}")
    staleness = max(period.start - start.time, period.end - end.time)
    return EnergyDifference(start, end, end.position - start.position, base_unit(connection, meter, quantity),
                            staleness)


def base_unit(connection: Connection, meter: str, quantity: str) -> str:
    """The unit of a register's serial numbers. Raises NotFound (meter-unknown, column-unknown)."""
    subject = DatabaseRegistry(connection).get(meter)
    if subject is None:
        raise NotFound("meter-unknown", "nobody enrolled this meter", where=meter)
    for entry in reversed(subject.history.entries):
        profile = entry.registration.fields.get("profile")
        column = profile.column(quantity) if profile else None
        if column is not None and column.register:
            return BASE_UNITS[column.unit][0]
    raise NotFound("column-unknown", f"{quantity} is not a register of this meter", where=meter)


def hourly(connection: Connection, meter: str, quantity: str, period: Period) -> list[Hour]:
    """The hours that begin in a period, in order."""
    query = (select(*[col(getattr(RollupRow, name)) for name in Hour._fields])
             .where(col(RollupRow.meter) == meter, col(RollupRow.quantity) == quantity,
                    col(RollupRow.hour) >= period.start, col(RollupRow.hour) < period.end)
             .order_by(col(RollupRow.hour)))
    return [Hour(*row) for row in connection.execute(query)]


def raw(connection: Connection, meter: str, quantity: str, period: Period, *, flagged: bool = False) -> Series:
    """The readings of a period [start, end), of every quality; with `flagged` also those kept out of calculations."""
    times, values, quality, indices, scale = [], [], [], [], 0
    for block in _blocks_of_period(connection, meter, period):
        if not flagged and _is_kept_out(connection, block.log_index, meter, quantity):
            continue
        _, data = decode_block(block.header, unpack_body(block.body))
        inside = (data.times >= period.start) & (data.times < period.end)
        for column in data.columns:
            if column.quantity == quantity:
                times.append(data.times[inside])
                values.append(column.values[inside])
                quality.append(data.quality[inside])
                indices.append(np.full(int(inside.sum()), block.log_index, np.int64))
                scale = column.scale
    order = np.argsort(_joined(times), kind="stable")
    return Series(_joined(times)[order], _joined(values)[order], _joined(quality)[order], _joined(indices)[order],
                  scale)


def _blocks_of_period(connection: Connection, meter: str, period: Period) -> Iterator[_Block]:
    subject = DatabaseRegistry(connection).get(meter)
    gateways = set()
    for entry in subject.history.entries if subject else ():
        fields = entry.registration.fields
        gateways |= {fields["profile"].gateway} if fields.get("profile") else set()
        gateways |= {fields["gateway"]} if "gateway" in fields else set()
    query = _blocks(meter).where(
        col(FrameRow.gateway).in_(sorted(gateways)), col(FrameRow.t_first) < period.end,
        col(FrameRow.t_last) >= period.start, col(FrameRow.disputed).is_(False))
    return (_Block(*row) for row in connection.execute(query.order_by(col(FrameRow.log_index))))


def _joined(parts: list[Integers]) -> Integers:
    return np.concatenate(parts) if parts else np.empty(0, np.int64)


def _is_kept_out(connection: Connection, log_index: int, meter: str, quantity: str) -> bool:
    query = (select(col(FlagRow.code))
             .where(col(FlagRow.log_index) == log_index, col(FlagRow.meter).in_(["", meter]),
                    col(FlagRow.quantity).in_(["", quantity]), col(FlagRow.excludes).is_(True),
                    col(FlagRow.resolution) != COUNTS).limit(1))
    return connection.execute(query).first() is not None


def flags(connection: Connection, meter: str, period: Period) -> list[StoredFlag]:
    """The flags that touch a meter in a period, those of whole frames of its gateways included."""
    subject = DatabaseRegistry(connection).get(meter)
    gateways = {subject.gateway(entry.leaf_index + 1) for entry in subject.history.entries} if subject else set()
    whole_frame = (col(FlagRow.meter) == "") & col(FlagRow.gateway).in_(sorted(filter(None, gateways)))
    query = _flags().where(
        (col(FlagRow.meter) == meter) | whole_frame, col(FlagRow.t_from) < period.end,
        col(FlagRow.t_to) >= period.start)
    return [StoredFlag(*row) for row in connection.execute(query.order_by(col(FlagRow.t_from)))]


def open_flags(connection: Connection, limit: int = 1000) -> list[StoredFlag]:
    """The work list: what is flagged and nobody resolved, oldest first."""
    query = _flags().where(col(FlagRow.resolution) == "").order_by(col(FlagRow.log_index)).limit(limit)
    return [StoredFlag(*row) for row in connection.execute(query)]


def _flags() -> Select[Any]:
    return select(*[col(getattr(FlagRow, name)) for name in StoredFlag._fields])
