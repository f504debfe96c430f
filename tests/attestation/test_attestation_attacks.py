"""Attacks on frames, blocks and envelopes: arbitrary and mutated bytes, what must differ, what must be bounded."""

from __future__ import annotations

import contextlib
from typing import Any

import cbor2
import numpy as np
import pytest
from attestation_helpers import GATEWAY_KEY, ORIGIN, OTHER_KEY, START, Gateway, block, energy_block, silent
from hypothesis import given, settings
from hypothesis import strategies as st

from attestation import envelope
from attestation.block import (
    MAX_COUNT,
    VALUE_LIMIT,
    BlockData,
    Column,
    Gap,
    decode_block,
    decode_header,
    encode_block,
    encode_header,
)
from attestation.envelope import open_envelope, seal, verify_envelope
from attestation.frame import (
    MAX_BLOCKS,
    MAX_COUNTER,
    MAX_SUBMISSIONS,
    Beacon,
    EpochStart,
    Frame,
    Link,
    Submission,
    chain_defect,
    check_successor,
    decode_frame,
    encode_frame,
    encode_submission,
    read_submissions,
)
from attestation.frameblocks import open_blocks
from core import cbor
from core.errors import CarbonSealError, FormError, VerificationFailed
from core.merkle import leaf_hash
from core.period import MAX_INSTANT
from core.records import ClockQuality
from core.signatures import ESP256
from core.signer import KeySigner

HASH = st.binary(min_size=32, max_size=32)
IDS = st.from_regex(r"[a-z]{1,3}:[a-z0-9]{1,8}", fullmatch=True)
COUNTER = st.integers(0, MAX_COUNTER)
INSTANT = st.integers(0, MAX_INSTANT)
VALUE = st.one_of(st.integers(-300, 300), st.integers(1 - VALUE_LIMIT, VALUE_LIMIT - 1))


@st.composite
def block_data(draw: Any) -> BlockData:
    count = draw(st.integers(0, 6))
    gap = draw(st.none() if count else st.builds(lambda t, d: Gap(1, t, t + d), st.integers(0, 2**40),
                                                 st.integers(0, 2**20)))
    gap = gap if count == 0 else draw(st.one_of(st.none(), st.just(Gap(3, 5, 9))))
    start = draw(st.integers(0, 2**44))
    deltas = draw(st.one_of(st.just([1000] * max(0, count - 1)),
                            st.lists(st.integers(1, 2**30), min_size=max(0, count - 1), max_size=max(0, count - 1))))
    times = np.array([start, *(start + np.cumsum(deltas, dtype=np.int64)).tolist()][:count], np.int64)
    names = draw(st.lists(st.sampled_from(["energy", "power", "heat"]), min_size=1, max_size=3, unique=True))
    columns = tuple(
        Column(name, draw(st.integers(-12, 12)),
               np.array(draw(st.lists(VALUE, min_size=count, max_size=count)), np.int64))
        for name in names) if count else ()
    quality = np.array(draw(st.lists(st.integers(0, 8), min_size=count, max_size=count)), np.int64)
    registers = tuple(name for name in names if draw(st.booleans())) if count else ()
    return BlockData(draw(IDS), times, columns, quality, registers, gap)


@st.composite
def frames(draw: Any) -> Frame:
    epoch, seq = draw(st.integers(0, 3)), draw(st.one_of(st.just(0), COUNTER))
    prev: bytes | EpochStart = draw(HASH)
    if seq == 0:
        prev = EpochStart(None, "key") if epoch == 0 else EpochStart(draw(HASH), draw(st.sampled_from(
            ["key", "reset", "firmware", "lost-spool"])))
    t_first = draw(INSTANT)
    blocks = draw(st.integers(1, MAX_BLOCKS))
    return Frame(
        draw(IDS), draw(IDS), epoch, seq, prev, t_first, draw(st.integers(t_first, MAX_INSTANT)),
        draw(st.sampled_from(list(ClockQuality))),
        draw(st.one_of(st.none(), st.builds(Beacon, COUNTER, COUNTER, HASH))), draw(HASH), draw(HASH), blocks,
        draw(COUNTER), draw(st.integers(0, blocks)))


