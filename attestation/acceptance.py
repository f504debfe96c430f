"""Acceptance of frames: refuse what cannot be evidence, keep and flag what is doubtful, acknowledge what is known.

`judge` decides about a batch, the log appends what it accepts, `record` keeps the blocks and what follows from them;
all in one transaction. The answer to a refused frame says which epoch and seq is expected: the sender resumes there.

What is asked of a frame, in this order; the numbers stand at the code, and in docs/spec/frames.md:

    1 form       the envelope is a frame's, the frame is canonical
    2 signature  one of the gateway's keys, past or present, signed it for its site
    3 known      the same payload for the same place is acknowledged with its index, whatever became of its key
    4 key        the key may sign for this place
    5 room       a disputed place keeps so many payloads and no more
    6 blocks     they are the frame's, each in form
    7 place      another payload at a place already taken is an equivocation; else the frame follows the last one
    8 doubts     what is doubtful is flagged, and the frame is kept
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import Connection, select
from sqlmodel import col

from attestation import dispute
from attestation.assess import Assessment, Assessor
from attestation.disputed import take_out
from attestation.envelope import FRAME, Envelope, open_envelope, verify_envelope
from attestation.flags import EQUIVOCATION, MISSING, Context, Flag, Span, clock_is_off, flag, frame_flags, span_of
from attestation.frame import Frame, Link, Submission, chain_defect, decode_frame, link_of
from attestation.frameblocks import FrameBlocks, open_blocks
from attestation.history import History, check_grant, device_key, key_at
from attestation.models import BeaconRow, BlockRow, DisputeRow, FlagRow, FrameRow, GatewayRow
from attestation.refold import record_flags
from attestation.registration import DEVICE
from attestation.rollup import Rollups, load_heads
from attestation.storage import chunks, insert_for, insert_rows, pack_body, upsert_rows
from attestation.subjects import LATEST, DatabaseRegistry
from core.clock import Clock
from core.errors import CarbonSealError, FormError, Refused

# Two payloads prove that a key signed twice, a few more show how; without a bound its thief could fill the log.
MAX_PAYLOADS = 16


class Outcome(StrEnum):
    """What becomes of a submission."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    REFUSED = "refused"
    EQUIVOCATION = "equivocation"


@dataclass
class Decision:
    """About one submission. `index`: its log index, known for duplicates at once and for the rest after `record`.

    Times in ms UTC: `received` by the node's clock; `before` and `beacon_time` as `flags.Context` says (−1: none).
    """

    outcome: Outcome
    submission: Submission
    index: int | None = None
    error: CarbonSealError | None = None
    frame: Frame | None = None
    link: Link | None = None
    assessment: Assessment | None = None
    earlier: Decision | None = None
    received: int = 0
    beacon_time: int | None = -1
    before: int = -1
    meters: tuple[str, ...] = ()

    @property
    def appends(self) -> bool:
        """Whether the envelope becomes a log entry."""
        return self.outcome in (Outcome.ACCEPTED, Outcome.EQUIVOCATION)

    def kept(self) -> tuple[int, Frame, Assessment]:
        """(log index, frame, assessment) of a decision that appends and has its index."""
        assert self.index is not None
        assert self.frame is not None
        return self.index, self.frame, self.assessment or Assessment((), (), [], [])


class _Head(NamedTuple):
    link: Link | None
    before: int


def judge(connection: Connection, submissions: Sequence[Submission], clock: Clock, origin: str) -> list[Decision]:
    """One decision for each submission, in order. Nothing is written; nothing of ours is raised for a bad frame."""
    batch = _Batch(connection, clock.now(), origin)
    return [batch.judge(submission) for submission in submissions]


