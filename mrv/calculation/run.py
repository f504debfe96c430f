"""Evaluates a methodology: inputs document → result, certificate amount, intervals and the records that explain them.

Pure: no clock, no database. The statement date is an argument. Nothing is guessed: no rule in force, a missing input,
an unconfirmed parameter where none is allowed, are errors. A period that the inputs document gives in parts is
evaluated part by part, each with its own parameters, and the parts are added.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from core.errors import FormError, InputError
from core.period import Period
from core.quantity import Quantity
from core.records import Interval
from mrv.calculation.chain import Chain, Read, StepResult
from mrv.calculation.coverage import Coverage, coverage_of
from mrv.calculation.inputs import Inputs, read_inputs
from mrv.calculation.intervals import intervals_of
from mrv.calculation.shares import Shares, shares_of
from mrv.calculation.spread import joined, percent
from mrv.calculation.steps import Reported, evaluate_steps, outputs_of
from mrv.definitions.dates import days_of, is_unusual
from mrv.definitions.methodology import Methodology
from mrv.definitions.ruleset import RuleSet
from mrv.language.interpreter import round_to

UNCONFIRMED = "unconfirmed-parameter"
UNCONFIRMED_FORMULA = "unconfirmed-formula"
UNCONFIRMED_METHODOLOGY = "unconfirmed-methodology"
PERIOD_SPLIT = "period-split"
PRIORITY_DROPPED = "source-priority-dropped"
BEFORE_PERIOD_END = "statement-before-period-end"
BELOW_ZERO = "result-below-zero"
REDUCTION_NEGATIVE = "reduction-negative"
PERIOD_UNUSUAL = "period-unusual"
UNCERTAINTY_PARTIAL = "uncertainty-partial"
UNCERTAINTY_NOT_CARRIED = "uncertainty-not-carried"

UNCERTAINTY_DIGITS = 4
"""After the point of a percentage: four show the 11.1803 % of the guidelines' own example."""


@dataclass(frozen=True)
class PartResult:
    """One part of a period: its outputs, the calls that gave them, the parameters they read."""

    period: Period
    outputs: Mapping[str, Quantity]
    steps: tuple[StepResult, ...]
    parameters: Read


@dataclass(frozen=True)
class RunResult:
    """What a methodology gave. `amount` in whole certificate units; `carried_out` None where nothing is carried.

    Of a methodology that spends registers or facilities' time, nothing is certified and nothing carried of a result
    below zero: `amount` 0, no intervals; so too of less than one unit, whose remainder is carried.
    `parts`: one for a whole period. `uncertainty`: of the result in %, half of the 95 % interval; None where no input
    states one or it could not be carried. `shares`: how much of each input is measured, estimated, manual, substituted;
    `coverage`: the time that its inputs leave open.
    """

    methodology: Methodology
    at: date
    inputs: Inputs
    outputs: Mapping[str, Quantity]
    result: Quantity
    amount: int
    carried_out: Quantity | None
    intervals: tuple[Interval, ...]
    parameters: Read
    steps: tuple[StepResult, ...]
    notices: tuple[str, ...]
    parts: tuple[PartResult, ...]
    uncertainty: Decimal | None
    shares: Mapping[str, Shares]
    coverage: Coverage


def run(ruleset: RuleSet, methodology_id: str, version: str | None, inputs_document: Mapping[str, Any],
        at: date) -> RunResult:
    """The methodology evaluated on an inputs document (docs/spec/rules.md) for the statement date `at`.

    Raises NotFound, FormError and InputError with codes of docs/spec/rules.md.
    """
    if not isinstance(inputs_document, Mapping):
        raise FormError("inputs-malformed", "an inputs document is an object")
    period = Period.from_json(inputs_document.get("period"))
    methodology = ruleset.methodology(methodology_id, version, *days_of(period))
    _check_published(methodology, at)
    inputs = read_inputs(methodology, inputs_document, period)
    _check_priorities(methodology, inputs)
    coverage = coverage_of(methodology, inputs, at)
    chains = [evaluate_steps(ruleset, methodology, at, part, number)
              for number, part in enumerate(inputs.parts or (inputs,))]
    reported = [outputs_of(chain) for chain in chains]
    outputs = reported[0] if len(reported) == 1 else _added(methodology, reported)
    quantities = {name: item.quantity for name, item in outputs.items()}
    exact, rounded = _report(methodology, quantities, inputs)
    amount = int(rounded.value) if not methodology.spends or exact.value > 0 else 0
    intervals = intervals_of(methodology, inputs) if amount else ()
    _check_units(methodology, amount, intervals)
    kept = methodology.result.carry and not (methodology.spends and exact.value < 0)
    shares = shares_of(inputs)
    uncertainty = _uncertainty(outputs[methodology.result.output])
    return RunResult(methodology, at, inputs, quantities, rounded, amount, exact - rounded if kept else None, intervals,
                     _parameters(chains), tuple(step for chain in chains for step in chain.steps),
                     _notices(chains, inputs, coverage, outputs[methodology.result.output]),
                     tuple(_part(chain, part) for chain, part in zip(chains, reported, strict=True)),
                     uncertainty, shares, coverage)


