"""Methodologies as a whole: dates, statements of each, what is unconfirmed, conservation, additivity, monotonicity."""

from __future__ import annotations

from copy import deepcopy
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mrv_helpers import PERIOD, code_of, document, item, paper

from core import numbers
from core.errors import CarbonSealError, InputError
from core.jcs import canonical, parse
from core.numbers import decimal_text
from mrv.authoring.cases import Case
from mrv.authoring.catalogue import load
from mrv.calculation.run import RunResult, run
from mrv.calculation.service import evaluate
from mrv.calculation.statement import Context, build, rebuild, records_of
from mrv.definitions.ruleset import RuleSet
from mrv.presentation.label import STAGES, carbon_label

CATALOGUE = load()
RULES = CATALOGUE.ruleset
CASES = [case for case in CATALOGUE.cases if case.kind == "methodology" and "expected" in case.body]
CONTEXT = Context("o", "00" * 32, "00" * 32, {"max_staleness_ms": "0"})
SECTORS = ("power", "steel", "cement", "aluminium", "carbon-materials", "general")


def inputs_of(case: Case) -> dict[str, Any]:
    allowed = case.body["document"]["allow_unconfirmed"] == "true"
    return deepcopy(case.body["document"]) | {"allow_unconfirmed": allowed}


def result_of(case: Case) -> RunResult:
    return run(RULES, case.rule, None, inputs_of(case), date.fromisoformat(case.body["at"]))


def case_of(rule: str) -> Case:
    return next(case for case in CASES if case.rule == rule)


def part_of(documents: dict[str, Any]) -> RuleSet:
    """The rules of an evidence file: only what was read."""
    return RuleSet.from_documents(parse(canonical(documents)), complete=False)


def with_value(name: str, value: str, rule: str) -> RunResult:
    case = case_of(rule)
    inputs = inputs_of(case)
    inputs["inputs"][name][0]["quantity"]["value"] = value
    return run(RULES, rule, None, inputs, date.fromisoformat(case.body["at"]))


@pytest.mark.parametrize("key", sorted(RULES.methodologies))
def test_every_methodology_has_a_case_with_a_number_and_one_with_an_error(key: str) -> None:
    kinds = {"error" in case.body for case in CATALOGUE.cases
             if case.rule == key and case.kind == "methodology"}
    assert kinds == {True, False}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule} {case.name}")
def test_a_statement_needs_only_the_rules_that_were_read(case: Case) -> None:
    result = result_of(case)
    documents = RULES.documents_for(result.methodology, [path for path, _ in result.parameters])
    assert sum(name.startswith("parameters/") for name in documents) == len({p for p, _ in result.parameters})
    if not result.methodology.certifies:
        assert code_of(lambda: build(result, CONTEXT, [bytes(16)] * len(records_of(result)))) == "not-certifiable"
        return
    if result.amount == 0:
        assert code_of(lambda: build(result, CONTEXT, [bytes(16)] * len(records_of(result)))) == "amount-zero"
        return
    payload, details = build(result, CONTEXT, [bytes(16)] * len(records_of(result)))
    again, _ = rebuild(part_of(documents), parse(canonical(payload)), details)
    assert canonical(again) == canonical(payload)


def test_narrowed_rules_are_a_fraction_of_all_that_could_be_read() -> None:
    result = result_of(case_of("inventory.general@2"))
    every = RULES.documents_for(result.methodology)
    read = RULES.documents_for(result.methodology, [path for path, _ in result.parameters])
    assert len(read) < len(every) / 4


def test_a_parameter_left_out_of_the_rules_is_missed() -> None:
    result = result_of(case_of("inventory.cement@1"))
    payload, details = build(result, CONTEXT, [bytes(16)] * len(records_of(result)))
    documents = RULES.documents_for(result.methodology, ["heat.default"])
    assert code_of(lambda: rebuild(part_of(documents), payload, details)) == "parameter-missing"


def test_an_unknown_parameter_is_no_document_of_evidence() -> None:
    methodology = RULES.methodologies["inventory.cement@1"]
    assert code_of(lambda: RULES.documents_for(methodology, ["grid.average.tibet"])) == "parameter-missing"


@pytest.mark.parametrize("case", [case for case in CASES if case.rule.startswith(("inventory", "cbam", "footprint"))
                                  and not case.rule.startswith("inventory.corporate@")],
                         ids=lambda case: f"{case.rule} {case.name}")
def test_what_was_not_read_says_so(case: Case) -> None:
    result = result_of(case)
    assert result.methodology.status == "unconfirmed"
    assert {"after-transcriptions", "unconfirmed-methodology"} <= set(result.notices)
    assert "no conformity" in result.methodology.source


# Both sides of each date


