"""A formula: named inputs, expressions for outputs, validity and source; identified by the digest of its document."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from functools import cached_property
from typing import Any

from core.errors import CarbonSealError, FormError, InputError
from core.jcs import digest
from core.numbers import CONTEXT
from core.quantity import Quantity
from core.units import Unit, parse_unit
from mrv.definitions import members
from mrv.definitions.condition import MAX_VALUES, compared
from mrv.definitions.fields import Given, Input, check_names
from mrv.definitions.rule import Rule, read_head
from mrv.language.checker import BOOLEAN, TEXT, Node, Scope, Type, check
from mrv.language.interpreter import Environment, Scalar, Step, evaluate
from mrv.language.render import render
from mrv.language.work import check_work

SCHEMA = "carbonseal-formula/1"
MAX_PLACES = 4
"""Inputs that an error points at: more are no place."""
_ROOT = re.compile(r"[.\[]")
_OF_LISTS = ("count", "lookup", "interpolate")
_FOLDS = ("sum", "mean", "least", "greatest", "all", "any")
CONDITION = "a condition under which the rule holds; check the values, their units and the option or basis chosen"


@dataclass(frozen=True)
class Definition:
    """A named expression: an intermediate value, an output (it has a `title`), or a condition that must hold.

    The `title` of a condition are the words that an error shows beside its expression; None where it has none.
    """

    name: str
    title: Mapping[str, str] | None
    node: Node
    required: bool = False

    @property
    def is_output(self) -> bool:
        """Whether the formula reports it."""
        return self.title is not None and not self.required

    @cached_property
    def expression(self) -> str:
        """The expression as a person reads it."""
        return render(self.node)


@dataclass(frozen=True)
class Evaluation:
    """What a formula gave: outputs by name, the trace of every definition in order, and what it was given.

    `given`: the inputs by name as bound, in the units the formula declares.
    """

    formula: Formula
    outputs: dict[str, Quantity | str]
    trace: tuple[tuple[Definition, Step], ...]
    given: Environment


@dataclass(frozen=True)
class Formula(Rule):
    """A formula as loaded and checked. `document` is its canonical JSON form, `digest` the SHA-256 of its JCS bytes."""

    inputs: tuple[Input, ...]
    definitions: tuple[Definition, ...]
    document: dict[str, Any]
    digest: bytes

    @property
    def outputs(self) -> tuple[Definition, ...]:
        """The definitions that are outputs."""
        return tuple(definition for definition in self.definitions if definition.is_output)

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Formula:
        """The formula of its canonical document, units checked. Raises FormError naming the formula."""
        where = str(document.get("id", "?")) if isinstance(document, dict) else "?"
        try:
            if document["schema"] != SCHEMA:
                raise FormError("rule-malformed", f"{document['schema']!r} is not {SCHEMA}")
            inputs = tuple(Input.from_document(item) for item in members.objects(document, "inputs"))
            return cls(*read_head(document), inputs, _definitions(inputs, members.objects(document, "definitions")),
                       document, digest(document))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise FormError("rule-malformed", f"a formula lacks or misuses {error}", where=where) from None
        except CarbonSealError as error:
            error.where = f"{where} {error.where}".strip()
            raise

    def evaluate(self, given: Mapping[str, Given], context: Context = CONTEXT) -> Evaluation:
        """The outputs for these values: Quantities, texts, or lists of them, by input name.

        Raises InputError: input-missing, input-unknown, unit-mismatch, out-of-range, evaluation-too-long, …
        """
        check_names([item.name for item in self.inputs], given, self.key)
        bound: Environment = {item.name: item.bind(given[item.name]) for item in self.inputs}
        if any(item.is_list for item in self.inputs):
            check_work((definition.node for definition in self.definitions), bound, self.key)
        environment = dict(bound)
        trace: list[tuple[Definition, Step]] = []
        outputs: dict[str, Quantity | str] = {}
        for definition in self.definitions:
            step = self._step(definition, environment, context)
            if definition.required and step.value is not True:
                words = f"{definition.title['zh']} {definition.title['en']}: " if definition.title else ""
                found = list(dict.fromkeys(compared(step)))
                values = f"; given {', '.join(text for _, text in found[:MAX_VALUES])}" if found else ""
                raise InputError("out-of-range", f"a condition of the rule is not met: {words}{definition.expression}"
                                 + values, where=self._places(place for place, _ in found) or self.key, hint=CONDITION)
            environment[definition.name] = step.value
            trace.append((definition, step))
            if definition.is_output:
                outputs[definition.name] = _output(definition.node.type, step.value)
        return Evaluation(self, outputs, tuple(trace), bound)

    def _step(self, definition: Definition, environment: Environment, context: Context) -> Step:
        try:
            return evaluate(definition.node, environment, context)
        except InputError as error:
            error.where = self._places([error.where]) or f"{self.key} {definition.name}"
            raise

    def _places(self, named: Iterable[str]) -> str:
        """Inputs, or places in them, then those that derived values come from; "" where none is behind."""
        inputs, names = {item.name for item in self.inputs}, list(named)
        given = [name for name in names if _ROOT.split(name)[0] in inputs]
        behind = [place for name in names if name not in given for place in self._inputs_behind(name)]
        return ", ".join(list(dict.fromkeys(given + behind))[:MAX_PLACES])

    def _inputs_behind(self, name: str) -> list[str]:
        inputs = {item.name for item in self.inputs}
        return [place for definition in self.definitions if definition.name == name
                for inner in _names(definition.node)
                for place in ([inner] if inner in inputs else self._inputs_behind(inner))]


def _names(node: Node) -> Iterator[str]:
    if node.operator in ("name", *_OF_LISTS):
        yield node.name
    if node.operator in _FOLDS:
        yield node.extra[0]
    for operand in node.operands:
        yield from _names(operand)


def _output(kind: Type, value: Scalar) -> Quantity | str:
    if isinstance(kind, Unit):
        assert isinstance(value, Decimal)
        return Quantity(value, kind)
    return value if isinstance(value, str) else str(value).lower()


def _definitions(inputs: tuple[Input, ...], documents: Sequence[Mapping[str, Any]]) -> tuple[Definition, ...]:
    scope: dict[str, Any] = {item.name: item.type for item in inputs}
    if len(scope) != len(inputs):
        raise FormError("rule-malformed", "an input name occurs twice")
    definitions = []
    for document in documents:
        definitions.append(_definition(document, scope))
        scope[definitions[-1].name] = definitions[-1].node.type
    if not any(definition.is_output for definition in definitions):
        raise FormError("rule-malformed", "a formula has at least one output")
    return tuple(definitions)


def _definition(document: Mapping[str, Any], scope: Scope) -> Definition:
    name = members.name(document)
    if name in scope:
        raise FormError("rule-malformed", f"the name {name!r} has two meanings")
    node = check(document["tree"], scope)
    if node.tree() != document["tree"]:
        # Two spellings of one calculation would have two digests.
        raise FormError("expression-not-canonical", f"the tree of {name!r} is not in its canonical form",
                        hint="a conversion carries its numerator and denominator")
    declared: Type = TEXT if document["unit"] in (TEXT, BOOLEAN) else parse_unit(document["unit"])
    matches = node.type == document["unit"] if isinstance(declared, str) else (
        isinstance(node.type, Unit) and node.type.same_as(declared))
    if not matches:
        raise FormError("expression-unit", f"{name!r} comes out in {node.unit_text}, not in {document['unit']}",
                        hint="write convert(…, [unit]) or correct the expression")
    if not isinstance(declared, str):
        node = Node(node.operator, node.operands, declared, node.name, node.extra, node.number, node.ratio)
    if document.get("require") and node.type != BOOLEAN:
        raise FormError("expression-unit", f"{name!r} is required but no condition")
    title = members.title(document) if document.get("title") is not None else None
    return Definition(name, title, node, document.get("require") is True)


