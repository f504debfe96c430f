"""What follows from histories, at both sides of every boundary: carriers of a period, keys, limits of registrations."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from attestation_helpers import (
    GATEWAY,
    GATEWAY_KEY,
    HOUR,
    OTHER_KEY,
    REGISTRAR,
    START,
    change,
    profile,
    wrapping_profile,
)
from history_helpers import CLAIM_POINT, DEVICE, PARTICIPANT, chain, rotated
from hypothesis import given
from hypothesis import strategies as st

from attestation.carriers import Carrier, carriers
from attestation.frame import Link
from attestation.history import (
    History,
    as_of,
    carries,
    check_grant,
    claim_point_at,
    extend,
    gateway_at,
    key_at,
    participant_at,
    participant_key,
    read_history,
    segment_at,
    segments,
)
from attestation.registration import (
    MAX_ITEMS,
    MAX_TEXT,
    MAX_WIDTH,
    Registration,
    parse_registration,
    registration_payload,
    rotation_payload,
)
from core.errors import CarbonSealError, FormError, NotFound
from core.period import Period, instant_text

PERIOD = Period(START, START + HOUR)


def moved(*changes_: tuple[str, int, str]) -> History:
    """A meter's history of profiles and moves: (event, ms after START, gateway)."""
    events = []
    for event, after, gateway in changes_:
        fields = {"profile": profile(gateway=gateway)} if event == "profile" else change(
            1, START + after, 1, gateway=gateway)
        events.append((event, fields, START + after))
    return read_history(chain("meter", "m:main", *events))


def spans(history: History, period: Period = PERIOD) -> list[tuple[str, int, int]]:
    return [(each.gateway, each.start - START, each.end - START) for each in carriers(history, period)]


@pytest.mark.parametrize(("events", "expected"), [
    ([("profile", -5, "gw:a")], [("gw:a", 0, HOUR)]),
    ([("profile", 0, "gw:a")], [("gw:a", 0, HOUR)]),
    ([("profile", 7, "gw:a")], [("gw:a", 7, HOUR)]),
    ([("profile", HOUR - 1, "gw:a")], [("gw:a", HOUR - 1, HOUR)]),
    ([("profile", HOUR, "gw:a")], []),
    ([("profile", -5, "gw:a"), ("move", 9, "gw:b")], [("gw:a", 0, 9), ("gw:b", 9, HOUR)]),
    ([("profile", -5, "gw:a"), ("move", 0, "gw:b")], [("gw:b", 0, HOUR)]),
    ([("profile", -5, "gw:a"), ("move", 1, "gw:b")], [("gw:a", 0, 1), ("gw:b", 1, HOUR)]),
    ([("profile", -5, "gw:a"), ("move", HOUR, "gw:b")], [("gw:a", 0, HOUR)]),
    ([("profile", -5, "gw:a"), ("move", HOUR - 1, "gw:b")], [("gw:a", 0, HOUR - 1), ("gw:b", HOUR - 1, HOUR)]),
    ([("profile", -9, "gw:a"), ("move", -5, "gw:b")], [("gw:b", 0, HOUR)]),
    ([("profile", -5, "gw:a"), ("profile", 9, "gw:a")], [("gw:a", 0, HOUR)]),
    ([("profile", -5, "gw:a"), ("move", 9, "gw:a")], [("gw:a", 0, HOUR)]),
    ([("profile", -5, "gw:a"), ("profile", 9, "gw:b")], [("gw:a", 0, 9), ("gw:b", 9, HOUR)]),
    ([("profile", -5, "gw:a"), ("move", 9, "gw:b"), ("move", 20, "gw:a")],
     [("gw:a", 0, 9), ("gw:b", 9, 20), ("gw:a", 20, HOUR)]),
    ([("profile", -5, "gw:a"), ("move", 9, "gw:b"), ("move", 9, "gw:c")], [("gw:a", 0, 9), ("gw:c", 9, HOUR)]),
    ([("profile", -5, "gw:a"), ("move", HOUR + 1, "gw:b"), ("move", HOUR + 2, "gw:c")], [("gw:a", 0, HOUR)])])
def test_a_period_is_carried_by_the_gateways_of_its_instants(
        events: list[tuple[str, int, str]], expected: list[tuple[str, int, int]]) -> None:
    assert spans(moved(*events)) == expected


