"""Clocks that cannot be right, of gateways and of the node: what is kept, what is flagged, and what is not tainted."""

from __future__ import annotations

import pytest
from attestation_helpers import HOUR, START, Gateway, Node, block, energy_block, profile, silent

from attestation import series
from attestation.acceptance import Outcome
from attestation.dispute import parse_dispute
from attestation.envelope import open_envelope
from attestation.flags import MAX_AHEAD_MS
from attestation.frame import Submission
from attestation.resolution import resolve
from attestation.rollup import stored_hours
from core.database import transaction
from core.errors import FormError, Refused
from core.period import MAX_INSTANT, Period

MINUTE, DAY = 60_000, 24 * HOUR


def minute(gateway: Gateway, number: int) -> Submission:
    """The frame of a minute after START, its register where it ought to be."""
    return gateway.frame(block(start=START + number * MINUTE, energy=10**6 + 600 * number))


def counted(node: Node) -> int:
    """Readings of power that count, over all hours."""
    with node.connection() as connection:
        return sum(hour.readings for hour in stored_hours(connection) if hour.quantity == "power")


def clock_flags(node: Node) -> list[int]:
    """Log indices of the frames whose clock is in doubt."""
    return sorted(index for index, _, _, code in node.flags() if code == "clock-off")


@pytest.mark.parametrize("ahead", [MAX_AHEAD_MS + 1, DAY, 365 * DAY, MAX_INSTANT - START - 59_000])
def test_a_frame_of_the_far_future_is_kept_and_moves_nothing(node: Node, gateway: Gateway, ahead: int) -> None:
    node.clock.instant = START + 59_000
    decision = node.one(gateway.frame(block(start=START + ahead, energy=5_000_000)))
    assert decision.outcome == Outcome.ACCEPTED
    assert clock_flags(node) == [2]
    assert counted(node) == 0
    with node.connection() as connection:
        assert series.register_at(connection, "m:main", "energy", MAX_INSTANT) is None


@pytest.mark.parametrize(("last", "outcome"), [(MAX_INSTANT, "accepted"), (MAX_INSTANT + 1, "refused")])
def test_no_time_lies_beyond_the_last_instant(node: Node, gateway: Gateway, last: int, outcome: str) -> None:
    decision = node.one(gateway.frame(energy_block([1, 2], start=last - 1, step=1)))
    assert decision.outcome == outcome
    assert isinstance(decision.error, FormError) is (outcome == "refused")


def test_after_a_frame_of_the_future_the_present_counts(node: Node, gateway: Gateway) -> None:
    node.put(minute(gateway, 0), gateway.frame(block(start=START + 365 * DAY, energy=9_000_000)),
             *[minute(gateway, number) for number in range(2, 5)])
    assert clock_flags(node) == [3]
    assert counted(node) == 4 * 60
    with node.connection() as connection:
        energy = series.energy(connection, "m:main", "energy", Period(START, START + 5 * MINUTE))
    assert energy.value == 4 * 600 + 590


def test_a_node_whose_clock_was_set_back_flags_the_present_and_refuses_nothing(node: Node, gateway: Gateway) -> None:
    node.one(minute(gateway, 0))
    node.clock.instant = START - DAY
    assert node.one(minute(gateway, 1)).outcome == Outcome.ACCEPTED
    node.clock.instant = START + HOUR
    assert node.one(minute(gateway, 2)).outcome == Outcome.ACCEPTED
    assert clock_flags(node) == [3]
    assert counted(node) == 2 * 60


def test_what_a_wrong_clock_of_the_node_flagged_counts_by_decision(node: Node, gateway: Gateway) -> None:
    node.clock.instant = START - DAY
    node.one(minute(gateway, 0))
    assert counted(node) == 0
    with transaction(node.engine) as connection:
        resolve(connection, 2, "", "", "clock-off", "counts", "org:operator", START)
    assert counted(node) == 60


@pytest.mark.parametrize("jump", [-10 * DAY, -1, 0, 10 * DAY])
def test_a_clock_that_jumps_between_two_requests_acknowledges_the_same_index(
        node: Node, gateway: Gateway, jump: int) -> None:
    frame = minute(gateway, 0)
    first = node.one(frame)
    node.clock.instant += jump
    again = node.one(frame)
    assert (again.outcome, again.index) == (Outcome.DUPLICATE, first.index)
    assert clock_flags(node) == []


def test_a_node_whose_clock_leapt_ahead_calls_the_present_late_and_keeps_it(node: Node, gateway: Gateway) -> None:
    node.clock.instant = START + 365 * DAY
    assert node.one(minute(gateway, 0)).outcome == Outcome.ACCEPTED
    assert node.codes() == {"late"}
    node.clock.instant = START + HOUR
    node.one(minute(gateway, 1))
    assert counted(node) == 60


