"""Decisions of people about flags, and what is shown of flags: each decision closes one flag and nothing beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from attestation_helpers import (
    GATEWAY,
    HOUR,
    MINUTE,
    OTHER_KEY,
    SITE,
    START,
    Gateway,
    Node,
    block,
    change,
    energy_block,
    profile,
)

from attestation.flags import MAX_AHEAD_MS, MESSAGES, NOTICES, Context, Flag, Span, clock_is_off, flag, keeps_out
from attestation.frame import Frame
from attestation.resolution import MAX_NAME, NOT_BY_DECISION, resolve
from attestation.series import StoredFlag, flags, hourly, open_flags, raw, register_at
from core.database import transaction
from core.errors import CarbonSealError
from core.period import Period, instant_text
from core.records import ClockQuality

ALL = Period(START - HOUR, START + 24 * HOUR)


def decide(node: Node, place: tuple[int, str, str, str], resolution: str = "stays-out", by: str = "acct:a") -> str:
    """"ok", or the code of the refusal."""
    try:
        with transaction(node.engine) as connection:
            resolve(connection, *place, resolution, by, START)
    except CarbonSealError as error:
        return error.code
    return "ok"


def still_open(node: Node) -> set[tuple[int, str, str, str]]:
    with node.connection() as connection:
        return {(each.log_index, each.meter, each.quantity, each.code) for each in open_flags(connection)}


@pytest.fixture
def doubtful(node: Node, gateway: Gateway) -> Node:
    """Two frames, in each of which two meters have two doubtful columns; the second one came late as well."""
    node.enrol("m:other")
    low = {"energy": 5, "power": 1_200_001}
    node.put(gateway.frame(block(), block("m:other")),
             gateway.frame(block(start=START + MINUTE, **low), block("m:other", start=START + MINUTE, **low)))
    node.clock.instant += 400 * 24 * HOUR
    node.one(gateway.frame(block(start=START + 2 * MINUTE, **low), block("m:other", start=START + 2 * MINUTE)))
    return node


FALLS = [(index, meter, quantity, code) for index in (4,) for meter in ("m:main", "m:other")
         for quantity, code in (("energy", "register-falls"), ("power", "out-of-range"))]


@pytest.mark.parametrize("chosen", [*FALLS, (5, "", "", "late")])
def test_a_decision_closes_the_flag_it_names_and_no_other(doubtful: Node, chosen: tuple[int, str, str, str]) -> None:
    before = still_open(doubtful)
    assert before == {*FALLS, (5, "", "", "late")}
    assert decide(doubtful, chosen) == "ok"
    assert still_open(doubtful) == before - {chosen}
    assert decide(doubtful, chosen) == "flag-unknown"


@pytest.mark.parametrize(("place", "value"), [(0, 3), (0, 6), (1, "m:none"), (1, ""), (2, "heat"), (2, ""),
(3, "late")])
def test_a_flag_that_is_not_there_is_not_closed(doubtful: Node, place: int, value: Any) -> None:
    named: list[Any] = list(FALLS[0])
    named[place] = value
    before = still_open(doubtful)
    assert decide(doubtful, tuple(named)) == "flag-unknown"  # type: ignore[arg-type]
    assert still_open(doubtful) == before


@pytest.mark.parametrize(("by", "code"), [
    ("a", "ok"), ("a" * MAX_NAME, "ok"), ("", "resolution-unknown"), ("a" * (MAX_NAME + 1), "resolution-unknown")])
def test_somebody_decides_by_name(doubtful: Node, by: str, code: str) -> None:
    assert decide(doubtful, FALLS[0], by=by) == code


@pytest.mark.parametrize("resolution", ["", "Counts", "counts ", "stays_out", "open"])
def test_a_flag_counts_or_stays_out_and_nothing_between(doubtful: Node, resolution: str) -> None:
    assert decide(doubtful, FALLS[0], resolution) == "resolution-unknown"


@pytest.mark.parametrize("code", sorted(MESSAGES))
def test_every_code_is_either_a_notice_or_mended_by_a_decision_or_by_a_registration(code: str) -> None:
    """A verifier sees the blocks: what it can see to be wrong no decision makes right."""
    excludes = flag(code, Span(GATEWAY, 0, 1)).excludes
    assert excludes is (code not in NOTICES)
    assert not NOT_BY_DECISION & NOTICES
    assert set(MESSAGES) >= NOT_BY_DECISION
    if excludes and code not in NOT_BY_DECISION:
        assert code in ("clock-off", "late", "calibration-expired", "meter-elsewhere")


@pytest.mark.parametrize("code", sorted(NOT_BY_DECISION))
def test_what_needs_a_registration_is_not_let_in_whether_it_is_there_or_not(doubtful: Node, code: str) -> None:
    assert decide(doubtful, (4, "m:main", "energy", code), "counts") == "flag-needs-registration"


def test_a_frame_let_in_counts_what_is_not_doubtful_of_it(doubtful: Node) -> None:
    """The late frame's own columns are looked at only now: a low register is found, a good meter counts."""
    assert decide(doubtful, (5, "", "", "late"), "counts") == "ok"
    assert (5, "m:main", "energy", "register-falls") in still_open(doubtful)
    with doubtful.connection() as connection:
        [other] = hourly(connection, "m:other", "power", Period(START, START + HOUR))
        [main] = hourly(connection, "m:main", "power", Period(START, START + HOUR))
    assert (other.readings, main.readings) == (120, 60)


