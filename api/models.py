"""Tables of the service itself: tokens, remembered answers, jobs, the writer's generation. They never leave `api`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Text
from sqlmodel import Field, SQLModel


class ApiToken(SQLModel, table=True):
    """An organisation's token. Only SHA-256 of the token is kept; `roles` is canonical JSON; times in ms UTC."""

    __tablename__ = "api_token"

    hash: bytes = Field(sa_column=Column(LargeBinary(32), primary_key=True))
    org: str = Field(index=True, max_length=128)
    roles: str = Field(max_length=512)
    created: int = Field(sa_column=Column(BigInteger, nullable=False))
    revoked: int | None = Field(default=None, sa_column=Column(BigInteger))


class ApiAnswer(SQLModel, table=True):
    """The answer once given under an Idempotency-Key of a token (its hash); `status` null while it is worked on."""

    __tablename__ = "api_answer"
    __table_args__ = (Index("api_answer_token", "token", "created"),)

    token: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False))
    key: bytes = Field(sa_column=Column(LargeBinary(32), primary_key=True))
    fingerprint: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False))
    status: int | None = None
    headers: str = Field(default="[]", sa_column=Column(Text, nullable=False))
    body: bytes = Field(default=b"", sa_column=Column(LargeBinary, nullable=False))
    created: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))


class ApiJob(SQLModel, table=True):
    """A piece of work with progress: queued, running, done or failed. The row is the truth, a queue only nudges."""

    __tablename__ = "api_job"

    id: str = Field(primary_key=True, max_length=32)
    kind: str = Field(max_length=32)
    org: str = Field(index=True, max_length=128)
    arguments: str = Field(sa_column=Column(Text, nullable=False))
    state: str = Field(index=True, max_length=8)
    step: str = Field(default="", max_length=64)
    done: int = 0
    total: int = 0
    result: str | None = Field(default=None, sa_column=Column(Text))
    error: str | None = Field(default=None, sa_column=Column(Text))
    attempts: int = 0
    created: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))
    touched: int = Field(sa_column=Column(BigInteger, nullable=False))


class ApiWriter(SQLModel, table=True):
    """One row: the generation of the process that may write the log. A process of an older one has to stop."""

    __tablename__ = "api_writer"

    id: int = Field(primary_key=True)
    generation: int = Field(sa_column=Column(BigInteger, nullable=False))


class ApiAnchor(SQLModel, table=True):
    """A root the chain took, as last seen there; a block lost by the chain is found by its hash. `time`: ms UTC."""

    __tablename__ = "api_anchor"

    size: int = Field(sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True))
    root: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False))
    transaction: str = Field(max_length=66)
    block: int = Field(sa_column=Column(BigInteger, nullable=False))
    block_hash: str = Field(max_length=66)
    time: int = Field(sa_column=Column(BigInteger, nullable=False))


class ApiEntry(SQLModel, table=True):
    """An entry of a kind that no other room keeps: rule releases, documents, manifests. `digest`: of its payload."""

    __tablename__ = "api_entry"

    digest: bytes = Field(sa_column=Column(LargeBinary(32), primary_key=True))
    content_type: str = Field(max_length=64, index=True)
    log_index: int = Field(sa_column=Column(BigInteger, nullable=False, unique=True))
    payload: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    subject: str = Field(default="", max_length=128, index=True)


class ApiRelease(SQLModel, table=True):
    """The list of rules that a release commits to. `digest`: of the release's payload; `rules`: JCS {path: digest}."""

    __tablename__ = "api_release"

    digest: bytes = Field(sa_column=Column(LargeBinary(32), primary_key=True))
    rules: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
