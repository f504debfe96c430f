"""Uncertainty carried from inputs to results, beside the values and never rounded into them.

First-order propagation over the evaluated operations: a value carries the absolute contribution of each input to its
uncertainty, and a result's uncertainty is the root of the sum of their squares. For a product of independent inputs
this is IPCC 2006 Vol. 1 Ch. 3 Eq. 3.1, for a sum Eq. 3.2; an input that occurs twice counts with itself, not as two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from itertools import pairwise
from typing import Any, NamedTuple

from core.numbers import CONTEXT
from core.quantity import Quantity
from core.units import ONE, Unit, apply_ratio
from mrv.definitions.fields import Field, Input
from mrv.definitions.formula import Evaluation
from mrv.language.interpreter import Step

Parts = Mapping[str, Decimal]
"""Input → half width of its 95 % interval in the unit of the value it contributes to."""

_NOTHING: Parts = {}
_COMPARISONS = ("=", "!=", "<", "<=", ">", ">=", "and", "or", "not", "all", "any", "count", "number", "text")


class Untraceable(Exception):
    """An operator through which uncertainty is not carried; never leaves the package."""


@dataclass(frozen=True)
class Spread:
    """The contributions to one value, in its unit."""

    unit: Unit
    parts: Parts

    def to(self, unit: Unit) -> Parts:
        """The contributions in another unit of the dimension."""
        if not self.parts or self.unit == unit:
            return self.parts
        ratio = self.unit.ratio_to(unit)
        return {name: apply_ratio(part, ratio) for name, part in self.parts.items()}


EXACT = Spread(ONE, _NOTHING)


def percent(value: Decimal, parts: Parts) -> Decimal | None:
    """The uncertainty of a value in %, by the root of the sum of squares; None where the value is 0."""
    with localcontext(CONTEXT):
        if value == 0:
            return None
        return sum((part * part for part in parts.values()), Decimal(0)).sqrt() * 100 / abs(value)


def of_input(name: str, value: Decimal, uncertainty: Decimal, unit: Unit) -> Spread:
    """The contribution of one input: `uncertainty` % of its value."""
    return Spread(unit, {name: CONTEXT.divide(CONTEXT.multiply(value, uncertainty), Decimal(100))})


def joined(spreads: list[Spread], unit: Unit) -> Spread:
    """The contributions to a sum."""
    with localcontext(CONTEXT):
        return Spread(unit, _combine(*((Decimal(1), spread.to(unit)) for spread in spreads)))


def propagate(evaluation: Evaluation, given: Mapping[str, Any]) -> dict[str, Spread]:
    """The spread of each output that is a quantity. `given`: by input name a Spread, a list of them, or of mappings.

    Raises Untraceable at the root of 0, and in a table where nothing tells a slope: an uncertain key that is looked up,
    a table of one row.
    """
    inputs = {item.name: item for item in evaluation.formula.inputs}
    environment = {name: _entered(inputs[name], value, evaluation.given[name]) for name, value in given.items()}
    found = {}
    with localcontext(CONTEXT):
        for definition, step in evaluation.trace:
            parts = environment[definition.name] = _parts(step, environment)
            output = evaluation.outputs.get(definition.name)
            if isinstance(output, Quantity):
                found[definition.name] = Spread(output.unit, parts)
    return found


class _Rows(NamedTuple):
    """A list: its values as bound, and in the same order what each contributes."""

    values: Sequence[Any]
    parts: Sequence[Any]


def _entered(item: Input, spread: Any, values: Any) -> Any:
    parts = _enter(item.field, {field.name: field for field in item.fields}, spread)
    return _Rows(values, parts) if item.is_list else parts


def _enter(field: Field | None, fields: Mapping[str, Field], value: Any) -> Any:
    """Contributions converted to the declared units, as the values were."""
    if isinstance(value, list):
        return [_enter(field, fields, item) for item in value]
    if isinstance(value, Mapping):
        return {name: _enter(fields[name], {}, item) for name, item in value.items()}
    return value.to(field.type) if field is not None and isinstance(field.type, Unit) else _NOTHING


def _combine(*terms: tuple[Decimal, Parts]) -> Parts:
    total: dict[str, Decimal] = {}
    for factor, parts in terms:
        for name, part in parts.items():
            total[name] = total.get(name, Decimal(0)) + factor * part
    return total


def _parts(step: Step, environment: Mapping[str, Any]) -> Parts:
    operator = step.node.operator
    if operator in _COMPARISONS:
        return _NOTHING
    if operator == "name":
        return environment[step.node.name]  # type: ignore[no-any-return]
    if operator == "field":
        return environment[step.node.name][step.node.extra[0]]  # type: ignore[no-any-return]
    if operator in ("sum", "mean", "least", "greatest"):
        return _fold(step, environment)
    if operator in ("lookup", "interpolate"):
        return _table(step, environment)
    inner = [_parts(operand, environment) for operand in step.steps]
    return _OPERATIONS[operator](step, inner) if any(inner) else _NOTHING


def _fold(step: Step, environment: Mapping[str, Any]) -> Parts:
    item, source = step.node.name, step.node.extra[0]
    inner = [_parts(body, {**environment, item: element})
             for body, element in zip(step.steps, environment[source].parts, strict=True)]
    if step.node.operator in ("least", "greatest"):
        return _chosen(step, inner)
    share = 1 / Decimal(len(inner)) if step.node.operator == "mean" else Decimal(1)
    return _combine(*((share, parts) for parts in inner))


def _table(step: Step, environment: Mapping[str, Any]) -> Parts:
    rows, at = environment[step.node.name], _parts(step.steps[0], environment)
    if step.node.operator == "interpolate":
        uncertain = at or any(any(row.values()) for row in rows.parts)
        return _interpolated(step, rows, at) if uncertain else _NOTHING
    key, value = step.node.extra
    if at or any(row[key] for row in rows.parts):
        raise Untraceable
    found: Parts = next(parts[value] for row, parts in zip(rows.values, rows.parts, strict=True)
                        if row[key] == step.steps[0].value)
    return found


def _interpolated(step: Step, rows: _Rows, at: Parts) -> Parts:
    """By the slope of the segment, (1 − t)·Δv₀ + t·Δv₁ + s·(Δa − (1 − t)·Δk₀ − t·Δk₁); at a row by the steeper one."""
    (key, value), place = step.node.extra, _number(step.steps[0])
    points = sorted(((row[key], row[value], parts) for row, parts in zip(rows.values, rows.parts, strict=True)),
                    key=lambda point: point[0])
    segments = [((above[1] - below[1]) / (above[0] - below[0]), below, above)
                for below, above in pairwise(points) if below[0] <= place <= above[0]]
    if not segments:
        raise Untraceable
    slope, below, above = max(segments, key=lambda segment: abs(segment[0]))
    share = (place - below[0]) / (above[0] - below[0])
    rest = 1 - share
    return _combine((slope, at), (rest, below[2][value]), (share, above[2][value]),
                    (-slope * rest, below[2][key]), (-slope * share, above[2][key]))


def _chosen(step: Step, inner: list[Parts]) -> Parts:
    return next(parts for operand, parts in zip(step.steps, inner, strict=True) if operand.value == step.value)


def _product(step: Step, inner: list[Parts]) -> Parts:
    a, b = (_number(operand) for operand in step.steps)
    return _combine((b, inner[0]), (a, inner[1]))


def _quotient(step: Step, inner: list[Parts]) -> Parts:
    a, b = (_number(operand) for operand in step.steps)
    return _combine((1 / b, inner[0]), (-a / (b * b), inner[1]))


def _scaled(factor: Callable[[Step], Decimal]) -> Callable[[Step, list[Parts]], Parts]:
    return lambda step, inner: _combine((factor(step), inner[0]))


def _number(step: Step) -> Decimal:
    assert isinstance(step.value, Decimal)
    return step.value


def _root_slope(step: Step) -> Decimal:
    if step.value == 0:
        raise Untraceable
    return 1 / (2 * _number(step))


def _ratio(step: Step) -> Decimal:
    assert step.node.ratio is not None
    return Decimal(step.node.ratio.numerator) / Decimal(step.node.ratio.denominator)


_OPERATIONS: Mapping[str, Callable[[Step, list[Parts]], Parts]] = {
    "+": lambda step, inner: _combine((Decimal(1), inner[0]), (Decimal(1), inner[1])),
    "-": lambda step, inner: _combine((Decimal(1), inner[0]), (Decimal(-1), inner[1])),
    "*": _product, "/": _quotient, "negate": _scaled(lambda step: Decimal(-1)),
    "abs": _scaled(lambda step: Decimal(1) if _number(step.steps[0]) >= 0 else Decimal(-1)),
    "sqrt": _scaled(_root_slope), "exp": _scaled(_number), "ln": _scaled(lambda step: 1 / _number(step.steps[0])),
    "convert": _scaled(_ratio), "if": lambda step, inner: inner[1], "min": _chosen, "max": _chosen,
} | dict.fromkeys(("round", "floor", "ceil"), lambda step, inner: inner[0])