@given(st.lists(st.tuples(st.sampled_from(["profile", "move"]), st.integers(0, 40), st.sampled_from("abc")),
                min_size=1, max_size=6), st.integers(0, 30), st.integers(1, 30))
def test_carriers_chain_without_a_hole_or_an_overlap(
        events: list[tuple[str, int, str]], start: int, length: int) -> None:
    ordered = [("profile" if number == 0 else event, at, f"gw:{name}")
               for number, (event, at, name) in enumerate(sorted(events, key=lambda each: each[1]))]
    found = spans(moved(*ordered), Period(START + start, START + start + length))
    for one, two in pairwise(found):
        assert one[2] == two[1]
        # Moved away and back within one instant it is still two spans, of one gateway.
        assert one[0] != two[0] or len({at for _, at, _ in ordered}) < len(ordered)
    for instant in range(start, start + length):
        known = [gateway for _, at, gateway in ordered if at <= instant]
        assert [gateway for gateway, since, until in found if since <= instant < until] == known[-1:]


def test_a_history_without_a_profile_is_carried_by_nobody() -> None:
    assert carriers(read_history(chain("device", GATEWAY, ("enrol", DEVICE, START))), PERIOD) == []


def test_a_carrier_is_a_span_of_the_index_too() -> None:
    history = moved(("profile", 0, "gw:a"), ("move", 9, "gw:b"))
    assert [gateway_at(history, index) for index in (11, 20, 21, 10**6)] == ["gw:a", "gw:a", "gw:b", "gw:b"]
    assert [carries(history, "gw:a", index) for index in (10, 11, 20, 21)] == [False, True, True, False]
    with pytest.raises(NotFound, match="history-not-yet"):
        gateway_at(history, 10)


def test_what_a_statement_takes_is_bound_to_its_own_gateway() -> None:
    own = Carrier("gw:a", 0, 9)
    assert own.between([("gw:a", 1, 5), ("gw:a", 0, 9), ("gw:b", 0, 0)], [("gw:a", 1, 5), ("gw:a", 1, 4)]) == Carrier(
        "gw:a", 0, 9, (0, 9), (1, 5))


# histories as a whole

@given(st.integers(1, 7), st.data())
def test_a_history_is_the_same_read_whole_or_entry_by_entry_and_its_past_never_changes(
        length: int, data: st.DataObject) -> None:
    items = chain("meter", "m:main", *[("profile", {"profile": profile(capacity_w=str(number + 1))}, START + number)
                                       for number in range(length)])
    whole = read_history(items)
    cut = data.draw(st.integers(1, length))
    grown: History | None = None
    for index, payload in items[:cut]:
        grown = extend(grown, index, parse_registration(payload))
    assert grown == as_of(whole, items[cut - 1][0] + 1) == read_history(items[:cut])
    for index, payload in items[cut:]:
        grown = extend(grown, index, parse_registration(payload))
    assert grown == whole
    assert whole.head == parse_registration(items[-1][1]).digest


@given(st.permutations(range(4)), st.sets(st.integers(0, 3)))
def test_a_history_has_one_order_and_no_holes(order: list[int], left_out: set[int]) -> None:
    items = chain("meter", "m:main", *[("profile", {"profile": profile(capacity_w=str(number + 1))}, START + number)
                                       for number in range(4)])
    shown = [items[number] for number in order if number not in left_out]
    kept = [number for number in order if number not in left_out]
    if kept == list(range(len(kept))) and kept:
        assert len(read_history(shown).entries) == len(kept)
    else:
        with pytest.raises(CarbonSealError):
            read_history(shown)


@pytest.mark.parametrize(("index", "passes"), [(9, False), (10, False), (11, True)])
def test_an_entry_stands_after_the_one_before_it(index: int, passes: bool) -> None:
    (first, one), (_, two) = chain("meter", "m:main", *[("profile", {"profile": profile()}, START)] * 2)
    history = extend(None, first, parse_registration(one))
    if passes:
        assert len(extend(history, index, parse_registration(two)).entries) == 2
    else:
        with pytest.raises(CarbonSealError, match="history-chain"):
            extend(history, index, parse_registration(two))


