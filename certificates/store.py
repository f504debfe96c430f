"""Claims, statements and opinions of the log, kept so that they can be found again by digest, subject and source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, insert, or_, select

from certificates.models import CertClaim, CertInput, CertInterval, CertOpinion, CertStatement, table
from certificates.opinion import statement_fields
from core import jcs
from core.claims import Carried, ClaimDocument, chain_claim, parse_claim
from core.errors import NotFound, Refused
from core.ids import check_hex
from core.numbers import decimal_text
from core.opinions import OpinionDocument, parse_opinion

CLAIMS, STATEMENTS, OPINIONS = table(CertClaim), table(CertStatement), table(CertOpinion)
INPUTS, INTERVALS = table(CertInput), table(CertInterval)
CARRIED = "carried:"
CLAIM_HINT = "a claim's id is SHA-256 of the signed claim, in hex: carbonseal claim list, or GET /v1/claims, names them"


@dataclass(frozen=True)
class StoredClaim:
    """A claim and where it stands in the log."""

    digest: bytes
    document: ClaimDocument
    payload: bytes
    log_index: int


@dataclass(frozen=True)
class StoredStatement:
    """A statement with the salted records behind its details root. `leaf`: leaf hash of its envelope."""

    digest: bytes
    claim_digest: bytes
    payload: bytes
    details: Sequence[Mapping[str, Any]]
    leaf: bytes
    log_index: int

    @property
    def fields(self) -> dict[str, Any]:
        """The members of the payload."""
        return statement_fields(self.payload)


@dataclass(frozen=True)
class StoredOpinion:
    """An opinion and where it stands in the log."""

    digest: bytes
    document: OpinionDocument
    payload: bytes
    log_index: int


def record_claim(connection: Connection, payload: bytes, log_index: int) -> StoredClaim:
    """Keep a claim that was appended at this index; recording it again changes nothing. Raises FormError."""
    document = parse_claim(payload)
    digest = sha256(payload).digest()
    if connection.execute(select(CLAIMS.c.digest).where(CLAIMS.c.digest == digest)).first() is None:
        connection.execute(insert(CLAIMS).values(
            digest=digest, hash=chain_claim(document).struct_hash(), subject=document.subject, kind=int(document.kind),
            exclusivity_key=document.exclusivity_key, period_start=document.period.start,
            period_end=document.period.end, payload=payload, log_index=log_index))
    return claim(connection, digest)


def record_statement(connection: Connection, payload: bytes, details: Sequence[Mapping[str, Any]],
                     claim_digest: bytes, leaf: bytes, log_index: int) -> StoredStatement:
    """Keep a statement that was appended at this index, with its salted detail records and what it read.

    Raises FormError, NotFound (claim-unknown).
    """
    fields = statement_fields(payload)
    document = claim(connection, claim_digest).document
    digest = sha256(payload).digest()
    if connection.execute(select(STATEMENTS.c.digest).where(STATEMENTS.c.digest == digest)).first() is None:
        supersedes = fields["supersedes"]
        connection.execute(insert(STATEMENTS).values(
            digest=digest, claim_digest=claim_digest, subject=document.subject,
            exclusivity_key=document.exclusivity_key, payload=payload, details=jcs.canonical(list(details)), leaf=leaf,
            supersedes=None if supersedes is None else check_hex(supersedes), log_index=log_index))
        for source in sorted(_sources(details)):
            connection.execute(insert(INPUTS).values(statement=digest, source=source))
        for span in document.intervals:
            connection.execute(insert(INTERVALS).values(digest=digest, mark=span.mark, start=span.start, end=span.end))
    return statement(connection, digest)


def record_opinion(connection: Connection, payload: bytes, log_index: int) -> StoredOpinion:
    """Keep an opinion that was appended at this index. Raises FormError, NotFound (statement-unknown)."""
    document = parse_opinion(payload)
    statement(connection, document.statement)
    digest = sha256(payload).digest()
    if connection.execute(select(OPINIONS.c.digest).where(OPINIONS.c.digest == digest)).first() is None:
        connection.execute(insert(OPINIONS).values(
            digest=digest, statement=document.statement, verifier=document.verifier,
            conclusion=int(document.conclusion), payload=payload, log_index=log_index))
    return opinion(connection, digest)


def claim(connection: Connection, digest: bytes) -> StoredClaim:
    """A claim by its id, the payload digest. Raises NotFound (claim-unknown)."""
    row = connection.execute(select(CLAIMS).where(CLAIMS.c.digest == digest)).first()
    if row is None:
        raise NotFound("claim-unknown", "no claim with this id is in the log", where=digest.hex(), hint=CLAIM_HINT)
    return _claim(row)


def find_claim(connection: Connection, identity: bytes) -> StoredClaim:
    """A claim by its id, by the digest of a statement on it, or by the claim hash that statement and opinion name.

    Raises NotFound (claim-unknown), Refused (claim-ambiguous) where two signatures stand under one claim hash.
    """
    named = select(STATEMENTS.c.claim_digest).where(STATEMENTS.c.digest == identity)
    rows = connection.execute(select(CLAIMS).where(or_(
        CLAIMS.c.digest == identity, CLAIMS.c.hash == identity, CLAIMS.c.digest.in_(named)))).all()
    if not rows:
        raise NotFound("claim-unknown", "the log has no claim with this id or claim hash, and no statement with this "
                       "digest", where=identity.hex(), hint=CLAIM_HINT)
    if len(rows) > 1:
        raise Refused("claim-ambiguous", f"{len(rows)} claims have this claim hash", where=identity.hex(),
                      hint="name one by its id: " + ", ".join(row.digest.hex() for row in rows))
    return _claim(rows[0])


def statement(connection: Connection, digest: bytes) -> StoredStatement:
    """A statement by payload digest. Raises NotFound (statement-unknown)."""
    row = connection.execute(select(STATEMENTS).where(STATEMENTS.c.digest == digest)).first()
    if row is None:
        raise NotFound("statement-unknown", "no statement with this digest is in the log", where=digest.hex(),
                       hint="the digest is that of the statement's payload, in hex")
    return _statement(row)


def opinion(connection: Connection, digest: bytes) -> StoredOpinion:
    """An opinion by payload digest. Raises NotFound (opinion-unknown)."""
    row = connection.execute(select(OPINIONS).where(OPINIONS.c.digest == digest)).first()
    if row is None:
        raise NotFound("opinion-unknown", "no opinion with this digest is in the log", where=digest.hex(),
                       hint="the digest is that of the opinion's payload, in hex")
    return StoredOpinion(row.digest, parse_opinion(row.payload), row.payload, row.log_index)


def opinion_on(connection: Connection, statement_digest: bytes) -> StoredOpinion:
    """The newest opinion on a statement. Raises NotFound (opinion-missing)."""
    row = connection.execute(select(OPINIONS.c.digest).where(OPINIONS.c.statement == statement_digest)
                             .order_by(OPINIONS.c.log_index.desc()).limit(1)).first()
    if row is None:
        raise NotFound("opinion-missing", "no verifier has given an opinion on this statement",
                       where=statement_digest.hex(), hint="a verifier signs one with: carbonseal opinion sign")
    return opinion(connection, row.digest)


def statement_of(connection: Connection, claim_digest: bytes) -> StoredStatement:
    """The newest statement computed for a claim. Raises NotFound (statement-missing)."""
    row = connection.execute(select(STATEMENTS).where(STATEMENTS.c.claim_digest == claim_digest)
                             .order_by(STATEMENTS.c.log_index.desc()).limit(1)).first()
    if row is None:
        raise NotFound("statement-missing", "no statement has been computed for this claim", where=claim_digest.hex(),
                       hint="it is computed once the claim is taken; ask again")
    return _statement(row)


def newest_statement(connection: Connection, exclusivity_key: bytes) -> StoredStatement | None:
    """The last statement under an exclusivity key; None when there is none."""
    row = connection.execute(select(STATEMENTS).where(STATEMENTS.c.exclusivity_key == exclusivity_key)
                             .order_by(STATEMENTS.c.log_index.desc()).limit(1)).first()
    return None if row is None else _statement(row)


def check_exclusive(connection: Connection, document: ClaimDocument) -> None:
    """Passes when a claim begins its exclusivity key, or corrects the newest statement under it.

    What it supersedes must be a statement about the same subject, and what it carries a remainder that nobody took.
    Raises Refused (claim-exclusive, claim-supersedes, claim-carried), NotFound (statement-unknown).
    """
    newest = newest_statement(connection, document.exclusivity_key)
    if newest is not None and document.supersedes is None:
        raise Refused("claim-exclusive", "this subject, boundary, methodology and period has a statement already",
                      where=newest.digest.hex(), hint="correct it: name it in supersedes")
    if newest is not None and newest.digest != document.supersedes:
        raise Refused("claim-supersedes", "the claim does not supersede the newest statement under its key",
                      where="claim.supersedes", hint="name the newest one", newest=newest.digest.hex())
    old = document.supersedes
    if old is not None and statement(connection, old).fields["subject"] != document.subject:
        raise Refused("claim-supersedes", "the statement named is about another subject", where="claim.supersedes",
                      hint="an enterprise corrects its own statements")
    if document.carried is not None:
        _check_carried(connection, document, document.carried)


def _check_carried(connection: Connection, document: ClaimDocument, carried: Carried) -> None:
    """The remainder is what a statement that stands left to this subject and methodology, and none took it yet."""
    before = statement(connection, carried.statement).fields
    remainder = {"value": decimal_text(carried.value), "unit": carried.unit}
    left = (before["subject"], before["methodology"]["id"], before["carried_out"])
    if left != (document.subject, document.methodology.id, remainder) or _is_corrected(connection, carried.statement):
        raise Refused("claim-carried", "no statement that stands left this remainder to this subject and methodology",
                      where="claim.carried", hint="carry exactly the carried_out of your newest statement")
    for other in statements_reading(connection, CARRIED + carried.statement.hex()):
        if other != document.supersedes and not _is_corrected(connection, other):
            raise Refused("claim-carried", "the remainder went into another statement already", where=other.hex(),
                          hint="carry what that statement left")


def _is_corrected(connection: Connection, digest: bytes) -> bool:
    return connection.execute(select(STATEMENTS.c.digest).where(STATEMENTS.c.supersedes == digest)).first() is not None


def statements_reading(connection: Connection, source: str) -> list[bytes]:
    """Digests of the statements that read a source: what a correction affects.

    A source is a meter, a claim point, a document ("doc:<hex>"), or a statement with a remainder ("carried:<hex>").
    """
    rows = connection.execute(select(INPUTS.c.statement).join(STATEMENTS, STATEMENTS.c.digest == INPUTS.c.statement)
                              .where(INPUTS.c.source == source).order_by(STATEMENTS.c.log_index))
    return [row.statement for row in rows]


def _claim(row: Any) -> StoredClaim:
    return StoredClaim(row.digest, parse_claim(row.payload), row.payload, row.log_index)


def _statement(row: Any) -> StoredStatement:
    return StoredStatement(row.digest, row.claim_digest, row.payload, tuple(jcs.parse(row.details)), row.leaf,
                           row.log_index)


def _sources(details: Sequence[Mapping[str, Any]]) -> set[str]:
    found: set[str] = set()
    for item in details:
        record = item["record"]
        source, carried = record.get("source"), record.get("carried")
        if record.get("kind") == "run" and carried is not None:
            found.add(CARRIED + carried["statement"])
        if record.get("kind") == "input" and isinstance(source, dict):
            found |= {source[name] for name in ("meter", "mark") if name in source}
            if "digest" in source:
                found.add("doc:" + source["digest"])
    return found
