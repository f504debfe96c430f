"""A small complete world in memory: participants, a gateway, a log, a claim, a statement, an opinion, a chain.

`World()` is honest. Each lie is a keyword of `Lies`: it is told with the right keys and hashes wherever the liar holds
them, so that what catches it is the check that is meant to. Everything is drawn from seeds: the same bytes every time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from verify_trie import chain_evidence

from attestation import envelope, manifest
from attestation.block import BlockData, Column, Gap, GapReason, decode_header
from attestation.build import build_frame
from attestation.carriers import Carrier, counted
from attestation.dispute import Dispute, dispute_payload
from attestation.frame import KEY, Beacon, EpochStart, Frame, Submission, decode_frame
from attestation.history import profiles_digest
from attestation.registration import ReadingPlace, Registration, parse_registration, registration_payload
from core import cbor, jcs, merkle
from core.claims import ClaimDocument, MeterInput, chain_claim, claim_payload, claim_signing_digest
from core.documents import MethodologyRef
from core.ethereum import Account, Domain
from core.ids import chain_id_of
from core.opinions import OpinionDocument, opinion_payload, opinion_signing_digest
from core.period import Period, instant_text
from core.records import ClockQuality, Conclusion, Interval, Kind
from core.sampling import Sampling
from core.signer import KeySigner
from ledger import checkpoint, proof
from ledger.anchor.layout import (
    anchor_slots,
    certificate_slots,
    debt_slot,
    live_slot,
    mark_slots,
    piece_id,
    piece_slots,
    spent_slots,
)
from ledger.checkpoint import Checkpoint, WitnessPolicy
from mrv.authoring.catalogue import load
from mrv.calculation import statement as statements
from mrv.calculation.run import run
from mrv.definitions.ruleset import listing, release
from verify.bundle import read_container, write_bundle
from verify.chainstate import status_slots
from verify.completeness import figures
from verify.members import name_of
from verify.sources import RegisterSource
from verify.statement import parse_statement
from verify.trust import ChainTrust, Trust, ValidatorSet

ORIGIN = "log.example/park"
HOUR = 3_600_000
STEP = 900_000
READINGS = 16
FRAME = STEP * READINGS
START = 1_794_758_400_000
"""2026-11-16 00:00 in Shanghai."""
PERIOD = Period(START, START + 24 * HOUR)
RISE_WH = 250_031
CHAIN_ID = 31337
ANCHOR_BLOCK, STATUS_BLOCK = 100, 120
REVIEWED = PERIOD.end + 6 * HOUR
CHAIN_TIME = PERIOD.end + 8 * HOUR
GATEWAY, PV, MAIN, POINT = "gw:lanhe-1", "m:lanhe-pv", "m:lanhe-main", "cp:lanhe-pv"
ENTERPRISE, VERIFIER, NODE = "org:lanhe-energy", "org:suzheng", "org:node"
EXPORT, IMPORT = "active-export", "active-import"


def signer(name: str) -> KeySigner:
    """The Ed25519 key of a name."""
    return KeySigner.from_seed(sha256(b"world-key:" + name.encode()).digest())


def account(name: str) -> Account:
    """The chain account of a name."""
    return Account(sha256(b"world-account:" + name.encode()).digest())


VALIDATORS = tuple(account(f"validator-{i}") for i in range(4))
CONTRACTS = tuple(account(name).address for name in ("anchor", "certificate", "participant"))
WITNESS = "witness.example/one"


@dataclass(frozen=True)
class Lies:
    """What is not as it should be. Empty: nothing."""

    kind: str = "green-power"
    origin: str = "simulated"
    notices: tuple[str, ...] = ("simulated-source",)
    frame_signer: str = "gateway"
    frame_origin: str = ORIGIN
    revoke: str = ""
    dispute: bool = False
    newer_statement: bool = False
    meter_org: str = "org:lanhe-energy"
    profile: Mapping[str, Any] = field(default_factory=dict)
    point: Mapping[str, Any] = field(default_factory=dict)
    clock: ClockQuality = ClockQuality.SYNCHRONISED
    low_quality_end: bool = False
    participants: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    statement: Mapping[str, Any] = field(default_factory=dict)
    statement_signer: str = "node"
    place: Mapping[str, Any] = field(default_factory=dict)
    uncertainty: str | None = "0.5"
    earlier_reading: int = 0
    spikes: Mapping[int, int] = field(default_factory=dict)
    completeness: Mapping[str, str] = field(default_factory=dict)
    claim: Mapping[str, Any] = field(default_factory=dict)
    claim_account: str = "enterprise"
    claim_once_signed: Mapping[str, Any] = field(default_factory=dict)
    opinion: Mapping[str, Any] = field(default_factory=dict)
    opinion_account: str = "verifier"
    opinion_once_signed: Mapping[str, Any] = field(default_factory=dict)
    certificate: Mapping[str, Any] = field(default_factory=dict)
    piece: Mapping[str, Any] = field(default_factory=dict)
    mark: Mapping[str, Any] = field(default_factory=dict)
    live: bool = True
    debt: int = 0
    anchored_root: bytes | None = None
    anchor_contract: str = CONTRACTS[0]
    status_contract: str = CONTRACTS[1]
    chain_id: int = CHAIN_ID
    seals: int = 3
    development: bool = False
    status_block: int = STATUS_BLOCK
    record: Mapping[str, Any] = field(default_factory=dict)


class World:
    """The world after everything happened; `file()` exports it."""

    def __init__(self, lies: Lies | None = None) -> None:
        self.lies = lies or Lies()
        self.entries: list[bytes] = []
        self.histories: dict[str, list[int]] = {}
        self.last: dict[str, Registration] = {}
        self.frames: list[tuple[int, Submission]] = []
        self.prev: bytes | EpochStart = EpochStart(None, KEY)
        self.rules = RULES
        self._set_up()
        self._read_meters()
        self._calculate()
        self._review()
        self.checkpoint = self._seal()

    # What happens, in order.

    def append(self, data: bytes) -> int:
        """The index of a new entry."""
        self.entries.append(data)
        return len(self.entries) - 1

    def register(self, kind: str, content_type: str, subject: str, event: str, time: int,
                 fields: Mapping[str, Any]) -> int:
        """Appends the next entry of a history."""
        payload = registration_payload(kind, subject, event, time, fields, self.last.get(subject))
        self.last[subject] = parse_registration(payload)
        index = self.append(envelope.seal(signer("registrar"), content_type, payload, ORIGIN))
        self.histories.setdefault(subject, []).append(index)
        return index

    def _set_up(self) -> None:
        released = jcs.canonical(release(self.rules, "2026.11", START - 10 * FRAME))
        self.release = self.append(envelope.seal(signer("publisher"), envelope.RULES, released, ORIGIN))
        self.released = sha256(released).hexdigest()
        time = START - 9 * FRAME
        for org, roles, names in ((NODE, ["node"], ["node"]), (ENTERPRISE, ["enterprise"], ["enterprise"]),
                                  (VERIFIER, ["verifier"], ["verifier"])):
            self.register("participant", envelope.PARTICIPANT, org, "register", time, self._organisation(
                org, roles, names))
        self.register("device", envelope.DEVICE, GATEWAY, "enrol", time, {
            "public_key": signer("gateway").public_key.hex(), "site": "site:lanhe", "org": ENTERPRISE})
        for meter, quantity, direction in ((PV, EXPORT, "generation"), (MAIN, IMPORT, "import")):
            self.register("meter", envelope.METER, meter, "profile", time, {
                "profile": profile(quantity, direction, meter, self.lies.origin) | {"org": self.lies.meter_org}
                | dict(self.lies.profile)})
        if self.lies.revoke == "before":
            self.register("device", envelope.DEVICE, GATEWAY, "revoke", time, {"reason": "compromised"})

    def _organisation(self, org: str, roles: list[str], names: list[str]) -> dict[str, Any]:
        keys = [{"public_key": signer(name).public_key.hex(),
                 "uses": ["claim", "dispute", "manifest", "opinion", "statement"]} for name in names]
        return {
            "name": {"zh": org, "en": org}, "roles": roles,
            "accreditation": "CNAS V-0001" if "verifier" in roles else None, "jurisdiction": "CN-32", "group": None,
            "accounts": [account(name).address for name in names], "valid_from": instant_text(0),
            "valid_until": None, "keys": keys if org == NODE else []} | dict(self.lies.participants.get(org, {}))

    def _read_meters(self) -> None:
        """Ten frames of four hours: two before the period, six in it, two after."""
        for seq in range(10):
            self._frame(seq)
            if seq == 0:
                self._open_claim_point()
        if self.lies.dispute:
            self._dispute()
        if self.lies.revoke == "after":
            self.register("device", envelope.DEVICE, GATEWAY, "revoke", REVIEWED - HOUR, {"reason": "retired"})

    def where(self, position: int) -> tuple[int, int]:
        """(epoch, seq) of the frame at a position in time."""
        return 0, position

    def carrier(self, position: int) -> tuple[str, str]:
        """(gateway, name of its key) of the frame at a position in time."""
        return GATEWAY, self.lies.frame_signer

    def ahead(self, position: int) -> int:
        """How far the gateway's clock is ahead at a position in time, ms."""
        return 0

    def raw_at(self, instant: int) -> int:
        """The PV register as the gateway read it."""
        return raw_at(instant) + self.lies.spikes.get(instant, 0)

    def _frame(self, seq: int) -> None:
        first = START + (seq - 2) * FRAME
        read = np.arange(first, first + FRAME, STEP, dtype=np.int64)
        raw = np.array([self.raw_at(int(time)) for time in read], np.int64)
        times = read + self.ahead(seq)
        quality = np.zeros(READINGS, np.int64)
        if self.lies.low_quality_end:
            quality[times == PERIOD.end] = 4
        blocks = [BlockData(PV, times, (Column(EXPORT, 0, raw),), quality, (EXPORT,))]
        if seq == 5:
            gap = Gap(int(GapReason.COMMUNICATION), first, first + FRAME - STEP)
            empty = np.empty(0, np.int64)
            blocks.append(BlockData(MAIN, empty, (), empty, (), gap))
        else:
            blocks.append(BlockData(MAIN, times, (Column(IMPORT, 0, raw * 2),), np.zeros(READINGS, np.int64),
                                    (IMPORT,)))
        gateway, key = self.carrier(seq)
        submission = build_frame(
            signer(key), self.lies.frame_origin, "site:lanhe", gateway, *self.where(seq), self.prev, self.lies.clock,
            Beacon(CHAIN_ID, 50 + seq, sha256(b"block").digest()),
            profiles_digest({meter: self.last[meter].digest for meter in (PV, MAIN)}), blocks,
            lambda: sha256(b"salt:%d" % seq).digest()[:16])
        self.frames.append((self.append(submission.envelope), submission))
        self.prev = envelope.open_envelope(submission.envelope).digest

    def _open_claim_point(self) -> None:
        opening = raw_at(START - 2 * FRAME)
        reading = ReadingPlace(opening, START - 2 * FRAME, GATEWAY, 0, 0, 1, 0, self.frames[0][0])
        self.register("claim-point", envelope.METER, POINT, "open", START - FRAME, {
            "meter": PV, "quantity": EXPORT, "grid_point": "GP-0001", "meter_serial": "SN-lanhe-pv",
            "org": ENTERPRISE, "opening": str(opening), "capacity_w": "2000000", "first_reading": reading.as_json()}
            | dict(self.lies.point))

    def _dispute(self) -> None:
        digests = tuple(sha256(part).digest() for part in (b"one", b"two"))
        payload = dispute_payload(Dispute(GATEWAY, 0, None, 0, 4, digests, (1, 2), REVIEWED - HOUR))
        index = self.append(envelope.seal(signer("node"), envelope.DISPUTE, payload, ORIGIN))
        self.histories[f"dispute:{GATEWAY}"] = [index]

    def _calculate(self) -> None:
        methodology = self.rules.methodologies[f"{METHODOLOGIES[self.lies.kind]}@1"]
        document = self._inputs_document()
        # A node that lies about its readings holds itself to no limit of their age.
        unheld = replace(self.rules, methodologies={
            **self.rules.methodologies, methodology.key: replace(methodology, max_staleness_ms=None)})
        self.result = run(unheld, methodology.id, "1", document, date(2026, 11, 17))
        self.claim = self._claim(methodology.digest, methodology.id)
        self.claim_index = self.append(envelope.seal(
            signer("node"), envelope.CLAIM, claim_payload(self.claim), ORIGIN))
        self._append_statement()

    def _inputs_document(self) -> dict[str, Any]:
        item = {"priority": "1", "method": "measured", "uncertainty": self.lies.uncertainty}
        if self.lies.kind == "green-power":
            closing = self.place(PERIOD.end, PV) | dict(self.lies.place)
            start = raw_at(START - 2 * FRAME)
            inputs = {"generation": [{
                "quantity": {"value": str(int(closing["position"]) - start), "unit": "Wh"},
                "source": {"type": "claim-point", "mark": POINT, "meter": PV, "quantity": EXPORT,
                           "from": {"position": str(start)}, "to": closing}} | item]}
            return self._document(inputs, {})
        opening, closing = self.place(PERIOD.start, MAIN), self.place(PERIOD.end, MAIN) | dict(self.lies.place)
        amount = Decimal(int(closing["position"]) - int(opening["position"])) / 1000
        inputs = {"purchased_electricity": [{
            "quantity": {"value": f"{amount.normalize():f}", "unit": "kWh"},
            "source": {"type": "register", "meter": MAIN, "quantity": IMPORT, "from": opening, "to": closing}} | item]}
        return self._document(inputs, {"region": "cn"})

    def _document(self, inputs: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
        return {"subject": ENTERPRISE, "boundary": "屋顶光伏一期", "period": PERIOD.as_json(), "inputs": dict(inputs),
                "options": dict(options), "allow_unconfirmed": False, "carried": None}

    def place(self, instant: int, meter: str) -> dict[str, str]:
        """The reading taken for an instant, as a detail record names it."""
        instant -= self.lies.earlier_reading * STEP if instant == PERIOD.end else 0
        seq, ordinal = divmod((instant - START) // STEP + 2 * READINGS, READINGS)
        ordinals = {MAIN: 0, PV: 1}
        position = self.raw_at(instant) * (1 if meter == PV else 2)
        return ReadingPlace(position, instant, self.carrier(seq)[0], *self.where(seq), ordinals[meter], ordinal,
                            self.frames[seq][0]).as_json()

    def _claim(self, digest: bytes, methodology: str) -> ClaimDocument:
        kind = Kind.parse(self.lies.kind)
        inputs: dict[str, tuple[MeterInput, ...]] = (
            {"generation": (MeterInput(POINT, EXPORT),)} if kind is Kind.GREEN_POWER
            else {"purchased_electricity": (MeterInput(MAIN, IMPORT),)})
        document = replace(ClaimDocument(
            origin=ORIGIN, kind=kind, subject=ENTERPRISE, holder=account("enterprise").address,
            boundary="屋顶光伏一期", period=PERIOD, methodology=MethodologyRef(methodology, "1", digest),
            inputs=inputs, intervals=self.result.intervals, domain=DOMAIN,
            options=self.result.inputs.document["options"]), **self.lies.claim)
        return replace(document, signature=account(self.lies.claim_account).sign_digest(claim_signing_digest(document)),
                       **self.lies.claim_once_signed)

    def _append_statement(self) -> None:
        context = statements.Context(
            ORIGIN, chain_claim(self.claim).struct_hash().hex(), self.released, self._completeness(),
            notices=self.lies.notices)
        salts = [sha256(b"detail:%d" % i).digest()[:16] for i in range(len(statements.records_of(self.result)))]
        payload, self.details = statements.build(self.result, context, salts)
        payload |= self.lies.statement
        self.statement_payload = jcs.canonical(payload)
        sealed = envelope.seal(signer(self.lies.statement_signer), envelope.STATEMENT, self.statement_payload,
                               self.lies.statement.get("origin", ORIGIN))
        self.statement_index = self.append(sealed)
        if self.lies.newer_statement:
            newer = jcs.canonical(payload | {"supersedes": sha256(self.statement_payload).hexdigest()})
            self.append(envelope.seal(signer("node"), envelope.STATEMENT, newer, ORIGIN))

    def _completeness(self) -> dict[str, str]:
        meter = PV if self.lies.kind == "green-power" else MAIN
        chain = [self.frame(seq) for seq in self.chain()]
        source = next(iter(self.result.inputs.items.values()))[0].source
        opened, closed = ([(end["gateway"], int(end["epoch"]), int(end["seq"]))] if "gateway" in end else []
                          for end in (source["from"], source["to"]))
        indexed = [(frame, self.frames[position][0]) for position, frame in zip(self.chain(), chain, strict=True)]
        within = [frame for carrier in self.carriers() for frame in counted(
            [frame for frame in chain if frame.gateway == carrier.gateway], carrier.between(opened, closed).moved_in(
                (frame, index) for frame, index in indexed if frame.gateway == carrier.gateway))]
        headers = [decode_header(header) for position, frame in zip(self.chain(), chain, strict=True)
                   if frame in within for header, _ in self.frames[position][1].blocks]
        closing = ReadingPlace(**{name: int(text) if text.isdigit() else text for name, text in source["to"].items()
                           if name != "time"}, time=PERIOD.end - self.lies.earlier_reading * STEP)
        opening = None if "mark" in source else replace(closing, time=PERIOD.start)
        sources = [RegisterSource("x", meter, source["quantity"], None, 0, opening, closing, "measured", None)]
        return figures({(frame.gateway, frame.epoch, frame.seq): frame for frame in within},
                       [header for header in headers if header.meter == meter], sources, PERIOD, 0) | dict(
                           self.lies.completeness)

    def _review(self) -> None:
        size = len(self.entries)
        self.rows = manifest.fold(self.entries)
        payload = manifest.manifest_payload(ORIGIN, size, REVIEWED, self.rows)
        self.manifest_index = self.append(envelope.seal(signer("node"), envelope.MANIFEST, payload, ORIGIN))
        leaf = merkle.leaf_hash(self.entries[self.statement_index])
        about = self.claim
        document = replace(OpinionDocument(
            origin=ORIGIN, addressee="org:gov-js", statement=sha256(self.statement_payload).digest(), leaf=leaf,
            claim=chain_claim(about).struct_hash(), exclusivity_key=about.exclusivity_key,
            manifest=sha256(payload).digest(), manifest_confirmed=True, kind=about.kind, subject=about.subject,
            holder=about.holder, boundary=about.boundary, period=about.period, amount=self.result.amount,
            unit=self.result.methodology.result.unit.text, intervals=about.intervals, external_refs=(),
            criteria=("ISO 14064-3:2019",), assurance="reasonable", materiality=Decimal(5),
            materiality_source="customary", visit="none", sampling=Sampling("all details", 3, (0, 1, 2)), findings=(),
            conclusion=Conclusion.UNMODIFIED, reasons="所有数据均已复核。", verifier=VERIFIER,
            accreditation="CNAS V-0001", notices=("demonstration",), date=REVIEWED,
            valid_until=REVIEWED + 90 * 24 * HOUR, domain=DOMAIN), **self.lies.opinion)
        reviewer = account(self.lies.opinion_account)
        signed = replace(document, signature=reviewer.sign_digest(opinion_signing_digest(document)),
                         **self.lies.opinion_once_signed)
        self.opinion_index = self.append(envelope.seal(
            signer("node"), envelope.OPINION, opinion_payload(signed), ORIGIN))

    def _seal(self) -> Checkpoint:
        sealed = checkpoint.sign(signer("log"), ORIGIN, len(self.entries), merkle.root(self.leaves))
        line = checkpoint.cosign(sealed, signer("witness"), WITNESS, CHAIN_TIME)
        return checkpoint.with_signatures(sealed, [line])

    # What is there.

    @cached_property
    def leaves(self) -> list[bytes]:
        """Leaf hashes of the log."""
        return [merkle.leaf_hash(entry) for entry in self.entries]

    def frame(self, seq: int) -> Frame:
        """A frame of the gateway."""
        return decode_frame(envelope.open_envelope(self.frames[seq][1].envelope).payload)

    def chain(self) -> list[int]:
        """The seqs of the frames an evidence file needs."""
        return list(range(1 if self.lies.kind == "green-power" else 2, 9))

    def gateways(self) -> list[str]:
        """The gateways with frames in the file."""
        return [GATEWAY]

    def carriers(self) -> list[Carrier]:
        """Who carried the meters in the period."""
        return [Carrier(GATEWAY, PERIOD.start, PERIOD.end)]

    def ends(self) -> list[int]:
        """Positions at which a chain or an epoch ends: those frames need their proof."""
        return [self.chain()[-1]]

    def trust(self, **changes: Any) -> Trust:
        """A trust list that fits."""
        validators = () if self.lies.development else (ValidatorSet(
            0, None, tuple(validator.address for validator in VALIDATORS)),)
        fitting = Trust(
            ORIGIN, checkpoint.note.parse_key(checkpoint.log_key(ORIGIN, signer("log").public_key)),
            ChainTrust(CHAIN_ID, *CONTRACTS, validators), (signer("registrar").public_key,),
            (signer("publisher").public_key,),
            WitnessPolicy.parse(1, [checkpoint.witness_key(WITNESS, signer("witness").public_key)]))
        return replace(fitting, **changes)

    # The file.

    def file(self, level: str = "full", purpose: str = "certificate") -> bytes:
        """The evidence file."""
        return write_bundle(self.members(level, purpose), purpose=purpose, level=level,
                            indices=self.indices(level, purpose))

    def indices(self, level: str, purpose: str) -> dict[str, int]:
        """The log indices of the single envelopes."""
        found = {"statement.cose": self.statement_index, "claim.cose": self.claim_index,
                 "manifest/manifest.cose": self.manifest_index}
        if purpose != "review":
            found["opinion.cose"] = self.opinion_index
        if level in ("auditor", "full"):
            found["rules/release.cose"] = self.release
        return found

    def members(self, level: str, purpose: str) -> dict[str, bytes]:
        """Members without README.txt and bundle.json."""
        indices = self.indices(level, purpose)
        found = {"checkpoint": self.checkpoint.note, "anchor.json": jcs.canonical(self.anchor()),
                 **{name: self.entries[index] for name, index in indices.items()}}
        proven = set(indices.values())
        for subject in self.subjects(level, purpose):
            found[f"histories/{name_of(subject)}.cbor"] = b"".join(
                item([index, self.entries[index]]) for index in self.histories[subject])
            proven |= set(self.histories[subject])
        if level != "public":
            found |= self._details(level) | self._frames(proven)
        if level in ("auditor", "full"):
            found |= self._blocks(level) | {
                "rules/documents.json": jcs.canonical(self.rules.documents_for(self.result.methodology)),
                "rules/listed.json": jcs.canonical(listing(self.rules))}
        if purpose == "certificate":
            found |= {"certificate.json": jcs.canonical(self.record()), "status.json": jcs.canonical(self.status())}
        found["manifest/rows.json"] = jcs.canonical(self._rows(level, purpose))
        return found | {f"proofs/{index}.tlog-proof": self.proof(index) for index in proven}

    def subjects(self, level: str, purpose: str) -> list[str]:
        """Subjects whose histories the file holds."""
        found = [NODE, ENTERPRISE] + ([VERIFIER] if purpose != "review" else [])
        if level != "public":
            found += [*self.gateways(), *([PV, POINT] if self.lies.kind == "green-power" else [MAIN])]
            found += [subject for subject in self.histories if subject.startswith("dispute:")]
        return found

    def proof(self, index: int) -> bytes:
        """The tlog-proof of an entry."""
        return proof.write(index, merkle.inclusion_path(self.leaves, index), self.checkpoint)

    def _details(self, level: str) -> dict[str, bytes]:
        if level != "buyer":
            return {"details/complete.json": jcs.canonical(
                {"schema": "carbonseal-details/1", "records": self.details})}
        leaves = [merkle.leaf_hash(jcs.canonical(detail)) for detail in self.details]
        records = [{"index": str(i), "path": [step.hex() for step in merkle.inclusion_path(leaves, i)], **detail}
                   for i, detail in enumerate(self.details) if detail["record"]["kind"] == "input"]
        return {"details/disclosed.json": jcs.canonical({"schema": "carbonseal-details/1", "records": records})}

    def _frames(self, proven: set[int]) -> dict[str, bytes]:
        """Every second frame, and the last, with its proof."""
        days: dict[str, bytes] = {}
        for seq in self.chain():
            index, submission = self.frames[seq]
            shown = seq % 2 == 0 or seq in self.ends()
            if shown:
                proven.add(index)
            name = f"frames/{name_of(self.carrier(seq)[0])}/{self._day(seq)}.cbor"
            days[name] = days.get(name, b"") + item([index if shown else None, submission.envelope])
        return days

    def _day(self, seq: int) -> str:
        own = [other for other in self.chain() if other <= seq and self.carrier(other)[0] == self.carrier(seq)[0]]
        return max(instant_text(self.frame(other).t_first)[:10] for other in own)

    def _blocks(self, level: str) -> dict[str, bytes]:
        meter = PV if self.lies.kind == "green-power" else MAIN
        days: dict[str, bytes] = {}
        for seq in self.chain():
            blocks = self.frames[seq][1].blocks
            ordinal = next(i for i, (header, _) in enumerate(blocks) if decode_header(header).meter == meter)
            leaves = [merkle.leaf_hash(header) for header, _ in blocks]
            header, body = blocks[ordinal]
            given = level == "full" or seq in (2, 3, 8)
            silent = decode_header(header).readings == 0
            day = max(self._day(other) for other in self.chain() if other <= seq)
            name = f"blocks/{name_of(meter)}/{day}.cbor"
            days[name] = days.get(name, b"") + item([
                self.carrier(seq)[0], *self.where(seq), ordinal, merkle.inclusion_path(leaves, ordinal), header,
                body if given and not silent else None])
        return days

    def _rows(self, level: str, purpose: str) -> dict[str, Any]:
        key = "statement/" + jcs.parse(self.statement_payload)["exclusivity_key"]
        wanted = {*self.subjects(level, purpose), key}
        absent = set()
        if level != "public":
            wanted |= {f"frames/{gateway}" for gateway in self.gateways()}
            absent = {f"dispute:{gateway}" for gateway in self.gateways()} - wanted
        return {"schema": "carbonseal-manifest-rows/1",
                "rows": [self.row(subject) for subject in sorted(wanted, key=str.encode)],
                "absent": [self._absence(subject) for subject in sorted(absent)]}

    def row(self, subject: str) -> dict[str, Any]:
        """A manifest row with its path."""
        position, path = manifest.prove_row(self.rows, subject)
        row = self.rows[position]
        return {"subject": subject, "head": row.head.hex(), "count": str(row.entries), "position": str(position),
                "path": [step.hex() for step in path]}

    def _absence(self, subject: str) -> dict[str, Any]:
        before = [row.subject for row in self.rows if row.subject.encode() < subject.encode()]
        after = [row.subject for row in self.rows if row.subject.encode() > subject.encode()]
        return {"subject": subject, "before": self.row(before[-1]) if before else None,
                "after": self.row(after[0]) if after else None}

    # The chain.

    def anchor(self) -> dict[str, Any]:
        """anchor.json."""
        root, time = anchor_slots(ORIGIN, self.checkpoint.size)
        held = self.lies.anchored_root if self.lies.anchored_root is not None else self.checkpoint.root
        return self._evidence(self.lies.anchor_contract, {root: int.from_bytes(held, "big"), time: CHAIN_TIME},
                              [root, time], ANCHOR_BLOCK)

    def status(self) -> dict[str, Any]:
        """status.json."""
        digest = sha256(self.statement_payload).digest()
        u0, u1 = self.units()
        document = parse_statement(self.statement_payload)
        return self._evidence(self.lies.status_contract, self._storage(digest),
                              status_slots(document, digest, u0, u1), self.lies.status_block)

    def _evidence(self, contract: str, storage: Mapping[int, int], slots: Sequence[int], number: int) -> dict[str, Any]:
        validators = () if self.lies.development else VALIDATORS
        return chain_evidence(chain_id=self.lies.chain_id, contract=contract, storage=storage, slots=slots,
                              number=number, time=CHAIN_TIME + number * 1000, validators=validators,
                              seals=self.lies.seals)

    def units(self) -> tuple[int, int]:
        """The units of the certificate in the file."""
        return self.lies.record.get("u0", 0), self.lies.record.get("u1", self.result.amount)

    def record(self) -> dict[str, Any]:
        """certificate.json."""
        u0, u1 = self.units()
        digest = sha256(self.statement_payload).digest()
        return {"schema": "carbonseal-certificate/1", "id": piece_id(digest, u0, u1).to_bytes(32, "big").hex(),
                "payload_digest": digest.hex(), "units": {"from": str(u0), "to": str(u1)},
                "owner": account("enterprise").address, "status": "live", "retirement": None} | {
                    name: value for name, value in self.lies.record.items() if name not in ("u0", "u1")}

    def _storage(self, digest: bytes) -> dict[int, int]:
        """The words of the CertificateRegistry."""
        lies, amount, intervals = self.lies, self.result.amount, self.result.intervals
        holder = int(account("enterprise").address, 16)
        u0, u1 = self.units()
        certificate = {"claim": int.from_bytes(chain_claim(self.claim).struct_hash(), "big"),
                       "key": int.from_bytes(self.claim.exclusivity_key, "big"), "subject": number_of(ENTERPRISE),
                       "verifier": number_of(VERIFIER), "by": 0, "holder": holder, "kind": int(self.claim.kind),
                       "status": 1, "issued": CHAIN_TIME, "amount": amount, "first": 0, "moved": 0,
                       "short": 0} | dict(lies.certificate)
        words = dict(zip(certificate_slots(digest), [
            *(certificate[name] for name in ("claim", "key", "subject", "verifier", "by")),
            pack((certificate["holder"], 20), (certificate["kind"], 1), (certificate["status"], 1),
                 (certificate["issued"], 8)),
            pack(*((certificate[name], 8) for name in ("amount", "first", "moved", "short")))], strict=True))
        piece = {"digest": int.from_bytes(digest, "big"), "owner": holder, "status": 1, "retirement": 0, "pledgee": 0}
        piece |= dict(lies.piece)
        words |= dict(zip(piece_slots(piece_id(digest, u0, u1)), [
            piece["digest"], pack((piece["owner"], 20), (piece["status"], 1), (0, 1), (u0, 8)),
            pack((u1, 8), (piece["pledgee"], 20)), piece["retirement"]], strict=True))
        head, *body = spent_slots(digest, len(intervals))
        words[head] = len(intervals)
        for i, span in enumerate(intervals):
            length = span.end - span.start
            words[body[2 * i]] = number_of(span.mark)
            words[body[2 * i + 1]] = pack((span.start, 8), (span.end, 8), (length, 8), (length, 8))
            words |= self._mark(span) | {debt_slot(span.mark, int(self.claim.kind)): lies.debt}
        words[live_slot(self.claim.exclusivity_key)] = int.from_bytes(digest, "big") if lies.live else 0
        return words

    def _mark(self, span: Interval) -> dict[int, int]:
        mark = {"org": number_of(ENTERPRISE), "opening": span.start, "position": span.end,
                "live": span.end - span.start, "retired": 0, "holes": 0} | dict(self.lies.mark)
        return dict(zip(mark_slots(span.mark), [
            mark["org"], pack((1, 1), (mark["opening"], 8), (mark["position"], 8), (2_000_000, 8)),
            pack((START, 8), (mark["live"], 8), (mark["retired"], 8), (mark["holes"], 8))], strict=True))


RULES = load(Path(__file__).parent / "rules").ruleset
"""Rules of this world, made up, so that the vectors do not change with the real ones."""
METHODOLOGIES = {"green-power": "green-power.pv", "emission": "inventory.electricity"}
DOMAIN = Domain("CarbonSeal", "1", CHAIN_ID, CONTRACTS[1])


def raw_at(instant: int) -> int:
    """The PV register at an instant, Wh; the main meter counts twice as much."""
    return 7_000_000 + (instant - START + 2 * FRAME) // STEP * RISE_WH


def profile(quantity: str, direction: str, meter: str, origin: str = "metered") -> dict[str, Any]:
    """A meter profile in its JSON form: one register of whole Wh."""
    return {
        "carrier": "electricity", "columns": [{"quantity": quantity, "unit": "Wh", "scale": "0", "kind": "register",
                                               "width": None, "min": "0", "max": "1000000000000"}],
        "direction": direction, "capacity_w": "4000000", "accuracy_class": "0.5S",
        "calibration_until": instant_text(START + 365 * 24 * HOUR), "gateway": GATEWAY, "parent": None,
        "org": ENTERPRISE, "serial": f"SN-{meter[2:]}", "origin": origin}


def number_of(text: str) -> int:
    """The bytes32 of an id as a word."""
    return int.from_bytes(chain_id_of(text), "big")


def pack(*fields: tuple[int, int]) -> int:
    """(value, bytes) fields of a storage word, lowest first."""
    word, offset = 0, 0
    for value, size in fields:
        word |= value << 8 * offset
        offset += size
    return word


def item(value: list[Any]) -> bytes:
    """One item of a CBOR sequence."""
    return cbor.encode(value)


def altered(file: bytes, changes: Mapping[str, bytes | Callable[[bytes], bytes] | None], **header: Any) -> bytes:
    """The file with members replaced, removed (None) or mapped, and its list of members made to fit again.

    `header`: purpose, level or indices of bundle.json to replace.
    """
    members = read_container(file)
    bundle = jcs.parse(members.pop("bundle.json")) | header
    for name, change in changes.items():
        content = change(members[name]) if callable(change) else change
        members.pop(name, None)
        if content is not None:
            members[name] = content
    members.pop("README.txt", None)
    return write_bundle(members, purpose=bundle["purpose"], level=bundle["level"],
                        indices={name: int(index) for name, index in bundle["indices"].items()})

