"""Evidence from the chain, checked offline: storage words under a header, and what they say.

A document is {"chain_id", "contract", "header": {fields}, "account_proof": [hex…], "storage": {slot hex: [hex…]}}. The
header is believed only through its seals (`validators`) or, on a development chain, for what it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from core.errors import FormError, VerificationFailed
from core.ethereum import checksum_address, parse_address
from ledger.anchor.header import Header
from ledger.anchor.layout import anchor_slots
from ledger.anchor.proof import verify_account, verify_header, verify_storage
from ledger.anchor.qbft import SealedHeader, verify_seals

_FIELDS = frozenset({"chain_id", "contract", "header", "account_proof", "storage"})
_HEX = re.compile(r"0x([0-9a-f]{2})*")
MAX_SLOTS = 4096


@dataclass(frozen=True)
class StorageFact:
    """Words of one contract's storage as of a block. `block_hash`: by the chain's rule; no `sealers` without seals."""

    chain_id: int
    contract: str
    header: Header
    block_hash: bytes
    sealers: tuple[str, ...]
    words: Mapping[int, int]

    def word(self, slot: int) -> int:
        """The word of a proven slot. Raises VerificationFailed (slot-not-proven)."""
        if slot not in self.words:
            raise VerificationFailed("slot-not-proven", "the evidence holds no proof of a needed storage slot",
                                     where=hex(slot))
        return self.words[slot]


@dataclass(frozen=True)
class AnchorFact:
    """A root that the chain held. `time`: ms UTC of the block that took it."""

    root: bytes
    time: int
    storage: StorageFact


def read_storage(document: object, *, chain_id: int, contract: str, validators: Iterable[str] | None) -> StorageFact:
    """The proven words of a document. `validators`: the trusted set of its block; None for a development chain.

    Raises FormError (chain-evidence-malformed, header-…, rlp-…, trie-malformed) and VerificationFailed (chain-foreign,
    contract-foreign, header-hash, qbft-…, account-absent, trie-…).
    """
    fields = _form(document)
    if fields["chain_id"] != str(chain_id):
        raise VerificationFailed("chain-foreign", f"the proof is not of chain {chain_id}",
                                 where=str(fields["chain_id"])[:20])
    if checksum_address(parse_address(fields["contract"])) != checksum_address(parse_address(contract)):
        raise VerificationFailed("contract-foreign", "the proof is of another contract", where=fields["contract"])
    sealed = _header(fields["header"], validators)
    account = verify_account(sealed.header.state_root, contract, _nodes(fields["account_proof"], "account_proof"))
    words = {_slot(key): verify_storage(account.storage_root, _slot(key), _nodes(proof, key))
             for key, proof in fields["storage"].items()}
    return StorageFact(chain_id, contract, sealed.header, sealed.hash, sealed.sealers, words)


def read_anchor(document: object, origin: str, size: int, *, chain_id: int, contract: str,
                validators: Iterable[str] | None) -> AnchorFact:
    """The root that the chain held for a size of a log. Raises as `read_storage`, and anchor-absent."""
    storage = read_storage(document, chain_id=chain_id, contract=contract, validators=validators)
    root, time = (storage.word(slot) for slot in anchor_slots(origin, size))
    if root == 0:
        raise VerificationFailed("anchor-absent", "the chain holds no root for this size", where=f"{origin} {size}")
    return AnchorFact(root.to_bytes(32, "big"), time, storage)


def _header(document: object, validators: Iterable[str] | None) -> SealedHeader:
    if validators is not None:
        return verify_seals(document, validators)
    header = verify_header(document)
    return SealedHeader(header, header.hash, ())


def _form(document: object) -> dict[str, Any]:
    if not isinstance(document, dict) or set(document) != _FIELDS or not isinstance(document["contract"], str) \
            or not isinstance(document["storage"], dict) or len(document["storage"]) > MAX_SLOTS:
        raise FormError("chain-evidence-malformed", f"chain evidence has exactly {', '.join(sorted(_FIELDS))}")
    return document


def _nodes(value: object, where: str) -> list[bytes]:
    if not isinstance(value, list) or not all(isinstance(node, str) and _HEX.fullmatch(node) for node in value):
        raise FormError("chain-evidence-malformed", "a proof is a list of hex nodes", where=where)
    return [bytes.fromhex(node[2:]) for node in value]


def _slot(key: object) -> int:
    if not isinstance(key, str) or len(key) != 66 or not _HEX.fullmatch(key):
        raise FormError("chain-evidence-malformed", "a storage slot is 32 bytes of hex", where=str(key)[:70])
    return int(key, 16)
