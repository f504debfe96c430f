"""The embedded chain is killed, truncated, rolled back or deleted around an issue; there is one certificate after."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from api_world import World
from attack_helpers import Prepared, accept_more, enter_everybody

from api import fsck, pipeline
from api.deployment import writing
from api.loop import Loop
from api.metrics import Metrics
from core.errors import Forbidden, InputError, Unavailable
from ledger.anchor.evm import Chain

pytestmark = [pytest.mark.chain, pytest.mark.timeout(240)]

SAVED_S = 1.5  # anvil saves each second


def kill_anvil(world: World) -> None:
    """As a crash does; waits until it is gone."""
    pid = world.link.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    while world.link.pid is not None:
        time.sleep(0.01)


def issued(world: World) -> list[str]:
    """Statements of the certificates that the chain holds."""
    return [event.values["payloadDigest"].hex() for event in world.link.certificates.events()
            if event.name == "CertificateIssued"]


def check_one(world: World, statement: bytes) -> None:
    """One certificate, known to chain and node, however often it is asked for; nothing doubtful is left."""
    assert pipeline.issue(world.deployment, world.link, statement).state == "done"
    assert issued(world) == [statement.hex()]
    assert fsck.check(world.deployment, world.link) == []


@contextmanager
def reopened(folder: Path) -> Iterator[World]:
    """The deployment of a folder as another process finds it; its chain is not started."""
    world = World.opened(folder)
    try:
        with writing(world.deployment):
            yield world
            world.link.stop()
    finally:
        world.close()


def test_a_chain_killed_between_anchor_and_issue_is_started_again_and_issues_once(
        park: World, about_to_issue: Prepared) -> None:
    kill_anvil(park)
    assert pipeline.issue(park.deployment, park.link, about_to_issue.statement).state == "done"
    check_one(park, about_to_issue.statement)


@pytest.mark.parametrize("mined", [False, True], ids=["before the transaction", "after it was mined, unsaved"])
def test_a_chain_killed_during_issue_issues_once(park: World, about_to_issue: Prepared, mined: bool,
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    transact = Chain._transact

    def killed(chain: Chain, function: Any) -> Any:
        if getattr(function, "fn_name", "") != "issue":
            return transact(chain, function)
        answer = transact(chain, function) if mined else None
        kill_anvil(park)
        if answer is None:
            return transact(chain, function)
        raise Unavailable("chain-unavailable", "the answer was lost with the chain")

    with monkeypatch.context() as patch:
        patch.setattr(Chain, "_transact", killed)
        with pytest.raises(Unavailable) as caught:
            pipeline.issue(park.deployment, park.link, about_to_issue.statement)
    assert caught.value.code == "chain-unavailable"
    check_one(park, about_to_issue.statement)


def test_an_older_state_of_the_chain_brings_the_same_certificate_back_by_itself(
        folder: Path, about_to_issue: Prepared) -> None:
    before = (folder / "chain" / "anvil.json").read_bytes()
    with reopened(folder) as world:
        world.link.start()
        assert pipeline.issue(world.deployment, world.link, about_to_issue.statement).state == "done"
        accept_more(world)
    (folder / "chain" / "anvil.json").write_bytes(before)
    with reopened(folder) as world:
        world.link.start()
        assert issued(world) == []
        pipeline.anchor(world.deployment, world.link)
        pipeline.follow_chain(world.deployment, world.link)
        assert pipeline.deliver(world.deployment, world.link) == 1
        check_one(world, about_to_issue.statement)


@pytest.mark.parametrize("damage", [lambda data: b"", lambda data: data[:len(data) // 2], lambda data: data[:-1],
                                    lambda data: b"\0" * len(data)], ids=["empty", "half", "last byte", "zeros"])
def test_a_state_file_cut_off_by_a_crash_is_taken_from_the_copy_before(
        folder: Path, about_to_issue: Prepared, damage: Callable[[bytes], bytes]) -> None:
    state = folder / "chain" / "anvil.json"
    with reopened(folder) as world:
        world.link.start()
        time.sleep(SAVED_S)
        pipeline.anchor(world.deployment, world.link)
        kill_anvil(world)
        state.write_bytes(damage(state.read_bytes()))
        world.link.start()
        check_one(world, about_to_issue.statement)


def test_a_state_file_of_which_nothing_is_left_starts_no_chain_and_loses_nothing(
        folder: Path, about_to_issue: Prepared) -> None:
    for path in (folder / "chain").glob("anvil.*"):
        path.write_bytes(b"{")
    with reopened(folder) as world:
        for _ in range(2):
            with pytest.raises(Unavailable) as caught:
                pipeline.issue(world.deployment, world.link, about_to_issue.statement)
            assert caught.value.code == "chain-start-failed"
        accept_more(world)
        pipeline.seal(world.deployment)
        findings = fsck.check(world.deployment, world.link)
        assert {finding.code for finding in findings} == {"chain-unavailable"}


def test_a_deleted_chain_refuses_until_governors_enter_everybody_again_and_then_gives_the_same_certificate(
        folder: Path, about_to_issue: Prepared) -> None:
    with reopened(folder) as world:
        world.link.start()
        pipeline.issue(world.deployment, world.link, about_to_issue.statement)
    for path in (folder / "chain").glob("anvil.*"):
        path.unlink()
    with reopened(folder) as world:
        world.link.start()
        with pytest.raises(Forbidden) as caught:
            pipeline.anchor(world.deployment, world.link)
        assert caught.value.code == "anchor-forbidden"
        assert "anchor-lost" in {finding.code for finding in fsck.check(world.deployment, world.link)}
        enter_everybody(world)
        pipeline.anchor(world.deployment, world.link)
        pipeline.follow_chain(world.deployment, world.link)
        pipeline.deliver(world.deployment, world.link)
        check_one(world, about_to_issue.statement)


def test_without_the_chain_for_a_whole_seal_everything_is_kept_and_anchored_later(
        park: World, about_to_issue: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    kill_anvil(park)
    with monkeypatch.context() as patch:
        patch.setenv("CARBONSEAL_ANVIL", "/nowhere/anvil")
        for _ in range(2):
            accept_more(park)
            sealed = pipeline.seal(park.deployment)
            assert sealed is not None
            with pytest.raises(InputError) as caught:
                pipeline.anchor(park.deployment, park.link)
            assert caught.value.code == "anvil-missing"
    anchored = pipeline.anchor(park.deployment, park.link)
    assert anchored is not None
    assert (anchored.size, anchored.root) == (sealed.size, sealed.root)
    check_one(park, about_to_issue.statement)


@pytest.mark.parametrize("content", ["abc", "", "-1", "999999999999999999999", "１"])
def test_a_spoilt_pid_file_holds_up_no_start(folder: Path, content: str) -> None:
    (folder / "chain" / "anvil.pid").write_text(content, encoding="utf-8")
    with reopened(folder) as world:
        world.link.start()
        assert world.link.state() == "ok"


def test_a_loop_goes_on_after_more_failures_than_a_number_has_powers(monkeypatch: pytest.MonkeyPatch) -> None:
    rounds, enough = 0, threading.Event()

    def fail() -> None:
        nonlocal rounds
        rounds += 1
        if rounds == 1_100:
            enough.set()
        raise Unavailable("chain-unavailable", "away for a night")

    monkeypatch.setattr("api.loop.LONGEST_BACKOFF_S", 0.0)
    background = Loop("chain", fail, 1e-6, Metrics())
    background.start()
    assert enough.wait(20)
    background.stop()
