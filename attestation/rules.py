"""What holds for one column of a meter over time: limits from its profile, serial numbers from its segments."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from attestation.history import History, profile_at, segment_at, segments
from core.errors import NotFound
from core.period import MAX_INSTANT


class Rule(NamedTuple):
    """Limits in force in [since, until), ms UTC. Raw values low..high; serial = offset + raw × ratio (registers).

    `capacity`: base units an hour; `modulus`: where the register wraps, or 0; `calibrated_until`: ms UTC.
    """

    since: int
    until: int
    scale: int
    low: int
    high: int
    register: bool
    offset: int
    ratio: int
    modulus: int
    capacity: int
    calibrated_until: int


def rules_of(history: History, quantity: str) -> tuple[Rule, ...]:
    """The rules of a column in order of time; none where the profile in force has no such column."""
    try:
        parts = segments(history, quantity)
    except NotFound:
        parts = ()
    starts = {entry.registration.time for entry in history.entries} | {part.since for part in parts}
    ordered = [*sorted(starts), MAX_INSTANT + 1]
    rules = []
    for since, until in pairwise(ordered):
        profile = profile_at(history, since)
        column = profile.column(quantity) if profile else None
        if profile is None or column is None:
            continue
        if column.register:
            part = segment_at(parts, since)
            serial = (part.offset, part.ratio, part.modulus or 0)
        else:
            serial = (0, 1, 0)
        rules.append(Rule(since, until, column.scale, column.low, column.high, column.register, *serial,
                          profile.capacity_w, profile.calibration_until))
    return tuple(rules)


def rule_at(rules: tuple[Rule, ...], instant: int) -> Rule | None:
    """The rule in force at an instant, or None."""
    for rule in reversed(rules):
        if rule.since <= instant < rule.until:
            return rule
    return None
