"""manifest/rows.json: the rows of a manifest that a file relies on, and the neighbours of those it has not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection

from attestation.manifest import Manifest, Row, check_rows
from attestation.rows import fold_at
from core.merkle import inclusion_path

SCHEMA = "carbonseal-manifest-rows/1"


def manifest_rows(connection: Connection, manifest: Manifest) -> list[Row]:
    """All rows of a manifest, as they were kept with it. Raises VerificationFailed (manifest-mismatch)."""
    found = fold_at(connection, manifest.size).rows()
    check_rows(manifest, found)
    return found


def rows_document(rows: Sequence[Row], subjects: Iterable[str]) -> dict[str, Any]:
    """The document of these subjects; for one the manifest does not have, the two rows it would stand between."""
    leaves = [row.leaf() for row in rows]
    positions = {row.subject: position for position, row in enumerate(rows)}

    def shown(position: int) -> dict[str, Any] | None:
        if not 0 <= position < len(rows):
            return None
        row = rows[position]
        return {"subject": row.subject, "head": row.head.hex(), "count": str(row.entries), "position": str(position),
                "path": [step.hex() for step in inclusion_path(leaves, position)]}

    wanted = sorted(set(subjects), key=str.encode)
    absent = []
    for subject in (each for each in wanted if each not in positions):
        after = sum(row.subject.encode() < subject.encode() for row in rows)
        absent.append({"subject": subject, "before": shown(after - 1), "after": shown(after)})
    return {"schema": SCHEMA, "rows": [shown(positions[each]) for each in wanted if each in positions],
            "absent": absent}
