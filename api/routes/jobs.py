"""Jobs: what runs longer than a request, with progress as server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from api import jobs
from api.accounts import OVERSIGHT, Account
from api.answers import events
from api.deps import AnyAccount, NodeDep, Snapshot
from api.node import Node
from api.paging import DEFAULT_LIMIT, Limit
from core.database import reading

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

POLL_S = 0.2


@router.get("")
def list_jobs(snapshot: Snapshot, account: AnyAccount, limit: Limit = DEFAULT_LIMIT) -> list[dict[str, Any]]:
    """The newest jobs of the organisation, of all organisations for those with oversight."""
    org = None if account.roles & OVERSIGHT else account.org
    return [job.as_json() for job in jobs.newest(snapshot, org, limit)]


@router.get("/{job_id}")
def get_job(snapshot: Snapshot, account: AnyAccount, job_id: str) -> dict[str, Any]:
    """One job: state, progress, result or error."""
    job = jobs.get(snapshot, job_id)
    account.require_org(job.org)
    return job.as_json()


@router.get("/{job_id}/events")
async def job_events(node: NodeDep, account: AnyAccount, job_id: str) -> StreamingResponse:
    """Progress as server-sent events ("progress", then "done" or "failed"); ends with the job."""
    await run_in_threadpool(_read, node, account, job_id)
    return events(_follow(node, account, job_id))


async def _follow(node: Node, account: Account, job_id: str) -> AsyncIterator[tuple[str, Any]]:
    last: Any = None
    while not node.stopping.is_set():
        job = await run_in_threadpool(_read, node, account, job_id)
        shown = job.as_json()
        if shown != last:
            yield (job.state if job.finished else "progress"), shown
            last = shown
        if job.finished:
            return
        await asyncio.sleep(POLL_S)


def _read(node: Node, account: Account, job_id: str) -> jobs.Job:
    with reading(node.engine) as snapshot:
        job = jobs.get(snapshot, job_id)
    account.require_org(job.org)
    return job
