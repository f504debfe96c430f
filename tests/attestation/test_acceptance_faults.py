"""A fault at every write of everything this room writes: before it, after it, at the commit and just behind it.

What failed has left no trace, and tried again it gives what it would have given at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from copy import copy
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from attestation_helpers import (
    GATEWAY,
    HOUR,
    MINUTE,
    ORG,
    OTHER_KEY,
    SITE,
    START,
    Gateway,
    Node,
    block,
    change,
    energy_block,
)
from sqlalchemy import event, text

from attestation.acceptance import Outcome
from attestation.frame import Submission
from attestation.registration import rotation_payload
from attestation.resolution import resolve
from core.database import transaction
from core.errors import CarbonSealError

TABLES = ("frame", "block", "gateway", "rollup", "register", "flag", "registration", "dispute", "manifest_row",
          "beacon")
Operation = Callable[["Park"], object]


class Fault(Exception):
    """The injected fault."""


def stored(node: Node) -> dict[str, list[Any]]:
    """Every row of the room, and the entries beside them."""
    with node.connection() as connection:
        rows = {name: sorted(map(tuple, connection.execute(text(f"SELECT * FROM attestation_{name}"))), key=str)
                for name in TABLES}
    return rows | {"entries": list(node.entries)}


@contextmanager
def failing(node: Node, step: int) -> Iterator[list[str]]:
    """Within it the write number `step` fails: 2·n before write n, 2·n + 1 after it. Commits are writes.

    Names the writes that were reached; the last one is where it failed, unless there are fewer.
    """
    reached: list[str] = []
    dialect, engine = node.engine.dialect, node.engine
    commit = dialect.do_commit

    def reach(name: str) -> None:
        reached.append(name)
        if len(reached) == step + 1:
            raise Fault(name)

    def before(_c: object, _k: object, statement: str, *_: object) -> None:
        if statement.startswith(("INSERT", "UPDATE", "DELETE")):
            reach("before " + statement[:50])

    def after(_c: object, _k: object, statement: str, *_: object) -> None:
        if statement.startswith(("INSERT", "UPDATE", "DELETE")):
            reach("after " + statement[:50])

    def do_commit(connection: Any) -> None:
        if reached:
            reach("before commit")
        commit(connection)

    event.listen(engine, "before_cursor_execute", before)
    event.listen(engine, "after_cursor_execute", after)
    dialect.do_commit = do_commit  # type: ignore[method-assign]
    try:
        yield reached
    finally:
        dialect.do_commit = commit  # type: ignore[method-assign]
        event.remove(engine, "before_cursor_execute", before)
        event.remove(engine, "after_cursor_execute", after)


class Park(NamedTuple):
    """A node and where its gateway stands."""

    node: Node
    at: Gateway

    @property
    def gateway(self) -> Gateway:
        """The gateway, ready to sign its next frame."""
        return copy(self.at)


def park(folder: Path) -> Park:
    """A node with two meters and some evidence: a fall at 5, a late frame at 6, a manifest at 7, one more frame."""
    folder.mkdir()
    node, gateway = Node(folder).enrol("m:main", "m:side"), Gateway()
    node.put(*[gateway.frame(block(start=START + i * MINUTE, energy=10**6 + 600 * i),
                             block("m:side", start=START + i * MINUTE, energy=600 * i)) for i in range(2)])
    node.one(gateway.frame(energy_block([5_000, 6_000], start=START + 5 * MINUTE),
                           block("m:side", start=START + 5 * MINUTE, energy=3_000, power=10**7)))
    node.clock.instant += 400 * 24 * HOUR
    node.one(gateway.frame(block(start=START + 7 * MINUTE, energy=1_004_200),
                           block("m:side", start=START + 7 * MINUTE, energy=4_200)))
    node.clock.instant -= 400 * 24 * HOUR
    node.manifest()
    node.one(gateway.frame(block(start=START + 8 * MINUTE, energy=1_004_800)))
    return Park(node, gateway)


def accept(park: Park) -> object:
    """Two frames, one of them sent twice, and a column out of range."""
    gateway = park.gateway
    one = gateway.frame(block(start=START + 10 * MINUTE, energy=1_010_000))
    two = gateway.frame(block(start=START + 11 * MINUTE, energy=1_010_600, power=10**7),
                        energy_block([9_000], meter="m:side", start=START + 11 * MINUTE))
    return [(decision.outcome, decision.index) for decision in park.node.put(one, two, one)]


def equivocate(park: Park) -> object:
    """Two other payloads for a place that counts: its hours are folded again, and disputes are written."""
    return [(decision.outcome, decision.index) for decision in park.node.put(*contradictions())]


def contradictions() -> list[Submission]:
    """What a thief of the key signs for the first place."""
    thief = Gateway()
    return [thief.build(block(power=power), block("m:side")) for power in (1, 2)]


def register_a_swap(park: Park) -> object:
    """A registration about the past: it answers a flag, and the meter is folded again."""
    return park.node.register("meter", "m:main", "swap", change(0, START + 4 * MINUTE, 1_001_300, profile=None),
                              START + 4 * MINUTE)


def enrol(park: Park) -> object:
    """A new gateway."""
    return park.node.register("device", "gw:two", "enrol",
                              {"public_key": OTHER_KEY.public_key.hex(), "site": SITE, "org": ORG})


def rotate(park: Park) -> object:
    """The gateway's key changes."""
    payload = rotation_payload(park.at.signer, park.node.heads[GATEWAY], START, (0, 4, park.at.head),
                               OTHER_KEY.public_key)
    return park.node.register_payload("device", payload)


