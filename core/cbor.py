"""Deterministic CBOR (RFC 8949 §4.2.1) in the profile of this project.

Payloads are fixed-order arrays of integers, byte strings, text and null. No floats, no maps (one exception: the COSE
protected header, whose keys are integers), no tags but the signed big-endian typed arrays of RFC 8746 (72 to 75).
Everything parsed is encoded again and compared: what is not canonical is refused.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import cbor2

from core.errors import FormError

MAX_DEPTH = 16
MAX_DOCUMENT_BYTES = 64 * 2**20
# An empty array is one byte, and sixty in memory. A quality code for each of 86,400 readings makes some 260,000 items.
MAX_ITEMS = 2**19
# Shorter documents cannot hold enough items to matter.
_UNCOUNTED_BYTES = 2**16
TYPED_ARRAY_TAGS = frozenset({72, 73, 74, 75})

Tag = cbor2.CBORTag


def encode(value: Any) -> bytes:
    """Canonical bytes of a value of the profile. A float, or any other foreign type, is a FormError."""
    try:
        _check_profile(value, MAX_DEPTH)
        return cbor2.dumps(value)  # canonical mode only orders maps and shortens floats: neither is in the profile
    except (cbor2.CBORError, OverflowError, UnicodeError) as error:
        raise FormError("cbor-unencodable", f"the value cannot be encoded: {error}") from None


def decode(data: bytes, *, limit: int = MAX_DOCUMENT_BYTES, maps: bool = False) -> Any:
    """The value of one whole canonical document. `limit`: greatest length in bytes, checked first.

    Typed arrays come back as `Tag(72..75, bytes)`. `maps` admits maps with integer keys (the COSE protected header).
    Raises FormError: cbor-too-large, -too-deep, -malformed, -out-of-profile, -not-canonical.
    """
    if len(data) > limit:
        raise FormError("cbor-too-large", f"{len(data)} bytes exceed the limit of {limit}", hint="send smaller items")
    if len(data) > _UNCOUNTED_BYTES:
        _check_count(data, 0)
    value = _read(io.BytesIO(data))
    if encode_checked(value, maps=maps) != data:
        raise FormError("cbor-not-canonical", "the bytes are not the deterministic encoding of their value",
                        hint="encode with RFC 8949 §4.2.1, one item, nothing after it")
    return value


def encode_checked(value: Any, *, maps: bool) -> bytes:
    """Canonical bytes of a decoded value after the profile has been checked; see `decode` for `maps`.

    Raises FormError: cbor-malformed, -too-deep, -out-of-profile.
    """
    try:
        _check_profile(value, MAX_DEPTH, maps)
        return cbor2.dumps(value, canonical=maps)
    except (cbor2.CBORError, OverflowError, UnicodeError, TypeError) as error:
        raise FormError("cbor-malformed", f"not well-formed CBOR: {error}") from None


def sequence(data: bytes, *, limit: int = MAX_DOCUMENT_BYTES) -> Iterator[Any]:
    """The items of a CBOR sequence (RFC 8742), each checked like `decode` and with its errors, lazily."""
    if len(data) > limit:
        raise FormError("cbor-too-large", f"{len(data)} bytes exceed the limit of {limit}", hint="send smaller batches")
    stream = io.BytesIO(data)
    while stream.tell() < len(data):
        start = stream.tell()
        if len(data) - start > _UNCOUNTED_BYTES:
            _check_count(data, start)
        value = _read(stream)
        if encode_checked(value, maps=False) != data[start : stream.tell()]:
            raise FormError("cbor-not-canonical", "an item is not in deterministic encoding", where=f"byte {start}")
        yield value


def _read(stream: io.BytesIO) -> Any:
    try:
        return cbor2.CBORDecoder(
            stream, max_depth=MAX_DEPTH, allow_indefinite=False, allow_duplicate_keys=False,
            semantic_decoders={}, read_size=1,
        ).decode()
    except (cbor2.CBORError, ValueError, OverflowError, MemoryError, TypeError) as error:
        raise FormError("cbor-malformed", f"not well-formed CBOR: {error}") from None


def _check_count(data: bytes, at: int) -> None:
    """Passes when the document that begins `at` holds no more items than `MAX_ITEMS`; its form is not judged here."""
    pending, seen, end = 1, 0, len(data)
    while pending and at < end:
        major, value, at = data[at] >> 5, data[at] & 31, at + 1
        if 24 <= value < 28:
            size = 1 << (value - 24)
            value, at = int.from_bytes(data[at : at + size], "big"), at + size
        seen += 1
        pending -= 1
        if major in (2, 3):
            at += value
        elif major in (4, 5):
            pending += value << (major - 4)
        elif major == 6:
            pending += 1
        if seen + pending > MAX_ITEMS:
            raise FormError("cbor-too-large", f"more than {MAX_ITEMS} items in one document", hint="send smaller items")


def _check_profile(value: Any, depth: int, maps: bool = False) -> None:
    if depth < 0:
        raise FormError("cbor-too-deep", f"nested deeper than {MAX_DEPTH}")
    kind = type(value)
    if kind is list or kind is tuple:
        for item in value:
            if type(item) is int:
                if not -(2**63) <= item < 2**64:
                    raise FormError("cbor-out-of-profile", "an integer does not fit 64 bits")
            elif type(item) not in _LEAVES:
                _check_profile(item, depth - 1, maps)
    elif kind is int:
        if not -(2**63) <= value < 2**64:
            raise FormError("cbor-out-of-profile", "an integer does not fit 64 bits")
    elif kind is Tag:
        if value.tag not in TYPED_ARRAY_TAGS or type(value.value) is not bytes:
            raise FormError("cbor-out-of-profile", f"tag {value.tag} is not a signed big-endian typed array")
    elif maps and kind is dict:
        for key, item in value.items():
            if type(key) is not int:
                raise FormError("cbor-out-of-profile", "a map key is not an integer")
            _check_profile(item, depth - 1, False)
    elif kind not in _LEAVES:
        raise FormError("cbor-out-of-profile", f"{kind.__name__} does not belong in evidence",
                        hint="integers, byte strings, text, null and arrays only")


_LEAVES = frozenset({bytes, str, type(None)})
