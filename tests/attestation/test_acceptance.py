"""What acceptance refuses, keeps and flags, and acknowledges; each with the place where the sender resumes."""

from __future__ import annotations

import pytest
from attestation_helpers import (
    GATEWAY,
    GATEWAY_KEY,
    HOUR,
    MINUTE,
    ORG,
    OTHER_KEY,
    SITE,
    START,
    Gateway,
    Node,
    block,
    energy_block,
    profile,
    silent,
)

from attestation.acceptance import Outcome, record_beacon
from attestation.envelope import open_envelope
from attestation.flags import MAX_AHEAD_MS, MAX_LATE_MS
from attestation.frame import Beacon, EpochStart, Submission
from attestation.registration import rotation_payload
from core.database import transaction
from core.records import ClockQuality


def refusal(node: Node, submission: Submission) -> str:
    decision = node.one(submission)
    assert decision.outcome == Outcome.REFUSED
    assert decision.error is not None
    return decision.error.code


def test_frames_in_order_are_accepted_without_a_flag(node: Node, gateway: Gateway) -> None:
    frames = [gateway.frame(block(start=START + i * MINUTE, energy=10**6 + 600 * i)) for i in range(3)]
    decisions = node.put(*frames)
    assert [(d.outcome, d.index) for d in decisions] == [("accepted", 2), ("accepted", 3), ("accepted", 4)]
    assert node.flags() == set()


def test_the_same_frame_again_is_acknowledged_with_its_index(node: Node, gateway: Gateway) -> None:
    frame = gateway.frame(block())
    first = node.one(frame)
    again = node.put(frame, frame)
    assert {(d.outcome, d.index) for d in again} == {("duplicate", first.index)}
    assert len(node.entries) == 3


def test_the_same_frame_twice_in_one_batch_is_one_leaf(node: Node, gateway: Gateway) -> None:
    frame = gateway.frame(block())
    assert [(d.outcome, d.index) for d in node.put(frame, frame)] == [("accepted", 2), ("duplicate", 2)]


def test_a_duplicate_signed_again_is_still_one_leaf(node: Node, gateway: Gateway) -> None:
    """P-256 signatures differ each time: what was signed is the identity, not the signature."""
    from core.signatures import ESP256
    from core.signer import KeySigner
    key = KeySigner.generate(ESP256)
    node.register("device", "gw:two", "enrol", {"public_key": key.public_key.hex(), "site": SITE, "org": ORG})
    node.enrol("m:two", gateway="gw:two")
    other = Gateway(key, "gw:two")
    one, two = other.build(block("m:two")), other.build(block("m:two"))
    assert one.envelope != two.envelope
    assert [d.outcome for d in node.put(one, two)] == ["accepted", "duplicate"]


@pytest.mark.parametrize(("skip", "code"), [(1, "frame-sequence"), (2**32, "frame-sequence")])
def test_a_hole_in_the_sequence_is_refused_with_the_seq_expected(
        node: Node, gateway: Gateway, skip: int, code: str) -> None:
    node.one(gateway.frame(block()))
    gateway.seq += skip
    decision = node.one(gateway.frame(block(start=START + MINUTE)))
    assert decision.error is not None
    assert decision.error.code == code
    assert decision.error.detail["expected_epoch"] == "0"
    assert decision.error.detail["expected_seq"] == "1"
    assert decision.error.detail["head"] is not None


def test_the_first_frame_of_a_gateway_has_epoch_0_and_seq_0(node: Node, gateway: Gateway) -> None:
    gateway.epoch, gateway.prev = 1, EpochStart(bytes(32), "reset")
    decision = node.one(gateway.build(block()))
    assert decision.error is not None
    assert decision.error.code == "frame-epoch"
    assert (decision.error.detail["expected_epoch"], decision.error.detail["expected_seq"]) == ("0", "0")


def test_two_frames_reordered_are_refused_and_accepted_in_order(node: Node, gateway: Gateway) -> None:
    first, second = gateway.frame(block()), gateway.frame(block(start=START + MINUTE, energy=1_000_600))
    assert [d.outcome for d in node.put(second, first, second)] == ["refused", "accepted", "accepted"]


def test_another_prev_is_refused(node: Node, gateway: Gateway) -> None:
    node.one(gateway.frame(block()))
    gateway.prev = bytes(32)
    assert refusal(node, gateway.build(block(start=START + MINUTE))) == "frame-prev"


