"""Inputs documents of a fictitious plant, and small rule sets, for the tests of the engine."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from core.errors import CarbonSealError
from mrv.authoring.translate import formula_document, parameter_documents
from mrv.calculation import service
from mrv.definitions.formula import Formula
from mrv.definitions.parameter import Parameter
from mrv.definitions.ruleset import RuleSet

START, END = "2026-10-31T16:00:00.000Z", "2026-11-30T16:00:00.000Z"
MIDDLE = "2026-11-15T16:00:00.000Z"
PERIOD = {"start": START, "end": END, "zone": "Asia/Shanghai"}


def point(position: str, time: str) -> dict[str, str]:
    return {"position": position, "time": time, "gateway": "gw:plant-1", "epoch": "0", "seq": "1", "block": "0",
            "ordinal": "0", "index": "7"}


def run_methodology(ruleset: RuleSet, name: str, inputs_document: object, at: date) -> dict[str, Any]:
    """The answer of a methodology to a document as people write it."""
    return service.result_json(service.result_of(ruleset, name, inputs_document, at))


def register(start: str, end: str, meter: str = "m:plant-main") -> dict[str, Any]:
    return {"type": "register", "meter": meter, "quantity": "active-energy-import", "from": point(start, START),
            "to": point(end, END)}


def claim_point(start: str, end: str, mark: str = "cp:plant-pv") -> dict[str, Any]:
    return {"type": "claim-point", "mark": mark, "meter": f"m:{mark[3:]}", "quantity": "active-energy-export",
            "from": {"position": start}, "to": point(end, END)}


def paper(digest: str = "ab" * 32) -> dict[str, str]:
    return {"type": "document", "digest": digest, "title": "结算单"}


def item(value: str, unit: str, source: dict[str, Any], priority: str = "1",
         method: str = "measured") -> dict[str, Any]:
    return {"quantity": {"value": value, "unit": unit}, "source": source, "priority": priority, "method": method,
            "uncertainty": None}


def document(inputs: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"subject": "org:plant", "boundary": "厂区", "period": PERIOD, "inputs": inputs, "options": {},
            "allow_unconfirmed": True} | members


def inventory(**members: Any) -> dict[str, Any]:
    """A month of 1000 MWh in Jiangsu: 582.7 tCO2 location-based."""
    inputs = {"purchased_electricity": [item("1000000", "kWh", register("1000", "1000001000"))]}
    return document(inputs, options={"region": "jiangsu"}) | members


def billed(**members: Any) -> dict[str, Any]:
    """The same from a bill, which may be of any time."""
    return inventory(inputs={"purchased_electricity": [item("1000000", "kWh", paper(), "2")]}) | members


def green(end: str = "2500500") -> dict[str, Any]:
    return document({"generation": [item(str(int(end) - 500), "Wh", claim_point("500", end))]})


def saving(**members: Any) -> dict[str, Any]:
    """10 MWh saved in Jiangsu: 5.827 tCO2e."""
    inputs = {"baseline_electricity": [item("30000", "kWh", paper(), "2")],
              "project_electricity": [item("20000", "kWh", register("1000", "20001000"))]}
    return document(inputs, options={"region": "jiangsu", "facilities": ["fac:line-1"]}) | members


def small_formula(expression: str, inputs: dict[str, Any], unit: str, **members: Any) -> Formula:
    return Formula.from_document(formula_document({
        "id": "test", "version": "1", "title": {"zh": "测试", "en": "test"}, "source": "test", "status": "published",
        "valid": {"from": None, "to": None}, "inputs": inputs, "output": unit, "expression": expression} | members))


def small_parameter(select: str, values: list[dict[str, str]], **members: Any) -> Parameter:
    shared = {"select": select, "unit": "1", "source": "test", "status": "published", "date_status": "known",
              "title": {"zh": "测试", "en": "test"}}
    documents = parameter_documents({"shared": shared, "parameters": {"test.p": {"values": values} | members}})
    return Parameter.from_document(documents[0])


def code_of(action: Callable[[], object]) -> str:
    """The code of the error an action ends with."""
    with pytest.raises(CarbonSealError) as caught:
        action()
    return caught.value.code
