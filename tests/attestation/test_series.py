"""Registers over time: R(t), energy as a difference, swaps, roll-overs, ratios, and flags that registrations answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from attestation_helpers import (
    GATEWAY,
    HOUR,
    MINUTE,
    ORG,
    OTHER_KEY,
    SITE,
    START,
    Gateway,
    Node,
    block,
    change,
    energy_block,
    profile,
    wrapping_profile,
)

from attestation.acceptance import Outcome
from attestation.resolution import resolve
from attestation.series import energy, flags, hourly, open_flags, raw, register_at
from core.database import transaction
from core.errors import CarbonSealError
from core.period import Period, instant_text


def position(node: Node, instant: int, meter: str = "m:main") -> int | None:
    with node.connection() as connection:
        reading = register_at(connection, meter, "energy", instant)
    return None if reading is None else reading.position


def gained(node: Node, start: int, end: int) -> int:
    with node.connection() as connection:
        return energy(connection, "m:main", "energy", Period(start, end)).value


@pytest.mark.parametrize(("instant", "expected"), [
    (START - 1, None), (START, 10**6), (START + 999, 10**6), (START + 1000, 10**6 + 10),
    (START + 59_000, 10**6 + 590), (START + 5 * HOUR, 10**6 + 590)])
def test_the_register_at_an_instant_is_the_last_reading_at_or_before_it(
        node: Node, gateway: Gateway, instant: int, expected: int | None) -> None:
    node.one(gateway.frame(block()))
    assert position(node, instant) == expected


def test_a_reading_names_its_place_in_the_log(node: Node, gateway: Gateway) -> None:
    node.enrol("m:a")
    node.put(gateway.frame(block("m:a"), block()), gateway.frame(block("m:a", start=START + MINUTE, energy=1_000_600),
                                                                block(start=START + MINUTE, energy=1_000_600)))
    with node.connection() as connection:
        reading = register_at(connection, "m:main", "energy", START + MINUTE + 2500)
    assert reading is not None
    assert reading.place().as_json() == {
        "position": "1000620", "time": instant_text(START + MINUTE + 2000), "gateway": GATEWAY, "epoch": "0",
        "seq": "1", "block": "1", "ordinal": "2", "index": "4"}


def test_energy_is_a_difference_so_lost_readings_neither_add_nor_hide_any(node: Node, gateway: Gateway) -> None:
    node.put(gateway.frame(energy_block([0])), gateway.frame(energy_block([7_000], start=START + 2 * HOUR)))
    node.clock.instant = START + 3 * HOUR
    assert node.codes() == {"clock-off"}
    again = Gateway()
    again.seq, again.prev = gateway.seq, gateway.prev
    node.put(again.frame(energy_block([9_000], start=START + 150 * MINUTE)))
    assert gained(node, START, START + 3 * HOUR) == 9_000
    with node.connection() as connection:
        found = energy(connection, "m:main", "energy", Period(START, START + 3 * HOUR))
    assert (found.unit, found.staleness) == ("Wh", 30 * MINUTE)


def test_energy_before_the_first_reading_is_an_error_and_no_zero(node: Node, gateway: Gateway) -> None:
    node.one(gateway.frame(block()))
    with node.connection() as connection, pytest.raises(CarbonSealError, match="register-not-yet"):
        energy(connection, "m:main", "energy", Period(START - 1, START + HOUR))


def test_a_register_that_falls_is_flagged_and_stays_out(node: Node, gateway: Gateway) -> None:
    node.put(gateway.frame(energy_block([100, 200])), gateway.frame(energy_block([50, 60], start=START + 5 * MINUTE)))
    assert node.flags() == {(3, "m:main", "energy", "register-falls")}
    assert position(node, START + HOUR) == 200


def test_a_register_that_falls_inside_a_block_is_flagged(node: Node, gateway: Gateway) -> None:
    node.one(gateway.frame(energy_block([100, 200, 199, 300])))
    assert node.codes() == {"register-falls"}


@pytest.mark.parametrize(("rise", "codes"), [(33_334, set()), (33_335, {"impossible-jump"})])
def test_a_register_moves_no_faster_than_its_capacity(
        node: Node, gateway: Gateway, rise: int, codes: set[str]) -> None:
    """1 MW: a second apart, with a refresh of up to two minutes allowed for, 33,333 Wh and one count."""
    node.put(gateway.frame(energy_block([0, rise], step=1000)))
    assert node.codes() == codes


@pytest.mark.parametrize(("rise", "codes"), [(200_001, set()), (200_002, {"impossible-jump"})])
def test_a_jump_between_frames_is_held_against_the_time_between(
        node: Node, gateway: Gateway, rise: int, codes: set[str]) -> None:
    node.put(gateway.frame(energy_block([0])), gateway.frame(energy_block([rise], start=START + 10 * MINUTE)))
    assert node.codes() == codes


@pytest.mark.parametrize("ordinal", [0, 1, 2])
def test_a_spike_takes_its_column_of_the_frame_out_wherever_it_stands(
        node: Node, gateway: Gateway, ordinal: int) -> None:
    spiked = [300, 400, 500]
    spiked[ordinal] += 50_000_000
    node.put(gateway.frame(energy_block([100, 200])),
             gateway.frame(energy_block(spiked, start=START + 5 * MINUTE)),
             gateway.frame(energy_block([600, 700], start=START + 10 * MINUTE)))
    assert {code for _, meter, _, code in node.flags() if meter == "m:main"} <= {"impossible-jump", "register-falls"}
    assert {index for index, _, _, _ in node.flags()} == {3}
    assert position(node, START + 8 * MINUTE) == 200
    assert position(node, START + HOUR) == 700


def test_no_decision_lets_a_jump_count(node: Node, gateway: Gateway) -> None:
    node.put(gateway.frame(energy_block([100, 200])),
             gateway.frame(energy_block([50_000_000], start=START + 5 * MINUTE)))
    with node.connection() as connection, pytest.raises(CarbonSealError, match="flag-needs-registration"):
        resolve(connection, 3, "m:main", "energy", "impossible-jump", "counts", "acct:x", START)
    assert position(node, START + HOUR) == 200


def test_a_register_wraps_at_its_width_without_a_flag(node: Node, gateway: Gateway) -> None:
    node.register("meter", "m:wrap", "profile", {"profile": wrapping_profile(4)})
    node.put(gateway.frame(block(), energy_block([9_900, 9_990, 20, 80], meter="m:wrap")),
             gateway.frame(block(start=START + HOUR // 2, energy=1_000_600),
                           energy_block([5], meter="m:wrap", start=START + HOUR // 2)))
    assert node.codes() == set()
    assert position(node, START + 3 * MINUTE, "m:wrap") == 10_080
    assert position(node, START + HOUR, "m:wrap") == 20_005


def test_a_fall_that_no_wrap_explains_is_flagged(node: Node, gateway: Gateway) -> None:
    node.register("meter", "m:wrap", "profile", {"profile": wrapping_profile(8)})
    node.one(gateway.frame(block(), energy_block([5_000, 4_000], meter="m:wrap")))
    assert node.codes() == {"impossible-jump"}


def test_a_swap_fixes_the_offset(node: Node, gateway: Gateway) -> None:
    node.one(gateway.frame(energy_block([1_000, 2_000])))
    node.register("meter", "m:main", "swap", change(7, START + 4 * MINUTE, 2_100, profile=None), START + 4 * MINUTE)
    node.one(gateway.frame(energy_block([10, 30], start=START + 5 * MINUTE)))
    assert node.codes() == set()
    assert position(node, START + HOUR) == 2_100 + 30 - 7


def test_a_swap_in_the_middle_of_a_block(node: Node, gateway: Gateway) -> None:
    node.register("meter", "m:main", "swap", change(0, START + 2 * MINUTE, 1_150, profile=None), START + 2 * MINUTE)
    node.one(gateway.frame(energy_block([1_000, 1_100, 0, 40])))
    assert node.codes() == set()
    assert position(node, START + MINUTE) == 1_100
    assert position(node, START + HOUR) == 1_190


def test_a_swap_registered_late_answers_the_flags(node: Node, gateway: Gateway) -> None:
    node.put(gateway.frame(energy_block([1_000, 2_000])),
             gateway.frame(energy_block([10, 30], start=START + 5 * MINUTE)))
    assert node.codes() == {"register-falls"}
    node.register("meter", "m:main", "swap", change(0, START + 3 * MINUTE, 2_050, profile=None), START + 3 * MINUTE)
    assert node.codes() == set()
    assert position(node, START + HOUR) == 2_080


def test_a_ratio_changed_by_registration_counts_and_without_one_is_flagged(node: Node, gateway: Gateway) -> None:
    node.one(gateway.frame(energy_block([1_000])))
    node.register("meter", "m:main", "ratio", change(1_000, START + MINUTE, 1_000, ratio="40"), START + MINUTE)
    node.one(gateway.frame(energy_block([1_100], start=START + 10 * MINUTE)))
    assert position(node, START + HOUR) == 1_000 + 100 * 40


def test_a_meter_moved_to_another_gateway_counts_there(node: Node, gateway: Gateway) -> None:
    node.one(gateway.frame(energy_block([1_000])))
    node.register("device", "gw:two", "enrol", {"public_key": OTHER_KEY.public_key.hex(), "site": SITE, "org": ORG})
    node.register("meter", "m:main", "move", change(1_000, START + MINUTE, 1_000, gateway="gw:two"), START + MINUTE)
    node.put(gateway.frame(energy_block([1_010], start=START + 2 * MINUTE)),
             Gateway(OTHER_KEY, "gw:two").frame(energy_block([1_020], start=START + 3 * MINUTE)))
    assert node.codes() == {"meter-elsewhere"}
    assert position(node, START + HOUR) == 1_020


def test_hours_add_up_over_frames_and_split_at_the_hour(node: Node, gateway: Gateway) -> None:
    node.clock.instant = START + 2 * HOUR
    node.put(gateway.frame(block(count=3600, step=1000)),
             gateway.frame(block(start=START + HOUR - 500, count=60, step=1000, energy=1_036_000, power=50)))
    with node.connection() as connection:
        power = hourly(connection, "m:main", "power", Period(START, START + 2 * HOUR))
        register = hourly(connection, "m:main", "energy", Period(START, START + 2 * HOUR))
    assert [(hour.readings, hour.total, hour.low, hour.high) for hour in power] == [
        (3601, 3600 * 36_000 + 50, 50, 36_000), (59, 59 * 50, 50, 50)]
    assert [(hour.first_position, hour.last_position) for hour in register] == [
        (1_000_000, 1_036_000), (1_036_010, 1_036_590)]


def test_the_hours_are_those_a_naive_sum_gives(node: Node, gateway: Gateway) -> None:
    rng = np.random.default_rng(3)
    node.clock.instant = START + 5 * HOUR
    times, values, at, count = [], [], START, 0
    for _ in range(12):
        length = int(rng.integers(1, 40))
        made = block(start=at, count=length, step=37_000, energy=count, power=int(rng.integers(0, 9)))
        node.one(gateway.frame(made))
        times.extend(made.times.tolist())
        values.extend(made.columns[0].values.tolist())
        at, count = at + 37_000 * length, count + 10 * length
    with node.connection() as connection:
        hours = hourly(connection, "m:main", "power", Period(START, START + 24 * HOUR))
        series = raw(connection, "m:main", "power", Period(START, START + 24 * HOUR))
    naive: dict[int, list[int]] = {}
    for time, value in zip(times, values, strict=True):
        naive.setdefault(time // HOUR * HOUR, []).append(value)
    assert {hour.hour: (hour.readings, hour.total, hour.low, hour.high) for hour in hours} == {
        hour: (len(v), sum(v), min(v), max(v)) for hour, v in naive.items()}
    assert series.times.tolist() == times
    assert series.values.tolist() == values


def test_raw_readings_leave_out_what_is_flagged_unless_asked_for(node: Node, gateway: Gateway) -> None:
    node.put(gateway.frame(energy_block([100])), gateway.frame(energy_block([50], start=START + MINUTE)))
    period = Period(START, START + HOUR)
    with node.connection() as connection:
        assert raw(connection, "m:main", "energy", period).values.tolist() == [100]
        assert raw(connection, "m:main", "energy", period, flagged=True).values.tolist() == [100, 50]
        assert [flag.code for flag in flags(connection, "m:main", period)] == ["register-falls"]
        assert [flag.log_index for flag in open_flags(connection)] == [3]


def test_irregular_times_count_like_regular_ones(node: Node, gateway: Gateway) -> None:
    times = START + np.array([0, 700, 61_000], np.int64)
    made = energy_block([10, 10, 25])._replace(times=times)
    node.one(gateway.frame(made))
    assert node.codes() == set()
    assert position(node, START + 60_999) == 10
    assert position(node, START + 61_000) == 25


def test_a_late_frame_counts_once_someone_resolved_it(node: Node, gateway: Gateway) -> None:
    node.clock.instant = START + 400 * 24 * HOUR
    node.one(gateway.frame(block()))
    assert position(node, START + HOUR) is None
    with transaction(node.engine) as connection:
        resolve(connection, 2, "", "", "late", "counts", "acct:inspector", node.clock.now())
    assert position(node, START + HOUR) == 1_000_590


def test_a_resolution_is_made_once_and_mends_no_fall(node: Node, gateway: Gateway) -> None:
    node.put(gateway.frame(energy_block([100])), gateway.frame(energy_block([50], start=START + MINUTE)))
    with transaction(node.engine) as connection:
        with pytest.raises(CarbonSealError, match="flag-needs-registration"):
            resolve(connection, 3, "m:main", "energy", "register-falls", "counts", "acct:x", START)
        with pytest.raises(CarbonSealError, match="flag-unknown"):
            resolve(connection, 2, "m:main", "energy", "register-falls", "stays-out", "acct:x", START)
        with pytest.raises(CarbonSealError, match="resolution-unknown"):
            resolve(connection, 3, "m:main", "energy", "register-falls", "perhaps", "acct:x", START)
        resolve(connection, 3, "m:main", "energy", "register-falls", "stays-out", "acct:x", START)
        with pytest.raises(CarbonSealError, match="flag-unknown"):
            resolve(connection, 3, "m:main", "energy", "register-falls", "stays-out", "acct:x", START)
    assert position(node, START + HOUR) == 100


def test_a_profile_that_changes_what_a_count_means_needs_a_swap(node: Node) -> None:
    columns = profile()["columns"]
    columns[1]["unit"] = "kWh"
    with pytest.raises(CarbonSealError, match="profile-needs-swap"):
        node.register("meter", "m:main", "profile", {"profile": profile(columns=columns)})


@pytest.mark.parametrize(("statement", "code"), [
    ("UPDATE attestation_rollup SET last_position = last_position + 1", "rollup-differs"),
    ("DELETE FROM attestation_rollup WHERE quantity = 'power'", "rollup-missing"),
    ("UPDATE attestation_register SET position = 0", "register-differs"),
    ("DELETE FROM attestation_flag", "flag-missing"),
    ("INSERT INTO attestation_flag VALUES (2,'m:main','','x','gw:one',1,0,0,'','',NULL)", "flag-invented"),
    ("UPDATE attestation_gateway SET seq = 9", "gateway-differs"),
    ("UPDATE attestation_frame SET digest = x'00'", "frame-differs"),
    ("DELETE FROM attestation_registration WHERE subject = 'm:main'", "registration-missing"),
    ("UPDATE attestation_block SET body = x'00'", "block-body-hash"),
    ("UPDATE attestation_block SET body = x'01aabb'", "body-damaged"),
    ("DELETE FROM attestation_block", "frame-unknown"),
])
def test_an_edited_row_is_found_by_rebuilding(tmp_path: Any, statement: str, code: str) -> None:
    node, gateway = Node(tmp_path).enrol("m:main"), Gateway()
    node.put(gateway.frame(block()), gateway.frame(block(start=START + MINUTE, energy=5)))
    assert node.check_everything() == []
    with transaction(node.engine) as connection:
        connection.exec_driver_sql(statement)
    assert code in {finding.code for finding in node.check_everything()}


def test_flags_of_a_frame_leave_the_others_of_its_gateway_alone(node: Node, gateway: Gateway) -> None:
    decisions = node.put(gateway.frame(energy_block([1])), gateway.frame(energy_block([2], start=START - 1)),
                         gateway.frame(energy_block([3], start=START + MINUTE)))
    assert {d.outcome for d in decisions} == {Outcome.ACCEPTED}
    assert node.flags() == {(3, "", "", "clock-off")}
    assert gained(node, START, START + HOUR) == 2
