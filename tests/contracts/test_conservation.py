"""Over any sequence of operations: every position is accounted for once, and pieces tile their certificate."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest
from chain_helpers import MWH, PERIOD, PV, STATEMENTS, WIND, World, account, payload_digest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import Refused
from core.records import Interval
from ledger.anchor.layout import PieceStatus

pytestmark = pytest.mark.chain

PEOPLE = ("steel", "trader", "buyer")
ACTIONS = ("issue", "issue", "split", "split", "transfer", "transfer", "retire", "revoke", "supersede", "skip", "fill",
           "pledge", "release", "thief")


@dataclass
class Model:
    """What we know happened: pieces and certificates by number of their statement."""

    next_statement: int = 0
    pieces: list[int] = field(default_factory=list)
    certificates: dict[int, tuple[str, int, int]] = field(default_factory=dict)
    holes: list[tuple[str, int, int]] = field(default_factory=list)


class Player:
    """Plays random moves; the contract may refuse any of them, and must stay sound either way."""

    def __init__(self, world: World, chance: random.Random) -> None:
        self.world = world
        self.chance = chance
        self.model = Model()

    def play(self, action: str) -> None:
        try:
            getattr(self, action)()
        except Refused as error:
            if not error.code.startswith(("certificate-", "mark-")):
                raise

    def issue(self) -> None:
        mark, amount = self.chance.choice([PV, WIND]), self.chance.randint(1, 20)
        start = self.world.registry("node").mark(mark).position  # type: ignore[union-attr]
        self._issue(mark, start, amount, self.chance.choice([0, 0, 123_457]))

    def _issue(self, mark: str, start: int, amount: int, surplus: int) -> None:
        number = self._statement()
        interval = Interval(mark, start, start + amount * MWH + surplus)
        issued = self.world.issue(number, [interval], amount)
        self.model.certificates[number] = (mark, interval.start, interval.end)
        self.model.pieces += [issued.piece] if issued.piece else []

    def _statement(self) -> int:
        self.model.next_statement += 1
        return self.model.next_statement % STATEMENTS

    def _piece(self) -> tuple[int, str]:
        if not self.model.pieces:
            raise Refused("certificate-none", "nothing to play with")
        piece = self.chance.choice(self.model.pieces)
        state = self.world.registry("node").piece(piece)
        assert state is not None
        return piece, next(name for name in PEOPLE if account(name).address == state.owner)

    def split(self) -> None:
        piece, owner = self._piece()
        lower, upper, _ = self.world.registry(owner).split(piece, self.chance.randint(1, 6))
        self.model.pieces += [lower, upper]

    def transfer(self) -> None:
        piece, owner = self._piece()
        self.world.registry(owner).transfer(piece, account(self.chance.choice(PEOPLE)).address)

    def thief(self) -> None:
        piece, owner = self._piece()
        other = self.chance.choice([name for name in PEOPLE if name != owner])
        with pytest.raises(Refused):
            self.world.registry(other).transfer(piece, account(other).address)

    def retire(self) -> None:
        piece, owner = self._piece()
        self.world.registry(owner).retire(piece, "use", "beneficiary", *PERIOD)

    def pledge(self) -> None:
        piece, owner = self._piece()
        self.world.registry(owner).pledge(piece, account("buyer").address)

    def release(self) -> None:
        piece, _owner = self._piece()
        self.world.registry("buyer").release(piece)

    def _number(self) -> int:
        if not self.model.certificates:
            raise Refused("certificate-none", "nothing to play with")
        return self.chance.choice(sorted(self.model.certificates))

    def revoke(self) -> None:
        number = self._number()
        self.world.registry("verifier").revoke(payload_digest(number), "chance")
        self.model.holes.append(self.model.certificates[number])

    def supersede(self) -> None:
        old, number = self._number(), self._statement()
        was = self.world.registry("node").certificate(payload_digest(old))
        assert was is not None
        mark, start, end = self.model.certificates[old]
        amount = self.chance.randint(1, was.amount)
        interval = Interval(mark, start, min(end, start + amount * MWH + self.chance.choice([0, 77])))
        issued = self.world.registry("node").supersede(payload_digest(old), self.world.application(
            number, [interval], amount=amount, key=was.exclusivity_key))
        self.model.certificates[number] = (mark, interval.start, interval.end)
        self.model.pieces += [issued.piece] if issued.piece else []

    def skip(self) -> None:
        start = self.world.registry("node").mark(PV).position  # type: ignore[union-attr]
        end = start + self.chance.randint(1, 3 * MWH)
        self.world.registry("registrar").skip(PV, end, "chance")
        self.model.holes.append((PV, start, end))

    def fill(self) -> None:
        if not self.model.holes:
            raise Refused("mark-none", "no hole to fill")
        mark, start, end = self.chance.choice(self.model.holes)
        self._issue(mark, start, max(1, (end - start) // MWH), 0)


def check_everything(world: World, model: Model) -> None:
    assert world.conserved()
    node = world.registry("node")
    functions = world.chain("node").contract("CertificateRegistry", world.addresses.certificates).functions
    whole: dict[bytes, list[tuple[int, int]]] = {}
    for piece in set(model.pieces):
        state = node.piece(piece)
        assert state is not None
        assert state.id == piece
        holders = [name for name in PEOPLE if functions.balanceOf(account(name).address, piece).call()]
        assert len(holders) == (state.status == PieceStatus.WHOLE)
        if state.status != PieceStatus.SPLIT:
            whole.setdefault(state.payload_digest, []).append((state.start, state.end))
    for digest, spans in whole.items():
        certificate = node.certificate(digest)
        assert certificate is not None
        edges = [certificate.first, *(end for _, end in sorted(spans))]
        assert [start for start, _ in sorted(spans)] == edges[:-1], "pieces tile the certificate without gap or overlap"
        assert edges[-1] == certificate.amount


@settings(max_examples=6, deadline=None, derandomize=True,
          suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32), actions=st.lists(st.sampled_from(ACTIONS), min_size=10, max_size=22))
def test_positions_and_units_are_conserved_over_any_sequence(world: World, seed: int, actions: list[str]) -> None:
    rpc = world.chain("node").rpc
    snapshot = rpc.call("evm_snapshot")
    player = Player(world, random.Random(seed))
    for action in ["issue", *actions]:
        player.play(action)
        assert world.conserved(), action
    check_everything(world, player.model)
    rpc.call("evm_revert", snapshot)
