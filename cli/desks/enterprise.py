"""The enterprise's desk: a claim drafted from facts, signed with the enterprise's account, handed in."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from certificates.claim import draft, sign
from certificates.registry_evm import EvmRegistry
from cli.desks.chain import chain_of
from cli.node import Node
from core.claims import Carried, ClaimDocument, ClaimInput, MeterInput, carried_from_json, inputs_from_json
from core.clock import Clock
from core.documents import MethodologyRef, contract_domain
from core.errors import FormError, InputError, NotFound
from core.ethereum import Account
from core.fields import mapping, members, optional_hex, text
from core.ids import check_id
from core.period import Period, instant_text, local_text
from core.records import Interval
from mrv.authoring.catalogue import shipped
from mrv.definitions.methodology import Methodology


@dataclass(frozen=True)
class Facts:
    """What a person says about a claim; all else follows. `claim_point`: mark of a claim on a register, or None."""

    subject: str
    boundary: str
    period: Period
    methodology: str
    inputs: Mapping[str, Sequence[ClaimInput]]
    options: Mapping[str, Any] = field(default_factory=dict)
    claim_point: str | None = None
    supersedes: bytes | None = None
    carried: Carried | None = None


_OPTIONAL: dict[str, Any] = {"options": {}, "claim_point": None, "supersedes": None, "carried": None}
_MEMBERS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "subject": (lambda value: check_id(value, where="subject"), 'the enterprise: "org:lanhe-steel"'),
    "boundary": (lambda value: text(value, "boundary"), "one sentence; the same words every period"),
    "period": (Period.from_json, '{"start", "end", "zone"}; UTC with milliseconds: "2026-10-31T16:00:00.000Z"'),
    "methodology": (lambda value: text(value, "methodology"), "its id; docs/methodologies.md lists them"),
    "inputs": (inputs_from_json, 'name → list of {"meter", "quantity"} or {"document", "value", "unit", "title", '
               '"uncertainty"?, "covers"?}'),
    "options": (lambda value: mapping(value, "options"), "an object; the methodology says which"),
    "claim_point": (lambda value: None if value is None else check_id(value, where="claim_point"),
                    'the claim point of the register: "cp:lanhe-pv", or null'),
    "supersedes": (lambda value: optional_hex(value, "supersedes"), "digest of the statement to correct, or null"),
    "carried": (carried_from_json, '{"statement", "value", "unit"} of an earlier remainder, or null'),
}


def facts_from_json(value: object) -> Facts:
    """The facts of a document a person wrote; what may be left out: options, claim_point, supersedes, carried.

    Raises FormError that names the member and says what belongs there.
    """
    given = members({**_OPTIONAL, **value} if isinstance(value, dict) else value, tuple(_MEMBERS), "facts")
    return Facts(**{name: _member(name, given[name]) for name in _MEMBERS})


def _member(name: str, value: object) -> Any:
    parse, hint = _MEMBERS[name]
    try:
        return parse(value)
    except FormError as error:
        place = error.where if error.where.startswith(name) else name
        raise FormError(error.code, error.message, where=f"facts.{place}", hint=hint) from None


class EnterpriseDesk:
    """One enterprise at one node."""

    def __init__(self, node: Node, account: Account, clock: Clock) -> None:
        self.node, self.account, self.clock = node, account, clock
        self.trust = node.get("/v1/trust")

    def draft(self, facts: Facts) -> ClaimDocument:
        """The unsigned claim of these facts, with the serial interval that is free now."""
        first, last = (date.fromisoformat(local_text(instant, facts.period.zone)[:10])
                       for instant in (facts.period.start, facts.period.end - 1))
        methodology = shipped().methodology(facts.methodology, None, first, last)
        chain = self.trust["chain"]
        return draft(
            origin=self.trust["origin"], kind=methodology.kind, subject=facts.subject, holder=self.account.address,
            boundary=facts.boundary, period=facts.period,
            methodology=MethodologyRef(methodology.id, methodology.version, methodology.digest), inputs=facts.inputs,
            domain=contract_domain(int(chain["id"]), chain["certificate_registry"]), options=facts.options,
            intervals=self._intervals(methodology, facts), supersedes=facts.supersedes, carried=facts.carried)

    def submit(self, document: ClaimDocument) -> dict[str, Any]:
        """Sign and hand in; the claim with its statement once computed. Raises the node's refusal."""
        accepted = self.node.send("/v1/claims", sign(document, self.account), "application/json")
        self.node.wait(accepted["job"])
        claim: dict[str, Any] = self.node.get(f"/v1/claims/{accepted['claim']}")
        return claim

    def _intervals(self, methodology: Methodology, facts: Facts) -> list[Interval]:
        rule = methodology.intervals
        if rule["rule"] == "facility-time":
            return [Interval(mark, facts.period.start, facts.period.end)
                    for mark in _facilities(facts, rule["option"], methodology)]
        if rule["rule"] != "register-whole-units":
            return []
        if facts.claim_point is None:
            raise InputError("claim-point-missing", f"{methodology.key} claims serials of a claim point",
                             hint="name the claim point")
        return [self._whole_units(facts, rule["input"], int(rule["unit"]))]

    def _whole_units(self, facts: Facts, name: str, unit: int) -> Interval:
        """The whole units between where the claim begins and the claim point's register at the period's end."""
        meter = next((item for item in facts.inputs.get(name, ()) if isinstance(item, MeterInput)), None)
        if meter is None:
            raise InputError("claim-input-missing", "this methodology reads the claim point's meter",
                             where=f"facts.inputs.{name}", hint='{"meter", "quantity"} of the register')
        start = self._start(facts)
        register = self.node.get(f"/v1/meters/{meter.meter}/register", quantity=meter.quantity,
                                 at=instant_text(facts.period.end))
        whole = (int(register["position"]) - start) // unit
        if whole < 1:
            raise InputError("claim-below-one-unit", f"less than {unit} Wh since the last claim",
                             where=str(facts.claim_point), hint="claim a longer period; nothing is lost meanwhile")
        return Interval(str(facts.claim_point), start, start + whole * unit)

    def _start(self, facts: Facts) -> int:
        """The serial a claim begins at: the mark's position on the chain, or where the corrected certificate began."""
        mark = str(facts.claim_point)
        if facts.supersedes is not None:
            serials = self.node.get(f"/v1/certificates/{facts.supersedes.hex()}")["serials"]
            if found := re.search(rf"(?:^| ){re.escape(mark)}\[(\d+),", serials):
                return int(found[1])
        state = EvmRegistry(*chain_of(self.node, self.account, self.clock)).mark(mark)
        if state is None:
            raise NotFound("mark-unknown", "this claim point is not open on the chain", where=mark,
                           hint="the registrar opens it: carbonseal claim-point open")
        return state.position


def _facilities(facts: Facts, option: str, methodology: Methodology) -> list[str]:
    named = facts.options.get(option)
    if not isinstance(named, list) or not named:
        raise InputError("claim-facilities-missing", f"{methodology.key} claims time of facilities",
                         where=f"facts.options.{option}", hint='a list of facility ids: ["fac:compressor-hall"]')
    return [check_id(mark, where=f"facts.options.{option}") for mark in named]
