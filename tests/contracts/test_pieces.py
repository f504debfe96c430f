"""Pieces: one owner each, split without remainder, moved only among participants, used once."""

from __future__ import annotations

from typing import Any

import pytest
from chain_helpers import DAY, MWH, NOW, OPENING, PERIOD, PV, SITE, WIND, World, account, payload_digest, refused

from core.records import Interval, Kind
from ledger.anchor.layout import CertificateStatus, PieceStatus, piece_id, retirement_digest

pytestmark = pytest.mark.chain

USE = ("green steel", "江汇客户", PERIOD[0], PERIOD[1])


@pytest.fixture
def piece(world: World) -> int:
    """A piece of 1000 MWh of green power in the hands of the enterprise."""
    return world.green(0, 1000)


def owner(world: World, piece: int) -> str:
    state = world.registry("node").piece(piece)
    assert state is not None
    return state.owner


def erc1155(world: World, name: str) -> tuple[Any, Any]:
    chain = world.chain(name)
    return chain, chain.contract("CertificateRegistry", world.addresses.certificates).functions


def balance(world: World, name: str, piece: int) -> int:
    return int(erc1155(world, "node")[1].balanceOf(account(name).address, piece).call())


# --- split ---

def test_250_off_1000_is_250_and_750(world: World, piece: int) -> None:
    lower, upper, _ = world.registry("steel").split(piece, 250)
    states = [world.registry("node").piece(one) for one in (piece, lower, upper)]
    assert [(s.start, s.end, s.status) for s in states if s] == [
        (0, 1000, PieceStatus.SPLIT), (0, 250, PieceStatus.WHOLE), (250, 1000, PieceStatus.WHOLE)]
    assert (lower, upper) == (piece_id(payload_digest(0), 0, 250), piece_id(payload_digest(0), 250, 1000))
    assert [balance(world, "steel", one) for one in (piece, lower, upper)] == [0, 1, 1]


def test_equal_halves_have_different_identities(world: World, piece: int) -> None:
    lower, upper, _ = world.registry("steel").split(piece, 500)
    assert lower != upper


@pytest.mark.parametrize("units", [0, 1000, 1001, 2**64 - 1])
def test_a_piece_is_split_inside_its_units(world: World, piece: int, units: int) -> None:
    with refused("certificate-split-point"):
        world.registry("steel").split(piece, units)


def test_a_split_piece_is_gone(world: World, piece: int) -> None:
    world.registry("steel").split(piece, 1)
    for act in (lambda: world.registry("steel").split(piece, 2), lambda: world.registry("steel").retire(piece, *USE),
                lambda: world.registry("steel").transfer(piece, account("trader").address)):
        with refused("certificate-not-live"):
            act()


def test_only_the_owner_acts_on_a_piece(world: World, piece: int) -> None:
    thief = world.registry("trader")
    for act in (lambda: thief.split(piece, 1), lambda: thief.transfer(piece, account("trader").address),
                lambda: thief.retire(piece, *USE), lambda: thief.pledge(piece, account("trader").address)):
        with refused("certificate-forbidden"):
            act()


def test_an_unknown_piece_is_nobodys(world: World) -> None:
    assert world.registry("node").piece(7) is None
    for act in (lambda: world.registry("steel").split(7, 1), lambda: world.registry("steel").release(7),
                lambda: world.registry("steel").transfer(7, account("trader").address)):
        with refused("certificate-unknown"):
            act()


def test_an_emission_statement_may_be_split_but_not_handed_on(world: World) -> None:
    issued = world.issue(0, [], 1000, kind=Kind.EMISSION)
    lower, _, _ = world.registry("steel").split(issued.piece or 0, 10)
    for act in (lambda: world.registry("steel").transfer(lower, account("trader").address),
                lambda: world.registry("steel").retire(lower, *USE),
                lambda: world.registry("steel").pledge(lower, account("trader").address)):
        with refused("certificate-not-transferable"):
            act()


