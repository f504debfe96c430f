"""The summary of a product footprint that a 碳标签 shows: per functional unit, by stage, with what it rests on.

Not a certified label: it says what a run of `footprint.product` gave, and repeats every notice.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from core.errors import InputError
from core.numbers import CONTEXT, decimal_text
from core.quantity import Quantity
from core.records import Kind
from mrv.calculation.run import RunResult
from mrv.language.interpreter import round_to
from mrv.presentation.words import Title

SCHEMA = "carbonseal-carbon-label/1"
STAGES = {
    "raw_materials": {"zh": "原材料获取", "en": "raw materials"}, "production": {"zh": "生产", "en": "production"},
    "distribution": {"zh": "分销", "en": "distribution"}, "use": {"zh": "使用", "en": "use"},
    "end_of_life": {"zh": "生命末期", "en": "end of life"},
}
_GATE = ("raw_materials", "production")
LEVELS: tuple[tuple[Decimal, Title], ...] = (
    (Decimal("1.5"), {"zh": "很好", "en": "very good"}), (Decimal("2.5"), {"zh": "好", "en": "good"}),
    (Decimal("3.5"), {"zh": "一般", "en": "fair"}), (Decimal("4.5"), {"zh": "差", "en": "poor"}))
SHARE_DIGITS = 1
"""After the point of a stage's percentage; the shares are for reading and need not add up to 100.0."""


def carbon_label(result: RunResult) -> dict[str, Any]:
    """The summary as JSON: product, functional unit, boundary, footprint per unit, stages with shares, data quality.

    Raises InputError (label-not-a-footprint) for a run of another kind.
    """
    if result.methodology.kind != Kind.PRODUCT_FOOTPRINT or "footprint" not in result.outputs:
        raise InputError("label-not-a-footprint", f"{result.methodology.key} computes no product footprint",
                         where=result.methodology.key, hint="a label is of a run of footprint.product")
    options, outputs = result.inputs.options, result.outputs
    total = outputs["total"]
    stages = [_stage(name, outputs[name], total)
              for name in STAGES if name in _GATE or options["boundary"] == "cradle-to-grave"]
    return {
        "schema": SCHEMA, "product": options["product"], "functional_unit": options["functional_unit"],
        "boundary": options["boundary"], "allocation": options["allocation"],
        "period": result.inputs.period.as_json(), "footprint": outputs["footprint"].as_json(), "stages": stages,
        "data_quality": outputs["quality_score"].as_json() | {"level": _level(outputs["quality_score"].value)},
        "cut_off": outputs["cut_off_share"].as_json(),
        "uncertainty": None if result.uncertainty is None else
        {"value": decimal_text(result.uncertainty), "unit": "%"},
        "methodology": {"id": result.methodology.id, "version": result.methodology.version,
                        "status": result.methodology.status, "digest": result.methodology.digest.hex()},
        "notices": list(result.notices),
    }


def _level(score: Decimal) -> Title:
    """The word for a weighted score, by the bounds of `footprint.data-quality`."""
    return next((words for below, words in LEVELS if score < below), LEVELS[-1][1])


def _stage(name: str, emission: Quantity, total: Quantity) -> dict[str, Any]:
    share = Decimal(0) if total.value == 0 else CONTEXT.divide(CONTEXT.multiply(emission.value, Decimal(100)),
                                                              total.value)
    return {"stage": name, "title": STAGES[name], "emission": emission.as_json(),
            "share": {"value": decimal_text(round_to(share, "round", SHARE_DIGITS)), "unit": "%"}}
