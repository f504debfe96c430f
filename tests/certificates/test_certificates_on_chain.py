"""Outbox, lifecycle and mirror on the real contracts: as on the naive registry, lost blocks included."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from chain_helpers import MWH, NOW, OPENING, PV, World, account, payload_digest
from sqlalchemy import Engine, select

from certificates import export, lifecycle, mirror, outbox
from certificates.blocks import RpcBlocks
from certificates.lifecycle import Beneficiary, Desk
from certificates.registry import Mark
from core.clock import FixedClock
from core.database import reading
from core.errors import NotFound, Refused
from core.period import Period
from core.records import Interval
from ledger.anchor.embedded import EmbeddedChain
from ledger.anchor.layout import PieceStatus, piece_id

pytestmark = pytest.mark.chain
BENEFICIARY = Beneficiary("蓝河特钢有限公司", "91320100MA0000000X", "CN", "江苏蓝河园区")
PERIOD = Period(NOW - 60 * 86_400_000, NOW - 30 * 86_400_000)


@pytest.fixture(scope="module")
def embedded() -> Iterator[EmbeddedChain]:
    with EmbeddedChain(None, FixedClock(NOW)) as chain:
        yield chain


@pytest.fixture
def world(embedded: EmbeddedChain) -> Iterator[World]:
    snapshot = embedded.rpc.call("evm_snapshot")
    embedded.clock.instant = NOW  # type: ignore[attr-defined]
    yield World(embedded.url, embedded.clock)  # type: ignore[arg-type]
    embedded.rpc.call("evm_revert", snapshot)


def desk(engine: Engine, world: World, name: str) -> Desk:
    chain = world.chain(name)
    return Desk(engine, world.registry(name), RpcBlocks(chain.rpc), account(name).address, world.clock)


def bytes_of(piece: int) -> bytes:
    return piece.to_bytes(32, "big")


def check_everything(engine: Engine, at: Desk) -> None:
    """Rows agree with the chain, before and after they are dropped and read again."""
    mirror.follow(engine, at.registry, at.blocks)
    assert mirror.differences(engine, at.registry) == []
    with reading(engine) as connection:
        before = connection.execute(select(mirror.PIECES).order_by(mirror.PIECES.c.id)).all()
        events = connection.execute(select(mirror.EVENTS)).all()
    mirror.rebuild(engine, at.registry, at.blocks)
    with reading(engine) as connection:
        assert connection.execute(select(mirror.PIECES).order_by(mirror.PIECES.c.id)).all() == before
        assert connection.execute(select(mirror.EVENTS)).all() == events


def test_a_life_from_issue_to_retirement_is_mirrored(engine: Engine, world: World) -> None:
    piece, owner, trader = bytes_of(world.green(0, 10)), desk(engine, world, "steel"), desk(engine, world, "trader")
    lower, upper = lifecycle.split(owner, piece, 4)
    assert (lower, upper) == (bytes_of(piece_id(payload_digest(0), 0, 4)), bytes_of(piece_id(payload_digest(0), 4, 10)))
    lifecycle.transfer(owner, lower, trader.actor)
    lifecycle.transfer(trader, lower, owner.actor)
    lifecycle.transfer(owner, lower, trader.actor)
    lifecycle.pledge(trader, lower, owner.actor)
    with pytest.raises(Refused, match="certificate-pledged-to"):
        lifecycle.transfer(trader, lower, owner.actor)
    lifecycle.release(owner, lower)
    lifecycle.retire(trader, lower, "renewable-use", BENEFICIARY, PERIOD)
    check_everything(engine, owner)
    with reading(engine) as connection:
        rows = {row.id: row for row in connection.execute(select(mirror.PIECES))}
        retirement = export.retirement_of(connection, lower)
    assert {rows[piece].status, rows[lower].status, rows[upper].status} == {"split", "retired", "live"}
    assert Beneficiary.from_text(retirement["beneficiary"]) == BENEFICIARY
    with pytest.raises(NotFound, match="retirement-unknown"), reading(engine) as connection:
        export.retirement_of(connection, upper)


def test_refusals_of_the_contract_come_through_with_their_codes(engine: Engine, world: World) -> None:
    piece, owner = bytes_of(world.green(0, 10)), desk(engine, world, "steel")
    for act, code in ((lambda: lifecycle.split(owner, piece, 10), "certificate-split-point"),
                      (lambda: lifecycle.transfer(owner, piece, account("stranger").address), "certificate-receiver"),
                      (lambda: lifecycle.transfer(desk(engine, world, "buyer"), piece, owner.actor),
                       "certificate-forbidden")):
        with pytest.raises(Refused) as refusal:
            act()
        assert refusal.value.code == code
    check_everything(engine, owner)


def test_what_a_restart_of_the_chain_lost_is_written_again(
        engine: Engine, world: World, embedded: EmbeddedChain) -> None:
    piece, owner = bytes_of(world.green(0, 10)), desk(engine, world, "steel")
    mirror.follow(engine, owner.registry, owner.blocks)
    snapshot = embedded.rpc.call("evm_snapshot")
    lower, upper = lifecycle.split(owner, piece, 4)
    lifecycle.retire(owner, lower, "offset", BENEFICIARY, PERIOD)
    embedded.rpc.call("evm_revert", snapshot)
    # Another transaction takes the place of the first lost one, so block numbers alone tell nothing.
    world.registry("registrar").open_mark(Mark("cp:other", "org:steel", 1, 0, 1_000, NOW - 1))
    progress = mirror.follow(engine, owner.registry, owner.blocks)
    assert (progress.lost, progress.forgotten > 0) == (2, True)
    assert owner.registry.piece(int.from_bytes(lower, "big")) is None
    outbox.deliver(engine, owner.handler_of)
    check_everything(engine, owner)
    state = owner.registry.piece(int.from_bytes(lower, "big"))
    assert state is not None
    assert state.status is PieceStatus.RETIRED
    assert owner.registry.piece(int.from_bytes(upper, "big")) is not None


def test_a_write_found_on_the_chain_is_not_sent_again(engine: Engine, world: World) -> None:
    """Failed but persisted: the chain has it, the answer was lost, the process died before recording anything."""
    piece, owner = world.green(0, 10), desk(engine, world, "steel")
    world.registry("steel").transfer(piece, account("trader").address)
    nonce = world.chain("steel").web3.eth.get_transaction_count(account("steel").address)
    # Intended before the write, so its step is that of the first transfer.
    operation = outbox.Operation("transfer", owner.actor, {"piece": bytes_of(piece).hex(), "step": "1",
                                                           "to": account("trader").address})
    world.registry("trader").transfer(piece, account("buyer").address)
    intent = outbox.run(engine, operation, owner.handler_of, NOW)
    assert (intent.state, intent.sighting is not None) == (outbox.DONE, True)
    assert world.chain("steel").web3.eth.get_transaction_count(account("steel").address) == nonce


def test_marks_revocation_and_holes(engine: Engine, world: World) -> None:
    registrar = desk(engine, world, "registrar")
    world.green(0, 10)
    lifecycle.revoke(registrar, payload_digest(0), "计量装置故障")
    lifecycle.revoke(registrar, payload_digest(0), "计量装置故障")
    assert registrar.registry.hole(PV, OPENING) == OPENING + 10 * MWH
    lifecycle.skip(registrar, PV, OPENING + 12 * MWH, "调试电量不签发")
    lifecycle.open_mark(registrar, Mark("cp:new", "org:steel", 1, 0, 1_000, NOW - 1))
    lifecycle.open_mark(registrar, Mark("cp:new", "org:steel", 1, 0, 1_000, NOW - 1))
    assert world.conserved()
    check_everything(engine, registrar)
    world.issue(1, [Interval(PV, OPENING, OPENING + 10 * MWH)], 10)
    check_everything(engine, registrar)
