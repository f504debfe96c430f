"""Step 10: the chain holds this certificate with the statement's fields, this owner and status, as of a block."""

from __future__ import annotations

from core.errors import VerificationFailed
from core.ids import chain_id_of
from core.period import instant_text
from ledger.anchor.evidence import StorageFact, read_storage
from ledger.anchor.layout import (
    CertificateState,
    CertificateStatus,
    PieceState,
    PieceStatus,
    debt_slot,
    decode_certificate,
    decode_mark,
    decode_piece,
    decode_spent,
    hole_slot,
    live_slot,
    piece_id,
    reference_slot,
    retirement_digest,
    spent_slots,
)
from verify.case import Case
from verify.chainstate import ProvenWords, validators_for
from verify.model import CertificateRecord
from verify.report import DEVELOPMENT_CHAIN, AsOf, NotChecked


def check(case: Case) -> str:
    """Raises VerificationFailed (certificate-…, mark-mismatch, status-…, validators-unpinned, and those of
    ledger.anchor), FormError, NotChecked (certificate-absent, clock-absent).
    """
    record = case.evidence.certificate
    if record is None or case.evidence.status is None:
        raise NotChecked("certificate-absent", "nothing was issued yet for this file")
    _check_identity(case, record)
    fact = _status(case)
    words = ProvenWords(fact)
    certificate = decode_certificate(record.payload_digest, words)
    piece = decode_piece(int.from_bytes(record.id, "big"), words)
    if certificate is None or piece is None:
        raise VerificationFailed("certificate-not-issued", "the chain has no such certificate", where=record.id.hex())
    _note_state(case, certificate, piece)
    _check_status(record, certificate, piece)
    _check_fields(case, record, certificate, words)
    _check_marks(case, record, words)
    _check_age(case, fact)
    return (f"units {record.u0}–{record.u1 - 1} of {certificate.amount} {case.statement.unit}, {record.status}, owner "
            f"{piece.owner}{_burdens(certificate, piece)}, block {fact.header.number} of "
            f"{instant_text(fact.header.timestamp)}")


def _check_identity(case: Case, record: CertificateRecord) -> None:
    if record.payload_digest != case.evidence.statement.envelope.digest:
        raise VerificationFailed("certificate-id", "the certificate is of another statement", where="certificate.json")
    if record.u1 >= 2**63 or int.from_bytes(record.id, "big") != piece_id(record.payload_digest, record.u0, record.u1):
        raise VerificationFailed("certificate-id", "the id is not that of these units", where="certificate.json")
    if record.u1 > case.statement.amount:
        raise VerificationFailed("certificate-units", f"the statement is good for {case.statement.amount} units",
                                 where="certificate.json")


def _status(case: Case) -> StorageFact:
    document, chain = case.evidence.status or {}, case.trust.chain
    validators = validators_for(document, chain)
    fact = read_storage(document, chain_id=chain.id, contract=chain.certificate_registry, validators=validators)
    case.as_of = AsOf(case.manifest.size, fact.header.number, fact.header.timestamp)
    if case.anchor_block is not None and fact.header.number < case.anchor_block:
        raise VerificationFailed("status-before-anchor", f"block {fact.header.number} comes before the anchor's "
                                 f"{case.anchor_block}", where="status.json")
    if validators is None:
        # Step 3 refuses to pass on blocks that nobody sealed; here it is said, not refused a second time.
        case.notice(DEVELOPMENT_CHAIN)
    return fact


def _check_status(record: CertificateRecord, certificate: CertificateState, piece: PieceState) -> None:
    if certificate.status is CertificateStatus.REVOKED:
        raise VerificationFailed("certificate-revoked", "the chain says revoked")
    if certificate.status is CertificateStatus.SUPERSEDED:
        by = certificate.superseded_by.hex() if certificate.superseded_by else "another"
        raise VerificationFailed("certificate-superseded", f"the chain says superseded by {by}",
                                 hint="ask for the file of the statement that supersedes it")
    if record.status != piece.status.label:
        raise VerificationFailed("certificate-status", f"the file says {record.status}, the chain "
                                 f"{piece.status.label}", where="certificate.json")
    if record.owner != piece.owner:
        raise VerificationFailed("certificate-owner", f"the file says {record.owner}, the chain {piece.owner}",
                                 where="certificate.json")
    retired = record.retirement
    digest = retirement_digest(retired.purpose, retired.beneficiary, retired.start, retired.end) if retired else None
    if digest != piece.retirement:
        raise VerificationFailed("certificate-retirement", "purpose, beneficiary or period are others on the chain",
                                 where="certificate.json")


