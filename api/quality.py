"""The data quality of a statement as its verifier reads it: every check of docs/spec/data-quality.md, run on the log.

What the evidence file itself shows (registrations, boundary readings) becomes a notice of the statement; what rests on
more than it carries (the control plan, sub-meters, coverage, other statements) stands in the report alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection

from api import crosschecks, plans
from api.plans import StoredPlan
from api.series_quality import SeriesCoverage, coverage_of, typical_interval
from attestation import registry, series
from attestation.history import profile_at
from certificates import store
from certificates.inventory_report import recomputed
from certificates.store import StoredStatement
from core.claims import ClaimDocument
from core.errors import NotFound
from core.numbers import CONTEXT, parse_natural
from core.period import DAY_MS, HOUR_MS, Period
from core.quantity import Quantity
from ledger import log
from mrv.calculation.items import Item
from mrv.calculation.run import RunResult
from mrv.calculation.statement import quality_outputs
from mrv.definitions.dates import days_of
from mrv.definitions.methodology import InputRule
from mrv.definitions.ruleset import RuleSet
from mrv.quality.checks import (
    Finding,
    check_accuracy,
    check_balance,
    check_coverage,
    check_restated,
    class_number,
)
from mrv.quality.plan import Datum, check_inputs
from verify.instruments import findings, instrument_of
from verify.sources import sources_of

# Practice of the online monitoring of key energy users (after transcriptions, docs/spec/data-quality.md): received of
# expected, and daily sums against the monthly report; the latter is taken for sub-meters against their parent too.
COVERAGE_PERCENT = 90
BALANCE_TOLERANCE_PERCENT = 5

_INTERVALS = {"continuous": 900_000, "hourly": HOUR_MS, "daily": DAY_MS}
_METERED = ("register", "claim-point")


@dataclass(frozen=True)
class _Case:
    """A statement while it is checked."""

    connection: Connection
    statement: StoredStatement
    document: ClaimDocument
    result: RunResult
    plan: StoredPlan | None

    @property
    def period(self) -> Period:
        """The reporting period."""
        return self.document.period

    def items(self, *kinds: str) -> list[tuple[str, Item]]:
        """The items of these kinds of source, with the names of their inputs."""
        return [(name, item) for name, items in self.result.inputs.items.items() for item in items
                if item.source["type"] in kinds]

    def registers(self) -> list[tuple[str, str]]:
        """(meter, quantity) of every register that was read."""
        return sorted({(item.source["meter"], item.source["quantity"]) for _, item in self.items(*_METERED)})


def notices(connection: Connection, inputs: Mapping[str, Any], period: Period) -> list[str]:
    """Codes for a statement on these inputs: what its evidence shows of meters and registers."""
    records = [{"kind": "input", "name": name, **item} for part in inputs.get("parts") or [inputs]
               for name, items in part["inputs"].items() for item in items]
    return sorted({finding.code for finding in _instruments(connection, records, period)})


def report(connection: Connection, statement: StoredStatement, rules: RuleSet) -> dict[str, Any]:
    """Every check on a statement, as the log stands now: what was checked, what was found, shares, coverage, plan.

    Raises Refused (statement-differs), FormError (statement-malformed).
    """
    document = store.claim(connection, statement.claim_digest).document
    result = recomputed(rules, statement.fields, list(statement.details))
    plan, planned = plans.in_force(connection, document)
    case = _Case(connection, statement, document, result, plan)
    covered = [coverage_of(connection, meter, quantity, case.period) for meter, quantity in case.registers()]
    planning, papers = plan.plan if plan else None, case.items("document")
    stacked, substituted = crosschecks.stacks(connection, planning, papers, case.period)
    found = {"control-plan": [*planned, *(finding for check in _PLAN_CHECKS if plan for finding in check(case, plan))],
             "coverage": [finding for item in covered for finding in _check_coverage(item)],
             "stacks": substituted,
             "cross-check": list(dict.fromkeys(crosschecks.check_metered(connection, planning, papers, case.period))),
             "due": list(crosschecks.check_due(connection, rules, document.subject, case.items(*_METERED), case.period,
                                               result.at))}
    found |= {name: list(check(case)) for name, check in _CHECKS.items()}
    return {
        "claim": statement.claim_digest.hex(), "statement": statement.digest.hex(),
        "as_of": str(log.size(connection)), "methodology": result.methodology.key, "plan": _plan_json(plan),
        "shares": {name: shares.as_json() for name, shares in result.shares.items()},
        "stated": quality_outputs(result), "priority_drops": result.inputs.priority_drops(),
        "previous": result.inputs.document.get("previous"), "notices": list(result.notices),
        "coverage": [item.as_json() for item in covered], "stacks": [stack.as_json() for stack in stacked],
        "checks": [{"check": name, "findings": str(len(findings))} for name, findings in found.items()],
        "findings": [{"check": name, **finding.as_json()} for name, findings in found.items() for finding in findings],
    }


def _plan_json(plan: StoredPlan | None) -> dict[str, Any] | None:
    return None if plan is None else {
        "id": plan.digest.hex(), "index": str(plan.log_index), "version": str(plan.plan.version),
        "reason": plan.plan.reason, "valid_from": plan.plan.valid_from.isoformat(), "signer": plan.signed.signer}


# instruments ----------------------------------------------------------------------------------------------------------

def _instruments(connection: Connection, records: Sequence[Mapping[str, Any]], period: Period) -> Iterator[Finding]:
    """`records`: of inputs, as a statement's details hold them."""
    return findings(sources_of(records), lambda meter: registry.history(connection, meter), period)


