"""Tables of this room. They never leave it; functions hand out frozen dataclasses.

Truth lies elsewhere: claims, statements and opinions are entries of the log, certificates and pieces lie on the chain.
Only two things here are nowhere else: the salted detail records of a statement, and chain writes not yet sent (outbox).
Who owns these tables can hide or delay, not forge.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, Table, Text
from sqlmodel import Field, SQLModel

# SQLite makes a primary key its row number only when the type is spelled INTEGER; PostgreSQL needs 64 bits.
_BIG = BigInteger().with_variant(Integer, "sqlite")


class CertClaim(SQLModel, table=True):
    """A claim in the log. `hash`: claim hash (hashStruct); `digest`: SHA-256 of the payload."""

    __tablename__ = "cert_claim"

    digest: bytes = Field(sa_column=Column(LargeBinary(32), primary_key=True))
    hash: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False, index=True))
    subject: str = Field(index=True, max_length=128)
    kind: int
    exclusivity_key: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False, index=True))
    period_start: int = Field(sa_type=_BIG, index=True)
    period_end: int = Field(sa_type=_BIG)
    payload: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    log_index: int = Field(sa_type=_BIG, unique=True)


class CertStatement(SQLModel, table=True):
    """A statement in the log. `details`: JCS list of {"salt", "record"}; the log holds only their salted root."""

    __tablename__ = "cert_statement"

    digest: bytes = Field(sa_column=Column(LargeBinary(32), primary_key=True))
    claim_digest: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False, index=True))
    subject: str = Field(index=True, max_length=128)
    exclusivity_key: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False, index=True))
    supersedes: bytes | None = Field(default=None, sa_column=Column(LargeBinary(32), index=True))
    payload: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    details: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    leaf: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False))
    log_index: int = Field(sa_type=_BIG, unique=True)


class CertOpinion(SQLModel, table=True):
    """An opinion in the log."""

    __tablename__ = "cert_opinion"

    digest: bytes = Field(sa_column=Column(LargeBinary(32), primary_key=True))
    statement: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False, index=True))
    verifier: str = Field(index=True, max_length=128)
    conclusion: int
    payload: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    log_index: int = Field(sa_type=_BIG, unique=True)


class CertInput(SQLModel, table=True):
    """Which meter, claim point or document a statement read: for queries, and to find what a correction affects."""

    __tablename__ = "cert_input"

    statement: bytes = Field(sa_column=Column(LargeBinary(32), primary_key=True))
    source: str = Field(primary_key=True, max_length=160)


class CertOutbox(SQLModel, table=True):
    """A chain write intended, in order. `state`: pending, done, refused. `block`, `block_hash`: where it was seen."""

    __tablename__ = "cert_outbox"

    position: int | None = Field(default=None, primary_key=True, sa_type=_BIG)
    id: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False, unique=True))
    kind: str = Field(max_length=16)
    actor: str = Field(max_length=42, index=True)
    arguments: str = Field(sa_column=Column(Text, nullable=False))
    state: str = Field(max_length=8, index=True)
    transaction: str | None = Field(default=None, max_length=66)
    block: int | None = Field(default=None, sa_type=_BIG)
    block_hash: str | None = Field(default=None, max_length=66)
    error: str | None = Field(default=None, sa_column=Column(Text))
    attempts: int = 0
    created: int = Field(sa_type=_BIG)


class CertBlock(SQLModel, table=True):
    """A block the mirror has read up to, with the hash it had then; rows above a fork are dropped and read again."""

    __tablename__ = "cert_block"

    number: int = Field(primary_key=True, sa_type=_BIG)
    hash: str = Field(max_length=66)


class CertEvent(SQLModel, table=True):
    """An event of the CertificateRegistry as read. `data`: canonical JSON of its arguments; `time`: ms UTC."""

    __tablename__ = "cert_event"

    block: int = Field(primary_key=True, sa_type=_BIG)
    ordinal: int = Field(primary_key=True)
    name: str = Field(max_length=32)
    digest: bytes | None = Field(default=None, sa_column=Column(LargeBinary(32), index=True))
    piece: bytes | None = Field(default=None, sa_column=Column(LargeBinary(32), index=True))
    transaction: str = Field(max_length=66)
    time: int = Field(sa_type=_BIG)
    data: str = Field(sa_column=Column(Text, nullable=False))


class CertCertificate(SQLModel, table=True):
    """A certificate as the chain held it when last read."""

    __tablename__ = "cert_certificate"

    digest: bytes = Field(sa_column=Column(LargeBinary(32), primary_key=True))
    status: str = Field(max_length=12, index=True)
    kind: int
    holder: str = Field(max_length=42)
    amount: int = Field(sa_type=_BIG)
    first: int = Field(sa_type=_BIG)
    moved: int = Field(sa_type=_BIG)
    short: int = Field(sa_type=_BIG)
    superseded_by: bytes | None = Field(default=None, sa_column=Column(LargeBinary(32)))
    issued_at: int = Field(sa_type=_BIG)


class CertInterval(SQLModel, table=True):
    """What a certificate spends, from its claim: [start, end) of a mark."""

    __tablename__ = "cert_interval"

    digest: bytes = Field(sa_column=Column(LargeBinary(32), primary_key=True))
    mark: str = Field(primary_key=True, max_length=128, index=True)
    start: int = Field(primary_key=True, sa_type=_BIG)
    end: int = Field(sa_type=_BIG)


class CertPiece(SQLModel, table=True):
    """A piece as the chain held it when last read."""

    __tablename__ = "cert_piece"

    id: bytes = Field(sa_column=Column(LargeBinary(32), primary_key=True))
    digest: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False, index=True))
    first: int = Field(sa_type=_BIG)
    last: int = Field(sa_type=_BIG)
    owner: str = Field(max_length=42, index=True)
    status: str = Field(max_length=8)
    pledgee: str | None = Field(default=None, max_length=42)


def table(model: type[SQLModel]) -> Table:
    """The table of a model, for statements of SQLAlchemy's core."""
    return SQLModel.metadata.tables[str(model.__tablename__)]
