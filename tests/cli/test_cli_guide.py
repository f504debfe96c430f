"""The guide of claims: its example is facts, its members are all members, its commands and options exist."""

import json
import re
from pathlib import Path

import pytest
from typer.main import get_group

from cli.desks.enterprise import Facts, facts_from_json
from cli.lazy import walk
from cli.main import app

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "guides" / "claims.md").read_text(encoding="utf-8")
COMMANDS = {" ".join(words): command for words, command in walk(get_group(app))}
LINES = sorted({line for block in re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL) for line in block.splitlines()})


def test_the_example_is_facts() -> None:
    (example,) = re.findall(r"```json\n(.*?)```", GUIDE, re.DOTALL)
    assert facts_from_json(json.loads(example)).claim_point == "cp:lanhe-pv"


def test_every_member_of_the_facts_is_explained_in_both_languages() -> None:
    for name in Facts.__dataclass_fields__:
        assert GUIDE.count(f"| `{name}` |") == 2, name


@pytest.mark.parametrize("line", LINES)
def test_every_command_shown_exists_with_its_options(line: str) -> None:
    words = line.split()
    command = COMMANDS[" ".join(words[1:3])]
    known = {name for parameter in command.params for name in parameter.opts}
    assert {word for word in words if re.fullmatch(r"-o|--[a-z-]+", word)} <= known


def test_everything_a_party_does_is_shown() -> None:
    groups = ("claim", "opinion", "certificate", "participant", "meter", "claim-point", "rules", "ledger", "evidence")
    unnamed = [name for name in COMMANDS if name.split()[0] in groups and name not in GUIDE
               and name.split()[-1] not in GUIDE]
    assert unnamed == []
