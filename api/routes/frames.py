"""Frames: what gateways send. Authenticated by their own signatures, durable when answered."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from api.deps import NodeDep
from api.errors import Unsupported

router = APIRouter(prefix="/v1/frames", tags=["frames"])

MEDIA_TYPES = ("application/cbor-seq", "application/octet-stream")
_SCHEMA = {"requestBody": {"required": True, "content": {
    "application/cbor-seq": {"schema": {"type": "string", "format": "binary"}}}}}


@router.post("", openapi_extra=_SCHEMA)
async def post_frames(node: NodeDep, request: Request) -> Response:
    """Take frames: a CBOR sequence of [envelope, [[block header, block body]…]], as the gateway spools them.

    Answers {"frames": [{"outcome": accepted | duplicate | disputed | refused, "index", "error"}]} in order, once all
    accepted ones are durable. A refused frame tells expected_epoch and expected_seq; resume there.
    """
    media_type = request.headers.get("content-type", MEDIA_TYPES[0]).partition(";")[0].strip().lower()
    if media_type not in MEDIA_TYPES:
        raise Unsupported("media-type", f"{media_type[:60]!r} is no CBOR sequence", where="Content-Type",
                          hint=f"send {MEDIA_TYPES[0]}")
    outcomes = await asyncio.wrap_future(node.writer.submit(await request.body()))
    return JSONResponse({"frames": [outcome.as_json() for outcome in outcomes]})
