"""Envelopes, disputes and manifests: one form each, and a proof for every row of a manifest and for nothing else."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from attestation_helpers import GATEWAY, GATEWAY_KEY, ORIGIN, OTHER_KEY, REGISTRAR, START, Gateway, block
from history_helpers import DEVICE
from hypothesis import given, settings
from hypothesis import strategies as st

from attestation import envelope
from attestation.dispute import Dispute, dispute_payload, history_of, next_dispute, parse_dispute
from attestation.envelope import MAX_ENVELOPE_BYTES, MAX_ORIGIN_BYTES, open_envelope, seal, verify_envelope
from attestation.manifest import (
    ManifestFold,
    Row,
    check_rows,
    fold,
    manifest_payload,
    parse_manifest,
    prove_row,
    verify_row,
)
from attestation.registration import parse_registration, registration_payload
from core import cbor, jcs
from core.errors import CarbonSealError, FormError
from core.merkle import EMPTY_ROOT
from core.signer import KeySigner

STATEMENT = b'{"exclusivity_key":"00"}'
SEALED = seal(GATEWAY_KEY, envelope.STATEMENT, STATEMENT, ORIGIN)
HEADER: dict[Any, Any] = cbor.decode(cbor.decode(SEALED, maps=True)[0], maps=True)


def opened(protected: Any, **parts: Any) -> str:
    """"ok", or the code under which an envelope with this protected header is refused."""
    data = cbor.decode(SEALED, maps=True)
    data[0] = cbor.encode_checked(protected, maps=True) if not isinstance(protected, bytes) else protected
    for name, value in parts.items():
        data[int(name[1:])] = value
    try:
        open_envelope(cbor.encode_checked(data, maps=True))
    except CarbonSealError as error:
        return error.code
    return "ok"


@pytest.mark.parametrize(("changes", "code"), [
    ({}, "ok"), ({1: -9}, "ok"), ({1: -8}, "envelope-algorithm"), ({1: -7}, "envelope-algorithm"),
    ({1: None}, "envelope-algorithm"), ({1: "EdDSA"}, "envelope-algorithm"), ({1: b""}, "envelope-algorithm"),
    ({3: "application/json"}, "envelope-content-type"), ({3: ""}, "envelope-content-type"),
    ({3: 60}, "envelope-content-type"), ({3: None}, "envelope-content-type"), ({3: []}, "envelope-content-type"),
    ({3: envelope.FRAME}, "ok"), ({3: envelope.FRAME.upper()}, "envelope-content-type"),
    ({4: bytes(31)}, "envelope-malformed"), ({4: bytes(33)}, "envelope-malformed"), ({4: bytes(32)}, "ok"),
    ({4: "0" * 32}, "envelope-malformed"), ({4: None}, "envelope-malformed"), ({5: 1}, "envelope-malformed"),
    ({2: []}, "envelope-malformed"), ({-1: 1}, "envelope-malformed")])
def test_a_protected_header_has_an_algorithm_a_content_type_and_a_key(changes: dict[int, Any], code: str) -> None:
    assert opened({**HEADER, **changes}) == code


@pytest.mark.parametrize("name", [1, 3, 4])
def test_a_protected_header_lacks_none_of_the_three(name: int) -> None:
    assert opened({key: value for key, value in HEADER.items() if key != name}) == "envelope-malformed"


@pytest.mark.parametrize("protected", [b"", b"\xa0", b"\x80", b"\xff", [1, 3, 4], None, 5, "x", bytes(161)])
def test_a_protected_header_is_a_map_in_its_one_encoding(protected: Any) -> None:
    assert opened(protected) in ("envelope-malformed", "cbor-malformed", "cbor-not-canonical", "cbor-too-large")


@pytest.mark.parametrize(("parts", "code"), [
    ({"_1": {}}, "ok"), ({"_1": {4: b""}}, "envelope-malformed"), ({"_1": None}, "envelope-malformed"),
    ({"_2": b""}, "ok"), ({"_2": None}, "envelope-malformed"), ({"_2": "text"}, "envelope-malformed"),
    ({"_3": bytes(64)}, "ok"), ({"_3": bytes(63)}, "envelope-malformed"), ({"_3": "s" * 64}, "envelope-malformed"),
    ({"_0": "text"}, "envelope-malformed"), ({"_0": None}, "envelope-malformed"),
    ({"_0": HEADER}, "envelope-malformed")])
def test_an_envelope_has_four_parts_of_their_types(parts: dict[str, Any], code: str) -> None:
    """A detached payload, a nested header, an unprotected one: other profiles have them, this one does not."""
    assert opened(HEADER, **parts) == code


@pytest.mark.parametrize("items", [0, 1, 3, 5])
def test_an_envelope_has_exactly_four_parts(items: int) -> None:
    data = [*cbor.decode(SEALED, maps=True), b""][:items]
    with pytest.raises(FormError, match="envelope-malformed"):
        open_envelope(cbor.encode_checked(data, maps=True))
    with pytest.raises(FormError):
        open_envelope(cbor.encode_checked({0: SEALED}, maps=True))


@pytest.mark.parametrize(("length", "accepted"), [
    (1, True), (MAX_ORIGIN_BYTES, True), (0, False), (MAX_ORIGIN_BYTES + 1, False)])
def test_an_origin_has_1_to_255_bytes(length: int, accepted: bool) -> None:
    if accepted:
        sealed = seal(GATEWAY_KEY, envelope.STATEMENT, STATEMENT, "o" * length)
        verify_envelope(open_envelope(sealed), "o" * length, GATEWAY_KEY.public_key)
    else:
        with pytest.raises(FormError, match="origin-malformed"):
            seal(GATEWAY_KEY, envelope.STATEMENT, STATEMENT, "o" * length)


def test_an_origin_is_measured_in_bytes() -> None:
    seal(GATEWAY_KEY, envelope.STATEMENT, STATEMENT, "碳" * 85)
    with pytest.raises(FormError, match="origin-malformed"):
        seal(GATEWAY_KEY, envelope.STATEMENT, STATEMENT, "碳" * 86)


@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=200), st.sampled_from(sorted(envelope.CONTENT_TYPES)), st.sampled_from(["a", "碳.example/1"]))
def test_what_is_sealed_is_opened_and_holds_for_its_type_log_and_key_alone(
        payload: bytes, content_type: str, origin: str) -> None:
    found = open_envelope(seal(GATEWAY_KEY, content_type, payload, origin))
    assert (found.content_type, found.payload, found.kid) == (content_type, payload, GATEWAY_KEY.kid)
    verify_envelope(found, origin, GATEWAY_KEY.public_key)
    others = [found._replace(payload=payload + b"x"), found._replace(signature=bytes(64)),
              *[found._replace(content_type=other) for other in envelope.CONTENT_TYPES - {content_type}]]
    for other in others:
        with pytest.raises(CarbonSealError):
            verify_envelope(other, origin, GATEWAY_KEY.public_key)
    for key, name in ((OTHER_KEY.public_key, origin), (GATEWAY_KEY.public_key, origin + "/")):
        with pytest.raises(CarbonSealError):
            verify_envelope(found, name, key)


def test_an_envelope_is_cut_off_at_the_length_of_a_log_entry() -> None:
    room = MAX_ENVELOPE_BYTES - len(SEALED) + len(STATEMENT)
    largest = max(size for size in range(room - 8, room + 8) if _sealed(size))
    assert len(seal(GATEWAY_KEY, envelope.STATEMENT, bytes(largest), ORIGIN)) == MAX_ENVELOPE_BYTES
    assert not _sealed(largest + 1)


def _sealed(size: int) -> bool:
    try:
        open_envelope(seal(GATEWAY_KEY, envelope.STATEMENT, bytes(size), ORIGIN))
    except FormError as error:
        return error.code != "envelope-too-large"
    return True


# disputes

@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=6))
def test_disputes_of_a_gateway_chain_whatever_place_they_are_about(places: list[tuple[int, int]]) -> None:
    last: bytes | None = None
    read = []
    for number, (epoch, seq) in enumerate(places):
        drafted = Dispute(GATEWAY, 99, b"\x09" * 32, epoch, seq, (bytes(32), b"\x01" * 32), (number, number + 1), START)
        last = dispute_payload(next_dispute(last, drafted))
        read.append(parse_dispute(last))
    assert [each.seq for each in read] == list(range(len(places)))
    assert read[0].prev is None
    assert all(two.prev == open_envelope(seal(REGISTRAR, envelope.DISPUTE, dispute_payload(one), ORIGIN)).digest
               for one, two in pairwise(read))
    assert [(each.epoch, each.seq_frame) for each in read] == places


# manifests

def entries_of(steps: list[str]) -> list[bytes]:
    """Log entries: frames, a liar's frames, histories of two meters, statements of two keys, disputes, others."""
    gateway, liar, found = Gateway(), Gateway(), []
    last: dict[str, Any] = {}
    dispute: bytes | None = None
    for number, step in enumerate(steps):
        if step == "frame":
            found.append(gateway.frame(block(start=START + 60_000 * gateway.seq)).envelope)
        elif step == "liar":
            found.append(liar.build(block(power=number)).envelope)
        elif step in ("gw:a", "gw:b"):
            payload = registration_payload("device", step, "revoke" if step in last else "enrol", START,
                                           {"reason": "x"} if step in last else DEVICE, last.get(step))
            last[step] = parse_registration(payload)
            found.append(seal(REGISTRAR, envelope.DEVICE, payload, ORIGIN))
        elif step in ("00", "01"):
            found.append(seal(GATEWAY_KEY, envelope.STATEMENT, jcs.canonical(
                {"exclusivity_key": step, "n": str(number)}), ORIGIN))
        elif step == "dispute":
            dispute = dispute_payload(next_dispute(dispute, Dispute(
                GATEWAY, 0, None, 0, 0, (bytes(32), b"\x01" * 32), (0, 1), START)))
            found.append(seal(REGISTRAR, envelope.DISPUTE, dispute, ORIGIN))
        else:
            found.append(seal(GATEWAY_KEY, envelope.AUDIT, b"{}", ORIGIN))
    return found