# --- transfer ---

def test_a_piece_goes_to_a_registered_participant(world: World, piece: int) -> None:
    world.registry("steel").transfer(piece, account("trader").address)
    assert owner(world, piece) == account("trader").address
    assert (balance(world, "steel", piece), balance(world, "trader", piece)) == (0, 1)
    assert world.registry("node").certificate(payload_digest(0)).moved == 1000  # type: ignore[union-attr]
    world.registry("trader").transfer(piece, account("buyer").address)
    assert world.registry("node").certificate(payload_digest(0)).moved == 1000  # type: ignore[union-attr]


def test_who_gave_a_piece_away_has_it_no_more(world: World, piece: int) -> None:
    world.registry("steel").transfer(piece, account("trader").address)
    with refused("certificate-forbidden"):
        world.registry("steel").transfer(piece, account("buyer").address)


def test_a_stranger_receives_nothing_by_any_path(world: World, piece: int) -> None:
    chain, functions = erc1155(world, "steel")
    sender, stranger = account("steel").address, account("stranger").address
    for function in (functions.transfer(piece, stranger), functions.safeTransferFrom(sender, stranger, piece, 1, b""),
                     functions.safeBatchTransferFrom(sender, stranger, [piece], [1], b"")):
        with refused("certificate-receiver"):
            chain.send(function)


def test_an_expired_participant_receives_nothing(world: World, piece: int) -> None:
    world.register(world.participant("trader", valid_until=NOW))
    with refused("certificate-receiver"):
        world.registry("steel").transfer(piece, account("trader").address)


def test_the_erc1155_paths_obey_the_same_rules(world: World, piece: int) -> None:
    chain, functions = erc1155(world, "steel")
    sender, trader = account("steel").address, account("trader").address
    chain.send(functions.safeTransferFrom(sender, trader, piece, 1, b""))
    assert owner(world, piece) == trader
    assert world.registry("node").certificate(payload_digest(0)).moved == 1000  # type: ignore[union-attr]


def test_a_transfer_of_nothing_does_not_change_the_owner(world: World, piece: int) -> None:
    chain, functions = erc1155(world, "trader")
    trader, steel = account("trader").address, account("steel").address
    for function in (functions.safeTransferFrom(trader, trader, piece, 0, b""),
                     functions.safeBatchTransferFrom(trader, trader, [piece], [0], b"")):
        with refused("certificate-unknown"):
            chain.send(function)
    assert owner(world, piece) == steel


def test_a_batch_does_not_move_a_piece_twice(world: World, piece: int) -> None:
    chain, functions = erc1155(world, "steel")
    with refused("certificate-unknown"):
        chain.send(functions.safeBatchTransferFrom(
            account("steel").address, account("trader").address, [piece, piece], [1, 1], b""))


def test_a_batch_of_two_pieces_moves_both(world: World, piece: int) -> None:
    lower, upper, _ = world.registry("steel").split(piece, 10)
    chain, functions = erc1155(world, "steel")
    chain.send(functions.safeBatchTransferFrom(
        account("steel").address, account("trader").address, [lower, upper], [1, 1], b""))
    assert owner(world, lower) == owner(world, upper) == account("trader").address


def test_a_stranger_moves_nobodys_piece(world: World, piece: int) -> None:
    chain, functions = erc1155(world, "trader")
    with refused("certificate-forbidden"):
        chain.send(functions.safeTransferFrom(account("steel").address, account("trader").address, piece, 1, b""))


def test_an_operator_moves_what_its_principal_could(world: World, piece: int) -> None:
    chain, functions = erc1155(world, "steel")
    chain.send(functions.setApprovalForAll(account("trader").address, True))
    chain, functions = erc1155(world, "trader")
    steel = account("steel").address
    with refused("certificate-receiver"):
        chain.send(functions.safeTransferFrom(steel, account("stranger").address, piece, 1, b""))
    chain.send(functions.safeTransferFrom(steel, account("buyer").address, piece, 1, b""))
    assert owner(world, piece) == account("buyer").address


