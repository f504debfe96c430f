"""What the tests of the command line share: running a command in this process, and a small park run by commands."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from typer.testing import CliRunner

from api.deployment import Founding, create
from api.server import Server
from attestation.block import BlockData, Column
from attestation.build import build_frame
from attestation.envelope import open_envelope
from attestation.frame import EpochStart, encode_submission
from attestation.history import profiles_digest
from cli.main import app
from core.clock import SharedClock
from core.ethereum import load_account
from core.period import instant_text
from core.records import ClockQuality
from core.signer import KeySigner, load_signer
from ledger.anchor.embedded import free_port

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
START = 1_794_844_800_000  # 2026-11-17 00:00 in Shanghai
BEFORE, AFTER = START - 2 * HOUR, START + 26 * HOUR
ORIGIN = "grid.example/lanhe"
STEEL, SUZHENG, JIANGHUI, GOV, REGISTRAR, NODE = (
    "org:lanhe-steel", "org:suzheng", "org:jianghui", "org:gov-js", "org:registrar", "org:node")
GATEWAY, SITE, MAIN = "gw:lanhe-1", "site:lanhe", "m:lanhe-main"
# Two roofs alike: the straight path sells the energy of the first, the other tests that of the second.
PV, MARK, PV2, MARK2 = "m:lanhe-pv", "cp:lanhe-pv", "m:lanhe-pv2", "cp:lanhe-pv2"
PV_RATE, MAIN_RATE, FIRST = 500_000, 100_000, 7_000_000  # Wh in 15 minutes; the registers an hour before START
OPENING = FIRST + 4 * PV_RATE
ROLES = {STEEL: ["enterprise"], SUZHENG: ["verifier"], JIANGHUI: ["trader"], GOV: ["government"],
         REGISTRAR: ["registrar", "rule-publisher"]}
GATEWAY_TOML = """
[node]
url = "http://127.0.0.1:1"
origin = "grid.example/x"
[gateway]
id = "gw:x"
site = "site:x"
key = "signer.pem"
[clock]
quality = "synchronised"
[cadence]
step_s = 1
frame_s = 60
[spool]
path = "spool.sqlite"
[[meters]]
id = "m:x"
registration = "{zeros}"
protocol = "modbus-tcp"
host = "127.0.0.1"
port = {port}
device_id = 1
word_order = "big"
timeout_ms = 100
[[meters.points]]
quantity = "energy"
unit = "Wh"
address = 0
layout = "u64"
kind = "register"
"""


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """The one document on stdout."""
        return json.loads(self.stdout)

    @property
    def error(self) -> dict[str, str]:
        """The error of the one document on stdout."""
        return dict(self.json["error"])


def run(*words: object, stdin: str = "", **environment: str) -> Outcome:
    """Run `carbonseal` with these words in this process."""
    result = CliRunner().invoke(app, [str(word) for word in words], input=stdin, env=environment)
    return Outcome(result.exit_code, result.stdout, result.stderr)


def answered(outcome: Outcome) -> Any:
    """The answer of a command that must succeed."""
    assert outcome.code == 0, (outcome.stdout, outcome.stderr)
    return outcome.json


def refused(outcome: Outcome, exit_code: int, code: str) -> dict[str, str]:
    """The error of a command that must fail with this exit code and code, told in one document."""
    assert (outcome.code, outcome.error["code"]) == (exit_code, code), (outcome.stdout, outcome.stderr)
    assert outcome.error["message"]
    return outcome.error


@dataclass
class Park:
    """A running deployment and the parties around it, each with a folder of keys of its own."""

    root: Path
    url: str = ""
    parties: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def directory(self) -> Path:
        """The deployment folder."""
        return self.root / "node"

    def set_clock(self, instant: int) -> None:
        """All who live at the deployment's clock see this instant."""
        SharedClock(self.directory / "clock.bin").start(instant)

    def keys(self, name: str) -> Path:
        """A party's folder."""
        return self.root / name

    def account(self, org: str) -> str:
        """An organisation's address."""
        return load_account(self.keys(org) / "account.key").address

    def do(self, *words: object) -> Outcome:
        """Run a command at this deployment with --json."""
        return run(*words, "--dir", self.directory, "--json")

    def done(self, *words: object) -> Any:
        """The answer of a command that must succeed."""
        return answered(self.do(*words))

    def registrar(self, *words: object) -> Outcome:
        """A registrar's command."""
        return self.do(*words, "--signer", self.keys(REGISTRAR) / "signer.pem")

    def as_(self, org: str, *words: object) -> Outcome:
        """A command signed with an organisation's account and sent with its token."""
        return self.do(*words, "--key", self.keys(org) / "account.key", "--org", org)

    def facts(self, name: str, **facts: Any) -> Path:
        """A facts file."""
        path = self.root / f"{name}.json"
        path.write_text(json.dumps({"subject": STEEL, **facts}, ensure_ascii=False), encoding="utf-8")
        return path

    def green(self, name: str, start: int, end: int, meter: str = PV2, mark: str = MARK2) -> Path:
        """The facts of a green power claim."""
        return self.facts(name, boundary=f"蓝河屋顶光伏 {name}", period=period(start, end),
                          methodology="green-power.pv", inputs={"generation": [{"meter": meter, "quantity": "energy"}]},
                          claim_point=mark)

    def inventory(self, name: str, start: int, end: int, region: str = "cn") -> Path:
        """The facts of an emission inventory."""
        return self.facts(
            name, boundary="蓝河厂区", period=period(start, end), methodology="inventory.enterprise",
            inputs={"purchased_electricity": [{"meter": MAIN, "quantity": "energy"}],
                    "gas.natural_gas": [{"document": "ab" * 32, "value": "0.86", "unit": "1e4Nm3", "title": "结算单"}]},
            options={"region": region})

    def sign(self, claim: str, *words: object) -> Outcome:
        """The verifier's review and opinion."""
        return self.as_(SUZHENG, "opinion", "sign", claim, "--trust", self.directory / "trust.json",
                        "--criteria", "ISO 14064-3", "--reasons", "复算一致", "--materiality-source", "ISO 14064-3",
                        *words)

    def claimed(self, facts: Path) -> Any:
        """A claim that the enterprise handed in, with its statement."""
        return answered(self.as_(STEEL, "claim", "create", "--facts", facts))

    def certified(self, facts: Path) -> dict[str, str]:
        """Claim, statement and piece of a certificate that was claimed, reviewed and issued by commands."""
        claim = self.claimed(facts)
        answered(self.sign(claim["claim"]))
        statement = claim["statement"]["digest"]
        pieces = self.done("certificate", "show", statement)["pieces"]
        return {"claim": claim["claim"], "statement": statement, "piece": pieces[0]["piece"]}


