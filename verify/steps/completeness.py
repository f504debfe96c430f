"""Step 6: completeness. Frame chains are unbroken across the period for every meter a register input was read from.

Registers make lost readings harmless to the sum, but nothing may be lost unseen: a missing frame fails, a declared loss
and every silent block are counted and printed.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise

from attestation.carriers import Carrier, counted
from attestation.dispute import history_of, parse_dispute
from attestation.frame import Frame, check_successor, link_of
from attestation.history import carries
from attestation.manifest import FRAMES
from core.errors import VerificationFailed
from core.merkle import leaf_hash, verify_inclusion
from core.period import instant_text
from verify.bundle import LEVELS
from verify.case import Case
from verify.completeness import carriers_of, figures
from verify.frame_chains import with_index
from verify.model import BlockItem, FrameItem
from verify.report import NotChecked
from verify.sources import RegisterSource, register_sources
from verify.surplus import check_series

Key = tuple[str, int, int]
# Gaps printed one by one in the detail; all are counted.
MAX_LISTED = 20


def check(case: Case) -> str:
    """Raises VerificationFailed (frame…, period-not-covered, block-…, body-missing, frames-disputed,
    completeness-mismatch), NotChecked (frames-absent).
    """
    if case.evidence.details is None:
        raise NotChecked("frames-absent", "a public file shows neither inputs nor frames")
    sources = register_sources(case.evidence.details)
    for gateway, chain in case.evidence.frames.items():
        check_chain(chain)
        _check_disputes(case, gateway, chain)
    frames: dict[Key, Frame] = {}
    gaps: list[BlockItem] = []
    for meter in sorted({source.meter for source in sources}):
        for carrier in carriers_of(case.histories[meter], case.statement.period, sources):
            covered = _covered(case, meter, carrier)
            frames |= {(carrier.gateway, frame.epoch, frame.seq): frame for frame in covered}
            gaps += _check_blocks(case, meter, carrier, covered)
    _compare(case, frames, gaps, sources)
    check_series(case, sources)
    return _summary(case, frames, gaps)


def check_chain(chain: Sequence[FrameItem]) -> None:
    """Passes when each frame follows the one before. Raises VerificationFailed (frame-missing, frame-chain-broken)."""
    for before, item in pairwise(chain):
        try:
            check_successor(link_of(before.frame, before.entry.envelope.payload), item.frame)
        except VerificationFailed as error:
            gap = item.frame.epoch == before.frame.epoch and item.frame.seq > before.frame.seq + 1
            raise VerificationFailed("frame-missing" if gap else "frame-chain-broken", error.message,
                                     where=item.frame.gateway) from None


def _check_disputes(case: Case, gateway: str, chain: Sequence[FrameItem]) -> None:
    places = {(item.frame.epoch, item.frame.seq) for item in chain}
    for entry in case.evidence.histories.get(history_of(gateway), ()):
        dispute = parse_dispute(entry.envelope.payload)
        if (dispute.epoch, dispute.seq_frame) in places:
            raise VerificationFailed("frames-disputed", f"two payloads were signed for epoch {dispute.epoch} seq "
                                     f"{dispute.seq_frame}", where=gateway)


def _covered(case: Case, meter: str, carrier: Carrier) -> list[Frame]:
    """The counted frames of a carrier, once its chain reaches over its whole span."""
    chain = case.evidence.frames.get(carrier.gateway, ())
    if not chain:
        raise VerificationFailed("period-not-covered", f"no frames of {carrier.gateway}, which carried {meter}",
                                 where=meter)
    indexed = with_index(carrier.gateway, chain)
    carrier = carrier.moved_in((item.frame, index) for item, index in indexed)
    _check_moves(case, carrier, indexed)
    first, last = chain[0].frame, chain[-1]
    place = (first.epoch, first.seq)
    begins = (first.t_last <= carrier.start or place == (0, 0)
              or (place == carrier.opening and first.t_first <= carrier.start))
    if not begins:
        raise VerificationFailed("period-not-covered", "the chain begins inside the period", where=carrier.gateway)
    if last.frame.t_last <= carrier.end and not _is_head(case, carrier.gateway, last):
        raise VerificationFailed("period-not-covered", "the chain ends before the period does, and the gateway has "
                                 "later frames", where=carrier.gateway)
    return counted([item.frame for item in chain], carrier)


def _check_moves(case: Case, carrier: Carrier, chain: Sequence[tuple[FrameItem, int]]) -> None:
    """The chain shows which frames came before a move of the meter within the period and which after.

    A frame without an index of its own might have come before; so the first one after a move needs its proof.
    """
    (first, index), (last, end) = chain[0], chain[-1]
    if carrier.since is not None and index > carrier.since and (first.frame.epoch, first.frame.seq) != (0, 0):
        raise VerificationFailed("period-not-covered", "the chain begins after the meter moved here",
                                 where=carrier.gateway)
    if carrier.until is None:
        return
    if end < carrier.until and not _is_head(case, carrier.gateway, last):
        raise VerificationFailed("period-not-covered", "the chain ends before the meter moved away, and the gateway "
                                 "has later frames", where=carrier.gateway)
    after = next((item for item, index in chain if index > carrier.until), None)
    if after is not None and after.entry.index is None:
        raise VerificationFailed("frame-head-unproven", f"epoch {after.frame.epoch} seq {after.frame.seq} is the first "
                                 "after a move and has no inclusion proof", where=carrier.gateway)


def _is_head(case: Case, gateway: str, last: FrameItem) -> bool:
    row = case.evidence.rows.rows.get(FRAMES + gateway)
    return row is not None and row.head == last.entry.envelope.digest


def _check_blocks(case: Case, meter: str, carrier: Carrier, covered: Sequence[Frame]) -> list[BlockItem]:
    """Every frame shows the meter's block under its root; answers the blocks with a gap. From level auditor up.

    A move may be registered after it happened or before: frames beyond the counted ones on its side show none then.
    """
    if LEVELS.index(case.evidence.level) < LEVELS.index("auditor"):
        return []
    blocks = {(item.gateway, item.epoch, item.seq): item for item in case.evidence.blocks.get(meter, ())}
    gateway = carrier.gateway
    wanted = {(gateway, frame.epoch, frame.seq) for frame in covered}
    gaps = []
    for item, index in with_index(gateway, case.evidence.frames[gateway]):
        frame = item.frame
        key = (gateway, frame.epoch, frame.seq)
        if not carries(case.histories[meter], gateway, index):
            # Nothing vouches for such a block, before the period or in it, and step 7 would read from it.
            if key in blocks:
                raise VerificationFailed("meter-not-carried", f"{gateway} did not carry {meter} at index {index}",
                                         where=meter)
            continue
        if key not in blocks and _is_beyond(carrier, key, wanted):
            continue
        if key not in blocks:
            raise VerificationFailed("block-missing", f"no block in epoch {frame.epoch} seq {frame.seq}", where=meter)
        _check_inclusion(blocks[key], frame)
        if key in wanted and blocks[key].header.gap is not None:
            gaps.append(blocks[key])
    return gaps


def _is_beyond(carrier: Carrier, key: Key, wanted: Collection[Key]) -> bool:
    """Whether a frame stands before the counted ones of a gateway moved to, or after those of one moved from."""
    return bool(wanted) and ((carrier.since is not None and key < min(wanted))
                             or (carrier.until is not None and key > max(wanted)))


def _check_inclusion(item: BlockItem, frame: Frame) -> None:
    try:
        verify_inclusion(leaf_hash(item.data), item.ordinal, frame.block_count, item.path, frame.blocks_root)
    except VerificationFailed as error:
        raise VerificationFailed("block-inclusion", f"the block of epoch {frame.epoch} seq {frame.seq} is not in its "
                                 f"frame: {error.message}", where=item.header.meter) from None


def _compare(case: Case, frames: dict[Key, Frame], gaps: Sequence[BlockItem],
             sources: Sequence[RegisterSource]) -> None:
    stated = case.statement.completeness
    found = figures(frames, [item.header for item in gaps], sources, case.statement.period, 0)
    names = set(found) - {"flagged"}
    if LEVELS.index(case.evidence.level) < LEVELS.index("auditor"):
        names.discard("gaps")
    wrong = sorted(name for name in names if stated.get(name) != found[name])
    if wrong or set(stated) != set(found):
        raise VerificationFailed(
            "completeness-mismatch", "the statement's figures are not those of the frames: "
            + (", ".join(f"{name} {stated.get(name)} instead of {found[name]}" for name in wrong) or "unknown members"))


def _summary(case: Case, frames: dict[Key, Frame], gaps: Sequence[BlockItem]) -> str:
    stated = case.statement.completeness
    if stated["losses"] != "0":
        case.notice("declared-loss")
    if stated["gaps"] != "0":
        case.notice("gaps")
    if frames:
        case.notice("gateway-signed")
    listed = "; ".join(f"{item.header.meter} {instant_text(gap.t_from)}–{instant_text(gap.t_to)}"
                       for item in gaps[:MAX_LISTED] if (gap := item.header.gap))
    return (f"{len(frames)} frames unbroken, {stated['losses']} declared losses, {stated['gaps']} gaps"
            + (f" ({listed})" if listed else "") + f", {stated['flagged']} flags, "
            f"staleness {stated['max_staleness_ms']} ms")
