"""Numbers as people type them: read leniently where that loses nothing, refused with one code for each cause."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mrv_helpers import billed, code_of, inventory, item, paper, run_methodology

from core.numbers import decimal_text
from core.period import parse_instant
from core.quantity import Quantity
from mrv.authoring.catalogue import shipped
from mrv.calculation.run import BEFORE_PERIOD_END, run
from mrv.calculation.service import evaluate, statement_day
from mrv.calculation.spelling import canonical_numbers
from mrv.calculation.whatif import read_scenarios
from mrv.presentation.explained import compare

RULES, TODAY = shipped(), date(2026, 12, 5)
BAD = [("1e400", "number-too-long"), ("1e-400", "number-too-long"), ("9" * 201, "number-too-long"),
       ("1e99999", "number-too-long"), ("NaN", "number-not-finite"), ("Infinity", "number-not-finite"),
       ("-inf", "number-not-finite"), ("", "number-malformed"), ("1,000", "number-malformed"),
       ("1 000", "number-malformed"), ("１", "number-malformed"), ("0x10", "number-malformed"),
       (None, "number-malformed"), (True, "number-malformed"), (5, "json-number"), (-1, "json-number")]


def bought(value: Any, **members: Any) -> dict[str, Any]:
    return inventory(inputs={"purchased_electricity": [item(value, "kWh", paper(), "2") | members]})


@pytest.mark.parametrize(("value", "code"), BAD)
def test_one_bad_number_has_one_code_in_a_formula_a_run_and_a_comparison(value: Any, code: str) -> None:
    quantity = {"value": value, "unit": "MWh"}
    factor = {"value": "1", "unit": "tCO2/MWh"}
    assert code_of(lambda: evaluate(RULES, "electricity.location", {"consumption": quantity, "factor": factor})) == code
    assert code_of(lambda: run_methodology(RULES, "inventory.enterprise", bought(value), TODAY)) == code
    both = {"inputs": bought(value), "scenarios": [{"name": "x"}]}
    assert code_of(lambda: compare(RULES, "inventory.enterprise", both, TODAY)) == code
    changed = {"inputs": bought("1"), "scenarios": [{"name": "x", "inputs": {"purchased_electricity": quantity}}]}
    assert code_of(lambda: compare(RULES, "inventory.enterprise", changed, TODAY)) == code


@pytest.mark.parametrize(("value", "code"), [case for case in BAD if case[0] is not None])
def test_a_bad_uncertainty_has_the_code_of_its_number(value: Any, code: str) -> None:
    document = bought("1", uncertainty=value)
    assert code_of(lambda: run_methodology(RULES, "inventory.enterprise", document, TODAY)) == code


@pytest.mark.parametrize("value", ["1000.50", "1000.5", "+1000.5", "01000.5", "1.0005e3", "1000.5000"])
def test_a_harmless_spelling_is_read_as_its_number(value: str) -> None:
    ran = run_methodology(RULES, "inventory.enterprise", bought(value, uncertainty="5.0"), TODAY)
    assert ran == run_methodology(RULES, "inventory.enterprise", bought("1000.5", uncertainty="5"), TODAY)
    assert ran["quality"]["stated"]["quality.uncertainty"] == {"value": "5", "unit": "%"}


@pytest.mark.parametrize("value", ["1000.50", "1e3", "NaN"])
def test_what_is_signed_stays_canonical(value: str) -> None:
    assert code_of(lambda: run(RULES, "inventory.enterprise", None, bought(value), TODAY)) == "number-not-canonical"


def test_a_number_too_long_once_it_is_written_out_is_refused() -> None:
    assert code_of(lambda: canonical_numbers({"value": "1e200", "unit": "t"})) == "number-too-long"
    assert canonical_numbers({"value": "1e199", "unit": "t"})["value"] == "1" + "0" * 199


def test_the_place_of_a_bad_number_is_its_path() -> None:
    with pytest.raises(Exception, match=r"inputs\.purchased_electricity\[0\]\.quantity\.value"):
        run_methodology(RULES, "inventory.enterprise", bought("NaN"), TODAY)
    with pytest.raises(Exception, match=r"carried\.value"):
        canonical_numbers({"carried": {"statement": "ab" * 32, "value": "x", "unit": "t"}})
    with pytest.raises(Exception, match=r"parts\[1\]\.inputs\.a\[0\]\.uncertainty"):
        canonical_numbers({"parts": [{}, {"inputs": {"a": [{"uncertainty": ""}]}}]})


@pytest.mark.parametrize("document", [None, 5, "x", [], {}, {"uncertainty": None}, {"uncertainty": [{"a": "01"}]},
                                      {"options": {"region": "01.0"}}, {"priority": "01", "position": "1.0"}])
def test_what_is_no_decimal_is_left_to_the_reader(document: Any) -> None:
    assert canonical_numbers(document) == document


def test_what_is_given_is_not_changed() -> None:
    document = bought("1.50")
    canonical_numbers(document)
    assert document == bought("1.50")


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-10**12, max_value=10**12))
def test_a_canonical_number_is_kept_and_any_other_becomes_it(value: Decimal) -> None:
    text = decimal_text(value)
    assert canonical_numbers({"value": text, "unit": "t"})["value"] == text
    assert canonical_numbers({"value": f"{value:E}", "unit": "t"})["value"] == text
    assert Quantity.from_json({"value": text, "unit": "t"}).value == value


def test_scenarios_read_numbers_as_people_write_them() -> None:
    assert read_scenarios([{"name": "x", "inputs": {"a": {"factor": "0.50"}}}])


# The statement date


@pytest.mark.parametrize(("at", "said"), [("2026-11-29", True), ("2026-11-30", False), ("2026-12-05", False)])
def test_a_statement_dated_before_the_last_day_of_its_period_says_so(at: str, said: bool) -> None:
    notices = run_methodology(RULES, "inventory.enterprise", billed(), date.fromisoformat(at))["notices"]
    assert (BEFORE_PERIOD_END in notices) is said


# What a formula says of itself


def test_an_unconfirmed_formula_says_so_and_a_published_one_nothing() -> None:
    assert evaluate(RULES, "electricity.location", {"consumption": {"value": "1", "unit": "MWh"}, "factor": {
        "value": "1", "unit": "tCO2/MWh"}})["notices"] == []
    steam = {"mass": {"value": "1", "unit": "t"}, "enthalpy": {"value": "2800", "unit": "kJ/kg"}}
    assert evaluate(RULES, "heat.steam.guide", steam)["notices"] == ["unconfirmed-formula"]


@pytest.mark.parametrize(("zone", "day"), [
    ("Asia/Shanghai", "2026-11-23"), ("UTC", "2026-11-22"), ("Mars/Olympus", "2026-11-23"), (None, "2026-11-23")])
def test_a_statement_without_a_date_is_of_the_day_in_the_zone_of_its_period(zone: str | None, day: str) -> None:
    now = parse_instant("2026-11-22T21:08:00.000Z")
    assert str(statement_day(now, None, {"period": {"zone": zone}})) == day
    assert str(statement_day(now, "2026-01-05", {"period": {"zone": zone}})) == "2026-01-05"
    assert str(statement_day(now, "", None)) == "2026-11-23"
