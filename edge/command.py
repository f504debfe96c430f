"""What the command line calls: run a gateway, and check its configuration against the real meters."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from adapters.contract import Source
from attestation.frame import EpochStart
from core.errors import CarbonSealError, Refused
from core.numbers import decimal_text, parse_natural
from core.signer import load_signer
from edge.agent import Agent
from edge.config import Config, MeterSettings, load_config
from edge.node import NodeClient
from edge.progress import Progress
from edge.reader import Reader, open_sources
from edge.spool import Spool


@dataclass(frozen=True)
class PointCheck:
    """One point read once. `value`: canonical decimal text, None when absent or failed; `device`: what it says."""

    meter: str
    quantity: str
    address: int
    value: str | None
    unit: str
    device: str = ""
    error: CarbonSealError | None = None


def run(config_path: Path, *, once: bool = False, until: int | None = None, drain_s: float = 60,
        watcher: Callable[[Progress], None] | None = None) -> Progress:
    """Run the gateway of a configuration until SIGTERM or SIGINT; what it did.

    `once`: one frame only; `until`: to that instant (ms UTC) of the gateway's clock. Both then wait up to `drain_s`
    seconds for the node. Raises InputError (config-…, key-…), Refused (spool-…), Unavailable (spool-…).
    """
    return asyncio.run(_run(load_config(config_path), 1 if once else None, until, drain_s, Progress(watcher)))


def check(config_path: Path) -> list[PointCheck]:
    """Read every point once. Raises InputError for the configuration; a meter that fails is a row with its error."""
    config = load_config(config_path)
    return asyncio.run(_check(config))


async def _run(config: Config, frames: int | None, until: int | None, drain_s: float, progress: Progress) -> Progress:
    signer = load_signer(config.key)
    _check_not_lost(config)
    spool = Spool(config.spool, config.gateway, config.origin, limit_bytes=config.spool_bytes,
                  limit_frames=config.spool_frames)
    node = NodeClient(config.node_url)
    try:
        spool.begin_epoch(config.epoch, config.epoch_reason)
        _marker(config).write_text(f"{config.epoch}\n", encoding="ascii")
        agent = Agent(config, signer, config.clock(), Reader(open_sources(config)), spool, node, progress)
        _stop_on_signal(agent)
        await agent.run(until=until, frames=frames, drain_s=drain_s)
    finally:
        await node.close()
        spool.close()
    return progress


def last_signed(config: Config) -> tuple[int, int | None, bytes | None]:
    """(epoch, seq, payload digest) of the last frame the spool holds; seq and digest None before the epoch's first.

    Only of use while the gateway is stopped. Raises Refused (spool-…), Unavailable (spool-…).
    """
    _check_not_lost(config)
    spool = Spool(config.spool, config.gateway, config.origin, limit_bytes=config.spool_bytes,
                  limit_frames=config.spool_frames)
    try:
        place = spool.next_place()
    finally:
        spool.close()
    if isinstance(place.prev, EpochStart):
        return place.epoch, None, None
    return place.epoch, place.seq - 1, place.prev


def _marker(config: Config) -> Path:
    """The file beside the key that remembers the epoch the key has signed in."""
    return config.key.with_suffix(".epoch")


def _check_not_lost(config: Config) -> None:
    """A key that signed in this epoch and has no spool any more would sign the same places again: equivocation."""
    marker = _marker(config)
    if config.spool.exists() or not marker.exists():
        return
    used = parse_natural(marker.read_text(encoding="ascii", errors="replace").strip(), where=str(marker))
    if config.epoch <= used:
        raise Refused("spool-lost", f"the key has signed in epoch {used}, and the spool is gone",
                      where=str(config.spool),
                      hint=f'bring the file back, or set epoch = {used + 1} and epoch_reason = "lost-spool"')


def _stop_on_signal(agent: Agent) -> None:
    # Only the main thread may handle signals; elsewhere the caller ends the run by `until`.
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, agent.stop)


async def _check(config: Config) -> list[PointCheck]:
    now = config.clock().now()
    pairs = zip(config.meters, open_sources(config), strict=True)
    rows = await asyncio.gather(*(_check_meter(meter, source, now) for meter, source in pairs))
    return [row for meter_rows in rows for row in meter_rows]


async def _check_meter(meter: MeterSettings, source: Source, now: int) -> list[PointCheck]:
    try:
        readings = {reading.quantity: reading for reading in await source.read(now)}
        device = await _device(source)
        return [PointCheck(meter.profile.meter, point.quantity, point.address,
                           decimal_text(readings[point.quantity].value) if point.quantity in readings else None,
                           point.unit, device) for point in meter.profile.points]
    except CarbonSealError as error:
        return [PointCheck(meter.profile.meter, point.quantity, point.address, None, point.unit, error=error)
                for point in meter.profile.points]
    finally:
        await source.close()


async def _device(source: Source) -> str:
    """What the device says about itself; many say nothing, which is no failure."""
    try:
        return " / ".join((await source.describe()).values())
    except CarbonSealError:
        return ""
