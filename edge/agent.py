"""The gateway agent: read → frame → sign → spool, while the shipper sends.

In simulated time the agent drives the clock: it moves to the next due instant, reads, and moves on, so a week passes as
fast as the meters answer. When the clock joins real time the agent ends its frame and goes on at the live cadence.
"""

from __future__ import annotations

import asyncio
import contextlib
import time

from attestation.build import build_frame
from attestation.frame import Beacon, Submission
from core.clock import Clock, SharedClock
from core.errors import CarbonSealError, Unavailable
from core.signer import Signer
from edge.config import Cadence, Config
from edge.framer import Framer
from edge.node import NodeClient
from edge.progress import Progress
from edge.reader import Reader
from edge.ship import Shipper
from edge.spool import Place, Spool

# A poll that starts later than this after its instant carries the time at which it truly started.
STAMP_TOLERANCE_MS = 100
# Frames follow one another quickly in simulated time; a block seen a second ago still says "not before".
BEACON_AGE_S = 1
# A node without a chain, or away, is not asked for a block at every frame.
BEACON_RETRY_S = 10
# Whoever stops a gateway waits no longer than this for the node; the rest stays in the spool.
STOP_DRAIN_S = 3.0
GLANCE_S = 0.5


class Agent:
    """One gateway at work. `run` may be called once."""

    def __init__(self, config: Config, signer: Signer, clock: Clock, reader: Reader, spool: Spool, node: NodeClient,
                 progress: Progress) -> None:
        self._config, self._signer, self._clock = config, signer, clock
        self._reader, self._spool, self._node, self._progress = reader, spool, node, progress
        self._shipper = Shipper(spool, node, progress)
        self._framer = Framer(config.meters)
        self._stop = asyncio.Event()
        self._profiles = config.profiles_digest
        self._seen: Beacon | None = None
        self._ask_beacon_at = 0.0

    def stop(self) -> None:
        """End after the poll in progress: the frame is signed as far as it got."""
        self._stop.set()

    async def run(self, *, until: int | None = None, frames: int | None = None, drain_s: float = 60) -> None:
        """Collect until told to stop, until the instant `until` (ms UTC), or until so many frames are signed.

        Then wait up to `drain_s` seconds for the node to take what waits; what it has not taken stays in the spool.
        """
        shipping = asyncio.create_task(self._shipper.run())
        try:
            while not self._over(until, frames):
                await self._collect(until, frames)
            await self._drain(drain_s)
        finally:
            shipping.cancel()
            await asyncio.gather(shipping, return_exceptions=True)
            await self._reader.close()

    def _over(self, until: int | None, frames: int | None) -> bool:
        return (self._stop.is_set() or (until is not None and self._clock.now() >= until)
                or (frames is not None and self._progress.frames_signed >= frames))

    async def _collect(self, until: int | None, frames: int | None) -> None:
        """Poll and sign at one cadence, until it changes or the run is over."""
        simulated = self._simulated()
        cadence = self._config.history if simulated else self._config.cadence
        instant = self._first_instant(cadence)
        while (until is None or instant < until) and await self._arrive(instant, simulated, cadence):
            await self._poll(instant, simulated)
            instant += cadence.step_ms
            if instant % cadence.frame_ms == 0:
                await self._sign()
                if self._over(None, frames):
                    return
        if until is not None and instant >= until:
            await self._wait(until, simulated)
        await self._sign()

    def _first_instant(self, cadence: Cadence) -> int:
        """The next instant of the cadence; after a restart not one that a frame holds already."""
        now, signed = self._clock.now(), self._spool.last_time()
        # A clock that was set back further than a frame is told as it is: the node flags it.
        return _next_step(signed + 1 if now <= signed < now + cadence.frame_ms else now, cadence)

    def _simulated(self) -> bool:
        return isinstance(self._clock, SharedClock) and self._clock.simulated

    async def _arrive(self, instant: int, simulated: bool, cadence: Cadence) -> bool:
        """Be at `instant`; False when the run is to stop, or the clock has left this cadence behind."""
        if not await self._wait(instant, simulated) or self._stop.is_set():
            return False
        # After a sleep of the machine: begin again at the present; the hole between the frames shows it.
        return simulated or self._clock.now() - instant < cadence.frame_ms

    async def _wait(self, instant: int, simulated: bool) -> bool:
        """Let it become `instant`; False, without waiting, when a simulated clock has just joined real time."""
        if isinstance(self._clock, SharedClock):
            self._clock.advance(instant)
        if simulated:
            return self._simulated()
        while not self._stop.is_set() and (left := instant - self._clock.now()) > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), left / 1000)
        return True

    async def _poll(self, instant: int, simulated: bool) -> None:
        late = 0 if simulated else self._clock.now() - instant
        stamp = instant if late <= STAMP_TOLERANCE_MS else instant + late
        answers = await self._reader.poll(stamp)
        values = self._framer.add(stamp, answers)
        errors = [answer for answer in answers.values() if isinstance(answer, CarbonSealError)]
        self._progress.polled(stamp, simulated, values, len(errors))
        if errors:
            self._progress.failed(errors[0])

    async def _sign(self) -> None:
        """Sign what was collected. With a full spool it waits for the node, and polls no further meanwhile.

        Raises Unavailable when told to stop while the spool is full: what was collected since the last frame is lost:
        readings missing from the chain of frames, which whoever counts them sees.
        """
        if not self._framer.polls:
            return
        blocks, beacon = self._framer.take(), await self._beacon()

        def build(place: Place) -> Submission:
            return build_frame(self._signer, self._config.origin, self._config.site, self._config.gateway, place.epoch,
                               place.seq, place.prev, self._config.clock_quality, beacon,
                               self._profiles, blocks)

        while True:
            try:
                self._spool.sign_next(build)
                break
            except Unavailable as error:
                self._progress.failed(error)
                if self._stop.is_set():
                    raise
                await self._glance(GLANCE_S)
        self._progress.signed(self._spool.waiting_count())
        self._shipper.wake()

    async def _beacon(self) -> Beacon | None:
        if time.monotonic() >= self._ask_beacon_at:
            self._seen = await self._node.beacon()
            self._ask_beacon_at = time.monotonic() + (BEACON_AGE_S if self._seen else BEACON_RETRY_S)
        return self._seen

    async def _drain(self, seconds: float) -> None:
        started = time.monotonic()
        while self._spool.waiting_count():
            limit = min(seconds, STOP_DRAIN_S) if self._stop.is_set() else seconds
            left = started + limit - time.monotonic()
            if left <= 0:
                return
            await self._glance(min(left, GLANCE_S))

    async def _glance(self, seconds: float) -> None:
        """Wait for the shipper to take or fail something, but no longer than this."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._shipper.moved(), seconds)


def _next_step(now: int, cadence: Cadence) -> int:
    """The first instant of the cadence at or after `now`; steps are aligned to 1970, so gateways agree on them."""
    return -(-now // cadence.step_ms) * cadence.step_ms
