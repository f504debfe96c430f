"""A claim and an opinion as core knows them: form and hashes, whoever the parties are."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from hashlib import sha256
from typing import Any

from core.claims import ClaimDocument, DocumentInput, MeterInput, claim_signing_digest
from core.documents import MethodologyRef
from core.ethereum import Account, Domain
from core.opinions import Finding, OpinionDocument, opinion_signing_digest
from core.period import Period
from core.records import Conclusion, Interval, Kind
from core.sampling import Sampling

ENTERPRISE, VERIFIER = (Account(sha256(name).digest()) for name in (b"enterprise", b"verifier"))
PERIOD = Period(1_794_758_400_000, 1_797_350_400_000)
"""A month of 30 days from 2026-11-16 00:00 in Shanghai."""
DOMAIN = Domain("CarbonSeal", "1", 31337, Account(sha256(b"contract").digest()).address)
CLAIM = ClaimDocument(
    origin="log.example/park", kind=Kind.GREEN_POWER, subject="org:lanhe-energy", holder=ENTERPRISE.address,
    boundary="屋顶光伏一期", period=PERIOD,
    methodology=MethodologyRef("green-power.pv", "1", sha256(b"rules").digest()),
    inputs={"generation": (MeterInput("cp:lanhe-pv", "active-export"),),
            "auxiliary": (DocumentInput(sha256(b"bill").digest(), Decimal("12.5"), "kWh", "站用电结算单"),)},
    intervals=(Interval("cp:lanhe-pv", 5_000_000, 17_000_000),), domain=DOMAIN, options={"region": "js"},
    external_refs=("gec:2026-320100-00017",))
FINDING = Finding("B1", "misstatement", "抄表日期与账单不符", True, "corrected", Decimal("-0.4"))


def signed_claim(**changes: Any) -> ClaimDocument:
    """The claim with changes, signed by the enterprise."""
    document = replace(CLAIM, **changes)
    return replace(document, signature=ENTERPRISE.sign_digest(claim_signing_digest(document)))


def signed_opinion(**changes: Any) -> OpinionDocument:
    """An opinion on a statement of that claim with changes, signed by the verifier."""
    document = replace(OpinionDocument(
        origin=CLAIM.origin, addressee="org:gov-js", statement=sha256(b"statement").digest(),
        leaf=sha256(b"leaf").digest(), claim=sha256(b"claim").digest(), exclusivity_key=CLAIM.exclusivity_key,
        manifest=sha256(b"manifest").digest(), manifest_confirmed=True, kind=CLAIM.kind, subject=CLAIM.subject,
        holder=CLAIM.holder, boundary=CLAIM.boundary, period=PERIOD, amount=12, unit="MWh", intervals=CLAIM.intervals,
        external_refs=CLAIM.external_refs, criteria=("ISO 14064-3:2019",), assurance="limited", materiality=Decimal(5),
        materiality_source="customary", visit="virtual", sampling=Sampling("all details", 3, (0, 1, 2)),
        findings=(FINDING,), conclusion=Conclusion.MODIFIED, reasons="除上述发现外，未见异常。", verifier="org:suzheng",
        accreditation="CNAS V-0001", notices=("demonstration",), date=PERIOD.end + 1, valid_until=PERIOD.end + 2,
        domain=DOMAIN), **changes)
    return replace(document, signature=VERIFIER.sign_digest(opinion_signing_digest(document)))
