"""Signature verification in one acceptance profile, the same in every implementation.

Ed25519: canonical A and R, S < L, no point of small order, cofactorless. P-256: SHA-256, 64 bytes r ‖ s, s ≤ n/2.
Algorithms carry their COSE numbers (RFC 9864): Ed25519 is -19, ESP256 is -9.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import load_der_public_key

from core.errors import FormError, VerificationFailed

ED25519 = -19
ESP256 = -9
ALGORITHMS = {ED25519: "Ed25519", ESP256: "ESP256"}

SIGNATURE_BYTES = 64
MAX_KEY_BYTES = 256

_FIELD_PRIME = 2**255 - 19
_ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
# y coordinates of the eight points of small order (the curve's torsion subgroup).
_SMALL_ORDER_Y = frozenset({
    0,
    1,
    _FIELD_PRIME - 1,
    2707385501144840649318225287225658788936804267575313519463743609750303402022,
    55188659117513257062467267217118295137698188065244968500265048394206261417927,
})

PublicKey = ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey


def key_id(public_key: bytes) -> bytes:
    """The kid of a key: SHA-256 of its DER SubjectPublicKeyInfo."""
    return sha256(public_key).digest()


def algorithm_of(public_key: bytes) -> int:
    """The COSE algorithm a DER SubjectPublicKeyInfo is used with. Raises FormError for every other key."""
    return ED25519 if isinstance(load_public_key(public_key), ed25519.Ed25519PublicKey) else ESP256


@lru_cache(maxsize=4096)
def load_public_key(public_key: bytes) -> PublicKey:
    """The key of a DER SubjectPublicKeyInfo. Raises FormError unless Ed25519 (no small order) or P-256."""
    if len(public_key) > MAX_KEY_BYTES:
        raise FormError("key-malformed", f"a public key of {len(public_key)} bytes")
    try:
        key = load_der_public_key(public_key)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise FormError("key-malformed", f"not a public key in DER: {error}") from None
    if isinstance(key, ed25519.Ed25519PublicKey):
        _check_point(key.public_bytes_raw(), "key-weak")
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise FormError("key-unsupported", "only Ed25519 and P-256 keys sign evidence")


def verify(algorithm: int, public_key: bytes, message: bytes, signature: bytes) -> None:
    """Passes when the signature holds in our profile. `public_key`: DER SubjectPublicKeyInfo.

    Raises VerificationFailed (signature-…), FormError (key-…).
    """
    key = load_public_key(public_key)
    if algorithm not in ALGORITHMS:
        raise VerificationFailed("signature-algorithm", f"algorithm {algorithm} is not one of ours")
    if len(signature) != SIGNATURE_BYTES:
        raise VerificationFailed("signature-length", f"a signature of {len(signature)} bytes, 64 are needed")
    if isinstance(key, ed25519.Ed25519PublicKey) != (algorithm == ED25519):
        raise VerificationFailed("signature-algorithm", "the key does not belong to the algorithm named")
    try:
        if isinstance(key, ed25519.Ed25519PublicKey):
            _check_ed25519(signature)
            key.verify(signature, message)
        else:
            key.verify(_p256_der(signature), message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise VerificationFailed("signature-invalid", "the signature does not hold") from None


def _check_ed25519(signature: bytes) -> None:
    _check_point(signature[:32], "signature-not-canonical")
    if int.from_bytes(signature[32:], "little") >= _ED25519_ORDER:
        raise VerificationFailed("signature-not-canonical", "S is not below the group order")


def _check_point(encoded: bytes, code: str) -> None:
    y = int.from_bytes(encoded, "little") & (2**255 - 1)
    if y >= _FIELD_PRIME:
        raise VerificationFailed(code, "a curve point is not canonical")
    if y in _SMALL_ORDER_Y:
        raise VerificationFailed(code, "a curve point has small order")


def _p256_der(signature: bytes) -> bytes:
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if not (0 < r < _P256_ORDER and 0 < s <= _P256_ORDER // 2):
        raise VerificationFailed("signature-not-canonical", "r or s is out of range, or s is above n/2")
    return encode_dss_signature(r, s)


def p256_low_s(der_r: int, der_s: int) -> bytes:
    """The 64-byte low-S form of an ECDSA signature (r, s) on P-256."""
    return der_r.to_bytes(32, "big") + min(der_s, _P256_ORDER - der_s).to_bytes(32, "big")
