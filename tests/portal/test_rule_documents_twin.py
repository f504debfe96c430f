"""Sets of rule documents, whatever was done to one of them: the same digests, or the same refusal."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from copy import deepcopy
from random import Random
from typing import Any

import portal_helpers as portal
import portal_operators as operators
import portal_runs as runs
import pytest

from core.errors import CarbonSealError
from mrv.definitions.ruleset import RuleSet

COUNT = 1_500

REPLACEMENTS: tuple[Any, ...] = (
    None, True, False, 0, "", "x", "0", "1", "01", "2", "21", "-1", "1.0", "a b", [], {}, ["x"], ["register"],
    "register", "declared", "emission", "calculation", "green-power", "round", "floor", "none", "facility-time",
    "notice", "refused", "fixed", "by-year", "latest-published", "in-force", "published", "unconfirmed",
    "unknown", "known", "2026-07-01",
    "2026-02-30", "t", "tCO2/t", "kWh", "bushel", "soda_ash", "glass.soda-ash", "row.*", "process", "total", "emission",
    {"zh": "甲", "en": "a"}, {"zh": "甲"}, {"from": None, "to": None}, {"from": "2026-07-01", "to": "2026-07-01"},
    {"input": "soda_ash"}, {"input": "nobody"}, {"items": "soda_ash"}, {"parameter": "glass.{member}"},
    {"parameter": "glass.soda-ash", "year": "{year}"}, {"step": "process", "output": "emission"},
    {"step": "total", "output": "total"}, {"option": "operator"}, {"value": "1", "unit": "t"}, {"first": []},
    {"first": [{"input": "soda_ash"}, {"value": "1", "unit": "1"}]}, {"list": [{"input": "soda_ash"}]}, {"list": "x"},
    {"rows": "row.*", "fields": {}}, {"rows": "row.*", "fields": {"key": {"input": "key.*"}, "x": {"input": "row.*"}}},
    {"list": [{"rows": "row.*", "fields": {}}]}, {"rule": "none"}, {"rule": "register-span", "input": "soda_ash"},
    {"rule": "register-whole-units", "input": "soda_ash", "unit": "0"}, {"rule": "facility-time", "option": "operator"})


@pytest.fixture(scope="module")
def sets() -> list[dict[str, Any]]:
    return [runs.vector_documents(), operators.operator_rules()]


def verdict(documents: Any) -> bytes:
    try:
        digests = RuleSet.from_documents(documents).digests()
        return portal.written({path: digest.hex() for path, digest in digests.items()})
    except CarbonSealError as error:
        return portal.written({"error": error.as_dict()})


def places(value: Any) -> Iterable[tuple[Any, Any]]:
    """Every (container, key) below a value; into a tree not, which a test of its own disturbs."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        if key != "tree":
            yield from places(value[key])


def without_words(line: bytes) -> bytes:
    """What stands in place of another kind of member is told in the words of each language; code and place are one."""
    answer = json.loads(line)
    if answer.get("error", {}).get("code") == "rule-malformed":
        answer["error"] |= {"message": "", "hint": ""}
    return portal.written(answer)


def both(given: list[Any]) -> list[tuple[bytes, bytes]]:
    theirs = portal.run_tool("check-rules", stdin=b"\n".join(map(portal.written, given)))
    return list(zip(map(verdict, given), theirs, strict=True))


def test_a_set_without_any_one_member_is_refused_in_the_same_words(sets: list[dict[str, Any]]) -> None:
    given = []
    for documents in sets:
        for i, (container, _) in enumerate(places(documents)):
            if isinstance(container, dict):
                copy = deepcopy(documents)
                holder, key = list(places(copy))[i]
                del holder[key]
                given.append(copy)
    answers = both(given)
    assert [pair for pair in answers if pair[0] != pair[1]][:2] == []
    assert sum(b'"error"' in ours for ours, _ in answers) > 150


def test_a_disturbed_set_gets_the_same_verdict(sets: list[dict[str, Any]]) -> None:
    random = Random(20261122)
    given = []
    for i in range(COUNT):
        documents = deepcopy(sets[i % 2])
        container, key = random.choice(list(places(documents)))
        container[key] = deepcopy(random.choice(REPLACEMENTS))
        given.append(documents)
    answers = both(given)
    different = [(a, b) for a, b in answers if a != b and without_words(a) != without_words(b)]
    assert different[:3] == []
    codes = Counter(json.loads(ours).get("error", {}).get("code") for ours, _ in answers)
    assert codes.keys() >= {None, "rule-malformed", "unit-unknown"}
    assert len(codes) > 8
    assert codes[None] > COUNT // 20


def test_what_is_no_set_is_refused_alike() -> None:
    given: list[Any] = [None, 5, [], "x", {}, {"x": {}}, {"formulas/a@1": None}, {"parameters/a": []},
                        {"methodologies/a@1": "x"}, {"formulas/": {}}, {"/": {}}]
    assert [(a, b) for a, b in both(given) if without_words(a) != without_words(b)] == []
