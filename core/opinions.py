"""The opinion document (`opinion+json`): a verifier's conclusion on one statement, with the fields of ISO 14064-3.

The verifier signs the EIP-712 struct `ChainOpinion` derived from it here. Form only: accreditation and independence
are questions of registrations. Normative text: docs/spec/claims-and-opinions.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from core import jcs
from core.documents import (
    MAX_PAYLOAD_BYTES,
    SIGNATURE_BYTES,
    UNITS,
    document_digest,
    domain_from_json,
    domain_json,
    external_refs_from_json,
    interval_json,
    intervals_from_json,
)
from core.errors import FormError
from core.ethereum import Domain, recover
from core.fields import MAX_LONG_TEXT, account, flag, members, one_of, sequence, text
from core.ids import chain_id_of, check_hex, check_id
from core.numbers import decimal_text, parse_decimal, parse_natural
from core.period import Period, instant_text, parse_instant
from core.records import ChainOpinion, Conclusion, Interval, Kind, external_refs_hash, intervals_hash
from core.sampling import Sampling, sampling_from_json

OPINION_SCHEMA = "carbonseal-opinion/1"
MAX_FINDINGS = 200
MAX_CRITERIA = 32
MAX_NOTICES = 32
ASSURANCE_LEVELS = ("limited", "reasonable")
# Kinds of findings and their states, practice of EU ETS / ISO 14064-3 verifiers (reference letters A to P).
FINDING_KINDS = ("misstatement", "non-conformity", "non-compliance", "clarification", "improvement", "prior-year")
FINDING_STATES = ("corrected", "uncorrected", "withdrawn", "carried-forward")
VISITS = ("none", "virtual", "in-person")
ISSUING = frozenset({Conclusion.UNMODIFIED, Conclusion.MODIFIED})
# The contract's amount is a uint256; nothing real comes near 2^96.
MAX_AMOUNT = 2**96
# What the verifier signs in place of a manifest that it did not recompute.
UNCONFIRMED = bytes(32)

_REFERENCE = re.compile(r"[A-Z][0-9]{1,4}")
_MEMBERS = (
    "schema", "origin", "addressee", "statement", "leaf", "claim", "exclusivity_key", "manifest", "kind", "subject",
    "holder", "boundary", "period", "amount", "intervals", "external_refs", "criteria", "assurance", "materiality",
    "visit", "sampling", "findings", "conclusion", "reasons", "verifier", "accreditation", "notices", "date",
    "valid_until", "domain", "signature",
)


@dataclass(frozen=True)
class Finding:
    """One finding in its final state. `effect`: tCO2e with sign, None when it has no figure."""

    reference: str
    kind: str
    explanation: str
    material: bool
    state: str
    effect: Decimal | None = None

    def as_json(self) -> dict[str, Any]:
        """The members in their spelling."""
        return {"reference": self.reference, "kind": self.kind, "explanation": self.explanation,
                "material": self.material, "state": self.state,
                "effect_tco2e": None if self.effect is None else decimal_text(self.effect)}


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What the verifier itself says. `materiality` in percent; it may issue in [date, valid_until), ms UTC.

    `accreditation`: its number, spelled as in the verifier's registration.
    """

    verifier: str
    accreditation: str
    addressee: str
    criteria: tuple[str, ...]
    assurance: str
    materiality: Decimal
    materiality_source: str
    visit: str
    sampling: Sampling
    findings: tuple[Finding, ...]
    conclusion: Conclusion
    reasons: str
    notices: tuple[str, ...]
    date: int
    valid_until: int