class _Batch:
    """The state of gateways and registers while a batch is judged."""

    def __init__(self, connection: Connection, now: int, origin: str) -> None:
        self._connection = connection
        self._now = now
        self._origin = origin
        self._registry = DatabaseRegistry(connection)
        self._assessor = Assessor(self._registry, {})
        self._heads: dict[str, _Head] = {}
        self._carried: dict[str, frozenset[str]] = {}
        self._places: dict[tuple[str, int, int], list[Decision]] = {}
        self._beacons: dict[tuple[int, int], tuple[bytes, int] | None] = {}
        self._loaded: set[str] = set()

    def judge(self, submission: Submission) -> Decision:
        try:
            return self._judge(submission)
        except CarbonSealError as error:
            return Decision(Outcome.REFUSED, submission, error=error)

    def _judge(self, submission: Submission) -> Decision:
        # 1 form
        opened = open_envelope(submission.envelope)
        if opened.content_type != FRAME:
            raise FormError("frame-content-type", f"{opened.content_type} is not a frame")
        frame = decode_frame(opened.payload)
        link = link_of(frame, opened.payload)
        # 2 signature
        history = self._signer(opened, frame)
        # 3 known
        known = self._known(frame)
        for earlier in known:
            if earlier.link == link:
                return Decision(Outcome.DUPLICATE, submission, earlier.index, earlier=earlier)
        # 4 key
        check_grant(key_at(history, opened.kid, LATEST), link)
        # 5 room
        if len(known) >= MAX_PAYLOADS:
            raise Refused("dispute-full", f"{len(known)} payloads are kept for epoch {frame.epoch} seq {frame.seq}",
                          where=frame.gateway, hint="the place is disputed: ask the registrar to revoke the key")
        decision = Decision(Outcome.ACCEPTED, submission, frame=frame, link=link, received=self._now,
                            beacon_time=self._beacon_time(frame))
        # 6 blocks
        blocks = open_blocks(frame, submission.blocks)
        decision.meters = tuple([header.meter for header in blocks.headers])
        # 7 place
        if known:
            decision.outcome, decision.earlier = Outcome.EQUIVOCATION, known[0]
        else:
            self._check_sequence(frame)
            # 8 doubts
            self._assess(decision, blocks)
        known.append(decision)
        return decision

    def _signer(self, opened: Envelope, frame: Frame) -> History:
        """The history of the gateway that signed, with one of its keys, past or present, for its site."""
        device = self._registry.get(frame.gateway)
        if device is None or device.kind != DEVICE:
            raise Refused("gateway-unknown", "nobody enrolled this gateway", where=frame.gateway,
                          hint="ask the registrar to enrol its key")
        verify_envelope(opened, self._origin, device_key(device.history, opened.kid))
        site = next(entry.registration.fields["site"] for entry in reversed(device.history.entries)
                    if "site" in entry.registration.fields)
        if frame.site != site:
            raise Refused("frame-site", f"the gateway is enrolled at {site}", where=frame.gateway)
        return device.history

    def _known(self, frame: Frame) -> list[Decision]:
        """Frames kept for this place of the chain, the first one first; what is appended to the list is remembered."""
        place = (frame.gateway, frame.epoch, frame.seq)
        if place not in self._places:
            last = self._head(frame.gateway).link
            behind = last is not None and place[1:] <= (last.epoch, last.seq)
            self._places[place] = self._stored(place) if behind else []
        return self._places[place]

    def _stored(self, place: tuple[str, int, int]) -> list[Decision]:
        gateway, epoch, seq = place
        query = (select(col(FrameRow.log_index), col(FrameRow.digest))
                 .where(col(FrameRow.gateway) == gateway, col(FrameRow.epoch) == epoch, col(FrameRow.seq) == seq)
                 .order_by(col(FrameRow.log_index)))
        return [Decision(Outcome.ACCEPTED, Submission(b"", ()), index, link=Link(epoch, seq, digest))
                for index, digest in self._connection.execute(query)]

    def _head(self, gateway: str) -> _Head:
        if gateway not in self._heads:
            query = select(col(GatewayRow.epoch), col(GatewayRow.seq), col(GatewayRow.digest),
                           col(GatewayRow.last_trusted)).where(col(GatewayRow.gateway) == gateway)
            row = self._connection.execute(query).first()
            self._heads[gateway] = _Head(None, -1) if row is None else _Head(Link(row[0], row[1], row[2]), row[3])
        return self._heads[gateway]

    def _check_sequence(self, frame: Frame) -> None:
        last = self._head(frame.gateway).link
        code = chain_defect(last, frame)
        if code:
            epoch, seq = (0, 0) if last is None else (last.epoch, last.seq + 1)
            raise Refused(
                code, f"epoch {frame.epoch} seq {frame.seq} is not what comes next", where=frame.gateway,
                hint=f"resume at epoch {epoch} seq {seq}, or start epoch {epoch + 1 if last else 0}",
                expected_epoch=str(epoch), expected_seq=str(seq), head=None if last is None else last.digest.hex())

    def _assess(self, decision: Decision, blocks: FrameBlocks) -> None:
        assert decision.frame is not None
        frame = decision.frame
        head = self._head(frame.gateway)
        context = Context(LATEST, self._now, head.before, decision.beacon_time)
        flags = frame_flags(frame, context) + self._missing(frame, blocks)
        self._load([header.meter for header in blocks.headers])
        decision.assessment = self._assessor.assess(span_of(frame), blocks, context, flags)
        decision.before = head.before if clock_is_off(frame, context) else frame.t_last
        self._heads[frame.gateway] = _Head(decision.link, decision.before)

    def _missing(self, frame: Frame, blocks: FrameBlocks) -> list[Flag]:
        if frame.gateway not in self._carried:
            self._carried[frame.gateway] = self._registry.carried_by(frame.gateway)
        missing = self._carried[frame.gateway].difference([header.meter for header in blocks.headers])
        return [flag(MISSING, span_of(frame), meter) for meter in sorted(missing)]

    def _load(self, meters: Sequence[str]) -> None:
        """Read what the batch does not hold yet: histories and register heads of the meters."""
        fresh = set(meters).difference(self._loaded)
        if fresh:
            self._loaded |= fresh
            self._registry.load(fresh)
            self._assessor.heads.update(load_heads(self._connection, fresh))

    def _beacon_time(self, frame: Frame) -> int | None:
        if frame.beacon is None:
            return -1
        key = (frame.beacon.chain_id, frame.beacon.number)
        if key not in self._beacons:
            query = select(col(BeaconRow.hash), col(BeaconRow.time))
            row = self._connection.execute(query.where(col(BeaconRow.chain_id) == key[0],
                                                       col(BeaconRow.number) == key[1])).first()
            self._beacons[key] = None if row is None else (row[0], row[1])
        known = self._beacons[key]
        return known[1] if known is not None and known[0] == frame.beacon.hash else None


