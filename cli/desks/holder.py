"""The holder's desk: its own key, and a small database of its own that remembers what it began."""

from __future__ import annotations

from pathlib import Path

from certificates import models
from certificates.blocks import RpcBlocks
from certificates.lifecycle import Desk
from certificates.registry_evm import EvmRegistry
from cli.desks.chain import chain_of
from cli.node import Node
from core.clock import Clock
from core.database import open_engine
from core.ethereum import load_account

DATABASE = "desk.db"


def holder_desk(node: Node, key: Path, clock: Clock) -> Desk:
    """The desk of an account key file; its database lies beside the key."""
    account = load_account(key)
    engine = open_engine(key.parent / DATABASE)
    models.table(models.CertOutbox).metadata.create_all(engine)
    chain, addresses = chain_of(node, account, clock)
    return Desk(engine, EvmRegistry(chain, addresses), RpcBlocks(chain.rpc), account.address, clock)


