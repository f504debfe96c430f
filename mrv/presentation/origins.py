"""Where each argument of a call came from: items of an input, a parameter, a step before, an option, a constant.

Worked out from the methodology's bindings after the run and held against what the formula was given: an origin that
does not account for the value to the last digits is left out, so what is shown is never a guess.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from core.errors import CarbonSealError
from core.numbers import CONTEXT
from core.quantity import Quantity
from core.units import Unit, convert
from mrv.calculation.chain import Read, StepResult
from mrv.calculation.inputs import Inputs
from mrv.calculation.items import Item
from mrv.calculation.run import RunResult
from mrv.definitions.fields import Input
from mrv.definitions.methodology import fill, pattern_matches
from mrv.definitions.parameter import ParameterValue
from mrv.language.checker import TEXT

# Converting a sum and summing what was converted may differ in the fortieth digit.
_SAME = Decimal("1e-30")


@dataclass(frozen=True)
class Origin:
    """One source of an argument. `kind`: input | parameter | step | option | constant; `name`: which one.

    Of an input `item` and its `ordinal` under that name; of a parameter `parameter`; of a step `member`, `output`.
    `row`, `column`: which value of a list it is the source of; `part`: of the period.
    """

    kind: str
    name: str
    value: Quantity | str
    member: str = ""
    output: str = ""
    item: Item | None = None
    ordinal: int = 0
    parameter: ParameterValue | None = None
    part: int = 0
    row: int = 0
    column: str = ""


@dataclass(frozen=True)
class _Place:
    """What a call of one part may draw from."""

    inputs: Inputs
    parameters: Read
    calls: Sequence[StepResult]
    part: int


def call_of(result: RunResult, step: str, member: str, part: int = 0) -> StepResult:
    """The formula call of a step for a member of its family ("" where it has none) in a part of the period."""
    return next(call for call in result.steps if (call.step, call.member, call.part) == (step, member, part))


def inputs_of(result: RunResult, part: int) -> Inputs:
    """The inputs of a part of the period; of the whole where it is not split."""
    return result.inputs.parts[part] if result.inputs.parts else result.inputs


def origins_of(result: RunResult, call: StepResult) -> dict[str, tuple[Origin, ...]]:
    """Origins by argument: one, or several that are summed or listed; () where they do not account for the value."""
    rule = next(step for step in result.methodology.steps if step.name == call.step)
    fields = {item.name: item for item in call.evaluation.formula.inputs}
    place = _Place(inputs_of(result, call.part), result.parts[call.part].parameters,
                   [step for step in result.steps if step.part == call.part], call.part)
    return {name: _accounted(fields[name], call.evaluation.given[name], binding, place, call.member)
            for name, binding in rule.arguments if name in fields}


def _resolve(place: _Place, binding: Mapping[str, Any], member: str) -> list[Origin]:
    inputs = place.inputs
    if "first" in binding:
        return _resolve(place, _first(inputs, binding["first"], member), member)
    if "list" in binding:
        return [origin for part in binding["list"] for origin in _resolve(place, part, member)]
    if "input" in binding or "items" in binding:
        name = _name(str(binding.get("input", binding.get("items"))), member)
        return [Origin("input", name, item.quantity, item=item, ordinal=i, part=place.part)
                for i, item in enumerate(inputs.items.get(name, ()))]
    if "step" in binding:
        return [Origin("step", call.step, call.evaluation.outputs[binding["output"]], call.member, binding["output"],
                       part=place.part) for call in place.calls if call.step == binding["step"]]
    if "parameter" in binding:
        path = fill(binding["parameter"], inputs.texts() | {"member": member})
        return [Origin("parameter", path, value.quantity, parameter=value, part=place.part)
                for read, value in place.parameters if read == path]
    if "among" in binding:
        return [Origin("parameter", path, value.quantity, parameter=value, part=place.part)
                for path, value in place.parameters if path == binding["among"]]
    if "option" in binding:
        return [Origin("option", binding["option"], inputs.option(binding["option"]))]
    if {"value", "unit"} <= set(binding):
        given = {"value": binding["value"], "unit": binding["unit"]}
        return [Origin("constant", "", given["value"] if given["unit"] == TEXT else Quantity.from_printed(given))]
    return []


def _first(inputs: Inputs, bindings: Sequence[Mapping[str, Any]], member: str) -> Mapping[str, Any]:
    for binding in bindings:
        if "input" not in binding or inputs.given(_name(binding["input"], member)):
            return binding
    return {}


def _name(name: str, member: str) -> str:
    return name[:-1] + member if name.endswith(".*") else name


def _accounted(field: Input, given: Any, binding: Mapping[str, Any], place: _Place, member: str) -> tuple[Origin, ...]:
    if field.fields:
        return tuple(_of_rows(field, given, binding, place))
    assert field.field is not None
    origins = _resolve(place, binding, member)
    if not field.is_list:
        return _of_value(given, origins, field.field.type)
    if len(given) != len(origins):
        return ()
    return tuple(replace(found, row=i) for i, (value, origin) in enumerate(zip(given, origins, strict=True))
                 for found in _of_value(value, [origin], field.field.type))


def _of_rows(field: Input, given: Sequence[Mapping[str, Any]], binding: Mapping[str, Any],
             place: _Place) -> Iterator[Origin]:
    """Row by row and field by field, for rows made of the members of a family or of a parameter's values."""
    if "table" in binding:
        yield from _of_table(field, given, binding, place)
        return
    members = place.inputs.members(binding["rows"]) if "rows" in binding else []
    for i, (row, member) in enumerate(zip(given, members, strict=False)):
        for part in field.fields:
            origins = _resolve(place, binding["fields"].get(part.name, {}), member)
            for origin in _of_value(row[part.name], origins, part.type):
                yield replace(origin, row=i, column=part.name)


