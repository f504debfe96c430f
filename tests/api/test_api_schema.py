"""Migrations lead to exactly the tables that the rooms declare, on SQLite and on PostgreSQL."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from api_world import World
from sqlalchemy import Engine, inspect

from api import fsck, pipeline, schema
from api.deployment import writing
from core.database import open_engine
from core.errors import Unavailable

POSTGRES = os.environ.get("TEST_POSTGRES_URL", "")


def differences(engine: Engine) -> list[object]:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, schema.metadata()))


def test_the_migrations_make_the_declared_tables(tmp_path: Path) -> None:
    engine = open_engine(tmp_path / "new.db")
    schema.upgrade(engine)
    assert differences(engine) == []
    schema.check_revision(engine)


def test_every_room_s_tables_are_there(tmp_path: Path) -> None:
    engine = open_engine(tmp_path / "new.db")
    schema.upgrade(engine)
    prefixes = {name.partition("_")[0] for name in inspect(engine).get_table_names()} - {"alembic"}
    assert prefixes == {"api", "attestation", "cert", "log", "witness"}


def test_upgrading_again_changes_nothing(tmp_path: Path) -> None:
    engine = open_engine(tmp_path / "new.db")
    schema.upgrade(engine)
    before = sorted(inspect(engine).get_table_names())
    schema.upgrade(engine)
    assert sorted(inspect(engine).get_table_names()) == before


def test_the_first_revision_can_be_taken_back(tmp_path: Path) -> None:
    engine = open_engine(tmp_path / "new.db")
    schema.upgrade(engine)
    settings = schema.config()
    with engine.begin() as connection:
        settings.attributes["connection"] = connection
        command.downgrade(settings, "base")
    assert inspect(engine).get_table_names() == ["alembic_version"]


def test_an_empty_database_is_outdated(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as caught:
        schema.check_revision(open_engine(tmp_path / "empty.db"))
    assert caught.value.code == "schema-outdated"


@pytest.mark.slow
@pytest.mark.skipif(not POSTGRES, reason="TEST_POSTGRES_URL names no PostgreSQL database")
def test_the_same_on_postgresql() -> None:
    engine = open_engine(POSTGRES)
    with engine.begin() as connection:
        schema.metadata().drop_all(connection)
        connection.exec_driver_sql("DROP TABLE IF EXISTS alembic_version")
    schema.upgrade(engine)
    assert differences(engine) == []


@pytest.mark.slow
@pytest.mark.chain
@pytest.mark.skipif(not POSTGRES, reason="TEST_POSTGRES_URL names no PostgreSQL database")
def test_the_whole_path_runs_on_postgresql(tmp_path: Path) -> None:
    """TEST_POSTGRES_URL carries a user with a password of its own, as the settings want it."""
    with open_engine(POSTGRES).begin() as connection:
        schema.metadata().drop_all(connection)
        connection.exec_driver_sql("DROP TABLE IF EXISTS alembic_version")
    world = World.made(tmp_path / "node", settings={"database_url": POSTGRES})
    with writing(world.deployment):
        world.prepare().accept_frames(24)
        statement = pipeline.calculate(world.deployment, pipeline.claim(world.deployment, world.claim()).digest)
        pipeline.review(world.deployment, world.opinion(statement))
        assert pipeline.issue(world.deployment, world.link, statement.digest).state == "done"
        assert fsck.check(world.deployment, world.link) == []
    world.close()
