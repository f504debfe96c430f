"""The HTTP application of one deployment. Nothing is created at import: `create_app` makes it all."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import pages, problems
from api.idempotency import IdempotencyMiddleware
from api.limits import BodyLimitMiddleware, CalculationMiddleware, CountingMiddleware
from api.node import Node
from api.routes import (
    certificates,
    chain,
    claims,
    frames,
    jobs,
    log,
    meters,
    mrv,
    overview,
    participants,
    plans,
    printed,
    registrations,
    reports,
    system,
)

STATIC = Path(__file__).parent / "static"
ROUTERS = (frames.router, log.router, registrations.router, meters.router, claims.router, certificates.router,
           printed.router, reports.router, participants.router, chain.router, plans.router, mrv.router, jobs.router,
           overview.router, system.router)
DESCRIPTION = ("A permissioned carbon ledger and MRV service. Errors are RFC 9457 problems; writes carry an "
               "organisation's token or a frame's signature; a POST with a token takes an Idempotency-Key.")

# The pages load nothing from elsewhere, run no inline script, and are never framed.
SECURITY_HEADERS = {
    "content-security-policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


def create_app(node: Node) -> FastAPI:
    """The application of a node; starting it starts the node, and a second node on the directory is refused."""
    app = FastAPI(title="CarbonSeal 碳印", version=node.version, description=DESCRIPTION, lifespan=_lifespan(node),
                  docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.node = node
    problems.install(app)
    for router in ROUTERS:
        app.include_router(router)
    app.include_router(pages.router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    limit = node.deployment.settings.max_body_bytes
    app.add_middleware(CalculationMiddleware)
    app.add_middleware(IdempotencyMiddleware, engine=node.engine, clock=node.deployment.clock, limit=limit)
    app.add_middleware(BodyLimitMiddleware, limit=limit)
    app.add_middleware(CountingMiddleware, metrics=node.metrics)
    app.add_middleware(SecurityHeadersMiddleware)
    return app


def _lifespan(node: Node) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await run_in_threadpool(node.start)
        try:
            yield
        finally:
            await run_in_threadpool(node.stop)

    return lifespan


class SecurityHeadersMiddleware:
    """Sets the headers a browser needs to hold pages to what they are."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        async def adding(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, adding if scope["type"] == "http" else send)
