"""The form of a block, field by field: what is just inside is read, what is just outside is refused by its code."""

from __future__ import annotations

from hashlib import sha256
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from attestation_helpers import START, energy_block
from hypothesis import given
from hypothesis import strategies as st

from attestation.block import (
    MAX_BODY_BYTES,
    MAX_COLUMNS,
    MAX_COUNT,
    MAX_HEADER_BYTES,
    MAX_STEP,
    VALUE_LIMIT,
    BlockData,
    Column,
    Gap,
    columns_of,
    decode_block,
    decode_body,
    decode_header,
    encode_block,
    encode_header,
    last_time,
    quality_of,
    times_of,
    unpack,
)
from attestation.storage import pack_body, unpack_body
from core import cbor
from core.errors import FormError, VerificationFailed
from core.period import MAX_INSTANT
from core.records import Quality

SALT, HASH = bytes(16), bytes(32)
FIRST, LAST = 5, 6
WIDTHS = {72: 8, 73: 16, 74: 32, 75: 64}


def header(**changes: Any) -> list[Any]:
    """The parts of a good header of three readings a second apart, some of them changed by ordinal ("_7")."""
    parts: list[Any] = ["m:main", SALT, START, 1000, 3, [["energy", 5]], [["energy", 9]], [[0, 3]], None, HASH]
    for name, value in changes.items():
        parts[int(name[1:])] = value
    return parts


def silent(**changes: Any) -> list[Any]:
    """The parts of a good header of a silent meter."""
    return header(**{"_3": 0, "_4": 0, "_5": [], "_6": [], "_7": [], "_8": [1, START, START + 9], **changes})


def code_of(parts: list[Any]) -> str:
    """"ok", or the code under which a header is refused."""
    try:
        decoded = decode_header(cbor.encode(parts))
    except FormError as error:
        return error.code
    assert encode_header(decoded) == cbor.encode(parts)
    return "ok"


@pytest.mark.parametrize(("place", "value", "code"), [
    (0, "m:main", "ok"), (0, "M:main", "id-malformed"), (0, b"m:main", "id-malformed"), (0, "", "id-malformed"),
    (0, None, "id-malformed"), (0, "m" * 64, "ok"), (0, "m" * 65, "id-malformed"),
    (1, bytes(15), "block-header-form"), (1, bytes(17), "block-header-form"), (1, "0" * 16, "block-header-form"),
    (9, bytes(31), "block-header-form"), (9, bytes(33), "block-header-form"), (9, "0" * 32, "block-header-form"),
    (2, 0, "ok"), (2, -1, "block-header-range"), (2, MAX_INSTANT, "ok"), (2, MAX_INSTANT + 1, "block-header-range"),
    (2, None, "block-header-range"), (2, "0", "block-header-range"),
    (3, 1, "ok"), (3, 0, "ok"), (3, -1, "block-header-range"), (3, MAX_STEP, "ok"),
    (3, MAX_STEP + 1, "block-header-range"), (3, None, "block-header-range"),
    (4, -1, "block-header-range"), (4, None, "block-header-range"), (4, MAX_COUNT + 1, "block-header-range")])
def test_a_field_of_a_header_has_its_type_and_its_range(place: int, value: Any, code: str) -> None:
    assert code_of(header(**{f"_{place}": value})) == code


@pytest.mark.parametrize(("count", "code"), [(MAX_COUNT, "ok"), (MAX_COUNT + 1, "block-header-range")])
def test_a_header_counts_a_day_of_seconds_and_no_more(count: int, code: str) -> None:
    assert code_of(header(_4=count, _7=[[0, count]])) == code


@pytest.mark.parametrize("parts", [9, 11, 0])
def test_a_header_has_ten_parts(parts: int) -> None:
    assert code_of([*header(), None][:parts]) == "block-header-form"


def test_a_header_is_an_array_and_within_its_limit() -> None:
    assert code_of("header") == "block-header-form"  # type: ignore[arg-type]
    assert code_of(7) == "block-header-form"  # type: ignore[arg-type]
    with pytest.raises(FormError, match="cbor-too-large"):
        decode_header(bytes(MAX_HEADER_BYTES + 1))


@pytest.mark.parametrize(("step", "count", "code"), [
    (1000, 2, "ok"), (1000, 1, "block-step"), (0, 1, "ok"), (1, 1, "block-step")])
