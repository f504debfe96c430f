"""The anchor registry takes only roots that extend the last one, from a node, and never goes back."""

from __future__ import annotations

from hashlib import sha256
from itertools import pairwise
from typing import Any

import pytest
from chain_helpers import GOVERNORS, LEAVES, NOW, ORIGIN, STATEMENTS, World, account, ascending, refused

from core import merkle
from core.errors import Unavailable
from core.ethereum import Account, hash_struct
from core.ids import chain_id_of
from core.records import ANCHOR_FIELDS
from ledger.anchor.embedded import free_port
from ledger.anchor.evm import Addresses, AnchorReceipt, Chain, EvmAnchor

pytestmark = pytest.mark.chain

MORE = [*LEAVES, *(merkle.leaf_hash(b"later %d" % i) for i in range(40))]
FORK = [*LEAVES[:-1], *(merkle.leaf_hash(b"forked %d" % i) for i in range(41))]
OTHER = "log.example/other"


def grow(world: World, new: int, old: int = STATEMENTS, leaves: list[bytes] = MORE, name: str = "node",
         origin: str = ORIGIN) -> AnchorReceipt:
    return world.anchor(name).anchor(origin, old, new, merkle.root(leaves[:new]),
                                     merkle.consistency_path(leaves[:new], old))


def raw(world: World, *arguments: Any, name: str = "node") -> None:
    """Call `anchor` past the client's own checks."""
    chain = world.chain(name)
    chain.send(chain.contract("AnchorRegistry", world.addresses.anchors).functions.anchor(*arguments))


def test_a_root_that_extends_the_last_one_is_kept_with_its_block_time(world: World) -> None:
    world.clock.instant = NOW + 3_600_000
    receipt = grow(world, 100)
    assert receipt.root == merkle.root(MORE[:100])
    assert receipt.time == NOW + 3_600_000
    assert world.anchor("node").latest(ORIGIN) == receipt
    assert world.anchor("node").anchored(ORIGIN, STATEMENTS) is not None


def test_a_log_grows_step_by_step_from_nothing(world: World) -> None:
    sizes = [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 65, 104]
    for old, new in pairwise(sizes):
        assert grow(world, new, old, origin=OTHER).size == new
    assert world.anchor("node").latest(OTHER).size == 104  # type: ignore[union-attr]


def test_logs_do_not_touch_each_other(world: World) -> None:
    grow(world, 5, 0, origin=OTHER)
    assert world.anchor("node").latest(ORIGIN).size == STATEMENTS  # type: ignore[union-attr]
    assert world.anchor("node").anchored(OTHER, STATEMENTS) is None
    assert world.anchor("node").latest("log.example/third") is None


def test_anchoring_again_gives_the_same_receipt(world: World) -> None:
    first = grow(world, 100)
    assert grow(world, 100) == first
    assert grow(world, 100, name="trader") == first, "who only asks need not be a node"


