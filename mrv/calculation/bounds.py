"""What an argument of a formula call is bound to: its value, what it errs by, and where a reader finds it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from mrv.calculation.spread import EXACT, Spread, Untraceable, propagate
from mrv.definitions.formula import Evaluation

CallSpreads = dict[str, Spread] | None
"""The spreads of one call's outputs; None where they could not be carried."""

_STEP = re.compile(r"\[([0-9]+)\]|\.?([a-z][a-z0-9_]*)")
"""One step of a place within a formula's arguments: "leaks", "[0]", ".mass"."""
_ENDS = ("", ".unit")
"""What follows the place of a quantity."""


class Bound(NamedTuple):
    """What an argument binds to: a Quantity, a text or a list, and in the same shape the spread and place of each.

    `place`: where a reader finds the value: "inputs.fuel.diesel", "options.region", the path of a parameter.
    """

    value: Any
    spread: Any
    place: Any


def joined_bounds(parts: Sequence[Bound]) -> Bound:
    """One list of all; what is a list already gives its elements."""
    values: list[Any] = []
    spreads: list[Any] = []
    places: list[Any] = []
    for part in parts:
        several = isinstance(part.value, list)
        values += part.value if several else [part.value]
        spreads += part.spread if several else [part.spread]
        places += part.place if several else [part.place]
    return Bound(values, spreads, places)


def place_in(bound: Mapping[str, Bound], where: str) -> str | None:
    """What stands behind a place within a formula's arguments; None where it is none."""
    found: Any = {name: item.place for name, item in bound.items()}
    at = 0
    while not isinstance(found, str):
        step = _STEP.match(where, at)
        index = step and (int(step[1]) if step[1] else step[2])
        if step is None or index not in (range(len(found)) if isinstance(found, list) else found):
            return None
        found, at = found[index], step.end()
    return found + where[at:] if found and where[at:] in _ENDS else None


def places_in(bound: Mapping[str, Bound], where: str) -> str:
    """As `place_in` of each of several places, "x, lines[2].share"; "" where nothing stands behind them."""
    found = (place_in(bound, place) for place in where.split(", "))
    return ", ".join(dict.fromkeys(place for place in found if place is not None))


def spreads_of(evaluation: Evaluation, bound: Mapping[str, Bound]) -> CallSpreads:
    """The spreads of the outputs; None where an argument has none, or it could not be carried."""
    given = {name: item.spread for name, item in bound.items()}
    leaves = list(_leaves(given))
    if None in leaves:
        return None
    if not any(leaf.parts for leaf in leaves if leaf is not None):
        return dict.fromkeys(evaluation.outputs, EXACT)
    try:
        return propagate(evaluation, given)
    except (Untraceable, ArithmeticError):
        # A contribution beyond every scale (a denominator near 0) is not carried either.
        return None


def _leaves(given: Any) -> Iterator[Spread | None]:
    if isinstance(given, Mapping):
        given = list(given.values())
    if isinstance(given, list):
        for item in given:
            yield from _leaves(item)
    else:
        yield given
