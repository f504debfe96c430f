"""What happens after enrolment: keys rotate, are revoked, meters are swapped, flags decided, tokens given and taken."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_helpers import (
    AFTER,
    GATEWAY_TOML,
    ORIGIN,
    SITE,
    START,
    STEEL,
    Park,
    add_participant,
    answered,
    profile,
    refused,
    run,
)

from api.accounts import authenticate
from api.deployment import Founding, create, open_deployment
from api.errors import Unauthenticated
from attestation.block import BlockData, Column
from attestation.build import build_frame
from attestation.flags import MESSAGES
from attestation.frame import EpochStart, Submission, encode_submission
from attestation.history import profiles_digest
from cli import operator
from cli.node import connect
from core.ethereum import Account
from core.period import instant_text
from core.records import ClockQuality
from core.signer import KeySigner, load_signer
from edge.spool import Place, Spool
from ledger.anchor.embedded import free_port

MINUTE = 60_000
ROTATED, METER = "gw:rotated", "m:rotated"


class Gateway:
    """A gateway with a spool: it signs one frame after another of a meter that nobody enrolled."""

    def __init__(self, folder: Path, gateway: str = ROTATED) -> None:
        self.folder, self.gateway = folder, gateway
        self.key = answered(run("keys", "make", "--dir", folder, "--json"))["public_key"]
        self.new = answered(run("keys", "make", "--dir", folder / "new", "--json"))["public_key"]
        self.old_signer, self.new_signer = load_signer(folder / "signer.pem"), load_signer(folder / "new/signer.pem")
        self.config = folder / "gateway.toml"
        self.config.write_text(GATEWAY_TOML.format(zeros="0" * 64, port=free_port()).replace("gw:x", gateway).replace(
            "grid.example/x", ORIGIN), encoding="utf-8")

    def sign(self, signer: KeySigner, frames: int, minute: int = 0) -> None:
        """Sign frames of a minute each into the spool."""
        spool = Spool(self.folder / "spool.sqlite", self.gateway, ORIGIN, limit_bytes=2**20, limit_frames=100)
        for step in range(minute, minute + frames):
            spool.sign_next(lambda place, step=step: self.frame(signer, place, step))  # type: ignore[misc]
        spool.close()

    def frame(self, signer: KeySigner, place: Place, minute: int) -> Submission:
        """The frame of one minute at a place of the chain."""
        block = BlockData(METER, np.array([AFTER - 60 * MINUTE + minute * MINUTE]),
                          (Column("energy", 0, np.array([1_000 + minute])),), np.zeros(1, np.int64), ("energy",))
        return build_frame(signer, ORIGIN, SITE, self.gateway, place.epoch, place.seq, place.prev,
                           ClockQuality.SYNCHRONISED, None, profiles_digest({}), [block])

    def begin_epoch(self, epoch: int) -> None:
        """What the configuration's epoch does when the gateway starts."""
        spool = Spool(self.folder / "spool.sqlite", self.gateway, ORIGIN, limit_bytes=2**20, limit_frames=100)
        spool.begin_epoch(epoch, "key")
        spool.close()

    def ship(self, park: Park) -> list[dict[str, Any]]:
        """Put all that waits to the node; its answers."""
        spool = Spool(self.folder / "spool.sqlite", self.gateway, ORIGIN, limit_bytes=2**20, limit_frames=100)
        path = self.folder / "waiting.cbor"
        path.write_bytes(b"".join(item.data for item in spool.waiting(100, 2**20)))
        spool.close()
        return list(park.do("frames", "put", path).json["frames"])

    def put(self, park: Park, submission: Submission) -> dict[str, Any]:
        """Put one frame to the node; its answer."""
        path = self.folder / "one.cbor"
        path.write_bytes(encode_submission(submission))
        (answer,) = park.do("frames", "put", path).json["frames"]
        return dict(answer)

    def endorse(self, park: Park, key: str = "") -> Path:
        """The file in which the old key endorses the new one."""
        path = self.folder / "rotation.json"
        answered(park.do("gateway", "endorse", "--config", self.config, "--public-key", key or self.new, "-o", path))
        return path


