"""The command tree: everything is listed and explained in both languages, imported when called, strict about usage."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from cli_helpers import run
from typer.core import TyperGroup
from typer.main import get_group

from cli.lazy import LazyCommand, walk
from cli.main import COMMANDS, app

ROOT = Path(__file__).resolve().parents[2]
ALL = {" ".join(words): command for words, command in walk(get_group(app))}
PROMISED = [
    "init", "serve", "demo", "fsck", "decode", "keys make", "gateway run", "gateway check", "gateway enrol",
    "gateway endorse", "gateway rotate", "gateway revoke", "participant revoke", "meter swap", "flags list",
    "flags resolve", "token add", "token revoke", "worker",
    "participant add", "meter add", "claim-point open", "rules release", "frames put",
    "claim create", "claim list", "claim show",
    "opinion sign", "certificate issue", "certificate show", "certificate check", "certificate split",
    "certificate transfer", "certificate retire", "certificate supersede", "certificate revoke", "certificate pledge",
    "certificate release", "evidence export", "ledger query", "mrv formulas", "mrv eval", "mrv run", "mrv parameters",
    "tree root", "tree prove", "tree check"]


def is_chinese(text: str) -> bool:
    return any("\u4e00" <= letter <= "\u9fff" for letter in text)


def is_english(text: str) -> bool:
    return sum(letter.isascii() and letter.isalpha() for letter in text) >= 4


@pytest.mark.parametrize("promised", PROMISED)
def test_what_is_promised_is_there(promised: str) -> None:
    assert promised in ALL


@pytest.mark.parametrize("words", sorted(ALL))
def test_every_command_is_explained_in_chinese_and_english_and_every_option(words: str) -> None:
    command = ALL[words]
    assert is_chinese(command.help or ""), words
    assert is_english(command.help or ""), words
    for parameter in command.params:
        assert getattr(parameter, "help", ""), (words, parameter.name)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_the_list_of_commands_says_what_the_command_says_of_itself(name: str) -> None:
    stub = get_group(app).commands[name]
    assert isinstance(stub, LazyCommand)
    assert (stub.load().help or "").split("\n\n")[0].replace("\n", " ").strip() == COMMANDS[name].help


@pytest.mark.parametrize("name", ["enrol", "endorse", "rotate", "revoke"])
def test_the_gateway_s_lazy_commands_say_the_same(name: str) -> None:
    gateway = get_group(app).commands["gateway"]
    assert isinstance(gateway, LazyCommand)
    group = gateway.load()
    assert isinstance(group, TyperGroup)
    stub = group.commands[name]
    assert isinstance(stub, LazyCommand)
    assert stub.load().help == stub.help


def test_the_first_help_lists_every_group() -> None:
    outcome = run("--help")
    assert outcome.code == 0
    assert all(name in outcome.stdout for name in COMMANDS)


LIGHT = [
    (["--help"], ("web3", "sqlmodel", "sqlalchemy", "fastapi", "celery", "numpy", "yaml")),
    (["tree", "root"], ("web3", "sqlmodel", "sqlalchemy", "fastapi", "celery", "httpx", "yaml")),
    (["decode", "modbus-rtu", "00", "--json"], ("web3", "sqlmodel", "fastapi", "celery")),
    (["mrv", "eval", "absent", "--inputs", "-"], ("web3", "sqlmodel", "sqlalchemy", "fastapi", "celery")),
    (["gateway", "--help"], ("web3", "sqlmodel", "sqlalchemy", "fastapi", "celery")),
    (["keys", "--help"], ("web3", "sqlmodel", "fastapi", "celery")),
]


@pytest.mark.parametrize(("words", "absent"), LIGHT, ids=lambda value: " ".join(value))
def test_a_light_command_imports_nothing_heavy(words: list[str], absent: tuple[str, ...]) -> None:
    program = ("import sys, json\nfrom cli.main import app\nsys.stdout = sys.stderr\n"
               f"try:\n    app({words!r}, prog_name='carbonseal')\nexcept SystemExit:\n    pass\n"
               "sys.__stdout__.write(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))")
    done = subprocess.run([sys.executable, "-c", program], input=b"{}", capture_output=True, check=True, cwd=ROOT)
    assert set(json.loads(done.stdout)) & set(absent) == set()


@pytest.mark.parametrize("words", [("claim", "create"), ("certificate", "show"), ("certificate", "fly"), ("fly",),
                                   ("certificate", "split", "ab", "--units", "0"), ("tree", "root", "--size", "x"),
                                   ("keys", "make", "--shape", "round")])
def test_wrong_usage_is_exit_2_and_with_json_one_document(words: tuple[str, ...]) -> None:
    assert run(*words).code == 2
    outcome = run(*words, "--json")
    assert outcome.code == 2
    assert outcome.error["code"] == "usage"
    assert outcome.error["hint"].endswith(" --help")


def test_a_mistyped_command_is_told_what_was_meant() -> None:
    assert "certificate" in run("certificat", "--json").error["message"]


def test_help_is_exit_0_even_with_json() -> None:
    assert run("tree", "root", "--json", "--help").code == 0


def test_an_unknown_language_is_refused() -> None:
    assert run("--lang", "fr", "tree", "root").code == 2


def test_the_language_is_chosen_for_the_run() -> None:
    proof = run("tree", "prove", "--index", "0", stdin="00\n01\n").stdout
    assert run("--lang", "en", "tree", "check", stdin=proof).stdout == "valid\n"
    assert run("tree", "check", stdin=proof, CARBONSEAL_LANG="en").stdout == "valid\n"
    assert run("--lang", "zh", "tree", "check", stdin=proof).stdout == "成立\n"
