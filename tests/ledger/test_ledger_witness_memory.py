"""A witness's memory: after a fault at every write, for each log apart, and whatever is sent to it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_helpers import ORIGIN, naive_proof, naive_root, open_log_engine
from sqlalchemy import event
from test_ledger_witness import ENTRIES, KEY, LOG, WITNESS, at, refusal, step

from core.clock import FixedClock
from core.database import transaction
from core.errors import CarbonSealError, Refused
from core.signer import KeySigner
from ledger import checkpoint as checkpoints
from ledger import note, witness
from ledger.checkpoint import Checkpoint, Cosignature, WitnessPolicy
from ledger.witness import MAX_PROOF_LINES, MAX_REQUEST_BYTES, Witness, decide, parse_request, write_request

OTHER_LOG = KeySigner.from_seed(b"\x03" * 32)
OTHER_ORIGIN = "carbon.example/other"
NOW = 1_800_000_000_000
POLICY = WitnessPolicy.parse(1, [checkpoints.witness_key("w.example", WITNESS.public_key)])


def made(folder: Path, now: int = NOW) -> Witness:
    """The witness of two logs, its memory in a folder."""
    keys = {ORIGIN: KEY, OTHER_ORIGIN: checkpoints.log_key(OTHER_ORIGIN, OTHER_LOG.public_key)}
    return Witness(open_log_engine(folder / "witness.db"), WITNESS, "w.example", keys, FixedClock(now))


def remembered(keeper: Witness) -> int:
    """The size the witness remembers, asked the way a log would."""
    with pytest.raises(Refused) as caught:
        keeper.add_checkpoint(write_request(39, [bytes(32)] * 6, at(40)))
    assert caught.value.code == "witness-size-conflict"
    return int(str(caught.value.detail["size"]))


def answer(ask: Callable[[], object]) -> str:
    """"ok", or the code of the refusal."""
    try:
        ask()
    except CarbonSealError as error:
        return error.code
    return "ok"


class Fault(Exception):
    """The injected fault."""


@pytest.mark.parametrize("known", [0, 8])
@pytest.mark.parametrize("where", ["before the write", "after the write", "before the commit", "after the commit"])
def test_a_failure_at_any_write_co_signs_nothing_and_the_next_try_succeeds(
        tmp_path: Path, known: int, where: str) -> None:
    """No line leaves before the size is durable; one that was lost behind the commit is asked for anew."""
    keeper = made(tmp_path)
    if known:
        keeper.add_checkpoint(step(0, known))
    engine = keeper._engine
    commit, fired = engine.dialect.do_commit, []

    def fail(name: str) -> None:
        if name == where and not fired:
            fired.append(name)
            raise Fault

    def do_commit(connection: Any) -> None:
        fail("before the commit")
        commit(connection)
        fail("after the commit")

    def before(_c: object, _k: object, statement: str, *_: object) -> None:
        if not statement.startswith("SELECT"):
            fail("before the write" if "witness_head" in statement else "")

    def after(_c: object, _k: object, statement: str, *_: object) -> None:
        if "witness_head" in statement and not statement.startswith("SELECT"):
            fail("after the write")

    event.listen(engine, "before_cursor_execute", before)
    event.listen(engine, "after_cursor_execute", after)
    engine.dialect.do_commit = do_commit  # type: ignore[method-assign]
    with pytest.raises(Fault):
        keeper.add_checkpoint(step(known, 20))
    engine.dialect.do_commit = commit  # type: ignore[method-assign]
    engine.dispose()
    again = made(tmp_path)
    if where == "after the commit":
        assert remembered(again) == 20
        line = again.add_checkpoint(step(20, 20))
    else:
        assert remembered(again) == known
        line = again.add_checkpoint(step(known, 20))
    [counted] = checkpoints.verify_policy(checkpoints.with_signatures(at(20), [line]), KEY, POLICY)
    assert counted.time == NOW
    assert again.conflicts(ORIGIN) == []


def test_each_log_has_a_memory_of_its_own(tmp_path: Path) -> None:
    keeper = made(tmp_path)
    keeper.add_checkpoint(step(0, 20))
    other = checkpoints.sign(OTHER_LOG, OTHER_ORIGIN, 5, naive_root(ENTRIES[:5]))
    line = keeper.add_checkpoint(write_request(0, [], other))
    policy = WitnessPolicy.parse(1, [checkpoints.witness_key("w.example", WITNESS.public_key)])
    key = checkpoints.log_key(OTHER_ORIGIN, OTHER_LOG.public_key)
    assert checkpoints.verify_policy(checkpoints.with_signatures(other, [line]), key, policy)
    assert remembered(keeper) == 20
    forked = checkpoints.sign(OTHER_LOG, OTHER_ORIGIN, 5, bytes(32))
    assert refusal(keeper, write_request(5, [], forked)) == (409, "witness-root-conflict")
    assert (len(keeper.conflicts(OTHER_ORIGIN)), keeper.conflicts(ORIGIN)) == (1, [])


def test_the_key_of_one_log_signs_nothing_for_another(tmp_path: Path) -> None:
    keeper = made(tmp_path)
    crossed = checkpoints.sign(LOG, OTHER_ORIGIN, 5, naive_root(ENTRIES[:5]))
    assert refusal(keeper, write_request(0, [], crossed)) == (403, "witness-signature")


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40), st.booleans()), max_size=12))
def test_whatever_is_offered_what_is_co_signed_is_one_growing_log(
        tmp_path_factory: pytest.TempPathFactory, offers: list[tuple[int, int, bool]]) -> None:
    """Two histories, honest and forked at entry 7, in any order: the witness follows the first it saw past the fork."""
    keeper = made(tmp_path_factory.mktemp("w"))
    fork = [*ENTRIES[:7], b"another", *ENTRIES[8:]]
    signed: list[tuple[int, bytes]] = [(0, naive_root([]))]
    for old, new, honest in offers:
        entries = ENTRIES if honest else fork
        if old > new:
            continue
        body = write_request(old, naive_proof(old, entries[:new]) if old else [], at(new, entries))
        code = answer(lambda body=body: keeper.add_checkpoint(body))  # type: ignore[misc]
        assert code in ("ok", "witness-size-conflict", "witness-root-conflict", "witness-proof")
        signed += [(new, naive_root(entries[:new]))] if code == "ok" else []
    sizes = [size for size, _ in signed]
    assert sizes == sorted(sizes)
    honest_roots = {(size, naive_root(ENTRIES[:size])) for size in sizes}
    forked_roots = {(size, naive_root(fork[:size])) for size in sizes}
    assert set(signed) <= honest_roots or set(signed) <= forked_roots
    keeper._engine.dispose()


# contradictions

def test_one_contradiction_is_kept_once_however_often_it_is_sent(tmp_path: Path) -> None:
    """A note of the log is public: who sends it again and again, each time with another line, fills nothing."""
    keeper = made(tmp_path)
    keeper.add_checkpoint(step(0, 8))
    split = at(8, [*ENTRIES[:7], b"another"])
    for number in range(20):
        padded = Checkpoint(split.origin, split.size, split.root, split.note + (
            "— x" + str(number) + " " + b64encode(bytes([number]) * 8).decode() + "\n").encode())
        assert refusal(keeper, write_request(8, [], padded))[1] == "witness-root-conflict"
    assert len(keeper.conflicts(ORIGIN)) == 1
    other = at(8, [*ENTRIES[:7], b"a third"])
    assert refusal(keeper, write_request(8, [], other))[1] == "witness-root-conflict"
    assert [offered for _, offered in keeper.conflicts(ORIGIN)][1] == other.note


def test_a_wrong_proof_of_a_true_checkpoint_does_not_fill_the_memory(tmp_path: Path) -> None:
    keeper = made(tmp_path)
    keeper.add_checkpoint(step(0, 8))
    for number in range(20):
        assert refusal(keeper, write_request(8, [bytes([number]) * 32], at(12)))[1] == "witness-proof"
    assert len(keeper.conflicts(ORIGIN)) == 1
    keeper.add_checkpoint(step(8, 12))


def test_before_anything_was_co_signed_nothing_can_contradict(tmp_path: Path) -> None:
    keeper = made(tmp_path)
    assert refusal(keeper, write_request(0, [bytes(32)], at(3)))[1] == "witness-proof"
    assert keeper.conflicts(ORIGIN) == []


def test_who_comes_second_between_reading_and_writing_is_told_so(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The writer's lock makes it impossible in one database; the compare-and-swap holds where there is none."""
    keeper = made(tmp_path)
    keeper.add_checkpoint(step(0, 8))
    keeper.add_checkpoint(step(8, 20))
    monkeypatch.setattr(witness, "_known", lambda *_: at(8))
    assert refusal(keeper, step(8, 12)) == (409, "witness-size-conflict")
    monkeypatch.setattr(witness, "_known", lambda *_: None)
    assert refusal(keeper, step(0, 12)) == (409, "witness-size-conflict")
    monkeypatch.undo()
    assert remembered(keeper) == 20


