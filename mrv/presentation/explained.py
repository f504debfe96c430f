"""What the command line and HTTP answer with the tree for people, and for scenarios. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from core.errors import FormError
from mrv.calculation import service
from mrv.calculation.run import RunResult, run
from mrv.calculation.whatif import Comparison, comparison_json, read_scenarios
from mrv.calculation.whatif import compare as compare_runs
from mrv.definitions.fields import read_given
from mrv.definitions.formula import Evaluation
from mrv.definitions.ruleset import RuleSet
from mrv.presentation.explain import explain, explain_evaluation

Document = dict[str, Any]


def evaluation_of(ruleset: RuleSet, formula: str, inputs: object) -> Evaluation:
    """One formula evaluated on inputs from JSON. Raises NotFound (formula-unknown), FormError, InputError."""
    if not isinstance(inputs, Mapping):
        raise FormError("inputs-malformed", "inputs are an object of quantities by name")
    chosen = ruleset.formula(formula)
    return chosen.evaluate({name: read_given(value, name) for name, value in inputs.items()})


def evaluate(ruleset: RuleSet, formula: str, inputs: object, explaining: bool) -> Document:
    """As `service.evaluate`; with "explanation" where asked for."""
    answer = service.evaluate(ruleset, formula, inputs)
    if explaining:
        answer["explanation"] = explain_evaluation(evaluation_of(ruleset, formula, inputs)).as_json()
    return answer


def result_of(ruleset: RuleSet, name: str, inputs_document: object, at: date) -> RunResult:
    """A methodology run on an inputs document from JSON. Raises FormError (inputs-malformed) and what `run` raises."""
    if not isinstance(inputs_document, Mapping):
        raise FormError("inputs-malformed", "an inputs document is an object")
    return run(ruleset, name, None, inputs_document, at)


def run_methodology(ruleset: RuleSet, name: str, inputs_document: object, at: date, explaining: bool) -> Document:
    """As `service.run_methodology`; with "explanation" where asked for."""
    result = result_of(ruleset, name, inputs_document, at)
    answer = service.result_json(result)
    return answer | {"explanation": explain(result).as_json()} if explaining else answer


def comparison_of(ruleset: RuleSet, name: str, document: object, at: date) -> Comparison:
    """The comparison of {"inputs", "scenarios"}. Raises FormError (scenario-malformed) and what `compare` raises."""
    if not isinstance(document, Mapping) or set(document) != {"inputs", "scenarios"} \
            or not isinstance(document["inputs"], Mapping):
        raise FormError("scenario-malformed", "a comparison has exactly inputs and scenarios")
    return compare_runs(ruleset, name, document["inputs"], read_scenarios(document["scenarios"]), at)


def compare(ruleset: RuleSet, name: str, document: object, at: date) -> Document:
    """The comparison of {"inputs", "scenarios"} as JSON."""
    return comparison_json(comparison_of(ruleset, name, document, at))
