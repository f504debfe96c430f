"""Greatest size of a request's body, for all routes alike; how many calculations run at once; counting of requests."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address, ip_network

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
# Of one address, so that it cannot hold every place.
RUNNING_OF_ONE = 1
WAITING_OF_ONE = 4
# One network hands out the last 64 bits of an IPv6 address as often as somebody likes.
_IPV6_NETWORK = 64


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

    A place is held from the whole body to the head of the answer: a slow sender or reader holds none. One address has
    one place, and few of its requests wait. Who hangs up while waiting is not calculated for.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app, self._waiting, self._places = app, 0, asyncio.Semaphore(RUNNING_CALCULATIONS)
        self._lanes: dict[str, _Lane] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http" or scope["method"] != "POST" or not scope["path"].startswith(CALCULATIONS):
            await self.app(scope, receive, send)
            return
        caller, held = _caller(scope), False

        async def entering() -> Message:
            nonlocal held
            message = await receive()
            if message["type"] == "http.request" and not message.get("more_body", False) and not held:
                held = await self._enter_unless_gone(caller, receive)
                if not held:
                    return {"type": "http.disconnect"}
            return message

        async def leaving(message: Message) -> None:
            nonlocal held
            if held:
                held = False
                self._leave(caller)
            await send(message)

        try:
            await self.app(scope, entering, leaving)
        finally:
            if held:
                self._leave(caller)

    async def _enter_unless_gone(self, caller: str, receive: Receive) -> bool:
        """Wait for a place; False where the caller hung up first. Raises Busy (calculations-busy)."""
        if not self._places.locked() and caller not in self._lanes:
            await self._enter(caller)
            return True
        place = asyncio.ensure_future(self._enter(caller))
        hung_up = asyncio.ensure_future(_hang_up(receive))
        try:
            await asyncio.wait((place, hung_up), return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            # The place may have come in the same moment: nobody would give it back.
            if place.done() and place.exception() is None:
                self._leave(caller)
            raise
        finally:
            place.cancel()
            hung_up.cancel()
        if not place.done():
            return False
        place.result()
        return True

    async def _enter(self, caller: str) -> None:
        """Take a place. Raises Busy (calculations-busy); cancelled, it leaves everything as it was."""
        lane = self._lanes.get(caller) or _Lane()
        if self._waiting >= WAITING_CALCULATIONS or lane.waiting >= WAITING_OF_ONE:
            raise Busy("calculations-busy", "many calculations wait already", where="/v1/mrv",
                       hint="send again in a moment, or calculate with carbonseal mrv")
        self._lanes[caller] = lane
        self._waiting += 1
        lane.waiting += 1
        lane.inside += 1
        try:
            await lane.places.acquire()
            try:
                await self._places.acquire()
            except asyncio.CancelledError:
                lane.places.release()
                raise
        except asyncio.CancelledError:
            self._out(caller)
            raise
        finally:
            self._waiting -= 1
            lane.waiting -= 1

    def _leave(self, caller: str) -> None:
        self._places.release()
        self._lanes[caller].places.release()
        self._out(caller)

    def _out(self, caller: str) -> None:
        """Forget an address that has nothing here any more: addresses are without number."""
        self._lanes[caller].inside -= 1
        if not self._lanes[caller].inside:
            del self._lanes[caller]


class _Lane:
    """The requests of one address: its places, how many wait for one, how many wait or run."""

    def __init__(self) -> None:
        self.places, self.waiting, self.inside = asyncio.Semaphore(RUNNING_OF_ONE), 0, 0


def _caller(scope: Scope) -> str:
    """The address a request comes from; of IPv6 its network."""
    host = (scope.get("client") or ("",))[0]
    try:
        address = ip_address(host)
    except ValueError:
        return str(host)
    return str(ip_network((host, _IPV6_NETWORK), strict=False)) if address.version == 6 else host


async def _hang_up(receive: Receive) -> None:
    """Ends when the caller is gone. Whatever else comes after a whole body is nothing to wait for."""
    if (await receive())["type"] != "http.disconnect":
        await asyncio.Event().wait()


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