@pytest.mark.parametrize(("kind", "event", "fields"), [
    ("claim-point", "open", CLAIM_POINT), ("participant", "register", PARTICIPANT), ("device", "enrol", DEVICE)])
def test_what_happens_once_does_not_happen_twice(kind: str, event: str, fields: dict[str, Any]) -> None:
    with pytest.raises(CarbonSealError, match="history-order"):
        read_history(chain(kind, "x:one", (event, fields, START), (event, fields, START)))


# keys of devices

@pytest.mark.parametrize(("epoch", "seq", "digest", "code"), [
    (0, 0, 1, "ok"), (0, 4, 1, "ok"), (0, 5, 5, "ok"), (0, 5, 1, "key-rotated"), (0, 6, 5, "key-rotated"),
    (1, 0, 5, "key-rotated"), (1, 5, 5, "key-rotated")])
def test_an_old_key_signs_up_to_the_head_it_named(epoch: int, seq: int, digest: int, code: str) -> None:
    grant = key_at(read_history(rotated()), GATEWAY_KEY.kid, 99)
    assert _answer(lambda: check_grant(grant, Link(epoch, seq, bytes([digest]) * 32))) == code


@pytest.mark.parametrize(("epoch", "code"), [(0, "key-not-yet"), (1, "ok"), (2**40, "ok")])
def test_a_new_key_signs_from_the_epoch_after(epoch: int, code: str) -> None:
    grant = key_at(read_history(rotated()), OTHER_KEY.kid, 99)
    assert _answer(lambda: check_grant(grant, Link(epoch, 0, bytes(32)))) == code


def test_three_keys_each_have_their_epochs() -> None:
    items = rotated((3, 5, b"\x05" * 32))
    third = rotation_payload(OTHER_KEY, parse_registration(items[-1][1]), START + HOUR, (7, 1, b"\x07" * 32),
                             REGISTRAR.public_key)
    history = read_history([*items, (30, third)])
    allowed = {name: [epoch for epoch in range(10) if _answer(
        lambda epoch=epoch, key=key: check_grant(key_at(history, key.kid, 99), Link(epoch, 0, bytes(32)))) == "ok"]
        for name, key in (("first", GATEWAY_KEY), ("second", OTHER_KEY), ("third", REGISTRAR))}
    assert allowed == {"first": [0, 1, 2, 3], "second": [4, 5, 6, 7], "third": [8, 9]}


def _answer(check: Any) -> str:
    try:
        check()
    except CarbonSealError as error:
        return error.code
    return "ok"


# participants

def participant(**changes: Any) -> Any:
    return participant_at(read_history(chain("participant", "org:a", ("register", PARTICIPANT | changes, START))), 99)


@pytest.mark.parametrize(("valid_until", "instant", "code"), [
    (HOUR, -1, "participant-not-valid"), (HOUR, 0, "ok"), (HOUR, HOUR - 1, "ok"), (HOUR, HOUR, "participant-not-valid"),
    (0, 0, "participant-not-valid"), (None, -1, "participant-not-valid"), (None, 0, "ok"), (None, 10**12, "ok"),
    (-START, 0, "participant-not-valid"), (-START, HOUR, "participant-not-valid")])
def test_an_organisation_is_valid_up_to_its_end_and_without_one_for_good(
        valid_until: int | None, instant: int, code: str) -> None:
    """An end at the first instant there is, is an end: zero and none are two answers."""
    text = None if valid_until is None else instant_text(START + valid_until)
    found = participant(valid_until=text)
    assert _answer(lambda: participant_key(found, OTHER_KEY.kid, "opinion", START + instant)) == code


@pytest.mark.parametrize(("signer", "use", "found"), [
    (OTHER_KEY, "opinion", True), (OTHER_KEY, "statement", False), (GATEWAY_KEY, "opinion", False),
    (GATEWAY_KEY, "statement", True), (GATEWAY_KEY, "manifest", True), (REGISTRAR, "statement", False)])
def test_of_several_keys_each_serves_its_own_uses(signer: Any, use: str, found: bool) -> None:
    several = participant(keys=[
        {"public_key": OTHER_KEY.public_key.hex(), "uses": ["opinion"]},
        {"public_key": GATEWAY_KEY.public_key.hex(), "uses": ["statement", "manifest"]}])
    if found:
        assert participant_key(several, signer.kid, use, START) == signer.public_key
    else:
        with pytest.raises(CarbonSealError, match="key-unknown"):
            participant_key(several, signer.kid, use, START)