def energies(node: Node) -> tuple[list[int], int | None, int]:
    """Raw readings of the register that count, where it stands at the end, and the last reading of its hour."""
    with node.connection() as connection:
        reading = register_at(connection, "m:main", "energy", ALL.end)
        [hour] = hourly(connection, "m:main", "energy", ALL)
        return (raw(connection, "m:main", "energy", ALL).values.tolist(), reading and reading.position,
                hour.last_position)


@pytest.mark.parametrize("closed", [True, False])
def test_a_registration_answers_a_flag_whether_it_was_closed_or_not(
        node: Node, gateway: Gateway, closed: bool) -> None:
    """Somebody left a fall out before its swap was registered: every answer counts it from then on, none goes on
    leaving it out.
    """
    node.put(gateway.frame(energy_block([1_000, 2_000])),
             gateway.frame(energy_block([10, 30], start=START + 5 * MINUTE)))
    if closed:
        assert decide(node, (3, "m:main", "energy", "register-falls")) == "ok"
    assert energies(node) == ([1_000, 2_000], 2_000, 2_000)
    node.register("meter", "m:main", "swap", change(0, START + 3 * MINUTE, 2_050, profile=None), START + 3 * MINUTE)
    assert node.flags() == set()
    assert energies(node) == ([1_000, 2_000, 10, 30], 2_080, 2_080)


def test_a_registration_about_something_else_leaves_a_closed_flag_closed(node: Node, gateway: Gateway) -> None:
    node.put(gateway.frame(energy_block([1_000, 2_000])),
             gateway.frame(energy_block([10, 30], start=START + 5 * MINUTE)))
    decide(node, (3, "m:main", "energy", "register-falls"))
    node.register("meter", "m:main", "profile", {"profile": profile(accuracy_class="1")}, START)
    assert still_open(node) == set()
    assert node.codes() == {"register-falls"}
    assert energies(node) == ([1_000, 2_000], 2_000, 2_000)


def test_a_new_certificate_answers_a_calibration_that_somebody_let_count(node: Node, gateway: Gateway) -> None:
    expired = {"calibration_until": instant_text(START), "columns": profile()["columns"][1:]}
    node.register("meter", "m:main", "profile", {"profile": profile(**expired)})
    node.one(gateway.frame(energy_block([100, 200])))
    assert decide(node, (3, "m:main", "energy", "calibration-expired"), "counts") == "ok"
    assert energies(node) == ([100, 200], 200, 200)
    node.register("meter", "m:main", "profile", {"profile": profile()}, START - HOUR)
    assert node.flags() == set()
    assert energies(node) == ([100, 200], 200, 200)


@pytest.mark.parametrize("disputed", [0, 1])
def test_a_dispute_answers_a_closed_flag_of_its_frame_and_one_that_it_caused(
        node: Node, gateway: Gateway, disputed: int) -> None:
    """The second frame falls behind the first: disputing either takes the fall away."""
    node.put(gateway.frame(energy_block([5_000, 6_000])),
             gateway.frame(energy_block([10, 30], start=START + 5 * MINUTE)))
    decide(node, (3, "m:main", "energy", "register-falls"))
    thief = Gateway()
    thief.frame(energy_block([5_000, 6_000]))
    thief.seq, thief.prev = (0, Gateway().prev) if disputed == 0 else (1, thief.prev)
    node.one(thief.build(energy_block([77], start=START + disputed * MINUTE)))
    assert node.codes() == {"equivocation"}
    assert energies(node) == (([10, 30], 30, 30) if disputed == 0 else ([5_000, 6_000], 6_000, 6_000))


