"""A Merkle-Patricia trie of the tests, to hold the proofs of the chain against."""

from __future__ import annotations

from typing import Any

from core.ethereum import keccak256
from ledger.anchor import rlp


class Trie:
    """A reference Merkle-Patricia trie over keys of one length: rebuilt whole, slow and plain."""

    def __init__(self, content: dict[bytes, bytes]) -> None:
        self.nodes: dict[bytes, bytes] = {}
        pairs = {tuple(n for byte in key for n in (byte >> 4, byte & 15)): value for key, value in content.items()}
        self.top = self._build(pairs) if pairs else b""
        self.root = keccak256(rlp.encode(self.top))

    def _build(self, pairs: dict[tuple[int, ...], bytes]) -> Any:
        if len(pairs) == 1:
            (path, value), = pairs.items()
            return [self._compact(path, True), value]
        first = min(pairs)
        shared = 0
        while all(path[shared] == first[shared] for path in pairs):
            shared += 1
        if shared:
            rest = {path[shared:]: value for path, value in pairs.items()}
            return [self._compact(first[:shared], False), self._refer(self._build(rest))]
        children: list[Any] = [b""] * 17
        for nibble in range(16):
            below = {path[1:]: value for path, value in pairs.items() if path[0] == nibble}
            if below:
                children[nibble] = self._refer(self._build(below))
        return children

    def _refer(self, node: Any) -> Any:
        encoded = rlp.encode(node)
        if len(encoded) < 32:
            return node
        self.nodes[keccak256(encoded)] = encoded
        return keccak256(encoded)

    @staticmethod
    def _compact(path: tuple[int, ...], leaf: bool) -> bytes:
        flag = 2 * leaf + len(path) % 2
        nibbles = (flag, *path) if len(path) % 2 else (flag, 0, *path)
        return bytes(16 * high + low for high, low in zip(nibbles[::2], nibbles[1::2], strict=True))

    def prove(self, key: bytes) -> list[bytes]:
        if self.top == b"":
            return []
        proof, node = [rlp.encode(self.top)], self.top
        path = [n for byte in key for n in (byte >> 4, byte & 15)]
        while True:
            if len(node) == 17:
                child = node[path.pop(0)]
            else:
                nibbles = [n for byte in node[0] for n in (byte >> 4, byte & 15)]
                part = nibbles[1 if nibbles[0] & 1 else 2 :]
                if nibbles[0] >= 2 or path[: len(part)] != part:
                    return proof
                del path[: len(part)]
                child = node[1]
            if child == b"":
                return proof
            if isinstance(child, bytes):
                proof.append(self.nodes[child])
                child = rlp.decode(self.nodes[child])
            node = child
