"""Expressions that are refused when a rule is loaded, each with its code."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mrv_helpers import code_of, small_formula

from core.errors import CarbonSealError
from core.jcs import canonical
from core.jcs import parse as parse_json
from core.quantity import Quantity
from core.units import parse_unit
from mrv.calculation.service import outputs_json, trace_json
from mrv.definitions.formula import Formula
from mrv.language.checker import ListType, Node, check
from mrv.language.parser import MAX_DEPTH, MAX_EXPRESSION_CHARS, MAX_TREE_DEPTH, parse

INPUTS = {"a": "t", "b": "kg", "c": "tCO2", "x": "1", "kind": "text", "parts": {"list": "t"},
          "table": {"list": {"key": "t", "value": "GJ", "name": "text"}}}


@pytest.mark.parametrize("text", [
    "", "1 +", "* 2", "(1", "1)", "1 2", "a.b.c", "1..2", ".5", "1e5", "A", "a$", "if(1, 2", "foo(1)",
    "sum(a in 5: a)", "sum(a of parts: a)", "convert(a)", "convert(a, MWh)", "round(1)", "round(1, x)",
    "min(1)", "sqrt(1, 2)", "1 < 2 < 3", "not", "and", "in", "count(1)", "lookup(table, key, value)", "\"open",
    "[t]", "a = "])
def test_what_the_grammar_does_not_know_is_refused(text: str) -> None:
    assert code_of(lambda: parse(text)) == "expression-malformed"


def test_a_text_may_have_its_greatest_length_and_no_more() -> None:
    assert parse("1" + " " * (MAX_EXPRESSION_CHARS - 1)) == ["number", "1", "1"]
    assert code_of(lambda: parse("1" + " " * MAX_EXPRESSION_CHARS)) == "expression-too-long"


def test_parentheses_may_nest_to_the_limit_and_no_deeper() -> None:
    assert parse("(" * (MAX_DEPTH - 1) + "1" + ")" * (MAX_DEPTH - 1)) == ["number", "1", "1"]
    assert code_of(lambda: parse("(" * MAX_DEPTH + "1" + ")" * MAX_DEPTH)) == "expression-too-deep"


@pytest.mark.parametrize(("expression", "unit"), [
    ("a + b", "t"), ("a + c", "t"), ("a + 1", "t"), ("a - x", "t"), ("if(x > 0, a, b)", "t"), ("if(a, 1, 2)", "1"),
    ("a and x > 0", "t"), ("not a", "t"), ("a = kind", "t"), ("kind < kind", "text"), ("kind + kind", "text"),
    ("-kind", "text"), ("exp(a)", "1"), ("ln(a)", "1"), ("sqrt(a)", "t"), ("min(a, b)", "t"),
    ("convert(a, [tCO2])", "tCO2"),
    ("a", "kg"), ("a", "tCO2"), ("a", "text"), ("kind", "1"), ("a > b", "boolean"), ("round(kind, 0)", "text"),
    ("interpolate(table, name, value, kind)", "GJ"), ("interpolate(table, key, name, a)", "text"),
    ("interpolate(table, key, value, b)", "GJ"), ("sum(row in table: row.name)", "text"), ("x > 0", "1"),
    ("all(part in parts: part)", "boolean"), ("1[t] + 1[kg]", "t"),
])
def test_units_that_do_not_fit_are_refused_at_loading(expression: str, unit: str) -> None:
    assert code_of(lambda: small_formula(expression, INPUTS, unit)) == "expression-unit"


@pytest.mark.parametrize("expression", ["missing", "parts", "a.key", "row.key", "table.key", "sum(a in parts: a)",
                                        "count(a)", "sum(part in missing: part)", "interpolate(parts, key, value, a)",
                                        "interpolate(table, nothing, value, a)", "lookup(table, key, nothing, a)",
                                        "sum(row in table: row)", "sum(row in table: row.nothing)", "sum(p in x: p)"])
def test_a_name_without_meaning_is_refused(expression: str) -> None:
    assert code_of(lambda: small_formula(expression, INPUTS, "t")) == "expression-unknown-name"


def test_an_unknown_unit_in_an_expression_is_refused() -> None:
    assert code_of(lambda: small_formula("1[bushel]", {}, "1")) == "unit-unknown"


@pytest.mark.parametrize("tree", [None, [], ["nothing", 1], ["+", ["number", "1", "1"]], ["number", "1"],
                                  ["number", "1.0", "1"], ["number", 1, "1"], ["name"], "a", [["+"]],
                                  ["convert", ["number", "1", "kWh"], "MWh", "1", "999"],
                                  ["not"], ["round", ["number", "1", "1"], "21"], ["round", ["number", "1", "1"], "-1"],
                                  ["convert", ["number", "1", "kWh"], "MWh", "1"], ["sum", "i", "l"],
                                  ["and", ["name", "x"]]])
def test_a_tree_that_is_not_of_the_language_is_refused(tree: Any) -> None:
    refused = {"expression-malformed", "number-not-canonical", "expression-unknown-name"}
    assert code_of(lambda: check(tree, {})) in refused


def test_a_tree_from_evidence_may_not_nest_without_end() -> None:
    def nested(operations: int) -> Any:
        tree: Any = ["number", "1", "1"]
        for _ in range(operations):
            tree = ["negate", tree]
        return tree

    assert check(nested(MAX_TREE_DEPTH), {}).operator == "negate"
    for operations in (MAX_TREE_DEPTH + 1, 500, 100_000):
        deep = nested(operations)
        assert code_of(lambda deep=deep: check(deep, {})) == "expression-too-deep"


@pytest.mark.parametrize("sign", ["+", "*"])
def test_a_chain_of_sixty_terms_is_normal_and_one_beyond_the_bound_is_too_deep(sign: str) -> None:
    def chain(terms: int) -> Formula:
        names = [f"term_{i}" for i in range(terms)]
        return small_formula(f" {sign} ".join(names), dict.fromkeys(names, "1"), "1")

    for terms in (60, MAX_TREE_DEPTH + 1):
        formula = Formula.from_document(parse_json(canonical(chain(terms).document)))
        outputs = outputs_json(formula.evaluate({f"term_{i}": Quantity.of("1", "1") for i in range(terms)}))
        assert outputs["result"]["value"] == (str(terms) if sign == "+" else "1")
    assert code_of(lambda: chain(MAX_TREE_DEPTH + 2)) == "expression-too-deep"


def test_the_trace_of_the_deepest_chain_is_a_document_that_can_be_read_again() -> None:
    names = [f"term_{i}" for i in range(MAX_TREE_DEPTH + 1)]
    formula = small_formula(" - ".join(names), {name: {"unit": "1", "signed": "true"} for name in names}, "1")
    trace = trace_json(formula.evaluate({name: Quantity.of("1", "1") for name in names}))
    assert parse_json(canonical(trace)) == trace


@pytest.mark.parametrize("tree", [
    ["number", "1", 1], ["number", "1", None], ["number", "1", ["t"]], ["text", 5], ["text", ["a"]],
    ["convert", ["name", "a"], ["kg"]], ["round", ["name", "a"], 2], ["round", ["name", "a"], "02"],
    ["round", ["name", "a"], "２"], ["round", ["name", "a"], "21"], ["round", ["name", "a"], "-1"],
    ["sum", 5, "parts", ["number", "1", "t"]], ["sum", ["i"], "parts", ["number", "1", "t"]]])
def test_the_leaves_of_a_tree_are_texts_in_one_spelling(tree: Any) -> None:
    scope = {"a": parse_unit("t"), "parts": ListType(parse_unit("t"), {})}
    assert code_of(lambda: check(tree, scope)) == "expression-malformed"


@pytest.mark.parametrize(("tree", "code"), [
    (["convert", ["name", "a"], "kg", "1000", "1"], None),
    (["convert", ["name", "a"], "kg"], "expression-not-canonical"),
    (["convert", ["name", "a"], "kg", "2000", "2"], "expression-malformed"),
    (["convert", ["name", "a"], "kg", "1000"], "expression-malformed")])
def test_one_calculation_has_one_tree_and_so_one_digest(tree: Any, code: str | None) -> None:
    document = small_formula("convert(a, [kg])", {"a": "t"}, "kg").document
    forged = document | {"definitions": [document["definitions"][0] | {"tree": tree}]}
    if code is None:
        assert Formula.from_document(forged).digest == Formula.from_document(document).digest
    else:
        assert code_of(lambda: Formula.from_document(forged)) == code


json_trees = st.recursive(st.sampled_from(["+", "number", "name", "if", "sum", "1", "t", "x", 5, None]),
                          lambda inner: st.lists(inner, max_size=5), max_leaves=20)


@given(json_trees)
def test_no_tree_makes_a_foreign_exception(tree: Any) -> None:
    try:
        result: object = check(tree, {})
    except CarbonSealError as error:
        result = error
    assert isinstance(result, (Node, CarbonSealError))


@given(st.text("abx0123 +-*/()[]<>=.,:\"tinsum", max_size=40))
def test_no_text_makes_a_foreign_exception(text: str) -> None:
    try:
        result: object = parse(text)
    except CarbonSealError as error:
        result = error
    assert isinstance(result, (list, CarbonSealError))


def test_a_formula_without_an_output_is_refused() -> None:
    document = small_formula("x", {"x": "1"}, "1").document
    del document["definitions"][0]["title"]
    assert code_of(lambda: Formula.from_document(document)) == "rule-malformed"


@pytest.mark.parametrize("member", ["schema", "id", "version", "inputs", "definitions", "valid", "source"])
def test_a_formula_document_that_lacks_a_member_is_refused(member: str) -> None:
    document = dict(small_formula("x", {"x": "1"}, "1").document)
    del document[member]
    assert code_of(lambda: Formula.from_document(document)) == "rule-malformed"


def test_a_name_with_two_meanings_is_refused() -> None:
    assert code_of(lambda: small_formula("x", {"x": "1"}, "1", let={"x": "1 + 1"})) == "rule-malformed"


def test_a_requirement_is_a_condition() -> None:
    document = small_formula("x", {"x": "1"}, "1", require=["x > 1"]).document
    document["definitions"][0] |= {"unit": "1", "tree": ["name", "x"]}
    assert code_of(lambda: Formula.from_document(document)) == "expression-unit"


WORDS = {"expression": "x > 1", "zh": "须大于一", "en": "it is above one"}


def test_an_unmet_condition_is_told_in_words_of_both_languages_beside_its_expression_and_values() -> None:
    formula = small_formula("x", {"x": "1"}, "1", require=[WORDS])
    with pytest.raises(CarbonSealError) as caught:
        formula.evaluate({"x": Quantity.of("0.5", "1")})
    assert caught.value.code == "out-of-range"
    told = "a condition of the rule is not met: 须大于一 it is above one: x > 1; given x = 0.5"
    assert caught.value.message == told
    assert formula.evaluate({"x": Quantity.of("1.5", "1")}).outputs.keys() == {"result"}


def test_the_words_of_a_condition_are_part_of_the_document_as_titles_are() -> None:
    plain, told, other = (small_formula("x", {"x": "1"}, "1", require=[item]) for item in (
        "x > 1", WORDS, {**WORDS, "en": "it exceeds one"}))
    assert len({plain.digest, told.digest, other.digest}) == 3
    assert told.document["definitions"][0]["title"] == {"zh": "须大于一", "en": "it is above one"}
    assert "title" not in plain.document["definitions"][0]
    assert [item.name for item in told.outputs] == ["result"]


@pytest.mark.parametrize("words", [{"zh": "须大于一"}, {"en": "above"}, {"zh": "", "en": "above"}, {"why": "x"}])
def test_half_the_words_of_a_condition_are_refused(words: dict[str, str]) -> None:
    assert code_of(lambda: small_formula("x", {"x": "1"}, "1", require=[{"expression": "x > 1", **words}])) == (
        "rule-malformed")


def test_a_condition_with_words_is_no_output() -> None:
    document = small_formula("x", {"x": "1"}, "1", require=[WORDS]).document
    document["definitions"] = document["definitions"][:1]
    assert code_of(lambda: Formula.from_document(document)) == "rule-malformed"


def test_a_word_that_has_no_meaning_in_a_rule_is_refused() -> None:
    assert code_of(lambda: small_formula("x", {"x": {"unit": "1", "maximum": "3"}}, "1")) == "rule-malformed"
    assert code_of(lambda: small_formula("x", {"x": "1"}, "1", colour="green")) == "rule-malformed"
