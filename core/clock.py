"""Clocks are arguments. A SharedClock lets several processes of one deployment live in one simulated time."""

from __future__ import annotations

import struct
import time
from pathlib import Path
from typing import Protocol

_INSTANT = struct.Struct(">q")


class Clock(Protocol):
    """Tells the time in milliseconds UTC."""

    def now(self) -> int:
        """Milliseconds since 1970."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> int:
        """Milliseconds since 1970."""
        return time.time_ns() // 1_000_000


class FixedClock:
    """A clock that stands still until it is set; for tests and replays."""

    def __init__(self, instant: int) -> None:
        self.instant = instant

    def now(self) -> int:
        """The instant it was set to."""
        return self.instant


class SharedClock:
    """A simulated clock in a file of 8 bytes: one process advances it, all read it.

    It joins real time, and stays with it, as soon as it has been advanced to the present.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._real = SystemClock()

    @property
    def simulated(self) -> bool:
        """Whether it still runs apart from the machine's clock."""
        return self._read() is not None

    def now(self) -> int:
        """The simulated instant, or the real one once joined."""
        instant = self._read()
        return self._real.now() if instant is None else instant

    def start(self, instant: int) -> None:
        """Begin simulated time at an instant in the past."""
        self._write(instant)

    def advance(self, instant: int) -> None:
        """Move forward to `instant`, never back; at or past the present the clock joins real time."""
        current = self._read()
        if current is None:
            return
        if instant >= self._real.now():
            self.path.unlink(missing_ok=True)
        elif instant > current:
            self._write(instant)

    def _read(self) -> int | None:
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return None
        return int(_INSTANT.unpack(content)[0]) if len(content) == 8 else None

    def _write(self, instant: int) -> None:
        temporary = self.path.with_suffix(".new")
        temporary.write_bytes(_INSTANT.pack(instant))
        temporary.replace(self.path)
