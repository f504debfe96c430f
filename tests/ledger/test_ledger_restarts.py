"""What a node finds when it starts again: the lock beside the database in every state they can be in together."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from ledger_helpers import ORIGIN, Log, naive_root

from core.clock import FixedClock
from core.database import reading, transaction
from core.errors import CarbonSealError, FormError, Refused, VerificationFailed
from core.merkle import EMPTY_ROOT
from core.signer import KeySigner
from ledger import checkpoint as checkpoints
from ledger import log, note
from ledger.checkpoint import Checkpoint
from ledger.lock import FileLock
from ledger.store import SqlStore

OTHER = KeySigner.from_seed(b"\x08" * 32)


@pytest.fixture
def grown(a_log: Log) -> Log:
    """Five entries under a checkpoint, three more behind it."""
    a_log.grow(5)
    a_log.append(b"a", b"b", b"c")
    return a_log


def held(tested: Log, size: int, root: bytes | None = None, signer: KeySigner | None = None,
         origin: str = ORIGIN) -> None:
    """Put a checkpoint of this size into the lock; by default the true one."""
    true = naive_root([*tested.entries, *[b"never"] * 9][:size])
    tested.lock.path.write_bytes(checkpoints.sign(signer or tested.signer, origin, size, root or true).note)


def start(tested: Log) -> str:
    """What starting answers: "ok", or the code of the refusal."""
    try:
        log.start(tested.engine, tested.key, lock=tested.lock)
    except CarbonSealError as error:
        return error.code
    return "ok"


def seal(tested: Log) -> str:
    """What sealing answers; a refusal has signed nothing and moved neither the lock nor the log."""
    before = tested.lock.path.read_bytes() if tested.lock.path.exists() else None
    try:
        signed = tested.seal()
    except CarbonSealError as error:
        after = tested.lock.path.read_bytes() if tested.lock.path.exists() else None
        assert after == before
        with reading(tested.engine) as connection:
            assert log.checkpoint(connection).size == 5
        return error.code
    assert signed is not None
    assert tested.lock.read() == signed
    return "ok"


@pytest.mark.parametrize(("size", "answer"), [
    (0, "ok"), (1, "ok"), (4, "ok"), (5, "ok"),  # the lock lags: it was restored, or never written
    (6, "ok"), (8, "ok"),  # a crash between lock and commit: the tree that was signed is there to be signed again
    (9, "log-rolled-back"), (2**40, "log-rolled-back")])
def test_the_lock_may_lag_or_be_ahead_of_the_checkpoint_and_not_of_the_entries(
        grown: Log, size: int, answer: str) -> None:
    held(grown, size, EMPTY_ROOT if size == 0 else None if size < 99 else bytes(32))
    assert start(grown) == answer
    assert seal(grown) == answer
    if answer == "ok":
        grown.check()


@pytest.mark.parametrize("size", [1, 4, 5, 6, 7, 8])
def test_a_lock_that_remembers_another_tree_stops_the_node(grown: Log, size: int) -> None:
    held(grown, size, bytes(32))
    assert start(grown) == "log-rolled-back"
    assert seal(grown) == "log-rolled-back"


@pytest.mark.parametrize(("signer", "origin", "code"), [
    (OTHER, ORIGIN, "checkpoint-unsigned"), (None, "carbon.example/other", "checkpoint-origin")])
@pytest.mark.parametrize("size", [3, 5, 7, 99])
def test_a_lock_of_another_log_is_no_lock_of_this_one(
        grown: Log, size: int, signer: KeySigner | None, origin: str, code: str) -> None:
    """Whatever size it names: before its number is believed, its signature is."""
    held(grown, size, signer=signer, origin=origin)
    assert start(grown) == code
    assert seal(grown) == code


@pytest.mark.parametrize("content", [b"", b"rubbish", b"\xff" * 80])
def test_a_lock_that_cannot_be_read_stops_the_node(grown: Log, content: bytes) -> None:
    grown.lock.path.write_bytes(content)
    with pytest.raises(FormError):
        log.start(grown.engine, grown.key, lock=grown.lock)
    with pytest.raises(FormError):
        grown.seal()
    assert grown.lock.path.read_bytes() == content


def test_a_lock_that_is_a_directory_is_said_to_be_unusable(grown: Log) -> None:
    grown.lock.path.unlink()
    grown.lock.path.mkdir()
    assert start(grown) == "lock-unusable"
    with pytest.raises(CarbonSealError, match="lock-unusable"):
        grown.seal()


def test_a_lock_that_was_deleted_is_written_again_by_the_next_seal(grown: Log) -> None:
    grown.lock.path.unlink()
    assert start(grown) == "ok"
    assert seal(grown) == "ok"
    grown.check()


def test_without_a_lock_a_node_starts_and_seals_the_same_trees(tmp_path: Path) -> None:
    tested = Log(tmp_path)
    for count in (3, 4):
        tested.append(*[b"%d" % number for number in range(count)])
        signed = log.seal(tested.engine, tested.signer, ORIGIN, tested.clock)
        assert signed is not None
        assert signed.root == naive_root(tested.entries)
        assert log.start(tested.engine, tested.key) == signed
    assert not tested.lock.path.exists()


def test_a_key_as_text_and_as_parsed_are_one_key(grown: Log) -> None:
    with reading(grown.engine) as connection:
        latest = log.checkpoint(connection)
    assert log.start(grown.engine, grown.key) == latest
    assert log.start(grown.engine, note.parse_key(grown.key)) == latest


def test_a_log_that_was_never_sealed_starts_with_no_checkpoint(a_log: Log) -> None:
    assert log.start(a_log.engine, a_log.key, lock=a_log.lock) is None
    a_log.append(b"a")
    assert log.start(a_log.engine, a_log.key, lock=a_log.lock) is None
    a_log.seal()
    a_log.check()


@pytest.mark.parametrize(("statement", "code"), [
    ("UPDATE log_checkpoint SET root = root WHERE size = 5", "ok"),
    ("UPDATE log_head SET sealed = 0", "root-mismatch"),
    ("UPDATE log_head SET sealed = 4", "root-mismatch"),
    ("UPDATE log_head SET sealed = 6", "root-mismatch"),
    ("DELETE FROM log_checkpoint WHERE size = 5", "checkpoint-missing"),
    ("DELETE FROM log_tile", "tile-missing"),
    ("UPDATE log_tile SET hashes = zeroblob(160)", "root-mismatch")])
def test_a_node_does_not_start_on_a_log_that_is_not_whole_at_its_end(grown: Log, statement: str, code: str) -> None:
    """Where the head and the last checkpoint disagree, either was moved: nothing is signed onto it."""
    grown.corrupt(statement)
    assert start(grown) == code
    assert seal(grown) == code if code != "checkpoint-missing" else True


def test_an_empty_log_whose_checkpoint_row_is_of_another_size_is_refused(a_log: Log) -> None:
    signed = log.seal(a_log.engine, a_log.signer, ORIGIN, a_log.clock, unchanged=True)
    assert signed is not None
    assert log.start(a_log.engine, a_log.key) == signed
    with transaction(a_log.engine) as connection:
        SqlStore(connection).publish(checkpoints.sign(a_log.signer, ORIGIN, 1, bytes(32)), 0)
    with pytest.raises(VerificationFailed, match="root-mismatch"):
        log.start(a_log.engine, a_log.key)


def test_two_that_seal_the_same_entries_leave_one_checkpoint_and_one_lock(grown: Log) -> None:
    """The loser computed the same tree and is refused before it reaches the lock."""
    with reading(grown.engine) as connection:
        ready = log.integrate(SqlStore(connection), 5, 8)
    winner = grown.seal()
    with pytest.raises(Refused, match="log-two-writers"), transaction(grown.engine) as connection:
        SqlStore(connection).advance(5, 8, ready.finish())
    assert grown.lock.read() == winner
    grown.check()


@pytest.mark.parametrize(("size", "root", "taken"), [
    (4, 1, False), (5, 1, True), (5, 2, False), (6, 1, True), (6, 2, True), (0, 1, False)])
def test_the_lock_goes_forward_or_stays(tmp_path: Path, size: int, root: int, taken: bool) -> None:
    lock, signer = FileLock(tmp_path / "lock"), KeySigner.from_seed(b"\x07" * 32)
    first = checkpoints.sign(signer, ORIGIN, 5, b"\x01" * 32)
    lock.advance(first)
    offered = checkpoints.sign(signer, ORIGIN, size, bytes([root]) * 32)
    if taken:
        lock.advance(offered)
        assert lock.read() == offered
    else:
        with pytest.raises(Refused, match="log-rolled-back"):
            lock.advance(offered)
        assert lock.read() == first
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


class Life(RuleBasedStateMachine):
    """A log through any order of appends, seals, rollbacks, restarts and crashes: nothing acknowledged is lost."""

    folders: pytest.TempPathFactory

    @initialize()
    def begin(self) -> None:
        self.tested = Log(self.folders.mktemp("life"))
        self.published: list[Checkpoint] = []
        self.copy: tuple[Path, int, int] | None = None

    @rule(batch=st.lists(st.binary(max_size=30), max_size=40))
    def append(self, batch: list[bytes]) -> None:
        assert self.tested.append(*batch) == range(len(self.tested.entries) - len(batch), len(self.tested.entries))

    @rule(count=st.integers(200, 300))
    def append_about_a_tile(self, count: int) -> None:
        self.tested.append(*[b"%d" % number for number in range(count)])

    @rule(batch=st.lists(st.binary(max_size=30), min_size=1, max_size=5))
    def append_and_fail(self, batch: list[bytes]) -> None:
        class Failure(Exception):
            pass

        with suppress(Failure), transaction(self.tested.engine) as connection:
            log.append(connection, batch)
            raise Failure

    @rule(later=st.integers(0, 10_000))
    def seal(self, later: int) -> None:
        self.tested.clock = FixedClock(self.tested.clock.now() + later)
        signed = self.tested.seal()
        covered = self.published[-1].size if self.published else 0
        assert (signed is None) is (covered == len(self.tested.entries))
        self.published += [signed] if signed else []

    @precondition(lambda self: self.tested.entries)
    @rule()
    def seal_and_crash_before_the_commit(self) -> None:
        """The lock has the new checkpoint, the database has not."""
        class Crash(Exception):
            pass

        def crash(_: object, __: object, ___: object) -> None:
            raise Crash

        publish, SqlStore.publish = SqlStore.publish, crash  # type: ignore[assignment,method-assign]
        try:
            with suppress(Crash):
                assert self.tested.seal() is None
        finally:
            SqlStore.publish = publish  # type: ignore[method-assign]

    @rule()
    def restart(self) -> None:
        self.tested.engine.dispose()
        entries, clock = self.tested.entries, self.tested.clock
        self.tested = Log(self.tested.folder, clock=clock, entries=entries)
        latest = log.start(self.tested.engine, self.tested.key, lock=self.tested.lock)
        assert latest == (self.published[-1] if self.published else None)

    @rule()
    def back_up(self) -> None:
        self.tested.engine.dispose()
        with self.tested.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        self.tested.engine.dispose()
        copy = self.tested.folder / "copy.db"
        shutil.copy(self.tested.folder / "log.db", copy)
        self.copy = copy, len(self.tested.entries), len(self.published)

    @precondition(lambda self: self.copy is not None)
    @rule()
    def an_older_copy_is_refused_or_is_the_same_log(self) -> None:
        """A copy started beside the lock: taken where nothing was signed beyond it, refused otherwise."""
        assert self.copy is not None
        path, size, _ = self.copy
        folder = self.folders.mktemp("restored")
        shutil.copy(path, folder / "log.db")
        if self.tested.lock.path.exists():
            shutil.copy(self.tested.lock.path, folder / "log.lock")
        restored = Log(folder)
        locked = restored.lock.read()
        if locked is not None and locked.size > size:
            with pytest.raises(Refused, match="log-rolled-back"):
                log.start(restored.engine, restored.key, lock=restored.lock)
        else:
            log.start(restored.engine, restored.key, lock=restored.lock)
        restored.engine.dispose()

    @invariant()
    def every_checkpoint_published_stands(self) -> None:
        if not hasattr(self, "tested"):
            return
        with reading(self.tested.engine) as connection:
            assert log.size(connection) == len(self.tested.entries)
            for signed in self.published[-2:]:
                assert log.checkpoint(connection, signed.size) == signed
                assert log.root_at(connection, signed.size) == signed.root

    def teardown(self) -> None:
        if hasattr(self, "tested"):
            self.tested.seal()
            self.tested.check()
            self.tested.engine.dispose()


def test_a_log_lives_through_any_order_of_events(tmp_path_factory: pytest.TempPathFactory) -> None:
    from hypothesis.stateful import run_state_machine_as_test
    Life.folders = tmp_path_factory
    run_state_machine_as_test(Life, settings=settings(
        max_examples=12, stateful_step_count=14, deadline=None, suppress_health_check=list(HealthCheck)))
