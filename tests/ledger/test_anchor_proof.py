"""Merkle-Patricia proofs against a naive trie built here, and RLP against its definition."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trie_helpers import Trie

from core.errors import CarbonSealError, FormError, VerificationFailed
from core.ethereum import keccak256
from ledger.anchor import rlp
from ledger.anchor.proof import EMPTY_TRIE, trie_value, verify_account, verify_storage

ADDRESS = "0x00000000000000000000000000000000000000aa"


def hashed(number: int) -> bytes:
    return keccak256(number.to_bytes(32, "big"))


contents = st.dictionaries(st.integers(0, 400), st.binary(min_size=1, max_size=60), max_size=60)


@settings(max_examples=60, deadline=None)
@given(content=contents, asked=st.integers(0, 400))
def test_presence_and_absence_are_proven_for_any_content(content: dict[int, bytes], asked: int) -> None:
    trie = Trie({hashed(key): value for key, value in content.items()})
    assert trie_value(trie.root, hashed(asked), trie.prove(hashed(asked))) == content.get(asked)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), size=st.integers(2, 60))
def test_a_proof_with_any_byte_changed_is_refused(data: st.DataObject, size: int) -> None:
    trie = Trie({hashed(key): bytes([key + 1]) * 33 for key in range(size)})
    asked = data.draw(st.integers(0, size - 1))
    proof = trie.prove(hashed(asked))
    node = data.draw(st.integers(0, len(proof) - 1))
    byte = data.draw(st.integers(0, len(proof[node]) - 1))
    proof[node] = proof[node][:byte] + bytes([proof[node][byte] ^ 1]) + proof[node][byte + 1 :]
    with pytest.raises(CarbonSealError):
        trie_value(trie.root, hashed(asked), proof)


def sample() -> tuple[Trie, list[bytes]]:
    trie = Trie({hashed(key): bytes([key + 1]) * 33 for key in range(50)})
    return trie, trie.prove(hashed(7))


def test_a_proof_cut_short_is_refused() -> None:
    trie, proof = sample()
    for short in (proof[:-1], []):
        with pytest.raises(VerificationFailed, match="trie-node-missing"):
            trie_value(trie.root, hashed(7), short)


def test_a_node_too_many_is_refused() -> None:
    trie, proof = sample()
    with pytest.raises(VerificationFailed, match="trie-node-unused"):
        trie_value(trie.root, hashed(7), [*proof, proof[0]])


def test_another_root_is_refused() -> None:
    _, proof = sample()
    with pytest.raises(VerificationFailed, match="trie-node-hash"):
        trie_value(bytes(32), hashed(7), proof)


def test_the_proof_of_one_key_does_not_prove_another() -> None:
    trie, proof = sample()
    with pytest.raises(VerificationFailed):
        trie_value(trie.root, hashed(8), proof)


def test_an_empty_trie_holds_nothing() -> None:
    assert trie_value(EMPTY_TRIE, hashed(1), []) is None
    assert trie_value(EMPTY_TRIE, hashed(1), [b"\x80"]) is None
    assert Trie({}).root == EMPTY_TRIE
    assert EMPTY_TRIE.hex() == "56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"


@pytest.mark.parametrize("node", [[b""] * 3, [b"", b""], [[], b""], [b"\x40", b""], [b"\x05", b""], [b"\x00", [b"x"]],
                                  [[b"x"], *[b""] * 16]])
def test_a_malformed_node_is_refused(node: Any) -> None:
    encoded = rlp.encode(node)
    with pytest.raises(CarbonSealError):
        trie_value(keccak256(encoded), b"\0" * 32, [encoded])


def test_an_oversized_proof_is_refused_before_it_is_read() -> None:
    for proof in ([b"x"] * 66, [bytes(1025)]):
        with pytest.raises(FormError, match="trie-malformed"):
            trie_value(bytes(32), hashed(1), proof)


def storage_of(words: dict[int, bytes]) -> Trie:
    return Trie({hashed(slot): word for slot, word in words.items()})


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.integers(0, 2**256 - 1), st.integers(1, 2**256 - 1), min_size=1, max_size=20))
def test_storage_words_are_read_at_their_slots(words: dict[int, int]) -> None:
    trie = storage_of({slot: rlp.encode(rlp.scalar(word)) for slot, word in words.items()})
    for slot, word in words.items():
        assert verify_storage(trie.root, slot, trie.prove(hashed(slot))) == word


def test_a_slot_proven_absent_is_zero() -> None:
    trie = storage_of({slot: rlp.encode(b"\1") for slot in range(20)})
    assert verify_storage(trie.root, 99, trie.prove(hashed(99))) == 0


@pytest.mark.parametrize("word", [b"\0", b"\0\1", bytes(33), [b"\1"]])
def test_a_word_not_in_its_shortest_form_is_refused(word: Any) -> None:
    trie = storage_of({1: rlp.encode(word), 2: b"\1"})
    with pytest.raises(FormError):
        verify_storage(trie.root, 1, trie.prove(hashed(1)))


def account_trie(fields: Any) -> tuple[Trie, list[bytes]]:
    key = keccak256(bytes.fromhex(ADDRESS[2:]))
    trie = Trie({key: rlp.encode(fields), hashed(1): b"\1" * 40})
    return trie, trie.prove(key)


def test_an_account_is_read_from_the_state() -> None:
    trie, proof = account_trie([b"\5", b"\1\0", b"s" * 32, b"c" * 32])
    state = verify_account(trie.root, ADDRESS, proof)
    assert (state.nonce, state.balance, state.storage_root, state.code_hash) == (5, 256, b"s" * 32, b"c" * 32)


def test_an_absent_account_is_refused() -> None:
    trie = Trie({hashed(1): b"\1" * 40, hashed(2): b"\1" * 40})
    with pytest.raises(VerificationFailed, match="account-absent"):
        verify_account(trie.root, ADDRESS, trie.prove(keccak256(bytes.fromhex(ADDRESS[2:]))))


@pytest.mark.parametrize("fields", [[b"", b"", b"s" * 32], [b"", b"", b"s" * 31, b"c" * 32], [b"", b"", [], b"c" * 32],
                                    b"not a list"])
def test_a_malformed_account_is_refused(fields: Any) -> None:
    trie, proof = account_trie(fields)
    with pytest.raises(FormError):
        verify_account(trie.root, ADDRESS, proof)


# --- RLP ---

items = st.recursive(st.binary(max_size=80), lambda inner: st.lists(inner, max_size=6), max_leaves=30)


@given(items)
def test_rlp_reads_back_what_it_wrote(item: Any) -> None:
    if depth(item) <= rlp.MAX_DEPTH:
        assert rlp.decode(rlp.encode(item)) == item
    else:
        with pytest.raises(FormError, match="nested deeper"):
            rlp.decode(rlp.encode(item))


def depth(item: Any) -> int:
    return 0 if isinstance(item, bytes) else 1 + max(map(depth, item), default=0)


@given(st.binary(max_size=80))
def test_rlp_is_refused_or_canonical(data: bytes) -> None:
    try:
        item = rlp.decode(data)
    except FormError:
        return
    assert rlp.encode(item) == data


@pytest.mark.parametrize(("item", "text"), [
    (b"dog", "83646f67"), ([b"cat", b"dog"], "c88363617483646f67"), (b"", "80"), ([], "c0"), (b"\0", "00"),
    (b"\x0f", "0f"), (b"\x04\0", "820400"), ([[], [[]], [[], [[]]]], "c7c0c1c0c3c0c1c0"),
    (b"Lorem ipsum dolor sit amet, consectetur adipisicing elit",
     "b8384c6f72656d20697073756d20646f6c6f722073697420616d65742c20636f6e7365637465747572206164697069736963696e67"
     "20656c6974"),
])
def test_rlp_of_the_yellow_paper_examples(item: Any, text: str) -> None:
    assert rlp.encode(item).hex() == text
    assert rlp.decode(bytes.fromhex(text)) == item


@pytest.mark.parametrize("text", ["", "8100", "817f", "b800", "b80100", "b90038" + "00" * 56, "83646f", "c883636174",
                                  "c0c0", "00" * 2, "f800", "bf" + "ff" * 8, "c1" * 10 + "c0"])
def test_rlp_that_is_not_canonical_is_refused(text: str) -> None:
    with pytest.raises(FormError, match="rlp-malformed"):
        rlp.decode(bytes.fromhex(text))


def test_rlp_beyond_the_limit_is_refused_unread() -> None:
    with pytest.raises(FormError, match="rlp-malformed"):
        rlp.decode(bytes(rlp.MAX_BYTES + 1))
    with pytest.raises(FormError, match="rlp-malformed"):
        rlp.decode_list(b"\x80")


@pytest.mark.parametrize(("value", "text"), [(0, ""), (1, "01"), (127, "7f"), (128, "80"), (256, "0100")])
def test_a_scalar_has_no_leading_zeros(value: int, text: str) -> None:
    assert rlp.scalar(value).hex() == text
