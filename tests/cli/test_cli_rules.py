"""carbonseal mrv formulas, methodologies, parameters, units: a person finds a rule and its inputs with no code read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cli_helpers import answered, refused, run

from mrv.authoring.catalogue import shipped

RULES = shipped()


def said(*words: object, language: str = "zh") -> str:
    outcome = run("--lang", language, "mrv", *words)
    assert outcome.code == 0, outcome.stderr
    return outcome.stdout


def test_the_methodologies_are_listed_and_found_by_a_word() -> None:
    listed = answered(run("mrv", "methodologies", "--json"))
    assert {item["methodology"] for item in listed} == set(RULES.methodologies)
    found = answered(run("mrv", "methodologies", "--find", "光伏", "--json"))
    assert [item["id"] for item in found[:2]] == ["green-power.pv", "reduction.pv"]
    table = said("methodologies", "--find", "绿色电力")
    for fact in ("green-power.pv@1", "光伏绿色电力声明", "generation [Wh]", "published"):
        assert fact in table, fact
    assert "inventory.cement" not in table


def test_one_methodology_is_shown_with_its_inputs_options_and_an_example() -> None:
    shown = said("methodologies", "inventory.enterprise")
    for fact in ("购入电量", "1 register, 2 document", "jiangsu", "natural_gas", '"subject": "org:plant"',
                 "carbonseal mrv run inventory.enterprise --inputs one.json --at 2026-12-05"):
        assert fact in shown, fact
    assert "purchased electricity" in said("methodologies", "inventory.enterprise", language="en")
    document = answered(run("mrv", "methodologies", "inventory.enterprise@2", "--json"))
    assert document["example"]["inputs"]["subject"] == "org:plant"


def test_the_example_of_a_methodology_runs_as_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "month.json"
    path.write_text(said("methodologies", "inventory.enterprise", "--example"), encoding="utf-8")
    ran = answered(run("mrv", "run", "inventory.enterprise", "--inputs", path, "--at", "2026-12-05", "--json"))
    assert ran["result"] == {"value": "604322", "unit": "kgCO2e"}


def test_a_file_made_of_an_example_does_not_pass_as_data() -> None:
    printed = run("mrv", "methodologies", "inventory.enterprise", "--example")
    assert "示例数据" in printed.stderr
    assert "示例数据" not in printed.stdout
    english = run("--lang", "en", "mrv", "methodologies", "inventory.enterprise", "--example")
    assert "An example, not data" in english.stderr
    ran = run("mrv", "run", "inventory.enterprise", "--at", "2026-12-05", stdin=printed.stdout)
    assert "example-input: 部分输入仍为程序打印的示例数据" in ran.stdout


@pytest.mark.parametrize(("kept", "noticed"), [("boundary", True), ("title", True), ("", False)])
def test_the_notice_of_an_example_goes_with_the_last_of_its_words(kept: str, noticed: bool) -> None:
    document = json.loads(said("methodologies", "inventory.enterprise", "--example"))
    if kept != "boundary":
        document["boundary"] = "厂区"
    papers = [item["source"] for items in document["inputs"].values() for item in items
              if item["source"]["type"] == "document"]
    for paper in papers[1 if kept == "title" else 0:]:
        paper["title"] = "结算单 2026-11"
    ran = answered(run("mrv", "run", "inventory.enterprise", "--at", "2026-12-05", "--json",
                       stdin=json.dumps(document)))
    assert ("example-input" in ran["notices"]) is noticed


def test_the_example_of_a_formula_says_so_beside_it() -> None:
    printed = run("mrv", "formulas", "heat.steam.saturated", "--example")
    assert "示例数据" in printed.stderr
    assert json.loads(printed.stdout)


def test_the_example_of_a_formula_evaluates_as_it_is_written() -> None:
    given = said("formulas", "heat.steam.saturated", "--example")
    outputs = answered(run("mrv", "eval", "heat.steam.saturated", "--json", stdin=given))["outputs"]
    assert outputs["enthalpy"] == {"value": "2794.45", "unit": "kJ/kg"}


def test_one_formula_is_shown_with_the_names_its_json_needs() -> None:
    shown = said("formulas", "heat.steam.saturated")
    for fact in ("table[].enthalpy", "kJ/kg", "interpolate(table, pressure, enthalpy, pressure)", "one.json"):
        assert fact in shown, fact
    assert "≤ 1" in said("formulas", "fuel.combustion.heat")
    assert answered(run("mrv", "formulas", "fuel.combustion.heat", "--json"))["example"]["inputs"]


def test_the_list_of_formulas_is_what_it_was() -> None:
    assert len(answered(run("mrv", "formulas", "--json"))) == len(RULES.formulas)
    assert "heat.steam.guide@1" in said("formulas", "--find", "蒸汽")


@pytest.mark.parametrize(("words", "code"), [
    (("formulas", "--example"), "usage"), (("methodologies", "--example"), "usage"),
    (("formulas", "no.such"), "formula-unknown"), (("methodologies", "no.such"), "methodology-unknown"),
    (("parameters", "grid.average.cn", "--find", "x"), "usage"),
    (("parameters", "grid.average.cn", "--list", "grid"), "usage"), (("parameters", ""), "parameter-missing"),
    (("parameters", "no.such", "--all"), "parameter-missing")])
def test_what_cannot_be_shown_is_refused(words: tuple[str, ...], code: str) -> None:
    refused(run("mrv", *words, "--json"), 2, code)


def test_a_name_nearly_right_is_answered_with_the_right_one() -> None:
    assert "heat.steam.saturated" in refused(run("mrv", "formulas", "heat.steam.satured", "--json"), 2,
                                             "formula-unknown")["hint"]
    assert "inventory.enterprise" in refused(run("mrv", "run", "inventory.entreprise", "--json"), 2,
                                             "methodology-unknown")["hint"]
    assert "grid.average.jiangsu" in refused(run("mrv", "parameters", "grid.avg.jiangsu", "--json"), 2,
                                             "parameter-missing")["hint"]


def test_parameters_are_listed_by_prefix_and_by_word() -> None:
    listed = answered(run("mrv", "parameters", "--json"))
    assert {item["path"] for item in listed} == set(RULES.parameters)
    table = said("parameters", "--list", "grid.average.")
    assert "grid.average.jiangsu" in table
    assert "heat.default" not in table
    assert "c1.ncv.natural_gas" in said("parameters", "--find", "天然气")
    assert "… (70)" in said("parameters", "--list", "steam.saturated.enthalpy")


def test_a_keyed_table_is_printed_whole() -> None:
    rows = answered(run("mrv", "parameters", "steam.saturated.enthalpy", "--json"))["rows"]
    assert len(rows) == 70
    shown = said("parameters", "steam.saturated.enthalpy")
    assert all(row["key"] in shown for row in rows)


def test_a_path_is_answered_as_before_and_wholly_where_asked() -> None:
    assert answered(run("mrv", "parameters", "heat.default", "--json"))["value"] == "0.11"
    assert "0.5366" in said("parameters", "grid.average.cn", "--all")


def test_units_are_listed_with_what_they_are() -> None:
    table = said("units", "--find", "energy")
    for fact in ("kWh", "3600000 J", "亿kWh", "1e8kWh"):
        assert fact in table, fact
    assert {"symbol", "dimension", "factor", "base", "alias_of"} == set(answered(run("mrv", "units", "--json"))[0])


# Evaluation


LOCATION: dict[str, Any] = {"consumption": {"value": "10", "unit": "MWh"},
                            "factor": {"value": "0.5", "unit": "tCO2/MWh"}}


@pytest.mark.parametrize("words", [("electricity.location",), ("--explain",), ("--xlsx", "book.xlsx"),
                                   ("--precision", "60")])
def test_what_a_batch_would_ignore_is_refused(tmp_path: Path, words: tuple[str, ...]) -> None:
    outcome = run("mrv", "eval", "--batch", *(tmp_path / word if word == "book.xlsx" else word for word in words),
                  "--json", stdin=json.dumps({"id": 1, "formula": "electricity.location", "inputs": LOCATION}))
    error = refused(outcome, 2, "usage")
    assert (words[0] if words[0].startswith("--") else "FORMULA") in error["message"]
    assert error["hint"]
    assert not (tmp_path / "book.xlsx").exists()


def test_an_evaluation_needs_a_formula() -> None:
    refused(run("mrv", "eval", "--json", stdin="{}"), 2, "usage")


def test_one_third_of_44_is_written_with_as_many_digits_as_are_asked_for() -> None:
    given = json.dumps({"carbon": {"value": "1", "unit": "tC"}})
    answer = answered(run("mrv", "eval", "ghg.carbon-to-co2", "--precision", "60", "--json", stdin=given))
    assert answer["outputs"]["co2"]["value"] == "3." + "6" * 58 + "7"
    assert answer["notices"] == ["other-precision"]
    plain = answered(run("mrv", "eval", "ghg.carbon-to-co2", "--json", stdin=given))
    assert plain["outputs"]["co2"]["value"] == "3." + "6" * 38 + "7"
    assert plain["notices"] == []


@pytest.mark.parametrize(("precision", "code"), [("0", 2), ("101", 2), ("1", 0), ("100", 0)])
def test_a_precision_is_from_one_to_a_hundred(precision: str, code: int) -> None:
    given = json.dumps({"carbon": {"value": "1", "unit": "tC"}})
    outcome = run("mrv", "eval", "ghg.carbon-to-co2", "--precision", precision, "--json", stdin=given)
    assert outcome.code == code
    if code:
        refused(outcome, 2, "precision-out-of-range")


def test_an_unconfirmed_formula_says_so_in_text_and_json() -> None:
    given = said("formulas", "heat.steam.guide", "--example")
    assert answered(run("mrv", "eval", "heat.steam.guide", "--json", stdin=given))["notices"] == ["unconfirmed-formula"]
    assert "unconfirmed-formula: 所用部分公式尚未对照官方原文确认" in run("mrv", "eval", "heat.steam.guide",
                                                                      stdin=given).stdout
    told = run("--lang", "en", "mrv", "eval", "heat.steam.guide", stdin=given).stdout
    assert "have not been confirmed" in told


def test_a_text_and_a_plain_number_are_printed_without_a_unit() -> None:
    level = run("mrv", "eval", "benchmark.level", stdin=said("formulas", "benchmark.level", "--example")).stdout
    assert level.splitlines() == ["level  标杆水平及以上"]
    given = said("formulas", "green-power.gec-validity", "--example")
    until = run("mrv", "eval", "green-power.gec-validity", stdin=given)
    assert [line.split() for line in until.stdout.splitlines()] == [["last_year", "2026"], ["last_month", "2"],
                                                                    ["last_day", "28"]]


def test_inputs_that_are_no_json_are_told_where_an_example_is() -> None:
    assert refused(run("mrv", "run", "inventory.enterprise", "--json", stdin="{"), 2, "json-malformed")["hint"] == (
        "`carbonseal mrv methodologies inventory.enterprise --example` prints inputs to edit")
    assert "formulas electricity.location" in refused(run("mrv", "eval", "electricity.location", "--json", stdin="{"),
                                                      2, "json-malformed")["hint"]
    assert "as text" in refused(run("mrv", "eval", "electricity.location", "--json", stdin='{"a":1.5}'), 2,
                                        "json-number")["hint"]


def test_conditions_and_fields_of_lists_are_told_in_both_languages() -> None:
    zh, en = (said("formulas", "allocation.hourly", language=language) for language in ("zh", "en"))
    for shown, words in ((zh, ("时段序号", "同场址", "每个时段内各方序号不得重复")),
                         (en, ("number of the hour", "place in the order", "each party has a place of its own"))):
        assert all(word in shown for word in words)
    words = {"zh": "核销的绿证电量不得超过用电量", "en": "no more electricity is certified than consumed"}
    document = answered(run("mrv", "formulas", "electricity.market.certified", "--json"))
    assert document["conditions"] == [{"expression": "certified <= consumption", "description": words}]
    given = {name: {"value": value, "unit": unit} for name, value, unit in (
        ("consumption", "1", "MWh"), ("certified", "1.001", "MWh"), ("residual_factor", "0.6", "tCO2/MWh"))}
    error = refused(run("mrv", "eval", "electricity.market.certified", "--json", stdin=json.dumps(given)), 2,
                    "out-of-range")
    assert f"{words['zh']} {words['en']}: certified <= consumption; given" in error["message"]


def test_a_statement_dated_in_its_period_says_so() -> None:
    example = json.loads(said("methodologies", "inventory.enterprise", "--example"))
    # A register has no reading of a day to come; a contract may be of the whole month.
    example["inputs"]["purchased_electricity"][0] |= {
        "source": {"type": "document", "digest": "ab" * 32, "title": "合同"}, "priority": "2"}
    given = json.dumps(example)
    ran = run("mrv", "run", "inventory.enterprise", "--at", "2026-11-20", stdin=given)
    assert "statement-before-period-end: 计算日期早于期末" in ran.stdout
    assert "statement-before-period-end" not in run("mrv", "run", "inventory.enterprise", "--at", "2026-12-01",
                                                    stdin=given).stdout


def test_a_run_prints_its_period_and_every_output_and_both_figures_of_scope_2() -> None:
    given = said("methodologies", "inventory.enterprise", "--example")
    shown = run("mrv", "run", "inventory.enterprise", "--at", "2026-12-05", stdin=given).stdout
    for fact in ("2026-11-01 00:00:00 → 2026-12-01 00:00:00 Asia/Shanghai", "2026-12-05", "604322 kgCO2e",
                 "electricity_location", "582.7", "electricity_market", "609.6"):
        assert fact in shown, fact


def table_of(**options: str) -> dict[str, str]:
    """The outputs of a run as the table shows them, by name."""
    document = json.loads(said("methodologies", "inventory.enterprise", "--example"))
    document["inputs"] = {"purchased_electricity": [document["inputs"]["purchased_electricity"][0] | {
        "quantity": {"value": options["kwh"], "unit": "kWh"},
        "source": {"type": "document", "digest": "ab" * 32, "title": "结算单"}, "priority": "2"}]}
    shown = run("mrv", "run", "inventory.enterprise", "--at", "2026-12-05", stdin=json.dumps(document)).stdout
    rows = [line.split("│") for line in shown.splitlines() if line.count("│") == 2]
    return {row[0].strip(): row[1].strip() for row in rows}


@pytest.mark.parametrize(("kwh", "shown"), [
    ("1000000", "582.7"), ("1234567.8901", "719.38271"), ("1234567.89", "719.38271"), ("1234567", "719.382191"),
    ("1000.00001", "0.5827"), ("171.6150678", "0.1"), ("171.61", "0.0999971"), ("1.23456789", "0.000719383"),
    ("0.0000000000001", "0.00000000000000005827"), ("0", "0"), ("3000000000000", "1748100000")])
def test_the_table_of_a_run_shows_six_decimals_and_never_a_small_figure_as_nothing(kwh: str, shown: str) -> None:
    """0.5827 tCO2/MWh in Jiangsu; 1,234,567 kWh are 719.3821909 t, 1.23456789 kWh 0.000719382… t."""
    assert table_of(kwh=kwh)["electricity_location"] == shown


@pytest.mark.parametrize("words", [(), ("formulas",), ("methodologies",), ("parameters",), ("units",), ("eval",),
                                   ("run",), ("compare",)])
def test_the_help_shows_an_example(words: tuple[str, ...]) -> None:
    shown = run("mrv", *words, "--help").stdout
    assert "例 e.g. carbonseal mrv" in shown


def test_a_search_that_finds_nothing_says_so_and_where_the_words_are() -> None:
    outcome = run("mrv", "parameters", "--find", "差旅")
    assert (outcome.code, outcome.stdout) == (0, "")
    assert "参数中没有“差旅”" in outcome.stderr
    assert "carbonseal mrv formulas --find 差旅" in outcome.stderr
    english = run("--lang", "en", "mrv", "formulas", "--find", "stem engine")
    assert "nothing among formulas has “stem engine”" in english.stderr
    assert "steam" in english.stderr
    listed = run("mrv", "formulas", "--find", "qqqq", "--json")
    assert (answered(listed), "没有" in listed.stderr) == ([], True)


def test_a_search_that_finds_something_says_nothing_else() -> None:
    outcome = run("mrv", "formulas", "--find", "差旅")
    assert "scope3.business-travel@1" in outcome.stdout
    assert outcome.stderr == ""


def test_a_bad_line_of_a_batch_is_answered_as_a_bad_file() -> None:
    lines = ('{"id": "1", "formula": "heat.steam.satured", "inputs": {}}\n'
             '{"id": "2", "formula": "ghg.co2e", "inputs": {"gases": [], "gases": []}}\n'
             '{"id": "3", "formula": "fuel.heat", "inputs": {"consumption": {"value": "1", "unit": "ton"}, '
             '"net_calorific_value": {"value": "1", "unit": "GJ/t"}}}\n')
    outcome = run("mrv", "eval", "--batch", stdin=lines)
    unknown, double, unit = (json.loads(line)["error"] for line in outcome.stdout.splitlines())
    assert outcome.code == 0
    assert "heat.steam.saturated" in unknown["hint"]
    assert unknown["where"] == "heat.steam.satured"
    assert (double["code"], double["where"]) == ("json-duplicate-key", "inputs.gases")
    assert "short ton" in unit["hint"]
    assert "give it in t" in unit["hint"]
    assert "3 行" in outcome.stderr
