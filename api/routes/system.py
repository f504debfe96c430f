"""What operators and their tools ask: alive, ready, metrics."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from api.deps import NodeDep
from api.metrics import CONTENT_TYPE

router = APIRouter(tags=["system"])

# The chain holds another history of this log than the database.
SPLIT_VIEW = frozenset({"anchor-conflict", "anchor-inconsistent", "log-rolled-back"})


@router.get("/healthz")
def alive() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/readyz")
def ready(node: NodeDep, response: Response) -> dict[str, Any]:
    """Whether the node can do its work: each dependency by name; 503 while the database, the writer or the log is not.

    `log` is log-rolled-back while the database is an older copy than what was signed: nothing is taken then.
    `sealing`, `anchoring`: what the last rounds in the background failed on. A chain that is away, or takes no anchor
    yet, leaves the node ready: frames are accepted and sealed, anchors follow. Two histories do not (`SPLIT_VIEW`).
    """
    checks = node.checks()
    if any(map(_stops, checks, checks.values())):
        response.status_code = 503
    return {"ready": response.status_code != 503, "checks": checks}


def _stops(name: str, state: str) -> bool:
    """Whether a check that stands so keeps the node from its work."""
    if name in ("chain", "anchoring"):
        return state in SPLIT_VIEW
    # Of a database that is away its own check knows first when it is back.
    return state != "ok" and (name, state) != ("sealing", "database-unavailable")


@router.get("/metrics", response_class=Response)
def metrics(node: NodeDep) -> Response:
    """Prometheus text format."""
    return Response(node.metrics.render(), headers={"content-type": CONTENT_TYPE})
