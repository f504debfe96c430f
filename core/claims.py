"""The claim document (`claim+json`): what an enterprise claims and signs; strict form, one canonical payload.

A claim names what shall be computed (subject, boundary, period, methodology, inputs) and what it spends (intervals of
marks, references to outside registries). The enterprise signs the EIP-712 struct `ChainClaim` derived from it here.
Form only: whether the signer was the subject's account at that time is a question of registrations.
Normative text: docs/spec/claims-and-opinions.md.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from typing import Any

from core import jcs
from core.errors import FormError
from core.ethereum import Domain, checksum_address, parse_address, recover
from core.ids import chain_id_of, check_hex, check_id
from core.numbers import decimal_text, parse_decimal, parse_natural
from core.period import Period
from core.records import ChainClaim, Interval, Kind, external_refs_hash, intervals_hash

CLAIM_SCHEMA = "carbonseal-claim/1"
DOMAIN_NAME, DOMAIN_VERSION = "CarbonSeal", "1"
# An envelope holds 65,535 bytes; the payload leaves room for its header and signature.
MAX_PAYLOAD_BYTES = 65_000
MAX_INTERVALS = 64
MAX_EXTERNAL_REFS = 64
MAX_INPUTS = 256
MAX_TEXT = 500
MAX_LONG_TEXT = 4_000
SIGNATURE_BYTES = 65
SPENDING_KINDS = frozenset({Kind.GREEN_POWER, Kind.REDUCTION})

# One spelling for each reference, so that letter case cannot make a second one of it.
_EXTERNAL_REF = re.compile(r"[a-z0-9-]{2,16}:[A-Z0-9](?:[A-Z0-9./_-]{0,98}[A-Z0-9])?")
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,31}")
# Default-ignorable letters and marks (Unicode DerivedCoreProperties) and the blank Braille pattern: seen as nothing.
_BLANKS = ((0x034F, 0x034F), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x2800, 0x2800), (0x3164, 0x3164),
           (0xFE00, 0xFE0F), (0xFFA0, 0xFFA0), (0xE0100, 0xE01EF))
_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,63}")

_CLAIM_MEMBERS = (
    "schema", "origin", "kind", "subject", "holder", "boundary", "period", "methodology", "inputs", "options",
    "intervals", "external_refs", "supersedes", "carried", "domain", "signature",
)


@dataclass(frozen=True)
class MethodologyRef:
    """A methodology by id, version and the SHA-256 of its canonical document."""

    id: str
    version: str
    digest: bytes

    def as_json(self) -> dict[str, str]:
        """{"id", "version", "digest"}."""
        return {"id": self.id, "version": self.version, "digest": self.digest.hex()}


@dataclass(frozen=True)
class MeterInput:
    """An input read from a meter's register (or claim point) over the period."""

    meter: str
    quantity: str

    def as_json(self) -> dict[str, str]:
        """{"meter", "quantity"}."""
        return {"meter": self.meter, "quantity": self.quantity}


@dataclass(frozen=True)
class DocumentInput:
    """An input taken from a document, known to the log by its SHA-256."""

    document: bytes
    value: Decimal
    unit: str
    title: str

    def as_json(self) -> dict[str, str]:
        """{"document", "value", "unit", "title"}."""
        return {"document": self.document.hex(), "value": decimal_text(self.value), "unit": self.unit,
                "title": self.title}


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


def document_digest(document: Mapping[str, Any]) -> bytes:
    """SHA-256 of the JCS of a claim or opinion without its `signature`: no member can change once it is signed."""
    return jcs.digest({name: value for name, value in document.items() if name != "signature"})


def chain_claim(document: ClaimDocument) -> ChainClaim:
    """The struct the enterprise signs and the contract checks."""
    return ChainClaim(
        origin=document.origin, kind=int(document.kind), subjectOrg=chain_id_of(document.subject),
        holder=document.holder, methodologyDigest=document.methodology.digest,
        exclusivityKey=document.exclusivity_key, periodStart=document.period.start, periodEnd=document.period.end,
        intervalsHash=intervals_hash(document.intervals), externalRefsHash=external_refs_hash(document.external_refs),
        documentDigest=document_digest(document.as_json()))


def claim_digest(document: ClaimDocument) -> bytes:
    """The 32-byte EIP-712 digest that is signed."""
    return document.domain.digest(chain_claim(document).struct_hash())


def claim_signer(document: ClaimDocument) -> str:
    """The account that signed. Raises VerificationFailed (eip712-…)."""
    return recover(claim_digest(document), document.signature)


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


def inputs_from_json(value: object) -> dict[str, tuple[ClaimInput, ...]]:
    """Inputs by name: {"meter", "quantity"} or {"document", "value", "unit", "title"} each. Raises FormError."""
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
    item = members(value, ("document", "value", "unit", "title"), where)
    return DocumentInput(check_hex(item["document"], where=where), parse_decimal(item["value"], where=where),
                         text(item["unit"], where), text(item["title"], where))


def carried_from_json(value: object) -> Carried | None:
    """The remainder of {"statement", "value", "unit"}, or None of null. Raises FormError."""
    if value is None:
        return None
    item = members(value, ("statement", "value", "unit"), "carried")
    amount = parse_decimal(item["value"], where="carried.value")
    if amount < 0:
        raise FormError("claim-carried-negative", "a remainder is not negative", where="carried.value")
    return Carried(check_hex(item["statement"], where="carried.statement"), amount, text(item["unit"], "carried.unit"))


# What claims and opinions are made of. Each of these raises FormError with `where` when the value is not of its form.

