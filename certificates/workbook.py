"""Writes a workbook of mrv.presentation as an .xlsx file: named cells, live formulas. Same input, same bytes."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from xml.sax.saxutils import escape

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

# A formula as openpyxl writes it: address, style, formula, an empty value. Texts lie in another member of the archive.
_FORMULA_CELL = re.compile(rb'<c r="([A-Z]+\d+)"((?: s="\d+")?)>(<f>[^<]*</f>)<v ?/></c>')
# What a spreadsheet's numbers hold.
_DOUBLE_DIGITS = 17

_FONTS = {"title": Font(bold=True, size=12, color="0B5D48"), "head": Font(bold=True), "live": Font(color="0B5D48"),
          "note": Font(italic=True, color="5D6B65")}
_HEAD = PatternFill("solid", fgColor="EEF3F0")
_GIVEN = PatternFill("solid", fgColor="FDF6EA")
_WRAP = Alignment(vertical="top")


def xlsx(workbook: Workbook, title: str = "CarbonSeal 碳印") -> bytes:
    """The file. Formulas stand with their values and are calculated when it is opened; no macro, no other file."""
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
    return _finished(stream.getvalue(), workbook.pages)


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


def _finished(data: bytes, pages: Sequence[Page]) -> bytes:
    """The same archive with one fixed time for every member, and beside each formula the value calculated for it."""
    values = {f"xl/worksheets/sheet{i}.xml": _values(page) for i, page in enumerate(pages, 1)}
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "docProps/core.xml":
                # Saving writes the moment into the properties, whatever they were set to.
                content = _INSTANT.sub(_EPOCH_TEXT, content)
            elif name in values:
                content = _with_values(content, values[name])
            new.writestr(zipfile.ZipInfo(name, _EPOCH.timetuple()[:6]), content, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def _values(page: Page) -> dict[bytes, tuple[bytes, bytes]]:
    """Address of each formula whose value is known → type attribute and text of the value."""
    return {f"{column_letters(column)}{row}".encode(): _value(cell.value)
            for (row, column), cell in page.cells.items() if cell.formula and cell.value is not None}


def _value(value: Decimal | str | bool) -> tuple[bytes, bytes]:
    if isinstance(value, bool):
        return b' t="b"', b"1" if value else b"0"
    if isinstance(value, str):
        return b' t="str"', escape(_plain(value)).encode()
    return b"", f"{value:.{_DOUBLE_DIGITS}g}".encode()


def _with_values(sheet: bytes, values: Mapping[bytes, tuple[bytes, bytes]]) -> bytes:
    """The XML of a sheet with values filled in: openpyxl leaves them empty, and so a preview shows nothing."""
    def filled(match: re.Match[bytes]) -> bytes:
        address, style, formula = match.groups()
        if address not in values:
            return match[0]
        kind, text = values[address]
        return b'<c r="%s"%s%s>%s<v>%s</v></c>' % (address, style, kind, formula, text)

    return _FORMULA_CELL.sub(filled, sheet)
