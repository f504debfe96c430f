"""What an evidence file holds, as frozen records. `verify/parse.py` makes them; the steps ask whether they are true."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from attestation.block import Header
from attestation.envelope import Envelope
from attestation.frame import Frame


@dataclass(frozen=True)
class Entry:
    """One log entry: envelope bytes as logged, opened; `index` is what the file says, None for an unproven frame."""

    where: str
    index: int | None
    data: bytes
    envelope: Envelope


@dataclass(frozen=True)
class Row:
    """A row of the manifest with its path. `head`: 32 bytes; `count`: entries of the subject."""

    subject: str
    head: bytes
    count: int
    position: int
    path: tuple[bytes, ...]


@dataclass(frozen=True)
class Absence:
    """The neighbours between which a subject would stand if the manifest had it."""

    subject: str
    before: Row | None
    after: Row | None


@dataclass(frozen=True)
class Rows:
    """The disclosed part of a manifest."""

    rows: Mapping[str, Row]
    absent: Mapping[str, Absence]


@dataclass(frozen=True)
class FrameItem:
    """A frame of a gateway's chain, with the day of the member it stands in."""

    entry: Entry
    frame: Frame
    day: str


@dataclass(frozen=True)
class BlockItem:
    """A block of one meter: its place in the frame's tree, header (bytes and opened) and the body where given."""

    gateway: str
    epoch: int
    seq: int
    ordinal: int
    path: tuple[bytes, ...]
    data: bytes
    header: Header
    body: bytes | None


@dataclass(frozen=True)
class Detail:
    """A disclosed detail record. `path` is empty in a complete disclosure, where the root is computed from all."""

    index: int
    salt: bytes
    record: Mapping[str, Any]
    path: tuple[bytes, ...]


@dataclass(frozen=True)
class Details:
    """Disclosed records by rising index; `complete` when none is missing."""

    complete: bool
    records: tuple[Detail, ...]


@dataclass(frozen=True)
class Retirement:
    """What a retired piece was used for: consumption of `beneficiary` in [start, end), ms UTC."""

    purpose: str
    beneficiary: str
    start: int
    end: int


@dataclass(frozen=True)
class CertificateRecord:
    """certificate.json: the piece [u0, u1) of a statement's units, with owner and status as the file says."""

    id: bytes
    payload_digest: bytes
    u0: int
    u1: int
    owner: str
    status: str
    retirement: Retirement | None


@dataclass(frozen=True)
class Evidence:
    """A well-formed evidence file."""

    purpose: str
    level: str
    checkpoint: bytes
    proofs: Mapping[int, bytes]
    statement: Entry
    claim: Entry
    opinion: Entry | None
    manifest: Entry
    release: Entry | None
    rows: Rows
    histories: Mapping[str, tuple[Entry, ...]]
    frames: Mapping[str, tuple[FrameItem, ...]]
    blocks: Mapping[str, tuple[BlockItem, ...]]
    details: Details | None
    documents: Mapping[str, Any] | None
    listed: Mapping[str, Any] | None
    anchor: Mapping[str, Any] | None
    status: Mapping[str, Any] | None
    certificate: CertificateRecord | None

    def entries(self) -> list[Entry]:
        """Every log entry in the file, frames without an index included."""
        single = [self.statement, self.claim, self.opinion, self.manifest, self.release]
        return [*(entry for entry in single if entry is not None),
                *(entry for history in self.histories.values() for entry in history),
                *(item.entry for chain in self.frames.values() for item in chain)]