def same(one: BlockData, two: BlockData) -> bool:
    plain = ("meter", "gap")
    return (all(getattr(one, name) == getattr(two, name) for name in plain)
            and set(one.registers) == set(two.registers) and one.times.tolist() == two.times.tolist()
            and one.quality.tolist() == two.quality.tolist()
            and [(c.quantity, c.scale, c.values.tolist()) for c in one.columns]
            == [(c.quantity, c.scale, c.values.tolist()) for c in two.columns])


@given(block_data(), st.binary(min_size=16, max_size=16))
def test_any_block_decodes_to_what_was_encoded(data: BlockData, salt: bytes) -> None:
    header, body = encode_block(data, salt)
    assert same(decode_block(header, body)[1], data)


@given(frames())
def test_any_frame_decodes_to_what_was_encoded(frame: Frame) -> None:
    assert decode_frame(encode_frame(frame)) == frame


@given(frames(), st.integers(0, 10**6), st.integers(1, 255))
def test_a_mutated_frame_is_refused_or_another_frame(frame: Frame, place: int, flip: int) -> None:
    data = bytearray(encode_frame(frame))
    data[place % len(data)] ^= flip
    with contextlib.suppress(CarbonSealError):
        assert decode_frame(bytes(data)) != frame


@given(block_data(), st.integers(0, 10**6), st.integers(1, 255))
def test_a_mutated_block_is_refused_or_another_leaf(data: BlockData, place: int, flip: int) -> None:
    header, body = encode_block(data, bytes(16))
    joined = bytearray(header + body)
    joined[place % len(joined)] ^= flip
    changed = bytes(joined[: len(header)]), bytes(joined[len(header) :])
    try:
        decode_block(*changed)
        assert leaf_hash(changed[0]) != leaf_hash(header)
    except CarbonSealError:
        pass


def submissions_again(data: bytes) -> bytes:
    return b"".join(cbor.encode([item.envelope, [list(block) for block in item.blocks]])
                    for item in read_submissions(data))


DECODERS = [open_envelope, decode_frame, decode_header, submissions_again, lambda data: decode_block(data, data)]


@pytest.mark.parametrize("decode", DECODERS)
@settings(max_examples=60)
@given(st.one_of(st.binary(max_size=200), st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.binary(max_size=40) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=15) | st.dictionaries(st.integers(), inner, max_size=2)).map(cbor2.dumps)))
def test_no_exception_but_ours_leaves_a_decoder(decode: Any, data: bytes) -> None:
    """Such bytes are no envelope, frame or block; a sequence that is read is the one way to write it."""
    decoded = None
    with contextlib.suppress(CarbonSealError):
        decoded = decode(data)
    assert decoded in (None, data)


@pytest.mark.parametrize("decode", DECODERS)
def test_every_prefix_and_extension_of_good_bytes_is_refused(decode: Any) -> None:
    submission = Gateway().build(block(count=3))
    good = {0: submission.envelope, 1: open_envelope(submission.envelope).payload, 2: submission.blocks[0][0],
            3: encode_submission(submission), 4: submission.blocks[0][0]}[DECODERS.index(decode)]
    lengths = range(1 if DECODERS.index(decode) == 3 else 0, len(good))
    for length in lengths:
        with pytest.raises(CarbonSealError):
            decode(good[:length])
    with pytest.raises(CarbonSealError):
        decode(good + b"\x00")


@given(st.integers(0, 10**6), st.integers(1, 255))
def test_a_mutated_envelope_never_verifies(place: int, flip: int) -> None:
    data = bytearray(Gateway().build(block(count=2)).envelope)
    data[place % len(data)] ^= flip
    with pytest.raises(CarbonSealError):
        verify_envelope(open_envelope(bytes(data)), ORIGIN, GATEWAY_KEY.public_key)


def test_concatenated_meter_ids_differ() -> None:
    """Meter "12" + "3" and "1" + "23" are two different trees."""
    one = Gateway().build(block("m:12"), block("m:3"))
    two = Gateway().build(block("m:1"), block("m:23"))
    assert decode_frame(open_envelope(one.envelope).payload).blocks_root != decode_frame(
        open_envelope(two.envelope).payload).blocks_root


def test_zero_and_absent_differ() -> None:
    """A meter that read 0 and one that read nothing are two different leaves."""
    zero, _ = encode_block(energy_block([0]), bytes(16))
    absent, _ = encode_block(silent("m:main", START, START), bytes(16))
    assert leaf_hash(zero) != leaf_hash(absent)


