"""CBAM by CN code: which emissions count, what is owed, and both sides of each limit."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mrv_helpers import code_of, document, item, run_methodology

from core.errors import CarbonSealError
from mrv.authoring.catalogue import shipped
from mrv.calculation.service import evaluate

RULES = shipped()
TODAY = date(2026, 12, 5)
LISTS = {kind: {value.year: int(value.text) for value in RULES.parameter(f"cbam.indirect.{kind}").values}
         for kind in ("simple", "complex")}
PAPER = {"type": "document", "title": "监测报告"}


def q(value: str, unit: str) -> dict[str, str]:
    return {"value": value, "unit": unit}


def outputs(formula: str, **inputs: Any) -> dict[str, str]:
    return {name: output["value"] for name, output in evaluate(RULES, formula, inputs)["outputs"].items()}


def test_no_code_is_simple_and_complex() -> None:
    assert not LISTS["simple"].keys() & LISTS["complex"].keys()
    assert (len(LISTS["simple"]), len(LISTS["complex"])) == (5, 66)


def test_steel_aluminium_and_hydrogen_count_direct_emissions_only() -> None:
    everything = LISTS["simple"] | LISTS["complex"]
    direct = {code for code, counted in everything.items() if not counted}
    assert direct == {code for code in everything if code[:2] in ("72", "73", "76")} | {"28041000"}
    assert everything["26011200"] == 1


def test_scrap_ferro_silicon_and_potash_are_no_goods() -> None:
    everything = LISTS["simple"] | LISTS["complex"]
    assert not {"7204", "7202", "72022", "7602", "7615", "31056000", "2716", "7312", "7324"} & everything.keys()


def report(code: str) -> dict[str, Any]:
    values = {"goods": ("100", "t"), "activity_level": ("1000", "t"), "direct": ("800", "tCO2e"),
              "electricity": ("100", "MWh"), "electricity_factor": ("0.5", "tCO2e/MWh"),
              "benchmark": ("0.7", "tCO2e/t"), "cbam_price": ("80", "EUR/tCO2e")}
    inputs = {name: [item(value, unit, PAPER | {"digest": f"{number:064x}"}, "2" if name == "electricity" else "1")]
              for number, (name, (value, unit)) in enumerate(values.items(), 1)}
    given = document(inputs, options={"cn_code": code, "year": "2026"}, allow_unconfirmed=True)
    return run_methodology(RULES, "cbam.simple-goods", given, TODAY)


@pytest.mark.parametrize(("code", "result"), [("25231000", "85000"), ("26011200", "85000"), ("28041000", "80000"),
                                              ("76011000-primary", "80000"), ("25070080", "85000")])
def test_embedded_emissions_by_code(code: str, result: str) -> None:
    assert report(code)["result"] == {"value": result, "unit": "kgCO2e"}


@pytest.mark.parametrize("code", ["7208", "72083900", "", "2523", "2523 10 00", "76011000"])
def test_a_code_that_is_not_listed_as_a_simple_good_is_refused(code: str) -> None:
    with pytest.raises(CarbonSealError) as caught:
        report(code)
    assert caught.value.code in ("rule-not-in-force", "option-malformed")


@pytest.mark.parametrize(("year", "value"), [("2026", "6.149"), ("2027", "6.708"), ("2028", "7.267"),
                                             ("2034", "7.267")])
def test_the_mark_up_of_each_year(year: str, value: str) -> None:
    markup = next(entry for entry in RULES.parameter("cbam.mark-up").values if entry.year == year)
    assert outputs("cbam.default-markup", default=q("5.59", "tCO2e/t"), markup=q(markup.text, "%"))["value"] == value


@pytest.mark.parametrize(("imports", "answer"), [(["50"], "豁免"), (["25", "25"], "豁免"), (["50.000001"], "应申报"),
                                                 (["0"], "豁免")])
def test_fifty_tonnes_a_year_are_within_the_threshold(imports: list[str], answer: str) -> None:
    assert outputs("cbam.de-minimis", imports=[q(value, "t") for value in imports],
                   threshold=q("50", "t"))["answer"] == answer


amount = st.decimals(min_value=0, max_value=1000, places=3).map(str)


@given(see=amount, sefa=amount, paid=amount)
def test_certificates_due_are_never_below_zero_and_never_above_the_unadjusted(see: str, sefa: str, paid: str) -> None:
    due = Decimal(outputs("cbam.certificates.floor", goods=q("1", "t"), see=q(see, "tCO2e/t"), sefa=q(sefa, "tCO2e/t"),
                          carbon_price_paid=q(paid, "EUR/t"), cbam_price=q("80", "EUR/tCO2e"))["certificates"])
    assert 0 <= due <= Decimal(see)


@given(see=amount, benchmark=amount)
def test_above_zero_both_forms_of_the_certificates_agree(see: str, benchmark: str) -> None:
    common = {"goods": q("10", "t"), "see": q(see, "tCO2e/t"), "carbon_price_paid": q("8", "EUR/t"),
              "cbam_price": q("80", "EUR/tCO2e")}
    signed = Decimal(outputs("cbam.certificates", benchmark=q(benchmark, "tCO2e/t"), cbam_factor=q("1", "1"),
                             **common)["certificates"])
    floored = Decimal(outputs("cbam.certificates.floor", sefa=q(benchmark, "tCO2e/t"), **common)["certificates"])
    assert floored == max(signed, Decimal(0))


def test_a_price_of_nothing_is_refused() -> None:
    assert code_of(lambda: outputs("cbam.certificates.floor", goods=q("1", "t"), see=q("1", "tCO2e/t"),
                                   sefa=q("0", "tCO2e/t"), carbon_price_paid=q("1", "EUR/t"),
                                   cbam_price=q("0", "EUR/tCO2e"))) == "out-of-range"


@pytest.mark.parametrize(("content", "functional"), [("80 %", "800"), ("0.95", "950")])
def test_cement_is_counted_by_its_clinker(content: str, functional: str) -> None:
    value, _, unit = content.partition(" ")
    assert outputs("cbam.functional-mass", goods=q("1000", "t"),
                   content=q(value, unit or "1"))["functional"] == functional