STEPS = st.lists(st.sampled_from(["frame", "frame", "liar", "gw:a", "gw:b", "00", "01", "dispute", "audit"]),
                 max_size=14)


@settings(max_examples=40, deadline=None)
@given(STEPS, st.data())
def test_folding_in_any_parts_gives_the_same_rows(steps: list[str], data: st.DataObject) -> None:
    entries = entries_of(steps)
    cut = data.draw(st.integers(0, len(entries)))
    first = ManifestFold()
    for entry in entries[:cut]:
        first.add(entry)
    resumed = ManifestFold(first.size, first.rows(), first.places)
    for entry in entries[cut:]:
        resumed.add(entry)
    assert resumed.rows() == fold(entries)
    assert resumed.size == len(entries)
    names = [row.subject.encode() for row in resumed.rows()]
    assert names == sorted(set(names))
    changed = {row.subject for row in resumed.changed()}
    assert changed == {row.subject for row in resumed.rows() if row not in first.rows()}


@settings(max_examples=40, deadline=None)
@given(STEPS)
def test_a_row_counts_its_entries_and_names_the_newest(steps: list[str]) -> None:
    entries = entries_of(steps)
    rows = {row.subject: row for row in fold(entries)}
    for key in ("00", "01"):
        own = [open_envelope(entry).digest for step, entry in zip(steps, entries, strict=True) if step == key]
        assert (f"statement/{key}" in rows) is bool(own)
        if own:
            assert rows[f"statement/{key}"][1:] == (own[-1], len(own))
    frames = rows.get(f"frames/{GATEWAY}")
    assert (frames is not None) is bool({"frame", "liar"} & set(steps))
    # Of what the liar signs for the first place only that counts which came before any honest frame, and once.
    honest = steps.count("frame")
    first = next((step for step in steps if step in ("frame", "liar")), None)
    if frames is not None:
        assert frames.entries == honest + (first == "liar") - (first == "liar" and honest > 0)
    assert (history_of(GATEWAY) in rows) is ("dispute" in steps)


