"""Wycheproof, and the acceptance profile that is ours: canonical A and R, S < L, no small order; P-256 low-S."""

import json
from collections import Counter
from pathlib import Path

import pytest

from core import signatures
from core.errors import CarbonSealError, FormError, VerificationFailed
from core.signatures import ED25519, ESP256
from core.signer import KeySigner

FOLDER = Path(__file__).parent.parent / "vectors" / "wycheproof"
ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
PREFIX = bytes.fromhex("302a300506032b6570032100")
MESSAGE = b"one signed reading"


def holds(algorithm: int, key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        signatures.verify(algorithm, key, message, signature)
    except CarbonSealError:
        return False
    return True


def vectors(name: str) -> list[tuple[bytes, dict[str, str]]]:
    groups = json.loads((FOLDER / name).read_text())["testGroups"]
    return [(bytes.fromhex(group["publicKeyDer"]), test) for group in groups for test in group["tests"]]


def test_every_ed25519_verdict_is_wycheproofs() -> None:
    cases = vectors("ed25519_test.json")
    verdicts = [(test, holds(ED25519, key, bytes.fromhex(test["msg"]), bytes.fromhex(test["sig"])))
                for key, test in cases]
    wrong = [test["tcId"] for test, verdict in verdicts if verdict != (test["result"] == "valid")]
    assert (len(cases), wrong) == (151, [])


def test_every_p256_verdict_is_wycheproofs_but_for_the_seventy_with_high_s() -> None:
    cases = vectors("ecdsa_secp256r1_sha256_p1363_test.json")
    outcomes: Counter[str] = Counter()
    for key, test in cases:
        signature, valid = bytes.fromhex(test["sig"]), test["result"] == "valid"
        got = holds(ESP256, key, bytes.fromhex(test["msg"]), signature)
        high = valid and int.from_bytes(signature[32:], "big") > P256_ORDER // 2
        outcomes["high-s" if high else "valid" if valid else "invalid"] += 1
        assert got == (valid and not high), test["tcId"]
    assert outcomes == {"high-s": 70, "valid": 103, "invalid": 89}


@pytest.fixture(params=[ED25519, ESP256], ids=["Ed25519", "ESP256"])
def signer(request: pytest.FixtureRequest) -> KeySigner:
    return KeySigner.generate(request.param)


def test_an_own_signature_holds_for_its_message_and_key_only(signer: KeySigner) -> None:
    signature = signer.sign(MESSAGE)
    signatures.verify(signer.algorithm, signer.public_key, MESSAGE, signature)
    assert not holds(signer.algorithm, signer.public_key, MESSAGE + b".", signature)
    assert not holds(signer.algorithm, KeySigner.generate(signer.algorithm).public_key, MESSAGE, signature)


def test_no_flipped_bit_of_a_signature_holds(signer: KeySigner) -> None:
    signature = signer.sign(MESSAGE)
    for bit in range(0, 512, 3):
        changed = bytearray(signature)
        changed[bit // 8] ^= 1 << bit % 8
        assert not holds(signer.algorithm, signer.public_key, MESSAGE, bytes(changed))


@pytest.mark.parametrize("length", [0, 1, 32, 63, 65, 72, 128])
def test_only_64_bytes_are_a_signature(signer: KeySigner, length: int) -> None:
    padded = (signer.sign(MESSAGE) + bytes(64))[:length]
    with pytest.raises(VerificationFailed, match="signature-length"):
        signatures.verify(signer.algorithm, signer.public_key, MESSAGE, padded)


@pytest.mark.parametrize("algorithm", [0, -7, -8, -44, 1, 2**31])
def test_an_algorithm_that_is_not_ours_is_refused(signer: KeySigner, algorithm: int) -> None:
    with pytest.raises(VerificationFailed, match="signature-algorithm"):
        signatures.verify(algorithm, signer.public_key, MESSAGE, signer.sign(MESSAGE))


def test_a_key_is_not_used_with_the_other_algorithm(signer: KeySigner) -> None:
    other = ESP256 if signer.algorithm == ED25519 else ED25519
    with pytest.raises(VerificationFailed, match="signature-algorithm"):
        signatures.verify(other, signer.public_key, MESSAGE, signer.sign(MESSAGE))


def test_ed25519_s_plus_the_order_is_refused() -> None:
    signer = KeySigner.from_seed(b"\x05" * 32)
    signature = signer.sign(MESSAGE)
    s = int.from_bytes(signature[32:], "little") + ED25519_ORDER
    with pytest.raises(VerificationFailed, match="signature-not-canonical"):
        signatures.verify(ED25519, signer.public_key, MESSAGE, signature[:32] + s.to_bytes(32, "little"))


def test_p256_r_and_n_minus_s_is_refused_though_the_equation_holds() -> None:
    signer = KeySigner.generate(ESP256)
    signature = signer.sign(MESSAGE)
    s = P256_ORDER - int.from_bytes(signature[32:], "big")
    with pytest.raises(VerificationFailed, match="signature-not-canonical"):
        signatures.verify(ESP256, signer.public_key, MESSAGE, signature[:32] + s.to_bytes(32, "big"))


@pytest.mark.parametrize(("r", "s"), [(0, 1), (1, 0), (0, 0), (P256_ORDER, 1), (1, P256_ORDER), (P256_ORDER + 1, 1),
                                      (2**256 - 1, 1)])
def test_p256_values_out_of_range_are_refused(r: int, s: int) -> None:
    with pytest.raises(VerificationFailed, match="signature-not-canonical"):
        signatures.verify(ESP256, KeySigner.generate(ESP256).public_key, MESSAGE,
                          r.to_bytes(32, "big") + s.to_bytes(32, "big"))


def test_the_listed_points_of_order_eight_lie_on_the_curve_where_they_must() -> None:
    """Twice such a point has y = 0, so d·y⁴ + 2·y² = 1."""
    prime = 2**255 - 19
    d = -121665 * pow(121666, -1, prime) % prime
    for point in SMALL_ORDER[4:]:
        y = int.from_bytes(point, "little")
        assert (d * y**4 + 2 * y**2) % prime == 1


SMALL_ORDER = [bytes(32), b"\x01" + bytes(31), b"\xec" + b"\xff" * 30 + b"\x7f", bytes(31) + b"\x80",
               bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
               bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")]


@pytest.mark.parametrize("point", SMALL_ORDER, ids=lambda point: point.hex()[:8])
def test_a_point_of_small_order_is_neither_key_nor_r(point: bytes) -> None:
    with pytest.raises(VerificationFailed, match="key-weak"):
        signatures.load_public_key(PREFIX + point)
    signer = KeySigner.from_seed(b"\x06" * 32)
    with pytest.raises(VerificationFailed, match="signature-not-canonical"):
        signatures.verify(ED25519, signer.public_key, MESSAGE, point + bytes(32))


@pytest.mark.parametrize("y", [2**255 - 19, 2**255 - 18, 2**255 - 1])
def test_a_point_that_is_not_reduced_is_refused(y: int) -> None:
    point = y.to_bytes(32, "little")
    with pytest.raises(VerificationFailed, match="key-weak"):
        signatures.load_public_key(PREFIX + point)
    with pytest.raises(VerificationFailed, match="signature-not-canonical"):
        signatures.verify(ED25519, KeySigner.from_seed(b"\x06" * 32).public_key, MESSAGE, point + bytes(32))


@pytest.mark.parametrize("key", [b"", b"\x30", PREFIX, PREFIX + bytes(31), bytes(257), b"0" * 91])
def test_what_is_no_key_is_refused(key: bytes) -> None:
    with pytest.raises(FormError, match="key-malformed"):
        signatures.load_public_key(key)
