"""One database: a write is whole or not there, durable when its block ends, and readers see one moment of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, event, text

from core import database
from core.database import open_engine, reading, transaction
from core.errors import Unavailable


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_engine(tmp_path / "node.db")
    with transaction(engine) as connection:
        connection.execute(text("CREATE TABLE entry (number INTEGER PRIMARY KEY, parent INTEGER REFERENCES entry)"))
    yield engine
    engine.dispose()


def add(connection: Connection, number: int, parent: int | None = None) -> None:
    connection.execute(text("INSERT INTO entry VALUES (:number, :parent)"), {"number": number, "parent": parent})


def count(engine: Engine) -> int:
    with reading(engine) as connection:
        return int(connection.execute(text("SELECT count(*) FROM entry")).scalar_one())


@pytest.mark.parametrize(("pragma", "value"), [
    ("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", database.BUSY_TIMEOUT_MS)])
def test_the_embedded_database_is_durable_on_commit(engine: Engine, pragma: str, value: object) -> None:
    with reading(engine) as connection:
        assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar_one() == value


def test_a_path_and_a_url_name_the_same_database(engine: Engine, tmp_path: Path) -> None:
    with transaction(engine) as connection:
        add(connection, 1)
    again = open_engine(f"sqlite:///{tmp_path / 'node.db'}")
    assert count(again) == 1
    again.dispose()


def test_a_block_that_raises_leaves_nothing(engine: Engine) -> None:
    def half_a_write() -> None:
        with transaction(engine) as connection:
            add(connection, 1)
            raise LookupError

    with pytest.raises(LookupError):
        half_a_write()
    assert count(engine) == 0


def test_what_was_written_is_there_after_the_block_and_for_another_process(engine: Engine, tmp_path: Path) -> None:
    with transaction(engine) as connection:
        add(connection, 1)
        assert count(engine) == 0
    other = open_engine(tmp_path / "node.db")
    assert count(other) == 1
    other.dispose()


def test_a_reader_sees_one_moment_whatever_is_written_meanwhile(engine: Engine) -> None:
    with reading(engine) as connection:
        before = connection.execute(text("SELECT count(*) FROM entry")).scalar_one()
        with transaction(engine) as writer:
            add(writer, 1)
        assert connection.execute(text("SELECT count(*) FROM entry")).scalar_one() == before == 0
    assert count(engine) == 1


def test_the_second_writer_waits_for_the_first(engine: Engine) -> None:
    order: list[str] = []

    def second() -> None:
        with transaction(engine) as connection:
            order.append("second")
            add(connection, 2)

    with transaction(engine) as connection:
        thread = threading.Thread(target=second)
        thread.start()
        add(connection, 1)
        thread.join(0.2)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]
    assert count(engine) == 2


def test_a_writer_that_waits_too_long_is_told_and_nothing_is_kept(
        tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 50)
    impatient = open_engine(tmp_path / "node.db")
    with transaction(engine), pytest.raises(Unavailable, match="database-unavailable") as told, \
            transaction(impatient) as connection:
        add(connection, 1)
    assert "locked" in told.value.message
    assert told.value.exit_code == 3
    impatient.dispose()
    assert count(engine) == 0


def test_a_database_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="database-unavailable"), transaction(open_engine(tmp_path / "no" / "x.db")):
        pass


def test_what_points_to_nothing_is_not_kept(engine: Engine) -> None:
    with pytest.raises(Exception, match="FOREIGN KEY"), transaction(engine) as connection:
        add(connection, 2, parent=1)
    assert count(engine) == 0


def test_a_write_takes_its_lock_before_it_reads(engine: Engine) -> None:
    """Two writers that read first and write later would both go on from the same state."""
    begun: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *args: begun.append(args[2]))
    with transaction(engine) as connection:
        add(connection, 1)
    with reading(engine):
        pass
    assert begun[0] == "BEGIN IMMEDIATE"
    assert begun[-1] == "BEGIN"
