"""Answers that are not plain JSON: immutable bytes with an ETag, and streams of events."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any

from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from core import jcs
from core.errors import FormError

IMMUTABLE = "public, max-age=31536000, immutable"
PRIVATE_IMMUTABLE = "private, max-age=31536000, immutable"


def immutable(request: Request, content: bytes, media_type: str, *, private: bool = False) -> Response:
    """Bytes that will never change under this address: ETag of their SHA-256, 304 when the client has them."""
    tag = f'"{sha256(content).hexdigest()}"'
    headers = {"etag": tag, "cache-control": PRIVATE_IMMUTABLE if private else IMMUTABLE}
    if tag in [part.strip().removeprefix("W/") for part in request.headers.get("if-none-match", "").split(",")]:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=media_type, headers=headers)


def immutable_json(request: Request, value: Any, *, private: bool = False) -> Response:
    """A document that will never change under this address, in canonical form."""
    return immutable(request, jcs.canonical(value), "application/json", private=private)


def events(source: AsyncIterator[tuple[str, Any]]) -> StreamingResponse:
    """Server-sent events of (event name, JSON value) pairs, numbered from 1."""
    async def stream() -> AsyncIterator[bytes]:
        number = 0
        async for name, value in source:
            number += 1
            yield f"id: {number}\nevent: {name}\ndata: {json.dumps(value, ensure_ascii=False)}\n\n".encode()

    return StreamingResponse(stream(), media_type="text/event-stream",
                             headers={"cache-control": "no-store", "x-accel-buffering": "no"})


async def json_body(request: Request) -> dict[str, Any]:
    """The JSON object of a body; duplicate keys and floats are refused, white space is free. Raises FormError."""
    # Not in the event loop: megabytes of brackets take seconds, and everybody else would wait for them.
    value = await run_in_threadpool(jcs.parse_lenient, await request.body())
    if not isinstance(value, dict):
        raise FormError("json-malformed", "the body must be a JSON object", where="body")
    return value
