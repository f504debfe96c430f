"""Clients that are slow, vague about sizes, many, or gone: a real server answers the others meanwhile."""

from __future__ import annotations

import asyncio
import gzip
import logging
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import pytest
from api_helpers import check_problem
from api_world import AFTER, HOUR, START, World, body, founding

from api import pipeline, server
from api.deployment import create
from api.server import Server
from core.clock import FixedClock

pytestmark = pytest.mark.timeout(120)
LIMIT = 2**20


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(create(tmp_path / "node", founding(settings={"max_body_bytes": LIMIT}), clock=FixedClock(AFTER),
                        chain=False))
    made.trust_nobody()
    for envelope in made.registrations():
        pipeline.register(made.deployment, envelope)
    yield made
    made.deployment.close()


@pytest.fixture
def node(world: World) -> Iterator[Server]:
    with Server(world.deployment, port=0) as running:
        yield running


@pytest.fixture
def client(node: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=node.url, trust_env=False, timeout=30) as made:
        yield made


@pytest.fixture
def connect(node: Server) -> Iterator[Callable[..., socket.socket]]:
    """Opens a connection and sends the first bytes of a request."""
    address = (httpx.URL(node.url).host, httpx.URL(node.url).port)
    with ExitStack() as opened:
        def make(first: bytes) -> socket.socket:
            made = opened.enter_context(socket.create_connection(address, timeout=20))
            made.sendall(first)
            return made

        yield make


def post(*headers: str) -> bytes:
    return "\r\n".join(["POST /v1/frames HTTP/1.1", "Host: node.example", *headers, "", ""]).encode()


def chunk(content: bytes) -> bytes:
    return b"%x\r\n" % len(content) + content + b"\r\n"


def answer(connection: socket.socket) -> tuple[int, bytes]:
    """Status and everything else that comes until the server has nothing more to say for a moment."""
    received = b""
    connection.settimeout(10)
    while b"\r\n\r\n" not in received:
        received += connection.recv(65_536)
    connection.settimeout(0.2)
    with suppress(OSError):
        while more := connection.recv(65_536):
            received += more
    return int(received[9:12]), received


@pytest.mark.parametrize("first", [
    post("Content-Length: 1000") + b"x", post("Transfer-Encoding: chunked") + b"3e8\r\nx",
    b"POST /v1/frames HTTP/1.1\r\nHo"])
def test_slow_senders_hold_nobody_up(
        world: World, client: httpx.Client, connect: Callable[..., socket.socket], first: bytes) -> None:
    slow = [connect(first) for _ in range(100)]
    started = time.monotonic()
    accepted = client.post("/v1/frames", content=body(world.gateway.frame(START))).json()["frames"][0]
    assert accepted["outcome"] == "accepted"
    assert time.monotonic() - started < 10
    for connection in slow:
        connection.sendall(b"x")


def test_a_body_that_comes_byte_by_byte_is_taken_once_it_is_whole(
        world: World, connect: Callable[..., socket.socket]) -> None:
    content = body(world.gateway.frame(START))
    connection = connect(post(f"Content-Length: {len(content)}"))
    for start in range(0, len(content), 97):
        connection.sendall(content[start : start + 97])
    status, received = answer(connection)
    assert status == 200
    assert b'"outcome":"accepted"' in received


def test_a_server_ends_in_time_although_senders_dawdle(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "GRACE_S", 1)
    with ExitStack() as opened:
        with Server(world.deployment, port=0) as node:
            url = httpx.URL(node.url)
            for _ in range(5):
                slow = opened.enter_context(socket.create_connection((url.host, url.port or 0)))
                slow.sendall(post("Content-Length: 1000") + b"x")
            assert httpx.get(f"{node.url}/healthz", trust_env=False).status_code == 200
            started = time.monotonic()
        assert time.monotonic() - started < 8


def test_a_body_of_undeclared_size_is_taken(world: World, connect: Callable[..., socket.socket]) -> None:
    content = body(world.gateway.frame(START))
    status, received = answer(connect(post("Transfer-Encoding: chunked") + chunk(content) + chunk(b"")))
    assert (status, b'"outcome":"accepted"' in received) == (200, True)


