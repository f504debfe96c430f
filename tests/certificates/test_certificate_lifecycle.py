"""Split, transfer, retire, pledge, revoke: each by its owner, each once, whatever fails; rows always as the chain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise

import pytest
from certificates_helpers import ENTERPRISE, MARK, OTHER, PERIOD, TRADER, VERIFIER, application
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from memory_registry import NOBODY, World
from sqlalchemy import Engine, select
from sqlmodel import SQLModel

from certificates import lifecycle, mirror, outbox
from certificates.lifecycle import Beneficiary, Desk
from certificates.registry import Mark
from core.clock import FixedClock
from core.database import open_engine, reading
from core.errors import FormError, NotFound, Refused, Unavailable
from core.ethereum import Account
from core.fields import MAX_TEXT
from core.ids import chain_id_of
from ledger.anchor.layout import CertificateStatus, PieceStatus, piece_id

PEOPLE = {person.address: person for person in (ENTERPRISE, TRADER, OTHER)}
BENEFICIARY = Beneficiary("蓝河特钢有限公司", "91320100MA0000000X", "CN", "江苏蓝河园区")


@pytest.fixture
def world() -> World:
    world = World(list(PEOPLE))
    world.desk("registrar").open_mark(MARK)
    return world


def desk(engine: Engine, world: World, who: Account | str) -> Desk:
    actor = who if isinstance(who, str) else who.address
    return Desk(engine, world.desk(actor), world, actor, FixedClock(PERIOD.end))


def issue(world: World, number: int = 0, **changes: object) -> bytes:
    """Issue an application; its first piece's id."""
    issued = world.desk("node").issue(application(number, **changes))  # type: ignore[arg-type]
    assert issued.piece is not None
    return issued.piece.to_bytes(32, "big")


def identity(digest: bytes, start: int, end: int) -> bytes:
    return piece_id(digest, start, end).to_bytes(32, "big")


def live_pieces(world: World) -> dict[bytes, list[tuple[int, int]]]:
    """Unit ranges of each certificate that are whole or retired, sorted."""
    found: dict[bytes, list[tuple[int, int]]] = {}
    for piece in world.state.pieces.values():
        if piece.status is not PieceStatus.SPLIT:
            found.setdefault(piece.payload_digest, []).append((piece.start, piece.end))
    return {digest: sorted(ranges) for digest, ranges in found.items()}


def check_everything(engine: Engine, world: World) -> None:
    """Ranges tile each certificate, marks balance, every piece has one owner, and the rows say what the chain says."""
    for digest, ranges in live_pieces(world).items():
        amount = world.state.certificates[digest].amount
        assert ranges[0][0] == 0
        assert ranges[-1][1] == amount
        assert all(before[1] == after[0] for before, after in pairwise(ranges))
    for mark in world.state.marks.values():
        assert mark.conserved
    mirror.follow(engine, world.desk("reader"), world)
    assert mirror.differences(engine, world.desk("reader")) == []
    with reading(engine) as connection:
        assert set(connection.execute(select(mirror.PIECES.c.id)).scalars()) == {
            number.to_bytes(32, "big") for number in world.state.pieces}


def test_250_off_1000_leaves_250_and_750(engine: Engine, world: World) -> None:
    digest = application(units=1000).opinion.payloadDigest
    whole = issue(world, units=1000)
    lower, upper = lifecycle.split(desk(engine, world, ENTERPRISE), whole, 250)
    assert (lower, upper) == (identity(digest, 0, 250), identity(digest, 250, 1000))
    assert live_pieces(world)[digest] == [(0, 250), (250, 1000)]
    check_everything(engine, world)


def test_equal_halves_have_different_identities(engine: Engine, world: World) -> None:
    lower, upper = lifecycle.split(desk(engine, world, ENTERPRISE), issue(world), 6)
    assert lower != upper


@pytest.mark.parametrize("units", [0, 12, 13])
def test_a_piece_is_cut_inside_its_units(engine: Engine, world: World, units: int) -> None:
    with pytest.raises(Refused, match="certificate-split-point"):
        lifecycle.split(desk(engine, world, ENTERPRISE), issue(world), units)


