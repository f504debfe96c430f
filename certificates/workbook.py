"""Writes a workbook of mrv.presentation as an .xlsx file: named cells, live formulas. Same input, same bytes."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import datetime

from openpyxl import Workbook as XlsxWorkbook
from openpyxl.cell.cell import Cell as XlsxCell
from openpyxl.cell.cell import MergedCell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.worksheet import Worksheet

from mrv.presentation.sheets import Cell, Page, Workbook, column_letters

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

# XML cannot carry these; a title from outside might.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|[\ud800-\udfff]")
# The longest text a cell of Excel holds.
_MAX_TEXT = 32_767
# Files must not differ by the hour they were written in.
_EPOCH = datetime(2000, 1, 1)  # noqa: DTZ001  the format knows no zone
_INSTANT, _EPOCH_TEXT = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"), b"2000-01-01T00:00:00Z"

_FONTS = {"title": Font(bold=True, size=12, color="0B5D48"), "head": Font(bold=True), "live": Font(color="0B5D48"),
          "note": Font(italic=True, color="5D6B65")}
_HEAD = PatternFill("solid", fgColor="EEF3F0")
_GIVEN = PatternFill("solid", fgColor="FDF6EA")
_WRAP = Alignment(vertical="top")


def xlsx(workbook: Workbook, title: str = "CarbonSeal 碳印") -> bytes:
    """The file. Formulas are calculated when it is opened; no macro, no link to another file."""
    file = XlsxWorkbook()
    file.remove(file.worksheets[0])
    file.properties.title = _plain(title)
    file.properties.creator = "CarbonSeal 碳印"
    file.properties.created = file.properties.modified = _EPOCH
    file.calculation.fullCalcOnLoad = True
    for page in workbook.pages:
        _write_page(file.create_sheet(page.title), page)
    for name, (sheet, first, column, last) in workbook.names.items():
        letters = column_letters(column)
        span = f"${letters}${first}" + (f":${letters}${last}" if last != first else "")
        file.defined_names[name] = DefinedName(name, attr_text=f"'{sheet}'!{span}")
    stream = io.BytesIO()
    file.save(stream)
    return _without_times(stream.getvalue())


def _write_page(sheet: Worksheet, page: Page) -> None:
    for (row, column), cell in page.cells.items():
        _write_cell(sheet.cell(row, column), cell)
    for i, width in enumerate(page.widths, 1):
        sheet.column_dimensions[column_letters(i)].width = width
    sheet.freeze_panes = "A2"


def _write_cell(target: XlsxCell | MergedCell, cell: Cell) -> None:
    assert isinstance(target, XlsxCell)
    if cell.formula:
        target.value = f"={cell.formula}"
    elif isinstance(cell.value, str):
        # Set as text whatever it begins with: "=…" from outside must never become a formula.
        target.value = _plain(cell.value)
        target.data_type = "s"
    else:
        target.value = cell.value
    if cell.style in _FONTS:
        target.font = _FONTS[cell.style]
    if cell.style in ("head", "given"):
        target.fill = _HEAD if cell.style == "head" else _GIVEN
    target.alignment = _WRAP


def _plain(text: str) -> str:
    return _CONTROL.sub("\ufffd", text)[:_MAX_TEXT]


def _without_times(data: bytes) -> bytes:
    """The same archive with one fixed time for every member."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            # Saving writes the moment into the properties, whatever they were set to.
            content = _INSTANT.sub(_EPOCH_TEXT, old.read(name)) if name == "docProps/core.xml" else old.read(name)
            new.writestr(zipfile.ZipInfo(name, _EPOCH.timetuple()[:6]), content, zipfile.ZIP_DEFLATED)
    return stream.getvalue()
