"""carbonseal-verify on a month of one meter's one-second data in frames of 15 minutes, level full, every body decoded.

The file is an evidence file for issue (everything but the chain's part): 2,976 frames in the period, power in W and a
register in Wh once a second, an inclusion proof an hour. The floor is what no verifier can leave out: hashing every
body and checking every frame's signature.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from attestation import envelope, manifest
from attestation.block import BlockData, Column, Integers, decode_header
from attestation.build import build_frame
from attestation.carriers import Carrier, counted
from attestation.envelope import open_envelope, seal, verify_envelope
from attestation.frame import KEY, EpochStart, Frame, Submission, decode_frame
from attestation.history import profiles_digest
from attestation.registration import ReadingPlace, Registration, parse_registration, registration_payload
from bench.figures import Figure, figure
from core import cbor, jcs, merkle
from core.claims import ClaimDocument, MeterInput, chain_claim, claim_payload, claim_signing_digest
from core.documents import MethodologyRef
from core.ethereum import Account, Domain
from core.opinions import OpinionDocument, opinion_payload, opinion_signing_digest
from core.period import Period, instant_text
from core.records import ClockQuality, Conclusion, Kind
from core.sampling import Sampling
from core.signer import KeySigner
from ledger import checkpoint, note, proof
from mrv.authoring.catalogue import shipped
from mrv.calculation import statement as statements
from mrv.calculation.run import run as run_rules
from mrv.definitions.ruleset import listing, release
from verify.bundle import write_bundle
from verify.completeness import figures
from verify.members import name_of
from verify.sources import RegisterSource
from verify.trust import ChainTrust, Trust

ORIGIN = "bench.example/park"
START = 1_793_462_400_000
"""2026-11-01 00:00 in Shanghai."""
DAY, FRAME, SECOND = 86_400_000, 900_000, 1000
GATEWAY, METER, POINT = "gw:bench", "m:bench-pv", "cp:bench-pv"
ORG, VERIFIER, NODE = "org:bench", "org:bench-verifier", "org:bench-node"
QUANTITY = "active-export"
REGISTRAR, PUBLISHER, DEVICE, LOG = (KeySigner.from_seed(name.encode().ljust(32, b".")) for name in (
    "registrar", "publisher", "device", "log"))
ENTERPRISE_ACCOUNT, VERIFIER_ACCOUNT = (Account(name.encode().ljust(32, b".")) for name in ("enterprise", "verifier"))
CONTRACT = Account(b"contract".ljust(32, b".")).address
DOMAIN = Domain("CarbonSeal", "1", 31337, CONTRACT)
# Everything but the chain's part.
STEPS = (1, 2, 4, 5, 6, 7, 8, 9)


def run(quick: bool) -> Iterator[Figure]:
    """The figures, each {name, value, unit, n, machine, floor, ratio}. `quick`: three days instead of 31."""
    days = 3 if quick else 31
    made = Month(days)
    data = made.file()
    values = 2 * days * DAY // SECOND
    with tempfile.TemporaryDirectory() as folder:
        elapsed = _command(Path(folder), data, made.trust())
    label = "3-days" if quick else "month"
    yield figure(f"verify-full-{label}", elapsed, "s", values, _floor(made.frames))
    yield figure(f"evidence-full-{label}", len(data) / 10**6, "MB", values)


def _command(folder: Path, data: bytes, trust: Trust) -> float:
    """Seconds of the command, start of the interpreter included; the best of three."""
    (folder / "month.cseal").write_bytes(data)
    (folder / "trust.json").write_text(json.dumps(trust.as_json()), encoding="utf-8")
    command = [sys.executable, "-m", "verify.command", str(folder / "month.cseal"), "--trust",
               str(folder / "trust.json"), "--json"]
    best = float("inf")
    for _ in range(3):
        began = perf_counter()
        answer = subprocess.run(command, capture_output=True, check=False)
        best = min(best, perf_counter() - began)
        if answer.returncode:
            raise RuntimeError(answer.stdout.decode() + answer.stderr.decode())
    return best


def _floor(frames: Sequence[tuple[int, Submission]]) -> float:
    """Seconds to hash every body and check every frame's signature."""
    began = perf_counter()
    for _, submission in frames:
        verify_envelope(open_envelope(submission.envelope), ORIGIN, DEVICE.public_key)
        for _, body in submission.blocks:
            sha256(body).digest()
    return perf_counter() - began


