"""The certificate as one page of HTML, and the same page as PDF (WeasyPrint) with a QR code to its check.

HTML needs nothing but this package. PDF needs the system library pango and, for Chinese text that looks the same
everywhere, the font installed by `npm ci` in `fonts/`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import segno
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from certificates import wording
from certificates.report import CertificateReport, Device
from core.errors import FormError, Unavailable
from core.numbers import decimal_text, parse_decimal
from core.period import Period, local_text
from core.records import Kind
from mrv.language.interpreter import round_to

TEMPLATES = Path(__file__).parent / "templates"
FONTS = Path(__file__).parents[1] / "fonts" / "node_modules" / "@fontsource" / "noto-sans-sc" / "files"
SHORT_ID = 12
SHOWN_DIGITS = 8
"""Significant digits in the tables of a page; the calculation below them keeps every digit."""

# The last three hold arrows, ≈ ≠ ∑, and ≤ ≥ √: without them a page would borrow what the system has, or show boxes.
_FACES = (("CS Latin", "latin"), ("CS Han", "chinese-simplified"), ("CS Arrows", "109"), ("CS Signs", "90"),
          ("CS Orders", "100"))
_WEIGHTS = (400, 700)
ENVIRONMENT = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined,
                           trim_blocks=False, lstrip_blocks=False)


def short(value: str) -> str:
    """A number for a table: "≈ 1894.7417" of more digits than a person reads, else as it is; whole digits all stay.

    Text that is no number is left as it is.
    """
    try:
        number = parse_decimal(value)
    except FormError:
        return value
    whole = max(number.adjusted() + 1, 0)
    shown = round_to(number, "round", max(SHOWN_DIGITS - whole, 0))
    return value if shown == number else f"≈ {decimal_text(shown)}"


ENVIRONMENT.filters["short"] = short


def render_html(report: CertificateReport, font_base: str = "") -> str:
    """The page. `font_base`: URL of the folder with the font files; empty leaves the reader's own fonts."""
    return ENVIRONMENT.get_template("certificate.html").render(_page(report, font_base))


def render_pdf(report: CertificateReport, fonts: Path = FONTS) -> bytes:
    """The page as PDF. Raises Unavailable (pdf-unavailable, font-unavailable)."""
    return pdf_of(lambda font_base: render_html(report, font_base), fonts)


def pdf_of(page: Callable[[str], str], fonts: Path = FONTS) -> bytes:
    """A page of HTML, made for the URL of the fonts' folder, as PDF. Raises Unavailable."""
    try:
        import weasyprint  # here: loading it opens system libraries that only this function needs
    except OSError as error:
        raise Unavailable("pdf-unavailable", f"WeasyPrint cannot load its system libraries: {error}",
                          hint="apt-get install libpango-1.0-0 libpangoft2-1.0-0, or use the HTML page") from None
    if not _font_file(fonts, "chinese-simplified", 400).is_file():
        raise Unavailable("font-unavailable", "the CJK font is not installed", where=str(fonts),
                          hint="run `npm ci` in fonts/, or use the HTML page")
    document: bytes = weasyprint.HTML(string=page(fonts.as_uri()), base_url=fonts.as_uri()).write_pdf()
    return document


def _font_file(base: Path, subset: str, weight: int) -> Path:
    return base / f"noto-sans-sc-{subset}-{weight}-normal.woff"


def _page(report: CertificateReport, font_base: str) -> dict[str, Any]:
    zone, opinion, anchor = report.period.zone, report.opinion, report.anchor
    return {
        "r": report, "kind": wording.KINDS[report.kind], "state": wording.STATES[report.status],
        "id_short": report.id.hex()[:SHORT_ID], "amount": f"{report.amount:,}", "unit": report.unit,
        "amount_note": _amount_note(report), "result": f"{decimal_text(report.result)} {report.result_unit}",
        "qr": segno.make(report.check_url, error="m").svg_data_uri(dark="#16221e", border=0),
        "warnings": wording.notices(report.notices), "faces": faces(font_base),
        "period": _span(report.period), "as_of": local_text(report.as_of, zone),
        "conclusion": wording.CONCLUSIONS[opinion.conclusion], "assurance": wording.ASSURANCE[opinion.assurance],
        "materiality": decimal_text(opinion.materiality), "opinion_date": local_text(opinion.date, zone)[:10],
        "anchored_at": local_text(anchor.time, zone) if anchor else "",
        "devices": [_device(device, report) for device in report.devices],
        "proven": wording.PROVEN, "not_proven": wording.NOT_PROVEN, **_retirement(report),
    }


def _retirement(report: CertificateReport) -> dict[str, Any]:
    if report.retirement is None:
        return {}
    return {"retire_purpose": wording.purpose(report.retirement.purpose),
            "consumption": _span(report.retirement.period),
            "retired_at": local_text(report.retirement.time, report.retirement.period.zone)}


def _amount_note(report: CertificateReport) -> str:
    if report.kind is Kind.EMISSION:
        return f"{report.amount // 1000:,}.{report.amount % 1000:03d} tCO2e"
    if report.kind is Kind.GREEN_POWER:
        return f"{report.amount * 1_000_000:,} Wh"
    return ""


def _device(device: Device, report: CertificateReport) -> dict[str, Any]:
    spans = [f"[{span.start:,}, {span.end:,})" for span in report.intervals if span.mark == device.mark]
    return {"mark": device.mark, "grid_point": device.grid_point, "meter_serial": device.meter_serial,
            "technology": device.technology, "origin": device.origin, "capacity": f"{device.capacity_w // 1000:,} kW",
            "storage": device.storage, "opened": local_text(device.opened, report.period.zone),
            "serials": "；".join(spans)}


def _span(period: Period) -> str:
    return f"{local_text(period.start, period.zone)[:16]} 至 {local_text(period.end, period.zone)[:16]}"


def faces(base: str) -> list[dict[str, Any]]:
    """The font faces of the style sheet; none without a folder."""
    if not base:
        return []
    return [{"family": family, "weight": weight, "url": f"{base}/noto-sans-sc-{subset}-{weight}-normal.woff"}
            for family, subset in _FACES for weight in _WEIGHTS]
