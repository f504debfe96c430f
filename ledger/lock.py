"""The lock beside the database: the last checkpoint signed, kept where a restored database does not reach.

A database restored from yesterday is consistent in itself; only something outside it can tell. The checkpoint is in
the lock, fsynced, before it becomes visible to anyone. Who owns both files can still roll back both: witnesses and the
chain show that. Who owns the lock alone can stop sealing, nothing more.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from core.errors import Refused, Unavailable
from ledger import checkpoint as checkpoints
from ledger.checkpoint import Checkpoint


class Lock(Protocol):
    """Remembers the last checkpoint signed."""

    def read(self) -> Checkpoint | None:
        """What was last stored, or None for a new log."""

    def advance(self, checkpoint: Checkpoint) -> None:
        """Durable on return. Refuses a smaller size and another root for the same size (log-rolled-back)."""


class FileLock:
    """The lock in one small file, replaced atomically."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> Checkpoint | None:
        """See Lock. Raises FormError for a file that holds no checkpoint, Unavailable (lock-unusable)."""
        try:
            return checkpoints.parse(self.path.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unusable(error) from None

    def advance(self, checkpoint: Checkpoint) -> None:
        """See Lock. Raises Unavailable (lock-unusable)."""
        held = self.read()
        if held and (checkpoint.size, checkpoint.root) != (held.size, held.root) and checkpoint.size <= held.size:
            raise Refused("log-rolled-back", f"size {held.size} has been signed already, {checkpoint.size} comes late",
                          where=str(self.path), hint="restore the newest copy of the database")
        try:
            self._replace(checkpoint.note)
        except OSError as error:
            raise self._unusable(error) from None

    def _replace(self, content: bytes) -> None:
        temporary = self.path.with_name(self.path.name + ".new")
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.path)
        directory = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def _unusable(self, error: OSError) -> Unavailable:
        return Unavailable("lock-unusable", f"the lock cannot be used: {error.strerror}", where=str(self.path),
                           hint="nothing was sealed; make the file writable and seal again")
