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
from api.deployment import open_deployment
from api.server import Server
from core.errors import CarbonSealError, Forbidden, FormError, InputError, NotFound, Refused, Unavailable
from core.settings import load

TIMEOUT_SECONDS = 120.0
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

    def wait(self, job: str) -> dict[str, Any]:
        """The finished job of an id. Raises the job's own error."""
        current: dict[str, Any] = self.get(f"/v1/jobs/{job}")
        while current["state"] not in ("done", "failed"):
            time.sleep(POLL_SECONDS)
            current = self.get(f"/v1/jobs/{job}")
        if current["state"] == "failed":
            raise _error(422, current["error"])
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


@contextmanager
def connect(directory: Path, org: str = "org:node") -> Iterator[Node]:
    """The node of a deployment folder, spoken to as one organisation; started for this command if none runs."""
    settings = load(directory)
    token = read_token(directory, org)
    url = f"http://{settings.http_host}:{settings.http_port}"
    if _is_node(url, settings.origin):
        yield Node(url, token)
        return
    deployment = open_deployment(directory, upgrade=True)
    try:
        with Server(deployment, port=0) as server:
            yield Node(server.url, token)
    finally:
        deployment.close()


def _is_node(url: str, origin: str) -> bool:
    try:
        answer = httpx.get(f"{url}/v1/trust", trust_env=False, timeout=TIMEOUT_SECONDS)
        return answer.is_success and answer.json().get("origin") == origin
    except (httpx.HTTPError, json.JSONDecodeError):
        return False
