"""Tile paths, bundles, and the public tlog-tiles log read and rebuilt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_helpers import VECTORS, Log, naive_root

from core.database import reading
from core.errors import FormError, InputError, NotFound, VerificationFailed
from core.merkle import EMPTY_ROOT, leaf_hash
from ledger import checkpoint as checkpoints
from ledger import log, tiles
from ledger.integration import Integration, frontier_positions
from ledger.tiles import Tile, TilePath, parse_path, path_text

PUBLIC = VECTORS / "tlog-tiles" / "testdata" / "log"
PUBLIC_KEY = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"


@pytest.fixture(scope="module")
def public_entries() -> list[bytes]:
    return tiles.parse_bundle((PUBLIC / "tile/entries/000.p/15").read_bytes(), 15)


def test_the_public_logs_entries_are_read(public_entries: list[bytes]) -> None:
    assert public_entries[:3] == [b"one", b"two", b"three"]
    for width in range(1, 16):
        bundle = (PUBLIC / f"tile/entries/000.p/{width}").read_bytes()
        assert tiles.parse_bundle(bundle, width) == public_entries[:width]
        assert tiles.bundle(public_entries[:width]) == bundle


@pytest.mark.parametrize("size", range(16))
def test_every_public_checkpoint_verifies_and_its_root_is_rebuilt(size: int, public_entries: list[bytes]) -> None:
    signed = checkpoints.parse((PUBLIC / f"checkpoint.{size}").read_bytes())
    checkpoints.verify(signed, PUBLIC_KEY)
    tree = Integration()
    tree.add([leaf_hash(entry) for entry in public_entries[:size]])
    assert (signed.size, signed.root) == (size, tree.root())


def test_our_log_of_the_public_entries_serves_the_public_files(a_log: Log, public_entries: list[bytes]) -> None:
    for entry in public_entries:
        a_log.append(entry)
        a_log.seal()
    with reading(a_log.engine) as connection:
        for width in range(1, 16):
            for kind in ("0", "entries"):
                path = f"{kind}/000.p/{width}"
                assert log.resource(connection, path) == (PUBLIC / "tile" / path).read_bytes()
            public = checkpoints.parse((PUBLIC / f"checkpoint.{width}").read_bytes())
            assert log.checkpoint(connection, width).root == public.root
    a_log.check()


@pytest.mark.parametrize(("text", "path"), [
    ("0/000", TilePath(0, 0, 256)), ("63/000.p/1", TilePath(63, 0, 1)),
    ("0/x001/x234/067", TilePath(0, 1_234_067, 256)),
    ("1/255.p/255", TilePath(1, 255, 255)), ("entries/x001/000.p/17", TilePath(None, 1000, 17)),
])
def test_tile_paths_are_those_of_the_standard(text: str, path: TilePath) -> None:
    assert parse_path(text) == path
    assert path_text(path) == text


@pytest.mark.parametrize("text", [
    "", "0", "0/0", "0/00", "00/000", "01/000", "64/000", "-1/000", "0/x000/001", "0/001/002", "0/x001", "0/000.p/0",
    "0/000.p/256", "0/000.p/01", "0/000.p/", "0/000.p/-1", "entry/000", "0/０00", "0/000\n", "0/000/", "/0/000",
    "0/x1/000", "0/" + "x001/" * 7 + "000", "0/000.p/1000",
])
def test_other_spellings_are_refused(text: str) -> None:
    with pytest.raises(FormError, match="tile-path-malformed"):
        parse_path(text)


@given(st.one_of(st.none(), st.integers(0, 63)), st.integers(0, 2**56), st.integers(1, 256))
def test_paths_survive_writing_and_reading(level: int | None, number: int, width: int) -> None:
    path = TilePath(level, number, width)
    assert parse_path(path_text(path)) == path


@given(st.lists(st.binary(max_size=70), min_size=1, max_size=20))
def test_bundles_survive_writing_and_reading_and_nothing_else_is_read(entries: list[bytes]) -> None:
    data = tiles.bundle(entries)
    assert tiles.parse_bundle(data, len(entries)) == entries
    for wrong, width in ((data[:-1], len(entries)), (data + b"\x00", len(entries)), (data, len(entries) + 1),
                         (data + b"\x00\x00", len(entries))):
        with pytest.raises(FormError, match="bundle-malformed"):
            tiles.parse_bundle(wrong, width)


@given(st.integers(1, 2**62), st.data())
def test_inclusion_spans_have_the_length_a_verifier_expects(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    inner = (index ^ (size - 1)).bit_length()
    spans = tiles.inclusion_spans(index, size)
    assert len(spans) == inner + (index >> inner).bit_count()
    assert sum(end - start for start, end in spans) == size - 1


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 2**16, 2**16 + 1, 2**32 - 1, 2**62, 2**63 - 1])
def test_sizes_at_every_power_have_their_subtrees(size: int) -> None:
    nodes = tiles.complete_nodes(0, size)
    assert sum(1 << level for level, _ in nodes) == size
    assert len(nodes) == size.bit_count()
    for node in nodes:
        position, first, count = tiles.tile_of(node)
        assert first + count <= frontier_positions(size)[position]


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0), (0, 2**63)])
def test_an_index_outside_the_tree_has_no_path(index: int, size: int) -> None:
    with pytest.raises(InputError, match="log-index"):
        tiles.inclusion_spans(index, size)


@pytest.mark.parametrize(("old", "new"), [(-1, 3), (4, 3), (0, 2**63), (2**63, 2**64)])
def test_sizes_that_do_not_follow_have_no_proof(old: int, new: int) -> None:
    with pytest.raises(InputError, match="log-size"):
        tiles.consistency_spans(old, new)


@given(st.lists(st.integers(0, 600), max_size=6))
def test_integration_in_any_steps_gives_the_reference_root_and_the_same_tiles(steps: list[int]) -> None:
    leaves = [leaf_hash(b"%d" % index) for index in range(sum(steps))]
    once, pieces, at = Integration(), Integration(), 0
    once.add(leaves)
    stored: dict[int, Tile] = {}
    for step in steps:
        resumed = Integration(at, [stored[position] for position in frontier_positions(at)])
        resumed.add(leaves[at : at + step])
        stored.update({tile.position: tile for tile in resumed.finish()})
        pieces.add(leaves[at : at + step])
        at += step
    assert pieces.root() == once.root() == tiles.root(lambda _: stored, at)
    assert stored == {tile.position: tile for tile in once.finish()}


def test_the_root_of_nothing_is_the_hash_of_nothing() -> None:
    assert Integration().root() == tiles.root(lambda _: {}, 0) == EMPTY_ROOT == naive_root([])


def test_a_tile_whose_middle_was_cut_is_malformed_and_an_absent_one_not_sealed() -> None:
    tree = Integration()
    tree.add([leaf_hash(b"%d" % index) for index in range(40)])
    [tile] = tree.finish()
    with pytest.raises(VerificationFailed, match="tile-malformed"):
        tiles.root(lambda _: {0: Tile(0, tile.hashes, b"")}, 40)
    with pytest.raises(NotFound, match="log-not-sealed"):
        tiles.root(lambda _: {}, 40)
    assert (tile.level, tile.number, tile.width) == (0, 0, 40)
