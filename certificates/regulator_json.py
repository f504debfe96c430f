"""A calculation as flat JSON for regulators (docs/spec/report-json.md): rows of texts, no nesting but lists of rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from certificates.wording import Words
from core.numbers import CONTEXT, decimal_text
from core.quantity import Quantity
from mrv.calculation.chain import StepResult
from mrv.calculation.covers import COVERS
from mrv.calculation.items import Item
from mrv.calculation.run import RunResult
from mrv.language.interpreter import round_to
from mrv.presentation.addends import Addend, addends, call_key, is_gas
from mrv.presentation.origins import inputs_of, origins_of, output_title

SCHEMA = "carbonseal-report/1"
SHARE_DIGITS = 2

# Adding converted values and converting a sum may differ in the fortieth digit.
_SAME = Decimal("1e-30")


@dataclass(frozen=True)
class Attested:
    """The statement a calculation became: digests in hex, its place in the log, what a verifier concluded ("" if none).

    `claim_id`: SHA-256 of the signed claim, by which it is found; `claim`: its claim hash.
    `completeness`: as the statement says; `notices`: all of the statement's.
    """

    origin: str
    statement: str
    log_index: int
    claim_id: str
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
    names = ("origin", "statement", "claim_id", "claim", "rules", "supersedes")
    if attested is None:
        return {"attested": False, **dict.fromkeys((*names, "log_index", "conclusion", "completeness"))}
    return {"attested": True, **{name: getattr(attested, name) for name in names},
            "log_index": str(attested.log_index), "conclusion": attested.conclusion or None,
            "completeness": dict(attested.completeness)}


def _output(result: RunResult, name: str, quantity: Quantity) -> dict[str, Any]:
    title = output_title(result, name)
    return {"name": name, "title_zh": title.get("zh", ""), "title_en": title.get("en", ""), **quantity.as_json()}


def _sources(result: RunResult) -> Iterator[dict[str, Any]]:
    """One row for each addend of the reported figure, then what stands beside it; none where the figure is no gas.

    Shares only where the addends make up the figure to the last digits.
    """
    exact = result.outputs[result.methodology.result.output]
    if not is_gas(exact.unit):
        return
    terms, reached = addends(result)
    total = _total(terms)
    adds_up = abs(CONTEXT.subtract(total, exact.value)) <= abs(exact.value) * _SAME
    whole = exact.value if exact.value and adds_up else None
    yield from (_source(result, term, Quantity(term.value, exact.unit), whole) for term in terms if term.activity)
    for call in result.steps:
        if call_key(call) not in reached and (beside := _beside(result, call)) is not None:
            yield _source(result, beside[0], beside[1], None) | {"counted": False}


def _total(terms: Sequence[Addend]) -> Decimal:
    total = Decimal(0)
    for term in terms:
        total = CONTEXT.add(total, term.value)
    return total


def _beside(result: RunResult, call: StepResult) -> tuple[Addend, Quantity] | None:
    """The emission that a call makes of an input and that does not go into the figure, as the market-based one."""
    origins = [origin for group in origins_of(result, call).values() for origin in group]
    given = [origin for origin in origins if origin.kind == "input"]
    gives = [value for value in call.evaluation.outputs.values() if isinstance(value, Quantity) and is_gas(value.unit)]
    if not given or not gives or any(origin.kind == "step" for origin in origins):
        return None
    return Addend(call, given[0], call.evaluation.formula.title, gives[0].value), gives[0]


def _source(result: RunResult, term: Addend, value: Quantity, whole: Decimal | None) -> dict[str, Any]:
    call, activity = term.call, term.activity
    assert activity is not None
    inputs = inputs_of(result, activity.part)
    title, amount = inputs.rules[activity.name].title, inputs.total(activity.name)
    share = CONTEXT.divide(CONTEXT.multiply(term.value, Decimal(100)), whole) if whole else None
    return {"step": call.step, "member": call.member, "part": str(call.part), "title_zh": term.title["zh"],
            "title_en": term.title["en"], "formula": call.evaluation.formula.key, "activity": activity.name,
            "activity_title_zh": title["zh"], "activity_title_en": title["en"],
            "activity_value": decimal_text(amount.value), "activity_unit": amount.unit.text, **value.as_json(),
            "counted": True,
            "share_percent": None if share is None else decimal_text(round_to(share, "round", SHARE_DIGITS))}


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
    return {"path": path, "selection": None, **{"valid_" + name if name in ("from", "to") else name: value
                             for name, value in record.items()}}
