"""Who takes part is decided by two of three governors, and by nobody else."""

from __future__ import annotations

import pytest
from chain_helpers import GOVERNORS, NOW, ORGS, World, account, ascending, refused

from certificates.registry import ChainParticipant, assign_digest, governors_digest, register_digest
from certificates.registry_evm import EvmParticipants, deploy
from core.clock import FixedClock
from core.errors import FormError
from core.ethereum import Account
from core.ids import chain_id_of
from ledger.anchor.evm import Chain

pytestmark = pytest.mark.chain

NEWCOMER = account("newcomer").address


def send_raw(world: World, participant: ChainParticipant, signatures: list[bytes]) -> None:
    """Register with signatures in the order given, past the client that sorts them."""
    client = world.participants()
    chain = world.chain("deployer")
    contract = chain.contract("ParticipantRegistry", world.addresses.participants)
    chain.send(contract.functions.register(
        chain_id_of(participant.org), (bytes(32), participant.mask(), participant.valid_from, participant.valid_until),
        list(participant.accounts), signatures))
    assert client.holds(participant)


def newcomer(**changes: object) -> ChainParticipant:
    return ChainParticipant(**{"org": "org:new", "roles": ("trader",), "valid_from": NOW, "valid_until": NOW + 1000,
                          "accounts": (NEWCOMER,), **changes})  # type: ignore[arg-type]


def signed(world: World, participant: ChainParticipant, governors: list[Account]) -> list[bytes]:
    client = world.participants()
    digest = register_digest(client.domain, participant, client.nonce())
    return [governor.sign_digest(digest) for governor in governors]


def holds_role(world: World, org: str, roles: int) -> bool:
    contract = world.chain("deployer").contract("ParticipantRegistry", world.addresses.participants)
    world.embedded_time()
    return bool(contract.functions.holdsRole(chain_id_of(org), roles).call(block_identifier="pending"))


def tied(world: World, one: str, other: str) -> bool:
    contract = world.chain("deployer").contract("ParticipantRegistry", world.addresses.participants)
    return bool(contract.functions.tied(chain_id_of(one), chain_id_of(other)).call())


def test_two_of_three_governors_enter_an_organisation_and_its_accounts(world: World) -> None:
    world.register(newcomer())
    client = world.participants()
    assert client.holds(newcomer())
    assert client.org_of(NEWCOMER) == chain_id_of("org:new")


def test_anyone_may_submit_what_the_governors_signed(world: World) -> None:
    EvmParticipants(world.chain("stranger"), world.addresses).register(
        newcomer(), signed(world, newcomer(), GOVERNORS[1:]))
    assert world.participants().holds(newcomer())


def test_a_record_is_replaced_and_its_accounts_stay(world: World) -> None:
    world.register(newcomer())
    world.register(newcomer(roles=("enterprise", "trader"), accounts=()))
    assert world.participants().holds(newcomer(roles=("enterprise", "trader")))


def test_one_governor_is_not_enough(world: World) -> None:
    with refused("participant-quorum") as detail:
        world.register(newcomer(), GOVERNORS[:1])
    assert detail["signatures"] == "1"
    assert detail["threshold"] == "2"


def test_one_governor_twice_does_not_count_twice(world: World) -> None:
    with refused("participant-signature"):
        world.register(newcomer(), [GOVERNORS[0], GOVERNORS[0]])


def test_a_strangers_signature_does_not_count(world: World) -> None:
    with refused("participant-signature"):
        world.register(newcomer(), [GOVERNORS[0], account("stranger")])


def test_signatures_out_of_order_are_refused_by_the_contract(world: World) -> None:
    descending = list(reversed(ascending(*GOVERNORS[:2])))
    with refused("participant-signature"):
        send_raw(world, newcomer(), signed(world, newcomer(), descending))


@pytest.mark.parametrize("spoil", [lambda s: s[:64], lambda s: s + b"\0", lambda s: bytes(65),
                                   lambda s: s[:64] + b"\x05"])
def test_a_malformed_signature_is_refused(world: World, spoil: object) -> None:
    good = signed(world, newcomer(), ascending(*GOVERNORS[:2]))
    with refused("participant-signature"):
        send_raw(world, newcomer(), [good[0], spoil(good[1])])  # type: ignore[operator]


def test_a_malleated_signature_is_refused(world: World) -> None:
    good = signed(world, newcomer(), ascending(*GOVERNORS[:2]))
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    high_s = order - int.from_bytes(good[1][32:64], "big")
    with refused("participant-signature"):
        send_raw(world, newcomer(), [good[0], good[1][:32] + high_s.to_bytes(32, "big") + bytes([55 - good[1][64]])])


def test_signatures_for_one_change_do_not_carry_another(world: World) -> None:
    for_trader = signed(world, newcomer(), ascending(*GOVERNORS[:2]))
    with refused("participant-signature"):
        send_raw(world, newcomer(roles=("registrar",)), for_trader)


def test_a_change_is_not_replayed(world: World) -> None:
    signatures = signed(world, newcomer(), ascending(*GOVERNORS[:2]))
    send_raw(world, newcomer(), signatures)
    with refused("participant-signature"):
        send_raw(world, newcomer(), signatures)