def _part(chain: Chain, reported: Mapping[str, Reported]) -> PartResult:
    outputs = {name: item.quantity for name, item in reported.items()}
    return PartResult(chain.inputs.period, outputs, tuple(chain.steps), chain.parameters)


def _parameters(chains: Sequence[Chain]) -> Read:
    """Each parameter value once, in order of first reading."""
    read = {(path, value.key): value for chain in chains for path, value in chain.parameters}
    return tuple((path, value) for (path, _), value in read.items())


def _added(methodology: Methodology, reported: Sequence[Mapping[str, Reported]]) -> dict[str, Reported]:
    """The outputs that add up, summed over the parts; a ratio is reported for each part alone."""
    found: dict[str, Reported] = {}
    for part in reported:
        for name, item in part.items():
            if name.split(".")[0] not in methodology.split:
                continue
            before = found.get(name)
            found[name] = item if before is None else _sum(before, item)
    return found


def _sum(one: Reported, other: Reported) -> Reported:
    quantity = one.quantity + other.quantity
    if one.spread is None or other.spread is None:
        return Reported(quantity, None)
    return Reported(quantity, joined([one.spread, other.spread], quantity.unit))


def _report(methodology: Methodology, outputs: Mapping[str, Quantity], inputs: Inputs) -> tuple[Quantity, Quantity]:
    rule = methodology.result
    exact = outputs[rule.output].to(rule.unit)
    if inputs.carried is not None:
        if not rule.carry:
            raise InputError("carry-not-allowed", "this methodology carries no remainder", where="carried")
        carried = inputs.carried.to(rule.unit)
        if carried.value >= Decimal(1).scaleb(-rule.digits):
            raise InputError("out-of-range", f"a remainder is less than what is rounded to, {carried} is not",
                             where="carried", hint="carry the carried_out of the statement before")
        exact = exact + carried
    return exact, Quantity(round_to(exact.value, rule.rounding, rule.digits), rule.unit)


def _check_published(methodology: Methodology, at: date) -> None:
    if methodology.published is not None and at < methodology.published:
        raise InputError("rule-not-in-force", f"{methodology.key} rests on what was published on "
                         f"{methodology.published}, after the statement of {at}", where=methodology.key,
                         hint="date the statement on or after that day")


def _check_units(methodology: Methodology, amount: int, intervals: tuple[Interval, ...]) -> None:
    if methodology.intervals["rule"] == "register-whole-units":
        units = sum(interval.end - interval.start for interval in intervals) // int(methodology.intervals["unit"])
        if units != amount:
            raise FormError("rule-malformed", f"{units} units of the register are not {amount}", where=methodology.key)


def _check_priorities(methodology: Methodology, inputs: Inputs) -> None:
    drops = inputs.priority_drops()
    if drops and methodology.priority_drop == "refused":
        part = next(part for part in inputs.parts or (inputs,) if part.given(drops[0]))
        raise InputError(PRIORITY_DROPPED, f"{', '.join(drops)} comes from a lower source than in the statement before",
                         where=part.place_of(drops[0]), hint="the priority of a source may not sink from year to year")


def _uncertainty(result: Reported) -> Decimal | None:
    if result.spread is None or not result.spread.parts:
        return None
    exact = percent(result.quantity.value, result.spread.parts)
    return None if exact is None else round_to(exact, "round", UNCERTAINTY_DIGITS)


def _notices(chains: Sequence[Chain], inputs: Inputs, coverage: Coverage, result: Reported) -> tuple[str, ...]:
    methodology, at = chains[0].methodology, chains[0].at
    notices = list(methodology.notices)
    if methodology.status == "unconfirmed":
        notices.append(UNCONFIRMED_METHODOLOGY)
    if any(value.status == "unconfirmed" for chain in chains for _, value in chain.parameters):
        notices.append(UNCONFIRMED)
    if any(step.evaluation.formula.status == "unconfirmed" for chain in chains for step in chain.steps):
        notices.append(UNCONFIRMED_FORMULA)
    if inputs.parts:
        notices.append(PERIOD_SPLIT)
    # What spends a register's serials may end at any reading; an inventory is of calendar days, a year at most.
    if methodology.intervals["rule"] == "none" and is_unusual(inputs.period):
        notices.append(PERIOD_UNUSUAL)
    # A forecast may be dated so, with the factors known on that day; a claim may not (claim-period-open).
    if at < days_of(inputs.period)[1]:
        notices.append(BEFORE_PERIOD_END)
    # More given away than used: right for a plant that only generates, else a sign that two inputs were exchanged.
    if result.quantity.value < 0:
        notices.append(REDUCTION_NEGATIVE if methodology.spends else BELOW_ZERO)
    if inputs.priority_drops():
        notices.append(PRIORITY_DROPPED)
    notices += inputs.notices() + coverage.notices()
    return tuple(sorted({*notices, *_uncertainty_notices(inputs, result)}))


def _uncertainty_notices(inputs: Inputs, result: Reported) -> list[str]:
    stated = [item.uncertainty is not None for items in inputs.items.values() for item in items]
    if not any(stated):
        return []
    if result.spread is None:
        return [UNCERTAINTY_NOT_CARRIED]
    return [] if all(stated) else [UNCERTAINTY_PARTIAL]
