"""The claim document (`claim+json`): what an enterprise claims and signs; strict form, one canonical payload.

A claim names what shall be computed (subject, boundary, period, methodology, inputs) and what it spends (intervals of
marks, references to outside registries). The enterprise signs the EIP-712 struct `ChainClaim` derived from it here.
Form only: whether the signer was the subject's account at that time is a question of registrations.
Normative text: docs/spec/claims-and-opinions.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from core import jcs
from core.documents import (
    MAX_PAYLOAD_BYTES,
    SIGNATURE_BYTES,
    UNITS,
    MethodologyRef,
    document_digest,
    domain_from_json,
    domain_json,
    external_refs_from_json,
    interval_json,
    intervals_from_json,
    methodology_from_json,
)
from core.errors import FormError
from core.ethereum import Domain, recover
from core.fields import account, mapping, members, optional_hex, sequence, text
from core.ids import DIGEST_HINT, chain_id_of, check_hex, check_id
from core.numbers import decimal_text, parse_decimal
from core.period import Period, instant_text, parse_instant
from core.records import ChainClaim, Interval, Kind, external_refs_hash, intervals_hash

CLAIM_SCHEMA = "carbonseal-claim/1"
MAX_INPUTS = 256
MAX_ACCOUNT_CHARS = 80
ACCOUNT = re.compile(r"[0-9A-Za-z\u4e00-\u9fff][-0-9A-Za-z\u4e00-\u9fff._:/#]{0,79}", re.ASCII)
"""An account in one spelling: a space, a full-width digit or a sign that is not seen would make two of one."""
ACCOUNT_HINT = "letters, digits, 汉字 and . _ - : / # without spaces, as in 0512-0017"
SPENDING_KINDS = frozenset({Kind.GREEN_POWER, Kind.REDUCTION})

_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,63}")

_CLAIM_MEMBERS = (
    "schema", "origin", "kind", "subject", "holder", "boundary", "period", "methodology", "inputs", "options",
    "intervals", "external_refs", "supersedes", "carried", "domain", "signature",
)


@dataclass(frozen=True)
class MeterInput:
    """An input read from a meter's register (or claim point) over the period."""

    meter: str
    quantity: str

    def as_json(self) -> dict[str, str]:
        """{"meter", "quantity"}."""
        return {"meter": self.meter, "quantity": self.quantity}


@dataclass(frozen=True)
class Covers:
    """The time [start, end) in ms UTC that a document's value is of, and the account it is billed or metered under."""

    start: int
    end: int
    account: str | None

    def as_json(self) -> dict[str, str | None]:
        """{"start", "end", "account"}."""
        return {"start": instant_text(self.start), "end": instant_text(self.end), "account": self.account}


@dataclass(frozen=True)
class DocumentInput:
    """An input taken from a document, known to the log by its SHA-256.

    `uncertainty`: what the document states, half of the 95 % interval in %; None where it states none. `covers`: None
    where the value is of the whole period.
    """

    document: bytes
    value: Decimal
    unit: str
    title: str
    uncertainty: Decimal | None = None
    covers: Covers | None = None

    def as_json(self) -> dict[str, Any]:
        """{"document", "value", "unit", "title"}, and "uncertainty" and "covers" where there are such."""
        stated: dict[str, Any] = {} if self.uncertainty is None else {"uncertainty": decimal_text(self.uncertainty)}
        stated |= {} if self.covers is None else {"covers": self.covers.as_json()}
        return {"document": self.document.hex(), "value": decimal_text(self.value), "unit": self.unit,
                "title": self.title, **stated}


ClaimInput = MeterInput | DocumentInput


@dataclass(frozen=True)
class Carried:
    """A remainder below one unit that an earlier statement left for this one."""

    statement: bytes
    value: Decimal
    unit: str

    def as_json(self) -> dict[str, str]:
        """{"statement", "value", "unit"}."""
        return {"statement": self.statement.hex(), "value": decimal_text(self.value), "unit": self.unit}


