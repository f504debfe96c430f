"""A served node killed while enterprises hand in plans: what was acknowledged is there, and once."""

from __future__ import annotations

import random
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from api_helpers import ORIGIN, bearer
from api_world import ACCOUNTS, REGISTRAR_KEY, STEEL, World, participant_fields
from test_attack_additions_plans import PLAN, URL

from api import fsck, pipeline, plans
from api.deployment import Founding, create, open_deployment, writing
from core.database import reading
from mrv.quality.signed_plan import sign_plan

KILLS, PLANS = 3, 30


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        return int(bound.getsockname()[1])


def served(folder: Path, port: int) -> subprocess.Popen[bytes]:
    """`carbonseal serve`, once it answers."""
    process = subprocess.Popen([sys.executable, "-m", "cli", "serve", "--dir", str(folder), "--port", str(port)],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(httpx.HTTPError):
            if httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False).status_code == 200:
                return process
        time.sleep(0.1)
    process.kill()
    raise AssertionError("the node does not answer")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_killed_while_plans_arrive_no_acknowledged_one_is_lost_or_doubled(tmp_path: Path) -> None:
    world = World(create(tmp_path / "node", Founding(
        ORIGIN, {STEEL: ["enterprise"]}, registrars=[REGISTRAR_KEY.public_key]), chain=False))
    world.trust_nobody()
    with writing(world.deployment):
        pipeline.register(world.deployment, world.signed("participant", STEEL, "register", participant_fields(
            STEEL, ["enterprise"], [], ACCOUNTS[STEEL].address, valid_from="2020-01-01T00:00:00.000Z")))
    domain, token = pipeline.domain_of(world.deployment), bearer(world.deployment, STEEL)
    world.close()
    payloads = [sign_plan({**PLAN, "entity": STEEL, "boundary": f"边界 {number}"}, ACCOUNTS[STEEL], ORIGIN, domain)
                for number in range(KILLS * PLANS)]
    acknowledged: dict[str, str] = {}

    def send(port: int, wanted: list[bytes], keys: str) -> None:
        with suppress(httpx.HTTPError), httpx.Client(trust_env=False, timeout=30) as client:
            for number, payload in enumerate(wanted):
                answer = client.post(f"http://127.0.0.1:{port}{URL}", content=payload,
                                     headers={**token, "idempotency-key": f"{keys}{number}"})
                assert answer.status_code == 201, answer.text
                acknowledged[answer.json()["id"]] = answer.json()["index"]

    for kill in range(KILLS):
        port, part = free_port(), payloads[kill * PLANS : (kill + 1) * PLANS]
        process = served(tmp_path / "node", port)
        sender = threading.Thread(target=send, args=(port, part, f"{kill}-"))
        sender.start()
        time.sleep(random.Random(kill).uniform(0.2, 1.0))
        process.kill()
        process.wait()
        sender.join()
    process = served(tmp_path / "node", port := free_port())
    for kill in range(KILLS):  # what was not answered is sent again, under the keys it had
        send(port, payloads[kill * PLANS : (kill + 1) * PLANS], f"{kill}-")
    process.terminate()  # the last one may end its chain, which a kill leaves running
    process.wait(60)
    deployment = open_deployment(tmp_path / "node")
    with reading(deployment.engine) as connection:
        stored = {plan.digest.hex(): str(plan.log_index) for plan in plans.stored(connection)}
    assert len(stored) == len(payloads)
    assert acknowledged == stored
    assert fsck.check(deployment, None) == []
    deployment.close()
