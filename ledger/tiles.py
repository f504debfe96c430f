"""The mathematics of tiles (C2SP tlog-tiles): which stored hashes a proof needs, and how a tile is named and folded.

A node (level, index) is the complete subtree over entries [index << level, (index + 1) << level). A tile stores 256
consecutive nodes of level 8·L. Pure: nothing here reads or writes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from core.errors import FormError, InputError, NotFound, VerificationFailed
from core.merkle import EMPTY_ROOT, HASH_BYTES, node_hash

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
# `middle` of a tile holds the nodes this many levels above its hashes: half way up.
MIDDLE_HEIGHT = 4
MIDDLE_WIDTH = 1 << MIDDLE_HEIGHT
# The length prefix of an entry bundle is a uint16.
MAX_ENTRY_BYTES = 65_535
# Positions are 64-bit signed integers in the database: 56 bits of number leave room for 128 levels of tiles.
# A level above the eighth would need more than 2^64 entries.
MAX_LEVELS = 8
_NUMBER_BITS = 56
MAX_NUMBER = 1 << _NUMBER_BITS
MAX_SIZE = 2**63 - 1

_PAIR = 2 * HASH_BYTES

Node = tuple[int, int]
Span = tuple[int, int]

_PATH = re.compile(r"(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


@dataclass(frozen=True)
class Tile:
    """Stored hashes of one tile. `hashes`: 32 bytes each, 1 to 256; `middle`: their complete nodes four levels up."""

    position: int
    hashes: bytes
    middle: bytes

    @property
    def level(self) -> int:
        """Level of the tile; its hashes are nodes of level 8·level."""
        return self.position >> _NUMBER_BITS

    @property
    def number(self) -> int:
        """Ordinal within the level."""
        return self.position & (1 << _NUMBER_BITS) - 1

    @property
    def width(self) -> int:
        """How many hashes it holds."""
        return len(self.hashes) // HASH_BYTES


Fetch = Callable[[Iterable[int]], Mapping[int, Tile]]


def position_of(level: int, number: int) -> int:
    """The database key of a tile."""
    return level << _NUMBER_BITS | number


def tile_of(node: Node) -> tuple[int, int, int]:
    """(position of the tile, first hash, number of hashes) that fold to a node."""
    level, index = node
    tile_level, above = divmod(level, TILE_HEIGHT)
    number, inside = divmod(index, TILE_WIDTH >> above)
    return position_of(tile_level, number), inside << above, 1 << above


def inclusion_spans(index: int, size: int) -> list[Span]:
    """The spans of entries whose hashes are the audit path, lowest first. Raises InputError (log-index)."""
    if not 0 <= index < size <= MAX_SIZE:
        raise InputError("log-index", f"entry {index} does not exist in a tree of {size} entries")
    start, end, spans = 0, size, []
    while end - start > 1:
        split = start + (1 << (end - start - 1).bit_length() - 1)
        if index < split:
            spans.append((split, end))
            end = split
        else:
            spans.append((start, split))
            start = split
    return spans[::-1]


def consistency_spans(old_size: int, new_size: int) -> list[Span]:
    """The spans whose hashes are the consistency proof, in its order. Raises InputError (log-size)."""
    if not 0 <= old_size <= new_size <= MAX_SIZE:
        raise InputError("log-size", f"a tree of {new_size} entries does not extend one of {old_size}")
    if old_size in (0, new_size):
        return []
    start, end, spans = 0, new_size, []
    while end != old_size:
        split = start + (1 << (end - start - 1).bit_length() - 1)
        if old_size <= split:
            spans.append((split, end))
            end = split
        else:
            spans.append((start, split))
            start = split
    return ([(start, end)] if start else []) + spans[::-1]


def complete_nodes(start: int, end: int) -> list[Node]:
    """The complete subtrees of a span of the tree, left to right, largest first."""
    nodes = []
    while start < end:
        level = (end - start).bit_length() - 1
        nodes.append((level, start >> level))
        start += 1 << level
    return nodes


def hash_spans(fetch: Fetch, spans: Sequence[Span]) -> list[bytes]:
    """The tree hash of each span, from the tiles that `fetch` answers.

    Raises NotFound (log-not-sealed) where a tile does not reach so far, VerificationFailed (tile-missing).
    """
    places = [[tile_of(node) for node in complete_nodes(*span)] for span in spans]
    tiles = fetch({position for place in places for position, _, _ in place})
    return [_join([_node(tiles, *place) for place in span]) for span in places]


def root(fetch: Fetch, size: int) -> bytes:
    """The root of the tree of the first `size` entries, from tiles."""
    return hash_spans(fetch, [(0, size)])[0] if size else EMPTY_ROOT


def _join(hashes: list[bytes]) -> bytes:
    result = hashes[-1]
    for left in reversed(hashes[:-1]):
        result = node_hash(left, result)
    return result


def _node(tiles: Mapping[int, Tile], position: int, first: int, count: int) -> bytes:
    tile = tiles.get(position)
    if tile is None or len(tile.hashes) < (first + count) * HASH_BYTES:
        raise NotFound("log-not-sealed", "the log has no checkpoint that reaches so far", where=name(position),
                       hint="ask for the size of a checkpoint")
    source = tile.hashes
    if count >= MIDDLE_WIDTH:
        source, first, count = tile.middle, first // MIDDLE_WIDTH, count // MIDDLE_WIDTH
    start, end = first * HASH_BYTES, (first + count) * HASH_BYTES
    if len(source) < end:
        raise VerificationFailed("tile-malformed", "a stored tile lacks its middle nodes", where=name(position),
                                 hint="run carbonseal fsck")
    if count == 1:
        return source[start:end]
    # Adjacent hashes lie side by side: the first level is hashed from the row without cutting it up.
    level = [sha256(b"\x01" + source[at : at + _PAIR]).digest() for at in range(start, end, _PAIR)]
    while len(level) > 1:
        level = pair_up(level)
    return level[0]


def name(position: int) -> str:
    """How messages name a tile: "tile 0/3"."""
    return f"tile {position >> _NUMBER_BITS}/{position & (1 << _NUMBER_BITS) - 1}"


def split_hashes(data: bytes) -> list[bytes]:
    """The 32-byte hashes in a run of them."""
    return [data[i : i + HASH_BYTES] for i in range(0, len(data), HASH_BYTES)]


def pair_up(level: list[bytes]) -> list[bytes]:
    """One level up: the nodes over adjacent pairs; a last odd hash is left out."""
    return [sha256(b"\x01" + left + right).digest() for left, right in zip(level[::2], level[1::2], strict=False)]


def fold(hashes: list[bytes]) -> tuple[bytes, bytes]:
    """(middle, top) of a full tile."""
    level = hashes
    for _ in range(MIDDLE_HEIGHT):
        level = pair_up(level)
    middle = b"".join(level)
    for _ in range(MIDDLE_HEIGHT):
        level = pair_up(level)
    return middle, level[0]


def middle_of(hashes: list[bytes]) -> bytes:
    """The complete nodes four levels above the hashes of a partial tile."""
    level = hashes[: len(hashes) // MIDDLE_WIDTH * MIDDLE_WIDTH]
    for _ in range(MIDDLE_HEIGHT):
        level = pair_up(level)
    return b"".join(level)


@dataclass(frozen=True)
class TilePath:
    """A resource under /tile/. `level` is None for an entry bundle, `width` 256 for a full tile."""

    level: int | None
    number: int
    width: int


def parse_path(text: str) -> TilePath:
    """The resource "0/x001/234.p/17" or "entries/000" names. Raises FormError (tile-path-malformed)."""
    match = _PATH.fullmatch(text) if text.isascii() else None
    if match:
        elements = match[2].replace("x", "").split("/")
        level = None if match[1] == "entries" else int(match[1])
        width = int(match[3] or TILE_WIDTH)
        canonical = len(elements) == 1 or elements[0] != "000"
        if canonical and (level or 0) < 64 and (match[3] is None or width < TILE_WIDTH):
            return TilePath(level, int("".join(elements)), width)
    raise FormError("tile-path-malformed", f"{text[:60]!r} does not name a tile", where="path",
                    hint="<level or entries>/<number in groups of three digits>[.p/<width 1 to 255>]")


def path_text(path: TilePath) -> str:
    """The inverse of `parse_path`."""
    digits = str(path.number)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
    number = "/".join([*("x" + group for group in groups[:-1]), groups[-1]])
    partial = f".p/{path.width}" if path.width < TILE_WIDTH else ""
    return f"{'entries' if path.level is None else path.level}/{number}{partial}"


def bundle(entries: Iterable[bytes]) -> bytes:
    """An entry bundle: each entry behind its length as a big-endian uint16."""
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def parse_bundle(data: bytes, width: int) -> list[bytes]:
    """The `width` entries of a bundle; anything missing or left over is a FormError (bundle-malformed)."""
    entries: list[bytes] = []
    at = 0
    while at < len(data) and len(entries) < width:
        length = int.from_bytes(data[at : at + 2], "big")
        entries.append(data[at + 2 : at + 2 + length])
        at += 2 + length
    if at != len(data) or len(entries) != width:
        raise FormError("bundle-malformed", f"the bundle does not hold exactly {width} entries")
    return entries
