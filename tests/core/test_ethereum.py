"""What wallets and contracts agree on: keccak, EIP-55 addresses, EIP-712 hashes, one form of signature."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import CarbonSealError, FormError, InputError, VerificationFailed
from core.ethereum import (
    Account,
    Domain,
    Fields,
    Value,
    checksum_address,
    hash_struct,
    keccak256,
    load_account,
    parse_address,
    recover,
)

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
DIGEST = keccak256(b"what is signed")
# The addresses and the example of EIP-55 and EIP-712 themselves.
EIP_55 = ["0x52908400098527886E0F7030069857D2E4169EE7", "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
          "0xde709f2102306220921060314715629080e2fb77", "0x27b1fdb04752bbc536007a920d24acb045561c26",
          "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
          "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB", "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb"]
PERSON: Fields = (("string", "name"), ("address", "wallet"))
COW = "0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826"
BOB = "0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB"
MAIL = Domain("Ether Mail", "1", 1, "0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC")

accounts = st.integers(1, ORDER - 1).map(lambda number: Account(number.to_bytes(32, "big")))


@pytest.mark.parametrize(("data", "digest"), [
    (b"", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
    (b"abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45")])
def test_keccak_is_that_of_the_chain_and_not_sha_3(data: bytes, digest: str) -> None:
    assert keccak256(data).hex() == digest


@pytest.mark.parametrize("address", EIP_55)
def test_an_address_has_the_checksum_of_the_standard(address: str) -> None:
    assert checksum_address(parse_address(address)) == address
    assert checksum_address(parse_address(address.lower())) == address


@pytest.mark.parametrize("text", [
    "", "0x", COW[2:], "0X" + COW[2:], COW[:-1], COW + "00", COW[:-1] + "g", " " + COW, COW.replace("CD", "cD", 1),
    COW.upper().replace("0X", "0x"), "0x" + "é" * 20])
def test_what_is_no_address_is_refused_and_a_wrong_checksum_too(text: str) -> None:
    with pytest.raises(FormError, match="address-malformed") as refusal:
        parse_address(text, where="claim.holder")
    assert refusal.value.where == "claim.holder"


def test_the_example_of_the_standard_is_hashed_as_there() -> None:
    assert hash_struct("Person", PERSON, {"name": "Cow", "wallet": COW}).hex() == (
        "fc71e5fa27ff56c350aa531bc129ebdf613b772b6604664f5d8dbe21b85eb0c8")
    assert hash_struct("Person", PERSON, {"name": "Bob", "wallet": BOB}).hex() == (
        "cd54f074a4af31b4411ff6a60c9719dbd559c221c8ac3492d9d872b041d703d1")
    assert MAIL.separator().hex() == "f2cee375fa42b42143804025fc449deafd50cc031ca257e0b194a650a912090f"
    assert Account(keccak256(b"cow")).address == COW


@pytest.mark.parametrize("other", [
    Domain("Ether Mail", "1", 2, MAIL.contract), Domain("Ether Mail", "2", 1, MAIL.contract),
    Domain("Mail", "1", 1, MAIL.contract), Domain("Ether Mail", "1", 1, COW)])
def test_what_is_signed_for_one_domain_is_not_signed_for_another(other: Domain) -> None:
    assert other.digest(DIGEST) != MAIL.digest(DIGEST)


@pytest.mark.parametrize(("kind", "value"), [
    ("uint8", 256), ("uint8", -1), ("uint64", 1 << 64), ("uint256", "1"), ("bytes32", bytes(31)),
    ("bytes32", "00" * 32), ("string", b"text"), ("address", bytes(20)), ("int8", 1), ("bytes", b"")])
def test_a_value_that_does_not_fit_its_solidity_type_is_refused(kind: str, value: Value) -> None:
    with pytest.raises(FormError, match="eip712-value"):
        hash_struct("T", ((kind, "x"),), {"x": value})


@pytest.mark.parametrize(("kind", "value"), [
    ("uint8", 255), ("uint64", (1 << 64) - 1), ("uint256", (1 << 256) - 1), ("bytes32", bytes(32)), ("string", "")])
def test_the_greatest_value_of_a_type_fits(kind: str, value: Value) -> None:
    values: Mapping[str, Value] = {"x": value}
    assert len(hash_struct("T", ((kind, "x"),), values)) == 32


def test_the_name_of_a_struct_and_of_its_fields_are_part_of_its_hash() -> None:
    one = hash_struct("Claim", (("uint8", "kind"),), {"kind": 1})
    assert hash_struct("Opinion", (("uint8", "kind"),), {"kind": 1}) != one
    assert hash_struct("Claim", (("uint8", "status"),), {"status": 1}) != one
    assert hash_struct("Claim", (("uint16", "kind"),), {"kind": 1}) != one


@given(accounts, st.binary(min_size=32, max_size=32))
def test_the_account_that_signed_is_recovered(account: Account, digest: bytes) -> None:
    signature = account.sign_digest(digest)
    assert recover(digest, signature) == account.address
    assert int.from_bytes(signature[32:64], "big") <= ORDER // 2
    assert account.sign_digest(digest) == signature


def test_a_signature_of_another_digest_is_another_account_s() -> None:
    account = Account.generate()
    signature = account.sign_digest(DIGEST)
    assert recover(keccak256(b"another"), signature) != account.address


@pytest.mark.parametrize("spoil", [
    lambda s: s[:64], lambda s: s + b"\0", lambda s: s[:64] + b"\0", lambda s: s[:64] + b"\x1d", lambda s: b"",
    lambda s: s[:32] + bytes(32) + s[64:],
    lambda s: s[:32] + (ORDER - int.from_bytes(s[32:64], "big")).to_bytes(32, "big") + bytes([55 - s[64]]),
    lambda s: s[:32] + (ORDER // 2 + 1).to_bytes(32, "big") + s[64:]])
def test_a_signature_has_one_form(spoil: object) -> None:
    signature = Account.generate().sign_digest(DIGEST)
    with pytest.raises(VerificationFailed, match="eip712-signature-form"):
        recover(DIGEST, spoil(signature))  # type: ignore[operator]


def test_numbers_that_are_no_point_belong_to_nobody() -> None:
    with pytest.raises(VerificationFailed, match="eip712-signature-invalid"):
        recover(DIGEST, bytes(31) + b"\x05" + bytes(31) + b"\x01" + b"\x1b")


@given(st.binary(min_size=65, max_size=65))
def test_noise_never_escapes_as_a_foreign_exception(noise: bytes) -> None:
    try:
        address = recover(DIGEST, noise)
    except CarbonSealError:
        return
    assert parse_address(address)


def test_a_key_file_is_its_owner_s_alone_and_never_overwritten(tmp_path: Path) -> None:
    account, path = Account.generate(), tmp_path / "keys" / "account"
    account.save(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_account(path).address == account.address
    with pytest.raises(InputError, match="key-file-exists"):
        Account.generate().save(path)
    assert load_account(path).address == account.address


@pytest.mark.parametrize("content", [b"", b"00" * 32, b"ff" * 32, b"12" * 31, b"not hex", b"\xff\xfe", b"12" * 33])
def test_what_is_no_key_is_said_with_its_file(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    with pytest.raises(FormError, match="key-malformed") as refusal:
        load_account(path)
    assert refusal.value.where == str(path)
    assert content.hex() not in str(refusal.value) or not content


def test_a_key_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="key-file-missing"):
        load_account(tmp_path / "nowhere")
