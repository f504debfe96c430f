"""Reaching a node: a URL, a folder whose node runs, a folder whose node is started; and what is said when none is."""

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from cli_helpers import AFTER, JIANGHUI, STEEL, Park, frame_file, gateway_key, refused, run

from api.deployment import Founding, clock_of, create
from api.fsck import Finding
from cli import deployment
from cli.node import Node, connect
from core.clock import SharedClock, SystemClock
from core.errors import CarbonSealError, Forbidden, FormError, InputError, NotFound, Refused, Unavailable
from core.settings import load
from ledger.anchor.embedded import free_port

NOBODY = "0" * 64


def answering(node: Node, answered: int, **problem: object) -> Node:
    """The same node with a server that answers so."""
    node._http = httpx.Client(base_url=node.url, transport=httpx.MockTransport(
        lambda request: httpx.Response(answered, json=problem)))
    return node


@pytest.mark.parametrize(("status", "kind", "exit_code"), [
    (400, FormError, 2), (401, Forbidden, 1), (403, Forbidden, 1), (404, NotFound, 2), (409, Refused, 1),
    (413, InputError, 2), (415, InputError, 2), (422, InputError, 2), (500, Unavailable, 3), (503, Unavailable, 3)])
def test_a_node_s_problem_keeps_code_place_and_hint(status: int, kind: type[CarbonSealError], exit_code: int) -> None:
    node = answering(Node("http://127.0.0.1:1"), status, code="some-code", detail="it is so", where="there",
                     hint="do this", type="urn:x", title="x", status=status, instance="/x", expected_seq="7")
    with pytest.raises(kind) as raised:
        node.get("/v1/x")
    assert raised.value.as_dict() == {"code": "some-code", "message": "it is so", "where": "there", "hint": "do this",
                                      "expected_seq": "7"}
    assert raised.value.exit_code == exit_code


def test_an_answer_that_is_no_problem_is_told_by_its_status() -> None:
    node = Node("http://127.0.0.1:1")
    node._http = httpx.Client(base_url=node.url, transport=httpx.MockTransport(lambda _: httpx.Response(502, text="x")))
    with pytest.raises(Unavailable) as raised:
        node.get("/")
    assert (raised.value.code, "502" in raised.value.message) == ("node-answer", True)


@pytest.mark.parametrize(("status", "kind"), [(409, Refused), (404, NotFound), (503, Unavailable), (422, InputError)])
def test_a_failed_job_is_its_own_error(status: int, kind: type[CarbonSealError]) -> None:
    node = answering(Node("http://127.0.0.1:1"), 200, state="failed", error={
        "code": "claim-differs", "message": "no", "where": "x", "hint": "y", "status": status})
    with pytest.raises(kind) as raised:
        node.wait("1")
    assert raised.value.code == "claim-differs"


@pytest.mark.parametrize("words", [
    ("certificate", "show", NOBODY), ("certificate", "check", NOBODY), ("claim", "show", NOBODY),
    ("certificate", "issue", NOBODY), ("ledger", "query"), ("participant", "list"),
    ("evidence", "export", NOBODY, "-o", "never.cseal")])
def test_a_node_that_is_away_is_exit_3(words: tuple[str, ...]) -> None:
    error = refused(run(*words, "--node", f"http://127.0.0.1:{free_port()}", "--json"), 3, "node-unreachable")
    assert error["hint"]


def test_a_folder_without_a_deployment_is_named(tmp_path: Path) -> None:
    error = refused(run("certificate", "show", NOBODY, "--dir", tmp_path, "--json"), 2, "deployment-missing")
    assert error["where"] == str(tmp_path)
    refused(run("fsck", "--dir", tmp_path, "--json"), 2, "deployment-missing")
    assert run("serve", "--dir", tmp_path).code == 2


def test_the_folder_may_be_named_in_the_environment(tmp_path: Path) -> None:
    error = refused(run("certificate", "show", NOBODY, "--json", CARBONSEAL_DIR=str(tmp_path)), 2, "deployment-missing")
    assert error["where"] == str(tmp_path)


@pytest.mark.chain
def test_what_is_public_needs_no_token(park: Park) -> None:
    shown = run("participant", "list", "--node", park.url, "--json")
    assert STEEL in {row["org"] for row in shown.json}
    refused(run("ledger", "query", "--node", park.url + "/", "--json"), 1, "token-missing")


@pytest.mark.chain
def test_a_token_file_speaks_for_its_organisation(park: Park) -> None:
    token = park.directory / "tokens" / "org-gov-js.token"
    assert run("ledger", "query", "--node", park.url, "--token", token, "--json").code == 0
    refused(run("ledger", "query", "--node", park.url, "--token", park.root / "none", "--json"), 2, "token-missing")
    refused(park.do("ledger", "query", "--org", "org:absent"), 2, "token-missing")
    refused(park.do("ledger", "query", "--org", JIANGHUI), 1, "role-missing")


