"""The spool: one durable step for signature and storage, order, back-pressure, and asking again."""

import sqlite3
import tempfile
from pathlib import Path

import pytest
from edge_helpers import GATEWAY, ORIGIN, SEED
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from spool_helpers import build

from attestation.envelope import open_envelope
from attestation.frame import EpochStart, decode_frame, read_submissions
from core.errors import Refused, Unavailable
from core.signer import KeySigner
from edge.spool import RETAINED_FRAMES, Spool

SIGNER = KeySigner.from_seed(SEED)


def opened(path, *, limit_bytes=2**30, limit_frames=10**6, gateway=GATEWAY):
    return Spool(path, gateway, ORIGIN, limit_bytes=limit_bytes, limit_frames=limit_frames)


def frames_of(items):
    return [decode_frame(open_envelope(submission.envelope).payload)
            for item in items for submission in read_submissions(item.data)]


@pytest.fixture
def spool(tmp_path):
    spool = opened(tmp_path / "spool.sqlite")
    yield spool
    spool.close()


def fill(spool, count, start=0):
    for number in range(start, start + count):
        spool.sign_next(build(SIGNER, number))


def test_frames_chain_from_the_first_and_come_out_in_order(spool):
    assert spool.next_place().prev == EpochStart(None, "key")
    fill(spool, 3)
    frames = frames_of(spool.waiting(10, 2**20))
    assert [(frame.epoch, frame.seq) for frame in frames] == [(0, 0), (0, 1), (0, 2)]
    digests = [open_envelope(next(read_submissions(item.data)).envelope).digest for item in spool.waiting(10, 2**20)]
    assert [frame.prev for frame in frames[1:]] == digests[:2]
    assert spool.last_time() == frames[-1].t_last


def test_a_failed_signature_leaves_the_place_as_it_was(spool):
    fill(spool, 1)
    before = spool.next_place()

    def fail(_place):
        raise Unavailable("hsm-away", "no key")

    with pytest.raises(Unavailable, match="hsm-away"):
        spool.sign_next(fail)
    assert spool.next_place() == before
    assert spool.waiting_count() == 1


def test_a_restart_goes_on_where_the_last_frame_stood(tmp_path):
    spool = opened(tmp_path / "s")
    fill(spool, 2)
    place = spool.next_place()
    spool.close()
    again = opened(tmp_path / "s")
    assert again.next_place() == place
    assert again.waiting_count() == 2


