"""Registrations that enter the log while a statement is computed: node and reader take the histories at one index."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from api_world import AFTER, DAY, HOUR, MAIN, MARK, PV_OPENING, START, SUZHENG, World, profile

from api import evidence, pipeline
from api.deployment import writing
from certificates.store import StoredStatement
from core.clock import FixedClock
from core.database import reading
from core.errors import CarbonSealError, Unavailable
from core.period import instant_text
from core.records import Kind
from ledger import log
from verify.report import Outcome
from verify.verifier import verify

LAPSED = {"calibration_until": instant_text(START + DAY - 1)}
WORSE = {"accuracy_class": "2"}


@pytest.fixture
def park(tmp_path: Path) -> Iterator[World]:
    """A deployment with a day of readings; it holds the writer's lock."""
    world = World.made(tmp_path / "node", clock=FixedClock(AFTER))
    with writing(world.deployment):
        yield world.prepare().accept_frames(24)
    world.close()


class Between:
    """A registrar whose registrations are taken after a statement was computed and before it enters the log."""

    def __init__(self, world: World, *envelopes: bytes) -> None:
        self.world, self.envelopes, self.rounds, self.size = world, list(envelopes), 0, 0

    def __call__(self, step: str, done: bool) -> None:
        if (step, done) == ("calculate", False):
            self.rounds += 1
            if self.envelopes:
                self.size = pipeline.register(self.world.deployment, self.envelopes.pop(0)) + 1


def main_profile(world: World, time: int = START + HOUR, **changes: Any) -> bytes:
    return world.signed("meter", MAIN, "profile", {"profile": profile("import", "CN-MAIN") | changes}, time=time)


def claimed(world: World, kind: Kind = Kind.EMISSION) -> bytes:
    return pipeline.claim(world.deployment, world.claim(kind)).digest


def failed_steps(world: World, statement: StoredStatement) -> list[tuple[int, str | None]]:
    """What a reader of the review file finds wrong."""
    pipeline.seal(world.deployment)
    data = evidence.export(world.deployment, world.link, statement.digest, purpose="review", level="full")
    report = verify(data, world.deployment.trust, now=world.clock.now(), require=[1])
    return [(step.n, step.code) for step in report.steps if step.outcome is Outcome.FAILED]


@pytest.mark.parametrize(("change", "says"), [(LAPSED, "calibration-lapsed"), (WORSE, "2")])
def test_a_registration_that_comes_between_is_in_the_statement_and_its_reader_agrees(
        park: World, change: dict[str, str], says: str) -> None:
    between = Between(park, main_profile(park, **change))
    statement = pipeline.calculate(park.deployment, claimed(park), between)
    assert failed_steps(park, statement) == []
    stated = [item["record"]["uncertainty"] for item in statement.details if item["record"]["kind"] == "input"]
    assert says in [*statement.fields["notices"], *stated]
    assert between.rounds == 2


def test_a_meter_that_another_gets_meanwhile_leaves_no_statement(park: World) -> None:
    between = Between(park, main_profile(park, org=SUZHENG))
    with pytest.raises(CarbonSealError) as caught:
        pipeline.calculate(park.deployment, claimed(park), between)
    assert caught.value.code == "meter-foreign"
    with reading(park.deployment.engine) as connection:
        assert log.size(connection) == between.size


def test_a_claim_point_closed_meanwhile_is_read_as_closed(park: World) -> None:
    closing = park.signed("claim-point", MARK, "close", {"closing": str(PV_OPENING + 48_000_000), "reason": "拆除"},
                          time=AFTER)
    between = Between(park, closing)
    statement = pipeline.calculate(park.deployment, claimed(park, Kind.GREEN_POWER), between)
    assert between.rounds == 2
    assert failed_steps(park, statement) == []


def test_a_registration_of_another_subject_costs_no_second_calculation(park: World) -> None:
    other = park.signed("meter", "m:elsewhere", "profile", {"profile": profile("import", "CN-ELSE")})
    between = Between(park, other)
    statement = pipeline.calculate(park.deployment, claimed(park), between)
    assert between.rounds == 1
    assert failed_steps(park, statement) == []


def test_a_registration_after_the_statement_leaves_it_as_it_is(park: World) -> None:
    statement = pipeline.calculate(park.deployment, claimed(park))
    pipeline.register(park.deployment, main_profile(park, **LAPSED))
    assert "calibration-lapsed" not in statement.fields["notices"]
    assert failed_steps(park, statement) == []


def test_registrations_without_end_are_told_as_busy_and_nothing_is_stated(park: World) -> None:
    endless = Between(park, *(main_profile(park, START + HOUR + i, **WORSE) for i in range(20)))
    digest = claimed(park)
    with pytest.raises(Unavailable) as caught:
        pipeline.calculate(park.deployment, digest, endless)
    assert caught.value.code == "log-busy"
    endless.envelopes.clear()
    assert failed_steps(park, pipeline.calculate(park.deployment, digest, endless)) == []
