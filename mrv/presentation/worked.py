"""An evaluated expression with its numbers in place of its names: "1000 MWh * 0.5827 kgCO2/kWh"."""

from __future__ import annotations

from decimal import Decimal

from core.numbers import decimal_text
from mrv.language.interpreter import Step, value_text

# Beyond this a sum or a number is not read to its end; its value is shown beside it.
MAX_TERMS_SHOWN = 6
MAX_DIGITS_SHOWN = 12

_LEVELS = {"or": 1, "and": 2, "not": 3, "=": 4, "!=": 4, "<": 4, "<=": 4, ">": 4, ">=": 4, "+": 5, "-": 5, "*": 6,
           "/": 6, "negate": 7}
_ATOM = 8
_LEAVES = frozenset({"number", "text", "name", "field", "count"})
_CHAINS = frozenset({1, 2, 5, 6})
_FOLDS = frozenset({"sum", "mean", "least", "greatest", "all", "any"})
_JOINED = {"sum": " + ", "all": " and ", "any": " or "}


def worked(step: Step) -> str:
    """The expression as it was evaluated: of `if` only the branch that was taken."""
    operator = step.node.operator
    if operator in _LEAVES:
        return f'"{step.value}"' if operator == "text" else _leaf(step)
    if operator == "if":
        return worked(step.steps[1])
    if operator in ("and", "or"):
        return f" {operator} ".join(_inside(inner, _LEVELS[operator] + 1) for inner in step.steps)
    if operator in ("negate", "not"):
        return ("-" if operator == "negate" else "not ") + _inside(step.steps[0], _LEVELS[operator])
    if operator in _LEVELS:
        level = _LEVELS[operator]
        return f"{_inside(step.steps[0], level)} {operator} {_inside(step.steps[1], level + 1)}"
    return _folded(step) if operator in _JOINED else f"{operator}({', '.join(_arguments(step))})"


def operations(step: Step) -> tuple[Step, ...]:
    """The operations below this one whose values are worth a line.

    Not names and numbers, not the condition of an `if`, not the beginning of a chain of one level (a * b in
    a * b * c).
    """
    if step.node.operator == "if":
        return operations(step.steps[1])
    found: list[Step] = []
    for i, inner in enumerate(step.steps[:MAX_TERMS_SHOWN]):
        chained = i == 0 and _level(inner) == _level(step) and _level(step) in _CHAINS
        if chained or inner.node.operator in ("if", "negate"):
            found += operations(inner)
        elif inner.node.operator not in _LEAVES and not _is_one_leaf(inner):
            found.append(inner)
    return tuple(found)


def _level(step: Step) -> int:
    return _LEVELS.get(step.node.operator, _ATOM)


def _is_one_leaf(step: Step) -> bool:
    """A fold over one plain value: it says nothing that the line above does not."""
    return step.node.operator in _FOLDS and len(step.steps) == 1 and step.steps[0].node.operator in _LEAVES


def shorten(value: Decimal) -> str:
    """A number for reading: integers whole, others with at most 12 significant digits, "…" where some are left out."""
    sign, digits, exponent = value.as_tuple()
    surplus = len(digits) - MAX_DIGITS_SHOWN
    if surplus <= 0 or value == value.to_integral_value():
        return decimal_text(value)
    assert isinstance(exponent, int)
    kept = Decimal((sign, digits[:MAX_DIGITS_SHOWN], exponent + surplus))
    return decimal_text(kept) if kept == value else f"{decimal_text(kept)}…"


def _leaf(step: Step) -> str:
    if not isinstance(step.value, Decimal):
        return value_text(step.value)
    unit = step.node.unit_text
    return shorten(step.value) if unit == "1" else f"{shorten(step.value)} {unit}"


def _folded(step: Step) -> str:
    terms = [_inside(inner, 5) for inner in step.steps[:MAX_TERMS_SHOWN]]
    if len(step.steps) > MAX_TERMS_SHOWN:
        terms.append(f"… ({len(step.steps)})")
    return f"({_JOINED[step.node.operator].join(terms)})" if len(terms) > 1 else "".join(terms) or "0"


def _arguments(step: Step) -> list[str]:
    inner = [worked(operand) for operand in step.steps[:MAX_TERMS_SHOWN]]
    if len(step.steps) > MAX_TERMS_SHOWN:
        inner.append(f"… ({len(step.steps)})")
    if step.node.operator == "convert":
        return [*inner, f"[{step.node.name}]"]
    if step.node.operator in ("interpolate", "lookup"):
        return [step.node.name, *step.node.extra, *inner]
    return [*inner, step.node.name] if step.node.operator in ("round", "floor", "ceil") else inner


def _inside(step: Step, level: int) -> str:
    chosen = step.steps[1] if step.node.operator == "if" else step
    text = worked(chosen)
    return text if _LEVELS.get(chosen.node.operator, _ATOM) >= level else f"({text})"
