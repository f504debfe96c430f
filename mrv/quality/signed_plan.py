"""A control plan as its enterprise signs it and the log keeps it (`document+json`): docs/spec/data-quality.md §3.

    {"schema": "carbonseal-signed-plan/1", "origin", "domain": {"name", "version", "chain_id", "contract"},
     "plan": the plan, "signature": hex of 65 bytes}

The account signs an EIP-712 struct in the domain of its claims, so that any wallet that signs claims signs plans.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core import jcs
from core.documents import SIGNATURE_BYTES, domain_from_json, domain_json
from core.errors import FormError
from core.ethereum import Account, Domain, hash_struct, recover
from core.fields import members, text
from core.ids import check_hex
from mrv.quality.plan import ControlPlan, parse_plan

SCHEMA = "carbonseal-signed-plan/1"
PLAN_FIELDS = (("string", "origin"), ("string", "entity"), ("uint64", "planVersion"), ("bytes32", "planDigest"))
# An envelope holds 65,535 bytes; the payload leaves room for its header and signature.
MAX_PAYLOAD_BYTES = 65_000


@dataclass(frozen=True)
class SignedPlan:
    """A plan with the account that signed it for this log. `document`: the plan's JSON."""

    plan: ControlPlan
    document: Mapping[str, Any]
    origin: str
    domain: Domain
    signer: str


def plan_digest(plan: ControlPlan, origin: str, domain: Domain) -> bytes:
    """The 32-byte EIP-712 digest that is signed."""
    return domain.digest(hash_struct("ControlPlan", PLAN_FIELDS, {
        "origin": origin, "entity": plan.entity, "planVersion": plan.version, "planDigest": plan.digest}))


def sign_plan(document: Mapping[str, Any], account: Account, origin: str, domain: Domain) -> bytes:
    """The canonical payload of a plan with the account's signature. Raises FormError (plan-…)."""
    signature = account.sign_digest(plan_digest(parse_plan(document), origin, domain))
    payload = jcs.canonical({"schema": SCHEMA, "origin": origin, "domain": domain_json(domain), "plan": document,
                             "signature": signature.hex()})
    read_signed_plan(payload)
    return payload


def read_signed_plan(payload: bytes) -> SignedPlan:
    """The signed plan of a canonical payload. Raises FormError, VerificationFailed (eip712-…)."""
    value = members(jcs.parse(payload, limit=MAX_PAYLOAD_BYTES),
                    ("schema", "origin", "domain", "plan", "signature"), "plan")
    if value["schema"] != SCHEMA:
        raise FormError("plan-schema", f"not a {SCHEMA} document", where="schema", hint="sign it: mrv plan submit")
    plan, domain = parse_plan(value["plan"]), domain_from_json(value["domain"])
    origin = text(value["origin"], "origin")
    signature = check_hex(value["signature"], SIGNATURE_BYTES, where="signature")
    return SignedPlan(plan, value["plan"], origin, domain, recover(plan_digest(plan, origin, domain), signature))
