"""Keys rotate, gateways restart, spools get lost, meters move: all of it declared, or the file is refused."""

from __future__ import annotations

from typing import Any

import pytest
from verify_moves import SECOND, Moving, TwiceMoved
from verify_world import (
    FRAME,
    GATEWAY,
    MAIN,
    PERIOD,
    PV,
    START,
    Lies,
    World,
    signer,
)

from attestation import envelope
from attestation.carriers import Carrier
from attestation.frame import FIRMWARE, KEY, LOST_SPOOL, EpochStart
from attestation.registration import endorsed_bytes, registration_payload
from verify.report import Report
from verify.verifier import verify

BREAK = 5


def checked(made: World, level: str = "full") -> Report:
    return verify(made.file(level), made.trust())


class Restarted(World):
    """A gateway that begins epoch 1 at position 5."""

    reason = FIRMWARE
    head_known = True

    def where(self, position: int) -> tuple[int, int]:
        return (0, position) if position < BREAK else (1, position - BREAK)

    def ends(self) -> list[int]:
        return [BREAK - 1, *super().ends()]

    def _frame(self, seq: int) -> None:
        if seq == BREAK and isinstance(self.prev, bytes):
            self.before_restart(self.prev)
            self.prev = EpochStart(self.prev if self.head_known else bytes(32), self.reason)
        super()._frame(seq)

    def before_restart(self, head: bytes) -> None:
        """What happens between the epochs."""


def test_a_declared_restart_continues_the_chain() -> None:
    made = Restarted()
    report = checked(made)
    assert report.valid, report.as_text("en")
    assert "declared-loss" not in report.notices


def test_a_restart_that_names_another_head_breaks_the_chain() -> None:
    class Broken(Restarted):
        head_known = False
    report = checked(Broken())
    assert report.steps[5].code == "frame-chain-broken"


def test_the_end_of_an_epoch_needs_its_own_proof() -> None:
    class Unproven(Restarted):
        def ends(self) -> list[int]:
            return [self.chain()[-1]]

        def where(self, position: int) -> tuple[int, int]:
            return (0, position) if position < BREAK + 1 else (1, position - BREAK - 1)

        def _frame(self, seq: int) -> None:
            if seq == BREAK + 1 and isinstance(self.prev, bytes):
                self.prev = EpochStart(self.prev, FIRMWARE)
            World._frame(self, seq)
    report = checked(Unproven())
    assert report.steps[3].code == "frame-head-unproven"


class Lost(Restarted):
    """The frame before the restart was signed and lost; the gateway says so."""

    reason = LOST_SPOOL

    def _frame(self, seq: int) -> None:
        if seq == BREAK - 1:
            self.frames.append(self.frames[-1])
            return
        super()._frame(seq)

    def chain(self) -> list[int]:
        return [position for position in super().chain() if position != BREAK - 1]

    def ends(self) -> list[int]:
        return [BREAK - 2, super().chain()[-1]]


def test_a_declared_loss_is_counted_and_said_and_loses_no_energy() -> None:
    made = Lost()
    report = checked(made)
    assert report.valid, report.as_text("en")
    assert "declared-loss" in report.notices
    assert "1 declared losses" in report.steps[5].detail
    assert made.result.amount == World().result.amount


def test_a_loss_the_statement_does_not_count_is_refused() -> None:
    report = checked(Lost(Lies(completeness={"losses": "0"})))
    assert report.steps[5].code == "completeness-mismatch"


def test_a_loss_under_another_reason_is_refused() -> None:
    class Hidden(Lost):
        reason = FIRMWARE
        head_known = False
    assert checked(Hidden()).steps[5].code == "frame-chain-broken"


class Rotated(Restarted):
    """The gateway's key is replaced at position 5."""

    reason = KEY
    after = "gateway-2"
    endorser = "gateway"

    def carrier(self, position: int) -> tuple[str, str]:
        return GATEWAY, "gateway" if position < BREAK else self.after

    def before_restart(self, head: bytes) -> None:
        time = START + (BREAK - 2) * FRAME
        fields: dict[str, Any] = {"epoch": "0", "last_seq": str(BREAK - 1), "head": head.hex(),
                                  "public_key": signer("gateway-2").public_key.hex(), "endorsement": "00" * 64}
        draft = registration_payload("device", GATEWAY, "rotate", time, fields, self.last[GATEWAY])
        fields["endorsement"] = signer(self.endorser).sign(endorsed_bytes(draft)).hex()
        self.register("device", envelope.DEVICE, GATEWAY, "rotate", time, fields)


def test_frames_of_the_new_key_follow_those_of_the_old() -> None:
    report = checked(Rotated())
    assert report.valid, report.as_text("en")


