"""What a wallet signs and the contract checks, against hashes computed by the letter of EIP-712 and of the spec."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from core_helpers import CLAIM, DOMAIN, ENTERPRISE, PERIOD, VERIFIER, signed_claim, signed_opinion
from Crypto.Hash import keccak

from core import jcs
from core.claims import chain_claim, claim_payload, claim_signer, claim_signing_digest, parse_claim
from core.errors import FormError
from core.opinions import chain_opinion, opinion_payload, opinion_signer, parse_opinion
from core.records import (
    ANCHOR_FIELDS,
    CLAIM_FIELDS,
    OPINION_FIELDS,
    Conclusion,
    Interval,
    Kind,
    MarkKind,
    external_refs_hash,
    intervals_hash,
)

CLAIM_TYPE = (
    "Claim(string origin,uint8 kind,bytes32 subjectOrg,address holder,bytes32 methodologyDigest,"
    "bytes32 exclusivityKey,uint64 periodStart,uint64 periodEnd,bytes32 intervalsHash,bytes32 externalRefsHash,"
    "bytes32 documentDigest)")
OPINION_TYPE = (
    "Opinion(bytes32 payloadDigest,bytes32 leafHash,bytes32 claimHash,bytes32 exclusivityKey,bytes32 manifestHash,"
    "string origin,uint8 kind,bytes32 subjectOrg,address holder,uint256 amount,string unit,uint64 periodStart,"
    "uint64 periodEnd,bytes32 intervalsHash,bytes32 externalRefsHash,uint8 conclusion,uint64 validUntil,"
    "bytes32 documentDigest)")
DOMAIN_TYPE = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
ANCHOR_TYPE = "Anchor(string origin,uint64 size,bytes32 root)"


def hashed(data: bytes) -> bytes:
    return keccak.new(digest_bits=256, data=data).digest()


def word(value: Any) -> bytes:
    """A value as 32 bytes: text by its hash, an address or number with zeros before it."""
    if isinstance(value, int):
        return value.to_bytes(32, "big")
    if isinstance(value, str) and value.startswith("0x"):
        return bytes.fromhex(value[2:]).rjust(32, b"\0")
    return hashed(value.encode()) if isinstance(value, str) else bytes(value)


def struct(type_text: str, values: Sequence[Any]) -> bytes:
    return hashed(hashed(type_text.encode()) + b"".join(map(word, values)))


def sha(data: bytes | str) -> bytes:
    return sha256(data.encode() if isinstance(data, str) else data).digest()


def unsigned(document: dict[str, Any]) -> bytes:
    return sha(jcs.canonical({name: value for name, value in document.items() if name != "signature"}))


def test_the_struct_of_a_claim_is_that_of_the_specification() -> None:
    span = sha("cp:lanhe-pv") + (5_000_000).to_bytes(8, "big") + (17_000_000).to_bytes(8, "big")
    key = sha(b'["org:lanhe-energy","' + "屋顶光伏一期".encode() + b'","green-power.pv","2026-11-15T16:00:00.000Z",'
              b'"2026-12-15T16:00:00.000Z"]')
    assert CLAIM.exclusivity_key == key
    assert chain_claim(CLAIM).struct_hash() == struct(CLAIM_TYPE, [
        "log.example/park", 3, sha("org:lanhe-energy"), ENTERPRISE.address, sha("rules"), key, PERIOD.start, PERIOD.end,
        sha(span), sha(sha("gec:2026-320100-00017")), unsigned(CLAIM.as_json())])


def test_the_struct_of_an_opinion_is_that_of_the_specification() -> None:
    document = signed_opinion()
    claim = chain_claim(CLAIM)
    assert chain_opinion(document).struct_hash() == struct(OPINION_TYPE, [
        sha("statement"), sha("leaf"), sha("claim"), CLAIM.exclusivity_key, sha("manifest"), "log.example/park", 3,
        sha("org:lanhe-energy"), ENTERPRISE.address, 12, "MWh", PERIOD.start, PERIOD.end, claim.intervalsHash,
        claim.externalRefsHash, 2, PERIOD.end + 2, unsigned(document.as_json())])


def test_what_is_signed_is_the_struct_in_the_contract_s_domain() -> None:
    separator = struct(DOMAIN_TYPE, ["CarbonSeal", "1", 31337, DOMAIN.contract])
    assert claim_signing_digest(CLAIM) == hashed(b"\x19\x01" + separator + chain_claim(CLAIM).struct_hash())


@pytest.mark.parametrize(("name", "fields", "text"), [
    ("Claim", CLAIM_FIELDS, CLAIM_TYPE), ("Opinion", OPINION_FIELDS, OPINION_TYPE),
    ("Anchor", ANCHOR_FIELDS, ANCHOR_TYPE)])
def test_field_lists_spell_the_types_that_the_contracts_hash(name: str, fields: Any, text: str) -> None:
    assert f"{name}({','.join(' '.join(field) for field in fields)})" == text


@pytest.mark.parametrize("struct_of", [chain_claim(CLAIM), chain_opinion(signed_opinion())])
def test_a_struct_hands_its_values_over_by_the_names_of_its_fields(struct_of: Any) -> None:
    fields = CLAIM_FIELDS if type(struct_of).__name__ == "ChainClaim" else OPINION_FIELDS
    assert list(struct_of.values()) == [name for _, name in fields]


def test_signed_documents_come_back_from_their_payloads_with_their_signers() -> None:
    claim, opinion = signed_claim(), signed_opinion()
    assert parse_claim(claim_payload(claim)) == claim
    assert parse_opinion(opinion_payload(opinion)) == opinion
    assert (claim_signer(claim), opinion_signer(opinion)) == (ENTERPRISE.address, VERIFIER.address)


@pytest.mark.parametrize("changes", [
    {"intervals": ()}, {"external_refs": ("gec:B", "gec:A")}, {"boundary": " "},
    {"holder": ENTERPRISE.address.lower()}])
def test_a_claim_that_nobody_could_read_is_not_written(changes: dict[str, Any]) -> None:
    with pytest.raises(FormError):
        claim_payload(replace(signed_claim(), **changes))


@pytest.mark.parametrize("changes", [
    {"amount": 2**96}, {"criteria": ()}, {"unit": "kWh"}, {"valid_until": PERIOD.end + 1}, {"visit": "by post"}])
def test_an_opinion_that_nobody_could_read_is_not_written(changes: dict[str, Any]) -> None:
    with pytest.raises(FormError):
        opinion_payload(replace(signed_opinion(), **changes))


@pytest.mark.parametrize("conclusion", [Conclusion.UNMODIFIED, Conclusion.MODIFIED])
def test_no_conclusion_that_issues_stands_beside_an_uncorrected_material_finding(conclusion: Conclusion) -> None:
    finding = replace(signed_opinion().findings[0], state="uncorrected")
    with pytest.raises(FormError, match="opinion-findings"):
        opinion_payload(signed_opinion(conclusion=conclusion, findings=(finding,)))
    for state, material in (("uncorrected", False), ("corrected", True), ("withdrawn", True)):
        other = replace(finding, state=state, material=material)
        assert opinion_payload(signed_opinion(conclusion=conclusion, findings=(other,)))
    for refusing in (Conclusion.ADVERSE, Conclusion.DISCLAIMED):
        assert opinion_payload(signed_opinion(conclusion=refusing, findings=(finding,)))


def test_marks_and_references_that_join_to_one_text_have_different_hashes() -> None:
    assert intervals_hash([Interval("m:12", 3, 4)]) != intervals_hash([Interval("m:1", 23, 4 + 20)])
    assert external_refs_hash(["gec:1", "gec:2"]) != external_refs_hash(["gec:1gec:2"])
    assert external_refs_hash(["gec:1", "gec:2"]) != external_refs_hash(["gec:2", "gec:1"])
    assert intervals_hash([]) == external_refs_hash([]) == sha(b"")


@pytest.mark.parametrize(("start", "end"), [(0, 0), (5, 5), (6, 5), (-1, 5), (0, 2**64)])
def test_an_interval_holds_at_least_one_position_that_fits_the_chain(start: int, end: int) -> None:
    with pytest.raises(FormError, match="interval-empty"):
        Interval("cp:x", start, end)
    assert Interval("cp:x", 2**64 - 2, 2**64 - 1).packed()[-8:] == b"\xff" * 8


def test_numbers_on_the_chain_never_change_their_meaning() -> None:
    assert [(kind.label, int(kind)) for kind in Kind] == [
        ("emission", 1), ("reduction", 2), ("green-power", 3), ("product-footprint", 4), ("cbam", 5)]
    assert [(item.name, int(item)) for item in Conclusion] == [
        ("UNMODIFIED", 1), ("MODIFIED", 2), ("ADVERSE", 3), ("DISCLAIMED", 4)]
    assert [(item.name, int(item)) for item in MarkKind] == [("REGISTER", 1), ("TIME", 2)]


@pytest.mark.parametrize("label", ["", "Emission", "green_power", "GREEN-POWER", "1", 1, None, ["emission"]])
def test_a_kind_has_one_label(label: object) -> None:
    with pytest.raises(FormError, match="kind-unknown") as refusal:
        Kind.parse(label)
    assert "green-power" in refusal.value.hint
