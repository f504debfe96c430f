"""Chains of frames in a file: which frames are proven to be in the log, and what stands for those between."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from core.errors import VerificationFailed
from verify.model import FrameItem


def check_heads(gateway: str, chain: Sequence[FrameItem]) -> None:
    """Passes when the last frame of each epoch in the file has an index. Raises VerificationFailed.

    Each proves all before it in its epoch, since prev commits to them.
    """
    for item, following in pairwise([*chain, None]):
        last = following is None or (item is not None and following.frame.epoch != item.frame.epoch)
        if item is not None and last and item.entry.index is None:
            raise VerificationFailed("frame-head-unproven", f"epoch {item.frame.epoch} seq {item.frame.seq} ends a "
                                     "chain and has no inclusion proof", where=gateway)


def proven_indices(gateway: str, chain: Sequence[int | None]) -> list[int]:
    """For each frame the log index of the first proven frame from it on, at which its key and its meters are judged.

    `chain`: the log index of each frame of a gateway's chain in order, None where its inclusion is not shown.
    Raises VerificationFailed (frame-head-unproven) when nothing proven follows.
    """
    indices: list[int] = []
    proven: int | None = None
    for index in reversed(chain):
        proven = index if index is not None else proven
        if proven is None:
            raise VerificationFailed("frame-head-unproven", "nothing proven follows this frame", where=gateway)
        indices.append(proven)
    return indices[::-1]


def with_index(gateway: str, chain: Sequence[FrameItem]) -> list[tuple[FrameItem, int]]:
    """Each frame with the index at which it is judged (`proven_indices`). Raises VerificationFailed."""
    return list(zip(chain, proven_indices(gateway, [item.entry.index for item in chain]), strict=True))
