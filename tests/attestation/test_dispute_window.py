"""Taking a disputed frame out folds the hours around it alone, and gives what folding the whole history gives."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import pytest
from attestation_helpers import (
    GATEWAY_KEY,
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
    derived,
    energy_block,
    profile,
    wrapping_profile,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from attestation import disputed
from attestation.acceptance import Outcome
from attestation.block import BlockData
from attestation.fold import stored_frames
from attestation.frame import EpochStart, Submission
from attestation.refold import refold
from attestation.resolution import resolve
from core.database import transaction
from core.errors import NotFound


class Place(NamedTuple):
    """A place of the chain that something was signed for, and what it was."""

    seq: int
    prev: bytes | EpochStart
    blocks: tuple[BlockData, ...]


class Park:
    """A node with what its gateway has signed so far."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.gateway = Gateway()
        self.places: list[Place] = []

    def sign(self, *blocks: BlockData) -> Submission:
        """The next honest frame."""
        self.places.append(Place(self.gateway.seq, self.gateway.prev, blocks))
        return self.gateway.frame(*blocks)

    def contradict(self, number: int) -> Submission:
        """Another payload for a place, from a thief of the key."""
        place = self.places[number]
        thief = Gateway(GATEWAY_KEY)
        thief.seq, thief.prev = place.seq, place.prev
        first, *others = place.blocks
        return thief.build(first._replace(quality=1 - first.quality.clip(0, 1)), *others)

    def dispute(self, *numbers: int) -> None:
        """Dispute some places in one batch; the read models are then those of a whole fold."""
        outcomes = {decision.outcome for decision in self.node.put(*map(self.contradict, numbers))}
        assert outcomes <= {Outcome.EQUIVOCATION, Outcome.DUPLICATE}
        assert derived(self.node) == derived_anew(self.node)


def derived_anew(node: Node) -> dict[str, list[Any]]:
    """The same after a fold of all meters from their first frame."""
    with transaction(node.engine) as connection:
        refold(connection, [row[0] for row in connection.execute(text("SELECT DISTINCT meter FROM attestation_block"))])
    return derived(node)


@pytest.fixture
def park(node: Node) -> Park:
    """The park of the other tests, two days after its start."""
    node.clock.instant = START + 48 * HOUR
    return Park(node)


