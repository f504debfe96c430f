"""Writes tests/portal/vectors/statements.json: statements that `npm test` evaluates again without Python.

    python tests/portal/make_statements.py
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parent)]

import portal_runs as runs
import portal_statements

from mrv.definitions.ruleset import RuleSet

TARGET = Path(__file__).parent / "vectors" / "statements.json"


def statements() -> str:
    """The statements of the runs of tests/vectors/runs: whole, split, with a gap, uncertainty, a statement before."""
    ruleset = RuleSet.from_documents(runs.vector_documents())
    made = [portal_statements.statement_of(ruleset, run, number) for number, run in enumerate(runs.vector_runs())]
    found = [statement for statement in made if statement is not None]
    shared = {name: found[0][name] for name in ("documents", "listed", "release")}
    assert all(statement | shared == statement for statement in found)
    cases = [{"payload": statement["payload"], "details": statement["details"]} for statement in found]
    return json.dumps(shared | {"statements": cases}, ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(statements(), "utf-8")
