"""Claims, statements and opinions are found again by digest, key and source; recording twice changes nothing."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from hashlib import sha256
from typing import Any

import pytest
from certificates_helpers import (
    ENTERPRISE,
    PERIOD,
    VERIFIER,
    claim,
    signed_claim,
    signed_opinion,
    statement_payload,
)
from sqlalchemy import Connection, Engine

from certificates import store
from certificates.claim import sign
from core import jcs
from core.claims import Carried, ClaimDocument, chain_claim
from core.database import transaction
from core.documents import MethodologyRef
from core.errors import FormError, NotFound, Refused
from core.opinions import opinion_payload
from core.period import Period

DETAILS: list[dict[str, Any]] = [
    {"salt": "00" * 16, "record": {"kind": "input", "name": "generation", "source": {
        "type": "claim-point", "mark": "cp:lanhe-pv", "meter": "m:lanhe-pv", "quantity": "active-export"}}},
    {"salt": "01" * 16, "record": {"kind": "input", "name": "bill", "source": {
        "type": "document", "digest": "ab" * 32, "title": "结算单"}}},
    {"salt": "02" * 16, "record": {"kind": "node", "operator": "add", "name": "m:not-a-source"}},
]


def record(connection: Connection, document: ClaimDocument, index: int, run: dict[str, Any] | None = None,
           **fields: Any) -> store.StoredStatement:
    """A claim and its statement, appended at index and index + 1. `run`: members of its run record."""
    stored = store.record_claim(connection, sign(document, ENTERPRISE), index)
    details = [*DETAILS, *([{"salt": "03" * 16, "record": {"kind": "run"} | run}] if run else [])]
    return store.record_statement(connection, statement_payload(document, **fields), details, stored.digest,
                                  b"\x05" * 32, index + 1)


def test_a_claim_is_found_by_its_digest(connection: Connection) -> None:
    payload = sign(claim(), ENTERPRISE)
    stored = store.record_claim(connection, payload, 7)
    assert stored == store.claim(connection, sha256(payload).digest())
    assert (stored.document, stored.log_index) == (signed_claim(), 7)
    with pytest.raises(NotFound, match="claim-unknown"):
        store.claim(connection, b"\x00" * 32)


def test_a_claim_is_found_by_its_id_its_claim_hash_and_its_statement_s_digest(connection: Connection) -> None:
    statement = record(connection, claim(), 7)
    record(connection, claim(boundary="二期"), 9)
    found = store.claim(connection, statement.claim_digest)
    for identity in (found.digest, bytes.fromhex(statement.fields["claim"]), statement.digest):
        assert store.find_claim(connection, identity) == found


def test_what_names_no_claim_says_what_was_looked_for(connection: Connection) -> None:
    record(connection, claim(), 7)
    with pytest.raises(NotFound) as raised:
        store.find_claim(connection, b"\xab" * 32)
    assert (raised.value.code, raised.value.where) == ("claim-unknown", "ab" * 32)
    assert all(word in raised.value.message for word in ("id", "claim hash", "statement"))
    assert "SHA-256 of the signed claim" in raised.value.hint


def test_one_claim_hash_under_two_signatures_is_not_guessed_at(connection: Connection) -> None:
    first = store.record_claim(connection, sign(claim(), ENTERPRISE), 7)
    again = jcs.parse(first.payload)
    again["signature"] = "00" * 65
    second = store.record_claim(connection, jcs.canonical(again), 9)
    claim_hash = chain_claim(first.document).struct_hash()
    with pytest.raises(Refused) as raised:
        store.find_claim(connection, claim_hash)
    assert raised.value.code == "claim-ambiguous"
    assert first.digest.hex() in raised.value.hint
    assert second.digest.hex() in raised.value.hint
    assert store.find_claim(connection, second.digest) == second


def test_recording_twice_changes_nothing(connection: Connection) -> None:
    first = record(connection, claim(), 7)
    again = record(connection, claim(), 70)
    assert again == first
    assert again.log_index == 8


def test_a_statement_keeps_its_details_and_names_what_it_read(connection: Connection) -> None:
    stored = record(connection, claim(), 7)
    assert list(stored.details) == DETAILS
    assert stored.fields["certificate"] == {"amount": "12", "unit": "MWh"}
    for source in ("cp:lanhe-pv", "m:lanhe-pv", "doc:" + "ab" * 32):
        assert store.statements_reading(connection, source) == [stored.digest]
    assert store.statements_reading(connection, "m:not-a-source") == []


def test_a_corrected_meter_lists_every_statement_it_touches(connection: Connection) -> None:
    one = record(connection, claim(), 7)
    other = record(connection, claim(boundary="二期"), 9)
    assert store.statements_reading(connection, "m:lanhe-pv") == [one.digest, other.digest]


def test_a_statement_of_an_unknown_claim_is_not_kept(connection: Connection) -> None:
    with pytest.raises(NotFound, match="claim-unknown"):
        store.record_statement(connection, statement_payload(), DETAILS, b"\x01" * 32, b"\x05" * 32, 8)


def test_an_opinion_belongs_to_a_known_statement(connection: Connection) -> None:
    stored = record(connection, claim(), 7)
    with pytest.raises(NotFound, match="statement-unknown"):
        store.record_opinion(connection, opinion_payload(signed_opinion()), 9)
    with pytest.raises(NotFound, match="opinion-missing"):
        store.opinion_on(connection, stored.digest)
    good = opinion_payload(signed_opinion(statement=stored.digest))
    kept = store.record_opinion(connection, good, 9)
    assert store.record_opinion(connection, good, 90) == kept
    assert store.opinion_on(connection, stored.digest) == kept
    assert kept.document.verifier == "org:suzheng"


def test_the_newest_opinion_speaks(connection: Connection) -> None:
    stored = record(connection, claim(), 7)
    for index, reasons in enumerate(("第一次意见", "第二次意见"), 9):
        payload = opinion_payload(signed_opinion(VERIFIER, statement=stored.digest, reasons=reasons))
        store.record_opinion(connection, payload, index)
    assert store.opinion_on(connection, stored.digest).document.reasons == "第二次意见"


def test_the_same_inventory_twice_is_refused_and_a_correction_is_not(connection: Connection) -> None:
    store.check_exclusive(connection, claim())
    first = record(connection, claim(), 7)
    with pytest.raises(Refused, match="claim-exclusive"):
        store.check_exclusive(connection, claim())
    store.check_exclusive(connection, claim(supersedes=first.digest))
    store.check_exclusive(connection, claim(boundary="另一边界"))
    store.check_exclusive(connection, claim(period=Period(PERIOD.start, PERIOD.end + 1)))


def test_a_correction_names_the_newest_statement_of_its_key(connection: Connection) -> None:
    first = record(connection, claim(), 7)
    second = record(connection, claim(supersedes=first.digest), 9)
    assert store.newest_statement(connection, claim().exclusivity_key) == second
    with pytest.raises(Refused, match="claim-supersedes"):
        store.check_exclusive(connection, claim(supersedes=first.digest))
    store.check_exclusive(connection, claim(supersedes=second.digest))


def test_a_corrected_boundary_may_replace_a_statement_of_another_key_but_not_of_another_subject(
        connection: Connection) -> None:
    first = record(connection, claim(), 7)
    store.check_exclusive(connection, claim(boundary="更正后的边界", supersedes=first.digest))
    with pytest.raises(Refused, match="claim-supersedes"):
        store.check_exclusive(connection, claim(subject="org:lanhe-steel", supersedes=first.digest))
    with pytest.raises(NotFound, match="statement-unknown"):
        store.check_exclusive(connection, claim(boundary="其他", supersedes=b"\x09" * 32))


CARRIED = {"value": "0.25", "unit": "MWh"}


def left(connection: Connection, document: ClaimDocument, index: int, **fields: Any) -> store.StoredStatement:
    """A statement of the claim that left 0.25 MWh."""
    return record(connection, document, index, carried_out=CARRIED, **fields)


def carrying(before: store.StoredStatement, value: str = "0.25", **fields: Any) -> ClaimDocument:
    """A claim of the month after that carries a remainder."""
    carried = Carried(before.digest, Decimal(value), "MWh")
    return claim(**{"period": Period(PERIOD.end, PERIOD.end + 1), "carried": carried} | fields)


def test_a_remainder_is_carried_from_the_statement_that_left_it(connection: Connection) -> None:
    first = left(connection, claim(), 7)
    store.check_exclusive(connection, carrying(first))
    assert first.fields["carried_out"] == CARRIED
    with pytest.raises(NotFound, match="statement-unknown"):
        store.check_exclusive(connection, carrying(replace(first, digest=bytes(32))))


@pytest.mark.parametrize("fields", [
    {"value": "0.26"}, {"value": "0.2"}, {"value": "0"}, {"subject": "org:lanhe-steel"},
    {"methodology": MethodologyRef("another", "1", b"\x01" * 32)}])
def test_no_other_remainder_than_was_left_to_this_subject_is_carried(connection: Connection,
                                                                    fields: dict[str, Any]) -> None:
    first = left(connection, claim(), 7)
    with pytest.raises(Refused, match="claim-carried"):
        store.check_exclusive(connection, carrying(first, **fields))


def test_nothing_is_carried_from_a_statement_that_left_nothing_or_is_unknown(connection: Connection) -> None:
    first = record(connection, claim(), 7)
    with pytest.raises(Refused, match="claim-carried"):
        store.check_exclusive(connection, carrying(first))
    with pytest.raises(NotFound, match="statement-unknown"):
        store.check_exclusive(connection, carrying(replace(first, digest=b"\x09" * 32)))


def test_a_remainder_is_carried_once(connection: Connection) -> None:
    first = left(connection, claim(), 7)
    second = left(connection, carrying(first), 9, run={"carried": {"statement": first.digest.hex(), **CARRIED}})
    with pytest.raises(Refused, match="claim-carried"):
        store.check_exclusive(connection, carrying(first, boundary="另一边界"))
    assert store.statements_reading(connection, store.CARRIED + first.digest.hex()) == [second.digest]


def test_the_correction_of_a_statement_carries_what_that_one_carried(connection: Connection) -> None:
    first = left(connection, claim(), 7)
    run = {"carried": {"statement": first.digest.hex(), **CARRIED}}
    second = left(connection, carrying(first), 9, run=run)
    store.check_exclusive(connection, carrying(first, supersedes=second.digest))
    third = left(connection, carrying(first, supersedes=second.digest), 11, run=run)
    store.check_exclusive(connection, carrying(first, supersedes=third.digest))
    with pytest.raises(Refused, match="claim-supersedes"):
        store.check_exclusive(connection, carrying(first, supersedes=second.digest))


def test_a_corrected_statement_leaves_no_remainder(connection: Connection) -> None:
    first = left(connection, claim(), 7)
    second = left(connection, claim(supersedes=first.digest), 9)  # a correction that happens to leave as much
    with pytest.raises(Refused, match="claim-carried"):
        store.check_exclusive(connection, carrying(first))
    store.check_exclusive(connection, carrying(second))


def test_a_payload_out_of_form_is_not_kept(connection: Connection) -> None:
    with pytest.raises(FormError):
        store.record_claim(connection, b"{}", 1)
    stored = store.record_claim(connection, sign(claim(), ENTERPRISE), 1)
    with pytest.raises(FormError):
        store.record_statement(connection, jcs.canonical({"claim": "x"}), DETAILS, stored.digest, b"\x05" * 32, 2)


def test_what_a_rolled_back_transaction_wrote_is_gone(engine: Engine) -> None:
    def crash_after_recording() -> None:
        with transaction(engine) as connection:
            record(connection, claim(), 7)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        crash_after_recording()
    with transaction(engine) as connection:
        assert store.newest_statement(connection, claim().exclusivity_key) is None
