"""Gates, plausibility and coverage: both sides of each limit; exact sums."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mrv_helpers import code_of

from core.period import Period
from mrv.quality import checks as quality
from mrv.quality.checks import Finding, Instrument
from mrv.quality.coverage import Integers, coverage, difference, stack_hours

HOUR = 3_600_000
DAY = Period(0, 24 * HOUR)


def instrument(accuracy: str | None = "0.5S", until: int | None = 24 * HOUR, capacity: int | None = 1000) -> Instrument:
    return Instrument("m:main", accuracy, until, capacity)


def codes(findings: list[Finding]) -> list[str]:
    return [finding.code for finding in findings]


@pytest.mark.parametrize(("until", "expected"), [
    (24 * HOUR, []), (24 * HOUR - 1, ["calibration-lapsed"]), (None, ["calibration-unknown"])])
def test_calibration_covers_the_whole_period(until: int | None, expected: list[str]) -> None:
    assert codes(quality.check_calibration(instrument(until=until), DAY)) == expected


@pytest.mark.parametrize(("accuracy", "expected"), [
    ("0.5S", []), ("0.5", []), ("0.2S", []), ("0.51", ["accuracy-insufficient"]), ("1", ["accuracy-insufficient"]),
    (None, ["accuracy-unknown"])])
def test_a_class_is_good_enough_or_a_finding(accuracy: str | None, expected: list[str]) -> None:
    assert codes(quality.check_accuracy(instrument(accuracy), Decimal("0.5"))) == expected


@pytest.mark.parametrize("text", ["", "S", "half", "0.5s", "-1", "0.5 S", "٠.5"])
def test_a_class_that_is_none_is_refused(text: str) -> None:
    assert code_of(lambda: quality.class_number(text)) == "accuracy-malformed"


@pytest.mark.parametrize(("energy", "capacity", "expected"), [
    (24_000, 1000, []), (24_001, 1000, ["capacity-exceeded"]), (10**12, None, [])])
def test_energy_is_no_more_than_capacity_times_time(energy: int, capacity: int | None, expected: list[str]) -> None:
    assert codes(quality.check_capacity(instrument(capacity=capacity), energy, DAY)) == expected


@pytest.mark.parametrize(("children", "expected"), [
    ([500, 450], []), ([500, 449], ["balance-open"]), ([500, 550], []), ([500, 551], ["balance-open"]),
    ([], ["balance-open"])])
def test_sub_meters_balance_their_parent(children: list[int], expected: list[str]) -> None:
    assert codes(quality.check_balance("m:main", 1000, children, 5)) == expected


def test_a_parent_without_energy_has_no_sub_meters_with_energy() -> None:
    assert quality.check_balance("m:main", 0, [0, 0], 5) == []
    assert codes(quality.check_balance("m:main", 0, [1], 5)) == ["balance-open"]


@pytest.mark.parametrize(("daily", "expected"), [([50, 55], []), ([50, 56], ["daily-monthly-differ"])])
def test_daily_sums_agree_with_the_month(daily: list[int], expected: list[str]) -> None:
    assert codes(quality.check_monthly("电", daily, 100, 5)) == expected


@pytest.mark.parametrize(("good", "expected"), [(90, []), (89, ["coverage-low"])])
def test_nine_readings_of_ten_are_enough(good: int, expected: list[str]) -> None:
    assert codes(quality.check_coverage("m:main", good, 100, 90)) == expected


def test_late_and_restated_data_are_findings() -> None:
    assert quality.check_late("电", 10, 10) == []
    assert codes(quality.check_late("电", 11, 10)) == ["data-late"]
    assert quality.check_restated("电", Decimal("1.0"), Decimal(1)) == []
    assert codes(quality.check_restated("电", Decimal(1), Decimal("1.1"))) == ["data-restated"]


def test_a_finding_is_said_in_two_languages() -> None:
    for code, title in quality.TITLES.items():
        assert set(title) == {"zh", "en"}
        assert Finding(code, "m:main", "x").as_json() == {"code": code, "where": "m:main", "message": "x", **title}


# Coverage

FIFTEEN = 900_000


def times(*missing: int) -> Integers:
    every = np.arange(0, 24 * HOUR + 1, FIFTEEN, dtype=np.int64)
    return np.delete(every, missing)


def all_good(series: Integers) -> np.ndarray:
    return np.ones(len(series), dtype=bool)


def test_a_full_day_has_a_reading_at_each_quarter_and_at_the_end() -> None:
    covered = coverage(times(), all_good(times()), DAY, FIFTEEN)
    assert (covered.expected, covered.good, covered.bad, covered.gaps) == (97, 97, 0, ())
    assert covered.percent == 100


@pytest.mark.parametrize(("missing", "gaps"), [
    ((0,), ((0, FIFTEEN),)), ((5,), ((5 * FIFTEEN, 6 * FIFTEEN),)), ((5, 6), ((5 * FIFTEEN, 7 * FIFTEEN),)),
    ((5, 7), ((5 * FIFTEEN, 6 * FIFTEEN), (7 * FIFTEEN, 8 * FIFTEEN))),
    ((96,), ((24 * HOUR, 24 * HOUR + FIFTEEN),))])
def test_every_missing_instant_is_in_a_gap(missing: tuple[int, ...], gaps: tuple[tuple[int, int], ...]) -> None:
    series = times(*missing)
    assert coverage(series, all_good(series), DAY, FIFTEEN).gaps == gaps


def test_a_bad_reading_is_as_good_as_none() -> None:
    good = all_good(times())
    good[5] = False
    covered = coverage(times(), good, DAY, FIFTEEN)
    assert (covered.good, covered.bad, covered.gaps) == (96, 1, ((5 * FIFTEEN, 6 * FIFTEEN),))


def test_a_series_without_readings_is_one_gap() -> None:
    empty = np.zeros(0, dtype=np.int64)
    covered = coverage(empty, all_good(empty), DAY, FIFTEEN)
    assert (covered.percent, covered.gaps) == (0, ((0, 24 * HOUR + FIFTEEN),))


def test_a_share_is_never_rounded_up_to_a_limit() -> None:
    series = np.arange(0, 29_999, dtype=np.int64)
    covered = coverage(series[:29_999], all_good(series), Period(0, 29_999), 1)
    assert (covered.expected, str(covered.percent)) == (30_000, "99.99")
    assert not covered.reaches(100)


@pytest.mark.parametrize(("series", "code"), [
    ([0, 0], "series-disordered"), ([FIFTEEN, 0], "series-disordered"), ([-1], "series-outside"),
    ([24 * HOUR + 1], "series-outside"), (list(range(98)), "series-too-dense")])
def test_a_series_that_is_none_is_refused(series: list[int], code: str) -> None:
    column = np.array(series, dtype=np.int64)
    assert code_of(lambda: coverage(column, all_good(column), DAY, FIFTEEN)) == code


def test_columns_are_of_one_length() -> None:
    assert code_of(lambda: coverage(times(), all_good(times(1)), DAY, FIFTEEN)) == "series-disordered"
    assert code_of(lambda: coverage(times(), all_good(times()), DAY, 0)) == "series-disordered"


@given(st.sets(st.integers(0, 96), max_size=96))
def test_good_readings_and_gaps_make_up_the_day(missing: set[int]) -> None:
    series = times(*missing)
    covered = coverage(series, all_good(series), DAY, FIFTEEN)
    in_gaps = sum((end - start) // FIFTEEN for start, end in covered.gaps)
    assert covered.good + in_gaps == covered.expected


def test_a_difference_is_exact_beyond_the_reach_of_floats() -> None:
    registers = np.array([1, 2**53 + 2], dtype=np.int64)
    assert difference(registers, all_good(registers)) == 2**53 + 1


def test_a_bad_reading_does_not_bound_a_difference() -> None:
    registers = np.array([0, 10, 5, 20, 99], dtype=np.int64)
    assert difference(registers, np.array([True, True, False, True, False])) == 20


@pytest.mark.parametrize(("registers", "code"), [([10, 9], "register-falls"), ([10], "input-missing"),
                                                 ([], "input-missing")])
def test_a_register_that_falls_or_is_not_read_twice_is_refused(registers: list[int], code: str) -> None:
    column = np.array(registers, dtype=np.int64)
    assert code_of(lambda: difference(column, all_good(column))) == code


# The stack


def column(*values: int) -> Integers:
    return np.array(values, dtype=np.int64)


@pytest.mark.parametrize(("normal", "valid"), [(45, 1), (44, 0)])
def test_three_quarters_of_the_samples_make_an_hour_valid(normal: int, valid: int) -> None:
    hours = stack_hours(column(200, 100), column(10, 10), column(60, normal), column(60, 60))
    assert hours.valid == 1 + valid
    assert hours.invalid == (() if valid else (1,))
    assert hours.milligrams == 2000 + 1000 * valid


def test_invalid_hours_are_taken_for_the_greatest_and_kept_apart() -> None:
    hours = stack_hours(column(10**9, 2 * 10**9, 0), column(1, 1, 1), column(60, 60, 0), column(60, 60, 60))
    assert str(hours.mass) == "3 tCO2"
    assert str(hours.substituted()) == "2 tCO2"


@given(st.lists(st.tuples(st.integers(0, 2**40), st.integers(0, 2**40)), min_size=1, max_size=20))
def test_hourly_masses_are_added_in_integers(hours: list[tuple[int, int]]) -> None:
    full = column(*[60] * len(hours))
    found = stack_hours(column(*[c for c, _ in hours]), column(*[q for _, q in hours]), full, full)
    assert found.milligrams == sum(c * q for c, q in hours)


@pytest.mark.parametrize(("columns", "code"), [
    (([1], [1, 2], [60], [60]), "series-disordered"), (([-1], [1], [60], [60]), "out-of-range"),
    (([1], [1], [61], [60]), "out-of-range"), (([1], [1], [0], [0]), "out-of-range"),
    (([1], [1], [44], [60]), "input-missing"), (([], [], [], []), "input-missing")])
def test_columns_of_a_stack_that_do_not_fit_are_refused(columns: tuple[list[int], ...], code: str) -> None:
    concentration, flow, normal, expected = (column(*values) for values in columns)
    assert code_of(lambda: stack_hours(concentration, flow, normal, expected)) == code
