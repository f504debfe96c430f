"""What a buyer must see of a piece is said as a notice with a stable code, in the verdict for people and programs."""

from __future__ import annotations

from typing import Any

import pytest
from verify_forging import world
from verify_world import Lies, World, account

from ledger.anchor.layout import retirement_digest
from verify.report import Report
from verify.texts import NOTICES
from verify.verifier import verify

PIECE = {"piece-split", "piece-retired", "piece-pledged", "piece-short", "piece-superseded", "piece-revoked"}
USE = ("renewable-use", "示例企业", 1_794_758_400_000, 1_794_844_800_000)
RETIRED = {"status": 2, "retirement": int.from_bytes(retirement_digest(*USE), "big")}
RETIREMENT = {"purpose": USE[0], "beneficiary": USE[1], "start": "2026-11-15T16:00:00.000Z",
              "end": "2026-11-16T16:00:00.000Z"}
PLEDGEE = account("bank").address


def checked(**lies: Any) -> Report:
    made = World(Lies(**lies)) if lies else world()
    return verify(made.file("public"), made.trust())


def piece_notices(report: Report) -> set[str]:
    assert set(report.as_json()["notices"]) == set(report.notices)
    return PIECE & set(report.notices)


def test_a_whole_live_unburdened_piece_needs_no_word() -> None:
    assert piece_notices(checked()) == set()


@pytest.mark.parametrize(("lies", "code"), [
    ({"piece": {"status": 3}, "record": {"status": "split"}}, "piece-split"),
    ({"piece": RETIRED, "record": {"status": "retired", "retirement": RETIREMENT}}, "piece-retired"),
    ({"piece": {"pledgee": int(PLEDGEE, 16)}}, "piece-pledged"),
    ({"certificate": {"short": 2}}, "piece-short"),
])
def test_a_valid_file_says_what_its_piece_is_worth(lies: dict[str, Any], code: str) -> None:
    report = checked(**lies)
    assert report.valid, report.as_text("en")
    assert piece_notices(report) == {code}


@pytest.mark.parametrize(("status", "code"), [(2, "superseded"), (3, "revoked")])
def test_the_state_is_told_even_where_the_file_fails(status: int, code: str) -> None:
    report = checked(certificate={"status": status, "by": 7, "short": 1})
    assert report.steps[9].code == f"certificate-{code}"
    assert piece_notices(report) == {f"piece-{code}", "piece-short"}


def test_the_detail_names_the_pledgee_and_the_units_short() -> None:
    detail = checked(piece={"pledgee": int(PLEDGEE, 16)}, certificate={"short": 2}).steps[9].detail
    assert f"pledged to {PLEDGEE}" in detail
    assert "2 units of it short" in detail


def test_people_read_it_in_their_language() -> None:
    report = checked(piece={"pledgee": int(PLEDGEE, 16)})
    for column, language in enumerate(("zh", "en")):
        assert f"! {NOTICES['piece-pledged'][column]}" in report.as_text(language).splitlines()


def test_every_notice_of_a_piece_has_words_in_both_languages() -> None:
    assert set(NOTICES) >= PIECE
    assert all(all(NOTICES[code]) for code in PIECE)
