"""The embedded development chain: anvil as a child process, its state saved every second, its time from our clock.

Its operator runs it alone and could rewrite it: a verifier reports it as a development chain (docs/spec/chain.md).
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from core.children import end
from core.clock import Clock
from core.errors import InputError, Unavailable
from ledger.anchor.rpc import Rpc

CHAIN_ID = 31337
START_SECONDS = 30.0
STOP_SECONDS = 10.0
NODE_PROJECT = Path(__file__).resolve().parents[2] / "hardhat-net"
_PLATFORMS = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def find_anvil() -> Path:
    """The anvil binary that `npm ci` put under hardhat-net, or the one CARBONSEAL_ANVIL names.

    Raises InputError (anvil-missing).
    """
    system, machine = platform.system().lower(), _PLATFORMS.get(platform.machine().lower(), platform.machine())
    package = NODE_PROJECT / "node_modules" / "@foundry-rs" / f"anvil-{system}-{machine}" / "bin" / "anvil"
    binary = Path(os.environ.get("CARBONSEAL_ANVIL", package))
    if not binary.is_file():
        raise InputError("anvil-missing", "the development chain is not installed", where=str(binary),
                         hint="run: npm ci --ignore-scripts --prefix hardhat-net; elsewhere than on Linux amd64 "
                              "install anvil 1.7.1 and name it in CARBONSEAL_ANVIL")
    return binary


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class EmbeddedChain:
    """anvil on 127.0.0.1. `state`: file it saves to each second and starts from; None keeps nothing.

    A new chain begins at the clock's time. Use as a context manager, or `start` and `stop`. A crash loses at most the
    last second of blocks.
    """

    def __init__(self, state: Path | None, clock: Clock, port: int | None = None) -> None:
        self.state = state
        self.clock = clock
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.rpc = Rpc(self.url)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> EmbeddedChain:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        """Start anvil and wait for its answer. Raises InputError (anvil-missing), Unavailable (chain-start-failed)."""
        if self.pid is not None:
            return
        self.end_orphan()
        self._mend()
        self._process = subprocess.Popen(  # noqa: S603  our own pinned binary
            self._command(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if self.state is not None:
            self._pid_file(self.state).write_text(str(self._process.pid), encoding="ascii")
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                if int(self.rpc.call("eth_chainId"), 16) == CHAIN_ID:
                    return
            except Unavailable:
                time.sleep(0.05)
        self.stop()
        raise Unavailable("chain-start-failed", "the development chain did not start", where=self.url,
                          hint="is the port in use, or the state file of another version?")

    def stop(self) -> None:
        """Stop anvil cleanly: it writes its state and ends."""
        process, self._process = self._process, None
        end(process, STOP_SECONDS)

    def keep(self) -> None:
        """Set the saved state aside while it is whole: anvil writes it in place, a crash meanwhile leaves a part."""
        if self.state is None:
            return
        with suppress(OSError):
            copy = Path(shutil.copyfile(self.state, self.state.with_suffix(".copy")))
            if _is_whole(copy):
                copy.replace(self._kept(self.state))

    def _mend(self) -> None:
        """Start from what was set aside where a crash cut the state off; what came after it is written again."""
        if self.state is not None and not _is_whole(self.state) and _is_whole(self._kept(self.state)):
            shutil.copyfile(self._kept(self.state), self.state)

    @staticmethod
    def _kept(state: Path) -> Path:
        return state.with_suffix(".kept")

    def end_orphan(self) -> None:
        """End the anvil of a node that was killed: two of them would write one state file."""
        if self.state is None or not self._pid_file(self.state).is_file():
            return
        text = self._pid_file(self.state).read_bytes()
        pid = int(text) if text.isdigit() and len(text) < 10 else 0
        # Told to end it writes its state; what does not end in time is killed.
        for sign in (signal.SIGTERM, signal.SIGKILL):
            deadline = time.monotonic() + STOP_SECONDS
            if self._runs_on_state(pid):
                with suppress(ProcessLookupError):
                    os.kill(pid, sign)
            while self._runs_on_state(pid) and time.monotonic() < deadline:
                time.sleep(0.05)

    def _runs_on_state(self, pid: int) -> bool:
        try:
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return False
        return str(self.state).encode() in arguments and b"--state" in arguments

    @staticmethod
    def _pid_file(state: Path) -> Path:
        return state.with_suffix(".pid")

    def _command(self) -> list[str]:
        command = [str(find_anvil()), "--quiet", "--host", "127.0.0.1", "--port", str(self.port),
                   "--chain-id", str(CHAIN_ID), "--hardfork", "berlin", "--gas-price", "0",
                   "--block-base-fee-per-gas", "0", "--accounts", "1", "--no-cors",
                   # Also when it starts from a state: else its time jumps to the machine's, ahead of a simulated clock.
                   "--timestamp", str(self.clock.now() // 1000)]
        if self.state is not None:
            self.state.parent.mkdir(parents=True, exist_ok=True)
            command += ["--state", str(self.state), "--state-interval", "1"]
        return command


def _is_whole(state: Path) -> bool:
    try:
        json.loads(state.read_bytes())
    except (OSError, ValueError):
        return False
    return True


def set_block_time(rpc: Rpc, clock: Clock) -> None:
    """Give the next block of a development chain, and calls on "pending", the clock's time.

    Blocks carry whole seconds and strictly increase, so a burst runs a little ahead of the clock.
    """
    latest = int(rpc.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
    rpc.call("evm_setNextBlockTimestamp", max(clock.now() // 1000, latest + 1))