@dataclass(frozen=True)
class ClaimDocument:
    """A claim. `signature` is empty while unsigned; `supersedes` is the payload digest of the statement replaced."""

    origin: str
    kind: Kind
    subject: str
    holder: str
    boundary: str
    period: Period
    methodology: MethodologyRef
    inputs: Mapping[str, tuple[ClaimInput, ...]]
    intervals: tuple[Interval, ...]
    domain: Domain
    options: Mapping[str, Any] = field(default_factory=dict)
    external_refs: tuple[str, ...] = ()
    supersedes: bytes | None = None
    carried: Carried | None = None
    signature: bytes = b""

    @property
    def exclusivity_key(self) -> bytes:
        """See `exclusivity_key`."""
        return exclusivity_key(self.subject, self.boundary, self.methodology.id, self.period)

    def as_json(self) -> dict[str, Any]:
        """The document as its payload spells it."""
        return {
            "schema": CLAIM_SCHEMA, "origin": self.origin, "kind": self.kind.label, "subject": self.subject,
            "holder": self.holder, "boundary": self.boundary, "period": self.period.as_json(),
            "methodology": self.methodology.as_json(),
            "inputs": {name: [item.as_json() for item in items] for name, items in self.inputs.items()},
            "options": dict(self.options), "intervals": [interval_json(item) for item in self.intervals],
            "external_refs": list(self.external_refs),
            "supersedes": self.supersedes.hex() if self.supersedes else None,
            "carried": self.carried.as_json() if self.carried else None,
            "domain": domain_json(self.domain), "signature": self.signature.hex(),
        }


def exclusivity_key(subject: str, boundary: str, methodology: str, period: Period) -> bytes:
    """SHA-256(JCS [subject, boundary, methodology id, period start, period end]): at most one live statement each."""
    span = period.as_json()
    return jcs.digest([subject, boundary, methodology, span["start"], span["end"]])


def chain_claim(document: ClaimDocument) -> ChainClaim:
    """The struct the enterprise signs and the contract checks."""
    return ChainClaim(
        origin=document.origin, kind=int(document.kind), subjectOrg=chain_id_of(document.subject),
        holder=document.holder, methodologyDigest=document.methodology.digest,
        exclusivityKey=document.exclusivity_key, periodStart=document.period.start, periodEnd=document.period.end,
        intervalsHash=intervals_hash(document.intervals), externalRefsHash=external_refs_hash(document.external_refs),
        documentDigest=document_digest(document.as_json()))


def claim_signing_digest(document: ClaimDocument) -> bytes:
    """The 32-byte EIP-712 digest that is signed."""
    return document.domain.digest(chain_claim(document).struct_hash())


def claim_signer(document: ClaimDocument) -> str:
    """The account that signed. Raises VerificationFailed (eip712-…)."""
    return recover(claim_signing_digest(document), document.signature)


def claim_payload(document: ClaimDocument) -> bytes:
    """The canonical payload of a signed claim. Raises FormError when the document is not one `parse_claim` accepts."""
    payload = jcs.canonical(document.as_json())
    parse_claim(payload)
    return payload


def parse_claim(payload: bytes) -> ClaimDocument:
    """The claim of a canonical payload. Raises FormError for anything else; the signature is not recovered here."""
    value = members(jcs.parse(payload, limit=MAX_PAYLOAD_BYTES), _CLAIM_MEMBERS, "claim")
    if value["schema"] != CLAIM_SCHEMA:
        raise FormError("claim-schema", f"not a {CLAIM_SCHEMA} document", where="claim.schema")
    document = ClaimDocument(
        origin=text(value["origin"], "origin"), kind=Kind.parse(value["kind"]),
        subject=check_id(value["subject"], where="subject"), holder=account(value["holder"], "holder"),
        boundary=text(value["boundary"], "boundary"), period=Period.from_json(value["period"]),
        methodology=methodology_from_json(value["methodology"]), inputs=inputs_from_json(value["inputs"]),
        intervals=intervals_from_json(value["intervals"]), domain=domain_from_json(value["domain"]),
        options=mapping(value["options"], "options"), external_refs=external_refs_from_json(value["external_refs"]),
        supersedes=optional_hex(value["supersedes"], "supersedes"), carried=carried_from_json(value["carried"]),
        signature=check_hex(value["signature"], SIGNATURE_BYTES, where="signature"))
    _check_kind(document)
    return document


