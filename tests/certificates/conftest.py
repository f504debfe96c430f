"""Make the helpers of this folder, tests/verify and tests/contracts importable; a fresh database for each test."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine
from sqlmodel import SQLModel

import certificates.models  # noqa: F401  declares the tables
from core.database import open_engine, transaction

for folder in (Path(__file__).parent, *(Path(__file__).parents[1] / name for name in ("verify", "contracts"))):
    sys.path.insert(0, str(folder))


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A database with the tables of this room."""
    engine = open_engine(tmp_path / "node.db")
    SQLModel.metadata.create_all(engine, tables=[
        table for name, table in SQLModel.metadata.tables.items() if name.startswith("cert_")])
    yield engine
    engine.dispose()


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    """A write transaction on it."""
    with transaction(engine) as connection:
        yield connection
