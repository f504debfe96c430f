"""Parts that claims, opinions and statements have in common: methodology, intervals, references, domain, digest.

Each `…_from_json` raises FormError for anything but the one form of docs/spec/claims-and-opinions.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from core import jcs
from core.errors import FormError, quoted
from core.ethereum import Domain, checksum_address, parse_address
from core.fields import account, members, sequence, text
from core.ids import check_hex, check_id
from core.numbers import parse_natural
from core.records import Interval, Kind

DOMAIN_NAME, DOMAIN_VERSION = "CarbonSeal", "1"
# An envelope holds 65,535 bytes; the payload leaves room for its header and signature.
MAX_PAYLOAD_BYTES = 65_000
MAX_INTERVALS = 64
MAX_EXTERNAL_REFS = 64
SIGNATURE_BYTES = 65
# What one unit of a certificate is.
UNITS = {Kind.EMISSION: "kgCO2e", Kind.REDUCTION: "tCO2e", Kind.GREEN_POWER: "MWh",
         Kind.PRODUCT_FOOTPRINT: "kgCO2e", Kind.CBAM: "kgCO2e"}

# One spelling for each reference, so that letter case cannot make a second one of it.
_EXTERNAL_REF = re.compile(r"[a-z0-9-]{2,16}:[A-Z0-9](?:[A-Z0-9./_-]{0,98}[A-Z0-9])?")
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,31}")


@dataclass(frozen=True)
class MethodologyRef:
    """A methodology by id, version and the SHA-256 of its canonical document."""

    id: str
    version: str
    digest: bytes

    def as_json(self) -> dict[str, str]:
        """{"id", "version", "digest"}."""
        return {"id": self.id, "version": self.version, "digest": self.digest.hex()}


def methodology_from_json(value: object) -> MethodologyRef:
    """The methodology of {"id", "version", "digest"}."""
    item = members(value, ("id", "version", "digest"), "methodology")
    if not isinstance(item["version"], str) or not _VERSION.fullmatch(item["version"]):
        raise FormError("document-version", "not a version", where="methodology.version",
                        hint='letters, digits, ".", "_" and "-", as the rules release spells it')
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
            raise FormError("external-ref-malformed", f"{quoted(reference, 60)} is not a reference",
                            where="external_refs", hint='registry:NUMBER, for example "gec:2026-320100-00017"')
    if any(before >= after for before, after in pairwise(references)):
        raise FormError("external-refs-order", "references are sorted and none occurs twice", where="external_refs",
                        hint="sort them as text and keep one of each")
    return tuple(references)


def contract_domain(chain_id: int, contract: str) -> Domain:
    """The EIP-712 domain of one of a deployment's contracts, its address in EIP-55 spelling."""
    return Domain(DOMAIN_NAME, DOMAIN_VERSION, chain_id, checksum_address(parse_address(contract)))


def domain_json(domain: Domain) -> dict[str, str]:
    """{"name", "version", "chain_id", "contract"}."""
    return {"name": domain.name, "version": domain.version, "chain_id": str(domain.chain_id),
            "contract": domain.contract}


def domain_from_json(value: object) -> Domain:
    """The EIP-712 domain of the CertificateRegistry; name and version are fixed."""
    item = members(value, ("name", "version", "chain_id", "contract"), "domain")
    if (item["name"], item["version"]) != (DOMAIN_NAME, DOMAIN_VERSION):
        raise FormError("domain-unknown", f"the domain is not {DOMAIN_NAME} {DOMAIN_VERSION}", where="domain",
                        hint="sign in the domain of the CertificateRegistry")
    return contract_domain(parse_natural(item["chain_id"], where="domain.chain_id"),
                           account(item["contract"], "domain.contract"))


def document_digest(document: Mapping[str, Any]) -> bytes:
    """SHA-256 of the JCS of a claim or opinion without its `signature`: no member can change once it is signed."""
    return jcs.digest({name: value for name, value in document.items() if name != "signature"})
