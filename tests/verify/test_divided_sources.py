"""Register inputs of a divided period and beside substituted gaps, as the details of a statement show them."""

from __future__ import annotations

from typing import Any

import pytest

from core.errors import FormError
from core.period import Period, instant_text
from verify.completeness import staleness
from verify.model import Detail, Details
from verify.sources import RegisterSource, register_sources

HOUR = 3_600_000
START = 1_794_844_800_000
MIDDLE, END = START + 24 * HOUR, START + 48 * HOUR
PERIOD = Period(START, END)


def place(time: int, position: int) -> dict[str, str]:
    return {"position": str(position), "time": instant_text(time), "gateway": "gw:a", "epoch": "0",
            "seq": str(position), "block": "0", "ordinal": "0", "index": "1"}


def metered(opening: int, closing: int, meter: str = "m:a", name: str = "electricity") -> dict[str, Any]:
    return {"kind": "input", "name": name, "quantity": {"value": str(closing - opening), "unit": "Wh"}, "priority": "1",
            "method": "measured", "uncertainty": None,
            "source": {"type": "register", "meter": meter, "quantity": "energy", "from": place(opening, opening),
                       "to": place(closing, closing)}}


def filled(start: int, end: int, meter: str | None = "m:a", name: str = "electricity") -> dict[str, Any]:
    return {"kind": "input", "name": name, "quantity": {"value": "1", "unit": "Wh"}, "priority": "3",
            "method": "estimated", "uncertainty": None,
            "source": {"type": "substitution", "rule": "zero", "meter": meter, "start": instant_text(start),
                       "end": instant_text(end), "rate": None, "reason": "断线", "digest": None}}


def run(*parts: tuple[int, int, int]) -> dict[str, Any]:
    """The run record of parts (start, end, how many inputs)."""
    top: dict[str, Any] = {"kind": "run", "date": "2026-12-05", "options": {}, "allow_unconfirmed": False,
                           "carried": None}
    if parts:
        top["parts"] = [{"period": Period(start, end).as_json(), "inputs": {"electricity": str(count)}}
                        for start, end, count in parts]
    return top


def sources(*records: dict[str, Any]) -> list[RegisterSource]:
    return register_sources(Details(True, tuple(Detail(i, b"", record, ()) for i, record in enumerate(records))))


def test_each_input_of_a_divided_period_is_of_its_part() -> None:
    found = sources(run((START, MIDDLE, 1), (MIDDLE, END, 1)), metered(START, MIDDLE), metered(MIDDLE, END))
    assert [source.part for source in found] == [Period(START, MIDDLE), Period(MIDDLE, END)]


def test_inputs_of_a_whole_period_are_of_no_part() -> None:
    assert [source.part for source in sources(run(), metered(START, END))] == [None]
    assert [source.part for source in sources(metered(START, END))] == [None]


def test_what_is_filled_counts_among_the_inputs_of_its_part() -> None:
    found = sources(run((START, MIDDLE, 2), (MIDDLE, END, 1)), metered(START, MIDDLE - HOUR),
                    filled(MIDDLE - HOUR, MIDDLE), metered(MIDDLE, END))
    assert [source.part for source in found] == [Period(START, MIDDLE), Period(MIDDLE, END)]


@pytest.mark.parametrize("parts", [[(START, MIDDLE, 1)], [(START, MIDDLE, 1), (MIDDLE, END, 2)],
                                   [(START, MIDDLE, 0), (MIDDLE, END, 1)]])
def test_parts_that_do_not_count_the_inputs_are_refused(parts: list[tuple[int, int, int]]) -> None:
    with pytest.raises(FormError) as caught:
        sources(run(*parts), metered(START, MIDDLE), metered(MIDDLE, END))
    assert caught.value.code == "member-malformed"


@pytest.mark.parametrize("parts", [None, "two", [{"period": "x", "inputs": {}}], [{"inputs": {}}], [7],
                                   [{"period": Period(START, END).as_json(), "inputs": {"electricity": "-1"}}]])
def test_parts_out_of_form_are_refused(parts: Any) -> None:
    with pytest.raises(FormError):
        sources(run() | {"parts": parts}, metered(START, END))


def test_a_gap_belongs_to_the_register_that_it_touches() -> None:
    (source,) = sources(filled(START, START + HOUR), metered(START + HOUR, END - HOUR), filled(END - HOUR, END))
    assert (source.before, source.after) == ((START, START + HOUR), (END - HOUR, END))
    assert source.reach == (END, START)


@pytest.mark.parametrize("gap", [
    filled(START, START + HOUR, "m:b"), filled(START, START + HOUR, name="heat"), filled(START, START + HOUR - 1),
    filled(START, START + HOUR, None)])
def test_another_gap_is_none_of_it(gap: dict[str, Any]) -> None:
    (source,) = sources(gap, metered(START + HOUR, END))
    assert (source.before, source.reach) == (None, (END, START + HOUR))


@pytest.mark.parametrize(("records", "expected"), [
    ([metered(START, MIDDLE), metered(MIDDLE, END)], 0),
    ([metered(START - 3, MIDDLE - 9), metered(MIDDLE - 9, END - 5)], 5),
    ([metered(START - 7, MIDDLE - 9), metered(MIDDLE - 9, END - 5)], 7),
    ([metered(START, MIDDLE - 9), metered(MIDDLE - 8, END)], END - (MIDDLE - 9)),
    ([metered(START, END - HOUR), filled(END - HOUR, END)], 0),
    ([metered(START, END - HOUR), filled(END - HOUR, END - 4)], 4),
    ([filled(START, START + HOUR), metered(START + HOUR, END)], 0),
    ([metered(START, END - HOUR), filled(END - HOUR, END, "m:b")], HOUR)])
def test_staleness_is_asked_at_the_ends_of_the_period_not_at_its_cuts(records: list[dict[str, Any]],
                                                                      expected: int) -> None:
    assert staleness(sources(*records), PERIOD) == expected


def test_one_reading_at_both_ends_is_no_cut() -> None:
    assert staleness(sources(metered(START, START)), PERIOD) == END - START