def test_a_claim_point_is_open_until_it_is_closed() -> None:
    history = read_history(chain("claim-point", "cp:a", ("open", CLAIM_POINT, START),
                                 ("close", {"closing": "1500", "reason": "dismantled"}, START)))
    assert claim_point_at(history, 20).closing is None
    closed = claim_point_at(history, 21)
    assert (closed.closing, closed.opening, closed.mark) == (1500, 1000, "cp:a")
    with pytest.raises(NotFound):
        claim_point_at(history, 10)


# registers that cannot be counted

@pytest.mark.parametrize(("ratio", "code"), [(2**29, "ok"), (2**30 - 1, "ok"), (2**30, "register-too-large")])
def test_the_greatest_reading_of_a_register_stays_below_two_to_the_62(ratio: int, code: str) -> None:
    columns = wrapping_profile(11)["columns"]
    columns[0] |= {"width": None, "max": str(2**32)}
    items = chain("meter", "m:a", ("profile", {"profile": profile(columns=columns)}, START),
                  ("ratio", change(1, START, 1, ratio=str(ratio)), START))
    assert _answer(lambda: read_history(items)) == code


@pytest.mark.parametrize(("after", "number"), [(0, 0), (8, 0), (9, 1), (10, 1), (19, 1), (20, 2), (10**9, 2)])
def test_a_segment_is_in_force_from_its_opening_reading_on(after: int, number: int) -> None:
    found = segments(read_history(chain(
        "meter", "m:a", ("profile", {"profile": profile()}, START), ("swap", change(
            3, START + 9, 100, profile=None), START + 9), ("swap", change(5, START + 20, 200, profile=None),
                                                           START + 20))), "energy")
    assert segment_at(found, START + after) == found[number]
    assert [(part.since - START, part.offset) for part in found] == [(0, 0), (9, 97), (20, 195)]


def test_before_its_first_segment_a_register_is_nothing() -> None:
    found = segments(read_history(chain("meter", "m:a", ("profile", {"profile": profile()}, START))), "energy")
    with pytest.raises(NotFound, match="register-not-yet"):
        segment_at(found, START - 1)


# limits of the form

def registers(**changes: Any) -> Any:
    """Fields of a profile event whose second column is a register, changed."""
    columns = profile()["columns"]
    columns[1] |= changes
    return {"profile": profile(columns=columns)}


def gauges(**changes: Any) -> Any:
    columns = profile()["columns"]
    columns[0] |= changes
    return {"profile": profile(columns=columns)}


def items(count: int) -> Any:
    """A profile of this many columns."""
    gauge = profile()["columns"][0]
    return {"profile": profile(columns=[gauge | {"quantity": f"q{number}"} for number in range(count)])}


