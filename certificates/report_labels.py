"""The words of a calculation report, Chinese and English."""

from __future__ import annotations

from certificates.wording import Words

TITLES = {
    "emission": Words("温室气体排放报告", "Greenhouse gas emission report"),
    "product-footprint": Words("产品碳足迹报告", "Product carbon footprint report"),
    "reduction": Words("减排量核算报告", "Emission reduction report"),
    "green-power": Words("绿色电力核算报告", "Green power report"),
    "cbam": Words("CBAM 隐含排放报告", "CBAM embedded emissions report"),
    "calculation": Words("核算报告", "Calculation report"),
}

STATUSES = {"published": Words("已公布", "published"), "unconfirmed": Words("未确认", "unconfirmed"),
            "assumed": Words("情景假设", "assumed")}

SOURCES = {"register": Words("计量表", "meter"), "claim-point": Words("结算点", "claim point"),
           "document": Words("凭证", "document"), "declared": Words("声明", "declared"),
           "substitution": Words("缺口替代", "substituted")}

METHODS = {"measured": Words("实测", "measured"), "estimated": Words("估算", "estimated"),
           "manual": Words("填报", "manual")}

CHOICES = {"cradle-to-gate": Words("从摇篮到大门", "cradle to gate"),
           "cradle-to-grave": Words("从摇篮到坟墓", "cradle to grave"),
           "mass": Words("按质量", "by mass"), "value": Words("按经济价值", "by value"),
           "included": Words("计入", "included"), "excluded": Words("不计入", "excluded")}

COMPLETENESS = {"frames": Words("数据帧", "frames"), "gaps": Words("声明的缺口", "declared gaps"),
                "losses": Words("丢失的帧", "frames lost"), "flagged": Words("存疑读数", "flagged readings"),
                "max_staleness_ms": Words("读数最大滞后（毫秒）", "greatest staleness of a reading (ms)")}

LABELS = {
    "read_first": Words("请先阅读", "Read this first"), "subject": Words("主体", "Subject"),
    "boundary": Words("边界", "Boundary"), "period": Words("报告期间", "Period"), "date": Words("核算日", "Dated"),
    "methodology": Words("方法学", "Methodology"), "basis": Words("依据", "Source"),
    "summary": Words("结果", "Result"), "outputs": Words("各项输出", "Outputs"), "item": Words("项目", "Item"),
    "value": Words("数值", "Value"), "unit": Words("单位", "Unit"), "sources": Words("分源排放", "By source"),
    "source": Words("来源", "Source"), "activity": Words("活动数据", "Activity"),
    "emission": Words("排放量", "Emission"),
    "share": Words("占比", "Share"), "not_counted": Words("不计入结果", "not in the result"),
    "covers": Words("凭证所属时段", "covers"), "account": Words("户号", "account"),
    "inputs": Words("输入数据", "Inputs"), "method": Words("方式", "Method"), "priority": Words("优先级", "Priority"),
    "uncertainty": Words("不确定度", "Uncertainty"),
    "uncertainty_partial": Words("已说明部分的不确定度", "Uncertainty of the inputs that state one"),
    "transcribed": Words("依据转引，不声称符合标准", "after transcriptions, no conformity claimed"),
    "rounded": Words("≈ 为显示时修约，全部数字见计算过程",
                     "≈ rounded for reading; every digit stands in the calculation"),
    "as_of": Words("截至", "as of"), "allocation": Words("分配依据", "Allocation"),
    "quality_scale": Words("1 很好 … 4 差", "1 very good … 4 poor"),
    "quality": Words("数据质量", "Data quality"),
    "measured": Words("实测 %", "Measured %"), "estimated": Words("估算 %", "Estimated %"),
    "manual": Words("填报 %", "Manual %"), "substituted": Words("替代 %", "Substituted %"),
    "parameters": Words("参数", "Parameters"), "year": Words("数据年份", "Data year"),
    "published": Words("发布日期", "Published"), "status": Words("状态", "Status"), "options": Words("选项", "Options"),
    "completeness": Words("数据完整性", "Completeness"), "tree": Words("计算过程", "Calculation"),
    "statement": Words("声明摘要", "Statement digest"), "log_index": Words("日志位置", "Log index"),
    "rules": Words("规则发布", "Release of rules"), "claim": Words("申报", "Claim"),
    "evidence": Words("存证", "Evidence"),
    "conclusion": Words("核查结论", "Opinion"), "log": Words("账本", "log"), "proven": Words("能证明", "Proven"),
    "not_proven": Words("不能证明", "Not proven"),
    "limits": Words("能证明与不能证明", "What is proven, and what is not"),
    "supersedes": Words("替代声明", "Supersedes"),
    "label": Words("碳标签摘要（非认证标签）", "Carbon label summary (not a certified label)"),
    "product": Words("产品", "Product"), "footprint": Words("碳足迹", "Footprint"),
    "stage": Words("生命周期阶段", "Stage"), "cut_off": Words("取舍份额", "Cut-off share"),
}
