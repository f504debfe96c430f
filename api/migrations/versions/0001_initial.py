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
        "api_answer", sa.Column("token", sa.LargeBinary(length=32), nullable=False),
        sa.Column("key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(length=32), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True), sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False), sa.Column("created", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("api_answer_token", "api_answer", ["token", "created"], unique=False)
    op.create_index("ix_api_answer_created", "api_answer", ["created"], unique=False)
    op.create_table(
        "api_entry", sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("content_type", sa.String(length=64), nullable=False),
        sa.Column("log_index", sa.BigInteger(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("subject", sa.String(length=128), nullable=False), sa.PrimaryKeyConstraint("digest"),
        sa.UniqueConstraint("log_index"),
    )
    op.create_index("ix_api_entry_subject", "api_entry", ["subject"], unique=False)
    op.create_index("ix_api_entry_content_type", "api_entry", ["content_type"], unique=False)
    op.create_table(
        "api_release", sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("rules", sa.LargeBinary(), nullable=False), sa.PrimaryKeyConstraint("digest"),
    )
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


def _attestation_1() -> None:
    op.create_table(
        "attestation_beacon", sa.Column("chain_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False), sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False), sa.PrimaryKeyConstraint("chain_id", "number"),
    )
    op.create_table(
        "attestation_block", sa.Column("log_index", sa.BigInteger(), nullable=False),
        sa.Column("meter", sa.String(), nullable=False), sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("header", sa.LargeBinary(), nullable=False), sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("log_index", "meter"), sqlite_with_rowid=False,
    )
    op.create_table(
        "attestation_dispute", sa.Column("gateway", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False), sa.Column("log_index", sa.BigInteger(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False), sa.PrimaryKeyConstraint("gateway", "seq"),
    )
    op.create_table(
        "attestation_flag", sa.Column("log_index", sa.BigInteger(), nullable=False),
        sa.Column("meter", sa.String(), nullable=False), sa.Column("quantity", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False), sa.Column("gateway", sa.String(), nullable=False),
        sa.Column("excludes", sa.Boolean(), nullable=False), sa.Column("t_from", sa.BigInteger(), nullable=False),
        sa.Column("t_to", sa.BigInteger(), nullable=False), sa.Column("resolution", sa.String(), nullable=False),
        sa.Column("resolved_by", sa.String(), nullable=False),
        sa.Column("resolved_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("log_index", "meter", "quantity", "code"),
    )
    op.create_index("ix_attestation_flag_gateway", "attestation_flag", ["gateway"], unique=False)
    op.create_table(
        "attestation_frame", sa.Column("log_index", sa.BigInteger(), nullable=False),
        sa.Column("gateway", sa.String(), nullable=False), sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False), sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("t_first", sa.BigInteger(), nullable=False), sa.Column("t_last", sa.BigInteger(), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("beacon_time", sa.BigInteger(), nullable=True), sa.Column("disputed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("log_index"),
    )
    op.create_index("attestation_frame_place", "attestation_frame", ["gateway", "epoch", "seq"], unique=False)
    op.create_index("attestation_frame_time", "attestation_frame", ["gateway", "t_first"], unique=False)
    op.create_table(
        "attestation_gateway", sa.Column("gateway", sa.String(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False), sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("log_index", sa.BigInteger(), nullable=False),
        sa.Column("last_trusted", sa.BigInteger(), nullable=False), sa.PrimaryKeyConstraint("gateway"),
    )
    op.create_table(
        "attestation_manifest_row", sa.Column("subject", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False), sa.Column("head", sa.LargeBinary(), nullable=False),
        sa.Column("entries", sa.BigInteger(), nullable=False), sa.Column("epoch", sa.BigInteger(), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=True), sa.PrimaryKeyConstraint("subject", "size"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "attestation_register", sa.Column("meter", sa.String(), nullable=False),
        sa.Column("quantity", sa.String(), nullable=False), sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False), sa.PrimaryKeyConstraint("meter", "quantity"),
    )


def _attestation_2() -> None:
    op.create_table(
        "attestation_registration", sa.Column("subject", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False), sa.Column("kind", sa.String(), nullable=False),
        sa.Column("log_index", sa.BigInteger(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False), sa.PrimaryKeyConstraint("subject", "seq"),
    )
    op.create_index("ix_attestation_registration_kind", "attestation_registration", ["kind"], unique=False)
    op.create_table(
        "attestation_rollup", sa.Column("meter", sa.String(), nullable=False),
        sa.Column("quantity", sa.String(), nullable=False), sa.Column("hour", sa.BigInteger(), nullable=False),
        sa.Column("readings", sa.BigInteger(), nullable=False),
        sa.Column("measured", sa.BigInteger(), nullable=False), sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("low", sa.BigInteger(), nullable=False), sa.Column("high", sa.BigInteger(), nullable=False),
        sa.Column("t_first", sa.BigInteger(), nullable=False), sa.Column("t_last", sa.BigInteger(), nullable=False),
        sa.Column("first_raw", sa.BigInteger(), nullable=False),
        sa.Column("last_raw", sa.BigInteger(), nullable=False),
        sa.Column("first_position", sa.BigInteger(), nullable=False),
        sa.Column("last_position", sa.BigInteger(), nullable=False),
        sa.Column("first_index", sa.BigInteger(), nullable=False),
        sa.Column("last_index", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("meter", "quantity", "hour"), sqlite_with_rowid=False,
    )


def _certificates_1() -> None:
    op.create_table(
        "cert_block", sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("hash", sa.String(length=66), nullable=False), sa.PrimaryKeyConstraint("number"),
    )
    op.create_table(
        "cert_certificate", sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False), sa.Column("kind", sa.Integer(), nullable=False),
        sa.Column("holder", sa.String(length=42), nullable=False),
        sa.Column("amount", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("first", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("moved", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("short", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("superseded_by", sa.LargeBinary(length=32), nullable=True),
        sa.Column("issued_at", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index("ix_cert_certificate_status", "cert_certificate", ["status"], unique=False)
    op.create_table(
        "cert_claim", sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("subject", sa.String(length=128), nullable=False), sa.Column("kind", sa.Integer(), nullable=False),
        sa.Column("exclusivity_key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("period_start", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("period_end", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("log_index", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("digest"), sa.UniqueConstraint("log_index"),
    )
    op.create_index("ix_cert_claim_exclusivity_key", "cert_claim", ["exclusivity_key"], unique=False)
    op.create_index("ix_cert_claim_hash", "cert_claim", ["hash"], unique=False)
    op.create_index("ix_cert_claim_period_start", "cert_claim", ["period_start"], unique=False)
    op.create_index("ix_cert_claim_subject", "cert_claim", ["subject"], unique=False)
    op.create_table(
        "cert_event", sa.Column("block", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False), sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=True),
        sa.Column("piece", sa.LargeBinary(length=32), nullable=True),
        sa.Column("transaction", sa.String(length=66), nullable=False),
        sa.Column("time", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("data", sa.Text(), nullable=False), sa.PrimaryKeyConstraint("block", "ordinal"),
    )
    op.create_index("ix_cert_event_digest", "cert_event", ["digest"], unique=False)
    op.create_index("ix_cert_event_piece", "cert_event", ["piece"], unique=False)
    op.create_table(
        "cert_input", sa.Column("statement", sa.LargeBinary(length=32), nullable=False),
        sa.Column("source", sa.String(length=160), nullable=False), sa.PrimaryKeyConstraint("statement", "source"),
    )


def _certificates_2() -> None:
    op.create_table(
        "cert_interval", sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("mark", sa.String(length=128), nullable=False),
        sa.Column("start", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("end", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("digest", "mark", "start"),
    )
    op.create_index("ix_cert_interval_mark", "cert_interval", ["mark"], unique=False)
    op.create_table(
        "cert_opinion", sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("statement", sa.LargeBinary(length=32), nullable=False),
        sa.Column("verifier", sa.String(length=128), nullable=False),
        sa.Column("conclusion", sa.Integer(), nullable=False), sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("log_index", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("digest"), sa.UniqueConstraint("log_index"),
    )
    op.create_index("ix_cert_opinion_statement", "cert_opinion", ["statement"], unique=False)
    op.create_index("ix_cert_opinion_verifier", "cert_opinion", ["verifier"], unique=False)
    op.create_table(
        "cert_outbox", sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("actor", sa.String(length=42), nullable=False), sa.Column("arguments", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("transaction", sa.String(length=66), nullable=True),
        sa.Column("block", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("block_hash", sa.String(length=66), nullable=True), sa.Column("error", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("position"), sa.UniqueConstraint("id"),
    )
    op.create_index("ix_cert_outbox_actor", "cert_outbox", ["actor"], unique=False)
    op.create_index("ix_cert_outbox_state", "cert_outbox", ["state"], unique=False)
    op.create_table(
        "cert_piece", sa.Column("id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("first", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("last", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("owner", sa.String(length=42), nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.Column("pledgee", sa.String(length=42), nullable=True), sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_cert_piece_digest", "cert_piece", ["digest"], unique=False)
    op.create_index("ix_cert_piece_owner", "cert_piece", ["owner"], unique=False)


def _certificates_3() -> None:
    op.create_table(
        "cert_statement", sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("claim_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("subject", sa.String(length=128), nullable=False),
        sa.Column("exclusivity_key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("supersedes", sa.LargeBinary(length=32), nullable=True),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("details", sa.LargeBinary(), nullable=False),
        sa.Column("leaf", sa.LargeBinary(length=32), nullable=False),
        sa.Column("log_index", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("digest"), sa.UniqueConstraint("log_index"),
    )
    op.create_index("ix_cert_statement_claim_digest", "cert_statement", ["claim_digest"], unique=False)
    op.create_index("ix_cert_statement_exclusivity_key", "cert_statement", ["exclusivity_key"], unique=False)
    op.create_index("ix_cert_statement_subject", "cert_statement", ["subject"], unique=False)
    op.create_index("ix_cert_statement_supersedes", "cert_statement", ["supersedes"], unique=False)


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
        sa.Column("digest", sa.LargeBinary(), nullable=False),
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
    _attestation_1()
    _attestation_2()
    _certificates_1()
    _certificates_2()
    _certificates_3()
    _ledger()


def downgrade() -> None:
    """Back to an empty database."""
    for table in (
        "witness_head", "witness_conflict", "log_tile", "log_segment", "log_head", "log_checkpoint",
        "cert_statement", "cert_piece", "cert_outbox", "cert_opinion", "cert_interval", "cert_input", "cert_event",
        "cert_claim", "cert_certificate", "cert_block", "attestation_rollup", "attestation_registration",
        "attestation_register", "attestation_manifest_row", "attestation_gateway", "attestation_frame",
        "attestation_flag",
        "attestation_dispute", "attestation_block", "attestation_beacon", "api_writer", "api_token", "api_job",
        "api_release", "api_entry", "api_answer", "api_anchor",
    ):
        op.drop_table(table)
