"""Parameters in time, the files they come from, and the lint that keeps released rules as they are."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from mrv_helpers import code_of, small_formula, small_parameter

from mrv.authoring.catalogue import load, read_yaml
from mrv.authoring.lint import RELEASED, entries, findings, main

CATALOGUE = load()
OLD, NEW = date(2025, 12, 31), date(2026, 1, 1)


def value(text: str, **members: str) -> dict[str, str]:
    return {"value": text, **members}


def two_years(**members: Any) -> Any:
    return small_parameter("in-force", [value("1", year="2025", **{"from": "2025-01-01", "to": "2026-01-01"}),
                                        value("2", year="2026", **{"from": "2026-01-01"})], **members)


@pytest.mark.parametrize(("first", "last", "expected"), [
    (OLD, OLD, "1"), (NEW, NEW, "2"), (NEW, date(2050, 1, 1), "2")])
def test_the_value_in_force_is_taken_on_both_sides_of_the_change(first: date, last: date, expected: str) -> None:
    assert two_years().resolve(NEW, first, last).text == expected


def test_a_period_across_the_change_is_refused() -> None:
    assert code_of(lambda: two_years().resolve(NEW, OLD, NEW)) == "period-crosses-change"
    assert code_of(lambda: two_years().resolve(NEW, date(2024, 12, 31), date(2025, 1, 1))) == "period-crosses-change"


def test_before_the_first_value_there_is_none() -> None:
    assert code_of(lambda: two_years().resolve(NEW, date(2024, 1, 1), date(2024, 12, 31))) == "rule-not-in-force"


def test_a_year_that_is_missing_is_an_error_and_not_the_nearest() -> None:
    factor = CATALOGUE.ruleset.parameter("cbam.factor")
    assert factor.resolve(NEW, NEW, NEW, "2027").text == "95"
    assert code_of(lambda: factor.resolve(NEW, NEW, NEW, "2025")) == "rule-not-in-force"
    assert code_of(lambda: factor.resolve(NEW, NEW, NEW, "")) == "rule-not-in-force"


@pytest.mark.parametrize(("select", "values", "code"), [
    ("in-force", [value("1", year="a", **{"from": "2025-01-01"}), value("2", year="b", **{"from": "2026-01-01"})],
     "parameter-overlap"),
    ("in-force", [value("1", year="a", **{"from": "2026-01-01", "to": "2026-01-01"})], "validity-empty"),
    ("in-force", [value("1", year="a", **{"from": "2026-02-30"})], "date-malformed"),
    ("latest-published", [value("1", year="a", published="2025-01-01"), value("2", year="b", published="2025-01-01")],
     "parameter-overlap"),
    ("by-year", [value("1", year="2025", key="x"), value("2", year="2025", key="y")], "parameter-overlap"),
    ("by-year", [value("1", year="2025"), value("2", year="2025")], "parameter-overlap"),
    ("fixed", [value("1"), value("2", key="other")], "rule-malformed"), ("fixed", [], "rule-malformed"),
    ("newest", [value("1")], "rule-malformed"), ("fixed", [value("one")], "number-malformed"),
    ("fixed", [value("1", source="")], "parameter-unsourced"),
    ("fixed", [value("1", status="maybe")], "rule-malformed"),
    ("fixed", [value("1", date_status="guessed")], "rule-malformed"), ("fixed", [value("NaN")], "number-not-finite"),
])
def test_a_malformed_parameter_is_refused(select: str, values: list[dict[str, str]], code: str) -> None:
    assert code_of(lambda: small_parameter(select, values)) == code


def test_two_values_that_touch_do_not_overlap() -> None:
    assert len(two_years().values) == 2


@pytest.mark.parametrize(("text", "code"), [
    ("a: 1\na: 2\n", "rule-malformed"), ("a: [1\n", "yaml-malformed"), ("- 1\n", "yaml-malformed"),
    ("", "yaml-malformed"),
    ("a: !!python/object:os.system 1\n", "yaml-malformed"), ("\x00", "yaml-malformed")])
def test_a_file_that_is_not_a_mapping_of_texts_is_refused(text: str, code: str, tmp_path: Path) -> None:
    path = tmp_path / "rule.yaml"
    path.write_text(text, "utf-8")
    assert code_of(lambda: read_yaml(path)) == code


def test_every_scalar_stays_the_text_that_was_written(tmp_path: Path) -> None:
    path = tmp_path / "rule.yaml"
    path.write_text("a: 0.5500\nb: 2026-01-01\nc: yes\nd: 0x10\ne: null\nf: 1_000\n", "utf-8")
    assert read_yaml(path) == {"a": "0.5500", "b": "2026-01-01", "c": "yes", "d": "0x10", "e": "null", "f": "1_000"}


def test_a_file_of_a_megabyte_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rule.yaml"
    path.write_text("a: " + "x" * 2**20, "utf-8")
    assert code_of(lambda: read_yaml(path)) == "yaml-malformed"


# Lint


def codes(catalogue: Any, released: dict[str, str]) -> set[str]:
    return {finding.code for finding in findings(catalogue, released)}


def test_the_shipped_rules_have_no_findings() -> None:
    assert list(findings(CATALOGUE, json.loads(RELEASED.read_text("utf-8")))) == []


def test_a_rule_changed_under_its_name_is_found_by_its_digest() -> None:
    released = entries(CATALOGUE.ruleset)
    released["formulas/heat.purchased@1"] = "00" * 32
    assert codes(CATALOGUE, released) == {"rule-changed"}


def test_a_changed_factor_is_found_by_its_key() -> None:
    released = entries(CATALOGUE.ruleset)
    released["values/grid.cn.2023"] = "00" * 32
    assert codes(CATALOGUE, released) == {"rule-changed"}


def test_a_withdrawn_and_a_new_rule_are_found() -> None:
    released = entries(CATALOGUE.ruleset)
    del released["formulas/heat.purchased@1"]
    released["formulas/heat.purchased@0"] = "00" * 32
    assert codes(CATALOGUE, released) == {"rule-withdrawn", "rule-not-entered"}


def test_a_rule_without_a_case_is_found() -> None:
    without = replace(CATALOGUE, cases=tuple(case for case in CATALOGUE.cases if case.rule != "heat.purchased@1"))
    assert codes(without, entries(CATALOGUE.ruleset)) == {"cases-missing"}


@pytest.mark.parametrize(("gap", "expected"), [
    ("", {"gap-unannounced", "rule-not-entered"}), ("复审中", {"rule-not-entered"})])
def test_a_gap_in_time_must_be_announced(gap: str, expected: set[str]) -> None:
    parameter = small_parameter("in-force", [
        value("1", year="2024", **{"from": "2024-01-01", "to": "2025-01-01"}),
        value("2", year="2026", **{"from": "2026-01-01"})], gap=gap)
    ruleset = replace(CATALOGUE.ruleset, parameters={**CATALOGUE.ruleset.parameters, "test.p": parameter})
    assert codes(replace(CATALOGUE, ruleset=ruleset), entries(CATALOGUE.ruleset)) == expected


def told(inputs: dict[str, Any], **members: Any) -> list[tuple[str, str]]:
    """The findings on the words of a formula alone."""
    formula = small_formula("1", inputs, "1", **members)
    ruleset = replace(CATALOGUE.ruleset, formulas={**CATALOGUE.ruleset.formulas, formula.key: formula})
    return [(finding.code, finding.where) for finding in findings(replace(CATALOGUE, ruleset=ruleset),
                                                                  entries(CATALOGUE.ruleset))
            if finding.code in ("title-missing", "words-missing")]


OUTPUT = {"name": "result", "unit": "1", "zh": "结果", "en": "result"}


@pytest.mark.parametrize(("field", "expected"), [
    ("t", 1), ({"unit": "t", "zh": "质量"}, 1), ({"unit": "t", "en": "mass carried"}, 1),
    ({"unit": "t", "zh": "质量", "en": "mass"}, 1), ({"unit": "t", "zh": "质量", "en": "mass carried"}, 0)])
def test_a_field_of_a_list_has_a_title_of_its_own_in_both_languages(field: Any, expected: int) -> None:
    rows = {"zh": "各批", "en": "lots", "list": {"mass": field}}
    assert told({"rows": rows}, output=OUTPUT) == [("title-missing", "test@1 rows.mass")] * expected


def test_an_input_and_an_output_have_a_chinese_title() -> None:
    assert told({"x": "t"}, output="1") == [("title-missing", "test@1 x"), ("title-missing", "test@1 result")]
    assert told({"x": {"unit": "t", "zh": "数量", "en": "x"}}, output=OUTPUT) == []


def test_a_condition_has_words() -> None:
    x = {"x": {"unit": "1", "zh": "数", "en": "number"}}
    bare = ["x > 1", {"expression": "x < 3", "zh": "小于三", "en": "below three"}]
    assert told(x, output=OUTPUT, require=bare) == [("words-missing", "test@1 require_1")]
    assert told(x, output=OUTPUT, require=bare[1:]) == []


def test_the_command_enters_new_rules_and_never_overwrites(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "released.json"
    assert main([], target) == 1
    assert main(["--add"], target) == 0
    changed = json.loads(target.read_text("utf-8")) | {"formulas/heat.purchased@1": "00" * 32}
    target.write_text(json.dumps(changed), "utf-8")
    capsys.readouterr()
    assert main(["--add"], target) == 1
    assert "rule-changed: formulas/heat.purchased@1" in capsys.readouterr().out
