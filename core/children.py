"""Child processes: ended in good order, and killed only when they do not listen."""

from __future__ import annotations

import subprocess


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
