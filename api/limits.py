"""Greatest size of a request's body, for all routes alike, and counting of requests."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import TooLarge, Unsupported
from api.metrics import Metrics
from api.problems import respond

_IDENTITY = "identity"


class BodyLimitMiddleware:
    """Refuses a declared size above the limit before reading, and stops reading an undeclared one at the limit.

    A compressed body is refused as well: what is never unpacked cannot grow.
    """

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self.app, self.limit = app, limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        encoding = headers.get("content-encoding", _IDENTITY)
        if encoding.strip().lower() != _IDENTITY:
            await respond(Request(scope), Unsupported(
                "content-encoding", f"{encoding[:60]!r} is not read here", where="Content-Encoding",
                hint="send the body as it is"))(scope, receive, send)
            return
        declared = headers.get("content-length", "0")
        if not declared.isdigit() or len(declared) > 18 or int(declared) > self.limit:
            await respond(Request(scope), self._refusal())(scope, receive, send)
            return
        read = 0

        async def limited() -> Message:
            nonlocal read
            message = await receive()
            if message["type"] == "http.request":
                read += len(message.get("body", b""))
                if read > self.limit:
                    raise self._refusal()
            return message

        await self.app(scope, limited, send)

    def _refusal(self) -> TooLarge:
        return TooLarge("body-too-large", f"the body exceeds {self.limit} bytes", where="body",
                        hint="send smaller batches, or raise max_body_bytes")


class CountingMiddleware:
    """Counts answers by route, method and status."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start":
                # An unknown path counts as one label: otherwise anybody could fill the memory with names.
                route = getattr(scope.get("route"), "path", "unknown")
                self.metrics.requests.labels(route, scope["method"], str(message["status"])).inc()
            await send(message)

        await self.app(scope, receive, counting)