def test_only_the_owner_acts(engine: Engine, world: World) -> None:
    piece = issue(world)
    for act in (lambda at: lifecycle.split(at, piece, 1), lambda at: lifecycle.transfer(at, piece, TRADER.address),
                lambda at: lifecycle.retire(at, piece, "offset", BENEFICIARY, PERIOD)):
        with pytest.raises(Refused, match="certificate-unknown"):
            act(desk(engine, world, OTHER))
    check_everything(engine, world)


def test_a_piece_goes_to_participants_only(engine: Engine, world: World) -> None:
    piece = issue(world)
    with pytest.raises(Refused, match="certificate-receiver"):
        lifecycle.transfer(desk(engine, world, ENTERPRISE), piece, VERIFIER.address)
    lifecycle.transfer(desk(engine, world, ENTERPRISE), piece, TRADER.address)
    state = world.state.pieces[int.from_bytes(piece, "big")]
    assert state.owner == TRADER.address


def test_a_piece_may_go_to_the_same_account_twice(engine: Engine, world: World) -> None:
    piece = issue(world)
    for giver, taker in ((ENTERPRISE, TRADER), (TRADER, ENTERPRISE), (ENTERPRISE, TRADER)):
        lifecycle.transfer(desk(engine, world, giver), piece, taker.address)
    assert world.state.pieces[int.from_bytes(piece, "big")].owner == TRADER.address
    with reading(engine) as connection:
        assert len(outbox.intents(connection, outbox.DONE)) == 3


def test_a_retired_piece_is_final_and_keeps_its_beneficiary(engine: Engine, world: World) -> None:
    piece, owner = issue(world), desk(engine, world, ENTERPRISE)
    lifecycle.retire(owner, piece, "renewable-use", BENEFICIARY, PERIOD)
    event = next(event for event in world.state.events if event.name == "CertificateRetired")
    assert Beneficiary.from_text(event.values["beneficiary"]) == BENEFICIARY
    assert world.state.pieces[int.from_bytes(piece, "big")].status is PieceStatus.RETIRED
    for act in (lambda: lifecycle.transfer(owner, piece, TRADER.address),
                lambda: lifecycle.retire(owner, piece, "offset", BENEFICIARY, PERIOD),
                lambda: lifecycle.split(owner, piece, 1)):
        with pytest.raises(Refused, match="certificate-not-live"):
            act()
    lifecycle.retire(owner, piece, "renewable-use", BENEFICIARY, PERIOD)  # the same request again is the same answer
    assert Counter(event.name for event in world.state.events)["CertificateRetired"] == 1


def test_a_pledged_piece_waits_for_its_pledgee(engine: Engine, world: World) -> None:
    piece, owner, bank = issue(world), desk(engine, world, ENTERPRISE), desk(engine, world, TRADER)
    lifecycle.pledge(owner, piece, TRADER.address)
    with pytest.raises(Refused, match="certificate-pledged-to"):
        lifecycle.transfer(owner, piece, OTHER.address)
    with pytest.raises(Refused, match="certificate-forbidden"):
        world.desk(OTHER.address).release(int.from_bytes(piece, "big"))
    lifecycle.release(bank, piece)
    lifecycle.pledge(owner, piece, TRADER.address)
    lifecycle.release(bank, piece)
    lifecycle.transfer(owner, piece, OTHER.address)
    check_everything(engine, world)


def test_a_revoked_certificate_moves_nowhere_and_frees_what_never_moved(engine: Engine, world: World) -> None:
    piece, digest = issue(world), application().opinion.payloadDigest
    lifecycle.revoke(desk(engine, world, "registrar"), digest, "计量装置故障")
    assert world.desk("x").hole("cp:lanhe-pv", 5_000_000) == 17_000_000
    with pytest.raises(Refused, match="certificate-not-live"):
        lifecycle.transfer(desk(engine, world, ENTERPRISE), piece, TRADER.address)
    check_everything(engine, world)


