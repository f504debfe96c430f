"""A running node: one open deployment with its writer thread, job runner and background loops. Owned by one app."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from importlib.metadata import version

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from api import jobs, pipeline, tasks
from api.deployment import Deployment, check_not_rolled_back, check_writer, writing
from api.metrics import Metrics
from api.overview import Overview
from api.sealer import ChainFollower, Sealer
from api.worker import Nudger
from api.writer import FrameAnswer, FrameWriter
from certificates.blocks import Block
from core.errors import CarbonSealError
from ledger import log


class Node:
    """Start and stop order: lock, writer, jobs, background; and back."""

    def __init__(self, deployment: Deployment, functions: Mapping[str, jobs.Function] | None = None) -> None:
        """`functions`: the jobs it runs, by kind; those of `api.tasks` when absent."""
        self.deployment = deployment
        self.metrics = Metrics()
        self.generation = 0
        self.writer = FrameWriter(self._commit, deployment.settings.max_waiting_bytes, self.metrics)
        self.link = deployment.chain_link()
        self.runner = jobs.Runner(deployment.engine, functions or tasks.functions(deployment, self.link), self.metrics)
        broker = deployment.settings.broker_url
        self._nudger = Nudger(broker) if broker else None
        self._chain = ChainFollower(deployment, self.link, self.metrics)
        self._sealer = Sealer(deployment, self.metrics, self._chain.loop.wake)
        self.overview = Overview(deployment)
        self.version = version("carbonseal")
        self._held = ExitStack()
        self.stopping = threading.Event()
        self._running = False

    @property
    def engine(self) -> Engine:
        """The deployment's database."""
        return self.deployment.engine

    def start(self) -> None:
        """Become the writer and begin; starting again changes nothing. Raises Refused (deployment-locked)."""
        if self._running:
            return
        self.generation = self._held.enter_context(writing(self.deployment))
        try:
            log.start(self.engine, self.deployment.log_key, lock=self.deployment.last_signed)
        except CarbonSealError:
            self._held.close()
            raise
        self.writer.start()
        self._sealer.loop.start()
        self._chain.loop.start()
        if self._nudger is None:
            self.runner.start()
        self._running = True

    def stop(self) -> None:
        """Write what waits, finish the job in hand, give the lock back."""
        self.stopping.set()
        if not self._running:
            self._held.close()
            return
        self._running = False
        self.writer.stop()
        self.runner.stop()
        self._sealer.loop.stop()
        self._chain.loop.stop()
        self.link.stop()
        self._held.close()

    @property
    def nudge(self) -> Callable[[str], None]:
        """Tells whoever runs the jobs that one was queued: workers behind a broker, or this process."""
        return self._nudger or self.runner.nudge

    @property
    def beacon(self) -> Block | None:
        """The newest final block of the chain this node has seen; None while the chain is away."""
        return self._chain.newest

    def checks(self) -> dict[str, str]:
        """Each dependency, and each work in the background, by name: "ok" or the code of what is wrong."""
        database = self._probe(lambda connection: check_writer(connection, self.generation))
        whole = self._probe(lambda connection: check_not_rolled_back(self.deployment, connection))
        return {"database": database, "log": whole, "chain": self.link.state(), "sealing": self._sealer.loop.state,
                "anchoring": self._chain.loop.state}

    def _probe(self, check: Callable[[Connection], None]) -> str:
        try:
            with self.engine.connect() as connection:
                check(connection)
        except CarbonSealError as error:
            return error.code
        except SQLAlchemyError:
            return "database-unavailable"
        return "ok"

    def _commit(self, bodies: Sequence[bytes]) -> list[list[FrameAnswer] | CarbonSealError]:
        return pipeline.accept(self.deployment, self.generation, bodies)
