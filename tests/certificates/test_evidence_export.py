"""Evidence files: what is exported passes the verifier, at each level with what belongs there and nothing more."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from replayed_node import ReplayedNode, remember_retirement
from verify_moves import SECOND, TwiceMoved
from verify_world import GATEWAY, PV, Lies, World

from certificates import export
from certificates.issue import check_evidence
from core import cbor, jcs
from core.database import reading, transaction
from core.errors import InputError, NotFound, Refused
from core.period import instant_text
from ledger.anchor.layout import retirement_digest
from verify.bundle import LEVELS, read_container
from verify.parse import parse_evidence
from verify.report import Outcome, Report
from verify.verifier import verify


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.fixture(scope="module")
def node(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReplayedNode]:
    node = ReplayedNode(world, tmp_path_factory.mktemp("node") / "node.db")
    yield node
    node.engine.dispose()


@pytest.fixture(scope="module")
def emission(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReplayedNode]:
    node = ReplayedNode(World(Lies(kind="emission")), tmp_path_factory.mktemp("emission") / "node.db")
    yield node
    node.engine.dispose()


def file(node: ReplayedNode, level: str = "full", purpose: str = "certificate", **changes: Any) -> bytes:
    """The exported file of the world's statement."""
    piece = bytes.fromhex(node.world.record()["id"]) if purpose == "certificate" else None
    with reading(node.engine) as connection:
        return export.evidence(node.sources(connection, **changes), sha256(node.world.statement_payload).digest(),
                               purpose=purpose, level=level, piece=piece)


def outcomes(report: Report) -> dict[int, str]:
    return {step.n: step.code or step.outcome.value for step in report.steps}


@pytest.mark.parametrize("level", LEVELS)
def test_an_exported_certificate_is_valid_at_every_level(node: ReplayedNode, level: str) -> None:
    report = verify(file(node, level), node.world.trust())
    assert report.valid, outcomes(report)
    assert report.level == level


@pytest.mark.parametrize("level", ["auditor", "full"])
def test_an_exported_inventory_is_valid_with_all_ten_steps(emission: ReplayedNode, level: str) -> None:
    report = verify(file(emission, level), emission.world.trust())
    assert [step.outcome for step in report.steps] == [Outcome.PASSED] * 10, outcomes(report)


def test_meters_that_moved_twice_are_exported_as_their_world_shows_them(tmp_path: Path) -> None:
    """The middle gateway dates a frame a year ahead: its chain and blocks still stand in the order of time."""
    moved = ReplayedNode(TwiceMoved(Lies(kind="emission")), tmp_path / "moved.db")
    for level in LEVELS:
        report = verify(file(moved, level), moved.world.trust())
        assert report.valid, outcomes(report)
    chain = parse_evidence(file(moved, "full")).frames[SECOND]
    assert [(item.frame.seq, item.entry.index is not None) for item in chain] == [(0, True), (1, True)]


def test_all_ten_steps_pass_at_level_full(node: ReplayedNode) -> None:
    report = verify(file(node), node.world.trust())
    assert outcomes(report) == dict.fromkeys(range(1, 11), "passed")


def test_the_same_export_gives_the_same_bytes(node: ReplayedNode) -> None:
    assert file(node, "auditor") == file(node, "auditor")


@pytest.mark.parametrize(("level", "there", "missing"), [
    ("public", [], ["details/", "frames/", "blocks/", "rules/"]),
    ("buyer", ["details/disclosed.json", "frames/"], ["details/complete.json", "blocks/", "rules/"]),
    ("auditor", ["details/complete.json", "frames/", "blocks/", "rules/release.cose"], ["details/disclosed.json"]),
    ("full", ["details/complete.json", "frames/", "blocks/", "rules/documents.json"], ["details/disclosed.json"]),
])
def test_a_level_holds_what_belongs_to_it(node: ReplayedNode, level: str, there: list[str],
                                          missing: list[str]) -> None:
    names = read_container(file(node, level))
    for folder in there:
        assert any(name.startswith(folder) for name in names), folder
    for folder in missing:
        assert not any(name.startswith(folder) for name in names), folder


def test_a_buyer_sees_inputs_and_no_trade_secret(node: ReplayedNode) -> None:
    records = parse_evidence(file(node, "buyer")).details
    assert records is not None
    assert {detail.record["kind"] for detail in records.records} == {"input"}
    assert not records.complete


def test_an_auditor_sees_bodies_at_the_boundaries_and_a_full_file_all(node: ReplayedNode) -> None:
    auditor = parse_evidence(file(node, "auditor")).blocks[PV]
    full = parse_evidence(file(node, "full")).blocks[PV]
    assert [block.seq for block in auditor] == [block.seq for block in full]
    assert 0 < sum(block.body is not None for block in auditor) < len(auditor)
    assert all((block.body is None) == (block.header.readings == 0) for block in full)


