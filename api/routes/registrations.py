"""Registrations of devices, meters, claim points and participants, and rule releases: signed elsewhere, taken here."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool

from api import entries, pipeline
from api.deps import AnyAccount, NodeDep, Registrar, Snapshot
from attestation import registry
from attestation.envelope import RULES
from attestation.history import History
from core.errors import FormError
from core.ids import check_id
from core.jcs import parse

router = APIRouter(prefix="/v1", tags=["registrations"])

KINDS = ("device", "meter", "claim-point", "participant")


@router.post("/registrations", status_code=201)
async def register(node: NodeDep, account: Registrar, request: Request) -> dict[str, str]:
    """Take a signed registration (body: the COSE_Sign1 envelope); its log index."""
    index = await run_in_threadpool(pipeline.register, node.deployment, await request.body())
    return {"index": str(index)}


@router.get("/registrations")
def subjects(snapshot: Snapshot, account: AnyAccount, kind: str) -> list[str]:
    """The ids of all subjects of a kind: device, meter, claim-point or participant."""
    if kind not in KINDS:
        raise FormError("subject-kind-unknown", f"{kind[:40]!r} is no kind of subject", where="kind",
                        hint="one of " + ", ".join(KINDS))
    return registry.subjects(snapshot, kind)


@router.get("/registrations/{subject:path}")
def history(snapshot: Snapshot, account: AnyAccount, subject: str) -> dict[str, Any]:
    """The whole history of a subject, oldest first."""
    return _history_json(registry.history(snapshot, check_id(subject, where="subject")))


@router.post("/rules", status_code=201)
async def release(node: NodeDep, account: Registrar, request: Request) -> dict[str, str]:
    """Take a rule publisher's signed release of the rules this node runs (body: the envelope)."""
    entry = await run_in_threadpool(pipeline.release_rules, node.deployment, await request.body())
    return {"index": str(entry.log_index), "digest": entry.digest.hex()}


@router.get("/rules")
def released(snapshot: Snapshot) -> dict[str, Any]:
    """The newest rule release, and the digest of every rule under its root."""
    entry = entries.newest(snapshot, RULES)
    return {"index": str(entry.log_index), "digest": entry.digest.hex(), "release": parse(entry.payload),
            "rules": entries.rules_of(snapshot, entry.digest)}


def _history_json(history: History) -> dict[str, Any]:
    return {"subject": history.subject, "head": history.head.hex(),
            "entries": [{"index": str(entry.leaf_index), "payload": parse(entry.registration.payload)}
                        for entry in history.entries]}
