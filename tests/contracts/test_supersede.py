"""Superseding: a correction takes the place of a certificate, never enlarges it, and pays for what is already out."""

from __future__ import annotations

from typing import Any

import pytest
from chain_helpers import MWH, OPENING, PERIOD, PV, SITE, WIND, World, account, payload_digest, refused

from certificates.registry import Issued
from core.records import Interval, Kind
from ledger.anchor.layout import CertificateState, CertificateStatus, MarkState, piece_id

pytestmark = pytest.mark.chain

KEY = b"one boundary, one period: 32 byt"
TEN = Interval(PV, OPENING, OPENING + 10 * MWH)
EIGHT = Interval(PV, OPENING, OPENING + 8 * MWH)
USE = ("purpose", "beneficiary", *PERIOD)


def first(world: World, amount: int = 10, intervals: Any = (TEN,), **options: Any) -> int:
    issued = world.issue(0, intervals, amount, key=KEY, **options)
    assert issued.piece is not None
    return issued.piece


def correct(world: World, amount: int, intervals: Any = (EIGHT,), number: int = 1, old: int = 0,
            **options: Any) -> Issued:
    options.setdefault("key", KEY)
    return world.registry("node").supersede(
        payload_digest(old), world.application(number, intervals, amount=amount, **options))


def certificate(world: World, number: int) -> CertificateState:
    state = world.registry("node").certificate(payload_digest(number))
    assert state is not None
    return state


def mark(world: World, name: str = PV) -> MarkState:
    state = world.registry("node").mark(name)
    assert state is not None
    return state


def debt(world: World, kind: Kind = Kind.GREEN_POWER, name: str = PV) -> int:
    return world.registry("node").debt(name, kind)


def sell(world: World, piece: int, units: int) -> int:
    lower, _, _ = world.registry("steel").split(piece, units)
    world.registry("steel").transfer(lower, account("trader").address)
    return lower


def test_a_correction_takes_the_place_of_the_old_certificate(world: World) -> None:
    old = first(world)
    new = correct(world, 8)
    assert new.piece == piece_id(payload_digest(1), 0, 8)
    was = certificate(world, 0)
    assert (was.status, was.superseded_by, was.short) == (CertificateStatus.SUPERSEDED, payload_digest(1), 0)
    assert world.registry("node").live(KEY) == payload_digest(1)
    for act in (lambda: world.registry("steel").transfer(old, account("trader").address),
                lambda: world.registry("steel").retire(old, *USE), lambda: world.registry("steel").split(old, 1)):
        with refused("certificate-not-live"):
            act()


def test_what_the_correction_leaves_becomes_a_hole_if_nothing_was_out(world: World) -> None:
    first(world)
    correct(world, 6, [Interval(PV, OPENING + MWH, OPENING + 7 * MWH)])
    assert world.registry("node").hole(PV, OPENING) == OPENING + MWH
    assert world.registry("node").hole(PV, OPENING + 7 * MWH) == OPENING + 10 * MWH
    assert (mark(world).live, mark(world).holes) == (6 * MWH, 4 * MWH)
    assert world.conserved()


def test_a_correction_that_drops_a_mark_frees_its_interval(world: World) -> None:
    wind = Interval(WIND, OPENING, OPENING + 5 * MWH)
    first(world, 15, [TEN, wind])
    correct(world, 5, [wind])
    assert world.registry("node").hole(PV, OPENING) == OPENING + 10 * MWH
    assert world.registry("node").hole(WIND, OPENING) is None
    assert world.conserved()


def test_superseding_again_gives_the_same_certificate(world: World) -> None:
    first(world)
    assert not correct(world, 8).repeated
    assert correct(world, 8).repeated


def test_a_correction_is_itself_corrected(world: World) -> None:
    first(world)
    correct(world, 8)
    correct(world, 7, [Interval(PV, OPENING, OPENING + 7 * MWH)], number=2, old=1)
    assert certificate(world, 1).status == CertificateStatus.SUPERSEDED
    assert mark(world).holes == 3 * MWH
    assert world.conserved()


def test_only_a_live_certificate_is_superseded(world: World) -> None:
    with refused("certificate-not-live"):
        correct(world, 8)
    first(world)
    correct(world, 8)
    with refused("certificate-not-live"):
        correct(world, 7, number=2)
    world.registry("verifier").revoke(payload_digest(1), "wrong")
    with refused("certificate-not-live"):
        correct(world, 7, number=3, old=1)


def test_an_amount_never_grows(world: World) -> None:
    first(world, 9)
    with refused("certificate-enlarged"):
        correct(world, 10, [TEN])
    correct(world, 9, [TEN])


def test_intervals_never_grow(world: World) -> None:
    first(world)
    for intervals in ([Interval(PV, OPENING, OPENING + 10 * MWH + 1)], [Interval(PV, OPENING - 1, OPENING + 9 * MWH)],
                      [Interval(WIND, OPENING, OPENING + 9 * MWH)], [EIGHT, Interval(PV, OPENING + 8 * MWH, TEN.end)]):
        with refused("certificate-enlarged"):
            correct(world, 8, intervals)


@pytest.mark.parametrize("changes", [{"key": b"x" * 32}, {"subject": "energy"}, {"kind": Kind.REDUCTION}])
def test_a_correction_speaks_of_the_same_thing(world: World, changes: dict[str, Any]) -> None:
    first(world)
    with refused("certificate-enlarged"):
        correct(world, 8, **changes)


