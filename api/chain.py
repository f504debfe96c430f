"""The node's side of the chain: the embedded development chain or a consortium's, and its contracts there.

Nothing that happens here is needed to accept or seal: while the chain is away, anchors and certificates wait.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from certificates import registry_evm
from certificates.blocks import RpcBlocks
from certificates.registry import ChainParticipant, register_digest
from certificates.registry_evm import EvmParticipants, EvmRegistry
from core.clock import Clock
from core.errors import CarbonSealError, FormError, InputError, Refused, Unavailable
from core.ethereum import Account, parse_address
from core.settings import Settings
from ledger.anchor.embedded import EmbeddedChain
from ledger.anchor.evm import Addresses, Chain, EvmAnchor

# How long another process may take to start the chain that this one joins.
JOIN_S = 30.0

_log = logging.getLogger("carbonseal.chain")


class ChainLink:
    """One deployment's chain. `directory`: the deployment's chain/ folder."""

    def __init__(self, directory: Path, settings: Settings, account: Account, clock: Clock) -> None:
        self.directory = directory
        self._embedded = EmbeddedChain(directory / "anvil.json", clock) if settings.embedded_chain else None
        self._url, self._account, self._clock = settings.chain_url, account, clock
        self._confirmations = settings.chain_confirmations
        self._chain: Chain | None = None
        self._keeper: int | None = None
        self._joined = ""
        self.lock = AccountLock(directory / "account.lock")

    @property
    def embedded(self) -> bool:
        """Whether it is our own development chain, which our operator runs alone."""
        return self._embedded is not None

    @property
    def url(self) -> str:
        """Address of the JSON-RPC."""
        return self._joined or (self._embedded.url if self._embedded else self._url)

    @property
    def pid(self) -> int | None:
        """Process of the embedded chain while it runs."""
        return self._embedded.pid if self._embedded else None

    @property
    def chain(self) -> Chain:
        """The node's account at the chain."""
        if self._chain is None:
            self._chain = Chain(self.url, self._account, self._clock)
        return self._chain

    @property
    def addresses(self) -> Addresses:
        """Where the contracts stand. Raises InputError (contracts-unknown) before they were deployed."""
        return load_addresses(self.directory / "addresses.json")

    @property
    def anchors(self) -> EvmAnchor:
        """The anchors of logs."""
        return EvmAnchor(self.chain, self.addresses)

    @property
    def certificates(self) -> EvmRegistry:
        """The certificate registry."""
        return EvmRegistry(self.chain, self.addresses)

    @property
    def blocks(self) -> RpcBlocks:
        """The chain's blocks, as far behind its head as the settings say."""
        return RpcBlocks(self.chain.rpc, self._confirmations)

    @property
    def participants(self) -> EvmParticipants:
        """The participant registry."""
        return EvmParticipants(self.chain, self.addresses)

    def enter(self, participant: ChainParticipant, govern: Callable[[bytes], Sequence[bytes]]) -> None:
        """Enter an organisation on the chain, unless it stands there so already.

        `govern`: the governors' signatures over the digest it is given. Raises Refused (participant-…), Unavailable.
        """
        with self.lock:
            registry = self.participants
            if not registry.holds(participant):
                registry.register(participant, govern(register_digest(registry.domain, participant, registry.nonce())))

    def start(self) -> None:
        """Start the embedded chain, or join the one that another process of this deployment keeps; put back contracts
        that a crash took from it. Starting again changes nothing.

        Raises Unavailable, InputError (anvil-missing), Refused (chain-lost).
        """
        if self._embedded is None or self._embedded.pid is not None:
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        self._joined, self._chain = "", None
        if self._keeper is None:
            self._keeper = _hold(self.directory / "keeper")
        if self._keeper is None:
            self._joined = _read_url(self.directory / "keeper")
            return
        self._embedded.start()
        os.truncate(self._keeper, 0)
        os.pwrite(self._keeper, self._embedded.url.encode(), 0)
        if (self.directory / "addresses.json").exists():
            restore(self.chain, self.directory)

    def stop(self) -> None:
        """Stop the embedded chain if this link keeps it; it writes its state."""
        if self._embedded is not None:
            self._embedded.stop()
        if self._keeper is not None:
            os.truncate(self._keeper, 0)
            os.close(self._keeper)
            self._keeper = None

    def state(self) -> str:
        """"ok", or the code of what is wrong."""
        try:
            # Asked each time: the client remembers the id of a chain that may have gone meanwhile.
            if int(self.chain.rpc.call("eth_chainId"), 16) != self.addresses.chain_id:
                return "chain-other"
        except CarbonSealError as error:
            return error.code
        return "ok"

    def ensure(self) -> None:
        """Start an embedded chain that died meanwhile. Raises Unavailable when no chain answers."""
        if self._embedded is not None and self._embedded.pid is None and self.state() != "ok":
            _log.info("starting the embedded chain")
            self.start()
        if (state := self.state()) != "ok":
            raise Unavailable("chain-unavailable", f"the chain does not answer as it should: {state}", where=self.url,
                              hint="anchors and certificates wait until it is back")
        if self._embedded is not None and self._keeper is not None:
            self._embedded.keep()


