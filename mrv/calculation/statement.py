"""The calculation statement: its payload and its salted details, built so that evaluating again gives equal bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from core.claims import exclusivity_key
from core.documents import interval_json
from core.errors import FormError, InputError, Refused
from core.jcs import canonical
from core.merkle import leaf_hash, root
from core.numbers import decimal_text, parse_natural
from mrv.calculation.chain import StepResult
from mrv.calculation.run import RunResult, run
from mrv.definitions import members
from mrv.definitions.dates import parse_day
from mrv.definitions.ruleset import RuleSet
from mrv.language.interpreter import Step, value_text

SCHEMA = "carbonseal-statement/1"
SALT_BYTES = 16


@dataclass(frozen=True)
class Context:
    """What a statement says beyond the calculation. `claim`, `rules`, `supersedes`: hex digests.

    `completeness`: counts as texts and listed gaps, computed from the frames by the caller. `notices`: codes to add.
    """

    origin: str
    claim: str
    rules: str
    completeness: Mapping[str, Any]
    external_refs: Sequence[str] = ()
    supersedes: str | None = None
    notices: Sequence[str] = field(default=())


def records_of(result: RunResult) -> list[dict[str, Any]]:
    """The detail records in their fixed order: the run, inputs by name, parameters as read, every trace node."""
    document = result.inputs.document
    records: list[dict[str, Any]] = [{
        "kind": "run", "date": result.at.isoformat(), "options": document["options"],
        "allow_unconfirmed": result.inputs.allow_unconfirmed, "carried": document.get("carried"), **_run_extras(result),
    }]
    for part in result.inputs.parts or (result.inputs,):
        records += [{"kind": "input", "name": name, **item.document}
                    for name in sorted(part.items) for item in part.items[name]]
    for number, parameters in enumerate([part.parameters for part in result.parts]):
        records += [{"kind": "parameter", "path": path, **value.record(), **_part(result, number)}
                    for path, value in parameters]
    for step in result.steps:
        records += [record | _part(result, step.part) for record in _node_records(step)]
    return records


def _run_extras(result: RunResult) -> dict[str, Any]:
    """The statement before, and how the input records divide among the parts: only where there are such."""
    document = result.inputs.document
    extras: dict[str, Any] = {"previous": document["previous"]} if document.get("previous") else {}
    if result.inputs.parts:
        extras["parts"] = [{"period": part.period.as_json(),
                            "inputs": {name: str(len(items)) for name, items in part.items.items()}}
                           for part in result.inputs.parts]
    return extras


def _part(result: RunResult, number: int) -> dict[str, str]:
    return {"part": str(number)} if result.inputs.parts else {}


def _node_records(step: StepResult) -> Iterator[dict[str, Any]]:
    for definition, top in step.evaluation.trace:
        for path, node in walk(top):
            yield {"kind": "node", "step": step.step, "member": step.member, "formula": step.evaluation.formula.key,
                   "definition": definition.name, "path": path, **node_record(node)}


def walk(step: Step, path: str = "") -> Iterator[tuple[str, Step]]:
    """A trace tree from the top: ("", root), ("0", first operand), ("0.1", …)."""
    yield path, step
    for i, child in enumerate(step.steps):
        yield from walk(child, f"{path}.{i}" if path else str(i))


def node_record(step: Step) -> dict[str, Any]:
    """{"operator", "name", "value", "unit"} of one evaluated operation."""
    name = ".".join((step.node.name, *step.node.extra)) if step.node.operator == "field" else step.node.name
    return {"operator": step.node.operator, "name": name, "value": value_text(step.value), "unit": step.node.unit_text}


def build(result: RunResult, context: Context, salts: Sequence[bytes]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The payload of statement+json and its details [{"salt", "record"}]. One salt of 16 bytes for each record.

    Raises FormError (salts-mismatch) when the number of salts is not that of `records_of(result)`; Refused as
    `check_certifiable`.
    """
    check_certifiable(result)
    records = records_of(result)
    if len(salts) != len(records) or any(len(salt) != SALT_BYTES for salt in salts):
        raise FormError("salts-mismatch", f"{len(records)} salts of {SALT_BYTES} bytes are needed, not {len(salts)}")
    details = [{"salt": salt.hex(), "record": record} for salt, record in zip(salts, records, strict=True)]
    return _payload(result, context, details), details


def check_certifiable(result: RunResult) -> None:
    """Raises Refused: not-certifiable (a calculation, an inventory below zero), reduction-negative, amount-zero."""
    methodology = result.methodology
    if not methodology.certifies or result.amount < 0:
        raise Refused("not-certifiable", f"no statement is made of {methodology.key} with {result.result}",
                      where=methodology.key)
    if methodology.spends and result.result.value < 0:
        raise Refused("reduction-negative", f"the result is {result.outputs[methodology.result.output]}: the project "
                      "emitted more than its baseline, and nothing is certified", where=methodology.key,
                      hint="see whether two inputs were exchanged; the run shows every figure")
    if methodology.spends and result.amount == 0:
        raise Refused("amount-zero", f"{result.outputs[methodology.result.output]} leaves nothing whole to certify",
                      where=methodology.key, hint="nothing of it is spent: claim a longer period that takes it in")


