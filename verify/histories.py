"""Histories against the manifest: whole up to its heads, absent where it says so, and whose keys follow from them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from attestation import manifest as manifests
from attestation.dispute import history_of, parse_dispute
from attestation.envelope import REGISTRATIONS, verify_envelope
from attestation.history import History, Participant, participant_at, participant_key, read_history
from attestation.manifest import FRAMES, STATEMENT, Manifest
from attestation.registration import CLAIM_POINT, DEVICE, METER, PARTICIPANT, parse_registration
from core.errors import NotFound, VerificationFailed
from core.signatures import key_id
from verify.case import Case
from verify.model import Absence, Entry, Row, Rows
from verify.sources import register_sources
from verify.trust import key_by_id

_DISPUTE = "dispute:"


def check_manifest(case: Case, needed: Collection[str]) -> None:
    """Passes when the manifest covers the statement and every history in the file, or its absence.

    `needed`: subjects whose histories must be there. Raises VerificationFailed (manifest-…, history-…, inclusion-…,
    statement-superseded).
    """
    evidence, manifest = case.evidence, case.manifest
    if manifest.origin != case.trust.origin:
        raise VerificationFailed("manifest-origin", f"the manifest is of the log {manifest.origin[:80]!r}")
    if (evidence.statement.index or 0) >= manifest.size or (evidence.manifest.index or 0) < manifest.size:
        raise VerificationFailed("manifest-too-early", f"the manifest covers entries below {manifest.size}",
                                 where=evidence.statement.where)
    for subject in sorted(needed):
        if subject not in evidence.histories:
            raise VerificationFailed("history-missing", "the file holds no history of this subject", where=subject)
    for row in evidence.rows.rows.values():
        _verify_row(manifest, row)
    for absence in evidence.rows.absent.values():
        _verify_absence(manifest, absence)
    _check_newest(case)
    for subject, entries in evidence.histories.items():
        _check_whole(manifest, evidence.rows, subject, entries)
    for gateway in evidence.frames:
        _row_or_absence(evidence.rows, FRAMES + gateway)
        if history_of(gateway) not in evidence.histories:
            _check_whole(manifest, evidence.rows, history_of(gateway), ())


def _verify_row(manifest: Manifest, row: Row) -> None:
    try:
        manifests.verify_row(manifest, manifests.Row(row.subject, row.head, row.count), row.position, row.path)
    except VerificationFailed:
        raise VerificationFailed("manifest-root", "the row does not stand under the manifest's root",
                                 where=row.subject) from None


def _verify_absence(manifest: Manifest, absence: Absence) -> None:
    """Rows are sorted, so a subject is absent when its would-be neighbours are adjacent."""
    before, after = absence.before, absence.after
    for row in (before, after):
        if row is not None:
            _verify_row(manifest, row)
    position = before.position + 1 if before else 0
    adjacent = (after.position if after else manifest.rows) == position
    subject = absence.subject.encode()
    between = (before is None or before.subject.encode() < subject) and (
        after is None or subject < after.subject.encode())
    if not adjacent or not between:
        raise VerificationFailed("manifest-root", "the neighbours given do not show that the subject is absent",
                                 where=absence.subject)


def _row_or_absence(rows: Rows, subject: str) -> Row | None:
    if subject in rows.rows:
        return rows.rows[subject]
    if subject in rows.absent:
        return None
    raise VerificationFailed("manifest-row-missing", "neither a row nor its absence is proven", where=subject)


def _check_newest(case: Case) -> None:
    subject = STATEMENT + case.statement.exclusivity_key.hex()
    row = _row_or_absence(case.evidence.rows, subject)
    if row is None or row.head != case.evidence.statement.envelope.digest:
        raise VerificationFailed("statement-superseded", "the manifest knows a newer statement of this key",
                                 where=subject, hint="ask for the statement that supersedes this one")


def _check_whole(manifest: Manifest, rows: Rows, subject: str, entries: tuple[Entry, ...]) -> None:
    covered = [entry for entry in entries if entry.index is not None and entry.index < manifest.size]
    row = _row_or_absence(rows, subject)
    known = (row.count, row.head) if row else (0, None)
    if (len(covered), covered[-1].envelope.digest if covered else None) != known:
        raise VerificationFailed("history-incomplete", f"the manifest counts {known[0]} entries, the file holds "
                                 f"{len(covered)} of them", where=subject,
                                 hint="an entry was left out, or is not the one in the log")


def histories_of(case: Case) -> dict[str, History]:
    """Subject → history of every registration history in the file, signed by trusted registrars.

    Raises VerificationFailed (registrar-untrusted, signature-…, history-…, entry-type), FormError (registration-…).
    """
    found: dict[str, History] = {}
    for subject, entries in case.evidence.histories.items():
        if subject.startswith(_DISPUTE):
            _check_disputes(subject, entries)
            continue
        for entry in entries:
            _verify_registration(case, entry)
        history = read_history([(entry.index or 0, entry.envelope.payload) for entry in entries])
        if history.subject != subject:
            raise VerificationFailed("entry-type", "the history is of another subject", where=subject)
        found[subject] = history
    for subject, kind in _kinds(case):
        if subject not in found or found[subject].entries[0].registration.kind != kind:
            raise VerificationFailed("entry-type", f"this is no {kind}", where=subject)
    return found


def _kinds(case: Case) -> Iterator[tuple[str, str]]:
    """(subject, what it must be registered as) of every history that the steps read something from."""
    yield case.claim.subject, PARTICIPANT
    if case.opinion:
        yield case.opinion.verifier, PARTICIPANT
    for gateway in case.evidence.frames:
        yield gateway, DEVICE
    for source in register_sources(case.evidence.details):
        yield source.meter, METER
        if source.mark is not None:
            yield source.mark, CLAIM_POINT


def _verify_registration(case: Case, entry: Entry) -> None:
    if entry.envelope.content_type not in REGISTRATIONS:
        raise VerificationFailed("entry-type", f"{entry.envelope.content_type} is no registration", where=entry.where)
    parse_registration(entry.envelope.payload, entry.envelope.content_type)
    key = key_by_id(case.trust.registrars, entry.envelope.kid)
    if key is None:
        raise VerificationFailed("registrar-untrusted", "signed by a key that the trust list does not name as a "
                                 "registrar's", where=entry.where)
    verify_envelope(entry.envelope, case.trust.origin, key)


def _check_disputes(subject: str, entries: tuple[Entry, ...]) -> None:
    """The chain of a gateway's disputes; the node's signatures are checked with its other ones."""
    last: bytes | None = None
    for seq, entry in enumerate(entries):
        dispute = parse_dispute(entry.envelope.payload)
        if (dispute.seq, dispute.prev) != (seq, last) or history_of(dispute.gateway) != subject:
            raise VerificationFailed("history-chain", f"dispute {seq} does not follow", where=subject)
        last = entry.envelope.digest


def participants_of(histories: Mapping[str, History]) -> list[History]:
    """The histories of organisations."""
    return [history for history in histories.values() if history.entries[0].registration.kind == PARTICIPANT]


def key_ids(history: History) -> set[bytes]:
    """Ids of every key that an organisation ever registered."""
    return {key_id(key["public_key"]) for _, entry in history.entries for key in entry.fields.get("keys", ())}


class NodeKeys:
    """Keys of organisations registered in the role of a node, as of an entry's index."""

    def __init__(self, participants: list[History], origin: str) -> None:
        self._participants = participants
        self._origin = origin

    def verify(self, entry: Entry, use: str, instant: int) -> None:
        """Passes when a node signed the entry with a key registered for `use` and valid then.

        Raises VerificationFailed (signer-unknown, participant-…, key-unknown, signature-…).
        """
        node = self._owner(entry)
        key = participant_key(node, entry.envelope.kid, use, instant)
        verify_envelope(entry.envelope, self._origin, key)

    def _owner(self, entry: Entry) -> Participant:
        for history in self._participants:
            if entry.envelope.kid in key_ids(history):
                return self._as_node(history, entry)
        raise VerificationFailed("signer-unknown", "no organisation in the file has this key", where=entry.where)

    def _as_node(self, history: History, entry: Entry) -> Participant:
        try:
            participant = participant_at(history, entry.index or 0)
        except NotFound as error:
            raise VerificationFailed("signer-not-valid", error.message, where=entry.where) from None
        if "node" not in participant.roles:
            raise VerificationFailed("signer-not-valid", f"{participant.org} is no node", where=entry.where)
        return participant
