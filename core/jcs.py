"""JSON in one canonical form (RFC 8785, JCS) and a strict reader for documents of this project.

Documents carry quantities as decimal strings; the only JSON numbers are small integers (versions, ordinals).
A duplicate key, a float, an exponent, −0, a byte-order mark or anything not in canonical form is refused.
"""

from __future__ import annotations

import json
import re
from hashlib import sha256
from typing import Any, NoReturn

import rfc8785

from core.errors import FormError, quoted

MAX_DOCUMENT_BYTES = 64 * 2**20
MAX_SAFE_INTEGER = 2**53 - 1
# Deeper text would exhaust the recursion of a JSON reader. A trace takes two levels for each operation, and an
# expression may be 100 operations deep (mrv.language.parser); other documents stay below 20.
MAX_DEPTH = 256
# An empty array is two bytes of text and sixty of memory; details of the largest methodology come to some 100,000.
MAX_TOKENS = 4 * 2**20
MAX_KEY_CHARS = 40
MAX_PLACE_CHARS = 200
"""Of what an error shows of keys."""

# UTF-8 has no half of a surrogate pair; only an escape can smuggle one in.
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")
_HALVES = re.compile("[\ud800-\udfff]")
_BEYOND_BMP = re.compile(rb"[\xf0-\xf4]")
# Possessive, and a string without its end is a token too: one pass over the text, whatever it holds.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?')
_NESTING = re.compile(_STRING.pattern + rb"|[\[\]{}]")


def canonical(value: Any) -> bytes:
    """The canonical bytes of a JSON value (RFC 8785). Raises FormError (json-unencodable)."""
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeError, RecursionError) as error:
        raise FormError("json-unencodable", f"the value has no canonical JSON form: {error}") from None


def digest(value: Any) -> bytes:
    """SHA-256 of the canonical bytes."""
    return sha256(canonical(value)).digest()


def parse(data: bytes, *, limit: int = MAX_DOCUMENT_BYTES) -> Any:
    """The value of a canonical document; anything that is not byte for byte canonical is a FormError."""
    value = parse_lenient(data, limit=limit)
    if not _is_plainly_canonical(value, data) and canonical(value) != data:
        raise FormError("json-not-canonical", "the document is not in canonical form (RFC 8785)",
                        hint="no white space, members sorted, the shortest escapes; as the tools write it")
    return value


def _is_plainly_canonical(value: Any, data: bytes) -> bool:
    """Whether the standard library's encoder, some ten times as fast, writes these bytes: then they are canonical.

    For what `parse_lenient` gives it differs from RFC 8785 in the order of members alone, and there only beside
    characters beyond U+FFFF, whose UTF-8 begins with F0 to F4.
    """
    plain = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return plain.encode() == data and not _BEYOND_BMP.search(data)


def parse_lenient(data: bytes, *, limit: int = MAX_DOCUMENT_BYTES) -> Any:
    """The value of a document a person may have written: white space and key order are free, all else is strict.

    `limit` in bytes. Raises FormError (json-…).
    """
    if len(data) > limit:
        raise FormError("json-too-large", f"{len(data)} bytes exceed the limit of {limit}")
    _check_depth(data)
    _check_values(data)
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_float=_no_float,
                           parse_int=_integer, parse_constant=_no_float)
        if _SURROGATE_ESCAPE.search(data):
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        return value
    except _Repeated:
        raise _repeated_error(data.decode("utf-8")) from None
    except UnicodeDecodeError as error:
        raise FormError("json-malformed", f"not UTF-8 from byte {error.start} on",
                        hint="save the file as UTF-8, not GBK 请另存为 UTF-8 编码") from None
    except (UnicodeError, json.JSONDecodeError, RecursionError) as error:
        said = f"not JSON: {error}" if data.strip() else "not JSON: there is nothing in it"
        raise FormError("json-malformed", said) from None


def _check_depth(data: bytes) -> None:
    if len(data) < MAX_TOKENS and data.count(b"[") + data.count(b"{") <= MAX_DEPTH:
        return  # too short and too flat to pass a limit, whatever stands where
    depth = 0
    for count, match in enumerate(_NESTING.finditer(data)):
        if count == MAX_TOKENS:
            raise FormError("json-too-large", f"more than {MAX_TOKENS} strings and brackets")
        token = match[0]
        if token in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise FormError("json-too-deep", f"nested deeper than {MAX_DEPTH}")
        elif token in b"]}":
            depth -= 1


def _check_values(data: bytes) -> None:
    """Numbers, true, false and null are no tokens, yet each takes time to read; commas stand between them."""
    if data.count(b",") > MAX_TOKENS and _STRING.sub(b"", data).count(b",") > MAX_TOKENS:
        raise FormError("json-too-large", f"more than {MAX_TOKENS} values")


class _Repeated(Exception):
    """A key occurs twice in one object; which one and where, a second reading tells."""


class _Pairs(list[tuple[str, Any]]):
    """An object with its members as they are written."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise _Repeated
    return value


def _repeated_error(text: str) -> FormError:
    try:
        value = json.loads(text, object_pairs_hook=_Pairs, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        value = None  # something after the object is wrong too
    key, place = _repeated(value, "") or ("", "")
    return FormError("json-duplicate-key", f"the key {quoted(key, MAX_KEY_CHARS)} occurs twice in one object" if place
                     else "a key occurs twice in one object", where=place[:MAX_PLACE_CHARS])


def _repeated(value: Any, place: str) -> tuple[str, str] | None:
    """(key, its place) in the first object to end that has a key twice."""
    seen: set[str | int] = set()
    again: str | None = None
    members = value if isinstance(value, _Pairs) else enumerate(value) if isinstance(value, list) else ()
    for name, item in members:
        found = _repeated(item, f"{place}[{name}]" if isinstance(name, int) else _inside(place, name))
        if found is not None:
            return found
        again = name if again is None and isinstance(name, str) and name in seen else again
        seen.add(name)
    return None if again is None else (_whole(again), _inside(place, again))


def _inside(place: str, name: str) -> str:
    cut = _whole(name)[:MAX_KEY_CHARS]
    return f"{place}.{cut}" if place else cut


def _whole(name: str) -> str:
    """Without halves of surrogate pairs, which no message can carry."""
    return _HALVES.sub("\ufffd", name)


def _no_float(text: str) -> NoReturn:
    raise _number_error(text)


def _number_error(text: str) -> FormError:
    return FormError("json-number", f"{text[:40]} is not a safe integer",
                     hint=f'write numbers as text, in quotes: "{text[:40]}"')


def _integer(text: str) -> int:
    value = int(text) if len(text) <= 17 else MAX_SAFE_INTEGER + 1
    if abs(value) > MAX_SAFE_INTEGER or text.startswith("-0"):
        raise _number_error(text)
    return value
