"""Forms that nothing but the exact form passes: envelopes, frames, disputes; and which frames count for a span."""

from __future__ import annotations

from typing import Any

import pytest
from attestation_helpers import GATEWAY, MINUTE, ORIGIN, START, Gateway, Node, block

from attestation.carriers import Carrier
from attestation.dispute import Dispute, dispute_payload, parse_dispute
from attestation.envelope import FRAME, open_envelope, seal
from attestation.frame import decode_frame
from attestation.frames import counted_indices, headers_of
from core import cbor, jcs
from core.errors import FormError

GOOD = open_envelope(Gateway().build(block()).envelope).payload


def refused(document: Any) -> str:
    with pytest.raises(FormError) as caught:
        decode_frame(cbor.encode(document))
    return caught.value.code


@pytest.mark.parametrize(("place", "value", "code"), [
    (0, "carbonseal-frame/2", "frame-form"), (3, -1, "frame-range"), (4, 2**63, "frame-range"), (3, "0", "frame-range"),
    (7, START - 1, "frame-times"), (8, 4, "frame-range"), (10, bytes(31), "frame-form"),
    (11, bytes(33), "frame-form"), (12, 0, "frame-counts"), (12, 4097, "frame-counts"), (14, 2, "frame-counts")])
def test_a_frame_has_exactly_its_form(place: int, value: Any, code: str) -> None:
    document: list[Any] = list(cbor.decode(GOOD, limit=4096))
    decode_frame(cbor.encode(document))
    document[place] = value
    assert refused(document) == code


@pytest.mark.parametrize("items", [14, 16])
def test_a_frame_has_fifteen_items(items: int) -> None:
    document: list[Any] = [*cbor.decode(GOOD, limit=4096), 0]
    assert refused(document[:items]) == "frame-form"


@pytest.mark.parametrize(("epoch", "prev", "accepted"), [
    (0, [None, "key"], True), (0, [None, "reset"], False), (0, [bytes(32), "key"], False), (0, bytes(32), False),
    (1, [bytes(32), "reset"], True), (1, [None, "reset"], False), (1, [None, "lost-spool"], True),
    (1, [bytes(32), "whim"], False), (1, [bytes(31), "key"], False), (1, [bytes(32)], False)])
def test_an_epoch_starts_with_the_head_before_and_a_reason(epoch: int, prev: Any, accepted: bool) -> None:
    document: list[Any] = list(cbor.decode(GOOD, limit=4096))
    document[3], document[5] = epoch, prev
    if accepted:
        assert decode_frame(cbor.encode(document)).epoch == epoch
    else:
        assert refused(document) in ("frame-start", "frame-form")


@pytest.mark.parametrize(("place", "value"), [
    (0, "x"), (1, {1: 2}), (1, []), (2, "x"), (3, bytes(63)), (3, bytes(65)), (3, "x")])
def test_an_envelope_has_exactly_its_form(place: int, value: Any) -> None:
    sealed = seal(Gateway().signer, FRAME, GOOD, ORIGIN)
    document: list[Any] = list(cbor.decode(sealed, limit=65_535, maps=True))
    document[place] = value
    with pytest.raises(FormError):
        open_envelope(cbor.encode(document))
    assert open_envelope(sealed).payload == GOOD


DISPUTE = Dispute(GATEWAY, 0, None, 0, 0, (bytes(32), bytes(31) + b"\1"), (2, 3), START)


@pytest.mark.parametrize("edit", [
    {"schema": "carbonseal-dispute/2"}, {"kind": "rumour"}, {"leaves": ["00" * 32]}, {"leaves": ["00" * 32] * 2},
    {"leaves": "00"}, {"leaves": [1, 2]}, {"indices": ["2"]}, {"indices": ["2", "03"]}, {"prev": "00" * 32},
    {"seq": "1"}, {"seq": "-1"}, {"time": "yesterday"}, {"subject": "no body"}, {"more": "1"}])
def test_a_dispute_has_exactly_its_form(edit: dict[str, Any]) -> None:
    document = jcs.parse(dispute_payload(DISPUTE), limit=65_535)
    assert parse_dispute(dispute_payload(DISPUTE)) == DISPUTE
    with pytest.raises(FormError):
        parse_dispute(jcs.canonical({**document, **edit}))


# which frames count for a span: frames 2 … 6 of a minute each

@pytest.mark.parametrize(("start", "end", "counted"), [
    (0, 2 * MINUTE, [2, 3, 4]), (MINUTE, 2 * MINUTE - 1000, [3]), (MINUTE - 1000, MINUTE, [3]),
    (MINUTE - 1001, MINUTE - 1000, [2]), (4 * MINUTE, 9 * MINUTE, [6]), (9 * MINUTE, 10 * MINUTE, [])])
def test_the_frames_of_a_span_reach_over_both_its_ends(
        node: Node, gateway: Gateway, start: int, end: int, counted: list[int]) -> None:
    for number in range(5):
        node.one(gateway.frame(block(start=START + number * MINUTE, energy=10**6 + 600 * number)))
    with node.connection() as connection:
        assert counted_indices(connection, Carrier(GATEWAY, START + start, START + end)) == counted
        assert counted_indices(connection, Carrier("gw:none", START + start, START + end)) == []
        assert len(headers_of(connection, "m:main", counted)) == len(counted)
        assert headers_of(connection, "m:none", counted) == []


def test_the_liars_payload_of_a_place_is_not_among_the_frames_of_a_span(node: Node, gateway: Gateway) -> None:
    node.put(gateway.build(block(power=1)), gateway.build(block(power=2)))
    with node.connection() as connection:
        assert counted_indices(connection, Carrier(GATEWAY, START, START + MINUTE)) == [2]
