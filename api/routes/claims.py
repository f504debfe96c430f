"""Claims that enterprises sign, the statements computed for them, and the opinions that verifiers sign."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool

from api import entries, evidence, jobs, pipeline, quality, tasks, walk
from api.accounts import OVERSIGHT, Account
from api.answers import immutable
from api.deps import AnyAccount, Enterprise, Issuer, NodeDep, Snapshot, Verifier
from api.node import Node
from api.paging import DEFAULT_LIMIT, Cursor, Limit, page, parse_cursor
from api.routes.certificates import period_asked
from attestation.envelope import MANIFEST
from attestation.manifest import parse_manifest
from certificates import claim_list, store
from certificates.claim_list import Filter, ListedClaim
from certificates.store import StoredClaim, StoredStatement
from core.claims import parse_claim
from core.database import reading, transaction
from core.errors import NotFound, Refused
from core.ids import check_hex
from core.jcs import parse
from core.opinions import ISSUING, parse_opinion
from mrv.authoring import catalogue

router = APIRouter(prefix="/v1/claims", tags=["claims"])

EVIDENCE = "application/zip"


@router.post("", status_code=202)
async def post_claim(node: NodeDep, account: Enterprise, request: Request) -> dict[str, Any]:
    """Take a signed claim (body: its canonical JSON) and begin to compute its statement; follow the job."""
    return await run_in_threadpool(_take_claim, node, account, await request.body())


def _take_claim(node: Node, account: Account, payload: bytes) -> dict[str, Any]:
    account.require_org(parse_claim(payload).subject)
    stored = pipeline.claim(node.deployment, payload)
    job = _submit(node, tasks.CALCULATE, account.org, {"claim": stored.digest.hex()})
    return {"claim": stored.digest.hex(), "index": str(stored.log_index), "job": job}


@router.get("")
def list_claims(request: Request, response: Response, snapshot: Snapshot, account: AnyAccount, organisation: str = "",
                state: str = "", start: str | None = None, end: str | None = None, limit: Limit = DEFAULT_LIMIT,
                cursor: Cursor = "") -> list[dict[str, Any]]:
    """The claims that this organisation may see, newest first: by organisation, state, and period they overlap.

    States: no-statement, to-review, declined, to-issue, issued, superseded, revoked.
    """
    if organisation:
        account.require_org(organisation)
    elif not account.roles & OVERSIGHT:
        organisation = account.org
    (below,) = parse_cursor(cursor, int) or (None,)
    rows = claim_list.listed(snapshot, Filter(organisation, state, period_asked(start, end), below), limit + 1)
    return [item.as_json() for item in page(request, response, rows, limit, lambda item: [item.log_index])]


@router.get("/{claim}")
def get_claim(snapshot: Snapshot, account: AnyAccount, claim: str) -> dict[str, Any]:
    """A claim with what became of it: state, statement, the manifest to name in an opinion, the newest opinion.

    Here and below `claim` is its id, the digest of a statement on it, or its claim hash. `job`: what computes or issues
    it, where that is what it waits for.
    """
    stored = _found(snapshot, account, claim)
    return _claim_json(snapshot, stored) | _progress_json(snapshot, stored)


@router.get("/{claim}/quality")
def get_quality(snapshot: Snapshot, account: AnyAccount, claim: str) -> dict[str, Any]:
    """The data quality of a claim's statement: the control plan, every check and what it found, shares, coverage."""
    return quality.report(snapshot, _statement(snapshot, account, claim), catalogue.shipped())


@router.get("/{claim}/explanation")
def get_explanation(snapshot: Snapshot, account: AnyAccount, claim: str) -> dict[str, Any]:
    """The calculation as a tree, and each input walked to the signed reading or the document it comes from."""
    return walk.explanation(snapshot, _statement(snapshot, account, claim), catalogue.shipped())


def _statement(connection: Connection, account: Account, claim: str) -> StoredStatement:
    return store.statement_of(connection, _found(connection, account, claim).digest)


def _found(connection: Connection, account: Account, claim: str) -> StoredClaim:
    stored = store.find_claim(connection, check_hex(claim, where="claim"))
    account.require_org(stored.document.subject)
    return stored


@router.get("/{claim}/evidence", response_class=Response)
def review_file(node: NodeDep, account: AnyAccount, request: Request, claim: str,
                level: Annotated[str, Query()] = "full") -> Response:
    """The evidence file for a verifier's review, before there is an opinion."""
    with reading(node.engine) as connection:
        statement = _statement(connection, account, claim)
    data = evidence.export(node.deployment, node.link, statement.digest, purpose="review", level=level)
    return immutable(request, data, EVIDENCE, private=True)


