"""Initial schema: the tables of every room, one function each."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _api() -> None:
    op.create_table(
        "api_anchor", sa.Column("size", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("transaction", sa.String(length=66), nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("block_hash", sa.String(length=66), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False), sa.PrimaryKeyConstraint("size"),
    )
    op.create_table(
        "api_answer", sa.Column("key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(length=32), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True), sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False), sa.Column("created", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("ix_api_answer_created", "api_answer", ["created"], unique=False)
    op.create_table(
        "api_job", sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("org", sa.String(length=128), nullable=False), sa.Column("arguments", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("step", sa.String(length=64), nullable=False), sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False), sa.Column("result", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True), sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False), sa.Column("touched", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_api_job_created", "api_job", ["created"], unique=False)
    op.create_index("ix_api_job_org", "api_job", ["org"], unique=False)
    op.create_index("ix_api_job_state", "api_job", ["state"], unique=False)
    op.create_table(
        "api_token", sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("org", sa.String(length=128), nullable=False),
        sa.Column("roles", sa.String(length=512), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False), sa.Column("revoked", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("hash"),
    )
    op.create_index("ix_api_token_org", "api_token", ["org"], unique=False)
    op.create_table(
        "api_writer", sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False), sa.PrimaryKeyConstraint("id"),
    )


def _ledger() -> None:
    op.create_table(
        "log_checkpoint", sa.Column("size", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False), sa.Column("note", sa.LargeBinary(), nullable=False),
        sa.Column("time", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("size"),
    )
    op.create_table(
        "log_head", sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("appended", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sealed", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "log_segment", sa.Column("first", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False), sa.Column("lengths", sa.LargeBinary(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False), sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("first"),
    )
    op.create_table(
        "log_tile", sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False), sa.Column("middle", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("position"),
    )
    op.create_table(
        "witness_conflict", sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False), sa.Column("known", sa.LargeBinary(), nullable=False),
        sa.Column("offered", sa.LargeBinary(), nullable=False),
        sa.Column("time", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_witness_conflict_origin", "witness_conflict", ["origin"], unique=False)
    op.create_table(
        "witness_head", sa.Column("origin", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False), sa.Column("note", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("origin"),
    )


def upgrade() -> None:
    """To this revision."""
    _api()
    _ledger()


def downgrade() -> None:
    """Back to an empty database."""
    for table in (
        "witness_head", "witness_conflict", "log_tile", "log_segment", "log_head", "log_checkpoint", "api_writer",
        "api_token", "api_job", "api_answer", "api_anchor",
    ):
        op.drop_table(table)
