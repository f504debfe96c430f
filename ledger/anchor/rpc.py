"""JSON-RPC to a chain's node over HTTP, with nothing but the standard library."""

from __future__ import annotations

import http.client
import itertools
import json
import urllib.error
import urllib.request
from typing import Any

from core.errors import Refused, Unavailable

TIMEOUT_SECONDS = 30.0
# A node's answer is read whole; the largest one we ask for is a block or a storage proof.
MAX_ANSWER_BYTES = 16 * 2**20


class Rpc:
    """One node. `url`: http(s) address of its JSON-RPC."""

    def __init__(self, url: str, timeout: float = TIMEOUT_SECONDS) -> None:
        self.url = url
        self._timeout = timeout
        self._ids = itertools.count(1)

    def call(self, method: str, *parameters: Any) -> Any:
        """The result of one call.

        Raises Unavailable (chain-unavailable) when the node is away or talks nonsense, Refused (chain-rpc-error) with
        detail `rpc_code` and `data` when it answers with an error.
        """
        body = json.dumps({"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": list(parameters)})
        answer = self._post(body.encode())
        if "error" in answer:
            error = answer["error"] if isinstance(answer["error"], dict) else {}
            raise Refused("chain-rpc-error", str(error.get("message", "the node refused"))[:500], where=method,
                          rpc_code=error.get("code"), data=error.get("data"))
        if "result" not in answer:
            raise Unavailable("chain-unavailable", "the node's answer holds no result", where=self.url)
        return answer["result"]

    def _post(self, body: bytes) -> dict[str, Any]:
        request = urllib.request.Request(self.url, body, {"Content-Type": "application/json"})  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=self._timeout) as response:  # noqa: S310  operator's own URL
                answer = json.loads(response.read(MAX_ANSWER_BYTES))
        except (OSError, urllib.error.URLError, http.client.HTTPException, ValueError) as error:
            raise Unavailable("chain-unavailable", f"the chain's node does not answer: {error}", where=self.url,
                              hint="start it, or correct its address; work waits and resumes") from None
        if not isinstance(answer, dict):
            raise Unavailable("chain-unavailable", "the node's answer is not a JSON object", where=self.url)
        return answer
