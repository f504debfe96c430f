"""What is read of a meter against the readings themselves, for any evidence: hours, registers, energy, flags.

The reference beside each question is as plain as the question: a loop over readings in order of time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise, takewhile
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np
import pytest
from attestation_helpers import (
    HOUR,
    MINUTE,
    START,
    Gateway,
    Node,
    change,
    derived,
    energy_block,
    integers,
    profile,
    silent,
    wrapping_profile,
)
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from attestation import assess
from attestation.assess import USABLE, Assessor, movement, parts, reach, serials
from attestation.block import BlockData, Column
from attestation.frame import Submission
from attestation.history import read_history
from attestation.refold import refold
from attestation.registration import parse_registration, registration_payload
from attestation.rollup import Hour, Rollups, join
from attestation.rules import Rule, rule_at, rules_of
from attestation.series import energy, hourly, raw, register_at
from core.database import transaction
from core.errors import NotFound
from core.period import MAX_INSTANT, Period, instant_text

SPAN = Period(START, START + 12 * HOUR)
METERS = ("m:main", "m:wrap")


class Piece(NamedTuple):
    """A frame to be: after a pause, for each meter how many readings, how far apart, and what is wrong with it."""

    pause: int
    count: int
    step: int
    gain: int
    wrong: str
    qualities: tuple[int, ...]
    quiet: bool


PIECES = st.lists(st.builds(
    Piece, pause=st.sampled_from([1, 999, 10 * MINUTE, 50 * MINUTE]), count=st.integers(1, 7),
    step=st.sampled_from([1000, MINUTE, 11 * MINUTE]), gain=st.integers(0, 150),
    wrong=st.sampled_from(["", "", "", "", "spike", "fall", "range", "uneven"]),
    qualities=st.sampled_from([(0,), (0,), (0, 1), (0, 4), (4,), (2, 0, 5)]), quiet=st.booleans()),
    min_size=1, max_size=6)


def built(pieces: list[Piece]) -> list[Submission]:
    """Frames of two meters: one register of eleven digits beside a power, one that wraps at a thousand."""
    gateway, at, counts = Gateway(), START, {"m:main": 10**6, "m:wrap": 900}
    frames = []
    for piece in pieces:
        at += piece.pause
        times = at + piece.step * np.arange(piece.count, dtype=np.int64)
        if piece.wrong == "uneven":
            times += np.arange(piece.count) % 2
        blocks = [_block(meter, times, piece, counts) for meter in METERS]
        if piece.quiet:
            blocks[1] = silent("m:wrap", at, int(times[-1]))
        frames.append(gateway.frame(*blocks))
        at = int(times[-1])
    return frames


def _block(meter: str, times: Any, piece: Piece, counts: dict[str, int]) -> BlockData:
    values = counts[meter] + piece.gain * np.arange(1, len(times) + 1, dtype=np.int64)
    counts[meter] = int(values[-1])
    if piece.wrong in ("spike", "fall"):
        values[len(values) // 2] += 50_000_000 if piece.wrong == "spike" else -min(900, counts[meter])
    if meter == "m:wrap":
        values %= 1000
    power = np.full(len(times), 1_200_001 if piece.wrong == "range" else piece.gain, np.int64)
    codes = np.resize(np.array(piece.qualities, np.int64), len(times))
    columns = (Column("power", 0, power),) if meter == "m:main" else ()
    return BlockData(meter, times, (*columns, Column("energy", 0, values)), codes, ("energy",))


@contextmanager
def fresh(folders: pytest.TempPathFactory, pieces: Sequence[Piece] = ()) -> Iterator[Node]:
    """A node with both meters, and the frames of these pieces."""
    node = Node(folders.mktemp("node"), SPAN.end).enrol("m:main")
    node.register("meter", "m:wrap", "profile", {"profile": wrapping_profile(3, capacity_w="5000")})
    try:
        node.put(*built(list(pieces)))
        yield node
    finally:
        node.engine.dispose()


few = settings(max_examples=12, deadline=None)


@few
@given(pieces=PIECES, cuts=st.sets(st.integers(1, 5)))
def test_any_cut_of_the_frames_into_batches_gives_the_same_read_models(
        tmp_path_factory: pytest.TempPathFactory, pieces: list[Piece], cuts: set[int]) -> None:
    frames = built(pieces)
    edges = [0, *sorted(cut for cut in cuts if cut < len(frames)), len(frames)]
    with fresh(tmp_path_factory) as whole, fresh(tmp_path_factory) as cut:
        whole.put(*frames)
        for first, last in pairwise(edges):
            cut.put(*frames[first:last])
        assert derived(cut) == derived(whole)
        assert cut.check_everything() == []


@few
@given(pieces=PIECES)
def test_folding_the_stored_blocks_again_changes_nothing(
        tmp_path_factory: pytest.TempPathFactory, pieces: list[Piece]) -> None:
    with fresh(tmp_path_factory, pieces) as node:
        before = derived(node)
        with transaction(node.engine) as connection:
            refold(connection, METERS)
        assert derived(node) == before


@few
@given(pieces=PIECES)
def test_the_fast_look_at_a_column_says_what_the_close_one_says(
        tmp_path_factory: pytest.TempPathFactory, pieces: list[Piece]) -> None:
    """Columns that need no second look are a shortcut: looking at every one reading by reading gives the same."""
    frames = built(pieces)

    def none_is_plain(_: Assessor, group: Any) -> Any:
        return np.zeros(len(group.rows), bool)

    with fresh(tmp_path_factory) as quick, fresh(tmp_path_factory) as close:
        quick.put(*frames)
        with patch.object(assess.Assessor, "_plain_rows", none_is_plain):
            close.put(*frames)
        assert derived(quick) == derived(close)


@few
@given(pieces=PIECES)
def test_hours_are_the_sums_of_the_raw_readings_that_count(
        tmp_path_factory: pytest.TempPathFactory, pieces: list[Piece]) -> None:
    with fresh(tmp_path_factory, pieces) as node, node.connection() as connection:
        for meter, quantity in (("m:main", "power"), ("m:main", "energy"), ("m:wrap", "energy")):
            series = raw(connection, meter, quantity, SPAN)
            expected: dict[int, list[tuple[int, int, int, int]]] = {}
            for time, value, code, index in zip(*(part.tolist() for part in series[:4]), strict=True):
                if code in USABLE:
                    expected.setdefault(time // HOUR * HOUR, []).append((time, value, code, index))
            found = hourly(connection, meter, quantity, SPAN)
            assert [hour.hour for hour in found] == sorted(expected)
            for hour in found:
                _check_hour(hour, expected[hour.hour], quantity)


def _check_hour(hour: Hour, readings: list[tuple[int, int, int, int]], quantity: str) -> None:
    times, values, codes, indices = zip(*readings, strict=True)
    assert (hour.readings, hour.measured) == (len(values), codes.count(0))
    assert (hour.low, hour.high) == (min(values), max(values))
    assert hour.total == (sum(values) if quantity == "power" else 0)
    assert (hour.t_first, hour.t_last) == (times[0], times[-1])
    assert (hour.first_raw, hour.last_raw) == (values[0], values[-1])
    assert (hour.first_index, hour.last_index) == (indices[0], indices[-1])


def positions(series: Any, modulus: int) -> list[tuple[int, int]]:
    """(time, serial number) of the counted readings of a register: each turn is counted where the raw value falls."""
    found: list[tuple[int, int]] = []
    turns, last = 0, None
    for time, value, code in zip(series.times.tolist(), series.values.tolist(), series.quality.tolist(), strict=True):
        if code not in USABLE:
            continue
        turns += last is not None and modulus > 0 and value < last
        last = value
        found.append((time, turns * modulus + value))
    return found


@few
@given(pieces=PIECES, instants=st.lists(st.integers(START - MINUTE, START + 12 * HOUR), min_size=4, max_size=4))
def test_the_register_at_any_instant_is_the_last_reading_that_counts(
        tmp_path_factory: pytest.TempPathFactory, pieces: list[Piece], instants: list[int]) -> None:
    with fresh(tmp_path_factory, pieces) as node, node.connection() as connection:
        for meter, modulus in (("m:main", 0), ("m:wrap", 1000)):
            known = positions(raw(connection, meter, "energy", SPAN), modulus)
            ends = [time for time, _ in known]
            for instant in [*instants, *ends, *(end - 1 for end in ends)]:
                expected = next((each for each in reversed(known) if each[0] <= instant), None)
                found = register_at(connection, meter, "energy", instant)
                assert (found and (found.time, found.position)) == expected


@few
@given(pieces=PIECES, instants=st.lists(st.integers(START, START + 12 * HOUR), min_size=3, max_size=3, unique=True))
def test_energy_is_additive_over_adjacent_periods_and_never_negative(
        tmp_path_factory: pytest.TempPathFactory, pieces: list[Piece], instants: list[int]) -> None:
    first, middle, last = sorted(instants)
    with fresh(tmp_path_factory, pieces) as node, node.connection() as connection:
        for meter in METERS:
            try:
                one = energy(connection, meter, "energy", Period(first, middle))
            except NotFound:
                assert register_at(connection, meter, "energy", first) is None
                continue
            two = energy(connection, meter, "energy", Period(middle, last))
            both = energy(connection, meter, "energy", Period(first, last))
            assert one.value + two.value == both.value
            assert min(one.value, two.value) >= 0
            assert (one.start, two.end) == (both.start, both.end)
            assert one.end == two.start
            assert both.staleness == max(first - both.start.time, last - both.end.time)


@few
@given(pieces=PIECES)
def test_what_is_flagged_is_in_no_hour_and_what_is_not_is(
        tmp_path_factory: pytest.TempPathFactory, pieces: list[Piece]) -> None:
    with fresh(tmp_path_factory, pieces) as node:
        flagged = {(index, meter, quantity) for index, meter, quantity, _ in node.flags()}
        with node.connection() as connection:
            for meter, quantity in (("m:main", "power"), ("m:main", "energy"), ("m:wrap", "energy")):
                every = raw(connection, meter, quantity, SPAN, flagged=True)
                kept = raw(connection, meter, quantity, SPAN)
                out = set(every.log_index.tolist()) - set(kept.log_index.tolist())
                assert out == {index for index, m, q in flagged if (m, q) == (meter, quantity)}
                counted = sum(hour.readings for hour in hourly(connection, meter, quantity, SPAN))
                assert counted == int(np.isin(kept.quality, sorted(USABLE)).sum())


# the pure rules behind it

def rule(**changes: Any) -> Rule:
    """A register of ratio 1 without end, changed."""
    return Rule(0, MAX_INSTANT + 1, 0, 0, 10**6, True, 0, 1, 0, 1000, MAX_INSTANT)._replace(**changes)


@pytest.mark.parametrize(("elapsed", "capacity", "expected"), [
    (0, 60, 3), (59_999, 60, 3), (60_000, 60, 4), (119_999, 60, 4), (HOUR, 60, 63), (0, 0, 1), (HOUR, 1, 2),
    (29 * MINUTE, 2, 2), (28 * MINUTE, 2, 2), (-1, 60, 2), (2**22 * MINUTE, 60, 2**22 + 3),
    ((2**22 + 5) * MINUTE, 60, 2**22 + 3), (MAX_INSTANT, 2**40, (2**22 + 2) * 2**40 // 60 + 1)])
def test_a_register_reaches_what_its_capacity_gives_in_whole_minutes_two_more_and_a_count(
        elapsed: int, capacity: int, expected: int) -> None:
    assert int(reach(capacity, elapsed)) == expected
    assert reach(integers(capacity, capacity), elapsed).tolist() == [expected] * 2


@given(st.integers(0, 2**40 - 1), st.lists(st.integers(0, MAX_INSTANT), min_size=2, max_size=2))
def test_more_time_never_lets_a_register_reach_less(capacity: int, times: list[int]) -> None:
    short, long = sorted(times)
    assert 0 < int(reach(capacity, short)) <= int(reach(capacity, long)) < 2**63


@pytest.mark.parametrize(("times", "positions_", "codes"), [
    ([], [], []), ([5], [7], []), ([5, 6], [7, 7], []), ([5, 5], [7, 7], ["clock-off"]),
    ([5, 4], [7, 6], ["clock-off"]),
    ([5, 6], [7, 6], ["register-falls"]), ([0, 1000], [0, 34], []), ([0, 1000], [0, 35], ["impossible-jump"]),
    ([0, 1000, 2000], [0, 35, 34], ["register-falls"]), ([0, 1000, 1000], [0, 35, 34], ["clock-off"]),
    ([0, MINUTE, 2 * MINUTE], [0, 51, 102], []), ([0, MINUTE, 2 * MINUTE], [0, 0, 52], ["impossible-jump"])])
def test_one_thing_at_most_is_said_about_the_movement_of_a_register(
        times: list[int], positions_: list[int], codes: list[str]) -> None:
    """A thousand an hour: sixteen a minute, and two minutes of it at any time."""
    assert movement(integers(*times), integers(*positions_), 1000) == codes


@given(st.integers(1, 6), st.integers(1, 50), st.integers(0, 10**6), st.data())
def test_serial_numbers_of_a_wrapping_register_rise_and_mean_the_raw_values(
        width: int, ratio: int, floor: int, data: st.DataObject) -> None:
    modulus = 10**width
    values = data.draw(st.lists(st.integers(0, modulus - 1), min_size=1, max_size=12))
    wrapping = rule(modulus=modulus, ratio=ratio, offset=data.draw(st.integers(-10**6, 10**6)))
    found = serials(wrapping, integers(*values), floor).tolist()
    assert all(one <= two for one, two in pairwise(found))
    assert all((at - wrapping.offset) % (modulus * ratio) == value * ratio
               for at, value in zip(found, values, strict=True))
    # the least serial number that can follow, and no turn more than was seen
    assert found[0] >= floor or found[0] == wrapping.offset + values[0] * ratio
    assert found[0] - modulus * ratio < max(floor, wrapping.offset + values[0] * ratio)
    falls = sum(two < one for one, two in pairwise(values))
    assert found[-1] - found[0] == (values[-1] - values[0] + falls * modulus) * ratio


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=8), st.integers(1, 50), st.integers(-10**6, 10**6))
def test_serial_numbers_of_a_register_without_width_are_offset_and_ratio(
        values: list[int], ratio: int, offset: int) -> None:
    expected = [offset + value * ratio for value in values]
    for floor in (None, 0, 10**9):
        assert serials(rule(ratio=ratio, offset=offset), integers(*values), floor).tolist() == expected


@given(st.lists(st.integers(0, 40), min_size=2, max_size=6, unique=True).map(sorted),
       st.lists(st.integers(0, 50), min_size=1, max_size=30, unique=True).map(sorted))
def test_times_are_cut_where_another_rule_begins_and_end_where_there_is_none(
        edges: list[int], times: list[int]) -> None:
    """Rules with holes between them: after a time without a rule nothing of the column can be said."""
    rules = tuple(rule(since=since, until=until, scale=since) for since, until in list(pairwise(edges))[::2])
    expected = [next((one for one in rules if one.since <= time < one.until), None) for time in times]
    assert [rule_at(rules, time) for time in times] == expected
    known = len(list(takewhile(bool, expected)))
    found: list[Rule | None] = []
    for start, stop, part in parts(rules, integers(*times)):
        assert start == len(found) < stop
        found += [part] * (stop - start)
    assert found == expected[:known] + [None] * (len(times) - known)


@given(st.lists(st.sampled_from(["profile", "swap", "ratio", "drop", "wide"]), max_size=6))
def test_the_rules_of_a_column_do_not_overlap_and_leave_no_instant_of_its_profiles_out(events: list[str]) -> None:
    items, previous, time = [], None, START
    last: dict[str, Any] = profile()
    for number, event in enumerate(["profile", *events]):
        registers = change(7, time, 10**5 * number)
        assume(event not in ("swap", "ratio") or any(c["quantity"] == "energy" for c in last["columns"]))
        if event == "drop":
            last = profile(columns=profile()["columns"][:1])
        elif event in ("profile", "wide"):
            last = profile(capacity_w="5" if event == "wide" else "1000000")
        fields = {"swap": registers | {"profile": None}, "ratio": registers | {"ratio": "3"}}.get(
            event, {"profile": last})
        payload = registration_payload("meter", "m:main", event if event in ("swap", "ratio") else "profile", time,
                                       fields, previous)
        previous = parse_registration(payload)
        items.append((number, payload))
        time += MINUTE
    history = read_history(items)
    for quantity in ("energy", "power", "heat"):
        rules = rules_of(history, quantity)
        assert all(one.until <= two.since for one, two in pairwise(rules))
        for instant in range(START, time + MINUTE, MINUTE // 2):
            known = [one for one in rules if one.since <= instant < one.until]
            assert len(known) <= 1
            if quantity == "power":
                assert len(known) == 1
        assert (quantity != "heat") or rules == ()


def _at(time: int) -> str:
    return instant_text(time)


hours = st.builds(
    lambda at, length, low, rise, index: Hour("m", "q", 0, length + 1, length, low, low, low + rise, at, at + length,
                                              low, low + rise, low, low + rise, index, index + length),
    st.integers(0, 1000), st.integers(0, 50), st.integers(-9, 9), st.integers(0, 9), st.integers(0, 99))


@given(st.lists(hours, min_size=3, max_size=3, unique_by=(lambda hour: hour.t_first, lambda hour: hour.t_last)))
def test_parts_of_an_hour_join_to_the_same_hour_in_any_grouping(three: list[Hour]) -> None:
    one, two, last = three
    assert join(join(one, two), last) == join(one, join(two, last))
    whole = join(join(one, two), last)
    assert (whole.t_first, whole.t_last) == (min(h.t_first for h in three), max(h.t_last for h in three))
    assert (whole.readings, whole.total) == (sum(h.readings for h in three), sum(h.total for h in three))


def test_of_two_parts_that_end_together_the_later_in_the_log_is_the_last() -> None:
    one = Hour("m", "q", 0, 1, 1, 0, 5, 5, 10, 10, 5, 5, 5, 5, 3, 3)
    two = one._replace(first_raw=6, last_raw=6, first_index=4, last_index=4)
    assert (join(one, two).first_index, join(one, two).last_index) == (3, 4)


def test_nothing_gathered_is_no_hour() -> None:
    assert Rollups().rows() == []
    assert Rollups().heads() == {}


# limits of a column, both sides, by the fast look and by the close one

def doubtful(folder: Path, made: Callable[[], BlockData], **changes: Any) -> set[str]:
    """What is said of a block of a meter of this profile."""
    folder.mkdir()
    node = Node(folder, START + 2 * HOUR).enrol("m:main", **changes)
    node.one(Gateway().frame(made()))
    found = node.codes()
    node.engine.dispose()
    return found


@pytest.mark.parametrize("codes", [(0, 0), (1, 0)], ids=["fast", "close"])
@pytest.mark.parametrize(("values", "said"), [
    ((100, 200), set()), ((99, 200), {"out-of-range"}), ((100, 201), {"out-of-range"}), ((100, 100), set()),
    ((200, 200), set())])
def test_a_reading_at_a_limit_of_its_profile_is_inside(
        tmp_path: Path, codes: tuple[int, ...], values: tuple[int, ...], said: set[str]) -> None:
    limits = wrapping_profile(11)["columns"]
    limits[0] |= {"min": "100", "max": "200", "width": None}
    assert doubtful(tmp_path / "n", lambda: energy_block(values, quality=codes), columns=limits) == said


@pytest.mark.parametrize("codes", [(0, 0), (1, 0)], ids=["fast", "close"])
@pytest.mark.parametrize(("until", "said"), [
    (MINUTE, set()), (MINUTE - 1, {"calibration-expired"}), (0, {"calibration-expired"})])
def test_a_calibration_holds_to_its_last_instant(
        tmp_path: Path, codes: tuple[int, ...], until: int, said: set[str]) -> None:
    assert doubtful(tmp_path / "n", lambda: energy_block([5, 6], quality=codes),
                    calibration_until=_at(START + until)) == said


@pytest.mark.parametrize("codes", [(0, 0), (1, 0)], ids=["fast", "close"])
@pytest.mark.parametrize(("before", "said"), [(0, set()), (1, {"column-unknown"}), (30_000, {"column-unknown"})])
def test_a_profile_holds_from_its_first_instant(
        tmp_path: Path, codes: tuple[int, ...], before: int, said: set[str]) -> None:
    node = Node(tmp_path, START + 2 * HOUR).enrol()
    node.register("meter", "m:main", "profile", {"profile": profile()}, START)
    node.one(Gateway().frame(energy_block([5, 6], start=START - before, quality=codes)))
    assert node.codes() == said
    assert node.check_everything() == []
    node.engine.dispose()
