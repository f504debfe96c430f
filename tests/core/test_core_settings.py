"""Settings: defaults that start, a strict file, an environment that overrides, and no insecure value."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from core.errors import FormError, InputError, Refused
from core.settings import FILE_NAME, Settings, load, render


def written(directory: Path, text: str) -> Path:
    (directory / FILE_NAME).write_text(text, encoding="utf-8")
    return directory


def test_nothing_has_to_be_set(tmp_path: Path) -> None:
    assert load(tmp_path, {}) == Settings()
    assert Settings().embedded_chain
    assert Settings().http_host == "127.0.0.1"


def test_the_file_sets_and_the_environment_overrides(tmp_path: Path) -> None:
    written(tmp_path, 'origin = "grid.example/park"\nhttp_port = 9000\nshow_readings = true\n')
    settings = load(tmp_path, {"CARBONSEAL_HTTP_PORT": "9001", "CARBONSEAL_SHOW_READINGS": "false", "PATH": "/bin"})
    assert (settings.origin, settings.http_port, settings.show_readings) == ("grid.example/park", 9001, False)


def test_an_empty_variable_is_as_good_as_none(tmp_path: Path) -> None:
    assert load(tmp_path, {"CARBONSEAL_ORIGIN": ""}).origin == Settings().origin


def test_what_the_command_line_reads_is_no_setting(tmp_path: Path) -> None:
    assert load(tmp_path, {"CARBONSEAL_LANG": "en", "CARBONSEAL_DIR": "/srv"}) == Settings()


@pytest.mark.parametrize("text", ["http_prot = 1", "[http]\nport = 1"])
def test_an_unknown_setting_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError) as caught:
        load(written(tmp_path, text), {})
    assert caught.value.code == "setting-unknown"


def test_an_unknown_variable_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load(tmp_path, {"CARBONSEAL_HTTP_PROT": "1"})
    assert caught.value.code == "setting-unknown"
    assert caught.value.where == "CARBONSEAL_HTTP_PROT"


@pytest.mark.parametrize("text", [
    'http_port = "8080"', "http_port = true", "origin = 5", "show_readings = 1", "http_port = 1.5"])
def test_a_value_of_another_type_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError) as caught:
        load(written(tmp_path, text), {})
    assert caught.value.code == "setting-invalid"


@pytest.mark.parametrize("variable", [
    {"CARBONSEAL_HTTP_PORT": "８０８０"}, {"CARBONSEAL_HTTP_PORT": "-1"}, {"CARBONSEAL_BEHIND_PROXY": "yes"}])
def test_a_variable_of_another_type_is_refused(tmp_path: Path, variable: dict[str, str]) -> None:
    with pytest.raises(InputError) as caught:
        load(tmp_path, variable)
    assert caught.value.code == "setting-invalid"


def test_a_file_that_is_not_toml_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormError) as caught:
        load(written(tmp_path, "origin = "), {})
    assert caught.value.code == "settings-malformed"
    (tmp_path / FILE_NAME).write_bytes(b"\xff\xfe")
    with pytest.raises(FormError):
        load(tmp_path, {})


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).mkdir()
    with pytest.raises(InputError) as caught:
        load(tmp_path, {})
    assert caught.value.code == "settings-unreadable"


@pytest.mark.parametrize(("name", "low", "high"), [
    ("http_port", 0, 65_535), ("max_body_bytes", 2**16, 128 * 2**20), ("seal_interval_ms", 50, 3_600_000),
    ("seal_entries", 1, 2**20), ("manifest_interval_ms", 1_000, 86_400_000), ("chain_confirmations", 0, 1_000)])
def test_both_sides_of_each_range(name: str, low: int, high: int) -> None:
    Settings(**{name: low})
    Settings(**{name: high})
    for outside in (low - 1, high + (1 if name != "max_body_bytes" else 128 * 2**20 + 1)):
        with pytest.raises(InputError):
            Settings(**{name: outside})


def test_what_waits_is_never_bounded_below_one_body() -> None:
    Settings(max_body_bytes=2**20, max_waiting_bytes=2**20)
    with pytest.raises(InputError):
        Settings(max_body_bytes=2**20, max_waiting_bytes=2**20 - 1)


@pytest.mark.parametrize("origin", [
    "", "park", "/park", "grid.example/", "电网.example/park", "a.example/p q", "a/b+c"])
def test_an_origin_is_a_domain_and_a_park(origin: str) -> None:
    with pytest.raises(InputError):
        Settings(origin=origin)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.8.8.8"])
def test_loopback_needs_no_tls(host: str) -> None:
    assert Settings(http_host=host).http_host == host


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "node.example", "localhost.example"])
def test_an_open_address_without_tls_is_refused(host: str) -> None:
    with pytest.raises(Refused) as caught:
        Settings(http_host=host)
    assert caught.value.code == "setting-insecure"
    assert Settings(http_host=host, behind_proxy=True).behind_proxy
    assert Settings(http_host=host, tls_certificate="c.pem", tls_key="k.pem").tls_key == "k.pem"


def test_a_certificate_without_its_key_is_refused() -> None:
    with pytest.raises(InputError):
        Settings(tls_certificate="c.pem")
    with pytest.raises(InputError):
        Settings(tls_key="k.pem")


@pytest.mark.parametrize("url", [
    "postgresql+psycopg://postgres:postgres@127.0.0.1/carbonseal", "postgresql+psycopg://app:@127.0.0.1/x",
    "postgresql+psycopg://carbonseal:carbonseal@db.example/x", "postgresql+psycopg://app:password@db.example/x",
    "postgresql+psycopg://db.example/x"])
def test_a_database_with_a_default_password_is_refused(url: str) -> None:
    with pytest.raises(Refused) as caught:
        Settings(database_url=url)
    assert caught.value.code == "setting-insecure"


@pytest.mark.parametrize("url", ["amqp://guest:guest@127.0.0.1//", "redis://:@127.0.0.1/0", "redis://queue.example/0"])
def test_a_broker_with_a_default_password_is_refused(url: str) -> None:
    with pytest.raises(Refused):
        Settings(broker_url=url)


@pytest.mark.parametrize("url", [
    "redis://127.0.0.1:6379/0", "redis://:kq2T8nVw@127.0.0.1/0", "redis+socket:///run/redis.sock",
    "amqp://carbon:kq2T8nVw@queue.example//"])
def test_a_broker_with_its_own_password_or_on_this_machine_is_taken(url: str) -> None:
    assert Settings(broker_url=url).broker_url == url


def test_what_is_no_url_is_refused() -> None:
    for url in ("127.0.0.1", "http://[::1"):
        with pytest.raises(InputError):
            Settings(chain_url=url)


def test_a_chain_of_others_is_not_embedded() -> None:
    assert not Settings(chain_url="http://validator.example:8545").embedded_chain


def test_rendered_settings_are_read_back(tmp_path: Path) -> None:
    values = {"origin": "grid.example/park", "title": '碳印 "一号"\\\n', "http_port": 9000, "behind_proxy": True}
    settings = load(written(tmp_path, render(values)), {})
    assert {name: getattr(settings, name) for name in values} == values


def test_an_unknown_setting_is_not_rendered() -> None:
    with pytest.raises(InputError):
        render({"port": 1})


def test_every_setting_is_explained_to_operators() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "guides" / "operate.md").read_text(encoding="utf-8")
    assert [field.name for field in fields(Settings) if f"`{field.name}`" not in guide] == []


def test_notices_are_given_by_meter() -> None:
    settings = Settings(source_notices="m:main=replayed-source m:pv=simulated-source,interpolated-source")
    assert settings.notices_of("m:main") == ("replayed-source",)
    assert settings.notices_of("m:pv") == ("simulated-source", "interpolated-source")
    assert settings.notices_of("m:other") == settings.notices_of("m:mai") == ()


@pytest.mark.parametrize("text", ["m:main", "m:main=", "=simulated-source", "m:main=A", "M=simulated", "a=b,", "a=b=c"])
def test_notices_out_of_form_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="setting-invalid") as refusal:
        Settings(source_notices=text)
    assert refusal.value.where == "source_notices"
