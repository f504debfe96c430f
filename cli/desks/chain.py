"""One account at the chain of a node, from any desk."""

from __future__ import annotations

from cli.node import Node
from core.clock import Clock
from core.errors import InputError
from core.ethereum import Account
from ledger.anchor.evm import Addresses, Chain


def chain_of(node: Node, account: Account, clock: Clock) -> tuple[Chain, Addresses]:
    """The chain client of an account and where the contracts stand.

    The development chain's RPC is the node's; participants of a consortium use a node of their own.
    Raises InputError (chain-rpc-unknown).
    """
    known = node.get("/v1/chain")
    if "rpc" not in known:
        raise InputError("chain-rpc-unknown", "this deployment's chain has no RPC of the node", where=node.url,
                         hint="use your own node of the consortium")
    addresses = Addresses(int(known["id"]), known["participant_registry"], known["anchor_registry"],
                          known["certificate_registry"])
    return Chain(known["rpc"], account, clock), addresses