def decide(park: Park, index: int, column: tuple[str, str], code: str, decision: str) -> None:
    """A person's decision about a flag."""
    with transaction(park.node.engine) as connection:
        resolve(connection, index, *column, code, decision, "acct:inspector", START)


def decide_to_count(park: Park) -> object:
    """A person lets a late frame count: its meters are folded again."""
    return decide(park, 6, ("", ""), "late", "counts")


def decide_to_leave_out(park: Park) -> object:
    """A person closes a flag and changes nothing that counts."""
    return decide(park, 5, ("m:main", "energy"), "register-falls", "stays-out")


def manifest(park: Park) -> object:
    """Rows of a manifest over what came since the last one."""
    return park.node.manifest(7)


# How many steps each has at least: an operation that writes less than it seems to would test nothing.
OPERATIONS: dict[Operation, int] = {
    accept: 13, equivocate: 15, register_a_swap: 13, enrol: 3, rotate: 3, decide_to_count: 13, decide_to_leave_out: 3,
    manifest: 3}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.__name__)
def test_a_failure_at_any_write_leaves_nothing_behind_and_the_next_try_gives_the_same(
        tmp_path: Path, operation: Operation) -> None:
    untroubled, troubled = park(tmp_path / "untroubled"), park(tmp_path / "troubled")
    expected = operation(untroubled)
    node, before, answer = troubled.node, stored(troubled.node), None
    for step in range(99):
        heads = dict(node.heads)
        with failing(node, step) as reached, suppress(Fault):
            answer = operation(troubled)
        if len(reached) <= step:
            break
        # The log is written in the same transaction: what it took is gone with the rest.
        node.heads, node.entries[:] = heads, before["entries"]
        assert stored(node) == before, reached[-1]
    assert step >= OPERATIONS[operation]
    assert answer == expected
    assert stored(node) == stored(untroubled.node)
    assert node.check_everything() == []
    for each in (node, untroubled.node):
        each.engine.dispose()


@contextmanager
def answer_lost(node: Node) -> Iterator[None]:
    """The first commit of writes takes place, and its answer never comes."""
    dialect, wrote = node.engine.dialect, [False]
    commit = dialect.do_commit

    def note(_c: object, _k: object, statement: str, *_: object) -> None:
        wrote[0] = wrote[0] or statement.startswith(("INSERT", "UPDATE", "DELETE"))

    def do_commit(connection: Any) -> None:
        commit(connection)
        if wrote[0]:
            raise Fault

    event.listen(node.engine, "before_cursor_execute", note)
    dialect.do_commit = do_commit  # type: ignore[method-assign]
    try:
        yield
    finally:
        dialect.do_commit = commit  # type: ignore[method-assign]
        event.remove(node.engine, "before_cursor_execute", note)


def test_frames_whose_answer_was_lost_are_acknowledged_when_they_are_sent_again(tmp_path: Path) -> None:
    made = park(tmp_path / "park")
    with answer_lost(made.node), pytest.raises(Fault):
        accept(made)
    after = stored(made.node)
    assert accept(made) == [(Outcome.DUPLICATE, 9), (Outcome.DUPLICATE, 10), (Outcome.DUPLICATE, 9)]
    assert stored(made.node) == after
    assert made.node.check_everything() == []


def test_second_payloads_whose_answer_was_lost_are_no_third_ones(tmp_path: Path) -> None:
    made = park(tmp_path / "park")
    made.node.put(*contradictions())
    after = stored(made.node)
    assert [(decision.outcome, decision.index) for decision in made.node.put(*contradictions())] == [
        (Outcome.DUPLICATE, 9), (Outcome.DUPLICATE, 10)]
    assert stored(made.node) == after


@pytest.mark.parametrize(("operation", "code"), [
    (register_a_swap, "history-chain"), (enrol, "history-chain"), (rotate, "history-chain"),
    (decide_to_count, "flag-unknown"), (decide_to_leave_out, "flag-unknown")])
def test_what_was_written_once_is_refused_the_second_time(tmp_path: Path, operation: Operation, code: str) -> None:
    """The sender whose answer was lost learns from the refusal that it stands."""
    made = park(tmp_path / "park")
    heads = dict(made.node.heads)
    operation(made)
    after = stored(made.node)
    made.node.heads = heads
    with pytest.raises(CarbonSealError) as caught:
        operation(made)
    assert caught.value.code == code
    assert stored(made.node) == after
    assert made.node.check_everything() == []


def test_a_bad_frame_in_a_batch_leaves_no_row_of_its_own(tmp_path: Path) -> None:
    """Refusals are answers: the rest of the batch is stored as if they had not been sent."""
    one, two = park(tmp_path / "one"), park(tmp_path / "two")
    gateway = one.gateway
    good = [gateway.frame(block(start=START + (10 + i) * MINUTE, energy=1_010_000 + 600 * i)) for i in range(3)]
    stranger = Gateway(OTHER_KEY).build(block(start=START + 10 * MINUTE))
    broken = good[1]._replace(blocks=good[0].blocks)
    one.node.put(*good)
    outcomes = [decision.outcome for decision in two.node.put(
        stranger, good[0], broken, good[1], stranger, good[2], broken)]
    assert outcomes == ["refused", "accepted", "refused", "accepted", "refused", "accepted", "duplicate"]
    assert stored(one.node) == stored(two.node)
