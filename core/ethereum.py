"""What the chain's signatures need, without a chain client: keccak-256, addresses, EIP-712 digests, secp256k1."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from coincurve import PrivateKey, PublicKey
from Crypto.Hash import keccak

from core.errors import FormError, InputError, VerificationFailed
from core.signer import write_secret

Value = int | str | bytes
Fields = Sequence[tuple[str, str]]

_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def keccak256(data: bytes) -> bytes:
    """Keccak-256 as Ethereum uses it (not SHA3-256)."""
    return keccak.new(digest_bits=256, data=data).digest()


@lru_cache(maxsize=4096)  # the same few accounts are spelled again and again in one verification
def checksum_address(address: bytes) -> str:
    """EIP-55 text of a 20-byte address."""
    text = address.hex()
    mask = keccak256(text.encode()).hex()
    return "0x" + "".join(c.upper() if int(m, 16) >= 8 else c for c, m in zip(text, mask, strict=False))


def parse_address(text: str, *, where: str = "") -> bytes:
    """The 20 bytes of a "0x…" address; mixed case must carry a right EIP-55 checksum.

    Raises FormError (address-malformed).
    """
    try:
        raw = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        raw = b""
    if len(raw) != 20 or not text.startswith("0x") or text not in (checksum_address(raw), text.lower()):
        raise FormError("address-malformed", f"{text[:60]!r} is not an account address", where=where)
    return raw


class Account:
    """A secp256k1 key: signs EIP-712 digests and chain transactions."""

    def __init__(self, secret: bytes) -> None:
        self._key = PrivateKey(secret)
        self.secret = secret
        self.address = checksum_address(_address(self._key.public_key))

    @classmethod
    def generate(cls) -> Account:
        """A fresh account."""
        return cls(secrets.token_bytes(32))

    def sign_digest(self, digest: bytes) -> bytes:
        """65 bytes r ‖ s ‖ v (v 27 or 28, low s) over a 32-byte digest."""
        signature = self._key.sign_recoverable(digest, hasher=None)
        return signature[:64] + bytes([signature[64] + 27])

    def save(self, path: Path) -> None:
        """Write the key as one line of hex, mode 0600; never over an existing file."""
        write_secret(path, self.secret.hex().encode() + b"\n")


def load_account(path: Path) -> Account:
    """The account of a key file. Raises InputError (key-file-missing), FormError (key-malformed)."""
    try:
        text = path.read_text(encoding="ascii").strip()
        if len(text) != 64:
            raise ValueError("a shorter key would be filled up with zeros")
        return Account(bytes.fromhex(text))
    except OSError as error:
        raise InputError("key-file-missing", f"cannot read the key: {error.strerror}", where=str(path)) from None
    except (ValueError, UnicodeDecodeError):
        raise FormError("key-malformed", "not one line of 64 hex digits", where=str(path)) from None


def recover(digest: bytes, signature: bytes) -> str:
    """The EIP-55 address that signed the 32-byte digest; `signature` is r ‖ s ‖ v, 65 bytes.

    Raises VerificationFailed: eip712-signature-form (malformed, or malleated to a high s), eip712-signature-invalid.
    """
    if len(signature) != 65 or signature[64] not in (27, 28):
        raise VerificationFailed("eip712-signature-form", "an account signature has 65 bytes and ends in 27 or 28")
    if not 0 < int.from_bytes(signature[32:64], "big") <= _ORDER // 2:
        raise VerificationFailed("eip712-signature-form", "s is above n/2")
    try:
        key = PublicKey.from_signature_and_message(signature[:64] + bytes([signature[64] - 27]), digest, hasher=None)
    except Exception:  # noqa: BLE001  the library raises bare Exception
        raise VerificationFailed("eip712-signature-invalid", "no key fits the signature") from None
    return checksum_address(_address(key))


def _address(key: PublicKey) -> bytes:
    return keccak256(key.format(compressed=False)[1:])[-20:]


@dataclass(frozen=True)
class Domain:
    """EIP-712 domain of one deployed contract."""

    name: str
    version: str
    chain_id: int
    contract: str

    def separator(self) -> bytes:
        """hashStruct(EIP712Domain)."""
        fields = [("string", "name"), ("string", "version"), ("uint256", "chainId"), ("address", "verifyingContract")]
        return hash_struct("EIP712Domain", fields, {
            "name": self.name, "version": self.version, "chainId": self.chain_id, "verifyingContract": self.contract})

    def digest(self, struct_hash: bytes) -> bytes:
        """keccak256(0x1901 ‖ separator ‖ hashStruct), what an account signs."""
        return keccak256(b"\x19\x01" + self.separator() + struct_hash)


def hash_struct(name: str, fields: Fields, values: Mapping[str, Value]) -> bytes:
    """hashStruct of EIP-712 for flat structs. `fields`: (solidity type, name) in order."""
    type_text = f"{name}({','.join(f'{kind} {field}' for kind, field in fields)})"
    words = [keccak256(type_text.encode())] + [_word(kind, values[field]) for kind, field in fields]
    return keccak256(b"".join(words))


def _word(kind: str, value: Value) -> bytes:
    if kind == "string" and isinstance(value, str):
        return keccak256(value.encode())
    if kind == "address" and isinstance(value, str):
        return parse_address(value).rjust(32, b"\0")
    if kind == "bytes32" and isinstance(value, bytes) and len(value) == 32:
        return value
    if kind.startswith("uint") and isinstance(value, int) and 0 <= value < 1 << int(kind[4:]):
        return value.to_bytes(32, "big")
    raise FormError("eip712-value", f"{value!r} is not a {kind}")
