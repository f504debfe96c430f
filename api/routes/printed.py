"""Certificates as a person reads them: one page in Chinese and English, HTML or PDF, with a QR code to its check."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from api import anchoring
from api.deps import NodeDep
from api.node import Node
from certificates.report import AnchorFact, CertificateReport
from certificates.report_data import certificate_report
from certificates.report_pdf import render_html, render_pdf
from core.database import reading
from core.ids import check_hex
from ledger import log
from mrv.authoring import catalogue

router = APIRouter(prefix="/v1", tags=["certificates"])


@router.get("/certificates/{piece}/page", response_class=Response)
async def page(node: NodeDep, request: Request, piece: str,
               form: Annotated[str, Query(pattern="^(html|pdf)$")] = "html") -> Response:
    """The printed page of a piece, in Chinese and English. Public. PDF needs pango on the node's machine."""
    check_url = str(request.url_for("page", piece=piece))
    report = await run_in_threadpool(_report, node, check_hex(piece, where="piece"), check_url)
    if form == "html":
        return Response(render_html(report), media_type="text/html; charset=utf-8")
    data = await run_in_threadpool(render_pdf, report)
    return Response(data, media_type="application/pdf",
                    headers={"content-disposition": f'inline; filename="{piece[:16]}.pdf"'})


def _report(node: Node, piece: bytes, check_url: str) -> CertificateReport:
    deployment = node.deployment
    with reading(deployment.engine) as connection:
        newest = next(iter(anchoring.listed(connection, 1)), None)
        chain = deployment.trust.chain
        anchor = AnchorFact(chain.id, chain.anchor_registry, newest.block, newest.time) if newest else None
        size = newest.size if newest else log.sealed_size(connection)
        return certificate_report(connection, piece, rules=catalogue.shipped(), size=size, anchor=anchor,
                                  check_url=check_url, now=deployment.clock.now(), notices=["no-witnesses"])
