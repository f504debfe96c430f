"""One world for the tests of this room: accounts, and documents that pass, to be varied one field at a time."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from hashlib import sha256
from typing import Any

from attestation.history import Participant
from certificates.registry import Application, Mark
from core import jcs
from core.claims import ClaimDocument, DocumentInput, MeterInput, chain_claim, claim_signing_digest
from core.documents import MethodologyRef, interval_json
from core.ethereum import Account, Domain
from core.opinions import Finding, Judgement, OpinionDocument, chain_opinion, opinion_signing_digest
from core.period import Period
from core.records import Conclusion, Interval, Kind, MarkKind
from core.sampling import Sampling

ORIGIN = "log.lanhe.example/park"
DAY = 86_400_000
START = 1_790_000_000_000 // DAY * DAY
PERIOD = Period(START, START + 7 * DAY)
DOMAIN = Domain("CarbonSeal", "1", 31337, Account(b"\x77" * 32).address)


def account(name: str) -> Account:
    """The account of a name; the same in every run."""
    return Account(sha256(b"test-account:" + name.encode()).digest())


ENTERPRISE, VERIFIER, TRADER, OTHER = (account(name) for name in ("enterprise", "verifier", "trader", "other"))


def claim(**changes: Any) -> ClaimDocument:
    """A green-power claim over seven days of one claim point; unsigned."""
    document = ClaimDocument(
        origin=ORIGIN, kind=Kind.GREEN_POWER, subject="org:lanhe-energy", holder=ENTERPRISE.address,
        boundary="蓝河新能源屋顶光伏一期", period=PERIOD,
        methodology=MethodologyRef("pv.green-power", "1", sha256(b"methodology").digest()),
        inputs={"generation": (MeterInput("m:lanhe-pv", "active-export"),),
                "auxiliary": (DocumentInput(sha256(b"bill").digest(), Decimal("12.5"), "kWh", "站用电结算单"),)},
        intervals=(Interval("cp:lanhe-pv", 5_000_000, 17_000_000),), domain=DOMAIN)
    return replace(document, **changes)


def signed_claim(signer: Account = ENTERPRISE, **changes: Any) -> ClaimDocument:
    """The claim with its signature."""
    document = claim(**changes)
    return replace(document, signature=signer.sign_digest(claim_signing_digest(document)))


def opinion(**changes: Any) -> OpinionDocument:
    """An unmodified opinion on the claim above; unsigned."""
    about = claim()
    document = OpinionDocument(
        origin=ORIGIN, addressee="org:gov-js", statement=sha256(b"statement").digest(), leaf=sha256(b"leaf").digest(),
        claim=sha256(b"claim").digest(), exclusivity_key=about.exclusivity_key, manifest=sha256(b"manifest").digest(),
        manifest_confirmed=True, kind=about.kind, subject=about.subject, holder=about.holder, boundary=about.boundary,
        period=about.period, amount=12, unit="MWh", intervals=about.intervals, external_refs=(),
        criteria=("ISO 14064-3:2019",), assurance="reasonable", materiality=Decimal(5),
        materiality_source="ISO 14064-3 customary", visit="none",
        sampling=Sampling("all details", 3, (0, 1, 2)), findings=(), conclusion=Conclusion.UNMODIFIED,
        reasons="所有数据均已复核，未发现重大错报。", verifier="org:suzheng",
        accreditation="CNAS V-0001（虚构）", notices=("demonstration",),
        date=PERIOD.end + DAY, valid_until=PERIOD.end + 91 * DAY, domain=DOMAIN)
    return replace(document, **changes)


def signed_opinion(signer: Account = VERIFIER, **changes: Any) -> OpinionDocument:
    """The opinion with its signature."""
    document = opinion(**changes)
    return replace(document, signature=signer.sign_digest(opinion_signing_digest(document)))


FINDING = Finding("B1", "non-conformity", "铭牌容量与登记不符", True, "corrected", Decimal("-0.2"))


def participant(org: str, roles: set[str], signer: Account, **changes: Any) -> Participant:
    """A registered organisation with one account."""
    record = Participant(org=org, name={"zh": org, "en": org}, roles=frozenset(roles), accreditation=None,
                         jurisdiction="CN-32", group=None, keys=(), accounts=(signer.address,), valid_from=0,
                         valid_until=None)
    return record._replace(**changes)


ENTERPRISE_ORG = participant("org:lanhe-energy", {"enterprise"}, ENTERPRISE)
VERIFIER_ORG = participant("org:suzheng", {"verifier"}, VERIFIER, accreditation="CNAS V-0001（虚构）")


def statement_payload(about: ClaimDocument | None = None, **changes: Any) -> bytes:
    """The payload of a statement computed for the claim above; 12 MWh."""
    about = about or claim()
    amount = sum(span.end - span.start for span in about.intervals) // 1_000_000
    value: dict[str, Any] = {
        "schema": "carbonseal-statement/1", "origin": ORIGIN, "type": about.kind.label, "subject": about.subject,
        "boundary": about.boundary, "period": about.period.as_json(), "methodology": about.methodology.as_json(),
        "rules": sha256(b"rules").hexdigest(), "result": {"value": str(amount), "unit": "MWh"}, "outputs": {},
        "certificate": {"amount": str(amount), "unit": "MWh"}, "carried_in": None, "carried_out": None,
        "intervals": [interval_json(span) for span in about.intervals], "external_refs": list(about.external_refs),
        "completeness": {"frames": "168", "gaps": "0", "flagged": "0", "max_staleness_ms": "1000"},
        "notices": ["simulated-source"], "claim": chain_claim(about).struct_hash().hex(),
        "exclusivity_key": about.exclusivity_key.hex(),
        "supersedes": about.supersedes.hex() if about.supersedes else None,
        "details": {"root": sha256(b"details").hexdigest(), "count": "3"}}
    return jcs.canonical(value | changes)


JUDGEMENT = Judgement(
    verifier="org:suzheng", accreditation="CNAS V-0001（虚构）", addressee="org:gov-js", criteria=("ISO 14064-3:2019",),
    assurance="reasonable", materiality=Decimal(5), materiality_source="ISO 14064-3 customary", visit="none",
    sampling=Sampling("all details", 3, (0, 1, 2)), findings=(), conclusion=Conclusion.UNMODIFIED,
    reasons="所有数据均已复核，未发现重大错报。", notices=("demonstration",), date=PERIOD.end + DAY,
    valid_until=PERIOD.end + 91 * DAY)


def application(number: int = 0, *, mark: str = "cp:lanhe-pv", start: int = 5_000_000, units: int = 12,
                **changes: Any) -> Application:
    """A green-power application number `number` that spends `units` MWh from `start` on."""
    span = (Interval(mark, start, start + units * 1_000_000),)
    about = signed_claim(intervals=span, period=Period(PERIOD.start, PERIOD.end + number), **changes)
    view = signed_opinion(statement=sha256(f"statement {number}".encode()).digest(), intervals=span, amount=units,
                          exclusivity_key=about.exclusivity_key, period=about.period, holder=about.holder,
                          external_refs=about.external_refs)
    return Application(chain_claim(about), about.signature, chain_opinion(view), view.signature, span,
                       about.external_refs, 8, number, ())


MARK = Mark("cp:lanhe-pv", "org:lanhe-energy", int(MarkKind.REGISTER), 5_000_000, 2_000_000, START)