def _check_instruments(case: _Case) -> Iterator[Finding]:
    records = [detail["record"] for detail in case.statement.details]
    yield from dict.fromkeys(_instruments(case.connection, records, case.period))


# the control plan -----------------------------------------------------------------------------------------------------

def _check_data(case: _Case, plan: StoredPlan) -> Iterator[Finding]:
    yield from check_inputs(plan.plan, case.result.inputs)


def _check_in_time(case: _Case, plan: StoredPlan) -> Iterator[Finding]:
    """A plan that came into the log after readings of the period were there is no plan."""
    indices = [parse_natural(item.source["to"]["index"]) for _, item in case.items(*_METERED)]
    if indices and plan.log_index > min(indices):
        yield Finding("plan-late", f"version {plan.plan.version}", f"log entry {plan.log_index}, readings of the "
                      f"period from {min(indices)} on")


def _check_classes(case: _Case, plan: StoredPlan) -> Iterator[Finding]:
    """Each meter is at least as accurate as its plan says."""
    planned = {datum.instrument.meter: datum.instrument for data in plan.plan.data.values() for datum in data
               if datum.instrument}
    for meter in sorted({meter for meter, _ in case.registers()} & set(planned)):
        instrument = instrument_of(registry.history(case.connection, meter), case.period.end)
        yield from check_accuracy(instrument, class_number(planned[meter].accuracy_class))


def _check_frequency(case: _Case, plan: StoredPlan) -> Iterator[Finding]:
    for name, data in plan.plan.data.items():
        for datum in data:
            yield from _metered_as_often(case, datum) if datum.instrument else _documented_as_often(case, name, datum)


def _metered_as_often(case: _Case, datum: Datum) -> Iterator[Finding]:
    for meter, quantity in case.registers():
        if datum.instrument and meter == datum.instrument.meter and datum.frequency in _INTERVALS:
            interval = typical_interval(case.connection, meter, quantity, case.period)
            if interval is None or interval > _INTERVALS[datum.frequency]:
                yield Finding("plan-frequency-differs", meter, f"a reading every {interval or '?'} ms, planned "
                              f"{datum.frequency}")


def _documented_as_often(case: _Case, name: str, datum: Datum) -> Iterator[Finding]:
    given = sum(each == name for each, _ in case.items("document"))
    first, last = days_of(case.period)
    if datum.frequency == "monthly" and 0 < given < _months(first, last):
        yield Finding("plan-frequency-differs", name, f"{given} documents for {_months(first, last)} months")


def _months(first: date, last: date) -> int:
    return (last.year - first.year) * 12 + last.month - first.month + 1


