"""The durable spool: frames are signed and stored in one step, and kept until the node has answered that it holds them.

One SQLite file, WAL, synchronous=FULL. `sign_next` takes the writer's lock, reads the gateway's place in its chain,
lets the caller sign for exactly this place, and commits frame and new place together. So a crash at any point leaves
either nothing, and the seq is used by the next frame, or the signed frame itself: no seq carries two payloads, and no
frame that was signed durably is lost. A frame leaves the process only by way of `waiting`, after the commit.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from attestation.envelope import open_envelope
from attestation.frame import EpochStart, Submission, decode_frame, encode_submission, read_submissions
from core.errors import CarbonSealError, Refused, Unavailable

# Acknowledged frames stay this long, for a node that was restored from a backup and asks for them again.
RETAINED_FRAMES = 2880
BUSY_TIMEOUT_S = 30

_SCHEMA = """
CREATE TABLE IF NOT EXISTS chain (
    id INTEGER PRIMARY KEY CHECK (id = 1), gateway TEXT NOT NULL, origin TEXT NOT NULL,
    epoch INTEGER NOT NULL, seq INTEGER NOT NULL, prev BLOB, reason TEXT NOT NULL, t_last INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS frames (
    position INTEGER PRIMARY KEY AUTOINCREMENT, epoch INTEGER NOT NULL, seq INTEGER NOT NULL,
    submission BLOB NOT NULL, log_index TEXT, UNIQUE (epoch, seq));
CREATE INDEX IF NOT EXISTS waiting ON frames (position) WHERE log_index IS NULL;
"""


@dataclass(frozen=True)
class Place:
    """Where the next frame stands in the gateway's chain. `prev`: as frames carry it."""

    epoch: int
    seq: int
    prev: bytes | EpochStart


@dataclass(frozen=True)
class Spooled:
    """A signed frame in the spool; `data` is one item of a POST body."""

    position: int
    epoch: int
    seq: int
    data: bytes


class Spool:
    """The spool of one gateway in one log. One process owns it; `Refused` (spool-foreign) for another's file."""

    def __init__(self, path: Path, gateway: str, origin: str, *, limit_bytes: int, limit_frames: int) -> None:
        self._path = path
        self._limit_bytes, self._limit_frames = limit_bytes, limit_frames
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = self._open(gateway, origin)

    def begin_epoch(self, epoch: int, reason: str) -> None:
        """Make sure the chain stands in `epoch`; a step to the next one closes the last at its head.

        Raises Refused (spool-epoch) for any other epoch, so that a typing error cannot break the chain.
        """
        with self._write() as db:
            current, seq, prev = db.execute("SELECT epoch, seq, prev FROM chain").fetchone()
            # An untouched spool may begin in any epoch: what was in the lost one is declared lost by the reason.
            untouched = (current, seq, prev) == (0, 0, None)
            if epoch == current:
                return
            if epoch != current + 1 and not (untouched and epoch > 0):
                raise Refused("spool-epoch", f"the spool stands in epoch {current}, the configuration says {epoch}",
                              where=str(self._path), hint=f"epoch = {current}, or {current + 1} for a new one")
            db.execute("UPDATE chain SET epoch = ?, seq = 0, reason = ?", (epoch, reason))

    def next_place(self) -> Place:
        """Where the next frame will stand."""
        return self._place(self._connection)

    def last_time(self) -> int:
        """t_last of the newest frame (ms UTC), −1 before the first."""
        return int(self._connection.execute("SELECT t_last FROM chain").fetchone()[0])

    def sign_next(self, build: Callable[[Place], Submission]) -> Place:
        """Sign and store the next frame in one durable step; its place.

        `build` signs for the place it is given and may raise: then nothing has happened. Raises Unavailable:
        spool-full (back-pressure: ship first), spool-failed (the disk did not take it).
        """
        with self._write() as db:
            self._check_room(db)
            place = self._place(db)
            submission = build(place)
            db.execute("INSERT INTO frames (epoch, seq, submission) VALUES (?, ?, ?)",
                       (place.epoch, place.seq, encode_submission(submission)))
            envelope = open_envelope(submission.envelope)
            db.execute("UPDATE chain SET seq = ?, prev = ?, t_last = ?",
                       (place.seq + 1, envelope.digest, decode_frame(envelope.payload).t_last))
            return place

    def waiting(self, max_frames: int, max_bytes: int) -> list[Spooled]:
        """The oldest frames without an answer, in order; at least one, if there is one."""
        batch: list[Spooled] = []
        size = 0
        rows = self._connection.execute(
            "SELECT position, epoch, seq, submission FROM frames WHERE log_index IS NULL ORDER BY position LIMIT ?",
            (max_frames,))
        for row in rows:
            frame = Spooled(*row)
            size += len(frame.data)
            if batch and size > max_bytes:
                break
            batch.append(frame)
        return batch

    def waiting_count(self) -> int:
        """How many frames have no answer yet."""
        return int(self._connection.execute("SELECT count(*) FROM frames WHERE log_index IS NULL").fetchone()[0])

    def acknowledge(self, answers: dict[int, str]) -> None:
        """Note the log index of frames (position → index) that the node holds durably; old ones are let go."""
        with self._write() as db:
            db.executemany("UPDATE frames SET log_index = ? WHERE position = ?",
                           [(index, position) for position, index in answers.items()])
            db.execute("DELETE FROM frames WHERE log_index IS NOT NULL AND position <= ?",
                       (max(answers, default=0) - RETAINED_FRAMES,))

    def rewind(self, epoch: int, seq: int) -> None:
        """Let everything from (epoch, seq) on wait again: the node asks for it.

        Raises Refused (spool-behind) when the spool does not hold that frame.
        """
        with self._write() as db:
            row = db.execute("SELECT position FROM frames WHERE epoch = ? AND seq = ?", (epoch, seq)).fetchone()
            if row is None:
                raise Refused("spool-behind", f"the node expects epoch {epoch} seq {seq}, which is not in the spool",
                              where=str(self._path), expected_epoch=str(epoch), expected_seq=str(seq),
                              hint="if the spool was lost, raise gateway.epoch by one with epoch_reason lost-spool")
            db.execute("UPDATE frames SET log_index = NULL WHERE position >= ?", row)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _open(self, gateway: str, origin: str) -> sqlite3.Connection:
        try:
            db = sqlite3.connect(self._path, isolation_level=None, timeout=BUSY_TIMEOUT_S)
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=FULL")
            db.executescript(_SCHEMA)
            db.execute("INSERT OR IGNORE INTO chain VALUES (1, ?, ?, 0, 0, NULL, 'key', -1)", (gateway, origin))
            owner = db.execute("SELECT gateway, origin FROM chain").fetchone()
            self._check_head(db)
        except sqlite3.Error as error:
            raise Unavailable("spool-damaged", f"the spool cannot be used: {error}", where=str(self._path),
                              hint="keep the file for the auditor; begin a new epoch with reason lost-spool") from None
        if owner != (gateway, origin):
            raise Refused("spool-foreign", f"the spool belongs to {owner[0]} in {owner[1]}", where=str(self._path),
                          hint="give each gateway and log a spool of its own")
        return db

    def _check_head(self, db: sqlite3.Connection) -> None:
        """The newest frame must be the one the chain stands on; start-up believes nothing that it can check."""
        (prev,) = db.execute("SELECT prev FROM chain").fetchone()
        row = db.execute("SELECT submission FROM frames ORDER BY position DESC LIMIT 1").fetchone()
        if row is None:
            return
        try:
            head = open_envelope(next(read_submissions(row[0])).envelope).digest
        except (CarbonSealError, StopIteration):
            head = None
        if head != prev:
            raise sqlite3.DatabaseError("the newest frame is not the head of the chain")

    def _check_room(self, db: sqlite3.Connection) -> None:
        frames, size = db.execute(
            "SELECT count(*), coalesce(sum(length(submission)), 0) FROM frames WHERE log_index IS NULL").fetchone()
        if frames >= self._limit_frames or size >= self._limit_bytes:
            raise Unavailable("spool-full", f"{frames} frames ({size} bytes) wait for the node", where=str(self._path),
                              hint="bring the node back, or raise spool.limit_frames and spool.limit_bytes")

    @staticmethod
    def _place(db: sqlite3.Connection) -> Place:
        epoch, seq, prev, reason = db.execute("SELECT epoch, seq, prev, reason FROM chain").fetchone()
        return Place(epoch, seq, EpochStart(prev, reason) if seq == 0 else prev)

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        """One durable transaction: committed at the end of the block, rolled back when it raises."""
        db = self._connection
        try:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")
        except sqlite3.Error as error:
            raise Unavailable("spool-failed", f"the spool did not take the write: {error}", where=str(self._path),
                              hint="check free disk space; nothing was lost") from None
