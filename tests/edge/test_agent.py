"""The whole gateway: real Modbus meters over sockets, a node over HTTP, a shared simulated clock."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path

import pytest
from edge_helpers import SEED, background_loop, call, running_node, write_config

from attestation.block import decode_block
from attestation.envelope import open_envelope
from attestation.frame import check_successor, decode_frame, link_of, read_submissions
from core.clock import SharedClock, SystemClock
from core.errors import InputError, Refused, Unavailable
from core.period import parse_instant
from core.signer import KeySigner
from edge.command import check, run
from edge.config import load_config
from edge.spool import Spool
from simulator.plant import Plant
from simulator.sample import aligned_end
from simulator.server import PlantServer

START = parse_instant("2026-10-01T00:00:00.000Z")
HOUR = 3_600_000
PLANT = Plant(aligned_end(START))


class World:
    """A plant, a node and a gateway's folder that share one clock file."""

    def __init__(self, folder, loop, node):
        self.folder, self.loop, self.node = folder, loop, node
        self.clock = SharedClock(folder / "clock")
        self.clock.start(START)
        self.plant = PLANT
        self.server = PlantServer(self.plant, self.clock, "127.0.0.1", 0)
        self.port = call(loop, self.server.start())
        self.config = self.configure()

    def configure(self, **options):
        return write_config(self.folder, self.node.url, self.port, clock_file="clock", **options)

    def switch_off(self):
        call(self.loop, self.server.stop())

    def switch_on(self):
        self.server = PlantServer(self.plant, self.clock, "127.0.0.1", self.port)
        call(self.loop, self.server.start())

    def blocks(self):
        """Every block the node would have, by meter, read from the spool."""
        config = load_config(self.config)
        spool = Spool(config.spool, config.gateway, config.origin, limit_bytes=2**30, limit_frames=10**6)
        spool.rewind(0, 0)
        found: dict[str, list] = {}
        for item in spool.waiting(10**6, 2**40):
            for submission in read_submissions(item.data):
                for header, body in submission.blocks:
                    block = decode_block(header, body)[1]
                    found.setdefault(block.meter, []).append(block)
        spool.close()
        return found


@pytest.fixture
def world(tmp_path):
    with background_loop() as loop, running_node(KeySigner.from_seed(SEED)) as node:
        world = World(tmp_path, loop, node)
        yield world
        world.switch_off()


def test_an_hour_passes_as_fast_as_the_meters_answer_and_every_value_is_the_meters_own(world):
    progress = run(world.config, until=START + HOUR)
    assert (progress.polls, progress.readings, progress.missed) == (60, 60 * 4 * 2, 0)
    assert (progress.frames_signed, progress.frames_shipped, progress.waiting) == (4, 4, 0)
    assert [frame.seq for frame in world.node.frames] == [0, 1, 2, 3]
    assert world.clock.now() == START + HOUR
    for meter, blocks in world.blocks().items():
        times = [int(instant) for block in blocks for instant in block.times]
        assert times == list(range(START, START + HOUR, 60_000))
        energy = [int(value) for block in blocks for value in block.columns[0].values]
        shown = [world.plant.meter(meter).values(instant) for instant in times]
        assert energy == [values.export_wh if values.import_wh is None else values.import_wh for values in shown]
        assert [int(value) for block in blocks for value in block.columns[1].values] == [v.power_w for v in shown]


def test_a_restart_continues_the_chain_and_polls_no_instant_twice(world):
    run(world.config, until=START + 10 * 60_000)
    run(world.config, until=START + 20 * 60_000)
    frames = world.node.frames
    assert [frame.seq for frame in frames] == list(range(len(frames)))
    assert all(one.t_last < two.t_first for one, two in pairwise(frames))
    times = [int(instant) for block in world.blocks()["m:lanhe-main"] for instant in block.times]
    assert times == list(range(START, START + 20 * 60_000, 60_000))


def test_one_frame_is_enough_when_asked_for_once(world):
    progress = run(world.config, once=True)
    assert (progress.frames_signed, progress.frames_shipped) == (1, 1)
    assert world.node.frames[0].reading_count == 15 * 4