@pytest.mark.parametrize(("event", "fields", "accepted"), [
    ("profile", {"profile": profile(serial="x" * MAX_TEXT)}, True),
    ("profile", {"profile": profile(serial="x" * (MAX_TEXT + 1))}, False),
    ("profile", {"profile": profile(serial="")}, False),
    ("profile", {"profile": profile(serial="表" * MAX_TEXT)}, True),
    ("profile", {"profile": profile(serial=None)}, False),
    ("profile", items(1), True), ("profile", items(0), False), ("profile", items(MAX_ITEMS), True),
    ("profile", items(MAX_ITEMS + 1), False),
    ("profile", {"profile": profile(capacity_w="1")}, True), ("profile", {"profile": profile(capacity_w="0")}, False),
    ("profile", {"profile": profile(capacity_w=str(2**40 - 1))}, True),
    ("profile", {"profile": profile(capacity_w=str(2**40))}, False),
    ("profile", {"profile": profile(capacity_w="-1")}, False),
    ("profile", {"profile": profile(capacity_w="1.5")}, False),
    ("profile", gauges(min=str(1 - 2**40), max=str(2**40 - 1)), True), ("profile", gauges(min=str(-2**40)), False),
    ("profile", gauges(max=str(2**40)), False), ("profile", gauges(min="5", max="5"), True),
    ("profile", gauges(min="6", max="5"), False), ("profile", gauges(min="0.5"), False),
    ("profile", gauges(scale="12"), True), ("profile", gauges(scale="-12"), True),
    ("profile", gauges(scale="13"), False),
    ("profile", gauges(scale="-13"), False), ("profile", gauges(kind="counter"), False),
    ("profile", gauges(unit=""), False),
    ("profile", registers(min="0"), True), ("profile", registers(min="-1"), False),
    ("profile", registers(width="11"), True), ("profile", registers(width="10"), False),
    ("profile", registers(width=str(MAX_WIDTH), max=str(10**MAX_WIDTH - 1)), True),
    ("profile", registers(width=str(MAX_WIDTH + 1), max="9"), False), ("profile", registers(width="0"), False),
    ("profile", registers(max=str(2**62 - 1)), True), ("profile", registers(max=str(2**62)), False),
    ("profile", registers(unit="kWh", scale="-3"), True), ("profile", registers(unit="kWh", scale="-4"), False),
    ("profile", registers(unit="furlong"), False), ("profile", registers(unit="W"), False),
    ("ratio", change(0, START, 0, ratio="1"), True), ("ratio", change(0, START, 0, ratio="0"), False),
    ("ratio", change(0, START, 0, ratio=str(2**40 - 1)), True), ("ratio", change(0, START, 0, ratio=str(2**40)), False),
    ("ratio", {"registers": [], "ratio": "2"}, False),
    ("swap", change(2**62 - 1, START, 2**62 - 1, profile=None), True),
    ("swap", change(2**62, START, 0, profile=None), False), ("swap", change(0, START, 2**62, profile=None), False),
    ("swap", change(-1, START, 0, profile=None), False), ("move", change(0, START, 0, gateway="GW:one"), False)])
def test_a_registration_stays_within_its_limits(event: str, fields: dict[str, Any], accepted: bool) -> None:
    previous: Registration | None = None
    if event != "profile":
        previous = parse_registration(registration_payload("meter", "m:a", "profile", START, {"profile": profile()}))
    if accepted:
        payload = registration_payload("meter", "m:a", event, START, fields, previous)
        assert parse_registration(payload).event == event
    else:
        with pytest.raises(FormError):
            registration_payload("meter", "m:a", event, START, fields, previous)


@pytest.mark.parametrize("changes_", [
    {"public_key": ""}, {"public_key": "00"}, {"public_key": None},
    {"public_key": GATEWAY_KEY.public_key.hex().upper()},
    {"public_key": GATEWAY_KEY.public_key.hex()[:-2]}, {"public_key": GATEWAY_KEY.public_key.hex() + "00"},
    {"public_key": GATEWAY_KEY.public_key.hex()[:-1]}, {"public_key": "00" * 5000}, {"site": ""}, {"org": None}])
def test_a_device_is_enrolled_with_a_key_a_site_and_an_organisation(changes_: dict[str, Any]) -> None:
    registration_payload("device", GATEWAY, "enrol", START, DEVICE)
    with pytest.raises(CarbonSealError):
        registration_payload("device", GATEWAY, "enrol", START, DEVICE | changes_)


@pytest.mark.parametrize("changes_", [
    {"roles": []}, {"roles": ["king"]}, {"roles": "verifier"}, {"accounts": [7]}, {"accounts": ["0x00"]},
    {"accounts": ["00" * 20]}, {"name": {"zh": "苏证"}}, {"name": {"zh": "", "en": "x"}}, {"name": "苏证"},
    {"keys": [{"public_key": OTHER_KEY.public_key.hex(), "uses": []}]}, {"jurisdiction": ""}, {"group": "No Id"},
    {"keys": [{"public_key": OTHER_KEY.public_key.hex(), "uses": ["everything"]}]}, {"valid_from": None},
    {"valid_until": "2026-01-01"}, {"keys": {}}])
def test_an_organisation_is_registered_with_all_that_is_asked_and_nothing_else(changes_: dict[str, Any]) -> None:
    registration_payload("participant", "org:a", "register", START, PARTICIPANT)
    with pytest.raises(CarbonSealError):
        registration_payload("participant", "org:a", "register", START, PARTICIPANT | changes_)
