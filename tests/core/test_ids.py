"""Ids are short lower-case names; on the chain stands the SHA-256 of their text."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import FormError
from core.ids import MAX_ID_BYTES, chain_id_of, check_hex, check_id


@pytest.mark.parametrize("text", [
    "org:lanhe-steel", "gw:lanhe-1", "m:a", "frames/gw:one", "fac:x.y_z-1", "a", "0", "dispute:gw:one", "a" * 64])
def test_names_are_ids(text: str) -> None:
    assert check_id(text) == text


@pytest.mark.parametrize("text", [
    "", "Org:x", "org:", ":x", "org::x", "-a", "a-", "a b", "a\n", "组织", "a:b:c:d:e", "org:x/", "a" * 65,
    "a" * 64 + ":" + "b" * 64, "m:é", "m:ｘ", None, 5, b"m:a", "a:" + "." + "b"])
def test_what_is_no_id_is_refused(text: Any) -> None:
    with pytest.raises(FormError, match="id-malformed"):
        check_id(text, where="field")


@pytest.mark.parametrize(("length", "accepted"), [(MAX_ID_BYTES, True), (MAX_ID_BYTES + 1, False)])
def test_an_id_has_a_greatest_length(length: int, accepted: bool) -> None:
    text = ("a" * 63 + ":" + "b" * 64 + "c")[:length]
    if accepted:
        assert check_id(text) == text
    else:
        with pytest.raises(FormError):
            check_id(text)


@given(st.text(max_size=20))
def test_any_text_is_an_id_or_refused_with_our_error(text: str) -> None:
    try:
        known = check_id(text)
    except FormError as error:
        assert error.code == "id-malformed"  # noqa: PT017  both outcomes are right
    else:
        assert known == text == text.lower()


@given(st.binary(min_size=4, max_size=4))
def test_hex_is_read_back(data: bytes) -> None:
    assert check_hex(data.hex(), 4) == data


@pytest.mark.parametrize("text", [
    "", "00", "0000000g", "ABCDEF01", "0x000000", "00000000 ", "０0000000", None, 1, b"00"])
def test_other_hex_is_refused(text: Any) -> None:
    with pytest.raises(FormError, match="hex-malformed"):
        check_hex(text, 4)


def test_an_id_on_the_chain_is_the_hash_of_its_text() -> None:
    assert chain_id_of("org:lanhe-steel") == sha256(b"org:lanhe-steel").digest()
    assert chain_id_of("org:a") != chain_id_of("org:b")
