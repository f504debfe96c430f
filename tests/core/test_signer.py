"""Keys sign in our profile, stay in files of their owner, and are never overwritten."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import CarbonSealError, FormError, InputError
from core.signatures import ED25519, ESP256, algorithm_of, key_id, verify
from core.signer import KeySigner, load_signer, write_secret

KEYS = [KeySigner.generate(ED25519), KeySigner.generate(ESP256)]
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@pytest.mark.parametrize("signer", KEYS)
def test_a_signature_holds_for_its_message_and_key_only(signer: KeySigner) -> None:
    signature = signer.sign(b"message")
    verify(signer.algorithm, signer.public_key, b"message", signature)
    for algorithm, key, message in ((signer.algorithm, signer.public_key, b"other"),
                                    (signer.algorithm, KeySigner.generate(signer.algorithm).public_key, b"message"),
                                    (ED25519 + ESP256 - signer.algorithm, signer.public_key, b"message")):
        with pytest.raises(CarbonSealError, match="signature-"):
            verify(algorithm, key, message, signature)


@settings(max_examples=40)
@given(st.binary(max_size=64))
def test_p256_signatures_have_a_low_s(message: bytes) -> None:
    signature = KEYS[1].sign(message)
    assert len(signature) == 64
    assert int.from_bytes(signature[32:], "big") <= P256_ORDER // 2


@pytest.mark.parametrize("signer", KEYS)
def test_the_kid_is_the_hash_of_the_public_key(signer: KeySigner) -> None:
    assert signer.kid == key_id(signer.public_key)
    assert algorithm_of(signer.public_key) == signer.algorithm


def test_a_seed_makes_the_same_key_each_time() -> None:
    assert KeySigner.from_seed(b"\x01" * 32).public_key == KeySigner.from_seed(b"\x01" * 32).public_key
    assert KeySigner.from_seed(b"\x01" * 32).kid != KeySigner.from_seed(b"\x02" * 32).kid


@pytest.mark.parametrize("signer", KEYS)
def test_a_key_file_is_its_owners_and_never_overwritten(signer: KeySigner, tmp_path: Path) -> None:
    path = tmp_path / "keys" / "gateway.pem"
    signer.save(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_signer(path).public_key == signer.public_key
    before = path.read_bytes()
    with pytest.raises(InputError, match="key-file-exists"):
        KeySigner.generate().save(path)
    assert path.read_bytes() == before


def test_a_missing_key_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="key-file-missing"):
        load_signer(tmp_path / "none.pem")


@pytest.mark.parametrize("content", [
    b"", b"not a key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_file_that_is_no_key_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key.pem").write_bytes(content)
    with pytest.raises(FormError, match="key-malformed"):
        load_signer(tmp_path / "key.pem")


@pytest.mark.parametrize("key", [
    ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(public_exponent=65537, key_size=2048)])
def test_other_kinds_of_keys_sign_no_evidence(tmp_path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_secret(tmp_path / "key.pem", pem)
    with pytest.raises(FormError, match="key-unsupported"):
        load_signer(tmp_path / "key.pem")
