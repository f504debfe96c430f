"""QBFT headers (Besu, GoQuorum), checked offline against a trusted set of validators.

extraData = RLP [vanity, [validators], vote, round, [committed seals]]. The block hash is taken with the seals emptied
and the round set to 0; what validators seal is taken with the seals emptied and the round kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from core.errors import FormError, VerificationFailed
from core.ethereum import checksum_address, keccak256, parse_address, recover
from ledger.anchor import rlp
from ledger.anchor.header import Header, claimed_hash, parse_header

VANITY_BYTES = 32
SEAL_BYTES = 65
MAX_VALIDATORS = 256
_EMPTY: rlp.Item = []


@dataclass(frozen=True)
class ExtraData:
    """The fields of a QBFT header's extraData. `validators`: checksum addresses."""

    vanity: bytes
    validators: tuple[str, ...]
    vote: rlp.Item
    round: int
    seals: tuple[bytes, ...]
    raw_validators: rlp.Item

    def encoded(self, round_number: int) -> bytes:
        """RLP with no seals and another round."""
        return rlp.encode([self.vanity, self.raw_validators, self.vote, rlp.scalar(round_number), _EMPTY])


@dataclass(frozen=True)
class SealedHeader:
    """A header that a quorum of trusted validators sealed. `sealers`: who did, sorted."""

    header: Header
    hash: bytes
    sealers: tuple[str, ...]


def parse_extra(data: bytes) -> ExtraData:
    """The fields of extraData. Raises FormError (qbft-extra-malformed)."""
    items = rlp.decode_list(data)
    if len(items) != 5:
        raise FormError("qbft-extra-malformed", "QBFT extra data has five fields")
    vanity, validators, vote, round_number, seals = items
    if not (isinstance(vanity, bytes) and len(vanity) == VANITY_BYTES and _are_bytes(validators, 20)
            and isinstance(round_number, bytes) and len(round_number) <= 4 and _are_bytes(seals, SEAL_BYTES)
            and round_number[:1] != b"\0"):
        raise FormError("qbft-extra-malformed", "a field of QBFT extra data is malformed")
    addresses = tuple(checksum_address(item) for item in validators if isinstance(item, bytes))
    return ExtraData(vanity, addresses, vote, int.from_bytes(round_number, "big"),
                     tuple(item for item in seals if isinstance(item, bytes)), validators)


def block_hash(header: Header) -> bytes:
    """keccak-256 of the header with the seals emptied and the round set to 0."""
    return keccak256(header.encoded(parse_extra(header.extra_data).encoded(0)))


def seal_hash(header: Header) -> bytes:
    """keccak-256 of the header with the seals emptied and the round kept: what validators sign."""
    extra = parse_extra(header.extra_data)
    return keccak256(header.encoded(extra.encoded(extra.round)))


def quorum(validators: int) -> int:
    """ceil(2N/3): fewer can be forged by a third; GoQuorum's own F + 1 is too few."""
    return -(-2 * validators // 3)


def verify_seals(document: object, validators: Iterable[str]) -> SealedHeader:
    """The header of its JSON, when it has its block hash and a quorum of the trusted validators sealed it.

    The header's own list of validators vouches for nothing. Raises FormError (header-malformed, rlp-malformed,
    qbft-extra-malformed), VerificationFailed (header-hash, qbft-seal-malformed, qbft-seal-foreign, qbft-seal-twice,
    qbft-quorum).
    """
    header = parse_header(document)
    where = f"block {header.number}"
    digest = block_hash(header)
    if digest != claimed_hash(document):
        raise VerificationFailed("header-hash", "the header does not hash to its block hash", where=where)
    trusted = {checksum_address(parse_address(address)) for address in validators}
    sealers = _sealers(header, trusted, where)
    needed = quorum(len(trusted))
    if not trusted or len(sealers) < needed:
        raise VerificationFailed("qbft-quorum", f"{len(sealers)} trusted validators sealed, {needed} are needed",
                                 where=where, hint="is the validator set of this block in the trust list?")
    return SealedHeader(header, digest, tuple(sorted(sealers)))


def _sealers(header: Header, trusted: set[str], where: str) -> set[str]:
    digest = seal_hash(header)
    found: set[str] = set()
    for seal in parse_extra(header.extra_data).seals:
        signer = _sealer(digest, seal, where)
        if signer not in trusted:
            raise VerificationFailed("qbft-seal-foreign", f"{signer} sealed and is not trusted", where=where,
                                     hint="follow the votes from a set you trust, and pin the set of this block")
        if signer in found:
            raise VerificationFailed("qbft-seal-twice", f"{signer} sealed twice", where=where)
        found.add(signer)
    return found


def _sealer(digest: bytes, seal: bytes, where: str) -> str:
    # v is 0 or 1 in a header, 27 or 28 in core.ethereum.
    if seal[64] > 1:
        raise VerificationFailed("qbft-seal-malformed", "a seal ends in neither 0 nor 1", where=where)
    try:
        return recover(digest, seal[:64] + bytes([seal[64] + 27]))
    except VerificationFailed as error:
        raise VerificationFailed("qbft-seal-malformed", error.message, where=where) from None


def _are_bytes(item: rlp.Item, size: int) -> bool:
    return (isinstance(item, list) and len(item) <= MAX_VALIDATORS
            and all(isinstance(part, bytes) and len(part) == size for part in item))
