"""The vectors that any implementation of the expression language runs; ours runs them too, and they are not stale."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core.errors import CarbonSealError
from core.jcs import digest
from mrv.authoring.catalogue import load
from mrv.authoring.catalogue_docs import expression_vectors, methodologies_page
from mrv.calculation.service import outputs_json
from mrv.definitions.fields import Input, read_given
from mrv.definitions.formula import Formula
from mrv.language.checker import OPERATORS, check
from mrv.language.parser import parse
from mrv.language.render import render

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "tests/vectors/expressions"
OPERATOR_VECTORS = json.loads((FOLDER / "operators.json").read_text("utf-8"))


def operators_in(tree: Any) -> set[str]:
    if not isinstance(tree, list):
        return set()
    return {tree[0]}.union(*(operators_in(part) for part in tree[1:]))


@pytest.mark.parametrize("vector", OPERATOR_VECTORS, ids=lambda vector: vector["name"])
def test_an_operator_does_what_its_vector_says(vector: dict[str, Any]) -> None:
    formula = Formula.from_document(vector["document"])
    if "error" in vector:
        with pytest.raises(CarbonSealError) as caught:
            formula.evaluate({name: read_given(value, name) for name, value in vector["given"].items()})
        assert caught.value.code == vector["error"]
    else:
        given = {name: read_given(value, name) for name, value in vector["given"].items()}
        assert outputs_json(formula.evaluate(given)) == vector["outputs"]


@pytest.mark.parametrize("vector", OPERATOR_VECTORS, ids=lambda vector: vector["name"])
def test_text_parses_to_the_tree_and_the_tree_reads_as_text(vector: dict[str, Any]) -> None:
    scope = {item["name"]: Input.from_document(item).type for item in vector["document"]["inputs"]}
    node = check(parse(vector["expression"]), scope)
    assert node.tree() == vector["tree"] == vector["document"]["definitions"][-1]["tree"]
    assert check(parse(render(node)), scope).tree() == vector["tree"]
    assert digest(vector["document"]).hex() == vector["digest"]


def test_every_operator_has_a_vector() -> None:
    assert set(OPERATORS) <= set().union(*(operators_in(vector["tree"]) for vector in OPERATOR_VECTORS))


def test_the_committed_vectors_are_those_of_the_catalogue() -> None:
    assert (FOLDER / "formulas.json").read_text("utf-8") == expression_vectors(load())


def test_every_formula_reads_as_text_that_parses_to_its_tree() -> None:
    for formula in load().ruleset.formulas.values():
        scope: dict[str, Any] = {item.name: item.type for item in formula.inputs}
        for definition in formula.definitions:
            again = check(parse(render(definition.node)), scope)
            assert again.tree() == definition.node.tree(), formula.key
            scope[definition.name] = definition.node.type


def test_the_page_of_methodologies_names_every_rule() -> None:
    catalogue = load()
    page = methodologies_page(catalogue)
    assert all(f"`{key}`" in page for key in [*catalogue.ruleset.formulas, *catalogue.ruleset.methodologies])
    assert (ROOT / "docs/methodologies.md").read_text("utf-8") == page
