"""An expression as text again, from its tree, so that what a person reads is what is evaluated."""

from __future__ import annotations

from mrv.language.checker import Node

_PRECEDENCE = {"or": 1, "and": 2, "not": 3, "=": 4, "!=": 4, "<": 4, "<=": 4, ">": 4, ">=": 4,
               "+": 5, "-": 5, "*": 6, "/": 6, "negate": 7}
_ATOM = 8


def render(node: Node) -> str:
    """The expression in the language of docs/spec/rules.md, with the parentheses it needs."""
    operator, operands = node.operator, node.operands
    if operator == "number":
        return str(node.tree()[1]) + ("" if node.name == "1" else f"[{node.name}]")
    if operator == "text":
        return f'"{node.name}"'
    if operator in ("name", "field"):
        return ".".join((node.name, *node.extra))
    if operator == "negate":
        return f"-{_inside(operands[0], 7)}"
    if operator == "not":
        return f"not {_inside(operands[0], 3)}"
    if operator in _PRECEDENCE:
        level = _PRECEDENCE[operator]
        strict = 1 if level == 4 else 0
        return f"{_inside(operands[0], level + strict)} {operator} {_inside(operands[1], level + 1)}"
    return f"{operator}({_arguments(node)})"


def _arguments(node: Node) -> str:
    inner = ", ".join(render(operand) for operand in node.operands)
    if node.operator in ("sum", "mean", "least", "greatest", "all", "any"):
        return f"{node.name} in {node.extra[0]}: {inner}"
    if node.operator in ("interpolate", "lookup"):
        return f"{node.name}, {node.extra[0]}, {node.extra[1]}, {inner}"
    if node.operator == "convert":
        return f"{inner}, [{node.name}]"
    if node.operator in ("round", "floor", "ceil"):
        return f"{inner}, {node.name}"
    return node.name if node.operator == "count" else inner


def _inside(node: Node, level: int) -> str:
    text = render(node)
    return text if _PRECEDENCE.get(node.operator, _ATOM) >= level else f"({text})"
