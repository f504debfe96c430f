"""Ships the spool to the node: in order, one batch in flight, until every frame is acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from core.errors import CarbonSealError, Refused
from edge.node import HELD, Answer, NodeClient
from edge.progress import Progress
from edge.spool import Spool, Spooled

MAX_BATCH_FRAMES = 64
MAX_BATCH_BYTES = 4 * 2**20
# Frames that follow one another quickly travel together.
LINGER_S = 0.05
FIRST_DELAY_S = 0.2
MAX_DELAY_S = 30.0


class Shipper:
    """Sends what waits. Nothing is dropped: what the node refuses is reported, and tried again later.

    The chain of frames allows no other order, so a frame that the node refuses for good (a revoked key, a wrong site)
    stays first and holds all behind it: the operator mends the enrolment, or begins a new epoch with a new spool.
    """

    def __init__(self, spool: Spool, node: NodeClient, progress: Progress, *,
                 first_delay_s: float = FIRST_DELAY_S) -> None:
        self._spool, self._node, self._progress = spool, node, progress
        self._first_delay_s = first_delay_s
        self._delay_s = first_delay_s
        self._batch_frames = MAX_BATCH_FRAMES
        self._wake = asyncio.Event()
        self._moved = asyncio.Event()

    def wake(self) -> None:
        """Tell it that a frame was added."""
        self._wake.set()

    async def moved(self) -> None:
        """Wait until the node has taken something, or the next attempt has failed."""
        self._moved.clear()
        self._wake.set()
        await self._moved.wait()

    async def run(self) -> None:
        """Ship for ever; cancel to stop. An interrupted batch is sent again later and answered as duplicate."""
        while True:
            self._wake.clear()
            if await self.step():
                continue
            if self._spool.waiting_count() == 0:
                await self._wake.wait()
                await asyncio.sleep(LINGER_S)
            else:
                await asyncio.sleep(self._delay_s)

    async def step(self) -> bool:
        """Send one batch; whether the node took something of it."""
        batch = self._spool.waiting(self._batch_frames, MAX_BATCH_BYTES)
        if not batch:
            return False
        try:
            held = self._take(batch, await self._node.post_frames([frame.data for frame in batch]))
        except CarbonSealError as error:
            held = 0
            self._report(error)
        self._delay_s = self._first_delay_s if held else min(self._delay_s * 2, MAX_DELAY_S)
        self._moved.set()
        return held > 0

    def _take(self, batch: Sequence[Spooled], answers: Sequence[Answer]) -> int:
        """Acknowledge what the node holds up to the first refusal, and act on that one; how many it holds."""
        held: dict[int, str] = {}
        refused: tuple[Spooled, Answer] | None = None
        for frame, answer in zip(batch, answers, strict=True):
            if answer.outcome not in HELD:
                refused = frame, answer
                break
            held[frame.position] = answer.index
        if held:
            self._spool.acknowledge(held)
            self._progress.shipped(len(held), self._spool.waiting_count())
        if refused:
            self._refused(*refused)
        return len(held)

    def _refused(self, frame: Spooled, answer: Answer) -> None:
        assert answer.error is not None
        if answer.expected is not None and answer.expected != (frame.epoch, frame.seq):
            self._spool.rewind(*answer.expected)
        self._report(answer.error)

    def _report(self, error: CarbonSealError) -> None:
        if isinstance(error, Refused) and error.code == "node-too-large":
            self._batch_frames = max(1, self._batch_frames // 2)
        self._progress.failed(error)