def test_what_moved_before_a_revocation_frees_no_energy(engine: Engine, world: World) -> None:
    piece, digest = issue(world), application().opinion.payloadDigest
    lifecycle.transfer(desk(engine, world, ENTERPRISE), piece, TRADER.address)
    lifecycle.revoke(desk(engine, world, "registrar"), digest, "计量装置故障")
    assert world.desk("x").hole("cp:lanhe-pv", 5_000_000) is None
    check_everything(engine, world)


def test_opening_the_same_mark_again_changes_nothing(engine: Engine, world: World) -> None:
    registrar = desk(engine, world, "registrar")
    lifecycle.open_mark(registrar, MARK)
    lifecycle.open_mark(registrar, MARK)
    with pytest.raises(Refused, match="mark-exists"):
        lifecycle.open_mark(registrar, Mark(MARK.id, MARK.org, MARK.kind, 1, MARK.capacity_w, MARK.first_reading))
    assert Counter(event.name for event in world.state.events)["MarkOpened"] == 1


def test_a_skipped_span_is_a_public_hole(engine: Engine, world: World) -> None:
    lifecycle.skip(desk(engine, world, "registrar"), "cp:lanhe-pv", 6_000_000, "调试电量不签发")
    assert world.desk("x").hole("cp:lanhe-pv", 5_000_000) == 6_000_000
    with pytest.raises(NotFound, match="mark-unknown"):
        lifecycle.skip(desk(engine, world, "registrar"), "cp:other", 6_000_000, "x")


def test_an_unknown_piece_is_not_found(engine: Engine, world: World) -> None:
    with pytest.raises(NotFound, match="piece-unknown"):
        lifecycle.split(desk(engine, world, ENTERPRISE), b"\x01" * 32, 1)


@pytest.mark.parametrize("bad", ["", " x", "x" * (MAX_TEXT + 1)])
def test_a_purpose_is_plain_text(engine: Engine, world: World, bad: str) -> None:
    with pytest.raises(FormError, match="document-text"):
        lifecycle.retire(desk(engine, world, ENTERPRISE), issue(world), bad, BENEFICIARY, PERIOD)


@pytest.mark.parametrize("bad", ["", "蓝河特钢", "{}", '{"country":"CN","id":"x","name":"","place":"y"}'])
def test_a_beneficiary_has_its_four_members(bad: str) -> None:
    with pytest.raises(FormError):
        Beneficiary.from_text(bad)


@pytest.mark.parametrize("member", ["name", "id", "country", "place"])
def test_nothing_is_retired_for_a_beneficiary_without_name_or_place(engine: Engine, world: World, member: str) -> None:
    piece = issue(world)
    with pytest.raises(FormError, match="document-text"):
        lifecycle.retire(desk(engine, world, ENTERPRISE), piece, "offset", replace(BENEFICIARY, **{member: ""}), PERIOD)
    assert world.state.pieces[int.from_bytes(piece, "big")].status is PieceStatus.WHOLE


FAULTS = [("before", False), ("after", True)]
ACTS: dict[str, Callable[[Desk, bytes], object]] = {
    "split": lambda at, piece: lifecycle.split(at, piece, 5),
    "transfer": lambda at, piece: lifecycle.transfer(at, piece, TRADER.address),
    "retire": lambda at, piece: lifecycle.retire(at, piece, "offset", BENEFICIARY, PERIOD),
    "pledge": lambda at, piece: lifecycle.pledge(at, piece, TRADER.address),
    "revoke": lambda at, piece: lifecycle.revoke(at, application().opinion.payloadDigest, "错误"),
    "skip": lambda at, piece: lifecycle.skip(at, "cp:lanhe-pv", 20_000_000, "不签发"),
    "open-mark": lambda at, piece: lifecycle.open_mark(at, Mark("cp:b", "org:b", 1, 0, 1, 1)),
}


