"""What the chain's storage says reaches a verdict only through proven slots, under a header that somebody sealed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from verify_forging import world
from verify_trie import Trie, chain_evidence, word
from verify_world import CHAIN_ID, CHAIN_TIME, CONTRACTS, VALIDATORS, Lies, World, altered

from core import jcs
from core.errors import CarbonSealError, VerificationFailed
from core.ethereum import keccak256
from ledger.anchor import rlp
from ledger.anchor.evidence import read_storage
from ledger.anchor.layout import PieceStatus, certificate_slots, piece_id, piece_slots
from ledger.anchor.proof import trie_value
from verify.chainstate import ProvenWords, status_slots, validators_for
from verify.parse_documents import STATUSES
from verify.statement import parse_statement
from verify.trust import ChainTrust, ValidatorSet
from verify.verifier import verify

ADDRESSES = tuple(account.address for account in VALIDATORS)


@given(st.dictionaries(st.binary(min_size=1, max_size=8), st.binary(min_size=1, max_size=40), max_size=40),
       st.binary(min_size=1, max_size=8))
def test_the_tests_own_trie_is_one_the_verifier_reads(entries: dict[bytes, bytes], other: bytes) -> None:
    trie = Trie(entries)
    for key in [*entries, other]:
        assert trie_value(trie.root, keccak256(key), trie.prove(key)) == entries.get(key)


def proof(**changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {"chain_id": CHAIN_ID, "contract": CONTRACTS[1], "storage": {1: 11, 2: 0, 9: 2**255},
                              "slots": [1, 2, 9], "number": 7, "time": CHAIN_TIME, "validators": VALIDATORS}
    return chain_evidence(**(fields | changes))


def words(document: dict[str, Any], validators: tuple[str, ...] | None = ADDRESSES) -> ProvenWords:
    return ProvenWords(read_storage(document, chain_id=CHAIN_ID, contract=CONTRACTS[1], validators=validators))


def test_a_piece_s_status_is_spelled_as_files_spell_it() -> None:
    labels = [status.label for status in PieceStatus]
    assert labels == ["live", "retired", "split"]
    assert set(labels) <= set(STATUSES)


def test_proven_words_are_read_and_an_absent_one_is_zero() -> None:
    found = words(proof())
    assert {slot: found[slot] for slot in found} == {1: 11, 2: 0, 9: 2**255}
    assert len(found) == 3


def test_a_slot_that_is_not_proven_has_no_word() -> None:
    with pytest.raises(VerificationFailed, match="slot-not-proven"):
        words(proof())[3]


def test_a_slot_under_another_s_proof_is_refused() -> None:
    document = proof()
    one, two = (f"0x{word(slot).hex()}" for slot in (1, 9))
    document["storage"][one] = document["storage"][two]
    with pytest.raises(VerificationFailed, match="trie-"):
        words(document)


@pytest.mark.parametrize(("seals", "accepted"), [(4, True), (3, True), (2, False), (1, False), (0, False)])
def test_two_thirds_of_the_trusted_validators_seal(seals: int, accepted: bool) -> None:
    document = proof(seals=seals)
    if accepted:
        words(document)
        return
    with pytest.raises(VerificationFailed, match="qbft-quorum"):
        words(document)


def test_the_header_s_own_list_of_validators_vouches_for_nothing() -> None:
    with pytest.raises(VerificationFailed, match="qbft-seal-foreign"):
        words(proof(listed=VALIDATORS), ("0x" + "0" * 40,))


def test_a_development_block_is_read_only_where_no_validators_are_trusted() -> None:
    document = proof(validators=())
    assert words(document, None)[1] == 11
    with pytest.raises(CarbonSealError, match=r"qbft-|rlp-"):
        words(document)


@pytest.mark.parametrize(("sets", "expected"), [
    ((), None), ((ValidatorSet(7, None, ADDRESSES),), ADDRESSES),
    ((ValidatorSet(0, 6, ("old",)), ValidatorSet(7, 7, ("new",))), ("new",))])
def test_the_set_of_a_block_is_the_one_pinned_for_its_number(
        sets: tuple[ValidatorSet, ...], expected: tuple[str, ...] | None) -> None:
    assert validators_for(proof(), ChainTrust(CHAIN_ID, *CONTRACTS, sets)) == expected


def test_a_block_for_which_no_set_is_pinned_proves_nothing() -> None:
    with pytest.raises(VerificationFailed, match="validators-unpinned"):
        validators_for(proof(), ChainTrust(CHAIN_ID, *CONTRACTS, (ValidatorSet(0, 6, ADDRESSES),)))


def test_a_status_proves_every_slot_the_certificate_needs() -> None:
    made = world()
    document = parse_statement(made.statement_payload)
    digest = bytes(32)
    slots = status_slots(document, digest, 0, 5)
    assert slots == sorted(set(slots))
    assert set(certificate_slots(digest)) | set(piece_slots(piece_id(digest, 0, 5))) < set(slots)
    assert len(slots) == 7 + 4 + 3 + 1 + 3 + 2


@pytest.mark.parametrize("index", range(20))
def test_no_slot_of_a_status_can_be_left_out(index: int) -> None:
    made = world()
    document = made.status()
    slots = sorted(document["storage"])
    del document["storage"][slots[index]]
    report = verify(altered(made.file("public"), {"status.json": jcs.canonical(document)}), made.trust())
    assert report.steps[9].code == "slot-not-proven"


def test_a_debt_of_the_claim_point_is_said() -> None:
    made = World(Lies(debt=3))
    report = verify(made.file("public"), made.trust())
    assert report.valid
    assert "debt" in report.notices
    assert "debt" not in verify(world().file("public"), world().trust()).notices


@pytest.mark.parametrize("lies", [
    {"mark": {"holes": 10, "position": 10**9}}, {"mark": {"org": 5}}, {"mark": {"opening": 8_000_000}},
    {"certificate": {"holder": 5}}, {"certificate": {"kind": 2}}, {"certificate": {"verifier": 5}},
    {"certificate": {"subject": 5}}, {"certificate": {"claim": 5}}, {"certificate": {"key": 5}}])
def test_each_word_of_a_certificate_is_compared(lies: dict[str, Any]) -> None:
    made = World(Lies(**lies))
    assert verify(made.file("public"), made.trust()).steps[9].code in ("mark-mismatch", "certificate-fields")


def test_a_mark_may_have_gone_on_since() -> None:
    span = world().result.intervals[0]
    length = span.end - span.start
    made = World(Lies(mark={"position": span.end + 5_000_000, "live": length + 5_000_000}))
    assert verify(made.file("public"), made.trust()).valid


def test_words_are_encoded_as_the_chain_does() -> None:
    assert rlp.encode(rlp.scalar(0)) == b"\x80"
    assert word(1) == bytes(31) + b"\x01"
