"""A small park around a real deployment with its embedded chain: who registers, measures, claims and verifies."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
from api_helpers import ORIGIN, TOKENS

from api import pipeline
from api.chain import ChainLink
from api.deployment import Deployment, Founding, create, open_deployment, save_trust
from attestation.block import BlockData, Column
from attestation.build import build_frame
from attestation.envelope import RULES, open_envelope, seal
from attestation.frame import EpochStart, Submission, encode_submission
from attestation.history import profiles_digest
from attestation.registration import CONTENT_TYPE_OF, Registration, parse_registration, registration_payload
from certificates import claim as claims
from certificates import lifecycle, store
from certificates import opinion as opinions
from certificates.lifecycle import Desk
from certificates.registry import ChainParticipant, Mark
from certificates.registry_evm import EvmRegistry
from certificates.store import StoredStatement
from core import jcs
from core.claims import ClaimInput, MeterInput
from core.clock import Clock, FixedClock
from core.database import reading
from core.documents import MethodologyRef
from core.ethereum import Account
from core.opinions import Judgement
from core.period import Period, instant_text
from core.records import ClockQuality, Conclusion, Interval, Kind, MarkKind
from core.sampling import Sampling
from core.signer import KeySigner
from ledger.anchor.evm import Chain
from mrv.authoring import catalogue
from mrv.definitions.ruleset import release
from verify.trust import ChainTrust, Trust

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
START = 1_794_844_800_000  # 2026-11-17 00:00 in Shanghai
PERIOD = Period(START, START + DAY)
AFTER = START + 26 * HOUR
STEEL, SUZHENG, NODE, REGISTRAR = "org:lanhe-steel", "org:suzheng", "org:node", "org:registrar"
GATEWAY, SITE = "gw:lanhe-1", "site:lanhe"
PV, MAIN, MARK = "m:lanhe-pv", "m:lanhe-main", "cp:lanhe-pv"
PV_RATE, MAIN_RATE = 500_000, 100_000  # Wh in 15 minutes
PV_FIRST, MAIN_FIRST = 7_000_000, 90_000_000
PV_OPENING = PV_FIRST + 4 * PV_RATE  # the register at START
REGISTRAR_KEY = KeySigner.from_seed(b"registrar".ljust(32, b"."))
PUBLISHER_KEY = KeySigner.from_seed(b"publisher".ljust(32, b"."))
GATEWAY_KEY = KeySigner.from_seed(b"gateway".ljust(32, b"."))
ACCOUNTS = {org: Account(org.encode().ljust(32, b".")) for org in (STEEL, SUZHENG, REGISTRAR, "org:jianghui")}


def founding(**changes: Any) -> Founding:
    return Founding(**{"origin": ORIGIN, "organisations": TOKENS, "registrars": [REGISTRAR_KEY.public_key],
                       "rule_publishers": [PUBLISHER_KEY.public_key], **changes})


class Gateway:
    """The gateway's place in its chain of frames: hourly frames, a reading each quarter of an hour."""

    def __init__(self) -> None:
        self.seq = 0
        self.prev: bytes | EpochStart = EpochStart(None, "key")

    def frame(self, start: int, *, pv: int | None = None, main: int | None = None) -> Submission:
        """The frame of the hour that begins at `start`; registers as they should stand, or as given."""
        made = self.build(start, pv=pv, main=main)
        self.prev = open_envelope(made.envelope).digest
        self.seq += 1
        return made

    def build(self, start: int, *, pv: int | None = None, main: int | None = None) -> Submission:
        """The same without moving on."""
        quarter = (start - (START - HOUR)) // (15 * MINUTE)
        blocks = [_block(MAIN, start, MAIN_FIRST + MAIN_RATE * quarter if main is None else main, MAIN_RATE),
                  _block(PV, start, PV_FIRST + PV_RATE * quarter if pv is None else pv, PV_RATE)]
        return build_frame(GATEWAY_KEY, ORIGIN, SITE, GATEWAY, 0, self.seq, self.prev, ClockQuality.SYNCHRONISED, None,
                           profiles_digest({}), blocks)

    def frames(self, first: int, count: int) -> list[Submission]:
        """`count` hourly frames from `first` on."""
        return [self.frame(first + i * HOUR) for i in range(count)]


def _block(meter: str, start: int, position: int, rate: int) -> BlockData:
    steps = np.arange(4, dtype=np.int64)
    return BlockData(meter, start + 15 * MINUTE * steps, (Column("energy", 0, position + rate * steps),),
                     np.zeros(4, np.int64), ("energy",))


def body(*submissions: Submission) -> bytes:
    """A POST body."""
    return b"".join(encode_submission(item) for item in submissions)


