"""The data quality control plan 数据质量控制方案: a versioned document, and each datum checked against it.

    {"schema": "carbonseal-control-plan/1", "entity", "boundary", "version", "previous": digest of the version before
     or null, "reason", "valid_from": day, "methodology", "facilities": [{"id", "title"}], "data": [datum],
     "assurance": [text]}

A datum names the input it is for and how it is obtained: {"input", "title": {zh, en}, "computation", "unit", "source",
"method", "instrument": {"meter", "model", "place", "accuracy_class", "calibration_days"} or null, "frequency", "gap",
"department"}. Items after practice in China; the official form was not at hand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any

from core.errors import FormError, InputError, NotFound, quoted
from core.ids import check_hex, check_id
from core.jcs import digest
from core.numbers import parse_natural
from core.period import Period
from core.units import Unit, parse_unit
from mrv.calculation.gaps import SUBSTITUTION
from mrv.calculation.inputs import Inputs, read_inputs
from mrv.calculation.items import Item
from mrv.calculation.service import canonical_document
from mrv.definitions.dates import days_of, parse_day
from mrv.definitions.methodology import METHODS, SOURCES, SUBSTITUTIONS, InputRule
from mrv.definitions.ruleset import RuleSet
from mrv.quality.checks import Finding, class_number

SCHEMA = "carbonseal-control-plan/1"
FIRST = "first"
REASONS = ("new-source", "better-instrument", "wrong-data", "more-accurate", "against-guide")
"""Why a plan is revised: a new source, a better instrument, old data wrong, more accurate, against the guide."""

FREQUENCIES = ("continuous", "hourly", "daily", "per-batch", "monthly", "yearly")
NO_SUBSTITUTION = "refused"
MAX_TEXT_CHARS = 2_000
MAX_DATA = 1_000

_TOP = ("schema", "entity", "boundary", "version", "previous", "reason", "valid_from", "methodology", "facilities",
        "data", "assurance")
_DATUM = ("input", "title", "computation", "unit", "source", "method", "instrument", "frequency", "gap", "department")
_INSTRUMENT = ("meter", "model", "place", "accuracy_class", "calibration_days")


@dataclass(frozen=True)
class PlannedInstrument:
    """The instrument of a datum: `calibration_days` between calibrations."""

    meter: str
    model: str
    place: str
    accuracy_class: str
    calibration_days: int


@dataclass(frozen=True)
class Datum:
    """How one input is obtained. `gap`: a substitution of the methodology's, or "refused"."""

    input: str
    title: Mapping[str, str]
    computation: str
    unit: Unit
    source: str
    method: str
    instrument: PlannedInstrument | None
    frequency: str
    gap: str
    department: str


@dataclass(frozen=True)
class ControlPlan:
    """One version of a plan. `previous`: digest of the version before, None for the first."""

    entity: str
    boundary: str
    version: int
    previous: bytes | None
    reason: str
    valid_from: date
    methodology: str
    facilities: Mapping[str, str]
    data: Mapping[str, tuple[Datum, ...]]
    assurance: tuple[str, ...]
    digest: bytes


def parse_plan(document: object) -> ControlPlan:
    """The plan of its JSON document. Raises FormError (plan-malformed, plan-schema, …) for anything else."""
    value = _members(document, _TOP, "plan")
    if value["schema"] != SCHEMA:
        raise FormError("plan-schema", f"not a {SCHEMA} document", where="plan.schema")
    version = parse_natural(value["version"], where="plan.version")
    previous = None if value["previous"] is None else check_hex(value["previous"], where="plan.previous")
    reason = _one_of(value["reason"], (FIRST, *REASONS), "plan.reason")
    if version == 0 or (version == 1) != (previous is None) or (version == 1) != (reason == FIRST):
        raise FormError("plan-malformed", "the first version has no previous, every later one a reason and a previous",
                        where="plan.version")
    data: dict[str, tuple[Datum, ...]] = {}
    for number, item in enumerate(_list(value["data"], "plan.data")):
        datum = _datum(item, f"plan.data[{number}]")
        data[datum.input] = (*data.get(datum.input, ()), datum)
    return ControlPlan(check_id(value["entity"], where="plan.entity"), _text(value["boundary"], "plan.boundary"),
                       version, previous, reason, parse_day(value["valid_from"], where="plan.valid_from"),
                       _text(value["methodology"], "plan.methodology"), _facilities(value["facilities"]), data,
                       tuple(_text(item, "plan.assurance") for item in _list(value["assurance"], "plan.assurance")),
                       digest(value))


