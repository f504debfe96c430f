"""The frames of a chain that a carrier's span needs, found in the database; `attestation.carriers` has the rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, Select, select, tuple_
from sqlmodel import col

from attestation.carriers import Carrier, Place
from attestation.models import BlockRow, FrameRow
from attestation.storage import chunks


def counted_indices(connection: Connection, carrier: Carrier) -> list[int]:
    """Log indices of the frames that count for a carrier (`attestation.carriers.counted`), in the order of the chain.

    The second payload of an equivocation is left out.
    """
    reach = _reach(connection, _moved(connection, carrier))
    return [] if reach is None else _between(connection, carrier.gateway, reach.first, reach.last)


def chain_indices(connection: Connection, carriers: Sequence[Carrier]) -> list[int]:
    """The unbroken chain that spans of one gateway need, from where the search for the earliest one begins.

    It holds the frames on both sides of each move of a meter, so that a reader sees which came before it.
    """
    reaches = [reach for carrier in carriers if (reach := _reach(connection, _moved(connection, carrier)))]
    if not reaches:
        return []
    beside = beside_moves(connection, carriers)
    return _between(connection, carriers[0].gateway, min([reach.begin for reach in reaches] + beside),
                    max([reach.last for reach in reaches] + beside))


def beside_moves(connection: Connection, carriers: Sequence[Carrier]) -> list[Place]:
    """The last frame of the gateway before each move of the carriers, and the first after it."""
    found = []
    for carrier in carriers:
        frames = _frames(carrier.gateway)
        for move in (index for index in (carrier.since, carrier.until) if index is not None):
            found += [_one(connection, frames.where(_index < move).order_by(*_NEWEST)),
                      _one(connection, frames.where(_index > move).order_by(*_OLDEST))]
    return [place for place in found if place is not None]


def _moved(connection: Connection, carrier: Carrier) -> Carrier:
    """The carrier with the places that moves of the meter give it (`Carrier.moved_in`)."""
    own = _frames(carrier.gateway)
    if carrier.since is not None:
        own = own.where(_index > carrier.since)
    if carrier.until is not None:
        own = own.where(_index < carrier.until)
    firsts, lasts = own.where(_ends > carrier.start), own.where(col(FrameRow.t_first) < carrier.end)
    return carrier.moved(None if carrier.since is None else _one(connection, firsts.order_by(*_OLDEST)),
                         None if carrier.until is None else _one(connection, lasts.order_by(*_NEWEST)))


class _Reach(NamedTuple):
    begin: Place
    first: Place
    last: Place


def _reach(connection: Connection, carrier: Carrier) -> _Reach | None:
    """The three steps of `counted`."""
    frames = _frames(carrier.gateway)
    begin = carrier.opening
    if carrier.closing:
        before = _one(connection, frames.where(_place < carrier.closing, _ends <= carrier.start).order_by(*_NEWEST))
        begin = before and min(before, begin or before)
    onward = frames.where(_place >= begin) if begin else frames
    first = _one(connection, onward.where(_ends > carrier.start).order_by(*_OLDEST))
    if first is None:
        return None
    rest = frames.where(_place >= max(first, carrier.closing or first))
    last = _one(connection, rest.where(_ends >= carrier.end).order_by(*_OLDEST)) or _one(
        connection, frames.order_by(*_NEWEST))
    return _Reach(_one(connection, onward.order_by(*_OLDEST)) or first, first, last or first)


def _frames(gateway: str) -> Select[int, int]:
    return select(col(FrameRow.epoch), col(FrameRow.seq)).where(
        col(FrameRow.gateway) == gateway, col(FrameRow.disputed).is_(False))


def _one(connection: Connection, query: Select[int, int]) -> Place | None:
    row = connection.execute(query.limit(1)).first()
    return None if row is None else (row.epoch, row.seq)


def _between(connection: Connection, gateway: str, first: Place, last: Place) -> list[int]:
    query = (_frames(gateway).with_only_columns(col(FrameRow.log_index))
             .where(_place >= first, _place <= last).order_by(*_OLDEST))
    return list(connection.execute(query).scalars())


def headers_of(connection: Connection, meter: str, indices: Sequence[int]) -> list[bytes]:
    """The headers of a meter's blocks in the frames at these log indices, in the order of the log."""
    found: list[tuple[int, bytes]] = []
    for part in chunks(indices):
        query = select(col(BlockRow.log_index), col(BlockRow.header)).where(
            col(BlockRow.meter) == meter, col(BlockRow.log_index).in_(part))
        found += [(row.log_index, row.header) for row in connection.execute(query)]
    return [header for _, header in sorted(found)]


_place = tuple_(col(FrameRow.epoch), col(FrameRow.seq))
_ends = col(FrameRow.t_last)
_index = col(FrameRow.log_index)
_OLDEST = (col(FrameRow.epoch), col(FrameRow.seq))
_NEWEST = (col(FrameRow.epoch).desc(), col(FrameRow.seq).desc())
