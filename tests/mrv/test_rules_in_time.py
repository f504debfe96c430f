"""From when a methodology holds, and what its formulas refuse or leave out."""

from __future__ import annotations

from copy import deepcopy
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from mrv_helpers import code_of, run_methodology

from mrv.authoring.cases import Case
from mrv.authoring.catalogue import load
from mrv.calculation.service import evaluate

CATALOGUE = load()
RULES = CATALOGUE.ruleset
FIRST_DAYS = {"inventory.carbon-materials": "2025-03-01", "inventory.aluminium": "2025-01-01",
              "cbam.simple-goods": "2026-01-01", "cbam.complex-goods": "2026-01-01",
              "energy.comprehensive.equal-value": "2025-01-01", "energy.comprehensive.equivalent": "2025-01-01",
              "inventory.general": "2026-07-01", "inventory.corporate": "2025-01-01",
              "cbam.default-values": "2026-01-01"}


def case_of(rule: str) -> Case:
    return next(case for case in CATALOGUE.cases if case.rule.startswith(f"{rule}@") and "expected" in case.body)


def given(case: Case) -> dict[str, Any]:
    return deepcopy(case.body["document"]) | {"allow_unconfirmed": True}


def answer(rule: str, case: Case, document: dict[str, Any] | None = None) -> dict[str, Any]:
    return run_methodology(RULES, rule, document or given(case), date.fromisoformat(case.body["at"]))


@pytest.mark.parametrize(("name", "first"), FIRST_DAYS.items())
@pytest.mark.parametrize("before", [True, False])
def test_both_sides_of_the_first_day(name: str, first: str, before: bool) -> None:
    day = date.fromisoformat(first) - timedelta(days=before)
    case = case_of(name)
    period = {"start": f"{day - timedelta(days=1)}T16:00:00.000Z", "end": f"{day}T16:00:00.000Z",
              "zone": "Asia/Shanghai"}
    document = given(case) | {"period": period}
    if before:
        assert code_of(lambda: answer(name, case, document)) == "rule-not-in-force"
    else:
        assert answer(name, case, document)["result"]["unit"] == case.body["expected"]["result"]["unit"]


@pytest.mark.parametrize("name", [name for name in FIRST_DAYS if name.startswith("cbam")])
def test_without_leave_nothing_unconfirmed_is_computed(name: str) -> None:
    case = case_of(name)
    document = given(case) | {"allow_unconfirmed": False}
    assert code_of(lambda: answer(name, case, document)) == "parameter-unconfirmed"


def q(value: str, unit: str = "1") -> dict[str, str]:
    return {"value": value, "unit": unit}


def test_the_volatile_matter_of_the_blocks_does_not_count_in_graphitisation() -> None:
    charged = {"charged": q("100", "t"), "charged_fixed_carbon": q("0.9", "tC/t"), "packing": q("16", "t"),
               "packing_fixed_carbon": q("0", "tC/t"), "product": q("90", "t"), "carbon_out": q("0", "tC"),
               "product_fixed_carbon": q("1", "tC/t"), "methane_share": q("0.5"), "packing_volatile": q("0.5")}
    emission = evaluate(RULES, "carbon-materials.graphitisation", charged)["outputs"]["emission"]
    assert emission["value"] == "11"
    assert code_of(lambda: evaluate(RULES, "carbon-materials.graphitisation",
                                    charged | {"charged_volatile": q("0.16")})) == "input-unknown"


def test_tar_is_burned_by_its_heating_value_and_not_by_a_share() -> None:
    fume = {"flow": q("10000", "Nm3/h"), "concentration": q("500", "mg/Nm3"), "oxidation": q("1"),
            "duration": q("100", "day")}
    emission = evaluate(RULES, "carbon-materials.fume-incineration", fume | {
        "heating_value": q("33.453", "GJ/t"), "carbon_content": q("0.022", "tC/GJ")})["outputs"]["emission"]
    assert Decimal(emission["value"]) == Decimal("12") * Decimal("33.453") * Decimal("0.022") * 44 / 12
    assert code_of(lambda: evaluate(RULES, "carbon-materials.fume-incineration", fume | {
        "heating_value": q("1"), "carbon_content": q("0.5", "tC/t")})) == "unit-mismatch"


@pytest.mark.parametrize(("certified", "indirect"), [("0", "58577.3895"), ("40", "35269.3895"), ("100", "307.3895")])
def test_electricity_with_evidence_counts_zero_in_carbon_materials(certified: str, indirect: str) -> None:
    case = case_of("inventory.carbon-materials")
    document = given(case)
    del document["inputs"]["exported_electricity"]
    document["inputs"]["nonfossil_electricity"][0]["quantity"]["value"] = certified
    outputs = answer("inventory.carbon-materials", case, document)["outputs"]
    # (100 − certified) MWh at 0.5827 t/MWh and 0.3073895 t of steam, in kilograms.
    assert outputs["indirect"]["value"] == indirect


@pytest.mark.parametrize(("share", "expected"), [("0", "252.28"), ("1000", "1591.59")])
def test_the_slope_replaces_the_default_line_by_line(share: str, expected: str) -> None:
    case = next(case for case in CATALOGUE.cases
                if case.rule == "inventory.aluminium@1" and "SAR" in case.name)
    document = given(case)
    document["inputs"]["line_production.one"][0]["quantity"]["value"] = share
    outputs = answer("inventory.aluminium", case, document)["outputs"]
    assert outputs["perfluorocarbons"]["value"] == expected
