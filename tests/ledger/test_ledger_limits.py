"""Questions at the ends of the number range: what no log can hold is not found, and never a fault of the database."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_helpers import Log
from sqlalchemy import Connection

from core.database import reading, transaction
from core.errors import CarbonSealError, InputError, NotFound, VerificationFailed
from core.merkle import HASH_BYTES, MAX_PATH, leaf_hash
from ledger import checkpoint as checkpoints
from ledger import log, tiles
from ledger.store import SEGMENT_BYTES, SEGMENT_ENTRIES, Segment, SqlStore
from ledger.tiles import MAX_ENTRY_BYTES, MAX_NUMBER, MAX_SIZE, TilePath, path_text

LAST = 2**63 - 1


@pytest.mark.parametrize("index", [3, 255, 2**31, 2**53 + 1, LAST - 1, LAST])
def test_an_entry_far_beyond_the_end_is_missing_and_no_fault(a_log: Log, index: int) -> None:
    a_log.grow(3)
    with reading(a_log.engine) as connection, pytest.raises(NotFound) as caught:
        log.entry(connection, index)
    assert caught.value.code == "entry-missing"


@pytest.mark.parametrize(("begin", "end", "expected"), [
    (0, 2**63, [0, 1, 2]), (1, LAST, [1, 2]), (2, 3, [2]), (3, 2**63, []), (LAST, 2**63, []), (1, 1, []), (2, 1, [])])
def test_a_range_of_entries_ends_where_the_log_ends(a_log: Log, begin: int, end: int, expected: list[int]) -> None:
    a_log.grow(3)
    with reading(a_log.engine) as connection:
        assert [index for index, _ in log.entries(connection, begin, end)] == expected


@pytest.mark.parametrize("level", [0, 1])
@pytest.mark.parametrize("number", [2, 10**9, MAX_NUMBER - 1, MAX_NUMBER, 2**63 - 1, 2**63, 2**64, 10**21 - 1])
@pytest.mark.parametrize("width", [1, 255, 256])
def test_a_tile_of_a_number_that_no_tree_has_is_not_found(a_log: Log, level: int, number: int, width: int) -> None:
    a_log.grow(300)
    with reading(a_log.engine) as connection, pytest.raises(NotFound) as caught:
        log.resource(connection, path_text(TilePath(level, number, width)))
    assert caught.value.code == "log-not-sealed"


def test_a_tile_is_answered_under_one_name_only(a_log: Log) -> None:
    """The number of a tile shares its database key with the level: 2^56 on level 0 is no tile 0 of level 1."""
    a_log.grow(300)
    with reading(a_log.engine) as connection:
        assert len(log.resource(connection, "1/000.p/1")) == HASH_BYTES
        with pytest.raises(NotFound):
            log.resource(connection, path_text(TilePath(0, MAX_NUMBER, 1)))


@pytest.mark.parametrize("number", [MAX_NUMBER, 2**63, 10**21 - 1])
def test_a_bundle_of_a_number_that_no_tree_has_is_not_found(a_log: Log, number: int) -> None:
    a_log.grow(3)
    with reading(a_log.engine) as connection, pytest.raises(NotFound):
        log.resource(connection, path_text(TilePath(None, number, 1)))


@pytest.mark.parametrize("level", [tiles.MAX_LEVELS - 1, tiles.MAX_LEVELS, 63])
def test_a_level_that_no_tree_has_is_not_found(a_log: Log, level: int) -> None:
    a_log.grow(2)
    with reading(a_log.engine) as connection, pytest.raises(NotFound):
        log.resource(connection, f"{level}/000.p/1")


@pytest.mark.parametrize("ask", [
    lambda c: log.inclusion_proof(c, 0, LAST), lambda c: log.inclusion_proof(c, LAST - 1, LAST),
    lambda c: log.consistency_proof(c, 1, LAST), lambda c: log.consistency_proof(c, LAST - 1, LAST),
    lambda c: log.root_at(c, LAST), lambda c: log.checkpoint(c, LAST)])
def test_a_proof_in_the_largest_tree_is_not_there(a_log: Log, ask: Callable[[Connection], object]) -> None:
    a_log.grow(3)
    with reading(a_log.engine) as connection, pytest.raises(NotFound):
        ask(connection)


@pytest.mark.parametrize("ask", [
    lambda c: log.inclusion_proof(c, 0, LAST + 1), lambda c: log.inclusion_proof(c, -1, 3),
    lambda c: log.inclusion_proof(c, 3, 3), lambda c: log.consistency_proof(c, 0, LAST + 1),
    lambda c: log.consistency_proof(c, -1, 3), lambda c: log.consistency_proof(c, 3, 2)])
def test_a_tree_beyond_the_largest_is_a_wrong_question(a_log: Log, ask: Callable[[Connection], object]) -> None:
    a_log.grow(3)
    with reading(a_log.engine) as connection, pytest.raises(InputError):
        ask(connection)


@given(st.integers(1, MAX_SIZE), st.data())
def test_a_path_in_a_tree_of_any_size_has_no_more_hashes_than_a_verifier_reads(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    spans = tiles.inclusion_spans(index, size)
    assert len(spans) <= MAX_PATH
    # the spans and the entry itself are the whole tree, once
    assert sum(end - start for start, end in spans) + 1 == size
    assert all(not start <= index < end for start, end in spans)


@given(st.integers(1, MAX_SIZE), st.data())
def test_a_consistency_proof_of_any_two_sizes_covers_what_was_added_once(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, new))
    spans = tiles.consistency_spans(old, new)
    assert sum(end - start for start, end in spans if start >= old) == new - old
    assert all(end <= old or start >= old for start, end in spans)
    assert len(spans) <= MAX_PATH + 1


@given(st.integers(0, 2**40), st.integers(0, 2**40))
def test_the_complete_subtrees_of_a_span_are_the_span(start: int, length: int) -> None:
    """Whatever begins at a multiple of a power of two no smaller than it: what proofs ask for."""
    power = 1 << max(0, length - 1).bit_length()
    begin = start // power * power
    at = begin
    for level, index in tiles.complete_nodes(begin, begin + length):
        assert index << level == at
        at += 1 << level
    assert at == begin + length


# the cut of a batch into segments

def counts(entries: list[bytes], tested: Log) -> list[int]:
    tested.append(*entries)
    with reading(tested.engine) as connection:
        return [segment.count for segment in SqlStore(connection).segments(0, len(entries))]


@pytest.mark.parametrize(("count", "expected"), [
    (SEGMENT_ENTRIES - 1, [255]), (SEGMENT_ENTRIES, [256]), (SEGMENT_ENTRIES + 1, [256, 1])])
def test_a_segment_holds_256_entries(a_log: Log, count: int, expected: list[int]) -> None:
    assert counts([b"x"] * count, a_log) == expected


@pytest.mark.parametrize(("last", "expected"), [(16, [17]), (17, [8, 9])])
def test_a_segment_holds_a_megabyte(a_log: Log, last: int, expected: list[int]) -> None:
    assert 16 * MAX_ENTRY_BYTES + 16 == SEGMENT_BYTES
    assert counts([*[bytes(MAX_ENTRY_BYTES)] * 16, bytes(last)], a_log) == expected


def test_an_entry_that_fills_its_length_prefix_comes_back_from_a_bundle(a_log: Log) -> None:
    a_log.append(bytes(MAX_ENTRY_BYTES), b"", b"last")
    a_log.seal()
    with reading(a_log.engine) as connection:
        assert tiles.parse_bundle(log.resource(connection, "entries/000.p/3"), 3) == a_log.entries


@pytest.mark.parametrize("spoil", [
    lambda s: {"data": s.data + b"\0"}, lambda s: {"data": s.data[:-1]},
    lambda s: {"lengths": struct.pack(">3H", 1, 1, 2)}])
def test_a_segment_whose_lengths_do_not_add_up_is_malformed(a_log: Log, spoil: Callable[[Segment], dict[str, bytes]]
                                                            ) -> None:
    a_log.append(b"a", b"b", b"c")
    with reading(a_log.engine) as connection:
        (segment,) = SqlStore(connection).segments(0, 3)
    assert segment.entries() == [b"a", b"b", b"c"]
    assert segment.leaf_hashes() == [leaf_hash(entry) for entry in (b"a", b"b", b"c")]
    spoilt = Segment(**{**{name: getattr(segment, name) for name in (
        "first", "count", "lengths", "data", "hashes", "digest")}, **spoil(segment)})
    with pytest.raises(VerificationFailed) as caught:
        spoilt.check()
    assert caught.value.code == "segment-malformed"


# cosignatures

def test_a_cosignature_for_a_checkpoint_that_is_not_there_is_not_kept(a_log: Log) -> None:
    signed = a_log.grow(2)
    other = checkpoints.sign(a_log.signer, signed.origin, 2, bytes(32))
    with transaction(a_log.engine) as connection:
        for absent in (checkpoints.sign(a_log.signer, signed.origin, 3, signed.root), other):
            with pytest.raises(NotFound) as caught:
                SqlStore(connection).replace_note(absent)
            assert caught.value.code == "checkpoint-missing"
        assert log.checkpoint(connection, 2) == signed


@pytest.mark.parametrize("line", [b"\xff\n", b"", b"\n", b"- a AAAAAAAA\n", "— a AAAAAAAA".encode() + b"\xff\n"])
def test_a_line_that_is_no_signature_line_changes_nothing(a_log: Log, line: bytes) -> None:
    signed = a_log.grow(2)
    with transaction(a_log.engine) as connection:
        with pytest.raises(CarbonSealError) as caught:
            log.attach_cosignatures(connection, 2, [line], [])
        assert caught.value.code == "note-malformed"
        assert log.checkpoint(connection, 2) == signed
