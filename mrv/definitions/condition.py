"""Why a condition is not met: the values that were compared, the first line of a list that fails, and their places."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mrv.language.interpreter import Step, value_text
from mrv.language.render import render

MAX_VALUES = 8
"""So many values are read in one sentence."""
_FOLDS = frozenset({"sum", "mean", "least", "greatest", "all", "any"})
_TABLES = frozenset({"count", "lookup", "interpolate"})


def compared(step: Step, lines: Mapping[str, str] | None = None) -> Iterator[tuple[str, str]]:
    """(place, value) of what decided, in order: ("x", "3 t"), ("lines[2].share", "0.9"), ("lines", "sum(…) = 0.9").

    `lines`: where the items stand that folds have named.
    """
    node, lines = step.node, lines or {}
    if node.operator in ("name", "field"):
        place = ".".join((lines.get(node.name, node.name), *node.extra))
        yield place, f"{place} = {_shown(step)}"
    elif node.operator == "all" and step.value is False:
        number = next(i for i, inner in enumerate(step.steps) if inner.value is False)
        yield from compared(step.steps[number], {**lines, node.name: f"{node.extra[0]}[{number}]"})
    elif node.operator in _FOLDS:
        yield node.extra[0], f"{render(node)} = {_shown(step)}"
    elif node.operator in _TABLES:
        yield node.name, f"{render(node)} = {_shown(step)}"
    elif node.operator == "and" and step.value is False:
        yield from compared(step.steps[-1], lines)
    else:
        for inner in step.steps:
            yield from compared(inner, lines)


def _shown(step: Step) -> str:
    unit = step.node.unit_text
    return value_text(step.value) + ("" if unit in ("1", "text", "boolean") else f" {unit}")
