"""The figures of the start page as JSON, for pages and screens that refresh themselves."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from api.deps import NodeDep

router = APIRouter(prefix="/v1/overview", tags=["system"])


@router.get("")
def overview(node: NodeDep) -> dict[str, Any]:
    """Head of the ledger, newest anchors and certificates, meters of the last day. Public, at most a second old."""
    return node.overview.now()
