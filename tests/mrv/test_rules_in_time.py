"""From when a methodology holds, and what its formulas refuse or leave out."""

from __future__ import annotations

from copy import deepcopy
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from mrv_helpers import code_of, run_methodology

from core.errors import CarbonSealError
from mrv.authoring.cases import Case
from mrv.authoring.catalogue import load
from mrv.calculation.service import evaluate

CATALOGUE = load()
RULES = CATALOGUE.ruleset
FIRST_DAYS = {"inventory.carbon-materials": "2025-03-01", "inventory.power": "2025-03-01",
              "footprint.product": "2025-03-01", "cbam.simple-goods": "2026-01-01", "cbam.complex-goods": "2026-01-01",
              "cbam.default-values": "2026-01-01", "inventory.steel": "2013-10-15", "inventory.cement": "2013-10-15",
              "inventory.aluminium": "2013-10-15", "inventory.corporate": "2021-01-01",
              "energy.comprehensive.equal-value": "2021-04-01", "energy.comprehensive.equivalent": "2021-04-01",
              "inventory.general": "2016-06-01", "inventory.enterprise": "2016-06-01", "green-power.pv": "2020-01-01",
              "reduction.pv": "2020-01-01", "reduction.energy-saving": "2020-01-01",
              "ets.allocation-2024": "2024-01-01"}


def case_of(rule: str) -> Case:
    """A case of a methodology, "id" or "id@version", that gives a number."""
    return next(case for case in CATALOGUE.cases if rule in (case.rule, case.rule.split("@")[0])
                and case.kind == "methodology" and "expected" in case.body)


def given(case: Case) -> dict[str, Any]:
    return deepcopy(case.body["document"]) | {"allow_unconfirmed": True}


def answer(rule: str, case: Case, document: dict[str, Any] | None = None) -> dict[str, Any]:
    return run_methodology(RULES, rule, document or given(case), date.fromisoformat(case.body["at"]))


def test_every_methodology_has_its_first_day_here() -> None:
    assert FIRST_DAYS.keys() == {item.id for item in RULES.methodologies.values()}


@pytest.mark.parametrize(("name", "first"), FIRST_DAYS.items())
def test_both_sides_of_the_first_day(name: str, first: str) -> None:
    day = date.fromisoformat(first)
    before = day - timedelta(days=1)
    assert RULES.methodology(name, None, day, day).id == name
    assert code_of(lambda: RULES.methodology(name, None, before, before)) == "rule-not-in-force"
    assert code_of(lambda: RULES.methodology(name, None, before, day)) == "period-crosses-change"


@pytest.mark.parametrize("key", sorted(RULES.methodologies))
def test_no_methodology_is_cut_by_a_formula(key: str) -> None:
    """Every formula holds as long as the methodology that calls it."""
    whole = RULES.methodologies[key].validity
    for name in RULES.methodologies[key].formula_keys():
        formula = RULES.formulas[name].validity
        assert formula.start is None or (whole.start is not None and formula.start <= whole.start), name
        assert formula.end is None or (whole.end is not None and whole.end <= formula.end), name


def year(number: int) -> dict[str, str]:
    return {"start": f"{number}-01-01", "end": f"{number + 1}-01-01", "zone": "Asia/Shanghai"}


HONEST = ["inventory.steel", "inventory.cement", "inventory.aluminium", "inventory.corporate", "inventory.general",
          "inventory.enterprise", "energy.comprehensive.equivalent"]


@pytest.mark.parametrize("number", [2023, 2024, 2025])
@pytest.mark.parametrize("name", HONEST)
def test_the_years_before_are_computed_with_what_was_published_when_stated(name: str, number: int) -> None:
    case = case_of(name)
    document = given(case) | {"period": year(number)}
    result = run_methodology(RULES, name, document, date(2026, 3, 31))
    assert result["result"]["unit"] == case.body["expected"]["result"]["unit"]
    assert {item["year"] for item in result["parameters"] if item["path"].startswith("grid.average")} <= {"2023"}


def test_a_statement_of_a_day_on_which_no_factor_was_published_says_which() -> None:
    document = given(case_of("inventory.general")) | {"period": year(2023)}
    with pytest.raises(CarbonSealError) as caught:
        run_methodology(RULES, "inventory.general", document, date(2024, 3, 31))
    assert (caught.value.code, caught.value.where) == ("rule-not-in-force", "grid.average.jiangsu")


EDITIONS = {"inventory.general": ("GB/T 32150-2015", "GB/T 32150-2025"),
            "inventory.enterprise": ("GB/T 32150-2015", "GB/T 32150-2025")}


@pytest.mark.parametrize("name", EDITIONS)
@pytest.mark.parametrize(("start", "end", "version"), [
    ("2026-06-30", "2026-07-01", "1"), ("2026-01-01", "2026-07-01", "1"), ("2026-07-01", "2027-01-01", "2"),
    ("2026-07-01", "2026-07-02", "2")])
def test_the_edition_of_the_period_is_taken(name: str, start: str, end: str, version: str) -> None:
    period = {"start": start, "end": end, "zone": "Asia/Shanghai"}
    result = answer(name, case_of(name), given(case_of(f"{name}@1")) | {"period": period})
    assert result["methodology"]["version"] == version
    assert EDITIONS[name][int(version) - 1] in RULES.methodologies[f"{name}@{version}"].source


@pytest.mark.parametrize("name", EDITIONS)
def test_the_year_in_which_the_edition_changes_is_refused_and_says_what_to_do(name: str) -> None:
    with pytest.raises(CarbonSealError) as caught:
        answer(name, case_of(name), given(case_of(name)) | {"period": year(2026)})
    assert caught.value.code == "period-crosses-change"
    assert caught.value.hint == "make two statements, one that ends before 2026-07-01 and one from that day"


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