def test_the_old_key_signs_nothing_after_its_rotation() -> None:
    class OldKey(Rotated):
        after = "gateway"
    assert checked(OldKey()).steps[4].code == "key-rotated"


def test_the_new_key_signs_nothing_of_the_old_epoch() -> None:
    class Early(Rotated):
        def carrier(self, position: int) -> tuple[str, str]:
            return GATEWAY, "gateway-2" if position in (3, 4) else super().carrier(position)[1]
    report = checked(Early())
    assert report.steps[4].code in ("key-unknown", "key-not-yet")
    assert not report.valid


def test_a_rotation_the_old_key_did_not_endorse_is_refused() -> None:
    class Stolen(Rotated):
        endorser = "thief"
    report = checked(Stolen())
    assert report.steps[4].code == "rotation-not-endorsed"


class Moved(Moving):
    """Both meters move to a second gateway at position 5."""

    move_registered = True

    def carrier(self, position: int) -> tuple[str, str]:
        return (GATEWAY, "gateway") if position < BREAK else (SECOND, "second")

    def where(self, position: int) -> tuple[int, int]:
        return 0, position if position < BREAK else position - BREAK

    def gateways(self) -> list[str]:
        return [GATEWAY, SECOND]

    def ends(self) -> list[int]:
        return [BREAK - 1, *super().ends()]

    @property
    def moment(self) -> int:
        return START + (BREAK - 2) * FRAME

    def carriers(self) -> list[Carrier]:
        return [Carrier(GATEWAY, PERIOD.start, self.moment), Carrier(SECOND, self.moment, PERIOD.end)]

    def _frame(self, seq: int) -> None:
        if seq == BREAK:
            self.move(self.moment, SECOND, "second", (PV, MAIN) if self.move_registered else (MAIN,))
            self.prev = EpochStart(None, KEY)
        super()._frame(seq)


@pytest.mark.parametrize("level", ["public", "buyer", "auditor", "full"])
def test_a_meter_that_moved_is_followed_from_gateway_to_gateway(level: str) -> None:
    report = checked(Moved(), level)
    assert report.valid, report.as_text("en")


def test_a_meter_that_moved_unregistered_is_not_covered() -> None:
    class Unregistered(Moved):
        move_registered = False
    assert checked(Unregistered()).steps[5].code in ("period-not-covered", "completeness-mismatch")


def test_frames_of_a_gateway_that_carried_no_input_s_meter_do_not_belong_in_the_file() -> None:
    class Stayed(Moved):
        """By its history the meter stayed; the statement counts the first gateway's frames, the file shows both."""

        move_registered = False

        def _completeness(self) -> dict[str, str]:
            return super()._completeness() | {"frames": "3"}
    report = checked(Stayed())
    assert report.steps[5].code == "frames-surplus"
    assert SECOND in report.steps[5].detail


def test_after_a_move_the_second_gateway_s_frames_are_needed() -> None:
    class Half(Moved):
        def gateways(self) -> list[str]:
            return [GATEWAY]

        def chain(self) -> list[int]:
            return [position for position in super().chain() if position < BREAK]

        def _completeness(self) -> dict[str, str]:
            return {"frames": "4", "gaps": "0", "losses": "0", "flagged": "0", "max_staleness_ms": "0"}
    report = checked(Half())
    assert report.steps[5].code == "period-not-covered"
    assert SECOND in report.steps[5].detail


@pytest.mark.parametrize("level", ["buyer", "auditor", "full"])
def test_between_two_moves_the_log_says_which_frames_count(level: str) -> None:
    made = TwiceMoved(Lies(kind="emission"))
    report = checked(made, level)
    assert report.valid, report.as_text("en")
    assert "7 frames unbroken" in report.steps[5].detail
    assert (made.result.amount, "gaps" in report.notices) == (World(Lies(kind="emission")).result.amount, True)


def test_a_frame_dated_far_ahead_hides_no_gap_between_two_moves() -> None:
    """The frame after it declares a gap; by the times alone the first one would end the span."""
    for lies in ({"frames": "6", "gaps": "0"}, {"gaps": "0"}, {"frames": "6"}):
        report = checked(TwiceMoved(Lies(kind="emission", completeness=lies)))
        assert report.steps[5].code == "completeness-mismatch"


def test_a_chain_that_ends_before_the_move_is_not_covered() -> None:
    class Cut(TwiceMoved):
        def chain(self) -> list[int]:
            return [position for position in super().chain() if position != 5]

        def ends(self) -> list[int]:
            return [3, 4, *World.ends(self)]
    report = checked(Cut(Lies(kind="emission", completeness={"frames": "6", "gaps": "0"})))
    assert (report.steps[5].code, SECOND in report.steps[5].detail) == ("period-not-covered", True)
