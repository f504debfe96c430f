"""Every case beside a rule is run; every formula has one that gives a number and is named in two languages."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from mrv_helpers import run_methodology

from core.errors import CarbonSealError
from mrv.authoring.cases import Case
from mrv.authoring.catalogue import load
from mrv.calculation.service import evaluate

CATALOGUE = load()
FORMULA_CASES = [case for case in CATALOGUE.cases if case.kind == "formula"]
METHODOLOGY_CASES = [case for case in CATALOGUE.cases if case.kind == "methodology"]


def document_of(case: Case) -> dict[str, Any]:
    """The inputs document of a methodology case; YAML scalars are text, so the one truth value is read here."""
    return case.body["document"] | {"allow_unconfirmed": case.body["document"]["allow_unconfirmed"] == "true"}


def identify(case: Case) -> str:
    return f"{case.rule} {case.name}"


@pytest.mark.parametrize("case", FORMULA_CASES, ids=identify)
def test_a_formula_gives_what_its_case_says(case: Case) -> None:
    if "error" in case.body:
        with pytest.raises(CarbonSealError) as caught:
            evaluate(CATALOGUE.ruleset, case.rule, case.body["inputs"])
        assert caught.value.code == case.body["error"]
    else:
        outputs = evaluate(CATALOGUE.ruleset, case.rule, case.body["inputs"])["outputs"]
        assert {name: outputs[name] for name in case.body["expected"]} == case.body["expected"]


@pytest.mark.parametrize("case", METHODOLOGY_CASES, ids=identify)
def test_a_methodology_gives_what_its_case_says(case: Case) -> None:
    at = date.fromisoformat(case.body["at"])
    if "error" in case.body:
        with pytest.raises(CarbonSealError) as caught:
            run_methodology(CATALOGUE.ruleset, case.rule, document_of(case), at)
        assert caught.value.code == case.body["error"]
    else:
        answer = run_methodology(CATALOGUE.ruleset, case.rule, document_of(case), at)
        assert answer["result"] == case.body["expected"]["result"]
        for name, quantity in case.body["expected"].get("outputs", {}).items():
            assert answer["outputs"][name] == quantity


@pytest.mark.parametrize("key", sorted(CATALOGUE.ruleset.formulas))
def test_every_formula_has_a_case_that_gives_a_number(key: str) -> None:
    assert any(case.rule == key and "expected" in case.body for case in FORMULA_CASES)


def test_rules_read_back_from_their_documents_are_the_same_rules() -> None:
    again = type(CATALOGUE.ruleset).from_documents(CATALOGUE.ruleset.documents())
    assert again.digests() == CATALOGUE.ruleset.digests()
