"""Frames of one meter for the spool's tests, and the victim process of the crash tests."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from edge_helpers import GATEWAY, ORIGIN, SEED

from attestation.block import BlockData, Column
from attestation.build import build_frame
from attestation.frame import Submission
from core.records import ClockQuality
from core.signer import KeySigner
from edge.spool import Place, Spool


def build(signer: KeySigner, number: int) -> Callable[[Place], Submission]:
    """Signs a frame of two readings whose content follows `number`."""
    times = np.array([1000 * number + 1, 1000 * number + 501], np.int64)
    block = BlockData("m:1", times, (Column("energy-import", 0, times * 3),), np.zeros(2, np.int64),
                      ("energy-import",))

    def sign(place: Place) -> Submission:
        return build_frame(signer, ORIGIN, "site:lanhe", GATEWAY, place.epoch, place.seq, place.prev,
                           ClockQuality.RELATIVE, None, bytes(32), [block])

    return sign


def victim(path: Path) -> None:
    """Sign for ever; each place is printed twice: when the signature exists, and when `sign_next` has returned."""
    signer = KeySigner.from_seed(SEED)
    spool = Spool(path, GATEWAY, ORIGIN, limit_bytes=2**30, limit_frames=10**6)

    def announced(place: Place) -> Submission:
        submission = build(signer, place.seq)(place)
        print("signed", place.seq, submission.envelope.hex(), flush=True)
        return submission

    while True:
        place = spool.sign_next(announced)
        print("durable", place.seq, flush=True)


if __name__ == "__main__":
    victim(Path(sys.argv[1]))
