"""Clocks are arguments; several processes of a deployment share one simulated time until it meets the present."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from core.clock import FixedClock, SharedClock, SystemClock

PAST = 1_794_758_400_000 - 400 * 86_400_000


@pytest.fixture
def clock(tmp_path: Path) -> SharedClock:
    return SharedClock(tmp_path / "clock")


def test_the_system_clock_counts_milliseconds() -> None:
    before = time.time_ns() // 1_000_000
    assert before <= SystemClock().now() <= time.time_ns() // 1_000_000


def test_a_fixed_clock_stands_until_it_is_set() -> None:
    clock = FixedClock(PAST)
    assert [clock.now(), clock.now()] == [PAST, PAST]
    clock.instant += 1
    assert clock.now() == PAST + 1


def test_without_a_file_time_is_real(clock: SharedClock) -> None:
    assert not clock.simulated
    assert abs(clock.now() - SystemClock().now()) < 1_000


def test_every_process_reads_the_time_that_one_of_them_advances(clock: SharedClock) -> None:
    clock.start(PAST)
    reader = SharedClock(clock.path)
    clock.advance(PAST + 60_000)
    assert reader.simulated
    assert reader.now() == clock.now() == PAST + 60_000


def test_simulated_time_never_goes_back(clock: SharedClock) -> None:
    clock.start(PAST)
    for instant in (PAST - 1, PAST, 0):
        clock.advance(instant)
        assert clock.now() == PAST
    clock.advance(PAST + 1)
    assert clock.now() == PAST + 1


def test_it_joins_real_time_at_the_present_and_stays_with_it(clock: SharedClock) -> None:
    clock.start(PAST)
    clock.advance(SystemClock().now() + 60_000)
    assert not clock.simulated
    assert abs(clock.now() - SystemClock().now()) < 1_000
    clock.advance(PAST)
    assert not clock.simulated


@pytest.mark.parametrize("content", [b"", b"\0" * 7, b"\0" * 9])
def test_a_file_that_is_no_instant_counts_as_none(content: bytes, clock: SharedClock) -> None:
    clock.path.write_bytes(content)
    assert not clock.simulated


def test_a_reader_never_sees_half_an_instant(clock: SharedClock) -> None:
    clock.start(PAST)
    for step in range(200):
        clock.advance(PAST + step)
        assert clock.now() == PAST + step
        assert [path.name for path in clock.path.parent.iterdir()] == ["clock"]