def enrolled(park: Park, name: str, gateway: str) -> Gateway:
    """A gateway known to the node."""
    folder = park.root / name
    folder.mkdir()
    made = Gateway(folder, gateway)
    answered(park.registrar("gateway", "enrol", "--id", gateway, "--site", SITE, "--owner", STEEL, "--public-key",
                            made.key))
    return made


# gateways

@pytest.mark.chain
def test_after_a_rotation_the_old_key_s_backlog_and_the_new_key_s_epoch_count(park: Park) -> None:
    gateway = enrolled(park, "rotated", ROTATED)
    gateway.sign(gateway.old_signer, 2)
    rotation = gateway.endorse(park)
    rotated = answered(park.registrar("gateway", "rotate", rotation))
    assert (rotated["gateway"], rotated["next_epoch"]) == (ROTATED, "1")
    assert {item["outcome"] for item in gateway.ship(park)} == {"accepted"}
    late = gateway.frame(gateway.old_signer, Place(0, 2, gateway_head(gateway)), 2)
    assert gateway.put(park, late)["error"]["code"] == "key-rotated"
    gateway.begin_epoch(1)
    gateway.sign(gateway.new_signer, 1, 3)
    assert [item["outcome"] for item in gateway.ship(park)] == ["duplicate", "duplicate", "accepted"]


def gateway_head(gateway: Gateway) -> bytes:
    """The digest of the last frame in the spool."""
    spool = Spool(gateway.folder / "spool.sqlite", gateway.gateway, ORIGIN, limit_bytes=2**20, limit_frames=100)
    prev = spool.next_place().prev
    spool.close()
    assert isinstance(prev, bytes)
    return prev


@pytest.mark.chain
def test_a_key_that_never_signed_leaves_no_backlog(park: Park) -> None:
    gateway = enrolled(park, "unused", "gw:unused")
    rotation = json.loads(gateway.endorse(park).read_bytes())
    assert (rotation["epoch"], rotation["last_seq"], rotation["head"]) == ("0", None, None)
    answered(park.registrar("gateway", "rotate", gateway.folder / "rotation.json"))
    first = gateway.frame(gateway.old_signer, Place(0, 0, EpochStart(None, "key")), 0)
    assert gateway.put(park, first)["error"]["code"] == "key-rotated"


@pytest.mark.chain
def test_a_rotation_that_the_old_key_did_not_endorse_is_refused(park: Park) -> None:
    gateway = enrolled(park, "forged", "gw:forged")
    document = json.loads(gateway.endorse(park).read_bytes())
    forged = gateway.folder / "forged.json"
    forged.write_text(json.dumps(document | {"public_key": gateway.key}, sort_keys=True, separators=(",", ":")))
    assert park.registrar("gateway", "rotate", forged).error["code"] in ("rotation-not-endorsed", "history-order")
    stranger = KeySigner.generate().public_key.hex()
    forged.write_text(json.dumps(document | {"public_key": stranger}, sort_keys=True, separators=(",", ":")))
    refused(park.registrar("gateway", "rotate", forged), 1, "rotation-not-endorsed")


@pytest.mark.chain
def test_a_file_that_is_no_rotation_is_not_entered(park: Park) -> None:
    history = park.root / "enrolment.json"
    gateway = enrolled(park, "enrolment", "gw:enrolment")
    document = json.loads(gateway.endorse(park).read_bytes())
    own = {name: document[name] for name in ("schema", "type", "subject", "seq", "prev", "time")}
    history.write_text(json.dumps(own | {"event": "revoke", "reason": "x"}, sort_keys=True, separators=(",", ":")))
    refused(park.registrar("gateway", "rotate", history), 2, "rotation-malformed")
    history.write_text("{}")
    assert park.registrar("gateway", "rotate", history).code == 2


@pytest.mark.chain
def test_only_an_enrolled_gateway_s_key_and_a_real_one_are_endorsed(park: Park) -> None:
    folder = park.root / "unknown"
    folder.mkdir()
    gateway = Gateway(folder, "gw:unknown")
    words = ("gateway", "endorse", "--config", gateway.config, "-o", folder / "x.json")
    refused(park.do(*words, "--public-key", gateway.new), 2, "device-unknown")
    for key in ("zz", "00", "0"):
        assert park.do(*words, "--public-key", key).code == 2
    assert not (folder / "x.json").exists()


