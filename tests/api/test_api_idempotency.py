"""Idempotency-Key: one effect, one answer, whatever the network does in between."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from api_helpers import NOW, STEEL, SUZHENG, bearer, check_problem, clock
from fastapi import FastAPI, Request, Response
from starlette.testclient import TestClient

from api import idempotency, problems
from api.deployment import Deployment
from api.errors import Busy
from core.database import transaction
from core.errors import InputError, Refused


@pytest.fixture
def calls() -> list[bytes]:
    return []


@pytest.fixture
def service(deployment: Deployment, calls: list[bytes]) -> Iterator[TestClient]:
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
        return Response(b"%d" % len(calls), status_code=201, headers={"location": f"/things/{len(calls)}"})

    app.add_middleware(idempotency.IdempotencyMiddleware, engine=deployment.engine, clock=clock(), limit=1000)
    with TestClient(app) as client:
        yield client


def post(service: TestClient, body: bytes, key: str, headers: dict[str, str] | None = None,
         path: str = "/things") -> Any:
    return service.post(path, content=body, headers={"idempotency-key": key, **(headers or {})})


def test_the_same_request_again_gets_the_stored_answer(service: TestClient, calls: list[bytes]) -> None:
    first, second = post(service, b"a", "k1"), post(service, b"a", "k1")
    assert calls == [b"a"]
    assert (second.status_code, second.content, second.headers["location"]) == (201, b"1", "/things/1")
    assert second.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers


def test_another_key_is_another_request(service: TestClient, calls: list[bytes]) -> None:
    post(service, b"a", "k1")
    assert post(service, b"a", "k2").content == b"2"
    assert len(calls) == 2


def test_without_a_key_nothing_is_remembered(service: TestClient) -> None:
    assert service.post("/things", content=b"a").content == b"1"
    assert service.post("/things", content=b"a").content == b"2"


def test_another_body_under_the_key_is_refused(service: TestClient, calls: list[bytes]) -> None:
    post(service, b"a", "k1")
    check_problem(post(service, b"b", "k1"), 422, "idempotency-key-reused")
    assert calls == [b"a"]


def test_another_query_under_the_key_is_refused(service: TestClient) -> None:
    post(service, b"a", "k1")
    check_problem(post(service, b"a", "k1", path="/things?x=1"), 422, "idempotency-key-reused")


def test_a_key_belongs_to_its_token(service: TestClient, deployment: Deployment, calls: list[bytes]) -> None:
    post(service, b"a", "k1", bearer(deployment, STEEL))
    post(service, b"a", "k1", bearer(deployment, SUZHENG))
    assert len(calls) == 2


def test_a_refusal_is_remembered_too(service: TestClient, calls: list[bytes]) -> None:
    check_problem(post(service, b"no", "k1"), 409, "thing-refused")
    check_problem(post(service, b"no", "k1"), 409, "thing-refused")
    assert calls == [b"no"]


def test_a_failure_of_ours_is_not_remembered(service: TestClient, calls: list[bytes]) -> None:
    answer = post(service, b"busy", "k1")
    check_problem(answer, 503, "writer-busy")
    assert answer.headers["retry-after"]
    post(service, b"busy", "k1")
    assert calls == [b"busy", b"busy"]


@pytest.mark.parametrize("key", ["x" * 201, "with blank", " "])
def test_a_malformed_key_is_refused(service: TestClient, key: str) -> None:
    check_problem(post(service, b"a", key), 400, "idempotency-key-malformed")


def test_the_longest_key_is_taken(service: TestClient) -> None:
    assert post(service, b"a", "x" * 200).status_code == 201


def test_a_body_above_the_limit_is_refused(service: TestClient) -> None:
    assert post(service, b"x" * 1000, "k1").status_code == 201
    check_problem(post(service, b"x" * 1001, "k2"), 413, "body-too-large")


def test_a_request_in_progress_is_not_started_twice(deployment: Deployment) -> None:
    assert idempotency.begin(deployment.engine, b"k" * 32, b"f" * 32, NOW) is None
    with pytest.raises(Refused) as caught:
        idempotency.begin(deployment.engine, b"k" * 32, b"f" * 32, NOW)
    assert caught.value.code == "idempotency-in-progress"


def test_keys_a_crash_left_reserved_are_freed_at_start(deployment: Deployment) -> None:
    idempotency.begin(deployment.engine, b"k" * 32, b"f" * 32, NOW)
    idempotency.release_unfinished(deployment.engine)
    assert idempotency.begin(deployment.engine, b"k" * 32, b"f" * 32, NOW) is None


def test_answers_given_survive_the_start(deployment: Deployment) -> None:
    idempotency.begin(deployment.engine, b"k" * 32, b"f" * 32, NOW)
    given = idempotency.Stored(201, [(b"location", b"/x")], b"{}")
    idempotency.finish(deployment.engine, b"k" * 32, given)
    idempotency.release_unfinished(deployment.engine)
    assert idempotency.begin(deployment.engine, b"k" * 32, b"f" * 32, NOW) == given


def test_answers_are_kept_for_a_week(deployment: Deployment) -> None:
    given = idempotency.Stored(200, [], b"")
    idempotency.begin(deployment.engine, b"k" * 32, b"f" * 32, NOW)
    idempotency.finish(deployment.engine, b"k" * 32, given)
    at_the_limit = NOW + idempotency.KEEP_MS
    assert idempotency.begin(deployment.engine, b"k" * 32, b"f" * 32, at_the_limit) == given
    assert idempotency.begin(deployment.engine, b"k" * 32, b"f" * 32, at_the_limit + 1) is None


def test_a_database_that_does_not_answer_is_told(deployment: Deployment, service: TestClient) -> None:
    with transaction(deployment.engine) as connection:
        connection.exec_driver_sql("DROP TABLE api_answer")
    check_problem(post(service, b"a", "k1"), 503, "database-unavailable")


def test_a_sender_that_hangs_up_is_an_error_not_an_effect() -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    with pytest.raises(InputError) as caught:
        asyncio.run(idempotency._read_body(receive, 10))
    assert caught.value.code == "body-incomplete"
