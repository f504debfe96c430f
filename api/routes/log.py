"""The log's read API (C2SP tlog-tiles): checkpoint and hash tiles are public, entries need a participant's token."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from api.answers import immutable, immutable_json
from api.deps import AnyAccount, Snapshot
from core.numbers import parse_natural
from ledger import log

router = APIRouter(prefix="/log", tags=["log"])

BYTES = "application/octet-stream"
NOTE = "text/plain; charset=utf-8"


@router.get("/checkpoint", response_class=Response)
def checkpoint(snapshot: Snapshot, size: str = "") -> Response:
    """The latest signed checkpoint, or the one of a size; with the cosignatures it has so far."""
    wanted = _natural(size, "size") if size else None
    return Response(log.checkpoint(snapshot, wanted).note, headers={"content-type": NOTE, "cache-control": "no-cache"})


@router.get("/tile/entries/{path:path}", response_class=Response)
def entry_bundle(request: Request, snapshot: Snapshot, account: AnyAccount, path: str) -> Response:
    """A bundle of up to 256 entries, each behind its big-endian uint16 length. Needs a token."""
    return immutable(request, log.resource(snapshot, f"entries/{path}"), BYTES, private=True)


@router.get("/tile/{path:path}", response_class=Response)
def hash_tile(request: Request, snapshot: Snapshot, path: str) -> Response:
    """A tile of hashes: /log/tile/<level>/<number>[.p/<width>]."""
    return immutable(request, log.resource(snapshot, path), BYTES)


@router.get("/entry/{index}", response_class=Response)
def entry(request: Request, snapshot: Snapshot, account: AnyAccount, index: str) -> Response:
    """The bytes of one entry (a COSE_Sign1 envelope). Needs a token."""
    return immutable(request, log.entry(snapshot, _natural(index, "index")), "application/cose", private=True)


@router.get("/proof/inclusion")
def inclusion(request: Request, snapshot: Snapshot, index: Annotated[str, Query()],
              size: Annotated[str, Query()]) -> Response:
    """The audit path of an entry in the tree of a size, lowest sibling first."""
    path = log.inclusion_proof(snapshot, _natural(index, "index"), _natural(size, "size"))
    return immutable_json(request, _proof(path, index=index, size=size))


@router.get("/proof/consistency")
def consistency(request: Request, snapshot: Snapshot, old: Annotated[str, Query()],
                size: Annotated[str, Query()]) -> Response:
    """The proof that the tree of `size` extends that of `old`."""
    path = log.consistency_proof(snapshot, _natural(old, "old"), _natural(size, "size"))
    return immutable_json(request, _proof(path, old=old, size=size))


def _proof(path: list[bytes], **fields: str) -> dict[str, Any]:
    return {**fields, "path": [item.hex() for item in path]}


def _natural(text: str, where: str) -> int:
    return parse_natural(text, where=where, limit=2**63)
