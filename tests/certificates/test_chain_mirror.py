"""The mirror: rows as the chain says, through faults of reading and writing, forks of any depth, and rebuilding."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from certificates_helpers import ENTERPRISE, MARK, PERIOD, TRADER, application
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from memory_registry import NOBODY, MemoryRegistry, World
from sqlalchemy import Engine, select

from certificates import mirror
from certificates.blocks import RpcBlocks, hash_of
from certificates.registry import RegistryEvent
from core.database import reading, transaction
from core.errors import Unavailable


@pytest.fixture
def world() -> World:
    world = World([ENTERPRISE.address, TRADER.address])
    world.desk("registrar").open_mark(MARK)
    return world


def issue(world: World, number: int = 0) -> int:
    """A certificate of one unit at the mark's position; its piece."""
    start = 5_000_000 + number * 1_000_000
    piece = world.desk("node").issue(application(number, start=start, units=1)).piece
    assert piece is not None
    return piece


def reader(world: World) -> MemoryRegistry:
    return world.desk("reader")


def follow(engine: Engine, world: World) -> mirror.Progress:
    return mirror.follow(engine, reader(world), world)


def snapshot(engine: Engine) -> list[list[Any]]:
    """Every row of the read model but the blocks read up to."""
    with reading(engine) as connection:
        return [sorted(map(str, connection.execute(select(each)).all()))
                for each in (mirror.EVENTS, mirror.CERTIFICATES, mirror.PIECES)]


def check_everything(engine: Engine, world: World) -> None:
    """Rows equal the chain's state, and reading the whole chain again gives the same rows."""
    assert mirror.differences(engine, reader(world)) == []
    rows = snapshot(engine)
    mirror.rebuild(engine, reader(world), world)
    assert snapshot(engine) == rows


def test_an_empty_chain_is_read_and_remembered(engine: Engine) -> None:
    world = World()
    with reading(engine) as connection:
        assert mirror.head(connection) == -1
    assert follow(engine, world) == mirror.Progress(0, 0, 0, 0)
    with reading(engine) as connection:
        assert mirror.head(connection) == 0


def test_following_again_reads_nothing_twice(engine: Engine, world: World) -> None:
    issue(world)
    first = follow(engine, world)
    assert (first.head, first.events > 0) == (2, True)
    assert follow(engine, world) == mirror.Progress(2, 0, 0, 0)
    check_everything(engine, world)


def test_each_piece_and_certificate_has_its_row(engine: Engine, world: World) -> None:
    piece = issue(world)
    world.desk(ENTERPRISE.address).transfer(piece, TRADER.address)
    follow(engine, world)
    with reading(engine) as connection:
        (certificate,) = connection.execute(select(mirror.CERTIFICATES)).all()
        (row,) = connection.execute(select(mirror.PIECES)).all()
    assert (certificate.status, certificate.amount, certificate.moved) == ("live", 1, 1)
    assert (row.id, row.owner, row.status) == (piece.to_bytes(32, "big"), TRADER.address, "live")


# Each read and each write of one run: what fails, and what the next run makes of it.
@pytest.mark.parametrize("what", ["head", "events"])
def test_a_chain_that_goes_away_while_it_is_read_leaves_the_rows_as_they_were(
        engine: Engine, world: World, what: str) -> None:
    follow(engine, world)
    before = snapshot(engine)
    issue(world)

    def away(point: str, name: str) -> None:
        if (point, name) == ("read", what):
            raise Unavailable("chain-unavailable", "no node")

    world.fault = away
    with pytest.raises(Unavailable):
        follow(engine, world)
    assert snapshot(engine) == before
    world.fault = lambda point, name: None
    follow(engine, world)
    check_everything(engine, world)