# the decision alone

@pytest.mark.parametrize(("known", "old", "new", "entries", "code"), [
    (None, 0, 0, "same", "ok"), (None, 0, 5, "same", "ok"), (None, 1, 5, "same", "witness-size-conflict"),
    (5, 5, 5, "same", "ok"), (5, 5, 6, "same", "ok"), (5, 4, 6, "same", "witness-size-conflict"),
    (5, 6, 6, "same", "witness-size-conflict"), (5, 5, 5, "fork", "witness-root-conflict"),
    (5, 5, 6, "fork", "witness-proof"), (8, 8, 40, "fork", "witness-proof"), (0, 0, 5, "same", "ok")])
def test_a_checkpoint_is_co_signed_when_it_extends_the_one_remembered(
        known: int | None, old: int, new: int, entries: str, code: str) -> None:
    chosen = ENTRIES if entries == "same" else [b"another", *ENTRIES[1:]]
    request = parse_request(write_request(old, naive_proof(old, chosen[:new]) if old else [], at(new, chosen)))
    assert answer(lambda: decide(None if known is None else at(known), request)) == code


# requests

def lines(count: int) -> bytes:
    return (b64encode(bytes(32)) + b"\n") * count


@pytest.mark.parametrize(("body", "accepted"), [
    (b"old 3\n" + lines(MAX_PROOF_LINES) + b"\n" + at(3).note, True),
    (b"old 3\n" + lines(MAX_PROOF_LINES + 1) + b"\n" + at(3).note, False),
    (b"old 3\n\n" + at(3).note, True), (b"old 4\n\n" + at(3).note, False), (b"3\n\n" + at(3).note, False),
    (b"new 3\n\n" + at(3).note, False), (b"old 3\n" + at(3).note, False), (b"old  3\n\n" + at(3).note, False),
    (b"old 3 \n\n" + at(3).note, False), (b"old 9223372036854775808\n\n" + at(3).note, False),
    (b"old 3\n=\n\n" + at(3).note, False), (b"old 3\nAA\n\n" + at(3).note, False)])
