"""The whole schema: tables of every room in one metadata, brought up to date by Alembic under the writer's lock."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, MetaData
from sqlmodel import SQLModel

import api.models
import attestation.models
import certificates.models
import ledger.models
from core.errors import Unavailable

# Importing a room's models declares its tables; this list is the only place that knows them all.
ROOMS = (api.models, attestation.models, certificates.models, ledger.models)


def metadata() -> MetaData:
    """Every table of every room."""
    assert ROOMS
    return SQLModel.metadata


def config() -> Config:
    """The Alembic configuration of the package; no alembic.ini is needed."""
    settings = Config()
    settings.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return settings


def upgrade(engine: Engine) -> None:
    """Bring a database, empty or old, to the newest revision."""
    settings = config()
    with engine.begin() as connection:
        settings.attributes["connection"] = connection
        command.upgrade(settings, "head")


def check_revision(engine: Engine) -> None:
    """Passes when the database has the newest revision. Raises Unavailable (schema-outdated)."""
    with engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    head = ScriptDirectory.from_config(config()).get_current_head()
    if current != head:
        raise Unavailable("schema-outdated", f"the database has revision {current}, this version needs {head}",
                          hint="start the node once: it upgrades the database under the writer's lock")
