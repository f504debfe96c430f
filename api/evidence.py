"""Evidence files of a deployment: which checkpoint, manifest, release and state of the chain a file is made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from api import anchoring, entries
from api.chain import ChainLink
from api.deployment import Deployment
from attestation.envelope import MANIFEST, RULES
from attestation.manifest import parse_manifest
from certificates import store
from certificates.export import Sources, evidence
from certificates.lifecycle import Desk
from core.database import reading
from core.errors import NotFound, Unavailable
from ledger import log
from ledger.anchor.evm import Addresses, Chain, EvmAnchor
from mrv.authoring import catalogue


@dataclass(frozen=True)
class ChainProofs:
    """Storage proofs of a deployment's contracts at the newest block; see certificates.export.ChainEvidence."""

    chain: Chain
    addresses: Addresses

    def anchor(self, origin: str, size: int) -> dict[str, Any]:
        """Proof of the root held for a size."""
        return EvmAnchor(self.chain, self.addresses).anchor_evidence(origin, size)

    def status(self, slots: Sequence[int]) -> dict[str, Any]:
        """Proof of slots of the certificate registry."""
        return self.chain.evidence(self.addresses.certificates, slots)


def export(deployment: Deployment, link: ChainLink, statement: bytes, *, purpose: str, level: str,
           piece: bytes | None = None) -> bytes:
    """The evidence file of a statement (payload digest), or of a piece of its certificate.

    `purpose`: review (before the opinion, without the chain), issue or certificate. Raises InputError (evidence-level),
    NotFound, Refused (evidence-not-sealed), Unavailable (anchor-pending, chain-…).
    """
    on_chain = purpose != "review"
    with link.lock, reading(deployment.engine) as connection:
        release = _release(connection, statement)
        sources = Sources(
            connection, _size(connection, on_chain), _manifest(connection, statement, on_chain),
            release.log_index, catalogue.shipped(), entries.rules_of(connection, release.digest),
            ChainProofs(link.chain, link.addresses) if on_chain else None, link.certificates if on_chain else None)
        return evidence(sources, statement, purpose=purpose, level=level, piece=piece)


def desk_of(deployment: Deployment, link: ChainLink) -> Desk:
    """The node's own place at the registry."""
    return Desk(deployment.engine, link.certificates, link.blocks, deployment.account.address, deployment.clock)


def _size(connection: Connection, anchored: bool) -> int:
    if not anchored:
        return log.checkpoint(connection).size
    newest = anchoring.listed(connection, 1)
    if not newest:
        raise Unavailable("anchor-pending", "nothing is anchored yet", hint="ask again after the next anchor")
    return newest[0].size


def _manifest(connection: Connection, statement: bytes, opined: bool) -> int:
    """Index of the manifest that the opinion names, or of the newest one that covers the statement."""
    if opined:
        named = entries.find(connection, MANIFEST, store.opinion_on(connection, statement).document.manifest)
    else:
        named = entries.newest(connection, MANIFEST)
        if parse_manifest(named.payload).size <= store.statement(connection, statement).log_index:
            named = None
    if named is None:
        raise NotFound("manifest-unknown", "no manifest covers the statement", where=statement.hex())
    return named.log_index


def _release(connection: Connection, statement: bytes) -> entries.StoredEntry:
    digest = bytes.fromhex(store.statement(connection, statement).fields["rules"])
    release = entries.find(connection, RULES, digest)
    if release is None:
        raise NotFound("release-unknown", "the log does not hold the release that the statement names",
                       where=digest.hex())
    return release
