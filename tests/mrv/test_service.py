"""What the command line and HTTP answer."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from mrv_helpers import code_of, green, inventory, run_methodology

from mrv.authoring.catalogue import shipped
from mrv.calculation.service import evaluate, evaluate_batch, formulas, parameter

RULES = shipped()
TODAY = date(2026, 12, 5)
INPUTS = {"consumption": {"value": "1000", "unit": "MWh"}, "factor": {"value": "0.5810", "unit": "tCO2/MWh"}}


def test_every_formula_is_listed_with_what_a_reader_needs() -> None:
    listed = formulas(RULES)
    assert len(listed) == len(RULES.formulas)
    for item in listed:
        assert {"formula", "title", "inputs", "outputs", "expression", "source", "valid", "status"} <= set(item)
        assert all((item["title"]["zh"], item["title"]["en"], item["source"]))
        assert all(entry["description"]["zh"] for entry in item["inputs"])
    assert json.dumps(listed)


def test_an_evaluation_answers_outputs_and_trace() -> None:
    answer = evaluate(RULES, "electricity.location", INPUTS)
    assert answer["outputs"] == {"emission": {"value": "581", "unit": "tCO2"}}
    top = answer["trace"][0]
    assert (top["definition"], top["expression"]) == ("emission", "consumption * factor")
    assert (top["operator"], top["value"], top["unit"]) == ("*", "581", "tCO2")
    assert [operand["value"] for operand in top["operands"]] == ["1000", "0.581"]


def test_the_trace_of_the_results_adds_up_to_the_top() -> None:
    parts = [{"value": "1", "unit": "tCO2"}, {"value": "2", "unit": "tCO2"}]
    answer = evaluate(RULES, "inventory.sum", {"parts": parts})
    assert [operand["value"] for operand in answer["trace"][0]["operands"]] == ["1", "2"]


def test_a_version_may_be_named_and_must_exist() -> None:
    assert evaluate(RULES, "electricity.location@1", INPUTS)["formula"] == "electricity.location@1"
    assert code_of(lambda: evaluate(RULES, "electricity.location@9", INPUTS)) == "formula-unknown"
    assert code_of(lambda: evaluate(RULES, "nothing", INPUTS)) == "formula-unknown"


@pytest.mark.parametrize(("inputs", "code"), [
    (None, "inputs-malformed"), ([], "inputs-malformed"), ({"consumption": "1"}, "quantity-malformed"),
    ({}, "input-missing"), ({**INPUTS, "x": {"value": "1", "unit": "1"}}, "input-unknown"),
    ({**INPUTS, "consumption": []}, "input-malformed"), ({**INPUTS, "consumption": {"a": 1}}, "quantity-malformed"),
    ({**INPUTS, "consumption": {"value": "1", "unit": "text"}}, "input-malformed"),
    ({**INPUTS, "consumption": {"value": 1, "unit": "MWh"}}, "json-number"),
    ({**INPUTS, "consumption": {"value": "1", "unit": 5}}, "unit-unknown")])
def test_unusable_inputs_are_refused(inputs: Any, code: str) -> None:
    assert code_of(lambda: evaluate(RULES, "electricity.location", inputs)) == code


@pytest.mark.parametrize(("given", "code"), [
    ({"parts": {"value": "1", "unit": "tCO2"}}, "input-malformed"), ({"parts": []}, "input-missing"),
    ({"parts": [[]]}, "input-malformed")])
def test_a_list_input_takes_a_list(given: Any, code: str) -> None:
    assert code_of(lambda: evaluate(RULES, "inventory.sum", given)) == code


def test_a_text_input_takes_only_its_own_words() -> None:
    inputs = {"basis": {"value": "both", "unit": "text"}, "electricity": [], "fuels": [], "gases": [],
              "standard_gases": [], "heat": []}
    assert code_of(lambda: evaluate(RULES, "energy.comprehensive", inputs)) == "out-of-range"


def test_a_list_of_objects_names_its_fields() -> None:
    assert code_of(lambda: evaluate(RULES, "ghg.co2e", {"gases": [{"value": "1", "unit": "t"}]})) == "input-malformed"
    one = {"mass": {"value": "1", "unit": "t"}}
    assert code_of(lambda: evaluate(RULES, "ghg.co2e", {"gases": [one]})) == "input-missing"


@pytest.mark.parametrize(("line", "identity"), [
    (b'{"id":"f","formula":"unit.mass","inputs":{"value":{"value":1.5,"unit":"t"}}}', "f"),
    (b' { "id" : "cut off", "formula": "unit', "cut off"), (b'{"id":"no formula"}', "no formula"),
    (b'{"formula":"unit.mass","id":"late","inputs":{"value":NaN}}', None), (b'{"id":7,"inputs":NaN}', None),
    (b"{", None)])
def test_a_line_that_cannot_be_read_is_answered_by_the_id_it_begins_with(line: bytes, identity: str | None) -> None:
    [answer] = evaluate_batch(RULES, [line])
    assert answer["id"] == identity
    assert answer["error"]["code"]


def test_a_batch_answers_each_line_and_one_bad_line_stops_nothing() -> None:
    lines = [json.dumps({"id": 1, "formula": "electricity.location", "inputs": INPUTS}).encode(), b"", b"{", b"[]",
             json.dumps({"id": "b", "formula": "nothing", "inputs": {}}).encode(),
             json.dumps({"id": "c", "formula": "electricity.location", "inputs": INPUTS}).encode()]
    answers = list(evaluate_batch(RULES, lines))
    assert [answer["id"] for answer in answers] == [1, None, None, "b", "c"]
    assert [answer.get("error", {}).get("code") for answer in answers] == [
        None, "json-malformed", "inputs-malformed", "formula-unknown", None]
    assert answers[0]["outputs"] == answers[4]["outputs"]


def test_a_methodology_answers_with_everything_it_used() -> None:
    answer = run_methodology(RULES, "inventory.enterprise", inventory(), TODAY)
    assert answer["result"] == {"value": "582700", "unit": "kgCO2e"}
    assert [entry["path"] for entry in answer["parameters"]] == [
        "grid.average.jiangsu", "grid.excluding_traded_non_fossil.cn"]
    assert [call["step"] for call in answer["trace"]] == ["location", "market", "location_total", "market_total"]
    assert json.dumps(answer)
    assert run_methodology(RULES, "green-power.pv", green(), TODAY)["intervals"] == [
        {"mark": "cp:plant-pv", "start": "500", "end": "2000500"}]
    assert code_of(lambda: run_methodology(RULES, "green-power.pv", None, TODAY)) == "inputs-malformed"


@pytest.mark.parametrize(("path", "value"), [
    ("grid.average.cn", "0.5306"), ("grid.cn.2021", "0.5568"), ("grid.prov_江苏.2022", "0.5978"), ("gwp.AR5.CH4", "28"),
    ("c1.ncv.natural_gas", "389.31"), ("c1.ncv.天然气", "389.31"), ("heat.default", "0.11"), ("cbam.factor", "97.5")])
def test_a_parameter_is_found_by_its_path_or_a_value_by_its_key(path: str, value: str) -> None:
    assert parameter(RULES, path, TODAY)["value"] == value


@pytest.mark.parametrize(("path", "at", "code"), [
    ("grid.average.tibet", "2026-12-05", "parameter-missing"), ("grid.cn.2010", "2026-12-05", "parameter-missing"),
    ("grid.average.cn", "2010-01-01", "rule-not-in-force"), ("cbam.factor", "2025-12-31", "rule-not-in-force")])
def test_a_missing_parameter_is_an_error_and_not_its_neighbour(path: str, at: str, code: str) -> None:
    assert code_of(lambda: parameter(RULES, path, date.fromisoformat(at))) == code


def test_what_an_auditor_needs_does_not_load_yaml_or_a_database() -> None:
    program = ("import sys, mrv.calculation.statement, mrv.calculation.service\n"
               "print([name for name in ('yaml', 'sqlalchemy', 'sqlmodel', 'fastapi', 'web3') if name in sys.modules])")
    root = Path(__file__).parents[2]
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=root, check=True)
    assert answer.stdout.strip() == "[]"
