"""A small spreadsheet, written from what Excel documents of its functions, to recompute a workbook independently.

Decimal with 34 digits on the numbers as the file holds them: what differs is the formula, not the arithmetic.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from decimal import ROUND_DOWN, ROUND_HALF_UP, ROUND_UP, Context, Decimal
from typing import Any

import openpyxl

CONTEXT = Context(prec=34)
_TOKEN = re.compile(r'\s*("(?:[^"]|"")*"|\d+(?:\.\d+)?|<=|>=|<>|[-+*/()<>=,:]|[^\W\d]\w*)')
_CELL = re.compile(r"([A-Z]+)([0-9]+)")


class Spreadsheet:
    """An .xlsx file whose cells are worked out when they are asked for."""

    def __init__(self, data: bytes) -> None:
        self.book = openpyxl.load_workbook(io.BytesIO(data))
        self.cache: dict[tuple[str, str], Any] = {}

    def named(self, name: str) -> Any:
        """The value of a defined name: one value, or the list of a column."""
        sheet, _, span = self.book.defined_names[name].attr_text.rpartition("!")
        return self.span(sheet.strip("'"), span.replace("$", ""))

    def span(self, sheet: str, span: str) -> Any:
        first, _, last = span.partition(":")
        if not last:
            return self.cell(sheet, first)
        (letters, low), (_, high) = _CELL.fullmatch(first).groups(), _CELL.fullmatch(last).groups()  # type: ignore[union-attr]
        return [self.cell(sheet, f"{letters}{row}") for row in range(int(low), int(high) + 1)]

    def cell(self, sheet: str, address: str) -> Any:
        if (sheet, address) not in self.cache:
            raw = self.book[sheet][address]
            if raw.data_type == "f":
                value = _Formula(self, sheet, raw.value[1:]).value()
            else:
                value = raw.value if isinstance(raw.value, str | bool | None) else Decimal(repr(raw.value))
            self.cache[sheet, address] = value
        return self.cache[sheet, address]

    def formulas(self) -> dict[tuple[str, str], str]:
        """Every formula of the file by sheet and address."""
        return {(sheet.title, cell.coordinate): cell.value for sheet in self.book for row in sheet.iter_rows()
                for cell in row if cell.data_type == "f"}


class _Formula:
    """Precedence of Excel: comparison, then + and -, then * and /, then the sign."""

    def __init__(self, sheet: Spreadsheet, title: str, text: str) -> None:
        self.sheet, self.title = sheet, title
        self.tokens = _TOKEN.findall(text)
        assert re.sub(r"\s", "", "".join(self.tokens)) == re.sub(r"\s", "", text), text
        self.at = 0

    def value(self) -> Any:
        value = self.comparison()()
        assert self.at == len(self.tokens), self.tokens[self.at:]
        return value

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, wanted: str | None = None) -> str:
        token = self.peek()
        assert wanted is None or token == wanted, (wanted, self.tokens)
        self.at += 1
        return token

    def chain(self, signs: dict[str, Callable[[Any, Any], Any]], operand: Callable[[], Callable[[], Any]]
              ) -> Callable[[], Any]:
        left = operand()
        while self.peek() in signs:
            left = _apply(signs[self.take()], left, operand())
        return left

    def comparison(self) -> Callable[[], Any]:
        return self.chain({"=": lambda a, b: a == b, "<>": lambda a, b: a != b, "<": lambda a, b: a < b,
                           "<=": lambda a, b: a <= b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b}, self.sum)

    def sum(self) -> Callable[[], Any]:
        return self.chain({"+": CONTEXT.add, "-": CONTEXT.subtract}, self.product)

    def product(self) -> Callable[[], Any]:
        return self.chain({"*": CONTEXT.multiply, "/": CONTEXT.divide}, self.factor)

    def factor(self) -> Callable[[], Any]:
        if self.peek() == "-":
            self.take()
            inner = self.factor()
            return lambda: -inner()
        token = self.take()
        if token == "(":
            value = self.comparison()
            self.take(")")
            return value
        if token[0] == '"':
            return lambda: token[1:-1].replace('""', '"')
        if token[0].isdigit():
            return lambda: Decimal(token)
        if self.peek() == "(":
            return self.call(token)
        if token in ("TRUE", "FALSE"):
            return lambda: token == "TRUE"
        if _CELL.fullmatch(token):
            return lambda: self.sheet.cell(self.title, token)
        return lambda: self.sheet.named(token)

    def call(self, name: str) -> Callable[[], Any]:
        self.take("(")
        arguments = [self.comparison()]
        while self.peek() == ",":
            self.take()
            arguments.append(self.comparison())
        self.take(")")
        if name == "IF":
            assert len(arguments) == 3
            return lambda: arguments[1]() if arguments[0]() else arguments[2]()
        return lambda: _FUNCTIONS[name](*(argument() for argument in arguments))


def _apply(function: Callable[[Any, Any], Any], left: Callable[[], Any], right: Callable[[], Any]) -> Callable[[], Any]:
    return lambda: function(left(), right())


def _flat(values: tuple[Any, ...]) -> list[Any]:
    return [item for value in values for item in (value if isinstance(value, list) else [value])]


def _total(*values: Any) -> Decimal:
    total = Decimal(0)
    for value in _flat(values):
        total = CONTEXT.add(total, value)
    return total


def _column(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _match(wanted: Any, column: Any, mode: Decimal) -> Decimal:
    values = _column(column)
    if mode == 1:
        return Decimal(max(i for i, value in enumerate(values, 1) if value <= wanted))
    return Decimal(values.index(wanted) + 1)


def _rounding(mode: str) -> Callable[[Decimal, Decimal], Decimal]:
    return lambda value, digits: value.quantize(Decimal(1).scaleb(-int(digits)), rounding=mode,
                                                context=Context(prec=200))


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "SUM": _total, "AVERAGE": lambda *v: CONTEXT.divide(_total(*v), Decimal(len(_flat(v)))),
    "MIN": lambda *v: min(_flat(v)), "MAX": lambda *v: max(_flat(v)),
    "AND": lambda *v: all(_flat(v)), "OR": lambda *v: any(_flat(v)), "NOT": lambda v: not v,
    "ABS": abs, "SQRT": CONTEXT.sqrt, "EXP": CONTEXT.exp, "LN": CONTEXT.ln, "EXACT": lambda a, b: a == b,
    "ROWS": lambda v: Decimal(len(_column(v))), "INDEX": lambda v, i: _column(v)[int(i) - 1], "MATCH": _match,
    "ROUND": _rounding(ROUND_HALF_UP), "ROUNDUP": _rounding(ROUND_UP), "ROUNDDOWN": _rounding(ROUND_DOWN),
}
