"""Shipping over a real socket: durable answers only, resuming where the node asks, nothing lost, nothing doubled."""

import asyncio
import json
from contextlib import suppress

import pytest
from edge_helpers import GATEWAY, ORIGIN, SEED, running_node
from hypothesis import given
from hypothesis import strategies as st
from spool_helpers import build

from attestation.frame import Beacon
from core.errors import CarbonSealError, FormError
from core.signer import KeySigner
from edge.node import NodeClient, read_answers, read_beacon
from edge.progress import Progress
from edge.ship import MAX_BATCH_FRAMES, Shipper
from edge.spool import Spool

SIGNER = KeySigner.from_seed(SEED)
ACCEPTED = {"outcome": "accepted", "index": "0", "error": None}


def refusal(code, **expected):
    return {"outcome": "refused", "index": None, "error": {
        "code": code, "message": "no", "where": GATEWAY, "hint": "do something", **expected}}


@pytest.fixture
def node():
    with running_node(SIGNER) as running:
        yield running


@pytest.fixture
async def ship(tmp_path, node):
    spool = Spool(tmp_path / "s", GATEWAY, ORIGIN, limit_bytes=2**30, limit_frames=10**6)
    client, progress = NodeClient(node.url), Progress()
    shipper = Shipper(spool, client, progress, first_delay_s=0.01)
    yield shipper, spool, progress
    await client.close()
    spool.close()


def fill(spool, count):
    for _ in range(count):
        spool.sign_next(build(SIGNER, spool.next_place().seq))


def answers(*items):
    return lambda _body: (200, json.dumps({"frames": list(items)}).encode())


async def run_until_empty(shipper, spool, seconds=10):
    task = asyncio.create_task(shipper.run())
    async with asyncio.timeout(seconds):
        while spool.waiting_count():
            await asyncio.sleep(0.005)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_frames_arrive_in_order_and_are_acknowledged(ship, node):
    shipper, spool, progress = ship
    fill(spool, MAX_BATCH_FRAMES + 3)
    assert await shipper.step()
    assert spool.waiting_count() == 3
    assert await shipper.step()
    assert not await shipper.step()
    assert [frame.seq for frame in node.frames] == list(range(MAX_BATCH_FRAMES + 3))
    assert (progress.frames_shipped, progress.waiting, node.posts) == (MAX_BATCH_FRAMES + 3, 0, 2)


async def test_an_answer_that_is_lost_makes_duplicates_and_no_second_entry(ship, node):
    shipper, spool, _ = ship

    def take_and_die(body):
        node.take(body)
        return 0, b""

    node.script = [take_and_die]
    fill(spool, 4)
    assert not await shipper.step()
    assert spool.waiting_count() == 4
    assert await shipper.step()
    assert spool.waiting_count() == 0
    assert len(node.frames) == 4


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_busy_node_is_asked_again_and_nothing_is_acknowledged_meanwhile(ship, node, status):
    shipper, spool, progress = ship
    node.script = [lambda _body: (status, b"{}")] * 3
    fill(spool, 2)
    assert not await shipper.step()
    assert progress.error.code == "node-busy"
    assert spool.waiting_count() == 2
    await run_until_empty(shipper, spool)
    assert len(node.frames) == 2
    assert progress.error is None


async def test_a_node_that_is_away_is_waited_for(ship, node):
    shipper, spool, progress = ship
    node.stop()
    fill(spool, 3)
    assert not await shipper.step()
    assert progress.error.code == "node-unreachable"
    node.start()
    await run_until_empty(shipper, spool)
    assert len(node.frames) == 3


async def test_only_what_stands_before_a_refusal_is_acknowledged(ship, node):
    shipper, spool, progress = ship
    fill(spool, 3)
    node.script = [answers(ACCEPTED, refusal("key-unknown"), refusal("frame-sequence"))]
    assert await shipper.step()
    assert [item.seq for item in spool.waiting(9, 2**20)] == [1, 2]
    assert progress.error.code == "key-unknown"
    assert progress.error.hint == "do something"


async def test_a_refused_frame_is_never_dropped(ship, node):
    shipper, spool, _ = ship
    fill(spool, 1)
    node.script = [answers(refusal("key-unknown"))] * 5
    for _ in range(5):
        assert not await shipper.step()
    assert spool.waiting_count() == 1
    await shipper.step()
    assert len(node.frames) == 1


