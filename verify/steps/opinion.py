"""Step 9: the enterprise claimed this, an accredited and independent verifier concluded it, and both speak of the
statement in the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attestation.history import Participant, participant_at
from attestation.independence import check_verifier
from core.claims import (
    DOMAIN_NAME,
    DOMAIN_VERSION,
    DocumentInput,
    MeterInput,
    chain_claim,
    claim_signer,
    exclusivity_key,
)
from core.errors import Forbidden, NotFound, VerificationFailed
from core.ethereum import Domain, checksum_address, parse_address
from core.merkle import leaf_hash
from core.numbers import decimal_text
from core.opinions import ISSUING, OpinionDocument, check_sampling, opinion_signer
from verify.case import Case
from verify.model import Entry
from verify.report import NotChecked


def check(case: Case) -> str:
    """Raises VerificationFailed (claim-…, exclusivity-key, opinion-…, verifier-…, eip712-…), NotChecked
    (opinion-absent, earlier-step-failed).
    """
    _check_claim_fields(case)
    _check_claim_inputs(case)
    subject = _participant(case, case.claim.subject, case.evidence.claim)
    signer = claim_signer(case.claim)
    if "enterprise" not in subject.roles or not _has_account(subject, signer, case.manifest.time):
        raise VerificationFailed("claim-signer", f"{signer} is no account of the enterprise {subject.org} then",
                                 where=case.evidence.claim.where)
    if case.opinion is None or case.evidence.opinion is None:
        raise NotChecked("opinion-absent", "the claim holds; no verifier has concluded yet")
    _check_opinion_fields(case, case.opinion)
    verifier = _participant(case, case.opinion.verifier, case.evidence.opinion)
    _check_verifier(case.opinion, verifier, subject)
    return (f"claimed by {subject.org}, {case.opinion.conclusion.name.lower()} with {case.opinion.assurance} assurance "
            f"by {verifier.org} ({verifier.accreditation})")


def _check_claim_fields(case: Case) -> None:
    claim, statement = case.claim, case.statement
    carried = claim.carried.as_json() if claim.carried else None
    _compare("claim-fields", case.evidence.claim.where, {
        "origin": (claim.origin, case.trust.origin), "statement origin": (statement.origin, case.trust.origin),
        "domain": (claim.domain, _domain(case)), "kind": (claim.kind, statement.kind),
        "subject": (claim.subject, statement.subject), "boundary": (claim.boundary, statement.boundary),
        "period": (claim.period, statement.period), "methodology": (claim.methodology, statement.methodology),
        "intervals": (claim.intervals, statement.intervals),
        "external_refs": (claim.external_refs, statement.external_refs),
        "supersedes": (claim.supersedes, statement.supersedes),
        "carried": (carried, statement.value["carried_in"]),
    })
    if chain_claim(claim).struct_hash() != statement.claim:
        raise VerificationFailed("claim-fields", "the statement names another claim hash",
                                 where=case.evidence.claim.where)
    key = exclusivity_key(statement.subject, statement.boundary, statement.methodology.id, statement.period)
    if key != statement.exclusivity_key:
        raise VerificationFailed("exclusivity-key", "the key does not follow from subject, boundary, methodology and "
                                 "period", where=case.evidence.statement.where)


def _check_claim_inputs(case: Case) -> None:
    """The statement was computed from what the enterprise named, where the file discloses the inputs."""
    details = case.evidence.details
    if details is None:
        return
    used: dict[str, list[Any]] = {}
    for detail in details.records:
        if detail.record["kind"] == "input":
            used.setdefault(str(detail.record.get("name")), []).append(detail.record)
    for name, records in used.items():
        claimed = list(case.claim.inputs.get(name, ()))
        for record in records:
            matching = next((item for item in claimed if _is_input(item, record)), None)
            if matching is None and record.get("source") != {"type": "declared"}:
                raise VerificationFailed("claim-inputs", "the statement used an input the claim does not name",
                                         where=name)
            claimed = [item for item in claimed if item is not matching]
        if claimed:
            raise VerificationFailed("claim-inputs", "the claim names inputs the statement did not use", where=name)
    if set(case.claim.inputs) - set(used):
        raise VerificationFailed("claim-inputs", "the claim names inputs the statement did not use",
                                 where=", ".join(sorted(set(case.claim.inputs) - set(used))))


def _is_input(item: MeterInput | DocumentInput, record: Mapping[str, Any]) -> bool:
    source = record.get("source")
    if not isinstance(source, dict):
        return False
    if isinstance(item, MeterInput):
        return item.meter in (source.get("meter"), source.get("mark")) and item.quantity == source.get("quantity")
    quantity = {"value": decimal_text(item.value), "unit": item.unit}
    return source.get("digest") == item.document.hex() and record.get("quantity") == quantity


def _check_opinion_fields(case: Case, opinion: OpinionDocument) -> None:
    statement, entry = case.statement, case.evidence.statement
    _compare("opinion-fields", "opinion.cose", {
        "origin": (opinion.origin, case.trust.origin), "domain": (opinion.domain, _domain(case)),
        "statement": (opinion.statement, entry.envelope.digest), "leaf": (opinion.leaf, leaf_hash(entry.data)),
        "claim": (opinion.claim, statement.claim),
        "exclusivity_key": (opinion.exclusivity_key, statement.exclusivity_key),
        "manifest": (opinion.manifest, case.evidence.manifest.envelope.digest),
        "kind": (opinion.kind, statement.kind), "subject": (opinion.subject, statement.subject),
        "holder": (opinion.holder, case.claim.holder), "boundary": (opinion.boundary, statement.boundary),
        "period": (opinion.period, statement.period), "amount": (opinion.amount, statement.amount),
        "unit": (opinion.unit, statement.unit), "intervals": (opinion.intervals, statement.intervals),
        "external_refs": (opinion.external_refs, statement.external_refs),
    })
    if opinion.conclusion not in ISSUING:
        raise VerificationFailed("opinion-conclusion", f"the conclusion is {opinion.conclusion.name.lower()}",
                                 where="opinion.cose")
    check_sampling(opinion)


def _check_verifier(opinion: OpinionDocument, verifier: Participant, subject: Participant) -> None:
    signer = opinion_signer(opinion)
    if not _has_account(verifier, signer, opinion.date):
        raise VerificationFailed("opinion-signer", f"{signer} is no account of {verifier.org} on that date",
                                 where="opinion.cose")
    try:
        check_verifier(verifier, subject, opinion.accreditation)
    except Forbidden as refusal:
        raise VerificationFailed(refusal.code, refusal.message, where="opinion.cose") from None


def _participant(case: Case, org: str, entry: Entry) -> Participant:
    try:
        return participant_at(case.histories[org], entry.index or 0)
    except NotFound as error:
        raise VerificationFailed("signer-not-valid", error.message, where=org) from None


def _has_account(participant: Participant, address: str, instant: int) -> bool:
    valid = participant.valid_from <= instant < (participant.valid_until or instant + 1)
    return valid and address in {checksum_address(parse_address(account)) for account in participant.accounts}


def _domain(case: Case) -> Domain:
    chain = case.trust.chain
    return Domain(DOMAIN_NAME, DOMAIN_VERSION, chain.id, chain.certificate_registry)


def _compare(code: str, where: str, pairs: Mapping[str, tuple[object, object]]) -> None:
    wrong = [name for name, (found, wanted) in pairs.items() if found != wanted]
    if wrong:
        raise VerificationFailed(code, f"{', '.join(wrong)} differ from the statement or the trust list", where=where)
