"""Units of an expression, worked out when a rule is loaded; a typed tree for the interpreter.

Numbers are never converted silently: adding kWh to MWh, or giving kg where the output says t, is an error that asks for
`convert(…, [unit])`. The elaborated tree carries the exact ratio of each conversion as numerator and denominator, so an
interpreter of the tree needs no table of units.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any, NoReturn

from core.errors import FormError
from core.numbers import decimal_text, parse_decimal
from core.units import ONE, Unit, parse_unit
from mrv.language.parser import MAX_TREE_DEPTH, Tree

MAX_ROUNDING_DIGITS = 20
_DIGITS = re.compile(r"0|[1-9][0-9]?")

TEXT = "text"
BOOLEAN = "boolean"
Type = Unit | str


@dataclass(frozen=True)
class ListType:
    """A list input: each item one quantity (`unit`) or named fields."""

    unit: Type | None
    fields: Mapping[str, Type]


Scope = Mapping[str, Type | ListType]


@dataclass(frozen=True, slots=True)
class Node:
    """One operation with its operands and the type of its value. `name`: input, field, unit or function argument."""

    operator: str
    operands: tuple[Node, ...]
    type: Type
    name: str = ""
    extra: tuple[str, ...] = ()
    number: Decimal | None = None
    ratio: Fraction | None = None
    unit_text: str = field(init=False, compare=False, repr=False)
    """The unit as text; "text" or "boolean" for values that are no quantities. Kept: every line of a trace shows it."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "unit_text", _text_of(self.type))

    def tree(self) -> Tree:
        """The canonical tree: nested lists of strings."""
        return list(_TREES.get(self.operator, _operator_tree)(self))


def check(tree: Tree, scope: Scope, *, depth: int = 0) -> Node:
    """The typed node of a tree.

    Raises FormError (expression-malformed, expression-too-deep, expression-unit, expression-unknown-name).
    """
    if depth > MAX_TREE_DEPTH:
        raise FormError("expression-too-deep", f"more than {MAX_TREE_DEPTH} operations lie one inside the other",
                        hint="name a part of the expression and use the name")
    if not isinstance(tree, list) or not tree or not isinstance(tree[0], str):
        raise FormError("expression-malformed", "an expression tree is a list that begins with its operator")
    operator = tree[0]
    rule = _RULES.get(operator)
    if rule is None:
        raise FormError("expression-malformed", f"{operator!r} is not an operator of the language")
    try:
        return rule(tree, scope, depth + 1)
    except (ValueError, TypeError, IndexError, KeyError):
        raise FormError("expression-malformed", f"{operator!r} is not used as the language defines it") from None


def _fail(message: str, hint: str = "") -> NoReturn:
    raise FormError("expression-unit", message, hint=hint or "write convert(…, [unit]) where a conversion is meant")


def _text_of(kind: Type) -> str:
    return kind if isinstance(kind, str) else kind.text


def _quantity(node: Node) -> Unit:
    if isinstance(node.type, str):
        _fail(f"a quantity is needed, not a {node.type}", "compare texts with = and !=, use booleans in if()")
    return node.type


def _fraction(node: Node, operator: str) -> None:
    if not _quantity(node).same_as(ONE):
        _fail(f"{operator} needs a plain number, not {node.unit_text}", "divide by a quantity of the same unit first")


def _boolean(node: Node) -> Node:
    if node.type != BOOLEAN:
        _fail(f"a condition is needed, not {node.unit_text}", "write a comparison")
    return node


def _same(left: Node, right: Node, operator: str) -> None:
    if isinstance(left.type, str) or isinstance(right.type, str):
        if left.type != right.type:
            _fail(f"{left.unit_text} {operator} {right.unit_text} has no meaning")
    elif not left.type.same_as(right.type):
        _fail(f"{left.unit_text} {operator} {right.unit_text}: the units differ")


