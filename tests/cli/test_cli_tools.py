"""Keys, decoding and the gateway's commands: what works without any node."""

import stat
from pathlib import Path

import pytest
from cli_helpers import GATEWAY_TOML, refused, run

from adapters.modbus_tcp.codec import crc16
from core.ethereum import load_account
from core.signer import load_signer
from ledger.anchor.embedded import free_port

# keys

def test_a_party_s_keys_are_its_own_to_read(tmp_path: Path) -> None:
    made = run("keys", "make", "--dir", tmp_path / "steel", "--json").json
    for name in ("signer.pem", "account.key"):
        assert stat.S_IMODE((tmp_path / "steel" / name).stat().st_mode) == 0o600
    assert made["public_key"] == load_signer(tmp_path / "steel" / "signer.pem").public_key.hex()
    assert made["account"] == load_account(tmp_path / "steel" / "account.key").address
    assert run("keys", "show", "--dir", tmp_path / "steel", "--json").json == made


def test_the_secret_itself_is_never_printed(tmp_path: Path) -> None:
    outcome = run("keys", "make", "--dir", tmp_path / "steel")
    assert (tmp_path / "steel" / "account.key").read_text().strip() not in outcome.stdout + outcome.stderr


def test_keys_are_never_made_over_others(tmp_path: Path) -> None:
    run("keys", "make", "--dir", tmp_path / "steel")
    before = (tmp_path / "steel" / "account.key").read_bytes()
    refused(run("keys", "make", "--dir", tmp_path / "steel", "--json"), 2, "key-file-exists")
    assert (tmp_path / "steel" / "account.key").read_bytes() == before


def test_an_empty_folder_has_no_keys_to_show(tmp_path: Path) -> None:
    refused(run("keys", "show", "--dir", tmp_path, "--json"), 2, "key-file-missing")


# decode

ANSWER = bytes.fromhex("010304000000fa")
RTU = (ANSWER + crc16(ANSWER)).hex()
TCP = "000100000007" + ANSWER.hex()


@pytest.mark.parametrize(("protocol", "frame"), [("modbus-rtu", RTU), ("modbus-tcp", TCP),
                                                 ("modbus-tcp", TCP.upper())])
def test_an_answer_shows_its_registers_and_no_invented_reading(protocol: str, frame: str) -> None:
    outcome = run("decode", protocol, frame, "--json")
    assert outcome.code == 0
    document = outcome.json
    assert (document["protocol"], document["ok"], document["readings"], document["error"]) == (protocol, True, [], None)
    assert [0, 250] in document["fields"].values()


@pytest.mark.parametrize(("protocol", "frame", "exit_code", "code"), [
    ("modbus-rtu", RTU[:-2] + "00", 1, "modbus-crc"), ("modbus-rtu", "01", 1, "modbus-frame-length"),
    ("modbus-tcp", TCP[:-2], 1, "modbus-frame-length"), ("modbus-tcp", "zz", 1, "hex-malformed"),
    ("modbus-tcp", "", 1, "modbus-frame-length"), ("morse", "00", 2, "protocol-unknown")])
def test_a_malformed_frame_is_told_in_the_document(protocol: str, frame: str, exit_code: int, code: str) -> None:
    outcome = run("decode", protocol, frame, "--json")
    assert (outcome.code, outcome.json["ok"], outcome.json["error"]["code"]) == (exit_code, False, code)


def test_people_read_fields_or_the_error() -> None:
    assert "250" in run("decode", "modbus-rtu", RTU).stdout
    assert "modbus-crc" in run("decode", "modbus-rtu", RTU[:-2] + "00").stdout


# gateway


def test_a_meter_that_does_not_answer_is_exit_1_and_shown(tmp_path: Path) -> None:
    run("keys", "make", "--dir", tmp_path)
    (tmp_path / "gateway.toml").write_text(GATEWAY_TOML.format(zeros="0" * 64, port=free_port()), encoding="utf-8")
    outcome = run("gateway", "check", "--config", tmp_path / "gateway.toml", "--json")
    assert outcome.code == 1
    (row,) = outcome.json
    assert (row["meter"], row["quantity"], row["value"]) == ("m:x", "energy", None)
    assert row["error"]["code"]
    assert row["error"]["code"] in run("gateway", "check", "--config", tmp_path / "gateway.toml",
                                       COLUMNS="250").stdout


@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.parametrize("text", ["", "[node]\n", "not toml"])
def test_a_configuration_that_is_none_is_unusable(tmp_path: Path, command: str, text: str) -> None:
    (tmp_path / "gateway.toml").write_text(text, encoding="utf-8")
    outcome = run("gateway", command, "--config", tmp_path / "gateway.toml", "--json")
    assert outcome.code == 2
    assert outcome.error["code"].startswith("config-")


def test_a_run_ends_at_an_instant_of_our_form(tmp_path: Path) -> None:
    error = refused(run("gateway", "run", "--config", tmp_path / "g.toml", "--until", "noon", "--json"), 2,
                    "instant-malformed")
    assert error["where"] == "--until"
