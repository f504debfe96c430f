"""Reports of calculations: of a stored statement, or of an inputs document that is no claim."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from api.answers import json_body
from api.deps import AnyAccount, Language, NodeDep, Snapshot, known_query
from certificates import store
from certificates.inventory_data import statement_report
from certificates.inventory_report import CalculationReport, report_of
from certificates.workbook import MEDIA_TYPE as XLSX
from core.ids import check_hex
from mrv.authoring import catalogue
from mrv.calculation import service
from mrv.presentation.advice import advising

router = APIRouter(prefix="/v1", tags=["reports"])

Form = Annotated[str, Query(pattern="^(pdf|html|xlsx|json)$")]


@router.get("/claims/{claim}/report", response_class=Response)
def claim_report(snapshot: Snapshot, account: AnyAccount, language: Language, claim: str,
                 form: Form = "html") -> Response:
    """The report of a claim's statement, calculated again for it. To the subject and to those with oversight.

    PDF needs pango on the node's machine. Refused (statement-differs) where the calculation gives something else.
    """
    found = store.find_claim(snapshot, check_hex(claim, where="claim"))
    account.require_org(found.document.subject)
    return answer(statement_report(snapshot, found.digest, catalogue.shipped()), form, language,
                  f"report-{found.digest.hex()[:16]}")


@router.post("/mrv/report/{methodology}", response_class=Response, dependencies=[Depends(known_query)])
async def calculation_report(node: NodeDep, account: AnyAccount, language: Language, request: Request,
                             methodology: str, at: str = "", form: Form = "html") -> Response:
    """The report of an inputs document that is no claim; it says so. Needs any organisation's token."""
    document = await json_body(request)
    day = service.statement_day(node.deployment.clock.now(), at, document)

    def made() -> Response:
        with advising(catalogue.shipped(), methodology=methodology):
            result = service.result_of(catalogue.shipped(), methodology, document, day)
        return answer(report_of(result), form, language, f"report-{day.isoformat()}")

    return await run_in_threadpool(made)


def answer(report: CalculationReport, form: str, language: str, name: str) -> Response:
    """The report in one form: pdf, html, xlsx or json."""
    if form == "json":
        return JSONResponse(report.as_json(), headers=_headers("inline", f"{name}.json"))
    content: dict[str, tuple[Any, str, str]] = {
        "html": (report.as_html, "text/html; charset=utf-8", "inline"),
        "pdf": (report.as_pdf, "application/pdf", "inline"),
        "xlsx": (lambda _language: report.as_xlsx(), XLSX, "attachment")}
    make, media_type, disposition = content[form]
    return Response(make(language), media_type=media_type, headers=_headers(disposition, f"{name}.{form}"))


def _headers(disposition: str, name: str) -> dict[str, str]:
    # The page sets widths of its own; it loads nothing and runs nothing.
    return {"content-disposition": f'{disposition}; filename="{name}"', "cache-control": "private, no-cache",
            "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"}
