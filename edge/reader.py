"""Polls all meters at one instant, at the same time. A meter that fails leaves its error, not a hole in the others."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from adapters.contract import Source
from adapters.modbus_tcp.client import ModbusTcpSource
from core.errors import CarbonSealError
from core.records import Reading
from edge.config import Config

Answer = Sequence[Reading] | CarbonSealError


def open_sources(config: Config) -> list[Source]:
    """A source for each meter of the configuration; nothing is connected yet."""
    return [ModbusTcpSource(meter.host, meter.port, meter.profile, meter.timeout_ms) for meter in config.meters]


class Reader:
    """The meters of one gateway."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self.sources = sources

    async def poll(self, instant: int) -> dict[str, Answer]:
        """Meter → its readings stamped `instant` (ms UTC), or the error that kept it silent."""
        answers = await asyncio.gather(*(_ask(source, instant) for source in self.sources))
        return {source.meter: answer for source, answer in zip(self.sources, answers, strict=True)}

    async def close(self) -> None:
        """Give all connections back."""
        for source in self.sources:
            await source.close()


async def _ask(source: Source, instant: int) -> Answer:
    try:
        return await source.read(instant)
    except CarbonSealError as error:
        return error
