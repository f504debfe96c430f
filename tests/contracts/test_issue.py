"""Issuing: everything the contract asks before a certificate exists, each question once answered wrongly."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from chain_helpers import (
    DAY,
    LEAVES,
    MWH,
    NOW,
    OPENING,
    ORIGIN,
    PERIOD,
    PV,
    SITE,
    STATEMENTS,
    WIND,
    World,
    account,
    ascending,
    payload_digest,
    refused,
)

from certificates.registry import Application
from core import merkle
from core.ids import chain_id_of
from core.records import Conclusion, Interval, Kind
from ledger.anchor.layout import CertificateStatus, PieceStatus, piece_id

pytestmark = pytest.mark.chain

TEN = [Interval(PV, OPENING, OPENING + 10 * MWH)]


def issue(world: World, application: Application, name: str = "node") -> Any:
    return world.registry(name).issue(application)


def test_whole_megawatt_hours_of_a_claim_point_are_issued_to_the_holder(world: World) -> None:
    issued = world.issue(0, TEN, 10)
    registry = world.registry("steel")
    assert issued.piece == piece_id(payload_digest(0), 0, 10)
    assert not issued.repeated
    state, piece = registry.certificate(payload_digest(0)), registry.piece(issued.piece)
    assert state is not None
    assert piece is not None
    assert (state.status, state.amount, state.first, state.moved) == (CertificateStatus.LIVE, 10, 0, 0)
    assert (state.subject, state.verifier) == (chain_id_of("org:steel"), chain_id_of("org:verifier"))
    assert (piece.owner, piece.status, piece.start, piece.end) == (
        account("steel").address, PieceStatus.WHOLE, 0, 10)
    assert registry.mark(PV).position == OPENING + 10 * MWH  # type: ignore[union-attr]
    assert registry.live(state.exclusivity_key) == payload_digest(0)
    assert world.conserved()


def test_issuing_again_gives_the_same_certificate(world: World) -> None:
    application = world.application(0, TEN, amount=10)
    first = issue(world, application)
    again = issue(world, application)
    assert again.repeated
    assert (again.piece, again.receipt) == (first.piece, first.receipt)


def test_a_replica_with_another_account_finds_what_the_first_one_issued(world: World) -> None:
    world.register(world.participant("node", accounts=(account("replica").address,)))
    application = world.application(0, TEN, amount=10)
    assert issue(world, application).piece == issue(world, application, "replica").piece
    assert world.conserved()


def test_a_statement_issued_for_one_claim_is_not_issued_for_another(world: World) -> None:
    world.issue(0, TEN, 10)
    with refused("certificate-conflict"):
        world.issue(0, [Interval(WIND, OPENING, OPENING + 10 * MWH)], 10)


def test_a_certificate_lost_with_its_blocks_is_issued_again_with_the_same_id(world: World) -> None:
    application = world.application(0, TEN, amount=10)
    snapshot = world.chain("node").rpc.call("evm_snapshot")
    first = issue(world, application)
    world.chain("node").rpc.call("evm_revert", snapshot)
    assert world.registry("node").certificate(payload_digest(0)) is None
    assert issue(world, application).piece == first.piece


@pytest.mark.parametrize("name", ["steel", "verifier", "registrar", "stranger"])
def test_only_a_node_issues(world: World, name: str) -> None:
    with refused("certificate-forbidden") as detail:
        issue(world, world.application(0, TEN, amount=10), name)
    assert detail["kind"] == "Forbidden"


# --- the opinion speaks of the claim ---

@pytest.mark.parametrize(("field", "value"), [
    ("claimHash", bytes(32)), ("exclusivityKey", bytes(32)), ("origin", "log.example/other"), ("kind", 2),
    ("subjectOrg", chain_id_of("org:energy")), ("holder", account("trader").address), ("periodStart", PERIOD[0] + 1),
    ("periodEnd", PERIOD[1] - 1), ("intervalsHash", bytes(32)), ("externalRefsHash", bytes(32)),
])
def test_an_opinion_on_something_else_is_refused(world: World, field: str, value: Any) -> None:
    with refused("certificate-mismatch"):
        issue(world, world.application(0, TEN, amount=10, opinion_changes={field: value}))


@pytest.mark.parametrize("changes", [{"amount": 0}, {"amount": 2**64}, {"unit": "kWh"}, {"unit": "tCO2e"},
                                     {"unit": ""}])
def test_an_amount_that_is_no_amount_is_refused(world: World, changes: dict[str, Any]) -> None:
    with refused("certificate-malformed"):
        issue(world, world.application(0, TEN, amount=10, opinion_changes=changes))


@pytest.mark.parametrize("period", [(PERIOD[1], PERIOD[1]), (PERIOD[1], PERIOD[0]), (NOW, NOW + DAY)])
def test_a_period_is_over_before_it_is_certified(world: World, period: tuple[int, int]) -> None:
    with refused("certificate-malformed"):
        issue(world, world.application(0, TEN, amount=10, period=period))


@pytest.mark.parametrize("kind", [0, 6])
def test_an_unknown_kind_is_refused(world: World, kind: int) -> None:
    with refused("certificate-malformed"):
        issue(world, world.application(0, TEN, amount=10, claim_changes={"kind": kind}))


# --- signatures ---

@pytest.mark.parametrize("claimant", ["energy", "verifier", "node", "stranger"])
def test_a_claim_is_signed_by_its_subject(world: World, claimant: str) -> None:
    with refused("certificate-claim-signature"):
        issue(world, world.application(0, TEN, amount=10, claimant=claimant))


def test_a_subject_without_the_enterprise_role_claims_nothing(world: World) -> None:
    world.register(world.participant("steel", roles=("trader",)))
    with refused("certificate-claim-signature"):
        issue(world, world.application(0, TEN, amount=10))


def test_a_subject_whose_registration_has_ended_claims_nothing(world: World) -> None:
    world.register(world.participant("steel", valid_until=NOW - 1))
    with refused("certificate-claim-signature"):
        issue(world, world.application(0, TEN, amount=10))


@pytest.mark.parametrize("verifier", ["steel", "trader", "node", "registrar", "stranger"])
def test_an_opinion_is_signed_by_a_verifier(world: World, verifier: str) -> None:
    with refused("certificate-opinion-signature"):
        issue(world, world.application(0, TEN, amount=10, verifier=verifier))


def test_a_verifier_whose_accreditation_has_ended_signs_nothing(world: World) -> None:
    world.register(world.participant("verifier", valid_until=NOW))
    with refused("certificate-opinion-signature"):
        issue(world, world.application(0, TEN, amount=10))


def test_a_verifier_does_not_verify_itself(world: World) -> None:
    world.registry("registrar").open_mark(world.mark("cp:both", org="org:both"))
    mine = [Interval("cp:both", OPENING, OPENING + MWH)]
    with refused("certificate-not-independent"):
        issue(world, world.application(0, mine, subject="both", verifier="both"))
    issue(world, world.application(0, mine, subject="both"))


def test_a_verifier_of_the_same_group_is_not_independent(world: World) -> None:
    with refused("certificate-not-independent"):
        issue(world, world.application(0, TEN, amount=10, verifier="sister"))


@pytest.mark.parametrize("spoil", [
    lambda s: s[:64], lambda s: b"", lambda s: bytes(65), lambda s: s[:32] + bytes(32) + s[64:],
])
def test_a_malformed_signature_signs_nothing(world: World, spoil: Any) -> None:
    good = world.application(0, TEN, amount=10)
    with refused("certificate-claim-signature"):
        issue(world, replace(good, claim_signature=spoil(good.claim_signature)))
    with refused("certificate-opinion-signature"):
        issue(world, replace(good, opinion_signature=spoil(good.opinion_signature)))


@pytest.mark.parametrize("digest", [bytes(32), b"\xff" * 32])
def test_a_document_digest_is_opaque_but_signed(world: World, digest: bytes) -> None:
    good = world.application(0, TEN, amount=10)
    with refused("certificate-opinion-signature"):
        issue(world, replace(good, opinion=replace(good.opinion, documentDigest=digest)))
    claim = replace(good.claim, documentDigest=digest)
    with refused("certificate-mismatch"):
        issue(world, replace(good, claim=claim))
    with refused("certificate-claim-signature"):
        issue(world, replace(good, claim=claim, opinion=replace(good.opinion, claimHash=claim.struct_hash())))
    signed = world.application(0, TEN, amount=10, claim_changes={"documentDigest": digest},
                               opinion_changes={"documentDigest": digest})
    assert issue(world, signed).piece


def test_a_signature_for_another_chain_or_contract_signs_nothing(world: World) -> None:
    good = world.application(0, TEN, amount=10)
    for domain in (replace(world.addresses.domain(world.addresses.certificates), chain_id=1),
                   world.addresses.domain(world.addresses.anchors)):
        foreign = account("steel").sign_digest(domain.digest(good.claim.struct_hash()))
        with refused("certificate-claim-signature"):
            issue(world, replace(good, claim_signature=foreign))


def test_the_two_signatures_are_not_interchangeable(world: World) -> None:
    good = world.application(0, TEN, amount=10)
    with refused("certificate-claim-signature"):
        issue(world, replace(good, claim_signature=good.opinion_signature, opinion_signature=good.claim_signature))


@pytest.mark.parametrize("conclusion", [Conclusion.ADVERSE, Conclusion.DISCLAIMED, 0, 5])
def test_an_adverse_or_disclaimed_opinion_issues_nothing(world: World, conclusion: int) -> None:
    with refused("certificate-conclusion"):
        issue(world, world.application(0, TEN, amount=10, opinion_changes={"conclusion": conclusion}))


def test_a_modified_opinion_issues(world: World) -> None:
    assert issue(world, world.application(0, TEN, amount=10, opinion_changes={"conclusion": Conclusion.MODIFIED})).piece


def test_an_opinion_lapses(world: World) -> None:
    application = world.application(0, TEN, amount=10, opinion_changes={"validUntil": NOW + 100_000})
    world.clock.instant = NOW + 100_000
    with refused("certificate-expired"):
        issue(world, application)


def test_an_opinion_is_good_to_its_last_moment(world: World) -> None:
    application = world.application(0, TEN, amount=10, opinion_changes={"validUntil": NOW + 100_000})
    world.clock.instant = NOW + 99_000
    assert issue(world, application).piece


def test_the_holder_is_a_registered_participant(world: World) -> None:
    with refused("certificate-receiver"):
        issue(world, world.application(0, TEN, amount=10, holder="stranger"))
    assert issue(world, world.application(0, TEN, amount=10, holder="trader")).piece


# --- the statement is in the log, under an anchored root ---

def test_no_root_no_certificate(world: World) -> None:
    with refused("certificate-not-anchored"):
        issue(world, replace(world.application(0, TEN, amount=10), size=STATEMENTS - 1))
    with refused("certificate-not-anchored"):
        issue(world, world.application(0, TEN, amount=10, claim_changes={"origin": "log.example/other"}))


@pytest.mark.parametrize("spoil", [
    lambda a: replace(a, index=1), lambda a: replace(a, index=STATEMENTS), lambda a: replace(a, path=a.path[:-1]),
    lambda a: replace(a, path=(*a.path, bytes(32))), lambda a: replace(a, path=()),
    lambda a: replace(a, path=(bytes(32), *a.path[1:])), lambda a: replace(a, path=a.path[::-1]),
])
def test_a_statement_that_is_not_in_the_log_is_refused(world: World, spoil: Any) -> None:
    with refused("certificate-not-included"):
        issue(world, spoil(world.application(0, TEN, amount=10)))


def test_a_leaf_that_is_not_in_the_log_is_refused(world: World) -> None:
    with refused("certificate-not-included"):
        issue(world, world.application(0, TEN, amount=10, opinion_changes={"leafHash": merkle.leaf_hash(b"forged")}))


def test_an_inner_node_of_the_log_is_no_statement(world: World) -> None:
    inner = merkle.node_hash(LEAVES[0], LEAVES[1])
    path = tuple(merkle.inclusion_path(LEAVES, 0)[1:])
    application = world.application(0, TEN, amount=10, opinion_changes={"leafHash": inner})
    with refused("certificate-not-included"):
        issue(world, replace(application, path=path))


def test_a_statement_may_be_proven_under_any_anchored_root(world: World) -> None:
    more = [*LEAVES, merkle.leaf_hash(b"later")]
    world.anchor("node").anchor(ORIGIN, STATEMENTS, STATEMENTS + 1, merkle.root(more),
                                merkle.consistency_path(more, STATEMENTS))
    issue(world, world.application(0, TEN, amount=10))
    later = world.application(1, [Interval(WIND, OPENING, OPENING + MWH)])
    issue(world, replace(later, size=STATEMENTS + 1, path=tuple(merkle.inclusion_path(more, 1))))


# --- intervals, amount, references, uniqueness ---

def test_the_intervals_are_those_signed(world: World) -> None:
    good = world.application(0, TEN, amount=10)
    for intervals in ((Interval(PV, OPENING, OPENING + 11 * MWH),), (Interval(WIND, OPENING, OPENING + 10 * MWH),),
                      (), (*TEN, *TEN)):
        with refused("certificate-intervals"):
            issue(world, replace(good, intervals=intervals))


def test_the_order_of_intervals_is_signed_too(world: World) -> None:
    two = [Interval(PV, OPENING, OPENING + MWH), Interval(WIND, OPENING, OPENING + MWH)]
    with refused("certificate-intervals"):
        issue(world, replace(world.application(0, two, amount=2), intervals=tuple(reversed(two))))


def test_an_attribute_spends_something_and_an_inventory_nothing(world: World) -> None:
    for kind in (Kind.GREEN_POWER, Kind.REDUCTION):
        with refused("certificate-intervals"):
            issue(world, world.application(0, [], kind=kind))
    for kind in (Kind.EMISSION, Kind.PRODUCT_FOOTPRINT, Kind.CBAM):
        with refused("certificate-intervals"):
            issue(world, world.application(0, TEN, kind=kind))
        assert issue(world, world.application(int(kind), [], kind=kind, amount=123456789)).piece


def test_green_power_spends_registers_only(world: World) -> None:
    with refused("certificate-intervals"):
        issue(world, world.application(0, [Interval(SITE, PERIOD[0], PERIOD[0] + 2 * MWH)]))


@pytest.mark.parametrize(("positions", "amount", "fits"), [
    (10 * MWH, 10, True), (10 * MWH - 1, 10, False), (10 * MWH + 1, 10, True), (10 * MWH, 11, False),
    (11 * MWH - 1, 10, True),
])
def test_a_unit_is_a_million_watt_hours(world: World, positions: int, amount: int, fits: bool) -> None:
    intervals = [Interval(PV, OPENING, OPENING + positions)]
    if fits:
        assert issue(world, world.application(0, intervals, amount=amount)).piece
        assert world.conserved()
    else:
        with refused("certificate-amount"):
            issue(world, world.application(0, intervals, amount=amount))


def raw_application(world: World, number: int, intervals: list[tuple[bytes, int, int]], amount: int) -> Application:
    """Signed over intervals that core.records would not build."""
    packed = b"".join(mark + start.to_bytes(8, "big") + end.to_bytes(8, "big") for mark, start, end in intervals)
    return world.application(number, [], amount=amount, claim_changes={"intervalsHash": sha256(packed).digest()})


def send_raw(world: World, application: Application, intervals: list[tuple[bytes, int, int]]) -> None:
    chain = world.chain("node")
    contract = chain.contract("CertificateRegistry", world.addresses.certificates)
    chain.send(contract.functions.issue((
        tuple(application.claim.values().values()), application.claim_signature,
        tuple(application.opinion.values().values()), application.opinion_signature, intervals, [],
        application.size, application.index, list(application.path))))


@pytest.mark.parametrize("bounds", [(OPENING, OPENING), (OPENING, OPENING - 1)])
def test_an_empty_or_backward_interval_is_refused(world: World, bounds: tuple[int, int]) -> None:
    intervals = [(chain_id_of(PV), *bounds)]
    with refused("mark-empty"):
        send_raw(world, raw_application(world, 0, intervals, 1), intervals)


def test_more_intervals_than_a_block_can_carry_for_ever_are_refused(world: World) -> None:
    steps = [Interval(PV, OPENING + i * MWH, OPENING + (i + 1) * MWH) for i in range(65)]
    with refused("certificate-intervals"):
        issue(world, world.application(0, steps, amount=65))
    assert issue(world, world.application(0, steps[:64], amount=64)).piece
    assert world.conserved()


def test_a_subject_claims_a_boundary_and_period_once(world: World) -> None:
    key = sha256(b"one boundary, one period").digest()
    issue(world, world.application(0, TEN, amount=10, key=key))
    with refused("certificate-exclusive") as detail:
        issue(world, world.application(1, [Interval(WIND, OPENING, OPENING + MWH)], key=key))
    assert detail["payloadDigest"] == "0x" + payload_digest(0).hex()


def test_an_inventory_is_unique_by_its_key_alone(world: World) -> None:
    key = sha256(b"inventory 2026").digest()
    issue(world, world.application(0, [], kind=Kind.EMISSION, key=key))
    with refused("certificate-exclusive"):
        issue(world, world.application(1, [], kind=Kind.EMISSION, key=key))


def test_an_outside_reference_stands_behind_one_certificate(world: World) -> None:
    issue(world, world.application(0, TEN, amount=10, references=["gec:2026-001", "irec:77"]))
    with refused("certificate-reference-taken") as detail:
        issue(world, world.application(1, [Interval(WIND, OPENING, OPENING + MWH)], references=["irec:77"]))
    assert detail["payloadDigest"] == "0x" + payload_digest(0).hex()


def test_one_claim_does_not_name_a_reference_twice(world: World) -> None:
    with refused("certificate-reference-taken"):
        issue(world, world.application(0, TEN, amount=10, references=["gec:1", "gec:1"]))


def test_the_references_are_those_signed(world: World) -> None:
    good = world.application(0, TEN, amount=10, references=["gec:1"])
    for references in ((), ("gec:2",), ("gec:1", "gec:2")):
        with refused("certificate-references"):
            issue(world, replace(good, references=references))


def test_concurrent_claims_on_one_mark_are_issued_once(world: World) -> None:
    rivals = [world.application(number, TEN, amount=10) for number in (0, 1)]
    issue(world, rivals[0])
    with refused("mark-overlap"):
        issue(world, rivals[1])
    assert world.registry("node").mark(PV).live == 10 * MWH  # type: ignore[union-attr]


def test_earlier_energy_that_arrives_late_is_still_issued(world: World) -> None:
    issue(world, world.application(0, TEN, amount=10))
    earlier = (PERIOD[0] - 10 * DAY, PERIOD[1] - DAY)
    late = [Interval(PV, OPENING + 10 * MWH, OPENING + 11 * MWH)]
    assert issue(world, world.application(1, late, period=earlier)).piece


def test_governors_sign_in_one_order_whoever_is_named_first() -> None:
    one, two = account("governor 0"), account("governor 1")
    assert ascending(one, two) == ascending(two, one)
