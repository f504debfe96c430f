"""Rows kept between manifests: folding on gives what folding from the first entry gives, at every manifest."""

from __future__ import annotations

from pathlib import Path

import pytest
from attestation_helpers import GATEWAY, MINUTE, ORIGIN, START, Gateway, Node, block, profile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from attestation import envelope
from attestation.envelope import seal
from attestation.manifest import ManifestFold, Row, check_rows, fold, manifest_payload, parse_manifest
from attestation.rows import fold_at
from core.database import transaction
from core.errors import VerificationFailed


def kept(node: Node) -> list[tuple[str, int]]:
    """(subject, size) of every row stored."""
    with node.connection() as connection:
        query = "SELECT subject, size FROM attestation_manifest_row ORDER BY size, subject"
        return [(row[0], row[1]) for row in connection.exec_driver_sql(query)]


def rows_at(node: Node, size: int) -> list[Row]:
    with node.connection() as connection:
        return fold_at(connection, size).rows()


def put_frame(node: Node, gateway: Gateway, *, power: int = 36_000) -> None:
    node.one(gateway.frame(block(start=START + gateway.seq * MINUTE, energy=10**6 + 600 * gateway.seq, power=power)))


def test_nothing_is_kept_before_the_first_manifest(node: Node, gateway: Gateway) -> None:
    put_frame(node, gateway)
    assert kept(node) == []
    assert rows_at(node, 0) == []


def test_a_manifest_keeps_a_row_for_each_history(node: Node, gateway: Gateway) -> None:
    put_frame(node, gateway)
    node.manifest()
    assert kept(node) == [(f"frames/{GATEWAY}", 3), (GATEWAY, 3), ("m:main", 3)]


def test_the_next_manifest_keeps_only_what_changed(node: Node, gateway: Gateway) -> None:
    node.manifest()
    put_frame(node, gateway)
    node.manifest(2)
    assert kept(node)[2:] == [(f"frames/{GATEWAY}", 4)]
    assert rows_at(node, 4) == fold(node.entries[:4])


def test_a_manifest_after_nothing_new_keeps_nothing(node: Node) -> None:
    node.manifest()
    first = kept(node)
    assert parse_manifest(node.manifest(2)).root == parse_manifest(envelope.open_envelope(node.entries[2]).payload).root
    assert kept(node) == first


def test_the_rows_of_an_older_manifest_stay_as_they_were(node: Node, gateway: Gateway) -> None:
    put_frame(node, gateway)
    older = parse_manifest(node.manifest())
    put_frame(node, gateway)
    node.register("meter", "m:main", "profile", {"profile": profile(capacity_w="2000000")}, START)
    node.manifest(older.size)
    check_rows(older, rows_at(node, older.size))
    assert rows_at(node, older.size) == fold(node.entries[:older.size])


def test_the_second_payload_of_a_place_is_no_head_in_a_later_manifest_either(node: Node, gateway: Gateway) -> None:
    """The place of the head is kept with the row: without it a resumed fold would take the liar's payload for it."""
    honest, liar = gateway.build(block(power=1)), gateway.build(block(power=2))
    node.one(honest)
    node.manifest()
    node.one(liar)
    payload = node.manifest(3)
    assert parse_manifest(payload) == parse_manifest(
        manifest_payload(ORIGIN, 6, node.clock.now(), fold(node.entries[:6])))
    (frames,) = [row for row in rows_at(node, 6) if row.subject == f"frames/{GATEWAY}"]
    assert (frames.head, frames.entries) == (envelope.open_envelope(honest.envelope).digest, 1)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.sampled_from(["frame", "liar", "register", "manifest"]), max_size=12))
def test_folding_on_gives_what_folding_from_the_first_entry_gives(
        tmp_path_factory: pytest.TempPathFactory, steps: list[str]) -> None:
    node, gateway, sizes = Node(tmp_path_factory.mktemp("rows")).enrol("m:main"), Gateway(), [0]
    for number, step in enumerate(steps):
        if step == "frame":
            put_frame(node, gateway)
        elif step == "liar" and gateway.seq:
            liar = Gateway()
            node.one(liar.build(block(power=number)))
        elif step == "register":
            node.enrol(f"m:{number}")
        elif step == "manifest":
            sizes.append(parse_manifest(node.manifest(sizes[-1])).size)
    for size in sizes:
        assert rows_at(node, size) == fold(node.entries[:size])
    assert node.check_everything() == []
    node.engine.dispose()


def test_a_fold_says_what_changed_once() -> None:
    node_entry = seal(Gateway().signer, envelope.STATEMENT, b'{"exclusivity_key":"00"}', ORIGIN)
    folded = ManifestFold()
    folded.add(node_entry)
    assert [row.subject for row in folded.changed()] == ["statement/00"]
    assert folded.changed() == []
    folded.add(node_entry)
    assert [(row.subject, row.entries) for row in folded.changed()] == [("statement/00", 2)]


@pytest.mark.parametrize(("edit", "code"), [
    ("UPDATE attestation_manifest_row SET head = zeroblob(32) WHERE subject = 'm:main'", "manifest-row-differs"),
    ("UPDATE attestation_manifest_row SET entries = 9 WHERE subject = 'm:main'", "manifest-row-differs"),
    ("UPDATE attestation_manifest_row SET seq = 9 WHERE seq IS NOT NULL", "manifest-row-differs"),
    ("DELETE FROM attestation_manifest_row WHERE subject = 'm:main'", "manifest-row-missing"),
    ("INSERT INTO attestation_manifest_row VALUES ('m:other', 3, zeroblob(32), 1, NULL, NULL)",
     "manifest-row-invented")])
def test_an_edited_row_is_found_by_rebuilding(tmp_path: Path, edit: str, code: str) -> None:
    node = Node(tmp_path).enrol("m:main")
    put_frame(node, Gateway())
    node.manifest()
    assert node.check_everything() == []
    with transaction(node.engine) as connection:
        assert connection.exec_driver_sql(edit).rowcount == 1
    assert {finding.code for finding in node.check_everything()} == {code}
    node.engine.dispose()


@pytest.mark.parametrize("edit", ["SET head = zeroblob(32)", "SET entries = entries + 1"])
def test_edited_rows_are_not_those_that_were_signed(tmp_path: Path, edit: str) -> None:
    node = Node(tmp_path).enrol("m:main")
    signed = parse_manifest(node.manifest())
    check_rows(signed, rows_at(node, signed.size))
    with transaction(node.engine) as connection:
        connection.exec_driver_sql(f"UPDATE attestation_manifest_row {edit} WHERE subject = 'm:main'")
    with pytest.raises(VerificationFailed) as caught:
        check_rows(signed, rows_at(node, signed.size))
    assert caught.value.code == "manifest-mismatch"
    node.engine.dispose()


def test_a_manifest_that_left_something_out_is_found_by_rebuilding(tmp_path: Path) -> None:
    node = Node(tmp_path).enrol("m:main")
    rows = fold(node.entries)
    payload = manifest_payload(ORIGIN, 2, START, rows[:-1])
    node.entries.append(seal(node.signer, envelope.MANIFEST, payload, ORIGIN))
    found = {finding.code: finding.place for finding in node.check_everything()}
    assert found["manifest-mismatch"] == "index 2"
    node.engine.dispose()
