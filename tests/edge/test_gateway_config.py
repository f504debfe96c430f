"""The configuration is read strictly: every mistake names the file and the key."""

import re
from pathlib import Path

import pytest
from edge_helpers import write_config

import edge.config
from attestation.history import profiles_digest
from core.clock import SharedClock, SystemClock
from core.errors import InputError
from core.records import ClockQuality
from edge.config import load_config


def change(tmp_path, old, new):
    path = write_config(tmp_path, "http://127.0.0.1:1", 5020, clock_file="clock")
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return path


def test_a_whole_configuration_is_read(tmp_path):
    config = load_config(write_config(tmp_path, "http://127.0.0.1:8080/", 5020, clock_file="clock"))
    assert config.node_url == "http://127.0.0.1:8080"
    assert (config.gateway, config.site, config.origin) == ("gw:lanhe-1", "site:lanhe", "lanhe.example/park")
    assert (config.cadence.step_ms, config.cadence.frame_ms) == (1000, 3000)
    assert (config.history.step_ms, config.history.frame_ms) == (60_000, 900_000)
    assert config.clock_quality is ClockQuality.SYNCHRONISED
    assert isinstance(config.clock(), SharedClock)
    assert config.key == tmp_path / "gateway.pem"
    assert [meter.profile.word_order for meter in config.meters] == ["big", "little", "big", "big"]
    assert [meter.registers for meter in config.meters][:3] == [("energy-import",)] * 2 + [("energy-export",)]


def test_without_a_clock_file_the_machines_clock_counts(tmp_path):
    assert isinstance(load_config(write_config(tmp_path, "http://127.0.0.1:1", 5020)).clock(), SystemClock)


def test_history_falls_back_to_the_live_cadence(tmp_path):
    path = change(tmp_path, "history_step_s = 60\nhistory_frame_s = 900\n", "")
    config = load_config(path)
    assert config.history == config.cadence


@pytest.mark.parametrize(("old", "new", "code", "key"), [
    ("origin = ", "origins = ", "config-key-missing", "node.origin"),
    ('origin = "lanhe.example/park"', 'origin = " "', "config-value", "node.origin"),
    ('url = "http', 'url = "ftp', "config-value", "node.url"),
    ('id = "gw:lanhe-1"', 'id = "GW"', "id-malformed", "gateway.id"),
    ('id = "gw:lanhe-1"', 'id = 7', "config-value", "gateway.id"),
    ("key = ", "epoch = -1\nkey = ", "config-value", "gateway.epoch"),
    ("key = ", 'epoch_reason = "theft"\nkey = ', "config-value", "gateway.epoch_reason"),
    ("key = ", 'colour = "red"\nkey = ', "config-unknown", "gateway.colour"),
    ('quality = "synchronised"', 'quality = "good"', "config-value", "clock.quality"),
    ('quality = "synchronised"', "", "config-key-missing", "clock.quality"),
    ('word_order = "big"', 'registration = "00"\nword_order = "big"', "hex-malformed", "meters[0].registration"),
    ("step_s = 1\n", "step_s = 0\n", "config-value", "cadence.step_s"),
    ("step_s = 1\n", "step_s = true\n", "config-value", "cadence.step_s"),
    ("frame_s = 3\n", "frame_s = 86401\n", "config-value", "cadence.frame_s"),
    ("step_s = 1\nframe_s = 3\n", "step_s = 2\nframe_s = 3\n", "config-value", "cadence.frame_s"),
    ("limit_frames = 100000", "limit_frames = 0", "config-value", "spool.limit_frames"),
    ('protocol = "modbus-tcp"', 'protocol = "smoke"', "config-value", "meters[0].protocol"),
    ("device_id = 1\n", "device_id = 300\n", "config-value", "meters[0].device_id"),
    ("device_id = 1\n", "device_id = 248\n", "modbus-device-id", "meters[0].id"),
    ('word_order = "big"', 'word_order = "middle"', "config-value", "meters[0].word_order"),
    ('word_order = "big"\n', "", "config-key-missing", "meters[0].word_order"),
    ("timeout_ms = 500", "timeout_ms = 1001", "config-value", "meters[0].timeout_ms"),
    ('id = "m:lanhe-furnace"', 'id = "m:lanhe-main"', "config-value", "meters"),
    ("address = 8", "address = 65536", "config-value", "meters[0].points[1].address"),
    ("address = 8", "address = 65535", "modbus-address", "meters[0].points[1].quantity"),
    ("address = 8", "address = 200", "modbus-span", "meters[0].id"),
    ('layout = "u64"', 'layout = "f32"', "config-value", "meters[0].points[0].layout"),
    ('kind = "gauge"', 'kind = "dial"', "config-value", "meters[0].points[1].kind"),
    ("sentinel = true", "sentinel = 1", "config-value", "meters[0].points[0].sentinel"),
    ('quantity = "power"', 'quantity = "energy-import"', "modbus-points", "meters[0].id"),
])
def test_a_mistake_names_its_key(tmp_path, old, new, code, key):
    with pytest.raises(InputError) as caught:
        load_config(change(tmp_path, old, new))
    assert caught.value.code == code
    assert caught.value.where.startswith(str(tmp_path / "gateway.toml"))
    assert caught.value.where.endswith(f": {key}")


