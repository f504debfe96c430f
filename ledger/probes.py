"""Probes: one proof in JSON, as the public RFC 6962 vectors write them, checked here. Pure.

Four shapes, told apart by their keys; hashes in standard base64, `proof` a list or null:
inclusion {leafIdx, treeSize, root, leafHash, proof}; consistency {size1, size2, root1, root2, proof};
inclusion in a subtree {leafIdx, start, end, …}; consistency of a subtree {start, end, size, root1, root2, proof}.
A subtree [start, end) is one that starts at a multiple of the power of two that holds it.
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping
from typing import Any

from core import merkle
from core.errors import FormError, VerificationFailed

MAX_INDEX = 2**63


def check_probe(probe: object) -> None:
    """Passes when the proof in the probe holds; `desc` and `wantErr` are not looked at.

    Raises VerificationFailed (inclusion-…, consistency-…, subtree-invalid, hash-length), FormError (probe-malformed).
    """
    if not isinstance(probe, Mapping):
        raise FormError("probe-malformed", "a probe is an object")
    proof = _hashes(probe.get("proof"))
    if "leafIdx" in probe:
        start, end = (0, _natural(probe, "treeSize")) if "treeSize" in probe else _subtree(probe)
        index = _natural(probe, "leafIdx")
        if index < start:
            raise VerificationFailed("inclusion-index", f"index {index} is before the subtree [{start}, {end})")
        merkle.verify_inclusion(_hash(probe, "leafHash"), index - start, end - start, proof, _hash(probe, "root"))
    elif "size1" in probe:
        _check_consistency(_natural(probe, "size1"), _natural(probe, "size2"), _hash(probe, "root1"),
                           _hash(probe, "root2"), proof)
    else:
        start, end = _subtree(probe)
        verify_subtree_consistency(start, end, _natural(probe, "size"), _hash(probe, "root1"), _hash(probe, "root2"),
                                   proof)


def _check_consistency(old_size: int, new_size: int, old_root: bytes, new_root: bytes, proof: list[bytes]) -> None:
    # One tree beside itself: nothing is hashed, and the public vectors write roots there that are no hashes at all.
    if 0 < old_size == new_size and not proof and old_root == new_root:
        return
    merkle.verify_consistency(old_size, new_size, old_root, new_root, proof)


def verify_subtree_consistency(start: int, end: int, size: int, subtree_root: bytes, root: bytes,
                               proof: list[bytes]) -> None:
    """Passes when [start, end) of the tree of `size` entries and this root has the root `subtree_root`.

    An empty subtree has the empty root and an empty proof, in any tree. Raises VerificationFailed.
    """
    check_subtree(start, end)
    if end > size:
        raise VerificationFailed("subtree-invalid", f"[{start}, {end}) reaches beyond the size {size}")
    if start == end or (start, end) == (0, size):
        if proof or subtree_root != (merkle.EMPTY_ROOT if start == end else root):
            raise VerificationFailed("consistency-root", "only the empty proof and the one right root fit here")
        return
    if len(proof) > 2 * merkle.MAX_PATH or any(len(item) != 32 for item in (subtree_root, root, *proof)):
        raise VerificationFailed("hash-length", "a hash does not have 32 bytes, or there are too many")
    _fold(start, end, size, subtree_root, root, proof)


def check_subtree(start: int, end: int) -> None:
    """Passes for a subtree of the tree: aligned to the power of two that holds it; it may be empty."""
    if not 0 <= start <= end <= MAX_INDEX or (start < end and start % (1 << (end - start - 1).bit_length())):
        raise VerificationFailed("subtree-invalid", f"[{start}, {end}) is not a subtree")


def _fold(start: int, end: int, size: int, subtree_root: bytes, root: bytes, proof: list[bytes]) -> None:
    first, last, top = start, end - 1, size - 1
    if last == top:
        # The subtree ends where the tree ends: it is a node on the right border.
        while first != last:
            first, last, top = first >> 1, last >> 1, top >> 1
    else:
        while first != last and last & 1:
            first, last, top = first >> 1, last >> 1, top >> 1
    rest = list(proof)
    if first == last:
        inner = outer = subtree_root
    elif rest:
        inner = outer = rest.pop(0)
    else:
        raise VerificationFailed("consistency-length", "the proof is empty")
    for sibling in rest:
        if top == 0:
            raise VerificationFailed("consistency-length", "the proof is too long")
        if last & 1 or last == top:
            if first < last:
                inner = merkle.node_hash(sibling, inner)
            outer = merkle.node_hash(sibling, outer)
            while not last & 1:
                first, last, top = first >> 1, last >> 1, top >> 1
        else:
            outer = merkle.node_hash(outer, sibling)
        first, last, top = first >> 1, last >> 1, top >> 1
    if top != 0:
        raise VerificationFailed("consistency-length", "the proof is too short")
    if inner != subtree_root or outer != root:
        raise VerificationFailed("consistency-root", "the proof does not lead to both roots")


def _subtree(probe: Mapping[str, Any]) -> tuple[int, int]:
    start, end = _natural(probe, "start"), _natural(probe, "end")
    check_subtree(start, end)
    return start, end


def _natural(probe: Mapping[str, Any], name: str) -> int:
    value = probe.get(name)
    if type(value) is not int or not 0 <= value < 2**64:
        raise FormError("probe-malformed", f"{name} is not a natural number", where=name)
    return value


def _hash(probe: Mapping[str, Any], name: str) -> bytes:
    return _decode(probe.get(name), name)


def _hashes(value: object) -> list[bytes]:
    if value is not None and not isinstance(value, list):
        raise FormError("probe-malformed", "proof is not a list of hashes", where="proof")
    return [_decode(item, "proof") for item in (value or [])[: 2 * merkle.MAX_PATH + 2]]


def _decode(value: object, where: str) -> bytes:
    if value is None:
        return b""
    try:
        return b64decode(value, validate=True) if isinstance(value, str) else bytes(0)
    except (Base64Error, ValueError):
        raise FormError("probe-malformed", "not standard base64", where=where) from None
