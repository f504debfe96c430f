"""What the command line and HTTP answer, as JSON documents (docs/spec/rules.md). Pure: the rules are an argument."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import date
from decimal import Context
from typing import Any

from core.documents import interval_json
from core.errors import CarbonSealError, FormError, InputError
from core.jcs import parse_lenient
from core.numbers import CONTEXT
from core.period import Period
from core.quantity import Quantity
from core.units import Unit
from mrv.calculation.chain import StepResult
from mrv.calculation.regions import with_regions
from mrv.calculation.run import UNCONFIRMED_FORMULA, PartResult, RunResult, run
from mrv.calculation.spelling import canonical_dates, canonical_numbers, with_priorities
from mrv.calculation.statement import node_record, quality_outputs
from mrv.definitions.dates import day_of, days_of, parse_day
from mrv.definitions.fields import Field, Input, check_amount, read_given
from mrv.definitions.formula import Definition, Evaluation, Formula
from mrv.definitions.parameter import BY_YEAR, FIXED, Parameter, ParameterValue
from mrv.definitions.ruleset import RuleSet
from mrv.language.checker import Type
from mrv.language.interpreter import Step

Document = dict[str, Any]
Advising = Callable[[str], AbstractContextManager[object]]

DATE_UNKNOWN = "date-unknown"
_SOURCE_YEAR = re.compile(r"(?:19|20)[0-9]{2}(?![0-9])")
DEFAULT_ZONE = "Asia/Shanghai"
LINE_MEMBERS = {"id", "formula", "inputs"}
_LINE_HINT = '{"id": "1", "formula": "electricity.location", "inputs": {"consumption": {"value": "1", "unit": "kWh"}}}'
_LEADING_ID = re.compile(rb'[ \t]*\{[ \t]*"id"[ \t]*:[ \t]*"([ !#-\[\]-~]{1,200})"')


def formulas(ruleset: RuleSet) -> list[Document]:
    """Every formula as `describe_formula` tells it, by id."""
    ordered = sorted(ruleset.formulas.values(), key=lambda formula: (formula.id, int(formula.version)))
    return [describe_formula(formula) for formula in ordered]


def describe_formula(formula: Formula) -> Document:
    """One formula as `mrv formulas` prints it: inputs, outputs, expression, conditions, source, validity, status."""
    return {
        "formula": formula.key, "id": formula.id, "version": formula.version, "title": dict(formula.title),
        "inputs": [_describe_input(item) for item in formula.inputs],
        "outputs": [{"name": item.name, "unit": item.node.unit_text, "description": dict(item.title or {})}
                    for item in formula.outputs],
        "expression": expression_of(formula),
        "conditions": [{"expression": item.expression, "description": dict(item.title or {})}
                       for item in formula.definitions if item.required],
        "source": formula.source, "valid": formula.validity.as_json(), "status": formula.status,
        "digest": formula.digest.hex(),
    }


def expression_of(formula: Formula) -> str:
    """Its definitions in order, one a line: "emission = consumption * factor"."""
    return "\n".join(f"require {item.expression}" if item.required else f"{item.name} = {item.expression}"
                     for item in formula.definitions)


def _describe_input(item: Input) -> Document:
    described: Document = {"name": item.name, "description": dict(item.title)}
    if item.fields:
        return described | {"list": [_describe_field(field) for field in item.fields], "least": item.least}
    assert item.field is not None
    described |= {key: value for key, value in _describe_field(item.field).items() if key not in described}
    return described | ({"list": True, "least": item.least} if item.is_list else {})


def _describe_field(field: Field) -> Document:
    described: Document = {"name": field.name, "unit": _unit_text(field.type), "description": dict(field.title)}
    if field.one_of:
        described["one_of"] = list(field.one_of)
    return described | ({"range": field.span()} if field.span() else {})


def _unit_text(kind: Type) -> str:
    return kind.text if isinstance(kind, Unit) else kind


def evaluate(ruleset: RuleSet, formula: str, inputs: object) -> Document:
    """One formula, "id" or "id@version", on inputs from JSON. Raises as `evaluation_of`."""
    return evaluation_json(evaluation_of(ruleset, formula, inputs))


def evaluation_of(ruleset: RuleSet, formula: str, inputs: object, context: Context = CONTEXT) -> Evaluation:
    """One formula evaluated on inputs from JSON. Raises NotFound (formula-unknown), FormError and InputError."""
    if not isinstance(inputs, Mapping):
        raise FormError("inputs-malformed", "inputs are an object of quantities by name",
                        hint='{"name": {"value": "1234.5", "unit": "kWh"}}')
    check_amount(inputs)
    chosen = ruleset.formula(formula)
    return chosen.evaluate({name: read_given(value, name) for name, value in inputs.items()}, context)


def evaluation_json(evaluation: Evaluation) -> Document:
    """{"formula", "outputs": {name: {"value", "unit"}}, "notices", "trace"}."""
    return {"formula": evaluation.formula.key, "outputs": outputs_json(evaluation),
            "notices": [UNCONFIRMED_FORMULA] if evaluation.formula.status == "unconfirmed" else [],
            "trace": trace_json(evaluation)}


def evaluate_batch(ruleset: RuleSet, lines: Iterable[bytes], advising: Advising = nullcontext) -> Iterator[Document]:
    """For each JSON line {id, formula, inputs} {id, outputs} or {id, error}; one bad line stops nothing.

    `advising`: what gives the errors of a formula the hints that the rules allow.
    """
    for line in lines:
        if line.strip():
            yield _evaluate_line(ruleset, line, advising)


def _evaluate_line(ruleset: RuleSet, line: bytes, advising: Advising) -> Document:
    identity = _leading_id(line)
    try:
        request = parse_lenient(line)
        if not isinstance(request, dict) or not set(request) >= LINE_MEMBERS:
            raise FormError("inputs-malformed", "a line has id, formula and inputs", hint=_LINE_HINT)
        identity = request["id"]
        unknown = sorted(set(request) - LINE_MEMBERS)
        if unknown:
            raise FormError("inputs-malformed", f"a line has no member {unknown[0][:40]!r}", hint=_LINE_HINT)
        with advising(str(request["formula"])):
            evaluation = evaluation_of(ruleset, str(request["formula"]), request["inputs"])
        return {"id": identity, "outputs": outputs_json(evaluation)}
    except CarbonSealError as error:
        return {"id": identity, "error": error.as_dict()}


def _leading_id(line: bytes) -> str | None:
    """The id a line begins with, so that a line which cannot be read is still answered by its name."""
    match = _LEADING_ID.match(line)
    return match[1].decode() if match else None


def outputs_json(evaluation: Evaluation) -> Document:
    """{name: {"value", "unit"}}; a text output has the unit "text"."""
    return {name: value.as_json() if isinstance(value, Quantity) else {"value": value, "unit": "text"}
            for name, value in evaluation.outputs.items()}


def trace_json(evaluation: Evaluation) -> list[Document]:
    """One tree for each definition: {"definition", "operator", "name", "value", "unit", "operands"}."""
    return [_definition_json(definition, step) for definition, step in evaluation.trace]


def _definition_json(definition: Definition, step: Step) -> Document:
    return {"definition": definition.name, "expression": definition.expression, **_step_json(step)}


def _step_json(step: Step) -> Document:
    record: Document = node_record(step)
    record["operands"] = [_step_json(operand) for operand in step.steps]
    return record


def statement_day(now: int, text: str | None, document: object = None, *, where: str = "at") -> date:
    """The day of "YYYY-MM-DD"; where absent, that of the instant `now` (ms UTC) in the zone of the document's period.

    Without a period, or with one whose zone is unknown, it is the day in Asia/Shanghai: the command and HTTP answer
    alike at every hour. Raises FormError (date-malformed).
    """
    if text:
        return parse_day(text, where=where)
    period = document.get("period") if isinstance(document, Mapping) else None
    zone = period.get("zone") if isinstance(period, Mapping) else None
    try:
        return day_of(now, zone if isinstance(zone, str) else DEFAULT_ZONE)
    except FormError:
        return day_of(now, DEFAULT_ZONE)


def result_of(ruleset: RuleSet, name: str, inputs_document: object, at: date) -> RunResult:
    """A methodology run on an inputs document that a person wrote.

    Raises FormError (inputs-malformed), what `canonical_numbers` and what `run` raise.
    """
    if not isinstance(inputs_document, Mapping):
        raise FormError("inputs-malformed", "an inputs document is an object",
                        hint="`carbonseal mrv methodologies ID --example` prints one to edit")
    return run(ruleset, name, None, canonical_document(ruleset, name, inputs_document), at)


def canonical_document(ruleset: RuleSet, name: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """The inputs document of a person as a statement would hold it: canonical numbers, instants, every priority.

    Raises what `canonical_numbers`, `canonical_dates` and `RuleSet.methodology` raise.
    """
    document: Mapping[str, Any] = canonical_dates(canonical_numbers(given))
    period = Period.from_json(document.get("period"))
    methodology = ruleset.methodology(name, None, *days_of(period))
    ranked: Mapping[str, Any] = with_priorities(methodology, with_regions(ruleset, methodology, document))
    return ranked


def result_json(result: RunResult) -> Document:
    """A run as `mrv run` prints it."""
    methodology = result.methodology
    return {
        "methodology": {"id": methodology.id, "version": methodology.version, "title": dict(methodology.title),
                        "status": methodology.status, "digest": methodology.digest.hex()},
        "type": methodology.label, "date": result.at.isoformat(), "period": result.inputs.period.as_json(),
        "result": result.result.as_json(),
        "outputs": {output: quantity.as_json() for output, quantity in result.outputs.items()},
        "certificate": {"amount": str(result.amount), "unit": methodology.result.unit.text},
        "carried_out": result.carried_out.as_json() if result.carried_out else None,
        "intervals": [interval_json(interval) for interval in result.intervals], "notices": list(result.notices),
        "parameters": [{"path": path, **value.record()} for path, value in result.parameters],
        "quality": _quality_json(result), "parts": [_part_json(part) for part in result.parts],
        "trace": [_call_json(step) for step in result.steps],
    }


def _quality_json(result: RunResult) -> Document:
    return {"shares": {name: shares.as_json() for name, shares in result.shares.items()},
            "stated": quality_outputs(result), "priority_drops": result.inputs.priority_drops(),
            "uncovered": [hole.as_json() for hole in result.coverage.uncovered]}


def _part_json(part: PartResult) -> Document:
    return {"period": part.period.as_json(), "outputs": {name: item.as_json() for name, item in part.outputs.items()},
            "parameters": [{"path": path, "key": value.key} for path, value in part.parameters]}


def _call_json(step: StepResult) -> Document:
    evaluation = step.evaluation
    return {"step": step.step, "member": step.member, "formula": evaluation.formula.key,
            "outputs": outputs_json(evaluation), "trace": trace_json(evaluation)}


def parameter(ruleset: RuleSet, path: str, at: date) -> Document:
    """The value in force at a date: value as printed, unit, source, validity, status.

    `path`: a parameter or one value's key ("grid.cn.2023").
    `notices`: "date-unknown" where nothing here proves that the value held on that date; one whose own year is later is
    refused. Raises NotFound (parameter-missing), InputError (rule-not-in-force).
    """
    for candidate in ruleset.parameters.values():
        for value in candidate.values:
            if value.key == path and (path != candidate.id or candidate.select == FIXED):
                if value.published is not None and value.published > at:
                    raise InputError("rule-not-in-force", f"{path} was published on {value.published}", where=path,
                                     hint="ask for a date on or after its publication")
                return _parameter_json(candidate, value, at)
    found = ruleset.parameter(path)
    return _parameter_json(found, found.resolve(at, at, at, str(at.year) if found.select == BY_YEAR else ""), at)


def _parameter_json(found: Parameter, value: ParameterValue, at: date) -> Document:
    year = _SOURCE_YEAR.match(value.year) if found.select == FIXED else None
    if year and value.date_status == "unknown" and int(year[0]) > at.year:
        raise InputError("rule-not-in-force", f"{found.id} is of {value.year} ({value.source}), not of {at}",
                         where=found.id, hint=f"ask for a date in or after {year[0]}; no earlier value is here")
    return {"path": found.id, "title": dict(found.title), "region": found.region, "selection": found.select,
            **value.record(), "notices": date_notices([value])}


def date_notices(values: Iterable[ParameterValue]) -> list[str]:
    """["date-unknown"] where nothing here proves from when to when a value holds."""
    return [DATE_UNKNOWN] if any(value.date_status == "unknown" for value in values) else []
