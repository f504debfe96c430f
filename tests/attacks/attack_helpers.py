"""What several attacks share: a gateway that goes on from the log, a node of its own process, another's token."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from api_world import HOUR, START, World

from api.deployment import NODE_ORG
from attestation.envelope import FRAME, open_envelope
from certificates.registry import ChainParticipant
from core.database import reading
from ledger import log


@dataclass(frozen=True)
class Prepared:
    """A deployment folder in which one green power claim has its opinion and is anchored, but not issued."""

    folder: Path
    statement: bytes


def resume_gateway(world: World) -> None:
    """Put the gateway of an opened world where its last frame in the log stands."""
    with reading(world.deployment.engine) as connection:
        frames = [opened.digest for _, entry in log.entries(connection, 0, log.size(connection))
                  if (opened := open_envelope(entry)).content_type == FRAME]
    world.gateway.seq, world.gateway.prev = len(frames), frames[-1]


def accept_more(world: World, count: int = 1) -> list[int]:
    """The next hourly frames of the park's gateway, accepted; their indices."""
    if world.gateway.seq == 0:
        resume_gateway(world)
    return world.put(*world.gateway.frames(START - HOUR + world.gateway.seq * HOUR, count))


def enter_everybody(world: World) -> None:
    """What governors and registrar do on an empty chain: the node and all parties again, and the marks."""
    node = ChainParticipant(NODE_ORG, ("node",), 0, 2**63 - 1, (world.deployment.account.address,))
    world.link.enter(node, world.govern)
    world.enter()


