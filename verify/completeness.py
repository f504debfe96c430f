"""What "complete" means for the register inputs of a statement, as figures that node and verifier compute alike.

    frames             frames of the gateways that carried the meters, from the first that ends after the period's
                       start to the first that ends at or after its end
    gaps               blocks of the meters in those frames that declare a gap
    losses             epochs among those frames that begin with a declared loss (lost-spool)
    max_staleness_ms   greatest distance from the period's start or end back to the reading taken for it
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from attestation.block import Header
from attestation.frame import LOST_SPOOL, EpochStart, Frame
from attestation.history import History
from core.period import Period
from verify.sources import RegisterSource


@dataclass(frozen=True)
class Carrier:
    """A gateway that carried a meter over [start, end) of the period (ms UTC)."""

    gateway: str
    start: int
    end: int


def carriers(history: History, period: Period) -> list[Carrier]:
    """Which gateways carried a meter in a period, by its history, in order of time."""
    changes: list[tuple[int, str]] = []
    for _, entry in history.entries:
        profile = entry.fields.get("profile")
        gateway = entry.fields.get("gateway") or (profile.gateway if profile else None)
        if gateway and (not changes or changes[-1][1] != gateway):
            changes.append((entry.time, gateway))
    spans = []
    for i, (since, gateway) in enumerate(changes):
        until = changes[i + 1][0] if i + 1 < len(changes) else period.end
        start, end = max(since, period.start), min(until, period.end)
        if start < end:
            spans.append(Carrier(gateway, start, end))
    return spans


def counted(frames: Sequence[Frame], carrier: Carrier) -> list[Frame]:
    """The frames of a chain that count for a carrier's span."""
    first = next((i for i, frame in enumerate(frames) if frame.t_last > carrier.start), len(frames))
    last = next((i for i, frame in enumerate(frames) if frame.t_last >= carrier.end), len(frames) - 1)
    return list(frames[first : last + 1])


def staleness(sources: Sequence[RegisterSource], period: Period) -> int:
    """Greatest distance in ms from the ends of the period back to the readings taken for them; 0 without any.

    Where one source begins as another of the same register ends, the period was divided: that is no end of it. A gap
    that the statement substitutes is answered for.
    """
    starts = {(*_register(source), source.reach[1]): source for source in sources}
    ends = {(*_register(source), source.reach[0]): source for source in sources}
    distances = []
    for source in sources:
        end, start = source.reach
        if starts.get((*_register(source), end), source) is source:
            distances.append(period.end - end)
        if start is not None and ends.get((*_register(source), start), source) is source:
            distances.append(period.start - start)
    return max(distances, default=0)


def _register(source: RegisterSource) -> tuple[str, str, str]:
    return source.name, source.meter, source.quantity


def losses(frames: Iterable[Frame]) -> int:
    """Declared losses among frames."""
    return sum(isinstance(frame.prev, EpochStart) and frame.prev.reason == LOST_SPOOL for frame in frames)


def figures(
    frames: Mapping[tuple[str, int, int], Frame], headers: Iterable[Header], sources: Sequence[RegisterSource],
    period: Period, flagged: int,
) -> dict[str, str]:
    """The completeness object of a statement.

    `frames`: (gateway, epoch, seq) → the counted frames; `headers`: of the meters' blocks in them; `flagged`: readings
    of the meters that acceptance flagged in the period, which only the node knows.
    """
    return {
        "frames": str(len(frames)), "gaps": str(sum(header.gap is not None for header in headers)),
        "losses": str(losses(frames.values())), "flagged": str(flagged),
        "max_staleness_ms": str(staleness(sources, period)),
    }
