"""Evidence files: everything a reader needs to check a statement or a certificate without us, at four levels.

Gathered from the database and the log, proofs from the chain, written by `verify.bundle.write_bundle`. Nothing here is
trusted by anybody: the file stands or falls with `verify`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Connection, select

from attestation import registry
from attestation.dispute import history_of
from attestation.envelope import open_envelope
from attestation.manifest import FRAMES, STATEMENT, Manifest, Row, parse_manifest
from attestation.registration import ReadingPlace
from certificates import mirror, store
from certificates.export_rows import manifest_rows, rows_document
from certificates.export_series import ChainFrame, block_members, chains, frame_members
from certificates.registry import Registry
from core import cbor, jcs
from core.errors import InputError, NotFound, Refused
from core.merkle import inclusion_path, leaf_hash
from core.period import instant_text
from core.signatures import key_id
from ledger import log, proof
from ledger.checkpoint import Checkpoint
from mrv.definitions.ruleset import RuleSet
from verify.bundle import LEVELS, PURPOSES, write_bundle
from verify.chainstate import status_slots
from verify.members import name_of
from verify.model import Detail, Details
from verify.sources import RegisterSource, register_sources, subjects_of
from verify.statement import StatementDocument, parse_statement

DETAILS_SCHEMA = "carbonseal-details/1"
CERTIFICATE_SCHEMA = "carbonseal-certificate/1"
_NO_PLACE = ("public", "buyer")


class ChainEvidence(Protocol):
    """Storage proofs of the contracts, in the form of docs/spec/chain.md. Raises Unavailable."""

    def anchor(self, origin: str, size: int) -> dict[str, Any]:
        """Proof of the root the AnchorRegistry holds for a size."""

    def status(self, slots: Sequence[int]) -> dict[str, Any]:
        """Proof of slots of the CertificateRegistry, in a block not before the anchor's."""


@dataclass(frozen=True)
class Sources:
    """Where a file is gathered from. `size`: of the checkpoint used, anchored unless the file is for review;
    `manifest`, `release`: log indices of the manifest the opinion names and of the rules release the statement names.
    `listed`: the digests of all rules of that release by path.
    `chain`, `registry`: None where nothing of the chain is to be shown (a review before the anchor).
    """

    connection: Connection
    size: int
    manifest: int
    release: int
    rules: RuleSet
    listed: Mapping[str, str]
    chain: ChainEvidence | None = None
    registry: Registry | None = None


def evidence(sources: Sources, statement: bytes, *, purpose: str, level: str, piece: bytes | None = None) -> bytes:
    """The evidence file of a statement (payload digest), or of one piece of its certificate.

    Raises InputError (evidence-level), NotFound, Refused (evidence-not-sealed), Unavailable.
    """
    if level not in LEVELS or purpose not in PURPOSES or (purpose == "certificate") != (piece is not None):
        raise InputError("evidence-level", f"no file of level {level!r} for {purpose!r}",
                         hint="levels: " + ", ".join(LEVELS) + "; purposes: " + ", ".join(PURPOSES))
    gathered = _Gathering(sources, statement, purpose, level)
    members = gathered.members()
    if piece is not None:
        members |= gathered.certificate(piece)
    return write_bundle(members, purpose=purpose, level=level, indices=gathered.indices)


