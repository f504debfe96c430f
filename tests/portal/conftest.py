"""The TypeScript package is compiled once for all tests of it."""

from __future__ import annotations

import portal_helpers as portal
import pytest

from mrv.authoring.catalogue import Catalogue, load


@pytest.fixture(scope="session", autouse=True)
def _built() -> None:
    portal.build()


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    """The rules that are shipped, read once."""
    return load()
