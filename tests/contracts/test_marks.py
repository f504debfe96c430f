"""Marks: each position of a register is claimed once, in order, and not before it can have been reached."""

from __future__ import annotations

from typing import Any

import pytest
from chain_helpers import (
    CAPACITY_W,
    DAY,
    FIRST_READING,
    MWH,
    NOW,
    OPENING,
    PERIOD,
    PV,
    ROOF,
    SITE,
    WIND,
    World,
    account,
    refused,
)

from certificates.registry import Mark
from core.ids import chain_id_of
from core.records import Interval, Kind

pytestmark = pytest.mark.chain

# At 1 MW a watt-hour takes 3.6 ms: so far can the register have come at the end of the period.
REACHED = OPENING + CAPACITY_W * (PERIOD[1] - FIRST_READING) // 3_600_000


def position(world: World, mark: str = PV) -> int:
    state = world.registry("node").mark(mark)
    assert state is not None
    return state.position


def test_a_registrar_opens_a_mark_at_its_first_reading(world: World) -> None:
    world.registry("registrar").open_mark(world.mark("cp:new"))
    state = world.registry("node").mark("cp:new")
    assert state is not None
    assert (state.opening, state.position, state.capacity) == (OPENING, OPENING, CAPACITY_W)
    assert (state.live, state.retired, state.holes) == (0, 0, 0)
    assert state.conserved


def test_opening_the_same_mark_again_is_nothing_new(world: World) -> None:
    assert world.registry("registrar").open_mark(world.mark(PV)) is None


def test_a_mark_is_not_opened_twice_with_other_values(world: World) -> None:
    with refused("mark-exists"):
        world.registry("registrar").open_mark(world.mark(PV, opening=0))
    with refused("mark-exists"):
        world.registry("registrar").open_mark(world.mark(PV, org="org:energy"))


@pytest.mark.parametrize("name", ["steel", "node", "verifier", "stranger"])
def test_only_a_registrar_opens_marks_and_skips(world: World, name: str) -> None:
    with refused("mark-forbidden") as detail:
        world.registry(name).open_mark(world.mark("cp:new"))
    assert detail["kind"] == "Forbidden"
    with refused("mark-forbidden"):
        world.registry(name).skip(PV, OPENING + 1, "no reason")


@pytest.mark.parametrize("changes", [
    {"kind": 0}, {"kind": 3}, {"capacity_w": 0}, {"first_reading": 0}, {"first_reading": NOW + 10**9},
    {"kind": 2}, {"kind": 2, "capacity_w": 0}, {"kind": 2, "first_reading": 0},
    {"kind": 2, "capacity_w": 0, "first_reading": 0, "opening": NOW + 10**9},
])
def test_a_mark_that_makes_no_sense_is_refused(world: World, changes: dict[str, Any]) -> None:
    with refused("mark-malformed"):
        world.registry("registrar").open_mark(world.mark("cp:new", **changes))


def test_a_mark_needs_an_organisation(world: World) -> None:
    chain = world.chain("registrar")
    contract = chain.contract("CertificateRegistry", world.addresses.certificates)
    with refused("mark-malformed"):
        chain.send(contract.functions.openMark(chain_id_of("cp:new"), bytes(32), 1, 0, 1, FIRST_READING))


def test_an_unknown_mark_has_no_state(world: World) -> None:
    registry = world.registry("node")
    assert registry.mark("cp:nobody") is None
    assert registry.hole("cp:nobody", 0) is None
    assert registry.debt("cp:nobody", Kind.GREEN_POWER) == 0


def test_issues_follow_one_another_on_the_mark(world: World) -> None:
    world.green(0, 2)
    world.green(1, 3)
    state = world.registry("node").mark(PV)
    assert state is not None
    assert (state.position, state.live) == (OPENING + 5 * MWH, 5 * MWH)
    assert world.conserved()


