"""Reports over HTTP: a statement printed in four forms for those who may see it, calculations for those who ask."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from api_helpers import GOV, JIANGHUI, STEEL, bearer, check_problem
from api_world import AFTER, HOUR, MAIN, START, World, founding
from sqlalchemy import update
from starlette.testclient import TestClient

from api import pipeline
from api.app import create_app
from api.deployment import create, writing
from api.node import Node
from certificates import inventory_report, store
from core import jcs
from core.clock import FixedClock
from core.database import transaction
from core.errors import Unavailable
from core.records import Kind
from mrv.authoring import catalogue
from mrv.calculation import service
from mrv.presentation import explained

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass
class Office:
    """A running node that holds the statement of a day's inventory."""

    world: World
    client: TestClient
    claim: str
    statement: store.StoredStatement

    def get(self, org: str | None = STEEL, **query: str) -> Any:
        headers = bearer(self.world.deployment, org) if org else {}
        return self.client.get(f"/v1/claims/{self.claim}/report", params=query, headers=headers)

    def post(self, path: str, document: object, org: str | None = None, **query: str) -> Any:
        headers = bearer(self.world.deployment, org) if org else {}
        return self.client.post(f"/v1/mrv/{path}", params=query, content=json.dumps(document).encode(), headers=headers)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    directory: Path = tmp_path_factory.mktemp("office") / "node"
    world = World(create(directory, founding(), clock=FixedClock(AFTER), chain=False))
    world.trust_nobody()
    with writing(world.deployment):
        for envelope in world.registrations():
            pipeline.register(world.deployment, envelope)
        pipeline.release_rules(world.deployment, world.rules())
        world.put(*world.gateway.frames(START - HOUR, 26))
        claim = pipeline.claim(world.deployment, world.claim(Kind.EMISSION))
        statement = pipeline.calculate(world.deployment, claim.digest)
    with TestClient(create_app(Node(world.deployment)), raise_server_exceptions=False) as client:
        yield Office(world, client, claim.digest.hex(), statement)
    world.deployment.close()


# the report of a statement --------------------------------------------------------------------------------------------

def test_the_flat_report_says_what_the_statement_says(office: Office) -> None:
    answer = office.get(form="json")
    assert answer.headers["content-type"] == "application/json"
    report, payload = answer.json(), office.statement.fields
    assert report["attested"] is True
    assert report["statement"] == office.statement.digest.hex()
    assert report["log_index"] == str(office.statement.log_index)
    assert {"value": report["result_value"], "unit": report["result_unit"]} == payload["result"]
    assert {row["name"]: {"value": row["value"], "unit": row["unit"]} for row in report["outputs"]}.items() <= payload[
        "outputs"].items()
    assert report["completeness"] == payload["completeness"]
    assert set(payload["notices"]) <= set(report["notices"])
    assert report["conclusion"] is None
    assert "no-opinion" in report["notices"]


def test_every_input_of_the_report_leads_to_a_register_in_the_log(office: Office) -> None:
    (row,) = office.get(form="json").json()["inputs"]
    assert (row["source"], row["meter"]) == ("register", MAIN)
    assert int(row["to_position"]) - int(row["from_position"]) == 96 * 100_000
    assert int(row["from_index"]) < int(row["to_index"]) < office.statement.log_index


def test_the_page_comes_in_the_language_asked_for(office: Office) -> None:
    zh, en = office.get(lang="zh"), office.get(lang="en")
    assert zh.headers["content-type"] == "text/html; charset=utf-8"
    assert "温室气体排放报告" in zh.text
    assert "Greenhouse gas emission report" in en.text
    for page in (zh.text, en.text):
        assert office.statement.digest.hex() in page
        assert MAIN in page
        assert "<script" not in page
    assert zh.headers["content-security-policy"].startswith("default-src 'none'")
    assert zh.headers["cache-control"] == "private, no-cache"