def _leaf(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _number(tree: Tree, scope: Scope, depth: int) -> Node:
    _, value, unit = tree
    return Node("number", (), parse_unit(_leaf(unit)), unit, number=parse_decimal(value))


def _text(tree: Tree, scope: Scope, depth: int) -> Node:
    _, value = tree
    return Node("text", (), TEXT, _leaf(value))


def _name(tree: Tree, scope: Scope, depth: int) -> Node:
    _, name = tree
    kind = scope.get(name)
    if kind is None or isinstance(kind, ListType):
        raise FormError("expression-unknown-name", f"{name!r} is not a quantity here",
                        hint="inputs, let-names defined above, the item of a sum")
    return Node("name", (), kind, name)


def _field(tree: Tree, scope: Scope, depth: int) -> Node:
    _, item, name = tree
    kind = scope.get(f"{item}.{name}")
    if kind is None or isinstance(kind, ListType):
        raise FormError("expression-unknown-name", f"{item}.{name} is not a field here")
    return Node("field", (), kind, item, (name,))


def _sum(tree: Tree, scope: Scope, depth: int) -> Node:
    operator, left, right = tree
    a, b = check(left, scope, depth=depth), check(right, scope, depth=depth)
    _quantity(a)
    _same(a, b, operator)
    return Node(operator, (a, b), a.type)


def _product(tree: Tree, scope: Scope, depth: int) -> Node:
    operator, left, right = tree
    a, b = check(left, scope, depth=depth), check(right, scope, depth=depth)
    unit = _quantity(a) * _quantity(b) if operator == "*" else _quantity(a) / _quantity(b)
    return Node(operator, (a, b), unit)


def _comparison(tree: Tree, scope: Scope, depth: int) -> Node:
    operator, left, right = tree
    a, b = check(left, scope, depth=depth), check(right, scope, depth=depth)
    _same(a, b, operator)
    if operator not in ("=", "!="):
        _quantity(a)
    return Node(operator, (a, b), BOOLEAN)


def _logic(tree: Tree, scope: Scope, depth: int) -> Node:
    operator, *operands = tree
    if len(operands) != (1 if operator == "not" else 2):
        raise ValueError
    return Node(operator, tuple(_boolean(check(operand, scope, depth=depth)) for operand in operands), BOOLEAN)


def _unary(tree: Tree, scope: Scope, depth: int) -> Node:
    operator, operand = tree
    a = check(operand, scope, depth=depth)
    unit = _quantity(a)
    if operator in ("exp", "ln"):
        _fraction(a, operator)
    if operator == "sqrt":
        root = unit.root()
        if root is None:
            _fail(f"the square root of {unit.text} has no unit", "")
        unit = root
    return Node(operator, (a,), unit)


def _condition(tree: Tree, scope: Scope, depth: int) -> Node:
    _, condition, yes, no = tree
    a, b = check(yes, scope, depth=depth), check(no, scope, depth=depth)
    _same(a, b, "or")
    return Node("if", (_boolean(check(condition, scope, depth=depth)), a, b), a.type)


def _extreme(tree: Tree, scope: Scope, depth: int) -> Node:
    operator, first, *rest = tree
    a = check(first, scope, depth=depth)
    _quantity(a)
    others = tuple(check(operand, scope, depth=depth) for operand in rest)
    for other in others:
        _same(a, other, operator)
    return Node(operator, (a, *others), a.type)


def _rounding(tree: Tree, scope: Scope, depth: int) -> Node:
    operator, operand, digits = tree
    if not _DIGITS.fullmatch(digits) or int(digits) > MAX_ROUNDING_DIGITS:
        raise ValueError
    a = check(operand, scope, depth=depth)
    return Node(operator, (a,), _quantity(a), digits)


def _conversion(tree: Tree, scope: Scope, depth: int) -> Node:
    _, operand, unit, *ratio = tree
    a = check(operand, scope, depth=depth)
    target = parse_unit(_leaf(unit))
    if _quantity(a).dimension != target.dimension:
        _fail(f"{a.unit_text} cannot be converted to {unit}", "these are different dimensions: multiply by a factor")
    exact = _quantity(a).scale / target.scale
    if ratio and ratio != [str(exact.numerator), str(exact.denominator)]:
        raise FormError("expression-malformed", f"the ratio of {a.unit_text} to {unit} is {exact}")
    return Node("convert", (a,), target, unit, ratio=exact)


def _list_of(scope: Scope, source: str) -> ListType:
    kind = scope.get(source)
    if not isinstance(kind, ListType):
        raise FormError("expression-unknown-name", f"{source!r} is not a list input")
    return kind


def _fold(tree: Tree, scope: Scope, depth: int) -> Node:
    operator, item, source, body = tree
    kind = _list_of(scope, source)
    if _leaf(item) in scope:
        raise FormError("expression-unknown-name", f"{item!r} already means something else")
    inner: dict[str, Type | ListType] = dict(scope)
    inner.update({f"{item}.{name}": field for name, field in kind.fields.items()})
    if kind.unit is not None:
        inner[item] = kind.unit
    a = check(body, inner, depth=depth)
    if operator in ("all", "any"):
        return Node(operator, (_boolean(a),), BOOLEAN, item, (source,))
    return Node(operator, (a,), _quantity(a), item, (source,))


def _count(tree: Tree, scope: Scope, depth: int) -> Node:
    _, source = tree
    _list_of(scope, source)
    return Node("count", (), ONE, source)


def _table(tree: Tree, scope: Scope, depth: int) -> Node:
    operator, source, key, value, at = tree
    kind = _list_of(scope, source)
    a = check(at, scope, depth=depth)
    if key not in kind.fields or value not in kind.fields:
        raise FormError("expression-unknown-name", f"{source!r} has no column {key!r} or {value!r}")
    key_type = kind.fields[key]
    _same(Node("name", (), key_type), a, operator)
    if operator == "interpolate" and (isinstance(key_type, str) or isinstance(kind.fields[value], str)):
        _fail("only quantities can be interpolated", "use lookup")
    return Node(operator, (a,), kind.fields[value], source, (key, value))


_Rule = Callable[[Tree, Scope, int], Node]
_RULES: Mapping[str, _Rule] = {
    "number": _number, "text": _text, "name": _name, "field": _field, "+": _sum, "-": _sum, "*": _product,
    "/": _product, "and": _logic, "or": _logic, "not": _logic, "negate": _unary, "abs": _unary, "sqrt": _unary,
    "exp": _unary, "ln": _unary, "if": _condition, "min": _extreme, "max": _extreme, "round": _rounding,
    "floor": _rounding, "ceil": _rounding, "convert": _conversion, "sum": _fold, "mean": _fold, "least": _fold,
    "greatest": _fold, "all": _fold, "any": _fold, "count": _count, "interpolate": _table, "lookup": _table,
} | dict.fromkeys(("=", "!=", "<", "<=", ">", ">="), _comparison)

OPERATORS = tuple(_RULES)


def _operator_tree(node: Node) -> Tree:
    return [node.operator, *(operand.tree() for operand in node.operands)]


def _number_tree(node: Node) -> Tree:
    assert node.number is not None
    return ["number", decimal_text(node.number), node.name]


def _conversion_tree(node: Node) -> Tree:
    assert node.ratio is not None
    return ["convert", node.operands[0].tree(), node.name, str(node.ratio.numerator), str(node.ratio.denominator)]


_TREES: dict[str, Callable[[Node], Any]] = {
    "number": _number_tree,
    "text": lambda node: ["text", node.name],
    "name": lambda node: ["name", node.name],
    "field": lambda node: ["field", node.name, *node.extra],
    "count": lambda node: ["count", node.name],
    "convert": _conversion_tree,
} | dict.fromkeys(("round", "floor", "ceil"), lambda node: [node.operator, node.operands[0].tree(), node.name]) \
  | dict.fromkeys(("sum", "mean", "least", "greatest", "all", "any", "interpolate", "lookup"),
                  lambda node: [node.operator, node.name, *node.extra, node.operands[0].tree()])
