"""Pages: an opaque cursor, a limit, and a Link header to the next page (RFC 8288)."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import Query, Request, Response

from core.errors import FormError

DEFAULT_LIMIT = 50
MAX_LIMIT = 500
MAX_CURSOR = 400

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="items a page")]
Cursor = Annotated[str, Query(max_length=MAX_CURSOR, description="where the page begins: take it from Link")]

T = TypeVar("T")


def cursor_text(key: Sequence[int | str]) -> str:
    """The opaque text of the last key of a page."""
    return base64.urlsafe_b64encode(json.dumps(list(key), separators=(",", ":")).encode()).decode().rstrip("=")


def parse_cursor(text: str, *kinds: type) -> tuple[Any, ...] | None:
    """The key behind a cursor, None for the first page. Raises FormError (cursor-malformed)."""
    if not text:
        return None
    try:
        key = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        key = None
    if not isinstance(key, list) or [type(part) for part in key] != list(kinds):
        raise FormError("cursor-malformed", "the cursor is none of ours", where="cursor",
                        hint="follow the Link of the page before")
    if any(type(part) is int and not 0 <= part < 2**63 for part in key):
        raise FormError("cursor-malformed", "the cursor is out of range", where="cursor")
    return tuple(key)


def page(request: Request, response: Response, rows: Sequence[T], limit: int,
         key: Callable[[T], Sequence[int | str]]) -> list[T]:
    """The first `limit` of rows (one more was read than is shown); sets Link when there are more."""
    shown = list(rows[:limit])
    if len(rows) > limit:
        url = request.url.include_query_params(cursor=cursor_text(key(shown[-1])))
        response.headers["link"] = f'<{url.path}?{url.query}>; rel="next"'
    return shown
