"""Step 1: the container is canonical, members match their hashes, and every member parses."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from attestation import envelope
from attestation.manifest import parse_manifest
from core.claims import parse_claim
from core.errors import CarbonSealError, FormError
from core.opinions import parse_opinion
from ledger import checkpoint
from verify.case import Case
from verify.model import Entry
from verify.parse import parse_evidence
from verify.report import AsOf
from verify.statement import parse_statement
from verify.trust import Trust

Document = TypeVar("Document")


def open_case(data: bytes, trust: Trust, now: int | None, confirmed: frozenset[bytes]) -> Case:
    """The case of a file's bytes. Raises InputError when this is no evidence file at all, otherwise FormError."""
    evidence = parse_evidence(data)
    manifest = _document(evidence.manifest, envelope.MANIFEST, parse_manifest)
    return Case(
        evidence=evidence, trust=trust, now=now, confirmed=confirmed, manifest=manifest,
        checkpoint=checkpoint.parse(evidence.checkpoint),
        statement=_document(evidence.statement, envelope.STATEMENT, parse_statement),
        claim=_document(evidence.claim, envelope.CLAIM, parse_claim),
        opinion=_document(evidence.opinion, envelope.OPINION, parse_opinion) if evidence.opinion else None,
        as_of=AsOf(manifest.size))


def _document(entry: Entry, content_type: str, parse: Callable[[bytes], Document]) -> Document:
    if entry.envelope.content_type != content_type:
        raise FormError("entry-type", f"{entry.envelope.content_type} where {content_type} belongs", where=entry.where)
    try:
        return parse(entry.envelope.payload)
    except CarbonSealError as error:
        error.where = f"{entry.where}: {error.where}" if error.where else entry.where
        raise


def check(case: Case) -> str:
    """What a passed step 1 says: `open_case` has checked it, or there would be no case."""
    evidence = case.evidence
    frames = sum(map(len, evidence.frames.values()))
    blocks = sum(map(len, evidence.blocks.values()))
    return f"level {evidence.level}, {len(evidence.proofs)} proofs, {frames} frames, {blocks} blocks"
