"""Child processes: ended in good order, and killed only when they do not listen."""

from __future__ import annotations

import ctypes
import signal
import subprocess

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def end_with_parent() -> None:
    """For a child before its program begins: on Linux it is told to end when its parent dies, even of SIGKILL.

    Only for children that the main thread starts: the system takes the end of the starting thread for the parent's.
    """
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def end(process: subprocess.Popen[bytes] | None, patience_seconds: float) -> None:
    """Ask a child to end, wait, then kill it. None and a child that has ended already are fine."""
    if process is None or process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(patience_seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