def test_the_workbook_is_a_file_to_keep(office: Office) -> None:
    answer = office.get(form="xlsx")
    assert answer.headers["content-type"] == XLSX
    assert answer.headers["content-disposition"] == f'attachment; filename="report-{office.claim[:16]}.xlsx"'
    assert len(openpyxl.load_workbook(io.BytesIO(answer.content)).sheetnames) == 4


def test_the_pdf_is_a_pdf_or_says_what_is_missing(office: Office) -> None:
    answer = office.get(form="pdf")
    if answer.status_code == Unavailable.http_status:
        assert answer.json()["code"] in ("pdf-unavailable", "font-unavailable")
    else:
        assert answer.content.startswith(b"%PDF-")
        assert answer.headers["content-type"] == "application/pdf"


def test_a_report_with_too_many_rows_for_a_pdf_is_told_so_on_both_routes(office: Office,
                                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inventory_report, "MAX_PDF_ROWS", 5)
    check_problem(office.get(form="pdf"), 422, "report-too-long")
    answer = office.post("report/inventory.enterprise", DOCUMENT, JIANGHUI, at=AT, form="pdf")
    check_problem(answer, 422, "report-too-long")
    assert "form=html" in answer.json()["hint"]
    assert office.get(form="html").status_code == office.get(form="xlsx").status_code == 200


def test_the_report_is_for_the_subject_and_for_oversight(office: Office) -> None:
    assert office.get(STEEL, form="json").status_code == 200
    assert office.get(GOV, form="json").status_code == 200
    check_problem(office.get(JIANGHUI), 403, "organisation-other")
    check_problem(office.get(None), 401, "token-missing")


def test_a_report_of_nothing_is_refused(office: Office) -> None:
    headers = bearer(office.world.deployment, STEEL)
    check_problem(office.client.get(f"/v1/claims/{'00' * 32}/report", headers=headers), 404, "claim-unknown")
    assert office.get(form="docx").status_code == 422


def test_a_statement_whose_details_were_changed_is_not_printed(office: Office) -> None:
    """Who owns the database can change the details behind the root; then the calculation gives something else."""
    details = [dict(detail) for detail in office.statement.details]
    place = next(i for i, detail in enumerate(details) if detail["record"]["kind"] == "parameter")
    details[place] = details[place] | {"record": details[place]["record"] | {"value": "0.0001"}}
    changing = update(store.STATEMENTS).where(store.STATEMENTS.c.digest == office.statement.digest)
    with transaction(office.world.deployment.engine) as connection:
        connection.execute(changing.values(details=jcs.canonical(details)))
    try:
        check_problem(office.get(), 409, "statement-differs")
    finally:
        with transaction(office.world.deployment.engine) as connection:
            connection.execute(changing.values(details=jcs.canonical(list(office.statement.details))))
    assert office.get().status_code == 200


# calculations ---------------------------------------------------------------------------------------------------------

CASE = next(case for case in catalogue.load().cases
            if case.rule == "inventory.enterprise@2" and "error" not in case.body)
DOCUMENT = CASE.body["document"] | {"allow_unconfirmed": True}
AT = CASE.body["at"]
SCENARIO = {"name": "节电", "inputs": {"purchased_electricity": {"factor": "0.5"}}}


def test_a_run_is_explained_when_asked(office: Office) -> None:
    plain = office.post("run/inventory.enterprise", DOCUMENT, at=AT)
    told = office.post("run/inventory.enterprise", DOCUMENT, at=AT, explain="true")
    assert plain.status_code == told.status_code == 200
    assert "explanation" not in plain.json()
    tree = told.json().pop("explanation")
    assert tree["kind"] == "result"
    assert tree["value"] == plain.json()["result"]["value"]
    assert {key: value for key, value in told.json().items() if key != "explanation"} == plain.json()


