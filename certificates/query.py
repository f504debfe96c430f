"""Questions of authorities and auditors to the ledger: by organisation, meter, period, certificate, serial interval."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, exists, or_, select

from certificates import mirror, store
from certificates.parties import owner_of
from core.claims import ClaimDocument
from core.errors import NotFound
from core.opinions import OpinionDocument
from core.period import Period, instant_text
from core.records import Interval

# A spreadsheet would run a cell that begins so.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Filter:
    """What is asked for; everything None means all. `organisation`: subject, verifier or owner of a piece.

    `source`: a meter, claim point or "doc:<hex>" that a statement read. `period`: statements that overlap it.
    `certificate`: payload digest of a statement or id of a piece. `serials`: an interval of a mark.
    """

    organisation: str | None = None
    source: str | None = None
    period: Period | None = None
    certificate: bytes | None = None
    serials: Interval | None = None


@dataclass(frozen=True)
class LedgerRow:
    """A piece of a certificate, or a statement without one (then piece to owner are empty). All members are text."""

    statement: str
    statement_index: str
    claim_index: str
    opinion_index: str
    kind: str
    subject: str
    boundary: str
    period_start: str
    period_end: str
    methodology: str
    amount: str
    unit: str
    verifier: str
    conclusion: str
    status: str
    issued_at: str
    superseded_by: str
    serials: str
    external_refs: str
    piece: str
    piece_from: str
    piece_to: str
    piece_status: str
    owner: str
    owner_account: str


COLUMNS = tuple(field.name for field in fields(LedgerRow))


def find(connection: Connection, asked: Filter, limit: int = 10_000) -> list[LedgerRow]:
    """The rows that answer a filter, in the order of the log, at most `limit` statements."""
    statements, claims = store.STATEMENTS, store.CLAIMS
    query = (select(statements.c.digest).join(claims, claims.c.digest == statements.c.claim_digest)
             .where(*_conditions(asked)).order_by(statements.c.log_index).limit(limit))
    found: list[LedgerRow] = []
    for digest in connection.execute(query).scalars().all():
        found += _rows(connection, digest, asked)
    return found


def to_json(rows: Iterable[LedgerRow]) -> list[dict[str, str]]:
    """Rows as objects."""
    return [vars(row) for row in rows]


def to_csv(rows: Iterable[LedgerRow]) -> str:
    """Rows as CSV (RFC 4180) with a header line; cells that a spreadsheet would run are quoted with an apostrophe."""
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(COLUMNS)
    writer.writerows([_safe(str(getattr(row, name))) for name in COLUMNS] for row in rows)
    return stream.getvalue()


def _safe(cell: str) -> str:
    return "'" + cell if cell.startswith(_FORMULA_STARTS) else cell


def _conditions(asked: Filter) -> Sequence[ColumnElement[bool]]:
    statements, claims, pieces = store.STATEMENTS, store.CLAIMS, mirror.PIECES
    conditions: list[ColumnElement[bool]] = []
    if asked.source is not None:
        inputs = store.INPUTS
        conditions.append(exists().where(inputs.c.statement == statements.c.digest, inputs.c.source == asked.source))
    if asked.period is not None:
        conditions += [claims.c.period_start < asked.period.end, claims.c.period_end > asked.period.start]
    if asked.certificate is not None:
        conditions.append(or_(statements.c.digest == asked.certificate, exists().where(
            pieces.c.digest == statements.c.digest, pieces.c.id == asked.certificate)))
    if asked.serials is not None:
        spans = store.INTERVALS
        conditions.append(exists().where(
            spans.c.digest == statements.c.digest, spans.c.mark == asked.serials.mark,
            spans.c.start < asked.serials.end, spans.c.end > asked.serials.start))
    return conditions


def _rows(connection: Connection, digest: bytes, asked: Filter) -> list[LedgerRow]:
    shared = _shared(connection, digest)
    pieces = connection.execute(select(mirror.PIECES).where(
        mirror.PIECES.c.digest == digest, mirror.PIECES.c.status != "split").order_by(mirror.PIECES.c.first)).all()
    rows = [LedgerRow(**shared, **_piece(connection, piece)) for piece in pieces]
    if not rows:
        rows = [LedgerRow(**shared, **dict.fromkeys(COLUMNS[COLUMNS.index("piece"):], ""))]
    if asked.organisation is not None:
        rows = [row for row in rows if asked.organisation in (row.subject, row.verifier, row.owner)]
    if asked.certificate is not None and asked.certificate != digest:
        rows = [row for row in rows if row.piece == asked.certificate.hex()]
    return rows


def _piece(connection: Connection, piece: Row[Any]) -> dict[str, str]:
    owner = owner_of(connection, piece.owner)
    return {"piece": piece.id.hex(), "piece_from": str(piece.first), "piece_to": str(piece.last),
            "piece_status": piece.status, "owner": owner.org if owner else "", "owner_account": piece.owner}


def _shared(connection: Connection, digest: bytes) -> dict[str, str]:
    """What all pieces of a statement have in common."""
    statement = store.statement(connection, digest)
    claim = store.claim(connection, statement.claim_digest)
    opinion_index, opinion = _opinion(connection, digest)
    certificate = connection.execute(select(mirror.CERTIFICATES).where(mirror.CERTIFICATES.c.digest == digest)).first()
    amount = statement.fields["certificate"]
    return {
        "statement": digest.hex(), "statement_index": str(statement.log_index), "claim_index": str(claim.log_index),
        "opinion_index": opinion_index, "amount": amount["amount"], "unit": amount["unit"],
        "verifier": opinion.verifier if opinion else "",
        "conclusion": opinion.conclusion.name.lower() if opinion else "",
        "status": certificate.status if certificate else "not-issued",
        "issued_at": instant_text(certificate.issued_at) if certificate else "",
        "superseded_by": certificate.superseded_by.hex() if certificate and certificate.superseded_by else "",
        **_claimed(claim.document)}


def _claimed(document: ClaimDocument) -> dict[str, str]:
    return {
        "kind": document.kind.label, "subject": document.subject, "boundary": document.boundary,
        "period_start": instant_text(document.period.start), "period_end": instant_text(document.period.end),
        "methodology": f"{document.methodology.id}@{document.methodology.version}",
        "serials": " ".join(f"{span.mark}[{span.start},{span.end})" for span in document.intervals),
        "external_refs": " ".join(document.external_refs)}


def _opinion(connection: Connection, digest: bytes) -> tuple[str, OpinionDocument | None]:
    try:
        stored = store.opinion_on(connection, digest)
    except NotFound:
        return "", None
    return str(stored.log_index), stored.document
