"""Gathers what a printed certificate shows from this node's database."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Row, select

from attestation import registry
from attestation.history import claim_point_at, profile_at, source_notices
from certificates import mirror, store
from certificates.export import retirement_of
from certificates.lifecycle import Beneficiary
from certificates.parties import party, party_of
from certificates.report import AnchorFact, CertificateReport, Device, Retirement
from certificates.wording import DIRECTIONS, ORIGINS, Words
from core.claims import ClaimDocument, MeterInput
from core.errors import FormError, NotFound
from core.numbers import parse_decimal
from core.period import Period, parse_instant
from ledger import log
from mrv.definitions.ruleset import RuleSet

DEVELOPMENT_CHAIN_ID = 31_337


def certificate_report(
    connection: Connection, piece: bytes, *, rules: RuleSet, size: int, anchor: AnchorFact | None, check_url: str,
    now: int, notices: Iterable[str] = (),
) -> CertificateReport:
    """The report of a piece. `size`: the checkpoint whose root is printed; `notices`: codes of the deployment to add.

    Raises NotFound (piece-unknown, statement-unknown, opinion-missing, log-not-sealed).
    """
    row, status = _piece(connection, piece)
    stored = store.statement(connection, row.digest)
    claim = store.claim(connection, stored.claim_digest).document
    opinion = store.opinion_on(connection, row.digest).document
    fields = stored.fields
    added = {*notices, *_origins(connection, claim, stored.log_index)}
    return CertificateReport(
        id=piece, kind=claim.kind, status=status, first=row.first, last=row.last, unit=opinion.unit,
        result=parse_decimal(fields["result"]["value"]), result_unit=fields["result"]["unit"],
        subject=party(connection, claim.subject), holder=party_of(connection, row.owner), boundary=claim.boundary,
        period=claim.period, methodology=claim.methodology, methodology_title=_title(rules, claim),
        rules=bytes.fromhex(fields["rules"]), intervals=claim.intervals,
        devices=tuple(_device(connection, mark, stored.log_index) for mark in _marks(claim)),
        verifier=party(connection, opinion.verifier), opinion=opinion, origin=claim.origin, statement=stored.digest,
        log_index=stored.log_index, size=size, root=log.root_at(connection, size), anchor=anchor,
        notices=_notices(claim, fields["notices"], opinion.notices, anchor, opinion.manifest_confirmed, added),
        check_url=check_url, as_of=now,
        retirement=_retirement(connection, piece, claim.period.zone) if status == "retired" else None)


def _piece(connection: Connection, piece: bytes) -> tuple[Row[Any], str]:
    """The piece and what it is worth: its own state, or that of a certificate that no longer stands."""
    row = connection.execute(select(mirror.PIECES).where(mirror.PIECES.c.id == piece)).first()
    if row is None:
        raise NotFound("piece-unknown", "no such piece was ever issued here", where=piece.hex(),
                       hint="check the number; a certificate of another registry is not known here")
    certificate = connection.execute(
        select(mirror.CERTIFICATES.c.status).where(mirror.CERTIFICATES.c.digest == row.digest)).scalar_one()
    if row.status != "live":
        return row, row.status
    if certificate == "live" and row.pledgee:
        return row, "pledged"
    return row, certificate


def _title(rules: RuleSet, claim: ClaimDocument) -> Words:
    methodology = rules.methodologies.get(f"{claim.methodology.id}@{claim.methodology.version}")
    title = methodology.title if methodology else {}
    return Words(title.get("zh", claim.methodology.id), title.get("en", claim.methodology.id))


def _marks(claim: ClaimDocument) -> list[str]:
    """The marks spent, each once; those of time have no device."""
    return [mark for mark in dict.fromkeys(span.mark for span in claim.intervals) if mark.startswith("cp:")]


def _device(connection: Connection, mark: str, index: int) -> Device:
    point = claim_point_at(registry.history(connection, mark), index)
    profile = profile_at(registry.history(connection, point.meter), point.first_reading.time)
    if profile is None:
        raise NotFound("meter-unknown", "the meter had no profile at the claim point's first reading",
                       where=point.meter, hint="register the meter's profile before its claim point")
    return Device(mark, point.grid_point, point.meter_serial, DIRECTIONS[profile.direction], point.capacity_w,
                  point.first_reading.time, ORIGINS[profile.origin])


def _origins(connection: Connection, claim: ClaimDocument, index: int) -> set[str]:
    """What the meters of a claim are registered as, when they are not plain meters."""
    meters = {item.meter for items in claim.inputs.values() for item in items if isinstance(item, MeterInput)}
    marks = {*_marks(claim), *(meter for meter in meters if meter.startswith("cp:"))}
    meters = meters - marks | {claim_point_at(registry.history(connection, mark), index).meter for mark in marks}
    period = claim.period
    return {code for meter in meters
            for code in source_notices(registry.history(connection, meter), period.start, period.end)}


def _notices(claim: ClaimDocument, stated: Iterable[str], opined: Iterable[str], anchor: AnchorFact | None,
             confirmed: bool, added: Iterable[str]) -> tuple[str, ...]:
    codes = {*stated, *opined, *added}
    if claim.domain.chain_id == DEVELOPMENT_CHAIN_ID:
        codes.add("development-chain")
    if anchor is None:
        codes.add("anchor-pending")
    if not confirmed:
        codes.add("manifest-unconfirmed")
    return tuple(sorted(codes))


def _retirement(connection: Connection, piece: bytes, zone: str) -> Retirement:
    use = retirement_of(connection, piece)
    events = mirror.EVENTS
    row = connection.execute(select(events.c.time, events.c.data).where(
        events.c.piece == piece, events.c.name == "CertificateRetired")).first()
    assert row is not None
    try:
        who = Beneficiary.from_text(use["beneficiary"])
    except FormError:
        # Another wallet may have written any text: it is shown as it stands.
        who = Beneficiary(use["beneficiary"], "-", "-", "-")
    period = Period(parse_instant(use["start"]), parse_instant(use["end"]), zone)
    return Retirement(use["purpose"], who.name, who.id, who.country, who.place, period, row.time,
                      json.loads(row.data)["owner"])
