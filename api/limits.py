"""Greatest size of a request's body, for all routes alike; how many calculations run at once; counting of requests."""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import Busy, TooLarge, Unsupported
from api.metrics import Metrics
from api.problems import respond

_IDENTITY = "identity"
CALCULATIONS = tuple(f"/v1/mrv/{name}/" for name in ("eval", "run", "compare", "report", "plans/check"))
# The largest takes some 150 MB and twenty seconds of one processor. Anybody may ask, so frames must not wait for it.
RUNNING_CALCULATIONS = 2
WAITING_CALCULATIONS = 16


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


class CalculationMiddleware:
    """Lets few calculations run at once and few more wait; who comes then is told to come again.

    A place is held from the whole body to the head of the answer: a slow sender or reader holds none.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app, self._waiting, self._places = app, 0, asyncio.Semaphore(RUNNING_CALCULATIONS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http" or scope["method"] != "POST" or not scope["path"].startswith(CALCULATIONS):
            await self.app(scope, receive, send)
            return
        held = False

        async def entering() -> Message:
            nonlocal held
            message = await receive()
            if message["type"] == "http.request" and not message.get("more_body", False) and not held:
                await self._enter()
                held = True
            return message

        async def leaving(message: Message) -> None:
            nonlocal held
            if held:
                held = False
                self._places.release()
            await send(message)

        try:
            await self.app(scope, entering, leaving)
        finally:
            if held:
                self._places.release()

    async def _enter(self) -> None:
        if self._waiting >= WAITING_CALCULATIONS:
            raise Busy("calculations-busy", "many calculations wait already", where="/v1/mrv",
                       hint="send again in a moment, or calculate with carbonseal mrv")
        self._waiting += 1
        try:
            await self._places.acquire()
        finally:
            self._waiting -= 1


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
