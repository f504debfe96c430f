"""Why merkletools is not used (docs/decisions/0001): its rule lets forged proofs pass, ours refuses them."""

from hashlib import sha256

import pytest

from core.errors import VerificationFailed
from core.merkle import leaf_hash, node_hash, root, verify_inclusion


def undomained_validate(path: list[tuple[str, bytes]], target: bytes, expected_root: bytes) -> bool:
    """The rule of merkletools 1.0.3: no domain separation, no index, no size, siblings of any length."""
    node = target
    for side, sibling in path:
        node = sha256(sibling + node if side == "left" else node + sibling).digest()
    return node == expected_root


@pytest.fixture
def leaves() -> list[bytes]:
    return [sha256(bytes([n])).digest() for n in range(4)]


def undomained_root(leaves: list[bytes]) -> bytes:
    pairs = [sha256(leaves[i] + leaves[i + 1]).digest() for i in (0, 2)]
    return sha256(pairs[0] + pairs[1]).digest()


def test_there_an_inner_node_passes_as_a_leaf_and_here_it_does_not(leaves: list[bytes]) -> None:
    inner = sha256(leaves[0] + leaves[1]).digest()
    sibling = sha256(leaves[2] + leaves[3]).digest()
    assert undomained_validate([("right", sibling)], inner, undomained_root(leaves))

    left, right = node_hash(leaves[0], leaves[1]), node_hash(leaves[2], leaves[3])
    with pytest.raises(VerificationFailed, match="inclusion-length"):
        verify_inclusion(left, 0, 4, [right], root(leaves))


def test_there_the_empty_target_passes_and_here_it_does_not(leaves: list[bytes]) -> None:
    whole = leaves[0] + leaves[1]
    assert undomained_validate([("right", whole), ("right", sha256(leaves[2] + leaves[3]).digest())], b"",
                               undomained_root(leaves))
    with pytest.raises(VerificationFailed, match="hash-length"):
        verify_inclusion(b"", 0, 4, [leaves[1], node_hash(leaves[2], leaves[3])], root(leaves))


def test_there_bytes_may_move_between_target_and_sibling_and_here_not(leaves: list[bytes]) -> None:
    shifted, rest = (leaves[0] + leaves[1])[:48], (leaves[0] + leaves[1])[48:]
    assert undomained_validate([("right", rest), ("right", sha256(leaves[2] + leaves[3]).digest())], shifted,
                               undomained_root(leaves))
    with pytest.raises(VerificationFailed, match="hash-length"):
        verify_inclusion(shifted, 0, 4, [rest, node_hash(leaves[2], leaves[3])], root(leaves))


def test_here_a_leaf_of_64_bytes_is_not_the_node_above_two_hashes(leaves: list[bytes]) -> None:
    assert leaf_hash(leaves[0] + leaves[1]) != node_hash(leaves[0], leaves[1])
