"""A run as a tree that a person can read: from the reported figure down to each register, document and parameter.

`explain` gives plain data in both languages, neither text nor markup; `heading`, `figures` and `facts_text` make the
text of one line. Each formula call stands once, where it is first needed; after that a line refers to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.numbers import decimal_text
from core.quantity import Quantity
from core.units import Unit
from mrv.calculation.chain import StepResult
from mrv.calculation.covers import COVERS
from mrv.calculation.gaps import SUBSTITUTION
from mrv.calculation.items import Item
from mrv.calculation.run import RunResult
from mrv.definitions.fields import Input
from mrv.definitions.formula import Definition, Evaluation
from mrv.definitions.parameter import ParameterValue
from mrv.language.interpreter import Step, value_text
from mrv.language.render import render
from mrv.presentation.origins import Origin, call_of, inputs_of, origins_of
from mrv.presentation.words import FACTS, KINDS, Title
from mrv.presentation.worked import operations, worked

# A list longer than this is not read to its end; the workbook and the JSON have every row.
MAX_ITEMS_SHOWN = 24

_NO_TITLE: Title = {}
Seen = set[tuple[str, str, int]]


@dataclass(frozen=True)
class Line:
    """One line of the tree.

    `kind`: result | part | output | call | seen | argument | row | definition | condition | operation | input |
    parameter | option | constant | more. `text`: an expression; `worked`: the same with its numbers; `facts`: where a
    value comes from, by stable names (`words.FACTS` has their titles).
    """

    kind: str
    name: str = ""
    title: Title = field(default_factory=dict)
    value: str = ""
    unit: str = ""
    text: str = ""
    worked: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    lines: tuple[Line, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The line and those below it as JSON."""
        return {"kind": self.kind, "name": self.name, "title": dict(self.title), "value": self.value,
                "unit": self.unit, "text": self.text, "worked": self.worked, "facts": dict(self.facts),
                "lines": [line.as_json() for line in self.lines]}


def explain(result: RunResult) -> Line:
    """The tree of a run: the reported figure, under it every output, each down to its sources; the result's first."""
    rule, methodology = result.methodology.result, result.methodology
    exact = result.outputs[rule.output].to(rule.unit)
    facts = {"methodology": methodology.key, "source": methodology.source, "status": methodology.status,
             "exact": f"{decimal_text(exact.value)} {rule.unit.text}", "rounding": f"{rule.rounding}, {rule.digits}"}
    if result.inputs.carried is not None:
        facts["carried_in"] = str(result.inputs.carried)
    if result.carried_out is not None:
        facts["carried_out"] = str(result.carried_out)
    if result.uncertainty is not None:
        facts["uncertainty"] = f"± {decimal_text(result.uncertainty)} %"
    seen: Seen = set()
    parts = [tuple(_output(result, number, name, step, output, seen)
                   for name, step, output in sorted(methodology.outputs, key=lambda output: output[0] != rule.output))
             for number in range(len(result.parts))]
    lines = parts[0] if len(parts) == 1 else tuple(_part(result, number, part) for number, part in enumerate(parts))
    return Line("result", rule.output, methodology.title, decimal_text(result.result.value), rule.unit.text,
                facts=facts, lines=lines)


def _part(result: RunResult, number: int, lines: tuple[Line, ...]) -> Line:
    period = result.parts[number].period.as_json()
    return Line("part", str(number + 1), facts={"from": period["start"], "to": period["end"]}, lines=lines)


def explain_evaluation(evaluation: Evaluation) -> Line:
    """The tree of one formula evaluated by itself."""
    return _call(evaluation, "", _arguments(evaluation, {}, None, set()))


def _output(result: RunResult, part: int, name: str, step: str, output: str, seen: Seen) -> Line:
    calls = [call for call in result.steps if (call.step, call.part) == (step, part)]
    if len(calls) == 1 and not calls[0].member:
        return _output_of(result, calls[0], name, output, seen)
    return Line("output", name, lines=tuple(_output_of(result, call, f"{name}.{call.member}", output, seen)
                                            for call in calls))


