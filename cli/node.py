"""A node as the command line uses it: HTTP with an organisation's token. Errors come back with their own codes."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from api.accounts import token_path
from core.errors import CarbonSealError, Forbidden, FormError, InputError, NotFound, Refused, Unavailable
from core.settings import load
from ledger.anchor.embedded import free_port

TIMEOUT_SECONDS = 120.0
START_SECONDS = 60.0
STOP_SECONDS = 30.0
POLL_SECONDS = 0.1
CBOR_SEQUENCE = "application/cbor-seq"
ENVELOPE = "application/cose"
_BY_STATUS: Mapping[int, type[CarbonSealError]] = {400: FormError, 403: Forbidden, 404: NotFound, 409: Refused,
                                                  422: InputError}


class Node:
    """One node at a base URL, spoken to as one organisation (or as nobody)."""

    def __init__(self, url: str, token: str = "") -> None:
        self.url = url
        headers = {"authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=TIMEOUT_SECONDS, trust_env=False)

    def get(self, path: str, **query: str) -> Any:
        """The JSON answer of a GET. Raises the node's own error, or Unavailable (node-unreachable)."""
        return self._request("GET", path, params=query).json()

    def fetch(self, path: str, **query: str) -> bytes:
        """The bytes a GET answers."""
        return self._request("GET", path, params=query).content

    def post(self, path: str, document: Any) -> Any:
        """POST a JSON document; the JSON answer."""
        return self._request("POST", path, json=document).json()

    def send(self, path: str, content: bytes, media_type: str = ENVELOPE) -> Any:
        """POST bytes; the JSON answer."""
        return self._request("POST", path, content=content, headers={"content-type": media_type}).json()

    def wait(self, job: Mapping[str, Any]) -> dict[str, Any]:
        """The finished job. Raises the job's own error."""
        current = dict(job)
        while current["state"] not in ("done", "failed"):
            time.sleep(POLL_SECONDS)
            current = self.get(f"/v1/jobs/{job['id']}")
        if current["state"] == "failed":
            raise _error(422, current["error"])
        return current

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _request(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            response = self._http.request(method, path, **options)
        except httpx.HTTPError as error:
            raise Unavailable("node-unreachable", f"the node does not answer: {error or type(error).__name__}",
                              where=self.url, hint="is it running? carbonseal serve --dir …") from None
        if response.is_success:
            return response
        try:
            problem = response.json()
        except json.JSONDecodeError:
            problem = {"code": "node-answer", "message": f"the node answers {response.status_code}"}
        raise _error(response.status_code, problem)


def _error(status: int, problem: Mapping[str, Any]) -> CarbonSealError:
    kind = _BY_STATUS.get(status, Unavailable if status >= 500 else InputError)
    return kind(str(problem.get("code", "node-answer")), str(problem.get("message") or problem.get("detail", "")),
                where=str(problem.get("where", "")), hint=str(problem.get("hint", "")))


def read_token(directory: Path, org: str) -> str:
    """The token `init` made for an organisation. Raises InputError (token-missing)."""
    path = token_path(directory, org)
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        raise InputError("token-missing", f"there is no token for {org}", where=str(path),
                         hint="carbonseal init makes them; the operator may issue more") from None


class Server:
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
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
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
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def connect(directory: Path, org: str = "org:node") -> Iterator[Node]:
    """The node of a deployment folder, spoken to as one organisation; started for this command if none runs."""
    settings = load(directory)
    token = read_token(directory, org)
    url = f"http://{settings.http_host}:{settings.http_port}"
    server: Server | None = None
    if not _is_node(url, settings.origin):
        server = Server(directory)
        server.start()
        url = server.url
    node = Node(url, token)
    try:
        yield node
    finally:
        node.close()
        if server is not None:
            server.stop()


def _is_node(url: str, origin: str) -> bool:
    try:
        answer = httpx.get(f"{url}/v1/trust", trust_env=False, timeout=TIMEOUT_SECONDS)
        return answer.is_success and answer.json().get("origin") == origin
    except (httpx.HTTPError, json.JSONDecodeError):
        return False
