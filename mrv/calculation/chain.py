"""Evaluates the steps of a methodology on the inputs of one period: formula calls with what their arguments bind to.

Every value travels with its spread (`spread`). Nothing is guessed: a missing input, a rule not in force, an
unconfirmed parameter where none is allowed, are errors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from typing import Any, NamedTuple

from core.errors import CarbonSealError, FormError, InputError
from core.quantity import Quantity
from mrv.calculation.inputs import Inputs, Item
from mrv.calculation.spread import EXACT, Spread, Untraceable, joined, of_input, propagate
from mrv.definitions.binding import NEIGHBOURS
from mrv.definitions.dates import check_in_force, days_of
from mrv.definitions.formula import Evaluation, Formula
from mrv.definitions.methodology import Methodology, StepRule, fill, key_name
from mrv.definitions.parameter import ParameterValue
from mrv.definitions.ruleset import RuleSet
from mrv.language.checker import TEXT

Read = tuple[tuple[str, ParameterValue], ...]

MAX_NEAR = 8
"""Names in a hint: more are no help."""
_STEP = re.compile(r"\[([0-9]+)\]|\.?([a-z][a-z0-9_]*)")
"""One step of a place within a formula's arguments: "leaks", "[0]", ".mass"."""
_ENDS = ("", ".unit")
"""What follows the place of a quantity."""


@dataclass(frozen=True)
class StepResult:
    """One formula call: step name, member of a family or "", its evaluation, and the part of the period it is of."""

    step: str
    member: str
    evaluation: Evaluation
    part: int = 0


class Bound(NamedTuple):
    """What an argument binds to: a Quantity, a text or a list, and in the same shape the spread and place of each.

    `place`: where a reader finds the value: "inputs.fuel.diesel", "options.region", the path of a parameter.
    """

    value: Any
    spread: Any
    place: Any


@dataclass(frozen=True)
class Reported:
    """An output of a methodology with its spread; None where uncertainty could not be carried through a table."""

    quantity: Quantity
    spread: Spread | None


@dataclass
class Chain:
    """The state of evaluating one part: what was called, which parameters and inputs were read, what each step gave.

    `asked`: every input that was looked for, given or not; `used`: those that entered the calculation.
    """

    ruleset: RuleSet
    methodology: Methodology
    at: date
    inputs: Inputs
    part: int = 0
    steps: list[StepResult] = field(default_factory=list)
    read: dict[tuple[str, str], ParameterValue] = field(default_factory=dict)
    spreads: dict[str, list[dict[str, Spread] | None]] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)

    @property
    def parameters(self) -> Read:
        """The parameter values in order of reading."""
        return tuple((path, value) for (path, _), value in self.read.items())

    def calls(self, step: str) -> list[StepResult]:
        """What a step gave, one result for each member."""
        return [call for call in self.steps if call.step == step]


def evaluate_steps(ruleset: RuleSet, methodology: Methodology, at: date, inputs: Inputs, part: int = 0) -> Chain:
    """Every step in order. Raises InputError and FormError with the codes of docs/spec/rules.md."""
    chain = Chain(ruleset, methodology, at, inputs, part)
    if methodology.status == "unconfirmed":
        check_allowed(chain, methodology.key, methodology.source, methodology.key)
    for step in methodology.steps:
        _run_step(chain, step)
    _check_used(chain)
    return chain


def _check_used(chain: Chain) -> None:
    """Raises InputError (input-unused): a measured value set aside in silence would leave a default in its place."""
    read = chain.used | {chain.methodology.intervals.get("input", "")}
    for name in chain.inputs.items:
        if name in read:
            continue
        family = name.split(".")[0] + "."
        near = sorted(other for other in chain.asked if other.startswith(family) and other not in chain.inputs.items)
        raise InputError("input-unused", f"{name} is given, and nothing in this calculation reads it",
                         where=chain.inputs.place_of(name), hint="it would read " + ", ".join(near[:MAX_NEAR]) if near
                         else "leave it out, or give the input that it belongs to under the same name after the point")


def outputs_of(chain: Chain) -> dict[str, Reported]:
    """The outputs by name; one of a repeated step gives an output for each member, "name.member"."""
    found: dict[str, Reported] = {}
    for name, step, output in chain.methodology.outputs:
        for call, spreads in zip(chain.calls(step), chain.spreads[step], strict=True):
            quantity = call.evaluation.outputs[output]
            if not isinstance(quantity, Quantity):
                raise FormError("rule-malformed", f"{step}.{output} is not a quantity", where=chain.methodology.key)
            key = f"{name}.{call.member}" if call.member else name
            found[key] = Reported(quantity, spreads[output] if spreads is not None else None)
    return found


