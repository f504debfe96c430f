"""What "complete" means for the register inputs of a statement, as figures that node and verifier compute alike.

    frames             frames of the gateways that carried the meters, from the first that ends after the period's
                       start to the first that ends at or after its end (attestation.carriers says from where on)
    gaps               blocks of the meters in those frames that declare a gap
    losses             epochs among those frames that begin with a declared loss (lost-spool)
    max_staleness_ms   greatest distance from the period's start or end back to the reading taken for it
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from attestation.block import Header
from attestation.carriers import Carrier, carriers
from attestation.frame import LOST_SPOOL, EpochStart, Frame
from attestation.history import History
from core.period import Period
from verify.sources import RegisterSource


def carriers_of(history: History, period: Period, sources: Iterable[RegisterSource]) -> list[Carrier]:
    """Who carried a meter in a period, with the places of the readings that these sources took from it."""
    own = [source for source in sources if source.meter == history.subject]
    openings = [source.opening.frame for source in own if source.opening]
    closings = [source.closing.frame for source in own]
    return [carrier.between(openings, closings) for carrier in carriers(history, period)]


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

    `frames`: (gateway, epoch, seq) → the counted frames; `headers`: of the meters' blocks in them; `flagged`: flags, on
    any column of the meters, that keep readings of the period out; only the node knows them.
    """
    return {
        "frames": str(len(frames)), "gaps": str(sum(header.gap is not None for header in headers)),
        "losses": str(losses(frames.values())), "flagged": str(flagged),
        "max_staleness_ms": str(staleness(sources, period)),
    }
