"""`python -m simulator`: the plant as a process of its own.

    python -m simulator --dir DIR [--clock FILE] [--host 127.0.0.1] [--port 0]

The folder keeps `plant.json` with the end of the sample's year, fixed at the first start, so that a restart continues
the same registers. When it listens it prints one line of JSON on stdout: {"host","port","sample_end","meters",…}.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core import jcs
from core.clock import Clock, SharedClock, SystemClock
from core.errors import CarbonSealError, FormError
from core.period import instant_text, parse_instant
from simulator.plant import Plant
from simulator.sample import aligned_end, check_end
from simulator.server import PlantServer

STATE_FILE = "plant.json"
SCHEMA = "carbonseal-simulated-plant/1"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT; the exit code of the error otherwise."""
    options = _parser().parse_args(arguments)
    clock = SharedClock(options.clock) if options.clock else SystemClock()
    try:
        asyncio.run(serve(open_plant(options.dir, clock), clock, options.host, options.port))
    except CarbonSealError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def open_plant(directory: Path, clock: Clock) -> Plant:
    """The plant of a folder; a new folder gets a plant whose sample's year ends in the present week."""
    return Plant(sample_end(directory, clock))


def sample_end(directory: Path, clock: Clock) -> int:
    """The end of the sample's year (ms UTC) that the folder keeps. Raises FormError (plant-file)."""
    path = directory / STATE_FILE
    if not path.exists():
        directory.mkdir(parents=True, exist_ok=True)
        state = {"schema": SCHEMA, "simulated": True, "sample_end": instant_text(aligned_end(clock.now()))}
        path.write_bytes(jcs.canonical(state))
    state = jcs.parse_lenient(path.read_bytes())
    if not isinstance(state, dict) or state.get("schema") != SCHEMA:
        raise FormError("plant-file", "not the state of a simulated plant", where=str(path),
                        hint="remove the file to begin a new plant")
    return check_end(parse_instant(state.get("sample_end"), where=f"{path}: sample_end"))


async def serve(plant: Plant, clock: Clock, host: str, port: int) -> None:
    """Serve the plant until the process is told to stop."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    server = PlantServer(plant, clock, host, port)
    bound = await server.start()
    print(json.dumps(_announcement(plant, clock, host, bound)), flush=True)
    await stop.wait()
    await server.stop()


def _announcement(plant: Plant, clock: Clock, host: str, port: int) -> dict[str, Any]:
    meters = {meter.meter: {"device_id": meter.device_id, "word_order": meter.word_order, "origin": meter.origin}
              for meter in plant.meters}
    return {"simulated": True, "host": host, "port": port, "time": instant_text(clock.now()), "meters": meters}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m simulator", description="A simulated plant of Modbus TCP meters.")
    parser.add_argument("--dir", type=Path, required=True, help="folder that keeps the plant's state")
    parser.add_argument("--clock", type=Path, help="file of the shared simulated clock; default: the machine's clock")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 finds a free one and prints it")
    return parser
