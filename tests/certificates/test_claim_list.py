"""The list of claims: each in the state it is in, newest first, by subject, state and period."""

from __future__ import annotations

from typing import Any

import pytest
from certificates_helpers import ENTERPRISE, PERIOD, claim, signed_opinion, statement_payload
from sqlalchemy import Connection, insert

from certificates import mirror, store
from certificates.claim import sign
from certificates.claim_list import STATES, Filter, listed, state_of
from core.claims import ClaimDocument
from core.errors import InputError
from core.opinions import opinion_payload
from core.period import DAY_MS, Period
from core.records import Conclusion


def handed_in(connection: Connection, index: int, **changes: Any) -> store.StoredClaim:
    return store.record_claim(connection, sign(claim(**changes), ENTERPRISE), index)


def calculated(connection: Connection, stored: store.StoredClaim, index: int) -> store.StoredStatement:
    document: ClaimDocument = stored.document
    return store.record_statement(connection, statement_payload(document), [], stored.digest, b"\x05" * 32, index)


def reviewed(connection: Connection, statement: store.StoredStatement, index: int,
             conclusion: Conclusion = Conclusion.UNMODIFIED) -> None:
    store.record_opinion(connection, opinion_payload(signed_opinion(
        statement=statement.digest, conclusion=conclusion)), index)


def on_chain(connection: Connection, statement: store.StoredStatement, status: str) -> None:
    connection.execute(insert(mirror.CERTIFICATES).values(
        digest=statement.digest, status=status, kind=3, holder="0x" + "0" * 40, amount=12, first=0, moved=0, short=0,
        issued_at=PERIOD.end))


def state(connection: Connection, stored: store.StoredClaim) -> str:
    found = state_of(connection, stored.digest).state
    # What is listed under a state and what one claim says of itself agree, whichever state it is.
    assert [name for name in STATES
            if stored.digest in {item.digest for item in listed(connection, Filter(state=name), 50)}] == [found]
    return found


def test_a_claim_passes_from_state_to_state(connection: Connection) -> None:
    stored = handed_in(connection, 7)
    assert state(connection, stored) == "no-statement"
    statement = calculated(connection, stored, 8)
    assert state(connection, stored) == "to-review"
    reviewed(connection, statement, 9, Conclusion.ADVERSE)
    assert state(connection, stored) == "declined"
    reviewed(connection, statement, 10)
    assert state(connection, stored) == "to-issue"
    on_chain(connection, statement, "live")
    assert state(connection, stored) == "issued"


@pytest.mark.parametrize("status", ["superseded", "revoked"])
def test_the_chain_has_the_last_word(connection: Connection, status: str) -> None:
    stored = handed_in(connection, 7)
    on_chain(connection, calculated(connection, stored, 8), status)
    assert state(connection, stored) == status


def test_a_statement_that_another_corrects_waits_for_no_review(connection: Connection) -> None:
    first = handed_in(connection, 7)
    statement = calculated(connection, first, 8)
    second = handed_in(connection, 9, supersedes=statement.digest)
    calculated(connection, second, 10)
    assert state(connection, first) == "superseded"
    assert state(connection, second) == "to-review"


def test_the_newest_claim_comes_first_and_a_page_ends_where_the_next_begins(connection: Connection) -> None:
    claims = [handed_in(connection, 7 + i, boundary=f"厂区 {i}") for i in range(4)]
    assert [item.log_index for item in listed(connection, Filter(), 50)] == [10, 9, 8, 7]
    first = listed(connection, Filter(), 2)
    rest = listed(connection, Filter(below=first[-1].log_index), 2)
    assert [item.digest for item in (*first, *rest)] == [item.digest for item in reversed(claims)]


def test_claims_are_asked_for_by_subject_and_by_a_period_they_overlap(connection: Connection) -> None:
    stored = handed_in(connection, 7)
    subject = stored.document.subject
    assert [item.digest for item in listed(connection, Filter(subject), 50)] == [stored.digest]
    assert listed(connection, Filter("org:other"), 50) == []
    for start, end, found in ((PERIOD.start - DAY_MS, PERIOD.start, 0), (PERIOD.start - DAY_MS, PERIOD.start + 1, 1),
                              (PERIOD.end - 1, PERIOD.end + 1, 1), (PERIOD.end, PERIOD.end + 1, 0)):
        assert len(listed(connection, Filter(period=Period(start, end)), 50)) == found


def test_a_row_tells_how_to_find_the_claim_again(connection: Connection) -> None:
    stored = handed_in(connection, 7)
    assert listed(connection, Filter(), 1)[0].as_json()["statement"] is None
    statement = calculated(connection, stored, 8)
    reviewed(connection, statement, 9)
    row = listed(connection, Filter(), 1)[0].as_json()
    assert row["claim"] == stored.digest.hex()
    assert row["claim_hash"] == statement.fields["claim"]
    assert row["statement"] == statement.digest.hex()
    assert row["result"] == {"value": "12", "unit": "MWh"}
    assert (row["verifier"], row["conclusion"]) == ("org:suzheng", "unmodified")


def test_a_state_that_there_is_not_is_refused() -> None:
    with pytest.raises(InputError) as raised:
        Filter(state="lost")
    assert raised.value.code == "parameter-invalid"
    assert "to-review" in raised.value.hint
