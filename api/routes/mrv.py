"""Rules: formulas, parameters and methodologies, evaluated on what the caller gives. Nothing is stored."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from fastapi import APIRouter, Request

from api.answers import json_body
from api.deps import NodeDep
from core.errors import FormError
from mrv import catalogue, service

router = APIRouter(prefix="/v1/mrv", tags=["mrv"])


@router.get("/formulas")
def formulas() -> list[dict[str, Any]]:
    """Every formula: id@version, titles, inputs, outputs, expression, source, validity, status."""
    return service.formulas(catalogue.shipped())


@router.get("/parameters/{path:path}")
def parameter(node: NodeDep, path: str, at: str = "") -> dict[str, Any]:
    """The value in force at a date (today when absent), with unit, source, validity and status."""
    return service.parameter(catalogue.shipped(), path, _day(node.deployment.clock.now(), at))


@router.post("/eval/{formula}")
async def evaluate(request: Request, formula: str) -> dict[str, Any]:
    """Evaluate one formula. Body: {name: {"value", "unit"}}, or lists of such; answers outputs and the trace."""
    return service.evaluate(catalogue.shipped(), formula, await json_body(request))


@router.post("/run/{methodology}")
async def run(node: NodeDep, request: Request, methodology: str, at: str = "") -> dict[str, Any]:
    """Evaluate a whole methodology on an inputs document. `at`: the statement date, today when absent."""
    day = _day(node.deployment.clock.now(), at)
    return service.run_methodology(catalogue.shipped(), methodology, await json_body(request), day)


def _day(now: int, text: str) -> date:
    if not text:
        return datetime.fromtimestamp(now // 1000, tz=UTC).date()
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        raise FormError("date-malformed", f"{text[:20]!r} is not a date", where="at", hint="YYYY-MM-DD")
    return day
