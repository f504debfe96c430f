"""Whole or provably absent: nothing between a history's first entry and the manifest's head can be left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from verify_forging import document, items, world
from verify_world import ENTERPRISE, GATEWAY, NODE, PV, REVIEWED, VERIFIER, Lies, World, account, altered, signer

from attestation import manifest
from attestation.manifest import Manifest
from core.claims import MeterInput
from core.errors import VerificationFailed
from core.merkle import inclusion_path
from core.period import instant_text
from verify import histories
from verify.histories import NodeKeys, participants_of
from verify.model import Absence, Row
from verify.report import Report, StepResult
from verify.steps.container import open_case
from verify.verifier import verify

SUBJECTS = ("b", "d", "f", "h", "j")


def tree() -> tuple[Manifest, list[Row]]:
    """A manifest of five histories, and their rows with paths."""
    plain = [manifest.Row(subject, sha256(subject.encode()).digest(), 1) for subject in SUBJECTS]
    leaves = [row.leaf() for row in plain]
    found = manifest.parse_manifest(manifest.manifest_payload("log.example/park", 9, 0, plain))
    return found, [Row(row.subject, row.head, row.entries, i, tuple(inclusion_path(leaves, i)))
                   for i, row in enumerate(plain)]


def absent(subject: str, before: int | None, after: int | None) -> None:
    found, rows = tree()
    histories._verify_absence(found, Absence(subject, None if before is None else rows[before],
                                             None if after is None else rows[after]))


@pytest.mark.parametrize(("subject", "before", "after"), [
    ("a", None, 0), ("c", 0, 1), ("e", 1, 2), ("i", 3, 4), ("k", 4, None), ("bb", 0, 1), ("b0", 0, 1)])
def test_a_subject_between_neighbours_is_absent(subject: str, before: int | None, after: int | None) -> None:
    absent(subject, before, after)
    for known in SUBJECTS:
        with pytest.raises(VerificationFailed, match="manifest-root"):
            absent(known, before, after)


@pytest.mark.parametrize(("subject", "before", "after"), [
    ("b", 0, 1), ("b", None, 0), ("d", 0, 1), ("c", 0, 2), ("c", 1, 2), ("c", None, 1), ("a", None, 1), ("k", 3, None),
    ("c", 0, None), ("a", None, None), ("k", 4, 0), ("e", 2, 1), ("j", 4, None)])
def test_rows_that_are_no_neighbours_prove_no_absence(subject: str, before: int | None, after: int | None) -> None:
    with pytest.raises(VerificationFailed, match="manifest-root"):
        absent(subject, before, after)


def test_in_an_empty_manifest_everything_is_absent() -> None:
    empty = manifest.parse_manifest(manifest.manifest_payload("log.example/park", 0, 0, []))
    histories._verify_absence(empty, Absence("a", None, None))
    with pytest.raises(VerificationFailed, match="manifest-root"):
        histories._verify_absence(empty, Absence("a", tree()[1][0], None))


@pytest.mark.parametrize("change", [{"head": bytes(32)}, {"count": 2}, {"subject": "x"}, {"position": 1}, {"path": ()}])
def test_a_row_stands_only_as_it_is(change: dict[str, Any]) -> None:
    found, rows = tree()
    histories._verify_row(found, rows[0])
    with pytest.raises(VerificationFailed, match="manifest-root"):
        histories._verify_row(found, replace(rows[0], **change))


def fifth(report: Report) -> StepResult:
    return report.steps[4]


def test_an_entry_after_the_manifest_may_be_shown_too() -> None:
    made = World()
    made.register("device", "application/carbonseal-device+json", GATEWAY, "revoke", REVIEWED, {"reason": "later"})
    made.__dict__.pop("leaves", None)
    made.checkpoint = made._seal()
    assert verify(made.file(), made.trust()).valid


def test_a_history_that_runs_ahead_of_the_manifest_s_count_is_refused() -> None:
    made = world()
    file = altered(made.file("public"), {"manifest/rows.json": document(
        lambda value: value["rows"][0].update(count="2"))})
    assert fifth(verify(file, made.trust())).code == "manifest-root"


def test_a_history_under_another_subject_s_name_is_refused() -> None:
    made = world()
    source = f"histories/{PV.replace(':', '+')}.cbor"
    copied = made.members("full", "certificate")[source]
    file = altered(made.file(), {"histories/m+other.cbor": copied})
    assert fifth(verify(file, made.trust())).code == "manifest-row-missing"


@pytest.mark.parametrize("subject", [ENTERPRISE, VERIFIER])
def test_each_party_s_history_is_needed(subject: str) -> None:
    made = world()
    name = f"histories/{subject.replace(':', '+')}.cbor"
    gone: dict[str, None] = {f"proofs/{index}.tlog-proof": None for index in made.histories[subject]}
    assert fifth(verify(altered(made.file("public"), {name: None, **gone}), made.trust())).code == "history-missing"


def test_without_the_node_s_history_nobody_is_known_to_have_signed() -> None:
    made = world()
    gone: dict[str, None] = {f"proofs/{index}.tlog-proof": None for index in made.histories[NODE]}
    file = altered(made.file("public"), {"histories/org+node.cbor": None, **gone})
    assert fifth(verify(file, made.trust())).code == "signer-unknown"


def test_an_entry_that_is_no_registration_has_no_place_in_a_history() -> None:
    made = world()
    claim = [made.claim_index, made.entries[made.claim_index]]
    file = altered(made.file("public"), {"histories/org+node.cbor": items(lambda values: values.append(claim))})
    assert fifth(verify(file, made.trust())).code == "history-incomplete"


@pytest.mark.parametrize(("fields", "code"), [
    ({"keys": []}, "signer-unknown"),
    ({"roles": ["trader"]}, "signer-not-valid"),
    ({"keys": [{"public_key": signer("node").public_key.hex(), "uses": ["claim", "manifest", "opinion"]}]},
     "key-unknown"),
    ({"valid_from": instant_text(REVIEWED + 1)}, "participant-not-valid"),
    ({"valid_until": instant_text(REVIEWED)}, "participant-not-valid"),
])
def test_a_node_signs_only_with_what_it_is_registered_for(fields: dict[str, Any], code: str) -> None:
    made = World(Lies(participants={NODE: fields}))
    assert fifth(verify(made.file("public"), made.trust())).code == code


def test_a_node_is_valid_up_to_the_last_millisecond() -> None:
    made = World(Lies(participants={NODE: {"valid_until": instant_text(REVIEWED + 1)}}))
    assert verify(made.file("public"), made.trust()).valid


def test_keys_are_looked_up_among_organisations_only() -> None:
    made = world()
    case = open_case(made.file(), made.trust(), None, frozenset())
    found = histories.histories_of(case)
    organisations = participants_of(found)
    assert sorted(history.subject for history in organisations) == sorted([NODE, ENTERPRISE, VERIFIER])
    keys = NodeKeys(organisations, case.trust.origin)
    keys.verify(case.evidence.statement, "statement", REVIEWED)
    for use in ("dispute-x", "rules"):
        with pytest.raises(VerificationFailed, match="key-unknown"):
            keys.verify(case.evidence.statement, use, REVIEWED)


# Claim and opinion.

def ninth(**lies: Any) -> StepResult:
    made = World(Lies(**lies))
    return verify(made.file("public"), made.trust()).steps[8]


@pytest.mark.parametrize("fields", [
    {"addressee": "org:somebody"}, {"reasons": "其他理由。"}, {"criteria": ("GB/T 32150",)}])
def test_what_the_opinion_alone_says_is_the_verifier_s(fields: dict[str, Any]) -> None:
    assert ninth(opinion=fields).code is None


@pytest.mark.parametrize("fields", [
    {"statement": bytes(32)}, {"leaf": bytes(32)}, {"claim": bytes(32)}, {"exclusivity_key": bytes(32)},
    {"origin": "other.example/park"}, {"subject": "org:other"}, {"holder": account("other").address},
    {"boundary": "elsewhere"}, {"amount": 31}, {"intervals": ()}, {"external_refs": ("gec:A1",)}])
def test_each_field_of_the_opinion_is_the_statement_s(fields: dict[str, Any]) -> None:
    assert ninth(opinion=fields).code == "opinion-fields"


@pytest.mark.parametrize("fields", [
    {"origin": "other.example/park"}, {"holder": account("other").address}, {"external_refs": ("gec:A1",)}])
def test_each_field_of_the_claim_is_the_statement_s(fields: dict[str, Any]) -> None:
    step = ninth(claim=fields)
    assert step.code in ("claim-fields", "opinion-fields", None)
    if "holder" not in fields:
        assert step.code == "claim-fields"


@pytest.mark.parametrize("org", [ENTERPRISE, VERIFIER])
def test_an_organisation_without_its_role_neither_claims_nor_concludes(org: str) -> None:
    code = ninth(participants={org: {"roles": ["government"]}}).code
    assert code == ("claim-signer" if org == ENTERPRISE else "verifier-not-accredited")


def test_one_group_ties_and_two_groups_do_not() -> None:
    groups = {VERIFIER: {"group": "org:one"}, ENTERPRISE: {"group": "org:two"}}
    assert ninth(participants=groups).code is None
    groups[ENTERPRISE] = {"group": "org:one"}
    assert ninth(participants=groups).code == "verifier-not-independent"


def test_another_accreditation_than_the_registered_one_is_refused() -> None:
    assert ninth(opinion={"accreditation": "CNAS V-0002"}).code == "verifier-not-accredited"


def claimed(inputs: Sequence[Any]) -> StepResult:
    made = World(Lies(claim={"inputs": {"generation": tuple(inputs)} if inputs else {}}))
    return verify(made.file("buyer"), made.trust()).steps[8]


def test_the_statement_uses_exactly_the_inputs_claimed() -> None:
    named = MeterInput("cp:lanhe-pv", "active-export")
    by_meter = MeterInput(PV, "active-export")
    assert claimed([named]).code is None
    assert claimed([by_meter]).code is None
    assert claimed([]).code == "claim-inputs"
    assert claimed([named, by_meter]).code == "claim-inputs"
    assert claimed([MeterInput("m:lanhe-main", "active-export")]).code == "claim-inputs"
    assert claimed([MeterInput(PV, "active-import")]).code == "claim-inputs"
