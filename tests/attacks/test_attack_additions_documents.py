"""What meters and documents of strangers bring into reports: values beyond every scale, hostile titles."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from copy import deepcopy
from datetime import date
from time import process_time
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from sqlalchemy import Connection

from api import crosschecks
from api.crosschecks import HOUR_MS, hours_of_stack
from attestation.series import Series
from certificates import inventory_report
from certificates.inventory_report import CalculationReport, report_of
from core.errors import InputError
from core.period import Period
from mrv.authoring.catalogue import load, shipped
from mrv.calculation.service import result_of

CONNECTION: Any = None
CASE = next(case for case in load().cases if case.rule == "inventory.enterprise@1"
            and "document" in case.body and "error" not in case.body)
PAPER = {"type": "document", "digest": "ab" * 32}


def stack_of(minutes: int, concentration: int, flow: int) -> Callable[..., Series]:
    """What the log holds of a stack: a sample each minute, both gauges always alike."""
    def raw(_connection: Connection, _meter: str, quantity: str, period: Period) -> Series:
        times = period.start + 60_000 * np.arange(minutes, dtype=np.int64)
        values = np.full(minutes, concentration if quantity == "co2" else flow, np.int64)
        return Series(times, values, np.zeros(minutes, np.int64), np.zeros(minutes, np.int64), 0)

    return raw


@pytest.mark.parametrize("value", [2**62 - 1, -(2**62) + 1, 10**11])
def test_gauges_at_the_end_of_their_range_are_a_finding_and_no_fault_of_the_node(
        monkeypatch: pytest.MonkeyPatch, value: int) -> None:
    monkeypatch.setattr(crosschecks.series, "raw", stack_of(120, value, value))
    with pytest.raises(InputError) as caught:
        hours_of_stack(CONNECTION, "m:stack", "co2", "flow", Period(0, 2 * HOUR_MS))
    assert caught.value.code == "out-of-range"


def test_a_year_of_minute_samples_of_a_stack_is_multiplied_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crosschecks.series, "raw", stack_of(8760 * 60, 150_000, 400_000))
    found = hours_of_stack(CONNECTION, "m:stack", "co2", "flow", Period(0, 8760 * HOUR_MS))
    assert (found.valid, found.invalid, found.greatest) == (8760, (), 150_000 * 400_000)
    assert str(found.mass) == "525600 tCO2"


# hostile titles

def report(*titles: str) -> CalculationReport:
    """The report of as many papers as there are titles."""
    document = deepcopy(CASE.body["document"]) | {"allow_unconfirmed": True}
    name = "purchased_electricity"
    item = {"quantity": {"value": "1", "unit": "kWh"}, "method": "measured", "uncertainty": None}
    document["inputs"][name] = [item | {"source": PAPER | {"digest": f"{i:064x}", "title": title}}
                                for i, title in enumerate(titles)]
    return report_of(result_of(shipped(), CASE.rule, document, date.fromisoformat(CASE.body["at"])))


def refused_pdf(made: CalculationReport) -> str:
    with pytest.raises(InputError) as caught:
        made.as_pdf()
    return caught.value.code


def test_titles_that_take_minutes_to_set_in_type_are_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inventory_report, "pdf_of", lambda page, fonts: page("").encode())
    long, began = [report("x" * 8000), report(*["测" * 500] * 25), report("x" * 100_000)], process_time()
    assert [refused_pdf(made) for made in long] == ["report-too-long"] * 3
    assert process_time() - began < 5
    assert report(*["测" * 99] * 25).as_pdf()
    assert report("x" * 500).as_pdf()


HOSTILE = ['=HYPERLINK("http://x","y")', "+1+1|cmd' /C calc'!A0", "@SUM(1)", "\t=1", "\r=1", "\x00\x01\x0b\x1f\x85",
           "\u202egpj.exe", "\ufffe\uffff", "<script>alert(1)</script>", "{{7*7}}", "]]>", "_x000D_", "x" * 100_000]


@pytest.mark.parametrize("title", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_title_is_text_in_every_report(title: str) -> None:
    made = report(title)
    with zipfile.ZipFile(io.BytesIO(made.as_xlsx())) as book:
        sheets = [book.read(name).decode() for name in book.namelist() if name.endswith(".xml")]
    assert all(ElementTree.fromstring(sheet) is not None for sheet in sheets)
    formulas = [formula for sheet in sheets for formula in re.findall(r"<f>(.*?)</f>", sheet, re.S)]
    assert formulas
    assert not [formula for formula in formulas if "HYPERLINK" in formula or "cmd" in formula or "SUM(1)" in formula]
    assert max(len(cell) for sheet in sheets for cell in re.findall(r"<t[^>]*>(.*?)</t>", sheet, re.S)) <= 32_767
    page = made.as_html()
    assert "<script>" not in page
    assert page.encode()
