"""Jobs: the row is the truth; done once, put back when the worker stops, taken over when it dies."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

import pytest
from api_helpers import NOW, STEEL, SUZHENG, bearer, check_problem
from sqlalchemy import Engine, update
from starlette.testclient import TestClient

from api import jobs
from api.app import create_app
from api.deployment import Deployment
from api.metrics import Metrics
from api.models import ApiJob
from api.node import Node
from core.database import reading, transaction
from core.errors import InputError, NotFound


def submit(deployment: Deployment, kind: str, org: str = STEEL, **arguments: Any) -> str:
    with transaction(deployment.engine) as connection:
        return jobs.submit(connection, kind, org, arguments, NOW)


def fetch(deployment: Deployment, identifier: str) -> jobs.Job:
    with reading(deployment.engine) as connection:
        return jobs.get(connection, identifier)


def make_stale(deployment: Deployment, identifier: str) -> None:
    with transaction(deployment.engine) as connection:
        connection.execute(update(ApiJob.__table__).where(ApiJob.__table__.c.id == identifier).values(touched=0))


def double(arguments: jobs.Arguments, report: jobs.Report) -> Mapping[str, Any]:
    for done in range(3):
        report("doubling", done, 3)
    return {"doubled": arguments["number"] * 2}


def refuse(arguments: jobs.Arguments, report: jobs.Report) -> Mapping[str, Any]:
    raise InputError("number-odd", "the number is odd", where="number")


def crash(arguments: jobs.Arguments, report: jobs.Report) -> Mapping[str, Any]:
    raise ZeroDivisionError


FUNCTIONS: Mapping[str, jobs.Function] = {"double": double, "refuse": refuse, "crash": crash}


def test_a_job_is_done_and_its_result_stored(deployment: Deployment) -> None:
    identifier = submit(deployment, "double", number=21)
    assert fetch(deployment, identifier).state == "queued"
    assert jobs.drain(deployment.engine, FUNCTIONS) == 1
    job = fetch(deployment, identifier)
    assert (job.state, job.result, job.error, job.step, job.done, job.total) == (
        "done", {"doubled": 42}, None, "doubling", 2, 3)


def test_jobs_are_done_oldest_first(deployment: Deployment) -> None:
    with transaction(deployment.engine) as connection:
        late = jobs.submit(connection, "double", STEEL, {"number": 1}, NOW + 1)
        early = jobs.submit(connection, "double", STEEL, {"number": 2}, NOW)
    taken = [jobs.take(deployment.engine), jobs.take(deployment.engine), jobs.take(deployment.engine)]
    assert [job and job.id for job in taken] == [early, late, None]


def test_a_refusal_becomes_the_job_s_error(deployment: Deployment) -> None:
    identifier = submit(deployment, "refuse")
    jobs.drain(deployment.engine, FUNCTIONS)
    job = fetch(deployment, identifier)
    assert job.state == "failed"
    assert job.error == {"code": "number-odd", "message": "the number is odd", "where": "number", "hint": "",
                         "status": 422}


@pytest.mark.parametrize("kind", ["crash", "unheard-of"])
def test_a_bug_fails_one_job_and_not_the_queue(deployment: Deployment, kind: str) -> None:
    broken, fine = submit(deployment, kind), submit(deployment, "double", number=1)
    assert jobs.drain(deployment.engine, FUNCTIONS) == 2
    error = fetch(deployment, broken).error
    assert error is not None
    assert error["code"] == "internal-error"
    assert "ZeroDivision" not in str(error)
    assert fetch(deployment, fine).state == "done"


def test_a_running_job_is_not_taken_twice(deployment: Deployment) -> None:
    identifier = submit(deployment, "double", number=1)
    assert jobs.take(deployment.engine, identifier) is not None
    assert jobs.take(deployment.engine, identifier) is None
    assert not jobs.waiting(deployment.engine)


def test_a_job_whose_worker_died_is_taken_over(deployment: Deployment) -> None:
    identifier = submit(deployment, "double", number=4)
    jobs.take(deployment.engine)
    make_stale(deployment, identifier)
    assert jobs.waiting(deployment.engine)
    jobs.drain(deployment.engine, FUNCTIONS)
    assert fetch(deployment, identifier).result == {"doubled": 8}


def test_a_job_that_kills_its_workers_is_given_up(deployment: Deployment) -> None:
    identifier = submit(deployment, "double", number=4)
    for _ in range(jobs.MAX_ATTEMPTS):
        assert jobs.take(deployment.engine) is not None
        make_stale(deployment, identifier)
    assert jobs.take(deployment.engine) is None
    error = fetch(deployment, identifier).error
    assert error is not None
    assert error["code"] == "job-abandoned"


def test_a_worker_that_stops_puts_its_job_back(deployment: Deployment) -> None:
    identifier = submit(deployment, "double", number=4)
    job = jobs.take(deployment.engine)
    assert job is not None
    jobs.run(deployment.engine, FUNCTIONS, job, stopping=lambda: True)
    assert fetch(deployment, identifier).state == "queued"
    jobs.drain(deployment.engine, FUNCTIONS)
    assert fetch(deployment, identifier).state == "done"


def test_a_long_job_keeps_its_lease(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "HEARTBEAT_MS", 20)
    identifier = submit(deployment, "slow")
    finished = threading.Event()

    def slow(arguments: jobs.Arguments, report: jobs.Report) -> Mapping[str, Any]:
        make_stale(deployment, identifier)
        deadline = time.monotonic() + 5
        while jobs.waiting(deployment.engine) and time.monotonic() < deadline:
            time.sleep(0.01)
        finished.set()
        return {"still-mine": not jobs.waiting(deployment.engine)}

    jobs.drain(deployment.engine, {"slow": slow})
    assert finished.is_set()
    assert fetch(deployment, identifier).result == {"still-mine": True}


def test_the_runner_works_when_nudged_and_ends_when_told(deployment: Deployment) -> None:
    runner = jobs.Runner(deployment.engine, FUNCTIONS, Metrics())
    runner.start()
    identifier = submit(deployment, "double", number=5)
    runner.nudge(identifier)
    deadline = time.monotonic() + 5
    while not fetch(deployment, identifier).finished and time.monotonic() < deadline:
        time.sleep(0.01)
    runner.stop()
    assert fetch(deployment, identifier).result == {"doubled": 10}


def test_a_result_that_cannot_be_stored_is_the_jobs_error(deployment: Deployment) -> None:
    identifier = submit(deployment, "unstorable")
    jobs.drain(deployment.engine, {"unstorable": lambda _arguments, _report: {"x": object()}})
    failed = fetch(deployment, identifier)
    assert failed.state == "failed"
    assert failed.error is not None
    assert failed.error["code"] == "internal-error"


def test_the_runner_outlives_a_bug_in_its_own_round(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    faults = [ZeroDivisionError("bug")]

    def waiting(engine: Engine) -> bool:
        if engine is deployment.engine and faults:
            raise faults.pop()
        return really(engine)

    really = jobs.waiting
    monkeypatch.setattr(jobs, "waiting", waiting)
    metrics = Metrics()
    runner = jobs.Runner(deployment.engine, FUNCTIONS, metrics, poll=0.01)
    identifier = submit(deployment, "double", number=5)
    runner.start()
    deadline = time.monotonic() + 5
    while not fetch(deployment, identifier).finished and time.monotonic() < deadline:
        time.sleep(0.01)
    runner.stop()
    assert fetch(deployment, identifier).result == {"doubled": 10}
    assert 'carbonseal_background_failures_total{task="jobs"} 1.0' in metrics.render().decode()


def test_an_unknown_job_is_not_found(deployment: Deployment) -> None:
    with pytest.raises(NotFound) as caught:
        fetch(deployment, "nothing")
    assert caught.value.code == "job-unknown"


def test_a_job_is_read_by_its_organisation_and_by_oversight(deployment: Deployment, client: TestClient) -> None:
    identifier = submit(deployment, "crash")
    path = f"/v1/jobs/{identifier}"
    assert client.get(path, headers=bearer(deployment, STEEL)).json()["id"] == identifier
    assert client.get(path, headers=bearer(deployment, SUZHENG)).status_code == 200
    check_problem(client.get(path, headers=bearer(deployment, "org:jianghui")), 403, "organisation-other")
    check_problem(client.get(path), 401, "token-missing")
    check_problem(client.get("/v1/jobs/none", headers=bearer(deployment, STEEL)), 404, "job-unknown")


def test_the_list_shows_an_organisation_its_own_jobs(deployment: Deployment, client: TestClient) -> None:
    own, other = submit(deployment, "crash"), submit(deployment, "crash", org="org:lanhe-energy")
    shown = [job["id"] for job in client.get("/v1/jobs", headers=bearer(deployment, STEEL)).json()]
    assert shown == [own]
    overseen = [job["id"] for job in client.get("/v1/jobs", headers=bearer(deployment, "org:gov-js")).json()]
    assert set(overseen) == {own, other}


def test_progress_streams_until_the_job_ends(deployment: Deployment) -> None:
    node = Node(deployment, FUNCTIONS)
    with TestClient(create_app(node)) as client:
        identifier = submit(deployment, "double", number=3)
        node.runner.nudge(identifier)
        answer = client.get(f"/v1/jobs/{identifier}/events", headers=bearer(deployment, STEEL))
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [line.removeprefix("event: ") for line in answer.text.splitlines() if line.startswith("event: ")]
    assert events[-1] == "done"
    assert set(events[:-1]) <= {"progress"}
    assert '"doubled": 6' in answer.text
    assert answer.text.startswith("id: 1\n")


def test_progress_of_another_organisation_is_refused(deployment: Deployment, client: TestClient) -> None:
    identifier = submit(deployment, "crash")
    answer = client.get(f"/v1/jobs/{identifier}/events", headers=bearer(deployment, "org:jianghui"))
    check_problem(answer, 403, "organisation-other")