def test_disputes_chain_whatever_the_nodes_clock_says(node: Node, gateway: Gateway) -> None:
    node.put(gateway.build(block(power=1)), gateway.build(block(power=2)))
    node.clock.instant -= DAY
    node.one(gateway.build(block(power=3)))
    first, second = (parse_dispute(open_envelope(node.entries[index]).payload) for index in (4, 6))
    assert second.time < first.time
    assert (second.seq, second.prev) == (1, open_envelope(node.entries[4]).digest)


@pytest.mark.parametrize(("overlap", "flagged"), [(0, True), (-1, False)])
def test_two_frames_share_no_instant(node: Node, gateway: Gateway, overlap: int, flagged: bool) -> None:
    """A leap second smeared backwards repeats an instant; the register could not tell which reading was the later."""
    node.one(minute(gateway, 0))
    node.one(gateway.frame(block(start=START + 59_000 - overlap, energy=10**6 + 600)))
    assert (clock_flags(node) == [3]) is flagged


def test_times_are_utc_and_an_hour_put_back_is_no_doubt(node: Node, gateway: Gateway) -> None:
    """Summer time ends for people, not for instants: consecutive hours stay consecutive."""
    node.clock.instant = START + 3 * HOUR
    for number in range(3):
        node.one(gateway.frame(energy_block([10**6 + 100 * number], start=START + number * HOUR)))
    assert node.flags() == set()


# meters that no registration names

def test_a_frame_of_strangers_alone_is_kept_and_counts_nothing(node: Node, gateway: Gateway) -> None:
    decision = node.one(gateway.frame(block("m:stranger"), silent("m:main")))
    assert decision.outcome == Outcome.ACCEPTED
    assert node.flags() == {(2, "m:stranger", "", "meter-not-enrolled")}
    assert counted(node) == 0


def test_a_stranger_counts_from_its_enrolment_on_and_not_before(node: Node, gateway: Gateway) -> None:
    node.one(gateway.frame(block(), block("m:late")))
    node.register("meter", "m:late", "profile", {"profile": profile(serial="CN-2")})
    node.one(gateway.frame(block(start=START + MINUTE, energy=1_000_600),
                           block("m:late", start=START + MINUTE, energy=1_000_600)))
    assert node.flags() == {(2, "m:late", "", "meter-not-enrolled")}
    with node.connection() as connection:
        hours = {hour.meter: hour.readings for hour in stored_hours(connection) if hour.quantity == "power"}
    assert hours == {"m:main": 120, "m:late": 60}


def test_no_decision_makes_a_meter_count_that_nobody_enrolled(node: Node, gateway: Gateway) -> None:
    """Without a profile nothing says what a count means."""
    node.one(gateway.frame(block(), block("m:stranger")))
    with pytest.raises(Refused) as caught, transaction(node.engine) as connection:
        resolve(connection, 2, "m:stranger", "", "meter-not-enrolled", "counts", "org:operator", START)
    assert caught.value.code == "flag-needs-registration"
    with transaction(node.engine) as connection:
        resolve(connection, 2, "m:stranger", "", "meter-not-enrolled", "stays-out", "org:operator", START)
    with node.connection() as connection:
        assert {hour.meter for hour in stored_hours(connection)} == {"m:main"}


@pytest.mark.parametrize(("power", "counts"), [(1_200_000, 60), (1_200_001, 0)])
def test_a_decision_about_the_gateway_answers_nothing_else_about_the_column(
        node: Node, gateway: Gateway, power: int, counts: int) -> None:
    """A meter that another gateway carried after all counts by decision, unless its values are doubtful as well."""
    node.enrol("m:theirs", gateway="gw:other")
    node.one(gateway.frame(block(), block("m:theirs", power=power)))
    with transaction(node.engine) as connection:
        resolve(connection, 3, "m:theirs", "", "meter-elsewhere", "counts", "org:operator", START)
    with node.connection() as connection:
        hours = {(hour.meter, hour.quantity): hour.readings for hour in stored_hours(connection)}
    assert hours.get(("m:theirs", "power"), 0) == counts
    assert hours["m:theirs", "energy"] == 60
    assert ("out-of-range" in node.codes()) is (counts == 0)


def test_a_stranger_leaves_no_register_behind(node: Node, gateway: Gateway) -> None:
    node.one(gateway.frame(block(), block("m:stranger")))
    with node.connection() as connection:
        held = connection.exec_driver_sql("SELECT meter, quantity FROM attestation_register").fetchall()
    assert [tuple(row) for row in held] == [("m:main", "energy")]


@pytest.mark.parametrize("together", [True, False])
def test_a_frame_dated_before_the_profile_does_not_unsettle_the_next_one(
        node: Node, gateway: Gateway, together: bool) -> None:
    """What has no rule at the time of one frame has one at that of the next, sent in one body or in two."""
    frames = [gateway.frame(block(start=START - 3 * HOUR, energy=10**6)), minute(gateway, 1)]
    if together:
        node.put(*frames)
    else:
        for frame in frames:
            node.one(frame)
    assert {index for index, _, _, code in node.flags() if code == "column-unknown"} == {2}
    assert counted(node) == 60
    assert node.check_everything() == []