@pytest.mark.parametrize("shift", [-MWH, -1, 1, MWH])
def test_an_interval_starts_exactly_at_the_mark(world: World, shift: int) -> None:
    world.green(0, 2)
    start = position(world) + shift
    with refused("mark-overlap") as detail:
        world.issue(1, [Interval(PV, start, start + MWH)], 1)
    assert detail["position"] == str(OPENING + 2 * MWH)


def test_one_claim_does_not_take_the_same_positions_twice(world: World) -> None:
    with refused("mark-overlap"):
        world.issue(0, [Interval(PV, OPENING, OPENING + MWH), Interval(PV, OPENING, OPENING + MWH)], 2)


def test_a_register_cannot_have_turned_faster_than_its_capacity(world: World) -> None:
    with refused("mark-too-far") as detail:
        world.issue(0, [Interval(PV, OPENING, REACHED + 1)], 1)
    assert detail["limit"] == str(REACHED)
    world.issue(0, [Interval(PV, OPENING, REACHED)], 1)
    assert world.conserved()


def test_the_period_not_the_present_bounds_the_register(world: World) -> None:
    before_first_reading = (FIRST_READING - 30 * DAY, FIRST_READING - DAY)
    with refused("mark-too-far"):
        world.issue(0, [Interval(PV, OPENING, OPENING + MWH)], 1, period=before_first_reading)


def test_a_time_mark_comes_no_further_than_the_period(world: World) -> None:
    with refused("mark-too-far"):
        world.issue(0, [Interval(SITE, PERIOD[0], PERIOD[1] + 1)], 5, kind=Kind.REDUCTION)
    world.issue(0, [Interval(SITE, PERIOD[0], PERIOD[1])], 5, kind=Kind.REDUCTION)
    assert position(world, SITE) == PERIOD[1]


def test_a_second_reduction_of_the_same_facility_and_time_is_refused(world: World) -> None:
    world.issue(0, [Interval(SITE, *PERIOD)], 5, kind=Kind.REDUCTION)
    with refused("mark-overlap"):
        world.issue(1, [Interval(SITE, *PERIOD)], 5, kind=Kind.REDUCTION)


def test_the_same_watt_hours_are_not_green_power_and_a_reduction(world: World) -> None:
    world.green(0, 2)
    with refused("mark-overlap"):
        world.issue(1, [Interval(PV, OPENING, OPENING + 2 * MWH)], 1, kind=Kind.REDUCTION)


def test_a_claim_spends_several_marks_or_none(world: World) -> None:
    both = [Interval(PV, OPENING, OPENING + MWH), Interval(WIND, OPENING, OPENING + MWH)]
    world.issue(0, both, 2)
    assert position(world, PV) == position(world, WIND) == OPENING + MWH
    with refused("mark-overlap"):
        world.issue(1, [Interval(PV, OPENING + MWH, OPENING + 2 * MWH), Interval(WIND, OPENING, OPENING + MWH)], 2)
    assert position(world, PV) == OPENING + MWH, "a refused claim leaves no trace"


def test_a_mark_of_another_organisation_is_not_spent(world: World) -> None:
    with refused("mark-foreign"):
        world.issue(0, [Interval(ROOF, OPENING, OPENING + MWH)], 1)
    world.issue(0, [Interval(ROOF, OPENING, OPENING + MWH)], 1, subject="energy")


def test_an_unknown_mark_is_not_spent(world: World) -> None:
    with refused("mark-unknown"):
        world.issue(0, [Interval("fac:nowhere", PERIOD[0], PERIOD[1])], 1, kind=Kind.REDUCTION)
    with refused("mark-unknown"):
        world.registry("registrar").skip("fac:nowhere", 5, "nothing")


# --- holes ---

def test_the_registrar_leaves_a_public_hole(world: World) -> None:
    world.registry("registrar").skip(PV, OPENING + 3 * MWH, "test run before commissioning")
    assert world.registry("node").hole(PV, OPENING) == OPENING + 3 * MWH
    state = world.registry("node").mark(PV)
    assert state is not None
    assert (state.holes, state.live) == (3 * MWH, 0)
    assert world.conserved()


