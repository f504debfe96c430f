"""The gateway's configuration: one TOML file, read strictly. docs/guides/gateway.md explains every key."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

from adapters.modbus_tcp.profile import DeviceProfile, Layout, Point, WordOrder
from adapters.modbus_tcp.profile import Table as Registers
from attestation.history import profiles_digest
from core.clock import Clock, SharedClock, SystemClock
from core.errors import CarbonSealError, InputError
from core.ids import check_hex, check_id
from core.records import ClockQuality
from edge.settings import Table, load_table

START_REASONS = ("key", "reset", "firmware", "lost-spool")
# The head of a meter that nobody has registered yet: enough to check the wiring, not to earn a certificate.
UNREGISTERED = "00" * 32
LAYOUTS = tuple(layout.name.lower() for layout in Layout)
# An hour between polls is a data logger, not a meter; a frame longer than a day is too dear to lose.
MAX_STEP_S, MAX_FRAME_S = 3600, 86_400
# Half a day without the node at 60 s frames of a hundred meters stays below this.
DEFAULT_SPOOL_BYTES = 512 * 2**20
DEFAULT_SPOOL_FRAMES = 100_000


@dataclass(frozen=True)
class Cadence:
    """How often the meters are polled, and how much time one frame covers. Both in ms; frames are whole steps."""

    step_ms: int
    frame_ms: int


@dataclass(frozen=True)
class MeterSettings:
    """One meter: where it is and what its registers mean. `registers`: the cumulative ones among its points.

    `head`: SHA-256 of the newest registration of the meter that the gateway knows; zeros before it is registered.
    """

    profile: DeviceProfile
    host: str
    port: int
    timeout_ms: int
    registers: tuple[str, ...]
    head: bytes = bytes(32)


@dataclass(frozen=True)
class Config:
    """A gateway as configured. `cadence` holds at real time, `history` while the clock is simulated."""

    path: Path
    node_url: str
    origin: str
    gateway: str
    site: str
    key: Path
    epoch: int
    epoch_reason: str
    clock_file: Path | None
    clock_quality: ClockQuality
    cadence: Cadence
    history: Cadence
    spool: Path
    spool_bytes: int
    spool_frames: int
    meters: tuple[MeterSettings, ...]

    def clock(self) -> Clock:
        """The clock this gateway lives by."""
        return SharedClock(self.clock_file) if self.clock_file else SystemClock()

    @property
    def profiles_digest(self) -> bytes:
        """What a frame states as its meter profiles: the digest over the registration heads of all meters."""
        return profiles_digest({meter.profile.meter: meter.head for meter in self.meters})


def load_config(path: Path) -> Config:
    """The configuration in a file; relative paths are relative to it. Raises InputError (config-…, modbus-…)."""
    root = load_table(path)
    node, gateway, cadence = root.table("node"), root.table("gateway"), root.table("cadence")
    clock, spool = root.table("clock"), root.table("spool")
    live = _cadence(cadence, "", 1, 60)
    clock_file = clock.optional_text("file")
    config = Config(
        path=path, node_url=_url(node), origin=node.text("origin"), gateway=_id(gateway, "id"),
        site=_id(gateway, "site"), key=path.parent / gateway.text("key"), epoch=gateway.integer("epoch", 0, 2**32, 0),
        epoch_reason=gateway.choice("epoch_reason", START_REASONS, "key"),
        clock_file=path.parent / clock_file if clock_file else None,
        clock_quality=ClockQuality[clock.choice("quality", _CLOCK_QUALITIES).upper()],
        cadence=live, history=_cadence(cadence, "history_", live.step_ms // 1000, live.frame_ms // 1000),
        spool=path.parent / spool.text("path", "spool.sqlite"),
        spool_bytes=spool.integer("limit_bytes", 2**16, 2**40, DEFAULT_SPOOL_BYTES),
        spool_frames=spool.integer("limit_frames", 1, 10**7, DEFAULT_SPOOL_FRAMES),
        meters=tuple(_meter(table, live.step_ms) for table in root.tables("meters")))
    for table in (node, gateway, cadence, clock, spool, root):
        table.close()
    if len({meter.profile.meter for meter in config.meters}) != len(config.meters):
        raise InputError("config-value", "a meter stands in the file twice", where=f"{path}: meters")
    return config


_CLOCK_QUALITIES = tuple(quality.name.lower() for quality in ClockQuality)


def _url(node: Table) -> str:
    url = node.text("url")
    if not url.startswith(("http://", "https://")):
        raise InputError("config-value", "the address of the node begins with http:// or https://",
                         where=node.where("url"))
    return url.rstrip("/")


def _id(table: Table, key: str) -> str:
    return check_id(table.text(key), where=table.where(key))


def _cadence(table: Table, prefix: str, step_s: int, frame_s: int) -> Cadence:
    step = table.integer(f"{prefix}step_s", 1, MAX_STEP_S, step_s)
    frame = table.integer(f"{prefix}frame_s", step, MAX_FRAME_S, max(frame_s, step))
    if frame % step:
        raise InputError("config-value", f"{frame} s are not a whole number of polls of {step} s",
                         where=table.where(f"{prefix}frame_s"))
    return Cadence(step * 1000, frame * 1000)


def _meter(table: Table, step_ms: int) -> MeterSettings:
    table.choice("protocol", ("modbus-tcp",))
    points = [_point(point) for point in table.tables("points")]
    order = table.choice("word_order", ("big", "little"))
    registers = table.choice("table", ("holding", "input"), "holding")
    where = table.where("id")
    try:
        profile = DeviceProfile(_id(table, "id"), table.integer("device_id", 0, 255), tuple(p for p, _ in points),
                                cast(WordOrder, order), cast(Registers, registers))
    except InputError as error:
        raise _placed(error, where) from None
    meter = MeterSettings(
        profile, table.text("host"), table.integer("port", 1, 65535, 502),
        # A poll must be over before the next is due.
        table.integer("timeout_ms", 10, step_ms, min(1000, step_ms)),
        tuple(point.quantity for point, cumulative in points if cumulative),
        check_hex(table.text("registration", UNREGISTERED), where=table.where("registration")))
    table.close()
    return meter


def _point(table: Table) -> tuple[Point, bool]:
    """A point, and whether it is a cumulative register."""
    layout = Layout[table.choice("layout", LAYOUTS).upper()]
    where = table.where("quantity")
    try:
        point = Point(_id(table, "quantity"), table.text("unit"), table.integer("address", 0, 65535), layout,
                      table.integer("scale", -9, 9, 0), table.flag("sentinel", False))
    except InputError as error:
        raise _placed(error, where) from None
    cumulative = table.choice("kind", ("register", "gauge")) == "register"
    table.close()
    return point, cumulative


def _placed(error: CarbonSealError, where: str) -> InputError:
    """The same error with its place in the file."""
    return InputError(error.code, error.message, where=error.where if ": " in error.where else where, hint=error.hint)
