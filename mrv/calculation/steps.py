"""Evaluates the steps of a methodology on the inputs of one part: formula calls, in order, and their outputs.

Every value travels with its spread (`spread`). Rules not in force are errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from core.errors import CarbonSealError, FormError
from core.quantity import Quantity
from mrv.calculation.arguments import bind
from mrv.calculation.bounds import Bound, places_in, spreads_of
from mrv.calculation.chain import MAX_NEAR, Chain, StepResult
from mrv.calculation.inputs import Inputs
from mrv.calculation.spread import Spread
from mrv.definitions.dates import check_in_force, days_of
from mrv.definitions.formula import Evaluation, Formula
from mrv.definitions.methodology import Methodology, StepRule
from mrv.definitions.ruleset import RuleSet


@dataclass(frozen=True)
class Reported:
    """An output of a methodology with its spread; None where uncertainty could not be carried."""

    quantity: Quantity
    spread: Spread | None


def evaluate_steps(ruleset: RuleSet, methodology: Methodology, at: date, inputs: Inputs, part: int = 0) -> Chain:
    """Every step in order. Raises InputError and FormError with the codes of docs/spec/rules.md."""
    chain = Chain(ruleset, methodology, at, inputs, part)
    if methodology.status == "unconfirmed":
        chain.check_allowed(methodology.key, methodology.source, methodology.key)
    for step in methodology.steps:
        _run_step(chain, step)
    chain.check_used()
    return chain


def _run_step(chain: Chain, step: StepRule) -> None:
    formula = chain.ruleset.formulas[step.formula]
    check_in_force(formula.key, formula.validity, *days_of(chain.inputs.period))
    if formula.status == "unconfirmed":
        chain.check_allowed(formula.key, formula.source, formula.key)
    chain.spreads[step.name] = []
    for member in chain.inputs.members(step.each) if step.each else [""]:
        bound = {name: bind(chain, binding, member) for name, binding in step.arguments}
        evaluation = _evaluated(chain, formula, bound, f"{step.name}.{member}" if member else step.name)
        chain.steps.append(StepResult(step.name, member, evaluation, chain.part))
        chain.spreads[step.name].append(spreads_of(evaluation, bound))


def _evaluated(chain: Chain, formula: Formula, bound: Mapping[str, Bound], step: str) -> Evaluation:
    """The formula's evaluation; an error of an argument names what the argument was taken from, any other the step."""
    try:
        return formula.evaluate({name: item.value for name, item in bound.items()})
    except CarbonSealError as error:
        place = places_in(bound, error.where)
        error.where = place or f"{step}: {error.where}"
        if error.code == "out-of-range":
            error.message = _as_written(chain.inputs, place) + _with_tables(bound, error.message)
        raise


def _with_tables(bound: Mapping[str, Bound], message: str) -> str:
    """A table by the path of the parameter that is bound to it."""
    for name, item in bound.items():
        if isinstance(item.place, list) and item.place and isinstance(item.place[0], Mapping):
            message = message.replace(f"the table {name!r}", f"the table {next(iter(item.place[0].values()))}")
    return message


def _as_written(inputs: Inputs, place: str) -> str:
    """The quantities of an input as they were given, where they were given in another unit than the rule's."""
    for name, items in inputs.items.items():
        if place == inputs.place_of(name) and any(item.quantity.unit.text != inputs.rules[name].unit.text
                                                  for item in items):
            return " + ".join(str(item.quantity) for item in items[:MAX_NEAR]) + " is given: "
    return ""


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
