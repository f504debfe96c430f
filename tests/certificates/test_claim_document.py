"""The claim document: one payload, strict form, and a signature over the whole of it that the chain can check."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from hashlib import sha256
from typing import Any

import pytest
from certificates_helpers import DOMAIN, ENTERPRISE, OTHER, PERIOD, claim, signed_claim
from hypothesis import given
from hypothesis import strategies as st

from core import jcs
from core.claims import (
    Carried,
    DocumentInput,
    chain_claim,
    claim_payload,
    claim_signer,
    exclusivity_key,
    inputs_from_json,
    parse_claim,
)
from core.documents import document_digest
from core.errors import CarbonSealError, FormError, VerificationFailed
from core.period import Period
from core.records import Interval, Kind

BILL = DocumentInput(sha256(b"bill").digest(), Decimal("12.5"), "kWh", "站用电结算单")


def altered(path: str, value: Any) -> bytes:
    """The payload of a good claim with one member replaced."""
    document = signed_claim().as_json()
    target: Any = document
    *parents, last = path.split(".")
    for name in parents:
        target = target[int(name)] if isinstance(target, list) else target[name]
    target[int(last) if isinstance(target, list) else last] = value
    return jcs.canonical(document)


def test_a_signed_claim_survives_its_payload_byte_for_byte() -> None:
    document = signed_claim(carried=Carried(b"\x01" * 32, Decimal("0.25"), "MWh"), supersedes=b"\x02" * 32,
                            external_refs=("gec:2026-320100-00017", "irec:ABC-1"), options={"scope": ["market"]})
    payload = claim_payload(document)
    assert parse_claim(payload) == document
    assert claim_payload(parse_claim(payload)) == payload


def test_the_signer_is_the_account_that_signed() -> None:
    assert claim_signer(signed_claim()) == ENTERPRISE.address
    assert claim_signer(signed_claim(OTHER)) == OTHER.address


@pytest.mark.parametrize(("field", "value"), [
    ("origin", "log.other.example/park"), ("kind", Kind.REDUCTION), ("subject", "org:lanhe-steel"),
    ("holder", OTHER.address), ("boundary", "蓝河新能源屋顶光伏二期"), ("period", Period(PERIOD.start, PERIOD.end + 1)),
    ("intervals", (Interval("cp:lanhe-pv", 5_000_000, 18_000_000),)), ("external_refs", ("gec:1",)),
    ("domain", replace(DOMAIN, chain_id=1)), ("domain", replace(DOMAIN, contract=OTHER.address)),
    ("inputs", {"generation": claim().inputs["generation"]}),
    ("inputs", {**claim().inputs, "auxiliary": (replace(BILL, value=Decimal("125")),)}),
    ("inputs", {**claim().inputs, "auxiliary": (replace(BILL, title="另一张结算单"),)}),
    ("options", {"factor": "provincial"}), ("supersedes", sha256(b"earlier").digest()),
    ("carried", Carried(sha256(b"earlier").digest(), Decimal("0.5"), "MWh")),
])
def test_changing_what_was_signed_gives_another_signer(field: str, value: Any) -> None:
    assert claim_signer(replace(signed_claim(), **{field: value})) != ENTERPRISE.address


def test_a_signature_covers_every_member_of_a_claim_but_itself() -> None:
    document = signed_claim().as_json()
    whole = document_digest(document)
    assert document_digest(claim().as_json()) == whole
    assert whole == sha256(jcs.canonical({name: value for name, value in document.items() if name != "signature"})
                           ).digest()
    for name in document.keys() - {"signature"}:
        assert document_digest(document | {name: "another"}) != whole, name


def test_the_claim_hash_that_others_name_contains_the_whole_claim() -> None:
    assert chain_claim(signed_claim()).documentDigest == document_digest(claim().as_json())
    changed = replace(signed_claim(), options={"factor": "provincial"})
    assert chain_claim(changed).struct_hash() != chain_claim(signed_claim()).struct_hash()


def test_the_digest_of_a_claim_is_that_of_the_payload_as_received() -> None:
    payload = claim_payload(signed_claim(options={"z": ["1", None, {"b": True, "a": "蓝"}]}))
    assert document_digest(jcs.parse(payload)) == chain_claim(parse_claim(payload)).documentDigest


def test_a_high_s_twin_of_the_signature_is_refused() -> None:
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    good = signed_claim()
    twin = (good.signature[:32] + (order - int.from_bytes(good.signature[32:64], "big")).to_bytes(32, "big")
            + bytes([55 - good.signature[64]]))
    with pytest.raises(VerificationFailed, match="eip712-signature-form"):
        claim_signer(replace(good, signature=twin))


def test_the_exclusivity_key_is_of_subject_boundary_methodology_and_period_only() -> None:
    key = claim().exclusivity_key
    assert key == exclusivity_key("org:lanhe-energy", "蓝河新能源屋顶光伏一期", "pv.green-power", PERIOD)
    assert claim(holder=OTHER.address, kind=Kind.REDUCTION).exclusivity_key == key
    assert claim(subject="org:other").exclusivity_key != key
    assert claim(boundary="另一边界").exclusivity_key != key
    assert claim(period=Period(PERIOD.start, PERIOD.end + 1)).exclusivity_key != key


def test_ids_that_join_to_the_same_text_have_different_keys() -> None:
    assert exclusivity_key("org:a", "bc", "m", PERIOD) != exclusivity_key("org:ab", "c", "m", PERIOD)


@pytest.mark.parametrize(("path", "value", "code"), [
    ("schema", "carbonseal-claim/2", "claim-schema"),
    ("kind", "green power", "kind-unknown"),
    ("subject", "ORG:LANHE", "id-malformed"),
    ("holder", ENTERPRISE.address.lower(), "address-malformed"),
    ("holder", "0x00", "address-malformed"),
    ("holder", 7, "address-malformed"),
    ("boundary", " 蓝河", "document-text"),
    ("boundary", "", "document-text"),
    ("boundary", "e\u0301", "document-text"),
    ("boundary", "park\u200b", "document-text"),
    ("boundary", "a\nb", "document-text"),
    ("boundary", "屋顶  光伏", "document-text"),
    *[("boundary", f"屋顶{unseen}光伏", "document-text") for unseen in (
        "\u00a0", "\u2002", "\u202f", "\u3000", "\u2028", "\u034f", "\u115f", "\u1160", "\u17b4", "\u180b", "\u180e",
        "\u180f", "\u2800", "\u3164", "\ufe00", "\ufe0f", "\uffa0", "\U000e0100", "\U000e01ef", "\u00ad", "\u2060")],
    ("boundary", "长" * 501, "document-text"),
    ("boundary", None, "document-text"),
    ("period.end", "2026-01-01", "instant-malformed"),
    ("methodology.version", "1 ", "document-version"),
    ("methodology.digest", "AB" * 32, "hex-malformed"),
    ("inputs", [], "document-members"),
    ("inputs.generation", {}, "document-array"),
    ("inputs.generation.0", {"meter": "m:x"}, "document-members"),
    ("inputs.auxiliary.0.value", "12.50", "number-not-canonical"),
    ("inputs.auxiliary.0.value", 12, "number-not-canonical"),
    ("intervals", [], "claim-intervals-missing"),
    ("intervals.0.start", "05", "number-not-canonical"),
    ("intervals.0.end", "5000000", "interval-empty"),
    ("intervals.0.end", str(2**64), "number-out-of-range"),
    ("external_refs", ["GEC:1"], "external-ref-malformed"),
    ("external_refs", ["gec:a1"], "external-ref-malformed"),
    ("external_refs", ["gec:2", "gec:1"], "external-refs-order"),
    ("external_refs", ["gec:1", "gec:1"], "external-refs-order"),
    ("supersedes", "", "hex-malformed"),
    ("carried", {"statement": "00" * 32, "value": "-1", "unit": "MWh"}, "claim-carried-negative"),
    ("carried", {"statement": "00" * 32, "value": "1", "unit": "MWh"}, "claim-carried-whole"),
    ("carried", {"statement": "00" * 32, "value": "0.5", "unit": "GWh"}, "claim-carried-whole"),
    ("carried", {"statement": "00" * 32, "value": "0.5", "unit": "tCO2e"}, "claim-carried-whole"),
    ("domain.name", "CarbonSeaI", "domain-unknown"),
    ("domain.chain_id", 31337, "number-not-canonical"),
    ("signature", "00" * 64, "hex-malformed"),
])
def test_a_claim_out_of_form_is_refused_with_its_code(path: str, value: Any, code: str) -> None:
    with pytest.raises(FormError) as refusal:
        parse_claim(altered(path, value))
    assert refusal.value.code == code


@pytest.mark.parametrize("boundary", [
    "蓝河新能源（江苏）：屋顶光伏“一期”，A、B 栋；含 110 kV 升压站！", "Roof, phase 1",
    "㐀𠀀 生僻字", "CO₂e ≤ 1 t · 5 %", "x" * 500])
def test_ordinary_text_is_kept_as_written(boundary: str) -> None:
    assert parse_claim(altered("boundary", boundary)).boundary == boundary


def test_an_inventory_spends_no_intervals() -> None:
    with pytest.raises(FormError, match="claim-intervals-unexpected"):
        parse_claim(altered("kind", "emission"))
    payload = claim_payload(signed_claim(kind=Kind.EMISSION, intervals=()))
    assert parse_claim(payload).kind is Kind.EMISSION


@pytest.mark.parametrize("second", [
    Interval("cp:lanhe-pv", 16_999_999, 18_000_000), Interval("cp:lanhe-pv", 1, 2), Interval("cp:lanhe-a", 0, 1),
])
def test_intervals_that_overlap_or_are_out_of_order_are_refused(second: Interval) -> None:
    with pytest.raises(FormError, match="intervals-order"):
        claim_payload(signed_claim(intervals=(Interval("cp:lanhe-pv", 5_000_000, 17_000_000), second)))


def test_adjacent_intervals_and_several_marks_are_accepted() -> None:
    spans = (Interval("cp:lanhe-pv", 5, 10), Interval("cp:lanhe-pv", 10, 12), Interval("cp:lanhe-pv2", 5, 10))
    assert parse_claim(claim_payload(signed_claim(intervals=spans))).intervals == spans


def test_one_interval_more_than_the_limit_is_refused() -> None:
    spans = tuple(Interval("cp:lanhe-pv", 2 * n, 2 * n + 1) for n in range(65))
    assert len(parse_claim(claim_payload(signed_claim(intervals=spans[:64]))).intervals) == 64
    with pytest.raises(FormError, match="document-array"):
        claim_payload(signed_claim(intervals=spans))


def test_a_document_that_is_too_long_or_not_canonical_is_refused() -> None:
    payload = claim_payload(signed_claim())
    for bad in (payload + b"\n", b" " + payload, b"\xef\xbb\xbf" + payload, payload[:-1], b"[]", b"", b"x" * 65_001):
        with pytest.raises(FormError):
            parse_claim(bad)


def test_zero_false_null_and_empty_text_are_four_different_payloads() -> None:
    payloads = {claim_payload(signed_claim(options={"x": value})) for value in (0, False, None, "")}
    assert len(payloads | {claim_payload(signed_claim())}) == 5


@given(st.binary(max_size=200), st.integers(0, 1500), st.integers(0, 255))
def test_no_mutation_of_a_payload_escapes_as_a_foreign_exception(noise: bytes, position: int, byte: int) -> None:
    payload = bytearray(claim_payload(signed_claim()))
    payload[position % len(payload)] = byte
    for data in (bytes(payload), noise):
        try:
            document = parse_claim(data)
        except CarbonSealError:
            continue
        assert claim_payload(document) == data


@pytest.mark.parametrize(("covers", "code"), [
    ({"start": "2026-10-31T16:00:00.000Z", "end": "2026-11-30T16:00:00.000Z", "account": "0512-17"}, None),
    ({"start": "2026-10-31T16:00:00.000Z", "end": "2026-11-30T16:00:00.000Z", "account": "０５１２-17"},
     "account-malformed"),
    ({"start": "2026-10-31T16:00:00.000Z", "end": "2026-11-30T16:00:00.000Z", "account": "0512 17"},
     "account-malformed"),
    ({"start": "2026-10-31T16:00:00.000Z", "end": "2026-11-30T16:00:00.000Z", "account": None}, None),
    ({"start": "2026-10-31T16:00:00.000Z", "end": "2026-10-31T16:00:00.000Z", "account": None}, "period-empty"),
    ({"start": "2026-11-01", "end": "2026-12-01", "account": None}, "instant-malformed"),
    ({"start": "2026-10-31T16:00:00.000Z", "end": "2026-11-30T16:00:00.000Z"}, "document-members"),
])
def test_a_document_may_say_which_time_and_account_it_covers(covers: dict[str, object], code: str | None) -> None:
    stated = {"document": "ab" * 32, "value": "1", "unit": "t", "title": "结算单", "covers": covers}
    if code is None:
        assert inputs_from_json({"fuel.diesel": [stated]})["fuel.diesel"][0].as_json() == stated
        return
    with pytest.raises(FormError) as caught:
        inputs_from_json({"fuel.diesel": [stated]})
    assert caught.value.code == code
