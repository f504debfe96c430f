"""How every command ends: 0 done, 1 the answer is no, 2 unusable input, 3 a dependency is away; one document told."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from cli_helpers import (
    GATEWAY_TOML,
    MAIN,
    ORIGIN,
    START,
    STEEL,
    SUZHENG,
    Outcome,
    period,
    plan,
    profile,
    refused,
    run,
)
from typer.main import get_group

from attestation.registration import parse_registration, registration_payload, rotation_payload
from cli.lazy import walk
from cli.main import app
from core.period import instant_text
from core.signer import load_signer
from ledger.anchor.embedded import free_port

COMMANDS = {" ".join(words): command for words, command in walk(get_group(app))}
TRUST = Path(__file__).resolve().parents[1] / "vectors/evidence/absence-false_fail/trust.json"
HASH = "ab" * 32
AT = instant_text(START)

# The words of each command that speaks to a node; a name in braces is a file of the desk.
AT_A_NODE: dict[str, str] = {
    "participant add": f"--id {STEEL} --signer {{signer}} --name-zh 钢 --name-en steel --role enterprise",
    "participant enter": f"--id {STEEL} --signer {{signer}}",
    "participant revoke": f"--id {STEEL} --signer {{signer}} --reason lost",
    "participant list": "",
    "gateway enrol": f"--id gw:x --signer {{signer}} --public-key {HASH} --site site:x --owner {STEEL}",
    "gateway endorse": f"--config {{gateway}} --public-key {HASH} --out {{out}}",
    "gateway rotate": "{endorsed} --signer {signer}",
    "gateway revoke": "--id gw:x --signer {signer} --reason lost",
    "meter add": "--id m:x --signer {signer} --profile {profile}",
    "meter swap": "--id m:x --signer {signer} --readings {readings} --profile {profile}",
    "claim-point open": f"--id cp:x --signer {{signer}} --key {{account}} --meter m:x --quantity energy --grid-point G "
                        f"--at {AT}",
    "claim-point facility": f"--id fac:x --signer {{signer}} --key {{account}} --owner {STEEL} --start {AT}",
    "rules release": "--signer {signer} --version 1",
    "frames put": "{frames}",
    "flags list": "",
    "flags resolve": "7 --code late --as counts",
    "claim create": f"--facts {{facts}} --key {{account}} --org {STEEL}",
    "claim list": "",
    "claim show": f"{HASH}",
    "opinion review": f"{HASH} --org {SUZHENG} --trust {{trust}} --key {{account}}",
    "opinion sign": f"{HASH} --org {SUZHENG} --trust {{trust}} --key {{account}} --criteria ISO --reasons r "
                    "--materiality-source ISO",
    "certificate issue": HASH,
    "certificate show": HASH,
    "certificate check": HASH,
    "certificate split": f"{HASH} --units 1 --key {{account}}",
    "certificate transfer": f"{HASH} --to 0x{'00' * 20} --key {{account}}",
    "certificate retire": f"{HASH} --key {{account}} --purpose p --beneficiary b --beneficiary-id i --place CN "
                          f"--start {AT} --end {instant_text(START + 1)}",
    "certificate pledge": f"{HASH} --to 0x{'00' * 20} --key {{account}}",
    "certificate release": f"{HASH} --key {{account}}",
    "certificate supersede": f"{HASH} --facts {{facts}} --key {{account}} --org {STEEL}",
    "certificate revoke": f"{HASH} --reason wrong --key {{account}}",
    "evidence export": f"{HASH} --output {{out}}",
    "ledger query": "",
    "mrv plan submit": f"{{plan}} --key {{account}} --org {STEEL}",
    "mrv plan get": f"{HASH} --org {STEEL}",
    "mrv plan list": f"--org {STEEL}",
}
AT_A_FOLDER = {"serve": "", "fsck": "", "worker": "", "token add": f"--id {STEEL} --role enterprise",
               "token revoke": f"--id {STEEL}", "keys show": ""}
ALONE = {"tree check": "{proof}", "document digest": "{facts}", "mrv plan show": "{plan}",
         "mrv run": "inventory.enterprise --inputs {facts}", "mrv eval": "electricity.location --inputs {facts}",
         "mrv compare": "inventory.enterprise --inputs {facts} --scenarios {readings}",
         "mrv plan check": "inventory.enterprise --plan {plan} --inputs {facts}", "gateway run": "--config {gateway}",
         "gateway check": "--config {gateway}"}
# What makes its own folder, takes everything from stdin or its words, or reads the rules that are shipped.
WITHOUT_FILES = {"demo", "init", "keys make", "tree root", "tree prove", "decode", "mrv formulas", "mrv methodologies",
                 "mrv parameters", "mrv units"}
# A secret is not read as a document is: its errors say nothing of its content.
NOT_THERE = {"signer": "key-file-missing", "account": "key-file-missing", "trust": "trust-unreadable",
             "gateway": "config-missing"}
# What each file is said to be when it holds something else.
OTHERWISE = {"signer": "key-malformed", "account": "key-malformed", "gateway": "config-syntax"}


@dataclass(frozen=True)
class Desk:
    """A folder with one good file of each kind."""

    folder: Path

    def names(self) -> Mapping[str, Path]:
        files = {path.stem: path for path in self.folder.iterdir() if path.is_file()}
        return files | {"out": self.folder / "made" / "out.file"}

    def run(self, command: str, words: str, *more: object, **files: Path) -> Outcome:
        """The command with these words, some files changed for others, with --json where it has that."""
        places = {name: str(path) for name, path in {**self.names(), **files}.items()}
        return run(*command.split(), *(word.format(**places) for word in words.split()), *more, *json_of(command))


def options_of(command: str) -> set[str]:
    return {option for parameter in COMMANDS[command].params for option in parameter.opts}


def json_of(command: str) -> list[str]:
    return ["--json"] if "--json" in options_of(command) else []


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    folder = tmp_path_factory.mktemp("desk")
    assert run("keys", "make", "--dir", folder).code == 0
    (folder / "made").mkdir()
    shutil.copy(TRUST, folder / "trust.json")
    documents = {
        "profile": profile("import", "CN-1"), "readings": [], "plan": plan(),
        "facts": {"subject": STEEL, "boundary": "厂区", "methodology": "inventory.enterprise",
                  "period": period(START, START + 86_400_000), "options": {"region": "cn"},
                  "inputs": {"purchased_electricity": [{"meter": MAIN, "quantity": "energy"}]}}}
    for name, document in documents.items():
        (folder / f"{name}.json").write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    (folder / "gateway.toml").write_text(GATEWAY_TOML.format(zeros="0" * 64, port=free_port()).replace(
        "grid.example/x", ORIGIN), encoding="utf-8")
    signer = load_signer(folder / "signer.pem")
    enrolled = parse_registration(registration_payload("device", "gw:x", "enrol", START, {
        "public_key": signer.public_key.hex(), "site": "site:x", "org": STEEL}, None))
    (folder / "endorsed.json").write_bytes(
        rotation_payload(signer, enrolled, START, (0, None, None), signer.public_key))
    for name in ("frames", "proof"):
        (folder / f"{name}.bin").write_bytes(b"\x80")
    return Desk(folder)


def files_of(words: str) -> list[str]:
    return [word[1:-1] for word in words.split() if word.startswith("{") and word != "{out}"]


def test_every_command_stands_in_one_of_the_tables() -> None:
    named = [*AT_A_NODE, *AT_A_FOLDER, *ALONE, *WITHOUT_FILES]
    assert sorted(named) == sorted(COMMANDS)


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_help_ends_with_0_and_says_nothing_of_errors(command: str) -> None:
    outcome = run(*command.split(), "--help")
    assert (outcome.code, outcome.stderr) == (0, "")
    assert "--help" in outcome.stdout


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_an_option_that_there_is_not_ends_with_2_and_the_place_of_its_help(command: str) -> None:
    error = refused(run(*command.split(), "--no-such-option", "--json"), 2, "usage")
    assert error["hint"].endswith("--help")


@pytest.mark.parametrize("command", sorted(
    name for name, command in COMMANDS.items() if any(parameter.required for parameter in command.params)))
def test_words_that_are_missing_are_named(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CARBONSEAL_DIR", raising=False)
    outcome = run(*command.split(), *json_of(command))
    told = outcome.error["message"] if json_of(command) else outcome.stderr
    assert outcome.code == 2
    assert any(parameter.opts[0] in told for parameter in COMMANDS[command].params if parameter.required)


@pytest.mark.parametrize("command", sorted(AT_A_NODE))
def test_a_folder_without_a_deployment_ends_with_2(desk: Desk, command: str, tmp_path: Path) -> None:
    outcome = desk.run(command, AT_A_NODE[command], "--dir", tmp_path)
    error = refused(outcome, 2, "deployment-missing")
    assert (error["where"], outcome.stderr) == (str(tmp_path), "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", sorted(AT_A_NODE))
def test_a_node_that_does_not_answer_ends_with_3(desk: Desk, command: str) -> None:
    outcome = desk.run(command, AT_A_NODE[command], "--node", f"http://127.0.0.1:{free_port()}")
    assert refused(outcome, 3, "node-unreachable")["where"].startswith("http://127.0.0.1:")
    assert outcome.stderr == ""


@pytest.mark.parametrize("command", sorted(AT_A_FOLDER))
def test_an_empty_folder_ends_with_2_and_stays_empty(desk: Desk, command: str, tmp_path: Path) -> None:
    outcome = desk.run(command, AT_A_FOLDER[command], "--dir", tmp_path)
    code = "key-file-missing" if command == "keys show" else "deployment-missing"
    if "--json" in options_of(command):
        refused(outcome, 2, code)
    else:
        assert (outcome.code, outcome.stdout) == (2, "")
        assert code in outcome.stderr
    assert list(tmp_path.iterdir()) == []


FILES = [(command, name) for command, words in sorted({**AT_A_NODE, **ALONE}.items()) for name in files_of(words)]


@pytest.mark.parametrize(("command", "name"), FILES)
def test_a_file_that_is_not_there_ends_with_2_and_its_name(desk: Desk, command: str, name: str, tmp_path: Path) -> None:
    words = {**AT_A_NODE, **ALONE}[command]
    outcome = desk.run(command, words, *at_a_dead_node(command), **{name: tmp_path / "absent"})
    error = refused(outcome, 2, NOT_THERE.get(name, "file-unusable"))
    assert (error["where"], outcome.stderr) == (str(tmp_path / "absent"), "")


@pytest.mark.parametrize(("command", "name"), [
    (command, name) for command, name in FILES
    if name != "frames" and (command, name) != ("document digest", "facts")])
def test_a_file_of_something_else_ends_with_2_and_its_name(desk: Desk, command: str, name: str, tmp_path: Path) -> None:
    other = tmp_path / "other.file"
    other.write_bytes(b"\xff\xfe\x00 no such thing {")
    words = {**AT_A_NODE, **ALONE}[command]
    outcome = desk.run(command, words, *at_a_dead_node(command), **{name: other})
    error = refused(outcome, 2, OTHERWISE.get(name, "json-malformed"))
    assert (str(other) in error["where"], outcome.stderr) == (True, "")


def at_a_dead_node(command: str) -> list[str]:
    """Files are read before anybody is asked: the node need not be there."""
    return ["--node", f"http://127.0.0.1:{free_port()}"] if command in AT_A_NODE else []
