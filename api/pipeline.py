"""The node's data path, top to bottom: accept, append, seal, anchor; claim, calculate, manifest, review, issue.

Each step is idempotent and begins from what the database holds, so recovery after a crash is the same steps run again:
what is done is found done. `steps` is told each durable step by name before (False) and after (True) it happens.

Who runs them: accept the writer's thread (`api/writer.py`); seal the `Sealer`; anchor, follow_chain and deliver the
`ChainFollower` (`api/sealer.py`); calculate and issue jobs that `api/routes/claims.py` queues (`api/tasks.py`); the
rest the request that asks.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from datetime import date, datetime
from hashlib import sha256
from itertools import islice
from typing import Any

from sqlalchemy import Connection

from api import anchoring, entries, evidence, plans, quality
from api.anchoring import Anchored
from api.chain import ChainLink
from api.deployment import Deployment, appending, check_writer
from api.entries import StoredEntry
from api.gather import gather, items_of
from api.writer import FrameAnswer
from attestation import acceptance, registry, rows
from attestation import envelope as envelopes
from attestation.acceptance import Decision
from attestation.envelope import CLAIM, DISPUTE, MANIFEST, OPINION, RULES, STATEMENT, open_envelope, verify_envelope
from attestation.frame import Submission, read_submissions
from attestation.history import Participant, participant_at, source_notices
from attestation.manifest import ManifestFold, check_rows, manifest_payload, parse_manifest
from attestation.registration import parse_registration
from certificates import claim as claims
from certificates import issue as issuing
from certificates import mirror, outbox, store
from certificates import opinion as opinions
from certificates.blocks import Block
from certificates.outbox import Intent
from certificates.store import StoredClaim, StoredOpinion, StoredStatement
from core import jcs
from core.claims import chain_claim, parse_claim
from core.database import reading, transaction
from core.documents import contract_domain, interval_json
from core.errors import CarbonSealError, Forbidden, NotFound, Refused, Unavailable
from core.ethereum import Domain
from core.fields import mapping
from core.merkle import leaf_hash
from core.opinions import Judgement, OpinionDocument, parse_opinion
from core.period import Period, time_zone
from core.signatures import key_id
from ledger import log
from ledger.checkpoint import Checkpoint
from mrv.authoring import catalogue
from mrv.calculation.run import run
from mrv.calculation.statement import SALT_BYTES, Context, build, check_certifiable, records_of
from mrv.definitions.dates import days_of
from mrv.definitions.ruleset import RELEASE_SCHEMA, listing, listing_root
from verify.sources import sources_of, subjects_of

# Sealing and anchoring, or calculating, again when somebody came between; more often than this, others are at work.
_ROUNDS = 5

Steps = Callable[[str, bool], None]


def quiet(_step: str, _done: bool) -> None:
    """Nobody watches."""


@contextmanager
def durable(steps: Steps, name: str) -> Iterator[None]:
    """One durable step, reported before and after."""
    steps(name, False)
    yield
    steps(name, True)


# accept, append -------------------------------------------------------------------------------------------------------

def accept(deployment: Deployment, generation: int, bodies: Sequence[bytes],
           steps: Steps = quiet) -> list[list[FrameAnswer] | CarbonSealError]:
    """Judge and append the frames of several bodies in one durable transaction; an answer for each body.

    A body that is no sequence of submissions is answered with its error and does not stop the others.
    Raises Unavailable (database-…), Refused (writer-superseded, log-rolled-back): then nothing of any body was kept.
    """
    opened = [_open_body(body) for body in bodies]
    submissions = [item for group in opened if isinstance(group, list) for item in group]
    with durable(steps, "append"), appending(deployment) as connection:
        check_writer(connection, generation)
        decisions = acceptance.judge(connection, submissions, deployment.clock, deployment.origin)
        appended = log.append(connection, [each.submission.envelope for each in decisions if each.appends])
        acceptance.record(connection, decisions, appended)
        for payload in acceptance.disputes_of(connection, decisions, deployment.clock.now()):
            at = entries.append_signed(connection, deployment.node_signer, DISPUTE, payload, deployment.origin)
            acceptance.record_dispute(connection, at, payload)
    answers = iter([_answer(decision) for decision in decisions])
    return [group if isinstance(group, CarbonSealError) else list(islice(answers, len(group))) for group in opened]


def _open_body(body: bytes) -> list[Submission] | CarbonSealError:
    try:
        return list(read_submissions(body))
    except CarbonSealError as error:
        return error


def _answer(decision: Decision) -> FrameAnswer:
    kind = "disputed" if decision.outcome == acceptance.Outcome.EQUIVOCATION else str(decision.outcome)
    readings = decision.frame.reading_count if decision.frame and decision.appends else 0
    return FrameAnswer(kind, decision.index, decision.error, readings)


# register: devices, meters, claim points, participants, rules ---------------------------------------------------------

def register(deployment: Deployment, envelope: bytes, steps: Steps = quiet) -> int:
    """Take a registrar's signed registration; its log index. The same one again gives the same index.

    Raises FormError, Forbidden (registrar-unknown), VerificationFailed, Refused (history-…).
    """
    with durable(steps, "register"), appending(deployment) as connection:
        known = _registered(connection, envelope)
        if known is not None:
            return known
        index = log.size(connection)
        registration = registry.judge_registration(connection, envelope, deployment.origin,
                                                   deployment.trust.registrars, index)
        log.append(connection, [envelope])
        registry.record_registration(connection, index, registration)
    return index


def _registered(connection: Connection, envelope: bytes) -> int | None:
    opened = open_envelope(envelope)
    registration = parse_registration(opened.payload, opened.content_type)
    try:
        history = registry.history(connection, registration.subject)
    except NotFound:
        return None
    return next((entry.leaf_index for entry in history.entries
                 if entry.registration.digest == registration.digest), None)


def release_rules(deployment: Deployment, envelope: bytes, steps: Steps = quiet) -> StoredEntry:
    """Take a rule publisher's signed release of the rules that this node runs; the same one again changes nothing.

    Raises FormError, Forbidden (publisher-unknown), VerificationFailed, Refused (rules-differ).
    """
    opened = open_envelope(envelope)
    key = next((key for key in deployment.trust.rule_publishers if key_id(key) == opened.kid), None)
    if opened.content_type != RULES or key is None:
        raise Forbidden("publisher-unknown", "this is no release by a rule publisher of this deployment")
    verify_envelope(opened, deployment.origin, key)
    payload, own = mapping(jcs.parse(opened.payload), "release"), listing(catalogue.shipped())
    if payload.get("schema") != RELEASE_SCHEMA or payload.get("count") != str(len(own)) \
            or payload.get("root") != listing_root(own).hex():
        raise Refused("rules-differ", "the release does not name the rules that this node runs", where="root",
                      hint=f"run the version that was released; this node runs {len(own)} rules")
    with durable(steps, "release"), appending(deployment) as connection:
        known = entries.find(connection, RULES, opened.digest)
        if known is not None:
            return known
        index = log.append(connection, [envelope])[0]
        entries.record_rules(connection, opened.digest, own)
        return entries.record(connection, RULES, opened.payload, index)


# seal, anchor ---------------------------------------------------------------------------------------------------------

def seal(deployment: Deployment, steps: Steps = quiet) -> Checkpoint | None:
    """Sign a checkpoint over everything appended; None when there is nothing new, or another process was faster."""
    with durable(steps, "seal"), deployment.sealing:
        try:
            return log.seal(deployment.engine, deployment.log_signer, deployment.origin, deployment.clock,
                            lock=deployment.last_signed)
        except Refused as error:
            if error.code != "log-two-writers":
                raise
            return None


def anchor(deployment: Deployment, link: ChainLink, steps: Steps = quiet) -> Anchored | None:
    """Anchor the newest checkpoint, after anything the chain lost; None while nothing is sealed. Raises Unavailable."""
    with durable(steps, "anchor"), link.lock:
        link.ensure()
        anchors = link.anchors
        anchoring.restore_lost(deployment.engine, anchors, deployment.origin, link.chain.chain_id)
        return anchoring.anchor_newest(deployment.engine, anchors, deployment.origin)


def settle(deployment: Deployment, link: ChainLink, index: int, steps: Steps = quiet) -> Anchored:
    """Seal and anchor until the entry of this index is covered, on the chain as it is now; the newest anchor.

    What was anchored once may have been lost with the chain, so the chain is asked again. Another process that seals at
    the same moment may stop below the entry: then it is sealed again. Raises NotFound (entry-missing), Unavailable.
    """
    with reading(deployment.engine) as connection:
        if index >= log.size(connection):
            raise NotFound("entry-missing", f"the log has no entry {index}")
    for _ in range(_ROUNDS):
        with reading(deployment.engine) as connection:
            sealed = log.sealed_size(connection)
        if sealed <= index:
            seal(deployment, steps)
            continue
        anchored = anchor(deployment, link, steps)
        if anchored is not None and anchored.size > index:
            return anchored
    raise Unavailable("log-busy", f"entry {index} is not sealed and anchored yet", hint="try again in a moment")


def follow_chain(deployment: Deployment, link: ChainLink) -> Block | None:
    """Read what the chain's certificates did since last time, and remember its newest final block as a beacon.

    Raises Unavailable.
    """
    with link.lock:
        mirror.follow(deployment.engine, link.certificates, link.blocks)
        newest = link.blocks.block(link.blocks.head())
        if newest is not None:
            with transaction(deployment.engine) as connection:
                acceptance.record_beacon(connection, link.chain.chain_id, newest.number,
                                         bytes.fromhex(newest.hash.removeprefix("0x")), newest.time)
    return newest


# claim ----------------------------------------------------------------------------------------------------------------

def claim(deployment: Deployment, payload: bytes, steps: Steps = quiet) -> StoredClaim:
    """Take a claim that an enterprise signed; the same one again changes nothing.

    Raises FormError, Forbidden (claim-signer, claim-role), Refused (claim-context, claim-exclusive, …).
    """
    digest = sha256(payload).digest()
    with durable(steps, "claim"), appending(deployment) as connection:
        try:
            return store.claim(connection, digest)
        except NotFound:
            subject = participant(connection, parse_claim(payload).subject)
        document = claims.accept(payload, subject, origin=deployment.origin, domain=domain_of(deployment),
                                 now=deployment.clock.now())
        store.check_exclusive(connection, document)
        index = entries.append_signed(connection, deployment.node_signer, CLAIM, payload, deployment.origin)
        return store.record_claim(connection, payload, index)


def participant(connection: Connection, org: str) -> Participant:
    """An organisation as registered now. Raises NotFound (subject-unknown), VerificationFailed (participant-…)."""
    return participant_at(registry.history(connection, org), log.size(connection))


def domain_of(deployment: Deployment) -> Domain:
    """The EIP-712 domain of this deployment's claims and opinions."""
    chain = deployment.trust.chain
    return contract_domain(chain.id, chain.certificate_registry)


