"""The frames and blocks behind a statement's register inputs, chosen as docs/spec/evidence.md asks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from sqlalchemy import Connection

from attestation import registry, storage
from attestation.block import decode_header
from attestation.carriers import Carrier, Place, carriers
from attestation.envelope import open_envelope
from attestation.frame import Frame, decode_frame
from attestation.frames import beside_moves, chain_indices
from attestation.history import History, carries
from attestation.registration import ReadingPlace
from core import cbor
from core.merkle import inclusion_path, leaf_hash
from core.period import HOUR_MS, Period, instant_text
from ledger import log
from verify.completeness import carriers_of
from verify.frame_chains import proven_indices
from verify.members import name_of
from verify.sources import RegisterSource


@dataclass(frozen=True)
class ChainFrame:
    """A frame of a gateway's chain. `proven`: whether its inclusion is shown; `day`: of the member it stands in."""

    index: int
    envelope: bytes
    frame: Frame
    proven: bool
    day: str


def chains(connection: Connection, sources: Sequence[RegisterSource], period: Period, size: int,
           manifest_size: int) -> dict[str, list[ChainFrame]]:
    """The frame chain of every gateway that carried a meter of the sources, within the first `size` log entries."""
    spans: dict[str, list[Carrier]] = {}
    for meter in {source.meter for source in sources}:
        for carrier in carriers_of(registry.history(connection, meter), period, sources):
            spans.setdefault(carrier.gateway, []).append(carrier)
    return {gateway: _marked(_chain(connection, spans[gateway], size, manifest_size),
                             set(beside_moves(connection, spans[gateway]))) for gateway in sorted(spans)}


def frame_members(gateway: str, chain: Sequence[ChainFrame]) -> dict[str, bytes]:
    """The members frames/<gateway>/<day>.cbor."""
    days: dict[str, list[bytes]] = {}
    for item in chain:
        days.setdefault(item.day, []).append(cbor.encode([item.index if item.proven else None, item.envelope]))
    return {f"frames/{name_of(gateway)}/{day}.cbor": b"".join(items) for day, items in days.items()}


def block_members(connection: Connection, meter: str, period: Period, found: Mapping[str, Sequence[ChainFrame]],
                  bodies: Iterable[ReadingPlace] | None) -> dict[str, bytes]:
    """The members blocks/<meter>/<day>.cbor. `bodies`: places whose bodies are shown; None for every body."""
    history = registry.history(connection, meter)
    gateways = dict.fromkeys(carrier.gateway for carrier in carriers(history, period))
    items = [item for gateway in gateways for item in _blocks(connection, history, gateway, found[gateway])]
    shown = None if bodies is None else _shown(items, {place.frame for place in bodies})
    days: dict[str, list[bytes]] = {}
    # Members are read by their names: a gateway whose clock ran ahead does not stand after the one that followed it.
    latest = accumulate((day for day, _ in items), max)
    for position, (day, (_, block)) in enumerate(zip(latest, items, strict=True)):
        silent = decode_header(block.header).readings == 0
        body = None if silent or (shown is not None and position not in shown) else block.body
        days.setdefault(day, []).append(cbor.encode([
            *block.place, block.ordinal, block.path, block.header, body]))
    return {f"blocks/{name_of(meter)}/{day}.cbor": b"".join(parts) for day, parts in days.items()}


@dataclass(frozen=True)
class _Block:
    place: tuple[str, int, int]
    ordinal: int
    path: list[bytes]
    header: bytes
    body: bytes


def _chain(connection: Connection, spans: Sequence[Carrier], size: int,
           manifest_size: int) -> list[tuple[int, bytes, Frame]]:
    """From the frame before the spans to the one that ends after them."""
    beyond = [replace(span, end=span.end + 1) for span in spans]
    found = list(_frames(connection, [index for index in chain_indices(connection, beyond) if index < size]))
    if found and found[-1][2].t_last <= max(span.end for span in spans):
        # Nothing after the spans is sealed: the chain ends at the head the manifest knows.
        return [item for item in found if item[0] < manifest_size]
    return found


def _frames(connection: Connection, indices: Sequence[int]) -> Iterator[tuple[int, bytes, Frame]]:
    wanted = set(indices)
    entries = {index: entry for index, entry in log.entries(connection, min(indices), max(indices) + 1)
               if index in wanted} if indices else {}
    for index in indices:
        yield index, entries[index], decode_frame(open_envelope(entries[index]).payload)


def _marked(chain: Sequence[tuple[int, bytes, Frame]], beside: Collection[Place]) -> list[ChainFrame]:
    """With the day of each member, and proven where an hour, an epoch or the chain ends, and on both sides of a move.

    `beside`: the places of those frames.
    """
    marked: list[ChainFrame] = []
    for (index, envelope, frame), following in zip(chain, [*chain[1:], None], strict=True):
        day = instant_text(frame.t_first)[:10]
        proven = (following is None or following[2].epoch != frame.epoch
                  or following[2].t_last // HOUR_MS != frame.t_last // HOUR_MS or (frame.epoch, frame.seq) in beside)
        marked.append(ChainFrame(index, envelope, frame, proven, max(day, marked[-1].day) if marked else day))
    return marked


def _blocks(connection: Connection, history: History, gateway: str,
            chain: Sequence[ChainFrame]) -> Iterator[tuple[str, _Block]]:
    """(day, block) of the meter in each frame in which the gateway carried it, judged where the frame is proven."""
    proven = proven_indices(gateway, [item.index if item.proven else None for item in chain])
    for item, index in zip(chain, proven, strict=True):
        if not carries(history, gateway, index):
            continue
        blocks = storage.blocks_of(connection, item.index)
        leaves = [leaf_hash(header) for header, _ in blocks]
        for ordinal, (header, body) in enumerate(blocks):
            if decode_header(header).meter == history.subject:
                place = (gateway, item.frame.epoch, item.frame.seq)
                yield item.day, _Block(place, ordinal, inclusion_path(leaves, ordinal), header, body)


def _shown(items: Sequence[tuple[str, _Block]], places: set[tuple[str, int, int]]) -> set[int]:
    """Positions of the blocks at these places, and of the first non-silent block after each."""
    shown: set[int] = set()
    for position, (_, block) in enumerate(items):
        if block.place in places:
            after = (later for later in range(position + 1, len(items))
                     if decode_header(items[later][1].header).readings)
            shown |= {position, *list(after)[:1]}
    return shown
