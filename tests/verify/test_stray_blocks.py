"""Blocks that no frame vouches for: a verifier reads nothing from them, whatever numbers they hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from verify_world import EXPORT, GATEWAY, PERIOD, PV, STEP, Lies, World, altered, item, raw_at

from attestation.block import BlockData, Column, encode_block
from core import cbor
from verify.members import name_of
from verify.report import Report
from verify.verifier import verify

INVENTED = raw_at(PERIOD.end) + 50_000_000
"""A closing position 50 MWh above what the register showed."""


class EnrolledLate(World):
    """The meter stands in the log only after the gateway's first frame, as happens when a gateway is fitted first."""

    def register(self, kind: str, content_type: str, subject: str, event: str, time: int,
                 fields: Mapping[str, Any]) -> int:
        index = super().register(kind, content_type, subject, event, time, fields)
        if event == "profile" and subject == PV:
            self.waiting = self.entries.pop()
            self.histories.pop(PV)
        return index

    def _frame(self, seq: int) -> None:
        super()._frame(seq)
        if seq == 0:
            self.histories[PV] = [self.append(self.waiting)]

    def chain(self) -> list[int]:
        return list(range(9))


def stray(closing: int) -> bytes:
    """An item of blocks/: two readings at the period's end, in a frame of which the meter was no part."""
    times = np.array([PERIOD.end - STEP, PERIOD.end], np.int64)
    raw = np.array([raw_at(PERIOD.end - STEP), closing], np.int64)
    block = BlockData(PV, times, (Column(EXPORT, 0, raw),), np.zeros(2, np.int64), (EXPORT,))
    header, body = encode_block(block, bytes(16))
    return item([GATEWAY, 0, 0, 1, [], header, body])


def judged(made: World, first: bytes) -> Report:
    """The verdict on a file whose block of frame 0 is `first`, or is left out when empty."""
    name = f"blocks/{name_of(PV)}/{made._day(0)}.cbor"

    def replaced(data: bytes) -> bytes:
        return first + b"".join(item(value) for value in list(cbor.sequence(data))[1:])
    return verify(altered(made.file(), {name: replaced}), made.trust())


def test_a_frame_from_before_the_meter_s_enrolment_needs_no_block() -> None:
    report = judged(EnrolledLate(), b"")
    assert report.valid, report.as_text("en")


@pytest.mark.parametrize("closing", [raw_at(PERIOD.end), INVENTED])
def test_a_block_in_a_frame_that_did_not_carry_the_meter_is_refused(closing: int) -> None:
    made = EnrolledLate(Lies(place={"position": str(closing), "seq": "0", "block": "1", "ordinal": "1", "index": str(
        EnrolledLate().frames[0][0])}))
    report = judged(made, stray(closing))
    assert report.steps[5].code == "meter-not-carried"
    assert not report.valid
