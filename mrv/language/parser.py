"""The expression language, from text to its canonical tree (docs/spec/rules.md).

A hand-written recursive-descent parser; the tree is nested JSON lists of strings, so that any implementation can read
it. The tree says nothing about units yet: `mrv.language.checker` works them out.

    expression := conjunction ("or" conjunction)*
    conjunction := negation ("and" negation)*
    negation   := "not" negation | comparison
    comparison := sum (("=" | "!=" | "<" | "<=" | ">" | ">=") sum)?
    sum        := product (("+" | "-") product)*
    product    := factor (("*" | "/") factor)*
    factor     := "-" factor | primary
    primary    := number [unit]? | "text" | name | name "." name | call | "(" expression ")"
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NoReturn

from core.errors import FormError
from core.numbers import decimal_text
from core.quantity import printed_decimal

MAX_EXPRESSION_CHARS = 4000
# Deeper parentheses are no formula a person can read.
MAX_DEPTH = 40
# How many operations lie one inside the other. A chain is a tree as deep as it is long, and sums of 60 named terms are
# written in this field; the bound holds the recursion of every implementation, and JSON of such a tree (core.jcs).
MAX_TREE_DEPTH = 100

Tree = list[Any]

_TOKEN = re.compile(
    r"\s*(?:(?P<number>[0-9]+(?:\.[0-9]+)?)|(?P<name>[a-z][a-z0-9_]*)|\[(?P<unit>[^\]]*)\]|\"(?P<text>[^\"]*)\""
    r"|(?P<sign><=|>=|!=|[-+*/().,:<>=])|(?P<end>$))")
_COMPARISONS = frozenset({"=", "!=", "<", "<=", ">", ">="})
_WORDS = frozenset({"and", "or", "not", "in"})
# name → least and greatest number of plain arguments
_PLAIN_CALLS = {"if": (3, 3), "min": (2, 20), "max": (2, 20), "abs": (1, 1), "sqrt": (1, 1), "exp": (1, 1),
                "ln": (1, 1)}
_ROUNDINGS = frozenset({"round", "floor", "ceil"})
_FOLDS = frozenset({"sum", "mean", "least", "greatest", "all", "any"})
_TABLES = frozenset({"interpolate", "lookup"})


def parse(text: str) -> Tree:
    """The tree of an expression. Raises FormError (expression-too-long, expression-malformed, expression-too-deep)."""
    if not isinstance(text, str) or len(text) > MAX_EXPRESSION_CHARS:
        raise FormError("expression-too-long", f"an expression has at most {MAX_EXPRESSION_CHARS} characters")
    parser = _Parser(text)
    tree = parser.expression()
    parser.expect("end")
    return tree


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self._depth = 0
        self._kind, self._value = "", ""
        self._advance()

    def expression(self) -> Tree:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise FormError("expression-too-deep", f"an expression nests deeper than {MAX_DEPTH}")
        tree = self._chain(self._conjunction, {"or"})
        self._depth -= 1
        return tree

    def expect(self, kind: str, value: str | None = None) -> str:
        if self._kind != kind or (value is not None and self._value != value):
            self._fail(f"{value or kind} is expected")
        taken = self._value
        self._advance()
        return taken

    def _advance(self) -> None:
        match = _TOKEN.match(self._text, self._position)
        if match is None:
            self._fail("this character has no meaning here")
        self._kind = str(match.lastgroup)
        self._value = match[self._kind]
        self._position = match.end()

    def _fail(self, reason: str) -> NoReturn:
        around = self._text[max(0, self._position - 12) : self._position + 12]
        raise FormError("expression-malformed", f"{reason}, near {around!r}", where=f"character {self._position}",
                        hint="the grammar is in docs/spec/rules.md")

    def _accept(self, *values: str) -> str | None:
        if self._kind in ("sign", "name") and self._value in values:
            taken = self._value
            self._advance()
            return taken
        return None

    def _chain(self, operand: Callable[[], Tree], operators: set[str]) -> Tree:
        tree = operand()
        while operator := self._accept(*operators):
            tree = [operator, tree, operand()]
        return tree

    def _conjunction(self) -> Tree:
        return self._chain(self._negation, {"and"})

    def _negation(self) -> Tree:
        negations = 0
        while self._accept("not"):
            negations += 1
        tree = self._comparison()
        for _ in range(negations):
            tree = ["not", tree]
        return tree

    def _comparison(self) -> Tree:
        tree = self._sum()
        operator = self._accept(*_COMPARISONS)
        return [operator, tree, self._sum()] if operator else tree

    def _sum(self) -> Tree:
        return self._chain(self._product, {"+", "-"})

    def _product(self) -> Tree:
        return self._chain(self._factor, {"*", "/"})

    def _factor(self) -> Tree:
        negations = 0
        while self._accept("-"):
            negations += 1
        tree = self._primary()
        for _ in range(negations):
            tree = ["negate", tree]
        return tree

    def _primary(self) -> Tree:
        if self._kind == "number":
            number = decimal_text(printed_decimal(self.expect("number")))
            return ["number", number, self.expect("unit") if self._kind == "unit" else "1"]
        if self._kind == "text":
            return ["text", self.expect("text")]
        if self._accept("("):
            tree = self.expression()
            self.expect("sign", ")")
            return tree
        if self._kind != "name" or self._value in _WORDS:
            self._fail("a number, a name or a parenthesis is expected")
        name = self.expect("name")
        if self._accept("("):
            return self._call(name)
        return ["field", name, self.expect("name")] if self._accept(".") else ["name", name]

    def _call(self, name: str) -> Tree:
        if name in _PLAIN_CALLS:
            return self._plain_call(name)
        if name in _FOLDS:
            return self._fold(name)
        if name in _TABLES:
            parts = [self.expect("name")]
            for _ in range(2):
                self.expect("sign", ",")
                parts.append(self.expect("name"))
            self.expect("sign", ",")
            tree: Tree = [name, *parts, self.expression()]
        elif name == "count":
            tree = ["count", self.expect("name")]
        elif name == "convert":
            tree = ["convert", self.expression()]
            self.expect("sign", ",")
            tree.append(self.expect("unit"))
        elif name in _ROUNDINGS:
            tree = [name, self.expression()]
            self.expect("sign", ",")
            tree.append(decimal_text(printed_decimal(self.expect("number"))))
        else:
            self._fail(f"{name!r} is not a function")
        self.expect("sign", ")")
        return tree

    def _plain_call(self, name: str) -> Tree:
        arguments = [self.expression()]
        while self._accept(","):
            arguments.append(self.expression())
        self.expect("sign", ")")
        least, greatest = _PLAIN_CALLS[name]
        if not least <= len(arguments) <= greatest:
            self._fail(f"{name} takes {least} to {greatest} arguments")
        return [name, *arguments]

    def _fold(self, name: str) -> Tree:
        item = self.expect("name")
        if not self._accept("in"):
            self._fail("'in' is expected")
        source = self.expect("name")
        self.expect("sign", ":")
        body = self.expression()
        self.expect("sign", ")")
        return [name, item, source, body]
