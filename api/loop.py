"""A thread that does the same round again and again; no error ends it before it is told to."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from api.metrics import Metrics
from api.problems import of_database
from core.errors import CarbonSealError, Unavailable

# After a failure the next round waits longer and longer, up to this.
LONGEST_BACKOFF_S = 30.0
# A power beyond the floats would end the thread after some hours of failures.
MAX_DOUBLINGS = 16

_log = logging.getLogger("carbonseal.background")


class Loop:
    """Calls `work` again and again in a thread of its own; `wait` is slept between rounds and cut short by `wake`."""

    def __init__(self, name: str, work: Callable[[], None], wait: float, metrics: Metrics) -> None:
        self.name, self._work, self._wait, self._metrics = name, work, wait, metrics
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._failure: CarbonSealError | None = None
        self._thread = threading.Thread(target=self._run, name=f"carbonseal-{name}", daemon=True)

    @property
    def state(self) -> str:
        """"ok", or the code of what made its rounds fail."""
        return "ok" if self._failure is None else self._failure.code

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Run the next round now."""
        self._wake.set()

    def stopping(self) -> bool:
        """Whether it was told to end: a long round asks."""
        return self._stopping.is_set()

    def stop(self) -> None:
        """Finish the round in hand, then end."""
        self._stopping.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            try:
                self._work()
                failures, self._failure = 0, None
            except Exception as error:  # noqa: BLE001  a bug must not end the loop; it is logged and counted
                failures += 1
                self._failed(error)
            longer = self._wait * 2 ** min(failures, MAX_DOUBLINGS)
            self._wake.wait(min(longer, max(LONGEST_BACKOFF_S, self._wait)))
            self._wake.clear()

    def _failed(self, error: Exception) -> None:
        self._metrics.failures.labels(self.name).inc()
        if isinstance(error, OperationalError | PoolTimeout):
            error = of_database(error)
        if isinstance(error, CarbonSealError):
            _log.warning("%s: %s", self.name, error)
        else:
            _log.exception("%s met an error of the node's own", self.name)
            error = CarbonSealError("internal-error", str(error))
        # What was found wrong stays told until a round passes: that nobody can be asked now mends nothing.
        if not isinstance(error, Unavailable) or self._failure is None or isinstance(self._failure, Unavailable):
            self._failure = error
