"""Settings of a deployment: `carbonseal.toml` in its directory, then the environment (CARBONSEAL_<NAME>).

Nothing has to be set: every setting has a default. What would be insecure is refused, never corrected in silence.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from core.errors import FormError, InputError, Refused

FILE_NAME = "carbonseal.toml"
PREFIX = "CARBONSEAL_"

Value = str | int | bool

# Passwords that images and tutorials ship with; a production service that keeps one is open to anybody.
_KNOWN_PASSWORDS = frozenset({
    "", "admin", "carbonseal", "changeme", "default", "guest", "password", "postgres", "redis", "root", "secret",
    "test"})
# Names under the same prefix that other parts read: language, directory, the chain's binary, tracebacks.
_NOT_SETTINGS = frozenset({"lang", "dir", "anvil", "debug"})
_MIN_SEAL_MS, _MAX_SEAL_MS = 50, 3_600_000
_LARGEST_BODY = 256 * 2**20


@dataclass(frozen=True)
class Settings:
    """All settings of a node. Times in milliseconds, sizes in bytes; an empty text means "not used"."""

    origin: str = "carbonseal.invalid/park"
    title: str = "CarbonSeal 碳印"
    database_url: str = ""
    broker_url: str = ""
    http_host: str = "127.0.0.1"
    http_port: int = 8080
    behind_proxy: bool = False
    tls_certificate: str = ""
    tls_key: str = ""
    max_body_bytes: int = 16 * 2**20
    max_waiting_bytes: int = 128 * 2**20
    seal_interval_ms: int = 1_000
    seal_entries: int = 4_096
    manifest_interval_ms: int = 86_400_000
    chain_url: str = ""
    chain_id: int = 31_337
    chain_confirmations: int = 0
    clock_file: str = ""
    show_readings: bool = False
    source_notices: str = ""

    def __post_init__(self) -> None:
        _check_origin(self.origin)
        for name in ("database_url", "broker_url", "chain_url"):
            _check_password(name, getattr(self, name))
        _check_range("http_port", self.http_port, 0, 65_535)
        _check_range("max_body_bytes", self.max_body_bytes, 2**16, _LARGEST_BODY)
        _check_range("max_waiting_bytes", self.max_waiting_bytes, self.max_body_bytes, 64 * _LARGEST_BODY)
        _check_range("seal_interval_ms", self.seal_interval_ms, _MIN_SEAL_MS, _MAX_SEAL_MS)
        _check_range("seal_entries", self.seal_entries, 1, 2**20)
        _check_range("manifest_interval_ms", self.manifest_interval_ms, 1_000, 86_400_000)
        _check_range("chain_id", self.chain_id, 1, 2**63 - 1)
        _check_range("chain_confirmations", self.chain_confirmations, 0, 1_000)
        for pair in self.source_notices.split():
            if not re.fullmatch(r"[a-z0-9:/._-]+=[a-z-]+(,[a-z-]+)*", pair):
                raise InputError("setting-invalid", f"{pair[:60]!r} is not meter=notice,notice", where="source_notices")
        self._check_exposure()

    def _check_exposure(self) -> None:
        if bool(self.tls_certificate) != bool(self.tls_key):
            raise InputError("setting-invalid", "tls_certificate and tls_key belong together", where="tls_key")
        if not (_is_loopback(self.http_host) or self.tls_certificate or self.behind_proxy):
            raise Refused("setting-insecure", "tokens would cross the network in the clear", where="http_host",
                          hint="set tls_certificate and tls_key, or behind_proxy = true where a proxy ends TLS")

    def notices_of(self, meter: str) -> tuple[str, ...]:
        """What statements must say of this meter ("replayed-source") besides its profile: `source_notices`."""
        pairs = (pair.partition("=") for pair in self.source_notices.split())
        return tuple(code for name, _, codes in pairs if name == meter for code in codes.split(","))

    @property
    def embedded_chain(self) -> bool:
        """Whether the node starts its own development chain: true while no chain_url is set."""
        return not self.chain_url


def load(directory: Path, environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of a deployment directory; `environment` defaults to the process's own.

    Raises FormError (settings-malformed), InputError (setting-unknown, setting-invalid), Refused (setting-insecure).
    """
    path = directory / FILE_NAME
    values: dict[str, Value] = {}
    for name, value in _read_file(path).items():
        values[name] = _checked(name, value, str(path))
    for name, text in (os.environ if environment is None else environment).items():
        setting = name.removeprefix(PREFIX).lower()
        if name.startswith(PREFIX) and text and setting not in _NOT_SETTINGS:
            values[setting] = _from_text(setting, text, name)
    return Settings(**values)  # type: ignore[arg-type]  # each value was checked against the type of its field


def render(values: Mapping[str, Value]) -> str:
    """The text of a `carbonseal.toml` that holds exactly these settings."""
    lines = ["# Settings of this deployment; docs/guides/operate.md explains each. Restart the node after a change."]
    for name, value in values.items():
        _checked(name, value, FILE_NAME)
        lines.append(f"{name} = {_toml(value)}")
    return "\n".join(lines) + "\n"


def _toml(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    escaped = "".join(c if c >= " " and c not in '"\\\x7f' else f"\\u{ord(c):04x}" for c in value)
    return f'"{escaped}"'


def _read_file(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise InputError("settings-unreadable", f"cannot read the file: {error.strerror}", where=str(path)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FormError("settings-malformed", f"not TOML: {error}", where=str(path)) from None


_KINDS: dict[str, type] = {field.name: type(field.default) for field in fields(Settings)}


def _checked(name: str, value: object, where: str) -> Value:
    kind = _KINDS.get(name)
    if kind is None:
        raise InputError("setting-unknown", f"there is no setting {name[:60]!r}", where=where,
                         hint="docs/guides/operate.md lists all settings")
    if type(value) is not kind:
        raise InputError("setting-invalid", f"{name} must be of type {kind.__name__}", where=where)
    return value  # type: ignore[return-value]


def _from_text(name: str, text: str, where: str) -> Value:
    kind = _KINDS.get(name)
    if kind is bool and text in ("true", "false"):
        return text == "true"
    if kind is int and text.isascii() and text.isdigit():
        return int(text)
    return _checked(name, text, where)


def _check_range(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise InputError("setting-invalid", f"{name} = {value} is not between {low} and {high}", where=name)


def _check_origin(origin: str) -> None:
    domain, separator, rest = origin.partition("/")
    if not (domain and separator and rest and origin.isascii() and origin.isprintable()) or set(origin) & set(" +"):
        raise InputError("setting-invalid", f"{origin[:60]!r} is not an origin", where="origin",
                         hint="<domain of the operator>/<park>, ASCII without blanks or '+'")


def _check_password(name: str, url: str) -> None:
    if not url:
        return
    try:
        parts = urlsplit(url)
        password, user = parts.password, parts.username
    except ValueError as error:
        raise InputError("setting-invalid", f"{name} is not a URL: {error}", where=name) from None
    if not parts.scheme:
        raise InputError("setting-invalid", f"{name} is not a URL", where=name, hint="scheme://host/…")
    # No user at all means a local socket or a trusted loopback service; a user with a known password is a default.
    if user is not None and ((password or "") in _KNOWN_PASSWORDS or password == user):
        raise Refused("setting-insecure", f"{name} carries a default password", where=name,
                      hint="give the account a random password")
    if user is None and parts.hostname is not None and not _is_loopback(parts.hostname) and name != "chain_url":
        raise Refused("setting-insecure", f"{name} reaches another machine without credentials", where=name,
                      hint="name a user and a random password in the URL")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