@dataclass(frozen=True, kw_only=True)
class OpinionDocument(Judgement):
    """A judgement on one statement. `statement`: payload digest; `leaf`: leaf hash of its envelope in the log.

    `amount` in whole `unit`. `manifest`: digest of the manifest payload; `manifest_confirmed`: the verifier recomputed
    it from all entries.
    """

    origin: str
    statement: bytes
    leaf: bytes
    claim: bytes
    exclusivity_key: bytes
    manifest: bytes
    manifest_confirmed: bool
    kind: Kind
    subject: str
    holder: str
    boundary: str
    period: Period
    amount: int
    unit: str
    intervals: tuple[Interval, ...]
    external_refs: tuple[str, ...]
    domain: Domain
    signature: bytes = b""

    def as_json(self) -> dict[str, Any]:
        """The document as its payload spells it."""
        return {
            "schema": OPINION_SCHEMA, "origin": self.origin, "addressee": self.addressee,
            "statement": self.statement.hex(), "leaf": self.leaf.hex(), "claim": self.claim.hex(),
            "exclusivity_key": self.exclusivity_key.hex(),
            "manifest": {"digest": self.manifest.hex(), "confirmed": self.manifest_confirmed},
            "kind": self.kind.label, "subject": self.subject, "holder": self.holder, "boundary": self.boundary,
            "period": self.period.as_json(), "amount": {"value": str(self.amount), "unit": self.unit},
            "intervals": [interval_json(item) for item in self.intervals], "external_refs": list(self.external_refs),
            "criteria": list(self.criteria), "assurance": self.assurance,
            "materiality": {"percent": decimal_text(self.materiality), "source": self.materiality_source},
            "visit": self.visit, "sampling": self.sampling.as_json(),
            "findings": [finding.as_json() for finding in self.findings],
            "conclusion": self.conclusion.name.lower(), "reasons": self.reasons, "verifier": self.verifier,
            "accreditation": self.accreditation, "notices": list(self.notices),
            "date": instant_text(self.date), "valid_until": instant_text(self.valid_until),
            "domain": domain_json(self.domain), "signature": self.signature.hex(),
        }


def chain_opinion(document: OpinionDocument) -> ChainOpinion:
    """The struct the verifier signs and the contract checks.

    Its manifestHash is the verifier's own word: zero unless it recomputed the manifest, so that nobody who carries the
    document can confirm a manifest in its name.
    """
    return ChainOpinion(
        payloadDigest=document.statement, leafHash=document.leaf, claimHash=document.claim,
        exclusivityKey=document.exclusivity_key,
        manifestHash=document.manifest if document.manifest_confirmed else UNCONFIRMED, origin=document.origin,
        kind=int(document.kind), subjectOrg=chain_id_of(document.subject), holder=document.holder,
        amount=document.amount, unit=document.unit, periodStart=document.period.start, periodEnd=document.period.end,
        intervalsHash=intervals_hash(document.intervals), externalRefsHash=external_refs_hash(document.external_refs),
        conclusion=int(document.conclusion), validUntil=document.valid_until,
        documentDigest=document_digest(document.as_json()))


def opinion_signing_digest(document: OpinionDocument) -> bytes:
    """The 32-byte EIP-712 digest that is signed."""
    return document.domain.digest(chain_opinion(document).struct_hash())


def opinion_signer(document: OpinionDocument) -> str:
    """The account that signed. Raises VerificationFailed (eip712-…)."""
    return recover(opinion_signing_digest(document), document.signature)


def opinion_payload(document: OpinionDocument) -> bytes:
    """The canonical payload of a signed opinion. Raises FormError when it is not one `parse_opinion` accepts."""
    payload = jcs.canonical(document.as_json())
    parse_opinion(payload)
    return payload