# calculate ------------------------------------------------------------------------------------------------------------

def calculate(deployment: Deployment, claim_digest: bytes, steps: Steps = quiet) -> StoredStatement:
    """Compute the statement of a claim and append it, once; then a manifest that covers it.

    Raises NotFound (claim-unknown), Refused (claim-differs, claim-exclusive), Unavailable (log-busy), and what
    gathering and the run raise.
    """
    statement = _calculated(deployment, claim_digest, steps)
    manifest(deployment, statement.log_index, steps)
    return statement


def _calculated(deployment: Deployment, claim_digest: bytes, steps: Steps) -> StoredStatement:
    for _ in range(_ROUNDS):
        with reading(deployment.engine) as connection:
            claimed, size = store.claim(connection, claim_digest), log.size(connection)
            try:
                return store.statement_of(connection, claim_digest)
            except NotFound:
                payload, details = _compute(deployment, connection, claimed)
        with durable(steps, "calculate"), appending(deployment) as connection:
            store.check_exclusive(connection, claimed.document)
            if not _registered_since(connection, details, size):
                envelope = envelopes.seal(deployment.node_signer, STATEMENT, payload, deployment.origin)
                index = log.append(connection, [envelope])[0]
                return store.record_statement(connection, payload, details, claim_digest, leaf_hash(envelope), index)
    raise Unavailable("log-busy", "registrations of its meters came in faster than the statement was computed",
                      hint="try again in a moment")


