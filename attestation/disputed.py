"""Taking disputed frames out of what counts, at the cost of the hours around them and not of the whole history.

What a frame counts depends on the frames before it only through the last counted reading of each register. So the
fold is resumed shortly before a disputed frame, from a reading that an hour's row names, and goes on twice, with the
frame and without it, until both have the same last readings: from there on nothing differs. The fold with the frame
has to give what is stored. Where it does not, readings count that are not in order of time (somebody decided so, or a
meter changed its gateway), and the meters are folded from their first frame instead.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, select
from sqlmodel import col

from attestation.assess import USABLE, Assessment, Assessor, parts, serials
from attestation.block import columns_of, decode_body, decode_header, quality_of, times_of
from attestation.flags import HOUR_MS, Context, Flag, keeps_out
from attestation.frameblocks import side_by_side
from attestation.models import BlockRow, FlagRow, FrameRow, RegisterRow, RollupRow
from attestation.refold import (
    COUNTS,
    MISSING,
    FlagKey,
    Resolutions,
    Stored,
    forget_answered,
    key_of,
    record_flags,
    refold,
    registration_indices,
    resolutions,
    stored_frames,
)
from attestation.rollup import Hour, Rollups
from attestation.storage import chunks, insert_rows, unpack_body
from attestation.subjects import DatabaseRegistry

EQUIVOCATION = "equivocation"
# Log entries read at once: most disputes end within the first part, and a busy log has others' frames between.
_FIRST_PART, _LONGEST_PART = 128, 8192

_Hours = dict[tuple[str, str, int], Hour]


class _Frame(NamedTuple):
    log_index: int
    t_first: int
    t_last: int


class _Seed(NamedTuple):
    """The last counted (time, position) of a register, as of the frame at `log_index`."""

    log_index: int
    column: tuple[str, str]
    head: tuple[int, int]


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
        self._with, self._without = _Fold(self._registry), _Fold(self._registry)
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
        before, after = self._with.hours(self._touched), self._without.hours(self._touched)
        if before != stored or self._with.flag_keys() - resolved != flags:
            return None
        self._replace_hours(before, after)
        self._replace_flags(last, resolved)
        self._replace_heads()
        return last

    def _has_mixed_columns(self) -> bool:
        """Whether a column was a register at times and a gauge at others: hours do not tell which they are of."""
        return any(len({rule.register for rule in self._registry.rules(*column)}) > 1
                   for column in self._columns())

    def _has_decided_clocks(self) -> bool:
        """Whether someone let a register count that goes back in time: its last hour is not its last reading then."""
        query = select(col(FlagRow.log_index)).where(
            col(FlagRow.meter).in_(self._meters), col(FlagRow.code) == "clock-off", col(FlagRow.resolution) == COUNTS)
        return self._connection.execute(query.limit(1)).first() is not None

    def _columns(self) -> list[tuple[str, str]]:
        """The registers that ever counted."""
        query = select(col(RegisterRow.meter), col(RegisterRow.quantity)).where(
            col(RegisterRow.meter).in_(self._meters))
        return [(meter, quantity) for meter, quantity in self._connection.execute(query)]

    def _fold(self) -> int:
        """Fold on until with and without give the same; the log index of the last frame folded."""
        start, seeds = self._seeds()
        changes = registration_indices(self._registry, self._meters)
        last = start
        for stored, decided in self._frames(start):
            if stored.log_index > self._first.log_index and self._is_done(last):
                break
            while seeds and seeds[-1].log_index < stored.log_index:
                seed = seeds.pop()
                self._with.assessor.heads[seed.column] = self._without.assessor.heads[seed.column] = seed.head
            while changes and changes[-1] < stored.log_index:
                changes.pop()
                self._with.assessor.forget()
                self._without.assessor.forget()
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

    def _seeds(self) -> tuple[int, list[_Seed]]:
        """The log index after which to begin, and where each register then stands, last first.

        An hour ends with its row's last reading, unless the frame of that reading counts in the hours of the dispute
        too: then the fold begins after the frame of the hour's first reading.
        """
        hour = self._first.t_first // HOUR_MS * HOUR_MS
        table = RollupRow
        needed = self._connection.execute(select(func.min(col(table.first_index))).where(
            col(table.meter).in_(self._meters), col(table.hour).between(hour, self._first.t_last))).scalar_one()
        needed = min(self._first.log_index, self._first.log_index if needed is None else needed)
        start, seeds = needed - 1, []
        for column in self._columns():
            row = self._hour_before(column, hour, needed)
            if row is not None and row.last_index < needed:
                seeds.append(_Seed(row.last_index, column, (row.t_last, row.last_position)))
            elif row is not None:
                seeds.append(_Seed(row.first_index, column, self._head_after_first(row)))
                start = min(start, row.first_index)
        return start, sorted(seeds, reverse=True)

    def _hour_before(self, column: tuple[str, str], hour: int, needed: int) -> Hour | None:
        """The last hour of a register before `hour` that begins with a frame before `needed`."""
        query = (select(*[col(getattr(RollupRow, name)) for name in Hour._fields])
                 .where(col(RollupRow.meter) == column[0], col(RollupRow.quantity) == column[1],
                        col(RollupRow.hour) < hour, col(RollupRow.first_index) < needed)
                 .order_by(col(RollupRow.hour).desc()).limit(1))
        row = self._connection.execute(query).first()
        return None if row is None else Hour(*row)

    def _head_after_first(self, row: Hour) -> tuple[int, int]:
        """The last reading of a register in the frame with the first reading of an hour."""
        packed = self._connection.execute(select(col(BlockRow.header), col(BlockRow.body)).where(
            col(BlockRow.log_index) == row.first_index, col(BlockRow.meter) == row.meter)).one()
        header = decode_header(packed.header)
        body = decode_body(unpack_body(packed.body), header)
        times = times_of(header, body)
        counted = (times >= row.t_first) & [code in USABLE for code in quality_of(body).tolist()]
        values = next(column.values for column in columns_of(body) if column.quantity == row.quantity)[counted]
        position = row.first_position
        for start, stop, rule in parts(self._registry.rules(row.meter, row.quantity), times[counted]):
            if rule is not None:
                position = int(serials(rule, values[start:stop], position)[-1])
        return int(times[counted][-1]), position

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
        record_flags(self._connection, [
            (index, gateway, flag) for index, gateway, flag in self._without.flags
            if key_of(index, flag) not in resolved])
        forget_answered(self._connection, resolved - self._without.flag_keys())

    def _replace_heads(self) -> None:
        """The last reading of each register is that of its last hour."""
        columns = sorted({*self._columns(), *self._without.rollups.heads(self._without.hours(self._touched).values())})
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


class _Fold:
    """One of the two folds of a window."""

    def __init__(self, registry: DatabaseRegistry) -> None:
        self.assessor = Assessor(registry, {})
        self.rollups = Rollups()
        self.flags: list[tuple[int, str, Flag]] = []

    def add(self, stored: Stored, flags: list[Flag], cleared: frozenset[tuple[str, str, str]],
            matters: bool) -> Assessment:
        """Fold a frame. `matters`: whether its flags are of the window, and not of what comes before the dispute."""
        context = Context(stored.log_index, stored.received, -1, -1, cleared)
        blocks = side_by_side(stored.headers, stored.bodies)
        assessment = self.assessor.assess(stored.span, blocks, context, flags)
        self.rollups.add(assessment, stored.log_index)
        if matters:
            self.flags += [(stored.log_index, stored.span.gateway, flag) for flag in assessment.flags if flag.meter]
        return assessment

    def hours(self, touched: set[int]) -> _Hours:
        """The rows of some hours."""
        return {(row.meter, row.quantity, row.hour): row for row in self.rollups.rows() if row.hour in touched}

    def flag_keys(self) -> set[FlagKey]:
        """What the flags are stored under."""
        return {key_of(index, flag) for index, _, flag in self.flags}
