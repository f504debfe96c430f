"""Background loops of a node: seal, write the daily manifest, keep up with the chain. Each round is a pipeline step.

A round that fails is logged, counted and tried again; nothing is remembered between rounds, so a restart loses nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from api import entries, pipeline
from api.chain import ChainLink
from api.deployment import Deployment
from api.loop import Loop
from api.metrics import Metrics
from attestation.envelope import MANIFEST
from attestation.manifest import parse_manifest
from certificates.blocks import Block
from core.database import reading
from core.errors import NotFound
from ledger import log

# How often the number of waiting entries is looked at while the interval has not passed yet.
TICK_S = 0.05
# The chain is asked at least this often even when nothing was sealed: others write there too.
CHAIN_INTERVAL_S = 2.0


class Sealer:
    """Seals when the interval has passed or enough entries wait, and writes a manifest when one is due."""

    def __init__(self, deployment: Deployment, metrics: Metrics, sealed: Callable[[], None]) -> None:
        self._deployment, self._metrics, self._sealed = deployment, metrics, sealed
        self._last = monotonic()
        self.loop = Loop("seal", self.round, TICK_S, metrics)

    def round(self) -> None:
        """One look: seal if it is time."""
        settings = self._deployment.settings
        with reading(self._deployment.engine) as connection:
            size, sealed = log.size(connection), log.sealed_size(connection)
        self._metrics.log_size.labels("appended").set(size)
        self._metrics.log_size.labels("sealed").set(sealed)
        due = monotonic() - self._last >= settings.seal_interval_ms / 1000
        if size == sealed or not (due or size - sealed >= settings.seal_entries):
            return
        if manifest_due(self._deployment, size):
            pipeline.manifest(self._deployment, size - 1)
        pipeline.seal(self._deployment)
        self._last = monotonic()
        self._sealed()


class ChainFollower:
    """Starts the chain when it died, anchors what was sealed, and reads what others wrote."""

    def __init__(self, deployment: Deployment, link: ChainLink, metrics: Metrics) -> None:
        self._deployment, self._link, self._metrics = deployment, link, metrics
        self.newest: Block | None = None
        self.loop = Loop("chain", self.round, CHAIN_INTERVAL_S, metrics)

    def round(self) -> None:
        """One look: everything the chain is behind with."""
        anchored = pipeline.anchor(self._deployment, self._link)
        if anchored is not None:
            self._metrics.log_size.labels("anchored").set(anchored.size)
        self.newest = pipeline.follow_chain(self._deployment, self._link)
        pipeline.deliver(self._deployment, self._link)


def manifest_due(deployment: Deployment, size: int) -> bool:
    """Whether a manifest is due: the interval has passed since the newest, and something came after it."""
    with reading(deployment.engine) as connection:
        try:
            newest = entries.newest(connection, MANIFEST)
        except NotFound:
            return size > 0
    elapsed = deployment.clock.now() - parse_manifest(newest.payload).time
    # A clock that was set back leaves a manifest of the future behind; nobody is to wait for its day to come.
    return size > newest.log_index + 1 and not 0 <= elapsed < deployment.settings.manifest_interval_ms
