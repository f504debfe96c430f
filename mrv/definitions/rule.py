"""What a formula and a methodology have in common: name, titles, source, status and the days on which it holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mrv.definitions import members
from mrv.definitions.dates import Validity

Head = tuple[str, str, Mapping[str, str], str, str, Validity]


@dataclass(frozen=True)
class Rule:
    """The head of a rule. `status`: published | unconfirmed; `title` by language."""

    id: str
    version: str
    title: Mapping[str, str]
    source: str
    status: str
    validity: Validity

    @property
    def key(self) -> str:
        """"id@version"."""
        return f"{self.id}@{self.version}"


def read_head(document: Mapping[str, Any]) -> Head:
    """The members of `Rule`, in order, of a canonical document. Raises FormError, KeyError, TypeError, ValueError."""
    return (members.identity(document), members.version(document), members.title(document),
            members.text(document, "source"), members.status(document), Validity.from_document(document["valid"]))
