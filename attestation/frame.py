"""Frames: what one gateway signs at a time, and how frames chain.

    ["carbonseal-frame/1", site, gateway, epoch, seq, prev, t_first, t_last, clock, beacon, profiles,
     blocks_root, block_count, reading_count, gap_count]

seq counts from 0 without a hole in an epoch; prev is the SHA-256 of the payload before, and at seq 0 [head, reason].
So the last frame of an hour proves all before it. A submission is an envelope with the blocks its frame names.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from itertools import pairwise
from typing import Any, NamedTuple

from attestation.block import Header, decode_header
from core import cbor
from core.errors import FormError, VerificationFailed
from core.ids import check_id
from core.merkle import leaf_hash, root
from core.period import MAX_INSTANT
from core.records import ClockQuality

SCHEMA = "carbonseal-frame/1"
MAX_PAYLOAD_BYTES = 4096
# A signed 64-bit integer in every database; at one frame a second a gateway needs 2.9e11 years.
MAX_COUNTER = 2**63 - 1
MAX_BLOCKS = 4096
MAX_SUBMISSION_BYTES = 64 * 2**20
# More than a week of minutes. Without it megabytes of empty submissions, which need no key, hold the one writer.
MAX_SUBMISSIONS = 2**14

KEY, RESET, FIRMWARE, LOST_SPOOL = "key", "reset", "firmware", "lost-spool"
START_REASONS = frozenset({KEY, RESET, FIRMWARE, LOST_SPOOL})


class EpochStart(NamedTuple):
    """In the place of prev at seq 0: the last frame of the epoch before (None in epoch 0) and why a new one begins.

    lost-spool is a declared loss: frames after `head` were signed and are gone, so `head` may be any, or None.
    """

    head: bytes | None
    reason: str


class Beacon(NamedTuple):
    """A finalised block the gateway had seen: the frame is not older than it."""

    chain_id: int
    number: int
    hash: bytes


class Frame(NamedTuple):
    """A frame. `profiles`: digest of the configuration the gateway read by, for auditors; no rule reads it.

    Times in ms UTC; counts: blocks, readings (one meter at one instant), blocks with a gap."""

    site: str
    gateway: str
    epoch: int
    seq: int
    prev: bytes | EpochStart
    t_first: int
    t_last: int
    clock: ClockQuality
    beacon: Beacon | None
    profiles: bytes
    blocks_root: bytes
    block_count: int
    reading_count: int
    gap_count: int


class Submission(NamedTuple):
    """What a gateway sends: an envelope, and (header, body) bytes of each block, sorted by meter."""

    envelope: bytes
    blocks: tuple[tuple[bytes, bytes], ...]


class Link(NamedTuple):
    """The place of a frame in its gateway's chain; `digest` is the SHA-256 of its payload."""

    epoch: int
    seq: int
    digest: bytes


def encode_frame(frame: Frame) -> bytes:
    """The payload of a frame."""
    prev = list(frame.prev) if isinstance(frame.prev, EpochStart) else frame.prev
    return cbor.encode([SCHEMA, *frame[:4], prev, *frame[5:7], int(frame.clock), frame.beacon and list(frame.beacon),
                        *frame[9:]])


def decode_frame(payload: bytes) -> Frame:
    """The frame of its payload, every field checked. Raises FormError (frame-…, cbor-…)."""
    item = cbor.decode(payload, limit=MAX_PAYLOAD_BYTES)
    if type(item) is not list or len(item) != 15 or item[0] != SCHEMA:
        raise FormError("frame-form", f"not an array of fifteen that begins with {SCHEMA}")
    _, site, gateway, epoch, seq, prev, t_first, t_last, clock, beacon, profiles, blocks_root, *counts = item
    check_id(site, where="site")
    check_id(gateway, where="gateway")
    _check_range((epoch, seq), MAX_COUNTER, "epoch or seq")
    _check_range((t_first, t_last), MAX_INSTANT, "t_first or t_last")
    _check_range(counts, MAX_COUNTER, "a count")
    _check_range((clock,), max(ClockQuality), "clock")
    if t_last < t_first:
        raise FormError("frame-times", "the frame ends before it begins")
    if not 0 < counts[0] <= MAX_BLOCKS or counts[2] > counts[0]:
        raise FormError("frame-counts", f"a frame has 1 to {MAX_BLOCKS} blocks, and no more gaps than blocks")
    return Frame(site, gateway, epoch, seq, _read_prev(prev, epoch, seq), t_first, t_last, ClockQuality(clock),
                 _read_beacon(beacon), _hash(profiles, "profiles"), _hash(blocks_root, "blocks_root"), *counts)


def _check_range(values: Sequence[object], limit: int, name: str) -> None:
    for value in values:
        if type(value) is not int or not 0 <= value <= limit:
            raise FormError("frame-range", f"{name} is not an integer from 0 to {limit}")


def _hash(value: object, name: str) -> bytes:
    if type(value) is not bytes or len(value) != 32:
        raise FormError("frame-form", f"{name} is not a hash of 32 bytes")
    return value