def _run_step(chain: Chain, step: StepRule) -> None:
    formula = chain.ruleset.formulas[step.formula]
    check_in_force(formula.key, formula.validity, *days_of(chain.inputs.period))
    if formula.status == "unconfirmed":
        check_allowed(chain, formula.key, formula.source, formula.key)
    chain.spreads[step.name] = []
    for member in chain.inputs.members(step.each) if step.each else [""]:
        bound = {name: _bind(chain, binding, member) for name, binding in step.arguments}
        evaluation = _evaluated(chain, formula, bound)
        chain.steps.append(StepResult(step.name, member, evaluation, chain.part))
        chain.spreads[step.name].append(_spread(evaluation, bound))


def _evaluated(chain: Chain, formula: Formula, bound: Mapping[str, Bound]) -> Evaluation:
    """The formula's evaluation; an error of an argument names what the argument was taken from."""
    try:
        return formula.evaluate({name: item.value for name, item in bound.items()})
    except CarbonSealError as error:
        place = _place(bound, error.where)
        if place is not None:
            error.where = place
            if error.code == "out-of-range":
                error.message = _as_written(chain.inputs, place) + error.message
        raise


def _place(bound: Mapping[str, Bound], where: str) -> str | None:
    """What stands behind a place within a formula's arguments; None where it is none."""
    found: Any = {name: item.place for name, item in bound.items()}
    at = 0
    while not isinstance(found, str):
        step = _STEP.match(where, at)
        index = step and (int(step[1]) if step[1] else step[2])
        if step is None or index not in (range(len(found)) if isinstance(found, list) else found):
            return None
        found, at = found[index], step.end()
    return found + where[at:] if found and where[at:] in _ENDS else None


def _as_written(inputs: Inputs, place: str) -> str:
    """The quantities of an input as they were given, where they were given in another unit than the rule's."""
    for name, items in inputs.items.items():
        if place == inputs.place_of(name) and any(item.quantity.unit.text != inputs.rules[name].unit.text
                                                  for item in items):
            return " + ".join(str(item.quantity) for item in items[:MAX_NEAR]) + " is given: "
    return ""


def _spread(evaluation: Evaluation, bound: Mapping[str, Bound]) -> dict[str, Spread] | None:
    """The spreads of the outputs; None where one of the arguments has none or passes through a table."""
    given = {name: item.spread for name, item in bound.items()}
    leaves = list(_leaves(given))
    if None in leaves:
        return None
    if not any(leaf.parts for leaf in leaves if leaf is not None):
        return dict.fromkeys(evaluation.outputs, EXACT)
    try:
        return propagate(evaluation, given)
    except (Untraceable, ArithmeticError):
        # A contribution beyond every scale (a denominator near 0) is not carried either.
        return None


def _leaves(given: Any) -> Iterator[Spread | None]:
    if isinstance(given, Mapping):
        given = list(given.values())
    if isinstance(given, list):
        for item in given:
            yield from _leaves(item)
    else:
        yield given


def _bind(chain: Chain, binding: Mapping[str, Any], member: str) -> Bound:
    if "first" in binding:
        return _bind(chain, _first_available(chain, binding["first"], member), member)
    if "list" in binding:
        return _joined([_bind(chain, item, member) for item in binding["list"]])
    if "rows" in binding:
        return _rows(chain, binding)
    if "table" in binding:
        return _table(chain, binding, member)
    if "among" in binding:
        return Bound(_neighbour(chain, binding, member).quantity, EXACT, binding["among"])
    if "input" in binding:
        return _total(chain, _name(binding["input"], member))
    if "items" in binding:
        return _items(chain, _name(binding["items"], member))
    if "step" in binding:
        return _step_output(chain, binding["step"], binding["output"])
    if "parameter" in binding:
        return _parameter(chain, binding, member)
    if "option" in binding:
        return Bound(chain.inputs.option(binding["option"]), EXACT, f"options.{binding['option']}")
    if binding["unit"] == TEXT:
        return Bound(binding["value"], EXACT, "")
    return Bound(Quantity.from_printed({"value": binding["value"], "unit": binding["unit"]}), EXACT, "")


def _joined(parts: Sequence[Bound]) -> Bound:
    values: list[Any] = []
    spreads: list[Any] = []
    places: list[Any] = []
    for part in parts:
        several = isinstance(part.value, list)
        values += part.value if several else [part.value]
        spreads += part.spread if several else [part.spread]
        places += part.place if several else [part.place]
    return Bound(values, spreads, places)


def _rows(chain: Chain, binding: Mapping[str, Any]) -> Bound:
    """One row for each member of a family, its fields bound for this member."""
    rows = [{name: _bind(chain, inner, member) for name, inner in binding["fields"].items()}
            for member in chain.inputs.members(binding["rows"])]
    return Bound([{name: item.value for name, item in row.items()} for row in rows],
                 [{name: item.spread for name, item in row.items()} for row in rows],
                 [{name: item.place for name, item in row.items()} for row in rows])


