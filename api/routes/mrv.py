"""Rules: formulas, parameters and methodologies, evaluated on what the caller gives. Nothing is stored."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool

from api.answers import json_body
from api.deps import NodeDep
from core.errors import FormError
from mrv.authoring import catalogue
from mrv.calculation import service
from mrv.presentation import explained
from mrv.presentation.label import carbon_label

router = APIRouter(prefix="/v1/mrv", tags=["mrv"])


@router.get("/formulas")
def formulas() -> list[dict[str, Any]]:
    """Every formula: id@version, titles, inputs, outputs, expression, source, validity, status."""
    return service.formulas(catalogue.shipped())


@router.get("/parameters/{path:path}")
def parameter(node: NodeDep, path: str, at: str = "") -> dict[str, Any]:
    """The value in force at a date (today when absent), with unit, source, validity and status."""
    return service.parameter(catalogue.shipped(), path, day_of(node.deployment.clock.now(), at))


@router.post("/eval/{formula}")
async def evaluate(request: Request, formula: str, explain: bool = False) -> dict[str, Any]:
    """Evaluate one formula. Body: {name: {"value", "unit"}}, or lists of such; answers outputs and the trace.

    `explain`: adds the tree for people (docs/guides/reports.md).
    """
    return await run_in_threadpool(explained.evaluate, catalogue.shipped(), formula, await json_body(request), explain)


@router.post("/run/{methodology}")
async def run(node: NodeDep, request: Request, methodology: str, at: str = "", explain: bool = False,
              label: bool = False) -> dict[str, Any]:
    """Evaluate a whole methodology on an inputs document. `at`: the statement date, today when absent.

    `explain`: adds the tree for people, from the result down to registers, documents and parameters. `label`: adds the
    summary of a product footprint that a 碳标签 shows.
    """
    day, document = day_of(node.deployment.clock.now(), at), await json_body(request)

    def made() -> dict[str, Any]:
        answer = explained.run_methodology(catalogue.shipped(), methodology, document, day, explain)
        if label:
            answer["label"] = carbon_label(explained.result_of(catalogue.shipped(), methodology, document, day))
        return answer

    return await run_in_threadpool(made)


@router.post("/compare/{methodology}")
async def compare(node: NodeDep, request: Request, methodology: str, at: str = "") -> dict[str, Any]:
    """Scenarios beside a base. Body: {"inputs": an inputs document, "scenarios": […]}; nothing of it is attested."""
    day, document = day_of(node.deployment.clock.now(), at), await json_body(request)
    return await run_in_threadpool(explained.compare, catalogue.shipped(), methodology, document, day)


def day_of(now: int, text: str) -> date:
    """The day of "YYYY-MM-DD"; today in UTC where absent. Raises FormError (date-malformed)."""
    if not text:
        return datetime.fromtimestamp(now // 1000, tz=UTC).date()
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        raise FormError("date-malformed", f"{text[:20]!r} is not a date", where="at", hint="YYYY-MM-DD")
    return day
