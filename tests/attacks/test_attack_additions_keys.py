"""One idempotency key from many threads at once, and keys whose answer the database never took."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from api import idempotency, schema
from api.idempotency import RESERVED_MS, Stored
from core.database import open_engine, reading, transaction
from core.errors import InputError, Refused, Unavailable

POSTGRES = os.environ.get("TEST_POSTGRES_URL", "")
NOW = 1_795_000_000_000
TOKEN, KEY, REQUEST = b"t" * 32, b"k" * 32, b"f" * 32


WITHOUT = pytest.mark.skipif(not POSTGRES, reason="TEST_POSTGRES_URL names no PostgreSQL database")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=[pytest.mark.slow, WITHOUT])])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    opened = open_engine(POSTGRES if request.param == "postgresql" else tmp_path / "node.db")
    if request.param == "postgresql":
        with opened.begin() as connection:
            schema.metadata().drop_all(connection)
            connection.exec_driver_sql("DROP TABLE IF EXISTS alembic_version")
    schema.upgrade(opened)
    yield opened
    opened.dispose()


def begun(engine: Engine, key: bytes = KEY, now: int = NOW, request: bytes = REQUEST) -> str:
    """What a request under the key is told: "go on", "again", or a code."""
    try:
        return "go on" if idempotency.begin(engine, TOKEN, key, request, now) is None else "again"
    except (Refused, InputError) as error:
        return error.code


def test_of_many_that_come_at_once_under_one_key_one_goes_on(engine: Engine) -> None:
    with ThreadPoolExecutor(15) as senders:
        told = Counter(senders.map(lambda i: begun(engine, bytes([i // 15]) * 32), range(150)))
    assert told == {"go on": 10, "idempotency-in-progress": 140}


def test_what_one_writer_has_looked_up_stays_true_until_it_commits(engine: Engine) -> None:
    """Sixteen writers count by reading first and writing then; none overlooks another."""
    with transaction(engine) as connection:
        connection.execute(text("INSERT INTO api_writer (id, generation) VALUES (1, 0)"))

    def count(_number: int) -> None:
        with transaction(engine) as connection:
            held = connection.execute(text("SELECT generation FROM api_writer")).scalar_one()
            connection.execute(text("UPDATE api_writer SET generation = :next"), {"next": held + 1})

    with ThreadPoolExecutor(8) as writers:
        list(writers.map(count, range(16)))
    with reading(engine) as connection:
        assert connection.execute(text("SELECT generation FROM api_writer")).scalar_one() == 16


@pytest.mark.parametrize(("later", "told"), [(RESERVED_MS, "idempotency-in-progress"), (RESERVED_MS + 1, "go on")])
def test_a_key_whose_answer_was_never_kept_is_free_again_after_a_while(engine: Engine, later: int, told: str) -> None:
    assert begun(engine) == "go on"
    assert begun(engine, now=NOW + later) == told


def test_an_answer_that_was_kept_is_given_again_long_after(engine: Engine) -> None:
    assert begun(engine) == "go on"
    idempotency.finish(engine, KEY, Stored(201, [], b"made"))
    assert begun(engine, now=NOW + 100 * RESERVED_MS) == "again"
    assert begun(engine, now=NOW + 100 * RESERVED_MS, request=b"o" * 32) == "idempotency-key-reused"


def test_a_key_that_the_database_could_not_free_holds_up_nobody_for_a_week(
        engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert begun(engine) == "go on"
    with monkeypatch.context() as patch:
        def full(*_arguments: object) -> None:
            raise Unavailable("database-unavailable", "no space left on device")

        patch.setattr(idempotency, "transaction", full)
        with pytest.raises(Unavailable):
            idempotency.finish(engine, KEY, None)
    assert begun(engine) == "idempotency-in-progress"
    assert begun(engine, now=NOW + RESERVED_MS + 1) == "go on"
