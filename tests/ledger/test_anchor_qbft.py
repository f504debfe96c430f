"""QBFT headers: a quorum of the trusted validators sealed exactly this header, or it is refused."""

from __future__ import annotations

import copy
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import CarbonSealError, VerificationFailed
from core.ethereum import Account, keccak256
from ledger.anchor import qbft, rlp
from ledger.anchor.header import parse_header
from ledger.anchor.proof import verify_header

VECTORS = Path(__file__).resolve().parents[1] / "vectors" / "qbft"
VALIDATORS = ["0x3aa8d709f134a7e17ee4743cc68b392b0846f918", "0x78ce39630e6df9c1b10c7b78b610be122feca034",
              "0x9fe299011e99fbf03b653f362f9090142cc9111e", "0xb42f0ac19adfaf0045112cdae018992e41b5e61a"]


def load(number: int) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((VECTORS / f"qbft_round{number}.json").read_text())
    return document


@pytest.fixture(params=[0, 1], ids=["round 0", "round 1"])
def document(request: pytest.FixtureRequest) -> dict[str, Any]:
    return load(request.param)


def with_extra(document: dict[str, Any], *, seals: Any = None, **fields: Any) -> dict[str, Any]:
    items = rlp.decode_list(bytes.fromhex(document["extraData"][2:]))
    for place, name in enumerate(("vanity", "validators", "vote", "round", "seals")):
        items[place] = fields.get(name, items[place])
    if seals is not None:
        items[4] = seals(items[4])
    return {**document, "extraData": "0x" + rlp.encode(items).hex()}


def rehashed(document: dict[str, Any]) -> dict[str, Any]:
    """What a forger can do: the hash fits again, the seals do not."""
    return {**document, "hash": "0x" + qbft.block_hash(parse_header(document)).hex()}


def code(document: Any, validators: list[str] = VALIDATORS) -> str:
    with pytest.raises(CarbonSealError) as caught:
        qbft.verify_seals(document, validators)
    return caught.value.code


def test_a_sealed_header_is_accepted(document: dict[str, Any]) -> None:
    sealed = qbft.verify_seals(document, VALIDATORS)
    assert "0x" + sealed.hash.hex() == document["hash"]
    assert len(sealed.sealers) >= 3
    assert {sealer.lower() for sealer in sealed.sealers} <= set(VALIDATORS)


def test_block_hash_and_seal_hash_differ_when_the_round_is_not_0() -> None:
    zero, one = parse_header(load(0)), parse_header(load(1))
    assert qbft.block_hash(zero) == qbft.seal_hash(zero)
    assert qbft.block_hash(one) != qbft.seal_hash(one)
    assert qbft.parse_extra(one.extra_data).round == 1


def test_the_plain_header_hash_is_not_the_block_hash(document: dict[str, Any]) -> None:
    with pytest.raises(VerificationFailed, match="header-hash"):
        verify_header(document)


@pytest.mark.parametrize("field", ["parentHash", "stateRoot", "number", "timestamp", "gasLimit", "mixHash", "nonce",
                                   "miner", "logsBloom", "transactionsRoot", "receiptsRoot", "sha3Uncles"])
def test_a_changed_field_is_refused_even_under_a_new_hash(document: dict[str, Any], field: str) -> None:
    last = document[field][-1]
    changed = {**document, field: document[field][:-1] + ("1" if last != "1" else "2")}
    assert code(changed) == "header-hash"
    assert code(rehashed(changed)) in {"qbft-seal-foreign", "qbft-seal-malformed"}


def test_a_changed_round_keeps_the_block_hash_and_loses_the_seals() -> None:
    changed = with_extra(load(1), round=b"\2")
    assert qbft.block_hash(parse_header(changed)).hex() == load(1)["hash"][2:]
    assert code(changed) in {"qbft-seal-foreign", "qbft-seal-malformed"}


def test_fewer_than_two_thirds_is_no_quorum(document: dict[str, Any]) -> None:
    """F + 1, two of four, would satisfy GoQuorum itself."""
    assert code(with_extra(document, seals=lambda seals: seals[:2])) == "qbft-quorum"
    assert code(with_extra(document, seals=lambda seals: [])) == "qbft-quorum"


def test_a_seal_does_not_count_twice(document: dict[str, Any]) -> None:
    assert code(with_extra(document, seals=lambda seals: [*seals[:2], seals[0]])) == "qbft-seal-twice"


