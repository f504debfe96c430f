"""The chain's words in a file: which storage slots a status needs, and reading them only where they are proven."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from core.errors import FormError, VerificationFailed
from ledger.anchor.evidence import StorageFact
from ledger.anchor.header import parse_header
from ledger.anchor.layout import (
    certificate_slots,
    debt_slot,
    hole_slot,
    live_slot,
    mark_slots,
    piece_id,
    piece_slots,
    reference_slot,
    spent_slots,
)
from verify.statement import StatementDocument
from verify.trust import ChainTrust


class ProvenWords(Mapping[int, int]):
    """Storage words by slot; asking for one that is not proven raises VerificationFailed (slot-not-proven)."""

    def __init__(self, fact: StorageFact) -> None:
        self._fact = fact

    def __getitem__(self, slot: int) -> int:
        return self._fact.word(slot)

    def __iter__(self) -> Iterator[int]:
        return iter(self._fact.words)

    def __len__(self) -> int:
        return len(self._fact.words)


def status_slots(statement: StatementDocument, payload_digest: bytes, u0: int, u1: int) -> list[int]:
    """The CertificateRegistry slots that status.json proves for the piece [u0, u1) of a statement; sorted, unique."""
    slots = {*certificate_slots(payload_digest), *piece_slots(piece_id(payload_digest, u0, u1)),
             *spent_slots(payload_digest, len(statement.intervals)), live_slot(statement.exclusivity_key)}
    for interval in statement.intervals:
        slots |= {*mark_slots(interval.mark), hole_slot(interval.mark, interval.start),
                  debt_slot(interval.mark, int(statement.kind))}
    return sorted(slots | {reference_slot(reference) for reference in statement.external_refs})


def validators_for(document: Mapping[str, Any], trust: ChainTrust) -> tuple[str, ...] | None:
    """The trusted validators of a document's block; None on a development chain, where nobody seals blocks.

    Raises FormError (header-malformed), VerificationFailed (validators-unpinned).
    """
    if not trust.validators:
        return None
    if "header" not in document:
        raise FormError("header-malformed", "chain evidence needs a block header")
    validators = trust.validators_at(parse_header(document["header"]).number)
    if not validators:
        raise VerificationFailed("validators-unpinned", "the trust list pins no validators for this block",
                                 hint="follow the votes from a set you trust, and pin the set of this block")
    return validators
