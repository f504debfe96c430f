"""The node as the gateway sees it: frames go in, one answer for each comes back, and a recent block to point at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from attestation.frame import Beacon
from core import jcs
from core.errors import CarbonSealError, FormError, Refused, Unavailable
from core.ids import check_hex
from core.numbers import parse_natural

TIMEOUT_S = 30
BEACON_TIMEOUT_S = 2
MAX_ANSWER_BYTES = 4 * 2**20
CONTENT_TYPE = "application/cbor-seq"

ACCEPTED, DUPLICATE, DISPUTED, REFUSED = "accepted", "duplicate", "disputed", "refused"
# The node holds the frame durably. A disputed one is kept as evidence: sending it again would add nothing.
HELD = frozenset({ACCEPTED, DUPLICATE, DISPUTED})


@dataclass(frozen=True)
class Answer:
    """What the node says about one frame. `index` for what it holds, `error` for what it refuses."""

    outcome: str
    index: str
    error: CarbonSealError | None = None
    expected: tuple[int, int] | None = None


class NodeClient:
    """HTTP client of one node."""

    def __init__(self, url: str, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._url = url
        # Proxies of the environment are not asked: a gateway talks to the node it was told, directly.
        self._client = httpx.AsyncClient(timeout=TIMEOUT_S, transport=transport, trust_env=False)

    async def post_frames(self, items: Sequence[bytes]) -> list[Answer]:
        """POST /v1/frames with a CBOR sequence of submissions; one answer for each, in order.

        Raises Unavailable (node-unreachable, node-busy), Refused (node-too-large, node-refused), FormError
        (node-answer).
        """
        try:
            response = await self._client.post(f"{self._url}/v1/frames", content=b"".join(items),
                                               headers={"content-type": CONTENT_TYPE})
        except httpx.HTTPError as error:
            raise self._away(error) from None
        self._check_status(response)
        return read_answers(response.content, len(items))

    async def beacon(self) -> Beacon | None:
        """GET /v1/beacon: the newest finalised block the node has seen, or None when it has none to give."""
        try:
            response = await self._client.get(f"{self._url}/v1/beacon", timeout=BEACON_TIMEOUT_S)
            return read_beacon(response.content) if response.status_code == 200 else None
        except (httpx.HTTPError, CarbonSealError):
            return None

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def _check_status(self, response: httpx.Response) -> None:
        status = response.status_code
        if status == 200:
            return
        if status == 413:
            raise Refused("node-too-large", "the node takes smaller batches", where=self._url)
        if status == 429 or status >= 500:
            raise Unavailable("node-busy", f"the node answers {status}", where=self._url, hint="it is tried again")
        raise Refused("node-refused", f"the node answers {status}: {response.text[:200]}", where=self._url,
                      hint="check node.url and that the gateway is enrolled there")

    def _away(self, error: httpx.HTTPError) -> Unavailable:
        return Unavailable("node-unreachable", f"the node does not answer: {error or type(error).__name__}",
                           where=self._url, hint="frames wait in the spool; nothing is lost")


def read_answers(body: bytes, count: int) -> list[Answer]:
    """The answers in the body of POST /v1/frames. Raises FormError (node-answer, json-…) unless there are `count`."""
    document = jcs.parse_lenient(body, limit=MAX_ANSWER_BYTES)
    frames = document.get("frames") if isinstance(document, dict) else None
    if not isinstance(frames, list) or len(frames) != count:
        raise FormError("node-answer", f"the node did not answer each of {count} frames")
    return [_answer(item) for item in frames]


def read_beacon(body: bytes) -> Beacon | None:
    """The beacon in the body of GET /v1/beacon: {"beacon": null or {"chain_id","number","hash"}}. Raises FormError."""
    document = jcs.parse_lenient(body, limit=MAX_ANSWER_BYTES)
    block = document.get("beacon") if isinstance(document, dict) else None
    if block is None:
        return None
    if not isinstance(block, dict):
        raise FormError("node-answer", "a beacon is an object")
    chain_id, number = (parse_natural(str(block.get(name)), where=name, limit=2**63)
                        for name in ("chain_id", "number"))
    return Beacon(chain_id, number, check_hex(block.get("hash"), where="hash"))


def _answer(item: Any) -> Answer:
    outcome = item.get("outcome") if isinstance(item, dict) else None
    if outcome in HELD:
        index = item.get("index")
        return Answer(outcome, str(parse_natural(index, where="index")) if isinstance(index, str) else "")
    if outcome != REFUSED:
        raise FormError("node-answer", f"{str(outcome)[:40]!r} is no outcome of ours")
    error = item.get("error")
    if not isinstance(error, dict):
        raise FormError("node-answer", "a refusal without its error")
    text = {key: str(error.get(key) or "") for key in ("code", "message", "where", "hint")}
    refusal = Refused(text["code"] or "refused", text["message"], where=text["where"], hint=text["hint"])
    return Answer(REFUSED, "", refusal, _expected(error))


def _expected(error: dict[str, Any]) -> tuple[int, int] | None:
    epoch, seq = error.get("expected_epoch"), error.get("expected_seq")
    if epoch is None or seq is None:
        return None
    return parse_natural(str(epoch), limit=2**63), parse_natural(str(seq), limit=2**63)
