"""Integration: leaf hashes in order become tiles. Pure; one pass, as tight as a bare hashing loop."""

from __future__ import annotations

from collections.abc import Iterable

from ledger.tiles import TILE_HEIGHT, TILE_WIDTH, Tile, fold, middle_of, position_of, root, split_hashes


class Integration:
    """Extends a tree. Start it from the rightmost partial tiles of the tree so far, `add` leaf hashes, `finish`."""

    def __init__(self, size: int = 0, frontier: Iterable[Tile] = ()) -> None:
        """`frontier`: the tiles of `frontier_positions(size)`; they may hold more hashes than `size` has."""
        self.size = size
        self._numbers: list[int] = []
        self._pending: list[list[bytes]] = []
        self._done: list[Tile] = []
        by_position = {tile.position: tile for tile in frontier}
        for level in range(_levels(size)):
            number, width = divmod(size >> TILE_HEIGHT * level, TILE_WIDTH)
            self._numbers.append(number)
            self._pending.append(split_hashes(by_position[position_of(level, number)].hashes)[:width] if width else [])

    def add(self, leaf_hashes: list[bytes]) -> None:
        """Append leaf hashes."""
        self.size += len(leaf_hashes)
        self._extend(0, leaf_hashes)

    def drain(self) -> list[Tile]:
        """The tiles that became full since the last call; they are forgotten here."""
        done, self._done = self._done, []
        return done

    def frontier(self) -> list[Tile]:
        """The partial tiles as they are now, lowest level first."""
        return [Tile(position_of(level, self._numbers[level]), b"".join(hashes), middle_of(hashes))
                for level, hashes in enumerate(self._pending) if hashes]

    def finish(self) -> list[Tile]:
        """Every tile that is new or has grown."""
        return self.drain() + self.frontier()

    def root(self) -> bytes:
        """The root of the tree so far. Every complete subtree that it joins stands in a partial tile."""
        frontier = {tile.position: tile for tile in self.frontier()}
        return root(lambda _: frontier, self.size)

    def _extend(self, level: int, hashes: list[bytes]) -> None:
        if level == len(self._pending):
            self._numbers.append(0)
            self._pending.append([])
        pending = self._pending[level]
        pending += hashes
        tops: list[bytes] = []
        for start in range(0, len(pending) - TILE_WIDTH + 1, TILE_WIDTH):
            full = pending[start : start + TILE_WIDTH]
            middle, top = fold(full)
            self._done.append(Tile(position_of(level, self._numbers[level]), b"".join(full), middle))
            self._numbers[level] += 1
            tops.append(top)
        if tops:
            del pending[: len(tops) * TILE_WIDTH]
            self._extend(level + 1, tops)


def frontier_positions(size: int) -> dict[int, int]:
    """Position → width of the partial tiles of a tree: where it grows."""
    grid = [(level, *divmod(size >> TILE_HEIGHT * level, TILE_WIDTH)) for level in range(_levels(size))]
    return {position_of(level, number): width for level, number, width in grid if width}


def _levels(size: int) -> int:
    return -(-size.bit_length() // TILE_HEIGHT)
