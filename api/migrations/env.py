"""Alembic runs this for each command; `api.schema` hands the connection over."""

from __future__ import annotations

from alembic import context

from api.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata(),
                  render_as_batch=True, compare_type=True)
with context.begin_transaction():
    context.run_migrations()
