"""The demonstration as a user runs it, second run: everything installed, seven days of the plant."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.figures import Figure, figure

DAYS, QUICK_DAYS = 7, 2


def run(quick: bool) -> Iterator[Figure]:
    """Wall time of `carbonseal demo --once`, and the part of it that is the replay's readings."""
    days = QUICK_DAYS if quick else DAYS
    with tempfile.TemporaryDirectory(prefix="carbonseal-bench-") as folder:
        begun = time.monotonic()
        done = subprocess.run([sys.executable, "-m", "cli", "demo", "--dir", str(Path(folder) / "demo"), "--once",
                               "--days", str(days), "--json"], capture_output=True, check=True)
        seconds = time.monotonic() - begun
    summary = json.loads(done.stdout)
    yield figure(f"demo.once.{days}d", seconds, "s", 1)
    yield figure(f"demo.once.{days}d.readings", summary["readings"], "readings", 1)