@pytest.mark.chain
def test_a_command_lives_by_the_deployment_s_clock(park: Park) -> None:
    with connect(str(park.directory)) as node:
        assert (node.url, node.clock.now()) == (park.url, AFTER)
    with connect(park.url) as node:
        assert isinstance(node.clock, SystemClock)


@pytest.mark.chain
def test_a_frame_again_is_a_duplicate_and_a_cut_one_is_refused(park: Park) -> None:
    frames = park.root / "frames.cbor"
    again = park.done("frames", "put", frames)["frames"]
    assert {item["outcome"] for item in again} == {"duplicate"}
    (park.root / "cut.cbor").write_bytes(frames.read_bytes()[:-5])
    outcome = park.do("frames", "put", park.root / "cut.cbor")
    assert outcome.code in (1, 2)
    assert run("frames", "put", park.root / "absent.cbor", "--dir", park.directory, "--json").error["code"] == (
        "file-unusable")


@pytest.mark.chain
def test_a_frame_of_an_unknown_gateway_is_refused_with_exit_1(park: Park) -> None:
    other = frame_file(park.root / "other.cbor", type(gateway_key(park)).generate(), 1)
    outcome = park.do("frames", "put", other)
    assert outcome.code == 1
    assert outcome.json["frames"][0]["outcome"] == "refused"
    spoken = run("frames", "put", other, "--dir", park.directory)
    assert outcome.json["frames"][0]["error"]["code"][:12] in spoken.stdout


@pytest.mark.chain
def test_a_running_node_keeps_its_folder(park: Park) -> None:
    outcome = run("serve", "--dir", park.directory, "--port", "0")
    assert outcome.code == 1
    assert "deployment-locked" in outcome.stderr


@pytest.mark.chain
def test_fsck_of_a_sound_park_finds_nothing(park: Park) -> None:
    outcome = park.do("fsck")
    assert (outcome.code, outcome.json) == (0, {"clean": True, "findings": []})
    assert run("fsck", "--dir", park.directory).code == 0


@pytest.mark.chain
def test_a_new_deployment_is_served_for_one_command(tmp_path: Path) -> None:
    made = run("init", "--dir", tmp_path / "node", "--origin", "grid.example/x", "--org", "org:a=enterprise,trader",
               "--json")
    assert made.code == 0, made.stdout
    assert made.json["origin"] == "grid.example/x"
    assert Path(made.json["trust"]).exists()
    assert bytes.fromhex(made.json["node_key"])
    for org, code in (("org:a", 1), ("org:node", 0)):
        assert run("ledger", "query", "--dir", tmp_path / "node", "--org", org, "--json").code == code
    refused(run("init", "--dir", tmp_path / "node", "--json"), 2, "deployment-exists")


@pytest.mark.parametrize(("words", "code"), [
    (("--registrar", "zz"), "hex-malformed"), (("--org", "org:a"), "usage"), (("--origin", "no slash"),
                                                                             "setting-invalid")])
def test_a_founding_that_cannot_be_makes_no_folder(tmp_path: Path, words: tuple[str, ...], code: str) -> None:
    refused(run("init", "--dir", tmp_path / "node", *words, "--json"), 2, code)
    assert not (tmp_path / "node").exists()


def test_damage_is_exit_1_and_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create(tmp_path / "node", Founding("grid.example/x"), chain=False).close()
    class Link:
        def start(self) -> None:
            pass

        stop = start

    def damaged(_deployment: object, _link: object, _progress: Callable[..., None] | None = None) -> list[Finding]:
        return [Finding("log", "tile-differs", "tile/0/000", "it is so")]

    monkeypatch.setattr(deployment.checks, "check", damaged)
    monkeypatch.setattr("api.deployment.Deployment.chain_link", lambda _self: Link())
    outcome = run("fsck", "--dir", tmp_path / "node", "--json")
    assert (outcome.code, outcome.json["findings"][0]["code"]) == (1, "tile-differs")
    assert "tile-differs" in run("fsck", "--dir", tmp_path / "node").stdout


def test_a_shared_clock_is_followed_and_joins_real_time(tmp_path: Path) -> None:
    create(tmp_path / "node", Founding("grid.example/x", settings={"clock_file": "c.bin", "http_port": free_port()}),
           chain=False).close()
    SharedClock(tmp_path / "node" / "c.bin").start(1_000)
    clock = clock_of(tmp_path / "node", load(tmp_path / "node"))
    assert clock.now() == 1_000
    (tmp_path / "node" / "c.bin").unlink()
    assert clock.now() > 1_700_000_000_000


def test_json_of_errors_is_one_document() -> None:
    outcome = run("certificate", "show", NOBODY, "--node", f"http://127.0.0.1:{free_port()}", "--json")
    assert json.loads(outcome.stdout)
    assert outcome.stderr == ""
