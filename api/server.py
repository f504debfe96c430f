"""Serving a deployment: uvicorn around the application, in this process until SIGTERM, or in a thread beside others."""

from __future__ import annotations

import signal
import socket
import threading
import time
from pathlib import Path
from types import TracebackType

import uvicorn

from api.app import create_app
from api.deployment import Deployment, open_deployment
from api.node import Node
from api.patience import PatientProtocol
from core.clock import Clock
from core.errors import InputError, Unavailable

# Requests in hand get this long after SIGTERM; a gateway that is cut off sends its frames again.
GRACE_S = 10
START_S = 60.0
BACKLOG = 1024


def serve(directory: Path, *, port: int | None = None, clock: Clock | None = None) -> None:
    """Run the node of a deployment directory until SIGTERM or SIGINT.

    Raises what opening a deployment raises, Refused (deployment-locked), InputError (port-taken).
    """
    deployment = open_deployment(directory, clock=clock, upgrade=True)
    try:
        with Server(deployment, port=port) as server:
            server.wait()
    finally:
        deployment.close()


class Server:
    """A node with its HTTP server. `port`: None for the one of the settings, 0 for any free one.

    Use as a context manager: it is ready when entered. `wait` blocks until a signal; without it the server runs in a
    thread beside the caller, as the demonstration and tests have it.
    """

    def __init__(self, deployment: Deployment, *, port: int | None = None) -> None:
        self.deployment = deployment
        self.node = Node(deployment)
        settings = deployment.settings
        self._socket = _bind(settings.http_host, settings.http_port if port is None else port)
        # h11 by name: it bounds the head of a request, which the faster parser taken where it is installed does not.
        self._server = uvicorn.Server(uvicorn.Config(
            create_app(self.node), http=PatientProtocol, log_level="warning", access_log=False,
            timeout_graceful_shutdown=GRACE_S,
            ssl_certfile=settings.tls_certificate or None, ssl_keyfile=settings.tls_key or None,
            proxy_headers=settings.behind_proxy, server_header=False))
        self._thread = threading.Thread(target=self._run, name="carbonseal-http", daemon=True)

    @property
    def url(self) -> str:
        """Where it answers."""
        host, port = self._socket.getsockname()[:2]
        scheme = "https" if self.deployment.settings.tls_certificate else "http"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"

    def __enter__(self) -> Server:
        # Here rather than in the thread: what refuses to start is the caller's to know.
        self.node.start()
        self._thread.start()
        deadline = time.monotonic() + START_S
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                self.stop()
                raise Unavailable("server-start-failed", "the HTTP server did not start", where=self.url)
            time.sleep(0.01)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.stop()

    def wait(self) -> None:
        """Block until SIGTERM or SIGINT asks the process to end, or the server ends by itself; in the main thread."""
        asked = threading.Event()
        before = {number: signal.signal(number, lambda _number, _frame: asked.set())
                  for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            while self._thread.is_alive() and not asked.wait(0.5):
                pass
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def stop(self) -> None:
        """Answer what is in hand, write what waits, end."""
        self.node.stopping.set()
        self._server.should_exit = True
        if self._thread.ident is not None:
            self._thread.join()
        self.node.stop()
        self._socket.close()

    def _run(self) -> None:
        self._server.run(sockets=[self._socket])


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen(BACKLOG)
    except OSError as error:
        bound.close()
        raise InputError("port-taken", f"cannot listen on {host} port {port}: {error.strerror}", where="http_port",
                         hint="choose another port with --port or http_port") from None
    return bound
