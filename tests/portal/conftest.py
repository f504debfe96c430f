"""The TypeScript package is compiled once for all tests of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import portal_helpers as portal
import pytest

from mrv.authoring.catalogue import Catalogue, load
from mrv.definitions.ruleset import RuleSet


@pytest.fixture(scope="session", autouse=True)
def _built() -> None:
    portal.build()


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    """The rules that are shipped, read once."""
    return load()


@pytest.fixture(scope="module")
def ruleset(documents: dict[str, Any]) -> RuleSet:
    """The rules of the module's own `documents`."""
    return RuleSet.from_documents(documents)


@pytest.fixture(scope="module")
def documents_file(documents: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same documents as the TypeScript side reads them."""
    path = tmp_path_factory.mktemp("rules") / "documents.json"
    path.write_text(json.dumps(documents, ensure_ascii=False), encoding="utf-8")
    return path
