"""The statement document as a verifier reads it: strictly, before anything in it is believed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core import jcs
from core.documents import MethodologyRef, external_refs_from_json, intervals_from_json, methodology_from_json
from core.errors import FormError
from core.fields import mapping, members, optional_hex, sequence, text
from core.ids import check_hex, check_id
from core.numbers import parse_decimal, parse_natural
from core.period import Period
from core.records import Interval, Kind

SCHEMA = "carbonseal-statement/1"
MAX_PAYLOAD_BYTES = 65_000
MAX_NOTICES = 64

_MEMBERS = (
    "schema", "origin", "type", "subject", "boundary", "period", "date", "methodology", "rules", "result", "outputs",
    "certificate", "carried_in", "carried_out", "intervals", "external_refs", "completeness", "notices", "claim",
    "exclusivity_key", "supersedes", "details",
)


@dataclass(frozen=True)
class StatementDocument:
    """What a statement says. `value`: the whole document; `rules`: digest of the release; `claim`: claim hash.

    `amount`: whole units of `unit`; `details_root` over `details_count` salted records.
    """

    value: Mapping[str, Any]
    origin: str
    kind: Kind
    subject: str
    boundary: str
    period: Period
    methodology: MethodologyRef
    rules: bytes
    amount: int
    unit: str
    intervals: tuple[Interval, ...]
    external_refs: tuple[str, ...]
    completeness: Mapping[str, Any]
    notices: tuple[str, ...]
    claim: bytes
    exclusivity_key: bytes
    supersedes: bytes | None
    details_root: bytes
    details_count: int


def parse_statement(payload: bytes) -> StatementDocument:
    """The statement of a canonical payload. Raises FormError."""
    value = members(jcs.parse(payload, limit=MAX_PAYLOAD_BYTES), _MEMBERS, "statement")
    if value["schema"] != SCHEMA:
        raise FormError("statement-schema", f"not a {SCHEMA} document", where="statement.schema")
    result = members(value["result"], ("value", "unit"), "result")
    parse_decimal(result["value"], where="result.value")
    certificate = members(value["certificate"], ("amount", "unit"), "certificate")
    details = members(value["details"], ("root", "count"), "details")
    return StatementDocument(
        value=value, origin=text(value["origin"], "origin"), kind=Kind.parse(value["type"]),
        subject=check_id(value["subject"], where="subject"), boundary=text(value["boundary"], "boundary"),
        period=Period.from_json(value["period"]), methodology=methodology_from_json(value["methodology"]),
        rules=check_hex(value["rules"], where="rules"),
        amount=parse_natural(certificate["amount"], where="certificate.amount"),
        unit=text(certificate["unit"], "certificate.unit"), intervals=intervals_from_json(value["intervals"]),
        external_refs=external_refs_from_json(value["external_refs"]),
        completeness=mapping(value["completeness"], "completeness"),
        notices=tuple(check_id(item, where="notices") for item in sequence(value["notices"], "notices", MAX_NOTICES)),
        claim=check_hex(value["claim"], where="claim"),
        exclusivity_key=check_hex(value["exclusivity_key"], where="exclusivity_key"),
        supersedes=optional_hex(value["supersedes"], "supersedes"),
        details_root=check_hex(details["root"], where="details.root"),
        details_count=parse_natural(details["count"], where="details.count"))
