"""Polls become blocks: every meter has one, a missed poll is a gap and never a value."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.modbus_tcp.profile import DeviceProfile, Layout, Point
from attestation.block import GapReason, decode_block, encode_block
from core.errors import Unavailable
from core.records import Quality, Reading
from edge.config import MeterSettings
from edge.framer import Framer

POINTS = (Point("energy-import", "Wh", 0, Layout.U64), Point("voltage", "V", 4, Layout.U16, -1))
AWAY = Unavailable("source-timeout", "no answer")


def settings(meter):
    return MeterSettings(DeviceProfile(meter, 1, POINTS), "127.0.0.1", 502, 100, ("energy-import",))


def answer(meter, energy, voltage="230.4", quality=Quality.MEASURED):
    return [Reading(meter, "energy-import", Decimal(energy), "Wh", 0, quality),
            Reading(meter, "voltage", Decimal(voltage), "V", 0)]


def framed(polls):
    """The blocks of [(instant, {meter: answer})…] for the meters m:a and m:b."""
    framer = Framer([settings("m:a"), settings("m:b")])
    for instant, answers in polls:
        framer.add(instant, answers)
    return framer.take()


def test_a_frame_without_a_poll_has_no_blocks():
    assert framed([]) == []


def test_values_are_whole_numbers_in_the_scale_of_their_point():
    a, b = framed([(1000 * i, {"m:a": answer("m:a", 10 * i), "m:b": answer("m:b", 7, "0.1")}) for i in (1, 2, 3)])
    assert a.times.tolist() == [1000, 2000, 3000]
    assert [(c.quantity, c.scale, c.values.tolist()) for c in a.columns] == [
        ("energy-import", 0, [10, 20, 30]), ("voltage", -1, [2304] * 3)]
    assert b.columns[1].values.tolist() == [1, 1, 1]
    assert a.registers == ("energy-import",)
    assert a.gap is None


def test_a_silent_meter_keeps_its_block_with_a_gap_and_the_other_is_untouched():
    a, b = framed([(1000, {"m:a": answer("m:a", 1), "m:b": AWAY}), (2000, {"m:a": answer("m:a", 2), "m:b": AWAY})])
    assert len(a.times) == 2
    assert (len(b.times), b.columns, b.registers) == (0, (), ())
    assert b.gap == (GapReason.COMMUNICATION, 1000, 2000)


def test_missed_polls_leave_a_gap_from_the_first_to_the_last_and_no_row():
    polls = [(1000 * i, {"m:a": AWAY if i in (2, 4) else answer("m:a", i), "m:b": answer("m:b", i)})
             for i in range(1, 6)]
    a, _ = framed(polls)
    assert a.times.tolist() == [1000, 3000, 5000]
    assert a.gap == (GapReason.COMMUNICATION, 2000, 4000)


def test_a_point_that_is_not_implemented_is_a_missed_poll_and_never_a_zero():
    a, _ = framed([(1000, {"m:a": answer("m:a", 1)[:1], "m:b": answer("m:b", 1)})])
    assert len(a.times) == 0
    assert a.gap == (GapReason.COMMUNICATION, 1000, 1000)


@pytest.mark.parametrize(("value", "rows"), [(2**62 - 1, 1), (2**62, 0)])
def test_a_value_that_no_block_can_hold_is_a_missed_poll(value, rows):
    a, _ = framed([(1000, {"m:a": answer("m:a", value), "m:b": answer("m:b", 1)})])
    assert len(a.times) == rows


def test_a_doubtful_value_marks_its_row():
    a, _ = framed([(1000, {"m:a": answer("m:a", 1, quality=Quality.FAULT), "m:b": answer("m:b", 1)})])
    assert a.quality.tolist() == [Quality.FAULT]


def test_taking_begins_a_new_frame():
    framer = Framer([settings("m:a")])
    assert framer.add(1000, {"m:a": answer("m:a", 1)}) == 2
    assert framer.polls == 1
    assert len(framer.take()[0].times) == 1
    assert framer.polls == 0
    assert framer.take() == []


@given(st.lists(st.tuples(st.integers(1, 5000), st.one_of(st.none(), st.integers(0, 2**62 - 1)), st.booleans()),
                min_size=1, max_size=40))
def test_whatever_meters_do_the_blocks_encode_and_account_for_every_poll(script):
    instant, polls = 0, []
    for gap, energy, other in script:
        instant += gap
        polls.append((instant, {"m:a": AWAY if energy is None else answer("m:a", energy),
                                "m:b": answer("m:b", 1) if other else AWAY}))
    blocks = framed(polls)
    for block, answered in zip(blocks, ([p[1] is not None for p in script], [p[2] for p in script]), strict=True):
        assert len(block.times) == sum(answered)
        assert (block.gap is None) == all(answered)
        _, back = decode_block(*encode_block(block, bytes(16)))
        assert back.times.tolist() == [poll[0] for poll, there in zip(polls, answered, strict=True) if there]
        assert back.gap == block.gap
    values = [] if not blocks[0].columns else blocks[0].columns[0].values.tolist()
    assert values == [energy for _, energy, _ in script if energy is not None]
