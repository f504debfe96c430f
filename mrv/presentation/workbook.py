"""A run as a workbook: named cells, live formulas, sources; `certificates.workbook` writes the file.

Four sheets: the outputs, the inputs, the parameters, and one block for each formula call. A change of an input or
parameter in the spreadsheet flows through to the result; beside every live value stands the one that the run gave, with
all its digits, and the difference. What is exact is the run: a spreadsheet has 15 digits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from core.numbers import decimal_text
from core.period import Period, local_text
from core.quantity import Quantity
from core.units import Unit
from mrv.calculation.run import RunResult
from mrv.definitions.fields import Field, Input
from mrv.definitions.formula import Definition, Evaluation
from mrv.language.checker import Node
from mrv.language.interpreter import Scalar, Step, value_text
from mrv.language.render import render
from mrv.presentation.excel import MAX_FORMULA_CHARS, TOO_LONG, ListCells, NoTwin, Sheet, rounded, times
from mrv.presentation.explain import source_facts
from mrv.presentation.origins import Origin, inputs_of, origins_of, output_title
from mrv.presentation.sheets import Cell, Page, Workbook, column_letters

SUMMARY, INPUTS, PARAMETERS, CALCULATION = "结果 Result", "输入 Inputs", "参数 Parameters", "计算 Calculation"

_NAME, _TITLE, _VALUE, _UNIT, _TEXT, _RECORDED, _EXACT, _DIFFERENCE = range(1, 9)


def workbook_of(result: RunResult) -> Workbook:
    """The workbook of a run. Raises InputError (workbook-too-long)."""
    summary, inputs = Page(SUMMARY, (30, 42, 24, 14, 40, 24, 44, 16)), Page(INPUTS, (30, 34, 20, 14, 12, 90))
    parameters = Page(PARAMETERS, (36, 18, 14, 10, 12, 12, 12, 14, 70, 34))
    book = Workbook([summary, inputs, parameters, _calculation_page()])
    places = _place_inputs(book, inputs, result) | _place_parameters(book, parameters, result)
    for call in result.steps:
        stem = "_".join(filter(None, (call.step, call.member, f"part{call.part + 1}" if result.inputs.parts else "")))
        block = _Block(book, book.pages[3], stem, places)
        outputs = block.write(call.evaluation, origins_of(result, call))
        places |= {("step", call.part, call.step, call.member, name): cell for name, cell in outputs.items()}
    _summarise(book, summary, result, places)
    return book


def workbook_of_evaluation(evaluation: Evaluation) -> Workbook:
    """The workbook of one formula evaluated by itself: its block."""
    page = _calculation_page()
    book = Workbook([page])
    _Block(book, page, evaluation.formula.id, {}).write(evaluation, {})
    _write_notes(book, page)
    return book


Places = dict[tuple[Any, ...], str]


def _calculation_page() -> Page:
    page = Page(CALCULATION, (30, 42, 24, 16, 60, 24, 44, 14))
    page.row(_head("名称 name"), _head("说明 title"), _head("值 value"), _head("单位 unit"),
             _head("表达式或来源 expression or source"), _head("核算值 as calculated"),
             _head("全部位数 all digits"), _head("差 difference"))
    return page


def _head(text: str) -> Cell:
    return Cell(text, style="head")


def _place_inputs(book: Workbook, page: Page, result: RunResult) -> Places:
    page.row(*(_head(text) for text in ("名称 name", "说明 title", "值 value", "单位 unit", "方式 method",
                                        "来源 source")))
    places: Places = {}
    for part in range(len(result.parts)):
        inputs = inputs_of(result, part)
        for name, items in sorted(inputs.items.items()):
            for i, item in enumerate(items):
                facts = " · ".join(f"{key} {text}" for key, text in source_facts(item).items() if key != "method")
                row = page.row(name, _both(inputs.rules[name].title), Cell(item.quantity.value, style="given"),
                               item.quantity.unit.text, item.document["method"], facts)
                places["input", part, name, i] = book.name(f"input_{name}_{i + 1}", page, row, 3)
    return places


def _place_parameters(book: Workbook, page: Page, result: RunResult) -> Places:
    page.row(*(_head(text) for text in ("参数 parameter", "值 value", "单位 unit", "数据年份 year", "发布 published",
                                        "自 from", "至 to", "状态 status", "来源 source", "位置 locator")))
    places: Places = {}
    for path, value in result.parameters:
        record = value.record()
        row = page.row(path, Cell(value.quantity.value, style="given"), value.quantity.unit.text, value.year,
                       *(record[key] or "" for key in ("published", "from", "to", "status", "source", "locator")))
        places["parameter", path, value.key] = book.name(f"parameter_{path}", page, row, 2)
    return places


def _summarise(book: Workbook, page: Page, result: RunResult, places: Places) -> None:
    rule, methodology, inputs = result.methodology.result, result.methodology, result.inputs
    page.row(Cell(_both(methodology.title), style="title"))
    for label, text in (("方法学 methodology", f"{methodology.key} · {methodology.status}"),
                        ("依据 source", methodology.source), ("主体 subject", inputs.subject),
                        ("边界 boundary", inputs.boundary),
                        ("期间 period", _period_text(inputs.period)),
                        ("核算日 date", result.at.isoformat()), ("提示 notices", ", ".join(result.notices) or "–")):
        page.row(label, text)
    page.row()
    page.row(_head("输出 output"), _head("说明 title"), _head("值 value"), _head("单位 unit"), _head(""),
             _head("核算值 as calculated"), _head("全部位数 all digits"), _head("差 difference"))
    for name, value in result.outputs.items():
        cell = _sum(book, name, _cells_of(result, name, places), value.value)
        row = page.row(name, _both(output_title(result, name)), cell, value.unit.text)
        _recorded(page, row, value.value)
        places["output", name] = book.name(f"output_{name}", page, row, _VALUE)
    ratio = result.outputs[rule.output].unit.ratio_to(rule.unit)
    exact = times(places["output", rule.output], ratio.numerator, ratio.denominator)
    if inputs.carried is not None:
        row = page.row("结转 carried in", "", Cell(inputs.carried.to(rule.unit).value, style="given"), rule.unit.text)
        exact += f"+{book.name('carried_in', page, row, _VALUE)}"
    row = page.row(Cell("结果 result", style="head"), f"{rule.rounding}, {rule.digits}",
                   Cell(result.result.value, rounded(exact, rule.rounding, str(rule.digits)), "live"), rule.unit.text)
    _recorded(page, row, result.result.value)
    book.name("result", page, row, _VALUE)
    _write_notes(book, page)


def _cells_of(result: RunResult, name: str, places: Places) -> list[str]:
    """The cells of an output: one for each part of the period. "name.member" is that of a member of a family."""
    rules = {rule: (step, output) for rule, step, output in result.methodology.outputs}
    rule = max((rule for rule in rules if name == rule or name.startswith(f"{rule}.")), key=len)
    step, output = rules[rule]
    return [places["step", part, step, name[len(rule) + 1:], output] for part in range(len(result.parts))
            if ("step", part, step, name[len(rule) + 1:], output) in places]


def _write_notes(book: Workbook, page: Page) -> None:
    page.row()
    for text in ("核算值为准：本表按 15 位二进制浮点计算，“核算值”为 40 位十进制。",
                 "What counts is the value as calculated, decimal with 40 digits; a spreadsheet has 15, binary.",
                 "改动输入或参数后，本表不再是所核算的结果。",
                 "Once an input or parameter is changed, this workbook is no longer what was calculated.",
                 *book.notes):
        page.row(Cell(text, style="note"))


def _recorded(page: Page, row: int, value: Decimal) -> None:
    live = f"{column_letters(_VALUE)}{row}"
    page.cells[row, _RECORDED] = Cell(value)
    page.cells[row, _EXACT] = Cell(decimal_text(value))
    page.cells[row, _DIFFERENCE] = Cell(Decimal(0), f"{live}-{column_letters(_RECORDED)}{row}")


def _sum(book: Workbook, name: str, terms: Sequence[str], value: Decimal) -> Cell:
    """The sum of these cells; the value alone where they are more than Excel reads in one formula."""
    formula = "+".join(terms)
    if len(formula) > MAX_FORMULA_CHARS:
        book.notes.append(f"{name}: 只写入数值 value only: {TOO_LONG}")
        return Cell(value, style="given")
    return Cell(value, formula, "live")


def _period_text(period: Period) -> str:
    """From and to as the plant's clock shows them, and which clock that is; the end is not included."""
    start, end = (local_text(instant, period.zone)[:16] for instant in (period.start, period.end))
    return f"{start} → {end} ({period.zone})"


