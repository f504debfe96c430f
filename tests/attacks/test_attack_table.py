"""docs/attacks.md names tests that exist, and tests are tests: they can fail, and none is skipped without a reason."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "attacks.md"
ROWS = range(1, 64)
# Tests whose whole statement is that nothing but an error of ours comes out of a call, or that a check passes.
MOST_WITHOUT_ASSERTION = 40
_SKIP = re.compile(r"pytest\.(?:mark\.)?(skip|skipif|xfail)\b(?:\((.*))?")


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_every_row_has_a_test_or_says_why_not() -> None:
    rows = dict(re.findall(r"^\| (\d+) \| [^|]+ \| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.M))
    assert sorted(map(int, rows)) == list(ROWS)
    assert [number for number, tests in rows.items() if "`" not in tests] == ["11"]


def test_every_test_named_exists() -> None:
    named = re.findall(r"`([a-z_]+)::(test_[a-z0-9_]+)`", PAGE.read_text(encoding="utf-8"))
    assert len(named) > 120
    known = {room: {each.name for path in (TESTS / room).glob("test_*.py") for each in functions(path)}
             for room, _ in named}
    assert [f"{room}::{name}" for room, name in named if name not in known[room]] == []


def _says_no(function: ast.AST, helpers: frozenset[str] = frozenset()) -> bool:
    return any(isinstance(node, ast.Assert | ast.Raise)
               or (isinstance(node, ast.Attribute) and node.attr in ("raises", "warns", "fail"))
               or (isinstance(node, ast.Call) and (getattr(node.func, "id", "") or getattr(node.func, "attr", ""))
                   in helpers) for node in ast.walk(function))


def test_tests_can_fail() -> None:
    every = [function for path in TESTS.rglob("*.py") for function in functions(path)]
    helpers = frozenset(function.name for function in every if _says_no(function))
    silent = [function.name for function in every
              if function.name.startswith("test_") and not _says_no(function, helpers)]
    assert len(silent) <= MOST_WITHOUT_ASSERTION, silent


def test_tests_are_skipped_for_a_reason_only() -> None:
    found = [(path.name, *_SKIP.findall(line)[0]) for path in TESTS.rglob("test_*.py")
             for line in path.read_text(encoding="utf-8").splitlines() if _SKIP.search(line)]
    assert [item for item in found if item[1] == "xfail" or not item[2].strip()] == [], found
    assert len(found) <= 12, found
