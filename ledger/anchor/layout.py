"""Storage of the contracts: which slot holds what, and the states that decode from it.

Normative in docs/spec/chain.md; a test compares every number here with the artifacts' storage layout.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256

from core.ethereum import checksum_address, keccak256
from core.ids import chain_id_of

ANCHORS_SLOT = 2
MARKS_SLOT = 0
HOLES_SLOT = 1
DEBTS_SLOT = 2
CERTIFICATES_SLOT = 8
SPENT_SLOT = 9
PIECES_SLOT = 10
LIVE_SLOT = 11
REFERENCES_SLOT = 12

_PIECE_TAG = b"carbonseal-certificate/1"
_NOBODY = checksum_address(bytes(20))

Words = Mapping[int, int]


class CertificateStatus(IntEnum):
    """Status of a certificate on the chain."""

    LIVE = 1
    SUPERSEDED = 2
    REVOKED = 3


class PieceStatus(IntEnum):
    """Status of a piece on the chain."""

    WHOLE = 1
    RETIRED = 2
    SPLIT = 3

    @property
    def label(self) -> str:
        """As files, rows and answers spell it: live, retired or split."""
        return "live" if self is PieceStatus.WHOLE else self.name.lower()


@dataclass(frozen=True)
class CertificateState:
    """A certificate. Times in ms UTC, amounts in its unit; see ICertificateRegistry for `first`, `moved`, `short`."""

    payload_digest: bytes
    claim_hash: bytes
    exclusivity_key: bytes
    subject: bytes
    verifier: bytes
    superseded_by: bytes | None
    holder: str
    kind: int
    status: CertificateStatus
    issued_at: int
    amount: int
    first: int
    moved: int
    short: int


@dataclass(frozen=True)
class PieceState:
    """A piece over unit ordinals [start, end). `retirement`: digest of its use (`retirement_digest`), None if none."""

    payload_digest: bytes
    owner: str
    status: PieceStatus
    moved: bool
    start: int
    end: int
    pledgee: str | None
    retirement: bytes | None

    @property
    def id(self) -> int:
        """Its ERC-1155 id."""
        return piece_id(self.payload_digest, self.start, self.end)


@dataclass(frozen=True)
class MarkState:
    """A mark. `kind`: core.records.MarkKind. Invariant: position − opening = live + retired + holes."""

    org: bytes
    kind: int
    opening: int
    position: int
    capacity: int
    first_reading: int
    live: int
    retired: int
    holes: int

    @property
    def conserved(self) -> bool:
        """Whether the invariant holds."""
        return self.position - self.opening == self.live + self.retired + self.holes


@dataclass(frozen=True)
class SpentState:
    """An interval of a certificate; `mark`: SHA-256 of the mark's id. `weight`: positions its units stand for."""

    mark: bytes
    start: int
    end: int
    weight: int
    left: int


def piece_id(payload_digest: bytes, start: int, end: int) -> int:
    """ERC-1155 id of the piece over unit ordinals [start, end)."""
    return int.from_bytes(
        sha256(_PIECE_TAG + payload_digest + start.to_bytes(8, "big") + end.to_bytes(8, "big")).digest(), "big")


def retirement_digest(purpose: str, beneficiary: str, start: int, end: int) -> bytes:
    """What a retired piece keeps: SHA-256 over both texts' digests and the consumption period in ms UTC."""
    return sha256(chain_id_of(purpose) + chain_id_of(beneficiary) + start.to_bytes(8, "big")
                  + end.to_bytes(8, "big")).digest()


def anchor_slots(origin: str, size: int) -> list[int]:
    """Slots of root and time (ms UTC) of a size in the AnchorRegistry."""
    base = _mapped(_number(size), _mapped(chain_id_of(origin), ANCHORS_SLOT))
    return [base, base + 1]


def certificate_slots(payload_digest: bytes) -> list[int]:
    """Slots of a certificate."""
    return _span(_mapped(payload_digest, CERTIFICATES_SLOT), 7)


def piece_slots(piece: int) -> list[int]:
    """Slots of a piece."""
    return _span(_mapped(_number(piece), PIECES_SLOT), 4)


