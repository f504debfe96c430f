"""Registrations, releases of rules, participants and the chain over HTTP, and lists in pages."""

from __future__ import annotations

import pytest
from api_helpers import JIANGHUI, check_problem
from api_park import Park
from api_world import (
    ACCOUNTS,
    GATEWAY,
    GATEWAY_KEY,
    MAIN,
    NODE,
    PUBLISHER_KEY,
    PV,
    REGISTRAR,
    STEEL,
    SUZHENG,
    participant_fields,
)

from attestation.envelope import RULES, open_envelope, seal
from core import jcs
from mrv.definitions.ruleset import listing_root

pytestmark = [pytest.mark.chain, pytest.mark.timeout(600)]


def test_a_registration_again_gives_the_same_index(park: Park) -> None:
    entry = park.get("/log/entry/0", STEEL).content
    assert park.post("/v1/registrations", entry, REGISTRAR).json() == {"index": "0"}


def test_a_registration_needs_the_registrar_s_token_and_key(park: Park) -> None:
    entry = park.get("/log/entry/0", STEEL).content
    check_problem(park.post("/v1/registrations", entry), 401, "token-missing")
    check_problem(park.post("/v1/registrations", entry, STEEL), 403, "role-missing")
    payload = open_envelope(entry)
    foreign = seal(GATEWAY_KEY, payload.content_type, payload.payload, park.world.deployment.origin)
    answer = park.post("/v1/registrations", foreign, REGISTRAR)
    assert answer.status_code in (201, 403)
    other = park.world.signed("participant", "org:other", "register", participant_fields(
        "org:other", ["trader"], [], None))
    resealed = seal(GATEWAY_KEY, open_envelope(other).content_type, open_envelope(other).payload,
                    park.world.deployment.origin)
    check_problem(park.post("/v1/registrations", resealed, REGISTRAR), 403, "registrar-unknown")
    assert park.post("/v1/registrations", b"nonsense", REGISTRAR).status_code == 400


def test_histories_are_whole(park: Park) -> None:
    assert park.get("/v1/registrations", STEEL, kind="meter").json() == [MAIN, PV]
    history = park.get(f"/v1/registrations/{GATEWAY}", STEEL).json()
    assert [entry["payload"]["event"] for entry in history["entries"]] == ["enrol"]
    check_problem(park.get("/v1/registrations/gw:none", STEEL), 404, "subject-unknown")
    check_problem(park.get("/v1/registrations", STEEL, kind="planet"), 400, "subject-kind-unknown")
    check_problem(park.get("/v1/registrations", kind="meter"), 401, "token-missing")


def test_the_release_names_every_rule_that_runs(park: Park) -> None:
    released = park.get("/v1/rules").json()
    assert "formulas/green-power.whole-units@1" in released["rules"]
    assert released["release"]["count"] == str(len(released["rules"]))
    assert released["release"]["root"] == listing_root(released["rules"]).hex()
    again = park.post("/v1/rules", park.world.rules(), REGISTRAR)
    assert again.json()["digest"] == released["digest"]


def test_a_release_of_other_rules_is_refused(park: Park) -> None:
    payload = jcs.parse(open_envelope(park.world.rules()).payload)
    payload["root"] = "00" * 32
    origin = park.world.deployment.origin
    differing = seal(PUBLISHER_KEY, RULES, jcs.canonical(payload), origin)
    check_problem(park.post("/v1/rules", differing, REGISTRAR), 409, "rules-differ")
    foreign = seal(GATEWAY_KEY, RULES, jcs.canonical(payload), origin)
    check_problem(park.post("/v1/rules", foreign, REGISTRAR), 403, "publisher-unknown")


def test_participants_are_public(park: Park) -> None:
    listed = {item["org"]: item for item in park.get("/v1/participants").json()}
    assert {NODE, STEEL, SUZHENG} <= set(listed)
    assert listed[SUZHENG]["accreditation"] == "CNAS-V-001"
    assert park.get(f"/v1/participants/{STEEL}").json() == listed[STEEL]
    check_problem(park.get("/v1/participants/org:none"), 404, "subject-unknown")


def test_governors_enter_a_registered_organisation_on_the_chain(park: Park) -> None:
    world = park.world
    fresh = world.signed("participant", "org:fresh", "register", participant_fields(
        "org:fresh", ["trader"], [], ACCOUNTS[JIANGHUI].address.replace(ACCOUNTS[JIANGHUI].address[-40:], "1" * 40)))
    assert park.post("/v1/registrations", fresh, REGISTRAR).status_code == 201
    wanted = park.get("/v1/participants/org:fresh/entry").json()
    assert not wanted["entered"]
    signature = world.deployment.account.sign_digest(bytes.fromhex(wanted["digest"])).hex()
    content = jcs.canonical({"signatures": [signature]})
    check_problem(park.post("/v1/participants/org:fresh/entry", content, STEEL), 403, "role-missing")
    unsigned = park.post("/v1/participants/org:fresh/entry", jcs.canonical({"signatures": []}), REGISTRAR)
    check_problem(unsigned, 409, "participant-quorum")
    assert park.post("/v1/participants/org:fresh/entry", content, REGISTRAR).status_code == 201
    assert park.get("/v1/participants/org:fresh/entry").json()["entered"]


def test_the_chain_and_the_trust_list_are_told(park: Park) -> None:
    chain = park.get("/v1/chain").json()
    assert chain["development"] is True
    assert chain["state"] == "ok"
    assert park.get("/v1/trust").json() == park.world.deployment.trust.as_json()
    assert park.get("/v1/beacon").json()["beacon"]["chain_id"] == "31337"


def test_lists_are_paged_with_link(park: Park) -> None:
    whole = park.get("/v1/anchors", limit="500").json()
    assert len(whole) >= 2
    collected, url = [], "/v1/anchors?limit=1"
    while url:
        answer = park.client.get(url)
        collected += answer.json()
        url = answer.links.get("next", {}).get("url", "")
    assert collected == whole
    manifests = park.get("/v1/manifest", limit="1")
    assert len(manifests.json()) == 1


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "501"}, {"limit": "x"}, {"cursor": "%%%"},
                                   {"cursor": "WyJhIl0"}, {"cursor": "Wy0xXQ"}, {"cursor": "x" * 401}])
def test_a_page_that_is_none_is_refused(park: Park, query: dict[str, str]) -> None:
    answer = park.get("/v1/anchors", **query)
    assert answer.json()["code"] in ("parameter-invalid", "cursor-malformed")
