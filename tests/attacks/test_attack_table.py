"""docs/attacks.md names tests that exist, and tests are tests: they can fail, and none is skipped without a reason."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "attacks.md"
ROWS = range(1, 64)
# Fuzz tests: whatever is put in, nothing but an error of ours comes out, and any other exception fails the test by
# itself. There is no one answer to compare with; a test that has one says so with an assertion.
FUZZ = frozenset({
    "test_no_answer_makes_the_gateway_raise_anything_but_ours",
    "test_whatever_stands_in_a_field_no_foreign_error_leaves",
    "test_no_bytes_make_the_reader_raise_anything_but_ours",
    "test_no_bytes_make_the_decoder_raise_anything_but_ours",
    "test_no_pdu_in_a_right_envelope_makes_it_raise_anything_but_ours",
    "test_a_disturbed_inputs_document_meets_a_code",
    "test_a_disturbed_evaluation_meets_a_code",
    "test_a_disturbed_statement_meets_a_code_when_rebuilt",
    "test_a_reader_of_values_meets_anything",
    "test_an_expression_is_a_formula_or_is_refused",
    "test_a_validity_and_a_period_are_days_or_nothing",
})
# The rules of a state machine assert; the test that runs it only counts its steps.
_RUNS_ASSERTIONS = frozenset({"run_state_machine_as_test"})
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
             for room in {room for room, _ in named}}
    assert [f"{room}::{name}" for room, name in named if name not in known[room]] == []


def _says_no(function: ast.AST, helpers: frozenset[str] = frozenset()) -> bool:
    return any(isinstance(node, ast.Assert | ast.Raise)
               or (isinstance(node, ast.Attribute) and node.attr in ("raises", "warns", "fail"))
               or (isinstance(node, ast.Call) and (getattr(node.func, "id", "") or getattr(node.func, "attr", ""))
                   in helpers) for node in ast.walk(function))


def test_tests_can_fail() -> None:
    every = [function for path in TESTS.rglob("*.py") for function in functions(path)]
    helpers = _RUNS_ASSERTIONS | {function.name for function in every if _says_no(function)}
    silent = [function.name for function in every
              if function.name.startswith("test_") and not _says_no(function, helpers)]
    assert sorted(silent) == sorted(FUZZ)


def test_tests_are_skipped_for_a_reason_only() -> None:
    found = [(path.name, *_SKIP.findall(line)[0]) for path in TESTS.rglob("test_*.py")
             for line in path.read_text(encoding="utf-8").splitlines() if _SKIP.search(line)]
    assert [item for item in found if item[1] == "xfail" or not item[2].strip()] == [], found
    assert len(found) <= 12, found