def _output_of(result: RunResult, call: StepResult, name: str, output: str, seen: Seen) -> Line:
    value = result.parts[call.part].outputs[name]
    title = next((item.title for item in call.evaluation.formula.outputs if item.name == output), None)
    return Line("output", name, title or _NO_TITLE, decimal_text(value.value), value.unit.text,
                lines=(_step(result, call, seen),))


def _step(result: RunResult, call: StepResult, seen: Seen) -> Line:
    name = f"{call.step}.{call.member}" if call.member else call.step
    if (call.step, call.member, call.part) in seen:
        return Line("seen", name, call.evaluation.formula.title, facts={"formula": call.evaluation.formula.key})
    seen.add((call.step, call.member, call.part))
    return _call(call.evaluation, name, _arguments(call.evaluation, origins_of(result, call), result, seen))


def _call(evaluation: Evaluation, name: str, arguments: tuple[Line, ...]) -> Line:
    formula = evaluation.formula
    definitions = tuple(_definition(definition, step) for definition, step in evaluation.trace)
    facts = {"formula": formula.key, "source": formula.source, "status": formula.status}
    return Line("call", name or formula.key, formula.title, facts=facts, lines=arguments + definitions)


def _definition(definition: Definition, step: Step) -> Line:
    kind, name = ("condition", "") if definition.required else ("definition", definition.name)
    return Line(kind, name, definition.title or _NO_TITLE, value_text(step.value), _unit(definition.node.type),
                render(definition.node), worked(step), lines=tuple(_operation(inner) for inner in operations(step)))


def _operation(step: Step) -> Line:
    return Line("operation", step.node.operator, _NO_TITLE, value_text(step.value), _unit(step.node.type),
                worked=worked(step), lines=tuple(_operation(inner) for inner in operations(step)))


def _arguments(evaluation: Evaluation, origins: Mapping[str, tuple[Origin, ...]], result: RunResult | None,
               seen: Seen) -> tuple[Line, ...]:
    return tuple(_argument(item, evaluation.given[item.name], origins.get(item.name, ()), result, seen)
                 for item in evaluation.formula.inputs)


def _argument(item: Input, given: Any, origins: tuple[Origin, ...], result: RunResult | None,
              seen: Seen) -> Line:
    if item.fields:
        return Line("argument", item.name, item.title, facts={"items": str(len(given))},
                    lines=_rows(item, given, origins, result, seen))
    below = [_origin(origin, result, seen) for origin in origins[:MAX_ITEMS_SHOWN]]
    if len(origins) > MAX_ITEMS_SHOWN:
        below.append(Line("more", facts={"items": str(len(origins) - MAX_ITEMS_SHOWN)}))
    if not item.is_list:
        assert item.field is not None
        return Line("argument", item.name, item.title, value_text(given), _unit(item.field.type), lines=tuple(below))
    return Line("argument", item.name, item.title, facts={"items": str(len(given))},
                lines=tuple(below) if origins else _rows(item, given, (), result, seen))


def _rows(item: Input, given: Sequence[Any], origins: tuple[Origin, ...], result: RunResult | None,
          seen: Seen) -> tuple[Line, ...]:
    fields = item.fields or ((item.field,) if item.field else ())
    lines = []
    for i, row in enumerate(given[:MAX_ITEMS_SHOWN]):
        values = row if isinstance(row, Mapping) else {item.name: row}
        shown = ", ".join(f"{part.name} = {value_text(values[part.name])} {_unit(part.type)}".rstrip()
                          for part in fields)
        below = tuple(_origin(origin, result, seen) for origin in origins if origin.row == i)
        lines.append(Line("row", f"{item.name}[{i + 1}]", text=shown, lines=below))
    if len(given) > MAX_ITEMS_SHOWN:
        lines.append(Line("more", facts={"items": str(len(given) - MAX_ITEMS_SHOWN)}))
    return tuple(lines)


def _unit(kind: Unit | str) -> str:
    return kind.text if isinstance(kind, Unit) else ""


