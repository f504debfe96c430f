"""Control plans 数据质量控制方案: handed in by the enterprise, read by its verifiers, and inputs held against them."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from api import plans
from api.accounts import OVERSIGHT, Account
from api.answers import json_body
from api.deps import AnyAccount, Enterprise, NodeDep, Snapshot
from api.node import Node
from api.paging import DEFAULT_LIMIT, Cursor, Limit, page, parse_cursor
from core.ids import check_hex
from mrv.authoring import catalogue
from mrv.presentation.advice import advising
from mrv.quality.plan import check_document
from mrv.quality.signed_plan import read_signed_plan

router = APIRouter(prefix="/v1/mrv/plans", tags=["mrv"])


@router.post("", status_code=201)
async def post_plan(node: NodeDep, account: Enterprise, request: Request) -> dict[str, Any]:
    """Take a plan that the enterprise signed (body: its canonical JSON); it becomes an entry of the log."""
    return await run_in_threadpool(_take, node, account, await request.body())


def _take(node: Node, account: Account, payload: bytes) -> dict[str, Any]:
    account.require_org(read_signed_plan(payload).plan.entity)
    return plans.take(node.deployment, payload).as_json()


@router.get("")
def list_plans(request: Request, response: Response, snapshot: Snapshot, account: AnyAccount, entity: str = "",
               limit: Limit = DEFAULT_LIMIT, cursor: Cursor = "") -> list[dict[str, Any]]:
    """The plans of an organisation that this one may see, newest first; without `entity` of all that it may see."""
    if entity:
        account.require_org(entity)
    elif not account.roles & OVERSIGHT:
        entity = account.org
    (below,) = parse_cursor(cursor, int) or (plans.NO_LIMIT,)
    rows = plans.listed(snapshot, entity, below, limit + 1)
    return [item.as_json() for item in page(request, response, rows, limit, lambda item: [item.log_index])]


@router.post("/check/{methodology}")
async def check(request: Request, methodology: str) -> dict[str, Any]:
    """Hold an inputs document against a plan. Body: {"plans": versions in order, "inputs"}; nothing is kept."""
    document = await json_body(request)

    def checked() -> dict[str, Any]:
        with advising(catalogue.shipped(), methodology=methodology):
            return check_document(catalogue.shipped(), methodology, document)

    return await run_in_threadpool(checked)


@router.get("/{plan}")
def get_plan(snapshot: Snapshot, account: AnyAccount, plan: str) -> dict[str, Any]:
    """One plan by the digest of its signed payload."""
    found = plans.plan(snapshot, check_hex(plan, where="plan"))
    account.require_org(found.plan.entity)
    return found.as_json()
