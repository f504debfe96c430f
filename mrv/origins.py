"""Where each argument of a call came from: items of an input, a parameter, a step before, an option, a constant.

Worked out from the methodology's bindings after the run and held against what the formula was given: an origin that
does not account for the value to the last digits is left out, so what is shown is never a guess.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from core.errors import CarbonSealError
from core.numbers import CONTEXT
from core.quantity import Quantity
from core.units import Unit, convert
from mrv.fields import Input
from mrv.inputs import Item
from mrv.methodology import fill
from mrv.parameter import ParameterValue
from mrv.run import RunResult, StepResult

# Converting a sum and summing what was converted may differ in the fortieth digit.
_SAME = Decimal("1e-30")


@dataclass(frozen=True)
class Origin:
    """One source of an argument. `kind`: input | parameter | step | option | constant; `name`: which one.

    Of an input `item` and its `ordinal` under that name; of a parameter `parameter`; of a step `member`, `output`.
    """

    kind: str
    name: str
    value: Quantity | str
    member: str = ""
    output: str = ""
    item: Item | None = None
    ordinal: int = 0
    parameter: ParameterValue | None = None


def call_of(result: RunResult, step: str, member: str) -> StepResult:
    """The formula call of a step for a member of its family ("" where it has none)."""
    return next(call for call in result.steps if (call.step, call.member) == (step, member))


def origins_of(result: RunResult, call: StepResult) -> dict[str, tuple[Origin, ...]]:
    """Origins by argument: one, or several that are summed or listed; () where they do not account for the value."""
    rule = next(step for step in result.methodology.steps if step.name == call.step)
    fields = {item.name: item for item in call.evaluation.formula.inputs}
    return {name: _accounted(fields[name], call.evaluation.given[name], _resolve(result, binding, call.member))
            for name, binding in rule.arguments if name in fields}


def _resolve(result: RunResult, binding: Mapping[str, Any], member: str) -> list[Origin]:
    inputs = result.inputs
    if "first" in binding:
        return _resolve(result, _first(result, binding["first"], member), member)
    if "list" in binding:
        return [origin for part in binding["list"] for origin in _resolve(result, part, member)]
    if "input" in binding or "items" in binding:
        name = _name(str(binding.get("input", binding.get("items"))), member)
        return [Origin("input", name, item.quantity, item=item, ordinal=i)
                for i, item in enumerate(inputs.items.get(name, ()))]
    if "step" in binding:
        return [Origin("step", call.step, call.evaluation.outputs[binding["output"]], call.member, binding["output"])
                for call in result.steps if call.step == binding["step"]]
    if "parameter" in binding:
        path = fill(binding["parameter"], inputs.texts() | {"member": member})
        return [Origin("parameter", path, value.quantity, parameter=value)
                for read, value in result.parameters if read == path]
    if "option" in binding:
        return [Origin("option", binding["option"], inputs.option(binding["option"]))]
    if {"value", "unit"} <= set(binding):
        return [Origin("constant", "", Quantity.from_printed({"value": binding["value"], "unit": binding["unit"]}))]
    return []


def _first(result: RunResult, bindings: Sequence[Mapping[str, Any]], member: str) -> Mapping[str, Any]:
    for binding in bindings:
        if "input" not in binding or result.inputs.given(_name(binding["input"], member)):
            return binding
    return {}


def _name(name: str, member: str) -> str:
    return name[:-1] + member if name.endswith(".*") else name


def _accounted(field: Input, given: Any, origins: list[Origin]) -> tuple[Origin, ...]:
    """The origins where they give the value; of several values of one parameter the one that was read."""
    if field.field is None:
        return ()
    if field.is_list:
        return tuple(origins) if _each_same(given, origins, field.field.type) else ()
    if not isinstance(given, Decimal):
        return tuple(origin for origin in origins if origin.value == given)
    for origin in origins:
        if origin.kind == "parameter" and _same(given, [origin], field.field.type):
            return (origin,)
    return tuple(origins) if _same(given, origins, field.field.type) else ()


def _each_same(given: Sequence[Any], origins: Sequence[Origin], unit: Unit | str) -> bool:
    return len(given) == len(origins) and all(
        _same(value, [origin], unit) if isinstance(value, Decimal) else value == origin.value
        for value, origin in zip(given, origins, strict=True))


def _same(given: Decimal, origins: Sequence[Origin], unit: Unit | str) -> bool:
    if isinstance(unit, str):
        return False
    total = Decimal(0)
    try:
        for origin in origins:
            if not isinstance(origin.value, Quantity):
                return False
            total = CONTEXT.add(total, convert(origin.value.value, origin.value.unit, unit))
    except CarbonSealError:
        return False
    return abs(total - given) <= abs(given) * _SAME