def test_a_request_has_its_form(body: bytes, accepted: bool) -> None:
    if accepted:
        assert parse_request(body).old_size == 3
    else:
        with pytest.raises(CarbonSealError) as caught:
            parse_request(body)
        assert caught.value.http_status == 400


def padded(size: int) -> bytes:
    """A request of exactly this many bytes: a note filled up with signatures of an unknown key."""
    head = b"old 3\n\n" + at(3).note
    left, out = size - len(head), head
    while left:
        prefix = "— pad ".encode()
        part = min(left, 40_000)
        if 0 < left - part < 40:
            part -= 40
        encoded = part - len(prefix) - 1
        name = "p" * (encoded % 4)
        out += "— pad".encode() + name.encode() + b" " + b"A" * (encoded - len(name)) + b"\n"
        left -= part
    return out


@pytest.mark.parametrize("size", [10_000, note.MAX_NOTE_BYTES - 100])
def test_a_note_with_many_other_signatures_is_read(size: int) -> None:
    body = padded(size)
    assert len(body) == size
    assert parse_request(body).checkpoint.size == 3


@pytest.mark.parametrize("size", [note.MAX_NOTE_BYTES + 100, MAX_REQUEST_BYTES + 1])
def test_a_larger_one_is_refused(size: int) -> None:
    with pytest.raises(CarbonSealError) as caught:
        parse_request(padded(size))
    assert caught.value.http_status == 400


# ages of cosignatures

def seen(*ages: int) -> list[Cosignature]:
    key = note.parse_key(checkpoints.witness_key("w.example", WITNESS.public_key))
    return [Cosignature(key, NOW - age) for age in ages]


@pytest.mark.parametrize(("ages", "threshold", "fresh"), [
    ([0], 1, True), ([1000], 1, True), ([1001], 1, False), ([], 0, False), ([], 1, False), ([1000], 0, True),
    ([1001], 0, False), ([5, 1001], 2, False), ([5, 1000], 2, True), ([5, 6, 7], 2, True), ([-5], 1, True)])
def test_a_checkpoint_is_fresh_while_enough_witnesses_saw_it_lately(
        ages: list[int], threshold: int, fresh: bool) -> None:
    """Who asks for an age asks for one witness at least: without any there is no age."""
    found = answer(lambda: checkpoints.check_age(seen(*ages), threshold, NOW, 1000))
    assert found == ("ok" if fresh else "checkpoint-stale")


def test_a_witness_signs_the_time_of_its_clock_in_whole_seconds(tmp_path: Path) -> None:
    line = made(tmp_path, NOW + 999).add_checkpoint(step(0, 3))
    [counted] = checkpoints.verify_policy(checkpoints.with_signatures(at(3), [line]), KEY, POLICY)
    assert counted.time == NOW


def test_of_several_times_of_one_witness_the_latest_counts() -> None:
    cosigned = checkpoints.with_signatures(at(3), [
        checkpoints.cosign(at(3), WITNESS, "w.example", NOW + offset) for offset in (1000, 3000, 2000)])
    [counted] = checkpoints.verify_policy(cosigned, KEY, POLICY)
    assert counted.time == NOW + 3000


def test_a_memory_that_was_emptied_follows_any_history_again(tmp_path: Path) -> None:
    """Who owns the memory of a witness can co-sign anything: hence k of n."""
    keeper = made(tmp_path)
    keeper.add_checkpoint(step(0, 20))
    with transaction(keeper._engine) as connection:
        connection.exec_driver_sql("DELETE FROM witness_head")
    assert keeper.add_checkpoint(step(0, 8))