def _note_state(case: Case, certificate: CertificateState, piece: PieceState) -> None:
    """What a holder or buyer must see of a piece, whatever the verdict on the file."""
    states = {
        "piece-split": piece.status is PieceStatus.SPLIT, "piece-retired": piece.status is PieceStatus.RETIRED,
        "piece-pledged": piece.pledgee is not None, "piece-short": certificate.short > 0,
        "piece-superseded": certificate.status is CertificateStatus.SUPERSEDED,
        "piece-revoked": certificate.status is CertificateStatus.REVOKED,
    }
    for code in (code for code, applies in states.items() if applies):
        case.notice(code)


def _burdens(certificate: CertificateState, piece: PieceState) -> str:
    pledged = f", pledged to {piece.pledgee}" if piece.pledgee else ""
    return pledged + (f", {certificate.short} units of it short" if certificate.short else "")


def _check_fields(case: Case, record: CertificateRecord, certificate: CertificateState, words: ProvenWords) -> None:
    statement = case.statement
    pairs = {
        "claim": (certificate.claim_hash, statement.claim),
        "exclusivity key": (certificate.exclusivity_key, statement.exclusivity_key),
        "subject": (certificate.subject, chain_id_of(statement.subject)),
        "holder": (certificate.holder, case.claim.holder),
        "kind": (certificate.kind, int(statement.kind)),
        "amount": (certificate.amount, statement.amount),
        "live certificate": (words[live_slot(statement.exclusivity_key)],
                             int.from_bytes(record.payload_digest, "big")),
    }
    if case.opinion:
        pairs["verifier"] = (certificate.verifier, chain_id_of(case.opinion.verifier))
    for reference in statement.external_refs:
        pairs[reference] = (words[reference_slot(reference)], int.from_bytes(record.payload_digest, "big"))
    wrong = [name for name, (found, stated) in pairs.items() if found != stated]
    if wrong:
        raise VerificationFailed("certificate-fields", f"the chain holds another {', '.join(wrong)}")
    if record.u0 < certificate.first:
        raise VerificationFailed("certificate-units", f"units below {certificate.first} were withheld")


def _check_marks(case: Case, record: CertificateRecord, words: ProvenWords) -> None:
    """The intervals spent are the statement's, and each mark has passed its interval and balances."""
    intervals = case.statement.intervals
    spent = decode_spent(record.payload_digest, len(intervals), words)
    found = [(item.mark, item.start, item.end) for item in spent]
    stated = [(chain_id_of(item.mark), item.start, item.end) for item in intervals]
    if words[spent_slots(record.payload_digest, 0)[0]] != len(intervals) or found != stated:
        raise VerificationFailed("mark-mismatch", "the chain spent other intervals")
    for interval in intervals:
        mark = decode_mark(interval.mark, words)
        if mark is None or mark.org != chain_id_of(case.statement.subject) or mark.position < interval.end:
            raise VerificationFailed("mark-mismatch", "the mark is another's, or has not passed the interval",
                                     where=interval.mark)
        if words[debt_slot(interval.mark, int(case.statement.kind))]:
            case.notice("debt")
        if words[hole_slot(interval.mark, interval.start)]:
            raise VerificationFailed("mark-mismatch", "the interval is a public hole", where=interval.mark)
        if not mark.opening <= interval.start or not mark.conserved:
            raise VerificationFailed("mark-mismatch", "the mark does not balance, or opened after the interval",
                                     where=interval.mark)


def _check_age(case: Case, fact: StorageFact) -> None:
    if case.trust.max_age is None:
        return
    if case.now is None:
        raise NotChecked("clock-absent", "the trust list sets a greatest age, and no clock was given")
    if case.now - fact.header.timestamp > case.trust.max_age:
        raise VerificationFailed("status-stale", f"the status is of {instant_text(fact.header.timestamp)}",
                                 hint="ask for the file again: the certificate may have changed hands since")
