"""The outbox writes each operation to the chain exactly once, whatever fails between intent, sending and recording."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from certificates import outbox
from certificates.outbox import DONE, PENDING, REFUSED, Operation, Sighting
from core.database import reading, transaction
from core.errors import NotFound, Refused, Unavailable

NOW = 1_790_000_000_000
ONE, TWO = Operation("issue", "0xA", {"statement": "01"}), Operation("issue", "0xA", {"statement": "02"})
FOREIGN = Operation("retire", "0xB", {"id": "03"})


class FakeChain:
    """Blocks of operations. `fail` is called before and after each write and may raise."""

    def __init__(self) -> None:
        self.blocks: list[tuple[str, bytes]] = []
        self.sent = 0
        self.forks = 0
        self.before: Callable[[Operation], None] = lambda operation: None
        self.after: Callable[[Operation], None] = lambda operation: None

    def find(self, operation: Operation) -> Sighting | None:
        return next((Sighting(number, digest) for number, (digest, held) in enumerate(self.blocks)
                     if held == operation.id), None)

    def send(self, operation: Operation) -> Sighting:
        self.before(operation)
        if self.find(operation) is not None:
            raise Refused("certificate-already-issued", "the contract holds it")
        self.sent += 1
        self.blocks.append((f"0x{self.forks}-{len(self.blocks)}", operation.id))
        self.after(operation)
        return Sighting(len(self.blocks) - 1, self.blocks[-1][0], "0xt")

    def lose(self, count: int) -> None:
        """The last blocks are gone, as after a crash of a development chain; what follows has other hashes."""
        del self.blocks[len(self.blocks) - count :]
        self.forks += 1

    def block_hash(self, number: int) -> str | None:
        return self.blocks[number][0] if number < len(self.blocks) else None

    def handler(self, operation: Operation) -> FakeChain | None:
        return self if operation.actor == "0xA" else None


@pytest.fixture
def chain() -> FakeChain:
    return FakeChain()


def intend(engine: Engine, *operations: Operation) -> None:
    with transaction(engine) as connection:
        for operation in operations:
            outbox.intend(connection, operation, NOW)


def states(engine: Engine) -> list[str]:
    with reading(engine) as connection:
        return [item.state for item in outbox.intents(connection)]


def check_everything(engine: Engine, chain: FakeChain) -> None:
    """Every done operation is on the chain, none is there twice."""
    held = [identity for _, identity in chain.blocks]
    assert len(held) == len(set(held))
    with reading(engine) as connection:
        for item in outbox.intents(connection, DONE):
            assert item.sighting is not None
            assert chain.block_hash(item.sighting.block) == item.sighting.block_hash
            assert item.operation.id in held


def raise_unavailable(operation: Operation) -> None:
    raise Unavailable("chain-timeout", "no answer")


def raise_refused(operation: Operation) -> None:
    raise Refused("certificate-exclusive", "a live certificate holds the key", hint="supersede it", held="00")


def test_what_is_intended_is_delivered_in_order_and_seen(engine: Engine, chain: FakeChain) -> None:
    intend(engine, ONE, TWO)
    settled = outbox.deliver(engine, chain.handler)
    assert [item.operation for item in settled] == [ONE, TWO]
    assert [item.sighting for item in settled] == [Sighting(0, "0x0-0", "0xt"), Sighting(1, "0x0-1", "0xt")]
    check_everything(engine, chain)


def test_the_same_operation_intended_twice_is_one(engine: Engine, chain: FakeChain) -> None:
    intend(engine, ONE, ONE)
    intend(engine, Operation("issue", "0xA", dict(ONE.arguments)))
    outbox.deliver(engine, chain.handler)
    intend(engine, ONE)
    outbox.deliver(engine, chain.handler)
    assert (states(engine), chain.sent) == ([DONE], 1)


def test_operations_that_differ_in_anything_have_different_ids() -> None:
    others = [Operation("issue", "0xA", {"statement": "02"}), Operation("revoke", "0xA", {"statement": "01"}),
              Operation("issue", "0xB", {"statement": "01"}), Operation("issue", "0xA", {"statement": "01", "x": ""})]
    assert len({ONE.id, *(other.id for other in others)}) == 5


# Every write of one delivery: what fails, whether it was persisted, what is left, and what the next run makes of it.
@pytest.mark.parametrize(("point", "on_chain"), [("before", 0), ("after", 1)])
def test_a_send_that_fails_is_pending_and_the_next_run_writes_it_once(
        engine: Engine, chain: FakeChain, point: str, on_chain: int) -> None:
    intend(engine, ONE)
    setattr(chain, point, raise_unavailable)
    with pytest.raises(Unavailable, match="chain-timeout"):
        outbox.deliver(engine, chain.handler)
    assert (states(engine), len(chain.blocks)) == ([PENDING], on_chain)
    with reading(engine) as connection:
        assert outbox.intent(connection, ONE.id).attempts == 1
    setattr(chain, point, lambda operation: None)
    outbox.deliver(engine, chain.handler)
    assert (states(engine), chain.sent) == ([DONE], 1)
    check_everything(engine, chain)


@pytest.mark.parametrize("persisted", [False, True])
def test_a_crash_while_recording_the_outcome_is_repaired_by_the_next_run(
        engine: Engine, chain: FakeChain, monkeypatch: pytest.MonkeyPatch, persisted: bool) -> None:
    intend(engine, ONE)
    real = outbox._set

    def crash(*arguments: object, **values: object) -> None:
        if persisted:
            real(*arguments, **values)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr(outbox, "_set", crash)
    with pytest.raises(KeyboardInterrupt):
        outbox.deliver(engine, chain.handler)
    monkeypatch.undo()
    assert states(engine) == [PENDING]  # the transaction rolled back either way
    outbox.deliver(engine, chain.handler)
    assert (states(engine), chain.sent) == ([DONE], 1)


def test_an_intent_of_a_transaction_that_failed_is_never_sent(engine: Engine, chain: FakeChain) -> None:
    def fail() -> None:
        with transaction(engine) as connection:
            outbox.intend(connection, ONE, NOW)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert outbox.deliver(engine, chain.handler) == []
    assert chain.blocks == []


def test_a_second_replica_that_comes_late_finds_the_write(engine: Engine, chain: FakeChain) -> None:
    intend(engine, ONE)

    def other_replica(operation: Operation) -> None:
        chain.before = lambda _: None
        chain.send(operation)

    chain.before = other_replica
    outbox.deliver(engine, chain.handler)
    assert (states(engine), len(chain.blocks), chain.sent) == ([DONE], 1, 1)


def test_a_refusal_is_kept_with_its_code_and_does_not_hold_up_the_rest(engine: Engine, chain: FakeChain) -> None:
    intend(engine, ONE, TWO)
    chain.before = lambda operation: raise_refused(operation) if operation == ONE else None
    outbox.deliver(engine, chain.handler)
    assert states(engine) == [REFUSED, DONE]
    with reading(engine) as connection:
        error = outbox.intent(connection, ONE.id).error
    assert error is not None
    assert (error["code"], error["held"]) == ("certificate-exclusive", "00")


def test_run_raises_the_refusal_and_may_be_asked_again(engine: Engine, chain: FakeChain) -> None:
    chain.before = raise_refused
    with pytest.raises(Refused) as refusal:
        outbox.run(engine, ONE, chain.handler, NOW)
    assert (refusal.value.code, refusal.value.hint) == ("certificate-exclusive", "supersede it")
    chain.before = lambda operation: None
    assert outbox.run(engine, ONE, chain.handler, NOW).state == DONE


def test_run_is_done_when_only_another_operation_waits(engine: Engine, chain: FakeChain) -> None:
    def away(operation: Operation) -> None:
        if operation == ONE:
            raise Unavailable("anchor-pending", "not anchored yet")

    intend(engine, ONE)
    chain.before = away
    assert outbox.run(engine, TWO, chain.handler, NOW).state == DONE
    assert states(engine) == [PENDING, DONE]
    with pytest.raises(Unavailable, match="anchor-pending"):
        outbox.run(engine, ONE, chain.handler, NOW)


def test_a_chain_that_is_away_is_asked_once_and_not_for_every_row(engine: Engine, chain: FakeChain) -> None:
    asked: list[Operation] = []

    def away(operation: Operation) -> None:
        asked.append(operation)
        raise Unavailable("chain-unavailable", "no node")

    intend(engine, ONE, TWO)
    chain.before = away
    with pytest.raises(Unavailable):
        outbox.deliver(engine, chain.handler)
    assert asked == [ONE]


def test_an_operation_whose_key_is_not_here_waits_for_its_owner(engine: Engine, chain: FakeChain) -> None:
    intend(engine, FOREIGN, ONE)
    outbox.deliver(engine, chain.handler)
    assert states(engine) == [PENDING, DONE]
    outbox.deliver(engine, lambda operation: chain)
    assert states(engine) == [DONE, DONE]


def test_what_a_crash_of_the_chain_lost_is_written_again_with_the_same_ids(engine: Engine, chain: FakeChain) -> None:
    intend(engine, ONE, TWO)
    outbox.deliver(engine, chain.handler)
    chain.lose(1)
    assert outbox.recheck(engine, chain.block_hash) == 1
    assert states(engine) == [DONE, PENDING]
    outbox.deliver(engine, chain.handler)
    assert [identity for _, identity in chain.blocks] == [ONE.id, TWO.id]
    check_everything(engine, chain)


def test_rechecking_a_chain_that_lost_nothing_changes_nothing(engine: Engine, chain: FakeChain) -> None:
    assert outbox.recheck(engine, chain.block_hash) == 0
    intend(engine, ONE, TWO)
    outbox.deliver(engine, chain.handler)
    assert outbox.recheck(engine, chain.block_hash) == 0
    assert outbox.deliver(engine, chain.handler) == []
    assert chain.sent == 2


def test_an_unknown_intent_is_not_found(engine: Engine) -> None:
    with reading(engine) as connection, pytest.raises(NotFound, match="intent-unknown"):
        outbox.intent(connection, ONE.id)


@given(st.lists(st.sampled_from(["intend", "deliver", "timeout", "lost-answer", "crash", "recheck"]), max_size=25))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_order_of_faults_writes_anything_twice_or_loses_it(engine: Engine, steps: list[str]) -> None:
    chain = FakeChain()
    with transaction(engine) as connection:
        connection.execute(outbox.OUTBOX.delete())
    intended = 0
    for step in steps:
        chain.before = raise_unavailable if step == "timeout" else lambda operation: None
        chain.after = raise_unavailable if step == "lost-answer" else lambda operation: None
        if step == "intend":
            intend(engine, Operation("issue", "0xA", {"statement": str(intended)}))
            intended += 1
        elif step == "crash":
            chain.lose(min(2, len(chain.blocks)))
        elif step == "recheck":
            outbox.recheck(engine, chain.block_hash)
        else:
            try:
                outbox.deliver(engine, chain.handler)
            except Unavailable:
                assert step in ("timeout", "lost-answer")
    chain.before = chain.after = lambda operation: None
    outbox.recheck(engine, chain.block_hash)
    outbox.deliver(engine, chain.handler)
    assert states(engine) == [DONE] * intended
    assert len(chain.blocks) == intended
    check_everything(engine, chain)
