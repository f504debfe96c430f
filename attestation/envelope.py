"""The envelope of every log entry: COSE_Sign1 (RFC 9052), an untagged array of four, in one strict form.

Protected header {1: algorithm, 3: content type, 4: kid}, unprotected empty, payload attached. The signature also covers
`content type ‖ 0x00 ‖ log origin` (external_aad), so that nothing replays into another log or as another type.
A signature is no identity: what was signed is the payload, and its SHA-256 is what other records point at.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any, NamedTuple

from core import cbor
from core.errors import FormError, VerificationFailed
from core.signatures import ALGORITHMS, SIGNATURE_BYTES, key_id, verify
from core.signer import Signer

# An entry of an entry bundle carries its length in two bytes (C2SP tlog-tiles).
MAX_ENVELOPE_BYTES = 65_535
MAX_PROTECTED_BYTES = 160
MAX_ORIGIN_BYTES = 255

_PREFIX = "application/carbonseal-"
FRAME = _PREFIX + "frame+cbor"
DEVICE = _PREFIX + "device+json"
METER = _PREFIX + "meter+json"
PARTICIPANT = _PREFIX + "participant+json"
RULES = _PREFIX + "rules+json"
CLAIM = _PREFIX + "claim+json"
STATEMENT = _PREFIX + "statement+json"
OPINION = _PREFIX + "opinion+json"
DOCUMENT = _PREFIX + "document+json"
GRANT = _PREFIX + "grant+json"
DISPUTE = _PREFIX + "dispute+json"
AUDIT = _PREFIX + "audit+json"
MANIFEST = _PREFIX + "manifest+json"
CONTENT_TYPES = frozenset({FRAME, DEVICE, METER, PARTICIPANT, RULES, CLAIM, STATEMENT, OPINION, DOCUMENT, GRANT,
                           DISPUTE, AUDIT, MANIFEST})
# Claim points are registered under the content type of meters; the payload's type tells them apart.
REGISTRATIONS = frozenset({DEVICE, METER, PARTICIPANT})

_ALGORITHM, _CONTENT_TYPE, _KID = 1, 3, 4


class Envelope(NamedTuple):
    """A well-formed envelope; whether its signature holds is a question for `verify_envelope`."""

    content_type: str
    kid: bytes
    algorithm: int
    payload: bytes
    signature: bytes

    @property
    def digest(self) -> bytes:
        """SHA-256 of the payload: the identity of what was signed."""
        return sha256(self.payload).digest()


def seal(signer: Signer, content_type: str, payload: bytes, origin: str) -> bytes:
    """The signed envelope of a payload for the log `origin`. Raises FormError (envelope-too-large)."""
    protected = _protected(signer.algorithm, content_type, signer.kid)
    signature = signer.sign(_to_be_signed(protected, content_type, payload, origin))
    data = cbor.encode_checked([protected, {}, payload, signature], maps=True)
    if len(data) > MAX_ENVELOPE_BYTES:
        raise FormError("envelope-too-large", f"{len(data)} bytes exceed the {MAX_ENVELOPE_BYTES} of a log entry",
                        hint="put the content beside the log and its digest into the payload")
    return data


def open_envelope(data: bytes) -> Envelope:
    """The envelope of its bytes, by form alone. Raises FormError (envelope-…, cbor-…)."""
    if len(data) > MAX_ENVELOPE_BYTES:
        raise FormError("envelope-too-large", f"{len(data)} bytes exceed the {MAX_ENVELOPE_BYTES} of a log entry")
    item = cbor.decode(data, limit=MAX_ENVELOPE_BYTES, maps=True)
    if type(item) is not list or len(item) != 4 or item[1] != {} or type(item[1]) is not dict:
        raise _malformed("an envelope is an array of protected header, empty map, payload and signature")
    protected, _, payload, signature = item
    if type(protected) is not bytes or type(payload) is not bytes or type(signature) is not bytes:
        raise _malformed("protected header, payload and signature are byte strings")
    if len(signature) != SIGNATURE_BYTES:
        raise _malformed(f"a signature of {len(signature)} bytes, {SIGNATURE_BYTES} are needed")
    return Envelope(*_read_protected(protected), payload, signature)


def verify_envelope(envelope: Envelope, origin: str, public_key: bytes) -> None:
    """Passes when `public_key` (DER SubjectPublicKeyInfo) signed this envelope for the log `origin`.

    Raises VerificationFailed (envelope-kid, signature-…), FormError (key-…).
    """
    if key_id(public_key) != envelope.kid:
        raise VerificationFailed("envelope-kid", "the envelope names another key than the one it is checked with")
    protected = _protected(envelope.algorithm, envelope.content_type, envelope.kid)
    message = _to_be_signed(protected, envelope.content_type, envelope.payload, origin)
    verify(envelope.algorithm, public_key, message, envelope.signature)


def _protected(algorithm: int, content_type: str, kid: bytes) -> bytes:
    header = {_ALGORITHM: algorithm, _CONTENT_TYPE: content_type, _KID: kid}
    return cbor.encode_checked(header, maps=True)


def _to_be_signed(protected: bytes, content_type: str, payload: bytes, origin: str) -> bytes:
    name = origin.encode()
    if not 0 < len(name) <= MAX_ORIGIN_BYTES or b"\0" in name:
        raise FormError("origin-malformed", f"{origin[:60]!r} is not the origin of a log")
    return cbor.encode(["Signature1", protected, content_type.encode() + b"\0" + name, payload])


def _read_protected(data: bytes) -> tuple[str, bytes, int]:
    header: Any = cbor.decode(data, limit=MAX_PROTECTED_BYTES, maps=True)
    if type(header) is not dict or set(header) != {_ALGORITHM, _CONTENT_TYPE, _KID}:
        raise _malformed("the protected header has exactly algorithm (1), content type (3) and kid (4)")
    algorithm, content_type, kid = header[_ALGORITHM], header[_CONTENT_TYPE], header[_KID]
    if type(algorithm) is not int or algorithm not in ALGORITHMS:
        raise FormError("envelope-algorithm", f"algorithm {str(algorithm)[:20]} is not one of ours",
                        hint="Ed25519 (-19) or ESP256 (-9)")
    if type(content_type) is not str or content_type not in CONTENT_TYPES:
        raise FormError("envelope-content-type", f"{str(content_type)[:60]!r} is not a content type of this log")
    if type(kid) is not bytes or len(kid) != 32:
        raise _malformed("a kid is the SHA-256 of a public key")
    return content_type, kid, algorithm


def _malformed(message: str) -> FormError:
    return FormError("envelope-malformed", message)
