"""A small park for the tests of this room: a registrar, a gateway, meters, and a node made of judge, log and record."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection, text
from sqlmodel import SQLModel

from attestation import acceptance, envelope, registry, rows
from attestation.acceptance import Decision
from attestation.block import BlockData, Column, Gap
from attestation.build import build_frame
from attestation.envelope import seal
from attestation.frame import Beacon, EpochStart, Submission
from attestation.history import profiles_digest
from attestation.manifest import manifest_payload
from attestation.rebuild import Finding, rebuild
from attestation.registration import CONTENT_TYPE_OF, Registration, parse_registration, registration_payload
from core.clock import FixedClock
from core.database import open_engine, transaction
from core.period import instant_text
from core.records import ClockQuality
from core.signer import KeySigner

ORIGIN = "carbonseal.example/park"
START = 1_760_000_400_000  # a full hour, ms UTC
MINUTE = 60_000
HOUR = 3_600_000
GATEWAY, SITE, ORG = "gw:one", "site:park", "org:steel"
REGISTRAR = KeySigner.from_seed(b"registrar".ljust(32, b"."))
GATEWAY_KEY = KeySigner.from_seed(b"gateway one".ljust(32, b"."))
OTHER_KEY = KeySigner.from_seed(b"another key".ljust(32, b"."))


def profile(**changes: Any) -> dict[str, Any]:
    """A meter's profile in its JSON form: energy in Wh (8 digits), power in W."""
    return {
        "carrier": "electricity", "direction": "import", "capacity_w": "1000000", "accuracy_class": "0.5S",
        "calibration_until": instant_text(START + 365 * 24 * HOUR), "gateway": GATEWAY, "parent": None, "org": ORG,
        "serial": "CN-0001", "origin": "metered", "columns": [
            {"quantity": "power", "unit": "W", "scale": "0", "kind": "gauge", "width": None, "min": "0",
             "max": "1200000"},
            {"quantity": "energy", "unit": "Wh", "scale": "0", "kind": "register", "width": None, "min": "0",
             "max": "99999999999"}],
    } | changes


def change(raw_value: int, at: int, closing: int, **more: Any) -> dict[str, Any]:
    """The fields of a swap, roll-over, ratio or move of the meter's energy register."""
    return {"registers": [{"quantity": "energy", "closing": {"position": str(closing), "time": instant_text(at)},
                           "opening": {"raw": str(raw_value), "time": instant_text(at)}}]} | more


def wrapping_profile(width: int, **changes: Any) -> dict[str, Any]:
    """A profile whose only column is an energy register of `width` digits in Wh."""
    column = {"quantity": "energy", "unit": "Wh", "scale": "0", "kind": "register", "width": str(width), "min": "0",
              "max": str(10**width - 1)}
    return profile(columns=[column], **changes)


def integers(*values: int) -> Any:
    """An int64 array."""
    return np.array(values, np.int64)


def block(meter: str = "m:main", *, start: int = START, count: int = 60, step: int = 1000, energy: int = 1_000_000,
          power: int = 36_000, rate: int = 10, quality: int = 0) -> BlockData:
    """A regular block: constant power, a register that gains `rate` Wh a reading."""
    times = start + step * np.arange(count, dtype=np.int64)
    columns = (Column("power", 0, np.full(count, power, np.int64)),
               Column("energy", 0, energy + rate * np.arange(count, dtype=np.int64)))
    return BlockData(meter, times, columns, np.full(count, quality, np.int64), ("energy",))


def energy_block(values: Sequence[int], *, meter: str = "m:main", start: int = START, step: int = 60_000,
                 quality: Sequence[int] | None = None) -> BlockData:
    """A block with the energy register alone."""
    times = start + step * np.arange(len(values), dtype=np.int64)
    codes = np.array(quality if quality is not None else [0] * len(values), np.int64)
    return BlockData(meter, times, (Column("energy", 0, np.array(values, np.int64)),), codes, ("energy",))


def silent(meter: str, start: int = START, end: int = START + 59_000) -> BlockData:
    """A meter that said nothing."""
    return BlockData(meter, integers(), (), integers(), (), Gap(1, start, end))


def no_salt() -> bytes:
    """A salt that tests can repeat."""
    return bytes(range(16))