def test_a_corrected_inventory_may_be_greater(world: World) -> None:
    first(world, 1000, [], kind=Kind.EMISSION)
    correct(world, 1200, [], kind=Kind.EMISSION)
    assert certificate(world, 1).amount == 1200


def test_superseding_asks_all_that_issuing_asks(world: World) -> None:
    first(world)
    for options, code in (({"verifier": "sister"}, "certificate-not-independent"),
                          ({"claimant": "energy"}, "certificate-claim-signature"),
                          ({"opinion_changes": {"conclusion": 3}}, "certificate-conclusion")):
        with refused(code):
            correct(world, 8, **options)
    with refused("certificate-forbidden"):
        world.registry("steel").supersede(payload_digest(0), world.application(1, [EIGHT], amount=8, key=KEY))


def test_the_references_pass_to_the_correction(world: World) -> None:
    first(world, references=["gec:1"])
    correct(world, 8, references=["gec:1"])
    with refused("certificate-reference-taken"):
        world.green(2, 1, mark=WIND, references=["gec:1"])


# --- something was already out ---

def test_units_already_sold_count_against_the_correction(world: World) -> None:
    sold = sell(world, first(world), 5)
    new = correct(world, 8)
    assert new.piece == piece_id(payload_digest(1), 5, 8), "three units are left to mint"
    assert certificate(world, 1).first == 5
    assert (certificate(world, 0).short, debt(world)) == (0, 0)
    world.registry("trader").retire(sold, *USE)
    world.registry("steel").retire(new.piece, *USE)
    assert (mark(world).live, mark(world).retired) == (0, 10 * MWH)
    assert world.conserved()


def test_nothing_is_released_once_something_is_out(world: World) -> None:
    sell(world, first(world), 5)
    correct(world, 8)
    assert mark(world).holes == 0
    assert world.registry("node").hole(PV, EIGHT.end) is None
    assert world.conserved()


def test_what_was_sold_beyond_the_correction_is_short_and_a_debt(world: World) -> None:
    sold = sell(world, first(world), 9)
    new = correct(world, 8)
    assert new.piece is None
    assert (certificate(world, 0).short, debt(world)) == (1, 1)
    world.registry("trader").transfer(sold, account("buyer").address)
    assert world.conserved()


def test_the_next_issue_pays_the_debt_first(world: World) -> None:
    sell(world, first(world), 9)
    correct(world, 7, [Interval(PV, OPENING, OPENING + 7 * MWH)])
    assert debt(world) == 2
    paying = world.issue(2, [Interval(PV, TEN.end, TEN.end + 5 * MWH)], 5)
    assert paying.piece == piece_id(payload_digest(2), 2, 5)
    assert debt(world) == 0
    free = world.issue(3, [Interval(PV, TEN.end + 5 * MWH, TEN.end + 6 * MWH)], 1)
    assert free.piece == piece_id(payload_digest(3), 0, 1)
    assert world.conserved()


def test_a_debt_greater_than_the_next_issue_takes_all_of_it(world: World) -> None:
    sell(world, first(world), 9)
    correct(world, 4, [Interval(PV, OPENING, OPENING + 4 * MWH)])
    assert debt(world) == 5
    assert world.issue(2, [Interval(PV, TEN.end, TEN.end + 2 * MWH)], 2).piece is None
    assert debt(world) == 3
    assert world.conserved()


def test_a_debt_in_green_power_is_no_debt_in_reductions(world: World) -> None:
    sell(world, first(world), 9)
    correct(world, 8)
    reduction = world.issue(2, [Interval(PV, TEN.end, TEN.end + MWH)], 3, kind=Kind.REDUCTION)
    assert reduction.piece == piece_id(payload_digest(2), 0, 3)
    assert debt(world) == 1


def test_retired_units_are_out_too(world: World) -> None:
    lower, _, _ = world.registry("steel").split(first(world), 9)
    world.registry("steel").retire(lower, *USE)
    correct(world, 8)
    assert debt(world) == 1
    assert mark(world).retired == 10 * MWH, "the tenth unit is withdrawn with the certificate"
    assert world.conserved()


def test_units_out_are_remembered_through_two_corrections(world: World) -> None:
    sell(world, first(world), 4)
    correct(world, 8)
    new = correct(world, 6, [Interval(PV, OPENING, OPENING + 6 * MWH)], number=2, old=1)
    assert new.piece == piece_id(payload_digest(2), 4, 6)
    assert world.conserved()
    last = correct(world, 3, [Interval(PV, OPENING, OPENING + 3 * MWH)], number=3, old=2)
    assert (last.piece, debt(world)) == (None, 1)
    assert world.conserved()


def test_a_correction_after_a_sale_is_not_released_by_revoking(world: World) -> None:
    sell(world, first(world), 5)
    correct(world, 8)
    world.registry("verifier").revoke(payload_digest(1), "wrong again")
    assert mark(world).holes == 0
    assert world.conserved()


def test_a_reduction_over_two_marks_is_corrected_after_a_sale(world: World) -> None:
    both = [Interval(SITE, *PERIOD), Interval(WIND, OPENING, OPENING + 1_000_003)]
    piece = first(world, 7, both, kind=Kind.REDUCTION)
    sell(world, piece, 2)
    new = correct(world, 5, [Interval(SITE, PERIOD[0] + 1, PERIOD[1])], kind=Kind.REDUCTION)
    assert new.piece == piece_id(payload_digest(1), 2, 5)
    assert world.conserved()
    world.registry("steel").retire(new.piece, *USE)
    assert world.conserved()
