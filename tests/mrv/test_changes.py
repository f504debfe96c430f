"""Where a period is cut: at the midnights on which a parameter in force changes that the run reads."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from split_helpers import AUGUST, JULY, JUNE, ZONE, glass_rules

from core.errors import FormError
from core.period import Period, instant_text
from mrv.authoring.catalogue import shipped
from mrv.authoring.translate import parameter_documents
from mrv.definitions.changes import midnight, parts_of
from mrv.definitions.ruleset import RuleSet

RULES = glass_rules()
DAY = 86_400_000


def cuts(start: str, end: str, rules: RuleSet = RULES, names: tuple[str, ...] = ("soda_ash",), zone: str = ZONE,
         **options: Any) -> list[str]:
    period = Period.from_json({"start": start, "end": end, "zone": zone})
    parts = parts_of(rules, rules.methodologies["inventory.glass@1"], options, names, period)
    assert parts[0].start == period.start
    assert parts[-1].end == period.end
    return [instant_text(part.start) for part in parts[1:]]


def by_region(**members: Any) -> RuleSet:
    """The factor of each member of a family and region: only that of one changes."""
    values = {name: [{"key": f"{name}-old", "value": "0.4", "from": "2025-01-01", "to": day, "source": "a",
                      "date_status": "known"},
                     {"key": f"{name}-new", "value": "0.5", "from": day, "to": None, "source": "a",
                      "date_status": "known"}]
              for name, day in (("js", "2026-07-01"), ("sd", "2026-06-15"))}
    documents = RULES.documents() | {f"parameters/{item['id']}": item for item in parameter_documents({
        "shared": {"select": "in-force", "unit": "tCO2/t", "status": "published"},
        "parameters": {f"glass.{name}": {"title": {"zh": name, "en": name}, "values": rows}
                       for name, rows in values.items()}})}
    methodology = documents["methodologies/inventory.glass@1"]
    for step in methodology["steps"]:
        for argument in step["arguments"]:
            if argument["binding"] == {"parameter": "glass.soda-ash"}:
                argument["binding"] = {"parameter": "glass.{region}"}
    return RuleSet.from_documents({**documents, "methodologies/inventory.glass@1": methodology} | members)


def test_a_period_is_cut_at_the_midnight_of_the_change_in_its_own_zone() -> None:
    assert cuts(JUNE, AUGUST) == [JULY]
    assert cuts(JUNE, AUGUST, zone="UTC") == ["2026-07-01T00:00:00.000Z"]


@pytest.mark.parametrize(("start", "end", "expected"), [
    (JUNE, JULY, []), (JULY, AUGUST, []), (JUNE, "2026-06-30T16:00:00.001Z", [JULY]),
    ("2026-06-30T15:59:59.999Z", AUGUST, [JULY])])
def test_a_side_of_the_change_is_whole_and_one_millisecond_beyond_is_not(start: str, end: str,
                                                                        expected: list[str]) -> None:
    assert cuts(start, end) == expected


def test_what_forbids_splitting_is_never_cut() -> None:
    assert cuts(JUNE, AUGUST, glass_rules(split=None)) == []


def test_only_the_parameter_that_the_options_choose_cuts() -> None:
    rules = by_region()
    assert cuts(JUNE, AUGUST, rules, region="js") == [JULY]
    assert cuts(JUNE, AUGUST, rules, region="sd") == ["2026-06-14T16:00:00.000Z"]
    assert cuts(JUNE, AUGUST, rules, region="none") == []
    assert cuts(JUNE, AUGUST, rules) == []


def test_no_shipped_methodology_is_cut_where_nothing_in_force_changes() -> None:
    year = Period(midnight(date(2026, 7, 1), ZONE), midnight(date(2027, 7, 1), ZONE), ZONE)
    for methodology in shipped().methodologies.values():
        assert parts_of(shipped(), methodology, {"region": "jiangsu", "gwp": "AR6"}, (), year) == [year]


def test_a_zone_that_is_none_is_refused() -> None:
    with pytest.raises(FormError) as caught:
        midnight(date(2026, 7, 1), "Mars/Olympus")
    assert caught.value.code == "zone-unknown"


def test_midnight_follows_summer_time() -> None:
    winter, summer = (midnight(date(2026, month, 1), "Europe/Berlin") for month in (1, 7))
    assert (instant_text(winter), instant_text(summer)) == ("2025-12-31T23:00:00.000Z", "2026-06-30T22:00:00.000Z")


@given(st.integers(0, 400), st.integers(1, 400))
def test_parts_tile_the_period(first: int, days: int) -> None:
    start = midnight(date(2025, 6, 1), ZONE) + first * DAY
    period = Period(start, start + days * DAY, ZONE)
    parts = parts_of(RULES, RULES.methodologies["inventory.glass@1"], {}, ["soda_ash"], period)
    assert [part.start for part in parts[1:]] == [part.end for part in parts[:-1]]
    assert (parts[0].start, parts[-1].end) == (period.start, period.end)
    assert len(parts) <= 3
