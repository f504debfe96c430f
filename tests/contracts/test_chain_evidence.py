"""What the chain holds is proven offline, down to the state root of a header; what is altered is not."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from chain_helpers import LEAVES, MWH, OPENING, ORIGIN, PERIOD, PV, STATEMENTS, World, account, payload_digest, refused

from core import merkle
from core.errors import CarbonSealError
from core.records import Interval, Kind
from ledger.anchor import layout
from ledger.anchor.evidence import StorageFact, read_anchor, read_storage

pytestmark = pytest.mark.chain


def read(world: World, document: object, **changes: Any) -> Any:
    trust = {"chain_id": world.chain_id, "contract": world.addresses.anchors, "validators": None, **changes}
    return read_anchor(document, ORIGIN, STATEMENTS, **trust)


def evidence(world: World) -> dict[str, Any]:
    return world.anchor("node").anchor_evidence(ORIGIN, STATEMENTS)


def status(world: World, document: object) -> StorageFact:
    return read_storage(document, chain_id=world.chain_id, contract=world.addresses.certificates, validators=None)


def test_an_anchored_root_is_proven_offline(world: World) -> None:
    fact = read(world, evidence(world))
    assert fact.root == merkle.root(LEAVES)
    receipt = world.anchor("node").anchored(ORIGIN, STATEMENTS)
    assert receipt is not None
    assert fact.time == receipt.time
    assert fact.storage.header.number >= receipt.block_number
    assert fact.storage.sealers == ()


def test_a_root_that_was_never_anchored_is_proven_absent(world: World) -> None:
    document = world.anchor("node").anchor_evidence(ORIGIN, STATEMENTS + 1)
    with refused("anchor-absent"):
        read_anchor(document, ORIGIN, STATEMENTS + 1, chain_id=world.chain_id, contract=world.addresses.anchors,
                    validators=None)


def test_a_proof_of_another_size_or_log_proves_nothing(world: World) -> None:
    for origin, size in ((ORIGIN, STATEMENTS - 1), ("log.example/other", STATEMENTS)):
        with refused("slot-not-proven"):
            read_anchor(evidence(world), origin, size, chain_id=world.chain_id, contract=world.addresses.anchors,
                        validators=None)


def test_another_chain_or_contract_is_refused(world: World) -> None:
    with refused("chain-foreign"):
        read(world, evidence(world), chain_id=1)
    with refused("contract-foreign"):
        read(world, evidence(world), contract=world.addresses.certificates)


def test_a_look_alike_contract_under_the_right_name_is_refused(world: World) -> None:
    look_alike = world.chain("node").deploy("AnchorRegistry", world.addresses.participants)
    document = world.chain("node").evidence(look_alike, layout.anchor_slots(ORIGIN, STATEMENTS))
    document["contract"] = world.addresses.anchors
    with pytest.raises(CarbonSealError) as caught:
        read(world, document)
    assert caught.value.code.startswith("trie-")


def test_a_development_header_satisfies_no_validators(world: World) -> None:
    with pytest.raises(CarbonSealError) as caught:
        read(world, evidence(world), validators=[account("validator").address])
    assert caught.value.code in {"rlp-malformed", "qbft-extra-malformed", "qbft-quorum"}


def flip(text: str, place: int = -1) -> str:
    digit = text[place]
    return text[:place] + ("0" if digit != "0" else "1") + (text[place + 1 :] if place != -1 else "")


def spoil_header(field: str) -> Callable[[dict[str, Any]], None]:
    def spoil(document: dict[str, Any]) -> None:
        document["header"][field] = flip(document["header"][field])
    return spoil


def drop_node(document: dict[str, Any]) -> None:
    document["account_proof"].pop()


def add_node(document: dict[str, Any]) -> None:
    document["account_proof"].append(document["account_proof"][0])


def spoil_node(document: dict[str, Any]) -> None:
    key = next(iter(document["storage"]))
    document["storage"][key][-1] = flip(document["storage"][key][-1])


def swap_slots(document: dict[str, Any]) -> None:
    one, other = document["storage"]
    document["storage"] = {one: document["storage"][other], other: document["storage"][one]}


@pytest.mark.parametrize("spoil", [
    *(spoil_header(field) for field in ("hash", "stateRoot", "timestamp", "parentHash", "number", "logsBloom")),
    drop_node, add_node, spoil_node, swap_slots,
    lambda d: d.pop("header"), lambda d: d.update(more=1), lambda d: d.update(storage=[]),
    lambda d: d.update(account_proof="0x"), lambda d: d.update(account_proof=["xyz"]),
    lambda d: d.update(storage={"0x1": []}), lambda d: d.update(contract=7), lambda d: d.update(header=None),
    lambda d: d.update(account_proof=[]), lambda d: d["header"].pop("stateRoot"),
    lambda d: d["header"].update(number="0x0x"), lambda d: d["header"].update(number=5),
    lambda d: d["header"].update(baseFeePerGas="0x1"),
])
def test_altered_evidence_is_refused_with_a_code(world: World, spoil: Callable[[dict[str, Any]], None]) -> None:
    document = copy.deepcopy(evidence(world))
    spoil(document)
    with pytest.raises(CarbonSealError):
        read(world, document)


@pytest.mark.parametrize("document", [None, [], "x", {}, 7])
def test_what_is_no_evidence_is_a_form_error(world: World, document: object) -> None:
    with refused("chain-evidence-malformed"):
        read(world, document)


def test_the_whole_status_of_a_certificate_is_proven_offline(world: World) -> None:
    piece = world.green(0, 10)
    steel = world.registry("steel")
    lower, upper, _ = steel.split(piece, 4)
    steel.retire(lower, "use", "somebody", *PERIOD)
    steel.pledge(upper, account("trader").address)
    world.registry("registrar").skip(PV, OPENING + 11 * MWH, "skipped")
    digest, hole = payload_digest(0), OPENING + 10 * MWH
    fact = status(world, steel.status_evidence([digest], [piece, lower, upper], [PV], [(PV, hole)]))
    assert layout.decode_certificate(digest, fact.words) == steel.certificate(digest)
    assert layout.decode_mark(PV, fact.words) == steel.mark(PV)
    assert layout.decode_spent(digest, 1, fact.words) == steel.intervals(digest)
    for one in (piece, lower, upper):
        assert layout.decode_piece(one, fact.words) == steel.piece(one)
    assert fact.word(layout.hole_slot(PV, hole)) == OPENING + 11 * MWH
    key = steel.certificate(digest).exclusivity_key  # type: ignore[union-attr]
    assert fact.word(layout.live_slot(key)) == int.from_bytes(digest, "big")


def test_a_debt_and_a_superseded_certificate_are_proven_offline(world: World) -> None:
    piece = world.green(0, 10)
    steel = world.registry("steel")
    steel.transfer(piece, account("trader").address)
    key = steel.certificate(payload_digest(0)).exclusivity_key  # type: ignore[union-attr]
    correction = world.application(1, [Interval(PV, OPENING, OPENING + 8 * MWH)], amount=8, key=key)
    world.registry("node").supersede(payload_digest(0), correction)
    fact = status(world, steel.status_evidence([payload_digest(0), payload_digest(1)], [piece], [PV]))
    was = layout.decode_certificate(payload_digest(0), fact.words)
    assert was is not None
    assert (was.superseded_by, was.short) == (payload_digest(1), 2)
    assert fact.word(layout.debt_slot(PV, Kind.GREEN_POWER)) == 2
    assert fact.word(layout.debt_slot(PV, Kind.REDUCTION)) == 0


def test_what_does_not_exist_is_proven_absent(world: World) -> None:
    fact = status(world, world.registry("node").status_evidence([payload_digest(9)], [99], ["cp:nobody"]))
    assert layout.decode_certificate(payload_digest(9), fact.words) is None
    assert layout.decode_piece(99, fact.words) is None
    assert layout.decode_mark("cp:nobody", fact.words) is None
    assert layout.decode_spent(payload_digest(9), 0, fact.words) == []


def test_an_outside_reference_is_proven_taken(world: World) -> None:
    world.green(0, 1, references=["gec:1"])
    slot = layout.reference_slot("gec:1")
    fact = status(world, world.chain("node").evidence(world.addresses.certificates, [slot]))
    assert fact.word(slot) == int.from_bytes(payload_digest(0), "big")


def test_an_account_without_code_is_proven_absent(world: World) -> None:
    nobody = account("nobody at all").address
    document = world.chain("node").evidence(nobody, [0])
    with refused("account-absent"):
        read_storage(document, chain_id=world.chain_id, contract=nobody, validators=None)


def test_evidence_of_an_earlier_block_proves_that_block(world: World) -> None:
    before = world.anchor("node").anchor_evidence(ORIGIN, STATEMENTS)
    number = int(before["header"]["number"], 16)
    world.green(0, 1)
    again = world.anchor("node").anchor_evidence(ORIGIN, STATEMENTS, block=number)
    assert read(world, again).storage.header == replace(read(world, before).storage.header)