def record(connection: Connection, decisions: Sequence[Decision], indices: Sequence[int]) -> None:
    """Keep what was judged, in the transaction that appended it. `indices`: of the decisions that append, in order."""
    appended = [decision for decision in decisions if decision.appends]
    for decision, index in zip(appended, indices, strict=True):
        decision.index = index
    for decision in decisions:
        if decision.outcome == Outcome.DUPLICATE and decision.earlier is not None:
            decision.index = decision.earlier.index
    _record_frames(connection, appended)
    accepted = [decision for decision in appended if decision.outcome == Outcome.ACCEPTED]
    _record_gateways(connection, accepted)
    rollups = Rollups()
    flags: list[tuple[int, str, Flag]] = []
    for decision in accepted:
        index, frame, assessment = decision.kept()
        rollups.add(assessment, index)
        flags += [(index, frame.gateway, each) for each in assessment.flags]
    rollups.flush(connection)
    record_flags(connection, flags)
    _record_equivocations(connection, [decision for decision in appended if decision.outcome == Outcome.EQUIVOCATION])


def _record_frames(connection: Connection, appended: Sequence[Decision]) -> None:
    frames, blocks = [], []
    for decision in appended:
        index, frame, _ = decision.kept()
        disputed = decision.outcome == Outcome.EQUIVOCATION
        digest = decision.link.digest if decision.link else b""
        frames.append((index, frame.gateway, frame.epoch, frame.seq, digest, frame.t_first, frame.t_last,
                       decision.received, decision.beacon_time, disputed))
        blocks += [(index, meter, ordinal, header, pack_body(body)) for ordinal, (meter, (header, body))
                   in enumerate(zip(decision.meters, decision.submission.blocks, strict=True))]
    insert_rows(connection, FrameRow, frames)
    insert_rows(connection, BlockRow, blocks)


