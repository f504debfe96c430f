"""The service itself: alive, ready, described, in two languages, and whole after everything that was asked of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from api_helpers import JIANGHUI, check_problem
from api_park import Park
from api_world import MAIN, PV, STEEL

from api import pipeline

pytestmark = [pytest.mark.chain, pytest.mark.timeout(600)]


def test_alive_ready_and_counted(park: Park) -> None:
    assert park.get("/healthz").json() == {"status": "ok"}
    assert park.get("/readyz").json() == {
        "ready": True, "checks": dict.fromkeys(("database", "log", "chain", "sealing", "anchoring"), "ok")}
    park.get("/log/checkpoint")
    metrics = park.get("/metrics").text
    assert 'carbonseal_frames_total{outcome="accepted"}' in metrics
    assert 'carbonseal_log_size{stage="sealed"}' in metrics
    assert 'route="/log/checkpoint"' in metrics


def test_unknown_paths_are_one_label(park: Park) -> None:
    for i in range(3):
        check_problem(park.get(f"/nothing/{i}"), 404, "route-unknown")
    metrics = park.get("/metrics").text
    assert "/nothing/" not in metrics
    check_problem(park.client.delete("/v1/anchors"), 405, "method-not-allowed")


def test_titles_follow_the_language_asked_for(park: Park) -> None:
    zh = park.client.get("/v1/claims/x", headers={"accept-language": "zh-CN,en;q=0.5"})
    en = park.client.get("/v1/claims/x", headers={"accept-language": "en-GB,zh;q=0.5"})
    assert zh.json()["title"] == "需要组织令牌"
    assert en.json()["title"] == "An organisation's token is needed"
    assert (zh.headers["content-language"], en.headers["content-language"]) == ("zh", "en")
    assert zh.headers["www-authenticate"] == "Bearer"


def test_no_write_goes_without_authentication(park: Park) -> None:
    """Every POST but frames and pure calculation answers 401 to nobody, and 403 to a token of the wrong role."""
    open_to_all = ("/v1/frames", "/v1/mrv/")
    for path, methods in park.get("/openapi.json").json()["paths"].items():
        assert set(methods) <= {"get", "post"}
        if "post" in methods and not path.startswith(open_to_all):
            place = path.replace("{claim}", park.claim).replace("{org}", STEEL)
            check_problem(park.post(place, b"{}"), 401, "token-missing")
            check_problem(park.post(place, b"{}", JIANGHUI), 403, "role-missing")


def test_every_route_is_described_and_no_debugging_route_exists(park: Park) -> None:
    described = park.get("/openapi.json").json()
    assert described["info"]["title"] == "CarbonSeal 碳印"
    for path, methods in described["paths"].items():
        assert not any(word in path for word in ("debug", "level", "admin", "shell")), path
        for operation in methods.values():
            assert operation["description"], path


def test_the_start_page_says_what_it_is(park: Park) -> None:
    zh, en = park.get("/").text, park.get("/", lang="en").text
    assert "账本现状" in zh
    assert "开发链" in zh
    assert "尚无见证方" in zh
    assert "数据源为模拟或回放" in zh
    assert "The ledger now" in en
    assert park.piece[:12] in zh
    assert '<span class="badge warn">模拟</span>' in zh
    assert '<span class="badge warn">simulated</span>' in en
    assert PV in en
    assert park.get("/docs").status_code == 200
    assert park.get("/static/style.css").headers["content-type"].startswith("text/css")


def test_pages_load_nothing_from_elsewhere(park: Park) -> None:
    for path in ("/", "/docs"):
        page = park.get(path)
        assert "default-src 'self'" in page.headers["content-security-policy"]
        assert "src=\"http" not in page.text
        assert "href=\"http" not in page.text


def test_the_overview_is_what_the_page_refreshes_from(park: Park) -> None:
    figures = park.get("/v1/overview").json()
    assert {meter["id"]: meter["origin"] for meter in figures["meters"]} == {
        MAIN: ["实测", "metered"], PV: ["模拟", "simulated"]}
    assert figures["certificate_count"] == "1"
    assert int(figures["head"]["size"]) <= int(figures["appended"])


def test_after_all_this_fsck_finds_nothing(park: Park) -> None:
    from api import fsck
    pipeline.seal(park.world.deployment)
    pipeline.anchor(park.world.deployment, park.world.link)
    assert fsck.check(park.world.deployment, park.world.link) == []


def test_more_requests_than_connections_wait_their_turn(park: Park) -> None:
    """Each takes one connection at a time: a request that held one while asking for another could starve the rest."""
    with ThreadPoolExecutor(max_workers=24) as crowd:
        issue = f"/v1/claims/{park.claim}/issue"
        answers = list(crowd.map(lambda _: park.post(issue, b"", STEEL).status_code, range(24)))
    assert set(answers) == {202}
    rows = park.get(f"/v1/certificates/{park.statement}").json()
    assert len(rows["pieces"]) == 1


def test_no_answer_sends_a_reader_to_the_host_its_request_named(park: Park) -> None:
    answer = park.client.get("/v1/participants/%2e%2e%2f", headers={"host": "evil.example"}, follow_redirects=False)
    assert answer.status_code in (400, 404)
    assert "location" not in answer.headers
