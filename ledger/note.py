"""Signed notes (C2SP signed-note): a text, a blank line, signature lines; and the keys that verify them. Pure.

    <text>

    — <key name> <base64 of key id (4 bytes) ‖ signature>

A signature of an unknown key is ignored, a bad signature of a known key rejects the whole note.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from core import signatures
from core.errors import FormError, VerificationFailed
from core.signer import Signer

ED25519_NOTE = 0x01
COSIGNATURE_V1 = 0x04
SIGNATURE_TYPES = frozenset({ED25519_NOTE, COSIGNATURE_V1})

KEY_ID_BYTES = 4
# The standard asks for at least 16; a consortium of 31 witnesses and the log still fits.
MAX_SIGNATURES = 32
# 32 signatures of the largest post-quantum kind (about 5 kB, base64) and the text.
MAX_NOTE_BYTES = 256 * 1024
MAX_NAME_BYTES = 255

_DER_PREFIX = bytes.fromhex("302a300506032b6570032100")
_SIGNATURE_PREFIX = "— "
_TIME_BYTES = 8


@dataclass(frozen=True)
class VerifierKey:
    """A key that verifies notes. `kind`: ED25519_NOTE or COSIGNATURE_V1; `public_key`: 32 bytes of Ed25519."""

    name: str
    kind: int
    public_key: bytes

    @property
    def key_id(self) -> bytes:
        """First 4 bytes of SHA-256(name ‖ newline ‖ kind ‖ key)."""
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public_key).digest()[:KEY_ID_BYTES]

    @property
    def der(self) -> bytes:
        """The key as DER SubjectPublicKeyInfo."""
        return _DER_PREFIX + self.public_key

    @property
    def text(self) -> str:
        """The vkey: name+id+base64."""
        return f"{self.name}+{self.key_id.hex()}+{b64encode(bytes([self.kind]) + self.public_key).decode()}"


@dataclass(frozen=True)
class NoteSignature:
    """One signature line, not yet verified."""

    name: str
    key_id: bytes
    signature: bytes

    @property
    def line(self) -> bytes:
        """The line with its newline."""
        return f"{_SIGNATURE_PREFIX}{self.name} {b64encode(self.key_id + self.signature).decode()}\n".encode()


@dataclass(frozen=True)
class Note:
    """A parsed note. `text` ends with a newline."""

    text: bytes
    signatures: tuple[NoteSignature, ...]


def key_of(name: str, public_key: bytes, kind: int = ED25519_NOTE) -> VerifierKey:
    """The verifier key of an Ed25519 key in DER. Raises FormError (note-key-…)."""
    if signatures.algorithm_of(public_key) != signatures.ED25519:
        raise FormError("note-key-unsupported", "checkpoints are signed with Ed25519 keys only", where=name[:60])
    return VerifierKey(_check_name(name), kind, public_key[len(_DER_PREFIX):])


def parse_key(text: str) -> VerifierKey:
    """The key a vkey text states; a wrong id, kind or length is a FormError (note-key-malformed)."""
    name, _, rest = text.partition("+")
    key_id, _, encoded = rest.partition("+")
    material = decode_base64(encoded, "note-key-malformed")
    if len(material) != 33 or material[0] not in SIGNATURE_TYPES:
        raise FormError("note-key-malformed", f"{text[:80]!r} is not an Ed25519 verifier key",
                        hint="name+8 hex digits+base64, as the log or the witness publishes it")
    key = VerifierKey(_check_name(name), material[0], material[1:])
    if key.key_id.hex() != key_id:
        raise FormError("note-key-malformed", "the key id does not belong to name and key", where=name[:60])
    signatures.load_public_key(key.der)
    return key


def parse(data: bytes) -> Note:
    """The note in these bytes. Raises FormError (note-malformed, note-too-large)."""
    if len(data) > MAX_NOTE_BYTES:
        raise FormError("note-too-large", f"a note of {len(data)} bytes exceeds {MAX_NOTE_BYTES}")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise FormError("note-malformed", "the note is not UTF-8") from None
    if re.search(r"[\x00-\x09\x0b-\x1f]", text):
        raise FormError("note-malformed", "the note holds a control character")
    body, blank, tail = text.rpartition("\n\n")
    if not blank or not tail.endswith("\n"):
        raise FormError("note-malformed", "a note is a text, a blank line and signature lines, each ending in newline")
    lines = tail[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise FormError("note-too-large", f"{len(lines)} signatures exceed the limit of {MAX_SIGNATURES}")
    return Note((body + "\n").encode(), tuple(parse_signature_line(line) for line in lines))


def parse_signature_line(line: str) -> NoteSignature:
    """A signature line without its newline. Raises FormError (note-malformed)."""
    name, space, encoded = line.removeprefix(_SIGNATURE_PREFIX).partition(" ")
    if not line.startswith(_SIGNATURE_PREFIX) or not space:
        raise FormError("note-malformed", f"{line[:60]!r} is not a signature line")
    material = decode_base64(encoded, "note-malformed")
    if len(material) <= KEY_ID_BYTES:
        raise FormError("note-malformed", "a signature is empty", where=name[:60])
    return NoteSignature(_check_name(name), material[:KEY_ID_BYTES], material[KEY_ID_BYTES:])


def sign(signer: Signer, name: str, text: bytes) -> NoteSignature:
    """A plain note signature (kind 0x01) over a text that ends with a newline."""
    return NoteSignature(name, key_of(name, signer.public_key).key_id, signer.sign(text))


def cosign(signer: Signer, name: str, text: bytes, time: int) -> NoteSignature:
    """A witness's timestamped signature (kind 0x04). `time`: seconds since 1970."""
    key = key_of(name, signer.public_key, COSIGNATURE_V1)
    return NoteSignature(name, key.key_id,
                         time.to_bytes(_TIME_BYTES, "big") + signer.sign(_cosigned(text, time)))


