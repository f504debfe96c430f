"""Tables of this room. Frames and blocks are append-only evidence; the rest is derived and can be rebuilt from them.

Tables never leave the package: functions hand out frozen records.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Index, LargeBinary
from sqlmodel import Field, SQLModel


class FrameRow(SQLModel, table=True):
    """An accepted frame. `disputed`: the second payload of an equivocation. `received`: ms UTC at acceptance.

    `beacon_time`: ms UTC of the block it names as known then; −1 when it names none, NULL when it was unknown.
    """

    __tablename__ = "attestation_frame"
    __table_args__ = (Index("attestation_frame_place", "gateway", "epoch", "seq"),
                      Index("attestation_frame_time", "gateway", "t_first"))

    log_index: int = Field(primary_key=True, sa_type=BigInteger)
    gateway: str
    epoch: int = Field(sa_type=BigInteger)
    seq: int = Field(sa_type=BigInteger)
    digest: bytes = Field(sa_type=LargeBinary)
    t_first: int = Field(sa_type=BigInteger)
    t_last: int = Field(sa_type=BigInteger)
    received: int = Field(sa_type=BigInteger)
    beacon_time: int | None = Field(sa_type=BigInteger)
    disputed: bool = False


class BlockRow(SQLModel, table=True):
    """A block of an accepted frame: header as signed, body as `storage` packs it."""

    __tablename__ = "attestation_block"
    __table_args__ = ({"sqlite_with_rowid": False},)

    log_index: int = Field(primary_key=True, sa_type=BigInteger)
    meter: str = Field(primary_key=True)
    ordinal: int
    header: bytes = Field(sa_type=LargeBinary)
    body: bytes = Field(sa_type=LargeBinary)


class GatewayRow(SQLModel, table=True):
    """The head of a gateway's chain. `last_trusted`: greatest t_last of its frames whose clock is not off, ms UTC."""

    __tablename__ = "attestation_gateway"

    gateway: str = Field(primary_key=True)
    epoch: int = Field(sa_type=BigInteger)
    seq: int = Field(sa_type=BigInteger)
    digest: bytes = Field(sa_type=LargeBinary)
    log_index: int = Field(sa_type=BigInteger)
    last_trusted: int = Field(sa_type=BigInteger)


class RollupRow(SQLModel, table=True):
    """One hour of one column, over the readings that count. Raw integers; positions are serial numbers (registers).

    `hour`: ms UTC of its start; `measured` of the `readings` have quality measured.
    """

    __tablename__ = "attestation_rollup"
    __table_args__ = ({"sqlite_with_rowid": False},)

    meter: str = Field(primary_key=True)
    quantity: str = Field(primary_key=True)
    hour: int = Field(primary_key=True, sa_type=BigInteger)
    readings: int = Field(sa_type=BigInteger)
    measured: int = Field(sa_type=BigInteger)
    total: int = Field(sa_type=BigInteger)
    low: int = Field(sa_type=BigInteger)
    high: int = Field(sa_type=BigInteger)
    t_first: int = Field(sa_type=BigInteger)
    t_last: int = Field(sa_type=BigInteger)
    first_raw: int = Field(sa_type=BigInteger)
    last_raw: int = Field(sa_type=BigInteger)
    first_position: int = Field(sa_type=BigInteger)
    last_position: int = Field(sa_type=BigInteger)
    first_index: int = Field(sa_type=BigInteger)
    last_index: int = Field(sa_type=BigInteger)


class RegisterRow(SQLModel, table=True):
    """The last counted reading of a register: `time` in ms UTC, `position` its serial number."""

    __tablename__ = "attestation_register"

    meter: str = Field(primary_key=True)
    quantity: str = Field(primary_key=True)
    time: int = Field(sa_type=BigInteger)
    position: int = Field(sa_type=BigInteger)


class FlagRow(SQLModel, table=True):
    """Something doubtful about a frame (meter "") or one column of a block. Open while `resolution` is empty."""

    __tablename__ = "attestation_flag"

    log_index: int = Field(primary_key=True, sa_type=BigInteger)
    meter: str = Field(primary_key=True)
    quantity: str = Field(primary_key=True)
    code: str = Field(primary_key=True)
    gateway: str = Field(index=True)
    excludes: bool
    t_from: int = Field(sa_type=BigInteger)
    t_to: int = Field(sa_type=BigInteger)
    resolution: str = ""
    resolved_by: str = ""
    resolved_at: int | None = Field(default=None, sa_type=BigInteger)


class RegistrationRow(SQLModel, table=True):
    """One entry of a registration history."""

    __tablename__ = "attestation_registration"

    subject: str = Field(primary_key=True)
    seq: int = Field(primary_key=True, sa_type=BigInteger)
    kind: str = Field(index=True)
    log_index: int = Field(sa_type=BigInteger)
    payload: bytes = Field(sa_type=LargeBinary)


class DisputeRow(SQLModel, table=True):
    """One entry of a dispute history."""

    __tablename__ = "attestation_dispute"

    gateway: str = Field(primary_key=True)
    seq: int = Field(primary_key=True, sa_type=BigInteger)
    log_index: int = Field(sa_type=BigInteger)
    payload: bytes = Field(sa_type=LargeBinary)


class ManifestRow(SQLModel, table=True):
    """A row of the manifest over `size` entries, where it first stands or last changed. `head`: SHA-256 of the newest
    payload, `entries`: how many there are; `epoch` and `seq` of that payload for the frames of a gateway.
    """

    __tablename__ = "attestation_manifest_row"
    __table_args__ = ({"sqlite_with_rowid": False},)

    subject: str = Field(primary_key=True)
    size: int = Field(primary_key=True, sa_type=BigInteger)
    head: bytes = Field(sa_type=LargeBinary)
    entries: int = Field(sa_type=BigInteger)
    epoch: int | None = Field(sa_type=BigInteger)
    seq: int | None = Field(sa_type=BigInteger)


class BeaconRow(SQLModel, table=True):
    """A finalised block the node has seen; `time` in ms UTC."""

    __tablename__ = "attestation_beacon"

    chain_id: int = Field(primary_key=True, sa_type=BigInteger)
    number: int = Field(primary_key=True, sa_type=BigInteger)
    hash: bytes = Field(sa_type=LargeBinary)
    time: int = Field(sa_type=BigInteger)
