"""What holders, verifiers and registrars do with certificates: each one operation, signed by their own account.

A `Desk` is one account's place at the registry. Every function brings the mirror up to date, records what is intended,
delivers it (certificates.outbox) and reads the chain again; calling it again after a fault finishes the same operation.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import Engine, func, select

from certificates import mirror, outbox
from certificates.blocks import Blocks
from certificates.outbox import Handler, Intent, Operation, Sighting
from certificates.registry import Mark, Receipt, Registry
from core import jcs
from core.clock import Clock
from core.database import reading
from core.errors import NotFound, Unavailable
from core.fields import members, text
from core.ids import check_hex, check_id
from core.period import Period
from core.records import MarkKind
from ledger.anchor.layout import CertificateStatus, PieceState, PieceStatus, piece_id, retirement_digest

_TRANSFERS = ("TransferSingle", "TransferBatch")
_RELEASES = ("CertificateReleased",)


@dataclass(frozen=True)
class Desk:
    """One account at the registry. `actor`: its address; `registry` signs with its key."""

    engine: Engine
    registry: Registry
    blocks: Blocks
    actor: str
    clock: Clock

    def handler_of(self, operation: Operation) -> Handler | None:
        """The handler of this account's operations on pieces, certificates and marks; None for others'."""
        if operation.actor != self.actor or operation.kind not in KINDS:
            return None
        return DeskHandler(self)


@dataclass(frozen=True)
class Beneficiary:
    """Who may claim the use of a retired certificate (`id`: USCC, LEI or an id of ours), and where it was used."""

    name: str
    id: str
    country: str
    place: str

    def as_text(self) -> str:
        """The text that stands on the chain: JCS of the four members."""
        return jcs.canonical({"country": self.country, "id": self.id, "name": self.name, "place": self.place}).decode()

    @classmethod
    def from_text(cls, value: str) -> Beneficiary:
        """The beneficiary of its text. Raises FormError."""
        item = members(jcs.parse(value.encode()), ("country", "id", "name", "place"), "beneficiary")
        return cls(*(text(item[name], f"beneficiary.{name}") for name in ("name", "id", "country", "place")))


def split(desk: Desk, piece: bytes, units: int) -> tuple[bytes, bytes]:
    """Cut the first `units` off a piece; ids of the lower and upper piece. Raises Refused, NotFound, Unavailable."""
    state = _piece(desk, piece)
    _run(desk, Operation("split", desk.actor, {"piece": piece.hex(), "units": str(units)}))
    cut = state.start + units
    lower, upper = (state.start, cut), (cut, state.end)
    return _id(state.payload_digest, *lower), _id(state.payload_digest, *upper)


def transfer(desk: Desk, piece: bytes, to: str) -> Intent:
    """Give a piece to a registered participant's account. Raises Refused, NotFound, Unavailable."""
    _piece(desk, piece)
    return _run(desk, _resumed(desk, "transfer", {"piece": piece.hex(), "to": to},
                               step=_count(desk, piece, _TRANSFERS)))


def retire(desk: Desk, piece: bytes, purpose: str, beneficiary: Beneficiary, period: Period) -> Intent:
    """Use a piece up for a beneficiary's consumption in a period; final.

    Raises FormError (document-text: an empty beneficiary or purpose), Refused, NotFound, Unavailable.
    """
    _piece(desk, piece)
    Beneficiary.from_text(beneficiary.as_text())
    return _run(desk, Operation("retire", desk.actor, {
        "piece": piece.hex(), "purpose": text(purpose, "purpose"), "beneficiary": beneficiary.as_text(),
        "start": str(period.start), "end": str(period.end)}))


def pledge(desk: Desk, piece: bytes, pledgee: str) -> Intent:
    """Pledge a piece to a registered participant; only the pledgee releases it."""
    _piece(desk, piece)
    return _run(desk, _resumed(desk, "pledge", {"piece": piece.hex(), "pledgee": pledgee},
                               step=_count(desk, piece, _RELEASES)))


