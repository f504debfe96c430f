"""Each member is read strictly: one spelling, exactly its fields, every list bounded, the place named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from verify_forging import document, items, world
from verify_world import GATEWAY, PV, Lies, altered

from core import jcs
from core.errors import CarbonSealError, FormError
from verify.members import check_members, name_of, required, subject_of
from verify.parse import parse_evidence
from verify.parse_documents import (
    parse_certificate,
    parse_chain_document,
    parse_complete,
    parse_disclosed,
    parse_rows,
)
from verify.report import Outcome
from verify.sources import register_sources
from verify.statement import parse_statement
from verify.verifier import verify

FRAMES, BLOCKS = (f"{folder}/{name_of(subject)}/2026-11-16.cbor" for folder, subject in (
    ("frames", GATEWAY), ("blocks", PV)))


def test_an_honest_file_parses_into_what_was_put_in() -> None:
    made = world()
    evidence = parse_evidence(made.file())
    assert evidence.statement.envelope.payload == made.statement_payload
    assert evidence.statement.index == made.statement_index
    assert [item.frame.seq for item in evidence.frames[GATEWAY]] == made.chain()
    assert [item.seq for item in evidence.blocks[PV]] == made.chain()
    assert evidence.details is not None
    assert len(evidence.details.records) == len(made.details)
    assert len(evidence.entries()) == 5 + sum(map(len, evidence.histories.values())) + len(made.chain())


@pytest.mark.parametrize(("member", "change", "code"), [
    (FRAMES, items(lambda values: values.append([1])), "member-malformed"),
    (FRAMES, items(lambda values: values[0].reverse()), "member-malformed"),
    (FRAMES, items(lambda values: values[0].__setitem__(0, -1)), "member-malformed"),
    (FRAMES, items(lambda values: values[0].__setitem__(0, 2**63)), "member-malformed"),
    (FRAMES, items(lambda values: values[0].__setitem__(1, world().entries[0])), "member-malformed"),
    (FRAMES, items(lambda values: values[0].__setitem__(1, b"")), "cbor-malformed"),
    (FRAMES, lambda data: data + b"\x00", "member-malformed"),
    (FRAMES, lambda data: data[:-1], "cbor-malformed"),
    (BLOCKS, items(lambda values: values[0].append(None)), "member-malformed"),
    (BLOCKS, items(lambda values: values[0].__setitem__(4, [b"short"])), "member-malformed"),
    (BLOCKS, items(lambda values: values[0].__setitem__(4, [bytes(32)] * 65)), "member-malformed"),
    (BLOCKS, items(lambda values: values[0].__setitem__(0, "GW")), "id-malformed"),
    (BLOCKS, items(lambda values: values[0].__setitem__(5, "text")), "member-malformed"),
    (BLOCKS, items(lambda values: values[0].__setitem__(5, b"\x80")), "block-header-form"),
    ("histories/org+node.cbor", items(lambda values: values[0].__setitem__(0, None)), "member-malformed"),
    ("certificate.json", document(lambda value: value.update(extra=1)), "document-members"),
    ("manifest/rows.json", document(lambda value: value["rows"].reverse()), "member-malformed"),
    ("rules/documents.json", lambda _: b"[]", "member-malformed"),
    ("rules/listed.json", lambda _: b"[]", "member-malformed"),
    ("anchor.json", lambda _: b"[]", "member-malformed"),
    ("statement.cose", lambda _: world().entries[world().claim_index], "entry-type"),
    ("checkpoint", lambda data: data + b"x", "note-malformed"),
])
def test_a_malformed_member_fails_step_one_and_is_named(
        member: str, change: Callable[[bytes], bytes], code: str) -> None:
    report = verify(altered(world().file(), {member: change}), world().trust())
    assert report.steps[0].outcome is Outcome.FAILED
    assert report.steps[0].code == code, report.steps[0]
    assert all(step.code == "earlier-step-failed" for step in report.steps[1:])


def test_frames_of_another_gateway_under_this_name_are_refused() -> None:
    made = world()
    data = altered(made.file(), {FRAMES.replace("lanhe-1", "lanhe-2"): made._frames(set())[FRAMES]})
    with pytest.raises(FormError, match="member-malformed"):
        parse_evidence(data)


def test_blocks_of_another_meter_under_this_name_are_refused() -> None:
    made = world()
    data = altered(made.file(), {BLOCKS.replace("lanhe-pv", "lanhe-x"): made._blocks("full")[BLOCKS]})
    with pytest.raises(FormError, match="member-malformed"):
        parse_evidence(data)


@pytest.mark.parametrize("subject", ["gw:lanhe-1", "dispute:gw:lanhe-1", "a/b", "a.b-c_d", "x:y/z"])
def test_a_subject_s_name_in_a_path_leads_back_to_it(subject: str) -> None:
    assert subject_of(name_of(subject)) == subject
    assert "/" not in name_of(subject)
    assert ":" not in name_of(subject)


@pytest.mark.parametrize("name", ["", "UP", "a++b", "+a", "a b"])
def test_a_name_that_is_no_subject_s_is_refused(name: str) -> None:
    with pytest.raises(FormError, match="id-malformed"):
        subject_of(name)


@pytest.mark.parametrize("level", ["public", "buyer", "auditor", "full"])
@pytest.mark.parametrize("purpose", ["review", "issue", "certificate"])
def test_exactly_what_is_required_is_enough(level: str, purpose: str) -> None:
    names = required(level, purpose)
    check_members(names, level, purpose)
    for name in names:
        with pytest.raises(FormError, match="container-member-missing"):
            check_members([other for other in names if other != name], level, purpose)


@pytest.mark.parametrize("name", [
    "trust.json", "notes.txt", "histories/a.json", "proofs/01.tlog-proof", "proofs/1.txt", "frames/a/2026-1-1.cbor",
    "frames/a.cbor", "blocks/a/b/2026-01-01.cbor", "rules/more.json", "proofs/99999999999999999999.tlog-proof"])
def test_a_name_outside_the_table_is_refused(name: str) -> None:
    with pytest.raises(FormError, match="container-member-unknown"):
        check_members([*required("full", "certificate"), name], "full", "certificate")


# JSON members.

def rows() -> Any:
    return world()._rows("full", "certificate")


def test_rows_and_absences_are_read() -> None:
    parsed = parse_rows(jcs.canonical(rows()))
    assert set(parsed.absent) == {f"dispute:{GATEWAY}"}
    assert parsed.rows[GATEWAY].count == 1


@pytest.mark.parametrize("change", [
    lambda v: v["rows"].append(v["rows"][0]), lambda v: v["rows"][0].update(count=1),
    lambda v: v["rows"][0].update(count="01"), lambda v: v["rows"][0].update(head="AB" * 32),
    lambda v: v["rows"][0].update(path=["00" * 31]), lambda v: v["rows"][0].update(path=["00" * 32] * 65),
    lambda v: v["rows"][0].pop("position"), lambda v: v["absent"][0].update(before=7), lambda v: v.pop("absent"),
    lambda v: v.update(schema="carbonseal-manifest-rows/2")])
def test_malformed_rows_are_refused(change: Callable[[Any], object]) -> None:
    value = rows()
    change(value)
    with pytest.raises(FormError):
        parse_rows(jcs.canonical(value))


def record() -> Any:
    return world().record()


@pytest.mark.parametrize("change", [
    lambda v: v.update(status="valid"), lambda v: v.update(status="retired"), lambda v: v.update(owner="0x00"),
    lambda v: v.update(owner=v["owner"].lower()), lambda v: v["units"].update({"from": "-1"}),
    lambda v: v["units"].update({"to": "0"}), lambda v: v["units"].update({"to": "1.5"}),
    lambda v: v.update(retirement={}), lambda v: v.update(id="00"), lambda v: v.pop("retirement"),
    lambda v: v.update(retirement={"purpose": "p", "beneficiary": "b", "start": "x", "end": "y"})])
def test_a_malformed_certificate_is_refused(change: Callable[[Any], object]) -> None:
    parse_certificate(jcs.canonical(record()))
    value = record()
    change(value)
    with pytest.raises(FormError):
        parse_certificate(jcs.canonical(value))


@pytest.mark.parametrize("change", [
    lambda v: v["header"].update(note="x"), lambda v: v["header"].update(stateRoot=v["header"]["stateRoot"].upper()),
    lambda v: v.update(header=[]), lambda v: v["header"].update(hash=None)])
def test_a_header_has_one_spelling(change: Callable[[Any], object]) -> None:
    value = world().anchor()
    parse_chain_document(jcs.canonical(value))
    change(value)
    with pytest.raises(FormError, match="member-malformed"):
        parse_chain_document(jcs.canonical(value))


def disclosed() -> Any:
    return jcs.parse(world()._details("buyer")["details/disclosed.json"])


@pytest.mark.parametrize("change", [
    lambda v: v["records"].append(v["records"][0]), lambda v: v["records"][0].pop("salt"),
    lambda v: v["records"][0].update(salt="00"), lambda v: v["records"][0].update(record=[]),
    lambda v: v["records"][0].update(record={"kind": 1}), lambda v: v["records"][0].update(index=0)])
def test_malformed_details_are_refused(change: Callable[[Any], object]) -> None:
    assert not parse_disclosed(jcs.canonical(disclosed())).complete
    value = disclosed()
    change(value)
    with pytest.raises(FormError):
        parse_disclosed(jcs.canonical(value))


@pytest.mark.parametrize("change", [
    lambda s: s.update(type="register"), lambda s: s["to"].pop("index"), lambda s: s["to"].update(time="now"),
    lambda s: s["from"].update(position="99999999999"), lambda s: s["from"].update(more="1"),
    lambda s: s.update(mark="NOT AN ID"), lambda s: s.update(meter=""), lambda s: s["to"].update(seq="-1")])
def test_a_malformed_source_is_refused(change: Callable[[Any], object]) -> None:
    value = {"schema": "carbonseal-details/1", "records": jcs.parse(jcs.canonical(world().details))}
    assert len(register_sources(parse_complete(jcs.canonical(value)))) == 1
    change(value["records"][1]["record"]["source"])
    with pytest.raises(FormError):
        register_sources(parse_complete(jcs.canonical(value)))


def test_documents_and_declared_inputs_are_no_registers() -> None:
    value = {"schema": "carbonseal-details/1", "records": jcs.parse(jcs.canonical(world().details))}
    for source in ({"type": "declared"}, {"type": "document", "digest": "00" * 32, "title": "t"}):
        value["records"][1]["record"]["source"] = source
        assert register_sources(parse_complete(jcs.canonical(value))) == []
    assert register_sources(None) == []


@pytest.mark.parametrize("member", sorted(jcs.parse(world().statement_payload)))
def test_a_statement_has_exactly_its_members(member: str) -> None:
    value = jcs.parse(world().statement_payload)
    value.pop(member)
    with pytest.raises(FormError, match="document-members"):
        parse_statement(jcs.canonical(value))


@pytest.mark.parametrize("fields", [
    {"schema": "carbonseal-statement/2"}, {"type": "gas"}, {"result": {"value": "1e3", "unit": "t"}},
    {"certificate": {"amount": "1.5", "unit": "MWh"}}, {"certificate": {"amount": "-1", "unit": "MWh"}},
    {"claim": "00"}, {"rules": None}, {"notices": "none"}, {"supersedes": ""}, {"details": {"root": "00" * 32}},
    {"intervals": [{"mark": "cp:a", "start": "5", "end": "5"}]}, {"period": {"start": "2026", "end": "2027"}}])
def test_a_malformed_statement_is_refused(fields: dict[str, Any]) -> None:
    value = jcs.parse(world().statement_payload)
    with pytest.raises(FormError):
        parse_statement(jcs.canonical(value | fields))


# Whatever the bytes are, only our own errors leave the parser.

MEMBERS = (
    "checkpoint", "statement.cose", "claim.cose", "opinion.cose", "manifest/manifest.cose", "manifest/rows.json",
    "anchor.json", "status.json", "certificate.json", "details/complete.json", "rules/documents.json",
    "rules/listed.json", "rules/release.cose", FRAMES, BLOCKS, "histories/org+node.cbor")


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(MEMBERS), st.binary(max_size=80), st.integers(0, 5000), st.booleans())
def test_only_our_errors_leave_the_verifier(member: str, junk: bytes, position: int, whole: bool) -> None:
    def spoil(data: bytes) -> bytes:
        where = position % (len(data) + 1)
        return junk if whole else data[:where] + junk + data[where + len(junk) :]
    try:
        report = verify(altered(world().file(), {member: spoil}), world().trust())
    except CarbonSealError as error:
        pytest.fail(f"an altered file must get a verdict: {error}")
    assert report.valid is (altered(world().file(), {member: spoil}) == world().file())


def test_an_emission_file_shows_the_silent_block() -> None:
    evidence = parse_evidence(world(Lies(kind="emission")).file())
    silent = [item for blocks in evidence.blocks.values() for item in blocks if item.header.readings == 0]
    assert len(silent) == 1
    assert silent[0].header.gap is not None
