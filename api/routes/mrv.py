"""Rules: formulas, parameters and methodologies, evaluated on what the caller gives. Nothing is stored."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.concurrency import run_in_threadpool

from api.answers import json_body
from api.deps import NodeDep, known_query
from core.numbers import PRECISION
from mrv.authoring import catalogue
from mrv.authoring.vocabulary import vocabulary
from mrv.calculation import service
from mrv.presentation import explained, listing
from mrv.presentation.advice import advising
from mrv.presentation.label import carbon_label

router = APIRouter(prefix="/v1/mrv", tags=["mrv"], dependencies=[Depends(known_query)])


Find = Annotated[str, Query(max_length=80, description=(
    "only what has these words or their synonyms, the best hits first"))]


@router.get("/formulas")
def formulas(find: Find = "") -> list[dict[str, Any]]:
    """Every formula: id@version, titles, inputs, outputs, expression, source, validity, status."""
    return listing.formulas(catalogue.shipped(), find, vocabulary())


@router.get("/formulas/{formula}")
def formula(formula: str) -> dict[str, Any]:
    """One formula, "id" or "id@version", with the `parameters` that fit and `example`: inputs that give a number."""
    with advising(catalogue.shipped(), formula=formula):
        found = listing.formula(catalogue.shipped(), formula)
    return found | {"example": catalogue.example(catalogue.shipped_catalogue(), "formula", found["formula"])}


@router.get("/methodologies")
def methodologies(find: Find = "") -> list[dict[str, Any]]:
    """Every methodology: titles, inputs with units and what may back them, options, outputs, status."""
    return listing.methodologies(catalogue.shipped(), find, vocabulary())


@router.get("/methodologies/{methodology}")
def methodology(methodology: str) -> dict[str, Any]:
    """One methodology, "id" or "id@version", as in the list, with `example`: statement date and inputs document."""
    with advising(catalogue.shipped(), methodology=methodology):
        found = listing.methodology(catalogue.shipped(), methodology)
    return found | {"example": catalogue.example(catalogue.shipped_catalogue(), "methodology", found["methodology"])}


@router.get("/search")
def search(find: Find) -> dict[str, Any]:
    """How many formulas, methodologies, parameters and units have these words, and `near`: other words like them."""
    return listing.elsewhere(catalogue.shipped(), find, vocabulary())


@router.get("/units")
def units(find: Find = "") -> list[dict[str, Any]]:
    """Every unit symbol: dimension, how many of the base unit it is, other spellings."""
    return listing.units(find)


@router.get("/parameters")
def parameters(prefix: str = "", find: Find = "") -> list[dict[str, Any]]:
    """Every parameter whose path begins with `prefix`: title, unit, region, how a value is chosen, its values."""
    return listing.parameters(catalogue.shipped(), prefix, find, vocabulary())


@router.get("/parameters/{path:path}")
def parameter(node: NodeDep, path: str, at: str = "", every: Annotated[bool, Query(alias="all")] = False,
              ) -> dict[str, Any]:
    """The value in force at a date (today when absent), with unit, source, validity and status.

    Of a table keyed by something else than a year, and with `all`, every row as `rows`.
    """
    with advising(catalogue.shipped(), parameter=path):
        day = service.statement_day(node.deployment.clock.now(), at)
        return listing.parameter(catalogue.shipped(), path, day, every)


@router.post("/eval/{formula}")
async def evaluate(request: Request, formula: str, explain: bool = False, precision: int = PRECISION) -> dict[str, Any]:
    """Evaluate one formula. Body: {name: {"value", "unit"}}, or lists of such; answers outputs, notices and the trace.

    `explain`: adds the tree for people (docs/guides/reports.md). `precision`: significant digits, to hold against
    another tool; statements have 40.
    """
    given = await json_body(request)

    def made() -> dict[str, Any]:
        with advising(catalogue.shipped(), formula=formula):
            evaluation = explained.evaluation_of(catalogue.shipped(), formula, given, precision)
        return explained.evaluation_json(evaluation, precision, explain)

    return await run_in_threadpool(made)


@router.post("/run/{methodology}")
async def run(node: NodeDep, request: Request, methodology: str, at: str = "", explain: bool = False,
              label: bool = False) -> dict[str, Any]:
    """Evaluate a whole methodology on an inputs document. `at`: the statement date, today in the zone of the period
    when absent.

    `explain`: adds the tree for people, from the result down to registers, documents and parameters. `label`: adds the
    summary of a product footprint that a 碳标签 shows.
    """
    document = await json_body(request)
    day = service.statement_day(node.deployment.clock.now(), at, document)

    def made() -> dict[str, Any]:
        with advising(catalogue.shipped(), methodology=methodology):
            result = service.result_of(catalogue.shipped(), methodology, document, day)
        answer = explained.result_json(result, explain)
        return answer | ({"label": carbon_label(result)} if label else {})

    return await run_in_threadpool(made)


@router.post("/compare/{methodology}")
async def compare(node: NodeDep, request: Request, methodology: str, at: str = "") -> dict[str, Any]:
    """Scenarios beside a base. Body: {"inputs": an inputs document, "scenarios": […]}; nothing of it is attested."""
    document = await json_body(request)
    base = document.get("inputs") if isinstance(document, dict) else None
    day = service.statement_day(node.deployment.clock.now(), at, base)

    def made() -> dict[str, Any]:
        with advising(catalogue.shipped(), methodology=methodology):
            return explained.compare(catalogue.shipped(), methodology, document, day)

    return await run_in_threadpool(made)