def test_two_replicas_that_race_get_one_receipt(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    first, late = grow(world, 100), world.anchor("node")
    look, looks = late.anchored, []
    # It looked before the other one's block, and sends after it.
    monkeypatch.setattr(late, "anchored", lambda *key: look(*key) if looks or looks.append(key) else None)
    assert late.anchor(ORIGIN, STATEMENTS, 100, first.root, merkle.consistency_path(MORE[:100], STATEMENTS)) == first


def test_another_root_for_a_held_size_is_a_split_view(world: World) -> None:
    grow(world, 100)
    with refused("anchor-conflict") as detail:
        grow(world, 100, leaves=FORK)
    assert detail["held"] != detail["offered"]


def test_a_fork_does_not_extend(world: World) -> None:
    with refused("anchor-inconsistent"):
        grow(world, 100, leaves=FORK)


@pytest.mark.parametrize("name", ["trader", "registrar", "mirror", "stranger"])
def test_only_a_node_anchors(world: World, name: str) -> None:
    with refused("anchor-forbidden") as detail:
        grow(world, 100, name=name)
    assert detail["kind"] == "Forbidden"


def test_an_expired_node_does_not_anchor(world: World) -> None:
    world.register(world.participant("node", valid_until=NOW + 1000))
    world.clock.instant = NOW + 2000
    with refused("anchor-forbidden"):
        grow(world, 100)


@pytest.mark.parametrize("old", [0, STATEMENTS - 1, STATEMENTS + 1])
def test_an_anchor_starts_at_the_last_size(world: World, old: int) -> None:
    with refused("anchor-stale") as detail:
        grow(world, 100, old)
    assert detail["size"] == str(STATEMENTS)


def test_a_log_never_goes_back_or_stays(world: World) -> None:
    for new in (STATEMENTS, STATEMENTS - 1, 0):
        with refused("anchor-not-growing"):
            raw(world, ORIGIN, STATEMENTS, new, merkle.root(LEAVES[:new]), [])


def test_a_zero_root_is_refused(world: World) -> None:
    with refused("anchor-malformed"):
        raw(world, OTHER, 0, 1, bytes(32), [])


def test_a_first_anchor_takes_only_the_empty_proof(world: World) -> None:
    with refused("anchor-inconsistent"):
        raw(world, OTHER, 0, 2, merkle.root(LEAVES[:2]), [LEAVES[0]])


@pytest.mark.parametrize("spoil", [
    lambda p: p[:-1], lambda p: [*p, bytes(32)], lambda p: [bytes(32), *p], lambda p: p[::-1], lambda p: [],
    lambda p: [*p[:-1], bytes(32)],
])
def test_a_spoiled_consistency_proof_is_refused(world: World, spoil: Any) -> None:
    grow(world, 75)
    proof = merkle.consistency_path(MORE[:100], 75)
    assert len(proof) > 3
    with refused("anchor-inconsistent"):
        raw(world, ORIGIN, 75, 100, merkle.root(MORE[:100]), spoil(proof))


# --- witnesses ---

def set_witnesses(world: World, names: list[str], threshold: int, governors: list[Account] | None = None) -> None:
    chain = world.chain("deployer")
    contract = chain.contract("AnchorRegistry", world.addresses.anchors)
    orgs = [chain_id_of(f"org:{name}") for name in names]
    nonce = contract.functions.nonce().call()
    fields = [("string", "origin"), ("bytes32", "orgsHash"), ("uint256", "threshold"), ("uint256", "nonce")]
    struct = hash_struct("SetWitnesses", fields, {
        "origin": ORIGIN, "orgsHash": sha256(b"".join(orgs)).digest(), "threshold": threshold, "nonce": nonce})
    digest = world.addresses.domain(world.addresses.anchors).digest(struct)
    signers = ascending(*(governors or GOVERNORS[:2]))
    chain.send(contract.functions.setWitnesses(ORIGIN, orgs, threshold, [one.sign_digest(digest) for one in signers]))


def by_org(*names: str) -> list[str]:
    return sorted(names, key=lambda name: chain_id_of(f"org:{name}"))


def witnessed(world: World, names: list[str], size: int = 100, signed_size: int | None = None) -> AnchorReceipt:
    struct = hash_struct("Anchor", ANCHOR_FIELDS, {
        "origin": ORIGIN, "size": signed_size or size, "root": merkle.root(MORE[:size])})
    digest = world.addresses.domain(world.addresses.anchors).digest(struct)
    return world.anchor("node").anchor(ORIGIN, STATEMENTS, size, merkle.root(MORE[:size]),
                                       merkle.consistency_path(MORE[:size], STATEMENTS),
                                       [account(name).sign_digest(digest) for name in names])


@pytest.fixture
def two_witnesses(world: World) -> World:
    set_witnesses(world, by_org("mirror", "grid", "verifier"), 2)
    return world


def test_with_a_quorum_set_two_witnesses_sign_each_anchor(two_witnesses: World) -> None:
    assert witnessed(two_witnesses, by_org("mirror", "grid")).size == 100
    contract = two_witnesses.chain("node").contract("AnchorRegistry", two_witnesses.addresses.anchors)
    assert contract.functions.witnesses(ORIGIN).call()[1] == 2


def test_without_witnesses_the_anchor_is_refused(two_witnesses: World) -> None:
    with refused("anchor-quorum"):
        grow(two_witnesses, 100)
    with refused("anchor-quorum"):
        witnessed(two_witnesses, ["mirror"])


def test_a_quorum_may_be_taken_back(two_witnesses: World) -> None:
    set_witnesses(two_witnesses, [], 0)
    assert grow(two_witnesses, 100).size == 100


def test_one_witness_does_not_count_twice(two_witnesses: World) -> None:
    with refused("anchor-signature"):
        witnessed(two_witnesses, ["mirror", "mirror"])


def test_a_second_account_of_one_organisation_does_not_count(two_witnesses: World) -> None:
    second = account("mirror 2").address
    two_witnesses.register(two_witnesses.participant("mirror", accounts=(second,)))
    with refused("anchor-signature"):
        witnessed(two_witnesses, ["mirror", "mirror 2"])


@pytest.mark.parametrize("name", ["trader", "stranger", "node"])
def test_who_is_no_witness_does_not_count(two_witnesses: World, name: str) -> None:
    names = by_org("mirror", name)
    with refused("anchor-signature"):
        witnessed(two_witnesses, names)


def test_signatures_out_of_order_are_refused(two_witnesses: World) -> None:
    with refused("anchor-signature"):
        witnessed(two_witnesses, list(reversed(by_org("mirror", "grid"))))


def test_a_signature_over_another_size_does_not_count(two_witnesses: World) -> None:
    with refused("anchor-signature"):
        witnessed(two_witnesses, by_org("mirror", "grid"), signed_size=101)


def test_the_node_is_no_witness_of_itself_nor_is_its_group(world: World) -> None:
    set_witnesses(world, by_org("node", "mirror"), 1)
    with refused("anchor-signature"):
        witnessed(world, ["node"])
    world.register(world.participant("node", group="group:one"))
    world.register(world.participant("mirror", group="group:one"))
    with refused("anchor-signature"):
        witnessed(world, ["mirror"])


def test_an_expired_witness_does_not_count(two_witnesses: World) -> None:
    two_witnesses.register(two_witnesses.participant("grid", valid_until=NOW + 1000))
    two_witnesses.clock.instant = NOW + 2000
    with refused("anchor-signature"):
        witnessed(two_witnesses, by_org("mirror", "grid"))


def test_witnesses_are_distinct_ascending_and_enough(world: World) -> None:
    for names, threshold in (([], 1), (["mirror", "mirror"], 1), (list(reversed(by_org("mirror", "grid"))), 1)):
        with refused("anchor-witnesses"):
            set_witnesses(world, names, threshold)


def test_witnesses_are_set_by_the_governors(world: World) -> None:
    with refused("participant-quorum"):
        set_witnesses(world, ["mirror"], 1, [GOVERNORS[0]])
    with refused("participant-signature"):
        set_witnesses(world, ["mirror"], 1, [GOVERNORS[0], account("stranger")])


# --- the end of a log ---

def close(world: World, size: int = STATEMENTS, root: bytes | None = None, successor: str = "log.example/next",
          governors: list[Account] | None = None) -> None:
    root = root or merkle.root(LEAVES)
    fields = [("string", "origin"), ("uint64", "size"), ("bytes32", "root"), ("string", "successor")]
    struct = hash_struct("Close", fields, {"origin": ORIGIN, "size": size, "root": root, "successor": successor})
    digest = world.addresses.domain(world.addresses.anchors).digest(struct)
    chain = world.chain("stranger")
    chain.send(chain.contract("AnchorRegistry", world.addresses.anchors).functions.close(
        ORIGIN, size, root, successor,
        [one.sign_digest(digest) for one in ascending(*(governors or GOVERNORS[:2]))]))


def test_the_governors_close_a_log_and_name_its_successor(world: World) -> None:
    assert world.anchor("node").successor(ORIGIN) is None
    close(world)
    assert world.anchor("node").successor(ORIGIN) == "log.example/next"
    with refused("anchor-closed"):
        grow(world, 100)
    with refused("anchor-closed"):
        close(world, successor="log.example/elsewhere")


def test_a_closed_log_is_still_readable(world: World) -> None:
    close(world)
    assert world.anchor("node").latest(ORIGIN).root == merkle.root(LEAVES)  # type: ignore[union-attr]


@pytest.mark.parametrize("changes", [{"size": 63}, {"root": bytes(31) + b"\1"}, {"successor": ""}])
def test_a_log_is_closed_at_its_head_with_a_successor(world: World, changes: dict[str, Any]) -> None:
    with refused("anchor-malformed"):
        close(world, **changes)


def test_a_log_is_not_closed_without_the_quorum(world: World) -> None:
    with refused("participant-quorum"):
        close(world, governors=[GOVERNORS[0]])


# --- forks, foreign contracts, lying nodes ---

def test_an_anchor_lost_in_a_fork_is_noticed_and_made_again(world: World) -> None:
    node = world.anchor("node")
    snapshot = world.chain("node").rpc.call("evm_snapshot")
    lost = grow(world, 100)
    assert node.holds(lost)
    world.chain("node").rpc.call("evm_revert", snapshot)
    assert not node.holds(lost)
    again = grow(world, 100)
    assert again.root == lost.root
    assert node.holds(again)


def test_the_event_of_a_look_alike_contract_is_not_an_anchor(world: World) -> None:
    chain = world.chain("node")
    look_alike = chain.deploy("AnchorRegistry", world.addresses.participants)
    places = Addresses(world.chain_id, world.addresses.participants, look_alike, world.addresses.certificates)
    EvmAnchor(chain, places).anchor(OTHER, 0, 3, merkle.root(LEAVES[:3]), [])
    assert world.anchor("node").anchored(OTHER, 3) is None


def test_an_address_without_a_contract_is_an_error_not_an_absence(world: World) -> None:
    places = Addresses(world.chain_id, world.addresses.participants, account("nobody").address, "")
    with pytest.raises(Unavailable):
        EvmAnchor(world.chain("node"), places).anchored(ORIGIN, STATEMENTS)


def test_a_node_that_is_away_is_unavailable(world: World) -> None:
    away = Chain(f"http://127.0.0.1:{free_port()}", account("node"), world.clock)
    for act in (lambda: EvmAnchor(away, world.addresses).latest(ORIGIN),
                lambda: EvmAnchor(away, world.addresses).anchor(ORIGIN, 0, 1, LEAVES[0], []),
                lambda: away.chain_id, lambda: away.evidence(world.addresses.anchors, [0])):
        with pytest.raises(Unavailable) as caught:
            act()
        assert caught.value.code == "chain-unavailable"


def test_a_transaction_nobody_mined_is_not_found(world: World) -> None:
    with refused("transaction-unknown"):
        world.chain("node").transaction("0x" + "11" * 32)


def test_a_block_that_does_not_exist_is_not_found(world: World) -> None:
    with refused("block-unknown"):
        world.chain("node").evidence(world.addresses.anchors, [0], block=10**9)
    assert world.chain("node").block_hash(10**9) is None
