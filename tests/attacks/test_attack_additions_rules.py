"""Rules and evaluations from strangers: lists compared with themselves, thousands of papers, hostile rule files."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
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


def parties(count: int) -> dict[str, Any]:
    """As many supplies as demands, each of a hundred units."""
    lines = [{"order": number(i), "quantity": number(100)} for i in range(count)]
    return {"supplies": lines, "demands": lines, "supply": number(5), "demand": number(7)}


def test_supplies_compared_with_demands_are_refused_before_they_take_minutes() -> None:
    rules, began = shipped(), process_time()
    assert code_of(lambda: evaluation_of(rules, "allocation.spread", parties(12_000))) == "evaluation-too-long"
    outputs = evaluation_of(rules, "allocation.spread", parties(30)).outputs
    assert {name: str(value) for name, value in outputs.items()} == {"given": "3 1", "left": "0 1", "unmet": "0 1"}
    assert process_time() - began < SECONDS


def test_a_formula_that_reads_its_lists_once_takes_all_the_quantities_that_are_read() -> None:
    """The bound is no second limit on what is linear."""
    shared = {"quantities": parties(12_000)["supplies"], "demand": number(1_200_000), "order": number(1)}
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
    rule = next(rule for rule in shipped().methodology("inventory.power", None, DAY, DAY).inputs if not rule.single)
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


# rule files

LAUGHS = "a0: &a0 [x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 12)) + "title: *a11\n"
HOSTILE = [
    LAUGHS, "a: &a [*a]", "a: &a 1", "a: *b", "a: {<<: {x: 1}, x: 2}",
    "a: !!python/object/apply:os.abort []", "a: !!int x", "a: !!float x", "a: !!timestamp 2026-13-45", "a: !!bool x",
    "a: !!map x", "a: !!float 1.5", "a: !!set {x}", "a: !!binary '%%'", "a: !x 1",
    "? [a]\n: 1", "{{a: b}: c}", "a: 1\na: 2", "a: {b: 1, b: 2}",
    "[" * 100_000, "a: " + "[" * 20_000 + "]" * 20_000, "{a: " * 50_000, "a: " + "[" * 65 + "]" * 65,
    "", "x", "a: 1\n---\nb: 2", "\ta: 1", "a: \x00", 'a: "\\ud800"', 'a: "\\UFFFFFFFF"', "a: " + "x" * 2**20,
    "\n".join(f"a{i}: x" for i in range(30_000))]
KINDS = ("formulas", "methodologies", "parameters")
LOAD = """
import sys
from pathlib import Path
from core.errors import CarbonSealError
from mrv.authoring.catalogue import load
for number in range(int(sys.argv[2])):
    for kind in sys.argv[3:]:
        path = Path(sys.argv[1]) / kind / "x.yaml"
        path.write_bytes((Path(sys.argv[1]) / str(number)).read_bytes())
        try:
            load(Path(sys.argv[1]))
        except CarbonSealError as error:
            print(number, kind, error.code, flush=True)
        path.unlink()
"""


def test_a_hostile_rule_file_is_refused_with_a_code(tmp_path: Path) -> None:
    """In a process of its own: deep nesting ended the YAML library, and Python with it."""
    for kind in KINDS:
        (tmp_path / kind).mkdir()
    for number, written in enumerate(HOSTILE):
        (tmp_path / str(number)).write_text(written, encoding="utf-8")
    ended = subprocess.run([sys.executable, "-c", LOAD, str(tmp_path), str(len(HOSTILE)), *KINDS],
                           capture_output=True, timeout=120, check=False, text=True)
    told = [line.split() for line in ended.stdout.splitlines()]
    assert [(number, kind) for number, kind, _ in told] == [
        (str(number), kind) for number in range(len(HOSTILE)) for kind in KINDS], ended.stderr[-2000:]
    assert {code for _, _, code in told} == {"yaml-malformed", "rule-malformed"}