def _datum(document: object, where: str) -> Datum:
    value = _members(document, _DATUM, where)
    title = _members(value["title"], ("zh", "en"), f"{where}.title")
    return Datum(_text(value["input"], f"{where}.input"),
                 {name: _text(text, f"{where}.title") for name, text in title.items()},
                 _text(value["computation"], f"{where}.computation"), parse_unit(value["unit"]),
                 _one_of(value["source"], SOURCES, f"{where}.source"),
                 _one_of(value["method"], METHODS, f"{where}.method"),
                 None if value["instrument"] is None else _instrument(value["instrument"], f"{where}.instrument"),
                 _one_of(value["frequency"], FREQUENCIES, f"{where}.frequency"),
                 _one_of(value["gap"], (NO_SUBSTITUTION, *SUBSTITUTIONS), f"{where}.gap"),
                 _text(value["department"], f"{where}.department"))


def _instrument(document: object, where: str) -> PlannedInstrument:
    value = _members(document, _INSTRUMENT, where)
    class_number(_text(value["accuracy_class"], where))
    return PlannedInstrument(check_id(value["meter"], where=where), _text(value["model"], where),
                             _text(value["place"], where), value["accuracy_class"],
                             parse_natural(value["calibration_days"], where=where))


def _facilities(document: object) -> dict[str, str]:
    found: dict[str, str] = {}
    for item in _list(document, "plan.facilities"):
        value = _members(item, ("id", "title"), "plan.facilities")
        name = check_id(value["id"], where="plan.facilities")
        if name in found:
            raise FormError("plan-malformed", f"{name} occurs twice", where="plan.facilities")
        found[name] = _text(value["title"], "plan.facilities")
    return found


def _members(document: object, names: Sequence[str], where: str) -> Mapping[str, Any]:
    if not isinstance(document, Mapping) or set(document) != set(names):
        raise FormError("plan-malformed", "the members are exactly " + ", ".join(names), where=where)
    return document


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or not 0 < len(value.strip()) <= MAX_TEXT_CHARS:
        raise FormError("plan-malformed", "a text is needed", where=where)
    return value


def _list(value: object, where: str) -> list[Any]:
    if not isinstance(value, list) or not 0 < len(value) <= MAX_DATA:
        raise FormError("plan-malformed", "a list of at least one is needed", where=where)
    return value


def _one_of(value: object, allowed: Sequence[str], where: str) -> str:
    if not isinstance(value, str) or value not in allowed:
        raise FormError("plan-malformed", f"{quoted(value, 40)} is not allowed", where=where,
                        hint="one of " + ", ".join(allowed))
    return value


def check_plan(plan: ControlPlan, rules: RuleSet) -> None:
    """Passes when every datum is one that the plan's methodology knows, obtained as it allows.

    The newest version of the methodology judges. Raises NotFound (methodology-unknown), InputError (input-unknown,
    unit-mismatch, source-not-allowed).
    """
    versions = [item for item in rules.methodologies.values() if item.id == plan.methodology]
    if not versions:
        raise NotFound("methodology-unknown", f"there is no methodology {plan.methodology[:80]!r}",
                       where="plan.methodology", hint="docs/methodologies.md lists them")
    newest = max(versions, key=lambda item: int(item.version))
    for name, data in plan.data.items():
        rule = newest.rule_of(name)
        if rule is None:
            raise InputError("input-unknown", f"{newest.key} has no input {name!r}", where="plan.data",
                             hint="the inputs are " + ", ".join(item.name for item in newest.inputs))
        for datum in data:
            _check_datum(datum, rule)


def _check_datum(datum: Datum, rule: InputRule) -> None:
    where = f"plan.data {datum.input}"
    datum.unit.ratio_to(rule.unit, where=where)
    allowed = (("source", datum.source, rule.sources), ("method", datum.method, rule.methods),
               ("gap", datum.gap, (NO_SUBSTITUTION, *filter(None, [rule.substitution]))))
    for what, given, possible in allowed:
        if given not in possible:
            raise InputError("source-not-allowed", f"{rule.name} may not have the {what} {given!r}", where=where,
                             hint="allowed: " + ", ".join(possible))