def test_one_reading_has_no_step(step: int, count: int, code: str) -> None:
    """Two headers of one reading that differ in a number nobody uses would be two leaves for one fact."""
    assert code_of(header(_3=step, _4=count, _7=[[0, count]])) == code


def test_silence_has_no_step_either() -> None:
    assert code_of(silent()) == "ok"
    assert code_of(silent(_3=1000)) == "block-step"


# registers

@pytest.mark.parametrize("place", [FIRST, LAST])
@pytest.mark.parametrize(("value", "code"), [
    ([["energy", VALUE_LIMIT - 1]], "ok"), ([["energy", 1 - VALUE_LIMIT]], "ok"),
    ([["energy", VALUE_LIMIT]], "block-registers"), ([["energy", -VALUE_LIMIT]], "block-registers"),
    ([["energy"]], "block-registers"), ([["energy", 1, 2]], "block-registers"), ([["energy", "1"]], "block-registers"),
    ([["energy", None]], "block-registers"), (["energy"], "block-registers"), (None, "block-registers"),
    ({}, "cbor-out-of-profile"), ([["Energy", 1]], "id-malformed"), ([[b"energy", 1]], "id-malformed"),
    ([[["energy"], 1]], "id-malformed"), ([], "ok"),
    ([[f"q{i}", i] for i in range(MAX_COLUMNS)], "ok"),
    ([[f"q{i}", i] for i in range(MAX_COLUMNS + 1)], "block-registers")])
def test_a_register_is_a_quantity_and_a_value(place: int, value: Any, code: str) -> None:
    assert code_of(header(**{f"_{place}": value})) == code


# quality summary

@pytest.mark.parametrize(("summary", "code"), [
    ([[0, 3]], "ok"), ([[0, 1], [1, 2]], "ok"), ([[0, 1], [4, 1], [8, 1]], "ok"),
    ([[1, 2], [0, 1]], "block-quality"), ([[0, 1], [0, 2]], "block-quality"), ([[0, 2]], "block-quality"),
    ([[0, 4]], "block-quality"), ([], "block-quality"), ([[0, 3], [1, 0]], "block-quality"),
    ([[0, 4], [1, -1]], "block-quality"), ([[9, 3]], "block-quality"), ([[-1, 3]], "block-quality"),
    ([["0", 3]], "block-quality"), ([[0, "3"]], "block-quality"), ([[0]], "block-quality"),
    ([[0, 3, 0]], "block-quality"),
    ([0, 3], "block-quality"), (None, "block-quality"), (3, "block-quality")])
def test_the_quality_summary_is_sorted_and_adds_up(summary: Any, code: str) -> None:
    assert code_of(header(_7=summary)) == code


# gaps and silence

@pytest.mark.parametrize(("gap", "code"), [
    ([1, START, START], "ok"), ([4, 0, MAX_INSTANT], "ok"), ([0, START, START], "block-gap"),
    ([5, START, START], "block-gap"), ([1, START, START - 1], "block-gap"), ([1, -1, START], "block-gap"),
    ([1, START, MAX_INSTANT + 1], "block-gap"), ([1, START], "block-gap"), ([1, START, START, 0], "block-gap"),
    (["1", START, START], "block-gap"), ([1, None, START], "block-gap"), (7, "block-gap"), ("gap", "block-gap"),
    ([], "block-gap")])
def test_a_gap_has_a_reason_and_does_not_end_before_it_starts(gap: Any, code: str) -> None:
    assert code_of(header(_8=gap)) == code


@pytest.mark.parametrize(("changes", "code"), [
    ({}, "ok"), ({"_8": None}, "block-silent"), ({"_5": [["energy", 1]]}, "block-silent"),
    ({"_6": [["energy", 1]]}, "block-silent"), ({"_2": START - 1}, "block-silent"), ({"_2": START + 1}, "block-silent"),
    ({"_7": [[4, 1]]}, "block-quality")])
def test_a_silent_meter_says_since_when_and_nothing_else(changes: dict[str, Any], code: str) -> None:
    assert code_of(silent(**changes)) == code


# bodies

def array(*numbers: int, tag: int = 72) -> Any:
    """A typed array as it stands in a body."""
    return cbor.Tag(tag, np.array(numbers, f">i{WIDTHS[tag] // 8}").tobytes())


def body(times: Any = None, columns: Any = None, quality: Any = None) -> list[Any]:
    """The parts of the body that belongs to `header()`: a register 5, 6, 9."""
    return [times, [["energy", 0, 5, array(1, 3)]] if columns is None else columns,
            [[0, 3]] if quality is None else quality]


