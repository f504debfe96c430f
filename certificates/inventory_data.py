"""Gathers what a report of a stored statement shows from this node's database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from certificates import store
from certificates.inventory_report import CalculationReport, recomputed
from certificates.parties import party
from certificates.regulator_json import Attested
from certificates.store import StoredStatement
from certificates.wording import Words
from core.errors import NotFound
from mrv.definitions.ruleset import RuleSet


def statement_report(connection: Connection, claim_digest: bytes, rules: RuleSet) -> CalculationReport:
    """The report of the newest statement on a claim, calculated again from its details.

    Raises NotFound (claim-unknown, statement-missing), Refused (statement-differs).
    """
    stored = store.statement_of(connection, store.claim(connection, claim_digest).digest)
    result = recomputed(rules, stored.fields, list(stored.details))
    return CalculationReport(result, party(connection, result.inputs.subject), _attested(connection, stored))


def _attested(connection: Connection, stored: StoredStatement) -> Attested:
    fields: dict[str, Any] = stored.fields
    verifier, conclusion, notices = _opinion(connection, stored)
    return Attested(fields["origin"], stored.digest.hex(), stored.log_index, stored.claim_digest.hex(),
                    fields["claim"], fields["rules"], fields["supersedes"], fields["completeness"],
                    tuple(sorted({*fields["notices"], *notices})), verifier, conclusion)


def _opinion(connection: Connection, stored: StoredStatement) -> tuple[Words | None, str, tuple[str, ...]]:
    try:
        opinion = store.opinion_on(connection, stored.digest).document
    except NotFound:
        return None, "", ("no-opinion",)
    return party(connection, opinion.verifier).name, opinion.conclusion.name.lower(), tuple(opinion.notices)
