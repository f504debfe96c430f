"""Issuing: the auditor's verifier first, then one operation on the chain, then the mirror.

The node trusts nothing it holds: it assembles the evidence file that a reader would get, and verifies it with the same
pure function and a trust list of its own, before it asks the contract, which checks signatures, inclusion and marks
again. The certificate's identity is the statement's payload digest, so however often this is called there is one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Connection

from certificates import mirror, outbox, store
from certificates.lifecycle import Desk, sighting_now, sighting_of
from certificates.outbox import Handler, Intent, Operation, Sighting
from certificates.registry import Application
from core.claims import chain_claim
from core.database import reading
from core.errors import Refused, Unavailable
from core.opinions import ISSUING, chain_opinion
from ledger import log
from ledger.anchor.layout import CertificateStatus
from verify.report import Report
from verify.trust import Trust
from verify.verifier import verify

# A file made before the certificate exists can be asked everything but the certificate's own state.
REQUIRED_STEPS = range(1, 10)
# Corrections of corrections that were never issued; a longer chain is a fault.
MAX_CORRECTIONS = 100


class Anchored(Protocol):
    """The size at which a root was last anchored."""

    @property
    def size(self) -> int:
        """Entries covered."""


class Anchors(Protocol):
    """Where the log's roots stand on the chain."""

    def latest(self, origin: str) -> Anchored | None:
        """The last anchor of a log; None before the first. Raises Unavailable."""


@dataclass(frozen=True)
class IssueHandler:
    """Finds and sends "issue" and "supersede" operations of the node's account."""

    desk: Desk
    anchors: Anchors

    def find(self, operation: Operation) -> Sighting | None:
        """See Handler."""
        state = self.desk.registry.certificate(bytes.fromhex(operation.arguments["statement"]))
        return sighting_now(self.desk.blocks) if state is not None else None

    def send(self, operation: Operation) -> Sighting:
        """See Handler. Raises Unavailable (anchor-pending) while no anchor covers the statement."""
        statement = bytes.fromhex(operation.arguments["statement"])
        with reading(self.desk.engine) as connection:
            application = build_application(connection, statement, self.anchors)
        if operation.kind == "supersede":
            issued = self.desk.registry.supersede(bytes.fromhex(operation.arguments["old"]), application)
        else:
            issued = self.desk.registry.issue(application)
        return sighting_of(issued.receipt)


def handler_of(desk: Desk, anchors: Anchors) -> outbox.HandlerOf:
    """The handlers of the node's own account: issuing, and what `certificates.lifecycle` knows."""
    issuing = IssueHandler(desk, anchors)

    def choose(operation: Operation) -> Handler | None:
        if operation.kind in ("issue", "supersede"):
            return issuing if operation.actor == desk.actor else None
        return desk.handler_of(operation)

    return choose


def issue(desk: Desk, anchors: Anchors, statement: bytes, evidence: bytes, trust: Trust) -> Intent:
    """Issue the certificate of a statement, or let it supersede the one it corrects; once, however often called.

    `evidence`: the assembled file of purpose "issue". Raises Refused (evidence-invalid, opinion-conclusion and the
    contract's own codes), NotFound, Unavailable.
    """
    check_evidence(evidence, trust, desk.clock.now(), statement)
    mirror.follow(desk.engine, desk.registry, desk.blocks)
    with reading(desk.engine) as connection:
        operation = _operation(connection, desk, statement)
    intent = outbox.run(desk.engine, operation, handler_of(desk, anchors), desk.clock.now())
    mirror.follow(desk.engine, desk.registry, desk.blocks)
    return intent


def check_evidence(evidence: bytes, trust: Trust, now: int, statement: bytes) -> Report:
    """The verifier's report on a file that may issue. Raises Refused (evidence-invalid) with the step that said no."""
    report = verify(evidence, trust, now=now, require=REQUIRED_STEPS)
    if report.valid:
        return report
    bad = report.failed()[0]
    raise Refused("evidence-invalid", f"step {bad.n} ({bad.name}) of the verifier: {bad.code} {bad.detail}".strip(),
                  where=statement.hex(), hint="nothing was issued; correct what the step names", step=str(bad.n),
                  cause=bad.code)


def build_application(connection: Connection, statement: bytes, anchors: Anchors) -> Application:
    """What the contract is asked with. Raises NotFound, Refused (opinion-conclusion), Unavailable (anchor-pending)."""
    stored = store.statement(connection, statement)
    claim = store.claim(connection, stored.claim_digest).document
    opinion = store.opinion_on(connection, statement).document
    if opinion.conclusion not in ISSUING:
        raise Refused("opinion-conclusion", f"a conclusion {opinion.conclusion.name.lower()} issues nothing",
                      where=statement.hex(), hint="only unmodified and modified conclusions issue")
    anchored = anchors.latest(claim.origin)
    if anchored is None or anchored.size <= stored.log_index:
        raise Unavailable("anchor-pending", "no anchor covers the statement yet", where=f"entry {stored.log_index}",
                          hint="it issues by itself after the next anchor")
    return Application(
        claim=chain_claim(claim), claim_signature=claim.signature, opinion=chain_opinion(opinion),
        opinion_signature=opinion.signature, intervals=opinion.intervals, references=opinion.external_refs,
        size=anchored.size, index=stored.log_index,
        path=tuple(log.inclusion_proof(connection, stored.log_index, anchored.size)))


def _operation(connection: Connection, desk: Desk, statement: bytes) -> Operation:
    old = _live_predecessor(connection, desk, statement)
    if old is None:
        return Operation("issue", desk.actor, {"statement": statement.hex()})
    return Operation("supersede", desk.actor, {"statement": statement.hex(), "old": old.hex()})


def _live_predecessor(connection: Connection, desk: Desk, statement: bytes) -> bytes | None:
    """The certificate this statement corrects; statements between the two that were never issued are passed over."""
    known = desk.registry.certificate(statement)
    digest = store.claim(connection, store.statement(connection, statement).claim_digest).document.supersedes
    for _ in range(MAX_CORRECTIONS):
        if digest is None:
            return None
        state = desk.registry.certificate(digest)
        if state is not None:
            superseded_by_this = known is not None and state.superseded_by == statement
            return digest if state.status is CertificateStatus.LIVE or superseded_by_this else None
        digest = store.claim(connection, store.statement(connection, digest).claim_digest).document.supersedes
    raise Refused("claim-supersedes", f"more than {MAX_CORRECTIONS} corrections were never issued",
                  where=statement.hex(), hint="issue one of the corrections between, or claim anew")
