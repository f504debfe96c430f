"""Evaluates a methodology: inputs document → result, certificate amount, intervals and the records that explain them.

Pure: no clock, no database. The statement date is an argument. Nothing is guessed: no rule in force, a missing input,
an unconfirmed parameter where none is allowed, are errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from core.errors import FormError, InputError, Refused
from core.period import Period
from core.quantity import Quantity
from core.records import Interval
from mrv.dates import check_in_force, days_of
from mrv.formula import Evaluation
from mrv.inputs import Inputs, read_inputs
from mrv.interpreter import round_to
from mrv.intervals import intervals_of
from mrv.methodology import Methodology, StepRule, fill
from mrv.parameter import ParameterValue
from mrv.ruleset import RuleSet

UNCONFIRMED = "unconfirmed-parameter"
UNCONFIRMED_FORMULA = "unconfirmed-formula"
UNCONFIRMED_METHODOLOGY = "unconfirmed-methodology"


@dataclass(frozen=True)
class StepResult:
    """One formula call: step name, member of a family or "", and its evaluation."""

    step: str
    member: str
    evaluation: Evaluation


@dataclass(frozen=True)
class RunResult:
    """What a methodology gave. `amount` in whole certificate units; `carried_out` None where nothing is carried."""

    methodology: Methodology
    at: date
    inputs: Inputs
    outputs: Mapping[str, Quantity]
    result: Quantity
    amount: int
    carried_out: Quantity | None
    intervals: tuple[Interval, ...]
    parameters: tuple[tuple[str, ParameterValue], ...]
    steps: tuple[StepResult, ...]
    notices: tuple[str, ...]


@dataclass
class _State:
    ruleset: RuleSet
    methodology: Methodology
    at: date
    inputs: Inputs
    steps: list[StepResult] = field(default_factory=list)
    parameters: dict[tuple[str, str], ParameterValue] = field(default_factory=dict)
    values: dict[str, list[Evaluation]] = field(default_factory=dict)


def run(ruleset: RuleSet, methodology_id: str, version: str | None, inputs_document: Mapping[str, Any],
        at: date) -> RunResult:
    """The methodology evaluated on an inputs document (docs/spec/rules.md) for the statement date `at`.

    Raises NotFound, FormError and InputError with codes of docs/spec/rules.md; Refused (amount-zero) when nothing whole
    is left to certify.
    """
    period = Period.from_json(inputs_document.get("period"))
    first, last = days_of(period)
    methodology = ruleset.methodology(methodology_id, version, first, last)
    inputs = read_inputs(methodology, inputs_document, period)
    state = _State(ruleset, methodology, at, inputs)
    for step in methodology.steps:
        _run_step(state, step)
    outputs = {name: _single(state, step, output) for name, step, output in methodology.outputs}
    exact, rounded = _report(methodology, outputs, inputs)
    intervals = intervals_of(methodology, inputs)
    _check_amount(methodology, rounded, intervals)
    carried = Quantity(exact.value, exact.unit) - rounded if methodology.result.carry else None
    return RunResult(methodology, at, inputs, outputs, rounded, int(rounded.value), carried, intervals,
                     tuple((path, value) for (path, _), value in state.parameters.items()), tuple(state.steps),
                     _notices(state))


def _run_step(state: _State, step: StepRule) -> None:
    formula = state.ruleset.formulas[step.formula]
    check_in_force(formula.key, formula.validity, *days_of(state.inputs.period))
    if formula.status == "unconfirmed":
        _check_allowed(state, formula.key, formula.source, formula.key)
    members = state.inputs.members(step.each) if step.each else [""]
    evaluations = []
    for member in members:
        given = {name: _bind(state, binding, member) for name, binding in step.arguments}
        evaluation = formula.evaluate(given)
        evaluations.append(evaluation)
        state.steps.append(StepResult(step.name, member, evaluation))
    state.values[step.name] = evaluations


def _bind(state: _State, binding: Mapping[str, Any], member: str) -> Any:
    if "first" in binding:
        return _bind(state, _first_available(state, binding["first"], member), member)
    if "list" in binding:
        parts = [_bind(state, item, member) for item in binding["list"]]
        return [value for part in parts for value in (part if isinstance(part, list) else [part])]
    if "input" in binding:
        return state.inputs.total(_name(binding["input"], member))
    if "items" in binding:
        return state.inputs.quantities(_name(binding["items"], member))
    if "step" in binding:
        outputs = [evaluation.outputs[binding["output"]] for evaluation in state.values[binding["step"]]]
        return outputs if _is_each(state.methodology, binding["step"]) else outputs[0]
    if "parameter" in binding:
        return _parameter(state, binding, member)
    if "option" in binding:
        return state.inputs.option(binding["option"])
    return Quantity.from_printed({"value": binding["value"], "unit": binding["unit"]})


def _name(name: str, member: str) -> str:
    return name[:-1] + member if name.endswith(".*") else name


def _is_each(methodology: Methodology, name: str) -> bool:
    return any(step.name == name and step.each is not None for step in methodology.steps)


def _first_available(state: _State, bindings: list[Mapping[str, Any]], member: str) -> Mapping[str, Any]:
    for binding in bindings:
        if "input" not in binding or state.inputs.given(_name(binding["input"], member)):
            return binding
    raise InputError("input-missing", f"none of {bindings} is given", where="inputs")


def _parameter(state: _State, binding: Mapping[str, Any], member: str) -> Quantity:
    names = state.inputs.texts() | {"member": member}
    path = fill(binding["parameter"], names)
    first, last = days_of(state.inputs.period)
    year = fill(binding.get("year", ""), names)
    value = state.ruleset.parameter(path).resolve(state.at, first, last, year)
    if value.status == "unconfirmed":
        _check_allowed(state, value.key, value.source, path)
    state.parameters[path, value.key] = value
    return value.quantity


def _check_allowed(state: _State, name: str, source: str, where: str) -> None:
    if not (state.inputs.allow_unconfirmed and state.methodology.allows_unconfirmed):
        raise InputError("parameter-unconfirmed", f"{name} is not confirmed ({source})", where=where,
                         hint="allow it explicitly where the methodology does, or give a measured value")


def _single(state: _State, step: str, output: str) -> Quantity:
    value = state.values[step][0].outputs[output] if state.values[step] else None
    if not isinstance(value, Quantity):
        raise FormError("rule-malformed", f"{step}.{output} is not one quantity", where=state.methodology.key)
    return value


def _report(methodology: Methodology, outputs: Mapping[str, Quantity], inputs: Inputs) -> tuple[Quantity, Quantity]:
    rule = methodology.result
    exact = outputs[rule.output].to(rule.unit)
    if inputs.carried is not None:
        if not rule.carry:
            raise InputError("carry-not-allowed", "this methodology carries no remainder", where="carried")
        exact = exact + inputs.carried.to(rule.unit)
    return exact, Quantity(round_to(exact.value, rule.rounding, rule.digits), rule.unit)


def _check_amount(methodology: Methodology, rounded: Quantity, intervals: tuple[Interval, ...]) -> None:
    if methodology.intervals["rule"] == "none":
        return
    if rounded.value <= 0:
        raise Refused("amount-zero", f"{rounded} leaves nothing whole to certify", where=methodology.key,
                      hint="the remainder stays for a later period")
    if methodology.intervals["rule"] == "register-whole-units":
        units = sum(interval.end - interval.start for interval in intervals) // int(methodology.intervals["unit"])
        if Decimal(units) != rounded.value:
            raise FormError("rule-malformed", f"{units} units of the register are not {rounded}", where=methodology.key)


def _notices(state: _State) -> tuple[str, ...]:
    notices = list(state.methodology.notices)
    if state.methodology.status == "unconfirmed":
        notices.append(UNCONFIRMED_METHODOLOGY)
    if any(value.status == "unconfirmed" for value in state.parameters.values()):
        notices.append(UNCONFIRMED)
    if any(step.evaluation.formula.status == "unconfirmed" for step in state.steps):
        notices.append(UNCONFIRMED_FORMULA)
    notices += state.inputs.notices()
    return tuple(sorted(set(notices)))
