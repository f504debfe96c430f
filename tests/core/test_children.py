"""Children end in good order: asked first, killed when they do not listen, and with their parent whatever kills it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

from core.children import end, end_with_parent

READY = "print('ready', flush=True); import time; time.sleep(60)"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {READY}"
PARENT = f"""
import subprocess, sys, time
from core.children import end_with_parent
child = subprocess.Popen([sys.executable, "-c", {READY!r}], preexec_fn=end_with_parent, stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(60)
"""


def started(program: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline()
    return process


def is_running(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_child_that_listens_ends_when_asked() -> None:
    process = started(READY)
    end(process, 10)
    assert process.returncode == -signal.SIGTERM


def test_a_child_that_does_not_listen_is_killed_after_the_patience() -> None:
    process, before = started(DEAF), time.monotonic()
    end(process, 0.2)
    assert process.returncode == -signal.SIGKILL
    assert 0.2 <= time.monotonic() - before < 10


def test_no_child_and_one_that_has_ended_are_fine() -> None:
    end(None, 1)
    process = started("print('done', flush=True)")
    assert process.wait(10) == 0
    end(process, 1)
    assert process.returncode == 0


def test_a_child_ends_with_its_parent_even_when_that_is_killed() -> None:
    assert callable(end_with_parent)
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert is_running(child)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait(10)
    deadline = time.monotonic() + 10
    while is_running(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_running(child)
