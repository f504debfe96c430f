"""Three claims become certificates: emission, reduction, green power. Each party uses only its own keys."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

from cli.demo.screen import Screen
from cli.demo.stage import Stage
from cli.demo.world import (
    COMPRESSOR,
    ENERGY,
    ENERGY_EXPORT,
    ENERGY_IMPORT,
    GRID_REGION,
    MAIN,
    PV,
    SAVING_FACILITY,
    STEEL,
    VERIFIER,
    Party,
)
from cli.desks.enterprise import EnterpriseDesk, Facts
from cli.desks.verifier import Review, VerifierDesk
from core.claims import ClaimDocument, DocumentInput, MeterInput
from core.errors import CarbonSealError
from core.period import DAY_MS, Period
from verify.trust import load_trust

CRITERIA = ("docs/spec of this deployment", "ISO 14064-3 vocabulary; demonstration, no audit")
REASONS = "演示脚本复算了全部明细；这不是审计。A script recomputed every detail; this is no audit."
# Stated by the fictitious enterprise: what the compressor hall used in a week before the retrofit.
BASELINE_KWH_A_DAY = 720
GAS_INVOICE_1E4NM3 = Decimal("0.86")


@dataclass(frozen=True)
class Certified:
    """A certificate of the demonstration: its claim, statement (payload digest, hex) and figures."""

    name: str
    claim: ClaimDocument
    statement: str
    amount: str
    unit: str


def emission_facts(period: Period, documents: Path) -> Facts:
    """The steel enterprise's inventory: purchased electricity from its main meter, natural gas by invoice."""
    invoice = _document(documents, "gas-invoice.txt", "天然气结算单（虚构）invented invoice: 0.86 万Nm3 10^4 Nm3")
    return Facts(
        subject=STEEL.org, boundary="蓝河特钢厂区（燃料燃烧与购入电力）", period=period,
        methodology="inventory.enterprise",
        inputs={"purchased_electricity": [MeterInput(MAIN.meter, ENERGY_IMPORT)],
                "gas.natural_gas": [DocumentInput(invoice, GAS_INVOICE_1E4NM3, "1e4Nm3", "天然气结算单")]},
        options={"region": GRID_REGION})


def reduction_facts(period: Period, documents: Path) -> Facts:
    """The compressor hall's saving against a stated baseline."""
    baseline = Decimal(BASELINE_KWH_A_DAY * (period.end - period.start) // DAY_MS)
    report = _document(documents, "baseline-report.txt", f"空压站基准线报告（虚构）invented baseline: {baseline} kWh")
    return Facts(
        subject=STEEL.org, boundary="蓝河特钢空压站改造", period=period, methodology="reduction.energy-saving",
        inputs={"baseline_electricity": [DocumentInput(report, baseline, "kWh", "空压站基准线报告")],
                "project_electricity": [MeterInput(COMPRESSOR.meter, ENERGY_IMPORT)]},
        options={"region": GRID_REGION, "facilities": [SAVING_FACILITY]})


def green_power_facts(period: Period) -> Facts:
    """Whole megawatt-hours of the rooftop PV register."""
    return Facts(
        subject=ENERGY.org, boundary="蓝河屋顶光伏", period=period, methodology="green-power.pv",
        inputs={"generation": [MeterInput(PV.meter, ENERGY_EXPORT)]}, claim_point=PV.claim_point)


def certify(stage: Stage, screen: Screen, name: str, party: Party, facts: Facts) -> Certified | None:
    """Claim, statement, the verifier's own checks, opinion, issue; None when less than one unit came together."""
    enterprise = EnterpriseDesk(stage.node(party.org), stage.parties.of(party).account, stage.clock)
    try:
        document = enterprise.draft(facts)
        claim = enterprise.submit(document)
    except CarbonSealError as error:
        if error.code not in ("amount-zero", "claim-below-one-unit"):
            raise
        screen.line(f"{name}：不足一个单位，余量留待下期", f"{name}: less than one unit, the remainder waits")
        return None
    payload = claim["statement"]["payload"]
    result, certificate = payload["result"], payload["certificate"]
    screen.line(f"{party.zh}签名声明 → 计算书：{result['value']} {result['unit']}",
                f"{party.en} signs its claim → statement: {result['value']} {result['unit']}")
    review = give_opinion(stage, claim["claim"])
    screen.line(f"核查方（演示脚本，不是审计）复算 {review.entries} 条日志条目与清单，核对全部明细，签署意见",
                f"verifier (demonstration script, no audit) recomputes {review.entries} entries, all details, signs")
    screen.line(f"签发：{certificate['amount']} {certificate['unit']}",
                f"issued: {certificate['amount']} {certificate['unit']}")
    return Certified(name, document, claim["statement"]["digest"], certificate["amount"], certificate["unit"])


def give_opinion(stage: Stage, claim: str) -> Review:
    """The scripted verifier, with its own key and trust list: review, opinion, issue. Raises what refuses any of it."""
    desk = VerifierDesk(stage.node(VERIFIER.org), VERIFIER.org, stage.parties.of(VERIFIER).account,
                        load_trust(stage.directory / "trust.json"), stage.clock)
    review = desk.review(claim)
    desk.submit(claim, desk.sign(review, CRITERIA, REASONS))
    return review


def _document(folder: Path, name: str, text: str) -> bytes:
    """A fictitious document in the enterprise's own folder; only its digest goes into the claim."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text + "\n", encoding="utf-8")
    return sha256(path.read_bytes()).digest()