def test_seq_counts_on_past_two_to_the_32(node: Node, gateway: Gateway) -> None:
    node.one(gateway.frame(block()))
    with transaction(node.engine) as connection:
        connection.exec_driver_sql("UPDATE attestation_gateway SET seq = 4294967295")
    gateway.seq = 2**32
    decision = node.one(gateway.frame(block(start=START + MINUTE, energy=1_000_600)))
    assert decision.outcome == Outcome.ACCEPTED
    gateway.seq = 0
    with pytest.raises(Exception, match="frame-start"):
        node_frame(gateway)
    node.entries.clear()  # the chain was moved by hand: nothing follows from the entries here
    with transaction(node.engine) as connection:
        for table in ("frame", "block", "gateway", "rollup", "register", "flag", "registration"):
            connection.exec_driver_sql(f"DELETE FROM attestation_{table}")


def node_frame(gateway: Gateway) -> None:
    from attestation.frame import decode_frame
    decode_frame(open_envelope(gateway.build(block()).envelope).payload)


def test_seq_0_again_without_a_new_epoch_is_an_equivocation_or_refused(node: Node, gateway: Gateway) -> None:
    node.one(gateway.frame(block()))
    node.one(gateway.frame(block(start=START + MINUTE, energy=1_000_600)))
    reset = Gateway()
    assert node.one(reset.build(block(start=START + 2 * MINUTE))).outcome == Outcome.EQUIVOCATION


def test_a_new_epoch_must_name_the_head_before(node: Node, gateway: Gateway) -> None:
    node.one(gateway.frame(block()))
    head = gateway.head
    gateway.start_epoch("reset", bytes(32))
    assert refusal(node, gateway.build(block(start=START + MINUTE))) == "frame-head"
    gateway.prev = EpochStart(head, "reset")
    assert node.one(gateway.frame(block(start=START + MINUTE, energy=1_000_600))).outcome == Outcome.ACCEPTED


def test_an_old_epoch_after_its_closing_head_is_refused(node: Node, gateway: Gateway) -> None:
    node.one(gateway.frame(block()))
    left_behind = Gateway()
    left_behind.seq, left_behind.prev = 1, gateway.head
    gateway.start_epoch("firmware", gateway.head)
    node.one(gateway.frame(block(start=START + MINUTE, energy=1_000_600)))
    assert refusal(node, left_behind.build(block(start=START + 2 * MINUTE))) == "frame-epoch"


def test_a_lost_spool_is_admitted_and_noted(node: Node, gateway: Gateway) -> None:
    node.one(gateway.frame(block()))
    gateway.start_epoch("lost-spool", None)
    assert node.one(gateway.frame(block(start=START + MINUTE, energy=1_000_600))).outcome == Outcome.ACCEPTED
    assert node.codes() == {"declared-loss"}


def test_a_frame_of_another_log_is_refused(node: Node) -> None:
    assert refusal(node, Gateway(origin="carbonseal.example/other").build(block())) == "signature-invalid"


def test_a_frame_of_another_key_is_refused(node: Node) -> None:
    assert refusal(node, Gateway(OTHER_KEY).build(block())) == "key-unknown"


def test_a_gateway_nobody_enrolled_is_refused(node: Node) -> None:
    assert refusal(node, Gateway(GATEWAY_KEY, "gw:stranger").build(block())) == "gateway-unknown"


def test_a_meter_is_no_gateway(node: Node) -> None:
    assert refusal(node, Gateway(GATEWAY_KEY, "m:main").build(block())) == "gateway-unknown"


def test_a_frame_of_another_site_is_refused(node: Node, gateway: Gateway) -> None:
    gateway.site = "site:elsewhere"
    assert refusal(node, gateway.build(block())) == "frame-site"


def test_bytes_that_are_no_frame_are_refused(node: Node, gateway: Gateway) -> None:
    good = gateway.build(block())
    assert refusal(node, Submission(b"", good.blocks)) == "cbor-malformed"
    assert refusal(node, Submission(b"\x00" * 65_536, good.blocks)) == "envelope-too-large"
    assert refusal(node, Submission(good.envelope, ())) == "frame-blocks-count"
    assert refusal(node, Submission(node.entries[0], good.blocks)) == "frame-content-type"


def test_one_bad_frame_does_not_stop_the_batch(node: Node, gateway: Gateway) -> None:
    stranger = Gateway(OTHER_KEY).build(block())
    assert [d.outcome for d in node.put(stranger, gateway.frame(block()), stranger)] == [
        "refused", "accepted", "refused"]


