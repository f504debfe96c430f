"""What if: the same engine on changed inputs, parameters or options, beside the base. For planning, never attested.

A scenario relaxes what an attested run may not: a parameter may be assumed, an input declared without a document. Its
methodology therefore certifies nothing and carries the notice "scenario": `statement.build` refuses its results.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from core.errors import CarbonSealError, FormError, InputError, quoted
from core.jcs import digest
from core.numbers import CONTEXT, decimal_text
from core.quantity import Quantity
from mrv.calculation.forms import unlike
from mrv.calculation.run import RunResult, run
from mrv.definitions.dates import Validity
from mrv.definitions.methodology import InputRule, Methodology
from mrv.definitions.parameter import FIXED, Parameter, ParameterValue
from mrv.definitions.ruleset import RuleSet
from mrv.language.interpreter import round_to

# The notice by which a result that rests on assumptions is known.
SCENARIO = "scenario"
MAX_SCENARIOS = 20
MAX_NAME_CHARS = 80
ASSUMED = "assumed"
DIFFERENCE_DIGITS = 30
"""Of the larger of two figures, each rounded to 40 digits at every step: ten are left for what that adds up to."""
_MEMBERS = {"name", "parameters", "inputs", "options"}
_FORM = ('{"name": "half the coal", "inputs": {"fuel.coal": {"factor": "0.5"}}, "parameters": {"grid.average.cn": '
         '{"value": "0.5", "unit": "kgCO2/kWh", "reason": "forecast"}}}')


@dataclass(frozen=True)
class Scenario:
    """What is changed. `parameters`: path → quantity and reason; `inputs`: name → see `read_scenario`; `options`."""

    name: str
    parameters: Mapping[str, Mapping[str, Any]]
    inputs: Mapping[str, Any]
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Comparison:
    """The base and the scenarios in the order given; every scenario's result carries the notice "scenario"."""

    base: RunResult
    scenarios: tuple[tuple[Scenario, RunResult], ...]


def read_scenarios(document: object) -> tuple[Scenario, ...]:
    """The scenarios of a JSON list. Raises FormError (scenario-malformed)."""
    if not isinstance(document, list) or not 0 < len(document) <= MAX_SCENARIOS:
        raise FormError("scenario-malformed", f"a list of 1 to {MAX_SCENARIOS} scenarios is needed", where="scenarios",
                        hint=f"[{_FORM}]")
    return tuple(read_scenario(item, f"scenarios[{i}]") for i, item in enumerate(document))


def read_scenario(document: object, where: str = "scenario") -> Scenario:
    """One scenario: {"name", "parameters"?, "inputs"?, "options"?}.

    A parameter is {"value", "unit", "reason"}. An input is null (left out), {"value", "unit"} (instead of what was
    given), {"factor"} (what was given times it), or {"add": {"value", "unit"}} (one more).
    Raises FormError (scenario-malformed).
    """
    wrong = unlike(document, {"name"}, _MEMBERS)
    if wrong or not isinstance(document, Mapping):
        raise FormError("scenario-malformed", f"a scenario has a name and parameters, inputs, options: {wrong}",
                        where=where, hint=_FORM)
    name, parts = document["name"], [document.get(part, {}) for part in ("parameters", "inputs", "options")]
    if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME_CHARS:
        raise FormError("scenario-malformed", "a scenario has a short name", where=f"{where}.name",
                        hint=f"a text of 1 to {MAX_NAME_CHARS} characters")
    if not all(isinstance(part, Mapping) for part in parts):
        raise FormError("scenario-malformed", "parameters, inputs and options are objects", where=where, hint=_FORM)
    for path, item in parts[0].items():
        if not isinstance(item, Mapping) or set(item) != {"value", "unit", "reason"}:
            raise FormError("scenario-malformed", "an assumed parameter has value, unit and reason",
                            where=f"{where}.parameters.{path}", hint=_FORM)
    return Scenario(name, *parts)


def compare(ruleset: RuleSet, methodology_id: str, inputs_document: Mapping[str, Any], scenarios: Sequence[Scenario],
            at: date) -> Comparison:
    """The base as `mrv.calculation.run.run` gives it and each scenario by the same rules.

    Raises what `run` raises; NotFound (parameter-missing), InputError (unit-mismatch, scenario-idle).
    """
    base = run(ruleset, methodology_id, None, inputs_document, at)
    return Comparison(base, tuple((scenario, run_scenario(ruleset, base, scenario)) for scenario in scenarios))


