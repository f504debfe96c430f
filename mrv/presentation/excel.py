"""An expression tree as a formula of a spreadsheet, equal to it in value (docs/guides/reports.md has the table).

A spreadsheet calculates in binary with 15 digits; where a tree has no twin `NoTwin` is raised and the caller writes the
value. `and`, `or` become IF so that the side that does not decide is not evaluated, as in the language.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from core.numbers import decimal_text
from mrv.language.checker import TEXT, Node

# Excel refuses longer formulas (8192 characters) and deeper ones (64 levels); ours nest at most 40.
MAX_FORMULA_CHARS = 8000
TOO_LONG = f"超过 {MAX_FORMULA_CHARS} 个字符 longer than {MAX_FORMULA_CHARS} characters"

_LEVELS = {"=": 1, "!=": 1, "<": 1, "<=": 1, ">": 1, ">=": 1, "+": 2, "-": 2, "*": 3, "/": 3}
_ATOM = 4
_SIGNS = {"!=": "<>"}
_CALLS = {"min": "MIN", "max": "MAX", "abs": "ABS", "sqrt": "SQRT", "exp": "EXP", "ln": "LN", "not": "NOT"}
_FOLDS = {"sum": "SUM", "mean": "AVERAGE", "least": "MIN", "greatest": "MAX", "all": "AND", "any": "OR"}
_EMPTY = {"sum": "0", "all": "TRUE", "any": "FALSE"}


class NoTwin(Exception):
    """This operation has no twin in a spreadsheet. `str()` says why; never leaves this room."""


@dataclass
class ListCells:
    """Where a list stands: for each field ("" of a plain list) the cells of its column, row by row, and its values."""

    cells: dict[str, list[str]]
    values: Sequence[Any]
    ranges: dict[str, str]

    def column(self, name: str) -> list[Any]:
        """The values of a field."""
        return [row[name] if name else row for row in self.values]


@dataclass
class Sheet:
    """What names of an expression stand for; `add_column` writes a fold's column beside its list, one formula a row."""

    scalars: Mapping[str, str]
    lists: Mapping[str, ListCells]
    add_column: Callable[[Node, list[str]], str]
    _row: dict[str, str] = field(default_factory=dict)

    def formula(self, node: Node) -> str:
        """The formula without its leading "=". Raises NoTwin."""
        text = self._expression(node)
        if len(text) > MAX_FORMULA_CHARS:
            raise NoTwin(TOO_LONG)
        return text

    def _expression(self, node: Node) -> str:
        operator, operands = node.operator, node.operands
        if operator in ("number", "text", "name", "field"):
            return self._leaf(node)
        if operator in ("and", "or"):
            left, right = (self._expression(operand) for operand in operands)
            return f"IF({left},{right},FALSE)" if operator == "and" else f"IF({left},TRUE,{right})"
        if operator in _LEVELS:
            return self._infix(node)
        if operator == "negate":
            return f"(-{self._inside(operands[0], _ATOM)})"
        if operator == "if":
            return f"IF({','.join(self._expression(operand) for operand in operands)})"
        if operator in _CALLS:
            return f"{_CALLS[operator]}({','.join(self._expression(operand) for operand in operands)})"
        if operator in _FOLDS:
            return self._fold(node)
        return self._table(node) if operator in ("lookup", "interpolate") else self._rounded(node)

    def _leaf(self, node: Node) -> str:
        if node.operator == "number":
            assert node.number is not None
            return decimal_text(node.number)
        if node.operator == "text":
            return quoted(node.name)
        name = ".".join((node.name, *node.extra))
        found = self._row.get(name) or self.scalars.get(name)
        if found is None:
            raise NoTwin(f"{name} 没有单元格 has no cell")
        return found

    def _infix(self, node: Node) -> str:
        left, right = node.operands
        if left.type == TEXT:
            same = f"EXACT({self._expression(left)},{self._expression(right)})"
            return same if node.operator == "=" else f"NOT({same})"
        level = _LEVELS[node.operator]
        sign = _SIGNS.get(node.operator, node.operator)
        return f"{self._inside(left, level)}{sign}{self._inside(right, level + 1)}"

    def _inside(self, node: Node, level: int) -> str:
        own = _ATOM if node.operands and node.operands[0].type == TEXT else _LEVELS.get(node.operator, _ATOM)
        text = self._expression(node)
        if node.operator == "convert" and node.ratio not in (None, 1):
            own = _LEVELS["*"]
        return text if own >= level else f"({text})"

    def _rounded(self, node: Node) -> str:
        if node.operator == "count":
            there = self.lists[node.name]
            return f"ROWS({next(iter(there.ranges.values()))})" if there.values else "0"
        if node.operator == "convert":
            assert node.ratio is not None
            return times(self._inside(node.operands[0], _LEVELS["*"]), node.ratio.numerator, node.ratio.denominator)
        return rounded(self._expression(node.operands[0]), node.operator, node.name)

    def _fold(self, node: Node) -> str:
        item, (source,), (body,) = node.name, node.extra, node.operands
        if self._row:
            raise NoTwin("列表中的列表 a list inside a list")
        there = self.lists[source]
        if not there.values:
            return _EMPTY[node.operator]
        if body.operator in ("name", "field") and body.name == item:
            return f"{_FOLDS[node.operator]}({there.ranges[body.extra[0] if body.extra else '']})"
        formulas = []
        for i in range(len(there.values)):
            self._row = {f"{item}.{name}" if name else item: cells[i] for name, cells in there.cells.items()}
            try:
                formulas.append(self.formula(body))
            finally:
                self._row = {}
        return f"{_FOLDS[node.operator]}({self.add_column(node, formulas)})"

    def _table(self, node: Node) -> str:
        key, value = node.extra
        there = self.lists[node.name]
        keys, values = there.ranges[key], there.ranges[value]
        at = self._expression(node.operands[0])
        if node.operator == "lookup":
            _check_texts(there.column(key))
            return f"INDEX({values},MATCH({at},{keys},0))"
        if any(a >= b for a, b in pairwise(there.column(key))):
            raise NoTwin("表未按升序排列 the table is not in ascending order")
        place = f"MATCH({at},{keys},1)"
        low, base = f"INDEX({keys},{place})", f"INDEX({values},{place})"
        rise = f"(INDEX({values},{place}+1)-{base})*({at}-{low})/(INDEX({keys},{place}+1)-{low})"
        return f"IF({low}={at},{base},{base}+{rise})"


def _check_texts(keys: list[Any]) -> None:
    """MATCH ignores case and reads * ? ~ as wildcards."""
    texts = [key for key in keys if isinstance(key, str)]
    if len({text.lower() for text in texts}) != len(texts) or any(sign in text for text in texts for sign in "*?~"):
        raise NoTwin("电子表格不能区分的键 keys that a spreadsheet takes for one another")


def quoted(text: str) -> str:
    """A text as a literal of a formula."""
    return '"' + text.replace('"', '""') + '"'


def times(text: str, numerator: int, denominator: int) -> str:
    """A formula × numerator ÷ denominator, what is 1 left out."""
    text += f"*{numerator}" if numerator != 1 else ""
    return text + (f"/{denominator}" if denominator != 1 else "")


def rounded(text: str, mode: str, digits: str) -> str:
    """round, floor or ceil. ROUND takes a half away from zero as the language does; INT would cut 2.9999… to 2."""
    if mode == "round":
        return f"ROUND({text},{digits})"
    up, down = ("ROUNDUP", "ROUNDDOWN") if mode == "ceil" else ("ROUNDDOWN", "ROUNDUP")
    return f"IF({text}>=0,{up}({text},{digits}),{down}({text},{digits}))"
