"""tests/vectors/runs: runs.json, and data-year.json with real factors: what another implementation is held against.

`python tests/mrv/run_vectors.py` writes both.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from mrv_helpers import point
from split_helpers import AUGUST, JULY, JUNE, TODAY, glass, glass_rules, in_parts, month, paper_item, span, whole

from core.errors import CarbonSealError
from mrv.authoring.catalogue import load, shipped
from mrv.calculation.run import RunResult, run
from mrv.calculation.service import result_json

TARGET = Path(__file__).parents[1] / "vectors" / "runs" / "runs.json"
DATA_YEAR_TARGET = TARGET.with_name("data-year.json")
_PRINTED = ("result", "outputs", "notices", "quality", "parts")
_GAP = {"type": "substitution", "rule": "greatest-rate", "meter": None, "start": "2026-06-10T16:00:00.000Z",
        "end": "2026-06-12T16:00:00.000Z", "rate": {"value": "1.5", "unit": "t/h"}, "reason": "秤体故障",
        "digest": "ef" * 32}


MIDDLE, NEXT_DAY = "2026-06-15T16:00:00.000Z", "2026-06-16T16:00:00.000Z"


def _covering(start: str, end: str) -> dict[str, Any]:
    paper = paper_item("5", "t", "cd" if start == MIDDLE else "ab")
    return paper | {"source": paper["source"] | {"covers": {"start": start, "end": end, "account": "0512-0017"}}}


def _weighed(first: int, last: int, start: str, end: str) -> dict[str, Any]:
    """What a weighbridge counted from one number of tonnes to another."""
    source = {"type": "register", "meter": "m:scale", "quantity": "mass",
              "from": point(str(first * 1_000_000), start), "to": point(str(last * 1_000_000), end)}
    return paper_item(str(last - first), "t", source=source, priority="1")


def _given() -> dict[str, dict[str, Any]]:
    ash = paper_item("100", "t", uncertainty="5")
    purity = paper_item("0.9", "1", priority="1", uncertainty="10")
    gap = paper_item("72", "t", source=_GAP, priority="4", method="estimated")
    half, rest = _covering(JUNE, MIDDLE), _covering(MIDDLE, JULY) | {"quantity": {"value": "7", "unit": "t"}}
    previous = {"statement": "aa" * 32, "priorities": {"soda_ash": "1"}}
    june, july = (JUNE, JULY, month("100")), (JULY, AUGUST, month("300"))
    return {
        "the day before the change": whole(JUNE, JULY, month("100")),
        "the day of the change": whole(JULY, AUGUST, month("100")),
        "across the change": whole(JUNE, AUGUST, month("100")),
        "across the change in parts": in_parts(june, july),
        "parts that leave a day out": in_parts(june, july) | {"period": span(JUNE, "2026-08-31T16:00:00.000Z")},
        "five and ten per cent": whole(JUNE, JULY, month("1") | {"soda_ash": [ash], "purity": [purity]}),
        "one of two states no uncertainty": whole(JUNE, JULY, month("1") | {"soda_ash": [ash]}),
        "a gap of two days": whole(JUNE, JULY, month("1") | {"soda_ash": [paper_item("100", "t"), gap]}),
        "a gap that is not rate times time": whole(JUNE, JULY, month("1") | {
            "soda_ash": [gap | {"quantity": {"value": "71", "unit": "t"}}]}),
        "a bill of half the month": whole(JUNE, JULY, month("1") | {"soda_ash": [half]}),
        "a bill of each half of the month": whole(JUNE, JULY, month("1") | {"soda_ash": [half, rest]}),
        "half a month of an input that refuses a gap": whole(JUNE, JULY, month("1") | {
            "glass": [half | {"priority": "1"}]}),
        "a register read to the middle of the month": whole(JUNE, JULY, month("1") | {
            "soda_ash": [_weighed(0, 9, JUNE, MIDDLE)]}),
        "a register that moved between two spans": whole(JUNE, JULY, month("1") | {
            "soda_ash": [_weighed(0, 9, JUNE, MIDDLE), _weighed(21, 30, NEXT_DAY, JULY)]}),
        "a register that stood still between two spans": whole(JUNE, JULY, month("1") | {
            "soda_ash": [_weighed(0, 9, JUNE, MIDDLE), _weighed(9, 30, NEXT_DAY, JULY)]}),
        "a register that jumps in no time": whole(JUNE, JULY, month("1") | {
            "soda_ash": [_weighed(0, 9, JUNE, MIDDLE), _weighed(21, 30, MIDDLE, JULY)]}),
        "a register read after the period": whole(JUNE, JULY, month("1") | {
            "soda_ash": [_weighed(0, 9, JUNE, AUGUST)]}),
        "a source below that of the year before": whole(JUNE, JULY, month("100"), previous=previous),
        "an intensive quantity given twice": whole(JUNE, JULY, month("1") | {
            "purity": [purity, paper_item("0.9", "1", "cd", priority="1")]}),
    }


def vectors() -> str:
    """The rules of the small methodology, each inputs document with what a run prints, or with its error."""
    rules = glass_rules()
    documents = rules.documents_for(rules.methodologies["inventory.glass@1"])
    cases = []
    for name, given in _given().items():
        case: dict[str, Any] = {"name": name, "at": TODAY.isoformat(), "inputs": given}
        cases.append(case | _outcome(lambda given=given: glass(given, rules), _PRINTED))  # type: ignore[misc]
    return json.dumps({"rules": documents, "cases": cases}, ensure_ascii=False, indent=1) + "\n"


def data_year_vectors() -> str:
    """The corporate inventory on the cases beside it that choose the factor of the year of use, or pass it by."""
    rules = shipped()
    rule = rules.methodologies["inventory.corporate@1"]
    cases = []
    for case in (case for case in load().cases if case.rule == rule.key):
        if "electricity_factor" in case.body["document"]["options"] or "fiscal" in case.name:
            given, at = case.body["document"] | {"allow_unconfirmed": True}, case.body["at"]
            cases.append({"name": case.name, "at": at, "inputs": given} | _outcome(
                lambda given=given, at=at: run(rules, rule.id, None, given, date.fromisoformat(at)),  # type: ignore[misc]
                (*_PRINTED, "parameters")))
    read = ("grid.average.jiangsu", "grid.excluding_traded_non_fossil.cn", "heat.default")
    documents = rules.documents_for(rule, read)
    return json.dumps({"rules": documents, "cases": cases}, ensure_ascii=False, indent=1) + "\n"


def _outcome(action: Callable[[], RunResult], members: Sequence[str]) -> dict[str, Any]:
    try:
        printed = result_json(action())
    except CarbonSealError as error:
        return {"error": error.code}
    return {name: printed[name] for name in members}


if __name__ == "__main__":
    TARGET.write_text(vectors(), "utf-8")
    DATA_YEAR_TARGET.write_text(data_year_vectors(), "utf-8")
