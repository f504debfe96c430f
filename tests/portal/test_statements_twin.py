"""A statement evaluated again in TypeScript has the bytes of Python, and what was tampered with is found alike."""

from __future__ import annotations

import json
from collections import Counter
from random import Random
from typing import Any

import make_statements
import portal_helpers as portal
import portal_runs as runs
import portal_statements as statements
import pytest

from core.jcs import canonical
from core.merkle import leaf_hash, root
from mrv.authoring.catalogue import Catalogue
from mrv.definitions.ruleset import RuleSet


@pytest.fixture(scope="module")
def made(catalogue: Catalogue) -> list[dict[str, Any]]:
    """A statement of every run beside a methodology that makes one."""
    ruleset = RuleSet.from_documents(catalogue.ruleset.documents() | runs.vector_documents())
    given = runs.worked_runs(catalogue.cases) + runs.vector_runs() + runs.metered_runs()
    found = [statements.statement_of(ruleset, one, number) for number, one in enumerate(given)]
    return [statement for statement in found if statement is not None]


def without_words(line: bytes) -> bytes:
    """What stands in place of a member of another kind is told in the words of each language; the code is one."""
    answer = json.loads(line)
    if "lacks or misuses" in answer.get("error", {}).get("message", ""):
        answer["error"]["message"] = ""
    return portal.written(answer)


def both(given: list[dict[str, Any]]) -> list[tuple[bytes, bytes]]:
    ours = statements.python_recomputations(given)
    theirs = portal.run_tool("recompute", stdin=b"\n".join(statements.statement_lines(given)))
    return list(zip(ours, theirs, strict=True))


def test_a_statement_is_rebuilt_byte_for_byte(made: list[dict[str, Any]]) -> None:
    answers = both(made)
    assert [(a, b) for a, b in answers if a != b][:1] == []
    for statement, (_, theirs) in zip(made, answers, strict=True):
        answer = json.loads(theirs)
        assert answer["payload"].encode() == canonical(statement["payload"])
        assert answer["different"] == []
        assert answer["details"] == statement["payload"]["details"]["count"]
    kinds = {statement["payload"]["type"] for statement in made}
    assert kinds >= {"emission", "reduction", "green-power", "product-footprint", "cbam"}


def test_the_root_of_the_details_is_that_of_the_log(made: list[dict[str, Any]]) -> None:
    answers = portal.run_tool("recompute", stdin=b"\n".join(statements.statement_lines(made)))
    for statement, line in zip(made, answers, strict=True):
        again = json.loads(json.loads(line)["payload"])
        assert again["details"]["root"] == root([leaf_hash(canonical(item)) for item in statement["details"]]).hex()


def test_what_was_tampered_with_is_found_alike(made: list[dict[str, Any]]) -> None:
    random = Random(20261122)
    small = sorted(made, key=lambda statement: len(statement["details"]))[:14]
    given = [statements.tampered(random.choice(small), random) for _ in range(600)]
    answers = both(given)
    assert [(a, b) for a, b in answers if a != b and without_words(a) != without_words(b)][:2] == []
    outcomes = Counter(answer["error"]["code"] if "error" in answer else "differs" if answer["different"] else "same"
                       for answer in (json.loads(line) for line, _ in answers))
    assert outcomes.keys() >= {"differs", "statement-malformed", "statement-differs", "rule-not-released",
                               "salts-mismatch"}
    assert outcomes["differs"] > 50


@pytest.mark.parametrize(("member", "value"), [
    ("notices", {}), ("notices", "abc"), ("notices", [None]), ("notices", [5]), ("external_refs", "abc"),
    ("external_refs", {}), ("completeness", []), ("completeness", [["a", "b"]]), ("methodology", "x"),
    ("period", None)])
def test_a_payload_of_another_shape_is_refused_alike(made: list[dict[str, Any]], member: str, value: Any) -> None:
    statement = min(made, key=lambda item: len(item["details"]))
    [(ours, theirs)] = both([statement | {"payload": statement["payload"] | {member: value}}])
    assert ours == theirs
    assert json.loads(ours)["error"]["code"] == ("period-malformed" if member == "period" else "statement-malformed")


def test_a_changed_input_changes_result_and_root(made: list[dict[str, Any]]) -> None:
    statement = json.loads(json.dumps(next(item for item in made if item["payload"]["subject"] == "org:glass")))
    item = next(detail for detail in statement["details"] if detail["record"].get("name") == "soda_ash")
    item["record"]["quantity"]["value"] = "101"
    [(ours, theirs)] = both([statement])
    assert ours == theirs
    assert set(json.loads(theirs)["different"]) >= {"details", "outputs", "result"}


def test_the_committed_statements_are_what_the_engine_gives() -> None:
    assert make_statements.TARGET.read_text("utf-8") == make_statements.statements(), \
        "write them again: python tests/portal/make_statements.py"
