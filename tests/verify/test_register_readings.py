"""R(t) out of blocks: the last usable reading until an instant, its serial number across wraps and swaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from verify_world import EXPORT, GATEWAY, PV, START, profile

from attestation.block import BlockData, Column, decode_header, encode_block
from attestation.history import History, read_history
from attestation.registration import ReadingPlace, registration_payload
from core.errors import VerificationFailed
from core.period import instant_text
from core.records import ClockQuality, Quality
from verify.model import BlockItem
from verify.readings import Register, check_bodies

MINUTE = 60_000
GOOD = ClockQuality.SYNCHRONISED


def history(width: str | None = None, swap_at: int | None = None, capacity: str = "4000000") -> History:
    """A meter's history; a swap closes at 1,000 and opens the new meter at raw 5."""
    own = profile(EXPORT, "generation", PV)
    own["capacity_w"] = capacity
    own["columns"][0] |= {"width": width, "max": "9999" if width else "1000000000000"}
    payloads = [registration_payload("meter", PV, "profile", START - MINUTE, {"profile": own})]
    found = read_history([(1, payloads[0])])
    if swap_at is not None:
        registers = [{"quantity": EXPORT, "closing": {"position": "1000", "time": instant_text(swap_at)},
                      "opening": {"raw": "5", "time": instant_text(swap_at)}}]
        payloads.append(registration_payload("meter", PV, "swap", swap_at, {"registers": registers, "profile": None},
                                             found.entries[-1].registration))
    return read_history(list(enumerate(payloads, 1)))


def block(seq: int, raw: Sequence[int], *, start: int | None = None, quality: Sequence[int] | None = None,
          body: bool = True) -> BlockItem:
    """A block of one reading a minute."""
    first = START + seq * 10 * MINUTE if start is None else start
    times = first + MINUTE * np.arange(len(raw), dtype=np.int64)
    codes = np.array(quality or [0] * len(raw), np.int64)
    header, content = encode_block(BlockData(PV, times, (Column(EXPORT, 0, np.array(raw, np.int64)),), codes,
                                             (EXPORT,)), bytes(16))
    return BlockItem(GATEWAY, 0, seq, 0, (), header, decode_header(header), content if body else None)


def place(seq: int, ordinal: int, position: int) -> ReadingPlace:
    return ReadingPlace(position, START + seq * 10 * MINUTE + ordinal * MINUTE, GATEWAY, 0, seq, 0, ordinal, 7)


def register(blocks: Sequence[BlockItem], clock: ClockQuality = GOOD, **options: Any) -> Register:
    return Register(history(**options), EXPORT, [(item, clock) for item in blocks])


def test_a_reading_is_found_where_it_stands() -> None:
    known = register([block(0, [10, 20, 30])])
    known.check_place(place(0, 1, 20), "measured", None)
    with pytest.raises(VerificationFailed, match="serial-mismatch"):
        known.check_place(place(0, 1, 21), "measured", None)


@pytest.mark.parametrize(("changes", "code"), [
    ({"ordinal": 3}, "reading-not-found"), ({"seq": 1}, "reading-not-found"), ({"epoch": 1}, "reading-not-found"),
    ({"gateway": "gw:other"}, "reading-not-found"), ({"block": 1}, "reading-not-found"),
    ({"time": START + 1}, "reading-not-found"), ({"position": 21}, "serial-mismatch"),
    ({"position": 19}, "serial-mismatch")])
