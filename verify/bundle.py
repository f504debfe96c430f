"""The container of an evidence file: a ZIP in exactly one form, so that every byte of it matters.

Form: docs/spec/evidence.md, "Container". Reading takes the members from the local headers, writes the container again
and compares; so headers, timestamps, the directory and its end cannot hide anything. Asks only "well formed?".
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from hashlib import sha256

from core import jcs
from core.errors import FormError, InputError
from verify.readme import README

SCHEMA = "carbonseal-evidence/1"
LEVELS = ("public", "buyer", "auditor", "full")
PURPOSES = ("review", "issue", "certificate")

# A year of one meter's one-second data at level full takes about 100 MB; several meters still fit.
MAX_FILE_BYTES = 512 * 2**20
# One inclusion proof an hour for two years, and everything else.
MAX_MEMBERS = 20_000
MAX_NAME_BYTES = 160

_NAME = re.compile(r"[A-Za-z0-9_+~-][A-Za-z0-9._+~-]*(?:/[A-Za-z0-9_+~-][A-Za-z0-9._+~-]*)*")
_LOCAL_MAGIC, _CENTRAL_MAGIC, _END_MAGIC = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
# Magic, version needed, flags, method, time, date, crc32, stored size, size, name length, extra length.
_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_VERSION_NEEDED, _VERSION_MADE, _DATE = 10, 20, 0x0021


def write_bundle(members: Mapping[str, bytes], *, purpose: str, level: str, indices: Mapping[str, int]) -> bytes:
    """The evidence file of these members; README.txt and bundle.json are added here.

    `indices`: log index of each single envelope present ("statement.cose", …). Raises FormError.
    """
    content = {**members, "README.txt": README}
    document = {
        "schema": SCHEMA, "purpose": purpose, "level": level,
        "indices": {name: str(index) for name, index in indices.items()},
        "members": {name: sha256(data).hexdigest() for name, data in content.items()},
    }
    return write_container({**content, "bundle.json": jcs.canonical(document)})


def write_container(members: Mapping[str, bytes]) -> bytes:
    """The one ZIP of these members. Raises FormError when a name or a size is out of bounds."""
    if len(members) > MAX_MEMBERS:
        raise FormError("container-too-large", f"{len(members)} members exceed the limit of {MAX_MEMBERS}",
                        hint="choose a shorter period or a lower level")
    for name in members:
        _check_name(name)
    data = b"".join(_pieces(members))
    _check_size(data)
    return data


def read_container(data: bytes) -> dict[str, bytes]:
    """The members of a canonical container, by name.

    Raises InputError (container-not-zip, container-too-large) when this is no evidence file at all, and FormError
    (container-…) when it is one that was altered or written by another tool.
    """
    _check_size(data)
    if data[:4] != _LOCAL_MAGIC:
        raise InputError("container-not-zip", "this is not an evidence file: it does not begin as a ZIP",
                         hint="give the .cseal file as it was exported")
    members: dict[str, bytes] = {}
    offset = 0
    while data[offset : offset + 4] == _LOCAL_MAGIC:
        name, content, offset = _read_member(data, offset)
        if name in members or len(members) == MAX_MEMBERS:
            raise _altered(f"the member {name} occurs twice, or there are more than {MAX_MEMBERS}")
        members[name] = content
    _compare(data, members)
    return members


def _read_member(data: bytes, offset: int) -> tuple[str, bytes, int]:
    if offset + _LOCAL.size > len(data):
        raise _altered("it ends inside a member's header")
    stored, name_length = _LOCAL.unpack_from(data, offset)[7], _LOCAL.unpack_from(data, offset)[9]
    start = offset + _LOCAL.size + name_length
    raw = data[offset + _LOCAL.size : start]
    if start + stored > len(data) or not raw.isascii():
        raise _altered("it ends inside a member, or a name is not ASCII")
    name = _check_name(raw.decode("ascii"))
    return name, data[start : start + stored], start + stored


def _compare(data: bytes, members: Mapping[str, bytes]) -> None:
    offset = 0
    for piece in _pieces(members):
        if data[offset : offset + len(piece)] != piece:
            raise _altered(f"the bytes from {offset} on are not those of the canonical container")
        offset += len(piece)
    if offset != len(data):
        raise _altered(f"{len(data) - offset} bytes follow its end")


def _pieces(members: Mapping[str, bytes]) -> Iterator[bytes]:
    directory: list[bytes] = []
    offset = 0
    for name in sorted(members):
        content, raw = members[name], name.encode("ascii")
        sizes = (zlib.crc32(content), len(content), len(content))
        header = _LOCAL.pack(_LOCAL_MAGIC, _VERSION_NEEDED, 0, 0, 0, _DATE, *sizes, len(raw), 0) + raw
        directory.append(_CENTRAL.pack(_CENTRAL_MAGIC, _VERSION_MADE, _VERSION_NEEDED, 0, 0, 0, _DATE, *sizes,
                                       len(raw), 0, 0, 0, 0, 0, offset) + raw)
        yield header
        yield content
        offset += len(header) + len(content)
    yield from directory
    size = sum(map(len, directory))
    yield _END.pack(_END_MAGIC, 0, 0, len(directory), len(directory), size, offset, 0)


def _check_name(name: str) -> str:
    if len(name) > MAX_NAME_BYTES or not _NAME.fullmatch(name):
        raise FormError("container-member-name", f"{name[:80]!r} cannot be a member's name",
                        hint="parts of [A-Za-z0-9._+~-] joined by '/', none beginning with a dot")
    return name


def _check_size(data: bytes) -> None:
    if len(data) > MAX_FILE_BYTES:
        raise too_large()


def too_large(where: str = "") -> InputError:
    """What to say of an evidence file beyond the limit."""
    return InputError("container-too-large", f"more than {MAX_FILE_BYTES} bytes", where=where,
                      hint="give the .cseal file itself; a larger one is exported again for a shorter period or level")


def _altered(message: str) -> FormError:
    return FormError("container-not-canonical", f"the container was altered or written by another tool: {message}",
                     hint="ask for the file again as it was exported")
