"""The meters of the fictitious plant (蓝河特钢 steel works, 蓝河新能源 rooftop PV) as pure functions of time.

| meter | what it shows | origin |
|---|---|---|
| m:lanhe-main | purchased electricity of the steel works | the real sample, its year moved, interpolated |
| m:lanhe-furnace | sub-meter of the arc furnace | simulated: a fixed share of the main meter |
| m:lanhe-compressor | compressed air after the energy-saving project | simulated: a fixed share of the main meter |
| m:lanhe-pv | generation of the rooftop PV plant | simulated: seeded sun and clouds |
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from adapters.modbus_tcp.profile import DeviceProfile, Layout, Point, WordOrder
from core.errors import InputError
from simulator.pv import SolarPlant
from simulator.sample import YEAR_MS, SteelCurve

ENERGY_IMPORT, ENERGY_EXPORT, POWER = "energy-import", "energy-export", "power"
# Shares of the main meter, in thousandths.
FURNACE_PERMILLE = 620
COMPRESSOR_PERMILLE = 85

# Registers of every meter of the plant, counted from 0; power counts in the meter's own direction.
IMPORT_ADDRESS, EXPORT_ADDRESS, POWER_ADDRESS = 0, 4, 8
TEXT_ADDRESS, TEXT_REGISTERS = 100, 40
MEASURED_SAMPLE = "public sample, year moved, interpolated"
SIMULATED = "simulated"


@dataclass(frozen=True)
class Values:
    """What a meter shows: registers in Wh (None: not implemented) and power in W."""

    import_wh: int | None
    export_wh: int | None
    power_w: int


@dataclass(frozen=True)
class PlantMeter:
    """One meter: its place on the bus, where its values come from, and the function that gives them."""

    meter: str
    device_id: int
    word_order: WordOrder
    origin: str
    values: Callable[[int], Values]
    exports: bool = False

    @property
    def profile(self) -> DeviceProfile:
        """The point map with which a gateway reads it."""
        energy = (Point(ENERGY_EXPORT, "Wh", EXPORT_ADDRESS, Layout.U64) if self.exports
                  else Point(ENERGY_IMPORT, "Wh", IMPORT_ADDRESS, Layout.U64))
        return DeviceProfile(self.meter, self.device_id, (energy, Point(POWER, "W", POWER_ADDRESS, Layout.I32)),
                             self.word_order)

    @property
    def text(self) -> str:
        """What the device says about itself, in its text registers."""
        return f"SIMULATED DEVICE {self.meter}: {self.origin}"


class Plant:
    """The four meters. `sample_end`: see simulator.sample; `seed` feeds the clouds."""

    def __init__(self, sample_end: int, seed: bytes = b"carbonseal demonstration plant") -> None:
        self._steel = SteelCurve(sample_end)
        self._sun = SolarPlant(seed, sample_end - YEAR_MS)
        self.meters = (
            PlantMeter("m:lanhe-main", 1, "big", MEASURED_SAMPLE, self._share(1000, 48_210_000)),
            PlantMeter("m:lanhe-furnace", 2, "little", SIMULATED, self._share(FURNACE_PERMILLE, 31_904_000)),
            PlantMeter("m:lanhe-pv", 3, "big", SIMULATED, self._solar, exports=True),
            PlantMeter("m:lanhe-compressor", 4, "big", SIMULATED, self._share(COMPRESSOR_PERMILLE, 5_377_000)),
        )

    def meter(self, name: str) -> PlantMeter:
        """The meter of that id. Raises InputError (meter-unknown)."""
        for meter in self.meters:
            if meter.meter == name:
                return meter
        raise InputError("meter-unknown", f"the plant has no meter {name}",
                         hint="one of " + ", ".join(meter.meter for meter in self.meters))

    def _share(self, permille: int, opening_wh: int) -> Callable[[int], Values]:
        """A meter that carries a share of the main load; `opening_wh` stood on it when the sample's year began."""
        def values(instant: int) -> Values:
            energy = self._steel.energy_wh(instant) * permille // 1000
            return Values(opening_wh + energy, None, self._steel.power_w(instant) * permille // 1000)
        return values

    def _solar(self, instant: int) -> Values:
        return Values(None, self._sun.energy_wh(instant), self._sun.power_w(instant))
