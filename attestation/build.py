"""The gateway's side: from the readings of a frame's time to a signed submission."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence

from attestation.block import SALT_BYTES, BlockData, decode_header, encode_block
from attestation.envelope import FRAME, seal
from attestation.frame import Beacon, EpochStart, Frame, Submission, encode_frame, span
from core.errors import FormError
from core.merkle import leaf_hash, root
from core.records import ClockQuality
from core.signer import Signer


def fresh_salt() -> bytes:
    """16 unpredictable bytes: without them a sealed reading could be guessed from its sibling hash."""
    return secrets.token_bytes(SALT_BYTES)


def build_frame(
    signer: Signer, origin: str, site: str, gateway: str, epoch: int, seq: int, prev: bytes | EpochStart,
    clock: ClockQuality, beacon: Beacon | None, profiles_digest: bytes, blocks: Sequence[BlockData],
    salt: Callable[[], bytes] = fresh_salt,
) -> Submission:
    """A signed frame over one block for every meter of the gateway, silent ones (with a gap) too.

    `prev`: SHA-256 of the payload before, or at seq 0 an EpochStart. Raises FormError (frame-…, block-…).
    """
    ordered = sorted(blocks, key=lambda block: block.meter.encode())
    if not ordered or len({block.meter for block in ordered}) != len(ordered):
        raise FormError("frame-blocks-order", "a frame needs one block for each meter", where=gateway)
    encoded = tuple(encode_block(block, salt()) for block in ordered)
    t_first, t_last = span([decode_header(header) for header, _ in encoded], [_last(block) for block in ordered])
    frame = Frame(
        site, gateway, epoch, seq, prev, t_first, t_last, clock, beacon, profiles_digest,
        root([leaf_hash(header) for header, _ in encoded]), len(encoded),
        sum(len(block.times) for block in ordered), sum(block.gap is not None for block in ordered))
    return Submission(seal(signer, FRAME, encode_frame(frame), origin), encoded)


def _last(block: BlockData) -> int:
    if len(block.times):
        return int(block.times[-1])
    return block.gap.t_to if block.gap else 0