def test_meters_that_are_away_leave_gaps_and_their_registers_go_on_when_they_are_back(world):
    def watch(progress):
        if progress.polls == 10:
            world.switch_off()
        if progress.polls == 20:
            world.switch_on()

    seen = []
    progress = run(world.config, until=START + HOUR // 2,
                   watcher=lambda p: (seen.append(p.polls), watch(p)) if p.polls not in seen else None)
    assert progress.missed == 10 * 4
    assert [frame.gap_count for frame in world.node.frames] == [4, 4]
    for blocks in world.blocks().values():
        assert [len(block.times) for block in blocks] == [10, 10]
        assert [(block.gap.t_from - START) // 60_000 for block in blocks] == [10, 15]
        assert [(block.gap.t_to - START) // 60_000 for block in blocks] == [14, 19]


def test_a_meter_that_answers_nothing_is_silent_and_the_others_are_not_held_up(world):
    text = world.config.read_text().replace("device_id = 3\n", "device_id = 77\n")
    world.config.write_text(text)
    run(world.config, until=START + 15 * 60_000)
    assert (world.node.frames[0].reading_count, world.node.frames[0].gap_count) == (45, 1)
    (block,) = world.blocks()["m:lanhe-pv"]
    assert len(block.times) == 0


def test_without_the_node_frames_wait_and_the_next_run_ships_them(world):
    world.node.stop()
    progress = run(world.config, until=START + HOUR, drain_s=0.1)
    assert (progress.frames_signed, progress.frames_shipped, progress.waiting) == (4, 0, 4)
    assert progress.error.code == "node-unreachable"
    world.node.start()
    run(world.config, until=START + HOUR, drain_s=10)
    assert [frame.seq for frame in world.node.frames] == [0, 1, 2, 3]


def test_a_full_spool_holds_the_plant_back_until_the_node_takes_frames(world):
    world.configure(limit_frames=2)
    world.node.script = [lambda _body: (503, b"")] * 2
    codes = set()
    progress = run(world.config, until=START + 2 * HOUR, drain_s=10,
                   watcher=lambda p: codes.add(p.error.code if p.error else None))
    assert "spool-full" in codes
    assert (progress.frames_signed, progress.waiting) == (8, 0)
    assert [frame.seq for frame in world.node.frames] == list(range(8))


def test_frames_point_at_a_block_the_node_has_seen(world):
    world.node.beacon = {"chain_id": "31337", "number": "3", "hash": "cd" * 32}
    run(world.config, once=True)
    assert world.node.frames[0].beacon == (31337, 3, b"\xcd" * 32)


def test_history_joins_real_time_and_goes_on_second_by_second(world):
    now = SystemClock().now()
    world.plant = Plant(aligned_end(now))
    world.switch_off()
    world.switch_on()
    world.clock.start(now - 5 * 60_000)
    progress = run(world.config, until=now + 5_000, drain_s=10)
    assert not world.clock.simulated
    assert progress.polls >= 5 + 3
    frames = world.node.frames
    assert all(one.t_last < two.t_first for one, two in pairwise(frames))
    steps = {int(b - a) for block in world.blocks()["m:lanhe-main"] for a, b in pairwise(block.times)}
    assert 60_000 in steps
    assert min(steps) <= 1_100


def test_a_gateway_is_stopped_between_polls_and_signs_what_it_has(world):
    now = SystemClock().now()
    world.plant = Plant(aligned_end(now))
    world.switch_off()
    world.switch_on()
    world.clock.path.unlink()
    started = time.monotonic()
    stopped = threading.Event()

    def stop_soon(progress):
        if progress.polls == 2 and not stopped.is_set():
            stopped.set()
            os.kill(os.getpid(), signal.SIGTERM)

    progress = run(world.config, watcher=stop_soon)
    assert time.monotonic() - started < 8
    assert progress.polls in (2, 3)
    assert sum(frame.reading_count for frame in world.node.frames) == progress.polls * 4


def test_who_stops_a_gateway_does_not_wait_for_a_node_that_is_away(world):
    world.node.stop()
    started = time.monotonic()

    def stop_at_the_first_frame(progress):
        if progress.frames_signed == 1 and progress.waiting == 1:
            os.kill(os.getpid(), signal.SIGTERM)

    progress = run(world.config, watcher=stop_at_the_first_frame, drain_s=60)
    assert progress.waiting >= 1
    assert time.monotonic() - started < 8


def test_check_reads_every_point_once_and_names_the_device(world):
    rows = check(world.config)
    assert [(row.meter, row.quantity) for row in rows][:2] == [("m:lanhe-main", "energy-import"),
                                                              ("m:lanhe-main", "power")]
    assert rows[0].value == str(world.plant.meter("m:lanhe-main").values(START).import_wh)
    assert all("simulated" in row.device for row in rows)
    assert not any(row.error for row in rows)


def test_check_shows_the_error_of_each_point_of_a_meter_that_fails(world):
    world.config.write_text(world.config.read_text().replace("device_id = 2\n", "device_id = 78\n"))
    rows = check(world.config)
    failed = {row.meter for row in rows if row.error}
    assert failed == {"m:lanhe-furnace"}
    assert all(row.value is None for row in rows if row.error)
    world.switch_off()
    assert all(row.error.code == "source-unreachable" for row in check(world.config))
    world.switch_on()


def test_a_gateway_without_its_key_says_so(world):
    (world.folder / "gateway.pem").unlink()
    with pytest.raises(InputError, match="key-file-missing"):
        run(world.config)


def test_a_new_epoch_is_begun_by_the_configuration(world):
    run(world.config, once=True)
    world.config.write_text(world.config.read_text().replace("key = ", 'epoch = 1\nepoch_reason = "firmware"\nkey = '))
    run(world.config, once=True)
    assert [(frame.epoch, frame.seq) for frame in world.node.frames] == [(0, 0), (1, 0)]
    assert world.node.frames[1].prev.reason == "firmware"


def test_a_lost_spool_must_be_declared_or_the_key_would_sign_the_same_places_twice(world):
    run(world.config, once=True)
    for path in world.folder.glob("spool.sqlite*"):
        path.unlink()
    with pytest.raises(Refused, match="spool-lost") as caught:
        run(world.config, once=True)
    assert "epoch = 1" in caught.value.hint
    assert len(world.node.frames) == 1
    declared = 'epoch = 1\nepoch_reason = "lost-spool"\nkey = '
    world.config.write_text(world.config.read_text().replace("key = ", declared))
    run(world.config, once=True)
    assert [(frame.epoch, frame.seq) for frame in world.node.frames] == [(0, 0), (1, 0)]
    assert world.node.frames[1].prev == (None, "lost-spool")


def test_the_chain_of_a_run_checks_link_by_link(world):
    bodies = []
    world.node.script = [lambda body: bodies.append(body)] * 100
    run(world.config, until=START + HOUR)
    last = None
    for body in bodies:
        for submission in read_submissions(body):
            envelope = open_envelope(submission.envelope)
            frame = decode_frame(envelope.payload)
            check_successor(last, frame)
            last = link_of(frame, envelope.payload)
    assert last.seq == 3


@pytest.mark.slow
def test_no_minute_of_a_week_of_four_meters_is_missed(world):
    process = subprocess.Popen(
        [sys.executable, "-m", "simulator", "--dir", str(world.folder / "plant"), "--clock", str(world.clock.path)],
        stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
    try:
        assert process.stdout is not None
        world.port = json.loads(process.stdout.readline())["port"]
        progress = run(world.configure(), until=START + 7 * 24 * HOUR)
    finally:
        process.terminate()
        process.wait(10)
    assert (progress.polls, progress.missed, progress.frames_shipped) == (10_080, 0, 672)


def test_a_disk_that_takes_nothing_is_an_error_of_ours(world, tmp_path):
    config = load_config(world.config)
    (tmp_path / "spool.sqlite").mkdir()
    with pytest.raises(Unavailable, match="spool-damaged"):
        Spool(config.spool, config.gateway, config.origin, limit_bytes=1, limit_frames=1)