def _both(title: Mapping[str, str]) -> str:
    return f"{title.get('zh', '')} {title.get('en', '')}".strip()


class _Block:
    """The block of one formula call on the calculation sheet."""

    def __init__(self, book: Workbook, page: Page, stem: str, places: Places) -> None:
        self.book, self.page, self.stem, self.places = book, page, stem, places
        self.scalars: dict[str, str] = {}
        self.lists: dict[str, ListCells] = {}
        self._first_rows: dict[str, int] = {}
        self._columns: dict[str, int] = {}

    def write(self, evaluation: Evaluation, origins: Mapping[str, tuple[Origin, ...]]) -> dict[str, str]:
        """Heading, arguments, definitions; the names of the cells of its outputs."""
        formula = evaluation.formula
        self.page.row()
        self.page.row(Cell(self.stem, style="title"), Cell(_both(formula.title), style="title"), "", "",
                      f"{formula.key} · {formula.status} · {formula.source}")
        for item in formula.inputs:
            given, from_ = evaluation.given[item.name], origins.get(item.name, ())
            if item.is_list:
                self._list(item, given, from_)
            else:
                self._scalar(item, given, from_)
        for definition, step in evaluation.trace:
            self._definition(definition, step)
        return {output.name: self.scalars[output.name] for output in formula.outputs}

    def _scalar(self, item: Input, given: Any, origins: Sequence[Origin]) -> None:
        assert item.field is not None
        cell = self._linked(item.name, item.field, given, origins)
        row = self.page.row(item.name, _both(item.title), cell, _unit(item.field), _origin_text(origins))
        self.scalars[item.name] = self.book.name(f"{self.stem}_{item.name}", self.page, row, _VALUE)

    def _linked(self, name: str, part: Field, given: Any, origins: Sequence[Origin]) -> Cell:
        terms = [self._term(part, origin) for origin in origins]
        if not terms or "" in terms or not isinstance(given, Decimal):
            return Cell(given, style="given")
        return _sum(self.book, f"{self.stem}.{name}", terms, given)

    def _term(self, part: Field, origin: Origin) -> str:
        """The cell of an origin in the unit that is needed; "" where it has none."""
        if origin.kind == "parameter" and origin.parameter is not None:
            cell = self.places.get(("parameter", origin.name, origin.parameter.key), "")
        elif origin.kind == "step":
            cell = self.places.get(("step", origin.part, origin.name, origin.member, origin.output), "")
        else:
            cell = self.places.get(("input", origin.part, origin.name, origin.ordinal), "")
        if not cell or not isinstance(origin.value, Quantity) or not isinstance(part.type, Unit):
            return ""
        ratio = origin.value.unit.ratio_to(part.type)
        return times(cell, ratio.numerator, ratio.denominator)

    def _list(self, item: Input, given: Sequence[Any], origins: Sequence[Origin]) -> None:
        parts = {part.name: part for part in item.fields} or {"": item.field or item.fields[0]}
        heads = [_head(f"{_both(part.title)} [{_unit(part)}]") for part in parts.values()]
        self.page.row(item.name, _both(item.title), *heads)
        first, columns = self.page.rows + 1, {name: _VALUE + i for i, name in enumerate(parts)}
        own: defaultdict[int, list[Origin]] = defaultdict(list)
        for origin in origins:
            own[origin.row].append(origin)
        for i, values in enumerate(given):
            row = [self._linked(f"{item.name}[{i + 1}]", part, values[name] if item.fields else values,
                                [origin for origin in own[i] if origin.column == name])
                   for name, part in parts.items()]
            self.page.row(f"{item.name}[{i + 1}]", _origin_text(own[i]), *row)
        last = self.page.rows
        cells = {name: [f"{column_letters(column)}{row}" for row in range(first, last + 1)]
                 for name, column in columns.items()}
        ranges = {name: self.book.name("_".join(filter(None, (self.stem, item.name, name))), self.page, first, column,
                                       last) for name, column in columns.items()} if given else {}
        self.lists[item.name] = ListCells(cells, given, ranges)
        self._first_rows[item.name], self._columns[item.name] = first, _VALUE + len(parts)

    def _add_column(self, whole: Step, fold: Node, formulas: list[str]) -> str:
        source = fold.extra[0]
        first, column = self._first_rows[source], self._columns[source]
        self._columns[source] += 1
        self.page.cells[first - 1, column] = _head(f"{fold.operator}: …")
        for i, (formula, value) in enumerate(zip(formulas, _folded_values(whole, fold, len(formulas)), strict=True)):
            self.page.cells[first + i, column] = Cell(value, formula, "live")
        return self.book.name(f"{self.stem}_{source}_{fold.operator}", self.page, first, column,
                              first + len(formulas) - 1)

    def _definition(self, definition: Definition, step: Step) -> None:
        try:
            sheet = Sheet(self.scalars, self.lists, partial(self._add_column, step))
            cell = Cell(step.value, sheet.formula(definition.node), "live")
        except NoTwin as reason:
            cell = Cell(step.value, style="given")
            self.book.notes.append(f"{self.stem}.{definition.name}: 只写入数值 value only: {reason}")
        unit = definition.node.type.text if isinstance(definition.node.type, Unit) else ""
        row = self.page.row(definition.name, _both(definition.title or {}), cell, unit, render(definition.node))
        if isinstance(step.value, Decimal):
            _recorded(self.page, row, step.value)
        else:
            self.page.cells[row, _EXACT] = Cell(value_text(step.value))
        self.scalars[definition.name] = self.book.name(f"{self.stem}_{definition.name}", self.page, row, _VALUE)


def _folded_values(whole: Step, fold: Node, count: int) -> Sequence[Scalar | None]:
    """What a fold within an evaluated expression made of each row; None each where its branch was not taken."""
    waiting = [whole]
    while waiting:
        step = waiting.pop()
        if step.node is fold:
            return [inner.value for inner in step.steps]
        waiting += step.steps
    return [None] * count


def _unit(part: Field) -> str:
    return part.type.text if isinstance(part.type, Unit) else ""


def _origin_text(origins: Sequence[Origin]) -> str:
    shown = [".".join(filter(None, (origin.kind, origin.name, origin.member, origin.output))) for origin in origins]
    return " + ".join(shown[:6]) + (" + …" if len(shown) > 6 else "")
