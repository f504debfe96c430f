"""The tree of RFC 6962 as pure functions: published digests, forgeries, and the size that must come from elsewhere."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import VerificationFailed
from core.merkle import (
    EMPTY_ROOT,
    consistency_path,
    inclusion_path,
    leaf_hash,
    node_hash,
    root,
    verify_consistency,
    verify_inclusion,
)

LEAVES = [leaf_hash(b"%d" % index) for index in range(130)]
sizes = st.integers(1, 130)


def naive(leaves: list[bytes]) -> bytes:
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256(b"").digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01" + naive(leaves[:split]) + naive(leaves[split:])).digest()


def folds(leaf: bytes, index: int, size: int, path: list[bytes], expected: bytes) -> bool:
    try:
        verify_inclusion(leaf, index, size, path, expected)
    except VerificationFailed:
        return False
    return True


def test_the_empty_tree_is_the_hash_of_nothing() -> None:
    assert root([]) == EMPTY_ROOT == bytes.fromhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")


def test_the_roots_published_with_certificate_transparency_are_met() -> None:
    """The eight inputs and roots that RFC 6962 implementations share."""
    inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    leaves = [leaf_hash(bytes.fromhex(text)) for text in inputs]
    assert root(leaves[:1]).hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert root(leaves[:2]).hex() == "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
    assert root(leaves[:3]).hex() == "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"
    assert root(leaves).hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


@pytest.mark.parametrize("size", range(131))
def test_every_tree_up_to_130_leaves_is_the_recursive_one_and_proves_its_leaves(size: int) -> None:
    leaves = LEAVES[:size]
    assert root(leaves) == naive(leaves)
    for index in range(size):
        verify_inclusion(leaves[index], index, size, inclusion_path(leaves, index), root(leaves))
    for old in range(0, size + 1, 7):
        verify_consistency(old, size, root(leaves[:old]), root(leaves), consistency_path(leaves, old))


def test_a_duplicated_last_leaf_gives_another_root() -> None:
    for size in range(1, 40):
        assert root(LEAVES[:size]) != root([*LEAVES[:size], LEAVES[size - 1]])
        assert root(LEAVES[:size]) != root([*LEAVES[:size], LEAVES[size]])


def test_where_a_leaf_ends_is_part_of_it() -> None:
    assert root([leaf_hash(b"\xaa"), leaf_hash(b"\xbb\xcc")]) != root([leaf_hash(b"\xaa\xbb"), leaf_hash(b"\xcc")])


def test_an_inner_node_is_no_leaf_and_a_root_needs_its_path() -> None:
    left, right = LEAVES[0], LEAVES[1]
    assert leaf_hash(left + right) != node_hash(left, right)
    assert root([leaf_hash(left + right)]) != root([left, right])
    four = root(LEAVES[:4])
    assert not folds(node_hash(left, right), 0, 4, inclusion_path(LEAVES[:4], 0)[1:], four)
    assert not folds(four, 0, 4, [], four)
    assert not folds(node_hash(left, right), 0, 2, [node_hash(LEAVES[2], LEAVES[3])], b"\x00" * 32)


def test_an_inner_trees_path_is_no_path_of_the_tree_around_it() -> None:
    inner = root(LEAVES[:8])
    outer = [leaf_hash(inner), *LEAVES[8:12]]
    assert not folds(LEAVES[2], 2, 8, inclusion_path(LEAVES[:8], 2), root(outer))
    assert not folds(LEAVES[2], 0, 5, [*inclusion_path(LEAVES[:8], 2), *inclusion_path(outer, 0)], root(outer))
    assert not folds(leaf_hash(inner), 0, 5, inclusion_path(outer, 0), inner)


@pytest.mark.parametrize("length", [0, 16, 31, 33, 64])
def test_a_hash_of_another_length_is_refused_anywhere(length: int) -> None:
    odd, path, top = bytes(length), inclusion_path(LEAVES[:5], 1), root(LEAVES[:5])
    for leaf, siblings, expected in ((odd, path, top), (LEAVES[1], [odd, *path[1:]], top), (LEAVES[1], path, odd)):
        with pytest.raises(VerificationFailed, match="hash-length"):
            verify_inclusion(leaf, 1, 5, siblings, expected)
    proof = consistency_path(LEAVES[:5], 3)
    with pytest.raises(VerificationFailed, match="hash-length"):
        verify_consistency(3, 5, root(LEAVES[:3]), top, [odd, *proof[1:]])
    with pytest.raises(VerificationFailed, match="hash-length"):
        verify_consistency(3, 3, odd, odd, [])


@given(sizes, st.data())
def test_a_path_too_short_or_long_or_with_garbage_is_refused(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    leaves, top = LEAVES[:size], root(LEAVES[:size])
    path = inclusion_path(leaves, index)
    for forged in (path[:-1] if path else [top], [*path, bytes(32)], [bytes(32), *path], [top, *path], [*path, top],
                   [LEAVES[index], *path]):
        assert not folds(leaves[index], index, size, forged, top)


@given(st.integers(2, 130), st.data())
def test_a_consistency_proof_too_short_or_long_or_with_garbage_is_refused(size: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, size - 1))
    first, second = root(LEAVES[:old]), root(LEAVES[:size])
    proof = consistency_path(LEAVES[:size], old)
    for forged in (proof[:-1], proof[1:], [*proof, bytes(32)], [bytes(32), *proof], [first, *proof], [*proof, second]):
        with pytest.raises(VerificationFailed):
            verify_consistency(old, size, first, second, forged)
    with pytest.raises(VerificationFailed):
        verify_consistency(old, size, second, first, proof)


def test_the_size_is_not_proven_by_a_path_and_must_come_from_a_checkpoint() -> None:
    """Of the 561 proofs with n ≤ 33, 512 also fold under some wrong size: why none is taken from a proof."""
    also_elsewhere = 0
    for size in range(1, 34):
        leaves, top = LEAVES[:size], root(LEAVES[:size])
        for index in range(size):
            path = inclusion_path(leaves, index)
            others = ((index, other) for other in range(index + 1, 70) if other != size)
            also_elsewhere += any(folds(leaves[index], place, other, path, top) for place, other in others)
    assert also_elsewhere == 512
    assert folds(LEAVES[5], 5, 7, inclusion_path(LEAVES[:8], 5), root(LEAVES[:8]))


@pytest.mark.parametrize(("index", "size"), [(-1, 1), (0, 0), (1, 1), (5, 5), (2**64, 2**64)])
def test_an_index_outside_the_tree_is_refused(index: int, size: int) -> None:
    with pytest.raises(VerificationFailed, match="inclusion-index"):
        verify_inclusion(LEAVES[0], index, size, [], LEAVES[0])


@pytest.mark.parametrize("power", [1, 5, 31, 32, 53, 62, 63])
@pytest.mark.parametrize("offset", [-1, 0, 1])
def test_sizes_around_every_power_of_two_have_paths_of_the_right_length(power: int, offset: int) -> None:
    size = 2**power + offset
    for index in {0, size // 2, size - 1}:
        inner = (index ^ (size - 1)).bit_length()
        path = [bytes([level]) * 32 for level in range(inner + (index >> inner).bit_count())]
        node = LEAVES[0]
        for level, sibling in enumerate(path):
            right = level >= inner or index >> level & 1
            node = node_hash(sibling, node) if right else node_hash(node, sibling)
        verify_inclusion(LEAVES[0], index, size, path, node)
        assert not folds(LEAVES[0], index, size, [*path, bytes(32)], node)


def test_a_million_siblings_are_refused_before_they_are_hashed() -> None:
    with pytest.raises(VerificationFailed, match="proof-length"):
        verify_inclusion(LEAVES[0], 0, 2**60, [bytes(32)] * 1_000_000, LEAVES[0])
    with pytest.raises(VerificationFailed, match="proof-length"):
        verify_consistency(1, 2**60, LEAVES[0], LEAVES[1], [bytes(32)] * 1_000_000)


def test_consistency_from_nothing_takes_the_empty_proof_and_the_empty_root_only() -> None:
    verify_consistency(0, 5, EMPTY_ROOT, root(LEAVES[:5]), [])
    verify_consistency(0, 0, EMPTY_ROOT, EMPTY_ROOT, [])
    for old_root, new_root, proof in ((EMPTY_ROOT, LEAVES[0], [bytes(32)]), (LEAVES[0], LEAVES[0], [])):
        with pytest.raises(VerificationFailed, match="consistency-"):
            verify_consistency(0, 5, old_root, new_root, proof)


@pytest.mark.parametrize(("old", "new"), [(-1, 3), (4, 3), (-2, -1)])
def test_sizes_that_do_not_follow_are_refused(old: int, new: int) -> None:
    with pytest.raises(VerificationFailed, match="consistency-size"):
        verify_consistency(old, new, LEAVES[0], LEAVES[0], [])


def test_one_size_has_one_root() -> None:
    verify_consistency(3, 3, root(LEAVES[:3]), root(LEAVES[:3]), [])
    with pytest.raises(VerificationFailed, match="consistency-root"):
        verify_consistency(3, 3, root(LEAVES[:3]), root(LEAVES[1:4]), [])


def test_lists_that_look_alike_have_different_roots() -> None:
    a, b, c = LEAVES[:3]
    assert root([a, b, c]) != root([a, b, c, c])
    assert root([a, b]) != root([leaf_hash(a + b)]) != root([leaf_hash(a), leaf_hash(b)])
    assert root([a, b]) != root([b, a])
