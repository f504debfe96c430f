"""Readings stand where the ends of the period are, and what no input answers for is never passed over in silence."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mrv_helpers import END, START, code_of, document, inventory, item, point, register
from split_helpers import JULY, JUNE, TODAY, glass_rules, in_parts, month, paper_item, whole
from split_helpers import glass as run_glass

from core.jcs import canonical, parse
from core.period import instant_text, parse_instant
from mrv.authoring.catalogue import shipped
from mrv.calculation.run import RunResult, run
from mrv.calculation.service import result_json
from mrv.calculation.statement import Context, build, rebuild, records_of

RULES = shipped()
QUARTER = 900_000
DAY = 86_400_000
FROM, UNTIL = parse_instant(START), parse_instant(END)
FIRST, LAST = parse_instant(JUNE), parse_instant(JULY)


def electricity(start: int, end: int, first: int = 0, moved: int = 1_000_000) -> dict[str, Any]:
    source = register(str(first), str(first + moved))
    return item(str(moved), "Wh", source | {"from": point(str(first), instant_text(start)),
                                            "to": point(str(first + moved), instant_text(end))})


def bought(*items: dict[str, Any], at: date = date(2026, 12, 5)) -> RunResult:
    return run(RULES, "inventory.enterprise", None, inventory(inputs={"purchased_electricity": list(items)}), at)


def ash(start: int, end: int, first: int = 0, tonnes: int = 10, meter: str = "m:scale") -> dict[str, Any]:
    last = first + tonnes * 1_000_000
    return paper_item(str(tonnes), "t", priority="1", source={
        "type": "register", "meter": meter, "quantity": "mass", "from": point(str(first), instant_text(start)),
        "to": point(str(last), instant_text(end))})


def glass(*items: dict[str, Any], **members: Any) -> RunResult:
    """A methodology that names no greatest staleness, of June."""
    return run_glass(whole(JUNE, JULY, month("1") | {"soda_ash": list(items)}, **members))


def bill(start: int, end: int, account: str | None = None, digest: str = "ab") -> dict[str, Any]:
    paper = paper_item("1", "t", digest)
    paper["source"]["covers"] = {"start": instant_text(start), "end": instant_text(end), "account": account}
    return paper


def uncovered(result: RunResult) -> list[tuple[str | None, int, int]]:
    return [(hole.name, hole.start, hole.end) for hole in result.coverage.uncovered]


# Where the readings stand


def test_a_span_that_runs_backwards_in_time_is_refused() -> None:
    assert code_of(lambda: bought(electricity(UNTIL, FROM))) == "period-outside"
    assert code_of(lambda: glass(ash(LAST, FIRST))) == "period-outside"


def test_a_register_ends_with_the_period_and_not_a_millisecond_later() -> None:
    assert bought(electricity(FROM, UNTIL)).amount == 583
    assert code_of(lambda: bought(electricity(FROM, UNTIL + 1))) == "period-outside"


def test_what_a_register_counted_before_the_period_is_none_of_it() -> None:
    assert code_of(lambda: glass(ash(FIRST - DAY, FIRST))) == "period-outside"
    assert glass(ash(FIRST - DAY, FIRST + 1)).notices == ("gap-uncovered", "reading-stale")
    assert glass(ash(FIRST - DAY, FIRST - DAY, tonnes=0)).coverage.shares == {"soda_ash": 100}


@pytest.mark.parametrize(("start", "code"), [(FROM - QUARTER, None), (FROM - QUARTER - 1, "reading-stale"),
                                             (FROM + QUARTER, None), (FROM + QUARTER + 1, "reading-stale")])
def test_the_opening_reading_is_no_further_from_the_start_than_the_methodology_allows(start: int,
                                                                                      code: str | None) -> None:
    if code is None:
        assert bought(electricity(start, UNTIL)).coverage.uncovered == ()
    else:
        assert code_of(lambda: bought(electricity(start, UNTIL))) == code


@pytest.mark.parametrize(("end", "code"), [(UNTIL - QUARTER, None), (UNTIL - QUARTER - 1, "reading-stale")])
def test_the_closing_reading_is_no_older_than_the_methodology_allows(end: int, code: str | None) -> None:
    if code is None:
        assert bought(electricity(FROM, end)).coverage.notices() == []
    else:
        assert code_of(lambda: bought(electricity(FROM, end))) == code


def test_the_last_reading_of_a_claim_point_is_held_to_the_same_limit() -> None:
    def green(end: int) -> RunResult:
        source = {"type": "claim-point", "mark": "cp:pv", "meter": "m:pv", "quantity": "active-energy-export",
                  "from": {"position": "0"}, "to": point("2000000", instant_text(end))}
        return run(RULES, "green-power.pv", None, document({"generation": [item("2000000", "Wh", source)]}),
                   date(2026, 12, 5))

    assert green(UNTIL - QUARTER).amount == 2
    assert code_of(lambda: green(UNTIL - QUARTER - 1)) == "reading-stale"
    assert code_of(lambda: green(FROM - 1)) == "reading-stale"
    assert code_of(lambda: green(UNTIL + 1)) == "period-outside"


def test_no_reading_is_of_a_day_after_the_statement() -> None:
    assert bought(electricity(FROM, UNTIL), at=date(2026, 11, 30)).amount == 583
    assert code_of(lambda: bought(electricity(FROM, UNTIL), at=date(2026, 11, 29))) == "reading-after-statement"


def test_a_methodology_without_a_limit_says_that_a_register_begins_early() -> None:
    assert "reading-stale" not in glass(ash(FIRST - QUARTER, LAST)).notices
    assert "reading-stale" in glass(ash(FIRST - QUARTER - 1, LAST)).notices


# Holes of a register


def test_what_moved_between_two_spans_is_missing_by_name_and_number() -> None:
    result = glass(ash(FIRST, FIRST + 10 * DAY), ash(FIRST + 11 * DAY, LAST, 22_000_000))
    assert "gap-uncovered" in result.notices
    [hole] = result_json(result)["quality"]["uncovered"]
    assert hole == {"input": "soda_ash", "kind": "register", "name": "m:scale",
                    "start": instant_text(FIRST + 10 * DAY), "end": instant_text(FIRST + 11 * DAY),
                    "missing": {"value": "12000000", "unit": "g"}}
    assert result_json(result)["quality"]["stated"]["quality.uncovered.soda_ash"] == {"value": "3.3333", "unit": "%"}


def test_a_methodology_with_a_limit_refuses_a_hole_between_two_spans() -> None:
    def broken(pause: int, jump: int = 12_000_000) -> RunResult:
        return bought(electricity(FROM, FROM + DAY), electricity(FROM + DAY + pause, UNTIL, 1_000_000 + jump))

    assert code_of(lambda: broken(QUARTER + 1)) == "reading-stale"
    assert "gap-uncovered" in broken(QUARTER).notices
    assert broken(QUARTER, jump=0).coverage.uncovered == ()


def test_a_register_that_stood_still_between_two_spans_misses_nothing() -> None:
    assert bought(electricity(FROM, FROM + DAY), electricity(FROM + 9 * DAY, UNTIL, 1_000_000)).coverage.shares == {}


def test_a_register_does_not_jump_in_no_time_nor_fall() -> None:
    assert code_of(lambda: glass(ash(FIRST, FIRST + DAY), ash(FIRST + DAY, LAST, 22_000_000))) == "source-mismatch"
    falls = ash(FIRST, FIRST + DAY, 50_000_000), ash(FIRST + 2 * DAY, LAST)
    assert code_of(lambda: glass(*falls)) == "source-mismatch"
    assert glass(ash(FIRST, FIRST + DAY), ash(FIRST + DAY, LAST, 10_000_000)).coverage.uncovered == ()


def test_two_spans_of_one_register_share_no_time() -> None:
    shared = ash(FIRST, FIRST + DAY), ash(FIRST + DAY - 1, LAST, 10_000_000)
    assert code_of(lambda: glass(*shared)) == "inputs-overlap"


def test_each_meter_answers_for_its_own_time() -> None:
    one, other = ash(FIRST, FIRST + 10 * DAY), ash(FIRST + 10 * DAY, LAST, meter="m:other")
    assert uncovered(glass(one, other)) == [("m:scale", FIRST + 10 * DAY, LAST),
                                            ("m:other", FIRST, FIRST + 10 * DAY)]
    assert uncovered(glass(ash(FIRST, LAST), ash(FIRST, LAST, meter="m:other"))) == []


def test_a_meter_that_begins_within_the_period_is_given_in_parts() -> None:
    limited = glass_rules(max_staleness="900000")
    cut = instant_text(FIRST + 10 * DAY)
    inputs = [month("1") | {"soda_ash": [ash(FIRST, FIRST + 10 * DAY)]},
              month("1") | {"soda_ash": [ash(FIRST + 10 * DAY, LAST, meter="m:other")]}]
    one_after_the_other = whole(JUNE, JULY, month("1") | {"soda_ash": [
        *inputs[0]["soda_ash"], *inputs[1]["soda_ash"]]})
    assert code_of(lambda: run_glass(one_after_the_other, limited)) == "reading-stale"
    result = run_glass(in_parts((JUNE, cut, inputs[0]), (cut, JULY, inputs[1])), limited)
    assert [name for name, _, _ in uncovered(result)] == ["m:scale", "m:other"]


def test_parts_are_read_at_their_own_ends() -> None:
    limited, cut = glass_rules(max_staleness="900000"), instant_text(FIRST + 10 * DAY)

    def parts(end: int, start: int) -> dict[str, Any]:
        return in_parts((JUNE, cut, month("1") | {"soda_ash": [ash(FIRST, end)]}),
                        (cut, JULY, month("1") | {"soda_ash": [ash(start, LAST, 10_000_000)]}))

    late = FIRST + 10 * DAY - QUARTER
    assert run_glass(parts(late, late), limited).coverage.uncovered == ()
    assert code_of(lambda: run_glass(parts(late - 1, late - 1), limited)) == "reading-stale"
    assert code_of(lambda: run_glass(parts(late, FIRST + 11 * DAY), limited)) == "reading-stale"


def test_a_substituted_gap_is_no_hole() -> None:
    source = {"type": "substitution", "rule": "greatest-rate", "meter": None, "start": instant_text(LAST - DAY),
              "end": JULY, "rate": {"value": "1", "unit": "t/h"}, "reason": "断线", "digest": "ef" * 32}
    gap = paper_item("24", "t", source=source, priority="4", method="estimated")
    assert uncovered(glass(ash(FIRST, LAST - DAY))) == [("m:scale", LAST - DAY, LAST)]
    assert uncovered(glass(ash(FIRST, LAST - DAY), gap)) == []
    assert uncovered(glass(ash(FIRST, LAST - DAY), gap | {"source": source | {"meter": "m:other"}})) != []


@given(st.lists(st.integers(1, 29), min_size=1, max_size=6, unique=True))
def test_spans_that_meet_leave_nothing_open_wherever_they_are_cut(days: list[int]) -> None:
    cuts = [FIRST, *(FIRST + day * DAY for day in sorted(days)), LAST]
    spans = [ash(a, b, i * 10_000_000) for i, (a, b) in enumerate(pairwise(cuts))]
    assert glass(*reversed(spans)).coverage.uncovered == ()
    if len(spans) > 2:
        left_out = glass(*spans[:1], *spans[2:])
        assert uncovered(left_out) == [("m:scale", cuts[1], cuts[2])]


# What documents cover


def test_a_bill_of_half_a_month_says_what_it_leaves_open() -> None:
    result = glass(bill(FIRST, FIRST + 15 * DAY))
    assert "coverage-partial" in result.notices
    assert uncovered(result) == [(None, FIRST + 15 * DAY, LAST)]
    assert result_json(result)["quality"]["stated"]["quality.uncovered.soda_ash"] == {"value": "50", "unit": "%"}


def test_a_bill_of_the_whole_period_or_without_a_span_says_nothing() -> None:
    for paper in (bill(FIRST, LAST), paper_item("1", "t")):
        assert glass(paper).coverage.notices() == []


def test_two_bills_of_one_account_make_up_the_period_and_two_accounts_do_not() -> None:
    cut = FIRST + 15 * DAY
    assert glass(bill(FIRST, cut, "A"), bill(cut, LAST, "A", "cd")).coverage.uncovered == ()
    assert uncovered(glass(bill(FIRST, cut, "A"), bill(cut, LAST, "B", "cd"))) == [("A", cut, LAST), ("B", FIRST, cut)]
    assert glass(bill(FIRST, LAST, "A"), bill(FIRST, LAST, "B", "cd")).coverage.uncovered == ()


def test_the_bills_of_all_parts_together_make_up_the_period() -> None:
    cut = instant_text(FIRST + 10 * DAY)

    def parts(second: list[dict[str, Any]]) -> RunResult:
        return run_glass(in_parts((JUNE, cut, month("1") | {"soda_ash": [bill(FIRST, FIRST + 10 * DAY, "A")]}),
                                  (cut, JULY, month("1") | {"soda_ash": second})))

    assert parts([bill(FIRST + 10 * DAY, LAST, "A", "cd")]).coverage.uncovered == ()
    assert uncovered(parts([bill(FIRST + 10 * DAY, LAST, "B", "cd")])) != []


def test_an_input_that_refuses_a_gap_is_answered_for_at_every_time() -> None:
    cut = FIRST + 15 * DAY

    def made(*papers: dict[str, Any]) -> RunResult:
        return run_glass(whole(JUNE, JULY, month("1") | {"glass": [paper | {"priority": "1"} for paper in papers]}))

    assert code_of(lambda: made(bill(FIRST, cut))) == "gap-uncovered"
    assert made(bill(FIRST, cut, "A"), bill(cut, LAST, "B", "cd")).coverage.notices() == ["coverage-partial"]
    assert made(bill(FIRST, cut), paper_item("1", "t", "cd")).coverage.notices() == ["coverage-partial"]


def test_a_measured_factor_of_another_time_leaves_nothing_open() -> None:
    purity = bill(FIRST, FIRST + DAY) | {"quantity": {"value": "0.9", "unit": "1"}, "priority": "1"}
    result = run_glass(whole(JUNE, JULY, month("1") | {"purity": [purity]}))
    assert result.coverage.uncovered == ()


# The statement


def test_a_statement_says_what_is_left_open_and_is_built_again_alike() -> None:
    result = glass(bill(FIRST, FIRST + 15 * DAY))
    salts = [bytes(16)] * len(records_of(result))
    payload, details = build(result, Context("o", "00" * 32, "00" * 32, {}), salts)
    assert payload["outputs"]["quality.uncovered.soda_ash"] == {"value": "50", "unit": "%"}
    assert "coverage-partial" in payload["notices"]
    again, _ = rebuild(glass_rules(), parse(canonical(payload)), details)
    assert canonical(again) == canonical(payload)
    assert result.at == TODAY