@pytest.mark.parametrize(("when", "persisted"), FAULTS)
@pytest.mark.parametrize("act", list(ACTS))
def test_every_write_that_fails_is_finished_by_asking_again_and_done_once(
        engine: Engine, world: World, act: str, when: str, persisted: bool) -> None:
    piece, owner = issue(world), desk(engine, world, ENTERPRISE)
    blocks = len(world.blocks)

    def fail(point: str, what: str) -> None:
        if (point, what) == (when, act):
            raise Unavailable("chain-timeout", "no answer")

    world.fault = fail
    with pytest.raises(Unavailable):
        ACTS[act](owner, piece)
    assert len(world.blocks) == blocks + persisted
    world.fault = lambda point, what: None
    ACTS[act](owner, piece)
    assert len(world.blocks) == blocks + 1
    with reading(engine) as connection:
        assert [item.state for item in outbox.intents(connection)] == [outbox.DONE]
    check_everything(engine, world)


@pytest.mark.parametrize("act", [name for name in ACTS if name != "open-mark"])
def test_what_a_crash_of_the_chain_lost_comes_back_with_the_same_ids(engine: Engine, world: World, act: str) -> None:
    piece, owner = issue(world), desk(engine, world, ENTERPRISE)
    ACTS[act](owner, piece)
    before = world.state
    world.lose(1)
    progress = mirror.follow(engine, owner.registry, world)
    assert (progress.lost, progress.forgotten > 0) == (1, True)
    outbox.deliver(engine, owner.handler_of)
    assert (world.state.pieces, world.state.marks) == (before.pieces, before.marks)
    check_everything(engine, world)


def test_a_transfer_that_went_on_before_it_was_recorded_is_recognised(engine: Engine, world: World) -> None:
    piece, owner = issue(world), desk(engine, world, ENTERPRISE)

    def fail(point: str, what: str) -> None:
        if (point, what) == ("after", "transfer"):
            raise Unavailable("chain-timeout", "no answer")

    world.fault = fail
    with pytest.raises(Unavailable):
        lifecycle.transfer(owner, piece, TRADER.address)
    world.fault = lambda point, what: None
    world.desk(TRADER.address).transfer(int.from_bytes(piece, "big"), OTHER.address)
    outbox.deliver(engine, owner.handler_of)
    with reading(engine) as connection:
        assert [item.state for item in outbox.intents(connection)] == [outbox.DONE]
    assert world.state.pieces[int.from_bytes(piece, "big")].owner == OTHER.address


def test_one_watt_hour_cannot_stand_behind_two_certificates(engine: Engine, world: World) -> None:
    issue(world)
    for start in (5_000_000, 16_000_000, 18_000_000):
        with pytest.raises(Refused, match="mark-overlap"):
            issue(world, 1, start=start)
    issue(world, 1, start=17_000_000)
    check_everything(engine, world)


def test_another_name_for_the_boundary_makes_no_second_watt_hour(engine: Engine, world: World) -> None:
    """The exclusivity key is another; the mark is not."""
    issue(world)
    renamed = application(1, start=5_000_000, boundary="蓝河新能源屋顶光伏（一期）")
    assert renamed.claim.exclusivityKey != application().claim.exclusivityKey
    with pytest.raises(Refused, match="mark-overlap"):
        issue(world, 1, start=5_000_000, boundary="蓝河新能源屋顶光伏（一期）")
    check_everything(engine, world)


def test_one_outside_reference_stands_behind_one_certificate(world: World) -> None:
    issue(world, external_refs=("gec:1",))
    with pytest.raises(Refused, match="certificate-reference-taken"):
        issue(world, 1, start=17_000_000, external_refs=("gec:1",))


@dataclass
class Model:
    """What a careful person would write down: unit ranges by owner, and what is over."""

    owners: dict[bytes, str] = field(default_factory=dict)
    ranges: dict[bytes, tuple[bytes, int, int]] = field(default_factory=dict)
    retired: int = 0
    issued: int = 0
    revoked: set[bytes] = field(default_factory=set)