def _of_table(field: Input, given: Sequence[Mapping[str, Any]], binding: Mapping[str, Any],
              place: _Place) -> Iterator[Origin]:
    """Each row from the value of the parameter that gave it, under the number that names this value."""
    kinds = {part.name: part.type for part in field.fields}
    for path in dict.fromkeys(path for path, _ in place.parameters if pattern_matches(binding["table"], path)):
        found = [origin for i, value in enumerate(value for read, value in place.parameters if read == path)
                 for origin in _of_row(path, value, i, binding, place)]
        if len(found) == 2 * len(given) and all(_of_value(given[origin.row][origin.column], [origin],
                                                          kinds[origin.column]) for origin in found):
            yield from found
            return


def _of_row(path: str, value: ParameterValue, row: int, binding: Mapping[str, Any], place: _Place) -> list[Origin]:
    key = Quantity.from_printed({"value": value.year, "unit": binding["unit"]})
    return [Origin("constant", "", key, row=row, column=binding["key"]),
            Origin("parameter", path, value.quantity, parameter=value, part=place.part, row=row,
                   column=binding["value"])]


def _of_value(given: Any, origins: Sequence[Origin], unit: Unit | str) -> tuple[Origin, ...]:
    """The origins where they give the value; of several values of one parameter the one that was read."""
    if isinstance(unit, str):
        return tuple(origin for origin in origins if origin.value == given)
    for origin in origins:
        if origin.kind == "parameter" and _same(given, [origin], unit):
            return (origin,)
    return tuple(origins) if _same(given, origins, unit) else ()


def _same(given: Decimal, origins: Sequence[Origin], unit: Unit) -> bool:
    total = Decimal(0)
    try:
        for origin in origins:
            if not isinstance(origin.value, Quantity):
                return False
            total = CONTEXT.add(total, convert(origin.value.value, origin.value.unit, unit))
    except CarbonSealError:
        return False
    return abs(total - given) <= abs(given) * _SAME


def output_title(result: RunResult, name: str) -> Mapping[str, str]:
    """The title an output has in the formula that gives it."""
    for output, step, of_formula in result.methodology.outputs:
        if name == output or name.startswith(f"{output}."):
            for call in result.steps:
                if call.step == step:
                    return next((item.title or {} for item in call.evaluation.formula.outputs
                                 if item.name == of_formula), {})
    return {}
