"""What each level shows is enough for what it claims, and no more; a file for review is no certificate."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest
from verify_forging import world
from verify_world import CHAIN_TIME, HOUR, Lies, World, altered

from attestation.envelope import open_envelope
from core import jcs
from ledger.checkpoint import WitnessPolicy
from verify.bundle import LEVELS, read_container
from verify.report import Outcome
from verify.texts import NOTICES
from verify.verifier import verify

KINDS = ("green-power", "emission")
UNCHECKED = {
    "public": {6: "frames-absent", 7: "details-absent", 8: "rules-absent"},
    "buyer": {7: "blocks-absent", 8: "rules-absent"},
    "auditor": {},
    "full": {},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("level", LEVELS)
def test_an_honest_file_is_valid_and_says_what_it_did_not_check(kind: str, level: str) -> None:
    made = world(Lies(kind=kind))
    report = verify(made.file(level), made.trust())
    assert report.valid, report.as_text("en")
    assert {step.n: step.code for step in report.steps if step.outcome is not Outcome.PASSED} == UNCHECKED[level]


@pytest.mark.parametrize("level", ["public", "buyer"])
def test_a_reader_may_ask_for_more_than_a_level_shows(level: str) -> None:
    made = world()
    assert not verify(made.file(level), made.trust(require=(7,))).valid
    assert verify(made.file("auditor"), made.trust(require=(7,))).valid


def test_a_reader_may_ask_for_less() -> None:
    made = world(Lies(development=True))
    file = made.file("public")
    assert not verify(file, made.trust()).valid
    assert verify(file, made.trust(require=(1, 2, 4, 5, 9))).valid


def test_a_failed_step_is_never_excused_by_not_being_required() -> None:
    made = world(Lies(certificate={"status": 3}))
    report = verify(made.file("public"), made.trust(require=(1,)))
    assert not report.valid


@pytest.mark.parametrize("purpose", ["review", "issue"])
def test_a_file_before_issuing_is_not_valid_as_a_certificate(purpose: str) -> None:
    made = world()
    report = verify(made.file(purpose=purpose), made.trust())
    assert not report.valid
    assert "not-a-certificate" in report.notices
    assert (report.steps[9].outcome, report.steps[9].code) == (Outcome.NOT_CHECKED, "certificate-absent")


def test_the_node_checks_steps_one_to_nine_before_it_issues() -> None:
    made = world()
    assert verify(made.file(purpose="issue"), made.trust(), require=range(1, 10)).valid


def test_a_reviewer_who_recomputed_the_manifest_passes_steps_one_to_eight() -> None:
    made = world()
    file = made.file(purpose="review")
    digest = sha256(payload_of(made)).digest()
    unconfirmed = verify(file, made.trust(), require=range(1, 9))
    assert not unconfirmed.valid
    assert unconfirmed.steps[4].code == "manifest-unconfirmed"
    assert verify(file, made.trust(), require=range(1, 9), confirmed=[digest]).valid
    assert not verify(file, made.trust(), require=range(1, 9), confirmed=[bytes(32)]).valid


@pytest.mark.parametrize(("origin", "notice"), [("metered", None), ("interpolated", "interpolated-source"),
                                                ("simulated", "simulated-source")])
@pytest.mark.parametrize("kind", KINDS)
def test_what_was_not_metered_is_said_even_where_the_statement_keeps_silent(kind: str, origin: str,
                                                                            notice: str | None) -> None:
    made = world(Lies(kind=kind, origin=origin, notices=()))
    for level in ("buyer", "auditor", "full"):
        report = verify(made.file(level), made.trust())
        assert report.valid
        assert {code for code in report.notices if code.endswith("-source")} == ({notice} if notice else set())
        for language in ("zh", "en"):
            assert (NOTICES["simulated-source"][language == "en"] in report.as_text(language)) is (
                notice == "simulated-source")


def payload_of(made: World) -> bytes:
    return open_envelope(made.entries[made.manifest_index]).payload


def test_a_file_before_the_anchor_says_so() -> None:
    made = world()
    file = altered(made.file(purpose="issue"), {"anchor.json": None})
    report = verify(file, made.trust(), require=range(1, 10))
    assert (report.steps[2].outcome, report.steps[2].code) == (Outcome.NOT_CHECKED, "anchor-not-given")
    assert not report.valid


def test_later_steps_still_speak_when_an_early_one_fails() -> None:
    made = world()
    report = verify(made.file(), replace(made.trust(), registrars=()))
    assert report.steps[4].code == "registrar-untrusted"
    assert report.steps[7].outcome is Outcome.PASSED
    assert report.steps[9].outcome is Outcome.PASSED


@pytest.mark.parametrize(("age", "valid"), [(8 * HOUR, True), (8 * HOUR - 1, False)])
def test_the_greatest_age_of_a_status_is_inclusive(age: int, valid: bool) -> None:
    made = world()
    trust = made.trust(max_age=age, witnesses=WitnessPolicy())
    now = CHAIN_TIME + 120_000 + 8 * HOUR
    report = verify(made.file("public"), trust, now=now)
    assert report.valid is valid
    assert report.steps[9].code == (None if valid else "status-stale")


def test_an_age_without_a_clock_is_not_checked() -> None:
    made = world()
    report = verify(made.file("public"), made.trust(max_age=HOUR))
    assert {step.n for step in report.steps if step.code == "clock-absent"} == {2, 10}
    assert not report.valid


@pytest.mark.parametrize(("level", "member"), [
    ("public", "details/disclosed.json"), ("public", "frames/gw+lanhe-1/2026-11-16.cbor"),
    ("buyer", "blocks/m+lanhe-pv/2026-11-16.cbor"), ("buyer", "rules/documents.json"), ("buyer", "rules/listed.json"),
    ("buyer", "details/complete.json"), ("auditor", "details/disclosed.json")])
def test_a_level_holds_nothing_of_a_higher_one(level: str, member: str) -> None:
    made = world()
    source = read_container(made.file("buyer" if "disclosed" in member else "full"))
    report = verify(altered(made.file(level), {member: source[member]}), made.trust())
    assert report.steps[0].code == "container-member-unknown"


@pytest.mark.parametrize("member", [
    "opinion.cose", "certificate.json", "status.json", "checkpoint", "claim.cose", "rules/documents.json",
    "rules/listed.json", "details/complete.json"])
def test_a_certificate_s_file_needs_each_of_its_members(member: str) -> None:
    made = world()
    file = made.file()
    indices = jcs.parse(read_container(file)["bundle.json"])["indices"]
    indices.pop(member, None)
    report = verify(altered(file, {member: None}, indices=indices), made.trust())
    assert report.steps[0].code == "container-member-missing"


def test_a_file_that_calls_itself_of_a_higher_level_is_incomplete() -> None:
    made = world()
    report = verify(altered(made.file("buyer"), {}, level="full"), made.trust())
    assert report.steps[0].outcome is Outcome.FAILED


def test_a_review_file_holds_no_opinion() -> None:
    made = world()
    report = verify(altered(made.file("public", "issue"), {}, purpose="review"), made.trust())
    assert report.steps[0].code == "container-member-unknown"
