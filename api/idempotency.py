"""Idempotency-Key on every POST with a token: the first answer is kept and replayed; another request is refused.

Answers of 5xx are not kept: the sender is meant to come again. Keys belong to the token that sent them; without a live
token a key is ignored, or anybody could fill the table. What is kept is bounded in age, size and number: a key that
was let go only means that the request is done again, and every step behind it is idempotent by what it is given.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import cast

from sqlalchemy import Connection, Engine, Table, and_, delete, insert, or_, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import accounts
from api.errors import TooLarge
from api.models import ApiAnswer
from api.problems import of_database, respond
from core.clock import Clock
from core.database import reading, transaction
from core.errors import CarbonSealError, FormError, InputError, Refused
from core.period import DAY_MS

HEADER = "idempotency-key"
KEEP_MS = 7 * DAY_MS
# No answer takes this long. A key still reserved then is one whose answer the database did not take.
RESERVED_MS = 600_000
# An answer worth remembering names what was made; what is larger is computed again, or is a GET.
MAX_ANSWER_BYTES = 2**16
# With the size of an answer this bounds what one token can keep: 64 MiB.
MAX_KEPT = 1000
_KEY = re.compile(r"[\x21-\x7e]{1,200}")
_REPLAYED = (b"idempotency-replayed", b"true")

_ANSWERS = cast(Table, ApiAnswer.__table__)  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Stored:
    """An answer as it was given."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class IdempotencyMiddleware:
    """ASGI middleware; `limit`: greatest body in bytes that is read to fingerprint a request."""

    def __init__(self, app: ASGIApp, engine: Engine, clock: Clock, limit: int) -> None:
        self.app, self.engine, self.clock, self.limit = app, engine, clock, limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Replays, refuses or remembers."""
        if scope["type"] != "http" or scope["method"] != "POST" or HEADER not in Headers(scope=scope):
            await self.app(scope, receive, send)
            return
        try:
            token = await run_in_threadpool(self._token, Headers(scope=scope).get("authorization", ""))
            if token is not None:
                key, fingerprint, body = await self._identify(token, scope, receive)
                stored = await run_in_threadpool(begin, self.engine, token, key, fingerprint, self.clock.now())
        except (CarbonSealError, OperationalError, PoolTimeout) as error:
            # Here the handlers of the application do not reach yet.
            told = error if isinstance(error, CarbonSealError) else of_database(error)
            await respond(Request(scope), told)(scope, receive, send)
            return
        if token is None:
            await self.app(scope, receive, send)
        elif stored is not None:
            await _replay(stored, send)
        else:
            await self._run(key, body, scope, receive, send)

    def _token(self, authorization: str) -> bytes | None:
        """The hash of the live token that the header carries; None when there is none: the route judges that."""
        token = accounts.token_of(authorization)
        if not token:
            return None
        with reading(self.engine) as connection:
            return accounts.live_token(connection, token)

    async def _identify(self, token: bytes, scope: Scope, receive: Receive) -> tuple[bytes, bytes, bytes]:
        text = Headers(scope=scope)[HEADER]
        if not _KEY.fullmatch(text):
            raise FormError("idempotency-key-malformed", "an Idempotency-Key has 1 to 200 visible ASCII characters")
        body = await _read_body(receive, self.limit)
        key = sha256(token + text.encode()).digest()
        target = scope["path"].encode() + b"?" + scope["query_string"]
        return key, sha256(sha256(target).digest() + body).digest(), body

    async def _run(self, key: bytes, body: bytes, scope: Scope, receive: Receive, send: Send) -> None:
        recorder = _Recorder(send)
        replayed = [body]

        async def again() -> Message:
            if replayed:
                return {"type": "http.request", "body": replayed.pop(), "more_body": False}
            return await receive()

        try:
            await self.app(scope, again, recorder)
        finally:
            await run_in_threadpool(finish, self.engine, key, recorder.stored())


class _Recorder:
    """Passes an answer on and keeps a copy."""

    def __init__(self, send: Send) -> None:
        self._send, self._status, self._body = send, 500, bytearray()
        self._headers: list[tuple[bytes, bytes]] = []

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status, self._headers = message["status"], list(message.get("headers", []))
        elif message["type"] == "http.response.body" and len(self._body) <= MAX_ANSWER_BYTES:
            self._body += message.get("body", b"")
        await self._send(message)

    def stored(self) -> Stored | None:
        """The answer worth keeping, None for a failure of ours or an answer too large."""
        if self._status >= 500 or len(self._body) > MAX_ANSWER_BYTES:
            return None
        return Stored(self._status, self._headers, bytes(self._body))


def begin(engine: Engine, token: bytes, key: bytes, fingerprint: bytes, now: int) -> Stored | None:
    """The stored answer of a key, or None after reserving the key for this request. `token`: hash of whose it is.

    Raises InputError (idempotency-key-reused, HTTP 422), Refused (idempotency-in-progress, HTTP 409).
    """
    with transaction(engine) as connection:
        connection.execute(delete(_ANSWERS).where(or_(
            _ANSWERS.c.created < now - KEEP_MS,
            and_(_ANSWERS.c.status.is_(None), _ANSWERS.c.created < now - RESERVED_MS))))
        row = connection.execute(select(_ANSWERS).where(_ANSWERS.c.key == key)).first()
        if row is None:
            connection.execute(insert(_ANSWERS).values(token=token, key=key, fingerprint=fingerprint, created=now,
                                                       headers="[]", body=b""))
            _prune(connection, token)
            return None
    if row.fingerprint != fingerprint:
        raise InputError("idempotency-key-reused", "the key was used for another request", where="Idempotency-Key",
                         hint="use a fresh key for each request")
    if row.status is None:
        raise Refused("idempotency-in-progress", "the first request under this key is still being answered",
                      where="Idempotency-Key", hint="send again in a moment")
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in json.loads(row.headers)]
    return Stored(row.status, headers, row.body)


def _prune(connection: Connection, token: bytes) -> None:
    """Let go of a token's oldest answers beyond MAX_KEPT; never of a request still being answered."""
    beyond = (select(_ANSWERS.c.key).where(_ANSWERS.c.token == token).order_by(_ANSWERS.c.created.desc())
              .offset(MAX_KEPT))
    connection.execute(delete(_ANSWERS).where(_ANSWERS.c.key.in_(beyond), _ANSWERS.c.status.is_not(None)))


