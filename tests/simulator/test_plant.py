"""The plant's values are functions of time: exact at the sample's points, rising, aligned to weekday and hour."""

import ast
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import simulator.plant
from core.errors import InputError
from core.period import parse_instant
from simulator.plant import COMPRESSOR_PERMILLE, FURNACE_PERMILLE, Plant
from simulator.pv import CAPACITY_W, SolarPlant
from simulator.sample import (
    DAY_MS,
    REPEAT_MS,
    SITE_OFFSET_MS,
    WEEK_MS,
    YEAR_MS,
    SteelCurve,
    aligned_end,
    check_end,
    cumulative_wh,
)

END = parse_instant("2026-11-23T16:00:00.000Z")
START = END - YEAR_MS
QUARTER = 900_000
CURVE = SteelCurve(END)
PLANT = Plant(END)
INSTANTS = st.integers(START, END + 3 * YEAR_MS)


def test_the_year_before_the_end_carries_exactly_the_samples_energy():
    assert CURVE.energy_wh(START) == 0
    assert CURVE.energy_wh(END) == 959_636_710
    assert len(cumulative_wh()) == 35_041


def test_the_end_is_a_tuesday_midnight_of_the_site_as_in_the_sample():
    local = datetime.fromtimestamp((END + SITE_OFFSET_MS) // 1000, UTC)
    assert (local.strftime("%A"), local.hour, local.minute) == ("Tuesday", 0, 0)
    assert datetime(2019, 1, 1, tzinfo=UTC).strftime("%A") == "Tuesday"


@given(st.integers(parse_instant("2000-01-01T00:00:00.000Z"), parse_instant("2100-01-01T00:00:00.000Z")))
def test_the_end_is_less_than_a_week_ahead_and_never_behind(now):
    assert 0 <= aligned_end(now) - now < WEEK_MS
    assert check_end(aligned_end(now)) == aligned_end(now)


def test_any_other_end_is_refused():
    for wrong in (END + 1, END - 1, END + DAY_MS):
        with pytest.raises(InputError, match="sample-end"):
            SteelCurve(wrong)


def test_every_boundary_shows_the_samples_own_value_and_its_neighbours_lie_between():
    curve = cumulative_wh()
    for index in range(0, 35_040, 997):
        at = START + index * QUARTER
        assert CURVE.energy_wh(at) == curve[index]
        assert CURVE.power_w(at) == (curve[index + 1] - curve[index]) * 4
        assert curve[index] <= CURVE.energy_wh(at + QUARTER - 1) <= curve[index + 1]


def test_before_the_sample_there_is_no_reading():
    assert CURVE.energy_wh(START) == 0
    with pytest.raises(InputError, match="before-sample"):
        CURVE.energy_wh(START - 1)
    with pytest.raises(InputError, match="before-commissioning"):
        SolarPlant(b"", START).energy_wh(START - 1)


@given(st.integers(END, END + 2 * YEAR_MS))
def test_after_the_end_the_same_weekday_and_hour_of_52_weeks_before_repeats(instant):
    assert CURVE.power_w(instant) == CURVE.power_w(instant - REPEAT_MS)
    assert (CURVE.energy_wh(instant + QUARTER) - CURVE.energy_wh(instant)
            == CURVE.energy_wh(instant - REPEAT_MS + QUARTER) - CURVE.energy_wh(instant - REPEAT_MS))


@given(INSTANTS, st.integers(0, 7 * DAY_MS))
def test_no_register_ever_falls_and_all_values_are_integers(instant, later):
    for meter in PLANT.meters:
        before, after = meter.values(instant), meter.values(instant + later)
        for one, two in ((before.import_wh, after.import_wh), (before.export_wh, after.export_wh)):
            assert (one is None) == (two is None)
            if one is not None and two is not None:
                assert type(one) is int
                assert one <= two


@given(INSTANTS)
def test_the_register_follows_the_power_inside_a_quarter_of_an_hour(instant):
    start = instant - instant % QUARTER
    for meter in PLANT.meters:
        low, high = meter.values(start), meter.values(start + QUARTER)
        energy = (high.import_wh or high.export_wh or 0) - (low.import_wh or low.export_wh or 0)
        assert abs(energy * 4 - low.power_w) <= 4


def test_sub_meters_are_fixed_shares_of_the_main_meter():
    main, furnace, _, compressor = (PLANT.meter(name) for name in (
        "m:lanhe-main", "m:lanhe-furnace", "m:lanhe-pv", "m:lanhe-compressor"))

    def year(meter):
        return meter.values(END).import_wh - meter.values(START).import_wh

    assert year(main) == 959_636_710
    assert year(furnace) == year(main) * FURNACE_PERMILLE // 1000
    assert year(compressor) == year(main) * COMPRESSOR_PERMILLE // 1000


def test_the_solar_plant_rests_at_night_and_stays_below_its_capacity():
    sun = SolarPlant(b"seed", START)
    watts = [sun.power_w(START + slot * QUARTER) for slot in range(96 * 365)]
    assert 0 <= min(watts) <= max(watts) <= CAPACITY_W
    assert all(watts[day * 96 + hour * 4] == 0 for day in range(365) for hour in (0, 1, 2, 3, 22, 23))
    assert all(max(watts[day * 96 : day * 96 + 96]) > 0 for day in range(365))
    # 800 to 1,300 hours at full load is what such a roof yields there.
    assert 800 * CAPACITY_W < sun.energy_wh(END) < 1300 * CAPACITY_W


def test_the_clouds_depend_on_the_seed_alone():
    one, two, other = SolarPlant(b"a", START), SolarPlant(b"a", START), SolarPlant(b"b", START)
    assert one.energy_wh(END) == two.energy_wh(END) != other.energy_wh(END)
    # A plant that is asked for a late day first gives the same as one that was asked day by day.
    assert [two.energy_wh(START + day * DAY_MS) for day in range(365)] == [
        SolarPlant(b"a", START).energy_wh(START + day * DAY_MS) for day in range(365)]


def test_every_device_says_that_it_is_simulated():
    for meter in PLANT.meters:
        assert meter.text.startswith("SIMULATED DEVICE")
        assert meter.meter in meter.text


def test_an_unknown_meter_is_named_in_the_error():
    with pytest.raises(InputError, match="meter-unknown"):
        PLANT.meter("m:other")


@pytest.mark.parametrize("module", ["sample", "pv", "plant"])
def test_no_float_stands_on_the_path_of_a_value(module):
    tree = ast.parse((Path(simulator.plant.__file__).parent / f"{module}.py").read_text())
    assert not any(isinstance(node, ast.Constant) and type(node.value) is float for node in ast.walk(tree))
    assert not any(isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) for node in ast.walk(tree))