def parse_opinion(payload: bytes) -> OpinionDocument:
    """The opinion of a canonical payload. Raises FormError for anything else; the signature is not recovered here."""
    value = members(jcs.parse(payload, limit=MAX_PAYLOAD_BYTES), _MEMBERS, "opinion")
    if value["schema"] != OPINION_SCHEMA:
        raise FormError("opinion-schema", f"not a {OPINION_SCHEMA} document", where="opinion.schema",
                        hint="use a verifier of that format version")
    manifest = members(value["manifest"], ("digest", "confirmed"), "manifest")
    amount = members(value["amount"], ("value", "unit"), "amount")
    document = OpinionDocument(
        **vars(_judgement(value)), origin=text(value["origin"], "origin"),
        statement=check_hex(value["statement"], where="statement"), leaf=check_hex(value["leaf"], where="leaf"),
        claim=check_hex(value["claim"], where="claim"),
        exclusivity_key=check_hex(value["exclusivity_key"], where="exclusivity_key"),
        manifest=check_hex(manifest["digest"], where="manifest.digest"),
        manifest_confirmed=flag(manifest["confirmed"], "manifest.confirmed"), kind=Kind.parse(value["kind"]),
        subject=check_id(value["subject"], where="subject"), holder=account(value["holder"], "holder"),
        boundary=text(value["boundary"], "boundary"), period=Period.from_json(value["period"]),
        amount=parse_natural(amount["value"], where="amount.value", limit=MAX_AMOUNT),
        unit=text(amount["unit"], "amount.unit"), intervals=intervals_from_json(value["intervals"]),
        external_refs=external_refs_from_json(value["external_refs"]), domain=domain_from_json(value["domain"]),
        signature=check_hex(value["signature"], SIGNATURE_BYTES, where="signature"))
    _check_sense(document)
    return document


def _judgement(value: Mapping[str, Any]) -> Judgement:
    materiality = members(value["materiality"], ("percent", "source"), "materiality")
    return Judgement(
        verifier=check_id(value["verifier"], where="verifier"),
        accreditation=text(value["accreditation"], "accreditation"),
        addressee=check_id(value["addressee"], where="addressee"),
        criteria=tuple(text(item, "criteria") for item in sequence(value["criteria"], "criteria", MAX_CRITERIA)),
        assurance=one_of(value["assurance"], ASSURANCE_LEVELS, "assurance"),
        materiality=parse_decimal(materiality["percent"], where="materiality.percent"),
        materiality_source=text(materiality["source"], "materiality.source"),
        visit=one_of(value["visit"], VISITS, "visit"), sampling=sampling_from_json(value["sampling"]),
        findings=tuple(_finding(item) for item in sequence(value["findings"], "findings", MAX_FINDINGS)),
        conclusion=_conclusion(value["conclusion"]), reasons=text(value["reasons"], "reasons", MAX_LONG_TEXT),
        notices=tuple(check_id(item, where="notices") for item in sequence(value["notices"], "notices", MAX_NOTICES)),
        date=parse_instant(value["date"], where="date"),
        valid_until=parse_instant(value["valid_until"], where="valid_until"))


def _check_sense(document: OpinionDocument) -> None:
    unit = UNITS[document.kind]
    if document.unit != unit:
        raise FormError("opinion-unit", f"a {document.kind.label} opinion counts {unit}", where="amount.unit",
                        hint="state whole units of the certificate")
    if document.valid_until <= document.date:
        raise FormError("opinion-validity", "valid_until is not after the date", where="valid_until",
                        hint="an opinion may issue in [date, valid_until)")
    if document.conclusion in ISSUING and any(f.material and f.state == "uncorrected" for f in document.findings):
        raise FormError("opinion-findings", "an uncorrected material finding stands beside a conclusion that issues",
                        where="findings", hint="conclude adverse, or have the finding corrected")
    if not document.criteria:
        raise FormError("opinion-criteria", "an opinion names its criteria", where="criteria",
                        hint="the documents it was verified against")


def _finding(value: object) -> Finding:
    item = members(value, ("reference", "kind", "explanation", "material", "state", "effect_tco2e"), "findings")
    reference = item["reference"]
    if not isinstance(reference, str) or not _REFERENCE.fullmatch(reference):
        raise FormError("finding-reference", "a finding is named by a letter and a number", where="findings",
                        hint="B1, E2 and so on, as in the verifier's report")
    effect = item["effect_tco2e"]
    return Finding(reference, one_of(item["kind"], FINDING_KINDS, "findings.kind"),
                   text(item["explanation"], "findings.explanation", MAX_LONG_TEXT),
                   flag(item["material"], "findings.material"),
                   one_of(item["state"], FINDING_STATES, "findings.state"),
                   None if effect is None else parse_decimal(effect, where="findings.effect_tco2e"))


def _conclusion(value: object) -> Conclusion:
    return Conclusion[one_of(value, [item.name.lower() for item in Conclusion], "conclusion").upper()]
