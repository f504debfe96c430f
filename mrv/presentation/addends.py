"""The reported output as a sum: from which calls its addends come, with their signs, and of which input each is made.

Read off the trace of the run and never guessed. The walk goes down additions, subtractions, sums of lists, conversions,
and the factor of a product or the numerator of a quotient that is itself a mass of gas; through an argument it goes on
in the step that gave it. What it cannot take apart is one addend, so the addends always make up the output.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property

from core.numbers import CONTEXT
from core.quantity import Quantity
from core.units import Unit, apply_ratio, convert, parse_unit
from mrv.calculation.chain import StepResult
from mrv.calculation.run import RunResult
from mrv.definitions.fields import Input
from mrv.language.checker import Node
from mrv.language.interpreter import Step
from mrv.presentation.origins import Origin, call_of, origins_of
from mrv.presentation.words import Title

Key = tuple[str, str, int]
Rows = Mapping[str, tuple[str, int]]
"""The item of each fold that encloses an operation: its name → the list and the row."""

_GASES = frozenset(parse_unit(unit).dimension for unit in ("tCO2", "tCO2e"))
_ONE = Decimal(1)
_TABLES = ("interpolate", "lookup", "count")
_OF_LISTS = (*_TABLES, "sum", "mean", "least", "greatest")


@dataclass(frozen=True)
class Addend:
    """One term of the reported output, in the output's unit, negative where it is deducted.

    `activity`: the input it is made of, None where it is made of none; `title`: of the formula, or of the argument
    under which a formula that only adds up takes the input itself.
    """

    call: StepResult
    activity: Origin | None
    title: Title
    value: Decimal


def is_gas(unit: object) -> bool:
    """Whether a unit measures carbon dioxide or its equivalent."""
    return isinstance(unit, Unit) and unit.dimension in _GASES


def addends(result: RunResult) -> tuple[list[Addend], frozenset[Key]]:
    """The addends of the reported output, one for each call and input, in order; and every call that it is made of."""
    walk, found = _Walk(result), dict[tuple[Key, str, str], Addend]()
    _, step, output = next(item for item in result.methodology.outputs if item[0] == result.methodology.result.output)
    for part in range(len(result.parts)):
        call = walk.call(step, "", part)
        for term in walk.terms(call, call.definitions[output], _ONE, {}):
            if term.activity is not None or term.value:
                place = (call_key(term.call), term.activity.name if term.activity else "", term.title.get("en", ""))
                before = found[place].value if place in found else Decimal(0)
                found[place] = replace(found.get(place, term), value=CONTEXT.add(before, term.value))
    return list(found.values()), walk.reached


def call_key(call: StepResult) -> Key:
    """What names a call in a run: step, member, part."""
    return call.step, call.member, call.part


class _Call:
    """A formula call with the origins of its arguments, worked out once."""

    def __init__(self, result: RunResult, call: StepResult) -> None:
        self.result, self.call, self.formula = result, call, call.evaluation.formula
        self.definitions = {definition.name: step for definition, step in call.evaluation.trace}
        self.arguments: dict[str, Input] = {item.name: item for item in self.formula.inputs}

    @cached_property
    def origins(self) -> dict[str, tuple[Origin, ...]]:
        return origins_of(self.result, self.call)

    @cached_property
    def adds_up(self) -> bool:
        """Whether it takes masses of gas from other steps: a total, not an emission of its own."""
        return any(origin.kind == "step" and isinstance(origin.value, Quantity) and is_gas(origin.value.unit)
                   for group in self.origins.values() for origin in group)

    def at(self, node: Node, rows: Rows) -> tuple[str, Sequence[Origin]]:
        """The argument that a name or field stands for, and its origins; ("", ()) for a definition."""
        if node.name in rows:
            argument, row = rows[node.name]
            column = node.extra[0] if node.operator == "field" else ""
            return argument, [origin for origin in self.origins.get(argument, ())
                              if origin.row == row and (not column or origin.column == column)]
        return (node.name, self.origins.get(node.name, ())) if node.name in self.arguments else ("", ())

    def named(self, node: Node, rows: Rows) -> Iterator[tuple[str, Origin]]:
        """Every argument that an expression is made of, with its origins, in the order of reading."""
        if node.operator in ("name", "field"):
            argument, origins = self.at(node, rows)
            yield from ((argument, origin) for origin in origins)
            if not argument and node.name in self.definitions:
                yield from self.named(self.definitions[node.name].node, {})
        elif node.operator in _OF_LISTS:
            listed = node.name if node.operator in _TABLES else node.extra[0]
            yield from ((listed, origin) for origin in self.origins.get(listed, ()))
        for operand in node.operands:
            yield from self.named(operand, rows)


class _Walk:
    def __init__(self, result: RunResult) -> None:
        self._result, self._calls, self._inputs = result, dict[Key, _Call](), dict[Key, list[Origin]]()

    def call(self, step: str, member: str, part: int) -> _Call:
        key = (step, member, part)
        if key not in self._calls:
            self._calls[key] = _Call(self._result, call_of(self._result, *key))
        return self._calls[key]

    @property
    def reached(self) -> frozenset[Key]:
        return frozenset(self._calls)

    def terms(self, call: _Call, step: Step, scale: Decimal, rows: Rows) -> Iterator[Addend]:
        """The addends of one operation, times `scale`."""
        node, inner = step.node, step.steps
        match node.operator:
            case "+" | "-":
                yield from self.terms(call, inner[0], scale, rows)
                yield from self.terms(call, inner[1], scale if node.operator == "+" else scale.copy_negate(), rows)
            case "negate":
                yield from self.terms(call, inner[0], scale.copy_negate(), rows)
            case "convert":
                assert node.ratio is not None
                yield from self.terms(call, inner[0], apply_ratio(scale, node.ratio), rows)
            case "if":
                yield from self.terms(call, inner[1], scale, rows)
            case "sum":
                for row, item in enumerate(inner):
                    yield from self.terms(call, item, scale, {**rows, node.name: (node.extra[0], row)})
            case "*" | "/":
                yield from self._product(call, step, scale, rows)
            case "name" | "field":
                yield from self._named(call, step, scale, rows)
            case _:
                yield self._leaf(call, step, scale, rows)

    def _product(self, call: _Call, step: Step, scale: Decimal, rows: Rows) -> Iterator[Addend]:
        left, right = step.steps
        if _carries(left):
            change = CONTEXT.multiply if step.node.operator == "*" else CONTEXT.divide
            yield from self.terms(call, left, change(scale, right.value), rows)  # type: ignore[arg-type]
        elif _carries(right) and step.node.operator == "*":
            yield from self.terms(call, right, CONTEXT.multiply(scale, left.value), rows)  # type: ignore[arg-type]
        else:
            yield self._leaf(call, step, scale, rows)

    def _named(self, call: _Call, step: Step, scale: Decimal, rows: Rows) -> Iterator[Addend]:
        argument, origins = call.at(step.node, rows)
        if not argument and step.node.name in call.definitions:
            yield from self.terms(call, call.definitions[step.node.name], scale, {})
            return
        if not origins or any(not isinstance(origin.value, Quantity) for origin in origins):
            yield self._leaf(call, step, scale, rows)
            return
        unit = step.node.type
        assert isinstance(unit, Unit)
        for origin in origins:
            yield from self._from(call, argument, origin, unit, scale)

    def _from(self, call: _Call, argument: str, origin: Origin, unit: Unit, scale: Decimal) -> Iterator[Addend]:
        value = origin.value
        assert isinstance(value, Quantity)
        if origin.kind == "step":
            giver = self.call(origin.name, origin.member, origin.part)
            ratio = value.unit.scale / unit.scale
            yield from self.terms(giver, giver.definitions[origin.output], apply_ratio(scale, ratio), {})
        else:
            amount = CONTEXT.multiply(scale, convert(value.value, value.unit, unit))
            yield Addend(call.call, origin if origin.kind == "input" else None, self._title(call, argument), amount)

    def _leaf(self, call: _Call, step: Step, scale: Decimal, rows: Rows) -> Addend:
        made = list(call.named(step.node, rows))
        argument, activity = next(((name, origin) for name, origin in made if origin.kind == "input"), ("", None))
        behind = [found for _, origin in made for found in self._behind(origin)]
        if activity is None and behind:
            activity = behind[0]
        assert isinstance(step.value, Decimal)
        return Addend(call.call, activity, self._title(call, argument), CONTEXT.multiply(scale, step.value))

    def _behind(self, origin: Origin) -> list[Origin]:
        """The inputs behind a value; the calls on the way are reached."""
        if origin.kind != "step":
            return [origin] if origin.kind == "input" else []
        key = (origin.name, origin.member, origin.part)
        if key not in self._inputs:
            groups = self.call(*key).origins.values()
            self._inputs[key] = [found for group in groups for each in group for found in self._behind(each)]
        return self._inputs[key]

    def _title(self, call: _Call, argument: str) -> Title:
        return call.arguments[argument].title if call.adds_up and argument in call.arguments else call.formula.title


def _carries(step: Step) -> bool:
    """Whether a factor is a mass of gas, or a product or quotient that has one: an addend may be inside."""
    if step.node.operator == "*":
        return any(_carries(inner) for inner in step.steps)
    if step.node.operator == "/":
        return _carries(step.steps[0])
    return is_gas(step.node.type) and step.node.operator != "number"
