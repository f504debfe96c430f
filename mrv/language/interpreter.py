"""Evaluation of a typed expression with Decimal, left to right, and the trace of every operation.

One context: precision 40, ROUND_HALF_UP, no rounding between operations beyond that precision. `if`, `and` and `or`
evaluate only what decides; the trace holds what was evaluated, nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import (
    ROUND_CEILING,
    ROUND_FLOOR,
    ROUND_HALF_UP,
    Context,
    Decimal,
    DivisionByZero,
    InvalidOperation,
    Overflow,
)
from itertools import pairwise
from typing import Any, NamedTuple

from core.errors import InputError
from core.numbers import CONTEXT, decimal_text
from core.units import apply_ratio
from mrv.language.checker import Node
from mrv.language.render import render

# exp beyond this leaves every physical scale and would take the number over its greatest length.
MAX_EXPONENT = Decimal(400)
NO_ITEMS = "give each item with its value; where there was none, a line with the value 0"
_SCALE = "check the values and their units"

Scalar = Decimal | str | bool
Value = Any
"""A Scalar, or for a list input a list of Scalars or of {field: Scalar}."""

_WIDE = Context(prec=600, rounding=ROUND_HALF_UP, Emin=-999_999, Emax=999_999)
_ROUNDINGS = {"round": ROUND_HALF_UP, "floor": ROUND_FLOOR, "ceil": ROUND_CEILING}


class Step(NamedTuple):
    """One evaluated operation: its node, its value, and the steps it was made from."""

    node: Node
    value: Scalar
    steps: tuple[Step, ...]


Environment = dict[str, Value]


def evaluate(node: Node, environment: Environment, context: Context = CONTEXT) -> Step:
    """The value of an expression with its trace. `environment`: name → value in the unit the rule declares.

    Raises InputError: division-by-zero, out-of-range (outside a table, root of a negative), number-too-long,
    input-missing (an empty list where a value is needed).
    """
    try:
        return _EVALUATORS[node.operator](node, environment, context)
    except DivisionByZero:
        raise InputError("division-by-zero", f"{_denominator(node)} is zero") from None
    except InvalidOperation:
        raise InputError("division-by-zero", f"{_denominator(node)} is zero, and so is what it divides") from None
    except Overflow:
        raise InputError("number-too-long", "the result is beyond every physical scale") from None


def _denominator(node: Node) -> str:
    return f"the denominator {render(node.operands[1])}" if node.operator == "/" else "a denominator"


def _number(node: Node, environment: Environment, context: Context) -> Step:
    assert node.number is not None
    return Step(node, node.number, ())


def _text(node: Node, environment: Environment, context: Context) -> Step:
    return Step(node, node.name, ())


def _name(node: Node, environment: Environment, context: Context) -> Step:
    return Step(node, environment[node.name], ())


def _field(node: Node, environment: Environment, context: Context) -> Step:
    return Step(node, environment[node.name][node.extra[0]], ())


def _arithmetic(operation: Callable[[Context, Decimal, Decimal], Decimal]) -> Callable[..., Step]:
    def run(node: Node, environment: Environment, context: Context) -> Step:
        left, right = node.operands
        a, b = evaluate(left, environment, context), evaluate(right, environment, context)
        return Step(node, operation(context, a.value, b.value), (a, b))  # type: ignore[arg-type]

    return run


def _comparison(test: Callable[[Any, Any], bool]) -> Callable[..., Step]:
    def run(node: Node, environment: Environment, context: Context) -> Step:
        left, right = node.operands
        a, b = evaluate(left, environment, context), evaluate(right, environment, context)
        return Step(node, test(a.value, b.value), (a, b))

    return run


def _logic(node: Node, environment: Environment, context: Context) -> Step:
    decisive = node.operator == "or"
    steps: list[Step] = []
    for operand in node.operands:
        steps.append(evaluate(operand, environment, context))
        if steps[-1].value is decisive:
            return Step(node, decisive, tuple(steps))
    return Step(node, not decisive, tuple(steps))


def _not(node: Node, environment: Environment, context: Context) -> Step:
    step = evaluate(node.operands[0], environment, context)
    return Step(node, not step.value, (step,))


def _negate(node: Node, environment: Environment, context: Context) -> Step:
    step = evaluate(node.operands[0], environment, context)
    return Step(node, context.minus(step.value), (step,))  # type: ignore[arg-type]


def _abs(node: Node, environment: Environment, context: Context) -> Step:
    step = evaluate(node.operands[0], environment, context)
    return Step(node, context.abs(step.value), (step,))  # type: ignore[arg-type]


def _root(node: Node, environment: Environment, context: Context) -> Step:
    step = evaluate(node.operands[0], environment, context)
    if step.value < 0:  # type: ignore[operator]
        raise InputError("out-of-range", f"{_shown(step.value)} has no square root", hint=_SCALE)
    return Step(node, context.sqrt(step.value), (step,))  # type: ignore[arg-type]


def _exp(node: Node, environment: Environment, context: Context) -> Step:
    step = evaluate(node.operands[0], environment, context)
    if not -MAX_EXPONENT <= step.value <= MAX_EXPONENT:  # type: ignore[operator]
        raise InputError("out-of-range", f"exp of {_shown(step.value)} is beyond ±{MAX_EXPONENT}",
                         hint=_SCALE)
    return Step(node, context.exp(step.value), (step,))  # type: ignore[arg-type]


def _ln(node: Node, environment: Environment, context: Context) -> Step:
    step = evaluate(node.operands[0], environment, context)
    if step.value <= 0:  # type: ignore[operator]
        raise InputError("out-of-range", f"{_shown(step.value)} has no logarithm", hint=_SCALE)
    return Step(node, context.ln(step.value), (step,))  # type: ignore[arg-type]


def _condition(node: Node, environment: Environment, context: Context) -> Step:
    condition = evaluate(node.operands[0], environment, context)
    chosen = evaluate(node.operands[1 if condition.value else 2], environment, context)
    return Step(node, chosen.value, (condition, chosen))


def _extreme(node: Node, environment: Environment, context: Context) -> Step:
    steps = tuple(evaluate(operand, environment, context) for operand in node.operands)
    pick: Any = min if node.operator == "min" else max
    return Step(node, pick(step.value for step in steps), steps)


def _rounding(node: Node, environment: Environment, context: Context) -> Step:
    step = evaluate(node.operands[0], environment, context)
    return Step(node, round_to(step.value, node.operator, int(node.name)), (step,))  # type: ignore[arg-type]


def round_to(value: Decimal, mode: str, digits: int) -> Decimal:
    """The value with `digits` after the point; mode "round" (half up, 四舍五入), "floor" or "ceil".

    Raises InputError (number-too-long) where that takes more than 600 digits.
    """
    try:
        return value.quantize(Decimal(1).scaleb(-digits), rounding=_ROUNDINGS[mode], context=_WIDE)
    except InvalidOperation:
        raise InputError("number-too-long", "the result is beyond every physical scale") from None


def _conversion(node: Node, environment: Environment, context: Context) -> Step:
    step = evaluate(node.operands[0], environment, context)
    assert node.ratio is not None
    return Step(node, apply_ratio(step.value, node.ratio, context), (step,))  # type: ignore[arg-type]


def _fold(node: Node, environment: Environment, context: Context) -> Step:
    item, (source,), body = node.name, node.extra, node.operands[0]
    inner = dict(environment)
    steps: list[Step] = []
    for element in environment[source]:
        inner[item] = element
        steps.append(evaluate(body, inner, context))
    return Step(node, _folded(node, source, [step.value for step in steps], context), tuple(steps))


def _folded(node: Node, source: str, values: list[Any], context: Context) -> Scalar:
    if node.operator in ("all", "any"):
        return all(values) if node.operator == "all" else any(values)
    if node.operator == "sum":
        return _total(values, context)
    if not values:
        raise InputError("input-missing", f"the list {source!r} is empty", where=source, hint=NO_ITEMS)
    if node.operator == "mean":
        return context.divide(_total(values, context), Decimal(len(values)))
    return Decimal(min(values) if node.operator == "least" else max(values))


def _total(values: list[Decimal], context: Context) -> Decimal:
    total = Decimal(0)
    for value in values:
        total = context.add(total, value)
    return total


def _count(node: Node, environment: Environment, context: Context) -> Step:
    return Step(node, Decimal(len(environment[node.name])), ())


def _lookup(node: Node, environment: Environment, context: Context) -> Step:
    at = evaluate(node.operands[0], environment, context)
    key, value = node.extra
    rows = [row[value] for row in environment[node.name] if row[key] == at.value]
    if len(rows) != 1:
        place = node.name if rows else _taken_from(node)
        times = f"{len(rows)} times in {node.name!r}, not once"
        raise InputError("out-of-range", f"{key} {_shown(at.value)} stands {times}", where=place,
                         hint=f"give each {key} in one line and no more")
    return Step(node, rows[0], (at,))


def _interpolate(node: Node, environment: Environment, context: Context) -> Step:
    at = evaluate(node.operands[0], environment, context)
    key, value = node.extra
    assert isinstance(at.value, Decimal)
    below, above = _bracket(environment[node.name], key, at.value, node)
    if below is above:
        return Step(node, below[value], (at,))
    rise = context.multiply(context.subtract(above[value], below[value]), context.subtract(at.value, below[key]))
    step = context.divide(rise, context.subtract(above[key], below[key]))
    return Step(node, context.add(below[value], step), (at,))


def _taken_from(node: Node) -> str:
    """What the value that is looked up is taken from: a name, else the list."""
    at = node.operands[0]
    return at.name if at.operator == "name" else node.name


def _bracket(rows: list[dict[str, Decimal]], key: str, at: Decimal, node: Node) -> tuple[dict[str, Decimal], ...]:
    name, ordered = node.name, sorted(rows, key=lambda row: row[key])
    twice = next((a[key] for a, b in pairwise(ordered) if a[key] == b[key]), None)
    if twice is not None:
        raise InputError("out-of-range", f"the table {name!r} has the {key} {decimal_text(twice)} twice", where=name,
                         hint=f"give each {key} in one row and no more")
    if not ordered or not ordered[0][key] <= at <= ordered[-1][key]:
        span = f"{decimal_text(ordered[0][key])} to {decimal_text(ordered[-1][key])}" if ordered else "empty"
        raise InputError("out-of-range", f"{key} {decimal_text(at)} is outside the table {name!r} ({span})",
                         where=_taken_from(node), hint="a table is never extrapolated")
    below = max((row for row in ordered if row[key] <= at), key=lambda row: row[key])
    above = min((row for row in ordered if row[key] >= at), key=lambda row: row[key])
    return below, above


def _shown(value: Scalar) -> str:
    return decimal_text(value) if isinstance(value, Decimal) else str(value)


_EVALUATORS: Mapping[str, Callable[[Node, Environment, Context], Step]] = {
    "number": _number, "text": _text, "name": _name, "field": _field,
    "+": _arithmetic(lambda context, a, b: context.add(a, b)),
    "-": _arithmetic(lambda context, a, b: context.subtract(a, b)),
    "*": _arithmetic(lambda context, a, b: context.multiply(a, b)),
    "/": _arithmetic(lambda context, a, b: context.divide(a, b)),
    "=": _comparison(lambda a, b: a == b), "!=": _comparison(lambda a, b: a != b),
    "<": _comparison(lambda a, b: a < b), "<=": _comparison(lambda a, b: a <= b),
    ">": _comparison(lambda a, b: a > b), ">=": _comparison(lambda a, b: a >= b),
    "and": _logic, "or": _logic, "not": _not, "negate": _negate, "abs": _abs, "sqrt": _root, "exp": _exp, "ln": _ln,
    "if": _condition, "min": _extreme, "max": _extreme, "round": _rounding, "floor": _rounding, "ceil": _rounding,
    "convert": _conversion, "sum": _fold, "mean": _fold, "least": _fold, "greatest": _fold, "all": _fold,
    "any": _fold, "count": _count, "lookup": _lookup, "interpolate": _interpolate,
}


def value_text(value: Scalar) -> str:
    """A value as documents carry it: canonical decimal, the text itself, "true" or "false"."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return decimal_text(value) if isinstance(value, Decimal) else value
