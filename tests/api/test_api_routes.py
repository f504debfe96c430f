"""Every route once with what it is for and once with what it refuses, on a park that has a certificate."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import pytest
from api_helpers import GOV, JIANGHUI, bearer, check_problem
from api_world import (
    ACCOUNTS,
    GATEWAY,
    GATEWAY_KEY,
    HOUR,
    MAIN,
    MAIN_FIRST,
    MAIN_RATE,
    MARK,
    NODE,
    PERIOD,
    PUBLISHER_KEY,
    PV,
    PV_OPENING,
    REGISTRAR,
    START,
    STEEL,
    SUZHENG,
    World,
    body,
    participant_fields,
)
from starlette.testclient import TestClient

from api import pipeline
from api.app import create_app
from api.node import Node
from attestation.envelope import RULES, open_envelope, seal
from attestation.frame import Submission
from certificates import store
from core import jcs
from core.database import reading
from core.merkle import leaf_hash, verify_consistency, verify_inclusion
from core.period import instant_text
from core.records import Conclusion, Kind
from ledger import checkpoint as checkpoints
from verify.verifier import verify

pytestmark = [pytest.mark.chain, pytest.mark.timeout(600)]


@dataclass
class Park:
    """A running node over ASGI with its world, and the certificate that the fixture brought about."""

    world: World
    client: TestClient
    claim: str = ""
    statement: str = ""
    piece: str = ""

    def as_(self, org: str) -> dict[str, str]:
        return bearer(self.world.deployment, org)

    def get(self, path: str, org: str | None = None, **query: str) -> Any:
        return self.client.get(path, params=query, headers=self.as_(org) if org else {})

    def post(self, path: str, content: bytes, org: str | None = None, **headers: str) -> Any:
        return self.client.post(path, content=content, headers={**(self.as_(org) if org else {}), **headers})

    def done(self, job: str, org: str) -> dict[str, Any]:
        self.get(f"/v1/jobs/{job}/events", org)
        answer = self.get(f"/v1/jobs/{job}", org).json()
        assert answer["state"] == "done", answer
        return dict(answer["result"])


@pytest.fixture(scope="module")
def park(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Park]:
    world = World.made(tmp_path_factory.mktemp("routes") / "node", settings={
        "seal_interval_ms": 50, "show_readings": True, "source_notices": f"{PV}=replayed-source"})
    node = Node(world.deployment)
    with TestClient(create_app(node), raise_server_exceptions=False) as client:
        world.link = node.link
        park = Park(world, client)
        _register(park)
        _certify(park)
        yield park
    world.deployment.close()


def _register(park: Park) -> None:
    world = park.world
    for envelope in world.registrations():
        assert park.post("/v1/registrations", envelope, REGISTRAR).status_code == 201
    assert park.post("/v1/rules", world.rules(), REGISTRAR).status_code == 201
    answer = park.post("/v1/frames", body(*world.gateway.frames(START - HOUR, 26))).json()
    assert {item["outcome"] for item in answer["frames"]} == {"accepted"}
    opened = world.claim_point(int(answer["frames"][1]["index"]))
    assert park.post("/v1/registrations", opened, REGISTRAR).status_code == 201
    world.link.start()
    world.enter()


def _certify(park: Park) -> None:
    answer = park.post("/v1/claims", park.world.claim(), STEEL)
    assert answer.status_code == 202, answer.text
    park.claim = answer.json()["claim"]
    park.statement = park.done(answer.json()["job"], STEEL)["statement"]
    with reading(park.world.deployment.engine) as connection:
        statement = store.statement(connection, bytes.fromhex(park.statement))
    opinion = park.post(f"/v1/claims/{park.claim}/opinion", park.world.opinion(statement), SUZHENG)
    assert opinion.status_code == 202, opinion.text
    park.done(opinion.json()["job"], SUZHENG)
    park.piece = park.get("/v1/certificates").json()[0]["piece"]


# frames

def again(park: Park, submission: Submission) -> Any:
    return park.post("/v1/frames", body(submission)).json()["frames"][0]


def test_a_frame_needs_no_token_but_its_signature(park: Park) -> None:
    forged = park.world.gateway.build(START + 26 * HOUR)
    broken = Submission(forged.envelope[:-1] + bytes([forged.envelope[-1] ^ 1]), forged.blocks)
    answer = again(park, broken)
    assert answer["outcome"] == "refused"
    assert answer["error"]["code"].startswith("signature-")
    assert answer["index"] is None


def test_the_same_frame_again_is_acknowledged_with_its_index(park: Park) -> None:
    frame = park.world.gateway.frame(START + 25 * HOUR)
    first, second = again(park, frame), again(park, frame)
    assert (first["outcome"], second["outcome"]) == ("accepted", "duplicate")
    assert first["index"] == second["index"]
    assert first["error"] is None


def test_a_frame_out_of_sequence_is_told_what_comes_next(park: Park) -> None:
    gateway = park.world.gateway
    skipped = gateway.build(START + 27 * HOUR)
    gateway.seq += 1
    try:
        early = gateway.build(START + 27 * HOUR)
    finally:
        gateway.seq -= 1
    answer = again(park, early)
    assert answer["outcome"] == "refused"
    assert answer["error"]["expected_epoch"] == "0"
    assert answer["error"]["expected_seq"] == str(gateway.seq)
    assert answer["error"]["hint"]
    assert skipped != early


def test_a_second_payload_for_one_place_is_kept_and_disputed(park: Park) -> None:
    gateway = park.world.gateway
    one = gateway.build(START + 28 * HOUR)
    two = gateway.build(START + 28 * HOUR, main=1)
    gateway.prev, gateway.seq = open_envelope(one.envelope).digest, gateway.seq + 1
    assert again(park, one)["outcome"] == "accepted"
    assert again(park, two)["outcome"] == "disputed"


def test_one_bad_frame_does_not_stop_the_others_of_a_request(park: Park) -> None:
    gateway = park.world.gateway
    bad = Submission(b"\x84", ())
    good = gateway.frame(START + 29 * HOUR)
    answers = park.post("/v1/frames", body(bad, good)).json()["frames"]
    assert [item["outcome"] for item in answers] == ["refused", "accepted"]


@pytest.mark.parametrize("content", [b"", b"\xff", b"{}", body(Submission(b"x", ()))[:-1], b"\x01"])
def test_what_is_no_sequence_of_frames_is_refused(park: Park, content: bytes) -> None:
    answer = park.post("/v1/frames", content)
    if not content:
        assert answer.json() == {"frames": []}
        return
    assert answer.status_code == 400
    assert answer.json()["code"].startswith(("cbor-", "submission-"))


def test_another_media_type_is_refused(park: Park) -> None:
    check_problem(park.post("/v1/frames", b"[]", **{"content-type": "application/json"}), 415, "media-type")


def test_a_body_above_the_limit_is_refused_before_it_is_read(park: Park) -> None:
    limit = park.world.deployment.settings.max_body_bytes
    check_problem(park.post("/v1/frames", b"\0" * (limit + 1)), 413, "body-too-large")


def test_an_undeclared_body_is_cut_off_at_the_limit(park: Park) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(17):
            yield b"\0" * 2**20

    check_problem(park.client.post("/v1/frames", content=chunks()), 413, "body-too-large")


# the log

def test_the_checkpoint_is_signed_by_the_log(park: Park) -> None:
    answer = park.get("/log/checkpoint")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    checkpoints.verify(checkpoints.parse(answer.content), park.world.deployment.log_key)


def test_a_checkpoint_of_a_size_is_kept(park: Park) -> None:
    newest = checkpoints.parse(park.get("/log/checkpoint").content)
    assert park.get("/log/checkpoint", size=str(newest.size)).content == newest.note
    check_problem(park.get("/log/checkpoint", size="999999"), 404, "checkpoint-missing")
    check_problem(park.get("/log/checkpoint", size="01"), 400, "number-not-canonical")


def test_hash_tiles_are_public_and_never_change(park: Park) -> None:
    size = checkpoints.parse(park.get("/log/checkpoint").content).size
    answer = park.get(f"/log/tile/0/000.p/{size}")
    assert len(answer.content) == 32 * size
    assert answer.headers["cache-control"].endswith("immutable")
    assert answer.headers["etag"] == f'"{sha256(answer.content).hexdigest()}"'
    again = park.client.get(f"/log/tile/0/000.p/{size}", headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_tile_that_is_not_sealed_is_not_found(park: Park) -> None:
    check_problem(park.get("/log/tile/0/x001/000"), 404, "log-not-sealed")
    check_problem(park.get("/log/tile/0/1"), 400, "tile-path-malformed")


def test_entries_need_a_participant_s_token(park: Park) -> None:
    for path in ("/log/tile/entries/000.p/3", "/log/entry/0"):
        check_problem(park.get(path), 401, "token-missing")
        assert park.get(path, STEEL).status_code == 200
    check_problem(park.client.get("/log/entry/0", headers={"authorization": "Bearer cst_wrong"}), 401, "token-unknown")
    check_problem(park.client.get("/log/entry/0", headers={"authorization": "Basic YTpi"}), 401, "token-missing")
    check_problem(park.get("/log/entry/999999", STEEL), 404, "entry-missing")


def test_proofs_prove(park: Park) -> None:
    checkpoint = checkpoints.parse(park.get("/log/checkpoint").content)
    leaf = leaf_hash(park.get("/log/entry/3", STEEL).content)
    proof = park.get("/log/proof/inclusion", index="3", size=str(checkpoint.size)).json()
    verify_inclusion(leaf, 3, checkpoint.size, [bytes.fromhex(step) for step in proof["path"]], checkpoint.root)
    anchored = park.get("/v1/anchors").json()[-1]
    path = park.get("/log/proof/consistency", old=anchored["size"], size=str(checkpoint.size)).json()["path"]
    verify_consistency(int(anchored["size"]), checkpoint.size, bytes.fromhex(anchored["root"]), checkpoint.root,
                       [bytes.fromhex(step) for step in path])


@pytest.mark.parametrize(("path", "query"), [
    ("inclusion", {"index": "5", "size": "5"}), ("inclusion", {"index": "-1", "size": "5"}),
    ("consistency", {"old": "6", "size": "5"}), ("inclusion", {"index": "０", "size": "5"})])
def test_an_impossible_proof_is_refused(park: Park, path: str, query: dict[str, str]) -> None:
    answer = park.get(f"/log/proof/{path}", **query)
    assert answer.status_code in (400, 422)
    assert answer.json()["code"] in ("log-index", "log-size", "number-not-canonical")


# registrations and rules

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
    check_problem(park.get("/v1/registrations", STEEL, kind="planet"), 400, "kind-unknown")
    check_problem(park.get("/v1/registrations", kind="meter"), 401, "token-missing")


def test_the_release_names_every_rule_that_runs(park: Park) -> None:
    released = park.get("/v1/rules").json()
    assert "formulas/green-power.whole-units@1" in released["release"]["rules"]
    again = park.post("/v1/rules", park.world.rules(), REGISTRAR)
    assert again.json()["digest"] == released["digest"]


def test_a_release_of_other_rules_is_refused(park: Park) -> None:
    payload = jcs.parse(open_envelope(park.world.rules()).payload)
    payload["rules"].pop(sorted(payload["rules"])[0])
    origin = park.world.deployment.origin
    differing = seal(PUBLISHER_KEY, RULES, jcs.canonical(payload), origin)
    check_problem(park.post("/v1/rules", differing, REGISTRAR), 409, "rules-differ")
    foreign = seal(GATEWAY_KEY, RULES, jcs.canonical(payload), origin)
    check_problem(park.post("/v1/rules", foreign, REGISTRAR), 403, "publisher-unknown")


# claims and opinions

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


def test_a_claim_of_more_than_was_measured_fails_in_its_calculation(park: Park) -> None:
    answer = park.post("/v1/claims", park.world.claim(units=49, boundary="多报"), STEEL).json()
    park.get(f"/v1/jobs/{answer['job']}/events", STEEL)
    job = park.get(f"/v1/jobs/{answer['job']}", STEEL).json()
    assert (job["state"], job["error"]["code"]) == ("failed", "claim-differs")


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
    assert statement.digest.hex() not in {item["statement"] for item in park.get("/v1/certificates").json()}


# certificates

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
                  {"serials": f"{MARK}:{PV_OPENING}:{PV_OPENING + 1}"}, {**_period(START, START + HOUR)}):
        assert park.piece in {row["piece"] for row in park.get("/v1/ledger", GOV, **query).json()}, query
    assert park.get("/v1/ledger", GOV, serials=f"{MARK}:0:{PV_OPENING}").json() == []
    assert park.get("/v1/ledger", GOV, organisation="org:nobody").json() == []
    rows = list(csv.DictReader(io.StringIO(park.get("/v1/ledger", GOV, form="csv", certificate=park.piece).text)))
    assert [row["piece"] for row in rows] == [park.piece]


def _period(start: int, end: int) -> dict[str, str]:
    return {"start": instant_text(start), "end": instant_text(end)}


def test_queries_are_for_oversight(park: Park) -> None:
    check_problem(park.get("/v1/ledger"), 401, "token-missing")
    check_problem(park.get("/v1/ledger", STEEL), 403, "role-missing")
    check_problem(park.get("/v1/ledger", GOV, start=instant_text(START)), 422, "parameter-invalid")
    check_problem(park.get("/v1/ledger", GOV, form="xml"), 422, "parameter-invalid")
    check_problem(park.get("/v1/ledger", GOV, serials="5:4"), 400, "id-malformed")


# meters

def test_energy_is_a_difference_of_two_readings_with_their_places(park: Park) -> None:
    energy = park.get(f"/v1/meters/{MAIN}/energy", STEEL, quantity="energy", **_period(PERIOD.start, PERIOD.end)).json()
    assert energy["value"] == str(96 * MAIN_RATE)
    assert energy["unit"] == "Wh"
    assert energy["staleness_ms"] == "0"
    assert energy["from"]["position"] == str(MAIN_FIRST + 4 * MAIN_RATE)
    assert energy["to"]["time"] == instant_text(PERIOD.end)


def test_the_register_at_an_instant_is_the_last_reading_before_it(park: Park) -> None:
    found = park.get(f"/v1/meters/{MAIN}/register", STEEL, quantity="energy", at=instant_text(START + 1)).json()
    assert found["time"] == instant_text(START)
    early = park.get(f"/v1/meters/{MAIN}/register", STEEL, quantity="energy", at=instant_text(START - 2 * HOUR))
    check_problem(early, 404, "register-not-yet")


def test_hours_count_readings(park: Park) -> None:
    hours = park.get(f"/v1/meters/{PV}/hours", STEEL, quantity="energy", **_period(START, START + 3 * HOUR)).json()
    assert [hour["readings"] for hour in hours] == [4, 4, 4]
    too_long = park.get(f"/v1/meters/{PV}/hours", STEEL, quantity="energy", **_period(0, 400 * 24 * HOUR))
    check_problem(too_long, 422, "period-too-long")


def test_meters_are_seen_by_their_organisation(park: Park) -> None:
    assert [(meter["meter"], meter["origin"]) for meter in park.get("/v1/meters", STEEL).json()] == [
        (MAIN, "metered"), (PV, "simulated")]
    assert park.get("/v1/meters", JIANGHUI).json() == []
    path = f"/v1/meters/{MAIN}/energy"
    check_problem(park.get(path, JIANGHUI, quantity="energy", **_period(PERIOD.start, PERIOD.end)), 403,
                  "organisation-other")
    check_problem(park.get("/v1/meters/m:none/register", STEEL, quantity="energy", at=instant_text(START)), 404,
                  "subject-unknown")
    check_problem(park.get(path, STEEL, quantity="energy", start="yesterday", end="today"), 400, "instant-malformed")


def test_flags_are_a_work_list_of_the_registrar(park: Park) -> None:
    park.get("/v1/meters/flags", REGISTRAR)
    check_problem(park.get("/v1/meters/flags", STEEL), 403, "role-missing")
    unknown = jcs.canonical({"index": "0", "meter": MAIN, "quantity": "energy", "code": "late", "resolution": "counts"})
    check_problem(park.post("/v1/meters/flags", unknown, REGISTRAR), 404, "flag-unknown")
    check_problem(park.post("/v1/meters/flags", b"{}", REGISTRAR), 400, "document-members")
    check_problem(park.post("/v1/meters/flags", b"[1]", REGISTRAR), 400, "json-malformed")
    check_problem(park.post("/v1/meters/flags", unknown, STEEL), 403, "role-missing")


# participants and chain

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


# rules

def test_formulas_are_evaluated(park: Park) -> None:
    names = {item["formula"] for item in park.get("/v1/mrv/formulas").json()}
    assert "green-power.whole-units@1" in names
    inputs = jcs.canonical({"generation": [{"value": "2500000", "unit": "Wh"}]})
    outputs = park.post("/v1/mrv/eval/green-power.whole-units", inputs).json()["outputs"]
    assert outputs["units"] == {"value": "2", "unit": "MWh"}
    check_problem(park.post("/v1/mrv/eval/no.such", inputs), 404, "formula-unknown")
    check_problem(park.post("/v1/mrv/eval/green-power.whole-units", b"[]"), 400, "json-malformed")
    check_problem(park.post("/v1/mrv/eval/green-power.whole-units", b'{"a":1.5}'), 400, "json-number")


def test_parameters_have_a_date(park: Park) -> None:
    found = park.get("/v1/mrv/parameters/grid.average.cn", at="2026-07-01").json()
    assert found["unit"]
    assert found["source"]
    check_problem(park.get("/v1/mrv/parameters/grid.average.cn", at="2026-7-1"), 400, "date-malformed")
    check_problem(park.get("/v1/mrv/parameters/no.such"), 404, "parameter-missing")


def test_a_methodology_runs_on_what_it_is_given(park: Park) -> None:
    check_problem(park.post("/v1/mrv/run/green-power.pv", b"{}"), 400, "period-malformed")


# the service

def test_alive_ready_and_counted(park: Park) -> None:
    assert park.get("/healthz").json() == {"status": "ok"}
    assert park.get("/readyz").json() == {
        "ready": True, "checks": {"database": "ok", "log": "ok", "chain": "ok"}}
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
