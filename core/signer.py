"""Who signs: a Signer hides where the private key lives. FileSigner keeps it in a PEM file of mode 0600."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from core.errors import FormError, InputError
from core.signatures import ED25519, ESP256, key_id, p256_low_s

PrivateKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey


class Signer(Protocol):
    """Signs with one key. `sign` may block (an HSM) and may be called from several threads."""

    @property
    def algorithm(self) -> int:
        """COSE algorithm: ED25519 or ESP256."""

    @property
    def public_key(self) -> bytes:
        """DER SubjectPublicKeyInfo."""

    @property
    def kid(self) -> bytes:
        """SHA-256 of `public_key`."""

    def sign(self, message: bytes) -> bytes:
        """64 bytes in the profile of `core.signatures`."""


class KeySigner:
    """A key held in memory."""

    def __init__(self, key: PrivateKey) -> None:
        self._key = key
        self.algorithm = ED25519 if isinstance(key, ed25519.Ed25519PrivateKey) else ESP256
        self.public_key = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.kid = key_id(self.public_key)

    @classmethod
    def generate(cls, algorithm: int = ED25519) -> KeySigner:
        """A fresh key."""
        return cls(ed25519.Ed25519PrivateKey.generate() if algorithm == ED25519
                   else ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def from_seed(cls, seed: bytes) -> KeySigner:
        """The Ed25519 key of a 32-byte seed."""
        return cls(ed25519.Ed25519PrivateKey.from_private_bytes(seed))

    def sign(self, message: bytes) -> bytes:
        """See Signer.sign."""
        if isinstance(self._key, ed25519.Ed25519PrivateKey):
            return self._key.sign(message)
        return p256_low_s(*decode_dss_signature(self._key.sign(message, ec.ECDSA(hashes.SHA256()))))

    def save(self, path: Path) -> None:
        """Write the key as PKCS#8 PEM, readable by its owner only. An existing file is never overwritten."""
        pem = self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        write_secret(path, pem)


def load_signer(path: Path) -> KeySigner:
    """The signer of a PKCS#8 PEM file. Raises InputError (key-file-missing), FormError (key-malformed)."""
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise InputError("key-file-missing", f"cannot read the key: {error.strerror}", where=str(path)) from None
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise FormError("key-malformed", f"not a private key in PEM: {error}", where=str(path)) from None
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return KeySigner(key)
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return KeySigner(key)
    raise FormError("key-unsupported", "only Ed25519 and P-256 keys sign evidence", where=str(path))


def write_secret(path: Path, content: bytes) -> None:
    """Create a file of mode 0600 with this content; an existing file is an InputError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise InputError("key-file-exists", "the file exists already and is not overwritten", where=str(path)) from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
