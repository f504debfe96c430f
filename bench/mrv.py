"""Rules: a year of a large enterprise with coverage checks on every reading; single evaluations with their trace."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from time import perf_counter
from typing import Any

import numpy as np

from bench.figures import Figure, figure
from core.numbers import decimal_text
from core.period import Period, instant_text, parse_instant
from mrv.authoring.catalogue import shipped
from mrv.calculation.run import RunResult
from mrv.calculation.run import run as run_methodology
from mrv.calculation.service import evaluate
from mrv.calculation.statement import Context, build, records_of
from mrv.definitions.ruleset import RuleSet
from mrv.quality.checks import check_coverage
from mrv.quality.coverage import Integers, coverage, difference, stack_hours

METERS = 100
INTERVAL = 900_000
YEAR = Period(parse_instant("2026-12-31T16:00:00.000Z"), parse_instant("2027-12-31T16:00:00.000Z"))
MONTH = Period(parse_instant("2026-12-31T16:00:00.000Z"), parse_instant("2027-01-31T16:00:00.000Z"))
AT = date(2028, 2, 1)
FORMULA = "fuel.combustion.heat@1"
GIVEN = {"consumption": {"value": "1234.5", "unit": "t"}, "net_calorific_value": {"value": "26.7", "unit": "GJ/t"},
         "carbon_content": {"value": "0.02749", "unit": "tC/GJ"}, "oxidation": {"value": "94", "unit": "%"}}


def run(quick: bool) -> Iterator[Figure]:
    """Seconds for a year of an enterprise, and evaluations with their trace by second."""
    rules = shipped()
    meters = 10 if quick else METERS
    period = MONTH if quick else YEAR
    readings = _readings(meters, period)
    stack = _stack((period.end - period.start) // 3_600_000)
    floor = _floor(readings)
    start = perf_counter()
    _enterprise(rules, readings, stack, period)
    yield figure("mrv-enterprise-year", perf_counter() - start, "s", sum(len(column) for _, column in readings), floor)
    yield _evaluations(rules, 2_000 if quick else 100_000)


def _readings(meters: int, period: Period) -> list[tuple[Integers, Integers]]:
    """Times and registers of each meter: a load that changes every quarter of an hour."""
    times = np.arange(period.start, period.end + 1, INTERVAL, dtype=np.int64)
    generator = np.random.default_rng(7)
    return [(times, np.cumsum(generator.integers(0, 250_000, len(times)), dtype=np.int64)) for _ in range(meters)]


def _stack(hours: int) -> tuple[Integers, Integers, Integers, Integers]:
    generator = np.random.default_rng(11)
    return (generator.integers(150_000, 250_000, hours), generator.integers(300_000, 500_000, hours),
            generator.integers(40, 61, hours), np.full(hours, 60, dtype=np.int64))


def _floor(readings: list[tuple[Integers, Integers]]) -> float:
    """The least a pass can cost: every column read once."""
    start = perf_counter()
    for times, registers in readings:
        int(np.diff(times).min()), int(np.diff(registers).min())
    return perf_counter() - start


def _enterprise(rules: RuleSet, readings: list[tuple[Integers, Integers]],
                stack: tuple[Integers, Integers, Integers, Integers], period: Period) -> RunResult:
    """Coverage of every reading, exact sums, the inventory, its statement."""
    items = []
    for number, (times, registers) in enumerate(readings):
        good = np.arange(len(times)) % 1_000 != 500
        covered = coverage(times, good, period, INTERVAL)
        assert not check_coverage(f"m:{number}", covered.good, covered.expected, 90)
        items.append(_register_item(number, period, int(registers[0]), difference(registers, good)))
    hours = stack_hours(*stack)
    document = {
        "subject": "org:bench", "boundary": "厂区", "period": period.as_json(), "allow_unconfirmed": True,
        "options": {"region": "jiangsu", "gwp": "AR6"},
        "inputs": {"purchased_electricity": items,
                   "stack": [_stack_item(hours.mass.value, "ab", "measured"),
                             _stack_item(hours.substituted().value, "cd", "estimated")]},
    }
    result = run_methodology(rules, "inventory.general", None, document, AT)
    context = Context("bench", "00" * 32, "00" * 32, {"max_staleness_ms": "0"})
    build(result, context, [bytes(16)] * len(records_of(result)))
    return result


def _register_item(number: int, period: Period, start: int, moved: int) -> dict[str, Any]:
    place = {"gateway": "gw:bench", "epoch": "0", "seq": "1", "block": "0", "ordinal": "0", "index": "7"}
    ends = {name: {"position": str(position), "time": instant_text(time), **place}
            for name, position, time in (("from", start, period.start), ("to", start + moved, period.end))}
    source = {"type": "register", "meter": f"m:bench-{number}", "quantity": "active-energy-import", **ends}
    return {"quantity": {"value": str(moved), "unit": "Wh"}, "source": source, "priority": "1", "method": "measured",
            "uncertainty": "0.5"}


def _stack_item(mass: Decimal, digest: str, method: str) -> dict[str, Any]:
    return {"quantity": {"value": decimal_text(mass), "unit": "tCO2"}, "priority": "1", "method": method,
            "source": {"type": "document", "digest": digest * 32, "title": "CEMS"}, "uncertainty": "2.5"}


def _evaluations(rules: RuleSet, count: int) -> Figure:
    start = perf_counter()
    for _ in range(count):
        evaluate(rules, FORMULA, GIVEN)
    return figure(f"mrv-{count}-evaluations-with-trace", perf_counter() - start, "s", count)
