"""Recursive length prefix (RLP) of Ethereum, strict: one item, shortest form, nothing after it."""

from __future__ import annotations

from core.errors import FormError

Item = bytes | list["Item"]

MAX_BYTES = 2**20
# Headers and trie nodes nest three deep.
MAX_DEPTH = 8


def encode(item: Item) -> bytes:
    """The bytes of a byte string or a nested list."""
    if isinstance(item, bytes):
        return item if len(item) == 1 and item[0] < 0x80 else _prefix(len(item), 0x80) + item
    body = b"".join(encode(part) for part in item)
    return _prefix(len(body), 0xC0) + body


def scalar(value: int) -> bytes:
    """A natural number as RLP writes it: big-endian without leading zeros, zero as the empty string."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def decode(data: bytes) -> Item:
    """The one item of the bytes. Raises FormError (rlp-malformed)."""
    if len(data) > MAX_BYTES:
        raise FormError("rlp-malformed", f"{len(data)} bytes exceed the limit of {MAX_BYTES}")
    item, end = _read(data, 0, MAX_DEPTH)
    if end != len(data):
        raise FormError("rlp-malformed", "bytes follow the item", where=f"byte {end}")
    return item


def decode_list(data: bytes) -> list[Item]:
    """The one list of the bytes. Raises FormError (rlp-malformed)."""
    item = decode(data)
    if isinstance(item, bytes):
        raise FormError("rlp-malformed", "a list was expected")
    return item


def _prefix(length: int, base: int) -> bytes:
    if length < 56:
        return bytes([base + length])
    size = scalar(length)
    return bytes([base + 55 + len(size)]) + size


def _read(data: bytes, start: int, depth: int) -> tuple[Item, int]:
    if depth < 0:
        raise FormError("rlp-malformed", f"nested deeper than {MAX_DEPTH}")
    if start >= len(data):
        raise FormError("rlp-malformed", "the bytes end inside an item")
    first = data[start]
    if first < 0x80:
        return data[start : start + 1], start + 1
    base = 0x80 if first < 0xC0 else 0xC0
    body, end = _span(data, start, first - base)
    if base == 0x80:
        content = data[body:end]
        if len(content) == 1 and content[0] < 0x80:
            raise FormError("rlp-malformed", "a byte is not in its shortest form", where=f"byte {start}")
        return content, end
    items: list[Item] = []
    while body < end:
        item, body = _read(data[:end], body, depth - 1)
        items.append(item)
    return items, end


def _span(data: bytes, start: int, code: int) -> tuple[int, int]:
    """Start and end of the content behind the prefix at `start`."""
    if code < 56:
        body, length = start + 1, code
    else:
        body = start + 1 + code - 55
        size = data[start + 1 : body]
        length = int.from_bytes(size, "big")
        if len(size) < code - 55 or size[0] == 0 or length < 56:
            raise FormError("rlp-malformed", "a length is not in its shortest form", where=f"byte {start}")
    if body + length > len(data):
        raise FormError("rlp-malformed", "the bytes end inside an item", where=f"byte {start}")
    return body, body + length
