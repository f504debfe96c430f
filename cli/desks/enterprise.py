"""The enterprise's desk: a claim drafted from facts, signed with the enterprise's account, handed in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from certificates.claim import certificate_domain, draft, sign
from certificates.registry_evm import EvmRegistry
from cli.desks.chain import chain_of
from cli.node import Node
from core.claims import Carried, ClaimDocument, ClaimInput, MeterInput, MethodologyRef
from core.clock import Clock
from core.errors import InputError, NotFound
from core.ethereum import Account
from core.period import Period, instant_text, local_text
from core.records import Interval
from mrv.catalogue import shipped
from mrv.methodology import Methodology


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
            domain=certificate_domain(int(chain["id"]), chain["certificate_registry"]), options=facts.options,
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
            return [Interval(mark, facts.period.start, facts.period.end) for mark in facts.options[rule["option"]]]
        if rule["rule"] != "register-whole-units":
            return []
        if facts.claim_point is None:
            raise InputError("claim-point-missing", f"{methodology.key} claims serials of a claim point",
                             hint="name the claim point")
        return [self._whole_units(facts, rule["input"], int(rule["unit"]))]

    def _whole_units(self, facts: Facts, name: str, unit: int) -> Interval:
        """The whole units between the claim point's mark and its register at the period's end."""
        state = EvmRegistry(*chain_of(self.node, self.account, self.clock)).mark(str(facts.claim_point))
        if state is None:
            raise NotFound("mark-unknown", "this claim point is not open on the chain", where=str(facts.claim_point))
        meter = next(item for item in facts.inputs[name] if isinstance(item, MeterInput))
        register = self.node.get(f"/v1/meters/{meter.meter}/register", quantity=meter.quantity,
                                 at=instant_text(facts.period.end))
        whole = (int(register["position"]) - state.position) // unit
        if whole < 1:
            raise InputError("claim-below-one-unit", f"less than {unit} Wh since the last claim",
                             where=str(facts.claim_point), hint="claim a longer period; nothing is lost meanwhile")
        return Interval(str(facts.claim_point), state.position, state.position + whole * unit)