def _origin(origin: Origin, result: RunResult | None, seen: Seen) -> Line:
    if origin.kind == "step" and result is not None:
        return _step(result, call_of(result, origin.name, origin.member, origin.part), seen)
    value, unit = _plain(origin.value)
    if origin.item is not None:
        title = inputs_of(result, origin.part).rules[origin.name].title if result else _NO_TITLE
        return Line("input", origin.name, title, value, unit, facts=source_facts(origin.item))
    if origin.parameter is not None:
        return Line("parameter", origin.name, _NO_TITLE, value, unit, facts=parameter_facts(origin.parameter))
    return Line(origin.kind, origin.name, _NO_TITLE, value, unit)


def _plain(value: Quantity | str) -> tuple[str, str]:
    return (decimal_text(value.value), value.unit.text) if isinstance(value, Quantity) else (value, "")


def source_facts(item: Item) -> dict[str, str]:
    """Where an input item comes from: a register with both positions and their frames, a document, a declaration."""
    source, document = item.source, item.document
    facts: dict[str, str] = {}
    if source["type"] in ("register", "claim-point"):
        facts |= {name: source[name] for name in ("mark", "meter", "quantity") if name in source}
        facts |= {"from": _position(source["from"]), "to": _position(source["to"])}
    elif source["type"] == "document":
        facts |= {"document": source["title"], "digest": source["digest"], **_covers(source.get(COVERS))}
    elif source["type"] == SUBSTITUTION:
        rate = source["rate"]
        facts |= {"substituted": f"{source['rule']}, {source['reason']}", "from": source["start"], "to": source["end"]}
        facts |= {"rate": f"{rate['value']} {rate['unit']}", "digest": source["digest"]} if rate else {}
        facts |= {"meter": source["meter"]} if source["meter"] else {}
    else:
        facts["declared"] = source["type"]
    facts |= {"method": document["method"], "priority": document["priority"]}
    return facts | ({"uncertainty": document["uncertainty"]} if document["uncertainty"] else {})


def _covers(given: Mapping[str, str | None] | None) -> dict[str, str]:
    """The time a document's quantity is of, and the account it is billed or metered under; of one that says it."""
    facts = {} if given is None else {"covers": f"{given['start']} → {given['end']}", "account": given["account"]}
    return {name: text for name, text in facts.items() if text}


def _position(place: Mapping[str, str]) -> str:
    if "gateway" not in place:
        return f"{place['position']} Wh"
    return (f"{place['position']} Wh @ {place['time']} · {place['gateway']} epoch {place['epoch']} seq {place['seq']} "
            f"block {place['block']}.{place['ordinal']} · log #{place['index']}")


def parameter_facts(value: ParameterValue) -> dict[str, str]:
    """Which value was read: as printed, data year, publication, validity, source, status; unknown ones left out."""
    record = value.record()
    valid = f"{record['from'] or '…'} → {record['to'] or '…'}" if record["from"] or record["to"] else ""
    facts = {"printed": f"{value.text} {value.quantity.unit.text}", "year": value.year,
             "published": record["published"] or "", "valid": valid, "source": value.source, "locator": value.locator,
             "status": value.status, "selection": value.selection}
    return {name: text for name, text in facts.items() if text}


def walk_lines(line: Line, depth: int = 0) -> Iterator[tuple[int, Line]]:
    """Every line with its depth, from the top."""
    yield depth, line
    for inner in line.lines:
        yield from walk_lines(inner, depth + 1)


def heading(line: Line, language: str = "zh") -> str:
    """What a line is about: its kind where that says something, its name and title."""
    if line.kind == "more":
        return f"… {line.facts['items']} {KINDS['more'][language]}"
    title = line.title.get(language, "")
    return " ".join(part for part in (KINDS.get(line.kind, _NO_TITLE).get(language, ""), line.name,
                                      title if title != line.name else "") if part)


def figures(line: Line) -> str:
    """The expression, the same with its numbers, and the value with its unit, as far as the line has them."""
    figure = line.value if line.unit == "1" else f"{line.value} {line.unit}".strip()
    return " = ".join(part for part in (line.text, line.worked, figure) if part)


def facts_text(line: Line, language: str = "zh") -> str:
    """Where the value comes from, in one line."""
    if line.kind == "more":
        return ""
    return " · ".join(f"{FACTS[name][language]} {text}" for name, text in line.facts.items())