def test_a_block_twice_is_another_root_and_refused() -> None:
    """[a, b, c] and [a, b, c, c] differ, and meters are unique."""
    good = Gateway().build(block("m:a"), block("m:b"), block("m:c"))
    frame = decode_frame(open_envelope(good.envelope).payload)
    doubled = frame._replace(block_count=4)
    with pytest.raises(FormError, match="frame-blocks-root"):
        open_blocks(doubled, (*good.blocks, good.blocks[2]))


def test_a_sealed_reading_cannot_be_guessed_from_its_hash() -> None:
    """The same reading under another salt is another leaf."""
    one, two = (encode_block(energy_block([7]), salt * 16)[0] for salt in (b"\x01", b"\x02"))
    assert leaf_hash(one) != leaf_hash(two)


def test_equal_blocks_of_two_meters_are_two_leaves() -> None:
    assert leaf_hash(encode_block(block("m:a"), bytes(16))[0]) != leaf_hash(encode_block(block("m:b"), bytes(16))[0])


@pytest.mark.parametrize("data", [
    b"\x9b" + b"\xff" * 8, b"\xbb" + b"\xff" * 8, b"\x5b\x7f" + b"\xff" * 7, b"\x81" * 100_000,
    b"\x9a\xff\xff\xff\xff", b"\xd8\x4b\x5a\xff\xff\xff\xff"])
def test_huge_declared_sizes_and_nesting_bombs_are_refused_at_once(data: bytes) -> None:
    for decode in DECODERS:
        with pytest.raises(CarbonSealError):
            decode(data)


def test_a_frame_of_too_many_blocks_is_refused_by_its_count() -> None:
    item = cbor.encode([b"", [[b"", b""]] * (MAX_BLOCKS + 1)])
    with pytest.raises(FormError, match="submission-too-large"):
        list(read_submissions(item))


def test_empty_submissions_are_refused_by_their_number() -> None:
    item = cbor.encode([b"", []])
    assert len(list(read_submissions(item * MAX_SUBMISSIONS))) == MAX_SUBMISSIONS
    with pytest.raises(FormError, match="submissions-too-many"):
        list(read_submissions(item * (MAX_SUBMISSIONS + 1)))


@pytest.mark.parametrize(("count", "accepted"), [(MAX_COUNT, True), (MAX_COUNT + 1, False)])
def test_a_block_holds_at_most_a_day_of_seconds(count: int, accepted: bool) -> None:
    data = energy_block([5] * count, step=1000)
    if accepted:
        assert len(decode_block(*encode_block(data, bytes(16)))[1].times) == count
    else:
        with pytest.raises(FormError):
            encode_block(data, bytes(16))


@pytest.mark.parametrize("value", [VALUE_LIMIT, -VALUE_LIMIT])
def test_a_value_of_two_to_the_62_is_refused(value: int) -> None:
    encode_block(energy_block([0, value - (1 if value > 0 else -1)]), bytes(16))
    with pytest.raises(FormError):
        encode_block(energy_block([0, value]), bytes(16))


def test_times_that_do_not_rise_are_refused() -> None:
    for times in ([START, START], [START, START - 1], [START, START + 5, START + 4]):
        data = energy_block([0] * len(times))._replace(times=np.array(times, np.int64))
        with pytest.raises(FormError, match="block-times"):
            encode_block(data, bytes(16))


def test_regular_times_have_one_encoding() -> None:
    header, body = encode_block(energy_block([1, 2, 3], step=1000), bytes(16))
    decoded, parts = decode_header(header), cbor.decode(body)
    parts[0] = cbor.Tag(73, b"\x03\xe8\x03\xe8")
    changed = cbor.encode(parts)
    from hashlib import sha256
    forged = encode_header(decoded._replace(step=0, body_hash=sha256(changed).digest()))
    with pytest.raises(FormError, match="block-times"):
        decode_block(forged, changed)


