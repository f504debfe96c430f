"""The committed vectors of runs are what this implementation gives."""

from __future__ import annotations

import json

from run_vectors import DATA_YEAR_TARGET, TARGET, data_year_vectors, vectors


def test_the_committed_vectors_are_those_of_the_engine() -> None:
    assert TARGET.read_text("utf-8") == vectors()


def test_the_vectors_hold_numbers_and_errors() -> None:
    cases = json.loads(TARGET.read_text("utf-8"))["cases"]
    assert {case.get("error") for case in cases} == {None, "period-crosses-change", "parts-malformed",
                                                     "source-mismatch", "input-repeated", "period-outside",
                                                     "gap-uncovered"}
    assert [case["quality"]["stated"].get("quality.uncertainty") for case in cases if "quality" in case].count(
        {"value": "11.1803", "unit": "%"}) == 1


def test_the_committed_vectors_of_data_years_are_those_of_the_engine_and_hold_both_sides() -> None:
    assert DATA_YEAR_TARGET.read_text("utf-8") == data_year_vectors()
    cases = json.loads(DATA_YEAR_TARGET.read_text("utf-8"))["cases"]
    assert {case.get("error") for case in cases} == {None, "period-crosses-change", "rule-not-in-force"}
    chosen = [{row.get("selection") for row in case["parameters"]} for case in cases if "parameters" in case]
    assert {"data-year"} <= set().union(*chosen)
    assert {None} in chosen
