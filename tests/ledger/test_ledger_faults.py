"""A fault at every write: failed, failed but persisted, and SIGKILL. Recovery is the normal path run again."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ledger_helpers import ORIGIN, Log
from sqlalchemy import event

from core.database import transaction
from core.errors import Unavailable
from ledger import log

# The writes of one append and one seal, in order, as the failure table names them.
WRITES = ("UPDATE log_head SET appended", "INSERT INTO log_segment", "commit append",
          "UPDATE log_head SET sealed", "INSERT INTO log_tile", "fsync lock", "replace lock", "fsync folder",
          "INSERT INTO log_checkpoint", "commit seal")


class Fault(OSError):
    """The injected fault."""


class Steps:
    """Calls `act(name, before)` around every write of a log: statements, commits, and what the lock does."""

    def __init__(self, tested: Log, monkeypatch: pytest.MonkeyPatch, act: Callable[[str, bool], None]) -> None:
        self.phase = "append"
        self.wrote = False
        engine = tested.engine
        names = [name for name in WRITES if name.startswith(("UPDATE", "INSERT"))]

        def matching(statement: str) -> list[str]:
            return [name for name in names if statement.startswith(name)]

        @event.listens_for(engine, "before_cursor_execute")
        def before(_c: object, _cur: object, statement: str, *_: object) -> None:
            for name in matching(statement):
                self.wrote = True
                act(name, True)

        @event.listens_for(engine, "after_cursor_execute")
        def after(_c: object, _cur: object, statement: str, *_: object) -> None:
            for name in matching(statement):
                act(name, False)

        commit, fsync, replace = engine.dialect.do_commit, os.fsync, Path.replace

        def do_commit(connection: object) -> None:
            wrote, self.wrote = self.wrote, False
            if wrote:
                act(f"commit {self.phase}", True)
            commit(connection)
            if wrote:
                act(f"commit {self.phase}", False)

        def do_fsync(descriptor: int) -> None:
            name = "fsync folder" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "fsync lock"
            act(name, True)
            fsync(descriptor)
            act(name, False)

        def do_replace(path: Path, target: Path) -> Path:
            act("replace lock", True)
            result = replace(path, target)
            act("replace lock", False)
            return result

        monkeypatch.setattr(engine.dialect, "do_commit", do_commit)
        monkeypatch.setattr(os, "fsync", do_fsync)
        monkeypatch.setattr(Path, "replace", do_replace)


@pytest.fixture
def grown(a_log: Log) -> Iterator[Log]:
    a_log.grow(300)
    yield a_log
    a_log.engine.dispose()


@pytest.mark.parametrize("persisted", [False, True], ids=["failed", "failed but persisted"])
@pytest.mark.parametrize("name", WRITES)
def test_a_failed_write_leaves_the_log_whole_and_the_next_try_succeeds(
        grown: Log, name: str, persisted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    before, batch = list(grown.entries), [b"new %d" % index for index in range(300)]
    fired: list[str] = []

    def fail(at: str, is_before: bool) -> None:
        if at == name and is_before != persisted and not fired:
            fired.append(at)
            raise Fault(28, "No space left on device")

    with monkeypatch.context() as patch:
        steps = Steps(grown, patch, fail)
        try:
            with transaction(grown.engine) as connection:
                log.append(connection, batch)
            grown.entries += batch
            steps.phase = "seal"
            log.seal(grown.engine, grown.signer, ORIGIN, grown.clock, lock=grown.lock)
        except (Fault, Unavailable):
            pass
    assert fired == [name]
    reopened = Log(grown.folder)
    with transaction(reopened.engine) as connection:
        stored = log.size(connection)
    # Not acknowledged, yet there: the sender sends again, and acceptance above the log knows it by its identity.
    assert stored in ({300, 600} if len(grown.entries) == 300 else {600})
    reopened.entries = (before + batch)[:stored]
    log.start(reopened.engine, reopened.key, lock=reopened.lock)
    reopened.seal()
    reopened.grow(5)
    reopened.check()
    reopened.engine.dispose()


def test_sigkill_at_every_step_loses_nothing_acknowledged_and_doubles_nothing(tmp_path: Path) -> None:
    Log(tmp_path).grow(300)
    acknowledged = 300
    for step in range(40):
        acknowledged, killed = _run_until(tmp_path, step, acknowledged)
        recovered = Log(tmp_path)
        with transaction(recovered.engine) as connection:
            stored = log.size(connection)
        assert acknowledged <= stored <= acknowledged + 7
        recovered.entries = [b"entry %d" % index for index in range(stored)]
        log.start(recovered.engine, recovered.key, lock=recovered.lock)
        recovered.seal()
        recovered.check()
        recovered.engine.dispose()
        acknowledged = stored
        if not killed:
            break
    assert not killed
    assert step == 2 * len(WRITES)


def _run_until(folder: Path, step: int, acknowledged: int) -> tuple[int, bool]:
    """A child appends seven entries and seals; it kills itself at its `step`-th write. (acknowledged, killed)."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        _child(folder, step, acknowledged, writer)
    os.close(writer)
    with os.fdopen(reader, "rb") as answers:
        answered = answers.read()
    _, status = os.waitpid(child, 0)
    killed = os.WIFSIGNALED(status)
    assert killed or os.WEXITSTATUS(status) == 0
    return acknowledged + (7 if answered else 0), killed


def _child(folder: Path, step: int, acknowledged: int, writer: int) -> None:
    left = step
    try:
        tested = Log(folder)

        def kill(_name: str, _before: bool) -> None:
            nonlocal left
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1

        steps = Steps(tested, pytest.MonkeyPatch(), kill)
        with transaction(tested.engine) as connection:
            log.append(connection, [b"entry %d" % index for index in range(acknowledged, acknowledged + 7)])
        os.write(writer, b"ok")
        steps.phase = "seal"
        log.seal(tested.engine, tested.signer, ORIGIN, tested.clock, lock=tested.lock)
        os._exit(0)
    except BaseException:
        os._exit(3)


def test_a_full_disk_is_an_answer_and_not_a_loss(a_log: Log) -> None:
    def append_on_a_full_disk() -> None:
        with transaction(a_log.engine) as connection:
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
            log.append(connection, [bytes(60_000)] * 40)

    a_log.grow(10)
    with a_log.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    with pytest.raises(Unavailable, match="database-unavailable"):
        append_on_a_full_disk()
    a_log.engine.dispose()
    a_log.grow(3)
    a_log.check()


def test_a_lock_that_cannot_be_written_stops_sealing_before_anything_is_visible(a_log: Log) -> None:
    a_log.grow(3)
    a_log.append(b"x")
    a_log.lock.path.with_name("log.lock.new").mkdir()
    with pytest.raises(Unavailable, match="lock-unusable"):
        a_log.seal()
    a_log.lock.path.with_name("log.lock.new").rmdir()
    assert a_log.seal() is not None
    a_log.check()