# what is shown

def shown(node: Node, meter: str, period: Period) -> list[tuple[int, str, str]]:
    with node.connection() as connection:
        return [(each.log_index, each.quantity, each.code) for each in flags(connection, meter, period)]


@pytest.mark.parametrize(("start", "end", "seen"), [
    (0, 60_000, []), (0, 60_001, [4]), (119_000, 119_001, [4]), (119_001, 119_900, []), (60_000, 60_001, [4]),
    (179_000, 180_000, [5]), (179_001, 180_000, []), (119_000, 120_001, [4, 5])])
def test_a_flag_is_shown_in_every_period_that_it_touches(
        doubtful: Node, start: int, end: int, seen: list[int]) -> None:
    """Frame 4 is doubtful from 60 to 119 s, frame 5 from 120 to 179 s; both ends are its own."""
    found = shown(doubtful, "m:main", Period(START + start, START + end))
    assert sorted({index for index, _, _ in found}) == seen


def test_flags_of_whole_frames_are_those_of_the_meters_gateways(doubtful: Node) -> None:
    doubtful.register("device", "gw:two", "enrol", {
        "public_key": OTHER_KEY.public_key.hex(), "site": SITE, "org": "org:steel"})
    doubtful.register("meter", "m:theirs", "profile", {"profile": profile(gateway="gw:two")})
    assert (5, "", "late") in shown(doubtful, "m:main", ALL)
    assert shown(doubtful, "m:theirs", ALL) == []
    assert shown(doubtful, "m:none", ALL) == []
    doubtful.register("meter", "m:theirs", "move", change(1, START, 1, gateway=GATEWAY), START)
    assert shown(doubtful, "m:theirs", ALL) == [(5, "", "late")]


@pytest.mark.parametrize("limit", [0, 1, 3, 5, 99])
def test_the_work_list_is_as_long_as_asked_for_and_the_oldest_come_first(doubtful: Node, limit: int) -> None:
    with doubtful.connection() as connection:
        found: list[StoredFlag] = open_flags(connection, limit)
    assert [each.log_index for each in found] == [4, 4, 4, 4, 5][:limit]


@pytest.mark.parametrize(("start", "end", "seen"), [(0, 1, [0]), (0, 3600_001, [0, 1]), (0, 3600_000, [0]),
                                                   (1, 3600_000, []), (1, 3600_001, [1]), (3600_000, 2**42, [1])])
