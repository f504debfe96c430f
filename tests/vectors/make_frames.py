"""Generates tests/vectors/frames: one folder per case, with the suffix _fail when it must be refused.

Each holds input.cbor (a frame file of one submission), expect.json and README.md. `python tests/vectors/make_frames.py`
writes them anew; the bytes are the same on every run, and a test compares.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import cbor2
import numpy as np

from attestation.block import BlockData, Column, Gap, decode_block
from attestation.build import build_frame
from attestation.envelope import FRAME, MANIFEST, open_envelope, seal
from attestation.frame import Beacon, EpochStart, Submission, decode_frame, encode_submission, read_submissions
from core import cbor
from core.merkle import leaf_hash, root
from core.records import ClockQuality
from core.signatures import ESP256
from core.signer import KeySigner

FOLDER = Path(__file__).parent / "frames"
ORIGIN = "vectors.carbonseal.example/park"
SIGNER = KeySigner.from_seed(b"\x01" * 32)
START = 1_760_000_400_000

Edit = Callable[[Any], Any]


class Case(NamedTuple):
    """`code`: of the error, None when the input is accepted."""

    name: str
    reason: str
    code: str | None
    data: bytes


def _ints(*values: int) -> Any:
    return np.array(values, np.int64)


def _salt() -> bytes:
    return bytes(range(16))


def _blocks() -> list[BlockData]:
    regular = BlockData("m:a", START + 1000 * np.arange(4, dtype=np.int64), (
        Column("power", 0, _ints(100, 230, 99, 100)), Column("energy", -2, _ints(5000, 5000, 5001, 5003)),
    ), _ints(0, 0, 1, 0), ("energy",))
    irregular = BlockData("m:b", _ints(START, START + 700, START + 3000),
                          (Column("energy", 0, _ints(2**62 - 1 - 300, 2**62 - 300, 2**62 - 1)),), _ints(0, 0, 0),
                          ("energy",))
    silent = BlockData("m:c", _ints(), (), _ints(), (), Gap(1, START, START + 3000))
    return [regular, irregular, silent]


def _build(blocks: list[BlockData], *, epoch: int = 0, seq: int = 0, prev: bytes | EpochStart | None = None,
           clock: ClockQuality = ClockQuality.SYNCHRONISED, beacon: Beacon | None = None) -> Submission:
    return build_frame(SIGNER, ORIGIN, "site:park", "gw:one", epoch, seq, prev or EpochStart(None, "key"), clock,
                       beacon, sha256(b"profiles").digest(), blocks, _salt)


def _accepted() -> Iterator[Case]:
    full = _build(_blocks())
    yield Case("three-meters", "regular, irregular and silent meters in one frame", None, encode_submission(full))
    second = _build(_blocks()[:1], seq=1, prev=open_envelope(full.envelope).digest,
                    beacon=Beacon(31337, 12, sha256(b"block").digest()))
    yield Case("second-frame", "seq 1 names the payload before it; a beacon", None, encode_submission(second))
    lost = _build(_blocks()[2:], epoch=3, prev=EpochStart(None, "lost-spool"), clock=ClockQuality.UNKNOWN)
    yield Case("lost-spool", "an epoch that declares a loss, all meters silent", None, encode_submission(lost))
    one = BlockData("m:a", _ints(START), (Column("energy", 0, _ints(7)),), _ints(2), ("energy",))
    yield Case("one-reading", "one reading: step 0, empty typed arrays of one byte", None,
               encode_submission(_build([one])))
    for tag, delta in ((72, 127), (73, 128), (74, 32_768), (75, 2**31)):
        wide = BlockData("m:a", _ints(START, START + 1000), (Column("energy", 0, _ints(0, delta)),), _ints(0, 0),
                         ("energy",))
        yield Case(f"width-{tag}", f"the least delta that needs typed array {tag}, or the greatest of 72", None,
                   encode_submission(_build([wide])))


def _edited(header: Edit | None = None, body: Edit | None = None, frame: Edit | None = None,
            reorder: Edit | None = None) -> bytes:
    """The frame of three meters with its first block and its payload edited, hashed and signed again."""
    base = _build(_blocks())
    headers, bodies = [cbor.decode(h) for h, _ in base.blocks], [cbor.decode(b) for _, b in base.blocks]
    bodies[0] = body(bodies[0]) if body else bodies[0]
    packed = [cbor2.dumps(each) for each in bodies]
    headers[0][9] = sha256(packed[0]).digest()
    headers[0] = header(headers[0]) if header else headers[0]
    blocks = list(zip([cbor2.dumps(each) for each in headers], packed, strict=True))
    blocks = reorder(blocks) if reorder else blocks
    payload = cbor.decode(open_envelope(base.envelope).payload)
    payload[11] = root([leaf_hash(each) for each, _ in blocks])
    payload[12] = len(blocks)
    payload = frame(payload) if frame else payload
    return encode_submission(Submission(seal(SIGNER, FRAME, cbor2.dumps(payload), ORIGIN), tuple(blocks)))


def _set(*path_and_value: Any) -> Edit:
    *path, value = path_and_value

    def edit(item: Any) -> Any:
        target = item
        for step in path[:-1]:
            target = target[step]
        target[path[-1]] = value
        return item
    return edit


def _refused_blocks() -> Iterator[Case]:
    tag = cbor2.CBORTag
    yield Case("silent-without-gap_fail", "a meter without readings declares no gap", "block-silent", _edited(
        header=lambda h: [*h[:3], 0, 0, [], [], [], None, h[9]]))
    yield Case("step-and-times_fail", "a regular block also has times", "block-times", _edited(
        body=_set(0, tag(73, b"\x03\xe8" * 3))))
    yield Case("wide-array_fail", "an array of 16 bits whose numbers fit 8", "block-width", _edited(
        body=_set(1, 1, 3, tag(73, b"\x00\x00\x00\x01\x00\x02"))))
    yield Case("unsigned-array_fail", "tag 65 is an unsigned array", "cbor-out-of-profile", _edited(
        body=_set(1, 1, 3, tag(65, b"\x00\x00\x00\x01\x00\x02"))))
    yield Case("short-array_fail", "two deltas for four readings", "block-array", _edited(
        body=_set(1, 1, 3, tag(72, b"\x00\x01"))))
    yield Case("value-2^62_fail", "a first value of 2^62", "block-columns", _edited(body=_set(1, 0, 2, 2**62)))
    yield Case("sum-2^62_fail", "deltas lead to 2^62", "block-value-range", _edited(body=_set(1, 0, 2, 2**62 - 1)))
    yield Case("float_fail", "a floating point number", "cbor-out-of-profile", _edited(body=_set(1, 0, 2, 1.5)))
    yield Case("quality-sum_fail", "the quality summary does not add up to the readings", "block-quality", _edited(
        header=_set(7, [[0, 3]])))
    yield Case("quality-split_fail", "neighbouring runs of one code", "block-quality", _edited(
        body=_set(2, [[0, 1], [0, 1], [1, 1], [0, 1]])))
    yield Case("register-end_fail", "the last register is not that of the body", "block-registers", _edited(
        header=_set(6, [["energy", 5004]])))
    yield Case("twice-a-quantity_fail", "two columns of one quantity", "block-columns", _edited(
        body=_set(1, 1, 0, "power")))
    yield Case("body-hash_fail", "another body than the header names", "block-body-hash", _edited(
        header=_set(9, bytes(32))))
    yield Case("short-salt_fail", "a salt of 8 bytes", "block-header-form", _edited(header=_set(1, bytes(8))))


def _refused_frames() -> Iterator[Case]:
    yield Case("unsorted-meters_fail", "meters out of order", "frame-blocks-order", _edited(
        reorder=lambda b: [b[1], b[0], b[2]]))
    yield Case("duplicate-meter_fail", "one meter twice", "frame-blocks-order", _edited(
        reorder=lambda b: [b[0], b[0], b[2]]))
    yield Case("dropped-block_fail", "a block the frame counts is not there", "frame-blocks-count", _edited(
        reorder=lambda b: b[:2], frame=_set(12, 3)))
    yield Case("blocks-root_fail", "another root", "frame-blocks-root", _edited(frame=_set(11, bytes(32))))
    yield Case("times-reversed_fail", "t_last before t_first", "frame-times", _edited(frame=_set(7, START - 1)))
    yield Case("times-not-of-blocks_fail", "t_last is not that of the blocks", "frame-times", _edited(
        frame=_set(7, START + 4000)))
    yield Case("reading-count_fail", "a reading too many", "frame-counts", _edited(frame=_set(13, 8)))
    yield Case("gap-count_fail", "an undeclared gap", "frame-counts", _edited(frame=_set(14, 0)))
    yield Case("seq-2^64_fail", "seq does not fit", "frame-range", _edited(frame=_set(4, 2**64 - 1)))
    yield Case("seq-0-without-start_fail", "seq 0 with a hash for prev", "frame-start", _edited(
        frame=_set(5, bytes(32))))
    yield Case("epoch-1-open-head_fail", "a reset that does not name the head before", "frame-start", _edited(
        frame=lambda f: [*f[:3], 1, 0, [None, "reset"], *f[6:]]))
    yield Case("clock-4_fail", "an unknown clock quality", "frame-range", _edited(frame=_set(8, 4)))
    yield Case("beacon-short_fail", "a beacon without its hash", "frame-beacon", _edited(frame=_set(9, [1, 2])))


def _refused_envelopes() -> Iterator[Case]:
    good = _build(_blocks())
    data = encode_submission(good)
    yield Case("trailing_fail", "a byte after the submission", "submission-form", data + b"\x00")
    yield Case("truncated_fail", "the last byte is gone", "cbor-malformed", data[:-1])
    yield Case("indefinite_fail", "an array of indefinite length", "cbor-malformed", b"\x9f" + data[1:] + b"\xff")
    yield Case("long-integer_fail", "the array length in a longer form", "cbor-not-canonical", b"\x98\x02" + data[1:])
    flipped = good.envelope[:-1] + bytes([good.envelope[-1] ^ 1])
    yield Case("signature_fail", "a bit of the signature flipped", "signature-invalid",
               encode_submission(good._replace(envelope=flipped)))
    payload = open_envelope(good.envelope).payload
    for name, reason, envelope, code in (
        ("other-origin_fail", "signed for another log", seal(SIGNER, FRAME, payload, ORIGIN + "2"),
         "signature-invalid"),
        ("other-key_fail", "signed with another key", seal(KeySigner.from_seed(b"\x02" * 32), FRAME, payload, ORIGIN),
         "envelope-kid"),
        ("other-type_fail", "the payload of a frame under the content type of a manifest",
         seal(SIGNER, MANIFEST, payload, ORIGIN), "frame-content-type"),
    ):
        yield Case(name, reason, code, encode_submission(good._replace(envelope=envelope)))
    protected, unprotected, body, signature = cbor2.loads(good.envelope)
    algorithm = cbor2.dumps({**cbor2.loads(protected), 1: ESP256}, canonical=True)
    none = cbor2.dumps({**cbor2.loads(protected), 1: 0}, canonical=True)
    for name, reason, header, code in (
        ("algorithm-swapped_fail", "the Ed25519 key named as P-256", algorithm, "signature-algorithm"),
        ("algorithm-none_fail", "no algorithm", none, "envelope-algorithm"),
    ):
        envelope = cbor2.dumps([header, unprotected, body, signature], canonical=True)
        yield Case(name, reason, code, encode_submission(good._replace(envelope=envelope)))


def cases() -> list[Case]:
    """Every case."""
    return [*_accepted(), *_refused_blocks(), *_refused_frames(), *_refused_envelopes()]


def expectation(case: Case) -> dict[str, Any]:
    """expect.json of a case."""
    expected: dict[str, Any] = {"origin": ORIGIN, "public_key": SIGNER.public_key.hex(), "code": case.code}
    if case.code is None:
        (submission,) = read_submissions(case.data)
        opened = open_envelope(submission.envelope)
        frame = decode_frame(opened.payload)
        prev = frame.prev
        expected |= {
            "payload_digest": opened.digest.hex(), "epoch": str(frame.epoch), "seq": str(frame.seq),
            "prev": prev.hex() if isinstance(prev, bytes) else [prev.head and prev.head.hex(), prev.reason],
            "t_first": str(frame.t_first), "t_last": str(frame.t_last), "blocks_root": frame.blocks_root.hex(),
            "blocks": [_block_json(*block) for block in submission.blocks]}
    return expected


def _block_json(header: bytes, body: bytes) -> dict[str, Any]:
    decoded, data = decode_block(header, body)
    return {"meter": decoded.meter, "leaf": leaf_hash(header).hex(), "times": [str(t) for t in data.times.tolist()],
            "quality": data.quality.tolist(), "gap": None if data.gap is None else [str(part) for part in data.gap],
            "columns": {c.quantity: {"scale": c.scale, "values": [str(v) for v in c.values.tolist()]}
                        for c in data.columns}}


def main() -> None:
    """Write every case."""
    for case in cases():
        folder = FOLDER / case.name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "input.cbor").write_bytes(case.data)
        (folder / "expect.json").write_text(json.dumps(expectation(case), indent=1, ensure_ascii=False) + "\n")
        verdict = "Accepted." if case.code is None else f"Refused: `{case.code}`."
        (folder / "README.md").write_text(f"{case.reason[0].upper()}{case.reason[1:]}. {verdict}\n")


if __name__ == "__main__":
    main()
