"""Celery behind a broker: the same functions and rows; a nudge that is lost costs time, never a job."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from api_helpers import NOW, STEEL
from api_world import World

from api import jobs, pipeline, tasks, worker
from api.deployment import Deployment, writing
from api.node import Node
from core.database import reading, transaction
from core.errors import InputError
from ledger.anchor.embedded import free_port

ROOT = Path(__file__).parents[2]
REDIS = shutil.which("redis-server")


def submit(deployment: Deployment, kind: str, **arguments: Any) -> str:
    with transaction(deployment.engine) as connection:
        return jobs.submit(connection, kind, STEEL, arguments, NOW)


def state(deployment: Deployment, identifier: str) -> jobs.Job:
    with reading(deployment.engine) as connection:
        return jobs.get(connection, identifier)


def double(arguments: jobs.Arguments, report: jobs.Report) -> Mapping[str, Any]:
    return {"doubled": arguments["number"] * 2}


def test_the_task_does_the_job_it_is_told_once(deployment: Deployment) -> None:
    celery = worker.make_celery("memory://")
    worker.bind(celery, deployment.engine, {"double": double})
    identifier = submit(deployment, "double", number=4)
    celery.tasks[worker.TASK](identifier)
    celery.tasks[worker.TASK](identifier)
    assert state(deployment, identifier).result == {"doubled": 8}


def test_an_unknown_job_is_nobody_s_business(deployment: Deployment) -> None:
    celery = worker.make_celery("memory://")
    worker.bind(celery, deployment.engine, {"double": double})
    waiting = submit(deployment, "double", number=4)
    celery.tasks[worker.TASK]("nothing")
    with reading(deployment.engine) as connection:
        assert [(job.id, job.state) for job in jobs.newest(connection, None, 9)] == [(waiting, "queued")]


def test_only_json_is_accepted() -> None:
    """Pickled messages would run what the broker's owner wants."""
    assert worker.make_celery("memory://").conf.accept_content == ["json"]


def test_a_broker_that_is_away_loses_no_job(deployment: Deployment) -> None:
    identifier = submit(deployment, "double", number=4)
    worker.Nudger(f"redis://127.0.0.1:{free_port()}/0")(identifier)
    assert state(deployment, identifier).state == "queued"
    assert jobs.drain(deployment.engine, {"double": double}) == 1


def test_a_node_with_a_broker_leaves_jobs_to_workers(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    nudged: list[str] = []
    monkeypatch.setattr("api.node.Nudger", lambda url: nudged.append)
    object.__setattr__(deployment.settings, "broker_url", "redis://127.0.0.1:1/0")
    node = Node(deployment, {"double": double})
    node.start()
    identifier = submit(deployment, "double", number=4)
    node.nudge(identifier)
    time.sleep(0.2)
    node.stop()
    assert nudged == [identifier]
    assert state(deployment, identifier).state == "queued"


def test_a_worker_without_a_broker_is_refused(deployment: Deployment) -> None:
    with pytest.raises(InputError) as caught:
        worker.run_worker(deployment.directory)
    assert caught.value.code == "broker-missing"


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[str]:
    port = free_port()
    server = subprocess.Popen([REDIS or "", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir",
                               str(tmp_path)], stdout=subprocess.DEVNULL)
    yield f"redis://127.0.0.1:{port}/0"
    server.terminate()
    server.wait(10)


@pytest.mark.slow
@pytest.mark.chain
@pytest.mark.skipif(REDIS is None, reason="redis-server is not installed")
def test_a_statement_is_computed_by_a_worker_behind_redis(tmp_path: Path, redis: str) -> None:
    world = World.made(tmp_path / "node", settings={"broker_url": redis})
    with writing(world.deployment):
        world.prepare().accept_frames(24)
    script = "import sys; from pathlib import Path; from api.worker import run_worker; run_worker(Path(sys.argv[1]))"
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "node")], cwd=ROOT, env=dict(os.environ))
    try:
        claim = pipeline.claim(world.deployment, world.claim())
        identifier = submit(world.deployment, tasks.CALCULATE, claim=claim.digest.hex())
        worker.Nudger(redis)(identifier)
        deadline = time.monotonic() + 60
        while not state(world.deployment, identifier).finished and time.monotonic() < deadline:
            time.sleep(0.1)
        done = state(world.deployment, identifier)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        world.close()
    assert done.state == "done", done
    assert done.result is not None
    assert done.result["statement"]