@pytest.mark.parametrize("signer", [GATEWAY_KEY, KeySigner.generate(ESP256)])
def test_an_envelope_verifies_in_its_log_and_under_its_type_only(signer: KeySigner) -> None:
    data = open_envelope(seal(signer, envelope.METER, b"payload", ORIGIN))
    verify_envelope(data, ORIGIN, signer.public_key)
    with pytest.raises(VerificationFailed, match="signature-invalid"):
        verify_envelope(data, ORIGIN + "x", signer.public_key)
    with pytest.raises(VerificationFailed, match="signature-invalid"):
        verify_envelope(data._replace(content_type=envelope.DEVICE), ORIGIN, signer.public_key)
    with pytest.raises(VerificationFailed, match="envelope-kid"):
        verify_envelope(data, ORIGIN, OTHER_KEY.public_key)
    with pytest.raises(VerificationFailed, match="signature-invalid"):
        verify_envelope(data._replace(kid=OTHER_KEY.kid), ORIGIN, OTHER_KEY.public_key
                        ) if signer.algorithm != ESP256 else verify_envelope(
            data._replace(payload=b"other"), ORIGIN, signer.public_key)


def test_a_checkpoint_signature_signs_no_frame() -> None:
    """A signature over other bytes of the same key does not hold for an envelope."""
    good = open_envelope(seal(GATEWAY_KEY, envelope.FRAME, b"payload", ORIGIN))
    note = GATEWAY_KEY.sign(b"example/log\n5\nroot\n")
    with pytest.raises(VerificationFailed, match="signature-invalid"):
        verify_envelope(good._replace(signature=note), ORIGIN, GATEWAY_KEY.public_key)


@pytest.mark.parametrize(("size", "accepted"), [(65_300, True), (65_535, False)])
def test_an_envelope_fits_a_log_entry(size: int, accepted: bool) -> None:
    if accepted:
        assert len(seal(GATEWAY_KEY, envelope.DOCUMENT, bytes(size), ORIGIN)) <= envelope.MAX_ENVELOPE_BYTES
    else:
        with pytest.raises(FormError, match="envelope-too-large"):
            seal(GATEWAY_KEY, envelope.DOCUMENT, bytes(size), ORIGIN)


@pytest.mark.parametrize("origin", ["", "a\0b", "x" * 256])
def test_an_origin_that_could_be_confused_is_refused(origin: str) -> None:
    with pytest.raises(FormError, match="origin-malformed"):
        seal(GATEWAY_KEY, envelope.FRAME, b"", origin)


def place(epoch: int, seq: int, prev: bytes | EpochStart) -> Frame:
    return Frame("site:a", "gw:a", epoch, seq, prev, 0, 0, ClockQuality.SYNCHRONISED, None, bytes(32), bytes(32), 1,
                 0, 0)


D1, D2 = b"\x01" * 32, b"\x02" * 32


@pytest.mark.parametrize(("last", "frame", "code"), [
    (None, place(0, 0, EpochStart(None, "key")), None),
    (None, place(0, 1, D1), "frame-epoch"),
    (None, place(1, 0, EpochStart(D1, "reset")), "frame-epoch"),
    (Link(0, 0, D1), place(0, 1, D1), None),
    (Link(0, 0, D1), place(0, 1, D2), "frame-prev"),
    (Link(0, 0, D1), place(0, 2, D1), "frame-sequence"),
    (Link(0, 5, D1), place(0, 5, D1), "frame-sequence"),
    (Link(0, 5, D1), place(1, 6, D1), "frame-epoch"),
    (Link(0, 5, D1), place(1, 0, EpochStart(D1, "key")), None),
    (Link(0, 5, D1), place(1, 0, EpochStart(D2, "key")), "frame-head"),
    (Link(0, 5, D1), place(1, 0, EpochStart(D2, "lost-spool")), None),
    (Link(0, 5, D1), place(2, 0, EpochStart(D1, "key")), "frame-epoch"),
    (Link(0, 2**32 - 1, D1), place(0, 2**32, D1), None),
])
def test_what_follows_what_in_a_chain(last: Link | None, frame: Frame, code: str | None) -> None:
    assert chain_defect(last, frame) == code
    if code is None:
        check_successor(last, frame)
    else:
        with pytest.raises(VerificationFailed, match=code):
            check_successor(last, frame)


def test_the_first_frame_of_the_last_seq_has_no_successor_in_its_epoch() -> None:
    with pytest.raises(FormError, match="frame-range"):
        decode_frame(encode_frame(place(0, MAX_COUNTER + 1, D1)))


def test_submissions_come_back_as_they_were_sent() -> None:
    gateway = Gateway()
    sent = [gateway.frame(block(start=START + i * 60_000)) for i in range(3)]
    assert list(read_submissions(b"".join(map(encode_submission, sent)))) == sent
    assert list(read_submissions(b"")) == []
    assert isinstance(sent[0], Submission)
