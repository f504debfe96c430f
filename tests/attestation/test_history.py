"""Registrations, chained histories and what follows from them; the manifest over their heads; disputes."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from attestation_helpers import (
    GATEWAY,
    GATEWAY_KEY,
    HOUR,
    ORIGIN,
    OTHER_KEY,
    REGISTRAR,
    START,
    Gateway,
    Node,
    block,
    profile,
    wrapping_profile,
)
from history_helpers import CLAIM_POINT, DEVICE, PARTICIPANT, chain, rotated
from hypothesis import given
from hypothesis import strategies as st

from attestation import envelope, manifest, registration
from attestation.dispute import Dispute, dispute_payload, next_dispute, parse_dispute
from attestation.envelope import open_envelope, seal
from attestation.frame import Link
from attestation.history import (
    KeyGrant,
    as_of,
    carries,
    check_grant,
    claim_point_at,
    gateway_at,
    key_at,
    participant_at,
    participant_key,
    profile_at,
    profiles_digest,
    profiles_in,
    read_history,
    segment_at,
    segments,
    serial,
    source_notices,
)
from attestation.registration import parse_registration, registration_payload
from attestation.registry import disputes, history, judge_registration, registrations, subjects
from core import jcs
from core.errors import CarbonSealError, FormError
from core.period import instant_text


def test_a_key_is_valid_after_its_enrolment_and_not_before() -> None:
    known = read_history(chain("device", GATEWAY, ("enrol", DEVICE, START)))
    assert key_at(known, GATEWAY_KEY.kid, 11) == KeyGrant(GATEWAY_KEY.public_key, -1, None)
    for index in (0, 10):
        with pytest.raises(CarbonSealError, match="key-unknown"):
            key_at(known, GATEWAY_KEY.kid, index)
    with pytest.raises(CarbonSealError, match="key-unknown"):
        key_at(known, OTHER_KEY.kid, 11)


def test_a_revoked_key_is_valid_before_the_revocation_leaf_and_not_after() -> None:
    known = read_history(chain("device", GATEWAY, ("enrol", DEVICE, START), ("revoke", {"reason": "lost"}, START)))
    assert key_at(known, GATEWAY_KEY.kid, 20).until is None
    with pytest.raises(CarbonSealError, match="key-revoked"):
        key_at(known, GATEWAY_KEY.kid, 21)


def test_an_omitted_revocation_shows_in_the_head_of_the_history() -> None:
    items = chain("device", GATEWAY, ("enrol", DEVICE, START), ("revoke", {"reason": "lost"}, START))
    assert read_history(items).head != read_history(items[:1]).head


def test_a_rotation_admits_the_backlog_up_to_its_head() -> None:
    known = read_history(rotated())
    old, new = key_at(known, GATEWAY_KEY.kid, 21), key_at(known, OTHER_KEY.kid, 21)
    for link in (Link(0, 0, b""), Link(0, 4, b"any"), Link(0, 5, b"\x05" * 32)):
        check_grant(old, link)
    for link in (Link(0, 5, b"\x06" * 32), Link(0, 6, b""), Link(1, 0, b"")):
        with pytest.raises(CarbonSealError, match="key-rotated"):
            check_grant(old, link)
    check_grant(new, Link(1, 0, b""))
    with pytest.raises(CarbonSealError, match="key-not-yet"):
        check_grant(new, Link(0, 6, b""))


def test_a_rotation_before_any_frame_admits_none_of_the_old_key() -> None:
    old = key_at(read_history(rotated((0, None, None))), GATEWAY_KEY.kid, 21)
    with pytest.raises(CarbonSealError, match="key-rotated"):
        check_grant(old, Link(0, 0, b""))


def test_a_rotation_not_endorsed_by_the_old_key_is_refused() -> None:
    items = rotated()
    document = jcs.parse(items[1][1])
    document["endorsement"] = OTHER_KEY.sign(registration.endorsed_bytes(items[1][1])).hex()
    with pytest.raises(CarbonSealError, match="rotation-not-endorsed"):
        read_history([items[0], (20, jcs.canonical(document))])


def test_the_endorsement_covers_every_other_field() -> None:
    items = rotated()
    document = jcs.parse(items[1][1])
    document["last_seq"] = "6"
    with pytest.raises(CarbonSealError, match="rotation-not-endorsed"):
        read_history([items[0], (20, jcs.canonical(document))])


@pytest.mark.parametrize("events", [
    [("revoke", {"reason": "x"}, START)],
    [("enrol", DEVICE, START), ("enrol", DEVICE, START)],
])
def test_events_of_a_device_have_their_order(events: list[Any]) -> None:
    with pytest.raises(CarbonSealError, match="history-order"):
        read_history(chain("device", GATEWAY, *events))


def test_a_history_is_whole_from_its_start_and_chained() -> None:
    items = chain("meter", "m:a", *[("profile", {"profile": profile()}, START + i) for i in range(3)])
    assert len(read_history(items).entries) == 3
    for broken in (items[1:], [items[0], items[2]], [items[0], items[0]], []):
        with pytest.raises(CarbonSealError, match="history-"):
            read_history(broken)
    with pytest.raises(CarbonSealError, match="history-chain"):
        read_history([(10, items[0][1]), (10, items[1][1])])


def test_an_entry_is_not_older_than_the_one_before() -> None:
    items = chain("meter", "m:a", ("profile", {"profile": profile()}, START),
                  ("profile", {"profile": profile()}, START - 1))
    with pytest.raises(CarbonSealError, match="history-time"):
        read_history(items)


def test_the_middle_of_a_history_cannot_be_forged_with_both_ends_right() -> None:
    items = chain("meter", "m:a", *[("profile", {"profile": profile(capacity_w=str(i + 1))}, START) for i in range(3)])
    forged = jcs.parse(items[1][1])
    forged["profile"]["capacity_w"] = "99"
    with pytest.raises(CarbonSealError, match="history-chain"):
        read_history([items[0], (20, jcs.canonical(forged)), items[2]])


def test_the_profile_in_force_is_that_of_the_instant() -> None:
    known = read_history(chain("meter", "m:a", ("profile", {"profile": profile()}, START),
                               ("profile", {"profile": profile(capacity_w="7")}, START + 10)))
    assert profile_at(known, START - 1) is None
    assert [p.capacity_w for p in (profile_at(known, START + 9), profile_at(known, START + 10)) if p] == [10**6, 7]


def test_at_any_index_one_gateway_carries_a_meter() -> None:
    move = {"gateway": "gw:two", "registers": [{
        "quantity": "energy", "closing": {"position": "5", "time": instant_text(START + 1)},
        "opening": {"raw": "5", "time": instant_text(START + 1)}}]}
    known = read_history(chain("meter", "m:a", ("profile", {"profile": profile()}, START), ("move", move, START + 1)))
    assert [gateway_at(known, index) for index in (11, 20, 21)] == [GATEWAY, GATEWAY, "gw:two"]
    with pytest.raises(CarbonSealError, match="history-not-yet"):
        gateway_at(known, 10)
    assert [(carries(known, GATEWAY, index), carries(known, "gw:two", index)) for index in (10, 11, 20, 21)] == [
        (False, False), (True, False), (True, False), (False, True)]
    assert len(as_of(known, 20).entries) == 1


def test_serial_numbers_run_on_over_a_swap_and_a_ratio() -> None:
    def change(raw: int, position: int, at: int, **more: Any) -> dict[str, Any]:
        return {"registers": [{"quantity": "energy", "closing": {"position": str(position), "time": instant_text(at)},
                               "opening": {"raw": str(raw), "time": instant_text(at)}}]} | more
    known = read_history(chain(
        "meter", "m:a", ("profile", {"profile": profile()}, START),
        ("swap", change(3, 500, START + 10, profile=None), START + 10),
        ("ratio", change(9, 560, START + 20, ratio="40"), START + 20),
        ("roll-over", change(0, 1000, START + 30), START + 30)))
    parts = segments(known, "energy")
    assert [serial(segment_at(parts, START + at), raw) for at, raw in ((9, 450), (10, 3), (20, 9), (25, 10), (31, 1))
            ] == [450, 500, 560, 600, 1040]
    with pytest.raises(CarbonSealError, match="register-not-yet"):
        segment_at(parts, START - 1)
    with pytest.raises(CarbonSealError, match="register-unknown"):
        segments(known, "heat")


def test_every_register_is_closed_and_opened_at_once() -> None:
    event = ("swap", {"profile": None, "registers": [{
        "quantity": "heat", "closing": {"position": "5", "time": instant_text(START)},
        "opening": {"raw": "5", "time": instant_text(START)}}]}, START)
    with pytest.raises(CarbonSealError, match="registers-incomplete"):
        read_history(chain("meter", "m:a", ("profile", {"profile": profile()}, START), event))


@given(st.integers(1, 8), st.lists(st.integers(0, 10**7), min_size=1, max_size=20))
def test_unwrapping_restores_any_register_that_gains_less_than_a_turn(width: int, gains: list[int]) -> None:
    known = read_history(chain("meter", "m:a", ("profile", {"profile": wrapping_profile(width)}, START)))
    (segment,) = segments(known, "energy")
    true, floor = 0, 0
    for gain in gains:
        true += gain % 10**width
        floor = serial(segment, true % 10**width, floor)
        assert floor == true


@pytest.mark.parametrize(("unit", "scale", "ratio"), [
    ("Wh", "0", 1), ("kWh", "0", 1000), ("kWh", "-2", 10), ("kWh", "-3", 1), ("MWh", "1", 10**7), ("GJ", "0", 10**9)])
def test_one_count_is_a_whole_number_of_base_units(unit: str, scale: str, ratio: int) -> None:
    column = {"quantity": "energy", "unit": unit, "scale": scale, "kind": "register", "width": None, "min": "0",
              "max": "9999"}
    known = read_history(chain("meter", "m:a", ("profile", {"profile": profile(columns=[column])}, START)))
    assert segments(known, "energy")[0].ratio == ratio


@pytest.mark.parametrize(("changes", "message"), [
    ({"unit": "kWh", "scale": "-4"}, "whole number"), ({"unit": "W"}, "unit of registers"),
    ({"width": "3", "max": "1000"}, "fits its width"), ({"min": "-1"}, "from 0"),
    ({"min": "5", "max": "4"}, "min above"),
    ({"scale": "13"}, "scale"), ({"width": "0"}, "zero"), ({"width": "19"}, "18 digits"), ({"max": "1e3"}, "canonical"),
    ({"max": "1.5"}, "integer"), ({"kind": "meter"}, "one of")])
def test_a_column_that_cannot_be_counted_is_refused(changes: dict[str, Any], message: str) -> None:
    column = {"quantity": "energy", "unit": "Wh", "scale": "0", "kind": "register", "width": None, "min": "0",
              "max": "9999"} | changes
    with pytest.raises(CarbonSealError, match=message):
        registration_payload("meter", "m:a", "profile", START, {"profile": profile(columns=[column])})


@pytest.mark.parametrize(("edit", "code"), [
    ({"schema": "carbonseal-registration/2"}, "registration-malformed"), ({"type": "gadget"}, "registration-malformed"),
    ({"event": "dance"}, "registration-malformed"), ({"extra": "1"}, "registration-malformed"),
    ({"prev": "00" * 32}, "registration-malformed"), ({"seq": "01"}, "number-not-canonical"),
    ({"seq": 0}, "number-not-canonical"), ({"subject": "GW:One"}, "id-malformed"),
    ({"time": "2025"}, "instant-malformed"),
    ({"public_key": "00"}, "key-malformed"), ({"public_key": GATEWAY_KEY.public_key.hex().upper()}, "hex-malformed"),
    ({"org": None}, "id-malformed")])
def test_a_registration_has_exactly_its_fields(edit: dict[str, Any], code: str) -> None:
    document = jcs.parse(registration_payload("device", GATEWAY, "enrol", START, DEVICE)) | edit
    with pytest.raises(CarbonSealError) as caught:
        parse_registration(jcs.canonical(document))
    assert caught.value.code == code


def test_zero_false_null_and_empty_are_four_different_registrations() -> None:
    accepted = registration_payload("participant", "org:v", "register", START, PARTICIPANT)
    assert parse_registration(accepted).fields["group"] is None
    for value in (0, False, "", "0"):
        document = jcs.parse(accepted) | {"group": value}
        assert jcs.canonical(document) != accepted
        if value != "0":
            with pytest.raises(CarbonSealError):
                parse_registration(jcs.canonical(document))


def test_text_has_one_unicode_form() -> None:
    name = {"zh": "苏证核查", "en": "Cafe\u0301"}
    with pytest.raises(CarbonSealError, match="NFC"):
        registration_payload("participant", "org:v", "register", START, PARTICIPANT | {"name": name})


def test_json_that_is_not_canonical_is_refused() -> None:
    payload = registration_payload("device", GATEWAY, "enrol", START, DEVICE)
    for bad in (payload + b" ", b"\xef\xbb\xbf" + payload, payload.replace(b'"seq":"0"', b'"seq":"\\u0030"'),
                payload.replace(b'"seq":"0"', b'"seq":1e2'), payload.replace(b'"seq":"0"', b'"seq":"0","seq":"0"'),
                payload.replace(b'"seq":"0"', b'"seq":-0'), payload.replace(b'"seq":"0"', b'"seq":9007199254740993')):
        with pytest.raises(CarbonSealError, match="json-"):
            parse_registration(bad)


@given(st.binary(max_size=100) | st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
).map(jcs.canonical))
def test_no_exception_but_ours_leaves_the_document_parsers(data: bytes) -> None:
    for parse in (parse_registration, parse_dispute, manifest.parse_manifest):
        with pytest.raises(CarbonSealError):
            parse(data)


@given(st.sampled_from(["device", "claim-point", "participant", "meter"]), st.data())
def test_no_exception_but_ours_leaves_a_registration_with_a_foreign_value(kind: str, data: Any) -> None:
    subject, event, fields = {"device": (GATEWAY, "enrol", DEVICE), "meter": ("m:a", "profile", {"profile": profile()}),
                              "claim-point": ("cp:a", "open", CLAIM_POINT),
                              "participant": ("org:v", "register", PARTICIPANT)}[kind]
    document = jcs.parse(registration_payload(kind, subject, event, START, fields))
    name = data.draw(st.sampled_from(sorted(document)))
    document[name] = data.draw(st.none() | st.integers(-5, 5) | st.text(max_size=3) | st.lists(st.integers(0, 3))
                               | st.dictionaries(st.text(max_size=2), st.integers(0, 3), max_size=2))
    with suppress(CarbonSealError):
        assert parse_registration(jcs.canonical(document)).payload == jcs.canonical(document)


def test_a_participants_key_is_valid_for_its_use_and_time() -> None:
    known = read_history(chain("participant", "org:v", ("register", PARTICIPANT, START)))
    found = participant_at(known, 11)
    assert found.roles == frozenset({"verifier"})
    assert participant_key(found, OTHER_KEY.kid, "opinion", START) == OTHER_KEY.public_key
    for kid, use, instant, code in (
            (OTHER_KEY.kid, "statement", START, "key-unknown"), (GATEWAY_KEY.kid, "opinion", START, "key-unknown"),
            (OTHER_KEY.kid, "opinion", START - 1, "participant-not-valid"),
            (OTHER_KEY.kid, "opinion", START + HOUR, "participant-not-valid")):
        with pytest.raises(CarbonSealError, match=code):
            participant_key(found, kid, use, instant)


def test_a_revoked_participant_was_valid_before_and_is_not_after() -> None:
    known = read_history(chain("participant", "org:v", ("register", PARTICIPANT, START),
                               ("update", PARTICIPANT | {"valid_until": None}, START),
                               ("revoke", {"reason": "struck off"}, START)))
    assert participant_at(known, 30).valid_until is None
    with pytest.raises(CarbonSealError, match="participant-revoked"):
        participant_at(known, 31)


def test_a_claim_point_opens_once_and_closes_at_a_position() -> None:
    known = read_history(chain("claim-point", "cp:pv", ("open", CLAIM_POINT, START),
                               ("close", {"closing": "5000", "reason": "moved"}, START)))
    assert (claim_point_at(known, 11).opening, claim_point_at(known, 11).closing) == (1000, None)
    assert claim_point_at(known, 21).closing == 5000
    assert claim_point_at(known, 11).first_reading.as_json() == CLAIM_POINT["first_reading"]
    with pytest.raises(CarbonSealError, match="history-order"):
        read_history(chain("claim-point", "cp:pv", ("open", CLAIM_POINT, START), ("open", CLAIM_POINT, START)))


def test_the_profiles_digest_does_not_depend_on_order() -> None:
    heads = {"m:b": b"\x02" * 32, "m:a": b"\x01" * 32}
    assert profiles_digest(heads) == profiles_digest(dict(sorted(heads.items())))
    assert profiles_digest(heads) != profiles_digest({"m:a": b"\x02" * 32, "m:b": b"\x01" * 32})


def test_registrations_come_from_a_registrar_in_order(node: Node) -> None:
    payload = registration_payload("meter", "m:new", "profile", START, {"profile": profile()})
    again = registration_payload("meter", "m:main", "profile", START, {"profile": profile()})
    with node.connection() as connection:
        for signer, kind, data, code in (
                (OTHER_KEY, envelope.METER, payload, "registrar-unknown"),
                (REGISTRAR, envelope.DEVICE, payload, "registration-malformed"),
                (REGISTRAR, envelope.FRAME, payload, "registration-content-type"),
                (REGISTRAR, envelope.METER, again, "history-chain")):
            with pytest.raises(CarbonSealError, match=code):
                judge_registration(connection, seal(signer, kind, data, ORIGIN), ORIGIN, [REGISTRAR.public_key], 9)
        with pytest.raises(CarbonSealError, match="signature-invalid"):
            judge_registration(connection, seal(REGISTRAR, envelope.METER, payload, "other/log"), ORIGIN,
                               [REGISTRAR.public_key], 9)
        assert subjects(connection, "meter") == ["m:main"]
        assert registrations(connection) == 2
        assert history(connection, "m:main").head == node.heads["m:main"].digest
        with pytest.raises(CarbonSealError, match="subject-unknown"):
            history(connection, "m:new")


def test_a_refused_registration_says_what_is_expected(node: Node) -> None:
    again = registration_payload("meter", "m:main", "profile", START, {"profile": profile()})
    with node.connection() as connection, pytest.raises(CarbonSealError) as caught:
        judge_registration(connection, seal(REGISTRAR, envelope.METER, again, ORIGIN), ORIGIN,
                           [REGISTRAR.public_key], 9)
    assert caught.value.detail == {"expected_seq": "1", "expected_prev": node.heads["m:main"].digest.hex()}


def test_disputes_chain() -> None:
    first = Dispute("gw:a", 0, None, 1, 2, (b"\x01" * 32, b"\x02" * 32), (3, 4), START)
    payload = dispute_payload(first)
    assert parse_dispute(payload) == first
    second = next_dispute(payload, first)
    assert second.seq == 1
    assert parse_dispute(dispute_payload(second)) == second
    with pytest.raises(CarbonSealError, match="dispute-malformed"):
        parse_dispute(dispute_payload(first._replace(leaves=(b"\x01" * 32, b"\x01" * 32))))


def test_the_manifest_has_a_row_for_every_history(node: Node, gateway: Gateway) -> None:
    node.put(gateway.frame(block()), gateway.frame(block(start=START + 60_000, energy=1_000_600)))
    liar = Gateway()
    node.put(liar.build(block(power=1)))
    statement = jcs.canonical({"exclusivity_key": "ab" * 32})
    node.entries.append(seal(node.signer, envelope.STATEMENT, statement, ORIGIN))
    rows = manifest.fold(node.entries)
    assert [(row.subject, row.entries) for row in rows] == [
        ("dispute:" + GATEWAY, 1), ("frames/" + GATEWAY, 2), (GATEWAY, 1), ("m:main", 1), ("statement/" + "ab" * 32, 1)]
    assert rows[1].head == gateway.head
    with node.connection() as connection:
        assert [payload for _, payload in disputes(connection, GATEWAY)] == [open_envelope(node.entries[5]).payload]
    payload = manifest.manifest_payload(ORIGIN, len(node.entries), START, rows)
    stated = manifest.parse_manifest(payload)
    manifest.check_rows(stated, rows)
    for row in rows:
        position, path = manifest.prove_row(rows, row.subject)
        manifest.verify_row(stated, row, position, path)
        with pytest.raises(CarbonSealError, match="inclusion-root"):
            manifest.verify_row(stated, row._replace(entries=9), position, path)
    with pytest.raises(CarbonSealError, match="manifest-row"):
        manifest.prove_row(rows, "m:none")


def test_a_manifest_that_leaves_something_out_is_caught(node: Node, gateway: Gateway) -> None:
    node.put(gateway.frame(block()))
    rows = manifest.fold(node.entries)
    for short in (rows[:-1], rows[1:], [*rows[:-1], rows[-1]._replace(head=bytes(32))]):
        stated = manifest.parse_manifest(manifest.manifest_payload(ORIGIN, 3, START, short))
        with pytest.raises(CarbonSealError, match="manifest-mismatch"):
            manifest.check_rows(stated, rows)


def test_an_entry_that_names_no_subject_has_no_place_in_a_manifest() -> None:
    with pytest.raises(CarbonSealError, match="manifest-entry"):
        manifest.fold([seal(REGISTRAR, envelope.METER, jcs.canonical({"subject": 5}), ORIGIN)])


@pytest.mark.parametrize(("origin", "said"), [
    ("metered", set()), ("interpolated", {"interpolated-source"}), ("simulated", {"simulated-source"})])
def test_a_source_that_is_not_metered_is_said_aloud(origin: str, said: set[str]) -> None:
    known = read_history(chain("meter", "m:a", ("profile", {"profile": profile(origin=origin)}, START)))
    assert source_notices(known, START, START + 1) == said
    assert source_notices(known, START + HOUR, START + 2 * HOUR) == said


@pytest.mark.parametrize(("start", "end", "said"), [
    (0, 10, {"simulated-source"}), (0, 11, {"simulated-source", "interpolated-source"}),
    (9, 12, {"simulated-source", "interpolated-source"}), (10, 12, {"interpolated-source"}),
    (10, 20, {"interpolated-source"}), (19, 21, {"interpolated-source"}), (20, 30, set()), (-5, 0, set())])
def test_every_profile_in_force_in_the_span_speaks_and_no_other(start: int, end: int, said: set[str]) -> None:
    known = read_history(chain("meter", "m:a", *[
        ("profile", {"profile": profile(origin=origin)}, START + at)
        for at, origin in ((0, "simulated"), (10, "interpolated"), (20, "metered"))]))
    assert source_notices(known, START + start, START + end) == said


@pytest.mark.parametrize(("start", "end", "classes"), [
    (-5, -1, []), (-5, 0, ["1"]), (0, 9, ["1"]), (0, 10, ["1", "0.5S"]), (10, 19, ["0.5S"]),
    (9, 20, ["1", "0.5S", "2"]), (20, 30, ["2"])])
def test_the_profiles_of_a_span_are_those_in_force_at_some_instant_of_it(start: int, end: int,
                                                                         classes: list[str]) -> None:
    known = read_history(chain("meter", "m:a", *[
        ("profile", {"profile": profile(accuracy_class=text)}, START + at)
        for at, text in ((0, "1"), (10, "0.5S"), (20, "2"))]))
    assert [found.accuracy_class for found in profiles_in(known, START + start, START + end)] == classes


@pytest.mark.parametrize("origin", ["real", "Metered", "", None, ["metered"]])
def test_a_profile_says_where_its_values_come_from(origin: Any) -> None:
    with pytest.raises(FormError, match="registration-malformed"):
        registration_payload("meter", "m:a", "profile", START, {"profile": profile(origin=origin)})
    nameless = {name: value for name, value in profile().items() if name != "origin"}
    with pytest.raises(FormError, match="registration-malformed"):
        registration_payload("meter", "m:a", "profile", START, {"profile": nameless})