@pytest.mark.chain
def test_a_lost_spool_endorses_nothing_for_its_backlog_is_unknown(park: Park) -> None:
    gateway = enrolled(park, "lost", "gw:lost")
    (gateway.folder / "signer.epoch").write_text("0\n")
    refused(park.do("gateway", "endorse", "--config", gateway.config, "--public-key", gateway.new, "-o",
                    gateway.folder / "x.json"), 1, "spool-lost")


@pytest.mark.chain
def test_a_revoked_gateway_s_frames_are_refused(park: Park) -> None:
    gateway = enrolled(park, "revoked", "gw:revoked")
    frame = gateway.frame(gateway.old_signer, Place(0, 0, EpochStart(None, "key")), 0)
    assert int(answered(park.registrar("gateway", "revoke", "--id", "gw:revoked", "--reason", "stolen"))["index"]) > 0
    assert gateway.put(park, frame)["error"]["code"] == "key-revoked"
    assert park.registrar("gateway", "revoke", "--id", "gw:absent", "--reason", "x").code in (1, 2)


# participants

@pytest.mark.chain
def test_a_revoked_participant_ends_in_the_log_and_on_the_chain(park: Park) -> None:
    account = Account(b"leaving".ljust(32, b".")).address
    add_participant(park, "org:leaving", ["trader"], account)
    ended = answered(park.registrar("participant", "revoke", "--id", "org:leaving", "--reason", "停业",
                                    "--governor-key", park.keys("governor") / "account.key"))
    assert ended["entered"] is True
    listed = {row["org"]: row["revoked"] for row in park.done("participant", "list")}
    assert (listed["org:leaving"], listed[STEEL]) == (True, False)
    assert on_chain(park, "org:leaving")


def on_chain(park: Park, org: str) -> bool:
    """Whether the chain holds the organisation as the log has it: a revoked one with its validity ended."""
    with connect(str(park.directory)) as node:
        return bool(node.get(f"/v1/participants/{org}/entry")["entered"])


@pytest.mark.chain
def test_without_governors_a_revocation_stands_in_the_log_and_enters_later(park: Park) -> None:
    add_participant(park, "org:left", ["trader"], Account(b"left".ljust(32, b".")).address)
    assert on_chain(park, "org:left")
    assert answered(park.registrar("participant", "revoke", "--id", "org:left", "--reason", "x"))["entered"] is False
    assert not on_chain(park, "org:left")
    governor = ("--governor-key", park.keys("governor") / "account.key")
    assert answered(park.registrar("participant", "enter", "--id", "org:left", *governor))["entered"] is True
    assert on_chain(park, "org:left")
    assert park.registrar("participant", "revoke", "--id", "org:absent", "--reason", "x").code in (1, 2)


# meters

@pytest.mark.chain
def test_a_swapped_meter_goes_on_from_its_closing_reading(park: Park) -> None:
    first, readings = park.root / "swapped.json", park.root / "readings.json"
    first.write_text(json.dumps(profile("import", "OLD")), encoding="utf-8")
    answered(park.registrar("meter", "add", "--id", "m:swapped", "--profile", first))
    readings.write_text(json.dumps([{
        "quantity": "energy", "closing": {"position": "500", "time": instant_text(START)},
        "opening": {"raw": "0", "time": instant_text(START + MINUTE)}}]), encoding="utf-8")
    first.write_text(json.dumps(profile("import", "NEW")), encoding="utf-8")
    swapped = answered(park.registrar("meter", "swap", "--id", "m:swapped", "--readings", readings, "--profile", first))
    assert bytes.fromhex(swapped["head"])
    readings.write_text("[]", encoding="utf-8")
    assert park.registrar("meter", "swap", "--id", "m:swapped", "--readings", readings).code == 2


# flags

def flagged(park: Park, meter: str) -> list[dict[str, Any]]:
    """The open flags of a meter."""
    return [row for row in park.done("flags", "list") if row["meter"] == meter]


