"""A real Modbus server over a real socket: answers, refusals, silence, and coming back."""

import asyncio

import pytest
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from adapters.modbus_tcp.client import ModbusTcpSource
from adapters.modbus_tcp.profile import DeviceProfile, Layout, Point
from core.errors import InputError, Unavailable

POINTS = (Point("energy-import", "Wh", 0, Layout.U64), Point("power", "W", 4, Layout.I32))
REGISTERS = [0, 0, 15258, 51712, 65535, 64536]


async def serve(port=0, action=None):
    device = SimDevice(1, [SimData(0, values=list(REGISTERS), datatype=DataType.REGISTERS)], action=action)
    server = ModbusTcpServer([device], address=("127.0.0.1", port))
    await server.serve_forever(background=True)
    return server, server.transport.sockets[0].getsockname()[1]


def source(port, *points, device_id=1, table="holding"):
    return ModbusTcpSource("127.0.0.1", port, DeviceProfile("m:1", device_id, points or POINTS, "big", table), 300)


@pytest.mark.parametrize("table", ["holding", "input"])
async def test_both_tables_are_read_in_one_request(table):
    server, port = await serve()
    meter = source(port, table=table)
    readings = await meter.read(1234)
    assert [(r.meter, r.quantity, int(r.value), r.unit, r.time) for r in readings] == [
        ("m:1", "energy-import", 1_000_000_000, "Wh", 1234), ("m:1", "power", -1000, "W", 1234)]
    await meter.close()
    await server.shutdown()


async def test_a_bad_address_is_an_error_and_the_connection_goes_on():
    server, port = await serve()
    meter = source(port, Point("energy-import", "Wh", 500, Layout.U64))
    for _ in range(2):
        with pytest.raises(InputError, match="modbus-exception") as caught:
            await meter.read(0)
        assert caught.value.detail["exception"] == 2
    await meter.close()
    await server.shutdown()


async def test_no_server_is_unreachable():
    server, port = await serve()
    await server.shutdown()
    with pytest.raises(Unavailable, match="source-unreachable"):
        await source(port).read(0)


async def test_a_silent_meter_times_out_and_its_late_answer_is_never_taken():
    silent = asyncio.Event()

    async def slow(_function, _start, _address, _count, registers, _values):
        if not silent.is_set():
            silent.set()
            await asyncio.sleep(0.6)
        else:
            registers[3] = 51713

    server, port = await serve(action=slow)
    meter = source(port)
    with pytest.raises(Unavailable, match="source-timeout"):
        await meter.read(1)
    await asyncio.sleep(0.5)
    assert int((await meter.read(2))[0].value) == 1_000_000_001
    await meter.close()
    await server.shutdown()


async def test_a_meter_that_was_away_is_read_again_when_it_is_back():
    server, port = await serve()
    meter = source(port)
    assert await meter.read(1)
    await meter.close()
    await server.shutdown()
    with pytest.raises(Unavailable):
        await meter.read(2)
    server, _ = await serve(port)
    assert len(await meter.read(3)) == 2
    await meter.close()
    await server.shutdown()


async def test_a_peer_that_speaks_no_modbus_is_a_timeout_of_ours():
    async def babble(_reader, writer):
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 20)
        await writer.drain()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    meter = source(port)
    with pytest.raises(Unavailable):
        await meter.read(0)
    await meter.close()
    server.close()
