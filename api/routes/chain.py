"""The chain as this node sees it: where the contracts stand, what is anchored, the block gateways name as beacon."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from api import anchoring, entries
from api.anchoring import Anchored
from api.deps import NodeDep, Snapshot
from api.paging import DEFAULT_LIMIT, Cursor, Limit, page, parse_cursor
from attestation.envelope import MANIFEST
from core.jcs import parse
from core.period import instant_text

router = APIRouter(prefix="/v1", tags=["chain"])

_NO_LIMIT = 2**63 - 1


@router.get("/trust")
def trust(node: NodeDep) -> dict[str, Any]:
    """The operator's trust list. Compare its keys with what the others publish before relying on it."""
    return node.deployment.trust.as_json()


@router.get("/chain")
def chain(node: NodeDep) -> dict[str, Any]:
    """Chain id, contracts and their addresses, whether it is a development chain, and whether it answers now."""
    known = node.deployment.trust.chain
    document = {"id": str(known.id), "anchor_registry": known.anchor_registry,
                "certificate_registry": known.certificate_registry, "participant_registry": known.participant_registry,
                "development": node.link.embedded, "state": node.link.state()}
    # A consortium's participants use their own nodes; the development chain has only this one, on loopback.
    return document | ({"rpc": node.link.url} if node.link.embedded else {})


@router.get("/anchors")
def anchors(request: Request, response: Response, snapshot: Snapshot, limit: Limit = DEFAULT_LIMIT,
            cursor: Cursor = "") -> list[dict[str, Any]]:
    """Anchored roots, newest first."""
    (below,) = parse_cursor(cursor, int) or (_NO_LIMIT,)
    rows = anchoring.listed(snapshot, limit + 1, below)
    return [anchor_json(item) for item in page(request, response, rows, limit, lambda item: [item.size])]


@router.get("/manifest")
def manifests(request: Request, response: Response, snapshot: Snapshot, limit: Limit = DEFAULT_LIMIT,
              cursor: Cursor = "") -> list[dict[str, Any]]:
    """Manifests, newest first: the node's word on the head of every history, for mirrors and verifiers to recompute."""
    (below,) = parse_cursor(cursor, int) or (_NO_LIMIT,)
    rows = entries.listed(snapshot, MANIFEST, below, limit + 1)
    return [{"index": str(item.log_index), "digest": item.digest.hex(), "manifest": parse(item.payload)}
            for item in page(request, response, rows, limit, lambda item: [item.log_index])]


@router.get("/beacon")
def beacon(node: NodeDep) -> dict[str, Any]:
    """A final block for gateways to name in their frames: not older than this. null while the chain is away."""
    newest = node.beacon
    if newest is None:
        return {"beacon": None}
    return {"beacon": {"chain_id": str(node.deployment.trust.chain.id), "number": str(newest.number),
                       "hash": newest.hash.removeprefix("0x"), "time": instant_text(newest.time)}}


def anchor_json(item: Anchored) -> dict[str, Any]:
    """An anchor in an answer."""
    return {"size": str(item.size), "root": item.root.hex(), "transaction": item.transaction,
            "block": str(item.block), "block_hash": item.block_hash, "time": instant_text(item.time)}