@pytest.mark.chain
def test_a_flag_is_listed_with_its_meaning_until_someone_decides_it(park: Park) -> None:
    gateway = enrolled(park, "flagged", "gw:flagged")
    gateway.sign(gateway.old_signer, 1)
    (answer,) = gateway.ship(park)
    (row,) = [row for row in flagged(park, METER) if row["index"] == answer["index"]]
    assert (row["code"], row["excludes"]) == ("meter-not-enrolled", True)
    assert (row["message"]["zh"], row["message"]["en"]) == MESSAGES["meter-not-enrolled"]
    assert MESSAGES["meter-not-enrolled"][1] in run("--lang", "en", "flags", "list", "--dir", park.directory,
                                                    COLUMNS="250").stdout
    words = ("flags", "resolve", row["index"], "--code", row["code"], "--meter", METER, "--quantity", row["quantity"])
    refused(park.do(*words, "--as", "counts", "--org", STEEL), 1, "role-missing")
    assert park.done(*words, "--as", "stays-out")["resolution"] == "stays-out"
    assert row["index"] not in {row["index"] for row in flagged(park, METER)}
    refused(park.do(*words, "--as", "stays-out"), 2, "flag-unknown")
    assert park.do(*words, "--as", "maybe").code == 2


def test_every_flag_is_told_in_both_languages() -> None:
    for zh, en in MESSAGES.values():
        assert any("\u4e00" <= letter <= "\u9fff" for letter in zh)
        assert en.isascii()


# the operator

@pytest.fixture
def deployment(tmp_path: Path) -> Path:
    """A deployment folder without a chain."""
    create(tmp_path / "node", Founding("grid.example/x"), chain=False).close()
    return tmp_path / "node"


def test_a_token_works_until_its_organisation_is_revoked(deployment: Path) -> None:
    words = ("--id", "org:new", "--dir", deployment, "--json")
    added = answered(run("token", "add", "--role", "trader", "--role", "enterprise", *words))
    path = Path(added["token"])
    assert (added["roles"], stat.S_IMODE(path.stat().st_mode)) == (["enterprise", "trader"], 0o600)
    text = path.read_text().strip()
    assert who(deployment, text) == {"enterprise", "trader"}
    refused(run("token", "add", "--role", "trader", *words), 2, "key-file-exists")
    assert answered(run("token", "revoke", *words)) == {"organisation": "org:new", "revoked": 1}
    assert not path.exists()
    with pytest.raises(Unauthenticated):
        who(deployment, text)
    assert run("token", "revoke", *words).code == 1
    assert answered(run("token", "add", "--role", "trader", *words))["token"] == str(path)


def who(directory: Path, token: str) -> set[str]:
    """The roles of a token."""
    opened = open_deployment(directory)
    try:
        with opened.engine.connect() as connection:
            return set(authenticate(connection, token).roles)
    finally:
        opened.close()


def test_the_token_s_text_is_in_its_file_alone(deployment: Path) -> None:
    outcome = run("token", "add", "--id", "org:new", "--role", "trader", "--dir", deployment)
    path = deployment / "tokens" / "org-new.token"
    assert str(path) in outcome.stdout
    assert path.read_text().strip() not in outcome.stdout + outcome.stderr


@pytest.mark.parametrize(("org", "role", "code"), [("org:new", "king", "role-unknown"), ("A B", "trader", "")])
def test_a_token_without_a_role_or_an_organisation_is_not_issued(deployment: Path, org: str, role: str,
                                                                code: str) -> None:
    outcome = run("token", "add", "--id", org, "--role", role, "--dir", deployment, "--json")
    assert outcome.code == 2
    assert code in outcome.error["code"]


def test_a_worker_without_a_broker_is_told_that_none_is_needed(deployment: Path) -> None:
    error = refused(run("worker", "--dir", deployment, "--json"), 2, "broker-missing")
    assert "broker_url" in error["where"]


def test_a_worker_does_as_many_jobs_at_a_time_as_asked(deployment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[tuple[Path, int]] = []
    monkeypatch.setattr(operator, "run_worker", lambda folder, concurrency: started.append((folder, concurrency)))
    assert run("worker", "--dir", deployment).code == 0
    assert run("worker", "--dir", deployment, "--concurrency", "3").code == 0
    assert started == [(deployment, 1), (deployment, 3)]
    assert run("worker", "--dir", deployment, "--concurrency", "0").code == 2
