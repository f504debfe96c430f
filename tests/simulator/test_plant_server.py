"""The plant over a real socket and as a process: every meter answers with the values of the clock's instant."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from pymodbus.client import AsyncModbusTcpClient

from adapters.modbus_tcp.client import ModbusTcpSource
from adapters.modbus_tcp.profile import DeviceProfile, Layout, Point
from core import jcs
from core.clock import FixedClock, SharedClock
from core.errors import FormError, InputError, Unavailable
from core.period import parse_instant
from simulator.command import open_plant, sample_end
from simulator.plant import Plant
from simulator.sample import YEAR_MS
from simulator.server import PlantServer, registers_of

END = parse_instant("2026-11-23T16:00:00.000Z")
NOW = END - 200_000_000
ROOT = Path(__file__).parents[2]


@pytest.fixture
async def served():
    clock = FixedClock(NOW)
    server = PlantServer(Plant(END), clock, "127.0.0.1", 0)
    port = await server.start()
    yield clock, port
    await server.stop()


async def read(port, profile, instant=0):
    source = ModbusTcpSource("127.0.0.1", port, profile, 2000)
    try:
        return {reading.quantity: int(reading.value) for reading in await source.read(instant)}
    finally:
        await source.close()


async def test_every_meter_shows_its_values_of_the_instant_through_its_own_profile(served):
    clock, port = served
    for later in (0, 1000, 86_400_000):
        clock.instant = NOW + later
        for meter in Plant(END).meters:
            values = meter.values(clock.instant)
            energy = {"energy-export": values.export_wh} if meter.exports else {"energy-import": values.import_wh}
            assert await read(port, meter.profile) == {**energy, "power": values.power_w}


async def test_the_main_register_moves_from_second_to_second(served):
    clock, port = served
    meter = Plant(END).meter("m:lanhe-main")
    seen = []
    for _ in range(5):
        seen.append((await read(port, meter.profile))["energy-import"])
        clock.instant += 1000
    assert seen == sorted(set(seen))


async def test_the_wrong_word_order_gives_another_number(served):
    _, port = served
    profile = Plant(END).meter("m:lanhe-furnace").profile
    swapped = DeviceProfile(profile.meter, profile.device_id, profile.points, "big")
    assert await read(port, profile) != await read(port, swapped)


async def test_a_register_that_a_meter_does_not_implement_is_absent(served):
    _, port = served
    points = (Point("energy-import", "Wh", 0, Layout.U64, sentinel=True),
              Point("energy-export", "Wh", 4, Layout.U64, sentinel=True))
    assert set(await read(port, DeviceProfile("m:lanhe-pv", 3, points))) == {"energy-export"}


async def test_unknown_registers_devices_and_writes_are_refused(served):
    _, port = served
    point = (Point("power", "W", 50, Layout.I32),)
    with pytest.raises(InputError, match="modbus-exception") as caught:
        await read(port, DeviceProfile("m:x", 1, point))
    assert caught.value.detail["exception"] == 2
    with pytest.raises(InputError, match="modbus-exception"):
        await read(port, DeviceProfile("m:x", 99, point))
    async with AsyncModbusTcpClient("127.0.0.1", port=port) as client:
        assert (await client.write_register(0, 1, device_id=1)).isError()


async def test_before_the_sample_the_device_fails_instead_of_inventing(served):
    clock, port = served
    clock.instant = END - YEAR_MS - 1
    with pytest.raises(InputError, match="modbus-exception") as caught:
        await read(port, Plant(END).meter("m:lanhe-main").profile)
    assert caught.value.detail["exception"] == 4


async def test_the_device_says_that_it_is_simulated(served):
    _, port = served
    source = ModbusTcpSource("127.0.0.1", port, Plant(END).meter("m:lanhe-pv").profile, 2000)
    assert "simulated" in (await source.describe())["vendor"]
    await source.close()
    async with AsyncModbusTcpClient("127.0.0.1", port=port) as client:
        words = (await client.read_holding_registers(100, count=40, device_id=3)).registers
    assert b"".join(word.to_bytes(2, "big") for word in words).startswith(b"SIMULATED DEVICE m:lanhe-pv")


async def test_a_port_that_is_taken_is_an_error_of_ours(served):
    _, port = served
    with pytest.raises(Unavailable, match="simulator-listen"):
        await PlantServer(Plant(END), FixedClock(NOW), "127.0.0.1", port).start()


def test_the_register_map_holds_ten_words_of_16_bits():
    for meter in Plant(END).meters:
        words = registers_of(meter, NOW)
        assert len(words) == 10
        assert all(0 <= word <= 0xFFFF for word in words)


def test_the_folder_keeps_the_end_of_the_sample_so_that_a_restart_continues_the_registers(tmp_path):
    first = open_plant(tmp_path, FixedClock(NOW)).meter("m:lanhe-main").values(NOW)
    later = FixedClock(NOW + 40 * 86_400_000)
    assert open_plant(tmp_path, later).meter("m:lanhe-main").values(NOW) == first
    assert open_plant(tmp_path / "new", later).meter("m:lanhe-main").values(NOW) != first


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"schema":"carbonseal-simulated-plant/1"}',
                                     b'{"schema":"carbonseal-simulated-plant/1","sample_end":"2026"}'])
def test_a_spoilt_plant_file_is_an_error_of_ours(tmp_path, content):
    (tmp_path / "plant.json").write_bytes(content)
    with pytest.raises(FormError):
        sample_end(tmp_path, FixedClock(NOW))


def test_a_plant_file_with_another_weekday_is_refused(tmp_path):
    (tmp_path / "plant.json").write_bytes(jcs.canonical(
        {"schema": "carbonseal-simulated-plant/1", "sample_end": "2026-11-24T16:00:00.000Z"}))
    with pytest.raises(InputError, match="sample-end"):
        sample_end(tmp_path, FixedClock(NOW))


def test_the_process_announces_itself_follows_the_shared_clock_and_ends_on_sigterm(tmp_path):
    clock = SharedClock(tmp_path / "clock")
    clock.start(NOW)
    process = subprocess.Popen(
        [sys.executable, "-m", "simulator", "--dir", str(tmp_path / "plant"), "--clock", str(clock.path)],
        stdout=subprocess.PIPE, cwd=ROOT, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    try:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        assert told["simulated"] is True
        assert told["time"] == "2026-11-21T08:26:40.000Z"
        meter = open_plant(tmp_path / "plant", clock).meter("m:lanhe-main")
        for later in (0, 3_600_000):
            clock.advance(NOW + later)
            values = asyncio.run(read(told["port"], meter.profile))
            assert values["energy-import"] == meter.values(NOW + later).import_wh
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
