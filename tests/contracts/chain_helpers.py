"""A small world on the development chain: participants, an anchored log of statements, claim points, applications."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from hashlib import sha256
from typing import Any

import pytest

from certificates.registry import Application, ChainParticipant, Issued, Mark, register_digest
from certificates.registry_evm import EvmParticipants, EvmRegistry, deploy
from core import merkle
from core.clock import FixedClock
from core.errors import CarbonSealError
from core.ethereum import Account, parse_address
from core.ids import chain_id_of
from core.records import ChainClaim, ChainOpinion, Conclusion, Interval, Kind, external_refs_hash, intervals_hash
from ledger.anchor.embedded import set_block_time
from ledger.anchor.evm import Addresses, Chain, EvmAnchor
from ledger.anchor.rpc import Rpc

DAY = 86_400_000
NOW = 1_780_000_000_000
ORIGIN = "log.example/park"
STATEMENTS = 64
LEAVES = [merkle.leaf_hash(b"statement %d" % i) for i in range(STATEMENTS)]
MWH = 1_000_000
OPENING = 5 * MWH
FIRST_READING = NOW - 90 * DAY
CAPACITY_W = 1_000_000
PERIOD = (NOW - 60 * DAY, NOW - 30 * DAY)
PV, WIND, ROOF, SITE = "cp:pv", "cp:wind", "cp:roof", "fac:site"
UNITS = {Kind.GREEN_POWER: "MWh", Kind.REDUCTION: "tCO2e"}

ORGS: dict[str, tuple[tuple[str, ...], str | None]] = {
    "steel": (("enterprise",), "group:steel"), "energy": (("enterprise",), None),
    "sister": (("verifier",), "group:steel"),
    "verifier": (("verifier",), None), "verifier2": (("verifier",), None), "trader": (("trader",), None),
    "buyer": (("trader",), None), "registrar": (("registrar",), None), "node": (("node",), None),
    "both": (("enterprise", "verifier"), None), "mirror": (("government",), None), "grid": (("government",), None),
}


@cache
def account(name: str) -> Account:
    """The account of a name, the same in every run."""
    return Account(sha256(f"test account {name}".encode()).digest())


GOVERNORS = [account(f"governor {i}") for i in range(3)]


class World:
    """Clients of every actor. `use` sets the clock's present in ms."""

    def __init__(self, url: str, clock: FixedClock) -> None:
        self.url = url
        self.clock = clock
        self.addresses: Addresses = deploy(url, account("deployer"), [g.address for g in GOVERNORS], 2, clock)
        self.chain_id = self.addresses.chain_id
        self._registries: dict[str, EvmRegistry] = {}
        for name in ORGS:
            self.register(self.participant(name))
        for mark in (self.mark(PV), self.mark(WIND), self.mark(ROOF, org="org:energy")):
            self.registry("registrar").open_mark(mark)
        self.registry("registrar").open_mark(Mark(SITE, "org:steel", 2, PERIOD[0], 0, 0))
        self.anchor("node").anchor(ORIGIN, 0, STATEMENTS, merkle.root(LEAVES), [])

    def chain(self, name: str) -> Chain:
        return Chain(self.url, account(name), self.clock)

    def registry(self, name: str) -> EvmRegistry:
        if name not in self._registries:
            self._registries[name] = EvmRegistry(self.chain(name), self.addresses)
        return self._registries[name]

    def anchor(self, name: str) -> EvmAnchor:
        return EvmAnchor(self.chain(name), self.addresses)

    def embedded_time(self) -> None:
        """Let calls on "pending" see the clock's present."""
        set_block_time(Rpc(self.url), self.clock)

    def participants(self, name: str = "deployer") -> EvmParticipants:
        return EvmParticipants(self.chain(name), self.addresses)

    def participant(self, name: str, **changes: Any) -> ChainParticipant:
        roles, group = ORGS[name]
        return replace(ChainParticipant(f"org:{name}", roles, NOW - 365 * DAY, NOW + 365 * DAY,
                                   (account(name).address,), group), **changes)

    def register(self, participant: ChainParticipant, governors: Sequence[Account] = tuple(GOVERNORS[:2])) -> None:
        client = self.participants()
        digest = register_digest(client.domain, participant, client.nonce())
        client.register(participant, [governor.sign_digest(digest) for governor in governors])

    def mark(self, mark: str, **changes: Any) -> Mark:
        return replace(Mark(mark, "org:steel", 1, OPENING, CAPACITY_W, FIRST_READING), **changes)

    def application(self, number: int, intervals: Sequence[Interval] = (), *, kind: Kind = Kind.GREEN_POWER,
                    amount: int = 1, subject: str = "steel", verifier: str = "verifier", claimant: str | None = None,
                    holder: str | None = None, references: Sequence[str] = (), key: bytes | None = None,
                    period: tuple[int, int] = PERIOD, claim_changes: dict[str, Any] | None = None,
                    opinion_changes: dict[str, Any] | None = None, **changes: Any) -> Application:
        """A signed application for statement `number`; the changes are made before signing."""
        domain = self.addresses.domain(self.addresses.certificates)
        claim = replace(ChainClaim(
            ORIGIN, kind, chain_id_of(f"org:{subject}"), account(holder or subject).address, chain_id_of("method"),
            key or sha256(b"key %d" % number).digest(), *period, intervals_hash(intervals),
            external_refs_hash(references), chain_id_of("claim document")), **claim_changes or {})
        opinion = replace(ChainOpinion(
            payload_digest(number), LEAVES[number], claim.struct_hash(), claim.exclusivityKey, chain_id_of("manifest"),
            claim.origin, claim.kind, claim.subjectOrg, claim.holder, amount, UNITS.get(kind, "kgCO2e"),
            claim.periodStart, claim.periodEnd, claim.intervalsHash, claim.externalRefsHash, Conclusion.UNMODIFIED,
            NOW + 30 * DAY, chain_id_of("opinion document")), **opinion_changes or {})
        return replace(Application(
            claim, account(claimant or subject).sign_digest(domain.digest(claim.struct_hash())), opinion,
            account(verifier).sign_digest(domain.digest(opinion.struct_hash())), tuple(intervals), tuple(references),
            STATEMENTS, number, tuple(merkle.inclusion_path(LEAVES, number))), **changes)

    def issue(self, number: int, intervals: Sequence[Interval], amount: int, **options: Any) -> Issued:
        return self.registry("node").issue(self.application(number, intervals, amount=amount, **options))

    def green(self, number: int, amount: int, mark: str = PV, start: int | None = None, **options: Any) -> int:
        """Issue whole MWh from the mark's position (or `start`); the piece's id."""
        begin = self.registry("node").mark(mark).position if start is None else start
        issued = self.issue(number, [Interval(mark, begin, begin + amount * MWH)], amount, **options)
        assert issued.piece is not None
        return issued.piece

    def conserved(self) -> bool:
        """Whether each mark's positions are accounted for, by the contract's view and by our own sum."""
        contract = self.chain("node").contract("CertificateRegistry", self.addresses.certificates)
        marks = [(mark, self.registry("node").mark(mark)) for mark in (PV, WIND, ROOF, SITE)]
        return all(state.conserved and contract.functions.conserved(chain_id_of(mark)).call() for mark, state in marks)


def payload_digest(number: int) -> bytes:
    """Payload digest of statement `number`."""
    return sha256(b"payload %d" % number).digest()


def ascending(*accounts: Account) -> list[Account]:
    """Accounts in the order in which the contracts want their signatures."""
    return sorted(accounts, key=lambda item: parse_address(item.address))


@contextmanager
def refused(code: str) -> Iterator[dict[str, Any]]:
    """The block must end in an error of ours with this code; yields its detail once it has."""
    detail: dict[str, Any] = {}
    with pytest.raises(CarbonSealError) as caught:
        yield detail
    assert caught.value.code == code, caught.value
    detail.update(caught.value.detail, kind=type(caught.value).__name__)
