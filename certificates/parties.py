"""Organisations behind addresses and ids, as registered."""

from __future__ import annotations

from sqlalchemy import Connection

from attestation import registry
from attestation.history import Participant, participant_at
from certificates.report import Party
from certificates.wording import Words
from core.errors import NotFound, VerificationFailed
from core.ethereum import parse_address
from ledger import log


def participant(connection: Connection, org: str, index: int | None = None) -> Participant:
    """An organisation as registered before a log index (None: now). Raises NotFound, VerificationFailed."""
    at = log.size(connection) if index is None else index
    return participant_at(registry.history(connection, org), at)


def owner_of(connection: Connection, address: str) -> Participant | None:
    """The organisation an account belongs to now; None when no registration names it."""
    wanted = parse_address(address)
    for org in registry.subjects(connection, "participant"):
        try:
            found = participant(connection, org)
        except VerificationFailed:
            continue
        if wanted in {parse_address(account) for account in found.accounts}:
            return found
    return None


def party(connection: Connection, org: str, address: str = "") -> Party:
    """An organisation as a page names it; by its id alone when its registration was revoked."""
    try:
        name = participant(connection, org).name
    except (NotFound, VerificationFailed):
        return Party(org, Words(org, org), address)
    return Party(org, Words(name["zh"], name["en"]), address)


def party_of(connection: Connection, address: str) -> Party:
    """The organisation behind an account; the account alone when nobody registered it."""
    found = owner_of(connection, address)
    if found is None:
        return Party(address, Words("未登记账户", "Unregistered account"), address)
    return Party(found.org, Words(found.name["zh"], found.name["en"]), address)