def _table(chain: Chain, binding: Mapping[str, Any], member: str) -> Bound:
    """The rows of a parameter: each value under `value`, the number that names it under `key`."""
    names = chain.inputs.texts() | {"member": member}
    if "among" in binding:
        names["neighbour"] = _neighbour(chain, binding, member).text
    path = fill(binding["table"], names)
    values = [_note(chain, path, value) for value in chain.ruleset.parameter(path).rows()]
    rows = [{binding["key"]: Quantity.from_printed({"value": value.year, "unit": binding["unit"]}, where=path),
             binding["value"]: value.quantity} for value in values]
    return Bound(rows, [dict.fromkeys(row, EXACT) for row in rows], [dict.fromkeys(row, path) for row in rows])


def _neighbour(chain: Chain, binding: Mapping[str, Any], member: str) -> ParameterValue:
    """Of two values next to one another with `at` between them (its own value included) the one asked for.

    Raises InputError (out-of-range): nothing stands on one of its sides.
    """
    path = binding["among"]
    parameter = chain.ruleset.parameter(path)
    sought = _bind(chain, binding["at"], member).value
    if not isinstance(sought, Quantity):
        raise FormError("rule-malformed", f"a neighbour among {path} is sought by a quantity", where=path)
    at = sought.to(parameter.unit).value
    for pair in pairwise(sorted(parameter.rows(), key=lambda value: value.quantity.value)):
        below, above = pair
        if below.quantity.value <= at <= above.quantity.value:
            return _note(chain, path, pair[NEIGHBOURS.index(binding["neighbour"])])
    raise InputError("out-of-range", f"{sought} is outside the values of {path}", where=path,
                     hint="a table is never extended; give a measured value")


def _total(chain: Chain, name: str) -> Bound:
    total = chain.inputs.total(name)
    return Bound(total, joined(_items(chain, name).spread, total.unit), chain.inputs.place_of(name))


def _items(chain: Chain, name: str) -> Bound:
    chain.asked.add(name)
    chain.used.add(name)
    inputs = chain.inputs
    spreads = []
    for number, item in enumerate(inputs.items.get(name, ())):
        known = item.uncertainty
        spreads.append(EXACT if known is None else of_input(
            _origin(inputs, name, number, item), item.quantity.value, known, item.quantity.unit))
    quantities = inputs.quantities(name)
    return Bound(quantities, spreads, [f"{inputs.place_of(name)}[{i}]" for i in range(len(quantities))])


def _origin(inputs: Inputs, name: str, number: int, item: Item) -> str:
    """What errs together: a register errs alike in every input and part that reads it, any other item by itself."""
    source = item.source
    if source["type"] in ("register", "claim-point"):
        return f"{source['meter']}/{source['quantity']}"
    return f"{inputs.period.start}/{name}/{number}"


def _step_output(chain: Chain, step: str, output: str) -> Bound:
    values = [call.evaluation.outputs[output] for call in chain.calls(step)]
    spreads = [None if spreads is None else spreads.get(output, EXACT) for spreads in chain.spreads[step]]
    places = [f"{step}.{output}"] * len(values)
    if any(rule.name == step and rule.each is not None for rule in chain.methodology.steps):
        return Bound(values, spreads, places)
    return Bound(values[0], spreads[0], places[0])


def _name(name: str, member: str) -> str:
    return name[:-1] + member if name.endswith(".*") else name


def _first_available(chain: Chain, bindings: Sequence[Mapping[str, Any]], member: str) -> Mapping[str, Any]:
    for binding in bindings:
        if "input" not in binding:
            return binding
        chain.asked.add(_name(binding["input"], member))
        if chain.inputs.given(_name(binding["input"], member)):
            return binding
    names = ", ".join(_name(binding["input"], member) for binding in bindings)
    raise InputError("input-missing", f"none of {names} is given", where="inputs",
                     hint="a missing value is never taken as zero")


def _parameter(chain: Chain, binding: Mapping[str, Any], member: str) -> Bound:
    names = chain.inputs.texts() | {"member": member}
    path = fill(binding["parameter"], names)
    first, last = days_of(chain.inputs.period)
    pattern = binding.get("year", "")
    value = chain.ruleset.parameter(path).resolve(chain.at, first, last, fill(pattern, names), key_name(pattern))
    return Bound(_note(chain, path, value).quantity, EXACT, path)


def _note(chain: Chain, path: str, value: ParameterValue) -> ParameterValue:
    """A value that is read: allowed, and in the list of what was read. Raises InputError (parameter-unconfirmed)."""
    if value.status == "unconfirmed":
        check_allowed(chain, value.key, value.source, path)
    chain.read[path, value.key] = value
    return value


def check_allowed(chain: Chain, name: str, source: str, where: str) -> None:
    """Raises InputError (parameter-unconfirmed) unless both methodology and inputs allow what is unconfirmed."""
    if not (chain.inputs.allow_unconfirmed and chain.methodology.allows_unconfirmed):
        raise InputError("parameter-unconfirmed", f"{name} is not confirmed ({source})", where=where,
                         hint='"allow_unconfirmed": true accepts it where the methodology does; the result says so')
