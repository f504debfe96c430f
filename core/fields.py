"""Members of JSON documents, read strictly. Each function raises FormError, naming `where`, for a value out of form.

What comes here was canonical JSON (core/jcs.py) already; here it gets its type, its limits and its place in messages.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any

from core.errors import FormError, quoted
from core.ethereum import checksum_address, parse_address
from core.ids import check_hex

# More named members than any methodology has inputs or options.
MAX_MEMBERS = 256
MAX_TEXT = 500
MAX_LONG_TEXT = 4_000

# Default-ignorable letters and marks (Unicode DerivedCoreProperties) and the blank Braille pattern: seen as nothing.
_BLANKS = ((0x034F, 0x034F), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x2800, 0x2800), (0x3164, 0x3164),
           (0xFE00, 0xFE0F), (0xFFA0, 0xFFA0), (0xE0100, 0xE01EF))


def members(value: object, names: Sequence[str], where: str) -> dict[str, Any]:
    """The object, if it has exactly these members."""
    if isinstance(value, dict) and set(value) == set(names):
        return value
    got = set(value) if isinstance(value, dict) else set()
    wrong = sorted(str(name)[:40] for name in got ^ set(names))
    raise FormError("document-members", f"missing or unknown members: {', '.join(wrong[:8]) or 'not an object'}",
                    where=where, hint="exactly " + ", ".join(names))


def mapping(value: object, where: str) -> dict[str, Any]:
    """The object, whatever its members."""
    if not isinstance(value, dict) or len(value) > MAX_MEMBERS:
        raise FormError("document-members", f"not an object of at most {MAX_MEMBERS} members", where=where,
                        hint="name each member once, in one object")
    return value


def sequence(value: object, where: str, limit: int) -> list[Any]:
    """The array, if it has at most `limit` items."""
    if not isinstance(value, list) or len(value) > limit:
        raise FormError("document-array", f"not an array of at most {limit} items", where=where,
                        hint="give a list, shorter if it was one")
    return value


def text(value: object, where: str, limit: int = MAX_TEXT) -> str:
    """Text a person reads: NFC, nothing invisible, single plain spaces inside only, 1 to `limit` characters.

    Two spellings that look alike would be two exclusivity keys for one boundary.
    """
    if (isinstance(value, str) and 0 < len(value) <= limit and value == value.strip(" ") and "  " not in value
            and unicodedata.is_normalized("NFC", value) and not any(map(_is_unseen, value))):
        return value
    raise FormError("document-text", f"{quoted(value, 60)} is not plain text of 1 to {limit} characters", where=where,
                    hint="NFC, no control or invisible characters, single plain spaces and none around it")


def _is_unseen(character: str) -> bool:
    """Control, format and unassigned characters, spaces other than U+0020, and letters and marks that show nothing."""
    category = unicodedata.category(character)
    return (category[0] == "C" or (category[0] == "Z" and character != " ")
            or any(first <= ord(character) <= last for first, last in _BLANKS))


def account(value: object, where: str) -> str:
    """An account address in its EIP-55 spelling. Raises FormError (address-malformed)."""
    if isinstance(value, str) and value == checksum_address(parse_address(value, where=where)):
        return value
    raise FormError("address-malformed", f"{quoted(value, 60)} is not in EIP-55 spelling", where=where,
                    hint="one spelling for each account, so that one document has one payload")


def optional_hex(value: object, where: str) -> bytes | None:
    """32 bytes of hex, or null."""
    return None if value is None else check_hex(value, where=where)


def flag(value: object, where: str) -> bool:
    """true or false, and no number that Python takes for one."""
    if value is True or value is False:
        return value
    raise FormError("document-flag", f"{quoted(value, 20)} is neither true nor false", where=where,
                    hint="write true or false without quotes")


def one_of(value: object, allowed: Sequence[str], where: str) -> str:
    """One of the words allowed here."""
    if isinstance(value, str) and value in allowed:
        return value
    raise FormError("document-choice", f"{quoted(value, 40)} is none of the words for this place", where=where,
                    hint="one of " + ", ".join(allowed))