class Gateway:
    """The gateway's side: keeps its place in the chain and builds submissions."""

    def __init__(self, signer: KeySigner = GATEWAY_KEY, name: str = GATEWAY, origin: str = ORIGIN) -> None:
        self.signer = signer
        self.name = name
        self.origin = origin
        self.site = SITE
        self.epoch = 0
        self.seq = 0
        self.prev: bytes | EpochStart = EpochStart(None, "key")
        self.clock = ClockQuality.SYNCHRONISED
        self.beacon: Beacon | None = None

    def frame(self, *blocks: BlockData) -> Submission:
        """The next frame; the place moves on."""
        submission = self.build(*blocks)
        self.prev = envelope.open_envelope(submission.envelope).digest
        self.seq += 1
        return submission

    def build(self, *blocks: BlockData) -> Submission:
        """A frame at the present place, which does not move."""
        return build_frame(self.signer, self.origin, self.site, self.name, self.epoch, self.seq, self.prev,
                           self.clock, self.beacon, profiles_digest({}), blocks, no_salt)

    def start_epoch(self, reason: str, head: bytes | None) -> None:
        """The next frame begins the next epoch."""
        self.epoch, self.seq, self.prev = self.epoch + 1, 0, EpochStart(head, reason)

    @property
    def head(self) -> bytes:
        """SHA-256 of the last payload."""
        assert isinstance(self.prev, bytes)
        return self.prev


class Node:
    """A node reduced to this room: the log is a list of entries."""

    def __init__(self, path: Path, now: int = START + HOUR) -> None:
        self.engine = open_engine(path / "node.db")
        SQLModel.metadata.create_all(self.engine)
        self.clock = FixedClock(now)
        self.entries: list[bytes] = []
        self.heads: dict[str, Registration] = {}
        self.signer = KeySigner.from_seed(b"node".ljust(32, b"."))

    def register(self, kind: str, subject: str, event: str, fields: dict[str, Any], time: int = START - HOUR) -> int:
        """Register and append; answers the log index."""
        payload = registration_payload(kind, subject, event, time, fields, self.heads.get(subject))
        return self.register_payload(kind, payload)

    def register_payload(self, kind: str, payload: bytes) -> int:
        """Append a registration payload signed by the registrar."""
        sealed = seal(REGISTRAR, CONTENT_TYPE_OF[kind], payload, ORIGIN)
        with transaction(self.engine) as connection:
            entry = registry.judge_registration(connection, sealed, ORIGIN, [REGISTRAR.public_key], len(self.entries))
            registry.record_registration(connection, len(self.entries), entry)
        self.heads[entry.subject] = parse_registration(payload)
        self.entries.append(sealed)
        return len(self.entries) - 1

    def enrol(self, *meters: str, **changes: Any) -> Node:
        """Enrol the gateway once, and meters with the usual profile."""
        if GATEWAY not in self.heads:
            self.register("device", GATEWAY, "enrol",
                          {"public_key": GATEWAY_KEY.public_key.hex(), "site": SITE, "org": ORG})
        for meter in meters:
            self.register("meter", meter, "profile", {"profile": profile(**changes)})
        return self

    def put(self, *submissions: Submission) -> list[Decision]:
        """Judge, append, record in one transaction; disputes are appended after."""
        with transaction(self.engine) as connection:
            decisions = acceptance.judge(connection, submissions, self.clock, ORIGIN)
            appended = [decision.submission.envelope for decision in decisions if decision.appends]
            acceptance.record(connection, decisions, range(len(self.entries), len(self.entries) + len(appended)))
            self.entries += appended
            for payload in acceptance.disputes_of(connection, decisions, self.clock.now()):
                acceptance.record_dispute(connection, len(self.entries), payload)
                self.entries.append(seal(self.signer, envelope.DISPUTE, payload, ORIGIN))
        return decisions

    def one(self, submission: Submission) -> Decision:
        """The decision about one submission."""
        return self.put(submission)[0]

    def manifest(self, size: int = 0) -> bytes:
        """Append a manifest over all entries, folded on from the one over `size` entries; its payload."""
        with transaction(self.engine) as connection:
            folded = rows.fold_at(connection, size)
            for entry in self.entries[folded.size:]:
                folded.add(entry)
            rows.keep(connection, folded)
        payload = manifest_payload(ORIGIN, folded.size, self.clock.now(), folded.rows())
        self.entries.append(seal(self.signer, envelope.MANIFEST, payload, ORIGIN))
        return payload

    def flags(self) -> set[tuple[int, str, str, str]]:
        """(log index, meter, quantity, code) of every flag."""
        with self.engine.connect() as connection:
            rows = connection.execute(text("SELECT log_index, meter, quantity, code FROM attestation_flag"))
            return {tuple(row) for row in rows}

    def codes(self) -> set[str]:
        """The codes of every flag."""
        return {code for _, _, _, code in self.flags()}

    def check_everything(self) -> list[Finding]:
        """What fsck would find."""
        with self.engine.connect() as connection:
            return rebuild(connection, self.entries)

    def connection(self) -> Connection:
        """A connection to read from."""
        return self.engine.connect()


def derived(node: Node) -> dict[str, list[Any]]:
    """Hours, register heads and flags as stored."""
    with node.connection() as connection:
        return {name: sorted(map(tuple, connection.execute(text(f"SELECT * FROM attestation_{name}"))), key=str)
                for name in ("rollup", "register", "flag")}
