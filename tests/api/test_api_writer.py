"""The writer thread: one commit for many requests, every sender answered, what waits bounded."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from api import writer as writer_module
from api.errors import Busy
from api.metrics import Metrics
from api.writer import FrameAnswer, FrameWriter
from core.errors import CarbonSealError, FormError, Refused, Unavailable


class Gate:
    """A commit that waits until it is let through; keeps the groups it was given."""

    def __init__(self) -> None:
        self.groups: list[list[bytes]] = []
        self.entered, self.open = threading.Event(), threading.Event()
        self.error: Exception | None = None

    def __call__(self, bodies: Sequence[bytes]) -> list[list[FrameAnswer] | CarbonSealError]:
        self.groups.append(list(bodies))
        self.entered.set()
        assert self.open.wait(10)
        if self.error is not None:
            raise self.error
        return [FormError("body-bad", "bad") if body == b"bad"
                else [FrameAnswer("accepted", len(body), values=len(body))] for body in bodies]


@pytest.fixture
def gate() -> Gate:
    return Gate()


def started(gate: Gate, limit: int = 1000) -> FrameWriter:
    made = FrameWriter(gate, limit, Metrics())
    made.start()
    return made


def test_what_gathers_during_a_commit_is_committed_together(gate: Gate) -> None:
    writer = started(gate)
    first = writer.submit(b"a")
    assert gate.entered.wait(10)
    others = [writer.submit(body) for body in (b"bb", b"ccc")]
    gate.open.set()
    assert [answer.result(10)[0].index for answer in (first, *others)] == [1, 2, 3]
    writer.stop()
    assert gate.groups == [[b"a"], [b"bb", b"ccc"]]


def test_nobody_is_answered_before_the_commit(gate: Gate) -> None:
    writer = started(gate)
    answer = writer.submit(b"a")
    assert gate.entered.wait(10)
    assert not answer.done()
    gate.open.set()
    assert answer.result(10)[0].outcome == "accepted"
    writer.stop()


def test_a_bad_body_is_answered_alone(gate: Gate) -> None:
    writer = started(gate)
    writer.submit(b"a")
    assert gate.entered.wait(10)
    bad, good = writer.submit(b"bad"), writer.submit(b"good")
    gate.open.set()
    with pytest.raises(FormError):
        bad.result(10)
    assert good.result(10)[0].index == 4
    writer.stop()


@pytest.mark.parametrize("error", [Unavailable("database-unavailable", "full"), Refused("writer-superseded", "old"),
                                   ZeroDivisionError()])
def test_a_failed_commit_fails_each_of_its_senders_and_the_next_goes_on(gate: Gate, error: Exception) -> None:
    writer = started(gate)
    gate.error = error
    gate.open.set()
    with pytest.raises(type(error)):
        writer.submit(b"a").result(10)
    gate.error = None
    assert writer.submit(b"b").result(10)[0].outcome == "accepted"
    writer.stop()


def test_what_waits_is_bounded_in_bytes(gate: Gate) -> None:
    writer = started(gate, limit=10)
    writer.submit(b"x" * 10)
    assert gate.entered.wait(10)
    kept = writer.submit(b"a" * 5)
    with pytest.raises(Busy) as caught:
        writer.submit(b"b" * 6)
    assert caught.value.code == "writer-busy"
    gate.open.set()
    kept.result(10)
    assert writer.submit(b"b" * 6).result(10)
    writer.stop()


def test_a_single_body_above_the_bound_is_still_taken_when_nothing_waits(gate: Gate) -> None:
    gate.open.set()
    writer = started(gate, limit=1)
    assert writer.submit(b"x" * 50).result(10)[0].index == 50
    writer.stop()


def test_a_group_has_an_upper_size(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "MAX_GROUP_BYTES", 4)
    writer = started(gate)
    answers = [writer.submit(b"a")]
    assert gate.entered.wait(10)
    answers += [writer.submit(body) for body in (b"bb", b"cc", b"dd", b"eeeee")]
    gate.open.set()
    for answer in answers:
        answer.result(10)
    writer.stop()
    assert gate.groups == [[b"a"], [b"bb", b"cc"], [b"dd"], [b"eeeee"]]


def test_stopping_writes_what_waits_and_refuses_more(gate: Gate) -> None:
    writer = started(gate)
    first = writer.submit(b"a")
    assert gate.entered.wait(10)
    second = writer.submit(b"bb")
    stopping = threading.Thread(target=writer.stop)
    stopping.start()
    gate.open.set()
    stopping.join(10)
    assert (first.result(1)[0].index, second.result(1)[0].index) == (1, 2)
    with pytest.raises(Unavailable) as caught:
        writer.submit(b"c")
    assert caught.value.code == "writer-stopped"


def test_who_hung_up_while_waiting_is_not_written(gate: Gate) -> None:
    writer = started(gate)
    writer.submit(b"a")
    assert gate.entered.wait(10)
    gone, stays = writer.submit(b"gone"), writer.submit(b"stays")
    assert gone.cancel()
    gate.open.set()
    stays.result(10)
    writer.stop()
    assert gate.groups == [[b"a"], [b"stays"]]


def test_stopping_a_writer_that_never_started_is_no_error(gate: Gate) -> None:
    writer = FrameWriter(gate, 10, Metrics())
    writer.stop()
    with pytest.raises(Unavailable, match="writer-stopped"):
        writer.submit(b"a")
    assert gate.groups == []


def test_outcomes_are_counted(gate: Gate) -> None:
    metrics = Metrics()
    gate.open.set()
    writer = FrameWriter(gate, 100, metrics)
    writer.start()
    writer.submit(b"four").result(10)
    writer.stop()
    text = metrics.render().decode()
    assert 'carbonseal_frames_total{outcome="accepted"} 1.0' in text
    assert "carbonseal_values_total 4.0" in text
    assert "carbonseal_waiting_bytes 0.0" in text


def test_an_outcome_as_json() -> None:
    refused = FrameAnswer("refused", None, Refused("frame-sequence", "late", expected_epoch="0", expected_seq="7"))
    assert refused.as_json() == {"outcome": "refused", "index": None, "error": {
        "code": "frame-sequence", "message": "late", "where": "", "hint": "", "expected_epoch": "0",
        "expected_seq": "7"}}
    assert FrameAnswer("accepted", 2**63 - 1).as_json()["index"] == str(2**63 - 1)
