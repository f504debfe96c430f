"""The tree for people: every number of a run stands in it with its unit and where it comes from."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from mrv_helpers import green, inventory, item, paper, saving, small_formula

from core.quantity import Quantity
from mrv.authoring.cases import Case
from mrv.authoring.catalogue import load, shipped
from mrv.calculation.chain import StepResult
from mrv.calculation.items import Item
from mrv.calculation.run import RunResult, run
from mrv.definitions.fields import read_given
from mrv.presentation.explain import (
    MAX_ITEMS_SHOWN,
    Line,
    explain,
    explain_evaluation,
    facts_text,
    figures,
    heading,
    source_facts,
    walk_lines,
)
from mrv.presentation.origins import origins_of
from mrv.presentation.words import FACTS
from mrv.presentation.worked import operations, shorten, worked

RULES, TODAY = shipped(), date(2026, 12, 5)
METHODOLOGY_CASES = [case for case in load().cases if case.kind == "methodology" and "error" not in case.body]


def plant() -> RunResult:
    """A month with electricity, retired certificates, two lots of coal and gas."""
    document = inventory()
    document["inputs"] |= {
        "retired_certificates": [item("200", "MWh", paper("ee" * 32))],
        "fuel.anthracite": [item("12.5", "t", paper("cd" * 32)), item("2500", "kg", paper("ce" * 32))],
        "gas.natural_gas": [item("1", "1e4Nm3", paper())]}
    return run(RULES, "inventory.enterprise", None, document, TODAY)


def text(result: RunResult, language: str = "zh") -> str:
    return "\n".join(" ".join((heading(line, language), figures(line), facts_text(line, language)))
                     for _, line in walk_lines(explain(result)))


def find(line: Line, kind: str, name: str) -> list[Line]:
    return [inner for _, inner in walk_lines(line) if (inner.kind, inner.name) == (kind, name)]


def test_the_tree_begins_with_the_reported_figure_and_its_own_output() -> None:
    result = plant()
    top = explain(result)
    assert (top.kind, top.value, top.unit) == ("result", "642145", "kgCO2e")
    assert top.facts["exact"] == "642144.57409 kgCO2e"
    assert top.lines[0].name == result.methodology.result.output
    assert {line.name for line in top.lines} == set(result.outputs)


def test_a_register_is_named_with_both_positions_and_their_place_in_the_log() -> None:
    (line, *_) = find(explain(plant()), "input", "purchased_electricity")
    assert line.facts["meter"] == "m:plant-main"
    assert line.facts["from"].startswith("1000 Wh @ 2026-10-31T16:00:00.000Z")
    assert line.facts["to"].startswith("1000001000 Wh @ 2026-11-30T16:00:00.000Z")
    assert "gw:plant-1 epoch 0 seq 1 block 0.0 · log #7" in line.facts["to"]


def test_a_document_is_named_by_title_and_digest_and_every_lot_stands_by_itself() -> None:
    lots = find(explain(plant()), "input", "fuel.anthracite")
    assert [(lot.value, lot.unit) for lot in lots] == [("12.5", "t"), ("2500", "kg")]
    assert [lot.facts["digest"] for lot in lots] == ["cd" * 32, "ce" * 32]
    assert {lot.facts["document"] for lot in lots} == {"结算单"}


def test_a_document_that_says_what_it_covers_is_named_with_time_and_account() -> None:
    covers = {"start": "2026-10-31T16:00:00.000Z", "end": "2026-11-14T16:00:00.000Z", "account": "0512-0017"}
    document = inventory()
    document["inputs"]["fuel.anthracite"] = [item("1", "t", {**paper("cd" * 32), "covers": covers}),
                                             item("2", "t", {**paper("ce" * 32), "covers": {
                                                 **covers, "account": None}}),
                                             item("3", "t", paper("cf" * 32))]
    one, other, plain = find(explain(run(RULES, "inventory.enterprise", None, document, TODAY)), "input",
                             "fuel.anthracite")
    assert one.facts["covers"] == "2026-10-31T16:00:00.000Z → 2026-11-14T16:00:00.000Z"
    assert one.facts["account"] == "0512-0017"
    assert "account" not in other.facts
    assert not {"covers", "account"} & plain.facts.keys()
    assert "凭证所属时段 2026-10-31T16:00:00.000Z → 2026-11-14T16:00:00.000Z · 户号 0512-0017" in facts_text(one)
    assert "covers 2026-10-31" in facts_text(one, "en")


def test_a_parameter_is_named_with_its_year_publication_source_and_status() -> None:
    (line,) = find(explain(plant()), "parameter", "grid.average.jiangsu")
    assert (line.value, line.unit) == ("0.5827", "kgCO2/kWh")
    assert line.facts["year"] == "2023"
    assert line.facts["published"] == "2025-12-31"
    assert "公告2025年第47号" in line.facts["source"]
    assert line.facts["status"] == "published"


def test_a_definition_stands_with_its_expression_and_with_its_numbers() -> None:
    lines = [line for line in find(explain(plant()), "definition", "emission") if line.value == "582.7"]
    assert {line.text for line in lines} == {"consumption * factor"}
    assert {line.worked for line in lines} == {"1000 MWh * 0.5827 tCO2/MWh"}


def test_a_call_stands_once_and_is_referred_to_after() -> None:
    result = plant()
    top = explain(result)
    calls = [line.name for _, line in walk_lines(top) if line.kind == "call"]
    assert sorted(calls) == sorted(f"{step.step}.{step.member}".rstrip(".") for step in result.steps)
    assert find(top, "seen", "location")


@pytest.mark.parametrize("case", METHODOLOGY_CASES, ids=lambda case: case.rule + " " + case.name)
def test_every_number_of_a_run_has_its_source(case: Case) -> None:
    """In each shipped methodology: an argument that is not nothing has origins that account for it."""
    document = case.body["document"] | {"allow_unconfirmed": case.body["document"]["allow_unconfirmed"] == "true"}
    result = run(RULES, case.rule, None, document, date.fromisoformat(case.body["at"]))
    for call in result.steps:
        for name, origins in origins_of(result, call).items():
            given = call.evaluation.given[name]
            assert origins or given in (0, [], ()), (call.step, name)
    for language in ("zh", "en"):
        assert "None" not in text(result, language)


@pytest.mark.parametrize("document", [green(), inventory()])
def test_both_languages_say_the_same_numbers(document: dict[str, Any]) -> None:
    name = "green-power.pv" if "generation" in document["inputs"] else "inventory.enterprise"
    result = run(RULES, name, None, document, TODAY)
    zh, en = text(result, "zh"), text(result, "en")
    assert zh != en
    assert zh.count("\n") == en.count("\n")
    for quantity in result.outputs.values():
        assert f"{quantity.as_json()['value']}" in zh
        assert f"{quantity.as_json()['value']}" in en


def test_a_claim_point_is_named_with_its_mark_and_a_position_without_a_frame_is_still_shown() -> None:
    (line, *_) = find(explain(run(RULES, "green-power.pv", None, green(), TODAY)), "input", "generation")
    assert line.facts["mark"] == "cp:plant-pv"
    assert line.facts["from"] == "500 Wh"


def test_what_was_carried_in_is_said() -> None:
    document = saving(carried={"statement": "00" * 32, "value": "0.5", "unit": "tCO2e"})
    facts = explain(run(RULES, "reduction.energy-saving", None, document, TODAY)).facts
    assert facts["carried_in"] == "0.5 tCO2e"
    assert "carried_out" in facts


def test_an_origin_that_does_not_account_for_the_value_is_left_out() -> None:
    result = plant()
    call = next(call for call in result.steps if call.step == "location")
    forged = StepResult("location", "", call.evaluation.formula.evaluate(
        {"consumption": Quantity.of("999", "MWh"), "factor": Quantity.of("0.5827", "tCO2/MWh")}))
    origins = origins_of(result, forged)
    assert origins["consumption"] == ()
    assert [origin.name for origin in origins["factor"]] == ["grid.average.jiangsu"]


def test_a_long_list_is_cut_with_a_count_and_never_in_silence() -> None:
    lots = [item("1", "t", paper(f"{number:064x}")) for number in range(MAX_ITEMS_SHOWN + 3)]
    document = inventory()
    document["inputs"]["fuel.anthracite"] = lots
    result = run(RULES, "inventory.enterprise", None, document, TODAY)
    top = explain(result)
    assert len(find(top, "input", "fuel.anthracite")) == MAX_ITEMS_SHOWN
    (more,) = [line for _, line in walk_lines(top) if line.kind == "more"]
    assert heading(more, "en") == "… 3 more, not shown"
    assert facts_text(more) == ""


def test_json_carries_the_same_tree() -> None:
    def count(document: dict[str, Any]) -> int:
        return 1 + sum(count(inner) for inner in document["lines"])

    top = explain(plant())
    assert count(top.as_json()) == len(list(walk_lines(top)))
    assert top.as_json()["value"] == "642145"


def test_every_fact_has_a_title_in_both_languages() -> None:
    for _, line in walk_lines(explain(plant())):
        assert set(line.facts) <= set(FACTS)
    assert all({"zh", "en"} == set(title) for title in FACTS.values())


X = {"x": {"zh": "数", "en": "number", "unit": "1", "signed": "true"},
     "y": {"zh": "量", "en": "amount", "unit": "kg"}}
ROWS = {"rows": {"zh": "行", "en": "rows", "empty": "true", "list": {
    "k": {"zh": "键", "en": "key", "unit": "1"}, "v": {"zh": "值", "en": "value", "unit": "1"}}}}


def shown(expression: str, unit: str = "1", **values: str) -> str:
    given = {"x": {"value": values.get("x", "3"), "unit": "1"}, "y": {"value": "2", "unit": "kg"}}
    evaluation = small_formula(expression, X, unit).evaluate(
        {name: read_given(value, name) for name, value in given.items()})
    return worked(evaluation.trace[0][1])


@pytest.mark.parametrize(("expression", "unit", "expected"), [
    ("x * y", "kg", "3 * 2 kg"), ("(x + 1) * y", "kg", "(3 + 1) * 2 kg"), ("y - (y - y)", "kg", "2 kg - (2 kg - 2 kg)"),
    ("x / (x * 2)", "1", "3 / (3 * 2)"), ("-x", "1", "-3"), ("if(x > 0, x, 1 / 0)", "1", "3"),
    ("2 * if(x > 0, x + 1, 0)", "1", "2 * (3 + 1)"), ("max(x, 7)", "1", "max(3, 7)"),
    ("round(x / 7, 2)", "1", "round(3 / 7, 2)"), ("convert(y, [g])", "g", "convert(2 kg, [g])"),
    ("if(x > 0 and y > 1[kg], x, 0)", "1", "3"),
])
def test_an_expression_is_shown_with_its_numbers(expression: str, unit: str, expected: str) -> None:
    assert shown(expression, unit) == expected


def folded(expression: str, rows: int) -> str:
    given = {"rows": [{"k": Quantity.of(str(i), "1"), "v": Quantity.of(str(i * i), "1")} for i in range(1, rows + 1)]}
    return worked(small_formula(expression, ROWS, "1").evaluate(given).trace[0][1])


def test_a_sum_is_written_out_and_a_long_one_counted() -> None:
    assert folded("sum(i in rows: i.k * i.v)", 2) == "(1 * 1 + 2 * 4)"
    assert folded("sum(i in rows: i.v)", 9).endswith("… (9))")
    assert folded("sum(i in rows: i.v)", 0) == "0"
    assert folded("interpolate(rows, k, v, 1.5)", 2) == "interpolate(rows, k, v, 1.5)"


def test_what_lies_between_has_a_line_of_its_own_but_a_chain_has_not() -> None:
    def values(expression: str) -> list[str]:
        evaluation = small_formula(expression, X, "1").evaluate(
            {"x": Quantity.of("3", "1"), "y": Quantity.of("2", "kg")})
        return [worked(step) for step in operations(evaluation.trace[0][1])]

    assert values("x * x * x") == []
    assert values("x * (x + 1) * x") == ["3 + 1"]
    assert values("if(x > 0, x * (x - 1), 0)") == ["3 - 1"]


@pytest.mark.parametrize(("value", "expected"), [
    ("123456789012", "123456789012"), ("12345678901234567890", "12345678901234567890"),
    ("0.123456789012", "0.123456789012"),
    ("0.1234567890123", "0.123456789012…"), ("1234.56789012345", "1234.56789012…"), ("0.1000000000000", "0.1"),
])
def test_a_long_fraction_is_shortened_with_a_sign_that_it_is(value: str, expected: str) -> None:
    assert shorten(Decimal(value)) == expected


def test_one_formula_is_explained_without_a_methodology() -> None:
    evaluation = RULES.formula("electricity.location").evaluate(
        {"consumption": Quantity.of("10", "MWh"), "factor": Quantity.of("0.5", "tCO2/MWh")})
    line = explain_evaluation(evaluation)
    assert (line.kind, line.name) == ("call", "electricity.location@1")
    assert find(line, "definition", "emission")[0].worked == "10 MWh * 0.5 tCO2/MWh"
    assert line.facts["source"]


def test_a_substituted_gap_says_its_rule_reason_and_rate() -> None:
    gap = {"type": "substitution", "rule": "capacity", "meter": "m:plant-main", "start": "2026-11-01T00:00:00.000Z",
           "end": "2026-11-01T01:00:00.000Z", "rate": {"value": "500", "unit": "kW"}, "reason": "网关故障",
           "digest": "ab" * 32}
    facts = source_facts(Item(Quantity.of("500", "kWh"), gap, item("500", "kWh", gap, "1", "estimated")))
    assert facts["substituted"] == "capacity, 网关故障"
    assert facts["rate"] == "500 kW"
    assert facts["meter"] == "m:plant-main"


def test_a_condition_stands_in_the_tree_with_its_words() -> None:
    formula = small_formula("x", {"x": "1"}, "1", require=[
        {"expression": "x > 1", "zh": "须大于一", "en": "it is above one"}])
    line = next(line for _, line in walk_lines(explain_evaluation(formula.evaluate({"x": Quantity.of("2", "1")})))
                if line.kind == "condition")
    assert (heading(line), heading(line, "en")) == ("条件 须大于一", "condition it is above one")
    assert line.text == "x > 1"
