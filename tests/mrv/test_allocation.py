"""Allocation in whole units: the figures of public matchers, conservation, determinism."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError
from mrv.calculation.allocation import proportional, spread

amounts = st.lists(st.integers(0, 10**12), min_size=1, max_size=8)


def test_three_equal_supplies_share_twenty() -> None:
    assert proportional([10, 10, 10], 20) == [7, 7, 6]


def test_the_units_left_go_to_the_largest_first() -> None:
    assert proportional([10, 5_000_000, 7_000_000, 20], 100) == [0, 41, 59, 0]


def test_two_supplies_serve_two_demands_in_four_matches_of_six() -> None:
    assert spread([12, 12], [12, 12]) == [[6, 6], [6, 6]]


def test_a_hundred_and_a_hundred_against_fifty_and_a_hundred_and_fifty() -> None:
    assert spread([100, 100], [50, 150]) == [[25, 75], [25, 75]]


def test_what_is_not_demanded_stays_with_its_supply() -> None:
    given_out = spread([150, 100], [50, 150])
    assert [sum(column) for column in zip(*given_out, strict=True)] == [50, 150]
    assert sum(150 - sum(row) for row in given_out[:1]) + 100 - sum(given_out[1]) == 50


def test_more_demand_than_supply_takes_all_and_no_more() -> None:
    assert proportional([3, 4], 100) == [3, 4]
    assert proportional([3, 4], 7) == [3, 4]


def test_nothing_demanded_nothing_given() -> None:
    assert proportional([0, 0], 0) == [0, 0]
    assert proportional([5, 0], 0) == [0, 0]


@pytest.mark.parametrize("bad", [1.5, "3", None, True, -1])
def test_what_is_no_whole_number_is_refused(bad: object) -> None:
    with pytest.raises(InputError) as caught:
        proportional([1, bad], 1)  # type: ignore[list-item]
    assert caught.value.code == "allocation-malformed"


@given(amounts, st.integers(0, 10**13))
def test_nothing_is_created_or_lost(supplies: list[int], demand: int) -> None:
    shares = proportional(supplies, demand)
    assert sum(shares) == min(demand, sum(supplies))
    assert all(0 <= share <= supply for share, supply in zip(shares, supplies, strict=True))


@given(amounts, amounts)
def test_a_spread_conserves_both_sides(supplies: list[int], demands: list[int]) -> None:
    given_out = spread(supplies, demands)
    assert sum(map(sum, given_out)) == min(sum(supplies), sum(demands))
    assert all(sum(row) <= supply for row, supply in zip(given_out, supplies, strict=True))
    assert all(sum(column) <= demand for column, demand in zip(zip(*given_out, strict=True), demands, strict=True))