class _Gathering:
    """One file while it is gathered. `indices`: log index of each single envelope."""

    def __init__(self, sources: Sources, statement: bytes, purpose: str, level: str) -> None:
        self._sources, self._connection = sources, sources.connection
        self._level = level
        self._statement = store.statement(self._connection, statement)
        self._document = parse_statement(self._statement.payload)
        self._claim = store.claim(self._connection, self._statement.claim_digest)
        self._opinion = store.opinion_on(self._connection, statement) if purpose != "review" else None
        self.indices = self._single_indices()
        self._inputs = self._register_inputs()
        self._proven = set(self.indices.values())
        if max(self._proven) >= sources.size:
            raise Refused("evidence-not-sealed", f"the checkpoint of {sources.size} entries does not cover entry "
                          f"{max(self._proven)}", hint="seal and anchor, then export again")

    def members(self) -> dict[str, bytes]:
        """Every member but README.txt, bundle.json and those of the certificate."""
        checkpoint = log.checkpoint(self._connection, self._sources.size)
        manifest = parse_manifest(open_envelope(self._entry(self._sources.manifest)).payload)
        found = {"checkpoint": checkpoint.note, **{name: self._entry(index) for name, index in self.indices.items()}}
        if self._sources.chain is not None:
            found["anchor.json"] = jcs.canonical(self._sources.chain.anchor(checkpoint.origin, checkpoint.size))
        series = self._chains(manifest)
        found |= self._details() | self._series(series) | self._rules()
        subjects = self._subjects(series)
        found |= {f"histories/{name_of(subject)}.cbor": data for subject, data in self._histories(subjects)}
        found["manifest/rows.json"] = jcs.canonical(self._rows(manifest, subjects, series))
        return found | self._proofs(checkpoint)

    def certificate(self, piece: bytes) -> dict[str, bytes]:
        """certificate.json and status.json of a piece."""
        sources = self._sources
        if sources.registry is None or sources.chain is None:
            raise InputError("evidence-level", "a certificate's file needs the chain",
                             hint="connect the node to its chain, or export for review")
        state = sources.registry.piece(int.from_bytes(piece, "big"))
        if state is None or state.payload_digest != self._statement.digest:
            raise NotFound("piece-unknown", "the chain has no such piece of this statement", where=piece.hex(),
                           hint="`carbonseal certificate show` lists its pieces")
        status = state.status.label
        slots = status_slots(self._document, self._statement.digest, state.start, state.end)
        record = {"schema": CERTIFICATE_SCHEMA, "id": piece.hex(), "payload_digest": self._statement.digest.hex(),
                  "units": {"from": str(state.start), "to": str(state.end)}, "owner": state.owner, "status": status,
                  "retirement": retirement_of(self._connection, piece) if status == "retired" else None}
        return {"certificate.json": jcs.canonical(record), "status.json": jcs.canonical(sources.chain.status(slots))}

    def _single_indices(self) -> dict[str, int]:
        found = {"statement.cose": self._statement.log_index, "claim.cose": self._claim.log_index,
                 "manifest/manifest.cose": self._sources.manifest}
        if self._opinion is not None:
            found["opinion.cose"] = self._opinion.log_index
        if self._level not in _NO_PLACE:
            found["rules/release.cose"] = self._sources.release
        return found

    def _register_inputs(self) -> list[RegisterSource]:
        if self._level == "public":
            return []
        records = [Detail(index, bytes.fromhex(item["salt"]), item["record"], ())
                   for index, item in enumerate(self._statement.details)]
        return register_sources(Details(True, tuple(records)))

    def _entry(self, index: int) -> bytes:
        return log.entry(self._connection, index)

    def _chains(self, manifest: Manifest) -> dict[str, list[ChainFrame]]:
        return chains(self._connection, self._inputs, self._document.period, self._sources.size, manifest.size)

    def _series(self, series: Mapping[str, list[ChainFrame]]) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        for gateway, chain in series.items():
            found |= frame_members(gateway, chain)
            self._proven |= {item.index for item in chain if item.proven}
        for meter in sorted({source.meter for source in self._inputs}) if self._level not in _NO_PLACE else ():
            found |= block_members(self._connection, meter, self._document.period, series,
                                   None if self._level == "full" else self._places(meter))
        return found

    def _places(self, meter: str) -> list[ReadingPlace]:
        """The boundary readings of a meter's inputs."""
        ends = [place for source in self._inputs if source.meter == meter
                for place in (source.opening, source.closing)]
        return [place for place in ends if place is not None]

    def _details(self) -> dict[str, bytes]:
        details = list(self._statement.details)
        if self._level == "public":
            return {}
        if self._level != "buyer":
            return {"details/complete.json": jcs.canonical({"schema": DETAILS_SCHEMA, "records": details})}
        leaves = [leaf_hash(jcs.canonical(item)) for item in details]
        records = [{"index": str(index), "path": [step.hex() for step in inclusion_path(leaves, index)], **item}
                   for index, item in enumerate(details) if item["record"]["kind"] == "input"]
        return {"details/disclosed.json": jcs.canonical({"schema": DETAILS_SCHEMA, "records": records})}

    def _rules(self) -> dict[str, bytes]:
        if self._level in _NO_PLACE:
            return {}
        return {"rules/documents.json": jcs.canonical(self._rule_documents()),
                "rules/listed.json": jcs.canonical(dict(self._sources.listed))}

    def _rule_documents(self) -> dict[str, Any]:
        records = [item["record"] for item in self._statement.details]
        read = [record["path"] for record in records if record["kind"] == "parameter"]
        return rule_documents(self._sources.rules, self._document, read)

    def _subjects(self, series: Mapping[str, object]) -> set[str]:
        subjects = {self._claim.document.subject, *series, *subjects_of(self._inputs), *self._node_organisations()}
        if self._opinion is not None:
            subjects.add(self._opinion.document.verifier)
        return subjects | {history_of(gateway) for gateway in series
                           if registry.disputes(self._connection, gateway)}

    def _node_organisations(self) -> set[str]:
        """The organisations whose keys signed the single envelopes as a node."""
        kids = {open_envelope(self._entry(index)).kid for name, index in self.indices.items()
                if name != "rules/release.cose"}
        found = set()
        for org in registry.subjects(self._connection, "participant"):
            entries = registry.history(self._connection, org).entries
            keys = {key_id(key["public_key"]) for entry in entries for key in entry.registration.fields.get("keys", ())}
            if keys & kids:
                found.add(org)
        return found

    def _histories(self, subjects: Iterable[str]) -> list[tuple[str, bytes]]:
        found = []
        for subject in sorted(subjects):
            indices = [index for index in self._history_indices(subject) if index < self._sources.size]
            self._proven |= set(indices)
            found.append((subject, b"".join(cbor.encode([index, self._entry(index)]) for index in indices)))
        return found

    def _history_indices(self, subject: str) -> list[int]:
        if subject.startswith(history_of("")):
            gateway = subject.removeprefix(history_of(""))
            return [index for index, _ in registry.disputes(self._connection, gateway)]
        return [entry.leaf_index for entry in registry.history(self._connection, subject).entries]

    def _rows(self, manifest: Manifest, subjects: Iterable[str], gateways: Iterable[str]) -> dict[str, Any]:
        rows: list[Row] = manifest_rows(self._connection, manifest)
        wanted = {*subjects, STATEMENT + self._document.exclusivity_key.hex()}
        for gateway in gateways:
            wanted |= {FRAMES + gateway, history_of(gateway)}
        return rows_document(rows, wanted)

    def _proofs(self, checkpoint: Checkpoint) -> dict[str, bytes]:
        return {f"proofs/{index}.tlog-proof": proof.write(
                    index, log.inclusion_proof(self._connection, index, checkpoint.size), checkpoint)
                for index in sorted(self._proven)}


