"""Registers become exact integers; whatever is not well formed is refused with a code of ours."""

import json
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import adapters.modbus_tcp.codec as codec
from adapters.modbus_tcp.profile import DeviceProfile, Layout, Point
from core.errors import CarbonSealError, FormError, InputError

SAMPLES = json.loads((Path(codec.__file__).parent / "sample.json").read_text())
ENERGY = Point("energy-import", "Wh", 0, Layout.U64)


def profile(*points: Point, order: str = "big") -> DeviceProfile:
    return DeviceProfile("m:1", 1, points, order)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample["name"])
def test_the_samples_give_their_readings(sample):
    points = tuple(Point(**{**point, "layout": Layout[point["layout"]]}) for point in sample["points"])
    readings = codec.decode_registers(profile(*points, order=sample["word_order"]), sample["registers"], 7)
    assert {reading.quantity: str(reading.value) for reading in readings} == sample["readings"]
    assert {reading.time for reading in readings} == {7}


def test_the_published_rtu_frame_is_read():
    message = codec.parse_rtu(bytes.fromhex("1103006B00037687"))
    assert (message.device_id, message.function, message.address, message.count) == (17, 3, 107, 3)


def test_one_wrong_bit_anywhere_in_an_rtu_frame_is_refused():
    good = bytes.fromhex("1103006B00037687")
    for bit in range(8 * len(good)):
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << bit % 8
        with pytest.raises(FormError, match="modbus-crc"):
            codec.parse_rtu(bytes(bad))


def test_a_tcp_answer_is_read():
    message = codec.parse_tcp(bytes.fromhex("0007 0000 0007 01 03 04 0001 E240"))
    assert (message.transaction, message.device_id, message.registers) == (7, 1, (1, 57920))


def test_an_exception_is_an_error_and_never_a_zero():
    message = codec.parse_tcp(bytes.fromhex("0007 0000 0003 01 83 02"))
    assert (message.function, message.exception, message.registers) == (3, 2, None)
    error = codec.refusal(2, where="m:1")
    assert error.code == "modbus-exception"
    assert error.detail == {"exception": 2}
    assert "illegal data address" in error.message


@pytest.mark.parametrize(("frame", "code"), [
    ("0007 0001 0003 01 83 02", "modbus-protocol-id"),
    ("0007 0000 0004 01 83 02", "modbus-frame-length"),
    ("0007 0000 0002 01 83", "modbus-frame-length"),
    ("0007 0000 0004 01 83 02 00", "modbus-frame-length"),
    ("0007 0000 0007 01 03 05 0001 E240", "modbus-byte-count"),
    ("0007 0000 0006 01 03 03 0001 E2", "modbus-request-range"),
    ("0007 0000 0006 01 06 0001 0002", "modbus-function"),
    ("0007 0000 0006 01 03 0000 0000", "modbus-request-range"),
    ("0007 0000 0006 01 03 0000 007E", "modbus-request-range"),
    ("0007 0000 0006 01 03 FFFF 0002", "modbus-request-range"),
    ("0007 0000 0003 01 03 00", "modbus-byte-count"),
])
def test_a_malformed_tcp_frame_is_refused(frame, code):
    with pytest.raises(FormError, match=code):
        codec.parse_tcp(bytes.fromhex(frame))


def test_125_registers_can_be_asked_for_at_the_end_of_the_space():
    message = codec.parse_tcp(bytes.fromhex("0007 0000 0006 01 04 FF83 007D"))
    assert (message.address, message.count) == (0xFF83, 125)


@given(st.binary(max_size=300))
def test_no_bytes_make_the_decoder_raise_anything_but_ours(data):
    for parse in (codec.parse_tcp, codec.parse_rtu):
        with suppress(CarbonSealError):
            parse(data)


@given(st.binary(min_size=1, max_size=253), st.integers(0, 65535))
def test_no_pdu_in_a_right_envelope_makes_it_raise_anything_but_ours(pdu, transaction):
    header = transaction.to_bytes(2, "big") + b"\0\0" + (len(pdu) + 1).to_bytes(2, "big") + b"\1"
    rtu = b"\1" + pdu
    for parse, data in ((codec.parse_tcp, header + pdu), (codec.parse_rtu, rtu + codec.crc16(rtu))):
        with suppress(CarbonSealError):
            parse(data)


@given(st.sampled_from(list(Layout)), st.sampled_from(["big", "little"]), st.data())
def test_every_number_comes_back_from_its_registers(layout, order, data):
    bits = 16 * layout.words
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if layout.signed else (0, 2**bits - 1)
    value = data.draw(st.integers(low, high))
    words = codec.words_of(value, layout, order)
    assert len(words) == layout.words
    assert codec.integer_of(words, layout, order) == value
    with pytest.raises(FormError, match="modbus-value-range"):
        codec.words_of(high + 1, layout, order)
    with pytest.raises(FormError, match="modbus-value-range"):
        codec.words_of(low - 1, layout, order)


@given(st.integers(-(2**31), 2**31 - 1), st.integers(-9, 9))
def test_scaling_is_exact(raw, scale):
    point = Point("power", "W", 0, Layout.I32, scale)
    assert codec.scaled(raw, point) == Decimal(raw) * (Decimal(10) ** scale)


@pytest.mark.parametrize("registers", [[], [0, 0, 0], [0] * 5, [0, 0, 0, 65536], [-1, 0, 0, 0]])
def test_a_wrong_number_of_registers_is_refused(registers):
    with pytest.raises(FormError, match="modbus-registers"):
        codec.decode_registers(profile(ENERGY), registers, 0)


def test_the_sentinel_counts_only_where_the_profile_says_so():
    words = [0xFFFF] * 4
    assert codec.decode_registers(profile(ENERGY), words, 0)[0].value == 2**64 - 1
    marked = Point("energy-import", "Wh", 0, Layout.U64, sentinel=True)
    assert codec.decode_registers(profile(marked), words, 0) == []


def test_a_profile_asks_for_one_span_over_all_its_points():
    power = Point("power", "W", 20, Layout.I32)
    assert (profile(power, ENERGY).address, profile(power, ENERGY).count) == (0, 22)


@pytest.mark.parametrize(("make", "code"), [
    (lambda: Point("power", "W", 65535, Layout.I32), "modbus-address"),
    (lambda: Point("power", "W", -1, Layout.I32), "modbus-address"),
    (lambda: Point("power", "W", 0, Layout.I32, 10), "modbus-scale"),
    (lambda: profile(), "modbus-points"),
    (lambda: profile(ENERGY, ENERGY), "modbus-points"),
    (lambda: profile(ENERGY, Point("power", "W", 124, Layout.I32)), "modbus-span"),
    (lambda: DeviceProfile("m:1", 248, (ENERGY,)), "modbus-device-id"),
])
def test_a_profile_that_cannot_be_asked_for_is_refused(make, code):
    with pytest.raises(InputError, match=code):
        make()


def test_a_profile_may_span_exactly_125_registers():
    assert profile(ENERGY, Point("power", "W", 123, Layout.I32)).count == 125
    assert Point("power", "W", 65534, Layout.I32).end == 65536
