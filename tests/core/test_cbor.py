"""Deterministic CBOR in the project's profile: what is accepted, and everything that is not."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import cbor
from core.errors import FormError

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "cbor" / "vectors.json").read_text())


def value_of(item: Any) -> Any:
    """JSON has no byte strings: {"bytes": hex} stands for one."""
    if isinstance(item, dict):
        return bytes.fromhex(item["bytes"])
    return [value_of(inner) for inner in item] if isinstance(item, list) else item


leaf = st.one_of(st.integers(-(2**63), 2**64 - 1), st.binary(max_size=40), st.text(max_size=40), st.none())
values = st.recursive(leaf, lambda inner: st.lists(inner, max_size=6), max_leaves=25)


@pytest.mark.parametrize(("text", "item"), VECTORS["accepted"], ids=lambda part: str(part)[:30])
def test_values_of_the_profile_are_read_and_written_byte_for_byte(text: str, item: Any) -> None:
    assert cbor.decode(bytes.fromhex(text)) == value_of(item)
    assert cbor.encode(value_of(item)) == bytes.fromhex(text)


@pytest.mark.parametrize("group", ["out_of_profile", "not_deterministic", "malformed"])
def test_everything_else_of_the_standard_is_refused(group: str) -> None:
    for text, why in VECTORS[group]:
        with pytest.raises(FormError, match=r"cbor-"):
            pytest.fail(f"{why} was read as {cbor.decode(bytes.fromhex(text))!r}")


@given(values)
def test_every_value_survives_writing_and_reading(value: Any) -> None:
    assert cbor.decode(cbor.encode(value)) == value


@given(st.binary(max_size=60))
def test_no_bytes_make_the_reader_fall_over_or_have_two_forms(data: bytes) -> None:
    try:
        value = cbor.decode(data)
    except FormError:
        return
    assert cbor.encode(value) == data


@given(values, st.data())
def test_a_shortened_document_is_refused(value: Any, data: st.DataObject) -> None:
    encoded = cbor.encode(value)
    with pytest.raises(FormError):
        cbor.decode(encoded[: data.draw(st.integers(0, len(encoded) - 1))])


@pytest.mark.parametrize(("tag", "passes"), [(71, False), (72, True), (73, True), (74, True), (75, True), (76, False),
                                             (64, False), (2, False)])
def test_typed_arrays_are_the_only_tags(tag: int, passes: bool) -> None:
    data = b"\xd8" + bytes([tag]) + b"\x42\x00\x01"
    if passes:
        assert cbor.decode(data) == cbor.Tag(tag, b"\x00\x01")
        assert cbor.encode(cbor.Tag(tag, b"\x00\x01")) == data
    else:
        with pytest.raises(FormError):
            cbor.decode(data)


@pytest.mark.parametrize("value", [1.0, 1e300, float("nan"), True, {}, {"a": 1}, {1, 2}, 2**64, -(2**63) - 1, object(),
                                   [1, [2, [0.5]]], cbor.Tag(72, [1]), "\ud800", b"x".join, 1j])
def test_no_foreign_value_is_written(value: Any) -> None:
    with pytest.raises(FormError, match=r"cbor-"):
        cbor.encode(value)


@pytest.mark.parametrize(("depth", "passes"), [(1, True), (15, True), (cbor.MAX_DEPTH + 2, False), (100_000, False)])
def test_nesting_is_bounded_in_reading_and_writing(depth: int, passes: bool) -> None:
    data = b"\x81" * depth + b"\x00"
    if passes:
        assert cbor.encode(cbor.decode(data)) == data
    else:
        with pytest.raises(FormError):
            cbor.decode(data)


def test_length_is_checked_before_reading() -> None:
    assert cbor.decode(b"\x42ab", limit=3) == b"ab"
    with pytest.raises(FormError, match="cbor-too-large"):
        cbor.decode(b"\x42ab", limit=2)


@pytest.mark.parametrize("text", ["5b7fffffffffffffff", "9b00000000ffffffff", "9a3fffffff", "7b00ffffffffffffff"])
def test_a_huge_announced_size_costs_neither_time_nor_memory(text: str) -> None:
    start = time.monotonic()
    with pytest.raises(FormError, match="cbor-malformed"):
        cbor.decode(bytes.fromhex(text))
    assert time.monotonic() - start < 1


ITEMS_AT_LIMIT = b"\x9a" + (cbor.MAX_ITEMS - 1).to_bytes(4, "big") + b"\x80" * (cbor.MAX_ITEMS - 1)
ITEMS_OVER_LIMIT = b"\x9a" + cbor.MAX_ITEMS.to_bytes(4, "big") + b"\x80" * cbor.MAX_ITEMS


def test_items_are_counted_before_they_take_memory() -> None:
    assert len(cbor.decode(ITEMS_AT_LIMIT)) == cbor.MAX_ITEMS - 1
    assert len(list(cbor.sequence(ITEMS_AT_LIMIT + b"\x01"))) == 2
    for read in (cbor.decode, lambda data: list(cbor.sequence(data))):
        with pytest.raises(FormError, match="cbor-too-large"):
            read(ITEMS_OVER_LIMIT)


@pytest.mark.parametrize("inner", [b"\x9b" + b"\x00" * 4 + b"\xff" * 4, b"\xbb" + b"\x00" * 4 + b"\x7f" * 4])
def test_an_announced_number_of_items_counts_as_if_they_were_there(inner: bytes) -> None:
    with pytest.raises(FormError, match="cbor-too-large"):
        cbor.decode(b"\x82" + inner + bytes(2**17))


def test_a_long_byte_string_is_one_item_whatever_it_holds() -> None:
    data = cbor.encode([b"\x80" * (2 * cbor.MAX_ITEMS), cbor.Tag(72, b"\x80" * (2 * cbor.MAX_ITEMS))])
    assert cbor.encode(cbor.decode(data)) == data


def test_maps_with_integer_keys_only_where_they_are_asked_for() -> None:
    header = bytes.fromhex("a2012804410a")
    assert cbor.decode(header, maps=True) == {1: -9, 4: b"\n"}
    for data, maps in ((header, False), (bytes.fromhex("a2044 10a0128".replace(" ", "")), True),
                       (bytes.fromhex("a201280127"), True), (bytes.fromhex("a1616128"), True),
                       (bytes.fromhex("a101a10128"), True)):
        with pytest.raises(FormError):
            cbor.decode(data, maps=maps)


def test_concatenated_names_do_not_meet() -> None:
    assert cbor.encode(["12", "3"]) != cbor.encode(["1", "23"])
    assert cbor.encode([0]) != cbor.encode([None]) != cbor.encode([b""]) != cbor.encode([""])


@given(st.lists(values, max_size=5))
def test_a_sequence_is_its_items(items: list[Any]) -> None:
    data = b"".join(cbor.encode(item) for item in items)
    assert list(cbor.sequence(data)) == items


def test_a_sequence_names_the_place_of_its_bad_item() -> None:
    with pytest.raises(FormError, match="byte 1"):
        list(cbor.sequence(b"\x01\x18\x00"))
    with pytest.raises(FormError, match="cbor-malformed"):
        list(cbor.sequence(b"\x01\x41"))
    with pytest.raises(FormError, match="cbor-too-large"):
        list(cbor.sequence(b"\x01\x02", limit=1))


@pytest.mark.parametrize(("value", "code"), [
    ([2**64], "cbor-out-of-profile"), (2**64, "cbor-out-of-profile"), (-(2**63) - 1, "cbor-out-of-profile"),
    ([-(2**63) - 1], "cbor-out-of-profile"), (1.0, "cbor-out-of-profile"), (True, "cbor-out-of-profile"),
    ({1: 2}, "cbor-out-of-profile"), ({1, 2}, "cbor-out-of-profile"), (bytearray(b"x"), "cbor-out-of-profile"),
    (cbor.Tag(71, b""), "cbor-out-of-profile"), (cbor.Tag(72, "text"), "cbor-out-of-profile"),
    ("\ud800", "cbor-unencodable")])
def test_what_does_not_belong_in_evidence_is_never_written(value: Any, code: str) -> None:
    with pytest.raises(FormError) as refusal:
        cbor.encode(value)
    assert refusal.value.code == code


def test_nesting_ends_at_its_limit() -> None:
    def nested(depth: int) -> Any:
        value: Any = 1
        for _ in range(depth):
            value = [value]
        return value

    assert cbor.decode(cbor.encode(nested(cbor.MAX_DEPTH))) == nested(cbor.MAX_DEPTH)
    with pytest.raises(FormError, match="cbor-too-deep"):
        cbor.encode([[nested(cbor.MAX_DEPTH), b""], b""])
    with pytest.raises(FormError, match="cbor-"):
        cbor.decode(b"\x81" * 40 + b"\x01")


@pytest.mark.parametrize("value", [{1: -8, 3: "x", 4: b"k"}, {}, {-1: [1, b""]}])
def test_a_map_of_integers_is_read_where_it_is_asked_for_only(value: dict[int, Any]) -> None:
    data = cbor.encode_checked(value, maps=True)
    assert cbor.decode(data, maps=True) == value
    with pytest.raises(FormError, match="cbor-out-of-profile"):
        cbor.decode(data)


@pytest.mark.parametrize("data", [
    b"\xa1\x61a\x01", b"\xa2\x03\x01\x01\x02", b"\xa2\x01\x01\x01\x02", b"\xa1\x01\xa1\x01\x01"])
def test_a_map_has_integer_keys_in_order_each_once_and_no_map_inside(data: bytes) -> None:
    with pytest.raises(FormError, match="cbor-"):
        cbor.decode(data, maps=True)
