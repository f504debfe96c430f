"""What operators and their tools ask: alive, ready, metrics."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from api.deps import NodeDep
from api.metrics import CONTENT_TYPE

router = APIRouter(tags=["system"])


@router.get("/healthz")
def alive() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/readyz")
def ready(node: NodeDep, response: Response) -> dict[str, Any]:
    """Whether the node can do its work: each dependency by name; 503 while the database, the writer or the log is not.

    `log` is log-rolled-back while the database is an older copy than what was signed: nothing is taken then.
    A chain that is away leaves the node ready: frames are accepted and sealed, anchors follow when it is back.
    """
    checks = node.checks()
    if any(state != "ok" for name, state in checks.items() if name != "chain"):
        response.status_code = 503
    return {"ready": response.status_code != 503, "checks": checks}


@router.get("/metrics", response_class=Response)
def metrics(node: NodeDep) -> Response:
    """Prometheus text format."""
    return Response(node.metrics.render(), headers={"content-type": CONTENT_TYPE})
