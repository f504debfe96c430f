"""Background loops and the chain's keeper: what they do by themselves, and how they fail without falling."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from api_world import HOUR, START, World, founding

from api import entries, pipeline
from api.chain import AccountLock, load_addresses
from api.deployment import Deployment, create, writing
from api.loop import Loop
from api.metrics import Metrics
from api.sealer import Sealer, manifest_due
from attestation.envelope import MANIFEST
from core.clock import FixedClock
from core.database import reading
from core.errors import FormError, InputError, Refused, Unavailable
from ledger import log

DAY = 86_400_000


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A deployment without a chain, writing."""
    made = World(create(tmp_path / "node", founding(settings={"seal_interval_ms": 3_600_000, "seal_entries": 8}),
                        clock=FixedClock(START + 26 * HOUR), chain=False))
    made.trust_nobody()
    with writing(made.deployment):
        yield made
    made.deployment.close()


def sealed(world: World) -> int:
    with reading(world.deployment.engine) as connection:
        return log.sealed_size(connection)


def until(condition: threading.Event) -> None:
    assert condition.wait(10)


# loops

def test_a_loop_that_fails_waits_longer_and_goes_on() -> None:
    calls: list[float] = []
    enough = threading.Event()
    metrics = Metrics()

    def work() -> None:
        calls.append(time.monotonic())
        if len(calls) == 4:
            enough.set()
        if len(calls) < 4:
            raise Unavailable("chain-unavailable", "away") if len(calls) % 2 else ZeroDivisionError()

    loop = Loop("test", work, 0.02, metrics)
    loop.start()
    until(enough)
    loop.stop()
    waits = [later - earlier for earlier, later in pairwise(calls[:4])]
    assert waits[0] >= 0.03
    assert waits[2] > waits[0]
    assert 'carbonseal_background_failures_total{task="test"} 3.0' in metrics.render().decode()


def test_a_loop_tells_what_it_found_wrong_until_a_round_passes() -> None:
    """That nobody can be asked any more mends nothing; a round that passes does."""
    wrong, away = Refused("anchor-conflict", "two roots"), Unavailable("chain-unavailable", "away")
    rounds: Iterator[Exception | None] = iter([away, ZeroDivisionError(), away, wrong, away, None])
    told: list[str] = []
    ended = threading.Event()

    def work() -> None:
        told.append(loop.state)
        error = next(rounds, away)
        if len(told) == 7:
            ended.set()
        if error is not None:
            raise error

    loop = Loop("test", work, 0.001, Metrics())
    loop.start()
    until(ended)
    loop.stop()
    assert told[:7] == ["ok", "chain-unavailable", "internal-error", "internal-error", "anchor-conflict",
                        "anchor-conflict", "ok"]


def test_a_loop_wakes_when_told_and_ends_when_told() -> None:
    called = threading.Event()
    loop = Loop("test", called.set, 3600, Metrics())
    loop.start()
    until(called)
    called.clear()
    loop.wake()
    until(called)
    loop.stop()
    Loop("never", called.set, 1, Metrics()).stop()


# sealing

def test_enough_entries_seal_before_the_interval(world: World) -> None:
    woken: list[int] = []
    sealer = Sealer(world.deployment, Metrics(), lambda: woken.append(1))
    for envelope in world.registrations():
        pipeline.register(world.deployment, envelope)
    sealer.round()
    assert (sealed(world), woken) == (0, [])
    world.put(*world.gateway.frames(START, 2))
    sealer.round()
    # Nine: a manifest came with them, since there was none yet.
    assert (sealed(world), woken) == (9, [1])
    sealer.round()
    assert woken == [1]


def test_a_manifest_is_due_once_a_day_when_something_came(world: World) -> None:
    clock = world.clock
    assert isinstance(clock, FixedClock)
    assert not manifest_due(world.deployment, 0)
    for envelope in world.registrations():
        pipeline.register(world.deployment, envelope)
    assert manifest_due(world.deployment, 6)
    pipeline.manifest(world.deployment, 5)
    assert not manifest_due(world.deployment, 7)
    clock.instant += DAY
    assert not manifest_due(world.deployment, 7)
    world.put(world.gateway.frame(START))
    assert manifest_due(world.deployment, 8)
    clock.instant -= 1
    assert not manifest_due(world.deployment, 8)
    with reading(world.deployment.engine) as connection:
        assert entries.newest(connection, MANIFEST).log_index == 6