def test_the_hours_of_a_period_are_those_that_begin_in_it(
        node: Node, gateway: Gateway, start: int, end: int, seen: list[int]) -> None:
    node.clock.instant += HOUR
    node.put(gateway.frame(energy_block([1])), gateway.frame(energy_block([2], start=START + HOUR)))
    with node.connection() as connection:
        found = hourly(connection, "m:main", "energy", Period(START + start, START + end))
    assert [(hour.hour - START) // HOUR for hour in found] == seen


@pytest.mark.parametrize(("start", "end", "seen"), [
    (0, 2, [1]), (0, 1000, [1]), (0, 1001, [1, 2]), (1000, 2000, [2]), (2000, 2001, [3]), (2001, 9000, [])])
def test_raw_readings_of_a_period_are_those_from_its_start_and_before_its_end(
        node: Node, gateway: Gateway, start: int, end: int, seen: list[int]) -> None:
    node.one(gateway.frame(energy_block([1, 2, 3], step=1000)))
    with node.connection() as connection:
        found = raw(connection, "m:main", "energy", Period(START + start, START + end))
    assert found.values.tolist() == seen
    assert found.log_index.tolist() == [2] * len(seen)


def test_a_frame_of_faulty_readings_alone_leaves_the_register_where_it_was(node: Node, gateway: Gateway) -> None:
    node.put(gateway.frame(energy_block([100])), gateway.frame(energy_block([0, 0], start=START + MINUTE,
                                                                            quality=[4, 4])),
             gateway.frame(energy_block([0, 130, 0], start=START + 5 * MINUTE, quality=[4, 0, 4])))
    with node.connection() as connection:
        found = [register_at(connection, "m:main", "energy", START + after * MINUTE) for after in (3, 6, 9)]
    assert [(each.position, each.ordinal, each.log_index) for each in found if each] == [
        (100, 0, 2), (130, 1, 4), (130, 1, 4)]
    assert node.flags() == set()


# doubts about irregular readings and clocks

@pytest.mark.parametrize(("rise", "said"), [(33_334, set()), (33_335, {"impossible-jump"})])
@pytest.mark.parametrize("order", [(3_600_000, 1000), (1000, 3_600_000)])
def test_each_step_of_irregular_readings_is_held_against_its_own_time(
        tmp_path: Path, order: tuple[int, int], rise: int, said: set[str]) -> None:
    """A long pause lets a register rise far; the second after it does not."""
    node = Node(tmp_path, START + 3 * HOUR).enrol("m:main")
    times = START + np.cumsum([0, *order])
    rises = [rise if step == 1000 else 900_000 for step in order]
    node.one(Gateway().frame(energy_block([0, rises[0], sum(rises)])._replace(times=times)))
    assert node.codes() == said
    assert node.check_everything() == []
    node.engine.dispose()


def test_two_meters_read_at_different_times_do_not_share_them(node: Node, gateway: Gateway) -> None:
    node.enrol("m:a", "m:b")
    uneven = START + np.array([0, 1, 3000])
    node.one(gateway.frame(energy_block([1, 2, 3], meter="m:a", step=1000)._replace(times=uneven),
                           energy_block([4, 5, 6], meter="m:b", step=1000), energy_block([7, 8, 9], step=1000)))
    with node.connection() as connection:
        found = {meter: raw(connection, meter, "energy", ALL) for meter in ("m:a", "m:b", "m:main")}
        at = {meter: register_at(connection, meter, "energy", START + 1500) for meter in found}
    assert {meter: (series.times - START).tolist() for meter, series in found.items()} == {
        "m:a": [0, 1, 3000], "m:b": [0, 1000, 2000], "m:main": [0, 1000, 2000]}
    assert {meter: reading.position for meter, reading in at.items() if reading} == {"m:a": 2, "m:b": 5, "m:main": 8}


def framed(clock: ClockQuality, first: int, last: int) -> Frame:
    return Frame(SITE, GATEWAY, 0, 1, bytes(32), first, last, clock, None, bytes(32), bytes(32), 1, 1, 0)


@pytest.mark.parametrize("clock", list(ClockQuality))
@pytest.mark.parametrize(("first", "last", "received", "before", "beacon", "off"), [
    (10, 20, 20, -1, -1, False), (10, 20, 20, 9, -1, False), (10, 20, 20, 10, -1, True), (10, 20, 20, 11, -1, True),
    (10, 20, 20 - MAX_AHEAD_MS, -1, -1, False), (10, 20, 19 - MAX_AHEAD_MS, -1, -1, True),
    (10, 20, 20, -1, 20, False), (10, 20, 20, -1, 21, True), (10, 20, 20, -1, None, False), (0, 0, 0, -1, -1, False)])
def test_a_clock_is_believed_unless_something_speaks_against_it(
        clock: ClockQuality, first: int, last: int, received: int, before: int, beacon: int | None, off: bool) -> None:
    doubted = clock in (ClockQuality.UNKNOWN, ClockQuality.RELATIVE)
    assert clock_is_off(framed(clock, first, last), Context(0, received, before, beacon)) is (off or doubted)


def test_only_what_was_cleared_for_the_same_column_and_code_is_let_in() -> None:
    late, jump = Flag("", "", "late", 0, 1), Flag("m:a", "energy", "clock-off", 0, 1)
    notice = Flag("m:a", "", "meter-missing", 0, 1)
    assert not keeps_out([], frozenset())
    assert not keeps_out([notice], frozenset())
    assert keeps_out([notice, late], frozenset())
    assert not keeps_out([notice, late], frozenset({("", "", "late")}))
    assert keeps_out([late, jump], frozenset({("", "", "late")}))
    for other in (("m:b", "energy", "clock-off"), ("m:a", "power", "clock-off"), ("m:a", "energy", "late")):
        assert keeps_out([jump], frozenset({other}))