def period(start: int, end: int) -> dict[str, str]:
    """A reporting period in its JSON form."""
    return {"start": instant_text(start), "end": instant_text(end), "zone": "Asia/Shanghai"}


def profile(direction: str, serial: str) -> dict[str, Any]:
    """A meter's profile."""
    return {"carrier": "electricity", "direction": direction, "capacity_w": "4000000", "accuracy_class": "0.5S",
            "calibration_until": instant_text(START + 365 * DAY), "gateway": GATEWAY, "parent": None, "org": STEEL,
            "serial": serial, "origin": "metered",
            "columns": [{"quantity": "energy", "unit": "Wh", "scale": "0", "kind": "register", "width": None,
                         "min": "0", "max": "99999999999"}]}


def datum(**changes: Any) -> dict[str, Any]:
    """A planned datum: electricity bought, read from the main meter."""
    return {"input": "purchased_electricity", "title": {"zh": "购入电量", "en": "purchased electricity"},
            "computation": "总表起止示数之差", "unit": "kWh", "source": "register", "method": "measured",
            "instrument": {"meter": MAIN, "model": "DTZ341", "place": "总降", "accuracy_class": "0.5S",
                           "calibration_days": "2190"},
            "frequency": "continuous", "gap": "greatest-rate", "department": "能源部", **changes}