def _record_gateways(connection: Connection, accepted: Sequence[Decision]) -> None:
    heads = {}
    for decision in accepted:
        index, frame, _ = decision.kept()
        assert decision.link is not None
        heads[frame.gateway] = (frame.gateway, *decision.link, index, decision.before)
    statement = insert_for(connection, GatewayRow)
    names = ("epoch", "seq", "digest", "log_index", "last_trusted")
    upsert_rows(connection, statement.on_conflict_do_update(
        index_elements=["gateway"], set_={name: statement.excluded[name] for name in names}), list(heads.values()))


def _record_equivocations(connection: Connection, decisions: Sequence[Decision]) -> None:
    """Flag every frame of a disputed place, and take what the first ones counted out again.

    Once for the whole batch, and only for places that were not disputed before: a gateway that signs a thousand
    payloads must not fold its meters as often.
    """
    flagged = [(index, span_of(frame)) for index, frame, _ in (decision.kept() for decision in decisions)]
    earlier = [decision.earlier for decision in decisions if decision.earlier is not None]
    firsts = {first.index for first in earlier if first.index is not None}
    fresh = _undisputed(connection, sorted(firsts))
    record_flags(connection, [(index, span.gateway, flag(EQUIVOCATION, span)) for index, span in flagged + fresh])
    if fresh:
        take_out(connection, [index for index, _ in fresh])


def _undisputed(connection: Connection, indices: Sequence[int]) -> list[tuple[int, Span]]:
    """(log index, span) of those frames that bear no flag of an equivocation yet."""
    flagged = select(col(FlagRow.log_index)).where(col(FlagRow.code) == EQUIVOCATION)
    query = select(col(FrameRow.log_index), col(FrameRow.gateway), col(FrameRow.t_first), col(FrameRow.t_last))
    found: list[tuple[int, Span]] = []
    for part in chunks(indices):
        rows = connection.execute(query.where(col(FrameRow.log_index).in_(part),
                                              col(FrameRow.log_index).not_in(flagged)))
        found += [(row[0], Span(*row[1:])) for row in rows]
    return found


def disputes_of(connection: Connection, decisions: Sequence[Decision], now: int) -> list[bytes]:
    """The dispute payloads for the node to sign and append: one for each equivocation that `record` has kept."""
    payloads: list[bytes] = []
    heads: dict[str, bytes | None] = {}
    for decision in decisions:
        if decision.outcome != Outcome.EQUIVOCATION or decision.earlier is None:
            continue
        index, frame, _ = decision.kept()
        if frame.gateway not in heads:
            heads[frame.gateway] = _last_dispute(connection, frame.gateway)
        links = (decision.earlier.link, decision.link)
        drafted = dispute.Dispute(
            frame.gateway, 0, None, frame.epoch, frame.seq, tuple(link.digest for link in links if link),
            (decision.earlier.index or 0, index), now)
        payloads.append(dispute.dispute_payload(dispute.next_dispute(heads[frame.gateway], drafted)))
        heads[frame.gateway] = payloads[-1]
    return payloads


def _last_dispute(connection: Connection, gateway: str) -> bytes | None:
    query = (select(col(DisputeRow.payload)).where(col(DisputeRow.gateway) == gateway)
             .order_by(col(DisputeRow.seq).desc()).limit(1))
    row = connection.execute(query).first()
    return None if row is None else row[0]


def record_dispute(connection: Connection, index: int, payload: bytes) -> None:
    """Keep a dispute that was appended at `index`."""
    read = dispute.parse_dispute(payload)
    insert_rows(connection, DisputeRow, [(read.gateway, read.seq, index, payload)])


def record_beacon(connection: Connection, chain_id: int, number: int, block_hash: bytes, time: int) -> None:
    """Remember a finalised block of the chain; `time` in ms UTC. Known ones are left as they are."""
    statement = insert_for(connection, BeaconRow).on_conflict_do_nothing()
    upsert_rows(connection, statement, [(chain_id, number, block_hash, time)])
