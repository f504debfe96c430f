"""What the node asks of a claim and of an opinion before it puts them into the log."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from certificates_helpers import (
    DAY,
    DOMAIN,
    ENTERPRISE,
    ENTERPRISE_ORG,
    JUDGEMENT,
    ORIGIN,
    OTHER,
    PERIOD,
    VERIFIER,
    VERIFIER_ORG,
    claim,
    participant,
    signed_claim,
    statement_payload,
)
from eth_account.messages import encode_typed_data

from certificates import claim as claims
from certificates import opinion as opinions
from certificates.typed_data import typed_data
from core.claims import MeterInput, claim_payload, claim_signing_digest, parse_claim
from core.documents import MethodologyRef, contract_domain
from core.errors import Forbidden, FormError, Refused
from core.ethereum import keccak256
from core.opinions import OpinionDocument, opinion_payload, opinion_signing_digest, parse_opinion
from core.records import Conclusion, Interval, Kind

NOW = PERIOD.end + 2 * DAY
LEAF, MANIFEST = sha256(b"leaf").digest(), sha256(b"manifest").digest()


def draft(**changes: Any) -> OpinionDocument:
    """The node's draft of an opinion on the statement of the good claim."""
    arguments = {"statement": statement_payload(), "leaf": LEAF, "claim": claim(), "manifest": MANIFEST,
                 "manifest_confirmed": True}
    return opinions.draft(JUDGEMENT, **(arguments | changes))


def accept(payload: bytes, **changes: Any) -> OpinionDocument:
    """The node's acceptance of an opinion payload."""
    arguments: dict[str, Any] = {"draft_of": draft(), "verifier": VERIFIER_ORG, "subject": ENTERPRISE_ORG, "now": NOW}
    return opinions.accept(payload, **(arguments | changes))


def wallet_digest(document: Any) -> bytes:
    """What an Ethereum wallet hashes for this document, by another implementation."""
    message = encode_typed_data(full_message=typed_data(document))
    return keccak256(b"\x19" + message.version + message.header + message.body)


def test_our_digests_are_those_a_wallet_computes() -> None:
    assert wallet_digest(claim()) == claim_signing_digest(claim())
    assert wallet_digest(draft()) == opinion_signing_digest(draft())


def test_a_draft_sorts_what_a_person_enters_in_any_order() -> None:
    document = claims.draft(
        origin=ORIGIN, kind=Kind.GREEN_POWER, subject="org:lanhe-energy", holder=ENTERPRISE.address.lower(),
        boundary="b", period=PERIOD, methodology=MethodologyRef("m", "1", b"\x01" * 32),
        inputs={"generation": [MeterInput("m:a", "export")]}, domain=DOMAIN,
        intervals=[Interval("cp:b", 5, 9), Interval("cp:a", 7, 9), Interval("cp:a", 1, 7)],
        external_refs=["irec:2", "gec:1"])
    read = parse_claim(claims.sign(document, ENTERPRISE))
    assert [span.mark for span in read.intervals] == ["cp:a", "cp:a", "cp:b"]
    assert read.external_refs == ("gec:1", "irec:2")
    assert read.holder == ENTERPRISE.address


def test_a_draft_with_a_defect_is_never_signed() -> None:
    with pytest.raises(FormError, match="intervals-order"):
        claims.sign(claim(intervals=(Interval("cp:a", 0, 5), Interval("cp:a", 4, 9))), ENTERPRISE)


def test_the_domain_of_a_deployment_is_spelled_once() -> None:
    assert contract_domain(31337, DOMAIN.contract.lower()) == DOMAIN


def test_a_claim_of_the_subjects_account_is_accepted() -> None:
    payload = claim_payload(signed_claim())
    assert claims.accept(payload, ENTERPRISE_ORG, origin=ORIGIN, domain=DOMAIN, now=PERIOD.end) == signed_claim()


@pytest.mark.parametrize(("document", "subject", "context", "code"), [
    (signed_claim(OTHER), ENTERPRISE_ORG, {}, "claim-signer"),
    (signed_claim(), ENTERPRISE_ORG._replace(accounts=()), {}, "claim-signer"),
    (signed_claim(), ENTERPRISE_ORG._replace(valid_until=PERIOD.end), {}, "claim-signer"),
    (signed_claim(), ENTERPRISE_ORG._replace(valid_from=PERIOD.end + 1), {}, "claim-signer"),
    (signed_claim(), participant("org:lanhe-steel", {"enterprise"}, ENTERPRISE), {}, "claim-role"),
    (signed_claim(), ENTERPRISE_ORG._replace(roles=frozenset({"trader"})), {}, "claim-role"),
    (signed_claim(), ENTERPRISE_ORG, {"origin": "log.other.example/park"}, "claim-context"),
    (signed_claim(), ENTERPRISE_ORG, {"domain": replace(DOMAIN, chain_id=1)}, "claim-context"),
    (signed_claim(), ENTERPRISE_ORG, {"domain": replace(DOMAIN, contract=OTHER.address)}, "claim-context"),
    (signed_claim(), ENTERPRISE_ORG, {"now": PERIOD.end - 1}, "claim-period-open"),
])
def test_a_claim_that_is_not_the_subjects_or_not_for_here_is_refused(
        document: Any, subject: Any, context: dict[str, Any], code: str) -> None:
    arguments = {"origin": ORIGIN, "domain": DOMAIN, "now": PERIOD.end} | context
    with pytest.raises(Refused) as refusal:
        claims.accept(claim_payload(document), subject, **arguments)
    assert refusal.value.code == code


def test_an_opinion_repeats_its_statement() -> None:
    document = draft()
    assert (document.amount, document.unit, document.statement) == (12, "MWh", sha256(statement_payload()).digest())
    assert document.intervals == claim().intervals
    assert parse_opinion(opinions.sign(document, VERIFIER)).reasons == JUDGEMENT.reasons