def check_history(plans: Sequence[ControlPlan]) -> None:
    """The versions follow one another. Raises InputError (plan-history): a number, digest, day or entity that does not.
    """
    for before, after in pairwise(plans):
        follows = (after.version == before.version + 1 and after.previous == before.digest
                   and after.entity == before.entity and after.valid_from > before.valid_from)
        if not follows:
            raise InputError("plan-history", f"version {after.version} does not follow version {before.version}",
                             where="plan", hint="a revision names the digest of the version before and a later day")
    if not plans or plans[0].version != 1:
        raise InputError("plan-history", "a history begins with version 1", where="plan")


def plan_in_force(plans: Sequence[ControlPlan], first: date, last: date) -> tuple[ControlPlan, list[Finding]]:
    """The plan of a period's first day, with a finding if another takes over within it.

    Raises InputError (plan-history, plan-not-in-force).
    """
    check_history(plans)
    begun = [plan for plan in plans if plan.valid_from <= first]
    if not begun:
        raise InputError("plan-not-in-force", f"no plan holds on {first}", where="plan")
    later = [plan for plan in plans if first < plan.valid_from <= last]
    return begun[-1], [Finding("plan-changed", f"version {plan.version}", f"from {plan.valid_from}: {plan.reason}")
                       for plan in later]


def check_inputs(plan: ControlPlan, inputs: Inputs) -> list[Finding]:
    """Every datum of a run against its plan; what is planned and absent is a finding too."""
    found = [finding for name, items in inputs.items.items() for item in items
             for finding in _check_item(plan, name, item)]
    return found + [Finding("plan-datum-absent", name, "planned and not reported")
                    for name in plan.data if name not in inputs.items]


def _check_item(plan: ControlPlan, name: str, item: Item) -> list[Finding]:
    planned = plan.data.get(name)
    if planned is None:
        return [Finding("plan-missing", name, "the plan has no such datum")]
    if item.source["type"] == SUBSTITUTION:
        rules = {datum.gap for datum in planned}
        return [] if item.source["rule"] in rules else [
            Finding("plan-gap-differs", name, f"{item.source['rule']}, planned {', '.join(sorted(rules))}")]
    differences = [_differences(datum, name, item) for datum in planned]
    return min(differences, key=len)


def _differences(datum: Datum, name: str, item: Item) -> list[Finding]:
    """Where an item departs from one planned way of obtaining it; of several ways the nearest counts."""
    found = []
    if item.source["type"] != datum.source:
        found.append(Finding("plan-source-differs", name, f"{item.source['type']}, planned {datum.source}"))
    if item.document["method"] != datum.method:
        found.append(Finding("plan-method-differs", name, f"{item.document['method']}, planned {datum.method}"))
    if item.quantity.unit.dimension != datum.unit.dimension:
        found.append(Finding("plan-unit-differs", name, f"{item.quantity.unit.text}, planned {datum.unit.text}"))
    meter = item.source.get("meter")
    if meter is not None and (datum.instrument is None or datum.instrument.meter != meter):
        planned = datum.instrument.meter if datum.instrument else "none"
        found.append(Finding("plan-meter-differs", name, f"{meter}, planned {planned}"))
    return found


def check_document(rules: RuleSet, name: str, document: object) -> dict[str, Any]:
    """{"plan", "findings"} of {"plans": versions from the first on, "inputs": an inputs document}, as HTTP answers it.

    The inputs are read as people write them, as `service.result_of` reads those of a run; plans are canonical.
    Raises FormError (plan-…, inputs-malformed), InputError (plan-history, plan-not-in-force, …), NotFound.
    """
    value = _members(document, ("plans", "inputs"), "check")
    plans = [parse_plan(item) for item in _list(value["plans"], "plans")]
    if not isinstance(value["inputs"], Mapping):
        raise FormError("inputs-malformed", "an inputs document is an object", where="inputs")
    inputs = canonical_document(rules, name, value["inputs"])
    period = Period.from_json(inputs.get("period"))
    methodology = rules.methodology(name, None, *days_of(period))
    plan, findings = plan_in_force(plans, *days_of(period))
    if plan.methodology != methodology.id:
        raise InputError("plan-not-in-force", f"the plan is for {plan.methodology}, not for {methodology.id}",
                         where="plan.methodology")
    check_plan(plan, rules)
    findings = [*findings, *check_inputs(plan, read_inputs(methodology, inputs, period))]
    return {"plan": {"entity": plan.entity, "boundary": plan.boundary, "version": str(plan.version),
                     "digest": plan.digest.hex(), "valid_from": plan.valid_from.isoformat(), "reason": plan.reason},
            "methodology": methodology.key, "findings": [finding.as_json() for finding in findings]}