def test_http_answers_what_the_functions_behind_the_command_answer(office: Office) -> None:
    rules, day = catalogue.shipped(), date.fromisoformat(AT)
    assert office.post("run/inventory.enterprise", DOCUMENT, at=AT).json() == explained.result_json(
        service.result_of(rules, "inventory.enterprise", DOCUMENT, day))
    both = {"inputs": DOCUMENT, "scenarios": [SCENARIO]}
    assert office.post("compare/inventory.enterprise", both, at=AT).json() == explained.compare(
        rules, "inventory.enterprise", both, day)


def test_a_formula_is_explained_when_asked(office: Office) -> None:
    given = {"consumption": {"value": "10", "unit": "MWh"}, "factor": {"value": "0.5", "unit": "tCO2/MWh"}}
    answer = office.post("eval/electricity.location", given, explain="true").json()
    assert answer["outputs"] == {"emission": {"value": "5", "unit": "tCO2"}}
    assert answer["explanation"]["lines"][-1]["worked"] == "10 MWh * 0.5 tCO2/MWh"


def test_scenarios_stand_beside_their_base(office: Office) -> None:
    answer = office.post("compare/inventory.enterprise", {"inputs": DOCUMENT, "scenarios": [SCENARIO]}, at=AT).json()
    assert answer["attested"] is False
    (scenario,) = answer["scenarios"]
    assert scenario["outputs"]["electricity_location"]["percent"] == "-50"


@pytest.mark.parametrize(("path", "document", "status", "code"), [
    ("compare/inventory.enterprise", {"inputs": {}}, 400, "scenario-malformed"),
    ("compare/inventory.enterprise", {"inputs": DOCUMENT, "scenarios": []}, 400, "scenario-malformed"),
    ("compare/no.such", {"inputs": DOCUMENT, "scenarios": [SCENARIO]}, 404, "methodology-unknown"),
    ("run/inventory.enterprise", DOCUMENT | {"options": {"region": "tibet"}}, 404, "parameter-missing"),
    ("run/inventory.enterprise", DOCUMENT | {"inputs": {}}, 422, "input-missing"),
    ("compare/inventory.enterprise", {"inputs": DOCUMENT, "scenarios": [
        {"name": "x", "parameters": {"grid.average.cn": {"value": "1", "unit": "kgCO2/kWh", "reason": "y"}}}]}, 422,
     "scenario-idle"),
    ("eval/electricity.location", {"consumption": {"value": "1", "unit": "GJ·s"}}, 422, "input-missing"),
])
def test_errors_have_the_codes_of_the_command(office: Office, path: str, document: object, status: int,
                                              code: str) -> None:
    query = {} if path.startswith("eval") else {"at": AT}
    check_problem(office.post(path, document, **query), status, code)


@pytest.mark.parametrize("query", [{"date": "2026-01-05"}, {"foo": ""}, {"lang": "fr"}])
def test_a_query_parameter_that_changes_nothing_is_refused(office: Office, query: dict[str, str]) -> None:
    for path in ("run/inventory.enterprise", "compare/inventory.enterprise"):
        check_problem(office.post(path, DOCUMENT, at=AT, **query), 422, "parameter-invalid")
    check_problem(office.post("report/inventory.enterprise", DOCUMENT, JIANGHUI, at=AT, **query), 422,
                  "parameter-invalid")
    check_problem(office.client.get("/v1/mrv/units", params=query), 422, "parameter-invalid")


def test_a_calculation_that_is_no_claim_is_printed_as_such_for_any_organisation(office: Office) -> None:
    answer = office.post("report/inventory.enterprise", DOCUMENT, JIANGHUI, at=AT, form="html", lang="zh")
    assert "未形成入链声明" in answer.text
    flat = office.post("report/inventory.enterprise", DOCUMENT, JIANGHUI, at=AT, form="json").json()
    assert flat["attested"] is False
    assert "not-attested" in flat["notices"]
    check_problem(office.post("report/inventory.enterprise", DOCUMENT, at=AT), 401, "token-missing")
    check_problem(office.post("report/inventory.enterprise", {}, JIANGHUI, at=AT), 400, "period-malformed")
