"""What the lines of a calculation tree are called, in both languages."""

from __future__ import annotations

from collections.abc import Mapping

Title = Mapping[str, str]


def _titles(pairs: Mapping[str, tuple[str, str]]) -> Mapping[str, Title]:
    return {name: {"zh": zh, "en": en} for name, (zh, en) in pairs.items()}


FACTS: Mapping[str, Title] = _titles({
    "formula": ("公式", "formula"), "methodology": ("方法学", "methodology"), "source": ("来源", "source"),
    "locator": ("位置", "locator"), "status": ("状态", "status"), "year": ("数据年份", "data year"),
    "selection": ("选值", "chosen by"),
    "published": ("发布日期", "published"), "valid": ("有效期", "valid"), "printed": ("原文数值", "as printed"),
    "meter": ("计量表", "meter"), "quantity": ("量", "quantity"), "mark": ("结算点", "claim point"),
    "from": ("起", "from"), "to": ("止", "to"), "document": ("凭证", "document"), "digest": ("SHA-256", "SHA-256"),
    "covers": ("凭证所属时段", "covers"), "account": ("户号", "account"),
    "method": ("方式", "method"), "priority": ("来源优先级", "source priority"),
    "uncertainty": ("不确定度", "uncertainty"), "rounding": ("修约", "rounding"),
    "exact": ("修约前", "before rounding"), "carried_in": ("上期结转", "carried in"),
    "carried_out": ("结转下期", "carried out"), "substituted": ("缺口替代", "substituted for a gap"),
    "rate": ("替代速率", "rate"), "declared": ("依据", "backed by"), "items": ("项数", "items"),
})
"""Where a value comes from, by the names of the facts."""

KINDS: Mapping[str, Title] = _titles({
    "result": ("结果", "result"), "output": ("输出", "output"), "call": ("计算", "call"),
    "seen": ("见上", "see above:"), "input": ("输入", "input"), "parameter": ("参数", "parameter"),
    "option": ("选项", "option"), "constant": ("常数", "constant"), "part": ("分段", "part"), "row": ("行", "row"),
    "condition": ("条件", "condition"), "more": ("项未列出", "more, not shown"),
})
"""What a line is, by its kind; a kind without a word is told by its name alone."""
