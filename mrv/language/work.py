"""How much work an expression is, counted before any of it is done."""

from __future__ import annotations

from collections.abc import Iterable

from core.errors import InputError
from mrv.language.checker import Node
from mrv.language.interpreter import Environment

# Some five seconds and 250 MB with its trace. What reads a list once, the longest that is taken, is below a million; a
# list within a list is the square of its length, and a stranger may ask for it (POST /v1/mrv/eval).
MAX_OPERATIONS = 5_000_000
_FOLDS = frozenset({"sum", "mean", "least", "greatest", "all", "any"})
_TABLES = frozenset({"lookup", "interpolate"})


def check_work(nodes: Iterable[Node], environment: Environment, where: str) -> None:
    """Passes for expressions of at most 5,000,000 operations together. Raises InputError (evaluation-too-long).

    `environment`: the inputs by name; every branch of an `if` counts, evaluated or not.
    """
    if sum(_operations(node, environment) for node in nodes) > MAX_OPERATIONS:
        raise InputError("evaluation-too-long", f"more than {MAX_OPERATIONS} operations are needed at once",
                         where=where,
                         hint="give fewer lines: a list is compared with itself, so half of them is a quarter of it")


def _operations(node: Node, environment: Environment) -> int:
    within = sum(_operations(operand, environment) for operand in node.operands)
    if node.operator in _FOLDS:
        return 1 + within * len(environment[node.extra[0]])
    return 1 + within + (len(environment[node.name]) if node.operator in _TABLES else 0)