class AccountLock:
    """One account has one sequence of transactions: whoever writes to the chain holds this, threads and processes."""

    def __init__(self, path: Path) -> None:
        self._path, self._threads, self._depth, self._file = path, threading.RLock(), 0, -1

    def __enter__(self) -> None:
        self._threads.acquire()
        if self._depth == 0:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._file, fcntl.LOCK_EX)
        self._depth += 1

    def __exit__(self, *_error: object) -> None:
        self._depth -= 1
        if self._depth == 0:
            os.close(self._file)
        self._threads.release()


def _hold(path: Path) -> int | None:
    """A descriptor that holds the file's lock until it is closed; None while another holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _read_url(path: Path) -> str:
    """Where the keeper's chain answers; the keeper may be about to start it."""
    deadline = time.monotonic() + JOIN_S
    while time.monotonic() < deadline:
        if url := path.read_text(encoding="ascii"):
            return url
        time.sleep(0.02)
    raise Unavailable("chain-unavailable", "the process that keeps the embedded chain has not started it",
                      where=str(path))


def deploy(chain: Chain, directory: Path, governors: Sequence[str], threshold: int) -> Addresses:
    """Deploy the three contracts and remember where; `governors`: accounts of which `threshold` sign changes."""
    ascending = sorted(governors, key=parse_address)
    addresses = registry_evm.deploy(chain.url, chain.account, ascending, threshold, chain.clock)
    document = {**asdict(addresses), "governors": ascending, "threshold": threshold}
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "addresses.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return addresses


def restore(chain: Chain, directory: Path) -> None:
    """Deploy again the contracts that a crash in a chain's first second took from it: same account, same addresses.

    Raises Refused (chain-lost) when the chain holds something else: then its state file is gone or of another chain.
    """
    path = directory / "addresses.json"
    known = load_addresses(path)
    wanted = (known.participants, known.anchors, known.certificates)
    if all(chain.rpc.call("eth_getCode", address, "latest") != "0x" for address in wanted):
        return
    document = json.loads(path.read_text(encoding="utf-8"))
    made = int(chain.rpc.call("eth_getTransactionCount", chain.account.address, "latest"), 16)
    steps = (("ParticipantRegistry", (document["governors"], document["threshold"])),
             ("AnchorRegistry", (known.participants,)),
             ("CertificateRegistry", (known.participants, known.anchors)))
    for (name, arguments), address in list(zip(steps, wanted, strict=True))[made:]:
        if chain.deploy(name, *arguments) != address:
            raise Refused("chain-lost", f"{name} would stand at another address than before", where=str(path),
                          hint="restore chain/anvil.json; what was anchored on the lost chain is in the evidence files")
    if made >= len(steps):
        raise Refused("chain-lost", "the chain does not hold this deployment's contracts", where=str(path),
                      hint="restore chain/anvil.json, or correct chain_url")


def load_addresses(path: Path) -> Addresses:
    """The contracts of a deployment. Raises InputError (contracts-unknown), FormError (contracts-malformed)."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return Addresses(int(document["chain_id"]), document["participants"], document["anchors"],
                         document["certificates"])
    except OSError:
        raise InputError("contracts-unknown", "no contracts were deployed for this deployment", where=str(path),
                         hint="carbonseal init deploys them") from None
    except (ValueError, KeyError, TypeError):
        raise FormError("contracts-malformed", "not the addresses of a deployment", where=str(path)) from None
