"""A calculation as flat JSON for regulators (docs/spec/report-json.md): rows of texts, no nesting but lists of rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from certificates.wording import Words
from core.errors import InputError
from core.numbers import CONTEXT, decimal_text
from core.quantity import Quantity
from mrv.calculation.chain import StepResult
from mrv.calculation.covers import COVERS
from mrv.calculation.items import Item
from mrv.calculation.run import RunResult
from mrv.language.interpreter import round_to
from mrv.presentation.origins import Origin, inputs_of, origins_of

SCHEMA = "carbonseal-report/1"
SHARE_DIGITS = 2

_GASES = ("tCO2e", "tCO2")


@dataclass(frozen=True)
class Attested:
    """The statement a calculation became: digests in hex, its place in the log, what a verifier concluded ("" if none).

    `completeness`: as the statement says; `notices`: all of the statement's.
    """

    origin: str
    statement: str
    log_index: int
    claim: str
    rules: str
    supersedes: str | None
    completeness: Mapping[str, Any]
    notices: tuple[str, ...]
    verifier: Words | None = None
    conclusion: str = ""


def report_json(result: RunResult, subject: Words, attested: Attested | None) -> dict[str, Any]:
    """The report. Every number is text in canonical form; what is not known is null, never zero."""
    return {**_heading(result, subject), **_attested(attested),
            "notices": sorted({*result.notices, *(attested.notices if attested else ("not-attested",))}),
            "outputs": [_output(result, name, quantity) for name, quantity in result.outputs.items()],
            "sources": list(_sources(result)), "inputs": list(_inputs(result)),
            "parameters": [_parameter(path, value.record()) for path, value in result.parameters],
            "quality": [{"name": name, **shares.as_json()} for name, shares in sorted(result.shares.items())]}


def _heading(result: RunResult, subject: Words) -> dict[str, Any]:
    methodology, inputs, period = result.methodology, result.inputs, result.inputs.period.as_json()
    return {
        "schema": SCHEMA, "kind": methodology.label, "subject": inputs.subject, "subject_name_zh": subject.zh,
        "subject_name_en": subject.en, "boundary": inputs.boundary, "period_start": period["start"],
        "period_end": period["end"], "period_zone": period["zone"], "date": result.at.isoformat(),
        "methodology": methodology.id, "methodology_version": methodology.version,
        "methodology_digest": methodology.digest.hex(), "methodology_title_zh": methodology.title["zh"],
        "methodology_title_en": methodology.title["en"], "methodology_source": methodology.source,
        "methodology_status": methodology.status, "result_output": methodology.result.output,
        "result_value": decimal_text(result.result.value), "result_unit": result.result.unit.text,
        "result_uncertainty_percent": None if result.uncertainty is None else decimal_text(result.uncertainty),
        "options": [{"name": name, "value": option_text(value)} for name, value in sorted(inputs.options.items())],
    }


def option_text(value: Any) -> str:
    """An option as text: a quantity with its unit, a list with commas."""
    if isinstance(value, Mapping):
        return f"{value['value']} {value['unit']}"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _attested(attested: Attested | None) -> dict[str, Any]:
    names = ("origin", "statement", "claim", "rules", "supersedes")
    if attested is None:
        return {"attested": False, **dict.fromkeys((*names, "log_index", "conclusion", "completeness"))}
    return {"attested": True, **{name: getattr(attested, name) for name in names},
            "log_index": str(attested.log_index), "conclusion": attested.conclusion or None,
            "completeness": dict(attested.completeness)}


def _output(result: RunResult, name: str, quantity: Quantity) -> dict[str, Any]:
    title = output_title(result, name)
    return {"name": name, "title_zh": title.get("zh", ""), "title_en": title.get("en", ""), **quantity.as_json()}


def output_title(result: RunResult, name: str) -> Mapping[str, str]:
    """The title an output has in the formula that gives it."""
    for output, step, of_formula in result.methodology.outputs:
        if name == output or name.startswith(f"{output}."):
            for call in result.steps:
                if call.step == step:
                    return next((item.title or {} for item in call.evaluation.formula.outputs
                                 if item.name == of_formula), {})
    return {}


def _sources(result: RunResult) -> Iterator[dict[str, Any]]:
    """One row for each call that turns an input into emissions.

    With its share of the result only where those that start from inputs alone add up to it: after an allocation, or a
    subtraction within a step, a share of the whole would say something false.
    """
    counted, exact = _contributing(result), _tonnes(result.outputs[result.methodology.result.output])
    rows = [row for call in result.steps if (row := _emitting(result, call)) is not None]
    first = [row for row in rows if row.first and _key(row.call) in counted]
    adds_up = exact is not None and sum((row.mass for row in first), Decimal(0)) == exact
    for row in rows:
        share = exact if adds_up and exact and row in first else None
        yield _source(result, row, _key(row.call) in counted, share)


class _Emitting(NamedTuple):
    """A call with an input and an emission. `first`: no emission of a step before goes into it; `mass` in tonnes."""

    call: StepResult
    activity: Origin
    output: str
    mass: Decimal
    first: bool


def _emitting(result: RunResult, call: StepResult) -> _Emitting | None:
    origins = [origin for group in origins_of(result, call).values() for origin in group]
    given = [origin for origin in origins if origin.kind == "input"]
    first = not any(origin.kind == "step" and isinstance(origin.value, Quantity) and _tonnes(origin.value) is not None
                    for origin in origins)
    for name, value in call.evaluation.outputs.items():
        mass = _tonnes(value) if isinstance(value, Quantity) else None
        if given and mass is not None:
            return _Emitting(call, given[0], name, mass, first)
    return None


def _source(result: RunResult, row: _Emitting, counted: bool, total: Decimal | None) -> dict[str, Any]:
    call, activity = row.call, row.activity
    formula, inputs = call.evaluation.formula, inputs_of(result, call.part)
    title, amount, emission = inputs.rules[activity.name].title, inputs.total(activity.name), call.evaluation.outputs
    value = emission[row.output]
    assert isinstance(value, Quantity)
    share = CONTEXT.divide(CONTEXT.multiply(row.mass, Decimal(100)), total) if total else None
    return {"step": call.step, "member": call.member, "part": str(call.part), "title_zh": formula.title["zh"],
            "title_en": formula.title["en"], "formula": formula.key, "activity": activity.name,
            "activity_title_zh": title["zh"], "activity_title_en": title["en"],
            "activity_value": decimal_text(amount.value), "activity_unit": amount.unit.text, "output": row.output,
            **value.as_json(), "counted": counted,
            "share_percent": None if share is None else decimal_text(round_to(share, "round", SHARE_DIGITS))}


def _tonnes(value: Quantity) -> Decimal | None:
    """The mass of carbon dioxide (equivalent) in tonnes; None for any other quantity."""
    for unit in _GASES:
        try:
            return value.to(unit).value
        except InputError:
            continue
    return None


def _key(call: StepResult) -> tuple[str, str, int]:
    return call.step, call.member, call.part


def _contributing(result: RunResult) -> set[tuple[str, str, int]]:
    """The calls from which the reported output is made, found by walking back along the steps it reads."""
    by_key = {_key(call): call for call in result.steps}
    step = next(step for name, step, _ in result.methodology.outputs if name == result.methodology.result.output)
    waiting, found = [key for key in by_key if key[0] == step], set()
    while waiting:
        key = waiting.pop()
        if key in found:
            continue
        found.add(key)
        waiting += [(origin.name, origin.member, origin.part)
                    for origins in origins_of(result, by_key[key]).values() for origin in origins
                    if origin.kind == "step"]
    return found


def _inputs(result: RunResult) -> Iterator[dict[str, Any]]:
    for part in range(len(result.parts)):
        inputs = inputs_of(result, part)
        for name, items in sorted(inputs.items.items()):
            for item in items:
                title = inputs.rules[name].title
                yield {"name": name, "part": str(part), "title_zh": title["zh"], "title_en": title["en"],
                       **item.quantity.as_json(), **_source_columns(item), "method": item.document["method"],
                       "priority": item.document["priority"], "uncertainty_percent": item.document["uncertainty"]}


def _source_columns(item: Item) -> dict[str, Any]:
    source = item.source
    return {"source": source["type"], "meter": source.get("meter"), "claim_point": source.get("mark"),
            "register": source.get("quantity"),
            **{f"{end}_{column}": (source.get(end) or {}).get(column) for end in ("from", "to")
               for column in ("position", "time", "gateway", "index")},
            "document": source.get("digest"), "document_title": source.get("title"),
            **{f"covers_{member}": (source.get(COVERS) or {}).get(member) for member in ("start", "end", "account")},
            "substitution": source.get("rule"), "substitution_reason": source.get("reason"),
            "gap_start": source.get("start"), "gap_end": source.get("end")}


def _parameter(path: str, record: Mapping[str, Any]) -> dict[str, Any]:
    return {"path": path, **{"valid_" + name if name in ("from", "to") else name: value
                             for name, value in record.items()}}
