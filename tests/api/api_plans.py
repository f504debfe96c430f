"""The control plan of the steel works, and a day of its life at the node."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from api_world import ACCOUNTS, HOUR, MAIN, START, STEEL, World

from api import pipeline, plans
from api.deployment import writing
from core.clock import FixedClock
from mrv.quality.signed_plan import sign_plan

METER = {"meter": MAIN, "model": "DTZ341", "place": "总降", "accuracy_class": "0.5S", "calibration_days": "2190"}


@contextmanager
def two_days(folder: Path) -> Iterator[World]:
    """Registered, two hours of readings; it holds the writer's lock, its clock stands at the end of two days."""
    world = World.made(folder / "node", clock=FixedClock(START + 50 * HOUR))
    with writing(world.deployment):
        yield world.prepare()
    world.close()


def datum(**changes: Any) -> dict[str, Any]:
    """Electricity bought, read from the main meter."""
    return {"input": "purchased_electricity", "title": {"zh": "购入电量", "en": "purchased electricity"},
            "computation": "总表起止示数之差", "unit": "kWh", "source": "register", "method": "measured",
            "instrument": METER, "frequency": "continuous", "gap": "greatest-rate", "department": "能源部", **changes}


def plan(**changes: Any) -> dict[str, Any]:
    """The first plan, with that datum alone."""
    return {"schema": "carbonseal-control-plan/1", "entity": STEEL, "boundary": "蓝河厂区", "version": "1",
            "previous": None, "reason": "first", "valid_from": "2026-01-01", "methodology": "inventory.general",
            "facilities": [{"id": "fac:plant", "title": "厂区"}], "data": [datum()],
            "assurance": ["计量器具台账每月核对"], **changes}


def signed(world: World, document: dict[str, Any], org: str = STEEL) -> bytes:
    """A plan signed by an organisation's account."""
    return sign_plan(document, ACCOUNTS[org], world.deployment.origin, pipeline.domain_of(world.deployment))


def hand_in(world: World, document: dict[str, Any], org: str = STEEL) -> plans.StoredPlan:
    """A plan that the node took."""
    return plans.take(world.deployment, signed(world, document, org))
