"""Claims and opinions over HTTP: who may bring them, who may read them, what becomes of them."""

from __future__ import annotations

from typing import Any

import pytest
from api_helpers import GOV, JIANGHUI, check_problem
from api_park import Park, period_query
from api_world import ACCOUNTS, START, STEEL, SUZHENG

from certificates import store
from core import jcs
from core.database import reading
from core.records import Conclusion, Kind
from verify.verifier import verify

pytestmark = [pytest.mark.chain, pytest.mark.timeout(600)]


def test_a_claim_shows_what_became_of_it(park: Park) -> None:
    found = park.get(f"/v1/claims/{park.claim}", STEEL).json()
    assert found["statement"]["digest"] == park.statement
    assert found["statement"]["payload"]["certificate"] == {"amount": "48", "unit": "MWh"}
    assert {"simulated-source", "replayed-source"} <= set(found["statement"]["payload"]["notices"])
    assert found["opinion"]["payload"]["conclusion"] == "unmodified"
    assert int(found["manifest"]["payload"]["size"]) > int(found["statement"]["index"])


def test_a_claim_is_read_by_its_subject_and_by_oversight(park: Park) -> None:
    assert park.get(f"/v1/claims/{park.claim}", GOV).status_code == 200
    check_problem(park.get(f"/v1/claims/{park.claim}", JIANGHUI), 403, "organisation-other")
    check_problem(park.get(f"/v1/claims/{park.claim}"), 401, "token-missing")
    check_problem(park.get(f"/v1/claims/{'0' * 64}", STEEL), 404, "claim-unknown")
    check_problem(park.get("/v1/claims/xyz", STEEL), 400, "hex-malformed")


def test_a_claim_answers_to_every_number_that_papers_name_it_by(park: Park) -> None:
    whole = park.get(f"/v1/claims/{park.claim}", SUZHENG).json()
    assert whole["claim_hash"] == whole["statement"]["payload"]["claim"] == whole["opinion"]["payload"]["claim"]
    for name in (park.statement, whole["claim_hash"]):
        assert park.get(f"/v1/claims/{name}", SUZHENG).json() == whole
        for more in ("quality", "explanation", "evidence", "report"):
            assert park.get(f"/v1/claims/{name}/{more}", SUZHENG).status_code == 200
        check_problem(park.get(f"/v1/claims/{name}", JIANGHUI), 403, "organisation-other")


def test_a_report_as_json_names_the_id_of_its_claim(park: Park) -> None:
    report = park.get(f"/v1/claims/{park.statement}/report", SUZHENG, form="json").json()
    assert report["claim_id"] == park.claim
    assert report["claim"] == park.get(f"/v1/claims/{park.claim}", SUZHENG).json()["claim_hash"]


def test_the_claims_are_listed_for_whom_they_concern(park: Park) -> None:
    for org in (STEEL, SUZHENG, GOV):
        listed = {item["claim"]: item for item in park.get("/v1/claims", org).json()}
        assert listed[park.claim]["statement"] == park.statement
        assert listed[park.claim]["state"] == "issued"
        assert listed[park.claim]["certificate"] == {"amount": "48", "unit": "MWh"}
    assert park.get("/v1/claims", JIANGHUI).json() == []
    check_problem(park.get("/v1/claims", JIANGHUI, organisation=STEEL), 403, "organisation-other")
    check_problem(park.get("/v1/claims"), 401, "token-missing")


def test_the_list_of_claims_is_asked_by_organisation_state_and_period(park: Park) -> None:
    def asked(**query: str) -> set[str]:
        return {item["claim"] for item in park.get("/v1/claims", SUZHENG, **query).json()}
    assert park.claim in asked(organisation=STEEL, state="issued", **period_query(START, START + 1))
    assert park.claim not in asked(state="to-review")
    assert asked(organisation=SUZHENG) == set()
    assert asked(**period_query(START - 1, START)) == set()
    check_problem(park.get("/v1/claims", SUZHENG, state="lost"), 422, "parameter-invalid")
    check_problem(park.get("/v1/claims", SUZHENG, start="2026-11-17T00:00:00.000Z"), 422, "parameter-invalid")


def test_the_list_of_claims_comes_in_pages(park: Park) -> None:
    park.done(park.post("/v1/claims", park.world.claim(Kind.EMISSION), STEEL).json()["job"], STEEL)
    whole = [item["claim"] for item in park.get("/v1/claims", GOV).json()]
    assert len(whole) > 1
    answer, paged = park.get("/v1/claims", GOV, limit="1"), []
    while True:
        paged += [item["claim"] for item in answer.json()]
        if "next" not in answer.links:
            break
        answer = park.client.get(answer.links["next"]["url"], headers=park.as_(GOV))
    assert paged == whole


def test_the_same_claim_again_is_the_same_claim(park: Park) -> None:
    answer = park.post("/v1/claims", park.world.claim(), STEEL)
    assert answer.json()["claim"] == park.claim
    assert park.done(answer.json()["job"], STEEL)["statement"] == park.statement


def test_an_unauthenticated_claim_is_refused(park: Park) -> None:
    claim = park.world.claim()
    check_problem(park.post("/v1/claims", claim), 401, "token-missing")
    check_problem(park.post("/v1/claims", claim, SUZHENG), 403, "role-missing")


