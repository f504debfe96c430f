"""The one thread that writes frames: what waits is written in groups, one durable commit for many requests.

A request is answered when its group has committed. While one group is on its way to the disk the next one gathers, so
the slower the disk, the larger the groups. What waits is bounded in bytes; beyond it senders are told to come again.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from time import monotonic
from typing import Any

from api.errors import Busy
from api.metrics import Metrics
from core.errors import CarbonSealError, Unavailable

# One commit takes at most this much, so that a long queue does not become one endless transaction.
MAX_GROUP_BYTES = 32 * 2**20

_log = logging.getLogger("carbonseal.writer")


@dataclass(frozen=True)
class FrameAnswer:
    """What became of one frame: accepted, duplicate, disputed (kept as evidence, out of calculations) or refused."""

    outcome: str
    index: int | None = None
    error: CarbonSealError | None = None
    values: int = 0

    def as_json(self) -> dict[str, Any]:
        """{"outcome", "index": decimal text or null, "error": null or the error}."""
        return {"outcome": self.outcome, "index": None if self.index is None else str(self.index),
                "error": self.error.as_dict() if self.error else None}


@dataclass(frozen=True)
class _Waiting:
    body: bytes
    answer: Future[list[FrameAnswer]]


Commit = Callable[[Sequence[bytes]], list[list[FrameAnswer] | CarbonSealError]]
"""Writes the frames of several bodies in one transaction; answers each body, durable on return.

A body that cannot be read is answered with its error and does not stop the others. Raises when nothing was written."""


class FrameWriter:
    """The writer thread. `limit`: greatest sum in bytes of bodies that wait."""

    def __init__(self, commit: Commit, limit: int, metrics: Metrics) -> None:
        self._commit, self._limit, self._metrics = commit, limit, metrics
        self._queue: deque[_Waiting] = deque()
        self._bytes, self._stopping = 0, False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._loop, name="carbonseal-writer", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Write what waits, then end; later submissions are refused."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread.ident is not None:
            self._thread.join()

    def submit(self, body: bytes) -> Future[list[FrameAnswer]]:
        """Queue a body (CBOR sequence of submissions); the future answers once it is durable.

        Raises Busy (writer-busy), Unavailable (writer-stopped).
        """
        waiting = _Waiting(body, Future())
        with self._changed:
            if self._stopping:
                raise Unavailable("writer-stopped", "the node is stopping", hint="send again when it is back")
            if self._queue and self._bytes + len(body) > self._limit:
                raise Busy("writer-busy", f"{self._bytes} bytes of frames wait already",
                           hint="keep the frames and send again in a few seconds")
            self._queue.append(waiting)
            self._bytes += len(body)
            self._metrics.waiting.set(self._bytes)
            self._changed.notify()
        return waiting.answer

    def _loop(self) -> None:
        while group := self._next_group():
            started = monotonic()
            try:
                answers = self._commit([waiting.body for waiting in group])
            except Exception as error:  # noqa: BLE001  whatever it was, each sender must get an answer
                if not isinstance(error, CarbonSealError):
                    _log.error("a group of %d bodies could not be written", len(group), exc_info=error)
                answers = None
                for waiting in group:
                    waiting.answer.set_exception(error)
            self._metrics.commits.observe(monotonic() - started)
            if answers is not None:
                self._answer(group, answers)
            self._release(group)

    def _next_group(self) -> list[_Waiting]:
        group: list[_Waiting] = []
        size = 0
        with self._changed:
            while not group:
                while not self._queue and not self._stopping:
                    self._changed.wait()
                if not self._queue:
                    return []
                while self._queue and (not group or size + len(self._queue[0].body) <= MAX_GROUP_BYTES):
                    waiting = self._queue.popleft()
                    # Who hung up meanwhile was never answered and will send again.
                    if waiting.answer.set_running_or_notify_cancel():
                        group.append(waiting)
                        size += len(waiting.body)
                    else:
                        self._bytes -= len(waiting.body)
        return group

    def _release(self, group: Sequence[_Waiting]) -> None:
        with self._changed:
            self._bytes -= sum(len(waiting.body) for waiting in group)
            self._metrics.waiting.set(self._bytes)

    def _answer(self, group: Sequence[_Waiting], answers: Sequence[list[FrameAnswer] | CarbonSealError]) -> None:
        for waiting, answer in zip(group, answers, strict=True):
            if isinstance(answer, CarbonSealError):
                waiting.answer.set_exception(answer)
                continue
            self._count(answer)
            waiting.answer.set_result(answer)

    def _count(self, answers: Sequence[FrameAnswer]) -> None:
        for answer in answers:
            self._metrics.frames.labels(answer.outcome).inc()
            self._metrics.values.inc(answer.values)
            if answer.error is not None:
                self._metrics.refusals.labels(answer.error.code).inc()