def members(value: object, names: Sequence[str], where: str) -> dict[str, Any]:
    """The object, if it has exactly these members."""
    if isinstance(value, dict) and set(value) == set(names):
        return value
    got = set(value) if isinstance(value, dict) else set()
    wrong = sorted(str(name)[:40] for name in got ^ set(names))
    raise FormError("document-members", f"missing or unknown members: {', '.join(wrong[:8]) or 'not an object'}",
                    where=where, hint="exactly " + ", ".join(names))


def mapping(value: object, where: str) -> dict[str, Any]:
    """The object, whatever its members."""
    if not isinstance(value, dict) or len(value) > MAX_INPUTS:
        raise FormError("document-members", f"not an object of at most {MAX_INPUTS} members", where=where)
    return value


def sequence(value: object, where: str, limit: int) -> list[Any]:
    """The array, if it has at most `limit` items."""
    if not isinstance(value, list) or len(value) > limit:
        raise FormError("document-array", f"not an array of at most {limit} items", where=where)
    return value


def text(value: object, where: str, limit: int = MAX_TEXT) -> str:
    """Text a person reads: NFC, nothing invisible, single plain spaces inside only, 1 to `limit` characters.

    Two spellings that look alike would be two exclusivity keys for one boundary.
    """
    if (isinstance(value, str) and 0 < len(value) <= limit and value == value.strip(" ") and "  " not in value
            and unicodedata.is_normalized("NFC", value) and not any(map(_is_unseen, value))):
        return value
    raise FormError("document-text", f"{str(value)[:60]!r} is not plain text of 1 to {limit} characters", where=where,
                    hint="NFC, no control or invisible characters, single plain spaces and none around it")


def _is_unseen(character: str) -> bool:
    """Control, format and unassigned characters, spaces other than U+0020, and letters and marks that show nothing."""
    category = unicodedata.category(character)
    return (category[0] == "C" or (category[0] == "Z" and character != " ")
            or any(first <= ord(character) <= last for first, last in _BLANKS))


def account(value: object, where: str) -> str:
    """An account address in its EIP-55 spelling. Raises FormError (address-malformed)."""
    if isinstance(value, str) and value == checksum_address(parse_address(value, where=where)):
        return value
    raise FormError("address-malformed", f"{str(value)[:60]!r} is not in EIP-55 spelling", where=where,
                    hint="one spelling for each account, so that one document has one payload")


def optional_hex(value: object, where: str) -> bytes | None:
    """32 bytes of hex, or null."""
    return None if value is None else check_hex(value, where=where)


def methodology_from_json(value: object) -> MethodologyRef:
    """The methodology of {"id", "version", "digest"}."""
    item = members(value, ("id", "version", "digest"), "methodology")
    if not isinstance(item["version"], str) or not _VERSION.fullmatch(item["version"]):
        raise FormError("document-version", "not a version", where="methodology.version")
    return MethodologyRef(text(item["id"], "methodology.id"), item["version"],
                          check_hex(item["digest"], where="methodology.digest"))


def interval_json(interval: Interval) -> dict[str, str]:
    """{"mark", "start", "end"} with positions as decimal strings."""
    return {"mark": interval.mark, "start": str(interval.start), "end": str(interval.end)}


def intervals_from_json(value: object) -> tuple[Interval, ...]:
    """Intervals in their one order (mark, start), none overlapping another."""
    intervals = []
    for item in sequence(value, "intervals", MAX_INTERVALS):
        item = members(item, ("mark", "start", "end"), "intervals")
        intervals.append(Interval(check_id(item["mark"], where="intervals.mark"),
                                  parse_natural(item["start"], where="intervals.start"),
                                  parse_natural(item["end"], where="intervals.end")))
    for before, after in pairwise(intervals):
        if before >= after or (before.mark == after.mark and after.start < before.end):
            raise FormError("intervals-order", f"{after.mark} [{after.start}, {after.end}) overlaps or is out of order",
                            where="intervals", hint="sort by mark and start; no Wh twice")
    return tuple(intervals)


def external_refs_from_json(value: object) -> tuple[str, ...]:
    """References to outside registries, sorted and unique: "gec:…", "ccer:…", "irec:…" in capitals and digits."""
    references = sequence(value, "external_refs", MAX_EXTERNAL_REFS)
    for reference in references:
        if not isinstance(reference, str) or not _EXTERNAL_REF.fullmatch(reference):
            raise FormError("external-ref-malformed", f"{str(reference)[:60]!r} is not a reference",
                            where="external_refs", hint='registry:NUMBER, for example "gec:2026-320100-00017"')
    if any(before >= after for before, after in pairwise(references)):
        raise FormError("external-refs-order", "references are sorted and none occurs twice", where="external_refs")
    return tuple(references)


def domain_json(domain: Domain) -> dict[str, str]:
    """{"name", "version", "chain_id", "contract"}."""
    return {"name": domain.name, "version": domain.version, "chain_id": str(domain.chain_id),
            "contract": domain.contract}


def domain_from_json(value: object) -> Domain:
    """The EIP-712 domain of the CertificateRegistry; name and version are fixed."""
    item = members(value, ("name", "version", "chain_id", "contract"), "domain")
    if (item["name"], item["version"]) != (DOMAIN_NAME, DOMAIN_VERSION):
        raise FormError("domain-unknown", f"the domain is not {DOMAIN_NAME} {DOMAIN_VERSION}", where="domain")
    return Domain(DOMAIN_NAME, DOMAIN_VERSION, parse_natural(item["chain_id"], where="domain.chain_id"),
                  account(item["contract"], "domain.contract"))
