"""Alembic: the environment and the revisions of the whole schema."""