def test_every_hour_ends_in_a_proven_frame_and_so_does_the_chain(node: ReplayedNode) -> None:
    chain = parse_evidence(file(node)).frames[GATEWAY]
    assert chain[-1].entry.index is not None
    hours = {item.frame.t_last // 3_600_000: item.entry.index for item in chain}
    assert None not in hours.values()
    assert [item.frame.seq for item in chain] == list(range(chain[0].frame.seq, chain[-1].frame.seq + 1))


@pytest.mark.parametrize("level", LEVELS)
def test_a_file_before_issuing_passes_all_but_the_certificate(node: ReplayedNode, level: str) -> None:
    report = verify(file(node, level, "issue"), node.world.trust(), require=[1, 2, 3, 4, 5, 9])
    assert report.valid, outcomes(report)
    assert outcomes(report)[10] == "certificate-absent"


def test_a_review_file_holds_no_opinion_and_needs_no_chain(node: ReplayedNode) -> None:
    data = file(node, "full", "review", chain=None, registry=None)
    assert {"opinion.cose", "anchor.json", "certificate.json"}.isdisjoint(read_container(data))
    manifest = parse_evidence(data).manifest.envelope.digest
    report = verify(data, node.world.trust(), confirmed=[manifest], require=[1, 2, 4, 5, 6, 7, 8])
    assert report.valid, outcomes(report)
    assert outcomes(report)[9] == "opinion-absent"


def test_the_node_issues_on_good_evidence_only(node: ReplayedNode) -> None:
    digest = sha256(node.world.statement_payload).digest()
    report = check_evidence(file(node, "full", "issue"), node.world.trust(), 0, digest)
    assert report.valid
    with pytest.raises(Refused) as refusal:
        check_evidence(file(node, "public", "issue"), node.world.trust(), 0, digest)
    assert refusal.value.code == "evidence-invalid"
    assert refusal.value.detail["step"] == "6"


@pytest.mark.parametrize(("lies", "step", "cause"), [
    (Lies(completeness={"gaps": "7"}), "6", "completeness-mismatch"),
    (Lies(statement={"result": {"value": "99", "unit": "MWh"}}), "8", "statement-mismatch"),
    (Lies(claim_account="verifier"), "9", "claim-signer"),
    (Lies(opinion_account="enterprise"), "9", "opinion-signer"),
    (Lies(anchored_root=b"\x07" * 32), "3", "anchor-root"),
])
def test_nothing_is_issued_on_a_lie_whatever_the_database_says(
        tmp_path: Path, lies: Lies, step: str, cause: str) -> None:
    node = ReplayedNode(World(lies), tmp_path / "node.db")
    with pytest.raises(Refused) as refusal:
        check_evidence(file(node, "full", "issue"), node.world.trust(), 0, b"\x01" * 32)
    assert (refusal.value.detail["step"], refusal.value.detail["cause"]) == (step, cause)
    node.engine.dispose()


def test_that_a_gateway_has_no_dispute_is_proven_by_its_neighbours(node: ReplayedNode) -> None:
    rows = jcs.parse(read_container(file(node))["manifest/rows.json"])
    assert [item["subject"] for item in rows["absent"]] == [f"dispute:{GATEWAY}"]


def test_a_checkpoint_that_does_not_cover_the_opinion_is_refused(node: ReplayedNode) -> None:
    with pytest.raises(Refused, match="evidence-not-sealed"):
        file(node, "public", "issue", size=node.world.opinion_index)


@pytest.mark.parametrize(("level", "purpose"), [("secret", "issue"), ("full", "tax"), ("", "")])
def test_an_unknown_level_or_purpose_is_refused(node: ReplayedNode, level: str, purpose: str) -> None:
    with pytest.raises(InputError, match="evidence-level"):
        file(node, level, purpose)


def test_a_certificates_file_names_its_piece_and_others_none(node: ReplayedNode) -> None:
    digest = sha256(node.world.statement_payload).digest()
    with reading(node.engine) as connection:
        for purpose, piece in (("certificate", None), ("issue", b"\x01" * 32)):
            with pytest.raises(InputError, match="evidence-level"):
                export.evidence(node.sources(connection), digest, purpose=purpose, level="full", piece=piece)
        with pytest.raises(NotFound, match="piece-unknown"):
            export.evidence(node.sources(connection), digest, purpose="certificate", level="full", piece=b"\x01" * 32)
        with pytest.raises(NotFound, match="statement-unknown"):
            export.evidence(node.sources(connection), b"\x01" * 32, purpose="issue", level="full")


def test_a_retired_certificate_carries_its_retirement(tmp_path: Path) -> None:
    start, end = 1_794_758_400_000, 1_794_844_800_000
    data = {"purpose": "renewable-use", "beneficiary": "蓝河特钢", "start": str(start), "end": str(end), "id": "0"}
    digest = retirement_digest(data["purpose"], data["beneficiary"], start, end)
    record = {"status": "retired", "retirement": {**{name: data[name] for name in ("purpose", "beneficiary")},
                                                  "start": instant_text(start), "end": instant_text(end)}}
    node = ReplayedNode(World(Lies(record=record, piece={"status": 2, "retirement": int.from_bytes(digest, "big")})),
                        tmp_path / "node.db")
    with pytest.raises(NotFound, match="retirement-unknown"):
        file(node, "public")
    with transaction(node.engine) as connection:
        remember_retirement(connection, bytes.fromhex(node.world.record()["id"]), jcs.canonical(data).decode())
    report = verify(file(node, "public"), node.world.trust())
    assert report.valid, outcomes(report)
    node.engine.dispose()


def test_members_are_canonical_sequences(node: ReplayedNode) -> None:
    members = read_container(file(node))
    for name, data in members.items():
        if name.endswith(".cbor"):
            assert b"".join(cbor.encode(item) for item in cbor.sequence(data)) == data, name