@pytest.mark.parametrize("failing", ["_forget_above", "_replace"])
@pytest.mark.parametrize("persisted", [False, True])
def test_a_crash_while_rows_are_written_leaves_none_or_all(
        engine: Engine, world: World, monkeypatch: pytest.MonkeyPatch, failing: str, persisted: bool) -> None:
    issue(world)
    follow(engine, world)
    before = snapshot(engine)
    issue(world, 1)
    real: Callable[..., Any] = getattr(mirror, failing)

    def crash(*arguments: Any) -> None:
        if persisted:
            real(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(mirror, failing, crash)
    with pytest.raises(KeyboardInterrupt):
        follow(engine, world)
    monkeypatch.undo()
    assert snapshot(engine) == before
    follow(engine, world)
    check_everything(engine, world)


@pytest.mark.parametrize("depth", [1, 2, 3, 99])
def test_a_fork_is_forgotten_and_read_again(engine: Engine, world: World, depth: int) -> None:
    for number in range(3):
        issue(world, number)
        follow(engine, world)
    world.lose(depth)
    if depth == 99:
        world.desk("registrar").open_mark(MARK)
    assert follow(engine, world).forgotten > 0
    assert len(snapshot(engine)[1]) == max(3 - depth, 0)
    check_everything(engine, world)


def test_other_blocks_under_the_same_numbers_are_told_by_their_hash(engine: Engine, world: World) -> None:
    issue(world)
    follow(engine, world)
    world.lose(1)
    issue(world, 0)
    assert world.head() == 2
    assert follow(engine, world).forgotten > 0
    check_everything(engine, world)


def test_a_fork_deeper_than_what_is_kept_reads_the_chain_from_its_beginning(
        engine: Engine, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirror, "KEPT_BLOCKS", 2)
    for number in range(5):
        issue(world, number)
        follow(engine, world)
    with reading(engine) as connection:
        assert len(connection.execute(select(mirror.BLOCKS)).all()) == 2
    world.lose(3)
    follow(engine, world)
    assert len(snapshot(engine)[1]) == 2
    check_everything(engine, world)


def test_an_edited_row_is_found_and_rebuilding_repairs_it(engine: Engine, world: World) -> None:
    piece = issue(world)
    follow(engine, world)
    with transaction(engine) as connection:
        connection.execute(mirror.PIECES.update().values(owner=TRADER.address))
        connection.execute(mirror.CERTIFICATES.update().values(amount=999))
    found = mirror.differences(engine, reader(world))
    assert [line.split()[0] for line in found] == ["certificate", "piece"]
    assert piece.to_bytes(32, "big").hex() in found[1]
    mirror.rebuild(engine, reader(world), world)
    assert mirror.differences(engine, reader(world)) == []


def test_a_batch_transfer_is_a_row_for_each_piece(engine: Engine, world: World) -> None:
    pieces = [issue(world, number) for number in range(2)]
    world.write("batch", lambda state: [("TransferBatch", {
        "operator": ENTERPRISE.address, "from": ENTERPRISE.address, "to": TRADER.address, "ids": pieces,
        "values": [1, 1]})])
    follow(engine, world)
    with reading(engine) as connection:
        rows = connection.execute(select(mirror.EVENTS).where(mirror.EVENTS.c.name == "TransferBatch")).all()
    assert {row.piece for row in rows} == {piece.to_bytes(32, "big") for piece in pieces}
    assert json.loads(rows[0].data)["ids"] == [str(piece) for piece in pieces]


def test_an_event_about_a_mark_is_kept_without_a_piece(engine: Engine, world: World) -> None:
    follow(engine, world)
    with reading(engine) as connection:
        (row,) = connection.execute(select(mirror.EVENTS)).all()
    assert (row.name, row.piece, row.digest, row.time) == ("MarkOpened", None, None, world.blocks[1][0].time)


def test_a_certificate_withheld_whole_has_no_piece() -> None:
    event = RegistryEvent("CertificateIssued", 1, "0x", "0x", 0, {"payloadDigest": b"\x01" * 32, "id": 0, "amount": 1})
    assert mirror._pieces(event) == [None]


class FakeRpc:
    """Three blocks of a node."""

    def call(self, method: str, *parameters: Any) -> Any:
        if method == "eth_blockNumber":
            return "0x2"
        number = int(parameters[0], 16)
        return {"hash": f"0xh{number}", "timestamp": hex(1_790_000_000 + number)} if number <= 2 else None


@pytest.mark.parametrize(("confirmations", "head"), [(0, 2), (1, 1), (2, 0), (3, 0)])
def test_the_head_stands_back_by_the_confirmations_asked_for(confirmations: int, head: int) -> None:
    blocks = RpcBlocks(FakeRpc(), confirmations)  # type: ignore[arg-type]
    assert blocks.head() == head
    block = blocks.block(2)
    assert block is not None
    assert (block.hash, block.time) == ("0xh2", 1_790_000_002_000)
    assert (hash_of(blocks, 1), hash_of(blocks, 3)) == ("0xh1", None)


@given(st.lists(st.sampled_from(["issue", "move", "retire", "lose-1", "lose-2", "follow"]), max_size=20))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_agree_with_the_chain_after_any_history(engine: Engine, steps: list[str]) -> None:
    world = World([ENTERPRISE.address, TRADER.address])
    world.desk("registrar").open_mark(MARK)
    mirror.rebuild(engine, reader(world), world)
    for step in steps:
        whole = sorted(number for number, piece in world.state.pieces.items()
                       if piece.status == 1 and piece.owner == ENTERPRISE.address)
        if step == "issue":
            issue(world, len(world.state.certificates))
        elif step == "move" and whole:
            world.desk(ENTERPRISE.address).transfer(whole[0], TRADER.address)
        elif step == "retire" and whole:
            world.desk(ENTERPRISE.address).retire(whole[-1], "x", NOBODY, PERIOD.start, PERIOD.end)
        elif step.startswith("lose"):
            world.lose(min(int(step[-1]), len(world.blocks) - 2))
        elif step == "follow":
            follow(engine, world)
    follow(engine, world)
    check_everything(engine, world)
