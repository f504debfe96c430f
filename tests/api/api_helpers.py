"""What the tests of the service share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any
from unittest import mock

from sqlalchemy.exc import TimeoutError as PoolTimeout

from core.clock import FixedClock

NOW = 1_795_000_000_000
ORIGIN = "grid.example/lanhe"
STEEL, SUZHENG, JIANGHUI, GOV = "org:lanhe-steel", "org:suzheng", "org:jianghui", "org:gov-js"
TOKENS = {STEEL: ["enterprise"], SUZHENG: ["verifier"], JIANGHUI: ["trader"], GOV: ["government"],
          "org:registrar": ["registrar"]}


def clock() -> FixedClock:
    return FixedClock(NOW)


def bearer(deployment: Any, org: str) -> dict[str, str]:
    """The header that carries an organisation's token."""
    name = org.replace(":", "-")
    token = (deployment.directory / "tokens" / f"{name}.token").read_text().strip()
    return {"authorization": f"Bearer {token}"}


def check_problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    """The answer is a problem with this status and code, and tells what to do in the language asked for."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["code"] == code
    assert body["status"] == status
    assert body["type"] == f"urn:carbonseal:problem:{code}"
    assert body["title"]
    assert body["detail"]
    return body


@contextmanager
def no_connection_left(deployment: Any) -> Iterator[None]:
    """Others hold every connection that the pool gives; who asks for one more waits a moment and gets none."""
    with mock.patch.object(deployment.engine.pool, "_timeout", 0.01), ExitStack() as others:
        with suppress(PoolTimeout):
            while True:
                others.enter_context(deployment.engine.connect())
        yield
