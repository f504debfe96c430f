"""Certificates and their pieces: look up, evidence files, the buyer's question, and queries over the ledger."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy import Connection

from api import evidence
from api.accounts import OVERSIGHT, Account
from api.answers import immutable
from api.deps import NodeDep, Overseer, Snapshot, account_of
from api.paging import DEFAULT_LIMIT, Cursor, Limit, page, parse_cursor
from certificates import check, query
from certificates.query import Filter, LedgerRow
from core.database import reading
from core.errors import InputError, NotFound
from core.ids import check_hex, check_id
from core.numbers import parse_natural
from core.period import Period, parse_instant
from core.records import Interval

router = APIRouter(prefix="/v1", tags=["certificates"])

EVIDENCE = "application/vnd.carbonseal.evidence+zip"
Authorization = Annotated[str, Header(include_in_schema=False)]


@router.get("/certificates")
def certificates(request: Request, response: Response, snapshot: Snapshot, limit: Limit = DEFAULT_LIMIT,
                 cursor: Cursor = "") -> list[dict[str, str]]:
    """Issued certificates by piece, in the order of the log. Public: what a public evidence file shows."""
    (after,) = parse_cursor(cursor, str) or ("",)
    rows = [row for row in query.find(snapshot, Filter()) if row.piece and _key(row) > after]
    return query.to_json(page(request, response, rows[: limit + 1], limit, lambda row: [_key(row)]))


@router.get("/certificates/{certificate}")
def certificate(snapshot: Snapshot, certificate: str) -> dict[str, Any]:
    """A certificate by its statement's digest or by the id of one piece: its figures, status and pieces. Public."""
    rows = _rows_of(snapshot, check_hex(certificate, where="certificate"))
    shared = {name: value for name, value in vars(rows[0]).items() if not name.startswith(("piece", "owner"))}
    pieces = [{name: value for name, value in vars(row).items() if name.startswith(("piece", "owner"))} for row in rows]
    return {**shared, "pieces": [piece for piece in pieces if piece["piece"]]}


@router.get("/certificates/{piece}/evidence", response_class=Response)
def evidence_file(node: NodeDep, request: Request, piece: str,
                  level: Annotated[str, Query()] = "public", authorization: Authorization = "") -> Response:
    """The evidence file (.cseal) of a piece: public to all; buyer with any token; auditor and full to the subject
    and to those with oversight.
    """
    wanted = check_hex(piece, where="piece")
    with reading(node.engine) as connection:
        row = next((row for row in _rows_of(connection, wanted) if row.piece == wanted.hex()), None)
    if row is None:
        raise NotFound("piece-unknown", "this is no piece of a certificate", where=piece[:64],
                       hint="name a piece: see /v1/certificates/{statement}")
    if level != "public":
        _check_level(account_of(node, authorization), level, row)
    data = evidence.export(node.deployment, node.link, bytes.fromhex(row.statement), purpose="certificate",
                           level=level, piece=wanted)
    answer = immutable(request, data, EVIDENCE, private=level != "public")
    answer.headers["content-disposition"] = f'attachment; filename="{row.piece[:16]}.{level}.cseal"'
    # The bytes behind one address change with the chain's state; the ETag tells which they are.
    answer.headers["cache-control"] = "no-cache"
    return answer


@router.get("/assets/{piece}/check")
def asset_check(snapshot: Snapshot, piece: str, seller: str | None = None) -> dict[str, Any]:
    """A buyer's question: is this piece clean? Each point with its outcome and reason. Public."""
    return check.check(snapshot, check_hex(piece, where="piece"), seller).as_json()


@router.get("/ledger")
def ledger(snapshot: Snapshot, account: Overseer, organisation: str | None = None, meter: str | None = None,
           start: str | None = None, end: str | None = None, certificate: str | None = None,
           serials: Annotated[str | None, Query(description="mark:from:to")] = None,
           form: Annotated[str, Query(pattern="^(json|csv)$")] = "json") -> Response:
    """Questions of authorities and auditors: by organisation, meter, period, certificate, serial interval."""
    asked = Filter(
        None if organisation is None else check_id(organisation, where="organisation"), meter, period_asked(start, end),
        None if certificate is None else check_hex(certificate, where="certificate"), _serials(serials))
    rows = query.find(snapshot, asked)
    if form == "csv":
        return Response(query.to_csv(rows), media_type="text/csv; charset=utf-8")
    return JSONResponse(query.to_json(rows))


def _rows_of(connection: Connection, identity: bytes) -> list[LedgerRow]:
    rows = query.find(connection, Filter(certificate=identity))
    if not rows:
        raise NotFound("certificate-unknown", "no statement or piece has this number", where=identity.hex())
    return rows


def _check_level(account: Account, level: str, row: LedgerRow) -> None:
    if level != "buyer" and not account.roles & OVERSIGHT:
        account.require_org(row.subject)


def period_asked(start: str | None, end: str | None) -> Period | None:
    """The period of two instants, None without them. Raises InputError (parameter-invalid), FormError."""
    if start is None and end is None:
        return None
    if start is None or end is None:
        raise InputError("parameter-invalid", "start and end belong together", where="start")
    return Period(parse_instant(start, where="start"), parse_instant(end, where="end"))


def _serials(text: str | None) -> Interval | None:
    if text is None:
        return None
    mark, _, span = text.rpartition(":")
    mark, _, start = mark.rpartition(":")
    return Interval(check_id(mark, where="serials"), parse_natural(start, where="serials"),
                    parse_natural(span, where="serials"))


def _key(row: LedgerRow) -> str:
    return f"{int(row.statement_index):020d}/{int(row.piece_from):020d}"
