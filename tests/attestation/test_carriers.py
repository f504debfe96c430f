"""Which frames of a gateway count for a period when some of them are dated wrongly."""

from __future__ import annotations

from dataclasses import replace

import pytest
from attestation_helpers import GATEWAY, START, Gateway, Node, block
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert
from sqlmodel import SQLModel

from attestation.carriers import Carrier, Place, counted
from attestation.envelope import open_envelope
from attestation.frame import Frame, decode_frame
from attestation.frames import chain_indices, counted_indices
from attestation.models import FrameRow
from core.database import open_engine, transaction

FRAME = decode_frame(open_envelope(Gateway().build(block()).envelope).payload)
YEAR = 365 * 24 * 3_600_000
BEFORE, PERIOD, AFTER = (5, 10), (15, 20, 25, 30), (35, 40)


def chain(*ends: int) -> list[Frame]:
    return [FRAME._replace(seq=seq, t_first=0, t_last=end) for seq, end in enumerate(ends)]


def seqs(ends: tuple[int, ...], carrier: Carrier) -> list[int]:
    return [frame.seq for frame in counted(chain(*ends), carrier)]


def carrier(opening: int | None = None, closing: int | None = None) -> Carrier:
    places = [None if seq is None else (0, seq) for seq in (opening, closing)]
    return Carrier(GATEWAY, 10, 30, *places)


@pytest.mark.parametrize(("opening", "closing"), [(None, None), (1, None), (None, 5), (1, 5), (0, 4), (2, 3)])
def test_with_true_clocks_the_readings_taken_change_nothing_within_the_period(
        opening: int | None, closing: int | None) -> None:
    assert seqs((*BEFORE, *PERIOD, *AFTER), carrier(opening, closing)) == [2, 3, 4, 5]


def test_a_closing_reading_from_a_frame_that_ends_after_the_period_is_counted_up_to_there() -> None:
    assert seqs((*BEFORE, *PERIOD, *AFTER), carrier(1, 6)) == [2, 3, 4, 5, 6]


@pytest.mark.parametrize("opening", [None, 1])
def test_a_frame_dated_far_ahead_hides_no_later_frame_of_the_period(opening: int | None) -> None:
    assert seqs((*BEFORE, YEAR, *PERIOD, *AFTER), carrier(opening, 6)) == [2, 3, 4, 5, 6]
    assert seqs((*BEFORE, 15, YEAR, 20, 25, 30, *AFTER), carrier(opening, 6)) == [2, 3, 4, 5, 6]


@pytest.mark.parametrize("opening", [None, 2])
def test_a_frame_dated_far_ahead_long_before_the_period_does_not_begin_it(opening: int | None) -> None:
    assert seqs((YEAR, *BEFORE, *PERIOD, *AFTER), carrier(opening, 6)) == [3, 4, 5, 6]


def test_a_frame_dated_far_back_hides_no_earlier_frame_after_the_opening_reading() -> None:
    assert seqs((*BEFORE, 15, 20, 1, 25, 30, *AFTER), carrier(1, 6)) == [2, 3, 4, 5, 6]


def test_an_opening_reading_from_within_the_period_leaves_out_no_frame_before_it() -> None:
    assert seqs((*BEFORE, *PERIOD, *AFTER), carrier(4, 6)) == [2, 3, 4, 5, 6]
    assert seqs((*PERIOD, *AFTER), carrier(2, 4)) == [0, 1, 2, 3, 4]


def test_between_two_moves_neither_a_frame_dated_ahead_nor_one_dated_back_hides_another() -> None:
    """No reading is taken here: by their times alone the frame dated ahead would be the only one."""
    ends = (*BEFORE, YEAR, 15, 1, 25, *AFTER)
    indexed = [(frame, 10 * frame.seq) for frame in chain(*ends)]
    assert seqs(ends, carrier()) == [2]
    moved = replace(carrier(), since=15, until=55).moved_in(indexed)
    assert (moved.opening, moved.closing) == ((0, 2), (0, 5))
    assert seqs(ends, moved) == [2, 3, 4, 5, 6]
    assert replace(carrier(), since=15).moved_in(indexed).closing is None
    assert replace(carrier(), until=55).moved_in(indexed).opening is None
    assert replace(carrier(), since=51, until=55).moved_in(indexed) == replace(carrier(), since=51, until=55)


