"""The statement before: what the same enterprise reported by the same methodology for the same boundary last time."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from certificates import store
from certificates.store import StoredStatement
from core.claims import ClaimDocument
from mrv.calculation.gaps import SUBSTITUTION
from mrv.definitions.methodology import Methodology

_STATEMENTS, _CLAIMS = store.STATEMENTS, store.CLAIMS


def statement_before(connection: Connection, document: ClaimDocument) -> StoredStatement | None:
    """The newest statement of the period that ended last, at or before this one's start; None for the first."""
    rows = connection.execute(
        select(_STATEMENTS.c.digest).join(_CLAIMS, _CLAIMS.c.digest == _STATEMENTS.c.claim_digest)
        .where(_STATEMENTS.c.subject == document.subject, _CLAIMS.c.period_end <= document.period.start)
        .order_by(_CLAIMS.c.period_end.desc(), _STATEMENTS.c.log_index.desc()))
    for row in rows:
        found = store.statement(connection, row.digest)
        if (found.fields["boundary"], found.fields["methodology"]["id"]) == (document.boundary,
                                                                           document.methodology.id):
            return found
    return None


def previous_of(connection: Connection, document: ClaimDocument, methodology: Methodology) -> dict[str, Any] | None:
    """`previous` of the inputs document: the statement before, with the worst priority of each of its inputs."""
    before = statement_before(connection, document)
    if before is None:
        return None
    priorities: dict[str, int] = {}
    for record in (detail["record"] for detail in before.details):
        if record["kind"] == "input" and record["source"]["type"] != SUBSTITUTION \
                and methodology.rule_of(record["name"]) is not None:
            priorities[record["name"]] = max(priorities.get(record["name"], 0), int(record["priority"]))
    return {"statement": before.digest.hex(),
            "priorities": {name: str(priority) for name, priority in sorted(priorities.items())}}
