"""A naive certificate registry in memory: the rules of the contract in their plainest form, to check the rest against.

One `World` is the chain; `world.desk(account)` is the Registry one account uses. Every write makes one block.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from certificates.blocks import Block
from certificates.registry import Application, Issued, Mark, Receipt, RegistryEvent
from core.errors import Forbidden, Refused, Unavailable
from core.ids import chain_id_of
from core.records import Kind
from ledger.anchor.layout import (
    CertificateState,
    CertificateStatus,
    MarkState,
    PieceState,
    PieceStatus,
    SpentState,
    piece_id,
    retirement_digest,
)

NOBODY = "0x" + "0" * 40
ATTRIBUTES = (Kind.GREEN_POWER, Kind.REDUCTION)


@dataclass
class State:
    """Everything the contract stores."""

    certificates: dict[bytes, CertificateState] = field(default_factory=dict)
    spent: dict[bytes, list[SpentState]] = field(default_factory=dict)
    pieces: dict[int, PieceState] = field(default_factory=dict)
    marks: dict[bytes, MarkState] = field(default_factory=dict)
    holes: dict[tuple[bytes, int], int] = field(default_factory=dict)
    live: dict[bytes, bytes] = field(default_factory=dict)
    references: dict[str, bytes] = field(default_factory=dict)
    events: list[RegistryEvent] = field(default_factory=list)


class World:
    """A chain with one registry. `participants`: who may receive; `fault` may raise before or after a block."""

    def __init__(self, participants: Sequence[str] = ()) -> None:
        self.participants = set(participants)
        self.state = State()
        self.blocks: list[tuple[Block, State]] = [(Block(0, "0xgenesis", 0), copy.deepcopy(self.state))]
        self.forks = 0
        self.time = 1_790_000_000_000
        self.fault: Callable[[str, str], None] = lambda when, what: None

    def desk(self, account: str) -> MemoryRegistry:
        return MemoryRegistry(self, account)

    def head(self) -> int:
        self.fault("read", "head")
        return len(self.blocks) - 1

    def block(self, number: int) -> Block | None:
        return self.blocks[number][0] if 0 <= number < len(self.blocks) else None

    def lose(self, count: int) -> None:
        """The last blocks are gone, and what comes in their place has other hashes."""
        keep = max(len(self.blocks) - count, 1)
        del self.blocks[keep:]
        self.state = copy.deepcopy(self.blocks[-1][1])
        self.forks += 1

    def write(self, what: str, change: Callable[[State], list[tuple[str, dict[str, Any]]]]) -> Receipt:
        """One transaction in one block; all of it or nothing."""
        self.fault("before", what)
        number = len(self.blocks)
        self.time += 1_000
        block = Block(number, "0x" + sha256(f"{self.forks}/{number}/{self.time}".encode()).hexdigest(), self.time)
        state = copy.deepcopy(self.state)
        for ordinal, (name, values) in enumerate(change(state)):
            state.events.append(RegistryEvent(name, number, block.hash, f"0xt{self.forks}-{number}", ordinal, values))
        self.state = state
        self.blocks.append((block, copy.deepcopy(state)))
        self.fault("after", what)
        return Receipt(f"0xt{self.forks}-{number}", number, block.hash, block.time, 0)


class MemoryRegistry:
    """certificates.registry.Registry for one account of a World."""

    def __init__(self, world: World, account: str) -> None:
        self.world = world
        self.account = account

    def issue(self, application: Application) -> Issued:
        return self._open(application, None)

    def supersede(self, old: bytes, application: Application) -> Issued:
        return self._open(application, old)

    def _open(self, application: Application, old: bytes | None) -> Issued:
        opinion = application.opinion
        digest = opinion.payloadDigest
        held = self.world.state.certificates.get(digest)
        if held is not None:
            number = next(event for event in self.world.state.events
                          if event.name == "CertificateIssued" and event.values["payloadDigest"] == digest).block_number
            block = self.world.blocks[number][0]
            return Issued(digest, None, Receipt("0x", number, block.hash, block.time, 0), repeated=True)

        def change(state: State) -> list[tuple[str, dict[str, Any]]]:
            events = self._replace(state, old, application) if old else self._spend(state, application)
            if state.live.get(opinion.exclusivityKey) not in (None, digest):
                raise Refused("certificate-exclusive", "a live certificate holds the key")
            for reference in application.references:
                if state.references.setdefault(reference, digest) != digest:
                    raise Refused("certificate-reference-taken", "the reference stands behind another")
            state.live[opinion.exclusivityKey] = digest
            state.certificates[digest] = CertificateState(
                digest, opinion.claimHash, opinion.exclusivityKey, opinion.subjectOrg, chain_id_of("org:suzheng"), None,
                opinion.holder, opinion.kind, CertificateStatus.LIVE, self.world.time, opinion.amount, 0, 0, 0)
            piece = self._mint(state, digest, 0, opinion.amount, opinion.holder, False, events)
            events.append(("CertificateIssued", {"payloadDigest": digest, "subject": opinion.subjectOrg, "id": piece,
                                                 "amount": opinion.amount}))
            return events

        receipt = self.world.write("issue", change)
        return Issued(digest, piece_id(digest, 0, opinion.amount), receipt)

    def _spend(self, state: State, application: Application) -> list[tuple[str, dict[str, Any]]]:
        events: list[tuple[str, dict[str, Any]]] = []
        digest = application.opinion.payloadDigest
        for span in application.intervals:
            key = chain_id_of(span.mark)
            mark = state.marks[key]
            length = span.end - span.start
            end = state.holes.pop((key, span.start), None)
            if end is None and span.start == mark.position:
                mark = replace(mark, position=span.end)
            elif end is not None and span.end <= end:
                mark = replace(mark, holes=mark.holes - length)
                if span.end < end:
                    state.holes[key, span.end] = end
            else:
                raise Refused("mark-overlap", "the interval is neither at the mark nor in a hole")
            state.marks[key] = replace(mark, live=mark.live + length)
            state.spent.setdefault(digest, []).append(SpentState(key, span.start, span.end, length, length))
            events.append(("IntervalSpent", {"mark": key, "payloadDigest": digest, "start": span.start,
                                             "end": span.end}))
        return events

    def _replace(self, state: State, old: bytes, application: Application) -> list[tuple[str, dict[str, Any]]]:
        was = state.certificates[old]
        if was.status is not CertificateStatus.LIVE:
            raise Refused("certificate-not-live", "not live")
        if was.moved or application.opinion.amount > was.amount:
            raise Refused("certificate-enlarged", "the naive registry supersedes only what nobody else holds")
        state.certificates[old] = replace(was, status=CertificateStatus.SUPERSEDED,
                                          superseded_by=application.opinion.payloadDigest)
        del state.live[was.exclusivity_key]
        state.spent[application.opinion.payloadDigest] = state.spent.get(old, [])
        return [("CertificateSuperseded", {"payloadDigest": old, "by": application.opinion.payloadDigest, "short": 0})]

    def revoke(self, payload_digest: bytes, reason: str) -> Receipt:
        def change(state: State) -> list[tuple[str, dict[str, Any]]]:
            it = state.certificates.get(payload_digest)
            if it is None or it.status is not CertificateStatus.LIVE:
                raise Refused("certificate-not-live", "not live")
            state.certificates[payload_digest] = replace(it, status=CertificateStatus.REVOKED)
            del state.live[it.exclusivity_key]
            events = [("CertificateRevoked", {"payloadDigest": payload_digest, "by": self.account, "reason": reason})]
            for span in state.spent.get(payload_digest, []) if not it.moved else []:
                mark = state.marks[span.mark]
                length = span.end - span.start
                state.marks[span.mark] = replace(mark, live=mark.live - length, holes=mark.holes + length)
                state.holes[span.mark, span.start] = span.end
                events.append(("HoleLeft", {"mark": span.mark, "start": span.start, "end": span.end, "reason": reason}))
            return events

        return self.world.write("revoke", change)

    def split(self, piece: int, units: int) -> tuple[int, int, Receipt]:
        parts: list[int] = []

        def change(state: State) -> list[tuple[str, dict[str, Any]]]:
            it = self._usable(state, piece)
            if not 0 < units < it.end - it.start:
                raise Refused("certificate-split-point", "outside its units")
            events: list[tuple[str, dict[str, Any]]] = []
            state.pieces[piece] = replace(it, status=PieceStatus.SPLIT)
            self._move(it, NOBODY, events)
            for start, end in ((it.start, it.start + units), (it.start + units, it.end)):
                parts.append(self._mint(state, it.payload_digest, start, end, it.owner, it.moved, events))
            return [*events, ("CertificateSplit", {"id": piece, "lower": parts[0], "upper": parts[1]})]

        receipt = self.world.write("split", change)
        return parts[0], parts[1], receipt

    def transfer(self, piece: int, to: str) -> Receipt:
        def change(state: State) -> list[tuple[str, dict[str, Any]]]:
            it = self._usable(state, piece)
            self._tradable(state, it)
            if to not in self.world.participants:
                raise Refused("certificate-receiver", "not a participant")
            events: list[tuple[str, dict[str, Any]]] = []
            self._move(it, to, events)
            self._leave(state, it)
            state.pieces[piece] = replace(it, owner=to, moved=True)
            return events

        return self.world.write("transfer", change)

    def retire(self, piece: int, purpose: str, beneficiary: str, start: int, end: int) -> Receipt:
        def change(state: State) -> list[tuple[str, dict[str, Any]]]:
            it = self._usable(state, piece)
            self._tradable(state, it)
            events: list[tuple[str, dict[str, Any]]] = []
            self._leave(state, it)
            self._move(it, NOBODY, events)
            amount = state.certificates[it.payload_digest].amount
            for span in state.spent[it.payload_digest]:
                share = span.weight * it.end // amount - span.weight * it.start // amount
                mark = state.marks[span.mark]
                state.marks[span.mark] = replace(mark, live=mark.live - share, retired=mark.retired + share)
            state.pieces[piece] = replace(it, status=PieceStatus.RETIRED, moved=True,
                                          retirement=retirement_digest(purpose, beneficiary, start, end))
            return [*events, ("CertificateRetired", {"id": piece, "owner": it.owner, "purpose": purpose,
                                                     "beneficiary": beneficiary, "start": start, "end": end})]

        return self.world.write("retire", change)

    def pledge(self, piece: int, pledgee: str) -> Receipt:
        def change(state: State) -> list[tuple[str, dict[str, Any]]]:
            it = self._usable(state, piece)
            if pledgee not in self.world.participants:
                raise Refused("certificate-receiver", "not a participant")
            state.pieces[piece] = replace(it, pledgee=pledgee)
            return [("CertificatePledged", {"id": piece, "pledgee": pledgee})]

        return self.world.write("pledge", change)

    def release(self, piece: int) -> Receipt:
        def change(state: State) -> list[tuple[str, dict[str, Any]]]:
            it = state.pieces[piece]
            if it.pledgee != self.account:
                raise Forbidden("certificate-forbidden", "not the pledgee")
            state.pieces[piece] = replace(it, pledgee=None)
            return [("CertificateReleased", {"id": piece, "pledgee": self.account})]

        return self.world.write("release", change)

    def open_mark(self, mark: Mark) -> Receipt | None:
        key = chain_id_of(mark.id)
        wanted = (chain_id_of(mark.org), mark.kind, mark.opening, mark.capacity_w, mark.first_reading)
        held = self.world.state.marks.get(key)
        if held is not None:
            if (held.org, held.kind, held.opening, held.capacity, held.first_reading) == wanted:
                return None
            raise Refused("mark-exists", "the mark was opened before")

        def change(state: State) -> list[tuple[str, dict[str, Any]]]:
            state.marks[key] = MarkState(wanted[0], mark.kind, mark.opening, mark.opening, mark.capacity_w,
                                         mark.first_reading, 0, 0, 0)
            return [("MarkOpened", {"mark": key, "org": wanted[0], "opening": mark.opening})]

        return self.world.write("open-mark", change)

    def skip(self, mark: str, to: int, reason: str) -> Receipt:
        def change(state: State) -> list[tuple[str, dict[str, Any]]]:
            key = chain_id_of(mark)
            it = state.marks[key]
            if to <= it.position:
                raise Refused("mark-empty", "nothing to skip")
            state.marks[key] = replace(it, position=to, holes=it.holes + to - it.position)
            state.holes[key, it.position] = to
            return [("HoleLeft", {"mark": key, "start": it.position, "end": to, "reason": reason})]

        return self.world.write("skip", change)

    def certificate(self, payload_digest: bytes) -> CertificateState | None:
        return self.world.state.certificates.get(payload_digest)

    def intervals(self, payload_digest: bytes) -> list[SpentState]:
        return self.world.state.spent.get(payload_digest, [])

    def piece(self, piece: int) -> PieceState | None:
        return self.world.state.pieces.get(piece)

    def mark(self, mark: str) -> MarkState | None:
        return self.world.state.marks.get(chain_id_of(mark))

    def debt(self, mark: str, kind: int) -> int:
        return 0

    def hole(self, mark: str, start: int) -> int | None:
        return self.world.state.holes.get((chain_id_of(mark), start))

    def events(self, first_block: int = 0, last_block: int | None = None) -> list[RegistryEvent]:
        self.world.fault("read", "events")
        return [event for event in self.world.state.events
                if event.block_number >= first_block and (last_block is None or event.block_number <= last_block)]

    def status_evidence(self, certificates: Sequence[bytes], pieces: Sequence[int], marks: Sequence[str],
                        holes: Sequence[tuple[str, int]] = ()) -> dict[str, Any]:
        raise Unavailable("chain-no-proofs", "a registry in memory proves nothing")

    def _mint(self, state: State, digest: bytes, start: int, end: int, owner: str, moved: bool,
              events: list[tuple[str, dict[str, Any]]]) -> int:
        identity = piece_id(digest, start, end)
        state.pieces[identity] = PieceState(digest, owner, PieceStatus.WHOLE, moved, start, end, None, None)
        events.append(("TransferSingle", {"operator": self.account, "from": NOBODY, "to": owner, "id": identity,
                                          "value": 1}))
        return identity

    def _move(self, piece: PieceState, to: str, events: list[tuple[str, dict[str, Any]]]) -> None:
        events.append(("TransferSingle", {"operator": self.account, "from": piece.owner, "to": to, "id": piece.id,
                                          "value": 1}))

    def _leave(self, state: State, piece: PieceState) -> None:
        if not piece.moved:
            it = state.certificates[piece.payload_digest]
            state.certificates[piece.payload_digest] = replace(it, moved=it.moved + piece.end - piece.start)

    def _usable(self, state: State, piece: int) -> PieceState:
        it = state.pieces.get(piece)
        if it is None or it.owner != self.account:
            raise Refused("certificate-unknown", "no such piece of this account")
        status = state.certificates[it.payload_digest].status
        usable = status is CertificateStatus.LIVE or (status is CertificateStatus.SUPERSEDED and it.moved)
        if it.status is not PieceStatus.WHOLE or not usable:
            raise Refused("certificate-not-live", "retired, split, revoked or superseded")
        if it.pledgee is not None:
            raise Refused("certificate-pledged-to", "pledged")
        return it

    def _tradable(self, state: State, piece: PieceState) -> None:
        if state.certificates[piece.payload_digest].kind not in ATTRIBUTES:
            raise Refused("certificate-not-transferable", "not an attribute")
