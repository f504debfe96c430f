"""Two versions of one methodology: the newest that holds is taken, and no period runs across the day between them."""

from __future__ import annotations

import pytest
from mrv_helpers import code_of
from split_helpers import AUGUST, JULY, JUNE, glass, glass_rules, month, span, whole

from core.period import Period
from mrv.definitions.dates import days_of
from mrv.definitions.methodology import Methodology
from mrv.definitions.ruleset import RuleSet


def versions(first: tuple[str, str | None], second: tuple[str, str | None]) -> RuleSet:
    """The small methodology in two versions, each with its validity."""
    (start, end), (later, last) = first, second
    older = glass_rules(valid={"from": start, "to": end})
    newer = glass_rules(valid={"from": later, "to": last}, version="2")
    return RuleSet.from_documents(older.documents() | newer.documents())


OVERLAPPING = versions(("2025-01-01", None), ("2026-07-01", None))
END_TO_END = versions(("2025-01-01", "2026-07-01"), ("2026-07-01", None))


@pytest.mark.parametrize("rules", [OVERLAPPING, END_TO_END], ids=["overlapping", "end to end"])
@pytest.mark.parametrize(("start", "end", "version"), [(JUNE, JULY, "1"), (JULY, AUGUST, "2")])
def test_the_newest_version_that_holds_is_taken(rules: RuleSet, start: str, end: str, version: str) -> None:
    assert glass(whole(start, end, month("100")), rules).methodology.version == version


@pytest.mark.parametrize("rules", [OVERLAPPING, END_TO_END], ids=["overlapping", "end to end"])
@pytest.mark.parametrize(("start", "end"), [(JUNE, AUGUST), ("2026-06-29T16:00:00.000Z", "2026-07-01T16:00:00.000Z")])
def test_a_period_across_the_day_of_the_newer_one_is_refused(rules: RuleSet, start: str, end: str) -> None:
    assert code_of(lambda: glass(whole(start, end, month("100")), rules)) == "period-crosses-change"


def test_the_days_on_both_sides_of_the_change_are_each_of_one_version() -> None:
    before = {"period": span("2026-06-29T16:00:00.000Z", JULY)}
    after = {"period": span(JULY, "2026-07-01T16:00:00.000Z")}
    found = [glass(whole(JUNE, JULY, month("1")) | day, END_TO_END).methodology.version for day in (before, after)]
    assert found == ["1", "2"]


def test_a_version_that_is_named_is_held_to_its_own_days() -> None:
    def named(version: str, start: str, end: str) -> Methodology:
        return END_TO_END.methodology(f"inventory.glass@{version}", None, *days_of(Period.from_json(span(start, end))))

    assert named("1", JUNE, JULY).version == "1"
    assert code_of(lambda: named("1", JULY, AUGUST)) == "rule-not-in-force"
    assert code_of(lambda: named("2", JUNE, JULY)) == "rule-not-in-force"
