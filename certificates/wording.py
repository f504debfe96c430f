"""What certificates say in words, Chinese first. Codes are stable, wording is not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from core.records import Conclusion, Kind
from verify.texts import NOTICES as VERIFIER_NOTICES


@dataclass(frozen=True)
class Words:
    """One text in Chinese and in English."""

    zh: str
    en: str


KINDS = {
    Kind.EMISSION: Words("温室气体排放声明", "Greenhouse gas emission statement"),
    Kind.REDUCTION: Words("减排量凭证", "Emission reduction certificate"),
    Kind.GREEN_POWER: Words("绿色电力凭证", "Green power certificate"),
    Kind.PRODUCT_FOOTPRINT: Words("产品碳足迹声明", "Product carbon footprint statement"),
    Kind.CBAM: Words("CBAM 隐含排放声明", "CBAM embedded emissions statement"),
}

STATES = {
    "live": Words("有效", "Live"),
    "pledged": Words("已质押", "Pledged"),
    "retired": Words("已注销", "Retired"),
    "split": Words("已拆分", "Split"),
    "superseded": Words("已被更正替代", "Superseded"),
    "revoked": Words("已撤销", "Revoked"),
}

CONCLUSIONS = {
    Conclusion.UNMODIFIED: Words("无保留意见", "Unmodified"),
    Conclusion.MODIFIED: Words("保留意见", "Modified"),
    Conclusion.ADVERSE: Words("否定意见", "Adverse"),
    Conclusion.DISCLAIMED: Words("无法表示意见", "Disclaimed"),
}

ASSURANCE = {
    "reasonable": Words("合理保证", "Reasonable assurance"),
    "limited": Words("有限保证", "Limited assurance"),
}

PURPOSES = {
    "renewable-use": Words("可再生能源电力消费声明", "Renewable electricity consumption claim"),
    "offset": Words("抵销自身排放", "Offset of own emissions"),
    "compliance": Words("履约", "Compliance"),
    "voluntary": Words("自愿注销", "Voluntary retirement"),
}

DIRECTIONS = {
    "generation": Words("发电计量装置", "Generation meter"),
    "export": Words("上网计量装置", "Export meter"),
    "import": Words("用电计量装置", "Import meter"),
}

ORIGINS = {
    "metered": Words("实测", "metered"),
    "interpolated": Words("插值", "interpolated"),
    "simulated": Words("模拟", "simulated"),
}

NOTICES = {
    "simulated-source": Words("部分或全部计量数据由仿真设备产生，不代表真实发电或用能。",
                              "Some or all metering data come from a simulated device and represent no real energy."),
    "interpolated-source": Words("计量数据由公开数据集重放，数据点之间为插值。",
                                 "Metering data replay a public data set; values between its points are interpolated."),
    "replayed-source": Words("计量数据由公开数据集重放，时间已平移至当前。",
                             "Metering data replay a public data set whose year was moved to the present."),
    "unconfirmed-parameter": Words("所用部分参数尚未对照官方原文确认。",
                                   "Some parameters used have not been confirmed against the official text."),
    "development-chain": Words("锚定在单机开发链上：区块无验证者封印，链上记录仅由运营方单独保管。",
                               "Anchored on a development chain: blocks carry no validator seals and the operator "
                               "keeps the chain alone."),
    "no-witnesses": Words("本日志尚无见证方共同签名。", "No witness co-signs this log."),
    "manifest-unconfirmed": Words("历史清单仅有节点自述，尚无其他读者复算确认。",
                                  "The manifest of histories is the node's word; no other reader has recomputed it."),
    "demonstration": Words("核查方为演示脚本，不构成审核或核查。",
                           "The verifier is a demonstration script; this is no audit."),
    "fictitious-parties": Words("所列机构均为虚构。", "All organisations named are fictitious."),
    "flagged-readings": Words("期间内有存疑读数，已按规则排除在计算之外。",
                              "Doubtful readings of the period are flagged and stay out of the calculation."),
    "gaps": Words("期间内有数据缺口，缺口列于证据文件。", "The period has gaps; the evidence file lists them."),
    "short": Words("来源结算点存在欠量：部分电量已被后续更正取消。",
                   "Short: a later correction withdrew part of the energy behind this certificate."),
    "not-a-national-gec": Words("本凭证不是国家绿证（GEC），不得替代或重复申领。",
                                "This is no national green electricity certificate (GEC) and replaces none."),
    "unconfirmed-formula": Words("所用部分公式尚未对照官方原文确认。",
                                 "Some formulas used have not been confirmed against the official text."),
    "unconfirmed-methodology": Words("所用方法学尚未对照官方原文确认。",
                                     "The methodology has not been confirmed against the official text."),
    "anchor-pending": Words("日志检查点尚未锚定上链。", "The log's checkpoint has not been anchored on the chain yet."),
}

PROVEN = (
    Words("何人签署了何数据，不晚于何时，此后未变", "who signed what, not later than when, unchanged since"),
    Words("所涉计量链条无缺漏，缺口均已列明", "nothing of the signed chain left out; gaps are listed"),
    Words("按所列规则重算，结果逐字节一致", "the result follows, byte for byte, from the rules named"),
    Words("同一千瓦时在本账本内未被二次声明", "no watt-hour is claimed twice within this ledger"),
)

NOT_PROVEN = (
    Words("传感器及其接线是否如实", "that a sensor or its wiring tells the truth"),
    Words("是否有排放源从未登记", "that every source was enrolled at all"),
    Words("在外部登记系统中是否另有声明", "what is claimed in registries outside this ledger"),
    Words("法律效力；本凭证不是国家绿证、CCER 或官方申报",
          "legal effect: this is no national GEC, no CCER, no official filing"),
)


def notices(codes: Iterable[str]) -> list[Words]:
    """The notices of these codes, each once; a code of the verifier has its wording, any other speaks for itself."""
    wanted = set(codes)
    known = [words for code, words in NOTICES.items() if code in wanted]
    return known + [Words(*VERIFIER_NOTICES.get(code, (code, code))) for code in sorted(wanted - set(NOTICES))]


def purpose(code: str) -> Words:
    """The wording of a retirement purpose; free text speaks for itself."""
    return PURPOSES.get(code, Words(code, code))
