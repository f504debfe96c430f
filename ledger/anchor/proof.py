"""Merkle-Patricia proofs of eth_getProof, checked offline: header → state root → account → storage slot.

Nothing is believed: every node is hashed, and the value at the end is returned, 0 when the trie proves absence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import FormError, VerificationFailed
from core.ethereum import keccak256, parse_address
from ledger.anchor import rlp
from ledger.anchor.header import Header, claimed_hash, parse_header

EMPTY_TRIE = keccak256(rlp.encode(b""))
# A path has 64 nibbles, one node each at most, and a leaf.
MAX_NODES = 65
MAX_NODE_BYTES = 1024
_WORD_BYTES = 32


@dataclass(frozen=True)
class AccountState:
    """An account in the state trie."""

    nonce: int
    balance: int
    storage_root: bytes
    code_hash: bytes


def verify_header(document: object) -> Header:
    """The header of its JSON, when it hashes to the hash it names by the plain rule (development chains, Besu PoW).

    For QBFT use qbft.verify_seals. Raises FormError (header-malformed), VerificationFailed (header-hash).
    """
    header = parse_header(document)
    if header.hash != claimed_hash(document):
        raise VerificationFailed("header-hash", "the header does not hash to its block hash",
                                 where=f"block {header.number}")
    return header


def verify_account(state_root: bytes, address: str, proof: Sequence[bytes]) -> AccountState:
    """The account's state under a state root. Raises VerificationFailed (account-absent, trie-…), FormError."""
    value = trie_value(state_root, keccak256(parse_address(address)), proof)
    if value is None:
        raise VerificationFailed("account-absent", "the chain's state has no such account", where=address)
    items = rlp.decode_list(value)
    if len(items) != 4 or not all(isinstance(item, bytes) for item in items):
        raise FormError("trie-malformed", "an account has four fields", where=address)
    nonce, balance, storage_root, code_hash = (item for item in items if isinstance(item, bytes))
    if len(storage_root) != _WORD_BYTES or len(code_hash) != _WORD_BYTES:
        raise FormError("trie-malformed", "an account's roots have 32 bytes", where=address)
    return AccountState(int.from_bytes(nonce, "big"), int.from_bytes(balance, "big"), storage_root, code_hash)


def verify_storage(storage_root: bytes, slot: int, proof: Sequence[bytes]) -> int:
    """The word at a storage slot; 0 when the trie proves it absent. Raises VerificationFailed (trie-…), FormError."""
    value = trie_value(storage_root, keccak256(slot.to_bytes(_WORD_BYTES, "big")), proof)
    if value is None:
        return 0
    word = rlp.decode(value)
    # anvil keeps slots that were set back to zero, as an empty word; every other client removes them.
    if not isinstance(word, bytes) or len(word) > _WORD_BYTES or word[:1] == b"\0":
        raise FormError("trie-malformed", "a storage word is not in its shortest form", where=hex(slot))
    return int.from_bytes(word, "big")


def trie_value(root: bytes, key: bytes, proof: Sequence[bytes]) -> bytes | None:
    """The value under a hashed key, or None when the proof shows there is none. Every node given must be used."""
    if len(proof) > MAX_NODES or any(len(node) > MAX_NODE_BYTES for node in proof):
        raise FormError("trie-malformed", "the proof is larger than a trie of this kind can need")
    if not proof or list(proof) == [rlp.encode(b"")]:
        # Nodes of an empty trie: some clients send none, some the empty string.
        if root == EMPTY_TRIE:
            return None
        raise VerificationFailed("trie-node-missing", "the proof ends before the key does")
    walk = _Walk(list(proof), _nibbles(key))
    value = walk.from_reference(root)
    if walk.nodes:
        raise VerificationFailed("trie-node-unused", "the proof holds nodes that are not on the path")
    return value


class _Walk:
    """One way down the trie; takes the proof's nodes in order."""

    def __init__(self, nodes: list[bytes], path: list[int]) -> None:
        self.nodes = nodes
        self.path = path

    def from_reference(self, reference: rlp.Item) -> bytes | None:
        """Follow a child: empty, a node below 32 bytes in place, or the hash of the next node of the proof."""
        if isinstance(reference, list):
            return self._from_node(reference)
        if not reference:
            return None
        if len(reference) != _WORD_BYTES:
            raise FormError("trie-malformed", "a reference to a node has 32 bytes")
        if not self.nodes:
            raise VerificationFailed("trie-node-missing", "the proof ends before the key does")
        node = self.nodes.pop(0)
        if keccak256(node) != reference:
            raise VerificationFailed("trie-node-hash", "a node of the proof is not the one its parent names")
        return self._from_node(rlp.decode_list(node))

    def _from_node(self, node: list[rlp.Item]) -> bytes | None:
        if len(node) == 17:
            if not self.path:
                return _value(node[16])
            return self.from_reference(node[self.path.pop(0)])
        if len(node) == 2 and isinstance(node[0], bytes):
            return self._from_short(node[0], node[1])
        raise FormError("trie-malformed", "a node has 2 or 17 items")

    def _from_short(self, encoded: bytes, child: rlp.Item) -> bytes | None:
        nibbles, leaf = _compact(encoded)
        if leaf:
            return _value(child) if nibbles == self.path else None
        if not nibbles:
            raise FormError("trie-malformed", "an extension extends by nothing")
        if self.path[: len(nibbles)] != nibbles:
            return None
        del self.path[: len(nibbles)]
        return self.from_reference(child)


def _value(item: rlp.Item) -> bytes | None:
    if not isinstance(item, bytes):
        raise FormError("trie-malformed", "a value is a byte string")
    return item or None


def _nibbles(key: bytes) -> list[int]:
    return [nibble for byte in key for nibble in (byte >> 4, byte & 15)]


def _compact(encoded: bytes) -> tuple[list[int], bool]:
    """Nibbles of a hex-prefix encoded path, and whether it ends in a leaf."""
    flags = encoded[0] >> 4 if encoded else 4
    if flags > 3 or (flags & 1 == 0 and encoded[0] & 15):
        raise FormError("trie-malformed", "a path is not in hex-prefix form")
    return _nibbles(encoded)[1 if flags & 1 else 2 :], flags >= 2
