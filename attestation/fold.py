"""The fold of stored frames into what counts of some meters: hours, last readings and flags, in order of the log."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from sqlalchemy import Connection, select
from sqlmodel import col

from attestation.assess import Assessment, Assessor
from attestation.block import Body, Header, decode_body, decode_header
from attestation.flags import COUNTS, Context, Flag, Span
from attestation.frameblocks import side_by_side
from attestation.models import BlockRow, FlagRow, FrameRow
from attestation.rollup import Rollups
from attestation.storage import unpack_body
from attestation.subjects import LATEST, DatabaseRegistry

Cleared = frozenset[tuple[str, str, str]]
"""(meter, quantity, code) of the flags of a frame that someone decided to let count."""
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


class Fold:
    """Frames assessed one after another as acceptance did, by today's registrations of the meters."""

    def __init__(self, registry: DatabaseRegistry, meters: Sequence[str]) -> None:
        self.assessor = Assessor(registry, {})
        self.rollups = Rollups()
        self._flags: list[tuple[int, str, Flag]] = []
        self._changes = _registration_indices(registry, meters)

    def add(self, stored: Stored, frame_flags: list[Flag], cleared: Cleared, matters: bool = True) -> Assessment:
        """Fold the next frame. `frame_flags`: of the frame as a whole; `matters`: whether its own flags are kept."""
        while self._changes and self._changes[-1] < stored.log_index:
            self._changes.pop()
            self.assessor.forget()
        context = Context(stored.log_index, stored.received, -1, -1, cleared)
        blocks = side_by_side(stored.headers, stored.bodies)
        assessment = self.assessor.assess(stored.span, blocks, context, frame_flags)
        self.rollups.add(assessment, stored.log_index)
        if matters:
            self._flags += [(stored.log_index, stored.span.gateway, flag) for flag in assessment.flags if flag.meter]
        return assessment

    def flags(self, resolved: Collection[FlagKey]) -> list[tuple[int, str, Flag]]:
        """(log index, gateway, flag) of what is doubtful and not resolved."""
        return [each for each in self._flags if key_of(each[0], each[2]) not in resolved]

    def flag_keys(self) -> set[FlagKey]:
        """What all its flags are stored under."""
        return {key_of(index, flag) for index, _, flag in self._flags}


def _registration_indices(registry: DatabaseRegistry, meters: Sequence[str]) -> list[int]:
    """Where in the log the meters were registered, last first."""
    found = [registry.get(meter) for meter in meters]
    return sorted((entry.leaf_index for subject in found if subject for entry in subject.history.entries), reverse=True)


def key_of(log_index: int, flag: Flag) -> FlagKey:
    """What a flag is stored under."""
    return log_index, flag.meter, flag.quantity, flag.code


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
