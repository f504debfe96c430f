"""The TypeScript package is compiled once for all tests of it."""

from __future__ import annotations

import portal_helpers as portal
import pytest


@pytest.fixture(scope="session", autouse=True)
def _built() -> None:
    portal.build()
