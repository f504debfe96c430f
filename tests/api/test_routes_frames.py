"""Frames over HTTP, and the log that holds them: what is taken, refused, acknowledged and proven."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import pytest
from api_helpers import check_problem
from api_park import Park
from api_world import HOUR, START, STEEL, body

from attestation.envelope import open_envelope
from attestation.frame import Submission
from core.errors import VerificationFailed
from core.merkle import leaf_hash, verify_consistency, verify_inclusion
from ledger import checkpoint as checkpoints

pytestmark = [pytest.mark.chain, pytest.mark.timeout(600)]


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
    for place in (2, 4):
        with pytest.raises(VerificationFailed):
            verify_inclusion(leaf, place, checkpoint.size, [bytes.fromhex(step) for step in proof["path"]],
                             checkpoint.root)
    with pytest.raises(VerificationFailed):
        verify_consistency(int(anchored["size"]), checkpoint.size, bytes(32), checkpoint.root,
                           [bytes.fromhex(step) for step in path])


@pytest.mark.parametrize(("path", "query"), [
    ("inclusion", {"index": "5", "size": "5"}), ("inclusion", {"index": "-1", "size": "5"}),
    ("consistency", {"old": "6", "size": "5"}), ("inclusion", {"index": "０", "size": "5"})])
def test_an_impossible_proof_is_refused(park: Park, path: str, query: dict[str, str]) -> None:
    answer = park.get(f"/log/proof/{path}", **query)
    assert answer.status_code in (400, 422)
    assert answer.json()["code"] in ("log-index", "log-size", "number-not-canonical")
