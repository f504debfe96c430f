"""One rule for node and reader: what registrations and boundary readings show of the meters behind a statement."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from verify_world import EXPORT, GATEWAY, HOUR, PERIOD, PV, START, profile

from attestation.history import History, read_history
from attestation.registration import ReadingPlace, registration_payload
from core.period import instant_text
from verify.instruments import findings, instrument_of
from verify.sources import RegisterSource

CLOSING = ReadingPlace(0, PERIOD.end, GATEWAY, 0, 9, 0, 0, 9)


def history(since: int = START - HOUR, **changes: str) -> History:
    own = profile(EXPORT, "generation", PV) | changes
    return read_history([(1, registration_payload("meter", PV, "profile", since, {"profile": own}))])


def source(energy: int, hours: int = 24, opened: bool = True) -> RegisterSource:
    opening = at(5_000, PERIOD.end - hours * HOUR)
    return RegisterSource("generation", PV, EXPORT, None if opened else "cp:pv", 5_000, opening if opened else None,
                          at(5_000 + energy, PERIOD.end), "measured", None)


def at(position: int, time: int) -> ReadingPlace:
    return replace(CLOSING, position=position, time=time)


def codes(known: History, *sources: RegisterSource) -> list[str]:
    return [found.code for found in findings(sources, lambda _meter: known, PERIOD)]


@pytest.mark.parametrize(("until", "found"), [
    (PERIOD.end, []), (PERIOD.end - 1, ["calibration-lapsed"]), (START - 1, ["calibration-lapsed"])])
def test_a_calibration_holds_to_the_end_of_the_period(until: int, found: list[str]) -> None:
    assert codes(history(calibration_until=instant_text(until)), source(0)) == found


@pytest.mark.parametrize(("since", "found"), [(PERIOD.end, []), (PERIOD.end + 1, ["calibration-unknown"])])
def test_a_profile_counts_that_is_in_force_at_the_end_of_the_period(since: int, found: list[str]) -> None:
    assert codes(history(since), source(0)) == found
    assert (instrument_of(history(since), PERIOD.end).capacity_w is None) == bool(found)


@pytest.mark.parametrize(("energy", "hours", "found"), [
    (24_000, 24, []), (24_001, 24, ["capacity-exceeded"]), (1_000, 1, []), (1_001, 1, ["capacity-exceeded"]),
    (10**9, 0, [])])
def test_the_energy_is_within_the_capacity_over_the_time_between_the_readings(energy: int, hours: int,
                                                                              found: list[str]) -> None:
    assert codes(history(capacity_w="1000"), source(energy, hours)) == found


def test_a_claim_point_has_no_opening_reading_to_hold_its_energy_against() -> None:
    assert codes(history(capacity_w="1"), source(10**9, opened=False)) == []


@given(st.lists(st.integers(0, 30_000), max_size=6))
def test_every_source_is_asked_by_itself(energies: list[int]) -> None:
    found = codes(history(capacity_w="1000"), *map(source, energies))
    assert len(found) == sum(energy > 24_000 for energy in energies)
