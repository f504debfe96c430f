"""A small methodology whose factor changes on 1 July 2026, for the tests of split periods, gaps and priorities."""

from __future__ import annotations

from datetime import date
from typing import Any

from mrv.authoring.catalogue import shipped
from mrv.authoring.translate import methodology_document, parameter_documents
from mrv.calculation.run import RunResult, run
from mrv.definitions.ruleset import RuleSet

ZONE = "Asia/Shanghai"
JUNE, JULY, AUGUST = "2026-05-31T16:00:00.000Z", "2026-06-30T16:00:00.000Z", "2026-07-31T16:00:00.000Z"
TODAY = date(2026, 12, 5)

_DATED = {"source": "a table", "date_status": "known"}
_PARAMETERS = {"shared": {"select": "in-force", "unit": "tCO2/t", "status": "published"}, "parameters": {
    "glass.soda-ash": {"title": {"zh": "纯碱", "en": "soda ash"}, "values": [
        {"key": "old", "value": "0.4", "from": "2025-01-01", "to": "2026-07-01", **_DATED},
        {"key": "new", "value": "0.5", "from": "2026-07-01", "to": None, **_DATED}]}}}
_TITLE = {"zh": "玻璃", "en": "glass"}
_METHODOLOGY: dict[str, Any] = {
    "id": "inventory.glass", "version": "1", "kind": "emission", "title": _TITLE, "source": "a table",
    "status": "published", "valid": {"from": "2025-01-01", "to": None},
    "inputs": {
        "soda_ash": {"zh": "纯碱", "en": "soda ash", "unit": "t", "required": "true", "gap": "greatest rate",
                     "sources": ["register", "document", "declared", "substitution"],
                     "methods": ["measured", "manual"], "substitution": "greatest-rate"},
        "purity": {"zh": "纯度", "en": "purity", "unit": "1", "sources": ["document"], "gap": "refused",
                   "single": "true"},
        "glass": {"zh": "玻璃", "en": "glass", "unit": "t", "required": "true", "sources": ["document"],
                  "gap": "refused"},
    },
    "steps": {
        "process": {"formula": "process.activity@1", "with": {
            "consumption": "inputs.soda_ash", "factor": "parameters.glass.soda-ash",
            "purity": ["inputs.purity", {"value": "1", "unit": "1"}]}},
        "total": {"formula": "inventory.sum.co2e@1", "with": {"parts": {"list": ["steps.process.emission"]}}},
        "intensity": {"formula": "inventory.intensity.co2e@1", "with": {
            "emission": "steps.total.total", "production": "inputs.glass"}},
    },
    "outputs": {"process": "steps.process.emission", "total": "steps.total.total",
                "intensity": "steps.intensity.intensity"},
    "result": {"output": "total", "unit": "kgCO2e", "rounding": "round", "digits": "0"},
}


def glass_rules(**members: Any) -> RuleSet:
    """The rules, with members of the methodology changed; `split` is on unless set to None."""
    raw = {"split": ["process", "total"], **_METHODOLOGY, **members}
    methodology = methodology_document({name: value for name, value in raw.items() if value is not None})
    documents = {name: document for name, document in shipped().documents().items() if name.startswith("formulas/")}
    documents |= {f"parameters/{item['id']}": item for item in parameter_documents(_PARAMETERS)}
    return RuleSet.from_documents(documents | {f"methodologies/inventory.glass@{methodology['version']}": methodology})


def span(start: str, end: str) -> dict[str, str]:
    return {"start": start, "end": end, "zone": ZONE}


def paper_item(value: str, unit: str, digest: str = "ab", **members: Any) -> dict[str, Any]:
    return {"quantity": {"value": value, "unit": unit}, "priority": "2", "method": "measured", "uncertainty": None,
            "source": {"type": "document", "digest": digest * 32, "title": "台账"}} | members


def month(tonnes: str, glass: str = "10") -> dict[str, Any]:
    return {"soda_ash": [paper_item(tonnes, "t")], "glass": [paper_item(glass, "t", priority="1")]}


def whole(start: str, end: str, inputs: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"subject": "org:glass", "boundary": "厂区", "period": span(start, end), "inputs": inputs, "options": {},
            "allow_unconfirmed": False} | members


def in_parts(*parts: tuple[str, str, dict[str, Any]], **members: Any) -> dict[str, Any]:
    """The parts, the papers of each a bill of its own."""
    given = [{"period": span(start, end), "inputs": {name: [_of_part(item, number) for item in items]
                                                    for name, items in inputs.items()}}
             for number, (start, end, inputs) in enumerate(parts)]
    return whole(parts[0][0], parts[-1][1], {}, parts=given, **members)


def _of_part(item: dict[str, Any], number: int) -> dict[str, Any]:
    source = item["source"]
    if source["type"] != "document" or "covers" in source:
        return item
    return item | {"source": source | {"digest": source["digest"][:62] + f"{number:02x}"}}


def glass(document: dict[str, Any], rules: RuleSet | None = None, at: date = TODAY) -> RunResult:
    return run(rules or glass_rules(), "inventory.glass", None, document, at)
