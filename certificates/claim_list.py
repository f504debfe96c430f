"""Claims as those who work on them ask for them: whose, of which period, and how far each has come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Row, Select, Table, and_, case, exists, func, select

from certificates import mirror, store
from certificates.opinion import statement_fields
from core.claims import ClaimDocument, parse_claim
from core.errors import InputError
from core.opinions import ISSUING
from core.period import Period
from core.records import Conclusion
from ledger.anchor.layout import CertificateStatus

# In the order a claim passes through them; "declined": the opinion permits no certificate.
STATES = ("no-statement", "to-review", "declined", "to-issue", "issued", "superseded", "revoked")


@dataclass(frozen=True)
class Filter:
    """What is asked for; empty or None means all. `period`: claims that overlap it. `below`: log indices under it."""

    subject: str = ""
    state: str = ""
    period: Period | None = None
    below: int | None = None

    def __post_init__(self) -> None:
        if self.state and self.state not in STATES:
            raise InputError("parameter-invalid", f"{self.state[:40]!r} is no state of a claim", where="state",
                             hint="one of " + ", ".join(STATES))


@dataclass(frozen=True)
class ListedClaim:
    """A claim and how far it has come. `digest`: its id; `statement`: digest and fields of the newest."""

    digest: bytes
    hash: bytes
    log_index: int
    state: str
    document: ClaimDocument
    statement: tuple[bytes, dict[str, Any]] | None
    verifier: str
    conclusion: str

    def as_json(self) -> dict[str, Any]:
        """What finds a claim again, and what a reader chooses by."""
        digest, fields = self.statement or (None, {"result": None, "certificate": None})
        return {
            "claim": self.digest.hex(), "claim_hash": self.hash.hex(), "index": str(self.log_index),
            "state": self.state, "kind": self.document.kind.label, "subject": self.document.subject,
            "boundary": self.document.boundary, "period": self.document.period.as_json(),
            "methodology": self.document.methodology.id, "methodology_version": self.document.methodology.version,
            "statement": digest.hex() if digest else None, "result": fields["result"],
            "certificate": fields["certificate"], "verifier": self.verifier, "conclusion": self.conclusion}


def listed(connection: Connection, asked: Filter, limit: int) -> list[ListedClaim]:
    """The claims that answer a filter, newest first, at most `limit` of them."""
    query, state = _query()
    claims = store.CLAIMS
    conditions: list[ColumnElement[bool]] = []
    if asked.subject:
        conditions.append(claims.c.subject == asked.subject)
    if asked.state:
        conditions.append(state == asked.state)
    if asked.period is not None:
        conditions += [claims.c.period_start < asked.period.end, claims.c.period_end > asked.period.start]
    if asked.below is not None:
        conditions.append(claims.c.log_index < asked.below)
    rows = connection.execute(query.where(*conditions).order_by(claims.c.log_index.desc()).limit(limit))
    return [_listed(row) for row in rows]


def state_of(connection: Connection, digest: bytes) -> ListedClaim:
    """How far one stored claim has come."""
    query, _ = _query()
    return _listed(connection.execute(query.where(store.CLAIMS.c.digest == digest)).one())


def _query() -> tuple[Select[Any], ColumnElement[str]]:
    """Every claim with the newest statement on it, the newest opinion on that, its certificate; and its state."""
    claims, statements, opinions, certificates = store.CLAIMS, store.STATEMENTS, store.OPINIONS, mirror.CERTIFICATES
    corrections = statements.alias()
    corrected = exists().where(corrections.c.supersedes == statements.c.digest)
    state: ColumnElement[str] = case(
        (certificates.c.status == CertificateStatus.LIVE.name.lower(), "issued"),
        (certificates.c.status.is_not(None), certificates.c.status),
        (statements.c.digest.is_(None), "no-statement"),
        (corrected, "superseded"),
        (opinions.c.digest.is_(None), "to-review"),
        (opinions.c.conclusion.in_([int(conclusion) for conclusion in ISSUING]), "to-issue"),
        else_="declined")
    tables = (
        claims.outerjoin(statements, _newest(statements, "claim_digest", claims.c.digest))
        .outerjoin(opinions, _newest(opinions, "statement", statements.c.digest))
        .outerjoin(certificates, certificates.c.digest == statements.c.digest))
    query = select(
        claims.c.digest, claims.c.hash, claims.c.log_index, claims.c.payload, state.label("state"),
        statements.c.digest.label("statement"), statements.c.payload.label("statement_payload"),
        opinions.c.verifier, opinions.c.conclusion).select_from(tables)
    return query, state


def _newest(table: Table, column: str, value: Column[Any]) -> ColumnElement[bool]:
    """The row of `table` with this value that came last into the log."""
    others = table.alias()
    last = select(func.max(others.c.log_index)).where(others.c[column] == value).scalar_subquery()
    return and_(table.c[column] == value, table.c.log_index == last)


def _listed(row: Row[Any]) -> ListedClaim:
    statement = None if row.statement is None else (row.statement, statement_fields(row.statement_payload))
    conclusion = "" if row.conclusion is None else Conclusion(row.conclusion).name.lower()
    return ListedClaim(row.digest, row.hash, row.log_index, row.state, parse_claim(row.payload), statement,
                       row.verifier or "", conclusion)