def on_one_day(case: Case, day: date) -> RunResult:
    """The case's inputs for a period of one day in China."""
    inputs = inputs_of(case)
    inputs["period"] = {"start": f"{day - timedelta(days=1)}T16:00:00.000Z", "end": f"{day}T16:00:00.000Z",
                        "zone": "Asia/Shanghai"}
    return run(RULES, case.rule, None, inputs, date.fromisoformat(case.body["at"]))


@pytest.mark.parametrize(("rule", "first"), [
    (f"inventory.{sector}@1", "2025-03-01" if sector in ("carbon-materials", "power") else
     "2016-06-01" if sector == "general" else "2013-10-15") for sector in SECTORS] + [
    ("footprint.product@1", "2025-03-01"), ("cbam.simple-goods@1", "2026-01-01"),
    ("cbam.complex-goods@1", "2026-01-01"), ("cbam.default-values@1", "2026-01-01")])
def test_a_methodology_holds_from_its_day_and_not_a_day_before(rule: str, first: str) -> None:
    case = case_of(rule)
    methodology = RULES.methodologies[rule]
    assert str(methodology.validity.start) == first
    day = date.fromisoformat(first)
    assert on_one_day(case, day).result.unit.text == "kgCO2e"
    assert code_of(lambda: on_one_day(case, day - timedelta(days=1))) == "rule-not-in-force"


def imported_in(year: str) -> dict[str, Any]:
    """The first case of simple goods, imported in November of that year."""
    inputs = inputs_of(case_of("cbam.simple-goods@1"))
    inputs["options"]["year"] = year
    inputs["period"] |= {"start": f"{year}-10-31T16:00:00.000Z", "end": f"{year}-11-30T16:00:00.000Z"}
    return inputs


@pytest.mark.parametrize(("year", "factor"), [("2026", "0.6825"), ("2027", "0.665"), ("2034", "0")])
def test_the_cbam_factor_goes_by_year(year: str, factor: str) -> None:
    result = run(RULES, "cbam.simple-goods", None, imported_in(year), date(int(year), 12, 5))
    assert decimal_text(result.outputs["free_allocation"].value) == factor


@pytest.mark.parametrize("year", ["2025", "2035"])
def test_a_year_without_a_factor_is_an_error(year: str) -> None:
    inputs, at = imported_in(year), date(int(year), 12, 5)
    assert code_of(lambda: run(RULES, "cbam.simple-goods", None, inputs, at)) == "rule-not-in-force"


@pytest.mark.parametrize("year", ["2025", "2027", "26", ""])
def test_the_year_of_import_is_the_year_of_the_period(year: str) -> None:
    inputs = imported_in("2026")
    inputs["options"]["year"] = year
    assert code_of(lambda: run(RULES, "cbam.simple-goods", None, inputs, date(2026, 12, 5))) == "option-not-of-period"


# Invariants

AMOUNTS = st.integers(0, 10**9)


@pytest.mark.parametrize("sector", SECTORS)
@settings(max_examples=15, deadline=None)
@given(first=AMOUNTS, second=AMOUNTS)
def test_an_inventory_is_additive_and_monotone_in_electricity(sector: str, first: int, second: int) -> None:
    def total(kwh: int) -> Decimal:
        inputs = inputs_of(case_of(f"inventory.{sector}@1"))
        inputs["inputs"].pop("nonfossil_electricity", None)  # never more than what is bought
        inputs["inputs"]["purchased_electricity"][0]["quantity"] = {"value": str(kwh), "unit": "kWh"}
        return run(RULES, f"inventory.{sector}", None, inputs, date(2026, 12, 5)).outputs["total"].value

    assert total(first) + total(second) == total(first + second) + total(0)
    assert total(max(first, second)) >= total(min(first, second))


@pytest.mark.parametrize("sector", SECTORS)
def test_the_total_is_direct_and_indirect(sector: str) -> None:
    outputs = result_of(case_of(f"inventory.{sector}@1")).outputs
    assert outputs["direct"] + outputs["indirect"] == outputs["total"]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=5), st.sampled_from(["mass", "value"]))
def test_an_allocation_among_products_conserves_the_emission(parts: list[int], basis: str) -> None:
    def allocated(index: int) -> Decimal:
        others = [part for i, part in enumerate(parts) if i != index]
        unit = "kg" if basis == "mass" else "CNY"
        given_ = {name: {"value": "0", "unit": kind} for name, kind in (("product_mass", "kg"),
                                                                      ("product_value", "CNY"))}
        given_[f"product_{basis}"] = {"value": str(parts[index]), "unit": unit}
        return Decimal(evaluate(RULES, "footprint.allocate@1", {
            "emission": {"value": "1000", "unit": "kgCO2e"}, "basis": {"value": basis, "unit": "text"}, **given_,
            "co_mass": [{"value": str(part), "unit": "kg"} for part in others] if basis == "mass" else [],
            "co_value": [{"value": str(part), "unit": "CNY"} for part in others] if basis == "value" else [],
        })["outputs"]["allocated"]["value"])

    total = Decimal(0)
    for index in range(len(parts)):
        total = numbers.CONTEXT.add(total, allocated(index))
    assert abs(numbers.CONTEXT.subtract(total, Decimal(1000))) < Decimal("1e-30")


