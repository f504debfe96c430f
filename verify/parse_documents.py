"""The JSON members of an evidence file, read strictly: canonical, with exactly the members the specification names."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from core import jcs
from core.errors import FormError
from core.fields import MAX_LONG_TEXT, account, members, sequence, text
from core.ids import check_hex, check_id
from core.merkle import MAX_PATH
from core.numbers import parse_natural
from core.period import parse_instant
from ledger.anchor.header import header_fields
from verify.model import Absence, CertificateRecord, Detail, Details, Retirement, Row, Rows

STATUSES = ("live", "retired", "split", "superseded", "revoked")
MAX_ROWS = 20_000
# Trace nodes of the largest methodology come to a few thousand.
MAX_RECORDS = 200_000
SALT_BYTES = 16


def parse_rows(data: bytes) -> Rows:
    """manifest/rows.json. Raises FormError, as every parser here does."""
    value = _document(data, "carbonseal-manifest-rows/1", ("rows", "absent"))
    rows = [_row(item) for item in sequence(value["rows"], "rows", MAX_ROWS)]
    absent = [_absence(item) for item in sequence(value["absent"], "absent", MAX_ROWS)]
    for subjects in ([row.subject for row in rows], [item.subject for item in absent]):
        if any(before.encode() >= after.encode() for before, after in pairwise(subjects)):
            raise FormError("member-malformed", "subjects are sorted and none occurs twice", where="rows")
    return Rows({row.subject: row for row in rows}, {item.subject: item for item in absent})


def _row(value: object) -> Row:
    item = members(value, ("subject", "head", "count", "position", "path"), "rows")
    return Row(check_id(item["subject"], where="rows.subject"), check_hex(item["head"], where="rows.head"),
               parse_natural(item["count"], where="rows.count"),
               parse_natural(item["position"], where="rows.position"), _path(item["path"]))


def _absence(value: object) -> Absence:
    item = members(value, ("subject", "before", "after"), "absent")
    before, after = (None if item[name] is None else _row(item[name]) for name in ("before", "after"))
    return Absence(check_id(item["subject"], where="absent.subject"), before, after)


def parse_disclosed(data: bytes) -> Details:
    """details/disclosed.json."""
    value = _document(data, "carbonseal-details/1", ("records",))
    records = []
    for item in sequence(value["records"], "records", MAX_RECORDS):
        item = members(item, ("index", "salt", "record", "path"), "records")
        records.append(Detail(parse_natural(item["index"], where="records.index"), _salt(item["salt"]),
                              _record(item["record"]), _path(item["path"])))
    if any(before.index >= after.index for before, after in pairwise(records)):
        raise FormError("member-malformed", "records stand by rising index", where="records")
    return Details(False, tuple(records))


def parse_complete(data: bytes) -> Details:
    """details/complete.json."""
    value = _document(data, "carbonseal-details/1", ("records",))
    records = []
    for index, item in enumerate(sequence(value["records"], "records", MAX_RECORDS)):
        item = members(item, ("salt", "record"), "records")
        records.append(Detail(index, _salt(item["salt"]), _record(item["record"]), ()))
    return Details(True, tuple(records))


def _salt(value: object) -> bytes:
    return check_hex(value, SALT_BYTES, where="records.salt")


def _record(value: object) -> dict[str, Any]:
    if not isinstance(value, dict) or not isinstance(value.get("kind"), str):
        raise FormError("member-malformed", "a detail record is an object with its kind", where="records.record")
    return value


def parse_chain_document(data: bytes) -> dict[str, Any]:
    """anchor.json and status.json; their members are read by `ledger.anchor.evidence`.

    One spelling only: a header of exactly the fields that are hashed, in lower-case hex.
    """
    value = jcs.parse(data)
    header = value.get("header") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(header, dict):
        raise FormError("member-malformed", "not chain evidence with a header")
    if header_fields(header) != header or any(text != text.lower() for text in header.values()):
        raise FormError("member-malformed", "the header has other fields than are hashed, or upper-case hex",
                        where="header")
    return value


def parse_certificate(data: bytes) -> CertificateRecord:
    """certificate.json."""
    value = _document(data, "carbonseal-certificate/1",
                      ("id", "payload_digest", "units", "owner", "status", "retirement"))
    units = members(value["units"], ("from", "to"), "units")
    if value["status"] not in STATUSES:
        raise FormError("member-malformed", "not a status", where="status", hint="one of " + ", ".join(STATUSES))
    u0, u1 = (parse_natural(units[name], where="units") for name in ("from", "to"))
    if u0 >= u1 or (value["status"] == "retired") != (value["retirement"] is not None):
        raise FormError("member-malformed", "no units, or a retirement that does not fit the status")
    return CertificateRecord(
        check_hex(value["id"], where="id"), check_hex(value["payload_digest"], where="payload_digest"), u0, u1,
        account(value["owner"], "owner"), value["status"], _retirement(value["retirement"]))


def _retirement(value: object) -> Retirement | None:
    if value is None:
        return None
    item = members(value, ("purpose", "beneficiary", "start", "end"), "retirement")
    return Retirement(text(item["purpose"], "retirement.purpose", MAX_LONG_TEXT),
                      text(item["beneficiary"], "retirement.beneficiary", MAX_LONG_TEXT),
                      parse_instant(item["start"], where="retirement.start"),
                      parse_instant(item["end"], where="retirement.end"))


def _document(data: bytes, schema: str, names: tuple[str, ...]) -> dict[str, Any]:
    value = members(jcs.parse(data), ("schema", *names), "document")
    if value["schema"] != schema:
        raise FormError("member-malformed", f"not a {schema} document", where="schema")
    return value


def _path(value: object) -> tuple[bytes, ...]:
    return tuple(check_hex(item, where="path") for item in sequence(value, "path", MAX_PATH))