def test_a_batch_is_bounded_in_frames_and_bytes_but_never_empty(spool):
    fill(spool, 5)
    size = len(spool.waiting(1, 1)[0].data)
    assert len(spool.waiting(3, 2**20)) == 3
    assert len(spool.waiting(10, 2 * size + size // 2)) == 2
    assert len(spool.waiting(10, 1)) == 1


def test_an_acknowledged_frame_does_not_wait_any_more(spool):
    fill(spool, 3)
    first, second, third = spool.waiting(10, 2**20)
    spool.acknowledge({first.position: "7", second.position: "8"})
    assert spool.waiting(10, 2**20) == [third]


def test_a_full_spool_says_so_and_takes_frames_again_once_some_are_shipped(tmp_path):
    spool = opened(tmp_path / "s", limit_frames=2)
    fill(spool, 2)
    with pytest.raises(Unavailable, match="spool-full"):
        fill(spool, 1)
    assert spool.next_place().seq == 2
    spool.acknowledge({spool.waiting(1, 1)[0].position: "0"})
    fill(spool, 1)
    assert spool.next_place().seq == 3


def test_the_limit_in_bytes_holds_as_well(tmp_path):
    spool = opened(tmp_path / "s", limit_bytes=1)
    fill(spool, 1)
    with pytest.raises(Unavailable, match="spool-full"):
        fill(spool, 1)


def test_the_node_may_ask_again_for_what_it_once_acknowledged(spool):
    fill(spool, 4)
    spool.acknowledge({item.position: "1" for item in spool.waiting(10, 2**20)})
    spool.rewind(0, 2)
    assert [item.seq for item in spool.waiting(10, 2**20)] == [2, 3]


def test_what_the_spool_never_held_cannot_be_asked_for(spool):
    fill(spool, 1)
    for place in ((0, 1), (1, 0)):
        with pytest.raises(Refused, match="spool-behind"):
            spool.rewind(*place)


def test_old_acknowledged_frames_are_let_go_and_waiting_ones_never(spool, tmp_path):
    fill(spool, 2)
    with sqlite3.connect(tmp_path / "spool.sqlite") as db:
        db.execute("UPDATE frames SET position = position + ? WHERE seq = 1", (RETAINED_FRAMES + 10,))
    first, second = spool.waiting(10, 2**20)
    spool.acknowledge({second.position: "1"})
    assert [item.seq for item in spool.waiting(10, 2**20)] == [0]
    spool.acknowledge({first.position: "0"})
    spool.acknowledge({second.position: "1"})
    with pytest.raises(Refused, match="spool-behind"):
        spool.rewind(0, 0)
    spool.rewind(0, 1)


def test_a_new_epoch_closes_the_last_at_its_head(spool):
    fill(spool, 2)
    head = spool.next_place().prev
    spool.begin_epoch(0, "key")
    assert spool.next_place().seq == 2
    spool.begin_epoch(1, "firmware")
    assert spool.next_place().prev == EpochStart(head, "firmware")
    fill(spool, 1)
    assert [(frame.epoch, frame.seq) for frame in frames_of(spool.waiting(10, 2**20))] == [(0, 0), (0, 1), (1, 0)]


def test_after_a_lost_spool_a_new_one_begins_in_the_next_epoch_with_an_open_head(spool):
    spool.begin_epoch(3, "lost-spool")
    assert spool.next_place().prev == EpochStart(None, "lost-spool")
    assert spool.next_place().epoch == 3


def test_an_epoch_that_is_not_the_next_is_refused(spool):
    fill(spool, 1)
    for epoch in (2, 7):
        with pytest.raises(Refused, match="spool-epoch"):
            spool.begin_epoch(epoch, "key")
    spool.begin_epoch(1, "key")
    with pytest.raises(Refused, match="spool-epoch"):
        spool.begin_epoch(0, "key")


def test_the_spool_of_another_gateway_is_refused(tmp_path):
    opened(tmp_path / "s").close()
    with pytest.raises(Refused, match="spool-foreign"):
        opened(tmp_path / "s", gateway="gw:other")


def test_a_file_that_is_no_spool_or_whose_head_was_changed_is_refused(tmp_path):
    (tmp_path / "noise").write_bytes(b"no database" * 1000)
    with pytest.raises(Unavailable, match="spool-damaged"):
        opened(tmp_path / "noise")
    spool = opened(tmp_path / "s")
    fill(spool, 2)
    spool.close()
    for change in ("UPDATE chain SET prev = zeroblob(32)", "UPDATE frames SET submission = x'00' WHERE seq = 1",
                   "DELETE FROM frames WHERE seq = 1"):
        with sqlite3.connect(tmp_path / "s") as db:
            saved = db.execute("SELECT submission FROM frames WHERE seq = 1").fetchone(), db.execute(
                "SELECT prev FROM chain").fetchone()
            db.execute(change)
        with pytest.raises(Unavailable, match="spool-damaged"):
            opened(tmp_path / "s")
        with sqlite3.connect(tmp_path / "s") as db:
            db.execute("INSERT OR REPLACE INTO frames VALUES (2, 0, 1, ?, NULL)", saved[0])
            db.execute("UPDATE chain SET prev = ?", saved[1])
        opened(tmp_path / "s").close()


class SpoolMachine(RuleBasedStateMachine):
    """Any order of signing, acknowledging, asking again and restarting keeps one chain without a hole."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "s"
        self.spool = opened(self.path)
        self.signed: dict[tuple[int, int], bytes] = {}

    @rule()
    def sign(self):
        place = self.spool.sign_next(build(SIGNER, len(self.signed)))
        assert (place.epoch, place.seq) not in self.signed
        self.signed[place.epoch, place.seq] = self.spool.waiting(10**6, 2**40)[-1].data

    @rule(count=st.integers(1, 3))
    def acknowledge(self, count):
        self.spool.acknowledge({item.position: "0" for item in self.spool.waiting(count, 2**30)})

    @precondition(lambda self: self.signed)
    @rule(data=st.data())
    def ask_again(self, data):
        place = data.draw(st.sampled_from(sorted(self.signed)))
        self.spool.rewind(*place)
        assert [(item.epoch, item.seq) for item in self.spool.waiting(1, 1)] <= [place]

    @rule()
    def restart(self):
        self.spool.close()
        self.spool = opened(self.path)

    @rule()
    def new_epoch(self):
        place = self.spool.next_place()
        if place.seq:
            self.spool.begin_epoch(place.epoch + 1, "reset")

    @invariant()
    def waiting_frames_are_those_that_were_signed_in_order(self):
        items = self.spool.waiting(10**6, 2**40)
        assert [item.position for item in items] == sorted(item.position for item in items)
        assert all(self.signed[item.epoch, item.seq] == item.data for item in items)

    def teardown(self):
        self.spool.close()
        self.folder.cleanup()


SpoolMachine.TestCase.settings = settings(max_examples=15, stateful_step_count=15, deadline=None)
TestSpoolMachine = SpoolMachine.TestCase
