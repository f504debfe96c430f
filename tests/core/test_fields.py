"""Members of documents are read strictly: one type, one spelling, bounded; the place is named when they are not."""

from __future__ import annotations

from typing import Any

import pytest
from core_helpers import DOMAIN, ENTERPRISE
from hypothesis import given
from hypothesis import strategies as st

from core import documents, fields
from core.documents import MethodologyRef
from core.errors import CarbonSealError, FormError
from core.records import Interval

LIMIT = 5
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=8)
READERS = [
    lambda value: fields.members(value, ("a", "b"), "x"), lambda value: fields.mapping(value, "x"),
    lambda value: fields.sequence(value, "x", 2), lambda value: fields.text(value, "x"),
    lambda value: fields.account(value, "x"), lambda value: fields.optional_hex(value, "x"),
    lambda value: fields.flag(value, "x"), lambda value: fields.one_of(value, ("yes", "no"), "x"),
    documents.methodology_from_json, documents.intervals_from_json, documents.external_refs_from_json,
    documents.domain_from_json]


def code_of(read: Any, *arguments: Any) -> str:
    with pytest.raises(FormError) as refusal:
        read(*arguments)
    return refusal.value.code


def refused(read: Any, value: Any) -> Any:
    """The refusal of a value; None when it was read."""
    try:
        read(value)
    except CarbonSealError as error:
        return error
    return None


@given(json_values)
def test_no_json_value_makes_a_reader_fail_in_a_foreign_way(value: Any) -> None:
    for read in READERS:
        assert refused(read, value) is None or refused(read, value).hint


def test_an_object_has_exactly_its_members_and_says_which_are_wrong() -> None:
    assert fields.members({"b": 1, "a": None}, ("a", "b"), "x") == {"a": None, "b": 1}
    with pytest.raises(FormError, match="b, c") as refusal:
        fields.members({"a": 1, "c": 2}, ("a", "b"), "claim.period")
    assert refusal.value.where == "claim.period"
    assert refusal.value.hint == "exactly a, b"
    for value in ({}, {"a": 1}, {"a": 1, "b": 2, "c": 3}, [], ["a", "b"], "ab", None, 1):
        assert code_of(fields.members, value, ("a", "b"), "x") == "document-members"


def test_of_many_wrong_members_eight_are_named() -> None:
    with pytest.raises(FormError) as refusal:
        fields.members({f"member-{n}": n for n in range(20)}, (), "x")
    assert refusal.value.message.count("member-") == 8


def test_an_object_of_any_members_and_an_array_are_bounded() -> None:
    assert len(fields.mapping({str(n): n for n in range(fields.MAX_MEMBERS)}, "x")) == fields.MAX_MEMBERS
    assert code_of(fields.mapping, {str(n): n for n in range(fields.MAX_MEMBERS + 1)}, "x") == "document-members"
    assert fields.sequence([1] * LIMIT, "x", LIMIT) == [1] * LIMIT
    assert code_of(fields.sequence, [1] * (LIMIT + 1), "x", LIMIT) == "document-array"
    assert code_of(fields.sequence, (1, 2), "x", LIMIT) == "document-array"
    assert code_of(fields.sequence, "ab", "x", LIMIT) == "document-array"


@pytest.mark.parametrize("value", ["a", "a" * LIMIT, "屋顶 一期", "é", "（一）", "𠀀"])
def test_text_that_a_person_reads_is_kept(value: str) -> None:
    assert fields.text(value, "x", LIMIT) == value


@pytest.mark.parametrize("value", [
    "", " ", "a ", " a", "a  b", "a" * (LIMIT + 1), "e\u0301", "a\tb", "a\u00a0b", "a\u3000b", "\u200b", "\ufeff",
    "\u202e", "\ue000", "\ud7ff\ufdd0", "\u2800", None, 1, ["a"]])
def test_text_that_looks_like_other_text_or_like_nothing_is_refused(value: object) -> None:
    assert code_of(fields.text, value, "x", LIMIT) == "document-text"


@given(st.text(max_size=12))
def test_text_is_read_as_itself_or_not_at_all(value: str) -> None:
    refusal = refused(lambda text: fields.text(text, "x"), value)
    assert refusal.code == "document-text" if refusal else fields.text(value, "x") == value


