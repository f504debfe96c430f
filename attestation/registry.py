"""Registrations as accepted. The registrar's keys are the deployment's trust, not the log's."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, func, insert, select
from sqlmodel import col

from attestation.envelope import REGISTRATIONS, open_envelope, verify_envelope
from attestation.history import History, extend
from attestation.models import BlockRow, DisputeRow, RegistrationRow
from attestation.refold import refold
from attestation.registration import METER, Registration, parse_registration
from attestation.subjects import SELECT_SUBJECTS, DatabaseRegistry
from core.errors import Forbidden, FormError, NotFound, Refused, VerificationFailed
from core.signatures import key_id


def judge_registration(connection: Connection, envelope: bytes, origin: str, registrars: Sequence[bytes],
                       index: int) -> Registration:
    """The registration of an envelope, when it may become log entry `index`. `registrars`: public keys in DER.

    Raises FormError, VerificationFailed (signature), Forbidden (registrar-unknown), Refused (history-…; `expected_seq`
    and `expected_prev` in the detail).
    """
    opened = open_envelope(envelope)
    if opened.content_type not in REGISTRATIONS:
        raise FormError("registration-content-type", f"{opened.content_type} is not a registration")
    key = next((key for key in registrars if key_id(key) == opened.kid), None)
    if key is None:
        raise Forbidden("registrar-unknown", "the key is not one of a registrar of this deployment")
    verify_envelope(opened, origin, key)
    registration = parse_registration(opened.payload, opened.content_type)
    known = DatabaseRegistry(connection).get(registration.subject)
    try:
        extend(known.history if known else None, index, registration)
    except VerificationFailed as error:
        raise Refused(error.code, error.message, where=error.where, hint=error.hint, **error.detail) from None
    return registration


def record_registration(connection: Connection, index: int, registration: Registration) -> None:
    """Keep an accepted registration, in the transaction that appended it at `index`.

    What it says about times that were already read is applied to them: flags it answers go away.
    """
    connection.execute(insert(RegistrationRow), [{
        "subject": registration.subject, "seq": registration.seq, "kind": registration.kind, "log_index": index,
        "payload": registration.payload}])
    if registration.kind == METER and _has_blocks(connection, registration.subject):
        refold(connection, [registration.subject])


def _has_blocks(connection: Connection, meter: str) -> bool:
    query = select(col(BlockRow.meter)).where(col(BlockRow.meter) == meter).limit(1)
    return connection.execute(query).first() is not None


def history(connection: Connection, subject: str) -> History:
    """The whole history of a subject. Raises NotFound (subject-unknown)."""
    known = DatabaseRegistry(connection).get(subject)
    if known is None:
        raise NotFound("subject-unknown", "nobody registered this subject", where=subject)
    return known.history


def subjects(connection: Connection, kind: str) -> list[str]:
    """The ids of all subjects of a kind (device, meter, claim-point, participant), sorted."""
    return [row[0] for row in connection.execute(SELECT_SUBJECTS, {"kind": kind})]


def registrations(connection: Connection) -> int:
    """How many registrations there are."""
    return int(connection.execute(select(func.count()).select_from(RegistrationRow)).scalar_one())


def disputes(connection: Connection, gateway: str) -> list[tuple[int, bytes]]:
    """(log index, payload) of a gateway's disputes, in order."""
    query = (select(col(DisputeRow.log_index), col(DisputeRow.payload)).where(col(DisputeRow.gateway) == gateway)
             .order_by(col(DisputeRow.seq)))
    return [(row[0], row[1]) for row in connection.execute(query)]
