"""The demonstration under bad conditions: killed and begun again, twice at once, no port, no network, no terminal."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cli.demo import command
from cli.demo.forgeries import FORGERIES, Forgery, forge, verdict
from core.errors import Refused
from verify.bundle import read_container
from verify.trust import load_trust

pytestmark = [pytest.mark.chain, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]


def demo(folder: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "cli", "demo", "--dir", str(folder), "--once", "--days", "2", *options]


def processes_of(folder: Path) -> list[str]:
    """Command lines of all processes that name a folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in line and int(entry.parent.name) != os.getpid():
            found.append(line)
    return found


def wait_until_gone(folder: Path) -> None:
    deadline = time.monotonic() + 60
    while processes_of(folder) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert processes_of(folder) == []


def test_a_folder_that_is_still_served_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "ENDING_SECONDS", 0.3)
    (tmp_path / "demo.json").write_text("{}")
    with (tmp_path / "lock").open("wb") as held:
        held.write(b"4242\n")
        held.flush()
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(Refused) as caught:
            command.prepare(tmp_path)
    assert caught.value.code == "demo-running"
    assert "4242" in caught.value.message
    command.prepare(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["demo.json"]


def test_an_orphaned_chain_of_an_earlier_demonstration_is_ended(tmp_path: Path) -> None:
    state = tmp_path / "chain" / "anvil.json"
    state.parent.mkdir()
    (tmp_path / "demo.json").write_text("{}")
    orphan = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", "--state", str(state)])
    while str(state).encode() not in Path(f"/proc/{orphan.pid}/cmdline").read_bytes():
        time.sleep(0.01)
    (state.parent / "anvil.pid").write_text(str(orphan.pid))
    command.prepare(tmp_path)
    assert orphan.wait(10) == -signal.SIGTERM


def test_a_file_or_a_link_in_the_folders_place_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "demo.json").write_text("{}")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    for name in ("file", "link"):
        done = subprocess.run(demo(tmp_path / name, "--json"), capture_output=True, text=True, cwd=ROOT, timeout=120)
        assert done.returncode == 2
        assert json.loads(done.stdout)["error"]["code"] == "file-unusable"
        assert "Traceback" not in done.stderr
    assert (tmp_path / "file").read_text() == "mine"
    assert (tmp_path / "real" / "demo.json").exists()


@pytest.mark.slow
def test_a_port_in_use_is_told_and_nothing_is_left_running(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = subprocess.run(demo(tmp_path / "demo", "--json", "--port", str(taken.getsockname()[1])),
                              capture_output=True, text=True, cwd=ROOT, timeout=300)
    assert done.returncode == 3
    assert json.loads(done.stdout)["error"]["code"] == "node-start-failed"
    assert "port-taken" in json.loads(done.stdout)["error"]["message"] or "--port" in done.stdout
    wait_until_gone(tmp_path)


@pytest.mark.slow
def test_killed_in_the_middle_it_leaves_nothing_behind_and_begins_again(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    running = subprocess.Popen(demo(folder), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, cwd=ROOT)
    deadline = time.monotonic() + 120
    while not (folder / "participants" / "gateway" / "spool.sqlite").exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    time.sleep(3)
    running.kill()
    running.wait()
    again = subprocess.run(demo(folder, "--json"), capture_output=True, text=True, cwd=ROOT, timeout=600)
    assert again.returncode == 0, again.stderr[-2000:]
    assert len(json.loads(again.stdout)["tampered"]) == 6
    wait_until_gone(folder)
    checked = subprocess.run([sys.executable, "-m", "cli", "fsck", "--dir", str(folder), "--json"],
                             capture_output=True, text=True, cwd=ROOT, timeout=200)
    assert json.loads(checked.stdout) == {"clean": True, "findings": []}
    check_forgeries(folder)


def check_forgeries(folder: Path) -> None:
    """Written again unchanged a file is valid; each forgery changes one thing, and its step is the first to say no."""
    trust = load_trust(folder / "trust.json")
    original = (folder / "evidence" / "emission.full.cseal").read_bytes()
    report, step, code = verdict(forge(original, Forgery("", "nothing", 0, lambda members: None)), trust)
    assert report is not None
    assert (report.valid, step, code) == (True, 0, "")
    for forgery in FORGERIES:
        forged = forge(original, forgery)
        before, after = read_container(original), read_container(forged)
        changed = {name for name in {*before, *after} - {"bundle.json"} if before.get(name) != after.get(name)}
        assert len({name for name in changed if not name.startswith("proofs/")} or changed) == 1, changed
        report, step, code = verdict(forged, trust)
        assert report is not None
        assert (report.valid, step) == (False, forgery.step), (forgery.en, step, code)
        assert {str(item.code) for item in report.failed()[1:]} <= {"earlier-step-failed"}


@pytest.mark.slow
def test_without_network_terminal_temporary_folder_or_language_it_comes_to_its_end(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    environment = {name: value for name, value in os.environ.items() if name not in ("TMPDIR", "TERM", "LANG")}
    environment |= {"LC_ALL": "C", "COLUMNS": "20", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    offline = ["unshare", "--net", "sh", "-c", 'ip link set lo up; exec "$@"', "sh"]
    alone = subprocess.run([*offline, "true"], capture_output=True).returncode == 0
    shell = ["sh", "-c", 'exec "$@" <&-', "sh", *(offline if alone else ()), *demo(folder)]
    done = subprocess.run(shell, capture_output=True, cwd=ROOT, timeout=600, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    assert b"Traceback" not in done.stderr
    assert json.loads((folder / "demo.json").read_text(encoding="utf-8"))["certificates"]
    wait_until_gone(folder)
