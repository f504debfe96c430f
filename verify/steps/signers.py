"""Step 5: every envelope is signed by a key that was valid at its index, by its subject's whole history.

What "whole" means is the manifest's word, so the manifest itself must be confirmed: by the opinion that names it (its
signature, checked in step 9, covers that), or by the caller who recomputed it from all entries.
"""

from __future__ import annotations

from collections.abc import Mapping

from attestation import envelope
from attestation.dispute import history_of
from attestation.envelope import verify_envelope
from attestation.frame import link_of
from attestation.history import History, check_grant, key_at, source_notices
from core.errors import VerificationFailed
from verify.case import Case
from verify.frame_chains import with_index
from verify.histories import NodeKeys, check_manifest, histories_of, participants_of
from verify.model import Entry, FrameItem
from verify.report import NotChecked
from verify.sources import register_sources, subjects_of
from verify.surplus import check_histories
from verify.trust import key_by_id

# Envelopes that the node signs as received or as made, and the use its key must be registered for.
NODE_USES = {envelope.STATEMENT: "statement", envelope.CLAIM: "claim", envelope.OPINION: "opinion",
             envelope.MANIFEST: "manifest", envelope.DISPUTE: "dispute"}


def check(case: Case) -> str:
    """Raises VerificationFailed, NotChecked (manifest-unconfirmed)."""
    needed = needed_subjects(case)
    check_manifest(case, needed)
    histories = histories_of(case)
    node = NodeKeys(participants_of(histories), case.trust.origin)
    for entry in _node_entries(case):
        node.verify(entry, NODE_USES[entry.envelope.content_type], _instant(case, entry))
    _check_release(case)
    for gateway, chain in case.evidence.frames.items():
        _check_frames(case.trust.origin, chain, histories[gateway])
    check_histories(case, needed, histories)
    case.laid_histories = histories
    _note_origins(case, histories)
    _check_confirmed(case)
    return (f"{len(histories)} histories whole as of index {case.manifest.size}, "
            f"{len(case.evidence.entries())} signatures hold")


def needed_subjects(case: Case) -> set[str]:
    """Subjects whose histories the file must hold; the node's is found by its key."""
    needed = {case.claim.subject, *case.evidence.frames}
    if case.opinion:
        needed.add(case.opinion.verifier)
    return needed | subjects_of(register_sources(case.evidence.details))


def _node_entries(case: Case) -> list[Entry]:
    evidence = case.evidence
    disputes = [entry for gateway in evidence.frames for entry in evidence.histories.get(history_of(gateway), ())]
    single = [evidence.statement, evidence.claim, evidence.manifest, evidence.opinion]
    return [entry for entry in (*single, *disputes) if entry is not None]


def _instant(case: Case, entry: Entry) -> int:
    """When the node's key must have been valid: the opinion's date for what came with it, else the manifest's time."""
    if case.opinion is not None and entry is case.evidence.opinion:
        return case.opinion.date
    return case.manifest.time


def _check_release(case: Case) -> None:
    release = case.evidence.release
    if release is None:
        return
    key = key_by_id(case.trust.rule_publishers, release.envelope.kid)
    if key is None:
        raise VerificationFailed("publisher-untrusted", "the release is signed by a key the trust list does not name",
                                 where=release.where)
    verify_envelope(release.envelope, case.trust.origin, key)


def _check_frames(origin: str, chain: tuple[FrameItem, ...], history: History) -> None:
    """A frame is judged at the index of the next proven one, which commits to it through the chain of prev."""
    for item, index in with_index(history.subject, chain):
        grant = key_at(history, item.entry.envelope.kid, index)
        check_grant(grant, link_of(item.frame, item.entry.envelope.payload))
        verify_envelope(item.entry.envelope, origin, grant.public_key)


def _note_origins(case: Case, histories: Mapping[str, History]) -> None:
    """Says aloud which register inputs were not metered, by the registrar's word, whatever the statement says."""
    period = case.statement.period
    for source in register_sources(case.evidence.details):
        since = source.opening.time if source.opening else period.start
        for code in sorted(source_notices(histories[source.meter], min(since, period.start), period.end)):
            case.notice(code)


def _check_confirmed(case: Case) -> None:
    digest = case.evidence.manifest.envelope.digest
    if case.opinion is not None and case.opinion.manifest != digest:
        raise VerificationFailed("manifest-mismatch", "the opinion names another manifest",
                                 where=case.evidence.manifest.where)
    if digest in case.confirmed or (case.opinion is not None and case.opinion.manifest_confirmed):
        return
    raise NotChecked("manifest-unconfirmed", "that no entry was left out is the node's word alone",
                     hint="a verifier recomputes the manifest from all entries before signing")
