"""Where the fold of some meters can be resumed before a frame: the readings that the rows of earlier hours name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, func, select
from sqlmodel import col

from attestation.assess import USABLE, parts, serials
from attestation.block import columns_of, decode_body, decode_header, quality_of, times_of
from attestation.models import BlockRow, RegisterRow, RollupRow
from attestation.rollup import Hour
from attestation.storage import unpack_body
from attestation.subjects import DatabaseRegistry
from core.period import HOUR_MS

_Column = tuple[str, str]
"""(meter, quantity)."""


class Seed(NamedTuple):
    """The last counted (time, position) of a register, as of the frame at `log_index`."""

    log_index: int
    column: _Column
    head: tuple[int, int]


def counted_registers(connection: Connection, meters: Sequence[str]) -> list[_Column]:
    """The registers that ever counted."""
    query = select(col(RegisterRow.meter), col(RegisterRow.quantity)).where(col(RegisterRow.meter).in_(meters))
    return [(meter, quantity) for meter, quantity in connection.execute(query)]


def seeds_before(connection: Connection, registry: DatabaseRegistry, meters: Sequence[str], log_index: int,
                 t_first: int, t_last: int) -> tuple[int, list[Seed]]:
    """The log index after which to begin for a frame of [t_first, t_last] at `log_index`, and where each register
    then stands, last first.

    An hour ends with its row's last reading, unless the frame of that reading counts in the hours of the dispute
    too: then the fold begins after the frame of the hour's first reading.
    """
    hour = t_first // HOUR_MS * HOUR_MS
    needed = connection.execute(select(func.min(col(RollupRow.first_index))).where(
        col(RollupRow.meter).in_(meters), col(RollupRow.hour).between(hour, t_last))).scalar_one()
    needed = log_index if needed is None else min(log_index, needed)
    start, seeds = needed - 1, []
    for column in counted_registers(connection, meters):
        row = _hour_before(connection, column, hour, needed)
        if row is not None and row.last_index < needed:
            seeds.append(Seed(row.last_index, column, (row.t_last, row.last_position)))
        elif row is not None:
            seeds.append(Seed(row.first_index, column, _head_after_first(connection, registry, row)))
            start = min(start, row.first_index)
    return start, sorted(seeds, reverse=True)


def _hour_before(connection: Connection, column: _Column, hour: int, needed: int) -> Hour | None:
    """The last hour of a register before `hour` that begins with a frame before `needed`."""
    query = (select(*[col(getattr(RollupRow, name)) for name in Hour._fields])
             .where(col(RollupRow.meter) == column[0], col(RollupRow.quantity) == column[1],
                    col(RollupRow.hour) < hour, col(RollupRow.first_index) < needed)
             .order_by(col(RollupRow.hour).desc()).limit(1))
    row = connection.execute(query).first()
    return None if row is None else Hour(*row)


def _head_after_first(connection: Connection, registry: DatabaseRegistry, row: Hour) -> tuple[int, int]:
    """The last reading of a register in the frame with the first reading of an hour."""
    packed = connection.execute(select(col(BlockRow.header), col(BlockRow.body)).where(
        col(BlockRow.log_index) == row.first_index, col(BlockRow.meter) == row.meter)).one()
    header = decode_header(packed.header)
    body = decode_body(unpack_body(packed.body), header)
    times = times_of(header, body)
    counted = (times >= row.t_first) & [code in USABLE for code in quality_of(body).tolist()]
    values = next(column.values for column in columns_of(body) if column.quantity == row.quantity)[counted]
    position = row.first_position
    for start, stop, rule in parts(registry.rules(row.meter, row.quantity), times[counted]):
        if rule is not None:
            position = int(serials(rule, values[start:stop], position)[-1])
    return int(times[counted][-1]), position