def body_code(parts: Any, of: list[Any] | None = None) -> str:
    """"ok", or the code under which a body is refused behind a header that names its hash."""
    data = cbor.encode(parts)
    named = [*(of or header())[:9], sha256(data).digest()]
    try:
        decode_block(cbor.encode(named), data)
    except FormError as error:
        return error.code
    return "ok"


def test_the_body_of_these_tests_is_good_and_belongs_to_its_header() -> None:
    assert body_code(body()) == "ok"
    with pytest.raises(FormError, match="block-body-hash"):
        decode_body(cbor.encode(body()), decode_header(cbor.encode(header())))


@pytest.mark.parametrize("parts", [
    [], body()[:2], [*body(), None], [None, None, [[0, 3]]], [None, "energy", [[0, 3]]], "body", 3, None])
def test_a_body_is_times_columns_and_quality(parts: Any) -> None:
    assert body_code(parts) == "block-body-form"


@pytest.mark.parametrize(("column", "code"), [
    (["energy", 12, 5, array(1, 3)], "ok"), (["energy", -12, 5, array(1, 3)], "ok"),
    (["energy", 13, 5, array(1, 3)], "block-columns"), (["energy", -13, 5, array(1, 3)], "block-columns"),
    (["energy", "0", 5, array(1, 3)], "block-columns"), (["energy", None, 5, array(1, 3)], "block-columns"),
    (["energy", 0, "5", array(1, 3)], "block-columns"), (["energy", 0, None, array(1, 3)], "block-columns"),
    (["energy", 0, VALUE_LIMIT, array(1, 3)], "block-columns"), (["energy", 0, 5], "block-columns"),
    (["energy", 0, -VALUE_LIMIT, array(1, 3)], "block-columns"), (["energy", 0, 5, array(1, 3), 0], "block-columns"),
    ("energy", "block-columns"), (["Energy", 0, 5, array(1, 3)], "id-malformed"),
    ([b"energy", 0, 5, array(1, 3)], "id-malformed"), ([7, 0, 5, array(1, 3)], "id-malformed"),
    (["energy", 0, 5, array(1, 3, 0)], "block-array"), (["energy", 0, 5, array(4)], "block-array"),
    (["energy", 0, 5, array()], "block-array"), (["energy", 0, 5, b"\x01\x03"], "block-array"),
    (["energy", 0, 5, [1, 3]], "block-array"), (["energy", 0, 5, None], "block-array"),
    (["energy", 0, 5, array(1, 3, tag=73)], "block-width"), (["energy", 0, 5, array(1, 3, tag=75)], "block-width"),
    (["energy", 0, 4, array(1, 4)], "block-registers"), (["energy", 0, 5, array(1, 4)], "block-registers"),
    (["heat", 0, 5, array(1, 3)], "block-registers")])
def test_a_column_is_a_quantity_a_scale_a_first_value_and_its_steps(column: Any, code: str) -> None:
    assert body_code(body(columns=[column])) == code


@pytest.mark.parametrize(("count", "code"), [(MAX_COLUMNS, "ok"), (MAX_COLUMNS + 1, "block-columns")])
def test_a_block_has_at_most_64_columns(count: int, code: str) -> None:
    columns = [["energy", 0, 5, array(1, 3)], *[[f"q{i}", 0, i, array(0, 0)] for i in range(count - 1)]]
    assert body_code(body(columns=columns)) == code


def test_a_quantity_stands_in_one_column() -> None:
    twice = [["energy", 0, 5, array(1, 3)], ["power", 0, 1, array(0, 0)], ["power", 0, 2, array(0, 0)]]
    assert body_code(body(columns=twice)) == "block-columns"
    assert body_code(body(columns=twice[:2])) == "ok"


def test_readings_need_columns_and_silence_has_none() -> None:
    assert body_code([None, [], [[0, 3]]], header(_5=[], _6=[])) == "block-columns"
    assert body_code([None, [], []], silent()) == "ok"
    assert body_code([None, [["energy", 0, 5, array()]], []], silent()) == "block-columns"


def test_the_registers_of_a_header_are_in_the_order_of_the_columns() -> None:
    columns = [["energy", 0, 5, array(1, 3)], ["heat", 0, 1, array(1, 1)]]
    ordered = header(_5=[["energy", 5], ["heat", 1]], _6=[["energy", 9], ["heat", 3]])
    assert body_code(body(columns=columns), ordered) == "ok"
    assert body_code(body(columns=columns[::-1]), ordered) == "block-registers"
    assert body_code(body(columns=columns), header(_5=[["energy", 5]], _6=[["heat", 3]])) == "block-registers"
    assert body_code(body(columns=columns), header(_5=[["energy", 5]], _6=[["energy", 9], ["heat", 3]])
                     ) == "block-registers"