# the chain

@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    made = create(tmp_path / "node", founding())
    yield made
    made.close()


@pytest.mark.chain
def test_one_link_keeps_the_chain_and_others_join_it(deployment: Deployment) -> None:
    keeper, guest = deployment.chain_link(), deployment.chain_link()
    keeper.start()
    guest.start()
    assert guest.url == keeper.url
    assert (keeper.pid is not None, guest.pid) == (True, None)
    guest.stop()
    assert keeper.state() == guest.state() == "ok"
    keeper.stop()
    assert keeper.state() == "chain-unavailable"
    guest.ensure()
    assert guest.pid is not None
    guest.stop()


@pytest.mark.chain
def test_a_process_joins_the_chain_of_another(deployment: Deployment) -> None:
    link = deployment.chain_link()
    link.start()
    script = ("import sys; from pathlib import Path; from api.deployment import open_deployment; "
              "link = open_deployment(Path(sys.argv[1])).chain_link(); link.start(); print(link.url, link.pid)")
    joined = subprocess.run([sys.executable, "-c", script, str(deployment.directory)], capture_output=True, text=True,
                            check=True, cwd=Path(__file__).parents[2])
    assert joined.stdout.split() == [link.url, "None"]
    assert link.state() == "ok"
    link.stop()


@pytest.mark.chain
def test_contracts_lost_in_the_first_second_are_put_back_where_they_stood(deployment: Deployment) -> None:
    (deployment.directory / "chain" / "anvil.json").unlink()
    link = deployment.chain_link()
    link.start()
    assert link.state() == "ok"
    assert link.chain.rpc.call("eth_getCode", link.addresses.certificates, "latest") != "0x"
    link.stop()


@pytest.mark.chain
def test_a_chain_of_another_deployment_is_refused(deployment: Deployment, tmp_path: Path) -> None:
    other = create(tmp_path / "other", founding())
    (deployment.directory / "chain" / "anvil.json").write_bytes((other.directory / "chain" / "anvil.json").read_bytes())
    addresses = deployment.directory / "chain" / "addresses.json"
    mine, theirs = load_addresses(addresses), load_addresses(other.directory / "chain" / "addresses.json")
    addresses.write_text(addresses.read_text().replace(mine.participants, theirs.anchors))
    link = deployment.chain_link()
    with pytest.raises(Refused) as caught:
        link.start()
    assert caught.value.code == "chain-lost"
    link.stop()
    other.close()


def test_addresses_that_are_missing_or_damaged_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError) as missing:
        load_addresses(tmp_path / "addresses.json")
    assert missing.value.code == "contracts-unknown"
    for content in ("", "{}", "[1]", '{"chain_id": "x"}'):
        (tmp_path / "addresses.json").write_text(content)
        with pytest.raises(FormError):
            load_addresses(tmp_path / "addresses.json")


def test_a_chain_of_others_is_not_started_here(tmp_path: Path) -> None:
    deployment = create(tmp_path / "node", founding(settings={"chain_url": "http://127.0.0.1:9"}), chain=False)
    link = deployment.chain_link()
    link.start()
    assert not link.embedded
    assert link.url == "http://127.0.0.1:9"
    with pytest.raises(Unavailable):
        link.ensure()
    link.stop()


def test_the_account_s_lock_is_one_for_threads_and_links(tmp_path: Path) -> None:
    one, two = AccountLock(tmp_path / "lock"), AccountLock(tmp_path / "lock")
    order: list[str] = []
    holding = threading.Event()

    def other() -> None:
        until(holding)
        with two:
            order.append("second")

    thread = threading.Thread(target=other)
    thread.start()
    with one, one:
        holding.set()
        time.sleep(0.1)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]
