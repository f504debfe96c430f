"""Jobs: a plain function and a row in the database, with progress.

The row is the truth; the in-process runner drains the table, and Celery (api/worker.py) is the same functions behind a
broker that only nudges. A job is taken by compare-and-swap, so two workers never both take it; a job whose worker died
is taken again once its row has not been touched for a while, hence every function is idempotent.
"""

from __future__ import annotations

import json
import logging
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Connection, Engine, Row, Table, insert, select, update

from api.loop import Loop
from api.metrics import Metrics
from api.models import ApiJob
from core.clock import Clock, SystemClock
from core.database import reading, transaction
from core.errors import CarbonSealError, InputError, NotFound
from core.period import instant_text

Arguments = Mapping[str, Any]
Report = Callable[[str, int, int], None]
"""Called by a job with (step, done, total)."""
Function = Callable[[Arguments, Report], Mapping[str, Any]]
"""A job's work; what it answers is stored as the result (JSON)."""

FINISHED = frozenset({"done", "failed"})
MAX_ATTEMPTS = 3
# A live worker touches its row at least this often; one silent for three times as long is taken for dead.
HEARTBEAT_MS = 10_000
STALE_MS = 3 * HEARTBEAT_MS
POLL_S = 1.0

_log = logging.getLogger("carbonseal.jobs")
_JOBS = cast(Table, ApiJob.__table__)  # type: ignore[attr-defined]
# Leases are between machines' processes, so they follow the machine's clock even where the deployment's is simulated.
_LEASE_CLOCK: Clock = SystemClock()


