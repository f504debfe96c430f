"""Claims that enterprises sign, the statements computed for them, and the opinions that verifiers sign."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool

from api import entries, evidence, jobs, pipeline, quality, tasks, walk
from api.accounts import Account
from api.answers import immutable
from api.deps import AnyAccount, Enterprise, Issuer, NodeDep, Snapshot, Verifier
from api.node import Node
from attestation.envelope import MANIFEST
from attestation.manifest import parse_manifest
from certificates import store
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


@router.get("/{claim}")
def get_claim(snapshot: Snapshot, account: AnyAccount, claim: str) -> dict[str, Any]:
    """A claim with what became of it: statement, the manifest to name in an opinion, the newest opinion."""
    stored = store.claim(snapshot, check_hex(claim, where="claim"))
    account.require_org(stored.document.subject)
    return _claim_json(stored) | _progress_json(snapshot, stored)


@router.get("/{claim}/quality")
def get_quality(snapshot: Snapshot, account: AnyAccount, claim: str) -> dict[str, Any]:
    """The data quality of a claim's statement: the control plan, every check and what it found, shares, coverage."""
    return quality.report(snapshot, _statement(snapshot, account, claim), catalogue.shipped())


@router.get("/{claim}/explanation")
def get_explanation(snapshot: Snapshot, account: AnyAccount, claim: str) -> dict[str, Any]:
    """The calculation as a tree, and each input walked to the signed reading or the document it comes from."""
    return walk.explanation(snapshot, _statement(snapshot, account, claim), catalogue.shipped())


def _statement(connection: Connection, account: Account, claim: str) -> StoredStatement:
    stored = store.claim(connection, check_hex(claim, where="claim"))
    account.require_org(stored.document.subject)
    return store.statement_of(connection, stored.digest)


@router.get("/{claim}/evidence", response_class=Response)
def review_file(node: NodeDep, account: AnyAccount, request: Request, claim: str,
                level: Annotated[str, Query()] = "full") -> Response:
    """The evidence file for a verifier's review, before there is an opinion."""
    with reading(node.engine) as connection:
        stored = store.claim(connection, check_hex(claim, where="claim"))
        account.require_org(stored.document.subject)
        statement = store.statement_of(connection, stored.digest)
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
    if statement.claim_digest != check_hex(claim, where="claim"):
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
        stored = store.claim(connection, check_hex(claim, where="claim"))
        account.require_org(stored.document.subject)
        statement = store.statement_of(connection, stored.digest)
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


def _claim_json(stored: StoredClaim) -> dict[str, Any]:
    return {"claim": stored.digest.hex(), "index": str(stored.log_index), "document": parse(stored.payload)}


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