@settings(max_examples=40, deadline=None)
@given(STEPS.filter(bool), st.data())
def test_every_row_is_proven_and_nothing_else_is(steps: list[str], data: st.DataObject) -> None:
    rows = fold(entries_of(steps))
    stated = parse_manifest(manifest_payload(ORIGIN, len(steps), START, rows))
    check_rows(stated, rows)
    assert (stated.rows, stated.size, stated.time, stated.origin) == (len(rows), len(steps), START, ORIGIN)
    for at, row in enumerate(rows):
        position, path = prove_row(rows, row.subject)
        verify_row(stated, row, position, path)
        assert position == at
        forged = [row._replace(entries=row.entries + 1), row._replace(subject=row.subject + "x"),
                  row._replace(head=bytes(32)), *[other for other in rows if other != row]]
        for other in forged:
            with pytest.raises(CarbonSealError):
                verify_row(stated, other, position, path)
        if path:
            broken = list(path)
            level = data.draw(st.integers(0, len(path) - 1))
            broken[level] = bytes([broken[level][0] ^ 1]) + broken[level][1:]
            for other_path in (broken, path[:-1], [*path, bytes(32)]):
                with pytest.raises(CarbonSealError):
                    verify_row(stated, row, position, other_path)
            with pytest.raises(CarbonSealError):
                verify_row(stated, row, position ^ 1, path)
    for other_rows in ([*rows, Row("x:new", bytes(32), 1)], *[rows[:at] + rows[at + 1:] for at in range(len(rows))]):
        with pytest.raises(CarbonSealError, match="manifest-mismatch"):
            check_rows(stated, other_rows)


