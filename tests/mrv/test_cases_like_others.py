"""A case says how it differs from an earlier one; what is run is whole, and no digest knows of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mrv_helpers import run_methodology

from core.errors import FormError
from mrv.authoring.cases import cases_of
from mrv.authoring.catalogue import load
from mrv.definitions.dates import parse_day

RULE = """\
id: test.product
version: "1"
title: {zh: 积, en: product}
source: a test
status: published
valid: {from: null, to: null}
inputs: {a: t, b: t/t}
output: t
expression: a * b
"""
FIRST = {"name": "first", "inputs": {"a": {"value": "2", "unit": "t"}, "b": {"value": "3", "unit": "t/t"}},
         "expected": {"result": {"value": "6", "unit": "t"}}}
PAPERS = {"name": "papers", "at": "2026-12-05", "document": {
    "period": {"start": "2026-11-01", "end": "2026-12-01"}, "options": {"region": "jiangsu"},
    "inputs": {"one": [{"quantity": {"value": "1", "unit": "t"}, "method": "measured"}],
               "two": [{"quantity": {"value": "1", "unit": "t"}}, {"quantity": {"value": "2", "unit": "t"}}]}}}


def bodies(*cases: Any, kind: str = "formula") -> dict[str, Any]:
    return {case.name: case.body for case in cases_of({"cases": list(cases)}, kind, "test.product@1")}


def papers(**members: Any) -> Any:
    """The inputs document of a case like the one with papers."""
    return bodies(PAPERS, {"name": "other", "like": "papers", **members}, kind="methodology")["other"]["document"]


def test_a_member_that_differs_replaces_and_the_others_stay() -> None:
    second = {"name": "second", "like": "first", "inputs": {"a": {"value": "4"}}, "error": "out-of-range"}
    assert bodies(FIRST, second)["second"] == {
        "name": "second", "inputs": {"a": {"value": "4", "unit": "t"}, "b": {"value": "3", "unit": "t/t"}},
        "error": "out-of-range"}


def test_what_a_case_gives_is_never_taken_over() -> None:
    assert "expected" not in bodies(FIRST, {"name": "second", "like": "first"})["second"]


def test_the_earlier_case_stays_as_it_was() -> None:
    assert bodies(FIRST, {"name": "second", "like": "first", "inputs": {"a": {"value": "4"}}})["first"] == FIRST


def test_a_case_may_be_like_one_that_is_like_another() -> None:
    second = {"name": "second", "like": "first", "inputs": {"a": {"value": "4"}}}
    third = {"name": "third", "like": "second", "inputs": {"b": {"value": "5"}}}
    given = bodies(FIRST, second, third)["third"]["inputs"]
    assert (given["a"]["value"], given["b"]["value"]) == ("4", "5")


def test_null_removes_a_member() -> None:
    assert set(bodies(FIRST, {"name": "second", "like": "first", "inputs": {"b": "null"}})["second"]["inputs"]) == {"a"}
    assert "options" not in papers(document={"options": "null"})


def test_members_change_within_the_one_item_of_a_list() -> None:
    assert papers(document={"inputs": {"one": {"quantity": {"value": "7"}}}})["inputs"]["one"] == [
        {"quantity": {"value": "7", "unit": "t"}, "method": "measured"}]


def test_a_list_is_replaced_whole() -> None:
    other = [{"quantity": {"value": "9", "unit": "kg"}}]
    assert papers(document={"inputs": {"two": other}})["inputs"]["two"] == other


@pytest.mark.parametrize("like", ["nothing", "later", "itself", ["first"]])
def test_a_case_like_none_above_it_is_refused(like: Any) -> None:
    cases = FIRST, {"name": "itself", "like": like}, {"name": "later", "like": "itself"}
    with pytest.raises(FormError) as caught:
        bodies(*cases)
    assert (caught.value.code, caught.value.where) == ("case-unknown", "test.product@1 case 1 itself")
    assert "first" in caught.value.hint


@pytest.mark.parametrize("case", ["first", {"inputs": {}}, {"name": ["first"]}, {**FIRST, "expects": {}},
                                  {**FIRST, "at": "2026-01-01"}])
def test_a_case_out_of_form_is_refused(case: Any) -> None:
    with pytest.raises(FormError) as caught:
        bodies(case)
    assert caught.value.code == "rule-malformed"


def test_two_cases_of_one_name_are_refused() -> None:
    with pytest.raises(FormError) as caught:
        bodies(FIRST, FIRST)
    assert caught.value.code == "rule-malformed"


def loaded(folder: Path, cases: str) -> Any:
    (folder / "formulas").mkdir(exist_ok=True)
    (folder / "formulas" / "product.yaml").write_text(RULE + cases, "utf-8")
    return load(folder)


def test_the_digest_knows_nothing_of_cases(tmp_path: Path) -> None:
    one = '  - {name: one, inputs: {a: {value: "2", unit: t}, b: {value: "3", unit: t/t}}, error: x}\n'
    other = '  - {name: two, like: one, inputs: {a: {value: "9"}}, error: x}\n'
    found = [loaded(tmp_path, text) for text in ("", "cases:\n" + one, "cases:\n" + one + other)]
    assert [len(catalogue.cases) for catalogue in found] == [0, 1, 2]
    assert found[0].ruleset.digests() == found[1].ruleset.digests() == found[2].ruleset.digests()
    assert "cases" not in found[2].ruleset.formulas["test.product@1"].document


def test_a_bad_case_names_its_file(tmp_path: Path) -> None:
    with pytest.raises(FormError) as caught:
        loaded(tmp_path, "cases:\n  - {name: one, like: none, error: x}\n")
    assert (caught.value.code, caught.value.where) == ("case-unknown", "product.yaml test.product@1 case 0 one")


def test_local_dates_and_priorities_left_out_are_read_as_a_person_s_are() -> None:
    case = next(case for case in load().cases if case.rule == "inventory.cement@1" and "expected" in case.body)
    document = case.body["document"]
    assert document["period"]["start"].endswith("T16:00:00.000Z")
    assert all("priority" in item for items in document["inputs"].values() for item in items)
    answer = run_methodology(load().ruleset, case.rule, document | {"allow_unconfirmed": True},
                             parse_day(case.body["at"]))
    assert answer["result"] == case.body["expected"]["result"]
