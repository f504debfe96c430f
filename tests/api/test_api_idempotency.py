"""Idempotency-Key: one effect, one answer, whatever the network does in between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from api_helpers import NOW, STEEL, SUZHENG, bearer, check_problem, clock, no_connection_left
from fastapi import FastAPI, Request, Response
from starlette.testclient import TestClient

from api import accounts, idempotency, problems
from api.deployment import Deployment
from api.errors import Busy
from core.database import reading, transaction
from core.errors import InputError, Refused

TOKEN = b"t" * 32
Post = Callable[..., Any]


@pytest.fixture
def calls() -> list[bytes]:
    return []


def application(deployment: Deployment, calls: list[bytes]) -> FastAPI:
    app = FastAPI()
    problems.install(app)

    @app.post("/things")
    async def make(request: Request) -> Response:
        body = await request.body()
        calls.append(body)
        if body == b"busy":
            raise Busy("writer-busy", "much waits")
        if body == b"no":
            raise Refused("thing-refused", "no")
        if body.startswith(b"size "):
            return Response(bytes(int(body[5:])))
        return Response(b"%d" % len(calls), status_code=201, headers={"location": f"/things/{len(calls)}"})

    app.add_middleware(idempotency.IdempotencyMiddleware, engine=deployment.engine, clock=clock(), limit=1000)
    return app


@pytest.fixture
def service(deployment: Deployment, calls: list[bytes]) -> Iterator[TestClient]:
    with TestClient(application(deployment, calls)) as client:
        yield client


@pytest.fixture
def post(service: TestClient, deployment: Deployment) -> Post:
    """Post under a key as an enterprise, or with other headers."""
    def send(body: bytes, key: str, headers: dict[str, str] | None = None, path: str = "/things") -> Any:
        own = bearer(deployment, STEEL) if headers is None else headers
        return service.post(path, content=body, headers={"idempotency-key": key, **own})

    return send


def kept(deployment: Deployment) -> int:
    with reading(deployment.engine) as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM api_answer").scalar_one())


def begin(deployment: Deployment, key: bytes = b"k", now: int = NOW, token: bytes = TOKEN) -> idempotency.Stored | None:
    return idempotency.begin(deployment.engine, token, key.ljust(32, b"."), b"f" * 32, now)


def answer(deployment: Deployment, key: bytes = b"k", body: bytes = b"") -> idempotency.Stored:
    given = idempotency.Stored(200, [], body)
    idempotency.finish(deployment.engine, key.ljust(32, b"."), given)
    return given


def test_the_same_request_again_gets_the_stored_answer(post: Post, calls: list[bytes]) -> None:
    first, second = post(b"a", "k1"), post(b"a", "k1")
    assert calls == [b"a"]
    assert (second.status_code, second.content, second.headers["location"]) == (201, b"1", "/things/1")
    assert second.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers


def test_another_key_is_another_request(post: Post, calls: list[bytes]) -> None:
    post(b"a", "k1")
    assert post(b"a", "k2").content == b"2"
    assert len(calls) == 2


def test_without_a_key_nothing_is_remembered(service: TestClient) -> None:
    assert service.post("/things", content=b"a").content == b"1"
    assert service.post("/things", content=b"a").content == b"2"


def test_another_body_under_the_key_is_refused(post: Post, calls: list[bytes]) -> None:
    post(b"a", "k1")
    check_problem(post(b"b", "k1"), 422, "idempotency-key-reused")
    assert calls == [b"a"]


def test_another_query_under_the_key_is_refused(post: Post) -> None:
    post(b"a", "k1")
    check_problem(post(b"a", "k1", path="/things?x=1"), 422, "idempotency-key-reused")


def test_a_key_belongs_to_its_token(post: Post, deployment: Deployment, calls: list[bytes]) -> None:
    post(b"a", "k1", bearer(deployment, STEEL))
    post(b"a", "k1", bearer(deployment, SUZHENG))
    assert len(calls) == 2


def test_a_refusal_is_remembered_too(post: Post, calls: list[bytes]) -> None:
    check_problem(post(b"no", "k1"), 409, "thing-refused")
    check_problem(post(b"no", "k1"), 409, "thing-refused")
    assert calls == [b"no"]


def test_a_failure_of_ours_is_not_remembered(post: Post, calls: list[bytes]) -> None:
    answer = post(b"busy", "k1")
    check_problem(answer, 503, "writer-busy")
    assert answer.headers["retry-after"]
    post(b"busy", "k1")
    assert calls == [b"busy", b"busy"]


@pytest.mark.parametrize("key", ["x" * 201, "with blank", " "])
def test_a_malformed_key_is_refused(post: Post, key: str) -> None:
    check_problem(post(b"a", key), 400, "idempotency-key-malformed")


def test_the_longest_key_is_taken(post: Post) -> None:
    assert post(b"a", "x" * 200).status_code == 201


def test_a_body_above_the_limit_is_refused(post: Post) -> None:
    assert post(b"x" * 1000, "k1").status_code == 201
    check_problem(post(b"x" * 1001, "k2"), 413, "body-too-large")


def test_a_request_in_progress_is_not_started_twice(deployment: Deployment) -> None:
    assert begin(deployment) is None
    with pytest.raises(Refused) as caught:
        begin(deployment)
    assert caught.value.code == "idempotency-in-progress"


def test_keys_a_crash_left_reserved_are_freed_at_start(deployment: Deployment) -> None:
    begin(deployment)
    idempotency.release_unfinished(deployment.engine)
    assert begin(deployment) is None


def test_answers_given_survive_the_start(deployment: Deployment) -> None:
    begin(deployment)
    given = answer(deployment, body=b"{}")
    idempotency.release_unfinished(deployment.engine)
    assert begin(deployment) == given


def test_answers_are_kept_for_a_week(deployment: Deployment) -> None:
    begin(deployment)
    given = answer(deployment)
    assert begin(deployment, now=NOW + idempotency.KEEP_MS) == given
    assert begin(deployment, now=NOW + idempotency.KEEP_MS + 1) is None


def test_without_a_live_token_a_key_is_ignored(post: Post, deployment: Deployment, calls: list[bytes]) -> None:
    for headers in ({}, {"authorization": "Bearer cst_invented"}, {"authorization": "Basic YTpi"},
                    {"authorization": "Bearer " + "x" * 10_000}):
        assert post(b"a", "k1", headers).status_code == 201
        assert post(b"a", "not a key", headers).status_code == 201
    assert len(calls) == 8
    assert kept(deployment) == 0


def test_a_revoked_token_keeps_nothing_more(post: Post, deployment: Deployment, calls: list[bytes]) -> None:
    post(b"a", "k1")
    with transaction(deployment.engine) as connection:
        accounts.revoke_tokens(connection, STEEL, NOW)
    assert "idempotency-replayed" not in post(b"a", "k1").headers
    assert (len(calls), kept(deployment)) == (2, 1)


def test_a_token_keeps_its_newest_answers_and_leaves_those_of_others(
        deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idempotency, "MAX_KEPT", 3)
    begin(deployment, b"other", NOW - 10, token=b"u" * 32)
    others = answer(deployment, b"other")
    for number in range(4):
        begin(deployment, b"%d" % number, NOW + number)
        given = answer(deployment, b"%d" % number, b"%d" % number)
    assert kept(deployment) == 4
    assert begin(deployment, b"3", NOW + 9) == given
    assert begin(deployment, b"other", NOW + 9, token=b"u" * 32) == others
    assert begin(deployment, b"0", NOW + 9) is None


def test_a_request_still_being_answered_is_never_let_go(
        deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idempotency, "MAX_KEPT", 1)
    begin(deployment, b"slow", NOW)
    begin(deployment, b"fast", NOW + 1)
    answer(deployment, b"fast")
    begin(deployment, b"next", NOW + 2)
    with pytest.raises(Refused):
        begin(deployment, b"slow", NOW + 3)


@pytest.mark.parametrize(("size", "remembered"), [
    (idempotency.MAX_ANSWER_BYTES, True), (idempotency.MAX_ANSWER_BYTES + 1, False)])
def test_a_large_answer_is_given_and_not_kept(
        post: Post, deployment: Deployment, calls: list[bytes], size: int, remembered: bool) -> None:
    wanted = b"size %d" % size
    assert len(post(wanted, "k1").content) == size
    assert len(post(wanted, "k1").content) == size
    assert (len(calls) == 1) is remembered
    assert kept(deployment) == int(remembered)


def test_a_request_that_gets_no_connection_in_time_is_told_to_come_again(post: Post, deployment: Deployment) -> None:
    """Also before the routes: the middleware asks the database first."""
    with no_connection_left(deployment):
        refused = post(b"a", "k1")
    check_problem(refused, 503, "database-unavailable")
    assert refused.headers["retry-after"]
    assert post(b"a", "k1").status_code == 201


def test_a_database_that_does_not_answer_is_told(deployment: Deployment, post: Post) -> None:
    with transaction(deployment.engine) as connection:
        connection.exec_driver_sql("DROP TABLE api_answer")
    check_problem(post(b"a", "k1"), 503, "database-unavailable")


def test_a_sender_that_hangs_up_is_an_error_not_an_effect() -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    with pytest.raises(InputError) as caught:
        asyncio.run(idempotency._read_body(receive, 10))
    assert caught.value.code == "body-incomplete"