def test_the_manifest_of_nothing_has_the_root_of_nothing() -> None:
    stated = parse_manifest(manifest_payload(ORIGIN, 0, START, []))
    assert (stated.rows, stated.root) == (0, EMPTY_ROOT)
    check_rows(stated, [])


@pytest.mark.parametrize("changes", [
    {"schema": "carbonseal-manifest/2"}, {"origin": 5}, {"origin": None}, {"size": 3}, {"size": "03"}, {"size": "-1"},
    {"rows": None}, {"rows": "x"}, {"root": "00"}, {"root": "AB" * 32}, {"time": "now"}, {"time": None}, {"more": "1"}])
def test_a_manifest_has_exactly_its_form(changes: dict[str, Any]) -> None:
    document: Any = jcs.parse(manifest_payload(ORIGIN, 3, START, []), limit=9999)
    parse_manifest(jcs.canonical(document))
    with pytest.raises(FormError):
        parse_manifest(jcs.canonical({**document, **changes}))
    for name in document:
        with pytest.raises(FormError):
            parse_manifest(jcs.canonical({key: value for key, value in document.items() if key != name}))


@pytest.mark.parametrize("payload", [b"[]", b"null", b'"x"', b"7", b"{}"])
def test_what_is_no_object_of_its_schema_is_no_document(payload: bytes) -> None:
    for parse in (parse_manifest, parse_dispute, parse_registration):
        with pytest.raises(FormError):
            parse(payload)
    for content_type in (envelope.METER, envelope.STATEMENT, envelope.DISPUTE):
        with pytest.raises(FormError, match="manifest-entry"):
            fold([seal(KeySigner.from_seed(bytes(32)), content_type, payload, ORIGIN)])