def details_root(details: Sequence[Mapping[str, Any]]) -> bytes:
    """The RFC 6962 root over the JCS bytes of each detail."""
    return root([leaf_hash(canonical(detail)) for detail in details])


def _payload(result: RunResult, context: Context, details: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    methodology, inputs = result.methodology, result.inputs
    unit = methodology.result.unit.text
    key = exclusivity_key(inputs.subject, inputs.boundary, methodology.id, inputs.period)
    return {
        "schema": SCHEMA, "origin": context.origin, "type": methodology.label, "subject": inputs.subject,
        "boundary": inputs.boundary, "period": inputs.period.as_json(), "date": result.at.isoformat(),
        "methodology": {"id": methodology.id, "version": methodology.version, "digest": methodology.digest.hex()},
        "rules": context.rules,
        "result": result.result.as_json(),
        "outputs": {name: quantity.as_json() for name, quantity in result.outputs.items()} | quality_outputs(result),
        "certificate": {"amount": decimal_text(result.result.value), "unit": unit},
        "carried_in": inputs.document.get("carried"),
        "carried_out": result.carried_out.as_json() if result.carried_out else None,
        "intervals": [interval_json(interval) for interval in result.intervals],
        "external_refs": list(context.external_refs), "completeness": dict(context.completeness),
        "notices": sorted({*result.notices, *context.notices}),
        "claim": context.claim, "exclusivity_key": key.hex(), "supersedes": context.supersedes,
        "details": {"root": details_root(details).hex(), "count": str(len(details))},
    }


def quality_outputs(result: RunResult) -> dict[str, dict[str, str]]:
    """What a statement says of its data beside the outputs, in %.

    The result's uncertainty, each substituted share, and the share of the time that an input's meter or account leaves
    open.
    """
    found = {} if result.uncertainty is None else {"quality.uncertainty": _percent(result.uncertainty)}
    found |= {f"quality.substituted.{name}": _percent(shares.substituted)
              for name, shares in sorted(result.shares.items()) if shares.substitutions}
    return found | {f"quality.uncovered.{name}": _percent(share) for name, share in result.coverage.shares.items()}


def _percent(value: Decimal) -> dict[str, str]:
    return {"value": decimal_text(value), "unit": "%"}


def inputs_document(payload: Mapping[str, Any], details: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], date]:
    """The inputs document and statement date of a statement, read back from its payload and full details.

    Raises FormError (statement-malformed).
    """
    try:
        records = [detail["record"] for detail in details]
        top = records[0]
        given = [record for record in records if record["kind"] == "input"]
        document = {"subject": payload["subject"], "boundary": payload["boundary"], "period": payload["period"],
                    "inputs": {} if "parts" in top else _grouped(given), "options": top["options"],
                    "allow_unconfirmed": top["allow_unconfirmed"], "carried": top["carried"],
                    **{name: top[name] for name in ("previous",) if name in top},
                    **({"parts": _parts(top["parts"], given)} if "parts" in top else {})}
        return document, parse_day(top["date"])
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        raise FormError("statement-malformed", "the payload or its details lack a member") from None


def _grouped(records: Sequence[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    inputs: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        item = {name: value for name, value in record.items() if name not in ("kind", "name")}
        inputs.setdefault(record["name"], []).append(item)
    return inputs


def _parts(parts: Sequence[Mapping[str, Any]], records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The parts with their inputs, which stand part after part in the order of the records."""
    if not isinstance(parts, list):
        raise TypeError("'parts', which is a list")
    found, start = [], 0
    for part in parts:
        end = start + sum(parse_natural(count) for count in part["inputs"].values())
        found.append({"period": part["period"], "inputs": _grouped(records[start:end])})
        start = end
    return found


def rebuild(ruleset: RuleSet, payload: Mapping[str, Any],
            details: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Payload and details computed again from the inputs a statement names, with its own salts.

    Step 8 of verification compares their bytes.

    Raises FormError and InputError as `run` does.
    """
    document, at = inputs_document(payload, details)
    try:
        methodology = payload["methodology"]
        result = run(ruleset, methodology["id"], methodology["version"], document, at)
        if not isinstance(payload["completeness"], Mapping) or not isinstance(payload["external_refs"], list) \
                or "notices" not in payload:
            raise TypeError("completeness is an object, external_refs and notices are lists")
        added = [code for code in members.texts(payload, "notices") if code not in result.notices]
        context = Context(payload["origin"], payload["claim"], payload["rules"], payload["completeness"],
                          payload["external_refs"], payload["supersedes"], added)
        salts = [bytes.fromhex(detail["salt"]) for detail in details]
        if len(salts) != len(records_of(result)):
            raise InputError("statement-differs", "the calculation has another number of details than the statement")
        return build(result, context, salts)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise FormError("statement-malformed", "the payload or its details lack a member") from None