@pytest.mark.parametrize(("ahead", "flags"), [(MAX_AHEAD_MS, set()), (MAX_AHEAD_MS + 1, {"clock-off"})])
def test_a_frame_from_the_future_is_kept_and_flagged(node: Node, gateway: Gateway, ahead: int, flags: set[str]) -> None:
    frame = gateway.frame(block())
    node.clock.instant = START + 59_000 - ahead
    assert node.one(frame).outcome == Outcome.ACCEPTED
    assert node.codes() == flags


@pytest.mark.parametrize(("age", "flags"), [(MAX_LATE_MS, set()), (MAX_LATE_MS + 1, {"late"})])
def test_a_frame_that_comes_too_late_is_kept_and_flagged(
        node: Node, gateway: Gateway, age: int, flags: set[str]) -> None:
    node.clock.instant = START + 59_000 + age
    assert node.one(gateway.frame(block())).outcome == Outcome.ACCEPTED
    assert node.codes() == flags


@pytest.mark.parametrize(("back", "flags"), [(0, {"clock-off"}), (1000, {"clock-off"}), (24 * HOUR, {"clock-off"}),
                                             (-1, set())])
def test_a_clock_that_goes_back_is_flagged(node: Node, gateway: Gateway, back: int, flags: set[str]) -> None:
    node.one(gateway.frame(block()))
    node.one(gateway.frame(block(start=START + 59_000 - back, energy=1_000_600)))
    assert node.codes() == flags


def test_a_clock_that_leapt_ahead_does_not_taint_the_frames_after(node: Node, gateway: Gateway) -> None:
    node.put(gateway.frame(block()), gateway.frame(block(start=START + 2 * HOUR, energy=1_000_600)),
             gateway.frame(block(start=START + MINUTE, energy=1_000_600)))
    assert node.flags() == {(3, "", "", "clock-off")}


@pytest.mark.parametrize("quality", [ClockQuality.UNKNOWN, ClockQuality.RELATIVE])
def test_a_clock_nobody_set_is_flagged(node: Node, gateway: Gateway, quality: ClockQuality) -> None:
    gateway.clock = quality
    node.one(gateway.frame(block()))
    assert node.codes() == {"clock-off"}


def test_an_unknown_beacon_counts_as_none_and_is_noted(node: Node, gateway: Gateway) -> None:
    gateway.beacon = Beacon(31337, 7, b"\x07" * 32)
    decision = node.one(gateway.frame(block()))
    assert node.codes() == {"beacon-unknown"}
    assert decision.assessment is not None
    assert decision.assessment.slices


def test_a_known_beacon_passes_and_one_of_a_fork_is_unknown(node: Node, gateway: Gateway) -> None:
    with transaction(node.engine) as connection:
        record_beacon(connection, 31337, 7, b"\x07" * 32, START - 1)
        record_beacon(connection, 31337, 7, b"\x08" * 32, START - 1)
    gateway.beacon = Beacon(31337, 7, b"\x07" * 32)
    node.one(gateway.frame(block()))
    assert node.codes() == set()
    gateway.beacon = Beacon(31337, 7, b"\x08" * 32)
    node.one(gateway.frame(block(start=START + MINUTE, energy=1_000_600)))
    assert node.codes() == {"beacon-unknown"}


@pytest.mark.parametrize(("after", "flags"), [(59_000, set()), (59_001, {"clock-off"})])
def test_a_frame_older_than_its_beacon_is_flagged(node: Node, gateway: Gateway, after: int, flags: set[str]) -> None:
    with transaction(node.engine) as connection:
        record_beacon(connection, 31337, 7, b"\x07" * 32, START + after)
    gateway.beacon = Beacon(31337, 7, b"\x07" * 32)
    node.one(gateway.frame(block()))
    assert node.codes() == flags


def test_a_meter_nobody_enrolled_is_kept_and_flagged_and_blocks_no_other(node: Node, gateway: Gateway) -> None:
    node.one(gateway.frame(block(), block("m:stranger")))
    assert node.flags() == {(2, "m:stranger", "", "meter-not-enrolled")}


def test_a_meter_that_another_gateway_carries_is_flagged(node: Node, gateway: Gateway) -> None:
    node.enrol("m:theirs", gateway="gw:other")
    node.one(gateway.frame(block(), block("m:theirs")))
    assert node.flags() == {(3, "m:theirs", "", "meter-elsewhere")}


