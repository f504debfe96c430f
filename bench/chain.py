"""The embedded chain: anchors and issues per second, each awaited, and the gas of each call."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

from bench.figures import Figure, figure
from certificates.registry import Application, ChainParticipant, Mark, Receipt, register_digest
from certificates.registry_evm import EvmParticipants, EvmRegistry, deploy
from core import merkle
from core.clock import FixedClock
from core.ethereum import Account
from core.ids import chain_id_of
from core.records import ChainClaim, ChainOpinion, Conclusion, Interval, Kind, external_refs_hash, intervals_hash
from ledger.anchor.embedded import EmbeddedChain
from ledger.anchor.evm import Addresses, Chain, EvmAnchor

DAY = 86_400_000
NOW = 1_780_000_000_000
ORIGIN = "bench.example/park"
MWH = 1_000_000
ROLES = {"enterprise": ("enterprise",), "verifier": ("verifier",), "trader": ("trader",),
         "registrar": ("registrar",), "node": ("node",)}


def run(quick: bool) -> Iterator[Figure]:
    """Figures of one anvil process."""
    count = 40 if quick else 400
    with EmbeddedChain(None, FixedClock(NOW)) as embedded:
        bench = _Bench(embedded.url, count)
        yield from bench.anchors()
        yield from bench.issues()
        yield from bench.life_of_a_piece()


@dataclass(frozen=True)
class _Actor:
    chain: Chain
    registry: EvmRegistry


class _Bench:
    """A deployment with one organisation a role."""

    def __init__(self, url: str, count: int) -> None:
        self.count = count
        self.accounts = {role: Account(sha256(role.encode()).digest()) for role in (*ROLES, "governor")}
        clock = FixedClock(NOW)
        governor = self.accounts["governor"]
        self.addresses: Addresses = deploy(url, governor, [governor.address], 1, clock)
        chains = {role: Chain(url, account, clock) for role, account in self.accounts.items()}
        self.actors = {role: _Actor(chain, EvmRegistry(chain, self.addresses)) for role, chain in chains.items()}
        for role in ROLES:
            self._register(role)
        self.mark = Mark("cp:bench", "org:enterprise", 1, 0, 10**12, NOW - 90 * DAY)
        self.actors["registrar"].registry.open_mark(self.mark)
        self.leaves = [merkle.leaf_hash(b"leaf %d" % i) for i in range(1024 + count)]

    def _register(self, role: str) -> None:
        participants = EvmParticipants(self.actors["governor"].chain, self.addresses)
        record = ChainParticipant(f"org:{role}", ROLES[role], NOW - DAY, NOW + 365 * DAY,
                                  (self.accounts[role].address,))
        digest = register_digest(participants.domain, record, participants.nonce())
        participants.register(record, [self.accounts["governor"].sign_digest(digest)])

    def anchors(self) -> Iterator[Figure]:
        """Anchors of a growing log, one after the other."""
        client = EvmAnchor(self.actors["node"].chain, self.addresses)
        client.anchor(ORIGIN, 0, 1024, merkle.root(self.leaves[:1024]), [])
        steps = [(size, merkle.root(self.leaves[:size]), merkle.consistency_path(self.leaves[:size], size - 1))
                 for size in range(1025, 1025 + self.count)]
        start = time.perf_counter()
        receipts = [client.anchor(ORIGIN, size - 1, size, root, proof) for size, root, proof in steps]
        elapsed = time.perf_counter() - start
        yield figure("chain anchors, each awaited", self.count / elapsed, "1/s", self.count)
        yield _gas("anchor", self.actors["node"].chain.transaction(receipts[-1].transaction).gas)

    def issues(self) -> Iterator[Figure]:
        """Certificates of 1 MWh each."""
        applications = [self._application(number) for number in range(self.count)]
        node = self.actors["node"].registry
        start = time.perf_counter()
        issued = [node.issue(application) for application in applications]
        elapsed = time.perf_counter() - start
        yield figure("chain issues, each awaited", self.count / elapsed, "1/s", self.count)
        yield _gas("issue", issued[-1].receipt.gas)
        self.piece = issued[0].piece or 0
        self.digest = issued[1].payload_digest

    def life_of_a_piece(self) -> Iterator[Figure]:
        """Gas of transfer, retire, revoke, open, skip."""
        enterprise, trader = self.actors["enterprise"].registry, self.actors["trader"].registry
        registrar = self.actors["registrar"].registry
        yield _gas("transfer", enterprise.transfer(self.piece, self.accounts["trader"].address).gas)
        yield _gas("retire", trader.retire(self.piece, "consumption", "beneficiary", NOW - DAY, NOW).gas)
        yield _gas("revoke", self.actors["verifier"].registry.revoke(self.digest, "bench").gas)
        opened: Receipt | None = registrar.open_mark(Mark("cp:other", "org:enterprise", 1, 0, 10**9, NOW - DAY))
        yield _gas("openMark", opened.gas if opened else 0)
        yield _gas("skip", registrar.skip("cp:other", MWH, "bench").gas)

    def _application(self, number: int) -> Application:
        domain = self.addresses.domain(self.addresses.certificates)
        intervals = (Interval(self.mark.id, number * MWH, (number + 1) * MWH),)
        leaf, key = self.leaves[number], sha256(b"key %d" % number).digest()
        shared = (intervals_hash(intervals), external_refs_hash([]))
        period = (NOW - 60 * DAY, NOW - 30 * DAY)
        enterprise, verifier = self.accounts["enterprise"], self.accounts["verifier"]
        claim = ChainClaim(ORIGIN, Kind.GREEN_POWER, chain_id_of("org:enterprise"), enterprise.address,
                           chain_id_of("method"), key, *period, *shared, chain_id_of("claim document"))
        opinion = ChainOpinion(
            sha256(leaf).digest(), leaf, claim.struct_hash(), key, chain_id_of("manifest"), ORIGIN, Kind.GREEN_POWER,
            claim.subjectOrg, claim.holder, 1, "MWh", *period, *shared, Conclusion.UNMODIFIED, NOW + 30 * DAY,
            chain_id_of("opinion document"))
        return Application(
            claim, enterprise.sign_digest(domain.digest(claim.struct_hash())), opinion,
            verifier.sign_digest(domain.digest(opinion.struct_hash())), intervals, (), 1024, number,
            tuple(merkle.inclusion_path(self.leaves[:1024], number)))


def _gas(call: str, gas: int) -> Figure:
    return figure(f"chain gas of {call}", gas, "gas", 1)