@pytest.mark.parametrize("to", [OPENING, OPENING - 1, 0])
def test_a_skip_goes_forward(world: World, to: int) -> None:
    with refused("mark-empty"):
        world.registry("registrar").skip(PV, to, "backwards")


def test_a_skip_is_bounded_like_a_claim(world: World) -> None:
    # The transaction's block is at most a few seconds after the clock.
    limit = OPENING + CAPACITY_W * (NOW - FIRST_READING) // 3_600_000
    with refused("mark-too-far"):
        world.registry("registrar").skip(PV, limit + CAPACITY_W, "too far")
    world.registry("registrar").skip(PV, limit, "all of it")


@pytest.fixture
def hole(world: World) -> World:
    """A hole of 3 MWh at the opening, and the mark behind it."""
    world.registry("registrar").skip(PV, OPENING + 3 * MWH, "skipped")
    return world


def test_a_hole_is_filled_whole(hole: World) -> None:
    hole.green(0, 3, start=OPENING)
    assert hole.registry("node").hole(PV, OPENING) is None
    state = hole.registry("node").mark(PV)
    assert state is not None
    assert (state.live, state.holes, state.position) == (3 * MWH, 0, OPENING + 3 * MWH)
    assert hole.conserved()


def test_a_hole_is_filled_from_its_start_and_the_rest_stays(hole: World) -> None:
    hole.green(0, 1, start=OPENING)
    assert hole.registry("node").hole(PV, OPENING) is None
    assert hole.registry("node").hole(PV, OPENING + MWH) == OPENING + 3 * MWH
    hole.green(1, 2, start=OPENING + MWH)
    assert hole.conserved()


def test_a_hole_is_not_filled_twice(hole: World) -> None:
    hole.green(0, 3, start=OPENING)
    with refused("mark-overlap"):
        hole.green(1, 1, start=OPENING)


def test_a_claim_does_not_reach_out_of_a_hole(hole: World) -> None:
    with refused("mark-overlap"):
        hole.issue(0, [Interval(PV, OPENING, OPENING + 3 * MWH + 1)], 3)


def test_a_hole_is_not_filled_from_its_middle(hole: World) -> None:
    with refused("mark-overlap"):
        hole.issue(0, [Interval(PV, OPENING + MWH, OPENING + 2 * MWH)], 1)


def test_one_claim_fills_a_hole_and_goes_on_at_the_mark(hole: World) -> None:
    end = OPENING + 3 * MWH
    hole.issue(0, [Interval(PV, OPENING, end), Interval(PV, end, end + MWH)], 4)
    assert hole.conserved()


def test_a_hole_of_another_mark_is_no_hole(hole: World) -> None:
    hole.registry("registrar").skip(WIND, OPENING + MWH, "other")
    hole.green(0, 1, mark=WIND, start=OPENING)
    assert hole.registry("node").hole(PV, OPENING) == OPENING + 3 * MWH


def test_a_time_mark_opens_without_capacity(world: World) -> None:
    world.registry("registrar").open_mark(Mark("fac:new", "org:steel", 2, NOW - DAY, 0, 0))
    assert position(world, "fac:new") == NOW - DAY


def test_what_happened_to_a_mark_is_public(world: World) -> None:
    first = world.chain("node").rpc.call("eth_blockNumber")
    world.registry("registrar").skip(PV, OPENING + MWH, "why not")
    world.green(0, 1)
    events = world.registry("node").events(int(first, 16) + 1)
    assert [event.name for event in events] == ["HoleLeft", "IntervalSpent", "TransferSingle", "CertificateIssued"]
    assert events[0].values["reason"] == "why not"
    assert events[0].values["mark"] == chain_id_of(PV)
    assert account("node").address != events[2].values["to"] == account("steel").address