@pytest.fixture
def whole(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[str]]:
    """The meters that a dispute folded from their first frame."""
    calls: list[Sequence[str]] = []
    monkeypatch.setattr(disputed, "refold", lambda connection, meters: (calls.append(meters), refold(
        connection, meters)))
    return calls


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The log indices of the frames that disputes folded."""
    indices: list[int] = []

    def counting(*arguments: Any) -> Any:
        for stored in stored_frames(*arguments):
            indices.append(stored.log_index)
            yield stored

    monkeypatch.setattr(disputed, "stored_frames", counting)
    return indices


def steady(park: Park, count: int, shift: int = 0) -> None:
    """Ten-minute frames in which nothing is doubtful."""
    park.node.put(*[park.sign(block(start=START + shift + i * 10 * MINUTE, count=10, step=MINUTE,
                                    energy=10**6 + 100 * i)) for i in range(count)])


@pytest.mark.parametrize("shift", [0, 17_000, 5 * MINUTE])
@pytest.mark.parametrize("number", [0, 1, 5, 6, 7, 100, 142, 143])
def test_a_dispute_reads_three_hours_of_frames_and_no_more(
        park: Park, whole: list[Sequence[str]], read: list[int], shift: int, number: int) -> None:
    steady(park, 144, shift)
    park.dispute(number)
    assert whole == []
    assert len(set(read)) <= 19
    assert 2 + number in read


def test_disputes_far_apart_in_one_batch_read_the_hours_of_each(
        park: Park, whole: list[Sequence[str]], read: list[int]) -> None:
    steady(park, 144)
    park.dispute(100, 20, 101, 141)
    assert whole == []
    assert len(set(read)) <= 3 * 19


def test_frames_longer_than_an_hour_are_taken_out_of_all_their_hours(park: Park, whole: list[Sequence[str]]) -> None:
    park.node.put(*[park.sign(block(start=START + i * 150 * MINUTE, count=150, step=MINUTE, energy=10**6 + 1500 * i))
                    for i in range(8)])
    for number in (3, 0, 7, 4):
        park.dispute(number)
    assert whole == []


def test_frames_that_a_disputed_spike_kept_out_count_again(
        park: Park, whole: list[Sequence[str]], read: list[int]) -> None:
    park.node.put(*[park.sign(energy_block([1_000 + 10 * i + 90 * (i == 30)], start=START + i * 10 * MINUTE))
                    for i in range(100)])
    assert "register-falls" in park.node.codes()
    park.dispute(30)
    assert park.node.codes() == {"equivocation"}
    assert whole == []
    assert len(set(read)) < 40


def test_a_register_that_fell_silent_long_before_is_resumed_from_its_last_hour(
        park: Park, whole: list[Sequence[str]], read: list[int]) -> None:
    park.node.put(*[park.sign(block(start=START + i * 10 * MINUTE, count=10, step=MINUTE, energy=10**6 + 100 * i,
                                    quality=0 if i < 3 or i >= 120 else 3)) for i in range(144)])
    park.dispute(120)
    assert whole == []
    assert len(set(read)) <= 19


def test_a_frame_that_was_out_already_costs_nothing(park: Park, read: list[int]) -> None:
    steady(park, 20)
    park.node.one(park.sign(block(start=START + 100 * HOUR)))
    before = derived(park.node)
    park.dispute(20)
    assert read == []
    after = derived(park.node)
    assert (after["rollup"], after["register"]) == (before["rollup"], before["register"])


def test_readings_that_count_out_of_order_fold_the_whole_history(park: Park, whole: list[Sequence[str]]) -> None:
    steady(park, 20)
    back = block(start=START + 25 * MINUTE, count=5)
    park.node.one(park.sign(back._replace(columns=back.columns[:1], registers=())))
    with transaction(park.node.engine) as connection:
        resolve(connection, 22, "", "", "clock-off", "counts", "acct:inspector", START)
    park.dispute(2)
    assert whole == [("m:main",)]


def test_a_register_that_may_go_back_in_time_folds_the_whole_history(park: Park, whole: list[Sequence[str]]) -> None:
    steady(park, 20)
    park.node.one(park.sign(block(start=START + 25 * MINUTE, count=5, energy=10**6 + 2000)))
    for meter, quantity in (("", ""), ("m:main", "energy")):
        with transaction(park.node.engine) as connection:
            resolve(connection, 22, meter, quantity, "clock-off", "counts", "acct:inspector", START)
    park.dispute(18)
    assert whole == [("m:main",)]


def test_a_decision_about_a_clock_is_gone_on_from_as_a_whole_fold_does(park: Park) -> None:
    """A reading dated ahead counts, and one after it at its own time: what follows is no longer behind."""
    node = park.node
    node.put(park.sign(energy_block([1_000])), park.sign(energy_block([1_010], start=START + 1000 * HOUR)),
             park.sign(energy_block([1_020], start=START + 10 * MINUTE)))
    with transaction(node.engine) as connection:
        resolve(connection, 3, "", "", "clock-off", "counts", "acct:inspector", START)
        resolve(connection, 4, "m:main", "energy", "clock-off", "counts", "acct:inspector", START)
    decided = node.one(park.sign(energy_block([1_030], start=START + 20 * MINUTE)))
    assert decided.assessment is not None
    assert decided.assessment.flags == []
    assert derived(node) == derived_anew(node)


def test_a_flag_that_someone_closed_stays_closed(park: Park, whole: list[Sequence[str]]) -> None:
    park.node.put(*[park.sign(energy_block([1_000 + 10 * i - 50 * (i == 31)], start=START + i * 10 * MINUTE))
                    for i in range(60)])
    with transaction(park.node.engine) as connection:
        resolve(connection, 33, "m:main", "energy", "register-falls", "stays-out", "acct:inspector", START)
    park.dispute(30)
    park.dispute(32)
    assert whole == []


def test_a_meter_moved_to_another_gateway_is_resumed_there(park: Park) -> None:
    steady(park, 30)
    node = park.node
    node.register("device", "gw:two", "enrol", {"public_key": OTHER_KEY.public_key.hex(), "site": SITE, "org": ORG})
    node.register("meter", "m:main", "move", change(1_002_900, START + 290 * MINUTE, 1_002_900, gateway="gw:two"),
                  START + 290 * MINUTE)
    other = Gateway(OTHER_KEY, "gw:two")
    node.put(*[other.frame(block(start=START + i * 10 * MINUTE, count=10, step=MINUTE, energy=10**6 + 100 * i))
               for i in range(29, 60)])
    park.dispute(29)
    park.dispute(3)


# One frame: (minutes since the last one, readings, step in seconds, gain of the register, fault)
FAULTS = ("", "", "", "", "spike", "fall", "jump", "range", "silent", "estimated", "late", "ahead", "back", "alone")
frames = st.lists(st.tuples(st.sampled_from([0, 0, 0, 1, 7, 45, 130]), st.integers(1, 12), st.sampled_from(
    [60, 300, 900]), st.integers(0, 400), st.sampled_from(FAULTS)), min_size=1, max_size=40)
disputes = st.lists(st.lists(st.integers(0, 39), min_size=1, max_size=4), min_size=1, max_size=5)
registers = st.sampled_from([None, 4])
settled = st.sampled_from(["", "", "counts", "stays-out"])


class Story:
    """Readings as they come from two meters, with what goes wrong."""

    def __init__(self, node: Node, width: int | None) -> None:
        self.park = Park(node)
        self.wraps = width
        self.at, self.energy = START, 9_000

    def frame(self, wait: int, count: int, step: int, gain: int, fault: str) -> Submission:
        start = self.at + wait * MINUTE
        values = [self.energy + gain * i // 12 for i in range(count)]
        shift = {"ahead": 1000 * HOUR, "back": -3 * HOUR, "late": -500 * HOUR}.get(fault, 0)
        spoilt = [value + {"spike": 800, "fall": -600, "jump": 10**6, "range": 10**12}.get(fault, 0) * (i == count - 1)
                  for i, value in enumerate(values)]
        if self.wraps:
            spoilt = [value % 10**self.wraps for value in spoilt]
        quality = [{"silent": 3, "estimated": 1}.get(fault, 0)] * count
        blocks = [energy_block(spoilt, start=start + shift, step=1000 * step, quality=quality)]
        if fault != "alone":
            blocks.append(block("m:other", start=start + shift, count=count, step=1000 * step, energy=self.energy))
        self.at, self.energy = start + 1000 * step * count, values[-1] + gain
        return self.park.sign(*blocks)


def told(story: Story, steps: Sequence[tuple[int, int, int, int, str]], batches: Sequence[Sequence[int]],
         resolution: str) -> None:
    """The frames come, people decide about some flags, disputes follow; and again after each."""
    node = story.park.node
    node.clock.instant = START + 100 * HOUR
    node.put(*[story.frame(*step) for step in steps])
    for batch in batches:
        settle(node, resolution)
        story.park.dispute(*sorted({number % len(steps) for number in batch}))
        node.one(story.frame(0, 3, 60, 30, ""))


def settle(node: Node, resolution: str) -> None:
    with transaction(node.engine) as connection:
        found = connection.execute(text("SELECT log_index, meter, quantity, code FROM attestation_flag WHERE resolution"
                                        " = '' AND code IN ('late', 'clock-off', 'register-falls')")).all()
        for index, meter, quantity, code in found[::3]:
            if resolution and not (resolution == "counts" and code == "register-falls"):
                # What was decided before may have taken the cause of this one away.
                with suppress(NotFound):
                    resolve(connection, index, meter, quantity, code, resolution, "acct:inspector", START)


def forbidden(_: object, meters: Sequence[str]) -> None:
    raise AssertionError(f"{meters} were folded from their first frame")


@settings(max_examples=60, deadline=None)
@given(frames, disputes, registers, settled)
def test_disputes_at_any_place_give_what_a_whole_fold_gives(
        steps: list[tuple[int, int, int, int, str]], batches: list[list[int]], width: int | None,
        resolution: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        node = Node(Path(folder)).enrol("m:other")
        shape = wrapping_profile(width, capacity_w="4000") if width else profile(capacity_w="4000")
        node.register("meter", "m:main", "profile", {"profile": shape})
        # Only a decision of a person can make a dispute cost the whole history: no key thief can.
        with patch.object(disputed, "refold", refold if resolution else forbidden):
            told(Story(node, width), steps, batches, resolution)
        if resolution == "":
            assert node.check_everything() == []
        node.engine.dispose()
