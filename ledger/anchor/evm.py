"""The log's roots on an EVM chain: anchor, find, check again, gather evidence. Talks to a node with web3.

`Chain` is one account at one node: it signs locally, sends legacy transactions, and turns reverts of our contracts
into errors of `core.errors` whose codes are the contracts' error names (AnchorStale → anchor-stale).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import decode as decode_abi
from web3 import Web3
from web3.exceptions import ContractLogicError, TimeExhausted, TransactionNotFound, Web3Exception
from web3.middleware import ExtraDataToPOAMiddleware

from core.clock import Clock
from core.documents import contract_domain
from core.errors import CarbonSealError, Forbidden, NotFound, Refused, Unavailable
from core.ethereum import Account, Domain, keccak256
from core.ids import chain_id_of
from ledger.anchor.artifacts import artifact
from ledger.anchor.embedded import CHAIN_ID, set_block_time
from ledger.anchor.header import header_fields
from ledger.anchor.layout import anchor_slots
from ledger.anchor.rpc import Rpc

RECEIPT_SECONDS = 60.0
_CONTRACTS = ("ParticipantRegistry", "AnchorRegistry", "CertificateRegistry")
_OPENZEPPELIN = {"ERC1155InsufficientBalance": "certificate-not-owned",
                 "ERC1155MissingApprovalForAll": "certificate-forbidden"}


@dataclass(frozen=True)
class Addresses:
    """Where a deployment's contracts stand; checksum texts."""

    chain_id: int
    participants: str
    anchors: str
    certificates: str

    def domain(self, contract: str) -> Domain:
        """The EIP-712 domain of one of its contracts."""
        return contract_domain(self.chain_id, contract)


@dataclass(frozen=True)
class Transaction:
    """A mined transaction. `time`: ms UTC of its block."""

    hash: str
    block_number: int
    block_hash: str
    time: int
    gas: int


@dataclass(frozen=True)
class AnchorReceipt:
    """A root as the chain took it. `time`: ms UTC of the block."""

    origin: str
    size: int
    root: bytes
    chain_id: int
    contract: str
    transaction: str
    block_number: int
    block_hash: str
    time: int


