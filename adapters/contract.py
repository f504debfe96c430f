"""What every adapter gives: readings. An adapter turns bytes, a device or a file into `core.records.Reading`.

It never signs, never stores, never repairs: what fails a checksum, a length or a flag is refused with a code. Each
folder holds README.md (what it reads, its traps), codec.py (pure: bytes or registers ↔ readings, no I/O) and a sample;
a live protocol also has client.py with a class that is a Source.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from core.records import Reading


class Source(Protocol):
    """One meter that can be asked for its present values.

    `read` is called again and again by one task; it connects when it must. After an error the next call starts fresh,
    so a meter that was away and came back is read without anybody's help.
    """

    @property
    def meter(self) -> str:
        """The id of the meter."""

    async def read(self, instant: int) -> Sequence[Reading]:
        """One reading of each point that the device implements, all of one request, stamped `instant` (ms UTC).

        A point that the device marks as not implemented is absent from the answer: never zero.
        Raises Unavailable (no connection, no answer in time), InputError (the device says no), FormError (the answer
        is not well formed).
        """

    async def describe(self) -> dict[str, str]:
        """What the device says about itself (vendor, product, model); empty when it says nothing."""

    async def close(self) -> None:
        """Give the connection back. `read` may be called again afterwards."""
