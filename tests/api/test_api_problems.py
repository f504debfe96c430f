"""Problems: every error of ours is one, in the language asked for; nothing foreign leaks."""

from __future__ import annotations

import pytest
from api_helpers import STEEL, bearer, check_problem, no_connection_left
from api_world import START, Gateway, body
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from api import messages, problems
from api.deployment import Deployment
from api.errors import Busy, TooLarge, Unauthenticated, Unsupported
from core import errors
from core.errors import CarbonSealError, Refused

CLASSES = [errors.InputError, errors.FormError, errors.NotFound, errors.Refused, errors.Forbidden,
           errors.VerificationFailed, errors.Unavailable, Unauthenticated, TooLarge, Unsupported, Busy]


@pytest.fixture
def service() -> TestClient:
    app = FastAPI()
    problems.install(app)

    @app.get("/raise/{name}")
    def raising(name: str) -> None:
        found = {kind.__name__: kind for kind in CLASSES}.get(name)
        if found is None:
            raise ZeroDivisionError("secret details")
        raise found("some-code", "what happened", where="here", hint="do this", expected_seq="7")

    return TestClient(app, raise_server_exceptions=False)


@pytest.mark.parametrize("kind", CLASSES)
def test_every_branch_of_the_tree_has_its_status(service: TestClient, kind: type[CarbonSealError]) -> None:
    answer = service.get(f"/raise/{kind.__name__}")
    body = answer.json()
    assert answer.status_code == kind.http_status == body["status"]
    assert (body["code"], body["detail"], body["where"], body["hint"], body["expected_seq"]) == (
        "some-code", "what happened", "here", "do this", "7")
    assert body["instance"] == f"/raise/{kind.__name__}"


def test_a_bug_tells_nothing_of_itself(service: TestClient) -> None:
    answer = service.get("/raise/bug")
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal-error"
    assert "secret" not in answer.text


def test_what_is_away_says_when_to_come_again(service: TestClient) -> None:
    assert service.get("/raise/Busy").headers["retry-after"] == str(problems.RETRY_AFTER_S)
    assert "retry-after" not in service.get("/raise/Refused").headers


@pytest.mark.parametrize("language", messages.LANGUAGES)
def test_every_branch_has_a_title_in_both_languages(language: str) -> None:
    titles = {kind: messages.title(kind("no-such-code", ""), language) for kind in CLASSES}
    assert all(titles.values())
    zh = [any("一" <= c <= "鿿" for c in title) for title in titles.values()]
    assert all(zh) if language == "zh" else not any(zh)


@pytest.mark.parametrize(("error", "zh", "en"), [
    (errors.NotFound("claim-unknown", ""), "没有此申报", "No such claim"),
    (Refused("claim-exclusive", ""), "同一主体、边界、方法学与期间已有计算书", "Refused"),
    (Refused("of-tomorrow", ""), "已拒绝", "Refused")])
def test_a_title_is_that_of_the_code_in_chinese_and_of_the_branch_at_least_in_english(
        error: CarbonSealError, zh: str, en: str) -> None:
    assert (messages.title(error, "zh"), messages.title(error, "en")) == (zh, en)


@pytest.mark.parametrize(("header", "language"), [
    ("", "zh"), ("zh", "zh"), ("en", "en"), ("en-US,en;q=0.9,zh;q=0.8", "en"), ("zh-TW,en;q=0.9", "zh"),
    ("fr", "zh"), ("fr,en;q=0.1", "en"), ("en;q=0", "zh"), ("en;q=0.2,zh;q=0.3", "zh"), ("*", "zh"), ("en;q=x", "zh")])
def test_the_preferred_language(header: str, language: str) -> None:
    assert messages.preferred(header) == language


@given(st.text())
def test_no_header_breaks_the_choice_of_language(header: str) -> None:
    assert messages.preferred(header) in messages.LANGUAGES


def test_a_problem_never_loses_its_own_members() -> None:
    error = Refused("code-x", "said", status="overwritten?")
    body = problems.problem(error, instance="/x", language="en")
    assert body["status"] == 409
    assert body["type"] == "urn:carbonseal:problem:code-x"


def test_a_route_that_gets_no_connection_in_time_says_come_again(client: TestClient, deployment: Deployment) -> None:
    """SQLAlchemy tells of a crowded pool with an error that is not one of the database's."""
    with no_connection_left(deployment):
        answers = [client.get("/log/checkpoint"), client.get("/v1/claims/x", headers=bearer(deployment, STEEL))]
    for answer in answers:
        check_problem(answer, 503, "database-unavailable")
        assert answer.headers["retry-after"] == str(problems.RETRY_AFTER_S)
    check_problem(client.get("/log/checkpoint"), 404, "checkpoint-missing")


def test_frames_that_get_no_connection_in_time_are_refused_whole_and_taken_later(
        client: TestClient, deployment: Deployment) -> None:
    frame = body(Gateway().frame(START))
    with no_connection_left(deployment):
        check_problem(client.post("/v1/frames", content=frame), 503, "database-unavailable")
    assert client.post("/v1/frames", content=frame).json()["frames"][0]["error"]["code"] == "gateway-unknown"


def test_a_crowded_pool_leaves_the_node_unready_and_alive(client: TestClient, deployment: Deployment) -> None:
    with no_connection_left(deployment):
        assert client.get("/healthz").status_code == 200
        ready = client.get("/readyz")
    assert ready.status_code == 503
    assert ready.json()["checks"]["database"] == "database-unavailable"
    assert client.get("/readyz").status_code == 200