def profile(direction: str, serial: str) -> dict[str, Any]:
    column = {"quantity": "energy", "unit": "Wh", "scale": "0", "kind": "register", "width": None, "min": "0",
              "max": "99999999999"}
    return {"carrier": "electricity", "direction": direction, "capacity_w": "4000000", "accuracy_class": "0.5S",
            "calibration_until": instant_text(START + 365 * DAY), "gateway": GATEWAY, "parent": None, "org": STEEL,
            "serial": serial, "origin": "simulated" if direction == "generation" else "metered", "columns": [column]}


def participant_fields(org: str, roles: list[str], keys: list[dict[str, Any]], account: str | None,
                       **changes: Any) -> dict[str, Any]:
    return {"name": {"zh": f"测试机构 {org}", "en": f"Test {org}"}, "roles": roles, "accreditation": None,
            "jurisdiction": "CN-JS", "group": None, "accounts": [account] if account else [], "keys": keys,
            "valid_from": instant_text(START - 30 * DAY), "valid_until": None, **changes}


class World:
    """The deployment and everybody around it."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment, self.clock = deployment, deployment.clock
        self.link: ChainLink = deployment.chain_link()
        self.gateway = Gateway()
        self.heads: dict[str, Registration] = {}

    @classmethod
    def made(cls, directory: Path, clock: Clock | None = None, **changes: Any) -> World:
        """A new deployment, nothing registered yet."""
        return cls(create(directory, founding(**changes), clock=clock or FixedClock(AFTER)))

    @classmethod
    def opened(cls, directory: Path) -> World:
        """A deployment that is there already."""
        return cls(open_deployment(directory, clock=FixedClock(AFTER)))

    def close(self) -> None:
        self.link.stop()
        self.deployment.close()

    def trust_nobody(self) -> None:
        """A trust list with the registrar's key and no chain, for deployments that were made without one."""
        nowhere = "0x" + "0" * 40
        save_trust(self.deployment, Trust(
            ORIGIN, self.deployment.log_key, ChainTrust(31_337, nowhere, nowhere, nowhere),
            (REGISTRAR_KEY.public_key,), (PUBLISHER_KEY.public_key,), allow_development_chain=True))

    # what registrar and publisher sign

    def signed(self, kind: str, subject: str, event: str, fields: dict[str, Any],
               time: int = START - 2 * HOUR) -> bytes:
        """The envelope of the next registration of a subject."""
        payload = registration_payload(kind, subject, event, time, fields, self.heads.get(subject))
        self.heads[subject] = parse_registration(payload)
        return seal(REGISTRAR_KEY, CONTENT_TYPE_OF[kind], payload, ORIGIN)

    def registrations(self) -> list[bytes]:
        """Everything that has to be registered before the first frame."""
        node_key = {"public_key": self.deployment.node_signer.public_key.hex(),
                    "uses": ["claim", "statement", "opinion", "manifest", "dispute"]}
        accounts = {org: account.address for org, account in ACCOUNTS.items()}
        return [
            self.signed("participant", NODE, "register", participant_fields(
                NODE, ["node"], [node_key], self.deployment.account.address)),
            self.signed("participant", STEEL, "register", participant_fields(
                STEEL, ["enterprise"], [], accounts[STEEL])),
            self.signed("participant", SUZHENG, "register", participant_fields(
                SUZHENG, ["verifier"], [], accounts[SUZHENG], accreditation="CNAS-V-001")),
            self.signed("device", GATEWAY, "enrol", {
                "public_key": GATEWAY_KEY.public_key.hex(), "site": SITE, "org": STEEL}),
            self.signed("meter", MAIN, "profile", {"profile": profile("import", "CN-MAIN")}),
            self.signed("meter", PV, "profile", {"profile": profile("generation", "CN-PV")}),
        ]

    def rules(self) -> bytes:
        """The release of the rules that the node runs."""
        payload = jcs.canonical(release(catalogue.shipped(), "1", START - 2 * HOUR))
        return seal(PUBLISHER_KEY, RULES, payload, ORIGIN)

    def claim_point(self, index: int) -> bytes:
        """Opens the claim point at the reading of START, first of the second frame, which stands at `index`."""
        return self.signed("claim-point", MARK, "open", {
            "meter": PV, "quantity": "energy", "grid_point": "CN-JS-000017", "meter_serial": "CN-PV", "org": STEEL,
            "opening": str(PV_OPENING), "capacity_w": "4000000", "first_reading": {
                "position": str(PV_OPENING), "time": instant_text(START), "gateway": GATEWAY, "epoch": "0",
                "seq": "1", "block": "1", "ordinal": "0", "index": str(index)}}, time=START)

    # the same through the pipeline

    def prepare(self) -> World:
        """Registered in the log and on the chain, rules released, the first hours of frames accepted."""
        for envelope in self.registrations():
            pipeline.register(self.deployment, envelope)
        pipeline.release_rules(self.deployment, self.rules())
        self.accept_frames(2)
        pipeline.register(self.deployment, self.claim_point(8))
        self.link.start()
        self.enter()
        return self

    def accept_frames(self, count: int = 24) -> World:
        """The next hourly frames; the first two are before the claim point opens."""
        self.put(*self.gateway.frames(START - HOUR + self.gateway.seq * HOUR, count))
        return self

    def put(self, *submissions: Submission) -> list[int]:
        """Accept frames; their log indices. All of them must be accepted."""
        (outcomes,) = pipeline.accept(self.deployment, self.generation(), [body(*submissions)])
        assert isinstance(outcomes, list)
        assert {item.outcome for item in outcomes} == {"accepted"}, outcomes
        return [item.index or 0 for item in outcomes]

    def put_any(self, *submissions: Submission) -> list[str]:
        """Offer frames, whatever becomes of them; their outcomes."""
        (outcomes,) = pipeline.accept(self.deployment, self.generation(), [body(*submissions)])
        assert isinstance(outcomes, list)
        return [item.outcome for item in outcomes]

    def generation(self) -> int:
        """The writer's generation that the database holds."""
        with reading(self.deployment.engine) as connection:
            return connection.exec_driver_sql("SELECT generation FROM api_writer").scalar() or 0

    def enter(self) -> None:
        """Enter participants on the chain and open the mark there."""
        roles = {STEEL: "enterprise", SUZHENG: "verifier", REGISTRAR: "registrar", "org:jianghui": "trader"}
        for org, role in roles.items():
            self.link.enter(ChainParticipant(org, (role,), START - 30 * DAY, START + 365 * DAY,
                                             (ACCOUNTS[org].address,)), self.govern)
        lifecycle.open_mark(self.desk(REGISTRAR), Mark(MARK, STEEL, MarkKind.REGISTER, PV_OPENING, 4_000_000, START))

    def govern(self, digest: bytes) -> list[bytes]:
        """The node's account is the only governor of a trial deployment."""
        return [self.deployment.account.sign_digest(digest)]

    def desk(self, org: str) -> Desk:
        """An organisation's own place at the registry."""
        chain = Chain(self.link.url, ACCOUNTS[org], self.clock)
        return Desk(self.deployment.engine, EvmRegistry(chain, self.link.addresses), self.link.blocks,
                    ACCOUNTS[org].address, self.clock)

    # what enterprise and verifier sign

    def claim(self, kind: Kind = Kind.GREEN_POWER, units: int = 48, start: int = PV_OPENING,
              **changes: Any) -> bytes:
        """A claim that the enterprise signed: green power of the day, or the inventory of the main meter."""
        name, inputs, intervals, options = self._claimed(kind, units, start)
        ruleset = catalogue.shipped()
        methodology = max((item for item in ruleset.methodologies.values() if item.id == name),
                          key=lambda item: int(item.version))
        facts: dict[str, Any] = {
            "origin": ORIGIN, "kind": kind, "subject": STEEL, "holder": ACCOUNTS[STEEL].address, "boundary": "蓝河厂区",
            "period": PERIOD, "methodology": MethodologyRef(methodology.id, methodology.version, methodology.digest),
            "inputs": inputs, "domain": pipeline.domain_of(self.deployment), "intervals": intervals,
            "options": options, **changes}
        return claims.sign(claims.draft(**facts), ACCOUNTS[STEEL])

    def _claimed(self, kind: Kind, units: int, start: int) -> tuple[
            str, dict[str, list[ClaimInput]], list[Interval], dict[str, Any]]:
        if kind is Kind.GREEN_POWER:
            return ("green-power.pv", {"generation": [MeterInput(PV, "energy")]},
                    [Interval(MARK, start, start + units * 1_000_000)], {})
        return "inventory.enterprise", {"purchased_electricity": [MeterInput(MAIN, "energy")]}, [], {"region": "cn"}

    def opinion(self, statement: StoredStatement, **changes: Any) -> bytes:
        """The verifier's signed opinion on a statement."""
        with reading(self.deployment.engine) as connection:
            claim = store.claim(connection, statement.claim_digest).document
        manifest = pipeline.manifest(self.deployment, statement.log_index)
        now = self.clock.now()
        judged = Judgement(**{
            "verifier": SUZHENG, "accreditation": "CNAS-V-001", "addressee": "org:gov-js",
            "criteria": ("ISO 14064-3",),
            "assurance": "reasonable", "materiality": Decimal(5), "materiality_source": "ISO 14064-3",
            "visit": "none", "sampling": Sampling("all details", 1, (0,)), "findings": (),
            "conclusion": Conclusion.UNMODIFIED, "reasons": "复算一致", "notices": (), "date": now,
            "valid_until": now + 30 * DAY, **changes})
        document = opinions.draft(judged, statement=statement.payload, leaf=statement.leaf, claim=claim,
                                  manifest=manifest.digest, manifest_confirmed=True)
        return opinions.sign(document, ACCOUNTS[SUZHENG])
