"""Every error has its Chinese: what is wrong and what to do, for each code that the source raises and for no other."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

from core.error_words import all_words, as_document, headline, particulars, words
from core.errors import FormError, NotFound, Refused
from tools.docs import error_codes_page
from tools.raised import ROOT, raised_codes

FILE = ROOT / "core" / "error_words.json"
CODES = {raised.code for raised in raised_codes()}
GREATEST_LENGTH = 60
CHINESE = re.compile(r"[一-鿿]")
# Half-width marks beside Chinese letters; a point within a number, a name or a sample is none.
HALF_WIDTH = re.compile(r"[一-鿿][,;:!?()]|[,;:!?()][一-鿿]")


def test_every_code_that_is_raised_has_words() -> None:
    assert len(CODES) > 500
    assert sorted(CODES - all_words().keys()) == []


def test_no_words_are_left_over() -> None:
    assert sorted(all_words().keys() - CODES) == []


@pytest.mark.parametrize("code", sorted(all_words()))
def test_the_words_of_a_code_are_two_short_chinese_sentences(code: str) -> None:
    found = all_words()[code]
    for sentence in (found.what, found.do):
        assert CHINESE.search(sentence)
        assert len(sentence) <= GREATEST_LENGTH
        assert sentence == sentence.strip()
        assert sentence.endswith("。")
        assert sentence.count("。") == 1
        assert not HALF_WIDTH.search(sentence)
    assert found.title_en.isascii()
    assert not found.title_en.endswith(".")


def test_the_file_is_sorted_and_names_each_code_once_on_a_line_of_its_own() -> None:
    names = re.findall(r'^  "([a-z0-9-]+)": \{"what": ', FILE.read_text(encoding="utf-8"), re.M)
    assert names == sorted(set(names)) == sorted(all_words())


def test_a_command_that_the_words_name_exists() -> None:
    commands = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    named = {command for found in all_words().values()
             for command in re.findall(r"carbonseal(?: [a-z-]+)+", found.what + found.do)}
    assert len(named) >= 10
    assert sorted(command for command in named if not re.search(f"^## {command}( |$)", commands, re.M)) == []


def test_a_page_that_the_words_name_exists() -> None:
    named = {page for found in all_words().values() for page in re.findall(r"docs/[a-z/-]+\.md", found.do)}
    assert named
    assert sorted(page for page in named if not (ROOT / page).exists()) == []


# What finds the codes.

def test_codes_are_found_however_the_source_hands_them_to_the_error() -> None:
    as_constant, as_choice, as_result = "source-priority-dropped", "frame-chain-broken", "frame-sequence"
    as_argument, of_a_subclass, of_the_base = "block-gap", "token-unknown", "internal-error"
    assert {as_constant, as_choice, as_result, as_argument, of_a_subclass, of_the_base, "key-weak",
            "plan-signer"} <= CODES


def test_flags_findings_and_notices_are_no_error_codes() -> None:
    assert {"clock-off", "declared-loss", "not-a-certificate", "plan-late", "entry-unexpected"} & CODES == set()


def test_no_error_is_built_with_a_code_that_cannot_be_read() -> None:
    """A new way of building errors is either found by tools/raised.py, or passes on an error's own code."""
    errors = {raised.error for raised in raised_codes()}
    strange = [f"{path.relative_to(ROOT)}:{node.lineno}" for path in sorted(ROOT.glob("*/**/*.py"))
               if path.relative_to(ROOT).parts[0] in {raised.room for raised in raised_codes()}
               for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
               if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in errors
               and node.args and not readable(node.args[0])]
    assert strange == []


def readable(code: ast.expr) -> bool:
    """A text, a constant, a variable `code`, a choice among them, or the code of another error."""
    if isinstance(code, ast.IfExp | ast.BoolOp):
        return True
    if isinstance(code, ast.Name):
        return code.id == "code" or code.id.isupper()
    return isinstance(code, ast.Constant) or (isinstance(code, ast.Attribute) and code.attr == "code")


def test_the_page_of_codes_says_each_in_chinese() -> None:
    rows = [line.split(" | ") for line in error_codes_page().splitlines() if line.startswith("| `")]
    assert len(rows) == len(CODES)
    assert all(CHINESE.search(row[1]) for row in rows)


# How an error is told.

KNOWN = NotFound("parameter-missing", "there is no parameter 'grid.x'", where="grid.x", hint="name another")


def test_in_chinese_the_sentence_comes_first_and_the_message_keeps_its_particulars() -> None:
    found = words("parameter-missing")
    assert found is not None
    assert headline(KNOWN, "zh") == found.what
    assert particulars(KNOWN, "zh") == ["  详情: there is no parameter 'grid.x'", "  位置: grid.x",
                                        f"  怎么办: {found.do}", "    name another"]


def test_in_english_an_error_is_told_in_english_alone() -> None:
    assert headline(KNOWN, "en") == KNOWN.message
    assert particulars(KNOWN, "en") == ["  where: grid.x", "  what to do: name another"]


def test_what_has_no_place_and_no_hint_gets_the_advice_of_its_code() -> None:
    bare = Refused("deployment-locked", "process 7 writes here")
    assert particulars(bare, "zh")[0] == "  详情: process 7 writes here"
    assert particulars(bare, "zh")[1].startswith("  怎么办: 先停止那个进程")
    assert particulars(bare, "en") == []


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_code_of_a_newer_node_is_told_as_it_came(language: str) -> None:
    error = Refused("of-tomorrow", "it is so", where="there", hint="wait")
    assert words("of-tomorrow") is None
    assert headline(error, language) == "it is so"
    assert [line.partition(": ")[2] for line in particulars(error, language)] == ["there", "wait"]


def test_programs_get_the_chinese_beside_the_members_that_stay() -> None:
    error = FormError("frame-form", "not an array", where="frame", hint="encode it again", expected_seq="7")
    document = as_document(error)
    assert {name: document[name] for name in error.as_dict()} == error.as_dict()
    assert document.keys() - error.as_dict().keys() == {"message_zh", "hint_zh"}
    assert as_document(Refused("of-tomorrow", "no")) == Refused("of-tomorrow", "no").as_dict()


def test_the_words_travel_with_the_package() -> None:
    packaged = re.search(r'^core = \[(.*)\]$', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.M)
    assert packaged is not None
    assert FILE.name in {path.name for pattern in json.loads(f"[{packaged[1]}]")
                         for path in Path(FILE.parent).glob(pattern)}
