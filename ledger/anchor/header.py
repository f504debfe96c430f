"""Block headers: from the JSON of a node to fields and hash. Pure; what is not needed is still hashed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.errors import FormError
from core.ethereum import keccak256
from core.period import MAX_INSTANT
from ledger.anchor.rlp import Item, encode, scalar

# (field, bytes it has, or None for a number, or 0 for any length), in the order in which the header hashes them.
_FRONT: tuple[tuple[str, int | None], ...] = (
    ("parentHash", 32), ("sha3Uncles", 32), ("miner", 20), ("stateRoot", 32), ("transactionsRoot", 32),
    ("receiptsRoot", 32), ("logsBloom", 256), ("difficulty", None), ("number", None), ("gasLimit", None),
    ("gasUsed", None), ("timestamp", None), ("extraData", 0), ("mixHash", 32), ("nonce", 8),
)
# Appended by later forks; a header has the first so many of them.
_LATER: tuple[tuple[str, int | None], ...] = (
    ("baseFeePerGas", None), ("withdrawalsRoot", 32), ("blobGasUsed", None), ("excessBlobGas", None),
    ("parentBeaconBlockRoot", 32), ("requestsHash", 32),
)
_NUMBER_AT, _TIMESTAMP_AT, _EXTRA_DATA = 8, 11, 12
_HEX = re.compile(r"0x([0-9a-fA-F]{2})*")
_NUMBER = re.compile(r"0x(0|[1-9a-fA-F][0-9a-fA-F]{0,63})")
MAX_EXTRA_DATA = 2**16


@dataclass(frozen=True)
class Header:
    """A block header. `hash`: keccak-256 of `items` in RLP, unless a consensus rule says otherwise (qbft.block_hash).

    `timestamp`: ms UTC.
    """

    hash: bytes
    number: int
    parent_hash: bytes
    state_root: bytes
    timestamp: int
    extra_data: bytes
    items: tuple[bytes, ...]

    def encoded(self, extra_data: bytes | None = None) -> bytes:
        """RLP of the header, with other extra data if given."""
        items: list[Item] = list(self.items)
        if extra_data is not None:
            items[_EXTRA_DATA] = extra_data
        return encode(items)


def header_fields(block: Mapping[str, Any]) -> dict[str, str]:
    """Of a node's block JSON only what the header hash covers, and the hash it claims."""
    names = ["hash", *(name for name, _ in _FRONT + _LATER)]
    return {name: str(block[name]) for name in names if block.get(name) is not None}


def parse_header(document: object) -> Header:
    """The header of its JSON fields, its hash computed. Raises FormError (header-malformed)."""
    if not isinstance(document, Mapping):
        raise FormError("header-malformed", "a header is an object of fields")
    items = [_field(document, name, size) for name, size in _FRONT]
    for name, size in _present_later(document):
        items.append(_field(document, name, size))
    number, timestamp = (int.from_bytes(items[i], "big") for i in (_NUMBER_AT, _TIMESTAMP_AT))
    if number >= 2**64 or timestamp > MAX_INSTANT // 1000:
        raise FormError("header-malformed", "a block number beyond 64 bits, or a time after the year 9999")
    return Header(keccak256(encode(list(items))), number, items[0], items[3], timestamp * 1000, items[_EXTRA_DATA],
                  tuple(items))


def claimed_hash(document: object) -> bytes:
    """The hash the JSON names. Raises FormError (header-malformed)."""
    if not isinstance(document, Mapping):
        raise FormError("header-malformed", "a header is an object of fields")
    return _field(document, "hash", 32)


def _present_later(document: Mapping[str, Any]) -> list[tuple[str, int | None]]:
    return [(name, size) for name, size in _LATER if document.get(name) is not None]


def _field(document: Mapping[str, Any], name: str, size: int | None) -> bytes:
    text = document.get(name)
    if isinstance(text, str) and len(text) <= 2 * MAX_EXTRA_DATA + 2:
        if size is None and _NUMBER.fullmatch(text):
            return scalar(int(text, 16))
        if size is not None and _HEX.fullmatch(text) and size in (0, len(text) // 2 - 1):
            return bytes.fromhex(text[2:])
    raise FormError("header-malformed", f"the header's {name} is missing or malformed", where=name)