def release(desk: Desk, piece: bytes) -> Intent:
    """Free a piece that is pledged to this account."""
    _piece(desk, piece)
    return _run(desk, _resumed(desk, "release", {"piece": piece.hex()}, step=_count(desk, piece, _RELEASES)))


def revoke(desk: Desk, statement: bytes, reason: str) -> Intent:
    """Revoke the certificate of a statement; by a registrar or the verifier that gave the opinion."""
    return _run(desk, Operation("revoke", desk.actor, {"statement": statement.hex(), "reason": text(reason, "reason")}))


def open_mark(desk: Desk, mark: Mark) -> Intent:
    """Open a mark on the chain; by a registrar. Opening the same mark again changes nothing."""
    check_id(mark.id, where="mark")
    return _run(desk, Operation("open-mark", desk.actor, {
        "mark": mark.id, "org": mark.org, "type": MarkKind(mark.kind).name.lower(), "opening": str(mark.opening),
        "capacity_w": str(mark.capacity_w), "first_reading": str(mark.first_reading)}))


def skip(desk: Desk, mark: str, to: int, reason: str) -> Intent:
    """Leave a public hole from a mark's position up to `to`; by a registrar."""
    state = desk.registry.mark(mark)
    if state is None:
        raise NotFound("mark-unknown", "no such mark is open", where=mark, hint="a registrar opens it first")
    return _run(desk, _resumed(desk, "skip", {"mark": mark, "to": str(to), "reason": text(reason, "reason")},
                               step=state.position))


def _resumed(desk: Desk, kind: str, arguments: Mapping[str, str], step: int) -> Operation:
    """The operation that follows `step` others of its kind, or the same one intended before and still pending.

    What may be asked for repeatedly is told apart by its step; asking again while the outcome is unknown is not a
    second request.
    """
    with reading(desk.engine) as connection:
        pending = outbox.intents(connection, outbox.PENDING)
    for item in pending:
        known = item.operation
        if (known.kind, known.actor) == (kind, desk.actor) and {**arguments, "step": known.arguments["step"]} == (
                known.arguments):
            return known
    return Operation(kind, desk.actor, {**arguments, "step": str(step)})


def _run(desk: Desk, operation: Operation) -> Intent:
    intent = outbox.run(desk.engine, operation, desk.handler_of, desk.clock.now())
    mirror.follow(desk.engine, desk.registry, desk.blocks)
    return intent


def _piece(desk: Desk, piece: bytes) -> PieceState:
    mirror.follow(desk.engine, desk.registry, desk.blocks)
    state = desk.registry.piece(int.from_bytes(piece, "big"))
    if state is None:
        raise NotFound("piece-unknown", "the chain has no such piece", where=piece.hex(),
                       hint="a piece changes its id when it is split: look at its parts")
    return state


def _id(digest: bytes, start: int, end: int) -> bytes:
    return piece_id(digest, start, end).to_bytes(32, "big")


def _count(desk: Desk, piece: bytes, names: tuple[str, ...]) -> int:
    """How many events of these kinds the piece has had: tells a second transfer to one account from the first."""
    events = mirror.EVENTS
    with reading(desk.engine) as connection:
        return connection.execute(select(func.count()).select_from(events).where(
            events.c.piece == piece, events.c.name.in_(names))).scalar_one()


@dataclass(frozen=True)
class DeskHandler:
    """Finds and sends the operations of this module with the desk's key."""

    desk: Desk

    def find(self, operation: Operation) -> Sighting | None:
        """See Handler."""
        return sighting_now(self.desk.blocks) if _FIND[operation.kind](self.desk, operation) else None

    def send(self, operation: Operation) -> Sighting:
        """See Handler."""
        receipt = _SEND[operation.kind](self.desk.registry, operation.arguments)
        return sighting_of(receipt) if receipt is not None else sighting_now(self.desk.blocks)


def sighting_of(receipt: Receipt) -> Sighting:
    """Where a receipt says the operation stands."""
    return Sighting(receipt.block_number, receipt.block_hash, receipt.transaction)


