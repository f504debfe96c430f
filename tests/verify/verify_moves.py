"""Worlds whose meters move in the period."""

from __future__ import annotations

from verify_world import (
    ENTERPRISE,
    EXPORT,
    FRAME,
    GATEWAY,
    HOUR,
    IMPORT,
    MAIN,
    PERIOD,
    PV,
    START,
    World,
    raw_at,
    signer,
)

from attestation import envelope
from attestation.carriers import Carrier
from attestation.frame import KEY, EpochStart
from core.period import instant_text

SECOND, THIRD = "gw:lanhe-2", "gw:lanhe-3"


class Moving(World):
    """Registers its meters again, at another gateway."""

    def move(self, moment: int, gateway: str, key: str, meters: tuple[str, ...] = (PV, MAIN)) -> None:
        """A new gateway carries these meters from a moment on."""
        self.register("device", envelope.DEVICE, gateway, "enrol", moment - HOUR, {
            "public_key": signer(key).public_key.hex(), "site": "site:lanhe", "org": ENTERPRISE})
        for meter in meters:
            quantity, times = (EXPORT, 1) if meter == PV else (IMPORT, 2)
            reading = str(raw_at(moment) * times)
            self.register("meter", envelope.METER, meter, "move", moment, {"gateway": gateway, "registers": [{
                "quantity": quantity, "closing": {"position": reading, "time": instant_text(moment)},
                "opening": {"raw": reading, "time": instant_text(moment)}}]})


class TwiceMoved(Moving):
    """Both meters move at positions 4 and 6; the gateway between dates its first frame a year ahead."""

    gateways_in_time = (GATEWAY, SECOND, THIRD)

    def _part(self, position: int) -> int:
        return (position >= 4) + (position >= 6)

    def carrier(self, position: int) -> tuple[str, str]:
        return self.gateways_in_time[self._part(position)], ("gateway", "second", "third")[self._part(position)]

    def where(self, position: int) -> tuple[int, int]:
        return 0, position - (0, 4, 6)[self._part(position)]

    def ahead(self, position: int) -> int:
        return 365 * 24 * HOUR if position == 4 else 0

    def gateways(self) -> list[str]:
        return list(self.gateways_in_time)

    def ends(self) -> list[int]:
        return [3, 5, *super().ends()]

    def carriers(self) -> list[Carrier]:
        first, second = self.histories[MAIN][1:]
        times = [PERIOD.start, START + 2 * FRAME, START + 4 * FRAME, PERIOD.end]
        return [Carrier(gateway, *times[i : i + 2], since=(None, first, second)[i], until=(first, second, None)[i])
                for i, gateway in enumerate(self.gateways_in_time)]

    def _frame(self, seq: int) -> None:
        if seq in (4, 6):
            self.move(START + (seq - 2) * FRAME, *self.carrier(seq))
            self.prev = EpochStart(None, KEY)
        super()._frame(seq)
