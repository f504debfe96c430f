"""Registers ↔ integers ↔ readings, and whole frames of Modbus TCP and RTU. Pure: no socket, no clock, no float."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from adapters.modbus_tcp.profile import DeviceProfile, Layout, Point, WordOrder
from core.errors import FormError, InputError
from core.records import Reading

# A PDU is at most 253 bytes; TCP puts 7 in front, RTU 1 in front and 2 behind (Modbus Application
# Protocol V1.1b3, 4.1).
MAX_PDU_BYTES = 253
READ_HOLDING, READ_INPUT = 3, 4
READ_FUNCTIONS = (READ_HOLDING, READ_INPUT)
_EXCEPTION_FLAG = 0x80

EXCEPTIONS = {
    1: "illegal function", 2: "illegal data address", 3: "illegal data value", 4: "server device failure",
    5: "acknowledge", 6: "server device busy", 8: "memory parity error", 10: "gateway path unavailable",
    11: "gateway target device failed to respond",
}


@dataclass(frozen=True)
class Message:
    """One frame: a request names `address` and `count`, a response holds `registers`, a refusal `exception`."""

    device_id: int
    function: int
    transaction: int | None = None
    address: int | None = None
    count: int | None = None
    registers: tuple[int, ...] | None = None
    exception: int | None = None


def decode_registers(profile: DeviceProfile, registers: Sequence[int], instant: int | None) -> list[Reading]:
    """The readings in the registers of one answer, which starts at `profile.address`. Absent points are left out.

    Raises FormError (modbus-registers) unless there are exactly `profile.count` 16-bit values.
    """
    if len(registers) != profile.count or not all(0 <= word <= 0xFFFF for word in registers):
        raise FormError("modbus-registers", f"{len(registers)} registers where {profile.count} were asked for",
                        where=profile.meter)
    readings = []
    for point in profile.points:
        offset = point.address - profile.address
        raw = integer_of(registers[offset : offset + point.layout.words], point.layout, profile.word_order)
        if not (point.sentinel and raw == point.layout.absent):
            readings.append(Reading(profile.meter, point.quantity, scaled(raw, point), point.unit, instant))
    return readings


def scaled(raw: int, point: Point) -> Decimal:
    """raw × 10^scale, exactly."""
    return Decimal(raw).scaleb(point.scale) if point.scale else Decimal(raw)


def integer_of(words: Sequence[int], layout: Layout, order: WordOrder) -> int:
    """The integer of registers. `order` is that of the words; bytes inside a word are always big-endian."""
    ordered = words if order == "big" else words[::-1]
    data = b"".join(word.to_bytes(2, "big") for word in ordered)
    return int.from_bytes(data, "big", signed=layout.signed)


def words_of(value: int, layout: Layout, order: WordOrder) -> list[int]:
    """The registers of an integer. Raises FormError (modbus-value-range) when it does not fit."""
    try:
        data = value.to_bytes(2 * layout.words, "big", signed=layout.signed)
    except OverflowError:
        raise FormError("modbus-value-range", f"{value} does not fit {layout.name}") from None
    words = [int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2)]
    return words if order == "big" else words[::-1]


def parse_tcp(data: bytes) -> Message:
    """The message of one Modbus TCP frame (MBAP header and PDU), whole and nothing after it. Raises FormError."""
    if not 9 <= len(data) <= MAX_PDU_BYTES + 7:
        raise FormError("modbus-frame-length", f"a frame of {len(data)} bytes", hint="9 to 260 bytes")
    transaction, protocol, length = (int.from_bytes(data[i : i + 2], "big") for i in (0, 2, 4))
    if protocol != 0:
        raise FormError("modbus-protocol-id", f"protocol id {protocol} is not Modbus", where="byte 2")
    if length != len(data) - 6:
        raise FormError("modbus-frame-length", f"the header announces {length} bytes, {len(data) - 6} follow",
                        where="byte 4")
    return _message(data[6], data[7:], transaction)


def parse_rtu(data: bytes) -> Message:
    """The message of one Modbus RTU frame with its CRC, whole and nothing after it. Raises FormError."""
    if not 4 <= len(data) <= MAX_PDU_BYTES + 3:
        raise FormError("modbus-frame-length", f"a frame of {len(data)} bytes", hint="4 to 256 bytes")
    expected = crc16(data[:-2])
    if data[-2:] != expected:
        raise FormError("modbus-crc", f"the CRC is {data[-2:].hex()}, the bytes give {expected.hex()}")
    return _message(data[0], data[1:-2], None)


def crc16(data: bytes) -> bytes:
    """CRC-16/MODBUS as it stands on the wire: low byte first."""
    register = 0xFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = (register >> 1) ^ (0xA001 if register & 1 else 0)
    return register.to_bytes(2, "little")


def refusal(code: int, *, where: str) -> InputError:
    """The error for an exception response: a refusal of the device is an error, never a zero."""
    meaning = EXCEPTIONS.get(code, "unknown exception")
    return InputError("modbus-exception", f"the device answers exception {code}: {meaning}", where=where,
                      hint="check device id, register address and table in the point map", exception=code)


def _message(device_id: int, pdu: bytes, transaction: int | None) -> Message:
    if not pdu:
        raise FormError("modbus-frame-length", "a frame without a function")
    function = pdu[0]
    if function & _EXCEPTION_FLAG:
        if len(pdu) != 2:
            raise FormError("modbus-frame-length", f"an exception of {len(pdu)} bytes, 2 are defined")
        return Message(device_id, function & ~_EXCEPTION_FLAG, transaction, exception=pdu[1])
    if function not in READ_FUNCTIONS:
        raise FormError("modbus-function", f"function {function} is not a read of registers", hint="3 and 4 are read")
    # A request has 5 bytes; a response has an even length, so the two never mix.
    if len(pdu) == 5:
        return _request(device_id, pdu, transaction)
    if len(pdu) < 4 or pdu[1] != len(pdu) - 2 or pdu[1] % 2:
        raise FormError("modbus-byte-count", "the byte count does not agree with the bytes that follow")
    words = tuple(int.from_bytes(pdu[i : i + 2], "big") for i in range(2, len(pdu), 2))
    return Message(device_id, function, transaction, registers=words)


def _request(device_id: int, pdu: bytes, transaction: int | None) -> Message:
    address, count = int.from_bytes(pdu[1:3], "big"), int.from_bytes(pdu[3:5], "big")
    if not 1 <= count <= 125 or address + count > 0x10000:
        raise FormError("modbus-request-range", f"{count} registers from {address} cannot be asked for")
    return Message(device_id, pdu[0], transaction, address=address, count=count)
