"""Which frames count, who carried a meter, and how old a boundary reading is: the same for node and verifier."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from verify_world import EXPORT, GATEWAY, PERIOD, PV, STEP, World, profile

from attestation.carriers import Carrier, carriers, counted
from attestation.frame import FIRMWARE, LOST_SPOOL, EpochStart, Frame
from attestation.history import read_history
from attestation.registration import ReadingPlace, registration_payload
from core.errors import VerificationFailed
from core.period import Period, instant_text
from verify.completeness import figures, losses, staleness
from verify.frame_chains import check_heads, proven_indices, with_index
from verify.model import FrameItem
from verify.parse import parse_evidence
from verify.sources import RegisterSource
from verify.steps import completeness
from verify.steps.completeness import check_chain
from verify.steps.container import open_case

HOUR = 3_600_000


def frame(t_first: int, t_last: int, **changes: Any) -> Frame:
    made = World().frame(3)
    return made._replace(t_first=t_first, t_last=t_last, **changes)


def source(closing: int, opening: int | None = None) -> RegisterSource:
    at = ReadingPlace(1, closing, GATEWAY, 0, 1, 0, 0, 1)
    return RegisterSource("x", PV, EXPORT, None, 0, None if opening is None else replace(at, time=opening), at,
                          "measured", None)


@pytest.mark.parametrize(("start", "end", "first", "last"), [
    (0, 10, 0, 0), (9, 10, 0, 0), (10, 20, 1, 1), (9, 20, 0, 1), (9, 21, 0, 2), (20, 30, 2, 2), (25, 99, 2, 2)])
def test_frames_count_from_the_first_that_ends_after_the_start_to_the_first_that_reaches_the_end(
        start: int, end: int, first: int, last: int) -> None:
    chain = [frame(1, 10), frame(11, 20), frame(21, 30)]
    assert counted(chain, Carrier(GATEWAY, start, end)) == chain[first : last + 1]


def test_a_chain_that_ended_before_counts_nothing() -> None:
    assert counted([frame(1, 10)], Carrier(GATEWAY, 10, 20)) == []


def test_a_declared_loss_is_counted_and_another_restart_is_not() -> None:
    starts = [EpochStart(bytes(32), LOST_SPOOL), EpochStart(bytes(32), FIRMWARE), bytes(32)]
    assert losses([frame(1, 2, prev=prev) for prev in starts]) == 1


@pytest.mark.parametrize(("sources", "expected"), [
    ([], 0), ([source(PERIOD.end)], 0), ([source(PERIOD.end - 5)], 5),
    ([source(PERIOD.end - 5, PERIOD.start - 7)], 7), ([source(PERIOD.end, PERIOD.start), source(PERIOD.end - 1)], 1)])
def test_staleness_is_the_greatest_distance_at_either_end(sources: list[RegisterSource], expected: int) -> None:
    assert staleness(sources, PERIOD) == expected


def test_the_figures_are_texts_of_exactly_five_names() -> None:
    assert figures({}, [], [], PERIOD, 3) == {
        "frames": "0", "gaps": "0", "losses": "0", "flagged": "3", "max_staleness_ms": "0"}


def moved(at: int) -> list[Carrier]:
    own = profile(EXPORT, "generation", PV)
    first = registration_payload("meter", PV, "profile", PERIOD.start - HOUR, {"profile": own})
    entry = read_history([(1, first)]).entries[0].registration
    registers = [{"quantity": EXPORT, "closing": {"position": "9", "time": instant_text(at)},
                  "opening": {"raw": "9", "time": instant_text(at)}}]
    second = registration_payload("meter", PV, "move", at, {"registers": registers, "gateway": "gw:new"}, entry)
    return carriers(read_history([(1, first), (2, second)]), PERIOD)


def test_a_meter_that_moved_was_carried_by_one_gateway_after_the_other() -> None:
    middle = PERIOD.start + 6 * HOUR
    assert moved(middle) == [
        Carrier(GATEWAY, PERIOD.start, middle, until=2), Carrier("gw:new", middle, PERIOD.end, since=2)]


@pytest.mark.parametrize(("at", "gateway"), [(PERIOD.start, "gw:new"), (PERIOD.end, GATEWAY)])
def test_a_move_at_an_end_of_the_period_leaves_one_carrier(at: int, gateway: str) -> None:
    assert moved(at) == [Carrier(gateway, PERIOD.start, PERIOD.end)]


def test_a_meter_enrolled_inside_the_period_was_carried_from_then_on() -> None:
    own = profile(EXPORT, "generation", PV)
    late = PERIOD.start + HOUR
    history = read_history([(1, registration_payload("meter", PV, "profile", late, {"profile": own}))])
    assert carriers(history, PERIOD) == [Carrier(GATEWAY, late, PERIOD.end)]
    assert carriers(history, Period(late - 2, late - 1)) == []


# Chains.

def chain() -> list[FrameItem]:
    return list(parse_evidence(World().file()).frames[GATEWAY])


def test_a_frame_between_stands_under_the_next_proven_one() -> None:
    items = chain()
    known = [item.entry.index for item in items]
    indices = proven_indices(GATEWAY, known)
    assert None in known
    for i, index in enumerate(known):
        assert indices[i] == (index if index is not None else known[i + 1])
    assert indices == sorted(indices)


def test_an_unproven_end_is_refused() -> None:
    items = chain()
    last = replace(items[-1], entry=replace(items[-1].entry, index=None))
    for check in (lambda: check_heads(GATEWAY, [*items[:-1], last]), lambda: with_index(GATEWAY, [last])):
        with pytest.raises(VerificationFailed, match="frame-head-unproven"):
            check()


def test_a_chain_shows_what_came_before_a_move_and_what_after() -> None:
    case = open_case(World().file(), World().trust(), None, frozenset())
    exact = [replace(item, entry=replace(item.entry, index=10 * i)) for i, item in enumerate(chain())]
    away, here = (Carrier(GATEWAY, PERIOD.start, PERIOD.end, **{name: 25}) for name in ("until", "since"))

    def check(carrier: Carrier, items: list[FrameItem]) -> str:
        try:
            completeness._check_moves(case, carrier, with_index(GATEWAY, items))
        except VerificationFailed as error:
            return error.code
        return ""

    unproven = [item if i != 3 else replace(item, entry=replace(item.entry, index=None)) for i, item in
                enumerate(exact)]
    assert [check(away, exact), check(here, exact), check(here, unproven)] == ["", "", ""]
    assert check(away, unproven) == "frame-head-unproven"
    assert [check(away, exact[:3]), check(here, exact[3:])] == ["period-not-covered"] * 2
    assert [check(away, exact[:4]), check(here, exact[2:])] == ["", ""]


def test_beyond_the_counted_frames_of_a_move_s_side_no_block_is_asked_for() -> None:
    counted_ones = [(GATEWAY, 0, seq) for seq in (3, 4)]
    away, here, stayed = (Carrier(GATEWAY, 0, 1, **moves) for moves in ({"until": 5}, {"since": 5}, {}))

    def beyond(carrier: Carrier) -> list[int]:
        return [seq for seq in range(2, 6) if completeness._is_beyond(carrier, (GATEWAY, 0, seq), counted_ones)]
    assert [beyond(away), beyond(here), beyond(stayed)] == [[5], [2], []]
    assert not completeness._is_beyond(away, (GATEWAY, 0, 9), [])


def test_the_last_frame_of_each_epoch_needs_its_proof() -> None:
    items = chain()
    unproven = next(i for i, item in enumerate(items) if item.entry.index is None)
    later = [replace(item, frame=item.frame._replace(epoch=1)) for item in items[unproven + 1 :]]
    check_heads(GATEWAY, items)
    with pytest.raises(VerificationFailed, match="frame-head-unproven"):
        check_heads(GATEWAY, [*items[: unproven + 1], *later])


def test_a_whole_chain_is_unbroken_and_any_missing_frame_is_named() -> None:
    items = chain()
    check_chain(items)
    check_chain(items[:1])
    for i in range(1, len(items) - 1):
        with pytest.raises(VerificationFailed, match="frame-missing") as refused:
            check_chain(items[:i] + items[i + 1 :])
        assert refused.value.where == GATEWAY


def test_frames_in_another_order_are_refused() -> None:
    items = chain()
    with pytest.raises(VerificationFailed, match="frame-"):
        check_chain([items[1], items[0], *items[2:]])


def test_a_frame_twice_is_refused() -> None:
    items = chain()
    with pytest.raises(VerificationFailed, match="frame-chain-broken"):
        check_chain([items[0], items[0], *items[1:]])


def test_a_frame_with_another_past_is_refused() -> None:
    items = chain()
    other = replace(items[3], frame=items[3].frame._replace(prev=bytes(32)))
    with pytest.raises(VerificationFailed, match="frame-chain-broken"):
        check_chain([*items[:3], other, *items[4:]])


def test_one_world_has_one_reading_a_quarter_of_an_hour() -> None:
    made = World()
    assert made.frame(4).t_last - made.frame(4).t_first == 15 * STEP
