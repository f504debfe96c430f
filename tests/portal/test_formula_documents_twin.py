"""A formula document has one digest and one verdict in both implementations, whatever was done to it."""

from __future__ import annotations

import json
from copy import deepcopy
from random import Random
from typing import Any

import portal_helpers as portal

from core.errors import CarbonSealError
from mrv.authoring.catalogue import Catalogue
from mrv.definitions.formula import Formula

COUNT = 3_000

# What stands in place of a part of a tree: other operators, units, names, shapes and literals.
REPLACEMENTS: tuple[Any, ...] = (
    "+", "-", "*", "/", "=", "<", "and", "not", "sqrt", "exp", "if", "min", "round", "convert", "sum", "count",
    "interpolate", "lookup", "nothing", "t", "kWh", "1", "tCO2e", "bushel", "21", "-1", "1.50", "x", "甲'", "", None, 7,
    [], {}, True, ["number", "1", "1"], ["number", "1", "t"], ["number", "01", "t"], ["text", "a"], ["name", "nobody"],
    ["field", "a", "b"], ["negate", ["text", "a"]], ["not", ["number", "1", "1"]], ["=", ["number", "1", "1"],
    ["number", "1", "1"]], ["convert", ["number", "1", "MWh"], "kWh", "1000", "1"], ["sqrt", ["number", "1", "t"]],
    ["convert", ["number", "1", "MWh"], "kWh", "1", "1000"], ["convert", ["number", "1", "MWh"], "kWh"])


def verdict(document: Any) -> dict[str, Any]:
    try:
        formula = Formula.from_document(document)
        return {"formula": formula.key, "digest": formula.digest.hex()}
    except CarbonSealError as error:
        return {"error": error.as_dict()}


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) below a value."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    return [place for key in keys for place in [(value, key), *places(value[key])]]


def verdicts_of_both(documents: list[Any]) -> list[tuple[dict[str, Any], dict[str, Any], Any]]:
    lines = b"\n".join(portal.written(document) for document in documents)
    answers = [json.loads(line) for line in portal.run_tool("check-formulas", stdin=lines)]
    return list(zip(map(verdict, documents), answers, documents, strict=True))


def test_every_shipped_formula_has_the_same_digest(catalogue: Catalogue) -> None:
    documents = [formula.document for formula in catalogue.ruleset.formulas.values()]
    for ours, theirs, _ in verdicts_of_both([*documents, *portal.operator_documents().values()]):
        assert ours == theirs
        assert "digest" in ours


def test_a_digest_does_not_depend_on_the_order_of_members_and_covers_every_script() -> None:
    document = next(iter(portal.operator_documents().values()))
    sources = ("é", "\u20ac$\u000f\nA'B\"\\\\\"/", "𝄞 דּ \u0080\u2028", "")
    documents = [dict(sorted(document.items(), reverse=reverse)) | {"source": source}
                 for reverse in (False, True) for source in sources]
    answers = [theirs for ours, theirs, _ in verdicts_of_both(documents) if ours == theirs]
    assert len(answers) == 8
    assert answers[:4] == answers[4:]
    assert len({answer["digest"] for answer in answers}) == 4


def test_a_disturbed_tree_gets_the_same_verdict(catalogue: Catalogue) -> None:
    random = Random(20261122)
    shipped = [formula.document for formula in catalogue.ruleset.formulas.values()]
    documents = []
    for i in range(COUNT):
        document = deepcopy(shipped[i % len(shipped)])
        definition = random.choice(document["definitions"])
        container, key = random.choice(places(definition["tree"]))
        container[key] = deepcopy(random.choice(REPLACEMENTS))
        documents.append(document)
    both = verdicts_of_both(documents)
    assert [(ours, theirs, document) for ours, theirs, document in both if ours != theirs][:3] == []
    codes = {ours["error"]["code"] for ours, _, _ in both if "error" in ours}
    assert codes >= {"expression-malformed", "expression-not-canonical", "expression-unit", "expression-unknown-name",
                     "unit-unknown"}


def test_a_document_without_a_member_is_refused_alike() -> None:
    documents = []
    for document in portal.operator_documents().values():
        for i, (container, key) in enumerate(places(document)):
            if isinstance(container, dict):
                copy = deepcopy(document)
                container, key = places(copy)[i]
                container.pop(key)
                documents.append(copy)
    assert [case for case in verdicts_of_both(documents) if case[0] != case[1]][:3] == []