@pytest.mark.parametrize(("runs", "summary", "code"), [
    ([[0, 3]], [[0, 3]], "ok"), ([[0, 1], [4, 1], [0, 1]], [[0, 2], [4, 1]], "ok"),
    ([[0, 1], [0, 2]], [[0, 3]], "block-quality"), ([[0, 2], [4, 1]], [[0, 1], [4, 2]], "block-quality"),
    ([[4, 3]], [[0, 3]], "block-quality"), ([[0, 2]], [[0, 3]], "block-quality"), ([], [[0, 3]], "block-quality"),
    (None, [[0, 3]], "block-quality"), ([[0, 3], [4, 0]], [[0, 3]], "block-quality")])
def test_the_runs_of_quality_have_one_spelling_and_are_those_of_the_summary(
        runs: Any, summary: Any, code: str) -> None:
    assert body_code([None, body()[1], runs], header(_7=summary)) == code


# times

@pytest.mark.parametrize(("times", "step", "code"), [
    (None, 1000, "ok"), (None, 0, "block-times"), (array(10, 100), 0, "ok"), (array(10, 100), 1000, "block-times"),
    (array(10, 10), 0, "block-times"), (array(10, 0), 0, "block-times"), (array(-1, 10), 0, "block-times"),
    (array(100, 1000, tag=73), 0, "ok"), (array(1, 10, tag=73), 0, "block-width"), (array(1, 10, 9), 0, "block-array"),
    (array(1), 0, "block-array"), (b"\1\2", 0, "block-array"), ([1, 2], 0, "block-array"), (0, 0, "block-array"),
    (array(MAX_STEP + 1, MAX_STEP + 1, tag=74), 0, "ok"), (array(MAX_STEP, MAX_STEP, tag=74), 0, "block-times"),
    (array(1, MAX_INSTANT // MAX_COUNT, tag=75), 0, "ok"),
    (array(1, MAX_INSTANT // MAX_COUNT + 1, tag=75), 0, "block-times")])
def test_times_are_a_step_or_rising_milliseconds_and_never_both(times: Any, step: int, code: str) -> None:
    """A leap beyond a day has no step of its own, so regular days apart stand as milliseconds."""
    assert body_code(body(times=times), header(_3=step)) == code


def test_a_single_reading_has_no_times() -> None:
    one = header(_3=0, _4=1, _5=[["energy", 5]], _6=[["energy", 5]], _7=[[0, 1]])
    assert body_code([None, [["energy", 0, 5, array()]], [[0, 1]]], one) == "ok"
    assert body_code([array(), [["energy", 0, 5, array()]], [[0, 1]]], one) == "block-times"
    assert body_code([None, [["energy", 0, 5, array(tag=73)]], [[0, 1]]], one) == "block-width"


@pytest.mark.parametrize(("low", "high", "tag"), [
    (-128, 127, 72), (-129, 0, 73), (0, 128, 73), (-2**15, 2**15 - 1, 73), (-2**15 - 1, 0, 74), (0, 2**15, 74),
    (-2**31, 2**31 - 1, 74), (-2**31 - 1, 0, 75), (0, 2**31, 75)])
def test_steps_stand_in_the_narrowest_width_that_holds_them(low: int, high: int, tag: int) -> None:
    first = 2**40
    data = energy_block([first, first + low, first + low + high])
    parts = cbor.decode(encode_block(data, SALT)[1])
    assert parts[1][0][3].tag == tag
    for other in set(WIDTHS) - {tag}:
        if other > tag:
            wide = [None, [["energy", 0, first, array(low, high, tag=other)]], [[0, 3]]]
            ends = header(_3=60_000, _5=[["energy", first]], _6=[["energy", first + low + high]])
            assert body_code(wide, ends) == "block-width"


@pytest.mark.parametrize("numbers", [
    [VALUE_LIMIT - 1, 0, VALUE_LIMIT - 1], [1 - VALUE_LIMIT, VALUE_LIMIT - 1], [0, VALUE_LIMIT - 1, 1 - VALUE_LIMIT]])
def test_values_up_to_the_limit_come_back_whatever_the_steps_between(numbers: list[int]) -> None:
    _, decoded = decode_block(*encode_block(energy_block(numbers), SALT))
    assert decoded.columns[0].values.tolist() == numbers


@pytest.mark.parametrize("steps", [(2**62, 0), (2**62, 2**62), (-2**62, -2**62), (2**63 - 1, 1), (-2**63, -2**63)])
def test_a_sum_that_leaves_the_range_or_64_bits_is_refused(steps: tuple[int, int]) -> None:
    ends = header(_3=60_000, _5=[["energy", 0]], _6=[["energy", 0]])
    assert body_code(body(columns=[["energy", 0, 0, array(*steps, tag=75)]]), ends) == "block-value-range"


# properties over whole blocks

values = st.integers(1 - VALUE_LIMIT, VALUE_LIMIT - 1)


@given(st.lists(st.lists(values, min_size=4, max_size=4), min_size=1, max_size=5), st.data())
def test_columns_side_by_side_are_the_columns_one_by_one(lists: list[list[int]], data: st.DataObject) -> None:
    """Grouping by shape orders nothing: each row is the column it says it is, with its own extremes."""
    columns = tuple(Column(f"q{i}", 0, np.array(numbers, np.int64)) for i, numbers in enumerate(lists))
    made = BlockData("m:main", START + 1000 * np.arange(4, dtype=np.int64), columns, np.zeros(4, np.int64))
    head, packed = encode_block(made, SALT)
    opened = decode_body(packed, decode_header(head))
    axes = data.draw(st.lists(st.integers(0, 2), min_size=len(lists), max_size=len(lists)))
    seen = []
    for group in unpack(opened.columns, axes):
        assert len({axes[row] for row in group.rows}) == 1
        for at, row in enumerate(group.rows):
            numbers = lists[row]
            steps = [two - one for one, two in pairwise(numbers)]
            assert group.values[at].tolist() == numbers
            assert (group.lows[at], group.highs[at]) == (min(numbers), max(numbers))
            assert (group.falls[at], group.leaps[at]) == (min(steps), max(steps))
            seen.append(row)
    assert sorted(seen) == list(range(len(lists)))
    assert [column.values.tolist() for column in columns_of(opened)] == lists


@given(st.lists(st.integers(1, 2 * MAX_STEP), min_size=1, max_size=8), st.integers(0, 2**41))
def test_times_come_back_and_the_last_of_them_is_known_without_the_others(deltas: list[int], start: int) -> None:
    times = np.array([start, *(start + np.cumsum(deltas)).tolist()], np.int64)
    data = energy_block([0] * len(times))._replace(times=times)
    head, packed = encode_block(data, SALT)
    decoded = decode_header(head)
    opened = decode_body(packed, decoded)
    assert times_of(decoded, opened).tolist() == times.tolist()
    assert last_time(decoded, opened) == times[-1]
    # one spelling for one fact: a step exactly where all are equal and within a day
    assert (decoded.step > 0) is (len(set(deltas)) == 1 and deltas[0] <= MAX_STEP)


@given(st.lists(st.sampled_from([int(code) for code in Quality]), min_size=1, max_size=30))
def test_quality_comes_back_and_its_summary_counts_it(codes: list[int]) -> None:
    head, packed = encode_block(energy_block([0] * len(codes), quality=codes), SALT)
    decoded = decode_header(head)
    assert quality_of(decode_body(packed, decoded)).tolist() == codes
    assert decoded.quality_summary == tuple((code, codes.count(code)) for code in sorted(set(codes)))


def test_the_last_time_of_silence_is_the_end_of_its_gap() -> None:
    quiet = BlockData("m:main", np.empty(0, np.int64), (), np.empty(0, np.int64), (), Gap(1, START, START + 77))
    head, packed = encode_block(quiet, SALT)
    decoded = decode_header(head)
    assert last_time(decoded, decode_body(packed, decoded)) == START + 77


@pytest.mark.parametrize(("size", "kept"), [(MAX_BODY_BYTES, True), (MAX_BODY_BYTES + 1, False)])
def test_a_body_as_large_as_one_may_be_is_stored_and_read_back(size: int, kept: bool) -> None:
    """What the decoder takes the store gives back; a bomb behind a few stored bytes is damaged, not unpacked."""
    data = bytes(size)
    stored = pack_body(data)
    assert len(stored) < size // 100
    if kept:
        assert unpack_body(stored) == data
    else:
        with pytest.raises(VerificationFailed, match="body-damaged"):
            unpack_body(stored)