# plausibility, late and restated data ---------------------------------------------------------------------------------

def _check_coverage(item: SeriesCoverage) -> list[Finding]:
    return check_coverage(f"{item.meter} {item.quantity}", item.hours.good, item.hours.expected, COVERAGE_PERCENT)


def _check_balances(case: _Case) -> Iterator[Finding]:
    """Each meter that was read against the sum of its sub-meters, where it has any."""
    for meter, quantity in case.registers():
        children = _children(case, meter, quantity)
        if not children:
            continue
        try:
            own, *parts = [series.energy(case.connection, each, quantity, case.period).value
                           for each in (meter, *children)]
        except NotFound as error:
            yield Finding("balance-open", meter, f"the balance cannot be drawn: {error.message} ({error.where})")
            continue
        yield from check_balance(meter, own, parts, BALANCE_TOLERANCE_PERCENT)


def _children(case: _Case, meter: str, quantity: str) -> list[str]:
    found = []
    for subject in registry.subjects(case.connection, "meter"):
        profile = profile_at(registry.history(case.connection, subject), case.period.end)
        if profile is not None and profile.parent == meter and profile.column(quantity) is not None:
            found.append(subject)
    return found


def _check_late(case: _Case) -> Iterator[Finding]:
    """Frames that came so late that acceptance asks for a person."""
    for meter in sorted({meter for meter, _ in case.registers()}):
        late = [flag for flag in series.flags(case.connection, meter, case.period) if flag.code == "late"]
        if late:
            yield Finding("data-late", meter, f"{len(late)} frames, the first at log entry {late[0].log_index}")


def _check_restated(case: _Case) -> Iterator[Finding]:
    """What the statement that this one corrects had said otherwise."""
    if case.document.supersedes is None:
        return
    before = store.statement(case.connection, case.document.supersedes)
    old = Quantity.from_json(before.fields["result"]).to(case.result.result.unit)
    yield from check_restated("result", old.value, case.result.result.value)
    totals = _totals(case, before.details)
    for name in sorted(totals.keys() | case.result.inputs.items.keys()):
        now = _sum(case.result.inputs.rules, name, [item.quantity for item in case.result.inputs.items.get(name, ())])
        yield from check_restated(name, totals.get(name, Decimal(0)), now)


def _totals(case: _Case, details: Sequence[Mapping[str, Any]]) -> dict[str, Decimal]:
    """The inputs of the statement before the correction, each in the unit that it has now."""
    given: dict[str, list[Quantity]] = {}
    for record in (detail["record"] for detail in details):
        if record["kind"] == "input" and case.result.methodology.rule_of(record["name"]) is not None:
            given.setdefault(record["name"], []).append(Quantity.from_json(record["quantity"]))
    return {name: _sum(case.result.inputs.rules, name, items) for name, items in given.items()}


def _sum(rules: Mapping[str, InputRule], name: str, quantities: Sequence[Quantity]) -> Decimal:
    values = [item.to(rules[name].unit).value if name in rules else item.value for item in quantities]
    total = Decimal(0)
    for value in values:
        total = CONTEXT.add(total, value)
    return total


def _check_documents(case: _Case) -> Iterator[Finding]:
    """A settlement or ledger that another live statement used already; one factor may serve many."""
    own = case.statement.fields["exclusivity_key"]
    for name, item in case.items("document"):
        if case.result.inputs.rules[name].single:
            continue
        others = {digest for digest in store.statements_reading(case.connection, "doc:" + item.source["digest"])
                  if store.statement(case.connection, digest).fields["exclusivity_key"] != own}
        if others:
            yield Finding("document-reused", name, f"{item.source['digest'][:16]}… in {len(others)} other statements,"
                          f" first {min(others).hex()[:16]}…")


_PLAN_CHECKS: Sequence[Callable[[_Case, StoredPlan], Iterator[Finding]]] = (
    _check_data, _check_in_time, _check_classes, _check_frequency)
_CHECKS: Mapping[str, Callable[[_Case], Iterator[Finding]]] = {
    "instruments": _check_instruments, "balance": _check_balances, "late": _check_late, "restated": _check_restated,
    "documents": _check_documents}
