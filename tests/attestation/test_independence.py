"""A verifier is accredited under the text it names, and has no interest in the outcome."""

from __future__ import annotations

from typing import Any

import pytest

from attestation.history import Participant
from attestation.independence import check_verifier
from core.errors import Forbidden

ACCREDITATION = "CNAS V-0001"


def organisation(org: str, **changes: Any) -> Participant:
    return Participant(org, {"zh": org, "en": org}, frozenset({"enterprise"}), None, "CN-JS", None, (), (), 0,
                       None)._replace(**changes)


SUBJECT = organisation("org:steel")
VERIFIER = organisation("org:verifier", roles=frozenset({"verifier"}), accreditation=ACCREDITATION)


def test_an_accredited_stranger_may_verify_and_nobody_for_itself() -> None:
    check_verifier(VERIFIER, SUBJECT, ACCREDITATION)
    with pytest.raises(Forbidden, match="verifier-not-independent"):
        check_verifier(VERIFIER, SUBJECT._replace(org=VERIFIER.org), ACCREDITATION)


def test_oversight_is_no_interest() -> None:
    overseer = VERIFIER._replace(roles=frozenset({"verifier", "government"}))
    check_verifier(overseer, SUBJECT, ACCREDITATION)
    with pytest.raises(Forbidden, match="verifier-not-independent"):
        check_verifier(overseer, SUBJECT._replace(org=overseer.org), ACCREDITATION)


@pytest.mark.parametrize("changes", [
    {"roles": frozenset({"government"})}, {"roles": frozenset()}, {"accreditation": None}, {"accreditation": ""},
    {"accreditation": "CNAS V-0002"}, {"accreditation": ACCREDITATION.lower()}])
def test_a_verifier_without_this_accreditation_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(Forbidden, match="verifier-not-accredited"):
        check_verifier(VERIFIER._replace(**changes), SUBJECT, ACCREDITATION)


@pytest.mark.parametrize("role", ["enterprise", "trader"])
def test_a_verifier_that_emits_or_trades_itself_is_refused(role: str) -> None:
    with pytest.raises(Forbidden, match="verifier-not-independent"):
        check_verifier(VERIFIER._replace(roles=frozenset({"verifier", role})), SUBJECT, ACCREDITATION)


def test_a_common_group_ties_and_two_without_a_group_are_not_in_one() -> None:
    verifier, subject = VERIFIER._replace(group="org:holding"), SUBJECT._replace(group="org:holding")
    check_verifier(verifier, SUBJECT, ACCREDITATION)
    check_verifier(VERIFIER, subject, ACCREDITATION)
    with pytest.raises(Forbidden, match="verifier-not-independent"):
        check_verifier(verifier, subject, ACCREDITATION)