def finish(engine: Engine, key: bytes, stored: Stored | None) -> None:
    """Keep the answer of a reserved key, or free the key when there is nothing to keep."""
    with transaction(engine) as connection:
        if stored is None:
            connection.execute(delete(_ANSWERS).where(_ANSWERS.c.key == key))
            return
        headers = json.dumps([[name.decode("latin-1"), value.decode("latin-1")] for name, value in stored.headers])
        connection.execute(update(_ANSWERS).where(_ANSWERS.c.key == key).values(
            status=stored.status, headers=headers, body=stored.body))


def release_unfinished(engine: Engine) -> None:
    """Free the keys a crash left reserved; the routes behind them are idempotent by what they are given."""
    with transaction(engine) as connection:
        connection.execute(delete(_ANSWERS).where(_ANSWERS.c.status.is_(None)))


async def _read_body(receive: Receive, limit: int) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise FormError("body-incomplete", "the sender hung up")
        body += message.get("body", b"")
        if len(body) > limit:
            raise TooLarge("body-too-large", f"the body exceeds {limit} bytes", hint="send smaller batches")
        if not message.get("more_body", False):
            return bytes(body)


async def _replay(stored: Stored, send: Send) -> None:
    await send({"type": "http.response.start", "status": stored.status, "headers": [*stored.headers, _REPLAYED]})
    await send({"type": "http.response.body", "body": stored.body})
