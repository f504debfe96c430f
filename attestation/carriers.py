"""Which gateways carried a meter over a period, and which of their frames count for it. Pure.

A frame says itself when it ends, and one with a wrong clock may say anything. Where a statement takes readings from a
gateway, its frames are therefore found by the chain, from the opening reading to the closing one, and by their times
only beyond these: a frame dated far ahead neither ends a span early nor begins it late. Where a meter moved from one
gateway to another within the period, the log says which frames came before the move and which after.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from attestation.frame import Frame
from attestation.history import History
from core.period import Period

Place = tuple[int, int]
"""(epoch, seq) of a frame."""


@dataclass(frozen=True)
class Carrier:
    """A gateway that carried a meter over [start, end) of the period (ms UTC).

    `opening`, `closing`: places of its frames with the earliest opening and the latest closing reading that a statement
    takes; None where it takes none from this gateway.
    `since`, `until`: log indices of the moves to and from this gateway within the period; None without such a move.
    """

    gateway: str
    start: int
    end: int
    opening: Place | None = None
    closing: Place | None = None
    since: int | None = None
    until: int | None = None

    def between(self, openings: Iterable[tuple[str, int, int]], closings: Iterable[tuple[str, int, int]]) -> Carrier:
        """This carrier with the places of these readings, (gateway, epoch, seq), as far as they are its own."""
        opened = [(epoch, seq) for gateway, epoch, seq in openings if gateway == self.gateway]
        closed = [(epoch, seq) for gateway, epoch, seq in closings if gateway == self.gateway]
        return replace(self, opening=min(opened, default=None), closing=max(closed, default=None))

    def moved(self, first: Place | None, last: Place | None) -> Carrier:
        """This carrier with its first frame after the move to it and its last before the move from it (`moved_in`).

        Each is None where there was no such move, or no such frame.
        """
        return replace(self, opening=min([each for each in (self.opening, first) if each], default=None),
                       closing=max([each for each in (self.closing, last) if each], default=None))

    def moved_in(self, frames: Iterable[tuple[Frame, int]]) -> Carrier:
        """The same, out of the frames of its chain with their log indices.

        A move may be registered before or after it happens: so the first ends after the span's start, and the last
        begins before its end.
        """
        own = [frame for frame, index in frames if (self.since is None or index > self.since)
               and (self.until is None or index < self.until)]
        firsts = [(frame.epoch, frame.seq) for frame in own if self.since is not None and frame.t_last > self.start]
        lasts = [(frame.epoch, frame.seq) for frame in own if self.until is not None and frame.t_first < self.end]
        return self.moved(min(firsts, default=None), max(lasts, default=None))


def carriers(history: History, period: Period) -> list[Carrier]:
    """Which gateways carried a meter in a period, by its history, in order of time."""
    changes: list[tuple[int, str, int]] = []
    for index, entry in history.entries:
        profile = entry.fields.get("profile")
        gateway = entry.fields.get("gateway") or (profile.gateway if profile else None)
        if gateway and (not changes or changes[-1][1] != gateway):
            changes.append((entry.time, gateway, index))
    spans = []
    for i, (since, gateway, index) in enumerate(changes):
        until, left = (changes[i + 1][0], changes[i + 1][2]) if i + 1 < len(changes) else (period.end, None)
        start, end = max(since, period.start), min(until, period.end)
        if start < end:
            spans.append(Carrier(gateway, start, end, since=index if i and since > period.start else None,
                                 until=left if until < period.end else None))
    return spans


def counted(frames: Sequence[Frame], carrier: Carrier) -> list[Frame]:
    """The frames of a chain that count for a carrier.

    1. The search begins at the last frame before the closing one that ends by the carrier's start, or at the opening
       frame where that stands earlier; without a closing frame at the opening one, or the first of the chain.
    2. From there, the first frame that ends after the start
    3. up to the first that ends at or after the end and does not stand before the closing frame.
    """
    places = [(frame.epoch, frame.seq) for frame in frames]
    opening = bisect_left(places, carrier.opening) if carrier.opening else None
    closing = bisect_left(places, carrier.closing) if carrier.closing else None
    begin = opening or 0
    if closing is not None:
        before = next((i for i in reversed(range(closing)) if frames[i].t_last <= carrier.start), 0)
        begin = before if opening is None else min(before, opening)
    first = next((i for i in range(begin, len(frames)) if frames[i].t_last > carrier.start), len(frames))
    last = next((i for i in range(max(first, closing or 0), len(frames)) if frames[i].t_last >= carrier.end),
                len(frames) - 1)
    return list(frames[first : last + 1])
