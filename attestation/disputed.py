"""Taking disputed frames out of what counts, at the cost of the hours around them and not of the whole history.

What a frame counts depends on the frames before it only through the last counted reading of each register. So the
fold is resumed shortly before a disputed frame (`seeds`) and goes on twice, with the frame and without it, until both
have the same last readings: from there on nothing differs. The fold with the frame has to give what is stored. Where
it does not, readings count that are not in order of time (somebody decided so, or a meter changed its gateway), and
the meters are folded from their first frame instead (`refold`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, select
from sqlmodel import col

from attestation.flags import COUNTS, EQUIVOCATION, MISSING, keeps_out
from attestation.fold import FlagKey, Fold, Resolutions, Stored, resolutions, stored_frames
from attestation.models import BlockRow, FlagRow, FrameRow, RegisterRow, RollupRow
from attestation.refold import refold, replace_flags
from attestation.rollup import Hour
from attestation.seeds import counted_registers, seeds_before
from attestation.storage import chunks, insert_rows
from attestation.subjects import DatabaseRegistry

# Log entries read at once: most disputes end within the first part, and a busy log has others' frames between.
_FIRST_PART, _LONGEST_PART = 128, 8192

_Hours = dict[tuple[str, str, int], Hour]


class _Frame(NamedTuple):
    log_index: int
    t_first: int
    t_last: int


def take_out(connection: Connection, indices: Sequence[int]) -> None:
    """Take frames, given by log index and flagged as disputed just now, out of rollups, register heads and flags.

    The read models are afterwards what `refold` of the meters of these frames gives.
    """
    pending = set(indices)
    for meters, frames in _by_meters(connection, indices).items():
        pending.difference_update([frame.log_index for frame in frames])
        waiting = [frame for frame in frames if not _is_out_already(connection, frame.log_index)]
        while waiting:
            last = _Window(connection, meters, waiting, frozenset(pending)).replace()
            if last is None:
                refold(connection, meters)
                break
            waiting = [frame for frame in waiting if frame.log_index > last]


def _by_meters(connection: Connection, indices: Sequence[int]) -> dict[tuple[str, ...], list[_Frame]]:
    """The frames that concern the same meters, in order of the log."""
    meters: defaultdict[_Frame, list[str]] = defaultdict(list)
    query = (select(col(FrameRow.log_index), col(FrameRow.t_first), col(FrameRow.t_last), col(BlockRow.meter))
             .join(BlockRow, col(BlockRow.log_index) == col(FrameRow.log_index))
             .order_by(col(FrameRow.log_index), col(BlockRow.meter)))
    for part in chunks(sorted(indices)):
        for index, t_first, t_last, meter in connection.execute(query.where(col(FrameRow.log_index).in_(part))):
            meters[_Frame(index, t_first, t_last)].append(meter)
    groups: defaultdict[tuple[str, ...], list[_Frame]] = defaultdict(list)
    for frame, names in meters.items():
        groups[tuple(names)].append(frame)
    return groups


def _is_out_already(connection: Connection, index: int) -> bool:
    """Whether nothing of a frame counted even before it was disputed."""
    decided = resolutions(connection, index, index)
    others = [each for each in decided.frame_flags.get(index, []) if each.code != EQUIVOCATION]
    return keeps_out(others, decided.cleared.get(index, frozenset()))


class _Window:
    """The frames of some meters from shortly before the first of `disputed` on, folded with them and without.

    `hidden`: frames that bear the flag of a dispute already and are still to be taken out.
    """

    def __init__(self, connection: Connection, meters: Sequence[str], disputed: Sequence[_Frame],
                 hidden: frozenset[int]) -> None:
        self._connection = connection
        self._meters = meters
        self._disputed = frozenset([frame.log_index for frame in disputed])
        self._hidden = hidden
        self._first = disputed[0]
        self._registry = DatabaseRegistry(connection)
        self._registry.load(meters)
        self._with, self._without = Fold(self._registry, meters), Fold(self._registry, meters)
        self._touched: set[int] = set()
        self._end = (0, -1)

    def replace(self) -> int | None:
        """Write what counts without the disputed frames; the log index up to which they are done.

        None, and nothing written, when the fold with them does not give what is stored.
        """
        if self._has_mixed_columns() or self._has_decided_clocks():
            return None
        last = self._fold()
        stored = self._stored_hours()
        flags, resolved = self._stored_flags(last)
        before, after = self._hours_of(self._with), self._hours_of(self._without)
        if before != stored or self._with.flag_keys() - resolved != flags:
            return None
        self._replace_hours(before, after)
        self._replace_flags(last, resolved)
        self._replace_heads()
        return last

    def _has_mixed_columns(self) -> bool:
        """Whether a column was a register at times and a gauge at others: hours do not tell which they are of."""
        return any(len({rule.register for rule in self._registry.rules(*column)}) > 1
                   for column in counted_registers(self._connection, self._meters))

    def _has_decided_clocks(self) -> bool:
        """Whether someone let a register count that goes back in time: its last hour is not its last reading then."""
        query = select(col(FlagRow.log_index)).where(
            col(FlagRow.meter).in_(self._meters), col(FlagRow.code) == "clock-off", col(FlagRow.resolution) == COUNTS)
        return self._connection.execute(query.limit(1)).first() is not None

    def _fold(self) -> int:
        """Fold on until with and without give the same; the log index of the last frame folded."""
        start, seeds = seeds_before(self._connection, self._registry, self._meters, self._first.log_index,
                                    self._first.t_first, self._first.t_last)
        last = start
        for stored, decided in self._frames(start):
            if stored.log_index > self._first.log_index and self._is_done(last):
                break
            while seeds and seeds[-1].log_index < stored.log_index:
                seed = seeds.pop()
                self._with.assessor.heads[seed.column] = self._without.assessor.heads[seed.column] = seed.head
            self._add(stored, decided)
            last = stored.log_index
        return last

    def _is_done(self, last: int) -> bool:
        """Whether nothing can differ after the frame at `last`, and all frames of the hours that did were folded."""
        if self._with.assessor.heads != self._without.assessor.heads:
            return False
        if self._end[0] != len(self._touched):
            ends = [row.last_index for row in self._stored_hours().values()]
            self._end = (len(self._touched), max(ends, default=-1))
        return last >= self._end[1]

    def _frames(self, start: int) -> Iterator[tuple[Stored, Resolutions]]:
        final = self._connection.execute(select(func.max(col(FrameRow.log_index)))).scalar_one()
        first, length = start + 1, _FIRST_PART
        while first <= final:
            decided = resolutions(self._connection, first, first + length - 1)
            for stored in stored_frames(self._connection, self._meters, first, first + length - 1):
                yield stored, decided
            first, length = first + length, min(2 * length, _LONGEST_PART)

    def _add(self, stored: Stored, decided: Resolutions) -> None:
        index = stored.log_index
        matters = index >= self._first.log_index
        differs = index in self._disputed or self._with.assessor.heads != self._without.assessor.heads
        flags = [each for each in decided.frame_flags.get(index, [])
                 if each.code != EQUIVOCATION or index not in self._hidden]
        old = [each for each in flags if each.code != EQUIVOCATION or index not in self._disputed]
        cleared = decided.cleared.get(index, frozenset())
        one = self._with.add(stored, old, cleared, matters)
        two = self._without.add(stored, flags, cleared, matters)
        if differs:
            self._touched.update([part.hour for each in (one, two) for part in each.slices])

    def _hours_of(self, fold: Fold) -> _Hours:
        """The rows of the hours that differ, as a fold gives them."""
        return {(row.meter, row.quantity, row.hour): row for row in fold.rollups.rows() if row.hour in self._touched}

    def _stored_hours(self) -> _Hours:
        """The stored rows of the hours that differ."""
        query = select(*[col(getattr(RollupRow, name)) for name in Hour._fields])
        found: _Hours = {}
        for part in chunks(sorted(self._touched)):
            for row in self._connection.execute(query.where(
                    col(RollupRow.meter).in_(self._meters), col(RollupRow.hour).in_(part))):
                found[row[0], row[1], row[2]] = Hour(*row)
        return found

    def _stored_flags(self, last: int) -> tuple[set[FlagKey], set[FlagKey]]:
        """The stored flags of the meters from the dispute on: open ones, and resolved ones."""
        query = select(col(FlagRow.log_index), col(FlagRow.meter), col(FlagRow.quantity), col(FlagRow.code),
                       col(FlagRow.resolution)).where(
            col(FlagRow.log_index).between(self._first.log_index, last), col(FlagRow.meter).in_(self._meters),
            col(FlagRow.code) != MISSING)
        flags: tuple[set[FlagKey], set[FlagKey]] = (set(), set())
        for index, meter, quantity, code, resolution in self._connection.execute(query):
            flags[bool(resolution)].add((index, meter, quantity, code))
        return flags

    def _replace_hours(self, before: _Hours, after: _Hours) -> None:
        changed = sorted({key[2] for key in before.keys() | after.keys() if before.get(key) != after.get(key)})
        for part in chunks(changed):
            self._connection.execute(delete(RollupRow).where(
                col(RollupRow.meter).in_(self._meters), col(RollupRow.hour).in_(part)))
        wanted = set(changed)
        insert_rows(self._connection, RollupRow, [row for key, row in after.items() if key[2] in wanted])

    def _replace_flags(self, last: int, resolved: set[FlagKey]) -> None:
        self._connection.execute(delete(FlagRow).where(
            col(FlagRow.log_index).between(self._first.log_index, last), col(FlagRow.meter).in_(self._meters),
            col(FlagRow.resolution) == "", col(FlagRow.code) != MISSING))
        replace_flags(self._connection, self._without, resolved)

    def _replace_heads(self) -> None:
        """The last reading of each register is that of its last hour."""
        columns = sorted({*counted_registers(self._connection, self._meters), *self._without.rollups.heads()})
        self._connection.execute(delete(RegisterRow).where(col(RegisterRow.meter).in_(self._meters)))
        rows = []
        for meter, quantity in columns:
            row = self._connection.execute(
                select(col(RollupRow.t_last), col(RollupRow.last_position))
                .where(col(RollupRow.meter) == meter, col(RollupRow.quantity) == quantity)
                .order_by(col(RollupRow.hour).desc()).limit(1)).first()
            if row is not None:
                rows.append((meter, quantity, *row))
        insert_rows(self._connection, RegisterRow, rows)