# --- retire ---

def test_a_piece_is_used_for_a_beneficiary_and_leaves_circulation(world: World, piece: int) -> None:
    world.registry("steel").retire(piece, *USE)
    state = world.registry("node").piece(piece)
    assert state is not None
    assert (state.status, state.retirement) == (PieceStatus.RETIRED, retirement_digest(*USE))
    assert balance(world, "steel", piece) == 0
    mark = world.registry("node").mark(PV)
    assert mark is not None
    assert (mark.live, mark.retired) == (0, 1000 * MWH)
    assert world.conserved()


def test_a_retired_piece_is_not_used_transferred_split_or_pledged_again(world: World, piece: int) -> None:
    steel = world.registry("steel")
    steel.retire(piece, *USE)
    for act in (lambda: steel.retire(piece, *USE), lambda: steel.transfer(piece, account("trader").address),
                lambda: steel.split(piece, 1), lambda: steel.pledge(piece, account("trader").address)):
        with refused("certificate-not-live"):
            act()


@pytest.mark.parametrize("use", [("", "somebody", 1, 2), ("purpose", "", 1, 2), ("purpose", "somebody", 2, 2),
                                 ("purpose", "somebody", 3, 2)])
def test_a_retirement_names_purpose_beneficiary_and_period(world: World, piece: int, use: Any) -> None:
    with refused("certificate-malformed"):
        world.registry("steel").retire(piece, *use)


def test_a_reduction_is_retired_from_all_its_marks_to_the_last_position(world: World) -> None:
    # 7 units over 30 days of one mark and 1,000,003 Wh of another: neither divides evenly.
    intervals = [Interval(SITE, *PERIOD), Interval(WIND, OPENING, OPENING + 1_000_003)]
    issued = world.issue(0, intervals, 7, kind=Kind.REDUCTION)
    steel = world.registry("steel")
    lower, upper, _ = steel.split(issued.piece or 0, 2)
    middle, last, _ = steel.split(upper, 3)
    for one in (middle, lower, last):
        steel.retire(one, *USE)
        assert world.conserved()
    site, wind = world.registry("node").mark(SITE), world.registry("node").mark(WIND)
    assert site is not None
    assert wind is not None
    assert (site.live, site.retired) == (0, PERIOD[1] - PERIOD[0])
    assert (wind.live, wind.retired) == (0, 1_000_003)


# --- pledge ---

def test_a_pledged_piece_stays_until_the_pledgee_releases_it(world: World, piece: int) -> None:
    steel = world.registry("steel")
    steel.pledge(piece, account("trader").address)
    for act in (lambda: steel.transfer(piece, account("buyer").address), lambda: steel.retire(piece, *USE),
                lambda: steel.split(piece, 1), lambda: steel.pledge(piece, account("buyer").address)):
        with refused("certificate-pledged-to"):
            act()
    for name in ("steel", "buyer"):
        with refused("certificate-forbidden"):
            world.registry(name).release(piece)
    world.registry("trader").release(piece)
    steel.transfer(piece, account("buyer").address)


def test_a_piece_is_pledged_to_a_participant(world: World, piece: int) -> None:
    with refused("certificate-receiver"):
        world.registry("steel").pledge(piece, account("stranger").address)


def test_what_is_not_pledged_is_not_released(world: World, piece: int) -> None:
    with refused("certificate-unknown"):
        world.registry("trader").release(piece)


# --- revoke ---

def test_the_verifier_revokes_with_a_reason_and_the_positions_become_a_hole(world: World, piece: int) -> None:
    world.registry("verifier").revoke(payload_digest(0), "meter was by-passed")
    state = world.registry("node").certificate(payload_digest(0))
    assert state is not None
    assert state.status == CertificateStatus.REVOKED
    assert world.registry("node").hole(PV, OPENING) == OPENING + 1000 * MWH
    assert world.registry("node").live(state.exclusivity_key) is None
    assert world.conserved()


