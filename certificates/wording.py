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
    "after-transcriptions": Words("依据转引文本编制，未见标准原文，不声称符合该标准。",
                                  "Written after transcriptions, not the standard's own text: no conformity claimed."),
    "residual-factor-approximated": Words("中国无官方剩余电力因子，以“不含市场化交易的非化石能源”因子代替。",
                                          "China has no official residual mix; the factor excluding market-traded "
                                          "non-fossil power stands for it."),
    "estimated-input": Words("部分输入为估算值。", "Some inputs are estimated."),
    "manual-input": Words("部分输入为人工填报。", "Some inputs were entered by hand."),
    "example-input": Words("部分输入仍为程序打印的示例数据，不是企业的数据。",
                           "Some inputs are still those of a printed example and are nobody's data."),
    "declared-input": Words("部分输入为声明值，无计量或凭证。", "Some inputs are declared, without meter or document."),
    "substituted-input": Words("部分缺口按保守规则替代，逐项列明。",
                               "Some gaps are filled by the conservative rule; each is listed."),
    "gap-uncovered": Words("部分计量表在期间内有未读取的时段，逐项列明时段与占比。",
                           "A meter leaves part of the period unread; time and share of each such part are listed."),
    "coverage-partial": Words("部分凭证只覆盖期间的一部分，未覆盖的时段与占比逐项列明。",
                              "Some documents cover only part of the period; what they leave open is listed."),
    "reading-stale": Words("部分计量表的期初读数明显早于期初，期前用量计入其中。",
                           "A meter's opening reading is well before the period; what it counted until then is "
                           "included."),
    "period-split": Words("期间跨越规则变更，已按变更日分段核算。",
                          "The period crosses a change of a rule and is calculated in parts."),
    "period-unusual": Words("期间不是整日历日，或长于一年。",
                            "The period is not of whole calendar days, or longer than a year."),
    "other-precision": Words("位数并非报告所用的 40 位，仅供核对。",
                             "Not with the 40 digits of a statement; only to hold against another tool."),
    "statement-before-period-end": Words("计算日期早于期末：因子取该日已发布者，结果仅为预测。",
                                         "Dated before the period ended: factors as published then; a forecast only."),
    "result-below-zero": Words("结果为负：外供多于购入；请核对输入是否颠倒。不据此出具声明。",
                               "The result is below zero: more is given away than bought; see whether two inputs were"
                               " exchanged. No statement is made of it."),
    "reduction-negative": Words("减排量为负：项目排放高于基准线；数值如实列出，不据此签发任何单位。",
                                "The reduction is negative: the project emitted more than its baseline. The figure is "
                                "shown; nothing is certified of it."),
    "source-priority-dropped": Words("部分输入的来源优先级低于上一期。",
                                     "Some inputs come from a lower source than in the statement before."),
    "calibration-lapsed": Words("部分计量器具的检定在期末前到期。",
                                "The calibration of a meter lapsed before the period ended."),
    "calibration-unknown": Words("部分计量器具未登记检定有效期。", "No calibration of a meter is on record."),
    "capacity-exceeded": Words("部分计量数据超过器具登记容量所能达到的数量。",
                               "A meter counted more than its registered capacity allows."),
    "uncertainty-partial": Words("不确定度仅含已说明的输入。",
                                 "The uncertainty covers only the inputs that state one."),
    "uncertainty-not-carried": Words("输入的不确定度未能传递至结果。",
                                     "The uncertainty of the inputs could not be carried to the result."),
    "basis-equal-value": Words("按等价值折标准煤，不得与当量值混用。",
                               "Standard coal on the equal-value basis; never mixed with the equivalent one."),
    "basis-equivalent": Words("按当量值折标准煤，不得与等价值混用。",
                              "Standard coal on the equivalent basis; never mixed with the equal-value one."),
    "cut-off-limits-of-the-methodology": Words("舍去界限由方法学设定，并非标准原文。",
                                               "The cut-off limits are the methodology's, not the standard's text."),
    "default-values": Words("采用默认值而非实测值。", "Default values stand for measured ones."),
    "no-floor-at-zero": Words("结果未以零为下限，可为负。", "The result has no floor at zero and may be negative."),
    "not-a-ccer": Words("本核算不是国家核证自愿减排量（CCER）。",
                        "This is no China Certified Emission Reduction (CCER)."),
    "stated-baseline": Words("基准线由申报方给出。", "The baseline is as stated by the claimant."),
    "scenario": Words("情景测算：基于假设，从不用于声明或核查。",
                      "A scenario: it rests on assumptions and is never attested."),
    "not-attested": Words("本报告为测算，未形成入链声明，未经核查。",
                          "A calculation: no statement was made of it, nobody has verified it."),
    "no-opinion": Words("核查方尚未对本声明出具意见。", "No verifier has given an opinion on this statement yet."),
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
