"""The certificate registry as the rest of the node sees it: a small Protocol and frozen records, no chain client.

States of certificates, pieces and marks are those of ledger.anchor.layout, where the storage proofs are read too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Protocol

from core.errors import FormError
from core.ethereum import Domain, hash_struct, parse_address
from core.ids import chain_id_of
from core.records import ChainClaim, ChainOpinion, Interval
from ledger.anchor.layout import CertificateState, MarkState, PieceState, SpentState

ROLES: Mapping[str, int] = {
    "enterprise": 1, "verifier": 2, "trader": 4, "government": 8, "registrar": 16, "node": 32, "rule-publisher": 64,
}


@dataclass(frozen=True)
class ChainParticipant:
    """An organisation as the chain knows it. `roles`: names of ROLES; valid in [valid_from, valid_until), ms UTC."""

    org: str
    roles: tuple[str, ...]
    valid_from: int
    valid_until: int
    accounts: tuple[str, ...]
    group: str | None = None

    def mask(self) -> int:
        """The roles as the contract's bits. Raises FormError (role-unknown)."""
        unknown = [role for role in self.roles if role not in ROLES]
        if unknown:
            raise FormError("role-unknown", f"{unknown[0]!r} is not a role", where=self.org,
                            hint="one of " + ", ".join(ROLES))
        return sum({ROLES[role] for role in self.roles})


@dataclass(frozen=True)
class Mark:
    """A mark to open. `kind`: core.records.MarkKind. A time mark has capacity 0 and first reading 0."""

    id: str
    org: str
    kind: int
    opening: int
    capacity_w: int
    first_reading: int


@dataclass(frozen=True)
class Application:
    """All that issuing needs. `size`, `index`, `path`: inclusion of the statement's leaf under an anchored root."""

    claim: ChainClaim
    claim_signature: bytes
    opinion: ChainOpinion
    opinion_signature: bytes
    intervals: tuple[Interval, ...]
    references: tuple[str, ...]
    size: int
    index: int
    path: tuple[bytes, ...]


@dataclass(frozen=True)
class Receipt:
    """A change as the chain took it. `time`: ms UTC of the block; `gas`: used."""

    transaction: str
    block_number: int
    block_hash: str
    time: int
    gas: int


@dataclass(frozen=True)
class Issued:
    """An issued certificate. `piece`: id of its first piece, None when all of it was withheld for a debt.

    `repeated`: it stood on the chain already, and the receipt is that of the first time.
    """

    payload_digest: bytes
    piece: int | None
    receipt: Receipt
    repeated: bool = False


@dataclass(frozen=True)
class RegistryEvent:
    """An event of the registry. `values`: arguments by name, 32-byte words as bytes, addresses as text."""

    name: str
    block_number: int
    block_hash: str
    transaction: str
    log_index: int
    values: dict[str, Any] = field(hash=False)


class Registry(Protocol):
    """Certificates on a chain. Every write waits for its block; every one may be sent again after Unavailable.

    A refusal is Refused or Forbidden with the contract's code; Unavailable when the chain is away.
    """

    def issue(self, application: Application) -> Issued:
        """Issue once: the same application again gives the same certificate."""

    def supersede(self, old: bytes, application: Application) -> Issued:
        """Replace the certificate of payload digest `old`, once."""

    def revoke(self, payload_digest: bytes, reason: str) -> Receipt:
        """Revoke a certificate; by a registrar or its verifier."""

    def split(self, piece: int, units: int) -> tuple[int, int, Receipt]:
        """Cut the first `units` off; ids of the lower and upper piece."""

    def transfer(self, piece: int, to: str) -> Receipt:
        """Give a piece to a registered account."""

    def retire(self, piece: int, purpose: str, beneficiary: str, start: int, end: int) -> Receipt:
        """Use a piece for a beneficiary's consumption in [start, end) ms UTC."""

    def pledge(self, piece: int, pledgee: str) -> Receipt:
        """Pledge a piece."""

    def release(self, piece: int) -> Receipt:
        """Free a pledged piece; by the pledgee."""

    def open_mark(self, mark: Mark) -> Receipt | None:
        """Open a mark; None when it stands open with the same values."""

    def skip(self, mark: str, to: int, reason: str) -> Receipt:
        """Leave a public hole up to `to`; by a registrar."""

    def certificate(self, payload_digest: bytes) -> CertificateState | None:
        """A certificate."""

    def intervals(self, payload_digest: bytes) -> list[SpentState]:
        """The intervals of a certificate."""

    def piece(self, piece: int) -> PieceState | None:
        """A piece."""

    def mark(self, mark: str) -> MarkState | None:
        """A mark."""

    def debt(self, mark: str, kind: int) -> int:
        """Units of a kind that the mark's next certificate withholds."""

    def hole(self, mark: str, start: int) -> int | None:
        """End of the public hole that starts at `start`."""

    def events(self, first_block: int = 0, last_block: int | None = None) -> list[RegistryEvent]:
        """Events of a span of blocks in order, for the mirror."""

    def status_evidence(self, certificates: Sequence[bytes], pieces: Sequence[int], marks: Sequence[str],
                        holes: Sequence[tuple[str, int]] = ()) -> dict[str, Any]:
        """Header and storage proofs of the states named; ledger.anchor.evidence.read_storage checks them."""


def register_digest(domain: Domain, participant: ChainParticipant, nonce: int) -> bytes:
    """What governors sign to enter a participant. `domain`: of the ParticipantRegistry."""
    fields = [("bytes32", "org"), ("bytes32", "group"), ("uint32", "roles"), ("uint64", "validFrom"),
              ("uint64", "validUntil"), ("bytes32", "accountsHash"), ("uint256", "nonce")]
    return domain.digest(hash_struct("Register", fields, {
        "org": chain_id_of(participant.org), "group": group_word(participant.group), "roles": participant.mask(),
        "validFrom": participant.valid_from, "validUntil": participant.valid_until,
        "accountsHash": _accounts_hash(participant.accounts), "nonce": nonce}))


def assign_digest(domain: Domain, account: str, org: str | None, nonce: int) -> bytes:
    """What governors sign to move an account to an organisation, or to none."""
    fields = [("address", "account"), ("bytes32", "org"), ("uint256", "nonce")]
    return domain.digest(hash_struct("Assign", fields, {"account": account, "org": group_word(org), "nonce": nonce}))


def governors_digest(domain: Domain, governors: Sequence[str], threshold: int, nonce: int) -> bytes:
    """What governors sign to replace themselves. `governors`: ascending."""
    fields = [("bytes32", "governorsHash"), ("uint256", "threshold"), ("uint256", "nonce")]
    return domain.digest(hash_struct("SetGovernors", fields, {
        "governorsHash": _accounts_hash(governors), "threshold": threshold, "nonce": nonce}))


def group_word(group: str | None) -> bytes:
    """The bytes32 of an id that may be absent."""
    return chain_id_of(group) if group else bytes(32)


def _accounts_hash(accounts: Sequence[str]) -> bytes:
    return sha256(b"".join(parse_address(account) for account in accounts)).digest()
