"""Runs the pipeline from accept to issue on a prepared deployment; kills itself, and its chain, at one step.

    python kill_script.py DIRECTORY KILL_AT

KILL_AT counts the moments before and after each durable step, from 1; 0 runs to the end and prints how many there were.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

from api_world import World

from api import pipeline
from api.deployment import writing


class Killer:
    """Counts moments and kills at one of them."""

    def __init__(self, world: World, kill_at: int) -> None:
        self.world, self.kill_at, self.moments = world, kill_at, list[str]()

    def __call__(self, step: str, done: bool) -> None:
        self.moments.append(f"{step}:{'after' if done else 'before'}")
        if len(self.moments) == self.kill_at:
            chain = self.world.link.pid
            if chain is not None:
                os.kill(chain, signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)


def main(directory: Path, kill_at: int) -> None:
    world = World.opened(directory)
    steps = Killer(world, kill_at)
    with writing(world.deployment) as generation:
        world.link.start()
        bodies = [path.read_bytes() for path in sorted(directory.parent.glob("body-*.cbor"))]
        for body in bodies:
            pipeline.accept(world.deployment, generation, [body], steps)
        claim = pipeline.claim(world.deployment, (directory.parent / "claim.json").read_bytes(), steps)
        statement = pipeline.calculate(world.deployment, claim.digest, steps)
        pipeline.review(world.deployment, world.opinion(statement), steps)
        intent = pipeline.issue(world.deployment, world.link, statement.digest, steps)
        print(json.dumps({"moments": steps.moments, "state": intent.state, "statement": statement.digest.hex()}))
    world.close()


main(Path(sys.argv[1]), int(sys.argv[2]))