def test_no_opinion_is_drafted_on_the_statement_of_another_claim() -> None:
    with pytest.raises(Refused, match="opinion-claim"):
        draft(claim=claim(subject="org:lanhe-steel"))


@pytest.mark.parametrize("payload", [b"{}", b"[]", b'{"claim":1}', b"not json", b""])
def test_what_is_no_statement_gets_no_opinion(payload: bytes) -> None:
    with pytest.raises(FormError):
        draft(statement=payload)


def test_an_opinion_of_the_accredited_verifier_is_accepted() -> None:
    document = draft()
    assert accept(opinions.sign(document, VERIFIER)).conclusion is Conclusion.UNMODIFIED
    adverse = replace(document, conclusion=Conclusion.ADVERSE)
    assert accept(opinions.sign(adverse, VERIFIER)).conclusion is Conclusion.ADVERSE


@pytest.mark.parametrize(("field", "value"), [
    ("amount", 13), ("holder", OTHER.address), ("statement", b"\x01" * 32), ("leaf", b"\x01" * 32),
    ("manifest", b"\x01" * 32), ("boundary", "另一边界"), ("verifier", "org:other"),
    ("intervals", (Interval("cp:lanhe-pv", 5_000_000, 17_000_001),)), ("domain", replace(DOMAIN, chain_id=1)),
])
def test_an_opinion_about_anything_else_is_refused(field: str, value: Any) -> None:
    with pytest.raises(Refused, match="opinion-fields"):
        accept(opinions.sign(replace(draft(), **{field: value}), VERIFIER))


@pytest.mark.parametrize(("field", "value"), [
    ("assurance", "limited"), ("reasons", "另一理由。"), ("criteria", ("ISO 14064-3:2006",)), ("visit", "in-person"),
    ("date", JUDGEMENT.date + 1), ("addressee", "org:gov-zj"),
])
def test_the_judgement_is_the_verifiers_own_until_it_signs(field: str, value: Any) -> None:
    changed = replace(draft(), **{field: value})
    assert getattr(accept(opinions.sign(changed, VERIFIER)), field) == value
    signed = parse_opinion(opinions.sign(draft(), VERIFIER))
    with pytest.raises(Forbidden, match="opinion-signer"):
        accept(opinion_payload(replace(signed, **{field: value})))


def test_a_claim_changed_on_its_way_is_refused() -> None:
    changed = replace(signed_claim(), options={"factor": "provincial"})
    with pytest.raises(Forbidden, match="claim-signer"):
        claims.accept(claim_payload(changed), ENTERPRISE_ORG, origin=ORIGIN, domain=DOMAIN, now=PERIOD.end)


def test_an_opinion_that_does_not_confirm_the_manifest_names_it_all_the_same() -> None:
    silent = draft(manifest_confirmed=False)
    assert not accept(opinions.sign(silent, VERIFIER), draft_of=silent).manifest_confirmed
    with pytest.raises(Refused, match="opinion-fields"):
        accept(opinions.sign(replace(silent, manifest=b"\x01" * 32), VERIFIER), draft_of=silent)


@pytest.mark.parametrize(("verifier", "code"), [
    (VERIFIER_ORG._replace(accounts=(OTHER.address,)), "opinion-signer"),
    (VERIFIER_ORG._replace(valid_until=JUDGEMENT.date), "opinion-signer"),
    (VERIFIER_ORG._replace(roles=frozenset({"government"})), "verifier-not-accredited"),
    (VERIFIER_ORG._replace(accreditation=None), "verifier-not-accredited"),
    (VERIFIER_ORG._replace(accreditation="CNAS V-0002"), "verifier-not-accredited"),
    (VERIFIER_ORG._replace(org="org:lanhe-energy"), "verifier-not-independent"),
    (VERIFIER_ORG._replace(roles=frozenset({"verifier", "trader"})), "verifier-not-independent"),
])
def test_an_opinion_of_the_wrong_verifier_is_refused(verifier: Any, code: str) -> None:
    with pytest.raises(Forbidden) as refusal:
        accept(opinions.sign(draft(), VERIFIER), verifier=verifier)
    assert refusal.value.code == code


def test_a_common_group_ties_and_no_group_does_not() -> None:
    one, other = VERIFIER_ORG._replace(group="org:holding"), ENTERPRISE_ORG._replace(group="org:holding")
    accept(opinions.sign(draft(), VERIFIER), verifier=one)
    accept(opinions.sign(draft(), VERIFIER))
    with pytest.raises(Forbidden, match="verifier-not-independent"):
        accept(opinions.sign(draft(), VERIFIER), verifier=one, subject=other)


@pytest.mark.parametrize("ended", [JUDGEMENT.date + 1, JUDGEMENT.date + DAY])
def test_an_opinion_dated_before_its_verifier_s_registration_ended_comes_too_late_afterwards(ended: int) -> None:
    """The date is the verifier's own word; the node's clock is not."""
    payload, verifier = opinions.sign(draft(), VERIFIER), VERIFIER_ORG._replace(valid_until=ended)
    accept(payload, verifier=verifier, now=ended - 1)
    with pytest.raises(Forbidden, match="opinion-signer"):
        accept(payload, verifier=verifier, now=ended)


def test_an_opinion_issues_only_while_it_is_valid() -> None:
    payload = opinions.sign(draft(), VERIFIER)
    accept(payload, now=JUDGEMENT.date)
    accept(payload, now=JUDGEMENT.valid_until - 1)
    for moment in (JUDGEMENT.date - 1, JUDGEMENT.valid_until):
        with pytest.raises(Refused, match="opinion-expired"):
            accept(payload, now=moment)