def _check_kind(document: ClaimDocument) -> None:
    spends = document.kind in SPENDING_KINDS
    if spends and not document.intervals:
        raise FormError("claim-intervals-missing", f"a {document.kind.label} claim spends at least one interval",
                        where="intervals", hint="name the serial interval of every claim point")
    if not spends and (document.intervals or document.carried):
        raise FormError("claim-intervals-unexpected", f"a {document.kind.label} claim spends and carries nothing",
                        where="intervals", hint="inventories are unique by subject, boundary, methodology and period")
    unit, carried = UNITS[document.kind], document.carried
    if carried and (carried.unit != unit or carried.value >= 1):
        raise FormError("claim-carried-whole", f"{decimal_text(carried.value)} {carried.unit[:40]} is no remainder "
                        f"below one {unit}", where="carried", hint="carry the carried_out of the statement before")


def inputs_from_json(value: object) -> dict[str, tuple[ClaimInput, ...]]:
    """Inputs by name: {"meter", "quantity"} or {"document", "value", "unit", "title", "uncertainty"?, "covers"?} each.

    Raises FormError.
    """
    inputs: dict[str, tuple[ClaimInput, ...]] = {}
    for name, items in mapping(value, "inputs").items():
        if not _NAME.fullmatch(name):
            raise FormError("claim-input-name", f"{name[:60]!r} is not the name of an input", where="inputs")
        inputs[name] = tuple(_input(item, f"inputs.{name}") for item in sequence(items, f"inputs.{name}", MAX_INPUTS))
    return inputs


def _input(value: object, where: str) -> ClaimInput:
    if isinstance(value, dict) and "meter" in value:
        item = members(value, ("meter", "quantity"), where)
        return MeterInput(check_id(item["meter"], where=where), text(item["quantity"], where))
    stated = [name for name in ("uncertainty", "covers") if isinstance(value, dict) and name in value]
    item = members(value, ("document", "value", "unit", "title", *stated), where)
    return DocumentInput(check_hex(item["document"], where=f"{where}.document", hint=DIGEST_HINT),
                         parse_decimal(item["value"], where=where), text(item["unit"], where),
                         text(item["title"], where),
                         _uncertainty(item["uncertainty"], where) if "uncertainty" in stated else None,
                         _covers(item["covers"], f"{where}.covers") if "covers" in stated else None)


def _covers(value: object, where: str) -> Covers:
    item = members(value, ("start", "end", "account"), where)
    start, end = (parse_instant(item[name], where=f"{where}.{name}") for name in ("start", "end"))
    if start >= end:
        raise FormError("period-empty", "what the document covers is empty", where=where)
    account_text = None if item["account"] is None else text(item["account"], f"{where}.account", MAX_ACCOUNT_CHARS)
    if account_text is not None and not ACCOUNT.fullmatch(account_text):
        raise FormError("account-malformed", f"{account_text!r} is no account", where=f"{where}.account",
                        hint=ACCOUNT_HINT)
    return Covers(start, end, account_text)


def _uncertainty(value: object, where: str) -> Decimal:
    percent = parse_decimal(text(value, where), where=where)
    if percent < 0:
        raise FormError("claim-uncertainty-negative", "an uncertainty in % is not negative", where=where)
    return percent


def carried_from_json(value: object) -> Carried | None:
    """The remainder of {"statement", "value", "unit"}, or None of null. Raises FormError."""
    if value is None:
        return None
    item = members(value, ("statement", "value", "unit"), "carried")
    amount = parse_decimal(item["value"], where="carried.value")
    if amount < 0:
        raise FormError("claim-carried-negative", "a remainder is not negative", where="carried.value")
    return Carried(check_hex(item["statement"], where="carried.statement"), amount, text(item["unit"], "carried.unit"))
