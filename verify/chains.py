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


def proven_indices(chain: Sequence[FrameItem]) -> list[int]:
    """For each frame the log index of the first proven frame from it on, at which its key is judged.

    Raises VerificationFailed (frame-head-unproven) when nothing proven follows.
    """
    indices: list[int] = []
    index: int | None = None
    for item in reversed(chain):
        index = item.entry.index if item.entry.index is not None else index
        if index is None:
            raise VerificationFailed("frame-head-unproven", "nothing proven follows this frame",
                                     where=item.frame.gateway)
        indices.append(index)
    return indices[::-1]