def test_a_body_of_undeclared_size_is_cut_off_at_the_limit(connect: Callable[..., socket.socket]) -> None:
    connection = connect(post("Transfer-Encoding: chunked"))
    sent = 0
    with suppress(OSError):
        while sent < 64 * LIMIT:
            connection.sendall(chunk(bytes(LIMIT // 4)))
            sent += LIMIT // 4
    status, received = answer(connection)
    assert status == 413
    assert b"body-too-large" in received


def test_no_body_at_all_is_an_empty_sequence(connect: Callable[..., socket.socket]) -> None:
    status, received = answer(connect(post()))
    assert (status, received.endswith(b'{"frames":[]}')) == (200, True)


@pytest.mark.parametrize("headers", [
    ("Content-Length: 5", "Content-Length: 6"), ("Content-Length: -5",), ("Content-Length: 5x",),
    ("Transfer-Encoding: gzip, chunked",)])
def test_a_request_whose_end_is_in_doubt_is_refused(
        client: httpx.Client, connect: Callable[..., socket.socket], headers: tuple[str, ...]) -> None:
    status, _ = answer(connect(post(*headers) + b"xxxxx"))
    assert 400 <= status < 600
    assert client.get("/healthz").status_code == 200


def test_a_head_without_end_is_cut_off(client: httpx.Client, connect: Callable[..., socket.socket]) -> None:
    connection = connect(b"GET /healthz HTTP/1.1\r\nX-Filler: ")
    sent = 0
    with suppress(OSError):
        while sent < 64 * LIMIT:
            connection.sendall(bytes(LIMIT // 4))
            sent += LIMIT // 4
    assert sent < 64 * LIMIT
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "deflate", "br", "gzip, identity"])
def test_a_compressed_body_is_refused_and_never_unpacked(client: httpx.Client, encoding: str) -> None:
    bomb = gzip.compress(bytes(64 * LIMIT))
    assert len(bomb) < LIMIT
    refused = client.post("/v1/frames", content=bomb, headers={"content-encoding": encoding})
    check_problem(refused, 415, "content-encoding")


def test_a_body_said_to_be_as_it_is_is_taken(world: World, client: httpx.Client) -> None:
    content = body(world.gateway.frame(START))
    taken = client.post("/v1/frames", content=content, headers={"content-encoding": "Identity"})
    assert taken.json()["frames"][0]["outcome"] == "accepted"


def test_who_hangs_up_half_way_is_no_error_of_the_node(
        client: httpx.Client, connect: Callable[..., socket.socket], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        for _ in range(20):
            connect(post("Content-Length: 1000") + b"x").close()
        deadline = time.monotonic() + 10
        while 'status="400"' not in client.get("/metrics").text and time.monotonic() < deadline:
            time.sleep(0.05)
    assert 'status="400"' in client.get("/metrics").text
    assert [record for record in caplog.records if record.name.startswith("carbonseal.api")] == []


def test_hundreds_at_once_are_all_answered(world: World, node: Server) -> None:
    frames = world.gateway.frames(START, 20)
    contents = [body(frames[number % len(frames)]) if number % 3 == 0 else b"" for number in range(300)]

    async def everybody() -> Counter[int]:
        limits = httpx.Limits(max_connections=300)
        async with httpx.AsyncClient(base_url=node.url, trust_env=False, timeout=60, limits=limits) as crowd:
            answers = await asyncio.gather(*[crowd.post("/v1/frames", content=content) for content in contents])
        return Counter(each.status_code for each in answers)

    assert asyncio.run(everybody()) == {200: 300}
    with httpx.Client(base_url=node.url, trust_env=False) as client:
        answers = client.post("/v1/frames", content=body(*frames)).json()["frames"]
    kept = [each for each in answers if each["outcome"] in ("accepted", "duplicate")]
    assert len(kept) == len(answers) == 20
    assert len({each["index"] for each in kept}) == 20
    assert START + 20 * HOUR < AFTER