def test_an_account_has_one_spelling() -> None:
    assert fields.account(ENTERPRISE.address, "x") == ENTERPRISE.address
    for value in (ENTERPRISE.address.lower(), ENTERPRISE.address[2:], "", None, 7, ENTERPRISE.address + " "):
        assert code_of(fields.account, value, "x") == "address-malformed"


def test_true_and_false_are_no_numbers_and_no_texts() -> None:
    assert fields.flag(True, "x") is True
    assert fields.flag(False, "x") is False
    for value in (1, 0, "true", None, [], ""):
        assert code_of(fields.flag, value, "x") == "document-flag"


def test_a_word_is_one_of_those_allowed_and_the_hint_lists_them() -> None:
    assert fields.one_of("limited", ("limited", "reasonable"), "x") == "limited"
    for value in ("Limited", "", None, 1, "limited ", ["limited"]):
        with pytest.raises(FormError, match="document-choice") as refusal:
            fields.one_of(value, ("limited", "reasonable"), "assurance")
        assert refusal.value.hint == "one of limited, reasonable"


def test_null_is_no_digest_and_every_other_value_is_one_or_refused() -> None:
    assert fields.optional_hex(None, "x") is None
    assert fields.optional_hex("00" * 32, "x") == bytes(32)
    for value in ("", "0" * 63, "AA" * 32, 0, False):
        assert code_of(fields.optional_hex, value, "x") == "hex-malformed"


@pytest.mark.parametrize("version", ["1", "2026.11", "1-beta_2", "a" * 32])
def test_a_methodology_survives_its_json(version: str) -> None:
    reference = MethodologyRef("green-power.pv", version, bytes(range(32)))
    assert documents.methodology_from_json(reference.as_json()) == reference


@pytest.mark.parametrize("version", ["", "a" * 33, ".1", "1 ", "1/2", "１", 1, None])
def test_a_version_is_short_and_plain(version: object) -> None:
    value = {"id": "m", "version": version, "digest": "00" * 32}
    assert code_of(documents.methodology_from_json, value) == "document-version"


spans = st.lists(st.tuples(st.sampled_from(["cp:a", "cp:b"]), st.integers(0, 30), st.integers(1, 5)), max_size=6).map(
    lambda items: [Interval(mark, start, start + length) for mark, start, length in items])


@given(spans)
def test_intervals_are_read_exactly_when_sorted_and_apart(intervals: list[Interval]) -> None:
    """The naive reference: every two of them, in both orders."""
    apart = all(one.mark != other.mark or one.end <= other.start or other.end <= one.start
                for i, one in enumerate(intervals) for other in intervals[i + 1 :])
    value = [documents.interval_json(interval) for interval in intervals]
    if intervals == sorted(intervals) and apart:
        assert documents.intervals_from_json(value) == tuple(intervals)
    else:
        assert code_of(documents.intervals_from_json, value) == "intervals-order"


@pytest.mark.parametrize("reference", ["gec:2026-320100-00017", "ccer:A", "i-rec:AB_1.2/3"])
def test_a_reference_to_another_registry_has_one_spelling(reference: str) -> None:
    assert documents.external_refs_from_json([reference]) == (reference,)
    for other in (reference.upper(), reference.lower() if reference != reference.lower() else f"{reference}a",
                  f"{reference}-", f" {reference}", reference.replace(":", ""), f"{reference}é"):
        assert code_of(documents.external_refs_from_json, [other]) == "external-ref-malformed"


def test_the_domain_is_this_product_s_and_names_chain_and_contract() -> None:
    value = documents.domain_json(DOMAIN)
    assert documents.domain_from_json(value) == DOMAIN
    for changed in ({"name": "Other"}, {"version": "2"}):
        assert code_of(documents.domain_from_json, value | changed) == "domain-unknown"
    assert code_of(documents.domain_from_json, value | {"chain_id": 31337}) == "number-not-canonical"
    assert code_of(documents.domain_from_json, value | {"contract": DOMAIN.contract.lower()}) == "address-malformed"


def test_a_digest_covers_everything_but_the_signature() -> None:
    document = {"a": 1, "signature": "00"}
    assert documents.document_digest(document) == documents.document_digest({"a": 1, "signature": "ff"})
    assert documents.document_digest(document) == documents.document_digest({"a": 1})
    for other in ({"a": 2}, {"a": 1, "b": None}, {}, {"a": True}):
        assert documents.document_digest(other) != documents.document_digest(document)
