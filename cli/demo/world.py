"""Who and what the demonstration is about. Everything here is invented but the steel plant's readings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

ORIGIN = "demo.carbonseal.invalid/lanhe-park"
SITE = "site:lanhe"
ZONE = "Asia/Shanghai"
GATEWAY = "gw:lanhe-1"
GRID_REGION = "jiangsu"

NOTICE_ZH = (
    "演示：园区、企业与机构均为虚构；钢铁用电取自真实工厂一年的 15 分钟读数（UCI 851，CC BY 4.0），时间平移至今日，"
    "分钟值为线性插值；光伏、分表与节能项目为模拟；链为单机开发链，无见证人。"
)
NOTICE_EN = (
    "Demonstration: park, companies and bodies are invented. Steel readings are a real plant's year at 15 minutes "
    "(UCI 851, CC BY 4.0) moved to end today, minutes interpolated; PV, sub-meter and saving project are simulated; "
    "the chain is a single-machine development chain; no witnesses."
)


@dataclass(frozen=True)
class Party:
    """A participant. `folder`: where its keys are made; `governor`: also one of the registry's governors."""

    org: str
    folder: str
    zh: str
    en: str
    roles: tuple[str, ...]
    accreditation: str | None = None
    group: str | None = None
    jurisdiction: str = "CN-JS"


PARK = Party("org:lanhe-park", "park", "蓝河零碳产业园", "Lanhe Zero-Carbon Park", ("enterprise",))
STEEL = Party("org:lanhe-steel", "steel", "蓝河特钢", "Lanhe Special Steel", ("enterprise",))
ENERGY = Party("org:lanhe-energy", "energy", "蓝河新能源", "Lanhe New Energy", ("enterprise",))
VERIFIER = Party("org:suzheng", "verifier", "苏证核查", "Suzheng Verification", ("verifier",),
                 "DEMO-ACC-001（虚构 invented）")
TRADER = Party("org:jianghui", "trader", "江汇碳贸", "Jianghui Carbon Trading", ("trader",))
GOVERNMENT = Party("org:gov-js", "government", "省级主管部门（虚构）", "Provincial authority (invented)",
                   ("government",))
REGISTRAR = Party("org:registrar", "registrar", "登记方", "Registrar", ("registrar", "rule-publisher"))
PARTIES = (PARK, STEEL, ENERGY, VERIFIER, TRADER, GOVERNMENT, REGISTRAR)
GOVERNORS = ("governor-1", "governor-2", "governor-3")
GOVERNOR_THRESHOLD = 2

POWER, ENERGY_IMPORT, ENERGY_EXPORT = "power", "energy-import", "energy-export"


# The furnace meter sends its words in the other order, as some makers do.
FURNACE_UNIT = 2


@dataclass(frozen=True)
class Meter:
    """A meter of the demonstration. `capacity_w` in W; `unit_id`: its Modbus device id."""

    meter: str
    owner: Party
    unit_id: int
    register: str
    direction: str
    capacity_w: int
    source_zh: str
    source_en: str
    origin: str = "simulated"
    parent: str | None = None
    claim_point: str | None = None

    @property
    def word_order(self) -> str:
        """Order of the 16-bit words of its registers."""
        return "little" if self.unit_id == FURNACE_UNIT else "big"

    @property
    def register_address(self) -> int:
        """Modbus address of its cumulative register."""
        return 4 if self.register == ENERGY_EXPORT else 0

    def profile(self, calibration_until: str) -> dict[str, Any]:
        """The profile the registrar signs (docs/spec/history.md)."""
        return {
            "carrier": "electricity",
            "columns": [
                {"quantity": self.register, "unit": "Wh", "scale": "0", "kind": "register", "width": "12",
                 "min": "0", "max": "999999999999"},
                {"quantity": POWER, "unit": "W", "scale": "0", "kind": "gauge", "width": None,
                 "min": "0", "max": str(2 * self.capacity_w)},
            ],
            "direction": self.direction, "capacity_w": str(self.capacity_w), "accuracy_class": "0.5S",
            "calibration_until": calibration_until, "gateway": GATEWAY, "parent": self.parent,
            "org": self.owner.org, "serial": f"DEMO-{self.unit_id:04d}",
            "origin": self.origin,
        }


MAIN = Meter("m:lanhe-main", STEEL, 1, ENERGY_IMPORT, "import", 800_000, "真实读数（UCI 851），插值至分钟",
             "real readings (UCI 851), interpolated to minutes", origin="interpolated")
FURNACE = Meter("m:lanhe-furnace", STEEL, 2, ENERGY_IMPORT, "import", 600_000, "模拟：总表的固定份额",
                "simulated: a fixed share of the main meter", parent="m:lanhe-main")
PV = Meter("m:lanhe-pv", ENERGY, 3, ENERGY_EXPORT, "generation", 500_000, "模拟：屋顶光伏", "simulated: rooftop PV",
           claim_point="cp:lanhe-pv")
COMPRESSOR = Meter("m:lanhe-compressor", STEEL, 4, ENERGY_IMPORT, "import", 200_000, "模拟：改造后的空压站",
                   "simulated: the retrofitted compressor station")
METERS = (MAIN, FURNACE, PV, COMPRESSOR)
SAVING_FACILITY = "fac:lanhe-compressor-hall"