def test_a_meter_the_frame_leaves_out_is_noted(node: Node, gateway: Gateway) -> None:
    node.enrol("m:second")
    node.one(gateway.frame(block()))
    quiet = silent("m:second", START + MINUTE, START + 2 * MINUTE)
    node.one(gateway.frame(block(start=START + MINUTE, energy=1_000_600), quiet))
    assert node.flags() == {(3, "m:second", "", "meter-missing")}


@pytest.mark.parametrize(("power", "flags"), [
    (1_200_000, set()), (1_200_001, {(2, "m:main", "power", "out-of-range")})])
def test_a_value_outside_the_profile_is_flagged_and_its_register_counts(
        node: Node, gateway: Gateway, power: int, flags: set[object]) -> None:
    decision = node.one(gateway.frame(block(power=power)))
    assert node.flags() == flags
    assert decision.assessment is not None
    assert sum(len(part.columns) for part in decision.assessment.slices) == 2 - len(flags)


def test_an_expired_calibration_is_flagged(node: Node, gateway: Gateway) -> None:
    from core.period import instant_text
    node.register("meter", "m:main", "profile", {"profile": profile(calibration_until=instant_text(START + 58_999))})
    node.one(gateway.frame(block()))
    assert node.codes() == {"calibration-expired"}


def test_a_scale_or_column_the_profile_does_not_have_is_flagged(node: Node, gateway: Gateway) -> None:
    scaled = block()
    scaled = scaled._replace(columns=(scaled.columns[0]._replace(scale=1),
                                      scaled.columns[1]._replace(quantity="heat")), registers=("heat",))
    node.one(gateway.frame(scaled))
    assert node.flags() == {(2, "m:main", "power", "scale-changed"), (2, "m:main", "heat", "column-unknown")}


def test_readings_of_a_faulty_meter_are_kept_and_not_counted(node: Node, gateway: Gateway) -> None:
    decision = node.one(gateway.frame(energy_block([10**6, 0, 10**6 + 5], quality=[0, 4, 0])))
    assert node.flags() == set()
    assert decision.assessment is not None
    assert [(part.readings, part.last_position.tolist()) for part in decision.assessment.slices] == [(2, [10**6 + 5])]


def test_the_old_key_ships_its_backlog_and_nothing_after_it(node: Node, gateway: Gateway) -> None:
    frames = [gateway.frame(block(start=START + i * MINUTE, energy=10**6 + 600 * i)) for i in range(2)]
    head = gateway.head
    beyond = gateway.build(block(start=START + 2 * MINUTE))
    node.put(frames[0])
    rotation = rotation_payload(GATEWAY_KEY, node.heads[GATEWAY], START, (0, 1, head), OTHER_KEY.public_key)
    node.register_payload("device", rotation)
    assert node.one(frames[1]).outcome == Outcome.ACCEPTED
    assert refusal(node, beyond) == "key-rotated"
    renewed = Gateway(OTHER_KEY)
    renewed.start_epoch("key", head)
    assert node.one(renewed.frame(block(start=START + 2 * MINUTE, energy=1_001_200))).outcome == Outcome.ACCEPTED


def test_a_stolen_old_key_cannot_replace_the_named_head(node: Node, gateway: Gateway) -> None:
    first = gateway.frame(block())
    rotation = rotation_payload(GATEWAY_KEY, node.heads[GATEWAY], START, (0, 0, gateway.head), OTHER_KEY.public_key)
    node.register_payload("device", rotation)
    assert refusal(node, Gateway().build(block(power=5))) == "key-rotated"
    assert node.one(first).outcome == Outcome.ACCEPTED


def test_the_new_key_does_not_sign_the_old_epoch(node: Node, gateway: Gateway) -> None:
    node.one(gateway.frame(block()))
    rotation = rotation_payload(GATEWAY_KEY, node.heads[GATEWAY], START, (0, 0, gateway.head), OTHER_KEY.public_key)
    node.register_payload("device", rotation)
    gateway.signer = OTHER_KEY
    assert refusal(node, gateway.build(block(start=START + MINUTE))) == "key-not-yet"


def test_a_revoked_key_signs_nothing_more_however_old_its_readings(node: Node, gateway: Gateway) -> None:
    before, after = gateway.frame(block()), gateway.frame(block(start=START + MINUTE, energy=1_000_600))
    assert node.one(before).outcome == Outcome.ACCEPTED
    node.register("device", GATEWAY, "revoke", {"reason": "stolen"}, START + 10 * MINUTE)
    assert refusal(node, after) == "key-revoked"
    assert node.one(before).outcome == Outcome.DUPLICATE
