"""The certificate registry on an EVM chain (docs/spec/chain.md): certificates.registry.Registry with web3."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from web3.constants import ADDRESS_ZERO

from certificates.registry import (
    Application,
    ChainParticipant,
    Issued,
    Mark,
    Receipt,
    RegistryEvent,
    assign_digest,
    governors_digest,
    group_word,
    register_digest,
)
from core.clock import Clock
from core.errors import Refused, Unavailable
from core.ethereum import Account, parse_address, recover
from core.ids import chain_id_of
from core.records import Kind
from ledger.anchor.evm import Addresses, Chain, Transaction
from ledger.anchor.layout import (
    CertificateState,
    CertificateStatus,
    MarkState,
    PieceState,
    PieceStatus,
    SpentState,
    certificate_slots,
    debt_slot,
    hole_slot,
    live_slot,
    mark_slots,
    piece_slots,
    spent_slots,
)

EVENTS = ("MarkOpened", "HoleLeft", "IntervalSpent", "DebtChanged", "CertificateIssued", "CertificateSuperseded",
          "CertificateRevoked", "CertificateSplit", "CertificateRetired", "CertificatePledged", "CertificateReleased",
          "TransferSingle", "TransferBatch")


def deploy(rpc_url: str, account: Account, governors: Sequence[str], threshold: int, clock: Clock) -> Addresses:
    """Deploy the three contracts. `governors`: accounts of whom `threshold` decide. Raises Refused, Unavailable."""
    chain = Chain(rpc_url, account, clock)
    participants = chain.deploy("ParticipantRegistry", sorted(governors, key=parse_address), threshold)
    anchors = chain.deploy("AnchorRegistry", participants)
    certificates = chain.deploy("CertificateRegistry", participants, anchors)
    return Addresses(chain.chain_id, participants, anchors, certificates)


class EvmParticipants:
    """The ParticipantRegistry. Signatures of governors may come in any order."""

    def __init__(self, chain: Chain, addresses: Addresses) -> None:
        self._chain = chain
        self._contract = chain.contract("ParticipantRegistry", addresses.participants)
        self.domain = addresses.domain(addresses.participants)

    def nonce(self) -> int:
        """The nonce that the next change must be signed with."""
        return int(self._chain.call(self._contract.functions.nonce()))

    def register(self, participant: ChainParticipant, signatures: Sequence[bytes]) -> Receipt:
        """Enter or change a participant; `signatures` of governors over certificates.registry.register_digest."""
        record = (group_word(participant.group), participant.mask(), participant.valid_from, participant.valid_until)
        ordered = _by_signer(register_digest(self.domain, participant, self.nonce()), signatures)
        return _receipt(self._chain.send(self._contract.functions.register(
            chain_id_of(participant.org), record, list(participant.accounts), ordered)))

    def assign(self, account: str, org: str | None, signatures: Sequence[bytes]) -> Receipt:
        """Move an account to an organisation, or to none; `signatures` over assign_digest."""
        ordered = _by_signer(assign_digest(self.domain, account, org, self.nonce()), signatures)
        return _receipt(self._chain.send(self._contract.functions.assign(account, group_word(org), ordered)))

    def set_governors(self, governors: Sequence[str], threshold: int, signatures: Sequence[bytes]) -> Receipt:
        """Replace the governors; `signatures` over governors_digest of the ascending accounts."""
        ascending = sorted(governors, key=parse_address)
        ordered = _by_signer(governors_digest(self.domain, ascending, threshold, self.nonce()), signatures)
        return _receipt(self._chain.send(self._contract.functions.setGovernors(ascending, threshold, ordered)))

    def holds(self, participant: ChainParticipant) -> bool:
        """Whether the chain has this very record and all its accounts."""
        functions = self._contract.functions
        record = tuple(self._chain.call(functions.organisation(chain_id_of(participant.org))))
        wanted = (group_word(participant.group), participant.mask(), participant.valid_from, participant.valid_until)
        return record == wanted and all(self.org_of(account) == chain_id_of(participant.org)
                                        for account in participant.accounts)

    def org_of(self, account: str) -> bytes | None:
        """The organisation (SHA-256 of its id) of an account."""
        org = bytes(self._chain.call(self._contract.functions.orgOf(account)))
        return org if any(org) else None

    def governors(self) -> tuple[list[str], int]:
        """The governors, ascending, and how many decide."""
        accounts, threshold = self._chain.call(self._contract.functions.governors())
        return list(accounts), int(threshold)


class EvmRegistry:
    """The CertificateRegistry as one account uses it."""

    def __init__(self, chain: Chain, addresses: Addresses) -> None:
        self._chain = chain
        self._contract = chain.contract("CertificateRegistry", addresses.certificates)
        self._functions = self._contract.functions
        self.address = addresses.certificates

    def issue(self, application: Application) -> Issued:
        """See Registry.issue."""
        return self._once(application, self._functions.issue(_arguments(application)))

    def supersede(self, old: bytes, application: Application) -> Issued:
        """See Registry.supersede."""
        return self._once(application, self._functions.supersede(old, _arguments(application)))

    def revoke(self, payload_digest: bytes, reason: str) -> Receipt:
        """See Registry.revoke."""
        return self._send(self._functions.revoke(payload_digest, reason))

    def split(self, piece: int, units: int) -> tuple[int, int, Receipt]:
        """See Registry.split."""
        receipt = self._send(self._functions.split(piece, units))
        found = self._chain.events(self._contract.events.CertificateSplit, receipt.block_number, receipt.block_number,
                                   id=piece)
        return int(found[0]["args"]["lower"]), int(found[0]["args"]["upper"]), receipt

    def transfer(self, piece: int, to: str) -> Receipt:
        """See Registry.transfer."""
        return self._send(self._functions.transfer(piece, to))

    def retire(self, piece: int, purpose: str, beneficiary: str, start: int, end: int) -> Receipt:
        """See Registry.retire."""
        return self._send(self._functions.retire(piece, purpose, beneficiary, start, end))

    def pledge(self, piece: int, pledgee: str) -> Receipt:
        """See Registry.pledge."""
        return self._send(self._functions.pledge(piece, pledgee))

    def release(self, piece: int) -> Receipt:
        """See Registry.release."""
        return self._send(self._functions.release(piece))

    def open_mark(self, mark: Mark) -> Receipt | None:
        """See Registry.open_mark."""
        wanted = (chain_id_of(mark.org), mark.kind, mark.opening, mark.capacity_w, mark.first_reading)
        held = self.mark(mark.id)
        if held and (held.org, held.kind, held.opening, held.capacity, held.first_reading) == wanted:
            return None
        return self._send(self._functions.openMark(chain_id_of(mark.id), *wanted))

    def skip(self, mark: str, to: int, reason: str) -> Receipt:
        """See Registry.skip."""
        return self._send(self._functions.skip(chain_id_of(mark), to, reason))

    def certificate(self, payload_digest: bytes) -> CertificateState | None:
        """See Registry.certificate."""
        (claim, key, subject, verifier, by, holder, kind, status, issued_at, amount, first, moved,
         short) = self._chain.call(self._functions.certificateOf(payload_digest))
        if status == 0:
            return None
        return CertificateState(payload_digest, claim, key, subject, verifier, by if any(by) else None, holder, kind,
                                CertificateStatus(status), issued_at, amount, first, moved, short)

    def intervals(self, payload_digest: bytes) -> list[SpentState]:
        """See Registry.intervals."""
        return [SpentState(*spent) for spent in self._chain.call(self._functions.intervalsOf(payload_digest))]

    def piece(self, piece: int) -> PieceState | None:
        """See Registry.piece."""
        digest, owner, status, moved, start, end, pledgee, retirement = self._chain.call(
            self._functions.pieceOf(piece))
        if status == 0:
            return None
        return PieceState(digest, owner, PieceStatus(status), moved, start, end,
                          None if pledgee == ADDRESS_ZERO else pledgee, retirement if any(retirement) else None)

    def mark(self, mark: str) -> MarkState | None:
        """See Registry.mark."""
        state = MarkState(*self._chain.call(self._functions.markOf(chain_id_of(mark))))
        return state if state.kind else None

    def debt(self, mark: str, kind: int) -> int:
        """See Registry.debt."""
        return int(self._chain.call(self._functions.debtOf(chain_id_of(mark), kind)))

    def hole(self, mark: str, start: int) -> int | None:
        """See Registry.hole."""
        return self._chain.call(self._functions.holeAt(chain_id_of(mark), start)) or None

    def live(self, exclusivity_key: bytes) -> bytes | None:
        """Payload digest of the live certificate of an exclusivity key."""
        digest = bytes(self._chain.call(self._functions.liveOf(exclusivity_key)))
        return digest if any(digest) else None

    def events(self, first_block: int = 0, last_block: int | None = None) -> list[RegistryEvent]:
        """See Registry.events."""
        found = [_event(entry) for name in EVENTS
                 for entry in self._chain.events(self._contract.events[name], first_block, last_block)]
        return sorted(found, key=lambda event: (event.block_number, event.log_index))

    def status_evidence(self, certificates: Sequence[bytes], pieces: Sequence[int], marks: Sequence[str],
                        holes: Sequence[tuple[str, int]] = ()) -> dict[str, Any]:
        """See Registry.status_evidence. With each certificate come its intervals and the holder of its key."""
        slots = [slot for digest in certificates for slot in self._certificate_slots(digest)]
        slots += [slot for piece in pieces for slot in piece_slots(piece)]
        slots += [slot for mark in marks for slot in mark_slots(mark)]
        slots += [debt_slot(mark, kind) for mark in marks for kind in (Kind.REDUCTION, Kind.GREEN_POWER)]
        slots += [hole_slot(mark, start) for mark, start in holes]
        return self._chain.evidence(self.address, list(dict.fromkeys(slots)))

    def _certificate_slots(self, payload_digest: bytes) -> list[int]:
        state = self.certificate(payload_digest)
        slots = [*certificate_slots(payload_digest), *spent_slots(payload_digest, len(self.intervals(payload_digest)))]
        return [*slots, live_slot(state.exclusivity_key)] if state else slots

    def _once(self, application: Application, function: Any) -> Issued:
        digest = application.opinion.payloadDigest
        try:
            self._chain.send(function)
        except Refused as error:
            if error.code != "certificate-already-issued":
                raise
            self._check_same(application)
            return self._issued(digest, repeated=True)
        return self._issued(digest, repeated=False)

    def _check_same(self, application: Application) -> None:
        held = self.certificate(application.opinion.payloadDigest)
        if held is None or held.claim_hash != application.opinion.claimHash:
            raise Refused("certificate-conflict", "the chain holds a certificate of this statement for another claim",
                          where=application.opinion.payloadDigest.hex(),
                          hint="compare the deployment with the chain it names")

    def _issued(self, digest: bytes, *, repeated: bool) -> Issued:
        found = self._chain.events(self._contract.events.CertificateIssued, payloadDigest=digest)
        if not found:
            raise Unavailable("certificate-event-missing", "the node does not show the certificate's event",
                              where=digest.hex(), hint="send again")
        mined = self._chain.transaction(found[-1]["transactionHash"].to_0x_hex())
        return Issued(digest, int(found[-1]["args"]["id"]) or None, _receipt(mined), repeated)

    def _send(self, function: Any) -> Receipt:
        return _receipt(self._chain.send(function))


def _arguments(application: Application) -> tuple[Any, ...]:
    return (tuple(application.claim.values().values()), application.claim_signature,
            tuple(application.opinion.values().values()), application.opinion_signature,
            [(chain_id_of(item.mark), item.start, item.end) for item in application.intervals],
            [chain_id_of(reference) for reference in application.references],
            application.size, application.index, list(application.path))


def _by_signer(digest: bytes, signatures: Sequence[bytes]) -> list[bytes]:
    """In ascending order of the signers, as the contract wants them. Raises VerificationFailed (eip712-…)."""
    return sorted(signatures, key=lambda signature: parse_address(recover(digest, signature)))


def _receipt(mined: Transaction) -> Receipt:
    return Receipt(mined.hash, mined.block_number, mined.block_hash, mined.time, mined.gas)


def _event(entry: dict[str, Any]) -> RegistryEvent:
    return RegistryEvent(entry["event"], entry["blockNumber"], entry["blockHash"].to_0x_hex(),
                         entry["transactionHash"].to_0x_hex(), entry["logIndex"], dict(entry["args"]))
