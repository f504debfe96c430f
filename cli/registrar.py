"""The registrar's desk: registrations signed with the registrar's key and the governors' signatures for the chain.

Neither key is the node's: this runs where the registrar sits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attestation.envelope import RULES, seal
from attestation.registration import CONTENT_TYPE_OF, Registration, parse_registration, registration_payload
from certificates.registry import Mark, Participant, register_digest
from certificates.registry_evm import EvmParticipants, EvmRegistry
from cli.node import Node
from core.clock import Clock
from core.errors import NotFound
from core.ethereum import Account
from core.jcs import canonical
from core.signer import Signer
from ledger.anchor.evm import Addresses, Chain
from mrv.catalogue import shipped
from mrv.ruleset import release

# The chain has no "for ever": a participant without an end is entered to the largest instant of the log.
NO_END = 2**53 - 1


class Desk:
    """One registrar at one node. `signer`: the registrar's key; `account`: its account on the chain."""

    def __init__(self, node: Node, signer: Signer, account: Account, clock: Clock) -> None:
        self.node, self.signer, self.clock = node, signer, clock
        self.origin = str(node.get("/v1/trust")["origin"])
        chain = node.get("/v1/chain")
        self.chain = Chain(chain["rpc"], account, clock)
        self.addresses = Addresses(int(chain["id"]), chain["participant_registry"], chain["anchor_registry"],
                                   chain["certificate_registry"])

    def enter(self, kind: str, subject: str, event: str, fields: Mapping[str, Any]) -> int:
        """Sign the next entry of a subject's history and hand it in; its log index."""
        payload = registration_payload(kind, subject, event, self.clock.now(), fields, self._last(subject))
        envelope = seal(self.signer, CONTENT_TYPE_OF[kind], payload, self.origin)
        return int(self.node.send("/v1/registrations", envelope)["index"])

    def release_rules(self, version: str) -> int:
        """Release the rules of this version in the log; the index of the release."""
        payload = canonical(release(shipped(), version, self.clock.now()))
        return int(self.node.send("/v1/rules", seal(self.signer, RULES, payload, self.origin))["index"])

    def enter_on_chain(self, participant: Participant, governors: Sequence[Account]) -> None:
        """Enter a participant in the ParticipantRegistry with the governors' signatures; nothing if it stands there."""
        registry = EvmParticipants(self.chain, self.addresses)
        if registry.holds(participant):
            return
        digest = register_digest(registry.domain, participant, registry.nonce())
        registry.register(participant, [governor.sign_digest(digest) for governor in governors])

    def open_mark(self, mark: Mark) -> None:
        """Open a claim point's register mark or a facility's time mark on the chain."""
        EvmRegistry(self.chain, self.addresses).open_mark(mark)

    def _last(self, subject: str) -> Registration | None:
        try:
            history = self.node.get(f"/v1/registrations/{subject}")
        except NotFound:
            return None
        return parse_registration(canonical(history["entries"][-1]["payload"]))
