"""Evidence from a chain that was written here, byte by byte: what is read of it offline, and what every change does."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trie_helpers import Trie

from core.errors import CarbonSealError, FormError, VerificationFailed
from core.ethereum import checksum_address, keccak256
from core.ids import chain_id_of
from core.period import MAX_INSTANT
from ledger.anchor import layout, rlp
from ledger.anchor.evidence import MAX_SLOTS, AnchorFact, read_anchor, read_storage
from ledger.anchor.header import MAX_EXTRA_DATA, Header, claimed_hash, header_fields, parse_header
from ledger.anchor.layout import CertificateStatus, PieceStatus
from ledger.anchor.proof import verify_header

CHAIN, CONTRACT, ORIGIN = 31337, "0x" + "c0" * 20, "carbon.example/lanhe"
TIME = 1_767_225_600
LENGTHS = {"parentHash": 32, "sha3Uncles": 32, "miner": 20, "stateRoot": 32, "transactionsRoot": 32,
           "receiptsRoot": 32, "logsBloom": 256, "mixHash": 32, "nonce": 8}
NUMBERS = ("difficulty", "number", "gasLimit", "gasUsed", "timestamp")


def header(state_root: bytes = bytes(32), **changes: Any) -> dict[str, Any]:
    """A header as a node writes it, under the hash that it has."""
    fields: dict[str, Any] = {name: "0x" + "00" * size for name, size in LENGTHS.items()}
    fields |= {"difficulty": "0x0", "number": "0x7", "gasLimit": "0x1c9c380", "gasUsed": "0x0", "timestamp": hex(TIME),
               "extraData": "0x", "stateRoot": "0x" + state_root.hex(), "hash": "0x" + "00" * 32} | changes
    fields = {name: value for name, value in fields.items() if value is not None}
    try:
        return {**fields, "hash": "0x" + parse_header(fields).hash.hex()}
    except FormError:
        return fields


def evidence(words: dict[int, int], asked: list[int]) -> dict[str, Any]:
    """What a node would answer about these slots of a contract whose storage is `words`."""
    stored = Trie({keccak256(slot.to_bytes(32, "big")): rlp.encode(rlp.scalar(word))
                   for slot, word in words.items() if word})
    key = keccak256(bytes.fromhex(CONTRACT[2:]))
    state = Trie({key: rlp.encode([b"\1", b"", stored.root, bytes(32)]), keccak256(b"another"): b"\1" * 40})
    return {"chain_id": str(CHAIN), "contract": checksum_address(bytes.fromhex(CONTRACT[2:])),
            "header": header(state.root), "account_proof": ["0x" + node.hex() for node in state.prove(key)],
            "storage": {f"0x{slot:064x}": ["0x" + node.hex() for node in stored.prove(
                keccak256(slot.to_bytes(32, "big")))] for slot in asked}}


def read(document: object, **expected: Any) -> Any:
    return read_storage(document, **{"chain_id": CHAIN, "contract": CONTRACT, "validators": None} | expected)


def code(document: object, **expected: Any) -> str:
    with pytest.raises(CarbonSealError) as caught:
        read(document, **expected)
    return caught.value.code


words = st.dictionaries(st.integers(0, 2**256 - 1), st.integers(0, 2**256 - 1), max_size=12)


@settings(max_examples=40, deadline=None)
@given(words, st.lists(st.integers(0, 2**256 - 1), max_size=3))
def test_every_word_of_a_contract_is_read_and_an_absent_one_is_zero(content: dict[int, int], absent: list[int]) -> None:
    asked = [*content, *absent]
    fact = read(evidence(content, asked))
    assert {slot: fact.word(slot) for slot in asked} == {slot: content.get(slot, 0) for slot in asked}
    assert (fact.chain_id, fact.contract, fact.sealers) == (CHAIN, CONTRACT, ())
    assert fact.block_hash == fact.header.hash
    assert fact.header.timestamp == TIME * 1000


def test_a_slot_that_was_not_asked_for_is_not_proven() -> None:
    fact = read(evidence({1: 5}, [1]))
    with pytest.raises(VerificationFailed) as caught:
        fact.word(2)
    assert caught.value.code == "slot-not-proven"


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_changed_bit_anywhere_in_the_proofs_is_refused(data: st.DataObject) -> None:
    document = evidence({slot: slot + 1 for slot in range(40)}, [3, 39, 77])
    nodes = data.draw(st.sampled_from([document["account_proof"], *document["storage"].values()]))
    at = data.draw(st.integers(0, len(nodes) - 1))
    raw = bytearray.fromhex(nodes[at][2:])
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    nodes[at] = "0x" + raw.hex()
    assert code(document) == "trie-node-hash"


@pytest.mark.parametrize("name", [*LENGTHS, *NUMBERS, "extraData"])
def test_no_field_of_a_header_can_be_changed_under_its_hash(name: str) -> None:
    document = evidence({1: 5}, [1])
    document["header"][name] = {"extraData": "0x01", **dict.fromkeys(NUMBERS, "0x99")}.get(
        name, "0x" + "11" * LENGTHS.get(name, 0))
    assert code(document) == "header-hash"


@pytest.mark.parametrize(("expected", "said"), [
    ({"chain_id": 1}, "chain-foreign"), ({"chain_id": 313370}, "chain-foreign"),
    ({"contract": "0x" + "c1" * 20}, "contract-foreign"), ({"validators": []}, "rlp-malformed")])
def test_evidence_of_another_chain_contract_or_consensus_is_refused(expected: dict[str, Any], said: str) -> None:
    document = evidence({1: 5}, [1])
    assert read(document).word(1) == 5
    assert code(document, **expected) == said


def test_a_contract_that_the_document_only_names_is_not_proven() -> None:
    """The address leads the way in the state: another one under the same header has no account there."""
    document = evidence({1: 5}, [1])
    other = "0x" + "c1" * 20
    document["contract"] = other
    assert code(document, contract=other) in ("account-absent", "trie-node-unused", "trie-node-missing")


def test_an_address_is_one_address_however_its_letters_are_written() -> None:
    document = evidence({1: 5}, [1])
    for spelled in (CONTRACT, checksum_address(bytes.fromhex(CONTRACT[2:]))):
        document["contract"] = spelled
        assert read(document, contract=CONTRACT).word(1) == 5


@pytest.mark.parametrize("name", ["chain_id", "contract", "header", "account_proof", "storage"])
def test_evidence_has_exactly_its_members(name: str) -> None:
    document = evidence({1: 5}, [1])
    assert code({key: value for key, value in document.items() if key != name}) == "chain-evidence-malformed"
    assert code({**document, "more": ""}) == "chain-evidence-malformed"


@pytest.mark.parametrize("document", [None, [], "0x", 7, {}])
def test_what_is_no_object_is_no_evidence(document: object) -> None:
    assert code(document) == "chain-evidence-malformed"


@pytest.mark.parametrize(("name", "value", "said"), [
    ("contract", 7, "chain-evidence-malformed"), ("contract", None, "chain-evidence-malformed"),
    ("storage", [], "chain-evidence-malformed"), ("storage", None, "chain-evidence-malformed"),
    ("account_proof", None, "chain-evidence-malformed"), ("account_proof", "0x00", "chain-evidence-malformed"),
    ("account_proof", [7], "chain-evidence-malformed"), ("account_proof", ["00"], "chain-evidence-malformed"),
    ("account_proof", ["0x0"], "chain-evidence-malformed"), ("account_proof", ["0xAB"], "chain-evidence-malformed"),
    ("account_proof", [], "trie-node-missing"), ("header", [], "header-malformed"),
    ("header", None, "header-malformed"), ("chain_id", None, "chain-foreign"),
    ("chain_id", CHAIN, "chain-foreign"), ("chain_id", f" {CHAIN}", "chain-foreign")])
def test_a_member_of_another_form_is_refused(name: str, value: object, said: str) -> None:
    assert code({**evidence({1: 5}, [1]), name: value}) == said


@pytest.mark.parametrize("key", ["0x" + "0" * 63, "0x" + "0" * 65, "0X" + "0" * 64, "0x" + "A" * 64, "1", ""])
def test_a_slot_is_32_bytes_of_lower_case_hex(key: str) -> None:
    document = evidence({1: 5}, [1])
    document["storage"] = {key: next(iter(document["storage"].values()))}
    assert code(document) == "chain-evidence-malformed"


def test_more_slots_than_a_certificate_can_need_are_not_read() -> None:
    document = evidence({1: 5}, [1])
    [proof] = document["storage"].values()
    document["storage"] = {f"0x{slot:064x}": proof for slot in range(MAX_SLOTS + 1)}
    assert code(document) == "chain-evidence-malformed"
    del document["storage"][f"0x{0:064x}"]
    assert [read(document).word(slot) for slot in (1, 2, MAX_SLOTS)] == [5, 0, 0]


# anchors

@pytest.mark.parametrize("size", [1, 2**63 - 1])
def test_an_anchored_root_is_read_with_its_time(size: int) -> None:
    root, time = b"\x21" * 32, TIME * 1000
    slots = layout.anchor_slots(ORIGIN, size)
    document = evidence({slots[0]: int.from_bytes(root, "big"), slots[1]: time}, slots)
    fact = read_anchor(document, ORIGIN, size, chain_id=CHAIN, contract=CONTRACT, validators=None)
    assert isinstance(fact, AnchorFact)
    assert (fact.root, fact.time) == (root, time)
    for origin, other in ((ORIGIN, size - 1), (ORIGIN + "x", size)):
        with pytest.raises(VerificationFailed, match="slot-not-proven"):
            read_anchor(document, origin, other, chain_id=CHAIN, contract=CONTRACT, validators=None)


def test_a_size_that_was_never_anchored_is_proven_absent() -> None:
    slots = layout.anchor_slots(ORIGIN, 9)
    with pytest.raises(VerificationFailed, match="anchor-absent"):
        read_anchor(evidence({1: 5}, slots), ORIGIN, 9, chain_id=CHAIN, contract=CONTRACT, validators=None)


# headers

@pytest.mark.parametrize(("name", "value", "read"), [
    *[(name, "0x" + "00" * (size + more), more == 0) for name, size in LENGTHS.items() for more in (-1, 0, 1)],
    *[(name, value, value in ("0x0", "0xa")) for name in NUMBERS
      for value in ("0x0", "0xa", "0x", "0x00", "0x0a", "a", "10", "-0x1", "0xg", 10)],
    ("number", "0x" + "f" * 16, True), ("number", "0x1" + "0" * 16, False),
    ("difficulty", "0x" + "f" * 64, True), ("difficulty", "0x1" + "0" * 64, False),
    ("timestamp", hex(MAX_INSTANT // 1000), True), ("timestamp", hex(MAX_INSTANT // 1000 + 1), False),
    ("extraData", "0x", True), ("extraData", "0x0", False), ("extraData", "0x" + "ab" * MAX_EXTRA_DATA, True),
    ("extraData", "0x" + "ab" * (MAX_EXTRA_DATA + 1), False), ("extraData", 7, False), ("extraData", "ab", False),
    ("baseFeePerGas", "0x7", True), ("baseFeePerGas", "0x07", False), ("withdrawalsRoot", "0x" + "00" * 32, True),
    ("withdrawalsRoot", "0x" + "00" * 31, False), ("requestsHash", "0x" + "00" * 33, False)])
def test_a_field_of_a_header_has_its_length_and_its_shortest_form(name: str, value: object, read: bool) -> None:
    document = header(**{name: value})
    if read:
        assert verify_header(document).items[-1] is not None
    else:
        with pytest.raises(FormError) as caught:
            parse_header(document)
        assert caught.value.code == "header-malformed"


@pytest.mark.parametrize("name", [*LENGTHS, *NUMBERS, "extraData"])
def test_a_header_lacks_no_field(name: str) -> None:
    with pytest.raises(FormError, match="header-malformed"):
        parse_header(header(**{name: None}))


@pytest.mark.parametrize("document", [None, [], "0x", 7])
def test_what_is_no_object_is_no_header(document: object) -> None:
    for reader in (parse_header, claimed_hash):
        with pytest.raises(FormError, match="header-malformed"):
            reader(document)


@pytest.mark.parametrize("value", [None, "0x" + "00" * 31, "0x" + "00" * 33, "00" * 32])
def test_a_header_names_its_hash(value: object) -> None:
    with pytest.raises(FormError, match="header-malformed"):
        claimed_hash({**header(), "hash": value})


def test_of_a_nodes_answer_only_what_is_hashed_is_kept() -> None:
    answer = {**header(baseFeePerGas="0x0"), "size": "0x220", "transactions": [], "uncles": [], "withdrawals": None}
    kept = header_fields(answer)
    assert set(kept) == {*LENGTHS, *NUMBERS, "extraData", "hash", "baseFeePerGas"}
    assert parse_header(kept) == parse_header(answer)


def test_other_extra_data_is_another_header_and_none_the_same() -> None:
    plain: Header = parse_header(header())
    assert plain.encoded() == plain.encoded(plain.extra_data) != plain.encoded(b"x")
    assert keccak256(plain.encoded()) == plain.hash


# states, as the contracts pack them

def packed(*parts: tuple[int, int]) -> int:
    """One word of (value, bytes) parts, the first in the lowest bytes, as Solidity packs a struct."""
    word, at = 0, 0
    for value, size in parts:
        assert 0 <= value < 1 << 8 * size
        word |= value << 8 * at
        at += size
    assert at <= 32
    return word


amounts = st.integers(0, 2**64 - 1)
addresses = st.binary(min_size=20, max_size=20)
hashes = st.binary(min_size=32, max_size=32)


def integer(value: bytes) -> int:
    return int.from_bytes(value, "big")


@given(st.lists(hashes, min_size=6, max_size=6), addresses, st.integers(0, 255), st.sampled_from(CertificateStatus),
       st.lists(amounts, min_size=5, max_size=5))
def test_a_certificate_is_read_as_it_is_packed(
        values: list[bytes], holder: bytes, kind: int, status: CertificateStatus, numbers: list[int]) -> None:
    digest, *others = values
    words = [*map(integer, others), packed((integer(holder), 20), (kind, 1), (status, 1), (numbers[0], 8)),
             packed(*[(number, 8) for number in numbers[1:]])]
    state = layout.decode_certificate(digest, dict(zip(layout.certificate_slots(digest), words, strict=True)))
    assert state is not None
    assert [state.claim_hash, state.exclusivity_key, state.subject, state.verifier] == others[:4]
    assert state.superseded_by == (others[4] if integer(others[4]) else None)
    assert (state.holder, state.kind, state.status) == (checksum_address(holder), kind, status)
    assert [state.issued_at, state.amount, state.first, state.moved, state.short] == numbers


@given(hashes, addresses, addresses, st.sampled_from(PieceStatus), st.booleans(), amounts, amounts, hashes)
def test_a_piece_is_read_as_it_is_packed(digest: bytes, owner: bytes, pledgee: bytes, status: PieceStatus, moved: bool,
                                         start: int, end: int, retirement: bytes) -> None:
    piece = layout.piece_id(digest, start, end)
    words = [integer(digest), packed((integer(owner), 20), (status, 1), (moved, 1), (start, 8)),
             packed((end, 8), (integer(pledgee), 20)), integer(retirement)]
    state = layout.decode_piece(piece, dict(zip(layout.piece_slots(piece), words, strict=True)))
    assert state is not None
    assert state.id == piece
    assert (state.start, state.end, state.moved, state.status) == (start, end, moved, status)
    assert state.pledgee == (checksum_address(pledgee) if integer(pledgee) else None)
    assert state.retirement == (retirement if integer(retirement) else None)


@pytest.mark.parametrize("status", [0, 4, 255])
def test_a_status_that_no_contract_gives_is_no_certificate_and_no_piece(status: int) -> None:
    digest = bytes(32)
    word = packed((1, 20), (1, 1), (status, 1))
    slots = layout.certificate_slots(digest)
    assert layout.decode_certificate(digest, {**dict.fromkeys(slots, 1), slots[5]: word}) is None
    slots = layout.piece_slots(1)
    assert layout.decode_piece(1, {**dict.fromkeys(slots, 1), slots[1]: packed((1, 20), (status, 1))}) is None


@given(st.lists(st.integers(0, 2**32), min_size=3, max_size=3), st.integers(0, 2**32), st.integers(-1, 1))
def test_a_mark_is_conserved_when_what_was_gained_is_live_retired_or_a_hole(
        counted: list[int], opening: int, error: int) -> None:
    live, retired, holes = counted
    position = opening + sum(counted) + error
    if position < 0:
        return
    words = dict(zip(layout.mark_slots("m:pv"), [
        7, packed((1, 1), (opening, 8), (position, 8), (5, 8)),
        packed((9, 8), (live, 8), (retired, 8), (holes, 8))], strict=True))
    state = layout.decode_mark("m:pv", words)
    assert state is not None
    assert (state.opening, state.position, state.capacity, state.first_reading) == (opening, position, 5, 9)
    assert (state.live, state.retired, state.holes) == (live, retired, holes)
    assert state.conserved is (error == 0)


def test_a_mark_without_a_kind_is_none() -> None:
    assert layout.decode_mark("m:pv", dict.fromkeys(layout.mark_slots("m:pv"), 0)) is None


@pytest.mark.parametrize(("asked", "there", "read"), [(0, 0, 0), (1, 0, 0), (2, 1, 1), (2, 2, 2), (1, 2, 1)])
def test_no_interval_is_read_beyond_those_a_certificate_has(asked: int, there: int, read: int) -> None:
    digest = b"\x05" * 32
    head, *body = layout.spent_slots(digest, asked)
    words = {head: there}
    for number in range(asked):
        words[body[2 * number]] = integer(chain_id_of("m:pv"))
        words[body[2 * number + 1]] = packed((number, 8), (number + 1, 8), (3, 8), (2, 8))
    spent = layout.decode_spent(digest, asked, words)
    assert [(item.start, item.end, item.weight, item.left) for item in spent] == [
        (number, number + 1, 3, 2) for number in range(read)]


def test_no_two_facts_share_a_slot() -> None:
    """Each mapping has its own slots: a certificate's digest, a piece's id and a mark's name lead apart."""
    digest = chain_id_of("m:pv")
    anchors = [*layout.anchor_slots("m:pv", 1), *layout.anchor_slots("m:pv", 2)]  # of a contract of their own
    assert len(set(anchors)) == 4
    spans = [layout.certificate_slots(digest), layout.piece_slots(integer(digest)), layout.mark_slots("m:pv"),
             layout.spent_slots(digest, 3), [layout.live_slot(digest), layout.reference_slot("m:pv")],
             [layout.hole_slot("m:pv", 1), layout.hole_slot("m:pv", 2)],
             [layout.debt_slot("m:pv", 1), layout.debt_slot("m:pv", 2)]]
    slots = [slot for span in spans for slot in span]
    assert len(set(slots)) == len(slots)


@given(st.text(max_size=20), st.text(max_size=20), amounts, amounts)
def test_a_use_has_one_digest_and_texts_do_not_run_into_one_another(one: str, two: str, start: int, end: int) -> None:
    digest = layout.retirement_digest(one, two, start, end)
    others = [layout.retirement_digest(one + "x", two, start, end),
              layout.retirement_digest(one, "x" + two, start, end)]
    others += [layout.retirement_digest(one, two, end, start)] if start != end else []
    others += [layout.retirement_digest(two, one, start, end)] if one != two else []
    assert digest not in others
