"""The JSON members of an evidence file, read strictly: canonical, with exactly the members the specification names."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from core import jcs
from core.claims import account, members, sequence
from core.errors import FormError
from core.ids import check_hex, check_id
from core.merkle import MAX_PATH
from core.numbers import parse_natural
from verify.model import (
    Absence,
    AccountProof,
    CertificateRecord,
    ChainProof,
    Detail,
    Details,
    Row,
    Rows,
)

STATUSES = ("live", "retired", "split", "superseded", "revoked")
# The largest header in use (QBFT with 100 seals) has about 10 kB; a trie node at most 532 bytes.
MAX_HEADER_BYTES = 65_536
MAX_NODE_BYTES = 1_024
MAX_NODES = 65
MAX_SLOTS = 4_096
MAX_ROWS = 20_000
# Trace nodes of the largest methodology come to a few thousand.
MAX_RECORDS = 200_000
SALT_BYTES = 16


def parse_rows(data: bytes) -> Rows:
    """manifest/rows.json."""
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


def parse_chain_proof(data: bytes, schema: str) -> ChainProof:
    """anchor.json and status.json."""
    value = _document(data, schema, ("chain_id", "header", "accounts"))
    header = _bytes(value["header"], MAX_HEADER_BYTES, "header")
    accounts = tuple(_account_proof(item) for item in sequence(value["accounts"], "accounts", 4))
    if len({item.address for item in accounts}) != len(accounts):
        raise FormError("member-malformed", "an account occurs twice", where="accounts")
    return ChainProof(parse_natural(value["chain_id"], where="chain_id"), header, accounts)


def _account_proof(value: object) -> AccountProof:
    item = members(value, ("address", "proof", "storage"), "accounts")
    storage: dict[bytes, tuple[bytes, ...]] = {}
    for entry in sequence(item["storage"], "accounts.storage", MAX_SLOTS):
        entry = members(entry, ("slot", "proof"), "accounts.storage")
        slot = check_hex(entry["slot"], where="accounts.storage.slot")
        if slot in storage:
            raise FormError("member-malformed", "a slot occurs twice", where="accounts.storage")
        storage[slot] = _nodes(entry["proof"])
    return AccountProof(account(item["address"], "accounts.address"), _nodes(item["proof"]), storage)


def _nodes(value: object) -> tuple[bytes, ...]:
    return tuple(_bytes(node, MAX_NODE_BYTES, "proof") for node in sequence(value, "proof", MAX_NODES))


def _bytes(value: object, limit: int, where: str) -> bytes:
    if not isinstance(value, str) or len(value) > 2 * limit or len(value) % 2:
        raise FormError("hex-malformed", f"not lower-case hex of at most {limit} bytes", where=where)
    return check_hex(value, len(value) // 2, where=where)


def parse_certificate(data: bytes) -> CertificateRecord:
    """certificate.json."""
    value = _document(data, "carbonseal-certificate/1", ("id", "payload_digest", "units", "owner", "status"))
    units = members(value["units"], ("from", "to"), "units")
    if value["status"] not in STATUSES:
        raise FormError("member-malformed", "not a status", where="status", hint="one of " + ", ".join(STATUSES))
    return CertificateRecord(
        check_hex(value["id"], where="id"), check_hex(value["payload_digest"], where="payload_digest"),
        parse_natural(units["from"], where="units.from"), parse_natural(units["to"], where="units.to"),
        account(value["owner"], "owner"), value["status"])


def _document(data: bytes, schema: str, names: tuple[str, ...]) -> dict[str, Any]:
    value = members(jcs.parse(data), ("schema", *names), "document")
    if value["schema"] != schema:
        raise FormError("member-malformed", f"not a {schema} document", where="schema")
    return value


def _path(value: object) -> tuple[bytes, ...]:
    return tuple(check_hex(item, where="path") for item in sequence(value, "path", MAX_PATH))
