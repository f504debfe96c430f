"""Organisations: who takes part, and the governors' entries on the chain."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool

from api.answers import json_body
from api.deployment import NO_END
from api.deps import NodeDep, Registrar, Snapshot
from api.node import Node
from attestation import registry
from attestation.history import participant_at
from attestation.registration import PARTICIPANT
from certificates.registry import ChainParticipant, register_digest
from core.errors import VerificationFailed
from core.fields import members, sequence
from core.ids import check_hex, check_id
from core.period import instant_text
from ledger import log

router = APIRouter(prefix="/v1/participants", tags=["participants"])

SIGNATURE_BYTES = 65
MAX_SIGNATURES = 64


@router.get("")
def participants(snapshot: Snapshot) -> list[dict[str, Any]]:
    """Registered organisations with names, roles, accreditation and validity; revoked ones say so."""
    return [_participant(snapshot, org) for org in registry.subjects(snapshot, PARTICIPANT)]


@router.get("/{org}")
def participant(snapshot: Snapshot, org: str) -> dict[str, Any]:
    """One organisation."""
    return _participant(snapshot, check_id(org, where="org"))


@router.get("/{org}/entry")
def entry(node: NodeDep, snapshot: Snapshot, org: str) -> dict[str, Any]:
    """What governors sign so that the organisation, as registered now, is entered on the chain."""
    record = _on_chain(snapshot, check_id(org, where="org"))
    with node.link.lock:
        chain = node.link.participants
        nonce = chain.nonce()
        accounts, threshold = chain.governors()
        return {"org": org, "digest": register_digest(chain.domain, record, nonce).hex(), "nonce": str(nonce),
                "governors": accounts, "threshold": threshold, "entered": chain.holds(record)}


@router.post("/{org}/entry", status_code=201)
async def enter(node: NodeDep, account: Registrar, request: Request, org: str) -> dict[str, Any]:
    """Enter the organisation on the chain: {"signatures": [hex…]} of the governors over the digest of GET."""
    body = members(await json_body(request), ("signatures",), "body")
    signatures = [check_hex(item, SIGNATURE_BYTES, where="signatures")
                  for item in sequence(body["signatures"], "signatures", MAX_SIGNATURES)]
    await run_in_threadpool(_enter, node, check_id(org, where="org"), signatures)
    return {"org": org, "entered": True}


def _enter(node: Node, org: str, signatures: list[bytes]) -> None:
    with node.engine.connect() as connection:
        record = _on_chain(connection, org)
    node.link.enter(record, lambda _digest: signatures)


def _on_chain(connection: Connection, org: str) -> ChainParticipant:
    """An organisation as the chain is to know it: from its registration as of now; a revoked one ends where it was."""
    history = registry.history(connection, org)
    index, last = history.entries[-1]
    revoked = last.kind == PARTICIPANT and last.event == "revoke"
    found = participant_at(history, index if revoked else log.size(connection))
    end = found.valid_until if found.valid_until is not None else NO_END
    if revoked:
        # The chain has no empty validity: one revoked the moment it began keeps a millisecond.
        end = min(end, max(last.time, found.valid_from + 1))
    return ChainParticipant(org, tuple(sorted(found.roles)), found.valid_from, end, found.accounts, found.group)


def _participant(connection: Connection, org: str) -> dict[str, Any]:
    history = registry.history(connection, org)
    try:
        found = participant_at(history, log.size(connection))
    except VerificationFailed:
        return {"org": org, "revoked": True}
    return {"org": org, "revoked": False, "name": dict(found.name), "roles": sorted(found.roles),
            "accreditation": found.accreditation, "jurisdiction": found.jurisdiction, "group": found.group,
            "accounts": list(found.accounts), "valid_from": instant_text(found.valid_from),
            "valid_until": None if found.valid_until is None else instant_text(found.valid_until)}
