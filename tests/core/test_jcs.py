"""Canonical JSON: the public vectors, and a reader that knows one form only."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from core import jcs
from core.errors import FormError

FOLDER = Path(__file__).parent.parent / "vectors" / "rfc8785" / "testdata"
NAMES = sorted(path.stem for path in (FOLDER / "input").glob("*.json"))
# values.json holds floats, which our documents never do: the encoder agrees, our reader refuses.
WITH_FLOATS = {"values"}

documents = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53) + 1, 2**53 - 1), st.text(max_size=12)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=6), inner, max_size=4)),
    max_leaves=20)


def test_no_vector_is_missing() -> None:
    assert NAMES == ["arrays", "french", "structures", "unicode", "values", "weird"]


@pytest.mark.parametrize("name", NAMES)
def test_the_public_vectors_are_written_byte_for_byte(name: str) -> None:
    value = json.loads((FOLDER / "input" / f"{name}.json").read_text(encoding="utf-8"))
    expected = bytes.fromhex((FOLDER / "outhex" / f"{name}.txt").read_text())
    assert jcs.canonical(value) == rfc8785.dumps(value) == expected


@pytest.mark.parametrize("name", NAMES)
def test_the_public_outputs_are_read_where_they_hold_no_float(name: str) -> None:
    data = bytes.fromhex((FOLDER / "outhex" / f"{name}.txt").read_text())
    if name in WITH_FLOATS:
        with pytest.raises(FormError, match="json-number"):
            jcs.parse(data)
    else:
        assert jcs.canonical(jcs.parse(data)) == data


@given(documents)
def test_every_document_survives_writing_and_reading(value: Any) -> None:
    data = jcs.canonical(value)
    assert jcs.parse(data) == value
    assert jcs.parse_lenient(json.dumps(value, indent=2, ensure_ascii=False).encode()) == value


@given(documents)
def test_the_reader_takes_the_canonical_bytes_and_no_other_spelling_of_them(value: Any) -> None:
    """The naive reference: written again by an independent encoder, the bytes are the same."""
    for other in (json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode(),
                  json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(), json.dumps(value).encode()):
        if other == rfc8785.dumps(value):
            assert jcs.parse(other) == value
        else:
            with pytest.raises(FormError, match="json-not-canonical"):
                jcs.parse(other)


def test_members_stand_in_the_order_of_utf_16_units() -> None:
    """U+10000 is spelled D800 DC00 there, and comes before U+E000; by code points it would come after."""
    canonical, by_code_point = '{"\U00010000":1,"\ue000":2}'.encode(), '{"\ue000":2,"\U00010000":1}'.encode()
    assert jcs.canonical({"\ue000": 2, "\U00010000": 1}) == canonical
    assert jcs.parse(canonical) == {"\U00010000": 1, "\ue000": 2}
    with pytest.raises(FormError, match="json-not-canonical"):
        jcs.parse(by_code_point)


@pytest.mark.parametrize("text", [
    '{"a":1,"a":1}', '{"a":1,"\\u0061":2}', '{"a":{"b":1,"b":2}}', "1e2", "1E2", "1.0", "0.5", "-0", "-0.0",
    str(2**53), str(2**53 + 1), str(-(2**53)), "9" * 400, "NaN", "Infinity", "-Infinity", '\ufeff{"a":1}', "", " ", "{",
    "[1,]", "[01]", "[+1]", "[5_0]", "[５]", "'a'", '"a\nb"', "{}x", "[" * 257 + "]" * 257, "nul",
    "[" * 1_000_000,
])
def test_what_is_no_document_is_refused_by_both_readers(text: str) -> None:
    for reader in (jcs.parse, jcs.parse_lenient):
        with pytest.raises(FormError, match=r"json-"):
            reader(text.encode())


@pytest.mark.parametrize("text", ['{"b":1,"a":2}', '{ "a":1}', "[1, 2]", '{"a":1}\n', '"\\u0061"', '"\\/"',
                                  '"\\u000A"'])
def test_a_readable_document_in_another_form_is_not_canonical(text: str) -> None:
    jcs.parse_lenient(text.encode())
    with pytest.raises(FormError, match="json-not-canonical"):
        jcs.parse(text.encode())


@pytest.mark.parametrize("text", ['"\\ud800"', '"\\uDFFF"', '"\\udc00\\ud800"', '"\\ud800x"', '{"\\uDBff":1}',
                                  '[{"a":["\\ude00"]}]'])
def test_half_a_surrogate_pair_is_no_text(text: str) -> None:
    for reader in (jcs.parse, jcs.parse_lenient):
        with pytest.raises(FormError, match="json-malformed"):
            reader(text.encode())


def test_a_whole_surrogate_pair_is_one_letter_and_an_escaped_backslash_is_none() -> None:
    assert jcs.parse_lenient(b'"\\ud83c\\udf31"') == "\N{SEEDLING}"
    assert jcs.parse_lenient(b'"\\\\ud800"') == "\\ud800"


@pytest.mark.parametrize("data", [b"\xff", b'"\xc3"', b'"\xed\xa0\x80"', b'"\xc0\x80"'])
def test_bytes_that_are_not_utf8_are_refused(data: bytes) -> None:
    with pytest.raises(FormError, match="json-malformed"):
        jcs.parse(data)


def test_a_file_in_another_encoding_is_told_how_to_be_saved() -> None:
    with pytest.raises(FormError, match="not UTF-8 from byte 6 on") as caught:
        jcs.parse_lenient('{"a":"户号"}'.encode("gbk"))
    assert "UTF-8" in caught.value.hint


@given(st.binary(max_size=40))
def test_no_bytes_make_the_reader_fall_over_or_have_two_forms(data: bytes) -> None:
    try:
        value = jcs.parse(data)
    except FormError:
        return
    assert jcs.canonical(value) == data


def test_composed_and_decomposed_letters_are_two_values() -> None:
    composed, decomposed = "é".encode(), "e\u0301".encode()
    assert jcs.parse(b'"' + composed + b'"') != jcs.parse(b'"' + decomposed + b'"')


def test_zero_false_null_empty_and_absent_are_five_documents() -> None:
    documents = [{"volume": 0}, {"volume": False}, {"volume": None}, {"volume": ""}, {}]
    assert len({jcs.digest(document) for document in documents}) == 5


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**53, object(), "\ud800", b"x", {1: 2}, {1, 2}])
def test_what_has_no_canonical_form_is_not_written(value: Any) -> None:
    with pytest.raises(FormError, match="json-unencodable"):
        jcs.canonical(value)


def test_depth_256_is_read_and_257_refused_even_inside_strings_of_brackets() -> None:
    deepest = b"[" * 256 + b"]" * 256
    assert jcs.canonical(jcs.parse(deepest)) == deepest
    assert jcs.parse(b'"' + b"[" * 1000 + b'"') == "[" * 1000
    with pytest.raises(FormError, match="json-too-deep"):
        jcs.parse(b'["\\"",' + deepest + b"]")


def test_a_string_without_an_end_is_refused_in_one_pass() -> None:
    started = time.monotonic()
    with pytest.raises(FormError, match="json-malformed"):
        jcs.parse(b'"' + b'\\"' * 500_000)
    assert time.monotonic() - started < 5  # reading on from each quote again took hours


@pytest.mark.parametrize(("tokens", "code"), [(8, "json-not-canonical"), (9, "json-too-large")])
def test_strings_and_brackets_are_counted(tokens: int, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jcs, "MAX_TOKENS", 8)
    with pytest.raises(FormError, match=code):
        jcs.parse(b"[" + b",".join([b'"[,]"'] * (tokens - 2)) + b"] ")


@pytest.mark.parametrize(("values", "code"), [(9, "json-not-canonical"), (10, "json-too-large")])
def test_values_are_counted_by_their_commas(values: int, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jcs, "MAX_TOKENS", 8)
    with pytest.raises(FormError, match=code):
        jcs.parse(b"[" + b",".join([b"1"] * values) + b"] ")


def test_commas_of_a_text_are_no_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jcs, "MAX_TOKENS", 8)
    assert jcs.parse(b'["' + b"," * 1000 + b'\\",,"]') == ["," * 1000 + '",,']


def test_sixty_megabytes_of_numbers_are_refused_soon() -> None:
    data = b"[" + b"1," * (30 * 2**20) + b"1]"
    started = time.monotonic()
    with pytest.raises(FormError, match="json-too-large"):
        jcs.parse(data)
    assert time.monotonic() - started < 10  # reading them took twenty seconds


def test_length_is_checked_before_reading() -> None:
    assert jcs.parse(b"[1]", limit=3) == [1]
    with pytest.raises(FormError, match="json-too-large"):
        jcs.parse(b"[1]", limit=2)


@pytest.mark.parametrize(("text", "key", "where"), [
    ('{"a":1,"a":2}', "'a'", "a"), ('{"inputs":{"x":[{"u":1},{"value":"1","unit":"t","value":"2"}]}}', "'value'",
                                   "inputs.x[1].value"),
    ('{"a":{"b":1,"b":2},"a":3}', "'b'", "a.b"), ('[{"c":1,"d":2,"d":3,"c":4}]', "'d'", "[0].d"),
    ('{"' + "k" * 90 + '":1,"' + "k" * 90 + '":2}', "'" + "k" * 40 + "'", "k" * 40),
    ('{"n":123456789012345678901234567890,"a":1,"a":2}', "", "n")])
def test_a_key_given_twice_is_named_with_its_place(text: str, key: str, where: str) -> None:
    with pytest.raises(FormError) as caught:
        jcs.parse_lenient(text.encode())
    if key:
        assert (caught.value.code, caught.value.where) == ("json-duplicate-key", where)
        assert f"the key {key} occurs twice" in caught.value.message
    else:
        assert caught.value.code == "json-number"


def test_a_place_of_a_key_is_short_and_can_be_written() -> None:
    deep = '{"' + "k" * 39 + '":'
    with pytest.raises(FormError) as caught:
        jcs.parse_lenient((deep * 20 + '{"\\ud800":1,"\\ud800":2}' + "}" * 20).encode())
    assert len(caught.value.where) == 200
    assert str(caught.value).encode()