@pytest.mark.parametrize(("changes", "code"), [
    ({"boundary": "另一边界"}, "claim-signer"), ({"subject": SUZHENG}, "organisation-other")])
def test_a_claim_signed_by_others_is_refused(park: Park, changes: dict[str, Any], code: str) -> None:
    world = park.world
    if code == "claim-signer":
        kept, ACCOUNTS[STEEL] = ACCOUNTS[STEEL], ACCOUNTS[JIANGHUI]
        try:
            claim = world.claim(**changes)
        finally:
            ACCOUNTS[STEEL] = kept
    else:
        claim = world.claim(**changes)
    check_problem(park.post("/v1/claims", claim, STEEL), 403, code)


def test_a_second_claim_under_the_same_key_is_refused(park: Park) -> None:
    answer = park.post("/v1/claims", park.world.claim(units=47), STEEL)
    check_problem(answer, 409, "claim-exclusive")


def test_a_second_claim_on_the_same_watt_hours_fails_at_its_calculation_or_issue(park: Park) -> None:
    doubled = park.world.claim(boundary="蓝河厂区（重复）")
    answer = park.post("/v1/claims", doubled, STEEL)
    assert answer.status_code == 202
    statement = park.done(answer.json()["job"], STEEL)["statement"]
    with reading(park.world.deployment.engine) as connection:
        stored = store.statement(connection, bytes.fromhex(statement))
    opinion = park.post(f"/v1/claims/{answer.json()['claim']}/opinion", park.world.opinion(stored), SUZHENG)
    park.get(f"/v1/jobs/{opinion.json()['job']}/events", SUZHENG)
    job = park.get(f"/v1/jobs/{opinion.json()['job']}", SUZHENG).json()
    assert job["state"] == "failed"
    assert job["error"]["code"] == "mark-overlap"
    shown = park.get(f"/v1/claims/{answer.json()['claim']}", STEEL).json()
    assert (shown["state"], shown["job"]) == ("to-issue", job)


def test_a_claim_of_more_than_was_measured_fails_in_its_calculation(park: Park) -> None:
    answer = park.post("/v1/claims", park.world.claim(units=49, boundary="多报"), STEEL).json()
    park.get(f"/v1/jobs/{answer['job']}/events", STEEL)
    job = park.get(f"/v1/jobs/{answer['job']}", STEEL).json()
    assert (job["state"], job["error"]["code"]) == ("failed", "claim-differs")
    shown = park.get(f"/v1/claims/{answer['claim']}", STEEL).json()
    assert (shown["state"], shown["statement"], shown["job"]) == ("no-statement", None, job)


def test_an_inventory_spends_nothing_and_is_computed(park: Park) -> None:
    answer = park.post("/v1/claims", park.world.claim(Kind.EMISSION), STEEL).json()
    park.done(answer["job"], STEEL)
    payload = park.get(f"/v1/claims/{answer['claim']}", STEEL).json()["statement"]["payload"]
    assert payload["type"] == "emission"
    assert payload["intervals"] == []


def test_the_verifier_gets_a_file_to_review(park: Park) -> None:
    answer = park.get(f"/v1/claims/{park.claim}/evidence", SUZHENG)
    assert answer.status_code == 200
    report = verify(answer.content, park.world.deployment.trust, require=range(1, 3))
    assert [step.n for step in report.failed()] == []
    check_problem(park.get(f"/v1/claims/{park.claim}/evidence", SUZHENG, level="secret"), 422, "evidence-level")


def test_an_opinion_needs_a_verifier_s_token(park: Park) -> None:
    path = f"/v1/claims/{park.claim}/opinion"
    check_problem(park.post(path, b"{}"), 401, "token-missing")
    check_problem(park.post(path, b"{}", STEEL), 403, "role-missing")
    check_problem(park.post(path, b"{}", SUZHENG), 400, "document-members")


def test_an_opinion_on_another_amount_is_refused(park: Park) -> None:
    world = park.world
    with reading(world.deployment.engine) as connection:
        statement = store.statement(connection, bytes.fromhex(park.statement))
    altered = jcs.parse(world.opinion(statement, reasons="另一理由"))
    altered["amount"]["value"] = "49"
    answer = park.post(f"/v1/claims/{park.claim}/opinion", jcs.canonical(altered), SUZHENG)
    check_problem(answer, 409, "opinion-fields")


def test_an_opinion_that_does_not_permit_issues_nothing(park: Park) -> None:
    world = park.world
    claim = park.post("/v1/claims", world.claim(Kind.EMISSION), STEEL).json()
    park.done(claim["job"], STEEL)
    with reading(world.deployment.engine) as connection:
        statement = store.statement_of(connection, bytes.fromhex(claim["claim"]))
    adverse = world.opinion(statement, conclusion=Conclusion.ADVERSE)
    answer = park.post(f"/v1/claims/{claim['claim']}/opinion", adverse, SUZHENG).json()
    assert answer["job"] is None
    assert park.get(f"/v1/claims/{claim['claim']}", STEEL).json()["state"] == "declined"
    assert statement.digest.hex() not in {item["statement"] for item in park.get("/v1/certificates").json()}