def verify(note: Note, keys: Iterable[VerifierKey]) -> list[tuple[VerifierKey, int | None]]:
    """(key, time in seconds of a cosignature else None) of each signature by one of `keys`, all of them verified.

    Raises VerificationFailed (note-signature) when a signature of a known key does not hold. That a particular key
    has signed at all is for the caller to ask.
    """
    known = {(key.name, key.key_id): key for key in keys}
    found = []
    for item in note.signatures:
        key = known.get((item.name, item.key_id))
        if key is not None:
            found.append((key, _verify_one(note.text, item, key)))
    return found


def _verify_one(text: bytes, item: NoteSignature, key: VerifierKey) -> int | None:
    time, signature, message = None, item.signature, text
    if key.kind == COSIGNATURE_V1:
        time = int.from_bytes(signature[:_TIME_BYTES], "big")
        signature, message = signature[_TIME_BYTES:], _cosigned(text, time)
    try:
        signatures.verify(signatures.ED25519, key.der, message, signature)
    except VerificationFailed as error:
        raise VerificationFailed("note-signature", f"the signature does not hold: {error.message}",
                                 where=key.name) from None
    return time


def _cosigned(text: bytes, time: int) -> bytes:
    return f"cosignature/v1\ntime {time}\n".encode() + text


def decode_base64(text: str, code: str) -> bytes:
    """The bytes of canonical standard base64; anything else is a FormError of this code."""
    try:
        data = b64decode(text, validate=True)
    except (Base64Error, ValueError):
        data = b""
    if not text or b64encode(data).decode() != text:
        raise FormError(code, f"{text[:40]!r} is not canonical base64")
    return data


def _check_name(name: str) -> str:
    if not name or len(name.encode()) > MAX_NAME_BYTES or "+" in name or re.search(r"[\s\x00-\x1f]", name):
        raise FormError("note-malformed", f"{name[:60]!r} is not a key name", hint="no spaces, no plus sign")
    return name
