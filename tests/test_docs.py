"""Docs follow the code: generated pages are current, links lead somewhere, README's commands exist."""

import re
from pathlib import Path

import pytest
from typer.main import get_group

from cli.lazy import walk
from cli.main import app
from tools.docs import ROOT, pages, raised_codes

MARKDOWN = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("*/README.md"),
                   *(ROOT / "adapters").rglob("README.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)[^)]*\)")


@pytest.mark.parametrize("path", sorted(pages()), ids=lambda path: path.name)
def test_a_generated_page_is_what_the_code_says(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == pages()[path], "run `make docs`"


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    links = [link for link in LINK.findall(path.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_every_make_target_of_the_readme_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    named = set(re.findall(r"make ([a-z][a-z-]+)", (ROOT / "README.md").read_text(encoding="utf-8")))
    assert named - {"and"} <= targets


@pytest.mark.parametrize("path", [path for path in MARKDOWN if path.name != "CHANGELOG.md"],
                         ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_that_a_page_names_exists(path: Path) -> None:
    commands = [tuple(words) for words, _ in walk(get_group(app))]
    beginnings = {words[:count] for words in commands for count in range(1, len(words) + 1)}
    named = [tuple(line.split()) for line in re.findall(r"(?:`|^)carbonseal((?: [a-z][a-z-]*)+)",
                                                        path.read_text(encoding="utf-8"), re.M)]
    # A word after a whole command is its argument; after a group it is a command.
    wrong = [line for line in named if not any(line[:len(words)] == words for words in commands)]
    assert [line for line in wrong if line not in beginnings] == []


def test_every_room_stands_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    rooms = [path.parent.name for path in ROOT.glob("*/__init__.py") if path.parent.name not in ("bench", "tools")]
    assert [room for room in rooms if f"`{room}/`" not in text] == []


def test_codes_are_kebab_case() -> None:
    assert [item.code for item in raised_codes() if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", item.code)] == []


def test_nothing_names_a_registry_or_a_path_of_one_machine() -> None:
    hosts = re.compile(r"pypi\.org/simple|pythonhosted\.org|registry\.npmjs\.org|proxy\.golang\.org|deb\.debian\.org")
    locks = [*(ROOT / "requirements").glob("*.txt"), *ROOT.glob("*/package-lock.json")]
    assert locks
    assert [path.name for path in [*locks, *MARKDOWN] if hosts.search(path.read_text(encoding="utf-8"))] == []
