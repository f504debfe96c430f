"""Bad input, each a clear error with its code and never a number."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from mrv_helpers import code_of, inventory, item, paper, register, run_methodology, small_parameter

from mrv.authoring.catalogue import Catalogue, load, shipped
from mrv.authoring.lint import entries, findings
from mrv.calculation.run import run
from mrv.calculation.service import evaluate
from mrv.definitions.ruleset import RuleSet

RULES = shipped()
TODAY = date(2026, 12, 5)


def q(value: str, unit: str) -> dict[str, str]:
    return {"value": value, "unit": unit}


def fuel(**members: Any) -> dict[str, Any]:
    return {"consumption": q("1", "t"), "net_calorific_value": q("20", "GJ/t"), "carbon_content": q("0.03", "tC/GJ"),
            "oxidation": q("0.98", "1")} | members


STEAM = [{"pressure": q("1", "MPa"), "temperature": q("179.9", "°C"), "enthalpy": q("2777.7", "kJ/kg")},
         {"pressure": q("2", "MPa"), "temperature": q("212.4", "°C"), "enthalpy": q("2798.3", "kJ/kg")}]


@pytest.mark.parametrize(("formula", "inputs", "code"), [
    ("fuel.combustion.heat", fuel(consumption=q("-0.000001", "t")), "out-of-range"),
    ("fuel.combustion.heat", fuel(oxidation=q("1.000001", "1")), "out-of-range"),
    ("fuel.combustion.heat", fuel(oxidation=q("100.0001", "%")), "out-of-range"),
    ("fuel.combustion.heat", fuel(consumption=q("1", "kWh")), "unit-mismatch"),
    ("fuel.combustion.heat", fuel(consumption=q("1", "1e4Nm3")), "unit-mismatch"),
    ("fuel.combustion.heat", fuel(carbon_content=q("0.03", "tCO2/GJ")), "unit-mismatch"),
    ("fuel.combustion.heat", fuel(consumption=q("1", "bushel")), "unit-unknown"),
    ("fuel.combustion.heat", fuel(consumption=q("NaN", "t")), "number-not-finite"),
    ("fuel.combustion.heat", fuel(consumption=q("Infinity", "t")), "number-not-finite"),
    ("fuel.combustion.heat", fuel(consumption=q("1e400", "t")), "number-too-long"),
    ("fuel.combustion.heat", fuel(consumption=q("1" * 401, "t")), "number-too-long"),
    ("fuel.combustion.heat", fuel(consumption={"value": 1.5, "unit": "t"}), "json-number"),
    ("fuel.combustion.heat", {name: value for name, value in fuel().items() if name != "oxidation"}, "input-missing"),
    ("fuel.combustion.heat", fuel(year=q("2026", "1")), "input-unknown"),
    ("power.carbon-as-received", {"carbon_air_dried": q("0.6", "tC/t"), "moisture_as_received": q("10", "%"),
                                  "moisture_air_dried": q("100", "%")}, "out-of-range"),
    ("power.carbon-as-received", {"carbon_air_dried": q("0.6", "tC/t"), "moisture_as_received": q("100", "%"),
                                  "moisture_air_dried": q("10", "%")}, "out-of-range"),
    ("heat.steam.saturated", {"pressure": q("0.999", "MPa"), "table": STEAM}, "out-of-range"),
    ("heat.steam.saturated", {"pressure": q("2.001", "MPa"), "table": STEAM}, "out-of-range"),
    ("heat.steam.saturated", {"pressure": q("1", "MPa"), "table": []}, "input-missing"),
    ("cbam.simple", {"attributed": q("1", "tCO2e"), "activity_level": q("0", "t")}, "out-of-range"),
    ("electricity.location", {"consumption": q("1", "MWh"), "factor": q("0.6205", "kgCO2e/kWh")}, "unit-mismatch"),
])
def test_a_formula_refuses(formula: str, inputs: dict[str, Any], code: str) -> None:
    assert code_of(lambda: evaluate(RULES, formula, inputs)) == code


@pytest.mark.parametrize(("formula", "inputs"), [
    ("fuel.combustion.heat", fuel(consumption=q("0", "t"))), ("fuel.combustion.heat", fuel(oxidation=q("1", "1"))),
    ("power.carbon-as-received", {"carbon_air_dried": q("0.001", "tC/t"), "moisture_as_received": q("99.9", "%"),
                                  "moisture_air_dried": q("99.9", "%")}),
    ("heat.steam.saturated", {"pressure": q("1", "MPa"), "table": STEAM}),
    ("heat.steam.saturated", {"pressure": q("2", "MPa"), "table": STEAM})])
def test_the_bound_itself_is_inside(formula: str, inputs: dict[str, Any]) -> None:
    assert evaluate(RULES, formula, inputs)["outputs"]


@pytest.mark.parametrize(("options", "code"), [
    ({}, "option-missing"), ({"region": ""}, "parameter-missing"), ({"region": "tibet"}, "parameter-missing"),
    ({"region": "jiangsu "}, "parameter-missing"), ({"region": "{member}"}, "parameter-missing")])
def test_a_region_that_is_missing_is_never_its_parent(options: dict[str, Any], code: str) -> None:
    assert code_of(lambda: run(RULES, "inventory.enterprise", None, inventory(options=options), TODAY)) == code


def test_a_year_without_a_value_is_never_the_nearest() -> None:
    case = next(case for case in load().cases if case.rule == "footprint.product@1" and "document" in case.body)
    for year in ("2022", "2025", "", "latest"):
        inputs = case.body["document"] | {"allow_unconfirmed": True,
                                          "options": case.body["document"]["options"] | {"factor_year": year}}
        assert code_of(lambda doc=inputs: run(RULES, "footprint.product", None, doc, TODAY)) == "rule-not-in-force"


@pytest.mark.parametrize(("start", "end"), [("2026-11-01T00:00:00.000Z", "2026-11-01T00:00:00.000Z"),
                                            ("2026-11-02T00:00:00.000Z", "2026-11-01T00:00:00.000Z")])
def test_an_empty_period_is_refused(start: str, end: str) -> None:
    doc = inventory(period={"start": start, "end": end, "zone": "Asia/Shanghai"})
    assert code_of(lambda: run(RULES, "inventory.enterprise", None, doc, TODAY)) == "period-empty"


def test_overlapping_documents_and_registers_are_refused() -> None:
    twice = [item("1", "kWh", paper(), "2"), item("2", "kWh", paper(), "2")]
    assert code_of(lambda: run(RULES, "inventory.enterprise", None, inventory(
        inputs={"purchased_electricity": twice}), TODAY)) == "inputs-overlap"
    spans = [item("1", "Wh", register("0", "1")), item("1", "Wh", register("0", "1"))]
    assert code_of(lambda: run(RULES, "inventory.enterprise", None, inventory(
        inputs={"purchased_electricity": spans}), TODAY)) == "inputs-overlap"


@pytest.mark.parametrize("unit", ["tCO2", "GJ/t", "Nm3"])
def test_a_register_counts_only_what_registers_count(unit: str) -> None:
    doc = inventory(inputs={"purchased_electricity": [item("1", unit, register("0", "1"))]})
    assert code_of(lambda: run(RULES, "inventory.enterprise", None, doc, TODAY)) == "unit-mismatch"


@pytest.mark.parametrize(("unit", "end", "code"), [
    ("kWh", "1000", None), ("MJ", "1000000", None), ("MJ", "278", "source-mismatch"),
    ("kWh", "3600000", "source-mismatch")])
def test_a_register_of_joules_counts_joules(unit: str, end: str, code: str | None) -> None:
    doc = inventory(inputs={"purchased_electricity": [item("1", unit, register("0", end))]})
    if code is None:
        assert run(RULES, "inventory.enterprise", None, doc, TODAY).outputs
    else:
        assert code_of(lambda: run(RULES, "inventory.enterprise", None, doc, TODAY)) == code


@pytest.mark.parametrize("inputs", [None, [], "x", 5, {"subject": "org:plant"}])
def test_what_is_no_inputs_document_is_refused(inputs: Any) -> None:
    assert code_of(lambda: run_methodology(RULES, "inventory.enterprise", inputs, TODAY)) in {
        "inputs-malformed", "period-malformed"}


# Factor files


VALUE = {"value": "1", "from": "2025-01-01", "to": "2026-01-01"}


def test_a_duplicate_date_is_refused_and_touching_dates_are_not() -> None:
    def later(start: str) -> Any:
        return small_parameter("in-force", [VALUE | {"key": "a"}, {"key": "b", "value": "2", "from": start}])

    assert code_of(lambda: later("2025-12-31")) == "parameter-overlap"
    assert len(later("2026-01-01").values) == 2
    published = [{"key": key, "value": "1", "published": "2025-01-01"} for key in "ab"]
    assert code_of(lambda: small_parameter("latest-published", published)) == "parameter-overlap"


def test_a_value_without_a_source_is_refused() -> None:
    assert code_of(lambda: small_parameter("fixed", [{"value": "1", "source": ""}])) == "parameter-unsourced"


def test_a_key_that_occurs_twice_in_a_file_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "parameters"
    folder.mkdir()
    (folder / "a.yaml").write_text("parameters: {}\nparameters: {}\n", "utf-8")
    assert code_of(lambda: load(tmp_path)) == "rule-malformed"


@pytest.mark.parametrize("key", ["methodologies/inventory.general@2", "formulas/inventory.sector@1"])
def test_what_changes_without_a_version_is_caught_by_its_digest(key: str) -> None:
    released = entries(RULES)
    documents = dict(RULES.documents())
    documents[key] = documents[key] | {"source": "another source"}
    changed = Catalogue(RuleSet.from_documents(documents), load().cases)
    assert [(found.code, found.where) for found in findings(changed, released)] == [("rule-changed", key)]
    assert list(findings(load(), released)) == []
