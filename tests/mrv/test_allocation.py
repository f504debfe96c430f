"""Whole units in proportion: the figures of public matchers, conservation, and a naive sharing beside the formula."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mrv_helpers import code_of

from mrv.authoring.catalogue import shipped
from mrv.calculation.service import evaluate

RULES = shipped()

supplies_of = st.lists(st.integers(0, 10**12), min_size=1, max_size=6)
demand_of = st.integers(0, 10**13)


def whole(number: int) -> dict[str, str]:
    return {"value": str(number), "unit": "1"}


def lines(amounts: list[int]) -> list[dict[str, dict[str, str]]]:
    return [{"order": whole(i), "quantity": whole(amount)} for i, amount in enumerate(amounts, 1)]


def outputs(formula: str, **inputs: object) -> dict[str, int]:
    return {name: int(output["value"]) for name, output in evaluate(RULES, formula, inputs)["outputs"].items()}


def shared(supplies: list[int], demand: int) -> list[dict[str, int]]:
    return [outputs("allocation.proportional", quantities=lines(supplies), demand=whole(demand), order=whole(i))
            for i in range(1, len(supplies) + 1)]


def shares(supplies: list[int], demand: int) -> list[int]:
    return [line["share"] for line in shared(supplies, demand)]


def spread(supplies: list[int], demands: list[int]) -> list[list[dict[str, int]]]:
    """What each supply gives to each demand, [supply][demand], and keeps."""
    return [[outputs("allocation.spread", supplies=lines(supplies), demands=lines(demands), supply=whole(i),
                     demand=whole(j)) for j in range(1, len(demands) + 1)] for i in range(1, len(supplies) + 1)]


def naive_shares(supplies: list[int], demand: int) -> list[int]:
    """docs/spec/rules.md section 6, word by word."""
    total = sum(supplies)
    if demand >= total:
        return list(supplies)
    found = [demand * supply // total for supply in supplies]
    largest_first = sorted(range(len(supplies)), key=lambda i: (-supplies[i], i))
    for i in largest_first[:demand - sum(found)]:
        found[i] += 1
    return found


@pytest.mark.parametrize(("supplies", "demand", "expected"), [
    ([10, 10, 10], 20, [7, 7, 6]), ([10, 5_000_000, 7_000_000, 20], 100, [0, 41, 59, 0]), ([36], 36, [36]),
    ([12, 12], 24, [12, 12]), ([36], 60, [36]), ([3, 4], 7, [3, 4]), ([3, 4], 100, [3, 4]), ([0, 0], 0, [0, 0]),
    ([5, 0], 0, [0, 0])])
def test_shares_are_those_of_the_public_matcher(supplies: list[int], demand: int, expected: list[int]) -> None:
    assert shares(supplies, demand) == expected


@given(supplies_of, demand_of)
def test_a_naive_sharing_gives_the_same(supplies: list[int], demand: int) -> None:
    assert shares(supplies, demand) == naive_shares(supplies, demand)


@given(supplies_of, demand_of)
def test_nothing_is_created_or_lost(supplies: list[int], demand: int) -> None:
    found = shared(supplies, demand)
    assert sum(line["share"] for line in found) == min(demand, sum(supplies))
    assert {line["unmet"] for line in found} == {demand - min(demand, sum(supplies))}
    assert all(line["share"] >= 0 and line["left"] >= 0 and line["share"] + line["left"] == supply
               for line, supply in zip(found, supplies, strict=True))


@given(supplies_of, demand_of)
def test_a_share_is_its_proportion_to_within_one_unit(supplies: list[int], demand: int) -> None:
    served, total = min(demand, sum(supplies)), sum(supplies)
    for share, supply in zip(shares(supplies, demand), supplies, strict=True):
        exact = Fraction(served * supply, total) if total else Fraction(0)
        assert exact - 1 < share < exact + 1


@given(supplies_of, demand_of)
def test_who_has_more_gives_no_less(supplies: list[int], demand: int) -> None:
    in_order = [share for _, share in sorted(zip(supplies, shares(supplies, demand), strict=True))]
    assert all(a <= b for a, b in pairwise(in_order))


@given(supplies_of, st.integers(2, 50))
def test_a_proportion_that_divides_is_met_exactly(parts: list[int], times: int) -> None:
    assert shares([part * times for part in parts], sum(parts)) == parts


@pytest.mark.parametrize(("value", "code"), [
    ("1.5", "out-of-range"), ("-1", "out-of-range"), ("x", "number-malformed")])
def test_what_is_no_whole_number_is_refused(value: str, code: str) -> None:
    assert code_of(lambda: outputs("allocation.proportional", quantities=lines([1]), order=whole(1),
                                   demand={"value": value, "unit": "1"})) == code


def naive_deal(amounts: list[int], total: int) -> list[int]:
    """Units dealt like cards: one to each in turn, from the first on, passing over those that have no more room."""
    found = [0] * len(amounts)
    while total and found != amounts:
        for i, amount in enumerate(amounts):
            if total and found[i] < amount:
                found[i], total = found[i] + 1, total - 1
    return found


def naive_spread(supplies: list[int], demands: list[int]) -> list[list[int]]:
    """docs/spec/rules.md section 6, card by card: [supply][demand]."""
    unlimited = [[sum(demands)] * len(supplies)] * len(demands)
    columns = [naive_deal(room, demand) for room, demand in zip(unlimited, demands, strict=True)]
    if sum(demands) <= sum(supplies) and all(sum(row) <= supply for row, supply in
                                             zip(zip(*columns, strict=True), supplies, strict=True)):
        return [list(row) for row in zip(*columns, strict=True)]
    served = naive_deal(demands, sum(supplies))
    dealt = [naive_deal(supplies, sum(served[:j])) for j in range(len(demands) + 1)]
    return [[dealt[j + 1][i] - dealt[j][i] for j in range(len(demands))] for i in range(len(supplies))]


@pytest.mark.parametrize(("supplies", "demands", "given_out"), [
    ([12, 12], [12, 12], [[6, 6], [6, 6]]), ([100, 100], [50, 150], [[25, 75], [25, 75]]),
    ([150, 100], [50, 150], [[25, 75], [25, 75]]), ([100, 100], [50, 149], [[25, 75], [25, 74]]),
    ([100, 100, 100], [75, 150], [[25, 50]] * 3), ([100, 100, 100], [100, 99], [[34, 33], [33, 33], [33, 33]]),
    ([100, 100, 100], [100, 100], [[34, 34], [33, 33], [33, 33]]), ([100], [50, 150], [[50, 50]]),
    ([51], [50, 50], [[26, 25]]), ([120], [60, 60, 60], [[40, 40, 40]]), ([100], [50, 50, 50], [[34, 33, 33]]),
    ([101], [50, 50, 50], [[34, 34, 33]]), ([50, 50], [50, 50], [[25, 25], [25, 25]]),
    ([30, 30], [20, 20, 20], [[10, 10, 10], [10, 10, 10]]), ([10, 10, 10], [20, 20], [[5, 5], [5, 5], [5, 5]]),
    ([10, 10], [10], [[5], [5]])])
def test_a_spread_is_that_of_the_public_matcher(supplies: list[int], demands: list[int],
                                                given_out: list[list[int]]) -> None:
    assert [[cell["given"] for cell in row] for row in spread(supplies, demands)] == given_out
    assert naive_spread(supplies, demands) == given_out


small = st.lists(st.integers(0, 40), min_size=1, max_size=4)
few = st.lists(st.integers(0, 10**9), min_size=1, max_size=4)


@settings(max_examples=60)
@given(small, small)
def test_a_spread_dealt_out_unit_by_unit_is_the_same(supplies: list[int], demands: list[int]) -> None:
    assert [[cell["given"] for cell in row] for row in spread(supplies, demands)] == naive_spread(supplies, demands)


@settings(max_examples=50)
@given(few, few)
def test_a_spread_leaves_nothing_unmet_while_there_is_supply(supplies: list[int], demands: list[int]) -> None:
    found = spread(supplies, demands)
    assert all(cell["given"] >= 0 and cell["left"] >= 0 for row in found for cell in row)
    for supply, row in zip(supplies, found, strict=True):
        assert {cell["left"] for cell in row} == {supply - sum(cell["given"] for cell in row)}
    for demand, column in zip(demands, zip(*found, strict=True), strict=True):
        assert {cell["unmet"] for cell in column} == {demand - sum(cell["given"] for cell in column)}
    assert sum(cell["given"] for row in found for cell in row) == min(sum(supplies), sum(demands))


@settings(max_examples=50)
@given(few, few)
def test_supplies_that_keep_something_gave_alike(supplies: list[int], demands: list[int]) -> None:
    rows = [(sum(cell["given"] for cell in row), row[0]["left"]) for row in spread(supplies, demands)]
    open_ones = [out for out, left in rows if left]
    assert all(max(out for out, _ in rows) - out <= len(demands) for out in open_ones)