def _registered_since(connection: Connection, details: Sequence[Mapping[str, Any]], size: int) -> bool:
    """Whether a meter or claim point that the details read was registered anew at or after a log index.

    A reader takes their histories as of the statement's own index; what was computed without such an entry is not what
    the reader computes.
    """
    subjects = subjects_of(sources_of(detail["record"] for detail in details))
    return any(registry.history(connection, subject).entries[-1].leaf_index >= size for subject in subjects)


def _compute(deployment: Deployment, connection: Connection,
             claimed: StoredClaim) -> tuple[bytes, list[dict[str, Any]]]:
    document = claimed.document
    ruleset, at = catalogue.shipped(), _today(deployment, document.period.zone)
    methodology = ruleset.methodology(document.methodology.id, document.methodology.version, *days_of(document.period))
    if methodology.digest != document.methodology.digest:
        raise Refused("methodology-differs", "the claim was signed for another text of the methodology",
                      where=methodology.key, hint="claim again with the digest of the released one")
    release = entries.newest(connection, RULES)
    plan, _ = plans.in_force(connection, document)
    gathered = gather(connection, document, methodology, log.size(connection), ruleset, plan.plan if plan else None)
    result = run(ruleset, methodology.id, methodology.version, gathered.inputs, at)
    # First: what certifies nothing has no intervals either, and the claimant is to hear which it is.
    check_certifiable(result)
    if result.intervals != document.intervals:
        raise Refused("claim-differs", "the intervals claimed are not those that the methodology gives",
                      where="claim.intervals", intervals=[interval_json(item) for item in result.intervals])
    claim_hash = chain_claim(document).struct_hash()
    context = Context(deployment.origin, claim_hash.hex(), release.digest.hex(), gathered.completeness,
                      document.external_refs, document.supersedes.hex() if document.supersedes else None,
                      _source_notices(deployment, connection, document.period, gathered.inputs))
    salts = [_salt(deployment.salt_secret, claim_hash, i) for i in range(len(records_of(result)))]
    payload, details = build(result, context, salts)
    return jcs.canonical(payload), details


