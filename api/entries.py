"""Entries that no other room keeps (rule releases, documents, manifests), found again by digest or kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import cast

from sqlalchemy import Connection, Table, insert, select

from api.models import ApiEntry, ApiRelease
from attestation.envelope import seal
from core import jcs
from core.errors import NotFound
from core.signer import Signer
from ledger import log

_ENTRIES = cast(Table, ApiEntry.__table__)  # type: ignore[attr-defined]
_RELEASES = cast(Table, ApiRelease.__table__)  # type: ignore[attr-defined]


@dataclass(frozen=True)
class StoredEntry:
    """An entry of the log. `digest`: SHA-256 of the payload; `subject`: whose it is, "" where nobody asks by that."""

    digest: bytes
    content_type: str
    log_index: int
    payload: bytes
    subject: str = ""


def append_signed(connection: Connection, signer: Signer, content_type: str, payload: bytes, origin: str) -> int:
    """Sign a payload as the node and append it; its index."""
    return log.append(connection, [seal(signer, content_type, payload, origin)])[0]


def record(connection: Connection, content_type: str, payload: bytes, log_index: int, subject: str = "") -> StoredEntry:
    """Keep an entry, in the transaction that appended it at this index."""
    entry = StoredEntry(sha256(payload).digest(), content_type, log_index, payload, subject)
    connection.execute(insert(_ENTRIES).values(**vars(entry)))
    return entry


def find(connection: Connection, content_type: str, digest: bytes) -> StoredEntry | None:
    """The entry of a payload digest, None when there is none of this kind."""
    row = connection.execute(select(_ENTRIES).where(
        _ENTRIES.c.digest == digest, _ENTRIES.c.content_type == content_type)).first()
    return None if row is None else StoredEntry(**row._mapping)


def newest(connection: Connection, content_type: str) -> StoredEntry:
    """The newest entry of a kind. Raises NotFound (entry-none)."""
    row = connection.execute(select(_ENTRIES).where(_ENTRIES.c.content_type == content_type)
                             .order_by(_ENTRIES.c.log_index.desc()).limit(1)).first()
    if row is None:
        raise NotFound("entry-none", "the log holds no such entry yet", where=content_type)
    return StoredEntry(**row._mapping)


def record_rules(connection: Connection, release: bytes, rules: Mapping[str, str]) -> None:
    """Keep the digests of all rules of a release (its payload digest): the log holds only their root."""
    connection.execute(insert(_RELEASES).values(digest=release, rules=jcs.canonical(dict(rules))))


def rules_of(connection: Connection, release: bytes) -> dict[str, str]:
    """The digests of all rules of a release by path. Raises NotFound (release-unknown)."""
    kept = connection.execute(select(_RELEASES.c.rules).where(_RELEASES.c.digest == release)).scalar()
    if kept is None:
        raise NotFound("release-unknown", "the list of the rules of this release is not kept here", where=release.hex(),
                       hint="ask the node that took the release")
    return dict(jcs.parse(kept))


def listed(connection: Connection, content_type: str, below: int, limit: int, subject: str = "") -> list[StoredEntry]:
    """Entries of a kind, and of a subject where one is named, with an index below `below`, newest first."""
    query = select(_ENTRIES).where(_ENTRIES.c.content_type == content_type, _ENTRIES.c.log_index < below)
    if subject:
        query = query.where(_ENTRIES.c.subject == subject)
    rows = connection.execute(query.order_by(_ENTRIES.c.log_index.desc()).limit(limit))
    return [StoredEntry(**row._mapping) for row in rows]
