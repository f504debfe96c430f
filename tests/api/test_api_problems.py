"""Problems: every error of ours is one, in the language asked for; nothing foreign leaks."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from api import messages, problems
from api.errors import Busy, TooLarge, Unauthenticated, Unsupported
from core import errors
from core.errors import CarbonSealError, Refused

API = Path(__file__).parents[2] / "api"
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


def test_titles_of_codes_stand_for_codes_that_exist() -> None:
    root = API.parent
    used = {node.value for room in ("api", "core", "ledger", "certificates", "attestation", "mrv")
            for path in (root / room).rglob("*.py") if path.name != "messages.py"
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    assert sorted(set(messages.BY_CODE) - used) == []


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
