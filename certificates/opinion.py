"""A verifier's opinion on this side: drafted from the statement it is about, signed with a key the node never holds."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import Any

from attestation.history import Participant
from attestation.independence import check_verifier
from core import jcs
from core.claims import ClaimDocument, chain_claim
from core.documents import MAX_PAYLOAD_BYTES, external_refs_from_json, intervals_from_json
from core.errors import FormError, Refused
from core.ethereum import Account
from core.numbers import parse_natural
from core.opinions import (
    Judgement,
    OpinionDocument,
    chain_opinion,
    opinion_payload,
    opinion_signer,
    opinion_signing_digest,
    parse_opinion,
)
from core.records import Kind
from verify.accounts import check_account


def draft(
    judgement: Judgement, *, statement: bytes, leaf: bytes, claim: ClaimDocument, manifest: bytes,
    manifest_confirmed: bool,
) -> OpinionDocument:
    """An unsigned opinion on a statement. `statement`: its payload; `leaf`: leaf hash of its envelope in the log.

    `manifest`: SHA-256 of the manifest payload. Raises FormError, Refused (opinion-claim).
    """
    value = statement_fields(statement)
    claim_hash = chain_claim(claim).struct_hash()
    if value["claim"] != claim_hash.hex():
        raise Refused("opinion-claim", "the statement was computed for another claim", where="statement.claim",
                      hint="fetch the claim that the statement names")
    return OpinionDocument(
        origin=claim.origin, statement=sha256(statement).digest(), leaf=leaf, claim=claim_hash,
        exclusivity_key=claim.exclusivity_key, manifest=manifest, manifest_confirmed=manifest_confirmed,
        kind=Kind.parse(value["type"]), subject=claim.subject, holder=claim.holder, boundary=claim.boundary,
        period=claim.period, amount=parse_natural(value["certificate"]["amount"], where="statement.certificate"),
        unit=value["certificate"]["unit"], intervals=intervals_from_json(value["intervals"]),
        external_refs=external_refs_from_json(value["external_refs"]), domain=claim.domain, **vars(judgement))


def statement_fields(payload: bytes) -> dict[str, Any]:
    """The members of a statement that an opinion repeats. Raises FormError."""
    value = jcs.parse(payload, limit=MAX_PAYLOAD_BYTES)
    certificate = value.get("certificate") if isinstance(value, dict) else None
    if not isinstance(certificate, dict) or not {"claim", "type", "intervals", "external_refs"} <= set(value):
        raise FormError("statement-malformed", "not a calculation statement", where="statement",
                        hint="give the payload of a statement+json entry")
    return dict(value)


def sign(document: OpinionDocument, account: Account) -> bytes:
    """The canonical payload of the opinion with the account's signature. Raises FormError when it has a defect."""
    return opinion_payload(replace(document, signature=account.sign_digest(opinion_signing_digest(document))))


def accept(payload: bytes, *, draft_of: OpinionDocument, verifier: Participant, subject: Participant,
           now: int) -> OpinionDocument:
    """The opinion of a payload when it speaks about the statement drafted here, by an accredited, independent verifier.

    `draft_of`: the node's own draft of the same statement; every field of the chain's struct must be equal, but the
    conclusion, its validity and the digest of the whole, which are the verifier's.
    Raises FormError, Refused (opinion-fields, opinion-expired), Forbidden (opinion-signer, verifier-…).
    """
    document = parse_opinion(payload)
    own = replace(document, conclusion=draft_of.conclusion, valid_until=draft_of.valid_until)
    if _about(own) != _about(draft_of):
        raise Refused("opinion-fields", "the opinion is about another statement, claim or manifest", where="opinion",
                      hint="draft it again from the statement in the log")
    if not document.date <= now < document.valid_until:
        raise Refused("opinion-expired", "the opinion is not valid now", where="opinion.valid_until",
                      hint="it may issue in [date, valid_until): sign one with today's date")
    signer = opinion_signer(document)
    for instant in (document.date, now):  # the date is the verifier's word; the chain asks again when it issues
        check_account(signer, verifier, "opinion-signer", instant)
    check_verifier(verifier, subject, document.accreditation)
    return document


def _about(document: OpinionDocument) -> tuple[object, ...]:
    """The struct of the chain without the digest of the whole, which covers the verifier's own judgement too."""
    struct = replace(chain_opinion(document), documentDigest=bytes(32))
    return struct, document.manifest, document.boundary, document.verifier, document.domain
