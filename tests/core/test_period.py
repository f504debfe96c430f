"""Instants have one text; periods are half-open and follow the site's calendar."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import FormError
from core.period import MAX_INSTANT, Period, instant_text, local_text, parse_instant, time_zone

YEAR_9999 = 253_402_300_799_999


@given(st.integers(0, YEAR_9999))
def test_the_text_of_an_instant_is_read_back(instant: int) -> None:
    assert parse_instant(instant_text(instant)) == instant


@given(st.integers(0, YEAR_9999 - 1))
def test_texts_sort_like_instants(instant: int) -> None:
    assert instant_text(instant) < instant_text(instant + 1)


@pytest.mark.parametrize(("instant", "text"), [
    (0, "1970-01-01T00:00:00.000Z"), (1, "1970-01-01T00:00:00.001Z"), (951_782_400_000, "2000-02-29T00:00:00.000Z"),
    (1_794_758_400_000, "2026-11-15T16:00:00.000Z")])
def test_known_instants(instant: int, text: str) -> None:
    assert instant_text(instant) == text
    assert parse_instant(text) == instant


def test_the_last_instant_has_a_text() -> None:
    assert instant_text(MAX_INSTANT) == "9999-12-31T23:59:59.999Z"
    assert parse_instant("9999-12-31T23:59:59.999Z") == MAX_INSTANT


@pytest.mark.parametrize("instant", [-1, MAX_INSTANT + 1, 2**53 - 1, 2**256])
def test_an_instant_that_no_text_can_spell_is_refused(instant: int) -> None:
    with pytest.raises(FormError, match="instant-out-of-range"):
        instant_text(instant)


@pytest.mark.parametrize("text", [
    "2026-11-15T16:00:00Z", "2026-11-15T16:00:00.000+00:00", "2026-11-15 16:00:00.000Z", "2026-11-15T16:00:00.000z",
    "2026-02-29T00:00:00.000Z", "2026-13-01T00:00:00.000Z", "2026-11-15T24:00:00.000Z", "1969-12-31T23:59:59.999Z",
    "0001-01-01T00:00:00.000Z", "2016-12-31T23:59:60.000Z",
    "2026-11-15T16:00:00.0000Z", "２026-11-15T16:00:00.000Z", "2026-11-15T16:00:00.000Z\n", "", None, 0, 1.5, b"x"])
def test_another_spelling_is_refused(text: Any) -> None:
    with pytest.raises(FormError, match="instant-malformed"):
        parse_instant(text)


@pytest.mark.parametrize(("start", "end", "accepted"), [
    (0, 1, True), (1, 1, False), (2, 1, False), (-1, 1, False), (0, MAX_INSTANT, True), (0, MAX_INSTANT + 1, False)])
def test_a_period_has_a_length_and_a_place(start: int, end: int, accepted: bool) -> None:
    if accepted:
        assert Period(start, end).end - Period(start, end).start == end - start
    else:
        with pytest.raises(FormError, match="period-empty"):
            Period(start, end)


@given(st.integers(0, 10**12), st.integers(1, 10**12))
def test_a_period_is_read_back(start: int, length: int) -> None:
    period = Period(start, start + length)
    assert Period.from_json(period.as_json()) == period


@pytest.mark.parametrize("value", [
    None, [], {}, {"start": instant_text(0), "end": instant_text(1)},
    {"start": instant_text(0), "end": instant_text(1), "zone": 8},
    {"start": 0, "end": instant_text(1), "zone": "UTC"},
    {"start": instant_text(0), "end": instant_text(1), "zone": "UTC", "extra": ""}])
def test_a_period_has_exactly_its_members(value: Any) -> None:
    with pytest.raises(FormError):
        Period.from_json(value)


@pytest.mark.parametrize(("instant", "zone", "text"), [
    ("2026-11-15T16:00:00.000Z", "Asia/Shanghai", "2026-11-16 00:00:00"),
    ("2026-11-15T15:59:59.999Z", "Asia/Shanghai", "2026-11-15 23:59:59"),
    ("2026-03-29T00:59:59.000Z", "Europe/Berlin", "2026-03-29 01:59:59"),
    ("2026-03-29T01:00:00.000Z", "Europe/Berlin", "2026-03-29 03:00:00")])
def test_local_text_follows_the_calendar_of_the_site(instant: str, zone: str, text: str) -> None:
    assert local_text(parse_instant(instant), zone) == text


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "UTC", "Etc/GMT+8", "America/Argentina/Buenos_Aires",
                                  "America/Port-au-Prince", "EST5EDT"])
def test_a_zone_of_the_database_is_known(zone: str) -> None:
    assert time_zone(zone).key == zone
    assert Period(0, 1, zone).zone == zone


@pytest.mark.parametrize("zone", [
    "", " UTC", "UTC ", "UTC\n", "UTC+08:00", "+08:00", "/etc/passwd", "../Asia/Shanghai", "Asia//Shanghai", "Asia/",
    "Asia/../UTC", "Asia\\Shanghai", "C:/zones", "a/b/c/d", "x" * 33, "Asia/上海", "UTC\0", "\ud800"])
def test_what_is_not_spelled_as_a_zone_makes_no_period(zone: str) -> None:
    value = {"start": instant_text(0), "end": instant_text(1), "zone": zone}
    for attempt in (lambda: Period.from_json(value), lambda: Period(0, 1, zone), lambda: local_text(0, zone)):
        with pytest.raises(FormError, match="zone-unknown"):
            attempt()


def test_a_period_of_a_zone_that_this_machine_does_not_know_is_read_but_has_no_calendar() -> None:
    value = {"start": instant_text(0), "end": instant_text(1), "zone": "Mars/Olympus_Mons"}
    assert Period.from_json(value).as_json() == value
    with pytest.raises(FormError, match="zone-unknown"):
        local_text(0, "Mars/Olympus_Mons")


@pytest.mark.parametrize("folder", ["Asia", "America"])
def test_a_folder_of_the_database_is_no_zone(folder: str) -> None:
    with pytest.raises(FormError, match="zone-unknown"):
        time_zone(folder)


def test_without_a_time_zone_database_a_period_is_still_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.period.ZoneInfo", _no_database)
    assert Period.from_json({"start": instant_text(0), "end": instant_text(1), "zone": "Asia/Shanghai"}).end == 1
    with pytest.raises(FormError, match=r"zone-unknown.*tzdata"):
        local_text(0, "Asia/Shanghai")


def _no_database(key: str) -> ZoneInfo:
    raise ZoneInfoNotFoundError(f"No time zone found with key {key}")
