"""One figure of a benchmark, as `make bench` prints it."""

from __future__ import annotations

import os
import platform
from functools import lru_cache
from pathlib import Path
from typing import TypedDict


class Figure(TypedDict):
    """{name, value, unit, n, machine, floor, ratio}; floor and ratio are null where no floor was measured."""

    name: str
    value: float
    unit: str
    n: int
    machine: str
    floor: float | None
    ratio: float | None


@lru_cache(maxsize=1)
def machine() -> str:
    """Processor, cores and Python of this run."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = names[0].split(":", 1)[1].strip() if names else model
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}"


def figure(name: str, value: float, unit: str, n: int, floor: float | None = None) -> Figure:
    """A figure with n repetitions; `floor` is a bare loop measured in the same run, ratio = value / floor."""
    return {
        "name": name, "value": round(value, 4), "unit": unit, "n": n, "machine": machine(),
        "floor": None if floor is None else round(floor, 4),
        "ratio": None if not floor else round(value / floor, 3),
    }