class Certificates(RuleBasedStateMachine):
    """Any sequence of issue, split, transfer, retire, revoke, lost blocks: sums and ranges hold, rows follow."""

    def __init__(self) -> None:
        super().__init__()
        self.engine = open_engine("sqlite://")
        SQLModel.metadata.create_all(self.engine, tables=[
            table for name, table in SQLModel.metadata.tables.items() if name.startswith("cert_")])
        self.world = World(list(PEOPLE))
        self.world.desk("registrar").open_mark(MARK)
        self.model = Model()
        self.number = 0

    def teardown(self) -> None:
        self.engine.dispose()

    def at(self, actor: str) -> Desk:
        return desk(self.engine, self.world, actor)

    @rule(units=st.integers(1, 9))
    def issue(self, units: int) -> None:
        start = self.world.state.marks[chain_id_of("cp:lanhe-pv")].position
        piece = issue(self.world, self.number, start=start, units=units)
        digest = application(self.number, start=start, units=units).opinion.payloadDigest
        self.model.owners[piece] = ENTERPRISE.address
        self.model.ranges[piece] = (digest, 0, units)
        self.model.issued += units
        self.number += 1

    def usable(self) -> list[bytes]:
        return sorted(piece for piece in self.model.owners if self.model.ranges[piece][0] not in self.model.revoked)

    @precondition(lambda self: self.usable())
    @rule(data=st.data())
    def split(self, data: st.DataObject) -> None:
        piece = data.draw(st.sampled_from(self.usable()))
        digest, start, end = self.model.ranges[piece]
        if end - start < 2:
            return
        units = data.draw(st.integers(1, end - start - 1))
        owner = self.model.owners.pop(piece)
        parts = lifecycle.split(self.at(owner), piece, units)
        for part, span in zip(parts, ((start, start + units), (start + units, end)), strict=True):
            assert part == identity(digest, *span)
            self.model.owners[part], self.model.ranges[part] = owner, (digest, *span)

    @precondition(lambda self: self.usable())
    @rule(data=st.data(), to=st.sampled_from(sorted(PEOPLE)))
    def transfer(self, data: st.DataObject, to: str) -> None:
        piece = data.draw(st.sampled_from(self.usable()))
        lifecycle.transfer(self.at(self.model.owners[piece]), piece, to)
        self.model.owners[piece] = to

    @precondition(lambda self: self.usable())
    @rule(data=st.data())
    def retire(self, data: st.DataObject) -> None:
        piece = data.draw(st.sampled_from(self.usable()))
        lifecycle.retire(self.at(self.model.owners.pop(piece)), piece, "offset", BENEFICIARY, PERIOD)
        _, start, end = self.model.ranges[piece]
        self.model.retired += end - start

    @precondition(lambda self: self.usable())
    @rule(data=st.data())
    def revoke(self, data: st.DataObject) -> None:
        digest = self.model.ranges[data.draw(st.sampled_from(self.usable()))][0]
        if self.world.state.certificates[digest].status is CertificateStatus.LIVE:
            lifecycle.revoke(self.at("registrar"), digest, "错误")
            self.model.revoked.add(digest)

    @rule()
    def rebuild(self) -> None:
        mirror.rebuild(self.engine, self.world.desk("reader"), self.world)

    @invariant()
    def sums_and_ranges_hold(self) -> None:
        held = self.world.state.pieces
        whole = {number.to_bytes(32, "big"): piece for number, piece in held.items()
                 if piece.status is PieceStatus.WHOLE}
        assert {identity_: piece.owner for identity_, piece in whole.items()} == self.model.owners
        retired = sum(piece.end - piece.start for piece in held.values() if piece.status is PieceStatus.RETIRED)
        assert retired == self.model.retired
        assert retired + sum(piece.end - piece.start for piece in whole.values()) == self.model.issued
        check_everything(self.engine, self.world)


Certificates.TestCase.settings = settings(max_examples=8, stateful_step_count=12, deadline=None)
TestCertificates = Certificates.TestCase


def test_nobody_owns_what_is_retired_or_split(engine: Engine, world: World) -> None:
    """The mirror keeps the last owner of such pieces; only whole ones count as holdings."""
    lower, _ = lifecycle.split(desk(engine, world, ENTERPRISE), issue(world), 5)
    lifecycle.retire(desk(engine, world, ENTERPRISE), lower, "offset", BENEFICIARY, PERIOD)
    burnt = [event.values["to"] for event in world.state.events if event.name == "TransferSingle"
             and event.values["id"] == int.from_bytes(lower, "big")]
    assert burnt == [ENTERPRISE.address, NOBODY]
