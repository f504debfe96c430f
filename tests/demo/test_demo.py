"""The demonstration from end to end, as a user starts it, and what its evidence files withstand."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Connection

from api import entries
from api.deployment import open_deployment
from api.walk import walk
from attestation import registry
from attestation.envelope import RULES, open_envelope, verify_envelope
from attestation.history import key_at
from certificates import store
from certificates.store import StoredStatement
from cli.demo.forgeries import FORGERIES, Forgery, forge, verdict
from core.database import reading
from ledger import log
from mrv.authoring import catalogue
from verify.bundle import read_container
from verify.trust import Trust, load_trust

pytestmark = pytest.mark.chain

DAYS = 4


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "park"
    done = subprocess.run([sys.executable, "-m", "cli", "demo", "--dir", str(folder), "--once", "--days", str(DAYS),
                           "--json"], capture_output=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()[-2000:]
    (folder / "summary.json").write_bytes(done.stdout)
    return folder


@pytest.fixture(scope="module")
def trust(demo: Path) -> Trust:
    return load_trust(demo / "trust.json")


def summary(demo: Path) -> dict:
    return json.loads((demo / "summary.json").read_bytes())


def test_it_prints_one_document_with_the_promised_keys(demo: Path) -> None:
    assert {"frames", "readings", "log_size", "checkpoint", "anchors", "statements", "certificates", "evidence",
            "trust", "seconds"} <= set(summary(demo))


def test_four_days_of_minutes_of_four_meters_are_in_the_log(demo: Path) -> None:
    assert summary(demo)["readings"] >= DAYS * 1440 * 4 * 2
    assert summary(demo)["log_size"] > summary(demo)["frames"] >= DAYS * 96


def test_three_certificates_are_issued_at_four_levels_of_evidence(demo: Path) -> None:
    assert [item["name"] for item in summary(demo)["certificates"]] == ["emission", "reduction", "green-power"]
    assert len(summary(demo)["evidence"]) == 12


@pytest.mark.parametrize("level", ["public", "buyer", "auditor", "full"])
@pytest.mark.parametrize("name", ["emission", "reduction", "green-power"])
def test_every_exported_file_is_valid(demo: Path, trust: Trust, name: str, level: str) -> None:
    report, step, code = verdict((demo / "evidence" / f"{name}.{level}.cseal").read_bytes(), trust)
    assert report is not None
    assert report.valid, (step, code)


@pytest.mark.parametrize("forgery", FORGERIES, ids=lambda forgery: forgery.en.replace(" ", "-"))
def test_every_forgery_is_caught_at_its_step(demo: Path, trust: Trust, forgery: Forgery) -> None:
    report, step, code = verdict(forge((demo / "evidence" / "emission.full.cseal").read_bytes(), forgery), trust)
    assert report is not None
    assert not report.valid
    assert step == forgery.step
    assert code


def test_a_development_chain_is_only_accepted_by_a_reader_who_allows_it(demo: Path) -> None:
    document = json.loads((demo / "trust.json").read_bytes()) | {"allow_development_chain": False}
    strict = demo / "strict.json"
    strict.write_text(json.dumps(document))
    report, _, _ = verdict((demo / "evidence" / "emission.full.cseal").read_bytes(), load_trust(strict))
    assert report is not None
    assert not report.valid


def test_a_public_file_shows_no_inputs_and_no_readings(demo: Path) -> None:
    members = read_container((demo / "evidence" / "emission.public.cseal").read_bytes())
    assert not [name for name in members if name.split("/")[0] in ("details", "frames", "blocks", "rules")]


def test_every_party_has_a_key_folder_and_the_node_holds_none_of_them(demo: Path) -> None:
    theirs = {path.read_bytes() for path in (demo / "participants").rglob("*") if path.suffix in (".pem", ".key")}
    own = {path.read_bytes() for path in (demo / "keys").iterdir()}
    assert len(theirs) == 2 * 11
    assert not theirs & own
    assert all(path.stat().st_mode & 0o077 == 0 for path in (demo / "participants").rglob("*.key"))


def test_every_number_of_every_statement_is_walked_to_a_signed_reading_or_a_documents_hash(demo: Path) -> None:
    """Inputs to readings in signed frames, papers and factors to digests; what is computed to a released formula."""
    deployment = open_deployment(demo)
    try:
        with reading(deployment.engine) as connection:
            released = set(deployment_rules(connection).values())
            for digest in summary(demo)["statements"]:
                statement = store.statement(connection, bytes.fromhex(digest))
                walked = walk(connection, statement, catalogue.shipped())
                check_walked(connection, statement, walked, released)
    finally:
        deployment.close()


def deployment_rules(connection: Connection) -> dict[str, str]:
    """The digests of the rules that the log released."""
    return entries.rules_of(connection, entries.newest(connection, RULES).digest)


def check_walked(connection: Connection, statement: StoredStatement, walked: list[dict], released: set[str]) -> None:
    """Each detail record is the run itself, an operation of a released formula, or walked to its end."""
    ends = {int(item["record"]): item for item in walked}
    formulas = {formula.key for formula in catalogue.shipped().formulas.values() if formula.digest.hex() in released}
    metered = 0
    for number, record in enumerate(detail["record"] for detail in statement.details):
        if record["kind"] == "node":
            assert record["formula"] in formulas
        elif record["kind"] == "parameter":
            assert ends[number]["digest"] in released
            assert record["source"]
        elif record["kind"] == "input":
            assert record["quantity"] == {name: ends[number][name] for name in ("value", "unit")}
            metered += check_input(connection, ends[number])
        else:
            assert (record["kind"], number) == ("run", 0)
    assert metered > 0


def check_input(connection: Connection, end: dict) -> int:
    """How many readings an input comes from; each stands in the frame that its gateway signed."""
    if end["source"] == "document":
        assert len(bytes.fromhex(end["digest"])) == 32
        return 0
    start, last = (end["readings"][0], end["readings"][-1])
    begins = end.get("claimed_from", start["position"])
    assert int(last["position"]) - int(begins) == int(end["value"])
    origin = log.checkpoint(connection).origin
    for place in end["readings"]:
        opened = open_envelope(log.entry(connection, int(place["index"])))
        key = key_at(registry.history(connection, place["gateway"]), opened.kid, int(place["index"]))
        verify_envelope(opened, origin, key.public_key)
        assert opened.digest.hex() == place["frame"]
    return len(end["readings"])


def test_fsck_finds_nothing(demo: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "cli", "fsck", "--dir", str(demo), "--json"], capture_output=True,
                          timeout=120, check=False)
    assert json.loads(done.stdout) == {"clean": True, "findings": []}
    assert done.returncode == 0


def test_a_folder_that_is_no_demonstration_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    done = subprocess.run([sys.executable, "-m", "cli", "demo", "--dir", str(tmp_path), "--once", "--json"],
                          capture_output=True, timeout=60, check=False)
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["code"] == "demo-dir-not-empty"
    assert (tmp_path / "thesis.txt").read_text() == "mine"
