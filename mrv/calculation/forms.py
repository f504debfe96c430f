"""Objects of an inputs document that have not the members they should: which one is missing, which one too many."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from core.errors import quoted


def unlike(given: Any, needed: Collection[str], optional: Collection[str] = ()) -> str | None:
    """What sets an object apart from one with the members `needed`, and maybe `optional`; None where nothing does."""
    if not isinstance(given, Mapping):
        return f"{_kind(given)} is no object"
    lacking = sorted(set(needed) - set(given))
    if lacking:
        return f"{', '.join(lacking)} missing"
    unknown = sorted(set(given) - set(needed) - set(optional))
    return f"it has no member {quoted(unknown[0], 40)}" if unknown else None


def _kind(given: Any) -> str:
    if isinstance(given, list):
        return "a list"
    return quoted(given, 40)
