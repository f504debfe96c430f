"""Control plans 数据质量控制方案 in the log: taken from the enterprise that signed them, found by what they are for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection

from api import entries
from api.deployment import Deployment, appending
from api.entries import StoredEntry
from attestation import registry
from attestation.envelope import DOCUMENT
from attestation.history import participant_at
from core.claims import ClaimDocument
from core.documents import contract_domain
from core.errors import Forbidden, InputError, NotFound, Refused
from ledger import log
from mrv.authoring import catalogue
from mrv.definitions.dates import days_of
from mrv.quality.checks import Finding
from mrv.quality.plan import ControlPlan, check_history, check_plan, plan_in_force
from mrv.quality.signed_plan import SignedPlan, read_signed_plan
from verify.accounts import check_account

NO_LIMIT = 2**63 - 1
"""Above every log index."""
_PAGE = 500


@dataclass(frozen=True)
class StoredPlan:
    """A plan of the log. `digest`: SHA-256 of its signed payload."""

    digest: bytes
    log_index: int
    signed: SignedPlan

    @property
    def plan(self) -> ControlPlan:
        """The plan itself."""
        return self.signed.plan

    def as_json(self) -> dict[str, Any]:
        """What a reader needs to find and to hold it: digests, index, signer, the plan."""
        return {"id": self.digest.hex(), "index": str(self.log_index), "signer": self.signed.signer,
                "digest": self.plan.digest.hex(), "plan": dict(self.signed.document)}


def take(deployment: Deployment, payload: bytes) -> StoredPlan:
    """Keep a plan that its enterprise signed, in the log; the same one again changes nothing.

    Raises FormError (plan-…), Refused (plan-context), Forbidden (plan-role, plan-signer), InputError (plan-history, and
    what `check_plan` raises), NotFound (subject-unknown, methodology-unknown).
    """
    signed = read_signed_plan(payload)
    chain = deployment.trust.chain
    domain = contract_domain(chain.id, chain.certificate_registry)
    if (signed.origin, signed.domain) != (deployment.origin, domain):
        raise Refused("plan-context", "the plan was signed for another log, chain or contract", where="plan.domain",
                      hint=f"sign for {deployment.origin}, chain {domain.chain_id}, contract {domain.contract}")
    check_plan(signed.plan, catalogue.shipped())
    with appending(deployment) as connection:
        known = [item for item in stored(connection, signed.plan.entity) if item.signed == signed]
        if known:
            return known[0]
        _check_signer(deployment, connection, signed)
        plan = signed.plan
        check_history([*(item.plan for item in history(connection, plan.entity, plan.boundary, plan.methodology)),
                       plan])
        index = entries.append_signed(connection, deployment.node_signer, DOCUMENT, payload, deployment.origin)
        return _stored(entries.record(connection, DOCUMENT, payload, index, plan.entity))


def _check_signer(deployment: Deployment, connection: Connection, signed: SignedPlan) -> None:
    entity = participant_at(registry.history(connection, signed.plan.entity), log.size(connection))
    if "enterprise" not in entity.roles:
        raise Forbidden("plan-role", f"{entity.org} is no enterprise", where="plan.entity")
    check_account(signed.signer, entity, "plan-signer", deployment.clock.now())


def stored(connection: Connection, entity: str = "") -> Iterator[StoredPlan]:
    """The plans of an enterprise, or of all where none is named, newest first. One costs nothing to another."""
    below = NO_LIMIT
    while page := listed(connection, entity, below, _PAGE):
        yield from page
        below = page[-1].log_index


def listed(connection: Connection, entity: str, below: int, limit: int) -> list[StoredPlan]:
    """The same with a log index below `below`, at most `limit` of them."""
    return [_stored(entry) for entry in entries.listed(connection, DOCUMENT, below, limit, entity)]


def _stored(entry: StoredEntry) -> StoredPlan:
    return StoredPlan(entry.digest, entry.log_index, read_signed_plan(entry.payload))


def plan(connection: Connection, digest: bytes) -> StoredPlan:
    """The plan of a payload digest. Raises NotFound (plan-unknown)."""
    entry = entries.find(connection, DOCUMENT, digest)
    if entry is None:
        raise NotFound("plan-unknown", "the log holds no control plan of this digest", where=digest.hex(),
                       hint="GET /v1/mrv/plans, or `carbonseal mrv plan list`, names those there are")
    return _stored(entry)


def history(connection: Connection, entity: str, boundary: str, methodology: str) -> list[StoredPlan]:
    """The versions of the plan of a boundary and methodology, first to last."""
    found = [item for item in stored(connection, entity)
             if (item.plan.boundary, item.plan.methodology) == (boundary, methodology)]
    return sorted(found, key=lambda item: item.plan.version)


def in_force(connection: Connection, document: ClaimDocument) -> tuple[StoredPlan | None, list[Finding]]:
    """The plan that holds on the first day of a claim's period, with a finding if another follows within it.

    None where no plan was handed in, or none held yet: that is a finding too.
    """
    known = history(connection, document.subject, document.boundary, document.methodology.id)
    first, last = days_of(document.period)
    if not known:
        return None, [Finding("plan-absent", document.boundary, f"no control plan for {document.methodology.id}")]
    return _choose(known, first, last)


def _choose(known: list[StoredPlan], first: date, last: date) -> tuple[StoredPlan | None, list[Finding]]:
    try:
        chosen, findings = plan_in_force([item.plan for item in known], first, last)
    except InputError as error:
        return None, [Finding("plan-absent", known[0].plan.boundary, error.message)]
    return next(item for item in known if item.plan == chosen), findings