@router.post("/{claim}/opinion", status_code=202)
async def post_opinion(node: NodeDep, account: Verifier, request: Request, claim: str) -> dict[str, Any]:
    """Take a signed opinion on the claim's statement (body: its canonical JSON); one that permits it is then issued."""
    return await run_in_threadpool(_take_opinion, node, account.org, claim, await request.body())


def _take_opinion(node: Node, org: str, claim: str, payload: bytes) -> dict[str, Any]:
    # Before anything is written: what is refused leaves no entry behind.
    with reading(node.engine) as connection:
        statement = store.statement(connection, parse_opinion(payload).statement)
        named = store.find_claim(connection, check_hex(claim, where="claim"))
    if statement.claim_digest != named.digest:
        raise Refused("opinion-claim", "the opinion is about the statement of another claim",
                      where=statement.claim_digest.hex())
    stored = pipeline.review(node.deployment, payload)
    issues = stored.document.conclusion in ISSUING
    job = _submit(node, tasks.ISSUE, org, {"statement": statement.digest.hex()}) if issues else None
    return {"opinion": stored.digest.hex(), "index": str(stored.log_index), "job": job}


@router.post("/{claim}/issue", status_code=202)
def post_issue(node: NodeDep, account: Issuer, claim: str) -> dict[str, Any]:
    """Begin to issue a claim that has an opinion; follow the job. However often it is asked, there is one certificate.

    An opinion that permits it is issued by itself; this is for one whose issue failed, because the chain was away.
    """
    with reading(node.engine) as connection:
        statement = _statement(connection, account, claim)
        conclusion = store.opinion_on(connection, statement.digest).document.conclusion
    if conclusion not in ISSUING:
        raise Refused("opinion-conclusion", f"a conclusion {conclusion.name.lower()} issues nothing", where=claim)
    return {"statement": statement.digest.hex(),
            "job": _submit(node, tasks.ISSUE, account.org, {"statement": statement.digest.hex()})}


def _submit(node: Node, kind: str, org: str, arguments: dict[str, Any]) -> str:
    with transaction(node.engine) as connection:
        job = jobs.submit(connection, kind, org, arguments, node.deployment.clock.now())
    node.nudge(job)
    return job


def _claim_json(connection: Connection, stored: StoredClaim) -> dict[str, Any]:
    found = claim_list.state_of(connection, stored.digest)
    return {"claim": stored.digest.hex(), "claim_hash": found.hash.hex(), "index": str(stored.log_index),
            "state": found.state, "job": _job_json(connection, found), "document": parse(stored.payload)}


def _job_json(connection: Connection, found: ListedClaim) -> dict[str, Any] | None:
    """The newest job that a claim waits for, in a state in which one is what it waits for."""
    waits = {"no-statement": (tasks.CALCULATE, {"claim": found.digest.hex()})}
    if found.statement is not None:
        waits["to-issue"] = (tasks.ISSUE, {"statement": found.statement[0].hex()})
    if found.state not in waits:
        return None
    job = jobs.newest_of(connection, *waits[found.state])
    return None if job is None else job.as_json()


def _progress_json(connection: Connection, stored: StoredClaim) -> dict[str, Any]:
    try:
        statement = store.statement_of(connection, stored.digest)
    except NotFound:
        return {"statement": None, "manifest": None, "opinion": None}
    return {"statement": statement_json(statement), "manifest": _manifest_json(connection, statement),
            "opinion": _opinion_json(connection, statement)}


def statement_json(statement: StoredStatement) -> dict[str, Any]:
    """A statement with what an opinion repeats: digest, leaf, index and payload."""
    return {"digest": statement.digest.hex(), "leaf": statement.leaf.hex(), "index": str(statement.log_index),
            "payload": parse(statement.payload)}


def _manifest_json(connection: Connection, statement: StoredStatement) -> dict[str, Any] | None:
    newest = entries.newest(connection, MANIFEST)
    if parse_manifest(newest.payload).size <= statement.log_index:
        return None
    return {"digest": newest.digest.hex(), "index": str(newest.log_index), "payload": parse(newest.payload)}


def _opinion_json(connection: Connection, statement: StoredStatement) -> dict[str, Any] | None:
    try:
        opinion = store.opinion_on(connection, statement.digest)
    except NotFound:
        return None
    return {"digest": opinion.digest.hex(), "index": str(opinion.log_index), "payload": parse(opinion.payload)}
