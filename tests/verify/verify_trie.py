"""A small Merkle-Patricia trie and chain evidence built with it: real proofs, real seals, no chain needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.ethereum import Account, keccak256, parse_address
from ledger.anchor import rlp
from ledger.anchor.header import parse_header
from ledger.anchor.proof import EMPTY_TRIE
from ledger.anchor.qbft import block_hash, seal_hash

Items = list[tuple[list[int], bytes]]


class Trie:
    """A secure trie over hashed keys of 32 bytes."""

    def __init__(self, items: Mapping[bytes, bytes]) -> None:
        self._items = sorted((nibbles(keccak256(key)), value) for key, value in items.items())
        self._nodes: dict[bytes, rlp.Item] = {}
        self.root = EMPTY_TRIE
        if self._items:
            top = self._build(self._items)
            self.root = keccak256(rlp.encode(top))
            self._nodes[self.root] = top

    def prove(self, key: bytes) -> list[bytes]:
        """The nodes that are hashed on the way down to a key, root first."""
        if not self._items:
            return []
        found: list[bytes] = []
        reference: rlp.Item = self.root
        path = nibbles(keccak256(key))
        while True:
            node = reference
            if isinstance(reference, bytes):
                if not reference:
                    return found
                node = self._nodes[reference]
                found.append(rlp.encode(node))
            assert isinstance(node, list)
            if len(node) == 17:
                reference = node[path.pop(0)]
                continue
            assert isinstance(node[0], bytes)
            part, leaf = uncompact(node[0])
            if leaf or path[: len(part)] != part:
                return found
            del path[: len(part)]
            reference = node[1]

    def _build(self, items: Items) -> rlp.Item:
        if len(items) == 1:
            return [compact(items[0][0], leaf=True), items[0][1]]
        shared = 0
        while items[0][0][shared] == items[-1][0][shared]:
            shared += 1
        if shared:
            rest = [(path[shared:], value) for path, value in items]
            return [compact(items[0][0][:shared], leaf=False), self._reference(rest)]
        return [*(self._child(items, nibble) for nibble in range(16)), b""]

    def _child(self, items: Items, nibble: int) -> rlp.Item:
        below = [(path[1:], value) for path, value in items if path[0] == nibble]
        return self._reference(below) if below else b""

    def _reference(self, items: Items) -> rlp.Item:
        node = self._build(items)
        encoded = rlp.encode(node)
        if len(encoded) < 32:
            return node
        self._nodes[keccak256(encoded)] = node
        return keccak256(encoded)


def nibbles(key: bytes) -> list[int]:
    """High nibble first."""
    return [part for byte in key for part in (byte >> 4, byte & 15)]


def compact(path: Sequence[int], *, leaf: bool) -> bytes:
    """Hex-prefix encoding."""
    flag = 2 if leaf else 0
    whole = [flag + 1, *path] if len(path) % 2 else [flag, 0, *path]
    return bytes(high << 4 | low for high, low in zip(whole[::2], whole[1::2], strict=True))


def uncompact(encoded: bytes) -> tuple[list[int], bool]:
    """The path of a hex-prefix encoding, and whether it is a leaf's."""
    flag = encoded[0] >> 4
    return nibbles(encoded)[1 if flag & 1 else 2 :], flag >= 2


def word(number: int) -> bytes:
    """32 bytes, big-endian."""
    return number.to_bytes(32, "big")


def chain_evidence(
    *, chain_id: int, contract: str, storage: Mapping[int, int], slots: Sequence[int], number: int, time: int,
    validators: Sequence[Account] = (), seals: int | None = None, listed: Sequence[Account] | None = None,
) -> dict[str, Any]:
    """A chain-evidence document of a made-up block in which `contract` holds `storage` (slot → word).

    `time`: ms UTC. `validators` seal it (`seals` of them); without any it is a development chain's block.
    """
    trie = Trie({word(slot): rlp.encode(rlp.scalar(value)) for slot, value in storage.items() if value})
    account = rlp.encode([rlp.scalar(1), b"", trie.root, keccak256(b"code of the contract")])
    neighbours = {parse_address(Account(word(i + 1)).address): rlp.encode([rlp.scalar(i), b"", EMPTY_TRIE,
                                                                         keccak256(b"")]) for i in range(5)}
    state = Trie({**neighbours, parse_address(contract): account})
    return {
        "chain_id": str(chain_id), "contract": contract,
        "header": _header(state.root, number, time, validators, seals, listed or validators),
        "account_proof": [_hex(node) for node in state.prove(parse_address(contract))],
        "storage": {_hex(word(slot)): [_hex(node) for node in trie.prove(word(slot))] for slot in sorted(set(slots))},
    }


def _header(root: bytes, number: int, time: int, validators: Sequence[Account], seals: int | None,
            listed: Sequence[Account]) -> dict[str, str]:
    fields = {
        "parentHash": _hex(word(number - 1)), "sha3Uncles": _hex(word(2)), "miner": _hex(bytes(20)),
        "stateRoot": _hex(root), "transactionsRoot": _hex(word(3)), "receiptsRoot": _hex(word(4)),
        "logsBloom": _hex(bytes(256)), "difficulty": "0x1", "number": hex(number), "gasLimit": hex(30_000_000),
        "gasUsed": "0x0", "timestamp": hex(time // 1000), "extraData": _hex(b"development"),
        "mixHash": _hex(word(5)), "nonce": _hex(bytes(8)),
    }
    if not validators:
        return fields | {"hash": _hex(parse_header(fields).hash)}
    fields["extraData"] = _hex(_extra(listed, []))
    digest = seal_hash(parse_header(fields))
    signed = [account.sign_digest(digest) for account in validators[:seals]]
    fields["extraData"] = _hex(_extra(listed, [seal[:64] + bytes([seal[64] - 27]) for seal in signed]))
    return fields | {"hash": _hex(block_hash(parse_header(fields)))}


def _extra(validators: Sequence[Account], seals: Sequence[bytes]) -> bytes:
    addresses: list[rlp.Item] = [parse_address(account.address) for account in validators]
    return rlp.encode([bytes(32), addresses, [], rlp.scalar(1), list(seals)])


def _hex(data: bytes) -> str:
    return "0x" + data.hex()
