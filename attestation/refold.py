"""Folding the evidence of some meters anew: after a registration about the past, a resolution, an equivocation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from sqlalchemy import Connection, delete, select
from sqlmodel import col

from attestation.assess import Assessor
from attestation.block import Body, Header, decode_body, decode_header
from attestation.flags import Context, Flag, Span
from attestation.frameblocks import side_by_side
from attestation.models import BlockRow, FlagRow, FrameRow, RegisterRow, RollupRow
from attestation.rollup import Rollups
from attestation.storage import insert_rows, unpack_body
from attestation.subjects import LATEST, DatabaseRegistry

# The resolution that lets flagged readings count; every other one keeps them out as long as the doubt follows.
COUNTS = "counts"
# About a block that is not there: only the frame as a whole shows it.
MISSING = "meter-missing"

Cleared = frozenset[tuple[str, str, str]]
FlagKey = tuple[int, str, str, str]
"""(log index, meter, quantity, code) of a flag."""


class Stored(NamedTuple):
    """A frame of the log with the blocks of some meters; `received` in ms UTC."""

    log_index: int
    span: Span
    received: int
    headers: list[Header]
    bodies: list[Body]


class Resolutions(NamedTuple):
    """By log index what people decided to count, and the flags of whole frames; keys of every resolved flag."""

    cleared: dict[int, Cleared]
    frame_flags: dict[int, list[Flag]]
    resolved: set[FlagKey]


def refold(connection: Connection, meters: Sequence[str]) -> None:
    """Recompute rollups, register heads and open flags of some meters from their blocks, by today's registrations."""
    _forget(connection, meters)
    cleared, frame_flags, resolved = resolutions(connection)
    registry = DatabaseRegistry(connection)
    assessor, rollups = Assessor(registry, {}), Rollups()
    changes = registration_indices(registry, meters)
    flags: list[tuple[int, str, Flag]] = []
    for stored in stored_frames(connection, meters):
        while changes and changes[-1] < stored.log_index:
            changes.pop()
            assessor.forget()
        blocks = side_by_side(stored.headers, stored.bodies)
        context = Context(stored.log_index, stored.received, -1, -1, cleared.get(stored.log_index, frozenset()))
        assessment = assessor.assess(stored.span, blocks, context, frame_flags.get(stored.log_index, []))
        rollups.add(assessment, stored.log_index)
        flags += [(stored.log_index, stored.span.gateway, flag) for flag in assessment.flags if flag.meter]
    rollups.flush(connection)
    found = {key_of(index, flag) for index, _, flag in flags}
    record_flags(connection, [each for each in flags if key_of(each[0], each[2]) not in resolved])
    forget_answered(connection, {key for key in resolved if key[1] in meters and key[3] != MISSING} - found)


def registration_indices(registry: DatabaseRegistry, meters: Sequence[str]) -> list[int]:
    """Where in the log the meters were registered, last first."""
    found = [registry.get(meter) for meter in meters]
    return sorted((entry.leaf_index for subject in found if subject for entry in subject.history.entries), reverse=True)


def record_flags(connection: Connection, flags: Iterable[tuple[int, str, Flag]]) -> None:
    """Store flags of (log index, gateway)."""
    insert_rows(connection, FlagRow, [
        (index, flag.meter, flag.quantity, flag.code, gateway, flag.excludes, flag.t_from, flag.t_to, "", "", None)
        for index, gateway, flag in flags])


def key_of(log_index: int, flag: Flag) -> FlagKey:
    """What a flag is stored under."""
    return log_index, flag.meter, flag.quantity, flag.code


def forget_answered(connection: Connection, keys: Iterable[FlagKey]) -> None:
    """Drop closed flags whose doubt no longer follows: a registration answered it, or the frame is disputed whole.

    Left behind they would keep out of some answers what counts in others.
    """
    for index, meter, quantity, code in sorted(keys):
        connection.execute(delete(FlagRow).where(
            col(FlagRow.log_index) == index, col(FlagRow.meter) == meter, col(FlagRow.quantity) == quantity,
            col(FlagRow.code) == code))


def _forget(connection: Connection, meters: Sequence[str]) -> None:
    for table in (RollupRow, RegisterRow):
        connection.execute(delete(table).where(col(table.meter).in_(meters)))
    connection.execute(delete(FlagRow).where(col(FlagRow.meter).in_(meters), col(FlagRow.resolution) == "",
                                             col(FlagRow.code) != MISSING))


def resolutions(connection: Connection, first: int = 0, last: int = LATEST) -> Resolutions:
    """What was decided and flagged about the frames at log indices first..last."""
    cleared: defaultdict[int, set[tuple[str, str, str]]] = defaultdict(set)
    frames: defaultdict[int, list[Flag]] = defaultdict(list)
    resolved = set()
    query = select(col(FlagRow.log_index), col(FlagRow.meter), col(FlagRow.quantity), col(FlagRow.code),
                   col(FlagRow.t_from), col(FlagRow.t_to), col(FlagRow.resolution))
    for index, meter, quantity, code, t_from, t_to, resolution in connection.execute(
            query.where(
            col(FlagRow.log_index).between(first, last),
            (col(FlagRow.meter) == "") | (col(FlagRow.resolution) != ""))):
        if resolution:
            resolved.add((index, meter, quantity, code))
        if resolution == COUNTS:
            cleared[index].add((meter, quantity, code))
        if not meter:
            frames[index].append(Flag(meter, quantity, code, t_from, t_to))
    return Resolutions({index: frozenset(keys) for index, keys in cleared.items()}, dict(frames), resolved)


def resolved_to_count(connection: Connection) -> dict[int, Cleared]:
    """By log index the flags that someone decided to let count."""
    return resolutions(connection).cleared


def stored_frames(connection: Connection, meters: Sequence[str], first: int = 0,
                  last: int = LATEST) -> Iterator[Stored]:
    """The frames at log indices first..last that hold some of the meters, with the blocks of these alone."""
    query = (select(col(FrameRow.log_index), col(FrameRow.gateway), col(FrameRow.t_first), col(FrameRow.t_last),
                    col(FrameRow.received), col(BlockRow.header), col(BlockRow.body))
             .join(BlockRow, col(BlockRow.log_index) == col(FrameRow.log_index))
             .where(col(BlockRow.meter).in_(meters), col(FrameRow.log_index).between(first, last))
             .order_by(col(FrameRow.log_index), col(BlockRow.ordinal)))
    for index, group in groupby(connection.execute(query), key=lambda row: row[0]):
        rows = list(group)
        headers = [decode_header(row.header) for row in rows]
        bodies = [decode_body(unpack_body(row.body), header) for row, header in zip(rows, headers, strict=True)]
        yield Stored(index, Span(*rows[0][1:4]), rows[0].received, headers, bodies)