def mark_slots(mark: str) -> list[int]:
    """Slots of a mark, by its id."""
    return _span(_mapped(chain_id_of(mark), MARKS_SLOT), 3)


def hole_slot(mark: str, start: int) -> int:
    """Slot of the end of the hole that starts at `start`."""
    return _mapped(_number(start), _mapped(chain_id_of(mark), HOLES_SLOT))


def debt_slot(mark: str, kind: int) -> int:
    """Slot of the units that a mark owes in a kind of certificate."""
    return _mapped(_number(kind), _mapped(chain_id_of(mark), DEBTS_SLOT))


def spent_slots(payload_digest: bytes, count: int) -> list[int]:
    """Slots of the number of a certificate's intervals and of `count` of them."""
    head = _mapped(payload_digest, SPENT_SLOT)
    return [head, *_span(int.from_bytes(keccak256(_number(head)), "big"), 2 * count)]


def live_slot(exclusivity_key: bytes) -> int:
    """Slot of the live certificate of an exclusivity key."""
    return _mapped(exclusivity_key, LIVE_SLOT)


def reference_slot(reference: str) -> int:
    """Slot of the certificate that an outside reference stands behind."""
    return _mapped(chain_id_of(reference), REFERENCES_SLOT)


def decode_certificate(payload_digest: bytes, words: Words) -> CertificateState | None:
    """The certificate in the words of its slots; None when the chain has none."""
    claim, key, subject, verifier, by, parties, amounts = (words[slot] for slot in certificate_slots(payload_digest))
    status = _part(parties, 21, 1)
    if status not in {item.value for item in CertificateStatus}:
        return None
    return CertificateState(
        payload_digest, _number(claim), _number(key), _number(subject), _number(verifier), _number(by) if by else None,
        _address(parties), _part(parties, 20, 1), CertificateStatus(status), _part(parties, 22, 8),
        *(_part(amounts, offset, 8) for offset in (0, 8, 16, 24)))


def decode_piece(piece: int, words: Words) -> PieceState | None:
    """The piece in the words of its slots; None when the chain has none."""
    digest, parties, upper, retirement = (words[slot] for slot in piece_slots(piece))
    status = _part(parties, 20, 1)
    if status not in {item.value for item in PieceStatus}:
        return None
    pledgee = _address(upper >> 64)
    return PieceState(_number(digest), _address(parties), PieceStatus(status), bool(_part(parties, 21, 1)),
                      _part(parties, 22, 8), _part(upper, 0, 8), None if pledgee == _NOBODY else pledgee,
                      _number(retirement) if retirement else None)


def decode_mark(mark: str, words: Words) -> MarkState | None:
    """The mark in the words of its slots; None when the chain has none."""
    org, positions, counters = (words[slot] for slot in mark_slots(mark))
    if not _part(positions, 0, 1):
        return None
    return MarkState(_number(org), _part(positions, 0, 1), *(_part(positions, offset, 8) for offset in (1, 9, 17)),
                     *(_part(counters, offset, 8) for offset in (0, 8, 16, 24)))


def decode_spent(payload_digest: bytes, count: int, words: Words) -> list[SpentState]:
    """The first `count` intervals of a certificate; fewer when it has fewer."""
    head, *body = spent_slots(payload_digest, count)
    pairs = [(words[body[2 * i]], words[body[2 * i + 1]]) for i in range(min(count, words[head]))]
    return [SpentState(_number(mark), *(_part(rest, offset, 8) for offset in (0, 8, 16, 24))) for mark, rest in pairs]


def _mapped(key: bytes, slot: int) -> int:
    return int.from_bytes(keccak256(key + _number(slot)), "big")


def _span(base: int, count: int) -> list[int]:
    return [(base + i) % 2**256 for i in range(count)]


def _number(value: int) -> bytes:
    return value.to_bytes(32, "big")


def _part(word: int, offset: int, size: int) -> int:
    return word >> 8 * offset & (1 << 8 * size) - 1


def _address(word: int) -> str:
    return checksum_address(_part(word, 0, 20).to_bytes(20, "big"))
