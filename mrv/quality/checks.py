"""Gates and plausibility of data: calibration, accuracy class, capacity × time, parent and sub-meters, late, restated.

Pure functions over plain records; each gives findings, none changes a number. Times are ms UTC, energy whole Wh.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from core.errors import FormError
from core.period import Period, instant_text

HOUR_MS = 3_600_000

_CLASS = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,4})?)S?")

TITLES = {
    "calibration-unknown": {"zh": "检定有效期未登记", "en": "calibration not on record"},
    "calibration-lapsed": {"zh": "检定已过期", "en": "calibration lapsed"},
    "accuracy-unknown": {"zh": "准确度等级未登记", "en": "accuracy class not on record"},
    "accuracy-insufficient": {"zh": "准确度等级不足", "en": "accuracy class insufficient"},
    "capacity-exceeded": {"zh": "超过额定容量", "en": "more than the capacity allows"},
    "balance-open": {"zh": "分表与总表不平衡", "en": "sub-meters and parent do not balance"},
    "data-late": {"zh": "数据迟报", "en": "data late"},
    "data-restated": {"zh": "数据更正", "en": "data restated"},
    "coverage-low": {"zh": "数据完整率不足", "en": "too few readings"},
    "daily-monthly-differ": {"zh": "计量累计与凭证不符", "en": "metered sums and the document differ"},
    "stack-substituted": {"zh": "烟气无效小时按最大有效小时替代", "en": "hours of a stack substituted"},
    "document-reused": {"zh": "凭证已用于另一份声明", "en": "document used in another statement"},
    "plan-absent": {"zh": "无有效的数据质量控制方案", "en": "no control plan in force"},
    "plan-late": {"zh": "控制方案在报告期开始后才提交", "en": "plan handed in after the period began"},
    "plan-missing": {"zh": "控制方案未列入该数据", "en": "not in the control plan"},
    "plan-source-differs": {"zh": "获取方式与控制方案不符", "en": "another source than planned"},
    "plan-method-differs": {"zh": "测量方法与控制方案不符", "en": "another method than planned"},
    "plan-meter-differs": {"zh": "计量器具与控制方案不符", "en": "another instrument than planned"},
    "plan-frequency-differs": {"zh": "频次低于控制方案", "en": "less often than planned"},
    "plan-gap-differs": {"zh": "缺失数据处理与控制方案不符", "en": "another treatment of a gap than planned"},
    "plan-unit-differs": {"zh": "单位与控制方案不符", "en": "another unit than planned"},
    "plan-datum-absent": {"zh": "控制方案中的数据未报告", "en": "planned and not reported"},
    "plan-changed": {"zh": "报告期内控制方案变更", "en": "the plan changed within the period"},
}


@dataclass(frozen=True)
class Finding:
    """What a check found: a stable code of `TITLES`, the datum or meter, and a sentence with the figures."""

    code: str
    where: str
    message: str

    def as_json(self) -> dict[str, str]:
        """{"code", "where", "message", "zh", "en"}."""
        return {"code": self.code, "where": self.where, "message": self.message, **TITLES[self.code]}


@dataclass(frozen=True)
class Instrument:
    """What is on record of a meter. `calibration_until` ms UTC, `accuracy_class` as printed ("0.5S"), None unknown."""

    meter: str
    accuracy_class: str | None
    calibration_until: int | None
    capacity_w: int | None


def check_calibration(instrument: Instrument, period: Period) -> list[Finding]:
    """Calibration holds until the end of the period; the instant it ends is the first not covered."""
    until = instrument.calibration_until
    if until is None:
        return [Finding("calibration-unknown", instrument.meter, "no calibration is on record")]
    if until >= period.end:
        return []
    return [Finding("calibration-lapsed", instrument.meter, f"calibrated until {instant_text(until)}, the period ends"
                    f" {instant_text(period.end)}")]


def check_accuracy(instrument: Instrument, worst: Decimal) -> list[Finding]:
    """The class is `worst` or better; a class equal to it is enough. Raises FormError (accuracy-malformed)."""
    if instrument.accuracy_class is None:
        return [Finding("accuracy-unknown", instrument.meter, "no accuracy class is on record")]
    if class_number(instrument.accuracy_class) <= worst:
        return []
    return [Finding("accuracy-insufficient", instrument.meter,
                    f"class {instrument.accuracy_class}, class {worst} or better is needed")]


def class_number(text: str) -> Decimal:
    """0.5 of "0.5S". Raises FormError (accuracy-malformed)."""
    match = _CLASS.fullmatch(text)
    if match is None:
        raise FormError("accuracy-malformed", f"{text[:20]!r} is not an accuracy class", hint='write "0.5S" or "1"')
    return Decimal(match[1])


def check_capacity(instrument: Instrument, energy: int, period: Period) -> list[Finding]:
    """Energy in Wh does not exceed capacity × time; exactly that much is possible."""
    if instrument.capacity_w is None or energy * HOUR_MS <= instrument.capacity_w * (period.end - period.start):
        return []
    most = instrument.capacity_w * (period.end - period.start) // HOUR_MS
    return [Finding("capacity-exceeded", instrument.meter, f"{energy} Wh, the capacity allows {most} Wh")]


def check_balance(parent: str, energy: int, children: Sequence[int], tolerance_percent: int) -> list[Finding]:
    """The sum of the sub-meters is the parent's energy within a tolerance of the parent's; both sides count."""
    total = sum(children)
    if abs(energy - total) * 100 <= tolerance_percent * energy:
        return []
    return [Finding("balance-open", parent, f"{energy} Wh, its {len(children)} sub-meters {total} Wh, more than"
                    f" {tolerance_percent} % apart")]


def check_monthly(datum: str, daily: Iterable[int | Decimal], monthly: int | Decimal,
                  tolerance_percent: int) -> list[Finding]:
    """The metered sums agree with the report within a tolerance of the report."""
    total = sum((Decimal(value) for value in daily), Decimal(0))
    if abs(total - monthly) * 100 <= tolerance_percent * monthly:
        return []
    return [Finding("daily-monthly-differ", datum, f"metered {total}, reported {monthly}")]


def check_coverage(datum: str, good: int, expected: int, percent: int) -> list[Finding]:
    """At least `percent` of the expected readings count; compared exactly."""
    if good * 100 >= percent * expected:
        return []
    return [Finding("coverage-low", datum, f"{good} of {expected} readings, {percent} % are needed")]


def check_late(datum: str, received: int, due: int) -> list[Finding]:
    """Data received at `due` are in time."""
    if received <= due:
        return []
    return [Finding("data-late", datum, f"received {instant_text(received)}, due {instant_text(due)}")]


def check_restated(datum: str, before: Decimal, after: Decimal) -> list[Finding]:
    """A figure that is given again differently is a finding with its change."""
    if before == after:
        return []
    return [Finding("data-restated", datum, f"{before} became {after}")]
