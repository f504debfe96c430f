"""A gateway that signs two payloads for one place: both are evidence, neither counts, and it cannot do harm by it."""

from __future__ import annotations

import pytest
from attestation_helpers import GATEWAY, HOUR, MINUTE, START, Gateway, Node, block

from attestation import acceptance, series
from attestation.acceptance import MAX_PAYLOADS, Outcome
from attestation.dispute import parse_dispute
from attestation.disputed import take_out
from attestation.envelope import DISPUTE, open_envelope
from attestation.frame import EpochStart, Submission
from core.period import Period


@pytest.fixture
def folded(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """The frames, by log index, of every time that acceptance takes some out of what counts."""
    calls: list[list[int]] = []

    def counting(connection: object, indices: list[int]) -> None:
        calls.append(list(indices))
        take_out(connection, indices)  # type: ignore[arg-type]

    monkeypatch.setattr(acceptance, "take_out", counting)
    return calls


def at_place(seq: int, prev: bytes | EpochStart, power: int) -> Submission:
    """What a thief of the key signs for a place of the chain."""
    thief = Gateway()
    thief.seq, thief.prev = seq, prev
    return thief.build(block(start=START + seq * MINUTE, energy=10**6 + 600 * seq, power=power))


def honest_chain(node: Node, gateway: Gateway, count: int) -> list[bytes | EpochStart]:
    """Accept some frames; what each of them names as the one before."""
    links = []
    for seq in range(count):
        links.append(gateway.prev)
        node.one(gateway.frame(block(start=START + seq * MINUTE, energy=10**6 + 600 * seq)))
    return links


def test_two_payloads_for_one_place_are_both_kept_and_disputed(node: Node, gateway: Gateway) -> None:
    honest, liar = gateway.build(block(power=100)), gateway.build(block(power=200))
    assert node.one(honest).outcome == Outcome.ACCEPTED
    assert node.one(liar).outcome == Outcome.EQUIVOCATION
    assert node.flags() == {(2, "", "", "equivocation"), (3, "", "", "equivocation")}
    dispute = open_envelope(node.entries[4])
    assert dispute.content_type == DISPUTE
    read = parse_dispute(dispute.payload)
    assert (read.gateway, read.indices, read.seq) == (GATEWAY, (2, 3), 0)
    assert read.leaves == tuple(open_envelope(node.entries[i]).digest for i in (2, 3))


def test_equivocation_within_one_batch_and_a_third_payload_chain_their_disputes(node: Node, gateway: Gateway) -> None:
    frames = [gateway.build(block(power=power)) for power in (1, 2, 3)]
    assert [d.outcome for d in node.put(*frames)] == ["accepted", "equivocation", "equivocation"]
    assert [d.outcome for d in node.put(*frames)] == ["duplicate"] * 3
    first, second = (parse_dispute(open_envelope(entry).payload) for entry in node.entries[5:7])
    assert (first.seq, second.seq) == (0, 1)
    assert second.prev == open_envelope(node.entries[5]).digest


def test_the_first_payloads_of_a_place_stay_and_no_more_are_kept(node: Node, gateway: Gateway) -> None:
    kept = [gateway.build(block(power=power)) for power in range(MAX_PAYLOADS)]
    assert [d.outcome for d in node.put(*kept)] == ["accepted"] + ["equivocation"] * (MAX_PAYLOADS - 1)
    decision = node.one(gateway.build(block(power=MAX_PAYLOADS)))
    assert decision.outcome == Outcome.REFUSED
    assert decision.error is not None
    assert decision.error.code == "dispute-full"
    assert decision.error.hint
    assert {d.outcome for d in node.put(*kept)} == {"duplicate"}


def test_the_bound_of_a_place_holds_within_one_batch_too(node: Node, gateway: Gateway) -> None:
    decisions = node.put(*[gateway.build(block(power=power)) for power in range(MAX_PAYLOADS + 5)])
    assert [d.outcome for d in decisions[MAX_PAYLOADS:]] == ["refused"] * 5
    assert len(node.flags()) == MAX_PAYLOADS


def test_the_chain_goes_on_after_a_place_that_is_full(node: Node, gateway: Gateway) -> None:
    node.put(*[gateway.build(block(power=power)) for power in range(MAX_PAYLOADS + 1)])
    gateway.frame(block(power=0))
    assert node.one(gateway.frame(block(start=START + MINUTE, energy=1_000_600))).outcome == Outcome.ACCEPTED


def test_a_full_place_leaves_the_other_places_open_to_evidence(node: Node, gateway: Gateway) -> None:
    links = honest_chain(node, gateway, 2)
    node.put(*[at_place(0, links[0], power) for power in range(MAX_PAYLOADS)])
    assert node.one(at_place(1, links[1], 7)).outcome == Outcome.EQUIVOCATION


def test_many_payloads_for_one_place_fold_its_meters_once(
        node: Node, gateway: Gateway, folded: list[list[int]]) -> None:
    node.put(*[gateway.build(block(power=power)) for power in range(10)])
    assert folded == [[2]]
    assert len(node.flags()) == 10


def test_payloads_for_a_place_that_is_disputed_already_fold_nothing(
        node: Node, gateway: Gateway, folded: list[list[int]]) -> None:
    for power in range(5):
        node.one(gateway.build(block(power=power)))
    assert folded == [[2]]


def test_many_places_in_one_batch_fold_their_meters_once(
        node: Node, gateway: Gateway, folded: list[list[int]]) -> None:
    links = honest_chain(node, gateway, 4)
    node.put(*[at_place(seq, links[seq], power) for seq in range(4) for power in (1, 2)])
    assert folded == [[2, 3, 4, 5]]
    assert len(node.flags()) == 12


def test_a_dispute_takes_its_own_span_out_of_the_hour_and_no_more(node: Node, gateway: Gateway) -> None:
    links = honest_chain(node, gateway, 4)
    node.one(at_place(2, links[2], 7))
    with node.connection() as connection:
        (hour,) = series.hourly(connection, "m:main", "power", Period(START, START + HOUR))
        energy = series.energy(connection, "m:main", "energy", Period(START + MINUTE, START + 4 * MINUTE))
    assert hour.readings == 3 * 60
    assert energy.value == 2 * 600 + 590


def test_a_disputed_span_is_out_of_calculations_and_the_rest_counts(node: Node, gateway: Gateway) -> None:
    first = gateway.build(block(power=1))
    liar = gateway.build(block(power=2))
    node.put(gateway.frame(block(power=1)))
    node.put(gateway.frame(block(start=START + MINUTE, energy=1_000_600)))
    assert first is not liar
    node.put(liar)
    with node.connection() as connection:
        assert series.register_at(connection, "m:main", "energy", START + MINUTE - 1) is None
        reading = series.register_at(connection, "m:main", "energy", START + 2 * MINUTE)
    assert reading is not None
    assert reading.log_index == 3