@pytest.mark.parametrize("changes", [{"roles": ()}, {"valid_until": NOW}, {"valid_until": NOW - 1}])
def test_a_record_needs_a_role_and_a_period(world: World, changes: dict[str, object]) -> None:
    with refused("participant-malformed"):
        world.register(newcomer(**changes))


def test_an_unknown_role_bit_is_refused(world: World) -> None:
    chain = world.chain("deployer")
    contract = chain.contract("ParticipantRegistry", world.addresses.participants)
    for org, roles in ((chain_id_of("org:new"), 128), (bytes(32), 1)):
        with refused("participant-malformed"):
            chain.send(contract.functions.register(org, (bytes(32), roles, 1, 2), [], []))


def test_an_unknown_role_name_never_reaches_the_chain() -> None:
    with pytest.raises(FormError, match="role-unknown"):
        newcomer(roles=("emperor",)).mask()


def test_an_account_belongs_to_one_organisation(world: World) -> None:
    with refused("participant-account-taken") as detail:
        world.register(newcomer(accounts=(account("trader").address,)))
    assert detail["account"] == account("trader").address.lower() or detail["account"] == account("trader").address


def assign(world: World, name: str, org: str | None, governors: list[Account]) -> None:
    client = world.participants()
    digest = assign_digest(client.domain, account(name).address, org, client.nonce())
    client.assign(account(name).address, org, [governor.sign_digest(digest) for governor in governors])


def test_an_account_is_moved_and_removed(world: World) -> None:
    assign(world, "trader", "org:buyer", GOVERNORS[:2])
    assert world.participants().org_of(account("trader").address) == chain_id_of("org:buyer")
    assign(world, "trader", None, GOVERNORS[:2])
    assert world.participants().org_of(account("trader").address) is None


def test_an_account_is_not_moved_to_an_unknown_organisation(world: World) -> None:
    with refused("participant-unknown"):
        assign(world, "trader", "org:nobody", GOVERNORS[:2])


def test_an_account_is_not_moved_without_the_quorum(world: World) -> None:
    with refused("participant-quorum"):
        assign(world, "trader", "org:buyer", GOVERNORS[:1])


def set_governors(world: World, accounts: list[str], threshold: int, governors: list[Account]) -> None:
    client = world.participants()
    digest = governors_digest(client.domain, sorted(accounts, key=lambda text: int(text, 16)), threshold,
                              client.nonce())
    client.set_governors(accounts, threshold, [governor.sign_digest(digest) for governor in governors])


def test_governors_are_replaced_and_the_old_ones_decide_no_more(world: World) -> None:
    fresh = [account("new governor 1"), account("new governor 2")]
    set_governors(world, [item.address for item in fresh], 2, GOVERNORS[:2])
    accounts, threshold = world.participants().governors()
    assert (sorted(accounts), threshold) == (sorted(item.address for item in fresh), 2)
    with refused("participant-signature"):
        world.register(newcomer())
    world.register(newcomer(), fresh)


@pytest.mark.parametrize(("names", "threshold"), [(["a", "b"], 3), (["a", "b"], 0), ([], 0), (["a", "a"], 1)])
def test_governors_must_be_distinct_and_the_threshold_within_them(
        world: World, names: list[str], threshold: int) -> None:
    with refused("participant-governors"):
        set_governors(world, [account(name).address for name in names], threshold, GOVERNORS[:2])


def test_governors_are_not_replaced_without_the_quorum(world: World) -> None:
    with refused("participant-quorum"):
        set_governors(world, [account("usurper").address], 1, GOVERNORS[:1])


def test_a_registry_is_not_deployed_with_an_impossible_threshold(world: World) -> None:
    with refused("participant-governors"):
        deploy(world.url, account("deployer"), [GOVERNORS[0].address], 2, FixedClock(NOW))


def test_zero_is_no_governor(world: World) -> None:
    with refused("participant-governors"):
        Chain(world.url, account("deployer"), world.clock).deploy("ParticipantRegistry", ["0x" + "00" * 20], 1)


def test_an_organisation_is_valid_from_its_first_to_before_its_last_moment(world: World) -> None:
    # Block times are whole seconds.
    world.register(newcomer(valid_from=NOW + 100_000, valid_until=NOW + 200_000))
    for instant, valid in ((99_000, False), (100_000, True), (199_000, True), (200_000, False)):
        world.clock.instant = NOW + instant
        assert holds_role(world, "org:new", 4) is valid
        assert holds_role(world, "org:new", 0) is valid


def test_every_role_of_the_mask_is_needed(world: World) -> None:
    assert holds_role(world, "org:both", 3)
    assert not holds_role(world, "org:verifier", 3)
    assert not holds_role(world, "org:nobody", 0)


def test_organisations_of_one_group_are_tied(world: World) -> None:
    assert set(ORGS) >= {"steel", "sister"}
    assert tied(world, "org:steel", "org:sister")
    assert tied(world, "org:steel", "org:steel")
    assert not tied(world, "org:steel", "org:verifier")
    assert not tied(world, "org:verifier", "org:energy"), "no group is not a group"