class Chain:
    """One account at one node. `clock` sets the block time of a development chain; elsewhere nobody asks it."""

    def __init__(self, rpc_url: str, account: Account, clock: Clock, receipt_seconds: float = RECEIPT_SECONDS) -> None:
        self.url = rpc_url
        self.account = account
        self.clock = clock
        self.rpc = Rpc(rpc_url)
        self.web3 = Web3(Web3.HTTPProvider(rpc_url, request_kwargs={"timeout": 30}))
        # QBFT headers carry more extra data than web3 expects.
        self.web3.middleware_onion.inject(ExtraDataToPOAMiddleware, layer=0)
        self._receipt_seconds = receipt_seconds
        self._chain_id: int | None = None
        self._development: bool | None = None

    @property
    def chain_id(self) -> int:
        """The chain's id. Raises Unavailable."""
        if self._chain_id is None:
            self._chain_id = int(self.rpc.call("eth_chainId"), 16)
        return self._chain_id

    @property
    def development(self) -> bool:
        """Whether this is a development chain, whose block times we set."""
        if self._development is None:
            self._development = (self.chain_id == CHAIN_ID
                                 and str(self.rpc.call("web3_clientVersion")).startswith("anvil"))
        return self._development

    def contract(self, name: str, address: str) -> Any:
        """The web3 contract of one of our artifacts."""
        return self.web3.eth.contract(address=Web3.to_checksum_address(address), abi=artifact(name)["abi"])

    def deploy(self, name: str, *arguments: Any) -> str:
        """Deploy a contract; its address. Raises Refused, Unavailable."""
        built = artifact(name)
        factory = self.web3.eth.contract(abi=built["abi"], bytecode=built["bytecode"])
        receipt = self._transact(factory.constructor(*arguments))
        return Web3.to_checksum_address(receipt["contractAddress"])

    def call(self, function: Any) -> Any:
        """The result of a view at the latest block. Raises Refused, Unavailable."""
        with self._node():
            return function.call()

    def send(self, function: Any) -> Transaction:
        """Send a call as a transaction and wait until it is in a block. Raises Refused with the contract's code."""
        return self._transaction(self._transact(function))

    def transaction(self, digest: str) -> Transaction:
        """A mined transaction again. Raises NotFound (transaction-unknown)."""
        with self._node():
            try:
                return self._transaction(self.web3.eth.get_transaction_receipt(digest))  # type: ignore[arg-type]
            except TransactionNotFound:
                raise NotFound("transaction-unknown", "the chain does not hold this transaction",
                               where=digest) from None

    def events(self, event: Any, first_block: int = 0, last_block: int | None = None,
               **filters: Any) -> list[dict[str, Any]]:
        """Events of one kind in block order, as web3 decodes them."""
        with self._node():
            found = event.get_logs(from_block=first_block, to_block=last_block if last_block is not None else "latest",
                                   argument_filters=filters or None)
            return [dict(entry) for entry in found]

    def block_hash(self, number: int) -> str | None:
        """Hash of a block; None when the chain has not come so far."""
        block = self.rpc.call("eth_getBlockByNumber", hex(number), False)
        return str(block["hash"]) if block else None

    def evidence(self, address: str, slots: Sequence[int], block: int | None = None) -> dict[str, Any]:
        """Proofs of storage slots under one header; what ledger.anchor.evidence reads. `block`: None is the latest."""
        tag = "latest" if block is None else hex(block)
        header = self.rpc.call("eth_getBlockByNumber", tag, False)
        if header is None:
            raise NotFound("block-unknown", "the chain has no such block", where=tag)
        keys = ["0x" + slot.to_bytes(32, "big").hex() for slot in slots]
        proof = self.rpc.call("eth_getProof", address, keys, header["number"])
        return {"chain_id": str(self.chain_id), "contract": Web3.to_checksum_address(address),
                "header": header_fields(header), "account_proof": proof["accountProof"],
                "storage": {key: entry["proof"] for key, entry in zip(keys, proof["storageProof"], strict=True)}}

    def _transact(self, function: Any) -> Any:
        with self._node():
            if self.development:
                set_block_time(self.rpc, self.clock)
            sender = Web3.to_checksum_address(self.account.address)
            request: dict[str, Any] = {
                "from": sender, "chainId": self.chain_id, "gasPrice": self.web3.eth.gas_price,
                "nonce": self.web3.eth.get_transaction_count(sender, "pending"), "value": 0}
            # On "pending" a development chain sees the time just set, not that of its last block.
            request["gas"] = function.estimate_gas(request, block_identifier="pending")
            signed = self.web3.eth.account.sign_transaction(function.build_transaction(request), self.account.secret)
            digest = self.web3.eth.send_raw_transaction(signed.raw_transaction)
            receipt = self.web3.eth.wait_for_transaction_receipt(digest, timeout=self._receipt_seconds,
                                                                 poll_latency=0.02 if self.development else 0.25)
            if receipt["status"] != 1:
                function.call({"from": sender}, block_identifier=receipt["blockNumber"])
                raise Refused("chain-reverted", "the transaction was mined and reverted", where=digest.to_0x_hex())
            return receipt

    def _transaction(self, receipt: Any) -> Transaction:
        block = self.rpc.call("eth_getBlockByNumber", hex(receipt["blockNumber"]), False)
        return Transaction(receipt["transactionHash"].to_0x_hex(), int(receipt["blockNumber"]),
                           receipt["blockHash"].to_0x_hex(), int(block["timestamp"], 16) * 1000,
                           int(receipt["gasUsed"]))

    @contextmanager
    def _node(self) -> Iterator[None]:
        """Foreign errors become ours."""
        try:
            yield
        except CarbonSealError:
            raise
        except ContractLogicError as error:
            raise revert_error(error.data if isinstance(error.data, str) else "", str(error)) from None
        except TimeExhausted:
            raise Unavailable("chain-timeout", f"no block took the transaction in {self._receipt_seconds:g} s",
                              where=self.url, hint="ask again: what was taken meanwhile is found") from None
        except (Web3Exception, OSError, ValueError, TypeError, KeyError) as error:
            raise Unavailable("chain-unavailable", f"the chain's node does not answer: {error}"[:500], where=self.url,
                              hint="start it, or correct its address; work waits and resumes") from None


def revert_error(data: str, fallback: str) -> CarbonSealError:
    """The error of revert data: code from the contract's error name, message from its notice, arguments as detail."""
    raw = bytes.fromhex(data[2:]) if re.fullmatch(r"0x([0-9a-fA-F]{2})*", data) else b""
    for contract in _CONTRACTS:
        built = artifact(contract)
        for entry in built["abi"]:
            if entry["type"] == "error" and _selector(entry) == raw[:4]:
                return _custom_error(entry, raw[4:], built["notices"].get(entry["name"], ""))
    return Refused("chain-reverted", f"the contract refused: {fallback}"[:500])


