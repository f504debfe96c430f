"""Folding the evidence of some meters anew: after a registration about the past, a resolution, an equivocation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, delete
from sqlmodel import col

from attestation.flags import MISSING, Flag
from attestation.fold import FlagKey, Fold, resolutions, stored_frames
from attestation.models import FlagRow, RegisterRow, RollupRow
from attestation.storage import insert_rows
from attestation.subjects import DatabaseRegistry


def refold(connection: Connection, meters: Sequence[str]) -> None:
    """Recompute rollups, register heads and open flags of some meters from their blocks, by today's registrations."""
    _forget(connection, meters)
    cleared, frame_flags, resolved = resolutions(connection)
    fold = Fold(DatabaseRegistry(connection), meters)
    for stored in stored_frames(connection, meters):
        index = stored.log_index
        fold.add(stored, frame_flags.get(index, []), cleared.get(index, frozenset()))
    fold.rollups.flush(connection)
    replace_flags(connection, fold, {key for key in resolved if key[1] in meters and key[3] != MISSING})


def _forget(connection: Connection, meters: Sequence[str]) -> None:
    for table in (RollupRow, RegisterRow):
        connection.execute(delete(table).where(col(table.meter).in_(meters)))
    connection.execute(delete(FlagRow).where(col(FlagRow.meter).in_(meters), col(FlagRow.resolution) == "",
                                             col(FlagRow.code) != MISSING))


def replace_flags(connection: Connection, fold: Fold, resolved: set[FlagKey]) -> None:
    """Store the open flags of a fold. `resolved`: the flags stored as resolved, of its meters and frames.

    Those whose doubt no longer follows are dropped: a registration answered it, or the frame is disputed whole. Left
    behind they would keep out of some answers what counts in others.
    """
    record_flags(connection, fold.flags(resolved))
    for index, meter, quantity, code in sorted(resolved - fold.flag_keys()):
        connection.execute(delete(FlagRow).where(
            col(FlagRow.log_index) == index, col(FlagRow.meter) == meter, col(FlagRow.quantity) == quantity,
            col(FlagRow.code) == code))


def record_flags(connection: Connection, flags: Iterable[tuple[int, str, Flag]]) -> None:
    """Store flags of (log index, gateway)."""
    insert_rows(connection, FlagRow, [
        (index, flag.meter, flag.quantity, flag.code, gateway, flag.excludes, flag.t_from, flag.t_to, "", "", None)
        for index, gateway, flag in flags])