class Month:
    """The world of the file: log, registrations, frames, claim, statement, opinion."""

    def __init__(self, days: int) -> None:
        self.period = Period(START, START + days * DAY)
        self.entries: list[bytes] = []
        self.histories: dict[str, list[int]] = {}
        self.last: dict[str, Registration] = {}
        self.frames: list[tuple[int, Submission]] = []
        self.indices: dict[str, int] = {}
        self.rules = shipped()
        self._enrol()
        self._read()
        self._calculate()
        self._review()
        self.leaves = [merkle.leaf_hash(entry) for entry in self.entries]
        self.checkpoint = checkpoint.sign(LOG, ORIGIN, len(self.entries), merkle.root(self.leaves))

    def trust(self) -> Trust:
        """The reader's list."""
        key = note.parse_key(checkpoint.log_key(ORIGIN, LOG.public_key))
        return Trust(ORIGIN, key, ChainTrust(DOMAIN.chain_id, CONTRACT, CONTRACT, CONTRACT), (REGISTRAR.public_key,),
                     (PUBLISHER.public_key,), require=STEPS)

    def file(self) -> bytes:
        """The evidence file."""
        names = {"details/complete.json": {"schema": "carbonseal-details/1", "records": self.details},
                 "rules/documents.json": self.rules.documents_for(self.result.methodology),
                 "rules/listed.json": listing(self.rules),
                 "manifest/rows.json": self._rows()}
        found = {name: self.entries[index] for name, index in self.indices.items()}
        found |= {name: jcs.canonical(value) for name, value in names.items()}
        found["checkpoint"] = self.checkpoint.note
        proven = set(self.indices.values())
        for subject, indices in self.histories.items():
            found[f"histories/{name_of(subject)}.cbor"] = b"".join(
                cbor.encode([index, self.entries[index]]) for index in indices)
            proven |= set(indices)
        found |= self._frames(proven)
        paths = _Paths(self.leaves)
        found |= {f"proofs/{index}.tlog-proof": proof.write(index, paths.of(index), self.checkpoint)
                  for index in proven}
        return write_bundle(found, purpose="issue", level="full", indices=self.indices)

    def _append(self, signer: KeySigner, content_type: str, payload: bytes) -> int:
        self.entries.append(seal(signer, content_type, payload, ORIGIN))
        return len(self.entries) - 1

    def _register(self, kind: str, content_type: str, subject: str, event: str, fields: Mapping[str, Any]) -> None:
        payload = registration_payload(kind, subject, event, START - DAY, fields)
        self.last[subject] = parse_registration(payload)
        self.histories[subject] = [self._append(REGISTRAR, content_type, payload)]

    def _enrol(self) -> None:
        released = jcs.canonical(release(self.rules, "bench", START - DAY))
        self.indices["rules/release.cose"] = self._append(PUBLISHER, envelope.RULES, released)
        self.released = sha256(released).hexdigest()
        uses = ["claim", "manifest", "opinion", "statement"]
        keys = [{"public_key": REGISTRAR.public_key.hex(), "uses": uses}]
        for org, role, account in ((ORG, "enterprise", ENTERPRISE_ACCOUNT), (VERIFIER, "verifier", VERIFIER_ACCOUNT),
                                   (NODE, "node", None)):
            self._register("participant", envelope.PARTICIPANT, org, "register", {
                "name": {"zh": org, "en": org}, "roles": [role], "accreditation": "bench", "jurisdiction": "CN-32",
                "group": None, "accounts": [account.address] if account else [], "valid_from": instant_text(0),
                "valid_until": None, "keys": [] if account else keys})
        self._register("device", envelope.DEVICE, GATEWAY, "enrol", {
            "public_key": DEVICE.public_key.hex(), "site": "site:bench", "org": ORG})
        self._register("meter", envelope.METER, METER, "profile", {"profile": _profile(self.period.end)})

    def _read(self) -> None:
        """One frame before the period, those of the period, and two after."""
        first = self.period.start - FRAME
        times, power, energy = _readings((self.period.end + 2 * FRAME - first) // SECOND, first)
        self.times, self.energy = times, energy
        digest = profiles_digest({METER: self.last[METER].digest})
        count = FRAME // SECOND
        prev: bytes | EpochStart = EpochStart(None, KEY)
        for seq in range(len(times) // count):
            part = slice(seq * count, (seq + 1) * count)
            block = BlockData(METER, times[part], (Column("power", 0, power[part]), Column(QUANTITY, 0, energy[part])),
                              np.zeros(count, np.int64), (QUANTITY,))
            made = build_frame(DEVICE, ORIGIN, "site:bench", GATEWAY, 0, seq, prev, ClockQuality.SYNCHRONISED, None,
                               digest, [block])
            self.entries.append(made.envelope)
            self.frames.append((len(self.entries) - 1, made))
            prev = open_envelope(made.envelope).digest
            if seq == 0:
                self._register("claim-point", envelope.METER, POINT, "open", {
                    "meter": METER, "quantity": QUANTITY, "grid_point": "GP", "meter_serial": "SN", "org": ORG,
                    "opening": str(int(energy[0])), "capacity_w": "2000000",
                    "first_reading": ReadingPlace(int(energy[0]), first, GATEWAY, 0, 0, 0, 0,
                                                  self.frames[0][0]).as_json()})

    def _calculate(self) -> None:
        seq, ordinal = divmod((self.period.end - int(self.times[0])) // SECOND, FRAME // SECOND)
        end, start = int(self.energy[seq * (FRAME // SECOND) + ordinal]), int(self.energy[0])
        place = ReadingPlace(end, self.period.end, GATEWAY, 0, seq, 0, ordinal, self.frames[seq][0])
        source = {"type": "claim-point", "mark": POINT, "meter": METER, "quantity": QUANTITY,
                  "from": {"position": str(start)}, "to": place.as_json()}
        inputs = {"generation": [{"quantity": {"value": str(end - start), "unit": "Wh"}, "source": source,
                                  "priority": "1", "method": "measured", "uncertainty": "0.5"}]}
        document = {"subject": ORG, "boundary": "bench", "period": self.period.as_json(), "inputs": inputs,
                    "options": {}, "allow_unconfirmed": False, "carried": None}
        self.result = run_rules(self.rules, "green-power.pv", "1", document, date(2026, 12, 2))
        self.claim = self._claim()
        self.indices["claim.cose"] = self._append(REGISTRAR, envelope.CLAIM, claim_payload(self.claim))
        closing = ReadingPlace(end, self.period.end, GATEWAY, 0, seq, 0, ordinal, self.frames[seq][0])
        register = RegisterSource("generation", METER, QUANTITY, POINT, start, None, closing, "measured", None)
        context = statements.Context(ORIGIN, chain_claim(self.claim).struct_hash().hex(), self.released,
                                     self._completeness(register))
        salts = [sha256(b"%d" % i).digest()[:16] for i in range(len(statements.records_of(self.result)))]
        payload, self.details = statements.build(self.result, context, salts)
        self.statement = jcs.canonical(payload)
        self.indices["statement.cose"] = self._append(REGISTRAR, envelope.STATEMENT, self.statement)

    def _claim(self) -> ClaimDocument:
        methodology = self.result.methodology
        document = ClaimDocument(
            origin=ORIGIN, kind=Kind.GREEN_POWER, subject=ORG, holder=ENTERPRISE_ACCOUNT.address, boundary="bench",
            period=self.period, methodology=MethodologyRef(methodology.id, methodology.version, methodology.digest),
            inputs={"generation": (MeterInput(POINT, QUANTITY),)}, intervals=self.result.intervals, domain=DOMAIN)
        return replace(document, signature=ENTERPRISE_ACCOUNT.sign_digest(claim_signing_digest(document)))

    def _completeness(self, register: RegisterSource) -> dict[str, str]:
        within = counted([_frame(made) for _, made in self.frames],
                         Carrier(GATEWAY, self.period.start, self.period.end).between(
                             [], [register.closing.frame]))
        headers = [decode_header(self.frames[frame.seq][1].blocks[0][0]) for frame in within]
        return figures({(GATEWAY, 0, frame.seq): frame for frame in within}, headers, [register], self.period, 0)

    def _review(self) -> None:
        self.rows = manifest.fold(self.entries)
        payload = manifest.manifest_payload(ORIGIN, len(self.entries), self.period.end + DAY, self.rows)
        self.indices["manifest/manifest.cose"] = self._append(REGISTRAR, envelope.MANIFEST, payload)
        about, leaf = self.claim, merkle.leaf_hash(self.entries[self.indices["statement.cose"]])
        document = OpinionDocument(
            origin=ORIGIN, addressee=ORG, statement=sha256(self.statement).digest(), leaf=leaf,
            claim=chain_claim(about).struct_hash(), exclusivity_key=about.exclusivity_key,
            manifest=sha256(payload).digest(), manifest_confirmed=True, kind=about.kind, subject=ORG,
            holder=about.holder, boundary="bench", period=self.period, amount=self.result.amount, unit="MWh",
            intervals=about.intervals, external_refs=(), criteria=("bench",), assurance="limited",
            materiality=Decimal(5), materiality_source="bench", visit="none",
            sampling=Sampling("none", 1, (0,)), findings=(), conclusion=Conclusion.UNMODIFIED, reasons="bench",
            verifier=VERIFIER, accreditation="bench", notices=(), date=self.period.end + DAY,
            valid_until=self.period.end + 90 * DAY, domain=DOMAIN)
        signed = replace(document, signature=VERIFIER_ACCOUNT.sign_digest(opinion_signing_digest(document)))
        self.indices["opinion.cose"] = self._append(REGISTRAR, envelope.OPINION, opinion_payload(signed))

    def _frames(self, proven: set[int]) -> dict[str, bytes]:
        """Frames and blocks by day; the last frame of each hour is proven."""
        parts: dict[str, list[bytes]] = {}
        for position, (index, made) in enumerate(self.frames):
            frame = _frame(made)
            last = position == len(self.frames) - 1 or (frame.t_last + SECOND) % 3_600_000 == 0
            if last:
                proven.add(index)
            day = instant_text(frame.t_first)[:10]
            header, body = made.blocks[0]
            for folder, value in ((f"frames/{name_of(GATEWAY)}", [index if last else None, made.envelope]),
                                  (f"blocks/{name_of(METER)}", [GATEWAY, 0, frame.seq, 0, [], header, body])):
                parts.setdefault(f"{folder}/{day}.cbor", []).append(cbor.encode(value))
        return {name: b"".join(items) for name, items in parts.items()}

    def _rows(self) -> dict[str, Any]:
        key = f"statement/{self.claim.exclusivity_key.hex()}"
        wanted = sorted([*self.histories, key, f"frames/{GATEWAY}"], key=str.encode)
        dispute = f"dispute:{GATEWAY}"
        after = next(row.subject for row in self.rows if row.subject > dispute)
        before = [row.subject for row in self.rows if row.subject < dispute][-1]
        return {"schema": "carbonseal-manifest-rows/1", "rows": [self._row(subject) for subject in wanted],
                "absent": [{"subject": dispute, "before": self._row(before), "after": self._row(after)}]}

    def _row(self, subject: str) -> dict[str, Any]:
        position, path = manifest.prove_row(self.rows, subject)
        return {"subject": subject, "head": self.rows[position].head.hex(), "count": str(self.rows[position].entries),
                "position": str(position), "path": [step.hex() for step in path]}


class _Paths:
    """Audit paths out of one tree, its levels computed once."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self._levels = [list(leaves)]
        while len(level := self._levels[-1]) > 1:
            self._levels.append([merkle.node_hash(*level[i : i + 2]) if i + 1 < len(level) else level[i]
                                 for i in range(0, len(level), 2)])

    def of(self, index: int) -> list[bytes]:
        """The path of one leaf, lowest sibling first."""
        path = []
        for depth, level in enumerate(self._levels[:-1]):
            sibling = index >> depth ^ 1
            if sibling < len(level):
                path.append(level[sibling])
        return path


def _frame(made: Submission) -> Frame:
    return decode_frame(open_envelope(made.envelope).payload)


def _readings(seconds: int, first: int) -> tuple[Integers, Integers, Integers]:
    """times ms UTC, power W as a plant under passing clouds, energy Wh as its running sum; each (seconds,)."""
    rng = np.random.default_rng(20_261_101)
    times = first + SECOND * np.arange(seconds, dtype=np.int64)
    level = np.abs(np.cumsum(rng.integers(-60, 61, seconds)))
    power = (200_000 + level % 400_000 + rng.integers(-150, 151, seconds)).astype(np.int64)
    energy = 1_000_000 + np.cumsum(power) // 3600
    return times, power, energy.astype(np.int64)


def _profile(calibrated: int) -> dict[str, Any]:
    columns = [{"quantity": quantity, "unit": unit, "scale": "0", "kind": kind, "width": None, "min": "0",
                "max": "1000000000000"} for quantity, unit, kind in (("power", "W", "gauge"),
                                                                     (QUANTITY, "Wh", "register"))]
    return {"carrier": "electricity", "columns": columns, "direction": "generation", "capacity_w": "2000000",
            "accuracy_class": "0.5S", "calibration_until": instant_text(calibrated + 365 * DAY), "gateway": GATEWAY,
            "parent": None, "org": ORG, "serial": "SN", "origin": "simulated"}