def sighting_now(blocks: Blocks) -> Sighting:
    """The head: what the chain holds now it holds there. Raises Unavailable."""
    head = blocks.block(blocks.head())
    if head is None:
        raise Unavailable("chain-unavailable", "the chain lost its newest block", hint="ask again")
    return Sighting(head.number, head.hash)


def _number(arguments: Mapping[str, str]) -> int:
    return int.from_bytes(check_hex(arguments["piece"], where="piece"), "big")


def _found_split(desk: Desk, operation: Operation) -> bool:
    state = desk.registry.piece(_number(operation.arguments))
    cut = state.start + int(operation.arguments["units"]) if state else 0
    return (state is not None and state.status is PieceStatus.SPLIT
            and desk.registry.piece(piece_id(state.payload_digest, state.start, cut)) is not None)


def _found_transfer(desk: Desk, operation: Operation) -> bool:
    """Whether the piece's transfer number `step` is this one, wherever the piece went afterwards."""
    mirror.follow(desk.engine, desk.registry, desk.blocks)
    arguments, events = operation.arguments, mirror.EVENTS
    with reading(desk.engine) as connection:
        moves = connection.execute(select(events.c.data).where(
            events.c.piece == check_hex(arguments["piece"], where="piece"), events.c.name.in_(_TRANSFERS))
            .order_by(events.c.block, events.c.ordinal).offset(int(arguments["step"])).limit(1)).scalars().all()
    return [(data["from"], data["to"]) for data in map(json.loads, moves)] == [(operation.actor, arguments["to"])]


def _found_retire(desk: Desk, operation: Operation) -> bool:
    arguments = operation.arguments
    state = desk.registry.piece(_number(arguments))
    return state is not None and state.retirement == retirement_digest(
        arguments["purpose"], arguments["beneficiary"], int(arguments["start"]), int(arguments["end"]))


def _found_pledge(desk: Desk, operation: Operation) -> bool:
    state = desk.registry.piece(_number(operation.arguments))
    return state is not None and state.pledgee == operation.arguments["pledgee"]


def _found_release(desk: Desk, operation: Operation) -> bool:
    state = desk.registry.piece(_number(operation.arguments))
    return state is not None and state.pledgee is None


def _found_revoke(desk: Desk, operation: Operation) -> bool:
    state = desk.registry.certificate(bytes.fromhex(operation.arguments["statement"]))
    return state is not None and state.status is CertificateStatus.REVOKED


def _found_skip(desk: Desk, operation: Operation) -> bool:
    arguments = operation.arguments
    return desk.registry.hole(arguments["mark"], int(arguments["step"])) == int(arguments["to"])


def _mark(arguments: Mapping[str, str]) -> Mark:
    return Mark(arguments["mark"], arguments["org"], int(MarkKind[arguments["type"].upper()]),
                int(arguments["opening"]), int(arguments["capacity_w"]), int(arguments["first_reading"]))


_FIND: dict[str, Callable[[Desk, Operation], bool]] = {
    "split": _found_split, "transfer": _found_transfer, "retire": _found_retire, "pledge": _found_pledge,
    "release": _found_release, "revoke": _found_revoke, "skip": _found_skip,
    # The registry's own open_mark recognises the same mark.
    "open-mark": lambda desk, operation: False,
}
_SEND: dict[str, Callable[[Registry, Mapping[str, str]], Receipt | None]] = {
    "split": lambda registry, a: registry.split(_number(a), int(a["units"]))[2],
    "transfer": lambda registry, a: registry.transfer(_number(a), a["to"]),
    "retire": lambda registry, a: registry.retire(_number(a), a["purpose"], a["beneficiary"], int(a["start"]),
                                                  int(a["end"])),
    "pledge": lambda registry, a: registry.pledge(_number(a), a["pledgee"]),
    "release": lambda registry, a: registry.release(_number(a)),
    "revoke": lambda registry, a: registry.revoke(bytes.fromhex(a["statement"]), a["reason"]),
    "skip": lambda registry, a: registry.skip(a["mark"], int(a["to"]), a["reason"]),
    "open-mark": lambda registry, a: registry.open_mark(_mark(a)),
}
KINDS = frozenset(_SEND)