def test_a_move_registered_late_draws_in_no_frame_after_it_and_one_registered_early_none_before() -> None:
    ends = (*BEFORE, *PERIOD, *AFTER)
    frames = [FRAME._replace(seq=seq, t_first=end - 4, t_last=end) for seq, end in enumerate(ends)]
    indexed = [(frame, 10 * frame.seq) for frame in frames]
    assert replace(carrier(), until=75).moved_in(indexed).closing == (0, 5)
    assert replace(carrier(), since=-5).moved_in(indexed).opening == (0, 2)


def test_readings_of_another_gateway_are_no_places_of_this_one() -> None:
    own = Carrier(GATEWAY, 0, 1).between([("gw:other", 0, 1), (GATEWAY, 2, 3), (GATEWAY, 1, 9)],
                                         [("gw:other", 9, 9), (GATEWAY, 2, 3), (GATEWAY, 1, 9)])
    assert (own.opening, own.closing) == ((1, 9), (2, 3))
    assert Carrier(GATEWAY, 0, 1).between([("gw:other", 0, 1)], []) == Carrier(GATEWAY, 0, 1)


places = st.one_of(st.none(), st.tuples(st.integers(0, 2), st.integers(0, 4)))


# Frames stand at even indices of the log, moves between them.
moves = st.one_of(st.none(), st.integers(-1, 12).map(lambda number: 2 * number + 1))


@given(ends=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 60)), max_size=12), opening=places, closing=places,
       since=moves, until=moves)
def test_the_database_finds_the_frames_that_the_rule_names(
        ends: list[tuple[int, int]], opening: Place | None, closing: Place | None, since: int | None,
        until: int | None) -> None:
    frames = [FRAME._replace(epoch=epoch, seq=seq, t_first=end - 5, t_last=end)
              for seq, (epoch, end) in enumerate(sorted(ends, key=lambda pair: pair[0]))]
    span = Carrier(GATEWAY, 10, 30, opening, closing, since, until)
    engine = open_engine("sqlite://")
    SQLModel.metadata.create_all(engine, tables=[SQLModel.metadata.tables["attestation_frame"]])
    with transaction(engine) as connection:
        for index, frame in enumerate(frames):
            row = FrameRow(log_index=2 * index, gateway=GATEWAY, epoch=frame.epoch, seq=frame.seq, digest=b"",
                           t_first=frame.t_first, t_last=frame.t_last, received=0, beacon_time=None)
            connection.execute(insert(FrameRow).values(row.model_dump()))
        found, whole = counted_indices(connection, span), chain_indices(connection, [span])
    placed = span.moved_in((frame, 2 * index) for index, frame in enumerate(frames))
    assert [frames[index // 2] for index in found] == counted(frames, placed)
    assert not found or set(found) <= set(whole) == set(range(whole[0], whole[-1] + 1, 2))
    for move in (each for each in (span.since, span.until) if each is not None and found):
        assert {index for index in (move - 1, move + 1) if 0 <= index < 2 * len(frames)} <= set(whole)


def test_the_chain_of_two_spans_is_unbroken_from_the_first_to_the_last(node: Node, gateway: Gateway) -> None:
    for number in range(6):
        node.one(gateway.frame(block(start=START + number * 60_000, energy=10**6 + 600 * number)))
    early = Carrier(GATEWAY, START + 60_000, START + 100_000)
    late = Carrier(GATEWAY, START + 200_000, START + 230_000)
    with node.connection() as connection:
        assert counted_indices(connection, early) == [3]
        assert chain_indices(connection, [late, early]) == list(range(2, 6))
        assert chain_indices(connection, []) == []