def test_a_reading_that_is_not_there_is_refused(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(VerificationFailed) as refused:
        register([block(0, [10, 20, 30])]).check_place(replace(place(0, 1, 20), **changes), "measured", None)
    assert refused.value.code == code


@pytest.mark.parametrize(("quality", "method", "accepted"), [
    (Quality.MEASURED, "measured", True), (Quality.ESTIMATED, "measured", False),
    (Quality.ESTIMATED, "estimated", True), (Quality.MANUAL, "manual", True), (Quality.FAULT, "estimated", False),
    (Quality.OVER_RANGE, "measured", False), (Quality.COMMUNICATION_FAILURE, "manual", False)])
def test_the_quality_of_a_boundary_reading_must_bear_its_method(quality: Quality, method: str, accepted: bool) -> None:
    found = register([block(0, [10, 20], quality=[0, int(quality)])])
    if accepted:
        found.check_place(place(0, 1, 20), method, None)
        return
    with pytest.raises(VerificationFailed, match="reading-quality"):
        found.check_place(place(0, 1, 20), method, None)


@pytest.mark.parametrize("clock", [ClockQuality.UNKNOWN, ClockQuality.RELATIVE])
def test_a_frame_of_an_untrusted_clock_bears_no_boundary(clock: ClockQuality) -> None:
    with pytest.raises(VerificationFailed, match="reading-quality"):
        register([block(0, [10, 20])], clock).check_place(place(0, 1, 20), "measured", None)


def test_a_block_without_its_body_cannot_show_a_reading() -> None:
    with pytest.raises(VerificationFailed, match="reading-not-found"):
        register([block(0, [10, 20], body=False)]).check_place(place(0, 1, 20), "measured", None)


def test_a_register_the_meter_does_not_have_is_refused() -> None:
    with pytest.raises(VerificationFailed, match="reading-not-found"):
        Register(history(), "reactive", [(block(0, [10]), GOOD)])


# Nothing later was passed over.

def test_the_last_reading_at_the_instant_passes_nothing_over() -> None:
    found = register([block(0, [10, 20, 30]), block(1, [40, 50])])
    assert found.passed_over(place(0, 2, 30), START + 2 * MINUTE) == 0
    assert found.passed_over(place(0, 2, 30), START + 10 * MINUTE - 1) == 0


@pytest.mark.parametrize(("instant", "count"), [
    (START + MINUTE, 0), (START + 2 * MINUTE - 1, 0), (START + 2 * MINUTE, 1), (START + 10 * MINUTE - 1, 1),
    (START + 10 * MINUTE, 2), (START + 11 * MINUTE, 3), (START + 90 * MINUTE, 3)])
def test_every_later_reading_until_the_instant_is_counted(instant: int, count: int) -> None:
    found = register([block(0, [10, 20, 30]), block(1, [40, 50])])
    assert found.passed_over(place(0, 1, 20), instant) == count


def test_a_reading_after_the_instant_is_no_boundary() -> None:
    with pytest.raises(VerificationFailed, match="reading-not-last"):
        register([block(0, [10, 20])]).passed_over(place(0, 1, 20), START)


def test_only_unusable_readings_may_be_passed_over() -> None:
    unusable = block(1, [40, 50], quality=[int(Quality.FAULT)] * 2)
    found = register([block(0, [10, 20]), unusable])
    assert found.passed_over(place(0, 1, 20), START + 50 * MINUTE) == 0


@pytest.mark.parametrize("later", [[3, 4], [10**9, 10**9 + 1], [30, 40]])
def test_a_spike_excuses_no_reading_after_it(later: list[int]) -> None:
    found = register([block(0, [10, 20]), block(1, later)])
    assert found.passed_over(place(0, 1, 20), START + 50 * MINUTE) == 2


def test_a_frame_of_an_untrusted_clock_may_be_passed_over() -> None:
    found = Register(history(), EXPORT, [(block(0, [10, 20]), GOOD), (block(1, [30]), ClockQuality.UNKNOWN)])
    assert found.passed_over(place(0, 1, 20), START + 50 * MINUTE) == 0


def test_a_block_that_may_hold_a_later_reading_needs_its_body() -> None:
    found = register([block(0, [10, 20]), block(1, [30], body=False)])
    assert found.passed_over(place(0, 1, 20), START + 10 * MINUTE - 1) == 0
    with pytest.raises(VerificationFailed, match="reading-not-found"):
        found.passed_over(place(0, 1, 20), START + 10 * MINUTE)


# A spike is no end of a period.

CAPACITY = 4_000_000
MINUTE_REACH = 3 * CAPACITY // 60 + 1
"""A minute and the refresh of two that acceptance allows for, and one count."""


def fits(blocks: Sequence[BlockItem], at: ReadingPlace, **options: Any) -> bool:
    try:
        register(blocks, **options).check_fit(at)
    except VerificationFailed as refused:
        return refused.code != "reading-implausible"
    return True


@pytest.mark.parametrize(("rise", "fitting"), [(0, True), (MINUTE_REACH, True), (MINUTE_REACH + 1, False), (-1, False)])
def test_a_reading_fits_when_it_rises_within_the_capacity(rise: int, fitting: bool) -> None:
    raw = [100, 100 + rise]
    assert fits([block(0, raw)], place(0, 1, 0)) is fitting
    assert fits([block(0, raw)], place(0, 0, 0)) is fitting


@pytest.mark.parametrize("body", [True, False])
@pytest.mark.parametrize(("rise", "fitting"), [
    (0, True), (12 * CAPACITY // 60 + 1, True), (12 * CAPACITY // 60 + 2, False), (-1, False)])
def test_a_reading_fits_the_blocks_before_and_after_by_body_or_header(rise: int, fitting: bool, body: bool) -> None:
    blocks = [block(0, [100]), block(1, [100 + rise])]
    assert fits([blocks[0], block(1, [100 + rise], body=body)], place(0, 0, 0)) is fitting
    assert fits([block(0, [100], body=body), blocks[1]], place(1, 0, 0)) is fitting


def test_a_reading_alone_has_nothing_to_fit() -> None:
    assert fits([block(0, [10**9])], place(0, 0, 0))


@pytest.mark.parametrize("other", [0, 2])
def test_a_neighbour_that_spikes_itself_is_not_asked(other: int) -> None:
    """Acceptance kept its column out: the block beyond decides."""
    blocks = [block(0, [10, 20]), block(1, [30, 40]), block(2, [50, 60]), block(3, [70, 80]), block(4, [90, 95])]
    blocks[other + 1] = block(other + 1, [10**9, 30])
    at = place(2, 1, 0) if other == 0 else place(2, 0, 0)
    assert fits(blocks, at)
    blocks[other + 1] = block(other + 1, [10**9, 10**9 + 1])
    assert fits(blocks, at)


def test_a_whole_block_above_the_others_does_not_fit() -> None:
    blocks = [block(0, [10, 20]), block(1, [30, 40]), block(2, [10**7, 10**7 + 1]), block(3, [70, 80]),
              block(4, [90, 95])]
    assert not fits(blocks, place(2, 0, 0))
    assert not fits(blocks[2:], place(2, 1, 0))
    assert not fits(blocks[:3], place(2, 1, 0))


def test_unusable_readings_and_untrusted_clocks_are_no_neighbours() -> None:
    fault = block(1, [10**9, 0], quality=[int(Quality.FAULT)] * 2)
    assert fits([block(0, [10, 20]), fault, block(2, [30, 40])], place(0, 1, 0))
    assert fits([block(0, [10, 20]), replace(fault, body=None), block(2, [30, 40])], place(0, 1, 0))
    clocks = [(block(0, [10, 20]), GOOD), (block(1, [10**9]), ClockQuality.UNKNOWN), (block(2, [30]), GOOD)]
    Register(history(), EXPORT, clocks).check_fit(place(0, 1, 0))


def test_frames_of_a_clock_that_went_back_are_no_neighbours() -> None:
    assert fits([block(0, [10, 20]), block(1, [15], start=START), block(2, [30, 40])], place(0, 1, 0))


def test_a_wrap_and_a_swap_fit_and_a_number_beyond_all_limits_does_not() -> None:
    assert fits([block(0, [9_900, 9_990]), block(1, [20, 40])], place(0, 1, 0), width="4")
    assert not fits([block(0, [5_000, 4_999])], place(0, 1, 0), width="4", capacity="60000")
    assert fits([block(0, [980, 1000]), block(1, [5, 15])], place(1, 0, 0), swap_at=START + 10 * MINUTE)
    assert not fits([block(0, [10, 2**62 - 1])], place(0, 1, 0), swap_at=START - 1, capacity="1000000000")


@pytest.mark.parametrize(("until", "falls"), [(START + 10 * MINUTE, False), (START + 10 * MINUTE + 1, True)])
def test_a_later_header_below_the_reading_is_seen_within_the_period(until: int, falls: bool) -> None:
    blocks = [block(0, [10, 100]), block(1, [99, 120], body=False)]
    assert register(blocks).falls_below(place(0, 1, 100), until) is falls
    assert not register(blocks).falls_below(place(0, 1, 99), until)
    assert not register(blocks, ClockQuality.UNKNOWN).falls_below(place(0, 1, 100), until)


def test_a_header_that_may_show_unusable_readings_says_nothing() -> None:
    fault = block(1, [0, 120], quality=[int(Quality.FAULT), 0], body=False)
    assert not register([block(0, [10, 100]), fault]).falls_below(place(0, 1, 100), START + 50 * MINUTE)


def test_a_swap_inside_a_later_block_is_no_fall() -> None:
    blocks = [block(0, [980, 990]), block(1, [1000, 5])]
    found = register(blocks, swap_at=START + 11 * MINUTE)
    assert not found.falls_below(place(0, 1, 990), START + 50 * MINUTE)


# Serial numbers.

def test_a_wrap_between_blocks_is_followed_through_their_headers() -> None:
    blocks = [block(0, [9_900, 9_950]), block(1, [9_990, 20], body=False), block(2, [40, 60])]
    found = register(blocks, width="4")
    found.check_place(place(0, 0, 9_900), "measured", None)
    found.check_place(place(2, 1, 10_060), "measured", 9_900)
    for wrong in (60, 20_060, 10_059):
        with pytest.raises(VerificationFailed, match="serial-mismatch"):
            found.check_place(place(2, 1, wrong), "measured", 9_900)


def test_without_a_floor_a_wrapping_register_is_checked_modulo_its_width() -> None:
    found = register([block(0, [9_900, 9_950])], width="4")
    for position in (9_950, 19_950, 29_950):
        found.check_place(place(0, 1, position), "measured", None)
    for position in (9_951, 950):
        with pytest.raises(VerificationFailed, match="serial-mismatch"):
            found.check_place(place(0, 1, position), "measured", None)


def test_a_swap_continues_the_serial_numbers() -> None:
    swap_at = START + 10 * MINUTE
    blocks = [block(0, [980, 990, 1000]), block(1, [5, 15, 25])]
    found = register(blocks, swap_at=swap_at)
    found.check_place(place(0, 2, 1000), "measured", None)
    found.check_place(place(1, 0, 1000), "measured", 980)
    found.check_place(place(1, 2, 1020), "measured", 980)
    with pytest.raises(VerificationFailed, match="serial-mismatch"):
        found.check_place(place(1, 2, 25), "measured", 980)


# Every body.

def test_every_value_given_is_decoded() -> None:
    assert check_bodies([block(seq, range(10, 20)) for seq in range(200)]) == 2_000
    assert check_bodies([block(0, [1, 2], body=False)]) == 0
    assert check_bodies([]) == 0


@pytest.mark.parametrize("position", range(0, 40, 3))
def test_a_changed_body_is_refused_wherever_it_changes(position: int) -> None:
    item = block(0, range(100, 120))
    assert item.body is not None
    where = position % len(item.body)
    body = item.body[:where] + bytes([item.body[where] ^ 1]) + item.body[where + 1 :]
    with pytest.raises(VerificationFailed, match="body-mismatch"):
        check_bodies([block(1, [1, 2]), replace(item, body=body)])