def plan(**changes: Any) -> dict[str, Any]:
    """A control plan with that datum alone."""
    return {"schema": "carbonseal-control-plan/1", "entity": STEEL, "boundary": "方案厂区", "version": "1",
            "previous": None, "reason": "first", "valid_from": "2026-01-01", "methodology": "inventory.general",
            "facilities": [{"id": "fac:plant", "title": "厂区"}], "data": [datum()], "assurance": ["台账每月核对"],
            **changes}


def found(root: Path) -> Park:
    """Keys by commands; then a deployment whose clock stands at BEFORE."""
    park = Park(root)
    for name in (*ROLES, "gateway", "governor"):
        park.parties[name] = run("keys", "make", "--dir", park.keys(name), "--json").json
    registrar = bytes.fromhex(park.parties[REGISTRAR]["public_key"])
    park.directory.mkdir()
    park.set_clock(BEFORE)
    create(park.directory, Founding(
        ORIGIN, ROLES, [registrar], [registrar], [park.parties["governor"]["account"]], 1,
        {"http_port": free_port(), "seal_interval_ms": 50, "clock_file": "clock.bin"}),
        clock=SharedClock(park.directory / "clock.bin")).close()
    return park


def wait_for_chain(server: Server) -> None:
    """The chain starts behind the node."""
    deadline = time.monotonic() + 30
    while httpx.get(f"{server.url}/readyz", trust_env=False).json()["checks"]["chain"] != "ok":
        assert time.monotonic() < deadline
        time.sleep(0.05)


def enrol(park: Park, node: dict[str, str]) -> None:
    """Participants, rules, gateway and meters, all by commands."""
    for org, roles in {**ROLES, NODE: ["node"]}.items():
        more = ["--accreditation", "CNAS-V-001"] if org == SUZHENG else []
        if org == NODE:
            more = ["--public-key", f"{node['key']}=claim,statement,opinion,manifest,dispute"]
        add_participant(park, org, roles, node["account"] if org == NODE else park.account(org), *more)
    answered(park.registrar("rules", "release", "--version", "1"))
    answered(park.registrar("gateway", "enrol", "--id", GATEWAY, "--site", SITE, "--owner", STEEL, "--public-key",
                            park.parties["gateway"]["public_key"]))
    for meter, direction in ((MAIN, "import"), (PV, "generation"), (PV2, "generation")):
        path = park.root / "profile.json"
        path.write_text(json.dumps(profile(direction, meter[2:])), encoding="utf-8")
        answered(park.registrar("meter", "add", "--id", meter, "--profile", path))


def add_participant(park: Park, org: str, roles: list[str], account: str, *more: object) -> Any:
    """Register an organisation in the log and on the chain."""
    named = [word for role in roles for word in ("--role", role)]
    outcome = park.registrar("participant", "add", "--id", org, "--name-zh", "测试机构", "--name-en", f"Test {org}",
                             *named, "--account", account, "--governor-key", park.keys("governor") / "account.key",
                             *more)
    return answered(outcome)


def frame_file(path: Path, key: KeySigner, hours: int) -> Path:
    """Hourly frames from an hour before START on, a reading each quarter of an hour, as a gateway spools them."""
    prev: bytes | EpochStart = EpochStart(None, "key")
    parts = []
    for seq in range(hours):
        begin, quarter = START - HOUR + seq * HOUR, 4 * seq
        blocks = [_block(MAIN, begin, FIRST + MAIN_RATE * quarter, MAIN_RATE),
                  *(_block(pv, begin, FIRST + PV_RATE * quarter, PV_RATE) for pv in (PV, PV2))]
        made = build_frame(key, ORIGIN, SITE, GATEWAY, 0, seq, prev, ClockQuality.SYNCHRONISED, None,
                           profiles_digest({}), blocks)
        prev = open_envelope(made.envelope).digest
        parts.append(encode_submission(made))
    path.write_bytes(b"".join(parts))
    return path


def _block(meter: str, start: int, position: int, rate: int) -> BlockData:
    steps = np.arange(4, dtype=np.int64)
    return BlockData(meter, start + 15 * MINUTE * steps, (Column("energy", 0, position + rate * steps),),
                     np.zeros(4, np.int64), ("energy",))


def gateway_key(park: Park) -> KeySigner:
    """The gateway's own key."""
    return load_signer(park.keys("gateway") / "signer.pem")