def rule_documents(rules: RuleSet, statement: StatementDocument, read: Iterable[str]) -> dict[str, Any]:
    """The documents of a statement's methodology and of the parameters it read.

    Raises NotFound (methodology-unknown).
    """
    methodology = rules.methodologies.get(f"{statement.methodology.id}@{statement.methodology.version}")
    if methodology is None or methodology.digest != statement.methodology.digest:
        raise NotFound("methodology-unknown", "this node does not run the methodology the statement names",
                       where=statement.methodology.id, hint="export where the release of the statement is installed")
    return rules.documents_for(methodology, read)


def retirement_of(connection: Connection, piece: bytes) -> dict[str, str]:
    """{"purpose", "beneficiary", "start", "end"} of a retired piece, from the mirrored event. Raises NotFound."""
    events = mirror.EVENTS
    row = connection.execute(select(events.c.data).where(
        events.c.piece == piece, events.c.name == "CertificateRetired").limit(1)).first()
    if row is None:
        raise NotFound("retirement-unknown", "the mirror has not read this retirement yet", where=piece.hex(),
                       hint="bring the mirror up to date, then ask again")
    data = json.loads(row.data)
    return {"purpose": data["purpose"], "beneficiary": data["beneficiary"],
            "start": instant_text(int(data["start"])), "end": instant_text(int(data["end"]))}
