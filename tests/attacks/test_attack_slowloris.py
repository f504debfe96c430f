"""Connections that never finish a request do not keep anybody else out for long."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from api.deployment import create
from api.server import Server

HALF = b"POST /v1/frames HTTP/1.1\r\nHost: node\r\nX-Slow: "
WITHOUT_ITS_BODY = b"POST /v1/frames HTTP/1.1\r\nHost: node\r\nContent-Length: 1000\r\n\r\n\x00"
WHOLE = b"GET /healthz HTTP/1.1\r\nHost: node\r\n\r\n"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A node whose patience is measured in tenths of seconds."""
    monkeypatch.setattr("api.patience.HEADER_SECONDS", 0.5)
    monkeypatch.setattr("api.patience.BODY_SECONDS", 2.0)
    deployment = create(tmp_path / "node", chain=False)
    with Server(deployment, port=0) as served:
        yield served
    deployment.close()


def connected(server: Server, sent: bytes) -> socket.socket:
    opened = socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), timeout=20)
    opened.sendall(sent)
    return opened


def seconds_until_closed(opened: socket.socket) -> float:
    begun = time.monotonic()
    try:
        while opened.recv(4096):
            pass
    except ConnectionError:
        pass
    return time.monotonic() - begun


def answered(opened: socket.socket) -> bool:
    """Whether one whole answer of /healthz comes."""
    got = b""
    while not got.endswith(b'{"status":"ok"}'):
        piece = opened.recv(4096)
        if not piece:
            return False
        got += piece
    return got.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("sent", [b"", HALF, b"GET"], ids=["silent", "half its headers", "half a word"])
def test_a_connection_without_a_whole_request_is_closed(server: Server, sent: bytes) -> None:
    with connected(server, sent) as opened:
        assert seconds_until_closed(opened) < 10


def test_a_body_may_take_longer_than_headers_but_not_for_ever(server: Server) -> None:
    with connected(server, WITHOUT_ITS_BODY) as opened:
        assert 1 < seconds_until_closed(opened) < 15


def test_a_second_request_on_a_kept_connection_has_its_own_time(server: Server) -> None:
    with connected(server, WHOLE) as opened:
        assert answered(opened)
        time.sleep(0.4)
        opened.sendall(WHOLE)
        assert answered(opened)
        opened.sendall(HALF)
        assert seconds_until_closed(opened) < 10


def test_while_hundreds_hold_on_others_are_answered(server: Server) -> None:
    held = [connected(server, HALF) for _ in range(300)]
    with httpx.Client(base_url=server.url, trust_env=False, timeout=20) as client:
        assert client.get("/healthz").status_code == 200
        assert [seconds_until_closed(opened) < 15 for opened in held] == [True] * len(held)
        assert client.get("/healthz").status_code == 200
    for opened in held:
        opened.close()
