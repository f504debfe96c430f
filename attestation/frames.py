"""Which frames of a gateway's chain count for a span of time, as the completeness figures of a statement define it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select
from sqlmodel import col

from attestation.models import BlockRow, FrameRow
from attestation.storage import chunks


def counted_indices(connection: Connection, gateway: str, start: int, end: int) -> list[int]:
    """Log indices of a gateway's frames, from the first ending after `start` to the first ending not before `end`.

    Times in ms UTC; in the order of the chain; the second payload of an equivocation is left out.
    """
    chain = (select(col(FrameRow.log_index), col(FrameRow.epoch), col(FrameRow.seq), col(FrameRow.t_last))
             .where(col(FrameRow.gateway) == gateway, col(FrameRow.disputed).is_(False))
             .order_by(col(FrameRow.epoch), col(FrameRow.seq)))
    first = connection.execute(chain.where(col(FrameRow.t_last) > start).limit(1)).first()
    if first is None:
        return []
    same_epoch = (col(FrameRow.epoch) == first.epoch) & (col(FrameRow.seq) >= first.seq)
    indices = []
    for row in connection.execute(chain.where((col(FrameRow.epoch) > first.epoch) | same_epoch)):
        indices.append(row.log_index)
        if row.t_last >= end:
            break
    return indices


def headers_of(connection: Connection, meter: str, indices: Sequence[int]) -> list[bytes]:
    """The headers of a meter's blocks in the frames at these log indices, in the order of the log."""
    found: list[tuple[int, bytes]] = []
    for part in chunks(indices):
        query = select(col(BlockRow.log_index), col(BlockRow.header)).where(
            col(BlockRow.meter) == meter, col(BlockRow.log_index).in_(part))
        found += [(row.log_index, row.header) for row in connection.execute(query)]
    return [header for _, header in sorted(found)]
