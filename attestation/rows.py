"""Rows of the manifests, kept as they change, so that a manifest costs what was appended since the one before it.

Each row is stored with the size of the manifest that it first stands in: the rows of any manifest there was are read
back as they were. What is stored proves nothing: who uses it holds it against the root of a manifest (`check_rows`).
"""

from __future__ import annotations

from sqlalchemy import Connection, func, select
from sqlmodel import col

from attestation.manifest import ManifestFold, Row
from attestation.models import ManifestRow
from attestation.storage import insert_rows


def fold_at(connection: Connection, size: int) -> ManifestFold:
    """The fold of the first `size` entries: the size of a manifest, or 0. O(rows kept), not O(entries)."""
    newest = (select(col(ManifestRow.subject), func.max(col(ManifestRow.size)).label("size"))
              .where(col(ManifestRow.size) <= size).group_by(col(ManifestRow.subject)).subquery())
    query = select(
        col(ManifestRow.subject), col(ManifestRow.head), col(ManifestRow.entries), col(ManifestRow.epoch),
        col(ManifestRow.seq)).join(
        newest, (col(ManifestRow.subject) == newest.c.subject) & (col(ManifestRow.size) == newest.c.size))
    rows, places = [], {}
    for subject, head, entries, epoch, seq in connection.execute(query):
        rows.append(Row(subject, head, entries))
        if epoch is not None and seq is not None:
            places[subject] = (epoch, seq)
    return ManifestFold(size, rows, places)


def keep(connection: Connection, folded: ManifestFold) -> None:
    """Store what changed since the fold was read, for the manifest over its `size` entries."""
    insert_rows(connection, ManifestRow, [kept_row(folded, row) for row in folded.changed()])


def kept_row(folded: ManifestFold, row: Row) -> tuple[str, int, bytes, int, int | None, int | None]:
    """A row of the fold in the order of the table's columns."""
    return (row.subject, folded.size, row.head, row.entries, *(folded.places.get(row.subject) or (None, None)))
