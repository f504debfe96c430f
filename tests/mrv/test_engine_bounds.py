"""Where the engine ends: numbers, digits, dates, amounts. Each bound from both sides, each with its code."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from mrv_helpers import code_of, document, inventory, item, paper, register, run_methodology, small_formula

from core.errors import CarbonSealError
from core.numbers import decimal_text
from core.period import Period, parse_instant
from core.quantity import Quantity
from core.units import parse_unit
from mrv.authoring.catalogue import load, shipped
from mrv.calculation.inputs import MAX_ITEMS, read_inputs
from mrv.calculation.run import run
from mrv.calculation.service import evaluate, evaluate_batch
from mrv.definitions.dates import days_of, parse_day
from mrv.definitions.fields import MAX_QUANTITIES
from mrv.definitions.formula import Formula
from mrv.definitions.methodology import Methodology
from mrv.language.interpreter import round_to

RULES, TODAY = shipped(), date(2026, 12, 5)
D = Decimal
Q = Quantity.of


def message_of(action: Any) -> str:
    with pytest.raises(CarbonSealError) as caught:
        action()
    return caught.value.message


# Units


@pytest.mark.parametrize("unit", [["t"], {"t": 1}, [], {}, None, 5, True, 1.5, "", "t" * 81, b"t", ("t",)])
def test_what_is_no_unit_is_refused_whatever_its_kind(unit: Any) -> None:
    assert code_of(lambda: parse_unit(unit)) == "unit-unknown"
    quantity = {"value": "1", "unit": unit}
    assert code_of(lambda: evaluate(RULES, "electricity.location", {
        "consumption": quantity, "factor": {"value": "1", "unit": "tCO2/MWh"}})) == "unit-unknown"
    line = item("1", "kWh", paper(), "2") | {"quantity": quantity}
    assert code_of(lambda: run(RULES, "inventory.enterprise", None, inventory(
        inputs={"purchased_electricity": [line]}), TODAY)) == "unit-unknown"


# Rounding


@pytest.mark.parametrize(("digits", "code"), [(0, None), (1, "number-too-long")])
@pytest.mark.parametrize("mode", ["round", "floor", "ceil"])
def test_rounding_has_room_for_600_digits(mode: str, digits: int, code: str | None) -> None:
    value = D("1." + "0" * 598 + "5e599")
    if code is None:
        assert round_to(value, mode, digits) == value
    else:
        assert code_of(lambda: round_to(value, mode, digits)) == code
    assert code_of(lambda: round_to(D("1e600"), mode, 0)) == "number-too-long"


def test_a_carry_over_the_last_digit_has_no_room_either() -> None:
    assert round_to(D("9" * 600), "ceil", 0) == D("9" * 600)
    assert code_of(lambda: round_to(D("9" * 600 + ".1"), "ceil", 0)) == "number-too-long"


@pytest.mark.parametrize(("factors", "code"), [(3, None), (4, "number-too-long")])
def test_rounding_without_room_is_no_division_by_zero(factors: int, code: str | None) -> None:
    formula = small_formula(f"if(round({' * '.join('a' * factors)}, 0) > 1, 1, 2)", {"a": "1"}, "1")
    if code is None:
        assert formula.evaluate({"a": Q("1e199", "1")}).outputs["result"] == Q("1", "1")
    else:
        assert code_of(lambda: formula.evaluate({"a": Q("1e199", "1")})) == code


@pytest.mark.parametrize("denominator", ["0", "-0", "0.000"])
def test_division_by_zero_is_said_of_a_denominator(denominator: str) -> None:
    formula = small_formula("a / b", {"a": "1", "b": "1"}, "1")
    for numerator in ("0", "1"):
        assert code_of(lambda n=numerator: formula.evaluate(
            {"a": Q(n, "1"), "b": Q(denominator, "1")})) == "division-by-zero"
    assert formula.evaluate({"a": Q("0", "1"), "b": Q("1e-200", "1")}).outputs["result"] == Q("0", "1")


@pytest.mark.parametrize(("unit", "code"), [("kWh", None), ("MWh", "number-too-long")])
def test_a_reported_result_has_at_most_201_digits(unit: str, code: str | None) -> None:
    doc = inventory(inputs={"purchased_electricity": [item("9" * 200, unit, paper(), "2")]})
    if code is None:
        assert len(run_methodology(RULES, "inventory.enterprise", doc, TODAY)["result"]["value"]) == 200
    else:
        assert code_of(lambda: run_methodology(RULES, "inventory.enterprise", doc, TODAY)) == code


# Messages print canonical decimals


@pytest.mark.parametrize(("expression", "value", "shown"), [
    ("sqrt(a)", "-1e15", "-1000000000000000 has no square root"),
    ("ln(a)", "-5.00e-9", "-0.000000005 has no logarithm"), ("ln(a)", "0e5", "0 has no logarithm"),
    ("exp(a)", "4.01e2", "exp of 401 is beyond ±400"), ("exp(a)", "-1.0e3", "exp of -1000 is beyond ±400")])
def test_a_message_prints_the_canonical_decimal(expression: str, value: str, shown: str) -> None:
    formula = small_formula(expression, {"a": {"unit": "1", "signed": "true"}}, "1")
    assert message_of(lambda: formula.evaluate({"a": Q(value, "1")})) == shown


def test_the_span_of_a_table_is_printed_in_canonical_decimals() -> None:
    formula = small_formula("interpolate(rows, key, x, a)", {"a": "1", "rows": {"list": {"key": "1", "x": "1"}}}, "1")
    rows = [{"key": Q(key, "1"), "x": Q("1", "1")} for key in ("1.0e1", "2E+30")]
    told = message_of(lambda: formula.evaluate({"a": Q("1e-10", "1"), "rows": rows}))
    assert told == "key 0.0000000001 is outside the table 'rows' (10 to 2000000000000000000000000000000)"


def test_a_root_of_a_negative_beyond_every_scale_is_a_number_too_long() -> None:
    formula = small_formula("sqrt(a * a * a)", {"a": {"unit": "1", "signed": "true"}}, "1")
    assert code_of(lambda: formula.evaluate({"a": Q("-1e150", "1")})) == "number-too-long"


# Dates


@pytest.mark.parametrize("text", ["2026-07-01", "2024-02-29", "0001-01-01", "9999-12-31"])
def test_a_day_is_written_in_one_way(text: str) -> None:
    assert parse_day(text).isoformat() == text


@pytest.mark.parametrize("text", ["2026-W27-3", "2026-W271", "2026-182 ", "20260701", "2026-7-1", "2026-02-29",
                                  "2026-07-01 ", "２026-07-01", "2026-07-32", "0000-01-01", "", None, 20260701, []])
def test_a_week_and_every_other_spelling_are_no_day(text: Any) -> None:
    assert code_of(lambda: parse_day(text)) == "date-malformed"


@pytest.mark.parametrize(("end", "zone", "code"), [
    ("9999-12-31T15:59:59.999Z", "Asia/Shanghai", None),
    ("9999-12-31T23:59:59.999Z", "Asia/Shanghai", "period-malformed"),
    ("9999-12-31T23:59:59.999Z", "UTC", None)])
def test_a_period_may_last_to_the_end_of_9999_in_its_own_zone(end: str, zone: str, code: str | None) -> None:
    period = Period(parse_instant("9999-12-01T00:00:00.000Z"), parse_instant(end), zone)
    if code is None:
        assert days_of(period)[1] == date(9999, 12, 31)
    else:
        assert code_of(lambda: days_of(period)) == code


# Inputs


def test_a_member_of_an_optional_family_that_is_not_given_is_missing_and_never_a_key_error() -> None:
    methodology = RULES.methodologies["inventory.enterprise@2"]
    given = document(purchases(1) | {"fuel.diesel": [item("1", "t", paper(), "1")]}, options={"region": "jiangsu"})
    inputs = read_inputs(methodology, given, Period.from_json(given["period"]))
    assert inputs.total("fuel.diesel").value == 1
    for name in ("fuel.coal", "fuel.", "fuel", "nothing", ""):
        assert code_of(lambda name=name: inputs.total(name)) == "input-missing"
    assert inputs.total("retired_certificates").value == 0


@pytest.mark.parametrize("source", [{}, {"type": None}, {"type": "satellite"}, {"type": []}, None, "declared", []])
def test_a_source_without_a_type_is_refused(source: Any) -> None:
    doc = inventory(inputs={"purchased_electricity": [item("1", "kWh", source, "2")]})
    assert code_of(lambda: run(RULES, "inventory.enterprise", None, doc, TODAY)) == "inputs-malformed"


@pytest.mark.parametrize("end", ["from", "to"])
@pytest.mark.parametrize(("member", "value", "code"), [
    ("epoch", ..., "inputs-malformed"), ("ordinal", 1, "inputs-malformed"), ("time", ..., "inputs-malformed"),
    ("time", "x", "instant-malformed"), ("surplus", "1", "inputs-malformed"),
    ("position", "x", "number-not-canonical")])
def test_both_ends_of_a_register_span_are_whole_readings(end: str, member: str, value: Any, code: str) -> None:
    source = register("1000", "2000")
    source[end] |= {member: value}
    if value is ...:
        del source[end][member]
    doc = inventory(inputs={"purchased_electricity": [item("1", "kWh", source)]})
    assert code_of(lambda: run(RULES, "inventory.enterprise", None, doc, TODAY)) == code


@pytest.mark.parametrize("value", [True, 5, None, 1.5, "x" * 201, [], ["jiangsu"], [["jiangsu"]]])
def test_an_option_is_a_short_text_or_a_quantity(value: Any) -> None:
    doc = inventory(options={"region": value})
    assert code_of(lambda: run(RULES, "inventory.enterprise", None, doc, TODAY)) == "option-malformed"


@pytest.mark.parametrize("value", [{}, {"value": "1"}, {"value": 1, "unit": "t"}, {"value": "1", "unit": ["t"]}])
def test_an_option_that_is_a_malformed_quantity_is_refused(value: Any) -> None:
    assert code_of(lambda: run(RULES, "inventory.enterprise", None, inventory(options={"region": value}), TODAY)) in {
        "quantity-malformed", "number-not-canonical", "unit-unknown"}


@pytest.mark.parametrize("given", [None, [], "x", 5, True])
def test_what_is_no_inputs_document_is_refused_by_the_engine_itself(given: Any) -> None:
    assert code_of(lambda: run(RULES, "inventory.enterprise", None, given, TODAY)) == "inputs-malformed"


# How much is evaluated at once


def purchases(count: int) -> dict[str, Any]:
    return {"purchased_electricity": [item("1", "kWh", paper(f"{i:064x}"), "2") for i in range(count)]}


def test_a_run_takes_ten_thousand_quantities_and_no_more() -> None:
    outputs = run(RULES, "inventory.enterprise", None, inventory(inputs=purchases(MAX_ITEMS)), TODAY).outputs
    assert outputs["electricity_location"].value == D("5.827")
    over = purchases(MAX_ITEMS) | {"retired_certificates": [item("1", "kWh", paper())]}
    assert code_of(lambda: run(RULES, "inventory.enterprise", None, inventory(inputs=over), TODAY)) == "inputs-too-many"


def test_the_parts_of_a_period_count_together() -> None:
    half = {"period": {}, "inputs": purchases(MAX_ITEMS // 2 + 1)}
    doc = inventory(inputs={}) | {"parts": [half, half]}
    assert code_of(lambda: run(RULES, "inventory.enterprise", None, doc, TODAY)) == "inputs-too-many"
    fewer = inventory(inputs={}) | {"parts": [half, "x"]}
    assert code_of(lambda: run(RULES, "inventory.enterprise", None, fewer, TODAY)) != "inputs-too-many"


def test_an_evaluation_takes_fifty_thousand_quantities_and_no_more() -> None:
    one = {"value": "1", "unit": "tCO2"}
    answer = evaluate(RULES, "inventory.sum", {"parts": [one] * MAX_QUANTITIES})
    assert answer["outputs"]["total"]["value"] == str(MAX_QUANTITIES)
    over = {"parts": [one] * (MAX_QUANTITIES + 1)}
    assert code_of(lambda: evaluate(RULES, "inventory.sum", over)) == "inputs-too-many"


def test_rows_count_by_their_quantities() -> None:
    row = {"amount": {"value": "1", "unit": "kWh"}, "factor": {"value": "1", "unit": "kgCO2e/kWh"}}
    formula = small_formula("sum(line in lines: convert(line.amount * line.factor, [kgCO2e]))",
                            {"lines": {"list": {"amount": "kWh", "factor": "kgCO2e/kWh"}}}, "kgCO2e")
    rows = [{name: Quantity.from_printed(value) for name, value in row.items()}] * (MAX_QUANTITIES // 2)
    assert formula.evaluate({"lines": rows}).outputs["result"] == Q(str(MAX_QUANTITIES // 2), "kgCO2e")
    assert code_of(lambda: formula.evaluate({"lines": [*rows, rows[0]]})) == "inputs-too-many"


@pytest.mark.parametrize(("digits", "code"), [(4000, "number-too-long"), (201, "number-too-long")])
def test_two_thousand_inputs_of_thousands_of_digits_end_in_no_time(digits: int, code: str) -> None:
    started = perf_counter()
    lines = [item("9" * digits, "kWh", paper(f"{i:064x}"), "2") for i in range(2000)]
    doc = inventory(inputs={"purchased_electricity": lines})
    assert code_of(lambda: run_methodology(RULES, "inventory.enterprise", doc, TODAY)) == code
    requests = [f'{{"id":{i},"formula":"fuel.heat","inputs":{{"consumption":{{"unit":"t","value":"{"9" * digits}"}}}}}}'
                for i in range(2000)]
    answers = list(evaluate_batch(RULES, [request.encode() for request in requests]))
    assert {answer["error"]["code"] for answer in answers} <= {"number-too-long", "input-missing"}
    assert perf_counter() - started < 10


def test_two_thousand_inputs_of_the_most_digits_are_evaluated() -> None:
    started = perf_counter()
    lines = [item("0." + "3" * 198, "kWh", paper(f"{i:064x}"), "2") | {"uncertainty": "5." + "3" * 190}
             for i in range(2000)]
    result = run_methodology(RULES, "inventory.enterprise", inventory(
        inputs={"purchased_electricity": lines}), TODAY)
    assert result["result"] == {"value": "388", "unit": "kgCO2e"}
    assert perf_counter() - started < 10


# Rule documents


@pytest.mark.parametrize("version", ["0", "01", "-1", "1.0", "x", "", "１", "1" * 7, 1, None, ["1"]])
def test_a_version_is_a_number_from_one(version: Any) -> None:
    formula = RULES.formulas["electricity.location@1"].document
    assert code_of(lambda: Formula.from_document(formula | {"version": version})) == "rule-malformed"
    methodology = RULES.methodologies["inventory.enterprise@2"].document
    assert code_of(lambda: Methodology.from_document(methodology | {"version": version})) == "rule-malformed"


@pytest.mark.parametrize("version", ["1", "2", "10", "999999"])
def test_versions_are_compared_as_numbers(version: str) -> None:
    document_ = RULES.formulas["electricity.location@1"].document | {"version": version}
    assert Formula.from_document(document_).key == f"electricity.location@{version}"


def test_decimal_text_is_what_messages_use() -> None:
    assert decimal_text(D("1E+3")) == "1000"


@pytest.mark.parametrize(("name", "code"), [("wine.press", "rule-malformed"), ("wine.grapes", None)])
def test_a_formula_and_a_methodology_may_not_share_a_key(tmp_path: Path, name: str, code: str | None) -> None:
    for folder in ("formulas", "methodologies"):
        (tmp_path / folder).mkdir()
    title = "title: {zh: 甲, en: a}\nsource: s\nstatus: published\nvalid: {from: null, to: null}\n"
    (tmp_path / "formulas/press.yaml").write_text(
        f"id: wine.press\nversion: '1'\n{title}inputs: {{grapes: t}}\noutput: kg\nexpression: convert(grapes, [kg])\n",
        "utf-8")
    (tmp_path / "methodologies/wine.yaml").write_text(
        f"id: {name}\nversion: '1'\nkind: emission\n{title}inputs:\n  grapes: {{zh: 葡萄, en: grapes, unit: t, "
        "sources: [document], gap: refused}\nsteps:\n  press: {formula: wine.press@1, with: {grapes: inputs.grapes}}\n"
        "outputs: {juice: steps.press.result}\nresult: {output: juice, unit: kg, rounding: round, digits: '0'}\n",
        "utf-8")
    if code is None:
        assert set(load(tmp_path).ruleset.methodologies) == {f"{name}@1"}
    else:
        assert code_of(lambda: load(tmp_path)) == code
