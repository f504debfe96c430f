"""carbonseal mrv: the tree, files of a calculation, scenarios beside their base. Needs no deployment."""

from __future__ import annotations

import io
import json
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from cli_helpers import answered, refused, run

from certificates.inventory_report import report_of
from core import jcs
from core.errors import Unavailable
from mrv.authoring import catalogue
from mrv.calculation import service

CASE = next(case for case in catalogue.load().cases
            if case.rule == "inventory.enterprise@2" and "error" not in case.body)
DOCUMENT = CASE.body["document"] | {"allow_unconfirmed": True}
AT = CASE.body["at"]
GIVEN = {"consumption": {"value": "10", "unit": "MWh"}, "factor": {"value": "0.5", "unit": "tCO2/MWh"}}
SCENARIOS = [{"name": "节电[一半]", "inputs": {"purchased_electricity": {"factor": "0.5"}},
              "parameters": {"grid.average.jiangsu": {"value": "0.4", "unit": "kgCO2/kWh", "reason": "目标"}}}]


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    path = tmp_path / "inputs.json"
    path.write_text(json.dumps(DOCUMENT), encoding="utf-8")
    return path


@pytest.fixture
def scenarios(tmp_path: Path) -> Path:
    path = tmp_path / "scenarios.json"
    path.write_text(json.dumps(SCENARIOS), encoding="utf-8")
    return path


def ran(inputs: Path, *words: object, language: str = "zh") -> Any:
    return run("--lang", language, "mrv", "run", "inventory.enterprise", "--inputs", inputs, "--at", AT, *words)


def test_the_tree_has_numbers_units_and_sources_and_nothing_is_cut(inputs: Path) -> None:
    outcome = ran(inputs, "--explain")
    assert outcome.code == 0, outcome.stderr
    for fact in ("604322 kgCO2e", "consumption * factor = 1000 MWh * 0.5827 tCO2/MWh = 582.7 tCO2", "m:plant-main",
                 "1000001000 Wh @ 2026-11-30T16:00:00.000Z", "ab" * 32, "grid.average.jiangsu = 0.5827 kgCO2/kWh",
                 "数据年份 2023", "公告2025年第47号", "convert(fuels * 1[tCO2e/tCO2], [kgCO2e])"):
        assert fact in outcome.stdout, fact


def test_the_tree_is_told_in_english_too(inputs: Path) -> None:
    outcome = ran(inputs, "--explain", language="en")
    assert "data year 2023" in outcome.stdout
    assert "result total_location" in outcome.stdout


def test_json_has_the_tree_only_when_asked(inputs: Path) -> None:
    assert "explanation" not in answered(ran(inputs, "--json"))
    assert answered(ran(inputs, "--json", "--explain"))["explanation"]["value"] == "604322"


def test_a_run_writes_its_files(inputs: Path, tmp_path: Path) -> None:
    book, page, flat = tmp_path / "a.xlsx", tmp_path / "a.html", tmp_path / "a.json"
    outcome = ran(inputs, "--json", "--xlsx", book, "--html", page, "--report-json", flat)
    assert answered(outcome)["result"]["value"] == "604322"
    assert str(book) in outcome.stderr.replace("\n", "")
    assert len(openpyxl.load_workbook(io.BytesIO(book.read_bytes())).sheetnames) == 4
    assert "未形成入链声明" in page.read_text(encoding="utf-8")
    result = service.result_of(catalogue.shipped(), "inventory.enterprise", DOCUMENT, date.fromisoformat(AT))
    assert flat.read_bytes() == jcs.canonical(report_of(result).as_json())


def test_a_pdf_is_written_or_says_what_is_missing(inputs: Path, tmp_path: Path) -> None:
    outcome = ran(inputs, "--json", "--pdf", tmp_path / "a.pdf")
    if outcome.code == Unavailable.exit_code:
        assert outcome.error["code"] in ("pdf-unavailable", "font-unavailable")
    else:
        assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF-")


def test_a_file_that_cannot_be_written_is_told(inputs: Path, tmp_path: Path) -> None:
    refused(ran(inputs, "--json", "--xlsx", tmp_path / "no" / "a.xlsx"), 2, "file-unusable")


def test_one_formula_is_explained_and_written(tmp_path: Path) -> None:
    book = tmp_path / "f.xlsx"
    outcome = run("mrv", "eval", "electricity.location", "--explain", "--xlsx", book, stdin=json.dumps(GIVEN))
    assert outcome.code == 0, outcome.stderr
    assert "10 MWh * 0.5 tCO2/MWh = 5 tCO2" in outcome.stdout
    assert book.read_bytes().startswith(b"PK")
    told = answered(run("mrv", "eval", "electricity.location", "--explain", "--json", stdin=json.dumps(GIVEN)))
    assert told["explanation"]["kind"] == "call"


def test_scenarios_stand_beside_their_base(inputs: Path, scenarios: Path) -> None:
    words = ("mrv", "compare", "inventory.enterprise", "--inputs", inputs, "--scenarios", scenarios, "--at", AT)
    document = answered(run(*words, "--json"))
    assert document["attested"] is False
    assert document["scenarios"][0]["outputs"]["electricity_location"]["value"] == "200"
    table = run(*words)
    assert table.code == 0, table.stderr
    for fact in ("节电[一半]", "不用于声明或核查", "582.7", "-382.7", "-65.68", "500000 kWh"):
        assert fact in table.stdout, fact


def test_a_scenario_that_means_nothing_is_refused(inputs: Path, tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_text("[]", encoding="utf-8")
    outcome = run("mrv", "compare", "inventory.enterprise", "--inputs", inputs, "-s", path, "--at", AT, "--json")
    refused(outcome, 2, "scenario-malformed")
