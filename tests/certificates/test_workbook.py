"""The workbook: live formulas that give what the engine gave, to 15 digits, and nothing in it that runs."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import date
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
from openpyxl.utils.cell import coordinate_to_tuple
from spreadsheet import Spreadsheet

from certificates.workbook import xlsx
from core.errors import InputError
from core.period import local_text
from core.quantity import Quantity
from mrv.authoring.cases import Case
from mrv.authoring.catalogue import load
from mrv.authoring.translate import formula_document
from mrv.calculation.run import RunResult, run
from mrv.definitions.fields import read_given
from mrv.definitions.formula import Evaluation, Formula
from mrv.presentation.sheets import MAX_ROWS, Cell, Page, Workbook, column_letters
from mrv.presentation.workbook import CALCULATION, workbook_of, workbook_of_evaluation

CATALOGUE = load()
FIFTEEN_DIGITS = Decimal("5e-15")


def close(one: Any, other: Any) -> bool:
    """Equal to 15 digits; texts and conditions equal."""
    if not isinstance(other, Decimal):
        return bool(one == other)
    return abs(Decimal(one) - other) <= abs(other) * FIFTEEN_DIGITS


def evaluated(case: Case) -> Evaluation:
    return CATALOGUE.ruleset.formula(case.rule).evaluate(
        {name: read_given(value, name) for name, value in case.body["inputs"].items()})


def ran(case: Case) -> RunResult:
    document = case.body["document"] | {"allow_unconfirmed": case.body["document"]["allow_unconfirmed"] == "true"}
    return run(CATALOGUE.ruleset, case.rule, None, document, date.fromisoformat(case.body["at"]))


def cases(kind: str) -> list[Case]:
    return [case for case in CATALOGUE.cases if case.kind == kind and "error" not in case.body]


LISTS_IN_LISTS = {"allocation.hourly", "allocation.spread"}


def identify(case: Case) -> str:
    return f"{case.rule} {case.name}"


@pytest.mark.parametrize("case", cases("formula"), ids=identify)
def test_the_formulas_of_a_workbook_give_what_the_rule_gave(case: Case) -> None:
    evaluation = evaluated(case)
    book = workbook_of_evaluation(evaluation)
    sheet = Spreadsheet(xlsx(book))
    stem = re.sub(r"\W", "_", evaluation.formula.id)
    for definition, step in evaluation.trace:
        assert close(sheet.named(f"{stem}_{definition.name}"), step.value), definition.name
    kept = [note for note in book.notes if "value only" in note]
    # What a spreadsheet's functions cannot say stays a value, and the sheet says so.
    assert bool(kept) is (evaluation.formula.id in LISTS_IN_LISTS)
    assert all("只写入数值 value only: 列表中的列表 a list inside a list" in note for note in kept)


@pytest.mark.parametrize("case", cases("methodology"), ids=identify)
def test_the_result_of_a_run_is_recomputed_from_its_inputs_and_parameters(case: Case) -> None:
    result = ran(case)
    sheet = Spreadsheet(xlsx(workbook_of(result)))
    assert close(sheet.named("result"), result.result.value)
    for name, quantity in result.outputs.items():
        assert close(sheet.named("output_" + re.sub(r"\W", "_", name)), quantity.value), name


@pytest.mark.parametrize("case", cases("methodology"), ids=identify)
def test_every_difference_from_what_was_calculated_is_nothing(case: Case) -> None:
    sheet = Spreadsheet(xlsx(workbook_of(ran(case))))
    rows = [address for (title, address), text in sheet.formulas().items()
            if title == CALCULATION and re.fullmatch(r"=C(\d+)-F\1", text)]
    assert rows
    for address in rows:
        recorded = sheet.cell(CALCULATION, "F" + address[1:])
        assert abs(sheet.cell(CALCULATION, address)) <= abs(recorded) * FIFTEEN_DIGITS


@pytest.mark.parametrize("case", cases("methodology"), ids=identify)
def test_beside_every_formula_stands_the_value_that_a_preview_shows(case: Case) -> None:
    data = xlsx(workbook_of(ran(case)))
    live, shown = Spreadsheet(data), openpyxl.load_workbook(io.BytesIO(data), data_only=True)
    blank = [address for address in live.formulas() if shown[address[0]][address[1]].value is None]
    # Only a row of a branch that was not taken has none.
    assert all(address[0] == CALCULATION and column_of(address[1]) > 3 for address in blank)
    for title, address in live.formulas():
        value, expected = shown[title][address].value, live.cell(title, address)
        if value is not None and not re.fullmatch(r"=C(\d+)-F\1", live.formulas()[title, address]):
            assert close(Decimal(repr(value)) if isinstance(value, int | float) and not isinstance(value, bool)
                         else value, expected), (title, address)


@pytest.mark.parametrize(("expression", "value"), [
    ("if(x > 2, 1, 2)", 1), ("-x / 8", -0.375), ("x * 1000000007 * 1000000007", 3.000000042000000147e18),
    ("x / 1000000007 / 1000000007", 2.9999999580000004e-18)])
def test_a_value_is_kept_with_its_sign_and_its_scale(expression: str, value: float) -> None:
    _, _, book = small(expression, X, {"x": one("3")})
    assert shown_values(book, "test_result") == [pytest.approx(value, rel=1e-15)]


def test_a_text_and_a_truth_are_values_too() -> None:
    page = Page("页", ())
    page.row(Cell("<粗> & \x0b", 'IF(TRUE,"x","y")'), Cell(True, "1=1"), Cell(False, "1=2"), Cell(formula="1+1"))
    shown = openpyxl.load_workbook(io.BytesIO(xlsx(Workbook([page]))), data_only=True)
    assert [cell.value for cell in shown["页"][1]] == ["<粗> & \ufffd", True, False, None]


def test_a_text_that_looks_like_the_xml_of_a_formula_stays_text() -> None:
    page, trap = Page("页", ()), '<c r="B1"><f>1</f><v /></c>'
    page.row(trap, Cell(Decimal(2), f'IF(TRUE,2,"{trap.replace(chr(34), chr(34) * 2)}")'))
    book = openpyxl.load_workbook(io.BytesIO(xlsx(Workbook([page]))), data_only=True)
    assert [cell.value for cell in book["页"][1]] == [trap, 2]


def test_the_helper_column_of_a_sum_has_its_values() -> None:
    _, _, book = small("sum(i in rows: i.k * i.v + 1)", ROWS, {"rows": rows(("10", "1"), ("20", "4"))})
    assert shown_values(book, "test_rows_sum") == [11, 81]


def test_a_branch_that_was_not_taken_has_no_value_to_show() -> None:
    live, exact, book = small("if(count(rows) > 5, sum(i in rows: i.k * i.v), 7)", ROWS, {"rows": rows(("2", "3"))})
    assert close(live, exact)
    assert shown_values(book, "test_rows_sum") == [None]


def shown_values(book: Workbook, name: str) -> list[Any]:
    """What a program that calculates nothing reads in the cells of a name."""
    shown = openpyxl.load_workbook(io.BytesIO(xlsx(book)), data_only=True)
    title, first, column, last = book.names[name]
    return [shown[title].cell(row, column).value for row in range(first, last + 1)]


def column_of(address: str) -> int:
    return int(coordinate_to_tuple(address)[1])


def test_the_summary_explains_its_outputs_and_shows_the_period_of_the_plant() -> None:
    result = ran(inventory_case())
    sheet = openpyxl.load_workbook(io.BytesIO(xlsx(workbook_of(result))))["结果 Result"]
    lines = {row[0].value: row[1].value for row in sheet.iter_rows()}
    period = result.inputs.period
    assert lines["期间 period"] == (f"{local_text(period.start, period.zone)[:16]} → "
                                    f"{local_text(period.end, period.zone)[:16]} ({period.zone})")
    assert lines["期间 period"].count(" 00:00") == 2
    titled = [name for name in result.outputs if lines[name]]
    assert "electricity_location" in titled
    assert len(titled) == len(result.outputs)


def inventory_case() -> Case:
    return next(case for case in cases("methodology") if case.rule.startswith("inventory.enterprise@"))


def test_a_changed_input_flows_through_to_the_result() -> None:
    result = ran(inventory_case())
    sheet = Spreadsheet(xlsx(workbook_of(result)))
    before = sheet.named("result")
    title, _, span = sheet.book.defined_names["input_purchased_electricity_1"].attr_text.rpartition("!")
    cell = sheet.book[title.strip("'")][span.replace("$", "")]
    cell.value = cell.value * 2
    sheet.cache.clear()
    extra = result.outputs["electricity_location"].to("tCO2").value * 1000
    assert close(sheet.named("result"), before + extra)


def test_a_changed_parameter_flows_through_to_the_result() -> None:
    sheet = Spreadsheet(xlsx(workbook_of(ran(inventory_case()))))
    name = next(name for name in sheet.book.defined_names if name.startswith("parameter_grid_average"))
    title, _, span = sheet.book.defined_names[name].attr_text.rpartition("!")
    sheet.book[title.strip("'")][span.replace("$", "")].value = 0
    assert sheet.named("output_electricity_location") == 0


def test_arguments_of_a_run_are_links_and_not_copies() -> None:
    sheet = Spreadsheet(xlsx(workbook_of(ran(inventory_case()))))
    texts = set(sheet.formulas().values())
    assert "=input_purchased_electricity_1/1000" in texts
    assert "=location_consumption*location_factor" in texts
    assert "=location_emission" in texts


def test_parameters_stand_with_their_source_date_and_status() -> None:
    result = ran(inventory_case())
    book = openpyxl.load_workbook(io.BytesIO(xlsx(workbook_of(result))))
    rows = [[cell.value for cell in row] for row in book["参数 Parameters"].iter_rows(min_row=2)]
    assert [row[0] for row in rows] == [path for path, _ in result.parameters]
    for row, (_, value) in zip(rows, result.parameters, strict=True):
        assert row[7] == value.status
        assert row[8] == value.source


def small(expression: str, inputs: dict[str, Any], given: dict[str, Any], unit: str = "1") -> tuple[Any, Any, Workbook]:
    """(value of the workbook, value of the engine, the workbook) of a formula made for the test."""
    formula = Formula.from_document(formula_document({
        "id": "test", "version": "1", "title": {"zh": "测试", "en": "test"}, "source": "test", "status": "published",
        "valid": {"from": None, "to": None}, "inputs": inputs, "output": unit, "expression": expression}))
    evaluation = formula.evaluate({name: read_given(value, name) for name, value in given.items()})
    book = workbook_of_evaluation(evaluation)
    (output,) = evaluation.outputs
    value = evaluation.outputs[output]
    return (Spreadsheet(xlsx(book)).named(f"test_{output}"),
            value.value if isinstance(value, Quantity) else value, book)


X = {"x": {"zh": "数", "en": "number", "unit": "1", "signed": "true"}}
ROWS = {"rows": {"zh": "行", "en": "rows", "empty": "true", "list": {
    "k": {"zh": "键", "en": "key", "unit": "1"}, "v": {"zh": "值", "en": "value", "unit": "1"}}}}


def one(value: str) -> dict[str, str]:
    return {"value": value, "unit": "1"}


def rows(*pairs: tuple[str, str]) -> list[dict[str, Any]]:
    return [{"k": one(k), "v": one(v)} for k, v in pairs]


@pytest.mark.parametrize("expression", [
    "-x * 2", "1 - (2 - x)", "1 - 2 - x", "12 / (x / 4)", "12 / x / 4", "2 * -x", "- -x", "1 - -x", "abs(x)",
    "if(x > 0 and 1 / x > 0, 1, 2)", "if(x = 3 or 1 / (x - 3) > 0, 1, 2)", "if(not x >= 0, x, -x)",
    "if(x != 3, 1, 2)", "min(x, 2, -5)", "max(x, 2)", "sqrt(abs(x)) + 1", "exp(x / 1000000007)", "ln(abs(x) + 1)",
    "x * (if(x < 0, 2, 3) + 1)", "round(x / 8, 2)", "floor(x / 8, 2)", "ceil(x / 8, 2)", "round(x * 0.5, 0)",
])
@pytest.mark.parametrize("value", ["3", "-3", "0.29", "-0.005", "1000000007", "0.125"])
def test_an_operator_means_the_same_in_a_spreadsheet(expression: str, value: str) -> None:
    live, exact, book = small(expression, X, {"x": one(value)})
    assert close(live, exact)
    assert not book.notes


def test_a_half_is_rounded_away_from_zero_on_both_sides() -> None:
    assert [small("round(x, 0)", X, {"x": one(value)})[0] for value in ("0.5", "1.5", "-0.5", "-2.5")] == [1, 2, -1, -3]


@pytest.mark.parametrize("expression", [
    "sum(i in rows: i.v)", "sum(i in rows: i.k * i.v + 1)", "mean(i in rows: i.v)", "least(i in rows: i.v - i.k)",
    "greatest(i in rows: i.v)", "if(all(i in rows: i.v > 0), 1, 2)", "if(any(i in rows: i.v > 5), 1, 2)",
    "count(rows) * 2", "sum(i in rows: i.v) / sum(i in rows: i.k)", "interpolate(rows, k, v, 15)",
    "interpolate(rows, k, v, 10)", "interpolate(rows, k, v, 30)", "lookup(rows, k, v, 20)",
])
@pytest.mark.parametrize("given", [rows(("10", "1"), ("20", "4"), ("30", "9"))])
def test_a_list_becomes_a_column(expression: str, given: Any) -> None:
    live, exact, book = small(expression, ROWS, {"rows": given})
    assert close(live, exact)
    assert not book.notes


def test_a_column_of_one_row_is_still_a_column() -> None:
    live, exact, _ = small("sum(i in rows: i.k * i.v) + count(rows) + lookup(rows, k, v, 2)", ROWS,
                           {"rows": rows(("2", "7"))})
    assert close(live, exact)


def test_an_empty_list_sums_to_nothing() -> None:
    assert small("sum(i in rows: i.v) + count(rows)", ROWS, {"rows": []})[0] == 0


def test_a_table_that_is_not_in_order_is_written_as_a_value_and_said() -> None:
    live, exact, book = small("interpolate(rows, k, v, 15)", ROWS, {"rows": rows(("20", "4"), ("10", "1"))})
    assert close(live, exact)
    assert [note for note in book.notes if "ascending order" in note]


def test_a_list_inside_a_list_is_written_as_a_value_and_said() -> None:
    live, exact, book = small("sum(i in rows: sum(j in rows: i.k * j.v))", ROWS,
                              {"rows": rows(("1", "2"), ("3", "4"))})
    assert close(live, exact)
    assert [note for note in book.notes if "list inside a list" in note]
    assert any("list inside a list" in str(cell.value) for cell in book.pages[0].cells.values())


KEYS = {"rows": {"zh": "行", "en": "rows", "empty": "true", "list": {
    "k": {"zh": "键", "en": "key", "unit": "text"}, "v": {"zh": "值", "en": "value", "unit": "1"}}}}


def keyed(*keys: str) -> list[dict[str, Any]]:
    return [{"k": {"value": key, "unit": "text"}, "v": one(str(i + 1))} for i, key in enumerate(keys)]


@pytest.mark.parametrize(("keys", "live_formula"), [(("coal", "gas"), True), (("gas", "Gas"), False),
                                                    (("gas", "g*"), False), (("gas", "a?"), False)])
def test_keys_that_a_spreadsheet_confuses_are_not_left_to_it(keys: tuple[str, ...], live_formula: bool) -> None:
    live, exact, book = small('lookup(rows, k, v, "gas")', KEYS, {"rows": keyed(*keys)})
    assert close(live, exact)
    assert (not book.notes) is live_formula


def test_texts_are_compared_with_their_case() -> None:
    inputs = {"word": {"zh": "词", "en": "word", "unit": "text", "one_of": ["PFPB", "pfpb"]}}
    for word, expected in (("PFPB", 1), ("pfpb", 2)):
        live, exact, _ = small('if(word = "PFPB", 1, if(word != "x", 2, 3))', inputs,
                               {"word": {"value": word, "unit": "text"}})
        assert live == exact == expected


def test_a_title_from_outside_never_becomes_a_formula() -> None:
    case = inventory_case()
    document = case.body["document"] | {"allow_unconfirmed": True, "boundary": "=HYPERLINK(\"http://x\",\"厂区\")"}
    document["inputs"] = {**document["inputs"], "gas.natural_gas": [
        document["inputs"]["gas.natural_gas"][0] | {"source": {"type": "document", "digest": "ab" * 32,
                                                               "title": "=1+1\x00\x0b|cmd"}}]}
    result = run(CATALOGUE.ruleset, case.rule, None, document, date.fromisoformat(case.body["at"]))
    sheet = Spreadsheet(xlsx(workbook_of(result)))
    assert not [text for text in sheet.formulas().values() if "HYPERLINK" in text or "cmd" in text]


def test_the_file_is_the_same_whenever_it_is_written() -> None:
    book = workbook_of(ran(inventory_case()))
    data = xlsx(book)
    assert data == xlsx(book)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert {item.date_time for item in archive.infolist()} == {(2000, 1, 1, 0, 0, 0)}
        assert not [name for name in archive.namelist() if "vba" in name.lower() or "external" in name.lower()]


def test_names_are_ones_that_a_spreadsheet_accepts_and_each_is_given_once() -> None:
    book = Workbook([page := Page("页", ())])
    names = [book.name(wanted, page, 1, 1) for wanted in ("a.b", "a_b", "A b", "煤", "x" * 300)]
    assert names == ["a_b", "a_b_2", "A_b_3", "煤", "x" * 200]
    for name in workbook_of(ran(inventory_case())).names:
        assert re.fullmatch(r"[^\W\d]\w*", name)
        assert not re.fullmatch(r"[A-Za-z]{1,3}[0-9]+", name)


@pytest.mark.parametrize(("column", "letters"), [(1, "A"), (26, "Z"), (27, "AA"), (52, "AZ"), (702, "ZZ"),
                                                 (703, "AAA")])
def test_columns_are_lettered_as_spreadsheets_do(column: int, letters: str) -> None:
    assert column_letters(column) == letters


def test_a_sheet_has_an_end() -> None:
    page = Page("页", (), rows=MAX_ROWS - 1)
    assert page.row(Cell("the last")) == MAX_ROWS
    with pytest.raises(InputError, match="workbook-too-long"):
        page.row(Cell("one too many"))
