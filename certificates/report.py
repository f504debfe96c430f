"""The facts a printed certificate shows, gathered in one frozen record; pages and PDFs are drawn from it alone."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from certificates.wording import Words
from core.documents import MethodologyRef
from core.opinions import OpinionDocument
from core.period import Period
from core.records import Interval, Kind


@dataclass(frozen=True)
class Party:
    """An organisation as registered. `account`: its address where one acts, else empty."""

    id: str
    name: Words
    account: str = ""


@dataclass(frozen=True)
class Device:
    """Where attributed energy came from (EnergyTag: device, technology, place, storage). `capacity_w` in watts.

    `origin`: whether its values are metered, interpolated or simulated, as registered.
    """

    mark: str
    grid_point: str
    meter_serial: str
    technology: Words
    capacity_w: int
    opened: int
    origin: Words
    storage: bool = False


@dataclass(frozen=True)
class Retirement:
    """Who used the attribute up, for what. Irreversible. `time`: ms UTC of the block; `period` of consumption."""

    purpose: str
    beneficiary: str
    beneficiary_id: str
    country: str
    place: str
    period: Period
    time: int
    account: str


@dataclass(frozen=True)
class AnchorFact:
    """The anchor that covers the statement. `time`: ms UTC of the block."""

    chain_id: int
    contract: str
    block: int
    time: int


@dataclass(frozen=True)
class CertificateReport:
    """One certificate piece over unit ordinals [first, last) with all that a page says about it.

    `result`: the exact figure of the statement; `unit` and the ordinals are the certificate's whole units.
    `log_index`: the statement's index; `size`, `root`: the checkpoint that proves it. `as_of`: ms UTC of this page.
    """

    id: bytes
    kind: Kind
    status: str
    first: int
    last: int
    unit: str
    result: Decimal
    result_unit: str
    subject: Party
    holder: Party
    boundary: str
    period: Period
    methodology: MethodologyRef
    methodology_title: Words
    rules: bytes
    intervals: tuple[Interval, ...]
    devices: tuple[Device, ...]
    verifier: Party
    opinion: OpinionDocument
    origin: str
    statement: bytes
    log_index: int
    size: int
    root: bytes
    anchor: AnchorFact | None
    notices: tuple[str, ...]
    check_url: str
    as_of: int
    retirement: Retirement | None = None

    @property
    def amount(self) -> int:
        """Whole units of this piece."""
        return self.last - self.first