def _custom_error(entry: dict[str, Any], data: bytes, notice: str) -> CarbonSealError:
    name = entry["name"]
    code = _OPENZEPPELIN.get(name) or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()
    values = decode_abi([item["type"] for item in entry["inputs"]], data)
    detail = {item["name"]: "0x" + value.hex() if isinstance(value, bytes) else str(value)
              for item, value in zip(entry["inputs"], values, strict=True)}
    kind = Forbidden if code.endswith("-forbidden") else Refused
    return kind(code, notice or f"the contract refused: {name}", where=name, **detail)


def _selector(entry: dict[str, Any]) -> bytes:
    return keccak256(f"{entry['name']}({','.join(item['type'] for item in entry['inputs'])})".encode())[:4]


class EvmAnchor:
    """The anchors of logs in one AnchorRegistry."""

    def __init__(self, chain: Chain, addresses: Addresses) -> None:
        self._chain = chain
        self._contract = chain.contract("AnchorRegistry", addresses.anchors)
        self.address = addresses.anchors

    def anchor(self, origin: str, old_size: int, new_size: int, root: bytes, proof: Sequence[bytes],
               witness_signatures: Sequence[bytes] = ()) -> AnchorReceipt:
        """Anchor the next root, or find it anchored already: calling again gives the same receipt.

        `witness_signatures`: EIP-712 Anchor signatures in ascending order of their organisations. Raises Refused
        (anchor-conflict: another root stands at this size; anchor-stale, anchor-inconsistent …), Unavailable.
        """
        held = (self.anchored(origin, new_size)
                or self._send(origin, old_size, new_size, root, proof, witness_signatures))
        if held.root != root:
            raise Refused("anchor-conflict", "the chain holds another root for this size: a split view",
                          where=f"{origin} {new_size}", held=held.root.hex(), offered=root.hex())
        return held

    def _send(self, origin: str, old_size: int, new_size: int, root: bytes, proof: Sequence[bytes],
              witness_signatures: Sequence[bytes]) -> AnchorReceipt:
        functions = self._contract.functions
        arguments = (origin, old_size, new_size, root, list(proof))
        function = (functions.anchorWitnessed(*arguments, list(witness_signatures)) if witness_signatures
                    else functions.anchor(*arguments))
        try:
            return self._receipt(origin, new_size, root, self._chain.send(function))
        except Refused:
            # Another replica, or our own earlier try that timed out, may have been taken meanwhile.
            held = self.anchored(origin, new_size)
            if held is None:
                raise
            return held

    def anchored(self, origin: str, size: int) -> AnchorReceipt | None:
        """The receipt of a size, whatever its root; None when the chain holds nothing for it."""
        root, _time = self._chain.call(self._contract.functions.anchored(origin, size))
        if root == bytes(32):
            return None
        found = self._chain.events(self._contract.events.RootAnchored, log=chain_id_of(origin), size=size)
        if not found:
            raise Unavailable("anchor-event-missing", "the node holds the root but not its event",
                              where=f"{origin} {size}", hint="use a node that keeps its history")
        mined = self._chain.transaction(found[-1]["transactionHash"].to_0x_hex())
        return self._receipt(origin, size, root, mined)

    def latest(self, origin: str) -> AnchorReceipt | None:
        """The last anchor of a log; None before the first."""
        size, _held = self._chain.call(self._contract.functions.latest(origin))
        return self.anchored(origin, size) if size else None

    def successor(self, origin: str) -> str | None:
        """The origin that goes on after a close; None while the log is open."""
        return self._chain.call(self._contract.functions.successorOf(origin)) or None

    def holds(self, receipt: AnchorReceipt) -> bool:
        """Whether the chain still holds a receipt's block and root. False after a fork or a lost block."""
        if self._chain.block_hash(receipt.block_number) != receipt.block_hash:
            return False
        root, _time = self._chain.call(self._contract.functions.anchored(receipt.origin, receipt.size))
        return bool(root == receipt.root)

    def anchor_evidence(self, origin: str, size: int, block: int | None = None) -> dict[str, Any]:
        """Header, account proof and proofs of root and time at a size; ledger.anchor.evidence.read_anchor checks it."""
        return self._chain.evidence(self.address, anchor_slots(origin, size), block)

    def _receipt(self, origin: str, size: int, root: bytes, mined: Transaction) -> AnchorReceipt:
        return AnchorReceipt(origin, size, root, self._chain.chain_id, self.address, mined.hash, mined.block_number,
                             mined.block_hash, mined.time)