def run_scenario(ruleset: RuleSet, base: RunResult, scenario: Scenario) -> RunResult:
    """A scenario of a base. Raises as `compare`, naming the scenario; scenario-idle where what it says changes nothing:
    an assumed parameter that is not read, an input that is not given, nothing at all.
    """
    try:
        return _evaluated(ruleset, base, scenario)
    except CarbonSealError as error:
        error.message = f"scenario {quoted(scenario.name, MAX_NAME_CHARS)}: {error.message}"
        raise


def _evaluated(ruleset: RuleSet, base: RunResult, scenario: Scenario) -> RunResult:
    relaxed = _relaxed(base.methodology)
    parameters = {path: _assumed(ruleset.parameter(path), item, scenario.name)
                  for path, item in scenario.parameters.items()}
    rules = replace(ruleset, parameters={**ruleset.parameters, **parameters},
                    methodologies={**ruleset.methodologies, relaxed.key: relaxed})
    document = _document(base, relaxed, scenario)
    if not parameters and document == base.inputs.document:
        raise InputError("scenario-idle", "it changes nothing of the base", where="scenarios",
                         hint="give parameters, inputs or options that differ from those of the base")
    result = run(rules, relaxed.id, relaxed.version, document, base.at)
    idle = sorted(set(parameters) - {path for path, _ in result.parameters})
    if idle:
        raise InputError("scenario-idle", f"it assumes {idle[0]}, which this calculation does not read",
                         where=f"parameters.{idle[0]}", hint="the parameters it reads: "
                         + ", ".join(path for path, _ in result.parameters))
    return result


def _relaxed(methodology: Methodology) -> Methodology:
    """The methodology with every input declarable, certifying nothing, marked as a scenario for good."""
    return replace(methodology, inputs=tuple(_declarable(rule) for rule in methodology.inputs),
                   intervals={"rule": "none"}, notices=(*methodology.notices, SCENARIO), priority_drop="notice",
                   certifies=False)


def _declarable(rule: InputRule) -> InputRule:
    return replace(rule, sources=tuple(dict.fromkeys((*rule.sources, "declared"))),
                   methods=tuple(dict.fromkeys((*rule.methods, "estimated"))))


def _assumed(parameter: Parameter, item: Mapping[str, Any], name: str) -> Parameter:
    """The parameter with one value, whose status says that it is an assumption."""
    quantity = Quantity.from_printed({"value": item["value"], "unit": item["unit"]}, where=parameter.id)
    quantity.unit.ratio_to(parameter.unit, where=parameter.id)
    value = ParameterValue(f"{parameter.id}.{ASSUMED}", decimal_text(quantity.to(parameter.unit).value),
                           quantity.to(parameter.unit), "", Validity(None, None), None,
                           f"scenario {name}: {item['reason']}", "", ASSUMED, "unknown")
    return replace(parameter, select=FIXED, values=(value,), digest=digest(
        {"scenario": name, "parameter": parameter.id, "quantity": quantity.as_json(), "reason": str(item["reason"])}))


def _document(base: RunResult, relaxed: Methodology, scenario: Scenario) -> dict[str, Any]:
    given = dict(base.inputs.document)
    if scenario.inputs and base.inputs.parts:
        raise InputError("scenario-parts", "inputs of a period given in parts are not changed as a whole",
                         where="inputs", hint="compare the parts one by one")
    inputs = {name: list(items) for name, items in given["inputs"].items()}
    for name, change in scenario.inputs.items():
        changed = _changed(relaxed, name, inputs.get(name, []), change)
        if changed == inputs.get(name, []):
            raise InputError("scenario-idle", f"it changes the input {name!r}, of which the base has nothing to change",
                             where=f"inputs.{name}", hint='the base has ' + ", ".join(inputs)
                             + '; {"add": {"value", "unit"}} gives what it has not')
        inputs.pop(name, None)
        if changed:
            inputs[name] = changed
    return {**given, "inputs": inputs, "options": {**given["options"], **scenario.options}}


def _changed(relaxed: Methodology, name: str, items: list[dict[str, Any]], change: Any) -> list[dict[str, Any]]:
    rule = relaxed.rule_of(name)
    if rule is None:
        raise InputError("input-unknown", f"{relaxed.key} has no input {name!r}", where=f"inputs.{name}",
                         hint="the inputs are " + ", ".join(rule.name for rule in relaxed.inputs))
    if change is None:
        return []
    if isinstance(change, Mapping) and set(change) == {"value", "unit"}:
        return [_declared(rule, Quantity.from_printed(change, where=name))]
    if isinstance(change, Mapping) and set(change) == {"add"}:
        return [*items, _declared(rule, Quantity.from_printed(change["add"], where=name))]
    if isinstance(change, Mapping) and set(change) == {"factor"}:
        factor = Quantity.from_printed({"value": change["factor"], "unit": "1"}, where=name)
        totals = [Quantity.from_json(item["quantity"], where=name) for item in items]
        return [_declared(rule, Quantity(CONTEXT.multiply(total.value, factor.value), total.unit)) for total in totals]
    raise FormError("scenario-malformed", "an input is null, value and unit, factor, or add", where=f"inputs.{name}",
                    hint='null leaves it out, {"value", "unit"} replaces it, {"factor": "0.9"} scales it, {"add": '
                    '{"value", "unit"}} gives one more')


