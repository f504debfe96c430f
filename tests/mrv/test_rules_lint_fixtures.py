"""Factor files that must not pass: each with the one fault it is refused for, read from disk as authors write them."""

from __future__ import annotations

from pathlib import Path

import pytest
from mrv_helpers import code_of

from mrv.authoring.catalogue import Catalogue, load
from mrv.authoring.lint import findings

HEAD = """shared: {select: SELECT, unit: kgCO2/kWh, region: CN, SHARED}
parameters:
  test.grid:
    title: {zh: 测试, en: test}
    values:
"""
SOURCED = "source: 公告, status: published"
YEAR = "date_status: known"


def catalogue(tmp_path: Path, select: str, *values: str, shared: str = SOURCED, tail: str = "") -> Catalogue:
    """A rules folder with one factor file; values are the members of each."""
    folder = tmp_path / "rules" / "parameters"
    folder.mkdir(parents=True, exist_ok=True)
    lines = "".join(f"      - {{{value}}}\n" for value in values)
    text = HEAD.replace("SELECT", select).replace("SHARED", shared) + lines + tail
    (folder / "grid.yaml").write_text(text, "utf-8")
    return load(tmp_path / "rules")


def test_a_factor_file_without_a_fault_is_read(tmp_path: Path) -> None:
    rules = catalogue(tmp_path, "latest-published", f'value: "0.5366", year: "2022", published: 2024-12-26, {YEAR}',
                      f'value: "0.5306", year: "2023", published: 2025-12-31, {YEAR}').ruleset
    assert [value.text for value in rules.parameter("test.grid").values] == ["0.5366", "0.5306"]


@pytest.mark.parametrize(("select", "values", "code"), [
    # two values published on one day
    ("latest-published", (f'value: "0.1", year: "2022", published: 2024-12-26, {YEAR}',
                          f'value: "0.2", year: "2023", published: 2024-12-26, {YEAR}'), "parameter-overlap"),
    # two values of one year
    ("by-year", ('value: "0.1", year: "2022", key: a', 'value: "0.2", year: "2022", key: b'), "parameter-overlap"),
    # one key twice
    ("by-year", ('value: "0.1", year: "2022", key: a', 'value: "0.2", year: "2023", key: a'), "parameter-overlap"),
    # two validities that share a day
    ("in-force", (f'value: "0.1", year: a, from: 2024-01-01, to: 2025-01-02, {YEAR}',
                  f'value: "0.2", year: b, from: 2025-01-01, {YEAR}'), "parameter-overlap"),
    # a day that is none
    ("in-force", (f'value: "0.1", year: a, from: 2025-02-29, {YEAR}',), "date-malformed"),
    # a validity that ends where it begins
    ("in-force", (f'value: "0.1", year: a, from: 2025-01-01, to: 2025-01-01, {YEAR}',), "validity-empty"),
    # no number
    ("fixed", ('value: "NaN"',), "number-not-finite"), ("fixed", ('value: "1e400"',), "number-too-long"),
    ("fixed", ('value: ""',), "number-malformed"),
])
def test_a_factor_file_with_a_fault_is_refused(tmp_path: Path, select: str, values: tuple[str, ...], code: str) -> None:
    assert code_of(lambda: catalogue(tmp_path, select, *values)) == code


@pytest.mark.parametrize("shared", ["source: \"\", status: published", "status: published"])
def test_a_value_without_a_source_is_refused(tmp_path: Path, shared: str) -> None:
    assert code_of(lambda: catalogue(tmp_path, "fixed", 'value: "0.1"', shared=shared)) in (
        "parameter-unsourced", "rule-malformed")


def test_a_date_written_twice_in_one_value_is_refused(tmp_path: Path) -> None:
    assert code_of(lambda: catalogue(tmp_path, "latest-published",
                                     'value: "0.1", published: 2024-12-26, published: 2025-12-31')) == "rule-malformed"


def test_one_parameter_in_two_files_is_refused(tmp_path: Path) -> None:
    catalogue(tmp_path, "fixed", 'value: "0.1"')
    folder = tmp_path / "rules" / "parameters"
    (folder / "again.yaml").write_text((folder / "grid.yaml").read_text("utf-8"), "utf-8")
    assert code_of(lambda: load(tmp_path / "rules")) == "rule-malformed"


GAP = (f'value: "0.1", year: a, from: 2024-01-01, to: 2025-01-01, {YEAR}',
       f'value: "0.2", year: b, from: 2026-01-01, {YEAR}')


@pytest.mark.parametrize(("announced", "codes"), [("", {"gap-unannounced"}), ("    gap: 2025 年未发布\n", set())])
def test_a_gap_is_found_unless_it_is_announced(tmp_path: Path, announced: str, codes: set[str]) -> None:
    found = {finding.code for finding in findings(catalogue(tmp_path, "in-force", *GAP, tail=announced), {})}
    assert found - {"rule-not-entered"} == codes


def test_values_that_touch_leave_no_gap(tmp_path: Path) -> None:
    touching = (f'value: "0.1", year: a, from: 2024-01-01, to: 2025-01-01, {YEAR}',
                f'value: "0.2", year: b, from: 2025-01-01, {YEAR}')
    assert {finding.code for finding in findings(catalogue(tmp_path, "in-force", *touching), {})} == {
        "rule-not-entered"}
