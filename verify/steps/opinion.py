"""Step 9: the enterprise claimed this, an accredited and independent verifier concluded it, and both speak of the
statement in the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from attestation.history import Participant, participant_at
from attestation.independence import check_verifier
from core import jcs
from core.claims import ClaimInput, DocumentInput, MeterInput, chain_claim, claim_signer, exclusivity_key
from core.documents import contract_domain
from core.errors import Forbidden, NotFound, VerificationFailed
from core.ethereum import Domain
from core.merkle import leaf_hash
from core.opinions import ISSUING, OpinionDocument, opinion_signer
from mrv.calculation.gaps import SUBSTITUTION
from mrv.calculation.run import PERIOD_SPLIT
from verify.accounts import check_account
from verify.case import Case
from verify.model import Details, Entry
from verify.report import NotChecked


def check(case: Case) -> str:
    """Raises VerificationFailed (claim-…, exclusivity-key, opinion-…, verifier-…, eip712-…), NotChecked
    (opinion-absent, earlier-step-failed).
    """
    _check_claim_fields(case)
    if case.evidence.details is not None:
        _check_claim_inputs(case, case.evidence.details)
        _check_claim_options(case, case.evidence.details)
    _check_claimant(case)
    if case.opinion is None or case.evidence.opinion is None:
        raise NotChecked("opinion-absent", "the claim holds; no verifier has concluded yet")
    _check_opinion_fields(case, case.opinion)
    _check_verifier(case, case.opinion, case.evidence.opinion)
    return (f"claimed by {case.claim.subject}, {case.opinion.conclusion.name.lower()} with {case.opinion.assurance} "
            f"assurance by {case.opinion.verifier} ({case.opinion.accreditation})")


def _check_claimant(case: Case) -> None:
    entry = case.evidence.claim
    subject = _participant(case, case.claim.subject, entry)
    if "enterprise" not in subject.roles:
        raise VerificationFailed("claim-signer", f"{subject.org} was no enterprise then", where=entry.where)
    with _refused(entry):
        check_account(claim_signer(case.claim), subject, "claim-signer", case.manifest.time)


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


def _check_claim_inputs(case: Case, details: Details) -> None:
    """The statement was computed from what the enterprise named, where the file discloses the inputs."""
    used: dict[str, list[Any]] = {}
    for detail in details.records:
        if detail.record["kind"] == "input":
            used.setdefault(str(detail.record.get("name")), []).append(detail.record)
    # Of a divided period each part uses what the claim names.
    divided = PERIOD_SPLIT in case.statement.notices
    for name, records in used.items():
        claimed = case.claim.inputs.get(name, ())
        unused = list(claimed)
        for record in records:
            matching = next((item for item in (claimed if divided else unused) if _is_input(item, record)), None)
            if matching is None and not _is_added(record, claimed):
                raise VerificationFailed("claim-inputs", "the statement used an input the claim does not name",
                                         where=name)
            unused = [item for item in unused if item is not matching]
        if unused:
            raise VerificationFailed("claim-inputs", "the claim names inputs the statement did not use", where=name)
    if set(case.claim.inputs) - set(used):
        raise VerificationFailed("claim-inputs", "the claim names inputs the statement did not use",
                                 where=", ".join(sorted(set(case.claim.inputs) - set(used))))


def _check_claim_options(case: Case, details: Details) -> None:
    """The statement was computed with the options the enterprise chose, where the file discloses the run."""
    runs = [detail.record for detail in details.records if detail.record["kind"] == "run"]
    if details.complete and len(runs) != 1:
        raise VerificationFailed("claim-options", f"the details hold {len(runs)} runs instead of one",
                                 where=case.evidence.statement.where)
    # By their bytes: to Python true is 1, and such options are not the same.
    if any(jcs.canonical(run.get("options")) != jcs.canonical(case.claim.options) for run in runs):
        raise VerificationFailed("claim-options", "the statement was computed with other options than the claim's",
                                 where=case.evidence.claim.where)


def _is_added(record: Mapping[str, Any], claimed: Sequence[ClaimInput]) -> bool:
    """Whether the methodology adds such an input: a declared value, or what stands for a gap of a meter claimed."""
    source = record.get("source")
    if not isinstance(source, dict) or source.get("type") != SUBSTITUTION:
        return bool(source == {"type": "declared"})
    return any(isinstance(item, MeterInput) and item.meter == source.get("meter") for item in claimed)


def _is_input(item: MeterInput | DocumentInput, record: Mapping[str, Any]) -> bool:
    source = record.get("source")
    if not isinstance(source, dict):
        return False
    if isinstance(item, MeterInput):
        return item.meter in (source.get("meter"), source.get("mark")) and item.quantity == source.get("quantity")
    given = item.as_json()
    stated = {"value": given["value"], "unit": given["unit"]}, given.get("uncertainty"), given.get("covers")
    return source.get("digest") == given["document"] \
        and (record.get("quantity"), record.get("uncertainty"), source.get("covers")) == stated


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
    opinion.sampling.check(opinion.statement)


def _check_verifier(case: Case, opinion: OpinionDocument, entry: Entry) -> None:
    """Registered, accredited and independent when the opinion was logged, and valid on its date.

    The date is the verifier's own word; but the opinion cannot be older than the manifest that it names.
    """
    verifier, subject = (_participant(case, org, entry) for org in (opinion.verifier, opinion.subject))
    signer = opinion_signer(opinion)
    with _refused(entry):
        for instant in (opinion.date, case.manifest.time):
            check_account(signer, verifier, "opinion-signer", instant)
        check_verifier(verifier, subject, opinion.accreditation)


@contextmanager
def _refused(entry: Entry) -> Iterator[None]:
    """What the node would have refused fails here, with the same code."""
    try:
        yield
    except Forbidden as refusal:
        raise VerificationFailed(refusal.code, refusal.message, where=entry.where, hint=refusal.hint) from None


def _participant(case: Case, org: str, entry: Entry) -> Participant:
    try:
        return participant_at(case.histories[org], entry.index or 0)
    except NotFound as error:
        raise VerificationFailed("signer-not-valid", error.message, where=org) from None


def _domain(case: Case) -> Domain:
    return contract_domain(case.trust.chain.id, case.trust.chain.certificate_registry)


def _compare(code: str, where: str, pairs: Mapping[str, tuple[object, object]]) -> None:
    wrong = [name for name, (found, wanted) in pairs.items() if found != wanted]
    if wrong:
        raise VerificationFailed(code, f"{', '.join(wrong)} differ from the statement or the trust list", where=where)
