"""The node is killed at every step between accept and issue, its chain with it; run again, it ends with one of each."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from api_world import HOUR, START, World, body

from api import fsck
from api.deployment import writing
from attestation.envelope import open_envelope
from certificates import outbox
from core.database import reading
from ledger import log

SCRIPT = Path(__file__).parent / "kill_script.py"
# The moments of a whole run: two for each of two bodies, claim, calculate, manifest, review, seal, anchor, issue.
MOMENTS = ["append:before", "append:after", "append:before", "append:after", "claim:before", "claim:after",
           "calculate:before", "calculate:after", "manifest:before", "manifest:after", "review:before", "review:after",
           "seal:before", "seal:after", "anchor:before", "anchor:after", "issue:before", "issue:after"]
EXPECTED = {"frame": 26, "device": 1, "meter": 3, "participant": 3, "rules": 1, "claim": 1, "statement": 1,
            "manifest": 1, "opinion": 1}

pytestmark = [pytest.mark.chain, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A deployment where everything is registered, with the frames and the claim that are about to arrive."""
    folder = tmp_path_factory.mktemp("kills")
    world = World.made(folder / "node")
    with writing(world.deployment):
        world.prepare()
        (folder / "claim.json").write_bytes(world.claim())
        frames = world.gateway.frames(START + HOUR, 24)
        (folder / "body-1.cbor").write_bytes(body(*frames[:12]))
        (folder / "body-2.cbor").write_bytes(body(*frames[12:]))
    world.close()
    return folder


def run(directory: Path, kill_at: int) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(SCRIPT.parent), str(SCRIPT.parents[2])])}
    return subprocess.run([sys.executable, str(SCRIPT), str(directory / "node"), str(kill_at)], capture_output=True,
                          text=True, timeout=240, env=environment)


def finish(directory: Path) -> dict[str, Any]:
    done = run(directory, 0)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    assert isinstance(answer, dict)
    return answer


def check_one_of_everything(directory: Path, answer: dict[str, Any]) -> None:
    assert answer["state"] == "done"
    world = World.opened(directory / "node")
    try:
        world.link.start()
        with reading(world.deployment.engine) as connection:
            kinds = Counter(open_envelope(entry).content_type.removeprefix("application/carbonseal-").partition("+")[0]
                            for _, entry in log.entries(connection, 0, log.size(connection)))
            assert kinds == EXPECTED
            assert [item.state for item in outbox.intents(connection) if item.operation.kind == "issue"] == ["done"]
        issued = [event for event in world.link.certificates.events() if event.name == "CertificateIssued"]
        assert [event.values["payloadDigest"].hex() for event in issued] == [answer["statement"]]
        assert fsck.check(world.deployment, world.link) == []
    finally:
        world.close()


def kill_and_finish(prepared: Path, tmp_path: Path, kill_at: int) -> None:
    shutil.copytree(prepared, tmp_path / "copy")
    killed = run(tmp_path / "copy", kill_at)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    check_one_of_everything(tmp_path / "copy", finish(tmp_path / "copy"))


def test_a_run_without_a_kill_passes_the_named_moments(prepared: Path, tmp_path: Path) -> None:
    shutil.copytree(prepared, tmp_path / "copy")
    answer = finish(tmp_path / "copy")
    assert answer["moments"] == MOMENTS
    check_one_of_everything(tmp_path / "copy", answer)
    check_one_of_everything(tmp_path / "copy", finish(tmp_path / "copy"))


@pytest.mark.parametrize("moment", ["append:after", "calculate:after", "anchor:after"])
def test_killed_at_a_step_it_finishes_with_exactly_one_of_everything(prepared: Path, tmp_path: Path,
                                                                     moment: str) -> None:
    kill_and_finish(prepared, tmp_path, MOMENTS.index(moment) + 1)


@pytest.mark.slow
@pytest.mark.parametrize("kill_at", range(1, len(MOMENTS) + 1))
def test_killed_at_every_step_it_finishes_with_exactly_one_of_everything(prepared: Path, tmp_path: Path,
                                                                         kill_at: int) -> None:
    kill_and_finish(prepared, tmp_path, kill_at)


def test_killed_twice_it_still_finishes(prepared: Path, tmp_path: Path) -> None:
    shutil.copytree(prepared, tmp_path / "copy")
    for kill_at in (8, 12):
        assert run(tmp_path / "copy", kill_at).returncode == -signal.SIGKILL
    check_one_of_everything(tmp_path / "copy", finish(tmp_path / "copy"))
