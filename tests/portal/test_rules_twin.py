"""Two implementations, one arithmetic: Python and TypeScript answer every request with the same bytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import make_hints
import make_symbols
import portal_helpers as portal
import pytest

from mrv.authoring.catalogue import Catalogue
from mrv.definitions.ruleset import RuleSet

SEED = 20261122
LONGEST = 414
"""Hours of one demand that `allocation.hourly` takes."""


@pytest.fixture(scope="session")
def documents(catalogue: Catalogue) -> dict[str, Any]:
    return catalogue.ruleset.documents() | portal.operator_documents()


def cases_of(catalogue: Catalogue) -> dict[str, list[dict[str, Any]]]:
    cases: dict[str, list[dict[str, Any]]] = {}
    for case in catalogue.cases:
        if case.kind == "formula":
            cases.setdefault(case.rule, []).append(case.body["inputs"])
    # Of a table made up at random the key that is looked up is hardly ever one.
    cases["list.looked_up@1"] = [{"at": {"value": "2", "unit": "1"}, "rows": [
        {"key": {"value": str(key), "unit": "1"}, "x": {"value": str(key + 7), "unit": "t"}} for key in range(4)]}]
    return cases


@pytest.fixture(scope="session")
def requests(catalogue: Catalogue, documents: dict[str, Any]) -> portal.Requests:
    return portal.Requests(SEED, documents, cases_of(catalogue))


def differences(ours: list[bytes], theirs: list[bytes], lines: list[bytes]) -> list[str]:
    assert len(ours) == len(theirs) == len(lines)
    return [f"{line.decode()}\n  python     {a.decode()}\n  typescript {b.decode()}"
            for a, b, line in zip(ours, theirs, lines, strict=True) if a != b]


def test_every_case_beside_a_formula_gives_the_same_bytes(catalogue: Catalogue, ruleset: RuleSet,
                                                          documents_file: Path) -> None:
    requests = [(case.rule, case.body["inputs"]) for case in catalogue.cases if case.kind == "formula"]
    lines = [json.dumps({"id": i, "formula": rule, "inputs": inputs}).encode()
             for i, (rule, inputs) in enumerate(requests)]
    answers = portal.run_tool("eval-batch", str(documents_file), stdin=b"\n".join(lines))
    assert differences(portal.python_answers(ruleset, lines), answers, lines) == []


def test_ten_thousand_random_evaluations_give_the_same_bytes(requests: portal.Requests, ruleset: RuleSet,
                                                             documents_file: Path) -> None:
    lines = requests.lines(10_000)
    ours = portal.python_answers(ruleset, lines)
    answers = portal.run_tool("eval-batch", str(documents_file), stdin=b"\n".join(lines))
    assert differences(ours, answers, lines)[:5] == []
    valid = sum(b'"outputs"' in line for line in ours)
    assert 3_000 < valid < 8_000, "the requests are to be valid and invalid in fair parts"
    codes = {json.loads(line)["error"]["code"] for line in ours if b'"error"' in line}
    assert codes >= {"input-missing", "input-unknown", "input-malformed", "out-of-range", "unit-mismatch",
                     "unit-unknown", "number-malformed", "number-too-long", "quantity-malformed", "division-by-zero"}


def test_every_formula_is_evaluated_to_an_output(requests: portal.Requests, ruleset: RuleSet) -> None:
    lines = requests.lines(10_000)
    answers = portal.python_answers(ruleset, lines)
    reached = {ruleset.formula(json.loads(line)["formula"]).key
               for line, answer in zip(lines, answers, strict=True) if b'"outputs"' in answer}
    assert reached == set(ruleset.formulas)


def test_traces_have_the_same_nodes(requests: portal.Requests, ruleset: RuleSet, documents_file: Path) -> None:
    lines = requests.lines(1_500)
    answers = portal.run_tool("eval-batch", str(documents_file), "--trace", stdin=b"\n".join(lines))
    assert differences(portal.python_traces(ruleset, lines), answers, lines)[:5] == []


def plain(*values: str) -> dict[str, Any]:
    return {name: {"value": value, "unit": "1"} for name, value in zip("abc", values, strict=True)}


def test_numbers_beyond_every_scale_end_the_same_way(ruleset: RuleSet, documents_file: Path) -> None:
    lines = [json.dumps({"id": 0, "formula": "operator.towering", "inputs": plain(a, b, c)}).encode()
             for a in ("1e122", "1.17e122", "1e150", "1e-122", "-1.7e122", "1e-150", "3", "0")
             for b in ("1", "1e20", "1e160", "1.2345678901234567890123456789012345678901234567890e199", "7e187")
             for c in ("0", "1")]
    ours = portal.python_answers(ruleset, lines)
    assert differences(ours, portal.run_tool("eval-batch", str(documents_file), stdin=b"\n".join(lines)), lines) == []
    outputs = [json.loads(line).get("outputs", {}) for line in ours]
    assert {output["vanished"]["value"] for output in outputs if output} == {"yes", "no"}
    assert {json.loads(line).get("error", {}).get("code") for line in ours} >= {"number-too-long", "division-by-zero"}


def test_fifty_thousand_quantities_are_evaluated_and_not_one_more(ruleset: RuleSet, documents_file: Path) -> None:
    lines = [portal.written({"id": count, "formula": "inventory.sum.co2e", "inputs": {
        "parts": [{"value": "1", "unit": "kWh"}] * count}}) for count in (50_000, 50_001)]
    ours = portal.python_answers(ruleset, lines)
    assert ours == portal.run_tool("eval-batch", str(documents_file), stdin=b"\n".join(lines))
    assert [json.loads(line)["error"]["code"] for line in ours] == ["unit-mismatch", "inputs-too-many"]


def test_a_list_compared_with_itself_is_evaluated_to_one_length_and_not_beyond(ruleset: RuleSet,
                                                                              documents_file: Path) -> None:
    def line(count: int) -> bytes:
        rows = [{name: {"value": str(value), "unit": "1"} for name, value in {
            "hour": i, "order": 1, "on_site": 0, "quantity": 36}.items()} for i in range(count)]
        return portal.written({"id": count, "formula": "allocation.hourly", "inputs": {
            "generation": [{name: row[name] for name in ("hour", "quantity")} for row in rows], "demands": rows,
            "order": {"value": "1", "unit": "1"}}})

    lines = [line(count) for count in (100, LONGEST, LONGEST + 1, 8000)]
    ours = portal.python_answers(ruleset, lines)
    assert ours == portal.run_tool("eval-batch", str(documents_file), stdin=b"\n".join(lines))
    assert [json.loads(answer).get("error", {}).get("code") for answer in ours] == [
        None, None, "evaluation-too-long", "evaluation-too-long"]


def test_a_root_in_the_middle_between_two_numbers_goes_to_the_even_one(ruleset: RuleSet, documents_file: Path) -> None:
    roots = [10**40 + digit * 10 + 5 for digit in range(10)]
    lines = [json.dumps({"id": 0, "formula": "operator.root", "inputs": plain(str(root * root), "1", "1")}).encode()
             for root in roots]
    ours = portal.python_answers(ruleset, lines)
    assert differences(ours, portal.run_tool("eval-batch", str(documents_file), stdin=b"\n".join(lines)), lines) == []
    assert [int(json.loads(line)["outputs"]["result"]["value"]) // 10 % 2 for line in ours] == [0] * 10


def without_reader_message(line: bytes) -> bytes:
    """What a JSON reader says of bytes that are no JSON differs between versions of Python; the code does not."""
    answer = json.loads(line)
    if answer["error"]["code"] == "json-malformed":
        answer["error"]["message"] = ""
    return portal.written(answer)


def test_lines_that_are_no_requests_get_the_same_answers(ruleset: RuleSet, documents_file: Path) -> None:
    lines = [line.encode() for line in (
        "5", "[]", "{}", '{"id":1}', '{"id":1,"id":2}', '{"id":1.5}', '{"id":-0}', '{"id":9007199254740993}',
        '{"id":NaN}', '{"id":-Infinity}', "{", '{"id":"f","inputs":{"v":1.5}}',
        ' { "id" : "g", "formula":', '{"id":"h"}',
        '{"id":"","x":NaN}', '{"id":"a\\\\b","x":NaN}', '{"id":"甲","x":NaN}', '{"x":1,"id":"late","y":NaN}',
        '{"a"', '{"a":', '{"a":1', '{"a":1,', '{"a":1,}', "[1,]", "[1 2]", "nul",
        '"\\x"', '"\\u12"', '"abc', '"a\tb"', "1 2", '{"id":"甲😀\\u0007","formula":"x@1","inputs":{}}',
        "[" * 257 + "]" * 257,
        '{"id":null,"formula":5,"inputs":{}}', '{"id":[1,{"b":2,"a":1}],"formula":null,"inputs":[]}',
        '{"id":"\\ud800","formula":"x","inputs":{}}', '{"id":"\\ud83d\\ude00","formula":"x","inputs":{}}',
        '{"id":{"10":1,"2":2},"formula":["a",true],"inputs":{}}', '{"id":1,"formula":"it\'s","inputs":{}}')]
    ours = [without_reader_message(line) for line in portal.python_answers(ruleset, lines)]
    answers = portal.run_tool("eval-batch", str(documents_file), stdin=b"\n".join(lines))
    assert differences(ours, [without_reader_message(line) for line in answers], lines) == []


def test_the_hints_of_codes_are_those_of_the_core() -> None:
    assert make_hints.TARGET.read_text(encoding="utf-8") == make_hints.table(), \
        "write them again: python tests/portal/make_hints.py"


def test_the_table_of_units_is_the_one_of_the_core() -> None:
    assert make_symbols.TARGET.read_text(encoding="utf-8") == make_symbols.table(), \
        "write it again: python tests/portal/make_symbols.py"
