"""Records that several rooms share: readings, intervals of a mark, the claim, the opinion and their EIP-712 hashes.

Chain structs follow docs/spec/chain.md; the Solidity type strings there are derived from the field lists below.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from enum import IntEnum
from hashlib import sha256

from core.errors import FormError, quoted
from core.ethereum import Fields, Value, hash_struct
from core.ids import chain_id_of


class Quality(IntEnum):
    """Quality of a reading; the codes stand in blocks."""

    MEASURED = 0
    ESTIMATED = 1
    MANUAL = 2
    STOPPED = 3
    FAULT = 4
    MAINTENANCE = 5
    CALIBRATION = 6
    OVER_RANGE = 7
    COMMUNICATION_FAILURE = 8


class ClockQuality(IntEnum):
    """How far a frame's clock can be trusted (as in OCMF)."""

    UNKNOWN = 0
    INFORMATIVE = 1
    SYNCHRONISED = 2
    RELATIVE = 3


@dataclass(frozen=True)
class Reading:
    """One value of one quantity of one meter, as an adapter hands it over. `time`: ms UTC, None if unknown."""

    meter: str
    quantity: str
    value: Decimal
    unit: str
    time: int | None
    quality: Quality = Quality.MEASURED


class Kind(IntEnum):
    """What a statement, claim and certificate is about."""

    EMISSION = 1
    REDUCTION = 2
    GREEN_POWER = 3
    PRODUCT_FOOTPRINT = 4
    CBAM = 5

    @property
    def label(self) -> str:
        """The name in documents: "green-power"."""
        return self.name.lower().replace("_", "-")

    @classmethod
    def parse(cls, label: object) -> Kind:
        """The kind of its label. Raises FormError."""
        for kind in cls:
            if kind.label == label:
                return kind
        raise FormError("kind-unknown", f"{quoted(label, 40)} is not a kind of statement",
                        hint="one of " + ", ".join(kind.label for kind in cls))


class Conclusion(IntEnum):
    """The verifier's conclusion (ISO 14064-3). Only the first two may issue."""

    UNMODIFIED = 1
    MODIFIED = 2
    ADVERSE = 3
    DISCLAIMED = 4


class MarkKind(IntEnum):
    """What a mark counts: watt-hours (or the carrier's base unit) of a register, or milliseconds of time."""

    REGISTER = 1
    TIME = 2


@dataclass(frozen=True, order=True)
class Interval:
    """[start, end) on one mark: serial numbers of a claim point's register, or ms UTC of a facility."""

    mark: str
    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end < 2**64:
            raise FormError("interval-empty", f"[{self.start}, {self.end}) is empty or out of range", where=self.mark)

    def packed(self) -> bytes:
        """48 bytes: SHA-256 of the mark's id ‖ start ‖ end, big-endian."""
        return chain_id_of(self.mark) + self.start.to_bytes(8, "big") + self.end.to_bytes(8, "big")


def intervals_hash(intervals: Sequence[Interval]) -> bytes:
    """SHA-256 over the packed intervals in the order given."""
    return sha256(b"".join(interval.packed() for interval in intervals)).digest()


def external_refs_hash(references: Sequence[str]) -> bytes:
    """SHA-256 over the SHA-256 of each reference ("gec:…", "ccer:…", "irec:…") in the order given."""
    return sha256(b"".join(chain_id_of(reference) for reference in references)).digest()


CLAIM_FIELDS: Fields = (
    ("string", "origin"), ("uint8", "kind"), ("bytes32", "subjectOrg"), ("address", "holder"),
    ("bytes32", "methodologyDigest"), ("bytes32", "exclusivityKey"), ("uint64", "periodStart"),
    ("uint64", "periodEnd"), ("bytes32", "intervalsHash"), ("bytes32", "externalRefsHash"),
    ("bytes32", "documentDigest"),
)
OPINION_FIELDS: Fields = (
    ("bytes32", "payloadDigest"), ("bytes32", "leafHash"), ("bytes32", "claimHash"), ("bytes32", "exclusivityKey"),
    ("bytes32", "manifestHash"), ("string", "origin"), ("uint8", "kind"), ("bytes32", "subjectOrg"),
    ("address", "holder"), ("uint256", "amount"), ("string", "unit"), ("uint64", "periodStart"),
    ("uint64", "periodEnd"), ("bytes32", "intervalsHash"), ("bytes32", "externalRefsHash"), ("uint8", "conclusion"),
    ("uint64", "validUntil"), ("bytes32", "documentDigest"),
)
ANCHOR_FIELDS: Fields = (("string", "origin"), ("uint64", "size"), ("bytes32", "root"))


@dataclass(frozen=True)
class ChainClaim:
    """The EIP-712 struct an enterprise signs. Times in ms UTC; `documentDigest` covers all that the others do not."""

    origin: str
    kind: int
    subjectOrg: bytes  # noqa: N815  the Solidity field names
    holder: str
    methodologyDigest: bytes  # noqa: N815
    exclusivityKey: bytes  # noqa: N815
    periodStart: int  # noqa: N815
    periodEnd: int  # noqa: N815
    intervalsHash: bytes  # noqa: N815
    externalRefsHash: bytes  # noqa: N815
    documentDigest: bytes  # noqa: N815

    def struct_hash(self) -> bytes:
        """hashStruct(Claim), the claimHash of an opinion."""
        return hash_struct("Claim", CLAIM_FIELDS, self.values())

    def values(self) -> dict[str, Value]:
        """Field name → value."""
        return asdict(self)


@dataclass(frozen=True)
class ChainOpinion:
    """The EIP-712 struct a verifier signs. `amount` in whole `unit`; times in ms UTC; `documentDigest`: as there."""

    payloadDigest: bytes  # noqa: N815
    leafHash: bytes  # noqa: N815
    claimHash: bytes  # noqa: N815
    exclusivityKey: bytes  # noqa: N815
    manifestHash: bytes  # noqa: N815
    origin: str
    kind: int
    subjectOrg: bytes  # noqa: N815
    holder: str
    amount: int
    unit: str
    periodStart: int  # noqa: N815
    periodEnd: int  # noqa: N815
    intervalsHash: bytes  # noqa: N815
    externalRefsHash: bytes  # noqa: N815
    conclusion: int
    validUntil: int  # noqa: N815
    documentDigest: bytes  # noqa: N815

    def struct_hash(self) -> bytes:
        """hashStruct(Opinion)."""
        return hash_struct("Opinion", OPINION_FIELDS, self.values())

    def values(self) -> dict[str, Value]:
        """Field name → value."""
        return asdict(self)
