"""tlog-proof texts: written, read, verified; refused when anything in them is out of place."""

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_helpers import ORIGIN, naive_path, naive_root

from core.errors import CarbonSealError, FormError, VerificationFailed
from core.merkle import leaf_hash
from core.signer import KeySigner
from ledger import checkpoint as checkpoints
from ledger import proof
from ledger.checkpoint import WitnessPolicy

LOG = KeySigner.from_seed(b"\x01" * 32)
KEY = checkpoints.log_key(ORIGIN, LOG.public_key)
ENTRIES = [b"%d" % index for index in range(13)]
SIGNED = checkpoints.sign(LOG, ORIGIN, 13, naive_root(ENTRIES))
PATH = naive_path(5, ENTRIES)
TEXT = proof.write(5, PATH, SIGNED)


def test_the_text_is_that_of_the_standard() -> None:
    hashes = "".join(b64encode(item).decode() + "\n" for item in PATH)
    assert f"c2sp.org/tlog-proof@v1\nindex 5\n{hashes}\n".encode() + SIGNED.note == TEXT
    extra = proof.write(0, [], SIGNED, b"hello")
    assert extra.startswith(b"c2sp.org/tlog-proof@v1\nextra aGVsbG8=\nindex 0\n\n" + ORIGIN.encode())


@pytest.mark.parametrize("index", range(13))
def test_what_is_written_is_read_and_verified(index: int) -> None:
    parsed = proof.parse(proof.write(index, naive_path(index, ENTRIES), SIGNED, b"x" if index % 2 else None))
    assert (parsed.index, parsed.checkpoint, parsed.extra) == (index, SIGNED, b"x" if index % 2 else None)
    assert proof.verify(parsed, leaf_hash(ENTRIES[index]), KEY) == []


def test_a_one_leaf_log_has_an_empty_path() -> None:
    one = checkpoints.sign(LOG, ORIGIN, 1, leaf_hash(b"only"))
    proof.verify(proof.parse(proof.write(0, [], one)), leaf_hash(b"only"), KEY)


def test_another_leaf_index_or_checkpoint_fails() -> None:
    with pytest.raises(VerificationFailed, match="inclusion-root"):
        proof.verify(proof.parse(TEXT), leaf_hash(ENTRIES[4]), KEY)
    for index in (4, 7, 12, 13):
        with pytest.raises(VerificationFailed, match="inclusion-"):
            proof.verify(proof.parse(proof.write(index, PATH, SIGNED)), leaf_hash(ENTRIES[5]), KEY)
    earlier = checkpoints.sign(LOG, ORIGIN, 12, naive_root(ENTRIES[:12]))
    with pytest.raises(VerificationFailed, match="inclusion-"):
        proof.verify(proof.parse(proof.write(5, PATH, earlier)), leaf_hash(ENTRIES[5]), KEY)
    forged = checkpoints.sign(KeySigner.generate(), ORIGIN, 13, SIGNED.root)
    with pytest.raises(VerificationFailed, match="checkpoint-unsigned"):
        proof.verify(proof.parse(proof.write(5, PATH, forged)), leaf_hash(ENTRIES[5]), KEY)


def test_the_witness_policy_is_asked() -> None:
    witness = KeySigner.generate()
    policy = WitnessPolicy.parse(1, [checkpoints.witness_key("w.example", witness.public_key)])
    with pytest.raises(VerificationFailed, match="checkpoint-not-witnessed"):
        proof.verify(proof.parse(TEXT), leaf_hash(ENTRIES[5]), KEY, policy)
    seen = checkpoints.with_signatures(SIGNED, [checkpoints.cosign(SIGNED, witness, "w.example", 9_000)])
    [counted] = proof.verify(proof.parse(proof.write(5, PATH, seen)), leaf_hash(ENTRIES[5]), KEY, policy)
    assert counted.time == 9_000


HASH = b64encode(PATH[0])


@pytest.mark.parametrize("data", [
    b"", TEXT[1:], TEXT.replace(b"@v1", b"@v2"), TEXT.replace(b"index 5", b"index 05"),
    TEXT.replace(b"index 5", b"index +5"), TEXT.replace(b"index 5\n", b""), TEXT.replace(b"index 5", b"Index 5"),
    TEXT.replace(HASH, b64encode(bytes(31))), TEXT.replace(HASH, b64encode(bytes(33))),
    TEXT.replace(HASH, b64encode(bytes(64))), TEXT.replace(HASH, b"garbage"), TEXT.replace(HASH + b"\n", b"\n"),
    TEXT.replace(b"index", b"extra \nindex"), TEXT.replace(b"index", b"extra aGVsbG8=\nextra aGVsbG8=\nindex"),
    TEXT.replace(b"\n\n" + ORIGIN.encode(), b"\n" + ORIGIN.encode()), TEXT[:-1], TEXT + b"x",
    proof.write(5, [bytes(32)] * 65, SIGNED), proof.write(5, PATH, SIGNED, bytes(proof.MAX_EXTRA_BYTES + 1)),
    bytes(proof.MAX_PROOF_BYTES + 1), TEXT.replace(b"index 5", "index ５".encode()),
])
def test_a_malformed_proof_is_refused(data: bytes) -> None:
    with pytest.raises(FormError):
        proof.parse(data)


def test_the_longest_path_and_the_largest_extra_are_read() -> None:
    assert len(proof.parse(proof.write(5, [bytes(32)] * 64, SIGNED)).path) == 64
    assert proof.parse(proof.write(5, PATH, SIGNED, bytes(proof.MAX_EXTRA_BYTES))).extra == bytes(proof.MAX_EXTRA_BYTES)


@given(st.integers(0, len(TEXT) - 1), st.integers(0, 7))
def test_no_flipped_bit_passes(at: int, bit: int) -> None:
    data = bytearray(TEXT)
    data[at] ^= 1 << bit
    with pytest.raises(CarbonSealError):
        proof.verify(proof.parse(bytes(data)), leaf_hash(ENTRIES[5]), KEY)