def _read_prev(value: Any, epoch: int, seq: int) -> bytes | EpochStart:
    if seq > 0:
        return _hash(value, "prev")
    if type(value) is not list or len(value) != 2 or type(value[1]) is not str or value[1] not in START_REASONS:
        raise FormError("frame-start", "the first frame of an epoch names [head, reason]",
                        hint="reason is one of " + ", ".join(sorted(START_REASONS)))
    start = EpochStart(value[0] if value[0] is None else _hash(value[0], "head"), value[1])
    if epoch == 0 and start != (None, KEY):
        raise FormError("frame-start", "epoch 0 starts with [null, key]")
    if epoch > 0 and start.head is None and start.reason != LOST_SPOOL:
        raise FormError("frame-start", "only a lost spool may leave the head open")
    return start


def _read_beacon(value: Any) -> Beacon | None:
    if value is None:
        return None
    if type(value) is not list or len(value) != 3:
        raise FormError("frame-beacon", "a beacon is [chain id, number, hash]")
    _check_range(value[:2], MAX_COUNTER, "beacon")
    return Beacon(value[0], value[1], _hash(value[2], "beacon"))


def link_of(frame: Frame, payload: bytes) -> Link:
    """The place of a frame in its chain."""
    return Link(frame.epoch, frame.seq, sha256(payload).digest())


def chain_defect(last: Link | None, frame: Frame) -> str | None:
    """None when `frame` is the next of its gateway's chain after `last`; otherwise the code of what is wrong."""
    if isinstance(frame.prev, EpochStart):
        if frame.epoch != (0 if last is None else last.epoch + 1):
            return "frame-epoch"
        agreed = last is None or frame.prev.reason == LOST_SPOOL or frame.prev.head == last.digest
        return None if agreed else "frame-head"
    if last is None or frame.epoch != last.epoch:
        return "frame-epoch"
    if frame.seq != last.seq + 1:
        return "frame-sequence"
    return None if frame.prev == last.digest else "frame-prev"


def check_successor(last: Link | None, frame: Frame) -> None:
    """Passes when `frame` follows `last` in its chain. Raises VerificationFailed (frame-…), naming the hole."""
    code = chain_defect(last, frame)
    if code:
        before = "the start" if last is None else f"epoch {last.epoch} seq {last.seq}"
        raise VerificationFailed(code, f"epoch {frame.epoch} seq {frame.seq} does not follow {before}",
                                 where=frame.gateway)


def check_headers(frame: Frame, headers: Sequence[bytes]) -> list[Header]:
    """The headers of a frame's blocks, when they are all it names and in order. Raises FormError (frame-blocks-…)."""
    if len(headers) != frame.block_count:
        raise FormError("frame-blocks-count", f"{len(headers)} blocks instead of {frame.block_count}",
                        where=frame.gateway)
    if root([leaf_hash(header) for header in headers]) != frame.blocks_root:
        raise FormError("frame-blocks-root", "the blocks are not those of the frame", where=frame.gateway)
    decoded = [decode_header(header) for header in headers]
    for one, two in pairwise(decoded):
        if one.meter.encode() >= two.meter.encode():
            raise FormError("frame-blocks-order", "meter ids are not unique and sorted", where=two.meter)
    if sum(header.readings for header in decoded) != frame.reading_count:
        raise FormError("frame-counts", "reading_count is not the sum over the blocks", where=frame.gateway)
    if sum(header.gap is not None for header in decoded) != frame.gap_count:
        raise FormError("frame-counts", "gap_count is not that of the blocks", where=frame.gateway)
    return decoded


def span(headers: Sequence[Header], last_times: Sequence[int]) -> tuple[int, int]:
    """(t_first, t_last) of a frame: over the blocks with readings, or over the gaps when all are silent.

    `last_times[i]`: time of the last reading of block i, or the end of its gap.
    """
    ends = [(header.t0, last) for header, last in zip(headers, last_times, strict=True) if header.readings]
    ends = ends or [(header.t0, last) for header, last in zip(headers, last_times, strict=True)]
    return min(first for first, _ in ends), max(last for _, last in ends)


def check_span(frame: Frame, headers: Sequence[Header], last_times: Sequence[int]) -> None:
    """Passes when t_first and t_last are those of the blocks. Raises FormError (frame-times)."""
    if span(headers, last_times) != (frame.t_first, frame.t_last):
        raise FormError("frame-times", "t_first and t_last are not those of the blocks", where=frame.gateway)


def encode_submission(submission: Submission) -> bytes:
    """One item of a frame file or POST body; a file is the concatenation of items."""
    return cbor.encode([submission.envelope, [list(block) for block in submission.blocks]])


def read_submissions(data: bytes) -> Iterator[Submission]:
    """The submissions of a frame file (CBOR sequence), by form alone. Raises FormError (submission-…, cbor-…)."""
    for number, item in enumerate(cbor.sequence(data, limit=MAX_SUBMISSION_BYTES)):
        if number == MAX_SUBMISSIONS:
            raise FormError("submissions-too-many", f"more than {MAX_SUBMISSIONS} frames at once",
                            hint="send smaller batches")
        if type(item) is not list or len(item) != 2 or type(item[0]) is not bytes or type(item[1]) is not list:
            raise _not_a_submission()
        if len(item[1]) > MAX_BLOCKS:
            raise FormError("submission-too-large", f"more than {MAX_BLOCKS} blocks in one frame")
        for block in item[1]:
            if type(block) is not list or [type(part) for part in block] != [bytes, bytes]:
                raise _not_a_submission()
        yield Submission(item[0], tuple([(header, body) for header, body in item[1]]))


def _not_a_submission() -> FormError:
    return FormError("submission-form", "a submission is [envelope, [[block header, block body], …]]")