async def test_a_node_restored_from_a_backup_gets_the_older_frames_again(ship, node):
    shipper, spool, _ = ship
    fill(spool, 6)
    await shipper.step()
    lost = node.frames[2:]
    node.frames = node.frames[:2]
    node.digests = {place: index for place, index in node.digests.items() if index < 2}
    node.last = node.last._replace(seq=1, digest=lost[0].prev)
    fill(spool, 1)
    await run_until_empty(shipper, spool)
    assert [frame.seq for frame in node.frames] == list(range(7))


async def test_a_node_that_expects_what_the_spool_never_held_is_reported_with_the_way_out(ship, node):
    shipper, spool, progress = ship
    fill(spool, 1)
    node.script = [answers(refusal("frame-sequence", expected_epoch="0", expected_seq="500"))]
    assert not await shipper.step()
    assert progress.error.code == "spool-behind"
    assert "lost-spool" in progress.error.hint
    assert spool.waiting_count() == 1


async def test_a_disputed_frame_is_held_by_the_node_and_not_sent_again(ship, node):
    shipper, spool, _ = ship
    fill(spool, 1)
    node.script = [answers({"outcome": "disputed", "index": "9", "error": None})]
    assert await shipper.step()
    assert spool.waiting_count() == 0


async def test_a_batch_that_is_too_large_is_halved_until_the_node_takes_it(ship, node):
    shipper, spool, progress = ship
    fill(spool, 5)
    node.script = [lambda _body: (413, b"")] * 5
    for _ in range(5):
        await shipper.step()
        assert progress.error.code == "node-too-large"
    await shipper.step()
    assert len(node.frames) == MAX_BATCH_FRAMES // 2**5


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"frames":[]}', b'{"frames":[{}]}', b'{"frames":[1]}',
                                  b'{"frames":[{"outcome":"refused"}]}', b"\xff", b'{"frames":[{"outcome":"ok"}]}'])
async def test_an_answer_that_says_nothing_acknowledges_nothing(ship, node, body):
    shipper, spool, progress = ship
    fill(spool, 1)
    node.script = [lambda _body: (200, body)]
    assert not await shipper.step()
    assert spool.waiting_count() == 1
    assert isinstance(progress.error, CarbonSealError)


async def test_another_status_is_reported_and_tried_again(ship, node):
    shipper, spool, progress = ship
    fill(spool, 1)
    node.script = [lambda _body: (403, b"who are you")]
    assert not await shipper.step()
    assert progress.error.code == "node-refused"
    assert await shipper.step()


async def test_the_delay_grows_while_nothing_moves_and_falls_back_at_once(ship, node):
    shipper, spool, _ = ship
    fill(spool, 1)
    node.script = [lambda _body: (503, b"")] * 4
    delays = []
    for _ in range(5):
        await shipper.step()
        delays.append(shipper._delay_s)
    assert delays == [0.02, 0.04, 0.08, 0.16, 0.01]


async def test_the_beacon_is_the_block_the_node_names_or_nothing(node):
    client = NodeClient(node.url)
    assert await client.beacon() is None
    node.beacon = {"chain_id": "31337", "number": "12", "hash": "ab" * 32}
    assert await client.beacon() == Beacon(31337, 12, b"\xab" * 32)
    node.beacon = {"chain_id": "31337", "number": "-1", "hash": "ab" * 32}
    assert await client.beacon() is None
    node.stop()
    assert await client.beacon() is None
    await client.close()


@given(st.binary(max_size=120) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["frames", "beacon", "outcome", "index", "error", "hash", "number", "chain_id", "expected_seq",
                         "expected_epoch", "code"]), inner, max_size=4), max_leaves=12,
).map(lambda value: json.dumps(value).encode()))
def test_no_answer_makes_the_gateway_raise_anything_but_ours(body):
    for read in (lambda: read_answers(body, 1), lambda: read_beacon(body)):
        with suppress(CarbonSealError):
            read()


def test_an_index_that_is_no_number_is_refused():
    for index in ("05", "-1", "1e3"):
        with pytest.raises(FormError):
            read_answers(json.dumps({"frames": [{"outcome": "accepted", "index": index}]}).encode(), 1)