def test_the_categories_make_up_scope_3() -> None:
    outputs = result_of(case_of("inventory.corporate@1")).outputs
    assert sum(outputs[f"category_{n}"].value for n in range(1, 16)) == outputs["scope3"].value


def test_outputs_of_a_repeated_step_are_named_by_member() -> None:
    outputs = result_of(case_of("inventory.general@2")).outputs
    assert "fuel_emission.diesel" in outputs
    assert "fuel_emission" not in outputs


@pytest.mark.parametrize("rule", ["energy.comprehensive.equivalent@1", "energy.comprehensive.equal-value@1"])
def test_the_two_bases_of_energy_have_two_names_and_say_theirs(rule: str) -> None:
    result = result_of(case_of(rule))
    basis = result.methodology.id.rpartition(".")[2]
    assert [code for code in result.notices if code.startswith("basis-")] == [f"basis-{basis}"]
    texts = [step.evaluation.outputs["stated_basis"] for step in result.steps if step.step == "energy"]
    assert texts == ["当量值" if basis == "equivalent" else "等价值"]


def test_a_negative_total_is_no_certificate() -> None:
    result = with_value("carbon_product.crude_steel", "900000", "inventory.steel@1")
    assert result.amount < 0
    assert code_of(lambda: build(result, CONTEXT, [bytes(16)] * len(records_of(result)))) == "not-certifiable"


def test_a_photovoltaic_reduction_spends_every_watt_hour_it_counts() -> None:
    result = result_of(case_of("reduction.pv@1"))
    assert [(i.mark, i.start, i.end) for i in result.intervals] == [("cp:plant-pv", 500, 10_001_000)]
    assert (result.amount, str(result.carried_out)) == (7, "0.00035 tCO2e")


# The label


def test_a_label_shows_footprint_stages_and_what_it_rests_on() -> None:
    label = carbon_label(result_of(case_of("footprint.product@1")))
    assert (label["product"], label["functional_unit"], label["boundary"]) == ("特钢棒材", "1 t", "cradle-to-gate")
    assert label["footprint"] == {"value": "1520.68", "unit": "kgCO2e/item"}
    assert [(stage["stage"], stage["share"]["value"]) for stage in label["stages"]] == [
        ("raw_materials", "82.2"), ("production", "17.8")]
    assert {"after-transcriptions", "unconfirmed-methodology"} <= set(label["notices"])


def test_a_label_of_a_whole_life_has_five_stages() -> None:
    case = case_of("footprint.product@1")
    inputs = inputs_of(case)
    inputs["options"]["boundary"] = "cradle-to-grave"
    label = carbon_label(run(RULES, case.rule, None, inputs, date(2026, 12, 5)))
    assert [stage["stage"] for stage in label["stages"]] == list(STAGES)
    assert label["stages"][3]["share"]["value"] == "0"


def test_an_inventory_has_no_label() -> None:
    assert code_of(lambda: carbon_label(result_of(case_of("inventory.general@2")))) == "label-not-a-footprint"
    with pytest.raises(InputError) as refusal:
        carbon_label(result_of(case_of("inventory.general@2")))
    assert (refusal.value.where, "footprint.product" in refusal.value.hint) == ("inventory.general@2", True)


# Every methodology against broken inputs


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule} {case.name}")
def test_no_input_may_go_missing_or_turn_negative_and_leave_a_number(case: Case) -> None:
    methodology = RULES.methodologies[case.rule]
    for name in case.body["document"]["inputs"]:
        rule = methodology.rule_of(name)
        assert rule is not None
        negative = inputs_of(case)
        negative["inputs"][name][0]["quantity"]["value"] = "-1"
        assert code_of(lambda doc=negative: run(RULES, case.rule, None, doc, date(2026, 12, 5))) == "out-of-range"
        wrong = inputs_of(case)
        wrong["inputs"][name][0]["quantity"]["unit"] = "kgC2F6·night"
        assert code_of(lambda doc=wrong: run(RULES, case.rule, None, doc, date(2026, 12, 5))) == "unit-mismatch"
        if rule.required:
            missing = inputs_of(case)
            del missing["inputs"][name]
            assert code_of(lambda doc=missing: run(RULES, case.rule, None, doc, date(2026, 12, 5))) == "input-missing"


def test_a_family_is_not_an_input() -> None:
    doc = document({"purchased_electricity": [item("1", "kWh", paper(), "2")], "fuel.*": []}, period=PERIOD)
    with pytest.raises(CarbonSealError):
        run(RULES, "inventory.general", None, doc, date(2026, 12, 5))
