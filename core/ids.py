"""Ids: short lower-case names of organisations, meters, gateways, claim points; and their digests on the chain."""

from __future__ import annotations

import re
from hashlib import sha256

from core.errors import FormError, quoted

_ID = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?(?:[:/][a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?){0,3}")
MAX_ID_BYTES = 128
DIGEST_HINT = "the SHA-256 of the document as 64 lower-case hex digits: `carbonseal document digest FILE` prints it"


def check_id(text: object, *, where: str = "") -> str:
    """The id, if it is one: parts of [a-z0-9._-] joined by ":" or "/", at most 128 bytes ("org:lanhe-steel").

    Raises FormError (id-malformed).
    """
    if not isinstance(text, str) or len(text) > MAX_ID_BYTES or not _ID.fullmatch(text):
        raise FormError("id-malformed", f"{quoted(text, 60)} is not an id", where=where,
                        hint="lower-case letters, digits, '.', '_', '-', parts joined by ':' or '/'")
    return text


def check_hex(text: object, size: int = 32, *, where: str = "", hint: str = "") -> bytes:
    """The bytes of lower-case hex; `size` in bytes, exact. Raises FormError (hex-malformed)."""
    if isinstance(text, str) and len(text) == 2 * size and re.fullmatch(r"[0-9a-f]*", text):
        return bytes.fromhex(text)
    raise FormError("hex-malformed", f"{quoted(text, 70)} is not {size} bytes of lower-case hex", where=where,
                    hint=hint)


def chain_id_of(text: str) -> bytes:
    """The bytes32 under which an id stands on the chain: SHA-256 of its UTF-8."""
    return sha256(text.encode()).digest()
