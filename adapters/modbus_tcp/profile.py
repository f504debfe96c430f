"""The profile of a Modbus meter: which registers hold what. It is data of the meter's maker, never guessed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Literal

from core.errors import InputError
from core.ids import check_id

# The specification allows at most 125 registers in one answer (Modbus Application Protocol V1.1b3, 6.3).
MAX_REGISTERS = 125
MAX_ADDRESS = 0xFFFF
MAX_DEVICE_ID = 247
# |scale| beyond this is a typing error: 10^9 already turns Wh into GWh.
MAX_SCALE = 9

WordOrder = Literal["big", "little"]
Table = Literal["holding", "input"]


class Layout(Enum):
    """How a number lies in registers: (16-bit words, signed, SunSpec's value for "not implemented")."""

    U16 = (1, False, 0xFFFF)
    I16 = (1, True, -(2**15))
    U32 = (2, False, 0xFFFFFFFF)
    I32 = (2, True, -(2**31))
    U64 = (4, False, 0xFFFFFFFFFFFFFFFF)
    I64 = (4, True, -(2**63))

    @property
    def words(self) -> int:
        """16-bit registers it takes."""
        return self.value[0]

    @property
    def signed(self) -> bool:
        """Two's complement or natural."""
        return self.value[1]

    @property
    def absent(self) -> int:
        """The SunSpec sentinel of "not implemented"."""
        return self.value[2]


@dataclass(frozen=True)
class Point:
    """One number of the device: value = raw × 10^scale `unit`. `sentinel`: the SunSpec value means absent."""

    quantity: str
    unit: str
    address: int
    layout: Layout
    scale: int = 0
    sentinel: bool = False

    def __post_init__(self) -> None:
        check_id(self.quantity, where="quantity")
        if not 0 <= self.address <= MAX_ADDRESS + 1 - self.layout.words:
            raise InputError("modbus-address", f"address {self.address} is outside the register space",
                             where=self.quantity, hint="0 to 65535, counted from 0 as on the wire")
        if abs(self.scale) > MAX_SCALE:
            raise InputError("modbus-scale", f"scale {self.scale} is not plausible", where=self.quantity,
                             hint="value = raw × 10^scale")

    @property
    def end(self) -> int:
        """The first register after it."""
        return self.address + self.layout.words


@dataclass(frozen=True)
class DeviceProfile:
    """The point map of one meter behind one device id. All points are read in one request."""

    meter: str
    device_id: int
    points: tuple[Point, ...]
    word_order: WordOrder = "big"
    table: Table = "holding"

    def __post_init__(self) -> None:
        check_id(self.meter, where="meter")
        if not 0 <= self.device_id <= MAX_DEVICE_ID:
            raise InputError("modbus-device-id", f"device id {self.device_id} is out of range", where=self.meter,
                             hint="0 to 247; behind a gateway usually 1 to 247")
        if not self.points or len({point.quantity for point in self.points}) != len(self.points):
            raise InputError("modbus-points", "a meter needs points, each quantity once", where=self.meter)
        if self.count > MAX_REGISTERS:
            raise InputError("modbus-span", f"the points span {self.count} registers, one request reads 125",
                             where=self.meter, hint="split the meter's points over two profiles")

    @cached_property
    def address(self) -> int:
        """The first register to ask for."""
        return min(point.address for point in self.points)

    @cached_property
    def count(self) -> int:
        """How many registers to ask for."""
        return max(point.end for point in self.points) - self.address
