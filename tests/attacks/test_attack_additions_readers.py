"""Readers of large answers on poor lines get them whole; those who never read are let go."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.patience import PatientProtocol

# More than the buffers of the system hold on both sides.
LARGE = 32 * 2**20
ASK = b"GET /large HTTP/1.1\r\nHost: node\r\n\r\n"


def large(_request: Request) -> Response:
    return Response(bytes(LARGE))


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A server of one large answer, its patience half a second, for bodies and answers three."""
    monkeypatch.setattr("api.patience.HEADER_SECONDS", 0.5)
    monkeypatch.setattr("api.patience.BODY_SECONDS", 3.0)
    bound = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=[Route("/large", large)]), http=PatientProtocol,
                                           log_level="error", access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield int(bound.getsockname()[1])
    server.should_exit = True
    thread.join()
    bound.close()


def asked(port: int) -> socket.socket:
    """A connection with a small window that has asked for the answer."""
    opened = socket.socket()
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**14)
    opened.settimeout(20)
    opened.connect(("127.0.0.1", port))
    opened.sendall(ASK)
    return opened


def read_all(opened: socket.socket, seconds: float = 10.0) -> int:
    """How many bytes come until nothing more does, or the other side ends it."""
    got, until = 0, time.monotonic() + seconds
    try:
        while time.monotonic() < until and got < LARGE:
            piece = opened.recv(2**20)
            if not piece:
                break
            got += len(piece)
    except ConnectionError:
        pass
    return got


def test_a_large_answer_read_slowly_comes_whole(port: int) -> None:
    with asked(port) as opened:
        time.sleep(1.5)  # three times the patience for headers
        assert read_all(opened) >= LARGE


def test_an_answer_that_is_never_read_is_let_go(port: int) -> None:
    with asked(port) as opened:
        time.sleep(5)
        assert read_all(opened) < LARGE


def test_while_many_never_read_others_are_answered(port: int) -> None:
    held = [asked(port) for _ in range(10)]
    with asked(port) as opened:
        assert read_all(opened) >= LARGE
    for each in held:
        each.close()
