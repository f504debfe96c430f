"""Members of canonical documents, read strictly.

A member that is absent or of another kind is a KeyError, TypeError or ValueError, which each reader of a document turns
into `rule-malformed` with its own place: so a hostile document of an evidence file meets a code and never a traceback.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from core.errors import FormError

STATUSES = ("published", "unconfirmed")

_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,78}[A-Za-z0-9])?")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
# Versions are compared as numbers; six digits are more than any rule will see.
_VERSION = re.compile(r"[1-9][0-9]{0,5}")


def text(document: Mapping[str, Any], name: str) -> str:
    """A member that is a text."""
    value = document[name]
    if not isinstance(value, str):
        raise TypeError(f"{name!r}, which is a text")
    return value


def texts(document: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """A member that is a list of texts; () where it is absent."""
    value = document.get(name, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise TypeError(f"{name!r}, which is a list of texts")
    return tuple(value)


def objects(document: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    """A member that is a list of objects."""
    value = document[name]
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        raise TypeError(f"{name!r}, which is a list of objects")
    return value


def title(document: Mapping[str, Any]) -> Mapping[str, str]:
    """The member `title`: texts by language, zh and en among them."""
    value = document["title"]
    if not isinstance(value, Mapping):
        raise TypeError("'title', which is an object of texts")
    for language in ("zh", "en", *value):
        text(value, language)
    return value


def name(document: Mapping[str, Any]) -> str:
    """The member `name` of an input or definition: what an expression can spell."""
    return _matching(_NAME, document, "name")


def identity(document: Mapping[str, Any]) -> str:
    """The member `id` of a rule. Raises FormError (id-malformed)."""
    value = text(document, "id")
    if not _ID.fullmatch(value):
        raise FormError("id-malformed", f"the id {value[:80]!r} of a rule has letters, digits, '.', '_' and '-'")
    return value


def version(document: Mapping[str, Any]) -> str:
    """The member `version`: a number from 1, as text."""
    return _matching(_VERSION, document, "version")


def status(document: Mapping[str, Any]) -> str:
    """The member `status`: published | unconfirmed."""
    value = text(document, "status")
    if value not in STATUSES:
        raise ValueError(f"'status', which is one of {', '.join(STATUSES)}")
    return value


def _matching(pattern: re.Pattern[str], document: Mapping[str, Any], member: str) -> str:
    value = text(document, member)
    if not pattern.fullmatch(value):
        raise ValueError(f"{member!r}, which {value[:40]!r} is not")
    return value


def check_unique(names: Iterable[str], what: str) -> None:
    """Raises FormError (rule-malformed) for a name that occurs twice."""
    known = list(names)
    if len(set(known)) != len(known):
        raise FormError("rule-malformed", f"the name of {what} occurs twice")
