"""Documents against the meters that their plan names, a stack by its hours, and the day on which data are due."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import api_world
import numpy as np
import pytest
from api_plans import METER, datum, hand_in, plan, two_days
from api_world import DAY, GATEWAY, GATEWAY_KEY, HOUR, MAIN, MINUTE, ORIGIN, PV, SITE, START, STEEL, World
from sqlalchemy import update

from api import crosschecks, pipeline, quality
from attestation.block import BlockData, Column
from attestation.build import build_frame
from attestation.envelope import open_envelope
from attestation.frame import Submission
from attestation.history import profiles_digest
from attestation.models import FrameRow
from certificates.store import StoredStatement
from core.claims import ClaimInput, DocumentInput, MeterInput, MethodologyRef
from core.database import reading, transaction
from core.numbers import parse_decimal
from core.period import Period, parse_instant
from core.records import ClockQuality, Kind, Quality
from mrv.authoring import catalogue
from mrv.calculation.items import Item

ONE_DAY = Period(START, START + DAY)
STACK = "m:lanhe-stack"


@pytest.fixture
def park(tmp_path: Path) -> Iterator[World]:
    with two_days(tmp_path) as world:
        yield world


def documented(name: str, unit: str, **changes: Any) -> dict[str, Any]:
    """A datum of a monthly bill, beside a meter that counts the same."""
    return datum(**{"input": name, "title": {"zh": "数据", "en": "datum"}, "computation": "月度结算单", "unit": unit,
                    "source": "document", "frequency": "monthly", "gap": "refused"} | changes)


def hand_in_data(world: World, *data: dict[str, Any]) -> None:
    hand_in(world, plan(data=list(data)))


def paper(value: str, unit: str) -> ClaimInput:
    return DocumentInput(b"\xab" * 32, parse_decimal(value), unit, "凭证")


def state(world: World, inputs: dict[str, list[ClaimInput]]) -> StoredStatement:
    found = catalogue.shipped().methodologies["inventory.general@2"]
    payload = world.claim(Kind.EMISSION, methodology=MethodologyRef(found.id, found.version, found.digest),
                          period=ONE_DAY, boundary="蓝河厂区", inputs=inputs,
                          options={"region": "jiangsu", "gwp": "AR6"})
    return pipeline.calculate(world.deployment, pipeline.claim(world.deployment, payload).digest)


def report(world: World, statement: StoredStatement) -> dict[str, Any]:
    with reading(world.deployment.engine) as connection:
        return quality.report(connection, statement, catalogue.shipped())


def findings(answer: dict[str, Any], check: str) -> list[str]:
    return [item["code"] for item in answer["findings"] if item["check"] == check]


# documents against meters

@pytest.mark.parametrize(("bill", "found"), [
    ("9600", []), ("10105.2", []), ("9142.86", []), ("10105.3", ["daily-monthly-differ"]),
    ("9142.85", ["daily-monthly-differ"])])
def test_a_bill_is_held_against_the_meter_that_its_plan_names(park: World, bill: str, found: list[str]) -> None:
    """The meter counted 9,600 kWh; the bill may be 5 % of itself away."""
    park.accept_frames(24)
    hand_in_data(park, documented("purchased_electricity", "kWh"))
    answer = report(park, state(park, {"purchased_electricity": [paper(bill, "kWh")]}))
    assert findings(answer, "cross-check") == found


@pytest.mark.parametrize("changes", [{"instrument": None}, {"instrument": METER | {"meter": "m:elsewhere"}}])
def test_without_a_meter_in_the_log_nothing_is_compared(park: World, changes: dict[str, Any]) -> None:
    park.accept_frames(24)
    hand_in_data(park, documented("purchased_electricity", "kWh", **changes))
    answer = report(park, state(park, {"purchased_electricity": [paper("1", "kWh")]}))
    assert findings(answer, "cross-check") == []


# a stack

def stack_profile() -> dict[str, Any]:
    columns = [{"quantity": name, "unit": unit, "scale": "0", "kind": "gauge", "width": None, "min": "0",
                "max": "1000000"} for name, unit in (("co2", "mg/Nm3"), ("flow", "Nm3/h"))]
    return api_world.profile("import", "CN-STACK") | {"carrier": "flue-gas", "columns": columns}


def frame(world: World, start: int, faults: int, flow: int) -> Submission:
    """An hour with four samples of 150,000 mg/Nm3, the last of them faulty."""
    gateway, quarter = world.gateway, (start - (START - HOUR)) // (15 * MINUTE)
    codes = np.array([0] * (4 - faults) + [int(Quality.FAULT)] * faults, np.int64)
    stack = BlockData(STACK, start + 15 * MINUTE * np.arange(4, dtype=np.int64),
                      (Column("co2", 0, np.full(4, 150_000, np.int64)), Column("flow", 0, np.full(4, flow, np.int64))),
                      codes, ())
    blocks = [api_world._block(MAIN, start, api_world.MAIN_FIRST + api_world.MAIN_RATE * quarter, api_world.MAIN_RATE),
              api_world._block(PV, start, api_world.PV_FIRST + api_world.PV_RATE * quarter, api_world.PV_RATE), stack]
    made = build_frame(GATEWAY_KEY, ORIGIN, SITE, GATEWAY, 0, gateway.seq, gateway.prev, ClockQuality.SYNCHRONISED,
                       None, profiles_digest({}), blocks)
    gateway.prev, gateway.seq = open_envelope(made.envelope).digest, gateway.seq + 1
    return made


def smoke(world: World, faulty: dict[int, int]) -> None:
    """A day of a stack; `faulty`: how many samples of an hour are. 15 t an hour, 30 t in the last one."""
    pipeline.register(world.deployment, world.signed("meter", STACK, "profile", {"profile": stack_profile()},
                                                     time=START + HOUR - 1))
    world.put(*(frame(world, START + hour * HOUR, faulty.get(hour, 0), 200_000 if hour == 23 else 100_000)
                for hour in range(1, 25)))


def stacked(world: World, tonnes: str) -> dict[str, Any]:
    hand_in_data(world, documented("purchased_electricity", "kWh", source="register"),
                 documented("stack", "tCO2", instrument=METER | {"meter": STACK}, frequency="hourly"))
    return report(world, state(world, {"purchased_electricity": [MeterInput(MAIN, "energy")],
                                       "stack": [paper(tonnes, "tCO2")]}))


def test_a_stack_is_told_by_its_hours_and_what_is_substituted_is_counted(park: World) -> None:
    """The first hour has no samples, one has half of them: two hours are taken for the greatest, 30 t."""
    smoke(park, {5: 2, 6: 1})
    answer = stacked(park, "420")
    assert answer["stacks"] == [{"input": "stack", "meter": STACK, "hours": "24", "valid": "22",
                                 "substituted_hours": "2", "measured": "345", "substituted": "60",
                                 "documented": "420"}]
    assert findings(answer, "stacks") == ["stack-substituted"]


def test_a_document_far_below_its_stack_is_found(park: World) -> None:
    smoke(park, {})
    assert findings(stacked(park, "300"), "stacks") == ["stack-substituted", "daily-monthly-differ"]


def test_a_planned_analyser_without_a_valid_hour_is_found(park: World) -> None:
    smoke(park, dict.fromkeys(range(25), 4))
    answer = stacked(park, "300")
    assert (answer["stacks"], findings(answer, "stacks")) == ([], ["coverage-low"])


# the day on which data are due

def due(world: World, at: date) -> list[str]:
    source = {"type": "register", "meter": MAIN, "to": {"index": str(last_index(world))}}
    items = [("purchased_electricity", Item(api_quantity(), source, {}))]
    with reading(world.deployment.engine) as connection:
        return [finding.where for finding in crosschecks.check_due(
            connection, catalogue.shipped(), STEEL, items, ONE_DAY, at)]


def api_quantity() -> Any:
    return catalogue.shipped().parameter("heat.default").values[0].quantity


def last_index(world: World) -> int:
    with reading(world.deployment.engine) as connection:
        rows = connection.execute(FrameRow.__table__.select()).all()  # type: ignore[attr-defined]
    return max(int(row.log_index) for row in rows)


@pytest.mark.parametrize(("at", "late"), [
    (date(2026, 11, 20), []), (date(2027, 1, 9), []), (date(2027, 1, 10), ["statement"])])
def test_november_is_due_on_the_fortieth_day_after_it(park: World, at: date, late: list[str]) -> None:
    assert due(park, at) == late


@pytest.mark.parametrize(("received", "late"), [
    ("2027-01-09T15:59:59.999Z", []), ("2027-01-09T16:00:00.000Z", [MAIN])])
def test_readings_that_came_after_it_are_late(park: World, received: str, late: list[str]) -> None:
    with transaction(park.deployment.engine) as connection:
        connection.execute(update(FrameRow).values(received=parse_instant(received)))
    assert due(park, date(2026, 11, 20)) == late


def test_a_statement_in_time_says_nothing(park: World) -> None:
    park.accept_frames(24)
    answer = report(park, state(park, {"purchased_electricity": [MeterInput(MAIN, "energy")]}))
    assert findings(answer, "due") == []
