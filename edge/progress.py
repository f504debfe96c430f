"""What a running gateway has done so far, for the screen of whoever watches it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core.errors import CarbonSealError


@dataclass
class Progress:
    """Counters of one run. `watcher` is called after every change, in the gateway's own thread: it must be quick.

    `instant`: the last poll (ms UTC); `readings`: values taken; `missed`: meters that did not answer a poll;
    `waiting`: signed frames the node has not answered yet; `error`: the last failure, None once frames move again.
    """

    watcher: Callable[[Progress], None] | None = None
    instant: int = 0
    simulated: bool = False
    polls: int = 0
    readings: int = 0
    missed: int = 0
    frames_signed: int = 0
    frames_shipped: int = 0
    waiting: int = 0
    error: CarbonSealError | None = None

    def polled(self, instant: int, simulated: bool, readings: int, missed: int) -> None:
        """One poll of all meters is done."""
        self.instant, self.simulated = instant, simulated
        self.polls += 1
        self.readings += readings
        self.missed += missed
        self._changed()

    def signed(self, waiting: int) -> None:
        """One frame is signed and in the spool."""
        self.frames_signed += 1
        self.waiting = waiting
        self._changed()

    def shipped(self, frames: int, waiting: int) -> None:
        """The node holds so many frames more."""
        self.frames_shipped += frames
        self.waiting = waiting
        self.error = None
        self._changed()

    def failed(self, error: CarbonSealError) -> None:
        """Something did not work; the gateway goes on."""
        self.error = error
        self._changed()

    def _changed(self) -> None:
        if self.watcher is not None:
            self.watcher(self)
