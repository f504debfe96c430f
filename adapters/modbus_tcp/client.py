"""A meter behind Modbus TCP as a Source, on pymodbus."""

from __future__ import annotations

from typing import Any

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException

from adapters.modbus_tcp.codec import decode_registers, refusal
from adapters.modbus_tcp.profile import DeviceProfile
from core.errors import Unavailable
from core.records import Reading

_IDENTIFICATION = {0: "vendor", 1: "product", 2: "revision", 4: "name", 5: "model", 6: "application"}
# Device identification, regular category: all named strings (Modbus Application Protocol V1.1b3, 6.21).
_REGULAR = 2


class ModbusTcpSource:
    """Reads all points of one meter in one request over a connection of its own."""

    def __init__(self, host: str, port: int, profile: DeviceProfile, timeout_ms: int = 1000) -> None:
        self.profile = profile
        self._where = f"{profile.meter} ({host}:{port}, device {profile.device_id})"
        # Retries and reconnection are ours: a poll that failed is a gap, and the next poll starts fresh.
        self._client = AsyncModbusTcpClient(host, port=port, timeout=timeout_ms / 1000, retries=0, reconnect_delay=0)

    @property
    def meter(self) -> str:
        """See Source.meter."""
        return self.profile.meter

    async def read(self, instant: int) -> list[Reading]:
        """See Source.read."""
        ask = (self._client.read_holding_registers if self.profile.table == "holding"
               else self._client.read_input_registers)
        answer = await self._ask(ask, self.profile.address, count=self.profile.count)
        return decode_registers(self.profile, answer.registers, instant)

    async def describe(self) -> dict[str, str]:
        """See Source.describe (Modbus function 43, device identification)."""
        answer = await self._ask(self._client.read_device_information, read_code=_REGULAR)
        found = ((name, answer.information.get(number)) for number, name in _IDENTIFICATION.items())
        return {name: text.decode("utf-8", "replace") for name, text in found if isinstance(text, bytes) and text}

    async def close(self) -> None:
        """See Source.close."""
        self._client.close()

    async def _ask(self, request: Any, *arguments: Any, **named: Any) -> Any:
        try:
            if not self._client.connected and not await self._client.connect():
                raise Unavailable("source-unreachable", "no connection to the meter", where=self._where,
                                  hint="check host, port and that the meter is on")
            answer = await request(*arguments, device_id=self.profile.device_id, **named)
        except (ModbusException, TimeoutError, OSError) as error:
            # Closed, so that a late answer can never be taken for that of the next request.
            self._client.close()
            raise Unavailable("source-timeout", f"the meter did not answer: {error}", where=self._where) from None
        if answer.isError():
            raise refusal(answer.exception_code, where=self._where)
        return answer