def _declared(rule: InputRule, quantity: Quantity) -> dict[str, Any]:
    return {"quantity": quantity.as_json(), "source": {"type": "declared"}, "priority": rule.priority_of("declared"),
            "method": "estimated", "uncertainty": None}


def comparison_json(comparison: Comparison) -> dict[str, Any]:
    """The comparison as the command and HTTP print it; every figure beside its base, nothing certified."""
    base = comparison.base
    return {
        "schema": "carbonseal-comparison/1", "attested": False,
        "methodology": {"id": base.methodology.id, "version": base.methodology.version,
                        "title": dict(base.methodology.title), "status": base.methodology.status},
        "date": base.at.isoformat(), "period": base.inputs.period.as_json(),
        "result_output": base.methodology.result.output, "main_outputs": _main_outputs(base),
        "base": {"result": base.result.as_json(), "outputs": _outputs(base), "notices": list(base.notices)},
        "scenarios": [_scenario_json(base, scenario, result) for scenario, result in comparison.scenarios],
    }


def _main_outputs(base: RunResult) -> list[str]:
    """The reported output and the other totals beside it: an inventory has one for each basis of electricity."""
    reported = base.methodology.result
    totals = [name for name, quantity in base.outputs.items()
              if "total" in name.split("_") and quantity.unit.dimension == reported.unit.dimension]
    return list(dict.fromkeys([reported.output, *totals]))


def _outputs(result: RunResult) -> dict[str, Any]:
    return {name: quantity.as_json() for name, quantity in result.outputs.items()}


def _scenario_json(base: RunResult, scenario: Scenario, result: RunResult) -> dict[str, Any]:
    return {"name": scenario.name, "result": result.result.as_json(), "notices": list(result.notices),
            "outputs": {name: quantity.as_json() | _difference(base.outputs.get(name), quantity)
                        for name, quantity in result.outputs.items()},
            "difference": _difference(base.result, result.result),
            "parameters": _parameter_changes(base, result), "inputs": _input_changes(base, result),
            "options": _option_changes(base, result)}


def _difference(base: Quantity | None, scenario: Quantity) -> dict[str, Any]:
    """{"difference", "percent"}: scenario − base, its share of the base to two decimals; null where there is none."""
    if base is None:
        return {"difference": None, "percent": None}
    difference = _without_residue(base.to(scenario.unit), scenario)
    percent = None
    if base.value:
        share = CONTEXT.divide(CONTEXT.multiply(difference.value, Decimal(100)), abs(base.value))
        percent = decimal_text(round_to(share, "round", 2))
    return {"difference": decimal_text(difference.value), "percent": percent}


def _without_residue(base: Quantity, scenario: Quantity) -> Quantity:
    """scenario − base to the digits both carry: the first 30 of the larger. What lies beyond is rounding of the two."""
    difference = scenario - base
    digits = DIFFERENCE_DIGITS - 1 - max(base.value.adjusted(), scenario.value.adjusted())
    return Quantity(round_to(difference.value, "round", digits), difference.unit)


def _parameter_changes(base: RunResult, scenario: RunResult) -> list[dict[str, Any]]:
    """Parameters read by one of the two only, or with another value, by path."""
    before = {path: value.record() for path, value in base.parameters}
    after = {path: value.record() for path, value in scenario.parameters}
    return [{"path": path, "base": before.get(path), "scenario": after.get(path)}
            for path in sorted(before.keys() | after.keys()) if before.get(path) != after.get(path)]


def _input_changes(base: RunResult, scenario: RunResult) -> list[dict[str, Any]]:
    names = sorted(base.inputs.items.keys() | scenario.inputs.items.keys())
    totals = [(name, _total(base, name), _total(scenario, name)) for name in names]
    return [{"name": name, "base": one, "scenario": other} for name, one, other in totals if one != other]


def _total(result: RunResult, name: str) -> dict[str, str] | None:
    return result.inputs.total(name).as_json() if result.inputs.given(name) else None


def _option_changes(base: RunResult, scenario: RunResult) -> list[dict[str, Any]]:
    before, after = base.inputs.options, scenario.inputs.options
    return [{"name": name, "base": before.get(name), "scenario": after.get(name)}
            for name in sorted(before.keys() | after.keys()) if before.get(name) != after.get(name)]
