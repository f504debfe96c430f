"""Which parameters fit the inputs of a formula: those that the methodologies bind to it, in a unit that it can take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from core.units import Unit
from mrv.definitions.formula import Formula
from mrv.definitions.methodology import pattern_matches, patterns_of, values_of
from mrv.definitions.parameter import Parameter
from mrv.definitions.ruleset import RuleSet
from mrv.language.checker import ListType, Type

Patterns = dict[str, set[tuple[str, str]]]
"""By the key of a formula: (place of the input, pattern of paths): ("factor", "grid.average.{region}")."""

MAX_SHOWN = 6


def patterns(ruleset: RuleSet) -> Patterns:
    """The patterns of every formula that a methodology calls."""
    found: Patterns = {}
    for methodology in ruleset.methodologies.values():
        for step in methodology.steps:
            for name, binding in step.arguments:
                found.setdefault(step.formula, set()).update(_places(name, binding))
    return found


def _places(name: str, binding: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if "rows" in binding:
        for field, inner in binding["fields"].items():
            yield from ((f"{name}[].{field}", pattern) for pattern in patterns_of(inner))
    elif "table" in binding:
        yield f"{name}[].{binding['value']}", binding["table"]
    else:
        yield from ((name, pattern) for pattern in patterns_of(binding))


def of_formula(ruleset: RuleSet, formula: Formula) -> list[dict[str, Any]]:
    """What a page of a formula tells: [{"input", "paths": pattern, "count", "examples": [path]}], by input."""
    rows = []
    for place, pattern in sorted(patterns(ruleset).get(formula.key, ())):
        paths = fitting_paths(ruleset, formula, place, pattern)
        if paths:
            rows.append({"input": place, "paths": pattern, "count": len(paths), "examples": paths[:MAX_SHOWN]})
    return rows


def fitting_paths(ruleset: RuleSet, formula: Formula, place: str, pattern: str) -> list[str]:
    """The paths of a pattern whose unit the input at this place can take, sorted."""
    kind = _type_at(formula, place)
    return sorted(path for path, item in ruleset.parameters.items() if _fits(item, kind)
                  and pattern_matches(pattern, path))


def titles(ruleset: RuleSet, read: Patterns) -> dict[str, list[str]]:
    """By the key of a formula: the titles of every parameter that fits one of its inputs."""
    return {key: sorted({text for path in _common_paths(ruleset, ruleset.formulas[key], pairs)
                         for text in ruleset.parameters[path].title.values()}) for key, pairs in read.items()}


def _common_paths(ruleset: RuleSet, formula: Formula, pairs: set[tuple[str, str]]) -> Iterator[str]:
    """The fitting paths; of a family only the members that fit wherever one call or one row asks for them.

    Diesel has a carbon content, but no heat by volume: it is no fuel of a formula that asks for both.
    """
    members: dict[str, set[str]] = {}
    fitting = [(place.partition("[].")[0] if "[]." in place else "", pattern,
                fitting_paths(ruleset, formula, place, pattern)) for place, pattern in sorted(pairs)]
    for row, pattern, paths in fitting:
        if "{member}" in pattern:
            found = values_of(pattern, "member", paths)
            members[row] = members[row] & found if row in members else found
    for row, pattern, paths in fitting:
        yield from (path for path in paths
                    if "{member}" not in pattern or values_of(pattern, "member", [path]) & members[row])


def _type_at(formula: Formula, place: str) -> Type | None:
    name, _, field = place.partition("[].")
    kind = next(item.type for item in formula.inputs if item.name == name)
    return (kind.fields[field] if field else kind.unit) if isinstance(kind, ListType) else kind


def _fits(item: Parameter, kind: Type | None) -> bool:
    return isinstance(kind, Unit) and item.unit.dimension == kind.dimension