def test_a_file_that_is_not_there_or_not_toml_is_an_error_of_ours(tmp_path):
    with pytest.raises(InputError, match="config-missing"):
        load_config(tmp_path / "none.toml")
    for content in (b"[node", b"\xff\xfe"):
        (tmp_path / "bad.toml").write_bytes(content)
        with pytest.raises(InputError, match="config-syntax"):
            load_config(tmp_path / "bad.toml")


def test_a_gateway_without_meters_is_refused(tmp_path):
    path = write_config(tmp_path, "http://127.0.0.1:1", 5020)
    path.write_text(path.read_text().split("[[meters]]")[0])
    with pytest.raises(InputError, match="config-key-missing"):
        load_config(path)


def test_the_profiles_digest_is_over_the_registration_heads_in_the_order_of_meter_ids(tmp_path):
    digest = load_config(write_config(tmp_path, "http://127.0.0.1:1", 5020)).profiles_digest
    meters = ("m:lanhe-main", "m:lanhe-furnace", "m:lanhe-pv", "m:lanhe-compressor")
    assert digest == profiles_digest(dict.fromkeys(meters, bytes(32)))
    head = 'registration = "' + "ab" * 32 + '"\nword_order = "big"'
    path = change(tmp_path, 'word_order = "big"', head)
    assert load_config(path).profiles_digest == profiles_digest(
        {**dict.fromkeys(meters, bytes(32)), "m:lanhe-main": b"\xab" * 32})
    before, *tables = path.read_text().split("[[meters]]")
    path.write_text(before + "".join("[[meters]]" + table for table in reversed(tables)))
    assert load_config(path).profiles_digest != digest


GUIDE = (Path(__file__).parents[2] / "docs/guides/gateway.md").read_text()


def test_the_example_of_the_guide_is_a_whole_configuration(tmp_path):
    (tmp_path / "gateway.toml").write_text(re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL)[0])
    config = load_config(tmp_path / "gateway.toml")
    assert [meter.profile.meter for meter in config.meters] == ["m:lanhe-main"]
    assert config.meters[0].registers == ("energy-import",)


def test_the_guide_explains_every_key():
    source = Path(edge.config.__file__).read_text()
    keys = set(re.findall(r'\.(?:text|optional_text|choice|integer|flag|table|tables)\("(\w+)"', source))
    keys |= {f"{prefix}{name}" for prefix in ("", "history_") for name in ("step_s", "frame_s")} | {"id"}
    assert len(keys) > 25
    assert [key for key in sorted(keys) if f"`{key}`" not in GUIDE and f"`[{key}]`" not in GUIDE
            and f"`[[{key}]]`" not in GUIDE and f".{key}]]`" not in GUIDE] == []
