"""What the command line and HTTP answer with the tree for people, and for scenarios. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from core.errors import FormError, InputError
from core.numbers import CONTEXT, PRECISION
from mrv.calculation import service
from mrv.calculation.run import RunResult
from mrv.calculation.whatif import Comparison, comparison_json, read_scenarios
from mrv.calculation.whatif import compare as compare_runs
from mrv.definitions.formula import Evaluation
from mrv.definitions.ruleset import RuleSet
from mrv.presentation.explain import explain, explain_evaluation

Document = dict[str, Any]

MAX_PRECISION = 100
OTHER_PRECISION = "other-precision"
"""Notice: evaluated with other digits than the 40 of every statement, to hold against another tool."""


def evaluation_of(ruleset: RuleSet, formula: str, inputs: object, precision: int = PRECISION) -> Evaluation:
    """One formula evaluated on inputs from JSON, with `precision` significant digits.

    What is converted on entry keeps 40 digits. Raises NotFound (formula-unknown), FormError, InputError.
    """
    if not 1 <= precision <= MAX_PRECISION:
        raise InputError("precision-out-of-range", f"{precision} is not between 1 and {MAX_PRECISION}",
                         where="precision", hint=f"statements have {PRECISION} digits")
    context = CONTEXT.copy()
    context.prec = precision
    return service.evaluation_of(ruleset, formula, inputs, context)


def evaluation_json(evaluation: Evaluation, precision: int = PRECISION, explaining: bool = False) -> Document:
    """As `service.evaluation_json`; with "explanation" where asked for."""
    answer = service.evaluation_json(evaluation)
    if precision != PRECISION:
        answer["notices"].append(OTHER_PRECISION)
    return answer | {"explanation": explain_evaluation(evaluation).as_json()} if explaining else answer


def result_json(result: RunResult, explaining: bool = False) -> Document:
    """As `service.result_json`; with "explanation" where asked for."""
    answer = service.result_json(result)
    return answer | {"explanation": explain(result).as_json()} if explaining else answer


def comparison_of(ruleset: RuleSet, name: str, document: object, at: date) -> Comparison:
    """The comparison of {"inputs", "scenarios"}. Raises FormError (scenario-malformed) and what `compare` raises."""
    if not isinstance(document, Mapping) or set(document) != {"inputs", "scenarios"} \
            or not isinstance(document["inputs"], Mapping):
        raise FormError("scenario-malformed", "a comparison has exactly inputs and scenarios")
    scenarios = read_scenarios(document["scenarios"])
    return compare_runs(ruleset, name, service.canonical_document(ruleset, name, document["inputs"]), scenarios, at)


def compare(ruleset: RuleSet, name: str, document: object, at: date) -> Document:
    """The comparison of {"inputs", "scenarios"} as JSON."""
    return comparison_json(comparison_of(ruleset, name, document, at))
