"""python -m tools.statement_bytes: one digest over all bytes that the engine makes of the worked cases.

Statements (payload and details) of every methodology case, outputs and trace of every formula case and every operator
vector: each as canonical JSON, or its error. The same digest on every machine and Python version means the same
statements, byte for byte. `--list` prints the digest of each case, to find the one that differs.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from core.errors import CarbonSealError
from core.jcs import canonical
from mrv.authoring.cases import Case
from mrv.authoring.catalogue import Catalogue, load
from mrv.calculation.run import run
from mrv.calculation.service import evaluate, outputs_json, trace_json
from mrv.calculation.statement import Context, build, records_of
from mrv.definitions.fields import read_given
from mrv.definitions.formula import Formula

OPERATORS = Path(__file__).resolve().parent.parent / "tests" / "vectors" / "expressions" / "operators.json"
CONTEXT = Context("statement-bytes", "00" * 32, "00" * 32, {"max_staleness_ms": "0"})


def made() -> Iterator[tuple[str, bytes]]:
    """(name of the case, bytes that the engine makes of it), in a fixed order."""
    catalogue = load()
    for number, case in enumerate(catalogue.cases):
        yield f"{case.kind} {case.rule} {number}", _answer(_maker(catalogue, case))
    for vector in json.loads(OPERATORS.read_text("utf-8")):
        yield f"operator {vector['name']}", _answer(partial(_operator, vector))


def _answer(make: Callable[[], Any]) -> bytes:
    try:
        return canonical(make())
    except CarbonSealError as error:
        return canonical(error.as_dict())


def _maker(catalogue: Catalogue, case: Case) -> Callable[[], Any]:
    if case.kind == "formula":
        return partial(evaluate, catalogue.ruleset, case.rule, case.body["inputs"])
    return partial(_statement, catalogue, case)


def _statement(catalogue: Catalogue, case: Case) -> Any:
    document = case.body["document"]
    inputs = document | {"allow_unconfirmed": document["allow_unconfirmed"] == "true"}
    result = run(catalogue.ruleset, case.rule, None, inputs, date.fromisoformat(case.body["at"]))
    return build(result, CONTEXT, [bytes(16)] * len(records_of(result)))


def _operator(vector: dict[str, Any]) -> Any:
    formula = Formula.from_document(vector["document"])
    evaluation = formula.evaluate({name: read_given(value, name) for name, value in vector["given"].items()})
    return {"outputs": outputs_json(evaluation), "trace": trace_json(evaluation)}


def main(arguments: list[str]) -> int:
    """Print the digest over all cases, or with --list of each."""
    parser = argparse.ArgumentParser(prog="python -m tools.statement_bytes", description=__doc__)
    parser.add_argument("--list", action="store_true", help="one line a case 逐例输出")
    chosen = parser.parse_args(arguments)
    total, count = sha256(), 0
    for name, data in made():
        digest = sha256(data).digest()
        total.update(digest)
        count += 1
        if chosen.list:
            sys.stdout.write(f"{digest.hex()} {len(data)} {name}\n")
    sys.stdout.write(f"{total.hexdigest()}  {count} cases, Python {platform.python_version()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
