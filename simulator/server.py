"""The plant as a Modbus TCP server: one device id for each meter, values of the present instant in every answer."""

from __future__ import annotations

from typing import Any

from pymodbus.constants import ExcCodes
from pymodbus.pdu.device import ModbusDeviceIdentification
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from adapters.modbus_tcp.codec import words_of
from adapters.modbus_tcp.profile import Layout
from core.clock import Clock
from core.errors import CarbonSealError, Unavailable
from simulator.plant import (
    IMPORT_ADDRESS,
    POWER_ADDRESS,
    TEXT_ADDRESS,
    TEXT_REGISTERS,
    Plant,
    PlantMeter,
)

IDENTIFICATION = {
    "VendorName": "CarbonSeal (simulated)",
    "ProductCode": "SIMULATED-PLANT",
    "MajorMinorRevision": "1",
    "ProductName": "Simulated plant, no measurement",
    "ModelName": "Steel sample UCI 851 moved to the present; rooftop PV invented",
}


class PlantServer:
    """Serves a plant's meters until it is stopped."""

    def __init__(self, plant: Plant, clock: Clock, host: str, port: int) -> None:
        self._plant, self._clock, self._host, self._port = plant, clock, host, port
        self._server: Any = None

    async def start(self) -> int:
        """Begin to listen; the port (the free one that was found, if 0 was asked for). Raises Unavailable."""
        identity: Any = ModbusDeviceIdentification
        self._server = ModbusTcpServer(
            [_device(meter, self._clock) for meter in self._plant.meters],
            identity=identity(info_name=IDENTIFICATION), address=(self._host, self._port))
        try:
            await self._server.serve_forever(background=True)
        except RuntimeError as error:
            raise Unavailable("simulator-listen", f"the plant cannot listen: {error}",
                              where=f"{self._host}:{self._port}", hint="choose a free port") from None
        return int(self._server.transport.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop listening and close every connection."""
        if self._server is not None:
            await self._server.shutdown()
            self._server = None


def registers_of(meter: PlantMeter, instant: int) -> list[int]:
    """The registers 0 to 9 of a meter at an instant: import, export (Wh), power (W)."""
    values, order = meter.values(instant), meter.word_order
    energy = [Layout.U64.absent if wh is None else wh for wh in (values.import_wh, values.export_wh)]
    return [*words_of(energy[0], Layout.U64, order), *words_of(energy[1], Layout.U64, order),
            *words_of(values.power_w, Layout.I32, order)]


def _device(meter: PlantMeter, clock: Clock) -> SimDevice:
    async def answer(_function: int, start: int, _address: int, _count: int, registers: list[int],
                     _values: Any) -> ExcCodes | None:
        try:
            registers[IMPORT_ADDRESS - start : POWER_ADDRESS + Layout.I32.words - start] = registers_of(
                meter, clock.now())
        except CarbonSealError:
            return ExcCodes.DEVICE_FAILURE
        return None

    blocks = [
        SimData(IMPORT_ADDRESS, values=[0] * (POWER_ADDRESS + Layout.I32.words), datatype=DataType.REGISTERS,
                readonly=True),
        SimData(TEXT_ADDRESS, values=meter.text.encode()[: 2 * TEXT_REGISTERS].ljust(2 * TEXT_REGISTERS).decode(),
                datatype=DataType.STRING, readonly=True),
    ]
    return SimDevice(meter.device_id, blocks, action=answer)
