"""The Merkle tree of RFC 6962 / RFC 9162 as pure functions over hashes of 32 bytes.

One definition serves every tree of the project: the log, blocks of a frame, details of a statement, the manifest.
Leaf SHA-256(0x00 ‖ data), node SHA-256(0x01 ‖ left ‖ right), empty tree SHA-256("").
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from core.errors import VerificationFailed

HASH_BYTES = 32
# A tree of 2^64 leaves has paths of 64 hashes; nothing longer is read.
MAX_PATH = 64
EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """SHA-256(0x00 ‖ data)."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 ‖ left ‖ right)."""
    return sha256(b"\x01" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """The root over leaf hashes in order."""
    if not leaves:
        return EMPTY_ROOT
    level = list(leaves)
    while len(level) > 1:
        paired = [sha256(b"\x01" + level[i] + level[i + 1]).digest() for i in range(0, len(level) - 1, 2)]
        if len(level) % 2:
            paired.append(level[-1])
        level = paired
    return level[0]


def inclusion_path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The audit path of one leaf, lowest sibling first."""
    path: list[bytes] = []
    level, position = list(leaves), index
    while len(level) > 1:
        if position ^ 1 < len(level):
            path.append(level[position ^ 1])
        level = [node_hash(*level[i : i + 2]) if i + 1 < len(level) else level[i] for i in range(0, len(level), 2)]
        position //= 2
    return path


def consistency_path(leaves: Sequence[bytes], old_size: int) -> list[bytes]:
    """The proof that the tree over `leaves` extends the one over its first `old_size`; empty for 0 and equal sizes."""
    if old_size in (0, len(leaves)):
        return []
    return _subproof(leaves, old_size, True)


def _subproof(leaves: Sequence[bytes], old_size: int, complete: bool) -> list[bytes]:
    if old_size == len(leaves):
        return [] if complete else [root(leaves)]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if old_size <= split:
        return [*_subproof(leaves[:split], old_size, complete), root(leaves[split:])]
    return [*_subproof(leaves[split:], old_size - split, False), root(leaves[:split])]


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], expected_root: bytes) -> None:
    """Passes when `leaf` is number `index` of the tree of `size` leaves with this root (RFC 9162 §2.1.3.2).

    The path must have exactly the length that index and size imply. Raises VerificationFailed.
    """
    if not 0 <= index < size:
        raise VerificationFailed("inclusion-index", f"index {index} is not below the tree size {size}")
    _check_hashes([leaf, expected_root, *path])
    inner = (index ^ (size - 1)).bit_length()
    border = (index >> inner).bit_count()
    if len(path) != inner + border:
        raise VerificationFailed("inclusion-length", f"the path has {len(path)} hashes, {inner + border} are needed")
    node = leaf
    for level, sibling in enumerate(path[:inner]):
        node = node_hash(sibling, node) if index >> level & 1 else node_hash(node, sibling)
    for sibling in path[inner:]:
        node = node_hash(sibling, node)
    if node != expected_root:
        raise VerificationFailed("inclusion-root", "the path does not lead to the root")


def verify_consistency(old_size: int, new_size: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Passes when the new tree extends the old one (RFC 9162 §2.1.4.2). From size 0 only the empty proof is accepted.

    Raises VerificationFailed.
    """
    if not 0 <= old_size <= new_size:
        raise VerificationFailed("consistency-size", f"size {new_size} does not extend {old_size}")
    _check_hashes([old_root, new_root, *proof])
    if old_size in (0, new_size):
        if proof:
            raise VerificationFailed("consistency-length", "this proof must be empty")
        if old_size == new_size and old_root != new_root:
            raise VerificationFailed("consistency-root", "two different roots for one size")
        if old_size == 0 and old_root != EMPTY_ROOT:
            raise VerificationFailed("consistency-root", "the empty tree has another root")
        return
    if not proof:
        raise VerificationFailed("consistency-length", "the proof is empty")
    _fold_consistency(old_size, new_size, old_root, new_root, proof)


def _fold_consistency(old_size: int, new_size: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    hashes = [old_root, *proof] if old_size & (old_size - 1) == 0 else list(proof)
    fn, sn = old_size - 1, new_size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    old = new = hashes[0]
    for sibling in hashes[1:]:
        if sn == 0:
            raise VerificationFailed("consistency-length", "the proof is too long")
        if fn & 1 or fn == sn:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            new = node_hash(new, sibling)
        fn, sn = fn >> 1, sn >> 1
    if sn != 0:
        raise VerificationFailed("consistency-length", "the proof is too short")
    if old != old_root or new != new_root:
        raise VerificationFailed("consistency-root", "the proof does not lead to both roots")


def _check_hashes(hashes: Sequence[bytes]) -> None:
    if len(hashes) > 2 * MAX_PATH + 2:
        raise VerificationFailed("proof-length", f"a proof of {len(hashes)} hashes is refused")
    if any(len(item) != HASH_BYTES for item in hashes):
        raise VerificationFailed("hash-length", "a hash does not have 32 bytes")
