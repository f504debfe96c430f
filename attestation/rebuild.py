"""Rebuilding the read models from the entries and bodies, to find where what is stored differs from what follows.

Two passes over the log: the first gathers registrations, the places of frames and equivocations; the second assesses
every frame as acceptance did. Decisions of people (resolved flags) are taken as they stand.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, select
from sqlmodel import SQLModel, col

from attestation import envelope
from attestation.assess import Assessor
from attestation.dispute import parse_dispute
from attestation.envelope import open_envelope
from attestation.flags import EQUIVOCATION, MISSING, Context, Flag, clock_is_off, flag, frame_flags, span_of
from attestation.fold import resolved_to_count
from attestation.frame import Frame, Link, decode_frame, link_of
from attestation.frameblocks import FrameBlocks, open_blocks
from attestation.manifest import ManifestFold, check_rows, parse_manifest
from attestation.models import DisputeRow, FlagRow, FrameRow, GatewayRow, ManifestRow, RegisterRow, RegistrationRow
from attestation.registration import parse_registration
from attestation.rollup import Rollups, stored_hours
from attestation.rows import kept_row
from attestation.storage import blocks_of
from attestation.subjects import LogRegistry
from core.errors import CarbonSealError

MAX_FINDINGS = 1000


class Finding(NamedTuple):
    """A difference between the read models and the entries. `place`: table and key, or log index."""

    code: str
    place: str
    message: str


class _First(NamedTuple):
    """What the first pass gathers."""

    registry: LogRegistry
    registrations: dict[tuple[str, int], tuple[int, bytes]]
    disputes: dict[tuple[str, int], tuple[int, bytes]]
    places: dict[tuple[str, int, int], list[tuple[int, bytes]]]
    carrier_changes: set[int]
    manifest: ManifestFold
    manifest_rows: dict[tuple[str, int], tuple[object, ...]]


def rebuild(connection: Connection, entries: Iterable[bytes]) -> list[Finding]:
    """Every difference found, at most MAX_FINDINGS. `entries`: all envelopes from index 0; is iterated twice."""
    findings: list[Finding] = []
    first = _first_pass(entries, findings)
    findings += _compare("registration", first.registrations, _stored(
        connection, RegistrationRow, 2, "subject", "seq", "log_index", "payload"))
    findings += _compare("dispute", first.disputes, _stored(
        connection, DisputeRow, 2, "gateway", "seq", "log_index", "payload"))
    findings += _compare("manifest-row", first.manifest_rows, _stored(
        connection, ManifestRow, 2, "subject", "size", "head", "entries", "epoch", "seq"))
    findings += _second_pass(connection, entries, first)
    return findings[:MAX_FINDINGS]


def _first_pass(entries: Iterable[bytes], findings: list[Finding]) -> _First:
    first = _First(LogRegistry(), {}, {}, defaultdict(list), set(), ManifestFold(), {})
    for index, data in enumerate(entries):
        try:
            _gather(first, index, data)
            first.manifest.add(data)
        except CarbonSealError as error:
            findings.append(Finding(error.code, f"index {index}", error.message))
    return first


def _gather(first: _First, index: int, data: bytes) -> None:
    opened = open_envelope(data)
    if opened.content_type in envelope.REGISTRATIONS:
        registration = parse_registration(opened.payload, opened.content_type)
        first.registry.add(index, registration)
        first.registrations[registration.subject, registration.seq] = (index, opened.payload)
        first.carrier_changes.add(index)
    elif opened.content_type == envelope.DISPUTE:
        read = parse_dispute(opened.payload)
        first.disputes[read.gateway, read.seq] = (index, opened.payload)
    elif opened.content_type == envelope.FRAME:
        frame = decode_frame(opened.payload)
        first.places[frame.gateway, frame.epoch, frame.seq].append((index, opened.digest))
    elif opened.content_type == envelope.MANIFEST:
        first.manifest_rows.update({row[:2]: row[2:] for row in (
            kept_row(first.manifest, each) for each in first.manifest.changed())})
        check_rows(parse_manifest(opened.payload), first.manifest.rows())


def _second_pass(connection: Connection, entries: Iterable[bytes], first: _First) -> list[Finding]:
    fold = _Fold(connection, first)
    findings: list[Finding] = []
    for index, data in enumerate(entries):
        if index in first.carrier_changes:
            fold.carriers_changed()
        try:
            opened = open_envelope(data)
            if opened.content_type == envelope.FRAME:
                frame = decode_frame(opened.payload)
                fold.add(index, frame, link_of(frame, opened.payload))
        except CarbonSealError as error:
            findings.append(Finding(error.code, f"index {index}", error.message))
    hours = fold.rollups.rows()
    findings += _compare("frame", fold.frames, _stored(
        connection, FrameRow, 1, "log_index", "gateway", "epoch", "seq", "digest", "t_first", "t_last", "disputed"))
    findings += _compare("gateway", fold.gateways, _stored(
        connection, GatewayRow, 1, "gateway", "epoch", "seq", "digest", "log_index", "last_trusted"))
    findings += _compare("flag", fold.flags, _stored(
        connection, FlagRow, 4, "log_index", "meter", "quantity", "code", "t_from", "t_to"))
    findings += _compare("rollup", {hour[:3]: hour[3:] for hour in hours},
                         {hour[:3]: hour[3:] for hour in stored_hours(connection)})
    findings += _compare("register", fold.rollups.heads(), _stored(
        connection, RegisterRow, 2, "meter", "quantity", "time", "position"))
    return findings


class _Fold:
    """The second pass: acceptance over again, without a database to write to."""

    def __init__(self, connection: Connection, first: _First) -> None:
        self._connection = connection
        self._first = first
        self._subjects = first.registry
        self._assessor = Assessor(self._subjects, {})
        self._cleared = resolved_to_count(connection)
        # When a frame came and what was known of its beacon then is the node's word, like a resolution.
        self._circumstances = _stored(connection, FrameRow, 1, "log_index", "received", "beacon_time")
        self._carried: dict[str, frozenset[str]] = {}
        self.rollups = Rollups()
        self.frames: dict[int, tuple[object, ...]] = {}
        self.gateways: dict[str, tuple[object, ...]] = {}
        self.flags: dict[tuple[int, str, str, str], tuple[int, int]] = {}
        self._before: dict[str, int] = {}

    def add(self, index: int, frame: Frame, link: Link) -> None:
        kept = self._first.places[frame.gateway, frame.epoch, frame.seq]
        disputed = kept[0][0] != index
        self.frames[index] = (frame.gateway, frame.epoch, frame.seq, link.digest, frame.t_first, frame.t_last, disputed)
        blocks = open_blocks(frame, blocks_of(self._connection, index))
        before = self._before.get(frame.gateway, -1)
        received, beacon_time = self._circumstances.get(index, (frame.t_last, -1))
        context = Context(index, received, before, beacon_time, self._cleared.get(index, frozenset()))
        flags = [flag(EQUIVOCATION, span_of(frame))] if len(kept) > 1 else []
        if disputed:
            self._keep(index, flags)
            return
        flags += frame_flags(frame, context)
        flags += self._missing(frame, index, blocks)
        assessment = self._assessor.assess(span_of(frame), blocks, context, flags)
        self.rollups.add(assessment, index)
        self._keep(index, assessment.flags)
        self._before[frame.gateway] = before if clock_is_off(frame, context) else frame.t_last
        self.gateways[frame.gateway] = (*link, index, self._before[frame.gateway])

    def _keep(self, index: int, flags: Iterable[Flag]) -> None:
        self.flags |= {(index, found.meter, found.quantity, found.code): (found.t_from, found.t_to) for found in flags}

    def carriers_changed(self) -> None:
        """A registration stands at this place of the log."""
        self._carried.clear()
        self._assessor.forget()

    def _missing(self, frame: Frame, index: int, blocks: FrameBlocks) -> list[Flag]:
        if frame.gateway not in self._carried:
            self._carried[frame.gateway] = self._subjects.carried_by(frame.gateway, index)
        missing = self._carried[frame.gateway].difference([header.meter for header in blocks.headers])
        return [flag(MISSING, span_of(frame), meter) for meter in sorted(missing)]


def _compare(table: str, expected: Mapping[Any, Any], stored: Mapping[Any, Any]) -> Iterator[Finding]:
    """What is missing, invented or different in one table."""
    for key in sorted(expected.keys() | stored.keys(), key=str):
        if key not in stored:
            yield Finding(f"{table}-missing", f"{table} {key}", "follows from the entries and is not stored")
        elif key not in expected:
            yield Finding(f"{table}-invented", f"{table} {key}", "is stored and does not follow from the entries")
        elif expected[key] != stored[key]:
            yield Finding(f"{table}-differs", f"{table} {key}", "is stored otherwise than the entries say")


def _stored(connection: Connection, table: type[SQLModel], keys: int, *names: str) -> dict[Any, Any]:
    """The rows of a table: the first `keys` columns named → the others; single ones bare."""
    found = {}
    for row in connection.execute(select(*[col(getattr(table, name)) for name in names])):
        key, value = tuple(row[:keys]), tuple(row[keys:])
        found[key[0] if keys == 1 else key] = value
    return found