@dataclass(frozen=True)
class Job:
    """A job as others see it. `created`: ms UTC; `done` of `total` steps; `error`: as CarbonSealError.as_dict, with its
    HTTP status.
    """

    id: str
    kind: str
    org: str
    arguments: dict[str, Any]
    state: str
    step: str
    done: int
    total: int
    result: dict[str, Any] | None
    error: dict[str, Any] | None
    created: int

    @property
    def finished(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in FINISHED

    def as_json(self) -> dict[str, Any]:
        """The job in an answer."""
        return {
            "id": self.id, "kind": self.kind, "org": self.org, "state": self.state, "step": self.step,
            "done": self.done, "total": self.total, "result": self.result, "error": self.error,
            "created": instant_text(self.created),
        }


def submit(connection: Connection, kind: str, org: str, arguments: Arguments, now: int) -> str:
    """Queue a job; its id. Nudge a runner after the transaction has committed."""
    identifier = secrets.token_hex(16)
    connection.execute(insert(_JOBS).values(
        id=identifier, kind=kind, org=org, arguments=json.dumps(arguments), state="queued", step="", done=0, total=0,
        attempts=0, created=now, touched=_LEASE_CLOCK.now()))
    return identifier


def get(connection: Connection, identifier: str) -> Job:
    """The job of an id. Raises NotFound (job-unknown)."""
    row = connection.execute(select(_JOBS).where(_JOBS.c.id == identifier)).first()
    if row is None:
        raise NotFound("job-unknown", "there is no such job", where=identifier[:64])
    return _job(row)


def newest(connection: Connection, org: str | None, limit: int) -> Sequence[Job]:
    """The newest jobs first, of one organisation or of all."""
    query = select(_JOBS).order_by(_JOBS.c.created.desc(), _JOBS.c.id).limit(limit)
    rows = connection.execute(query if org is None else query.where(_JOBS.c.org == org))
    return [_job(row) for row in rows]


def newest_of(connection: Connection, kind: str, arguments: Arguments) -> Job | None:
    """The newest job of a kind with exactly these arguments; None when there is none."""
    row = connection.execute(select(_JOBS).where(_JOBS.c.kind == kind, _JOBS.c.arguments == json.dumps(arguments))
                             .order_by(_JOBS.c.created.desc(), _JOBS.c.touched.desc()).limit(1)).first()
    return None if row is None else _job(row)


def take(engine: Engine, identifier: str | None = None) -> Job | None:
    """Take the oldest job that waits (or the one named), queued or abandoned; None when there is none to take."""
    stale = _LEASE_CLOCK.now() - STALE_MS
    waiting = (_JOBS.c.state == "queued") | ((_JOBS.c.state == "running") & (_JOBS.c.touched < stale))
    query = select(_JOBS).where(waiting).order_by(_JOBS.c.created, _JOBS.c.id).limit(1)
    with transaction(engine) as connection:
        row = connection.execute(query if identifier is None else query.where(_JOBS.c.id == identifier)).first()
        if row is None:
            return None
        taken = connection.execute(
            update(_JOBS).where(_JOBS.c.id == row.id, _JOBS.c.state == row.state, _JOBS.c.attempts == row.attempts)
            .values(state="running", attempts=row.attempts + 1, touched=_LEASE_CLOCK.now()))
        if taken.rowcount != 1:
            return None
        if row.attempts >= MAX_ATTEMPTS:
            _fail(connection, row.id, InputError("job-abandoned", f"{row.attempts} workers died at this job",
                                                 where=row.id, hint="look into the node's log"))
            return None
    return _job(row)


def waiting(engine: Engine) -> bool:
    """Whether a job is queued or abandoned; cheap, takes no writer's lock."""
    stale = _LEASE_CLOCK.now() - STALE_MS
    with reading(engine) as connection:
        return connection.execute(select(_JOBS.c.id).where(
            (_JOBS.c.state == "queued") | ((_JOBS.c.state == "running") & (_JOBS.c.touched < stale))
        ).limit(1)).first() is not None


class _PutBack(Exception):
    """The worker is to stop: the job returns to the queue."""


def run(engine: Engine, functions: Mapping[str, Function], job: Job,
        stopping: Callable[[], bool] = lambda: False) -> None:
    """Do a taken job and record how it ended. An error of ours becomes the job's error; so does a bug, as internal.

    Once `stopping` answers true, the job goes back to the queue at its next report.
    """
    def report(step: str, done: int, total: int) -> None:
        if stopping():
            raise _PutBack
        with transaction(engine) as connection:
            connection.execute(update(_JOBS).where(_JOBS.c.id == job.id).values(
                step=step[:64], done=done, total=total, touched=_LEASE_CLOCK.now()))

    beat = _Heartbeat(engine, job.id)
    try:
        result = json.dumps(functions[job.kind](job.arguments, report))
    except _PutBack:
        with transaction(engine) as connection:
            connection.execute(update(_JOBS).where(_JOBS.c.id == job.id).values(
                state="queued", attempts=_JOBS.c.attempts - 1, touched=_LEASE_CLOCK.now()))
    except CarbonSealError as error:
        with transaction(engine) as connection:
            _fail(connection, job.id, error)
    except Exception:  # noqa: BLE001  a bug in one job must not stop the queue; it is logged and recorded
        _log.exception("job %s (%s) met an internal error", job.id, job.kind)
        with transaction(engine) as connection:
            _fail(connection, job.id, CarbonSealError("internal-error", "the job met an error of the node's own",
                                                      where=job.id, hint="look into the node's log"))
    else:
        with transaction(engine) as connection:
            connection.execute(update(_JOBS).where(_JOBS.c.id == job.id).values(
                state="done", result=result, touched=_LEASE_CLOCK.now()))
    finally:
        beat.stop()


def drain(engine: Engine, functions: Mapping[str, Function]) -> int:
    """Do every job that waits, one after another; how many."""
    count = 0
    while (job := take(engine)) is not None:
        run(engine, functions, job)
        count += 1
    return count


class Runner:
    """The in-process runner: one thread that drains the table. `nudge` wakes it; it also looks every `poll` seconds."""

    def __init__(self, engine: Engine, functions: Mapping[str, Function], metrics: Metrics,
                 poll: float = POLL_S) -> None:
        self._engine, self._functions = engine, functions
        self._loop = Loop("jobs", self._round, poll, metrics)

    def start(self) -> None:
        """Begin."""
        self._loop.start()

    def nudge(self, _identifier: str) -> None:
        """A job was queued."""
        self._loop.wake()

    def stop(self) -> None:
        """Finish the job in hand or put it back, then end."""
        self._loop.stop()

    def _round(self) -> None:
        while not self._loop.stopping() and waiting(self._engine):
            job = take(self._engine)
            if job is not None:
                run(self._engine, self._functions, job, self._loop.stopping)


class _Heartbeat:
    """Touches a running job's row so that nobody takes it for abandoned."""

    def __init__(self, engine: Engine, identifier: str) -> None:
        self._engine, self._id, self._end = engine, identifier, threading.Event()
        self._thread = threading.Thread(target=self._loop, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._end.set()
        self._thread.join()

    def _loop(self) -> None:
        while not self._end.wait(HEARTBEAT_MS / 1000):
            try:
                with transaction(self._engine) as connection:
                    connection.execute(update(_JOBS).where(_JOBS.c.id == self._id).values(touched=_LEASE_CLOCK.now()))
            except CarbonSealError as error:
                _log.warning("heartbeat of job %s missed: %s", self._id, error)


def _fail(connection: Connection, identifier: str, error: CarbonSealError) -> None:
    told = {**error.as_dict(), "status": error.http_status}
    connection.execute(update(_JOBS).where(_JOBS.c.id == identifier).values(
        state="failed", error=json.dumps(told), touched=_LEASE_CLOCK.now()))


def _job(row: Row[Any]) -> Job:
    result = json.loads(row.result) if row.result else None
    error = json.loads(row.error) if row.error else None
    return Job(row.id, row.kind, row.org, json.loads(row.arguments), row.state, row.step, row.done, row.total, result,
               error, row.created)
