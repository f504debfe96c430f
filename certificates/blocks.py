"""What the mirror asks of a chain besides the registry's events: how far it has come, and which block stands where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ledger.anchor.rpc import Rpc


@dataclass(frozen=True)
class Block:
    """A block. `time`: ms UTC."""

    number: int
    hash: str
    time: int


class Blocks(Protocol):
    """A chain's blocks. Raises Unavailable when the chain is away."""

    def head(self) -> int:
        """Number of the newest block."""

    def block(self, number: int) -> Block | None:
        """The block of a number; None when the chain has not come so far."""


class RpcBlocks:
    """Blocks of a node by JSON-RPC. `confirmations`: how far behind the newest block the head is taken to be."""

    def __init__(self, rpc: Rpc, confirmations: int = 0) -> None:
        self._rpc = rpc
        self._confirmations = confirmations

    def head(self) -> int:
        """See Blocks."""
        return max(int(self._rpc.call("eth_blockNumber"), 16) - self._confirmations, 0)

    def block(self, number: int) -> Block | None:
        """See Blocks."""
        found = self._rpc.call("eth_getBlockByNumber", hex(number), False)
        return Block(number, str(found["hash"]), int(found["timestamp"], 16) * 1000) if found else None


def hash_of(blocks: Blocks, number: int) -> str | None:
    """Hash of a block; None when it is not there."""
    block = blocks.block(number)
    return block.hash if block else None