def test_a_strangers_seal_is_refused(document: dict[str, Any]) -> None:
    digest = qbft.seal_hash(parse_header(document))
    signature = Account(b"\1" * 32).sign_digest(digest)
    seal = signature[:64] + bytes([signature[64] - 27])
    assert code(with_extra(document, seals=lambda seals: [*seals, seal])) == "qbft-seal-foreign"


def test_a_set_that_is_not_trusted_is_refused_whatever_the_header_lists(document: dict[str, Any]) -> None:
    strangers = [Account(bytes([i]) * 32).address for i in range(1, 5)]
    assert code(document, strangers) == "qbft-seal-foreign"
    assert code(document, VALIDATORS[:1]) == "qbft-seal-foreign"
    assert code(document, []) in {"qbft-seal-foreign", "qbft-quorum"}


def test_a_greater_trusted_set_needs_more_seals(document: dict[str, Any]) -> None:
    more = [*VALIDATORS, *(Account(bytes([i]) * 32).address for i in range(1, 4))]
    assert code(document, more) == "qbft-quorum"


def test_seals_over_the_block_hash_of_round_1_are_no_seals() -> None:
    """The mistake that round 0 cannot show: sealing the block hash instead of the seal hash."""
    document = load(1)
    forged = Account(keccak256(b"validator"))
    signature = forged.sign_digest(qbft.block_hash(parse_header(document)))
    seal = signature[:64] + bytes([signature[64] - 27])
    assert code(with_extra(document, seals=lambda _: [seal]), [forged.address]) == "qbft-seal-foreign"


@pytest.mark.parametrize("spoil", [
    lambda seal: seal[:64], lambda seal: seal + b"\0", lambda seal: b"",
])
def test_a_seal_of_another_length_is_malformed(document: dict[str, Any], spoil: Any) -> None:
    assert code(with_extra(document, seals=lambda seals: [spoil(seals[0]), *seals[1:]])) == "qbft-extra-malformed"


@pytest.mark.parametrize("v", [2, 27, 28, 255])
def test_a_seal_ends_in_0_or_1(document: dict[str, Any], v: int) -> None:
    changed = with_extra(document, seals=lambda seals: [seals[0][:64] + bytes([v]), *seals[1:]])
    assert code(changed) == "qbft-seal-malformed"


def test_a_seal_that_recovers_to_nobody_is_malformed(document: dict[str, Any]) -> None:
    assert code(with_extra(document, seals=lambda seals: [bytes(65), *seals[1:]])) == "qbft-seal-malformed"


@pytest.mark.parametrize("fields", [
    {"vanity": b"short"}, {"validators": b""}, {"validators": [b"short"]}, {"round": b"\0"}, {"round": []},
    {"round": b"\1\1\1\1\1"}, {"seals": None}, {"seals": b"x"}, {"seals": [[b""]]},
])
def test_malformed_extra_data_is_refused(document: dict[str, Any], fields: dict[str, Any]) -> None:
    if fields == {"seals": None}:
        changed = {**document, "extraData": "0x" + rlp.encode([b"", b""]).hex()}
    elif "seals" in fields:
        changed = with_extra(document, seals=lambda _: fields["seals"])
    else:
        changed = with_extra(document, **fields)
    assert code(changed) == "qbft-extra-malformed"


def test_extra_data_that_is_no_list_is_refused(document: dict[str, Any]) -> None:
    for text in ("0x", "0x01", "0xc0", "0x" + "ff" * 40):
        assert code({**document, "extraData": text}) in {"rlp-malformed", "qbft-extra-malformed"}


def test_later_fields_of_besu_are_hashed_when_present(document: dict[str, Any]) -> None:
    with_base_fee = {**document, "baseFeePerGas": "0x0"}
    assert qbft.block_hash(parse_header(with_base_fee)) != qbft.block_hash(parse_header(document))
    assert code(with_base_fee) == "header-hash"


@pytest.mark.parametrize(("validators", "needed"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 4), (6, 4), (7, 5), (10, 7)])
def test_the_quorum_is_two_thirds_rounded_up(validators: int, needed: int) -> None:
    assert qbft.quorum(validators) == needed


@settings(max_examples=40, deadline=None)
@given(field=st.sampled_from(sorted(load(1))), value=st.one_of(st.none(), st.text(max_size=8), st.integers(),
                                                             st.binary(max_size=40).map(lambda b: "0x" + b.hex())))
def test_whatever_stands_in_a_field_no_foreign_error_leaves(field: str, value: Any) -> None:
    document = copy.deepcopy(load(1))
    document[field] = value
    with suppress(CarbonSealError):
        qbft.verify_seals(document, VALIDATORS)
