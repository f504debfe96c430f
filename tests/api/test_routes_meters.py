"""Readings, registers and flags of meters over HTTP."""

from __future__ import annotations

import pytest
from api_helpers import JIANGHUI, check_problem
from api_park import Park, period_query
from api_world import HOUR, MAIN, MAIN_FIRST, MAIN_RATE, PERIOD, PV, REGISTRAR, START, STEEL

from core import jcs
from core.period import instant_text

pytestmark = [pytest.mark.chain, pytest.mark.timeout(600)]


def test_energy_is_a_difference_of_two_readings_with_their_places(park: Park) -> None:
    day = period_query(PERIOD.start, PERIOD.end)
    energy = park.get(f"/v1/meters/{MAIN}/energy", STEEL, quantity="energy", **day).json()
    assert energy["value"] == str(96 * MAIN_RATE)
    assert energy["unit"] == "Wh"
    assert energy["staleness_ms"] == "0"
    assert energy["from"]["position"] == str(MAIN_FIRST + 4 * MAIN_RATE)
    assert energy["to"]["time"] == instant_text(PERIOD.end)


def test_the_register_at_an_instant_is_the_last_reading_before_it(park: Park) -> None:
    found = park.get(f"/v1/meters/{MAIN}/register", STEEL, quantity="energy", at=instant_text(START + 1)).json()
    assert found["time"] == instant_text(START)
    early = park.get(f"/v1/meters/{MAIN}/register", STEEL, quantity="energy", at=instant_text(START - 2 * HOUR))
    check_problem(early, 404, "register-not-yet")


def test_hours_count_readings(park: Park) -> None:
    hours = park.get(f"/v1/meters/{PV}/hours", STEEL, quantity="energy", **period_query(START, START + 3 * HOUR)).json()
    assert [hour["readings"] for hour in hours] == [4, 4, 4]
    too_long = park.get(f"/v1/meters/{PV}/hours", STEEL, quantity="energy", **period_query(0, 400 * 24 * HOUR))
    check_problem(too_long, 422, "period-too-long")


def test_meters_are_seen_by_their_organisation(park: Park) -> None:
    assert [(meter["meter"], meter["origin"]) for meter in park.get("/v1/meters", STEEL).json()] == [
        (MAIN, "metered"), (PV, "simulated")]
    assert park.get("/v1/meters", JIANGHUI).json() == []
    path = f"/v1/meters/{MAIN}/energy"
    check_problem(park.get(path, JIANGHUI, quantity="energy", **period_query(PERIOD.start, PERIOD.end)), 403,
                  "organisation-other")
    check_problem(park.get("/v1/meters/m:none/register", STEEL, quantity="energy", at=instant_text(START)), 404,
                  "subject-unknown")
    check_problem(park.get(path, STEEL, quantity="energy", start="yesterday", end="today"), 400, "instant-malformed")


def test_flags_are_a_work_list_of_the_registrar(park: Park) -> None:
    park.get("/v1/meters/flags", REGISTRAR)
    check_problem(park.get("/v1/meters/flags", STEEL), 403, "role-missing")
    unknown = jcs.canonical({"index": "0", "meter": MAIN, "quantity": "energy", "code": "late", "resolution": "counts"})
    check_problem(park.post("/v1/meters/flags", unknown, REGISTRAR), 404, "flag-unknown")
    check_problem(park.post("/v1/meters/flags", b"{}", REGISTRAR), 400, "document-members")
    check_problem(park.post("/v1/meters/flags", b"[1]", REGISTRAR), 400, "json-malformed")
    check_problem(park.post("/v1/meters/flags", unknown, STEEL), 403, "role-missing")
