"""EIP-712 documents as wallets take them (eth_signTypedData_v4), for claims and opinions signed in a browser."""

from __future__ import annotations

from typing import Any

from core.claims import ClaimDocument, chain_claim
from core.ethereum import Domain, Fields, Value
from core.opinions import OpinionDocument, chain_opinion
from core.records import CLAIM_FIELDS, OPINION_FIELDS

_DOMAIN_FIELDS: Fields = (("string", "name"), ("string", "version"), ("uint256", "chainId"),
                          ("address", "verifyingContract"))


def typed_data(document: ClaimDocument | OpinionDocument) -> dict[str, Any]:
    """{"types", "primaryType", "domain", "message"} of what the document's signer signs; integers as decimal text."""
    if isinstance(document, ClaimDocument):
        return _typed("Claim", CLAIM_FIELDS, chain_claim(document).values(), document.domain)
    return _typed("Opinion", OPINION_FIELDS, chain_opinion(document).values(), document.domain)


def _typed(name: str, fields: Fields, values: dict[str, Value], domain: Domain) -> dict[str, Any]:
    return {
        "types": {"EIP712Domain": _members(_DOMAIN_FIELDS), name: _members(fields)}, "primaryType": name,
        "domain": {"name": domain.name, "version": domain.version, "chainId": str(domain.chain_id),
                   "verifyingContract": domain.contract},
        "message": {field: _text(values[field]) for _, field in fields},
    }


def _members(fields: Fields) -> list[dict[str, str]]:
    return [{"name": field, "type": kind} for kind, field in fields]


def _text(value: Value) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)
