"""Hourly rollups: gathered in memory over a batch as arrays, written once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection, case, select
from sqlmodel import col

from attestation.assess import Assessment, Heads, Slice
from attestation.block import Integers
from attestation.models import RegisterRow, RollupRow
from attestation.storage import chunks, insert_for, upsert_rows


class Hour(NamedTuple):
    """One hour of one column over the readings that count; see RollupRow."""

    meter: str
    quantity: str
    hour: int
    readings: int
    measured: int
    total: int
    low: int
    high: int
    t_first: int
    t_last: int
    first_raw: int
    last_raw: int
    first_position: int
    last_position: int
    first_index: int
    last_index: int


_FIELDS = Hour._fields[3:]
(_READINGS, _MEASURED, _TOTAL, _LOW, _HIGH, _T_FIRST, _T_LAST, _FIRST_RAW, _LAST_RAW, _FIRST_POSITION, _LAST_POSITION,
 _FIRST_INDEX, _LAST_INDEX) = range(len(_FIELDS))
_ADDED = ("readings", "measured", "total")
_FIRST = ("t_first", "first_raw", "first_position", "first_index")
_LAST = ("t_last", "last_raw", "last_position", "last_index")


class Rollups:
    """Gathers assessments in the order of the log."""

    def __init__(self) -> None:
        self._hours: dict[tuple[tuple[tuple[str, str], ...], int], Integers] = {}
        self._registers: set[tuple[str, str]] = set()

    def add(self, assessment: Assessment, log_index: int) -> None:
        """Count a frame that stands at a log index."""
        columns = assessment.columns
        self._registers.update([column for column, register in zip(columns, assessment.registers, strict=True)
                                if register])
        for part in assessment.slices:
            table = self._hours.get((columns, part.hour))
            if table is None:
                table = self._hours[columns, part.hour] = np.zeros((len(_FIELDS), len(columns)), np.int64)
            _count(table, part, log_index)

    def rows(self) -> list[Hour]:
        """The hours gathered, one for each (meter, quantity, hour)."""
        merged: dict[tuple[str, str, int], Hour] = {}
        for (columns, hour), table in self._hours.items():
            for column in np.flatnonzero(table[_READINGS]).tolist():
                row = Hour(*columns[column], hour, *table[:, column].tolist())
                key = (row.meter, row.quantity, hour)
                merged[key] = join(merged[key], row) if key in merged else row
        return list(merged.values())

    def heads(self) -> Heads:
        """The last counted (time, position) of each register.

        Last in the log, and not in time: what comes after a reading that someone let count goes on from there.
        """
        newest: dict[tuple[str, str], tuple[int, int, int]] = {}
        for (columns, _), table in self._hours.items():
            for column in np.flatnonzero(table[_READINGS]).tolist():
                key = columns[column]
                if key in self._registers:
                    index, time, position = table[[_LAST_INDEX, _T_LAST, _LAST_POSITION], column].tolist()
                    newest[key] = max(newest.get(key, (-1, -1, 0)), (index, time, position))
        return {key: (time, position) for key, (_, time, position) in newest.items()}

    def flush(self, connection: Connection) -> None:
        """Add what was gathered to the read model."""
        rows = self.rows()
        statement = insert_for(connection, RollupRow)
        upsert_rows(connection, _merging(statement), rows)
        heads = insert_for(connection, RegisterRow)
        heads = heads.on_conflict_do_update(index_elements=["meter", "quantity"], set_={
            "time": heads.excluded.time, "position": heads.excluded.position})
        upsert_rows(connection, heads, [(*key, *head) for key, head in self.heads().items()])


def _count(table: Integers, part: Slice, log_index: int) -> None:
    ids = part.columns
    fresh = table[_READINGS, ids] == 0
    first = np.where(fresh, part.lows, table[_LOW, ids]), np.where(fresh, part.highs, table[_HIGH, ids])
    table[_LOW, ids] = np.minimum(first[0], part.lows)
    table[_HIGH, ids] = np.maximum(first[1], part.highs)
    table[_READINGS, ids] += part.readings
    table[_MEASURED, ids] += part.measured
    table[_TOTAL, ids] += part.totals
    table[_T_LAST, ids] = part.t_last
    table[_LAST_RAW, ids] = part.last_raw
    table[_LAST_POSITION, ids] = part.last_position
    table[_LAST_INDEX, ids] = log_index
    if fresh.any():
        new = ids[fresh]
        table[_T_FIRST, new] = part.t_first
        table[_FIRST_RAW, new] = part.first_raw[fresh]
        table[_FIRST_POSITION, new] = part.first_position[fresh]
        table[_FIRST_INDEX, new] = log_index


def join(one: Hour, two: Hour) -> Hour:
    """Two parts of one hour of a column; `two` is the later in the log."""
    early, late = (two if two.t_first < one.t_first else one), (two if two.t_last >= one.t_last else one)
    return one._replace(
        **{name: getattr(one, name) + getattr(two, name) for name in _ADDED},
        **{name: getattr(early, name) for name in _FIRST}, **{name: getattr(late, name) for name in _LAST},
        low=min(one.low, two.low), high=max(one.high, two.high))


def _merging(statement: Any) -> Any:
    """The upsert that does in the database what `join` does here."""
    old, new = RollupRow.__table__.c, statement.excluded  # type: ignore[attr-defined]
    earlier, later = new.t_first < old.t_first, new.t_last >= old.t_last
    changes = {name: old[name] + new[name] for name in _ADDED}
    changes |= {name: case((earlier, new[name]), else_=old[name]) for name in _FIRST}
    changes |= {name: case((later, new[name]), else_=old[name]) for name in _LAST}
    changes["low"] = case((new.low < old.low, new.low), else_=old.low)
    changes["high"] = case((new.high > old.high, new.high), else_=old.high)
    return statement.on_conflict_do_update(index_elements=["meter", "quantity", "hour"], set_=changes)


def load_heads(connection: Connection, meters: Iterable[str]) -> Heads:
    """The last counted (time, position) of every register of some meters."""
    found: Heads = {}
    names = sorted(meters)
    for part in chunks(names):
        columns = (col(RegisterRow.meter), col(RegisterRow.quantity), col(RegisterRow.time), col(RegisterRow.position))
        query = select(*columns).where(col(RegisterRow.meter).in_(part))
        found |= {(row[0], row[1]): (row[2], row[3]) for row in connection.execute(query)}
    return found


def stored_hours(connection: Connection) -> Iterator[Hour]:
    """Every hour of the read model."""
    query = select(*[col(getattr(RollupRow, name)) for name in Hour._fields])
    return (Hour(*row) for row in connection.execute(query))
