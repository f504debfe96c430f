"""A workbook as data: sheets, cells with values or formulas, names of cells. `certificates.workbook` writes files."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal

from core.errors import InputError

# A sheet of Excel ends at 1,048,576 rows; nobody reads a tenth of it.
MAX_ROWS = 100_000
MAX_NAME_CHARS = 200


@dataclass(frozen=True)
class Cell:
    """One cell: a `formula` (without "=") with the `value` calculated for it, or a `value` alone.

    `style`: title | head | given | live | note | "" .
    """

    value: Decimal | str | bool | None = None
    formula: str = ""
    style: str = ""


@dataclass
class Page:
    """A sheet: cells by (row, column), both from 1. `widths`: of the columns, in characters."""

    title: str
    widths: tuple[int, ...]
    cells: dict[tuple[int, int], Cell] = field(default_factory=dict)
    rows: int = 0

    def row(self, *values: Cell | str) -> int:
        """Append a row; its number. Raises InputError (workbook-too-long)."""
        self.rows += 1
        if self.rows > MAX_ROWS:
            raise InputError("workbook-too-long", f"a sheet has at most {MAX_ROWS} rows", where=self.title,
                             hint="use the JSON, or split the period")
        for column, value in enumerate(values, 1):
            cell = Cell(value) if isinstance(value, str) else value
            if cell.formula or cell.value not in (None, ""):
                self.cells[self.rows, column] = cell
        return self.rows


@dataclass
class Workbook:
    """Sheets in order. `names`: defined name → (sheet, first row, column, last row); `notes`: what is not live."""

    pages: list[Page]
    names: dict[str, tuple[str, int, int, int]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    _taken: set[str] = field(default_factory=set)

    def name(self, wanted: str, page: Page, row: int, column: int, last: int | None = None) -> str:
        """Give a cell, or a column of cells, a name of its own that a spreadsheet accepts."""
        stem = re.sub(r"\W", "_", wanted)[:MAX_NAME_CHARS]
        name, count = stem, 1
        while name.lower() in self._taken:
            count += 1
            name = f"{stem}_{count}"
        self._taken.add(name.lower())
        self.names[name] = (page.title, row, column, last or row)
        return name


def column_letters(column: int) -> str:
    """The letters of a column: 1 → "A", 27 → "AA"."""
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
