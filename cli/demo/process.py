"""The node as a process of its own, as an operator runs it."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import httpx

from core.children import end, end_with_parent
from core.errors import Unavailable
from ledger.anchor.embedded import free_port

START_SECONDS = 60.0
STOP_SECONDS = 30.0
POLL_SECONDS = 0.1


class NodeProcess:
    """`carbonseal serve` as a process of its own."""

    def __init__(self, directory: Path, port: int | None = None, log: Path | None = None) -> None:
        self.directory, self.port = directory, port or free_port()
        self.log = log or directory / "node.log"
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it is ready. Raises Unavailable (node-start-failed) with the end of its log."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  this very program
                [sys.executable, "-m", "cli", "serve", "--dir", str(self.directory), "--port", str(self.port)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=end_with_parent)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                if httpx.get(f"{self.url}/readyz", trust_env=False).is_success:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(POLL_SECONDS)
        self.stop()
        tail = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-3:]
        raise Unavailable("node-start-failed", "the node did not become ready: " + " / ".join(tail),
                          where=str(self.log), hint="another node on this folder? See the log")

    def stop(self) -> None:
        """End it in good order."""
        process, self._process = self._process, None
        end(process, STOP_SECONDS)
