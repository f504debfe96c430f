"""Evaluations from strangers: lists compared with themselves, thousands of papers, the ends of the calendar."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from time import process_time
from typing import Any
from zoneinfo import available_timezones

import pytest

from core.errors import CarbonSealError
from core.period import parse_instant
from mrv.authoring.catalogue import shipped
from mrv.authoring.translate import formula_document
from mrv.calculation.covers import check_papers
from mrv.calculation.service import evaluation_of
from mrv.calculation.spelling import canonical_dates
from mrv.definitions.changes import midnight
from mrv.definitions.formula import Formula

DAY = date(2026, 11, 17)
SECONDS = 5
"""Where the square of a length took minutes."""


def number(value: int) -> dict[str, str]:
    return {"value": str(value), "unit": "1"}


def code_of(action: Callable[[], object]) -> str:
    with pytest.raises(CarbonSealError) as caught:
        action()
    return caught.value.code


# work

def hours(count: int) -> dict[str, Any]:
    """One producer and one demand in each of `count` hours."""
    return {"generation": [{"hour": number(hour), "quantity": number(36)} for hour in range(count)],
            "demands": [{"hour": number(hour), "order": number(1), "on_site": number(0), "quantity": number(36)}
                        for hour in range(count)], "order": number(1)}


def test_a_list_compared_with_itself_is_refused_before_it_takes_minutes() -> None:
    rules, began = shipped(), process_time()
    assert code_of(lambda: evaluation_of(rules, "allocation.hourly", hours(8000))) == "evaluation-too-long"
    assert code_of(lambda: evaluation_of(rules, "allocation.hourly", hours(420))) == "evaluation-too-long"
    assert process_time() - began < SECONDS
    day = evaluation_of(rules, "allocation.hourly", hours(24)).outputs
    assert {name: str(value) for name, value in day.items()} == {"matched": "864 1", "unmet": "0 1"}


def test_every_shipped_formula_but_one_takes_all_the_quantities_that_are_read() -> None:
    """The bound is no second limit on what reads its lists once."""
    supplies = [{"order": number(i), "quantity": number(100)} for i in range(12_000)]
    spread = {"supplies": supplies, "demands": supplies, "supply": number(5), "demand": number(7)}
    outputs = evaluation_of(shipped(), "allocation.spread", spread).outputs
    assert {name: str(value) for name, value in outputs.items()} == {"given": "0 1", "left": "100 1"}
    shared = {"quantities": supplies, "demand": number(1_200_000), "order": number(1)}
    assert str(evaluation_of(shipped(), "allocation.proportional", shared).outputs["share"]) == "100 1"


def test_folds_one_inside_the_other_have_no_end_but_the_bound() -> None:
    expression = "x0"
    for depth in range(20):
        expression = f"sum(x{depth} in lines: {expression})"
    formula = Formula.from_document(formula_document({
        "id": "test", "version": "1", "title": {"zh": "测试", "en": "test"}, "source": "test", "status": "published",
        "valid": {"from": None, "to": None}, "inputs": {"lines": {"list": "1"}}, "output": "1",
        "expression": expression}))
    given = evaluation_of(shipped(), "number.round", {
        "value": number(1), "places": number(0), "mode": {"value": "half-up", "unit": "text"}}).outputs["rounded"]
    began = process_time()
    assert code_of(lambda: formula.evaluate({"lines": [given, given, given]})) == "evaluation-too-long"
    assert process_time() - began < SECONDS


# papers

def papers(count: int) -> list[dict[str, Any]]:
    return [{"type": "document", "digest": f"{i:064x}", "title": "结算单"} for i in range(count)]


def test_a_hundred_thousand_papers_are_compared_in_no_time() -> None:
    rule = next(rule for rule in shipped().methodology("inventory.enterprise", "1", DAY, DAY).inputs if not rule.single)
    began = process_time()
    check_papers(rule, papers(100_000), "inputs.x")
    assert code_of(lambda: check_papers(rule, [*papers(100_000), *papers(1)], "inputs.x")) == "inputs-overlap"
    assert process_time() - began < SECONDS


# the ends of the calendar

@pytest.mark.parametrize("day", ["0001-01-01", "1969-12-31", "9999-12-31"])
def test_a_local_date_at_the_end_of_the_calendar_is_an_instant_or_refused_in_every_zone(day: str) -> None:
    codes = set()
    for zone in sorted(available_timezones()):
        try:
            read = canonical_dates({"period": {"start": day, "end": day, "zone": zone}})
        except CarbonSealError as error:
            codes.add(error.code)
        else:
            assert parse_instant(read["period"]["start"]) >= 0
    assert codes == {"instant-out-of-range"} if day != "9999-12-31" else codes <= {"instant-out-of-range"}


@pytest.mark.parametrize(("day", "zone", "first"), [
    (date(2018, 11, 4), "America/Sao_Paulo", "2018-11-04T03:00:00.000Z"),  # there is no midnight: 00:00 is 01:00
    (date(2018, 11, 4), "America/Havana", "2018-11-04T04:00:00.000Z"),  # there are two: the first
    (date(2011, 12, 30), "Pacific/Apia", "2011-12-30T10:00:00.000Z"),  # there is no such day
    (date(2024, 2, 29), "Asia/Shanghai", "2024-02-28T16:00:00.000Z")])
def test_a_day_begins_at_its_first_instant_where_clocks_are_set(day: date, zone: str, first: str) -> None:
    assert midnight(day, zone) == parse_instant(first)
