"""Jobs through Celery, for scale: the same plain functions behind a broker that only nudges; the database is the truth.

A worker opens the deployment without becoming its writer: it appends within the database's transactions as everybody
does, and seals through the log's compare-and-swap. Start it with `run_worker(directory)`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from celery import Celery
from kombu.exceptions import OperationalError
from sqlalchemy import Engine

from api import jobs, tasks
from api.deployment import open_deployment
from api.jobs import Function
from api.metrics import Metrics
from core.errors import InputError

TASK = "carbonseal.run_job"
QUEUE = "carbonseal"
# A lost nudge costs at most this: every worker also looks at the table by itself.
SWEEP_S = 10.0

_log = logging.getLogger("carbonseal.worker")


def make_celery(broker_url: str) -> Celery:
    """A Celery application bound to the broker; results stay in our database."""
    app = Celery(QUEUE, broker=broker_url)
    app.conf.update(task_default_queue=QUEUE, task_ignore_result=True, task_acks_late=True, task_serializer="json",
                    accept_content=["json"], worker_prefetch_multiplier=1, broker_connection_retry_on_startup=True)
    return app


class Nudger:
    """Tells workers through the broker that a job was queued. A broker that is away is logged, never an error: a worker
    finds the row by itself.
    """

    def __init__(self, broker_url: str) -> None:
        self._celery = make_celery(broker_url)

    def __call__(self, identifier: str) -> None:
        """The job of this id waits."""
        try:
            self._celery.send_task(TASK, args=[identifier], queue=QUEUE, retry=False)
        except (OperationalError, OSError) as error:
            _log.warning("the broker did not take job %s: %s", identifier, error)


def bind(celery: Celery, engine: Engine, functions: Mapping[str, Function]) -> None:
    """Declare the task: do the job named, if nobody has taken it yet."""
    def run_job(identifier: str) -> None:
        job = jobs.take(engine, identifier)
        if job is not None:
            jobs.run(engine, functions, job)

    celery.task(name=TASK, shared=False)(run_job)


def run_worker(directory: Path, *, concurrency: int = 1) -> None:
    """Run a worker of a deployment until it is told to end. Raises InputError (broker-missing)."""
    deployment = open_deployment(directory)
    if not deployment.settings.broker_url:
        raise InputError("broker-missing", "no broker_url is set", where="broker_url",
                         hint="without one the node runs its jobs itself and needs no worker")
    link = deployment.chain_link()
    link.start()
    functions = tasks.functions(deployment, link)
    celery = make_celery(deployment.settings.broker_url)
    bind(celery, deployment.engine, functions)
    sweep = jobs.Runner(deployment.engine, functions, Metrics(), poll=SWEEP_S)
    sweep.start()
    try:
        celery.worker_main(["worker", "--loglevel=WARNING", f"--concurrency={concurrency}", "--pool=threads"])
    finally:
        sweep.stop()
        link.stop()
        deployment.close()