def _source_notices(deployment: Deployment, connection: Connection, period: Period,
                    inputs: Mapping[str, Any]) -> list[str]:
    """What the registrar signed about the meters and their values, and what the operator adds."""
    codes = set(quality.notices(connection, inputs, period))
    for source in (item["source"] for item in items_of(inputs)):
        if source.get("meter") is not None:
            codes |= source_notices(registry.history(connection, source["meter"]), period.start, period.end)
            codes.update(deployment.settings.notices_of(source["meter"]))
    return sorted(codes)


def _today(deployment: Deployment, zone: str) -> date:
    return datetime.fromtimestamp(deployment.clock.now() // 1000, tz=time_zone(zone)).date()


def _salt(secret: bytes, claim_hash: bytes, i: int) -> bytes:
    """The salt of detail i: derived, so that computing the statement again gives the same bytes."""
    return hmac.digest(secret, claim_hash + i.to_bytes(8, "big"), "sha256")[:SALT_BYTES]


# manifest, review -----------------------------------------------------------------------------------------------------

def manifest(deployment: Deployment, index: int, steps: Steps = quiet) -> StoredEntry:
    """A manifest whose entries include the one of this index: the newest one, or a new one over the whole log.

    A new one costs what was appended since the newest. Raises VerificationFailed (manifest-mismatch) when the rows kept
    are not those that were signed then.
    """
    with durable(steps, "manifest"), appending(deployment) as connection:
        try:
            newest = entries.newest(connection, MANIFEST)
        except NotFound:
            folded = ManifestFold()
        else:
            signed = parse_manifest(newest.payload)
            if signed.size > index:
                return newest
            folded = rows.fold_at(connection, signed.size)
            check_rows(signed, folded.rows())
        size = log.size(connection)
        for _, entry in log.entries(connection, folded.size, size):
            folded.add(entry)
        rows.keep(connection, folded)
        payload = manifest_payload(deployment.origin, size, deployment.clock.now(), folded.rows())
        at = entries.append_signed(connection, deployment.node_signer, MANIFEST, payload, deployment.origin)
        return entries.record(connection, MANIFEST, payload, at)


def review(deployment: Deployment, payload: bytes, steps: Steps = quiet) -> StoredOpinion:
    """Take the opinion that a verifier signed about a statement of the log; the same one again changes nothing.

    Raises FormError, Forbidden (opinion-signer, verifier-…), Refused (opinion-fields, opinion-expired,
    manifest-unknown), NotFound (statement-unknown).
    """
    digest = sha256(payload).digest()
    document = parse_opinion(payload)
    with durable(steps, "review"), appending(deployment) as connection:
        try:
            return store.opinion(connection, digest)
        except NotFound:
            _check_opinion(deployment, connection, payload, document)
        index = entries.append_signed(connection, deployment.node_signer, OPINION, payload, deployment.origin)
        return store.record_opinion(connection, payload, index)


def _check_opinion(deployment: Deployment, connection: Connection, payload: bytes, document: OpinionDocument) -> None:
    statement = store.statement(connection, document.statement)
    stated = entries.find(connection, MANIFEST, document.manifest)
    if stated is None or parse_manifest(stated.payload).size <= statement.log_index:
        raise Refused("manifest-unknown", "the opinion names no manifest of this log that covers the statement",
                      where="opinion.manifest", hint="name the manifest that the node published for the review")
    about = store.claim(connection, statement.claim_digest).document
    judged = Judgement(**{field.name: getattr(document, field.name) for field in fields(Judgement)})
    own = opinions.draft(judged, statement=statement.payload, leaf=statement.leaf, claim=about,
                         manifest=stated.digest, manifest_confirmed=document.manifest_confirmed)
    opinions.accept(payload, draft_of=own, verifier=participant(connection, document.verifier),
                    subject=participant(connection, about.subject), now=deployment.clock.now())


# issue ----------------------------------------------------------------------------------------------------------------

def issue(deployment: Deployment, link: ChainLink, statement: bytes, steps: Steps = quiet) -> Intent:
    """Issue the certificate of a statement with an opinion, once: verified as an auditor would, then written.

    Raises NotFound (opinion-missing), Refused (evidence-invalid, certificate-…), Unavailable.
    """
    with reading(deployment.engine) as connection:
        opinion = store.opinion_on(connection, statement)
    settle(deployment, link, opinion.log_index, steps)
    with durable(steps, "issue"), link.lock:
        link.ensure()
        file = evidence.export(deployment, link, statement, purpose="issue", level="full")
        return issuing.issue(evidence.desk_of(deployment, link), link.anchors, statement, file, deployment.trust)


def deliver(deployment: Deployment, link: ChainLink) -> int:
    """Write to the chain what was intended and is not there (it was away, or lost it); how many were settled."""
    with link.lock:
        desk = evidence.desk_of(deployment, link)
        return len(outbox.deliver(deployment.engine, issuing.handler_of(desk, link.anchors)))
