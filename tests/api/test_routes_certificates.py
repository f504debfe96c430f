"""Certificates, their evidence and the queries about them, over HTTP."""

from __future__ import annotations

import csv
import io

import pytest
from api_helpers import GOV, JIANGHUI, check_problem
from api_park import Park, period_query
from api_world import HOUR, MARK, PV, PV_OPENING, START, STEEL, SUZHENG

from core.period import instant_text
from verify.verifier import verify

pytestmark = [pytest.mark.chain, pytest.mark.timeout(600)]


def test_a_certificate_is_found_by_its_statement_and_by_its_piece(park: Park) -> None:
    by_piece = park.get(f"/v1/certificates/{park.piece}").json()
    by_statement = park.get(f"/v1/certificates/{park.statement}").json()
    assert by_piece == by_statement
    assert by_piece["amount"] == "48"
    assert by_piece["serials"] == f"{MARK}[{PV_OPENING},{PV_OPENING + 48_000_000})"
    assert [piece["piece"] for piece in by_piece["pieces"]] == [park.piece]
    check_problem(park.get(f"/v1/certificates/{'0' * 64}"), 404, "certificate-unknown")


def test_the_evidence_file_verifies_offline(park: Park) -> None:
    answer = park.get(f"/v1/certificates/{park.piece}/evidence", STEEL, level="full")
    assert answer.headers["content-disposition"].endswith('.full.cseal"')
    report = verify(answer.content, park.world.deployment.trust, now=park.world.clock.now())
    assert report.valid, report.failed()


def test_levels_are_for_whom_they_are(park: Park) -> None:
    path = f"/v1/certificates/{park.piece}/evidence"
    assert park.get(path).status_code == 200
    check_problem(park.get(path, level="buyer"), 401, "token-missing")
    assert park.get(path, JIANGHUI, level="buyer").status_code == 200
    check_problem(park.get(path, JIANGHUI, level="auditor"), 403, "organisation-other")
    assert park.get(path, SUZHENG, level="auditor").status_code == 200
    check_problem(park.get(path, SUZHENG, level="secret"), 422, "evidence-level")
    check_problem(park.get(f"/v1/certificates/{park.statement}/evidence"), 404, "piece-unknown")


def test_the_buyer_s_question_is_answered(park: Park) -> None:
    answer = park.get(f"/v1/assets/{park.piece}/check", seller=STEEL).json()
    assert answer["clean"]
    assert not park.get(f"/v1/assets/{park.piece}/check", seller=JIANGHUI).json()["clean"]
    check_problem(park.get(f"/v1/assets/{'1' * 64}/check"), 404, "piece-unknown")


def test_authorities_query_the_ledger(park: Park) -> None:
    for query in ({"organisation": STEEL}, {"meter": PV}, {"certificate": park.piece},
                  {"serials": f"{MARK}:{PV_OPENING}:{PV_OPENING + 1}"}, {**period_query(START, START + HOUR)}):
        assert park.piece in {row["piece"] for row in park.get("/v1/ledger", GOV, **query).json()}, query
    assert park.get("/v1/ledger", GOV, serials=f"{MARK}:0:{PV_OPENING}").json() == []
    assert park.get("/v1/ledger", GOV, organisation="org:nobody").json() == []
    rows = list(csv.DictReader(io.StringIO(park.get("/v1/ledger", GOV, form="csv", certificate=park.piece).text)))
    assert [row["piece"] for row in rows] == [park.piece]


def test_queries_are_for_oversight(park: Park) -> None:
    check_problem(park.get("/v1/ledger"), 401, "token-missing")
    check_problem(park.get("/v1/ledger", STEEL), 403, "role-missing")
    check_problem(park.get("/v1/ledger", GOV, start=instant_text(START)), 422, "parameter-invalid")
    check_problem(park.get("/v1/ledger", GOV, form="xml"), 422, "parameter-invalid")
    check_problem(park.get("/v1/ledger", GOV, serials="5:4"), 400, "id-malformed")
