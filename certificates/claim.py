"""An enterprise's claim on this side: drafted from facts, signed with an account, accepted under this deployment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from attestation.history import Participant
from core.claims import (
    Carried,
    ClaimDocument,
    ClaimInput,
    claim_payload,
    claim_signer,
    claim_signing_digest,
    parse_claim,
)
from core.documents import MethodologyRef
from core.errors import Forbidden, Refused
from core.ethereum import Account, Domain, checksum_address, parse_address
from core.period import Period
from core.records import Interval, Kind
from verify.accounts import check_account


def draft(
    *, origin: str, kind: Kind, subject: str, holder: str, boundary: str, period: Period, methodology: MethodologyRef,
    inputs: Mapping[str, Sequence[ClaimInput]], domain: Domain, intervals: Iterable[Interval] = (),
    options: Mapping[str, Any] | None = None, external_refs: Iterable[str] = (), supersedes: bytes | None = None,
    carried: Carried | None = None,
) -> ClaimDocument:
    """An unsigned claim in its one form: intervals and references sorted, addresses in EIP-55 spelling."""
    return ClaimDocument(
        origin=origin, kind=kind, subject=subject, holder=checksum_address(parse_address(holder, where="holder")),
        boundary=boundary, period=period, methodology=methodology,
        inputs={name: tuple(items) for name, items in inputs.items()}, intervals=tuple(sorted(intervals)),
        domain=domain, options=options or {}, external_refs=tuple(sorted(external_refs)), supersedes=supersedes,
        carried=carried)


def sign(document: ClaimDocument, account: Account) -> bytes:
    """The canonical payload of the claim with the account's signature. Raises FormError when the draft has a defect."""
    return claim_payload(replace(document, signature=account.sign_digest(claim_signing_digest(document))))


def accept(payload: bytes, subject: Participant, *, origin: str, domain: Domain, now: int) -> ClaimDocument:
    """The claim of a payload that belongs to this log and contract and was signed by an account of its subject.

    Raises FormError, Refused (claim-context), Forbidden (claim-signer, claim-role), VerificationFailed (eip712-…).
    """
    document = parse_claim(payload)
    if (document.origin, document.domain) != (origin, domain):
        raise Refused("claim-context", "the claim was signed for another log, chain or contract", where="claim.domain",
                      hint=f"sign for {origin}, chain {domain.chain_id}, contract {domain.contract}")
    if document.period.end > now:
        raise Refused("claim-period-open", "the period has not ended yet", where="claim.period",
                      hint="claim when its last reading has arrived")
    if document.subject != subject.org or "enterprise" not in subject.roles:
        raise Forbidden("claim-role", f"{subject.org} is not the enterprise this claim is about", where="claim.subject",
                        hint="each enterprise claims for itself")
    check_account(claim_signer(document), subject, "claim-signer", now)
    return document
