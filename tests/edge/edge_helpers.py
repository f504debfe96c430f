"""Peers for the gateway's tests: a node that answers as told, a bench of real Modbus meters, and a configuration."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from attestation.envelope import open_envelope, verify_envelope
from attestation.frame import Frame, Link, chain_defect, check_headers, decode_frame, link_of, read_submissions
from core.signer import KeySigner

ORIGIN = "lanhe.example/park"
GATEWAY = "gw:lanhe-1"
SEED = bytes(range(32))


class FakeNode:
    """A node on 127.0.0.1 that checks what the real one checks of a frame: form, signature and chain."""

    def __init__(self, public_key: bytes) -> None:
        self.public_key = public_key
        self.frames: list[Frame] = []
        self.digests: dict[tuple[int, int], int] = {}
        self.last: Link | None = None
        self.posts = 0
        self.script: list[Callable[[bytes], tuple[int, bytes] | None]] = []
        self.beacon: dict[str, str] | None = None
        self.server: ThreadingHTTPServer | None = None
        self.port = 0

    def start(self) -> None:
        """Listen, on the port of before if there was one."""
        node = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                status, answer = node.post(body)
                self._send(status, answer)

            def do_GET(self) -> None:
                self._send(200, json.dumps({"beacon": node.beacon}).encode())

            def _send(self, status: int, answer: bytes) -> None:
                if status == 0:
                    self.close_connection = True
                    return
                self.send_response(status)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                """Keep the test's output clean."""

        ThreadingHTTPServer.allow_reuse_address = True
        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def post(self, body: bytes) -> tuple[int, bytes]:
        """The status and body of an answer; status 0 closes the connection without one."""
        self.posts += 1
        if self.script and (told := self.script.pop(0)(body)) is not None:
            return told
        return 200, json.dumps({"frames": self.take(body)}).encode()

    def take(self, body: bytes) -> list[dict[str, Any]]:
        return [self._judge(submission) for submission in read_submissions(body)]

    def _judge(self, submission: Any) -> dict[str, Any]:
        envelope = open_envelope(submission.envelope)
        verify_envelope(envelope, ORIGIN, self.public_key)
        frame = decode_frame(envelope.payload)
        check_headers(frame, [header for header, _ in submission.blocks])
        place = (frame.epoch, frame.seq)
        link = link_of(frame, envelope.payload)
        if place in self.digests:
            known = self.frames[self.digests[place]]
            same = link_of(known, envelope.payload) == link and known == frame
            return {"outcome": "duplicate" if same else "disputed", "index": str(self.digests[place]), "error": None}
        code = chain_defect(self.last, frame)
        if code:
            epoch, seq = (0, 0) if self.last is None else (self.last.epoch, self.last.seq + 1)
            return {"outcome": "refused", "index": None, "error": {
                "code": code, "message": "not the next", "where": frame.gateway, "hint": "",
                "expected_epoch": str(epoch), "expected_seq": str(seq)}}
        self.digests[place] = len(self.frames)
        self.frames.append(frame)
        self.last = link
        return {"outcome": "accepted", "index": str(len(self.frames) - 1), "error": None}


@contextmanager
def running_node(signer: KeySigner) -> Iterator[FakeNode]:
    node = FakeNode(signer.public_key)
    node.start()
    try:
        yield node
    finally:
        node.stop()


@contextmanager
def background_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop that runs in another thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)


def call(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine run in that loop."""
    return asyncio.run_coroutine_threadsafe(work, loop).result(10)


CONFIG = """\
[node]
url = "{url}"
origin = "lanhe.example/park"

[gateway]
id = "gw:lanhe-1"
site = "site:lanhe"
key = "gateway.pem"

[clock]
{clock}quality = "synchronised"

[cadence]
step_s = 1
frame_s = 3
history_step_s = 60
history_frame_s = 900

[spool]
limit_frames = {limit_frames}

"""
METER = """\
[[meters]]
id = "{meter}"
protocol = "modbus-tcp"
host = "127.0.0.1"
port = {port}
device_id = {device_id}
word_order = "{word_order}"
timeout_ms = {timeout_ms}

[[meters.points]]
quantity = "{quantity}"
unit = "Wh"
address = {address}
layout = "u64"
kind = "register"
sentinel = true

[[meters.points]]
quantity = "power"
unit = "W"
address = 8
layout = "i32"
kind = "gauge"

"""
PLANT = (("m:lanhe-main", 1, "big", "energy-import", 0), ("m:lanhe-furnace", 2, "little", "energy-import", 0),
         ("m:lanhe-pv", 3, "big", "energy-export", 4), ("m:lanhe-compressor", 4, "big", "energy-import", 0))


def write_config(directory: Path, url: str, modbus_port: int, *, clock_file: str | None = None,
                 limit_frames: int = 100_000, timeout_ms: int = 500) -> Path:
    """A gateway's folder for the simulated plant: configuration and key."""
    clock = f'file = "{clock_file}"\n' if clock_file else ""
    text = CONFIG.format(url=url, clock=clock, limit_frames=limit_frames)
    for meter, device_id, order, quantity, address in PLANT:
        text += METER.format(meter=meter, port=modbus_port, device_id=device_id, word_order=order, quantity=quantity,
                             address=address, timeout_ms=timeout_ms)
    path = directory / "gateway.toml"
    path.write_text(text)
    if not (directory / "gateway.pem").exists():
        KeySigner.from_seed(SEED).save(directory / "gateway.pem")
    return path
