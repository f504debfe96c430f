"""The embedded chain: in our time, surviving kill -9 but for its last second, and honest when it is not there."""

from __future__ import annotations

import http.server
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chain_helpers import GOVERNORS, NOW, account

from certificates.registry_evm import deploy
from core.clock import FixedClock
from core.errors import InputError, Refused, Unavailable
from ledger.anchor import embedded as module
from ledger.anchor.embedded import EmbeddedChain, find_anvil, free_port, set_block_time
from ledger.anchor.rpc import Rpc

pytestmark = pytest.mark.chain


def latest(rpc: Rpc) -> dict[str, Any]:
    block: dict[str, Any] = rpc.call("eth_getBlockByNumber", "latest", False)
    return block


def time_of(rpc: Rpc) -> int:
    return int(latest(rpc)["timestamp"], 16) * 1000


def test_a_new_chain_begins_at_the_clocks_time() -> None:
    with EmbeddedChain(None, FixedClock(NOW - 10**10)) as chain:
        assert time_of(chain.rpc) == NOW - 10**10


def test_blocks_follow_the_clock_and_strictly_increase() -> None:
    clock = FixedClock(NOW)
    with EmbeddedChain(None, clock) as chain:
        times = []
        for instant in (NOW + 5000, NOW + 5000, NOW + 5999, NOW + 3_600_000, NOW):
            clock.instant = instant
            set_block_time(chain.rpc, clock)
            chain.rpc.call("evm_mine")
            times.append(time_of(chain.rpc) - NOW)
    assert times == [5000, 6000, 7000, 3_600_000, 3_601_000]


def test_a_clean_stop_keeps_every_block(tmp_path: Path) -> None:
    state = tmp_path / "state" / "anvil.json"
    with EmbeddedChain(state, FixedClock(NOW)) as chain:
        places = deploy(chain.url, account("deployer"), [GOVERNORS[0].address], 1, chain.clock)
        before = latest(chain.rpc)
    with EmbeddedChain(state, FixedClock(NOW + 10**9)) as chain:
        assert latest(chain.rpc)["hash"] == before["hash"]
        assert chain.rpc.call("eth_getCode", places.anchors, "latest") != "0x"


def test_a_killed_chain_comes_back_with_what_was_saved(tmp_path: Path) -> None:
    chain = EmbeddedChain(tmp_path / "anvil.json", FixedClock(NOW))
    chain.start()
    places = deploy(chain.url, account("deployer"), [GOVERNORS[0].address], 1, chain.clock)
    time.sleep(2.2)
    assert chain.pid is not None
    os.kill(chain.pid, signal.SIGKILL)
    while chain.pid is not None:
        time.sleep(0.01)
    chain.start()
    try:
        assert chain.rpc.call("eth_getCode", places.certificates, "latest") != "0x"
    finally:
        chain.stop()


def test_the_anvil_of_a_killed_node_is_ended_before_another_takes_its_state(tmp_path: Path) -> None:
    state = tmp_path / "anvil.json"
    orphan = EmbeddedChain(state, FixedClock(NOW))
    orphan.start()
    places = deploy(orphan.url, account("deployer"), [GOVERNORS[0].address], 1, orphan.clock)
    with EmbeddedChain(state, FixedClock(NOW)) as chain:
        assert orphan.pid is None
        assert chain.rpc.call("eth_getCode", places.certificates, "latest") != "0x", "it wrote its state as it left"


def test_a_pid_that_now_belongs_to_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "anvil.pid").write_text(str(os.getpid()))
    with EmbeddedChain(tmp_path / "anvil.json", FixedClock(NOW)) as chain:
        assert chain.pid is not None
    (tmp_path / "anvil.pid").write_text("")
    with EmbeddedChain(tmp_path / "anvil.json", FixedClock(NOW)) as chain:
        assert chain.pid is not None


def test_starting_twice_is_starting_once_and_stopping_twice_is_fine() -> None:
    chain = EmbeddedChain(None, FixedClock(NOW))
    chain.start()
    pid = chain.pid
    chain.start()
    assert chain.pid == pid
    chain.stop()
    assert chain.pid is None
    chain.stop()


def test_a_stopped_chain_is_unavailable() -> None:
    with EmbeddedChain(None, FixedClock(NOW)) as chain:
        rpc = chain.rpc
    with pytest.raises(Unavailable, match="chain-unavailable"):
        rpc.call("eth_blockNumber")


def test_a_missing_binary_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CARBONSEAL_ANVIL", str(tmp_path / "anvil"))
    with pytest.raises(InputError, match="anvil-missing") as caught:
        find_anvil()
    assert "npm ci" in caught.value.hint


def test_a_chain_that_does_not_start_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARBONSEAL_ANVIL", "/bin/false")
    with pytest.raises(Unavailable, match="chain-start-failed"):
        EmbeddedChain(None, FixedClock(NOW)).start()


def test_a_chain_that_never_answers_is_stopped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    silent = tmp_path / "anvil"
    silent.write_text("#!/bin/sh\nexec sleep 60\n")
    silent.chmod(0o755)
    monkeypatch.setenv("CARBONSEAL_ANVIL", str(silent))
    monkeypatch.setattr(module, "START_SECONDS", 0.3)
    chain = EmbeddedChain(None, FixedClock(NOW))
    with pytest.raises(Unavailable, match="chain-start-failed"):
        chain.start()
    assert chain.pid is None


def test_free_ports_are_free() -> None:
    assert 1024 <= free_port() <= 65535


# --- nodes that talk nonsense ---

@pytest.fixture
def liar() -> Iterator[tuple[Rpc, list[bytes]]]:
    """A server that answers whatever stands in the list."""
    answers = [b""]

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answers[0])

        def log_message(self, *_arguments: object) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Rpc(f"http://127.0.0.1:{server.server_port}", timeout=5), answers
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("answer", [b"", b"<html>", b"[]", b"7", b'{"jsonrpc":"2.0"}', b"\xff\xfe", b"{" * 100])
def test_a_nonsensical_answer_is_an_unavailable_node(liar: tuple[Rpc, list[bytes]], answer: bytes) -> None:
    rpc, answers = liar
    answers[0] = answer
    with pytest.raises(Unavailable, match="chain-unavailable"):
        rpc.call("eth_chainId")


@pytest.mark.parametrize("answer", [b'{"error":{"code":-32000,"message":"no"}}', b'{"error":"no"}'])
def test_an_error_of_the_node_is_passed_on(liar: tuple[Rpc, list[bytes]], answer: bytes) -> None:
    rpc, answers = liar
    answers[0] = answer
    with pytest.raises(Refused, match="chain-rpc-error"):
        rpc.call("eth_chainId")
