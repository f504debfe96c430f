"""Serial ranges [a, b) from 0: the figures of a public registry, and that parts meet and make up the whole."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrv.authoring.catalogue import shipped
from mrv.calculation.service import evaluate

RULES = shipped()


def ranges(formula: str, **inputs: int) -> dict[str, int]:
    given_ = {name: {"value": str(value), "unit": "1"} for name, value in inputs.items()}
    return {name: int(output["value"]) for name, output in evaluate(RULES, formula, given_)["outputs"].items()}


@st.composite
def parts(draw: st.DrawFn) -> tuple[int, int, int]:
    """Start, end and a quantity that the range holds."""
    start, size = draw(st.integers(0, 10**12)), draw(st.integers(1, 10**12))
    return start, start + size, draw(st.integers(1, size))


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=6))
def test_issues_follow_one_another_without_gap_or_overlap(quantities: list[int]) -> None:
    issued = 0
    for quantity in quantities:
        found = ranges("serial.issue", issued=issued, quantity=quantity)
        assert (found["start"], found["end"] - found["start"]) == (issued, quantity)
        assert found["last_printed"] - found["first_printed"] + 1 == quantity
        issued = found["end"]
    assert issued == sum(quantities)


@given(parts())
def test_a_transfer_conserves_units_and_the_two_ranges_meet(part: tuple[int, int, int]) -> None:
    start, end, quantity = part
    found = ranges("serial.transfer", start=start, end=end, quantity=quantity)
    assert (found["kept_start"], found["kept_end"], found["received_end"]) == (start, found["received_start"], end)
    assert found["kept_end"] - found["kept_start"] == found["kept"] == end - start - quantity
    assert found["received_end"] - found["received_start"] == found["received"] == quantity


@given(parts())
def test_a_split_conserves_units_and_the_two_ranges_meet(part: tuple[int, int, int]) -> None:
    start, end, quantity = part
    found = ranges("serial.split", start=start, end=end, quantity=quantity)
    assert (found["first_start"], found["first_end"], found["second_end"]) == (start, found["second_start"], end)
    assert found["first_end"] - found["first_start"] == found["first"] == quantity
    assert found["second_end"] - found["second_start"] == found["second"] == end - start - quantity


@pytest.mark.parametrize(("quantity", "expected"), [(250, (0, 250, 250, 1000)), (1000, (0, 1000, 1000, 1000))])
def test_splitting_off_takes_exactly_what_is_asked(quantity: int, expected: tuple[int, ...]) -> None:
    found = ranges("serial.split", start=0, end=1000, quantity=quantity)
    assert tuple(found[name] for name in ("first_start", "first_end", "second_start", "second_end")) == expected