def test_a_registrar_revokes_too(world: World, piece: int) -> None:
    world.registry("registrar").revoke(payload_digest(0), "court order")


@pytest.mark.parametrize("name", ["steel", "node", "verifier2", "trader", "stranger"])
def test_nobody_else_revokes(world: World, piece: int, name: str) -> None:
    with refused("certificate-forbidden"):
        world.registry(name).revoke(payload_digest(0), "because")


def test_a_revoked_certificate_is_dead(world: World, piece: int) -> None:
    world.registry("verifier").revoke(payload_digest(0), "wrong")
    steel = world.registry("steel")
    for act in (lambda: steel.transfer(piece, account("trader").address), lambda: steel.retire(piece, *USE),
                lambda: steel.split(piece, 1), lambda: steel.pledge(piece, account("trader").address)):
        with refused("certificate-not-live"):
            act()
    with refused("certificate-not-live"):
        world.registry("verifier").revoke(payload_digest(0), "twice")


def test_a_statement_never_issued_is_not_revoked(world: World) -> None:
    with refused("certificate-unknown"):
        world.registry("registrar").revoke(payload_digest(9), "nothing there")


def test_a_revoked_statement_is_never_issued_again(world: World) -> None:
    application = world.application(0, [Interval(PV, OPENING, OPENING + MWH)])
    world.registry("node").issue(application)
    world.registry("verifier").revoke(payload_digest(0), "wrong")
    assert world.registry("node").issue(application).repeated
    assert world.registry("node").certificate(payload_digest(0)).status == CertificateStatus.REVOKED  # type: ignore[union-attr]


def test_another_statement_fills_the_hole_of_a_revoked_one(world: World) -> None:
    key = b"k" * 32
    world.green(0, 10, key=key, references=["gec:1"])
    world.registry("verifier").revoke(payload_digest(0), "wrong")
    world.green(1, 10, start=OPENING, key=key, references=["gec:1"])
    assert world.conserved()


@pytest.mark.parametrize("way", ["transfer", "retire"])
def test_what_was_out_once_never_becomes_a_hole(world: World, piece: int, way: str) -> None:
    steel = world.registry("steel")
    lower, _, _ = steel.split(piece, 1)
    if way == "transfer":
        steel.transfer(lower, account("trader").address)
    else:
        steel.retire(lower, *USE)
    world.registry("verifier").revoke(payload_digest(0), "wrong")
    assert world.registry("node").hole(PV, OPENING) is None
    with refused("mark-overlap"):
        world.green(1, 1, start=OPENING)
    assert world.conserved()


def test_the_reference_of_a_certificate_that_was_out_stays_taken(world: World) -> None:
    piece = world.green(0, 10, references=["gec:1"])
    world.registry("steel").transfer(piece, account("trader").address)
    world.registry("verifier").revoke(payload_digest(0), "wrong")
    with refused("certificate-reference-taken"):
        world.green(1, 1, references=["gec:1"])


def test_a_trader_cannot_pass_on_what_was_revoked(world: World, piece: int) -> None:
    world.registry("steel").transfer(piece, account("trader").address)
    world.registry("registrar").revoke(payload_digest(0), "wrong")
    with refused("certificate-not-live"):
        world.registry("trader").transfer(piece, account("buyer").address)


def test_a_retirement_may_be_for_a_future_period(world: World, piece: int) -> None:
    use = ("contract 2027", "customer", NOW, NOW + 365 * DAY)
    world.registry("steel").retire(piece, *use)
    retired = world.registry("node").piece(piece)
    assert retired is not None
    assert (retired.status, retired.retirement) == (PieceStatus.RETIRED, retirement_digest(*use))
