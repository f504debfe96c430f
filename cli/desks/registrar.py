"""The registrar's desk: registrations signed with the registrar's key, the governors' signatures, marks on the chain.

None of these keys is the node's: this runs where the registrar and the governors sit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attestation.envelope import RULES, seal
from attestation.registration import CONTENT_TYPE_OF, Registration, parse_registration, registration_payload
from certificates.registry import Mark
from certificates.registry_evm import EvmRegistry
from cli.desks.chain import chain_of
from cli.node import Node
from core.clock import Clock
from core.errors import InputError, NotFound
from core.ethereum import Account
from core.jcs import canonical
from core.signer import Signer
from mrv.authoring.catalogue import shipped
from mrv.definitions.ruleset import release


class RegistrarDesk:
    """One registrar at one node. `signer`: the registrar's key; `account`: its account, needed to open marks only."""

    def __init__(self, node: Node, signer: Signer, account: Account | None, clock: Clock) -> None:
        self.node, self.signer, self.account, self.clock = node, signer, account, clock
        self.origin = str(node.get("/v1/trust")["origin"])

    def enter(self, kind: str, subject: str, event: str, fields: Mapping[str, Any]) -> int:
        """Sign the next entry of a subject's history and hand it in; its log index."""
        return self.hand_in(kind, registration_payload(kind, subject, event, self.clock.now(), fields,
                                                       newest(self.node, subject)))

    def hand_in(self, kind: str, payload: bytes) -> int:
        """Sign an entry's payload and hand it in; its log index."""
        envelope = seal(self.signer, CONTENT_TYPE_OF[kind], payload, self.origin)
        return int(self.node.send("/v1/registrations", envelope)["index"])

    def release_rules(self, version: str) -> int:
        """Release the rules of this version in the log; the index of the release."""
        payload = canonical(release(shipped(), version, self.clock.now()))
        return int(self.node.send("/v1/rules", seal(self.signer, RULES, payload, self.origin))["index"])

    def enter_on_chain(self, org: str, governors: Sequence[Account]) -> None:
        """Have a registered organisation entered in the ParticipantRegistry with the governors' signatures."""
        entry = self.node.get(f"/v1/participants/{org}/entry")
        if not entry["entered"]:
            digest = bytes.fromhex(entry["digest"])
            self.node.post(f"/v1/participants/{org}/entry",
                           {"signatures": [governor.sign_digest(digest).hex() for governor in governors]})

    def open_mark(self, mark: Mark) -> None:
        """Open a claim point's register mark or a facility's time mark on the chain. Raises InputError (usage)."""
        if self.account is None:
            raise InputError("usage", "a mark is opened with the registrar's account", hint="give its account.key")
        EvmRegistry(*chain_of(self.node, self.account, self.clock)).open_mark(mark)

    def profile(self, meter: str) -> dict[str, Any]:
        """What the registrar signed of a meter. Raises NotFound (meter-unknown)."""
        for item in self.node.get("/v1/meters"):
            if item["meter"] == meter:
                return dict(item)
        raise NotFound("meter-unknown", "nobody enrolled this meter", where=meter, hint="carbonseal meter add")


def newest(node: Node, subject: str) -> Registration | None:
    """The last entry of a subject's history; None before its first."""
    try:
        history = node.get(f"/v1/registrations/{subject}")
    except NotFound:
        return None
    return parse_registration(canonical(history["entries"][-1]["payload"]))
