"""A node as the command line uses it: HTTP with an organisation's token. Errors come back with their own codes."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from api.accounts import token_path
from api.deployment import NODE_ORG, clock_of, open_deployment
from api.server import Server
from core.clock import Clock, SystemClock
from core.errors import CarbonSealError, Forbidden, FormError, InputError, NotFound, Refused, Unavailable
from core.settings import FILE_NAME, Settings, load

TIMEOUT_SECONDS = 120.0
POLL_SECONDS = 0.1
CHAIN_SECONDS = 20.0
CBOR_SEQUENCE = "application/cbor-seq"
ENVELOPE = "application/cose"
_BY_STATUS: Mapping[int, type[CarbonSealError]] = {
    400: FormError, 401: Forbidden, 403: Forbidden, 404: NotFound, 409: Refused, 422: InputError}

# What every problem has; the rest are the error's own values.
_PROBLEM_MEMBERS = frozenset({"type", "title", "status", "detail", "instance", "code", "message", "where", "hint"})


class Node:
    """One node at a base URL, spoken to as one organisation (or as nobody). `clock`: its deployment's."""

    def __init__(self, url: str, token: str = "", clock: Clock | None = None) -> None:
        self.url, self.clock = url, clock or SystemClock()
        headers = {"authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=TIMEOUT_SECONDS, trust_env=False)

    def get(self, path: str, **query: str) -> Any:
        """The JSON answer of a GET. Raises the node's own error, or Unavailable (node-unreachable)."""
        return self._request("GET", path, params=query).json()

    def fetch(self, path: str, **query: str) -> bytes:
        """The bytes a GET answers."""
        return self._request("GET", path, params=query).content

    def listed(self, path: str) -> list[Any]:
        """Every item of a list, page by page."""
        items: list[Any] = []
        while path:
            response = self._request("GET", path)
            items += response.json()
            path = response.links.get("next", {}).get("url", "")
        return items

    def post(self, path: str, document: Any) -> Any:
        """POST a JSON document; the JSON answer."""
        return self._request("POST", path, json=document).json()

    def tell(self, path: str, document: Any) -> None:
        """POST a JSON document that has no answer."""
        self._request("POST", path, json=document)

    def send(self, path: str, content: bytes, media_type: str = ENVELOPE) -> Any:
        """POST bytes; the JSON answer."""
        return self._request("POST", path, content=content, headers={"content-type": media_type}).json()

    def wait(self, job: str) -> dict[str, Any]:
        """The finished job of an id. Raises the job's own error."""
        current: dict[str, Any] = self.get(f"/v1/jobs/{job}")
        while current["state"] not in ("done", "failed"):
            time.sleep(POLL_SECONDS)
            current = self.get(f"/v1/jobs/{job}")
        if current["state"] == "failed":
            raise _error(int(current["error"].get("status", InputError.http_status)), current["error"])
        return current

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
    own = {name: value for name, value in problem.items() if name not in _PROBLEM_MEMBERS}
    return kind(str(problem.get("code", "node-answer")), str(problem.get("message") or problem.get("detail", "")),
                where=str(problem.get("where", "")), hint=str(problem.get("hint", "")), **own)


def read_token(directory: Path, org: str) -> str:
    """The token `init` made for an organisation. Raises InputError (token-missing)."""
    return _token(token_path(directory, org), org)


def _token(path: Path, org: str) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise InputError("token-missing", f"there is no token for {org}", where=str(path),
                         hint="carbonseal init makes them; the operator may issue more") from None


@contextmanager
def connect(place: str, org: str = NODE_ORG, token: Path | None = None) -> Iterator[Node]:
    """The node at a place, spoken to as one organisation.

    `place`: the URL of a node (without `token` as nobody), or a deployment folder, whose node is started for this
    command if none runs. Raises NotFound (deployment-missing), InputError (token-missing), what opening raises.
    """
    if place.startswith(("http://", "https://")):
        yield Node(place.rstrip("/"), _token(token, org) if token else "")
        return
    directory = Path(place)
    if not (directory / FILE_NAME).exists():
        raise NotFound("deployment-missing", "the directory holds no deployment", where=str(directory),
                       hint="give --dir FOLDER, or --node URL with --token FILE")
    settings = load(directory)
    text = _token(token, org) if token else read_token(directory, org)
    if _is_node(url := _url(settings), settings.origin):
        yield Node(url, text, clock_of(directory, settings))
        return
    deployment = open_deployment(directory, upgrade=True)
    try:
        with Server(deployment, port=0) as server:
            node = Node(server.url, text, deployment.clock)
            _wait_for_chain(node)
            yield node
    finally:
        deployment.close()


def _wait_for_chain(node: Node) -> None:
    """The chain starts behind a node that was started for one command; what needs no chain goes on without it."""
    deadline = time.monotonic() + CHAIN_SECONDS
    while node.get("/readyz")["checks"]["chain"] != "ok" and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)


def _url(settings: Settings) -> str:
    scheme = "https" if settings.tls_certificate else "http"
    host = f"[{settings.http_host}]" if ":" in settings.http_host else settings.http_host
    return f"{scheme}://{host}:{settings.http_port}"


def _is_node(url: str, origin: str) -> bool:
    try:
        answer = httpx.get(f"{url}/v1/trust", trust_env=False, timeout=TIMEOUT_SECONDS)
        return answer.is_success and answer.json().get("origin") == origin
    except (httpx.HTTPError, json.JSONDecodeError):
        return False
