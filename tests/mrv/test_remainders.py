"""What is less than a unit is carried and never lost; what is below zero is shown and certifies nothing."""

from __future__ import annotations

from copy import deepcopy
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mrv_helpers import claim_point, code_of, document, inventory, item, paper, point, saving

from core.errors import CarbonSealError
from core.numbers import decimal_text
from mrv.authoring.catalogue import shipped
from mrv.calculation.run import RunResult, run
from mrv.calculation.statement import Context, build, records_of

RULES = shipped()
TODAY = date(2026, 12, 5)
JIANGSU = Decimal("0.0005827")
"""tCO2e of a kWh."""


def saved(kwh: int, carried: str | None = None) -> RunResult:
    given_ = saving(**({} if carried is None else {
        "carried": {"statement": "00" * 32, "value": carried, "unit": "tCO2e"}}))
    given_["inputs"]["baseline_electricity"][0]["quantity"]["value"] = str(20_000 + kwh)
    return run(RULES, "reduction.energy-saving", None, given_, TODAY)


def solar(project: str, carried: str | None = None) -> RunResult:
    """10 MWh at 0.7 t/MWh, less what the project itself emits in t."""
    single = {name: [item(value, unit, paper(f"{number:02x}" * 32))] for number, (name, value, unit) in enumerate((
        ("operating_margin", "0.8", "tCO2/MWh"), ("build_margin", "0.4", "tCO2/MWh"),
        ("operating_weight", "0.75", "1"), ("build_weight", "0.25", "1"), ("project", project, "tCO2e")))}
    given_ = document({"generation": [item("10000000", "Wh", claim_point("0", "10000000"))], **single},
                      **({} if carried is None else {
                          "carried": {"statement": "00" * 32, "value": carried, "unit": "tCO2e"}}))
    return run(RULES, "reduction.pv", None, given_, TODAY)


def stated(result: RunResult) -> None:
    build(result, Context("o", "00" * 32, "00" * 32, {}), [bytes(16)] * len(records_of(result)))


def test_less_than_one_unit_certifies_nothing_and_carries_all_of_it() -> None:
    result = saved(1000)
    assert (str(result.result), result.amount, result.intervals) == ("0 tCO2e", 0, ())
    assert str(result.carried_out) == "0.5827 tCO2e"
    assert code_of(lambda: stated(result)) == "amount-zero"


def test_one_unit_exactly_is_certified_and_carries_nothing() -> None:
    result = saved(0, carried="0.999")
    assert (result.amount, str(result.carried_out)) == (0, "0.999 tCO2e")
    whole = solar("6")
    assert (whole.amount, str(whole.carried_out)) == (1, "0 tCO2e")
    stated(whole)


@given(st.lists(st.integers(0, 3_000), min_size=1, max_size=8))
def test_months_chained_by_their_remainders_certify_what_they_saved_together(months: list[int]) -> None:
    amount, carried = 0, "0"
    for kwh in months:
        result = saved(kwh, carried)
        assert result.carried_out is not None
        amount, carried = amount + result.amount, decimal_text(result.carried_out.value)
    assert amount + Decimal(carried) == sum(months) * JIANGSU
    assert 0 <= Decimal(carried) < 1


@pytest.mark.parametrize(("carried", "code"), [("0", None), ("0.9999999", None), ("1", "out-of-range"),
                                               ("500", "out-of-range")])
def test_a_remainder_carried_in_is_less_than_one_unit(carried: str, code: str | None) -> None:
    if code is None:
        assert saved(0, carried).amount == 0
    else:
        assert code_of(lambda: saved(0, carried)) == code


@pytest.mark.parametrize(("value", "code"), [("999.9", None), ("1000", "out-of-range")])
def test_a_remainder_in_another_unit_is_held_to_the_same_limit(value: str, code: str | None) -> None:
    given_ = saving(carried={"statement": "00" * 32, "value": value, "unit": "kgCO2e"})
    if code is None:
        assert run(RULES, "reduction.energy-saving", None, given_, TODAY).amount == 6
    else:
        assert code_of(lambda: run(RULES, "reduction.energy-saving", None, given_, TODAY)) == code


def test_a_negative_reduction_is_shown_and_certifies_nothing() -> None:
    result = solar("100")
    assert str(result.outputs["reduction"]) == "-93 tCO2e"
    assert "reduction-negative" in result.notices
    assert "result-below-zero" not in result.notices
    assert (result.amount, result.intervals, result.carried_out) == (0, (), None)
    assert code_of(lambda: stated(result)) == "reduction-negative"


def test_a_reduction_of_nothing_is_none_below_zero() -> None:
    result = solar("7")
    assert (result.amount, str(result.carried_out)) == (0, "0 tCO2e")
    assert "reduction-negative" not in result.notices
    assert code_of(lambda: stated(result)) == "amount-zero"


def test_a_small_negative_reduction_takes_from_the_remainder_carried() -> None:
    result = solar("7.25", carried="0.5")
    assert (result.amount, str(result.carried_out)) == (0, "0.25 tCO2e")
    assert "reduction-negative" in result.notices


# What a methodology rests on


def allocation(at: date) -> RunResult:
    year = {"start": "2023-12-31T16:00:00.000Z", "end": "2024-12-31T16:00:00.000Z", "zone": "Asia/Shanghai"}
    return run(RULES, "ets.allocation-2024", None,
               document({"verified": [item("1000", "tCO2e", paper())]}, period=year), at)


def test_no_statement_is_dated_before_what_its_methodology_rests_on() -> None:
    assert str(allocation(date(2025, 11, 17)).result) == "1000 tCO2e"
    assert code_of(lambda: allocation(date(2025, 11, 16))) == "rule-not-in-force"


# Forms


def malformed(change: Any) -> tuple[str, str, str]:
    given_: dict[str, Any] = deepcopy(inventory())
    change(given_)
    with pytest.raises(CarbonSealError) as caught:
        run(RULES, "inventory.enterprise", None, given_, TODAY)
    return caught.value.code, caught.value.message, caught.value.where


BOUGHT = "inputs.purchased_electricity"


@pytest.mark.parametrize(("change", "says", "where"), [
    (lambda doc: doc.pop("subject"), "lacks subject", ""),
    (lambda doc: doc.update(subjct=1), "has no member 'subjct'", ""),
    (lambda doc: bought(doc)[0].pop("method"), "method missing", f"{BOUGHT}[0]"),
    (lambda doc: bought(doc)[0].update(note="x"), "it has no member 'note'", f"{BOUGHT}[0]"),
    (lambda doc: bought(doc)[0]["source"].pop("meter"), "meter missing", f"{BOUGHT}[0].source"),
    (lambda doc: bought(doc)[0]["source"].update(covers={}), "it has no member 'covers'", f"{BOUGHT}[0].source"),
    (lambda doc: bought(doc)[0]["source"]["to"].pop("epoch"), "epoch missing", f"{BOUGHT}[0].source.to"),
    (lambda doc: bought(doc)[0]["source"].update(to=point("1", "x") | {"position": 1}), "texts alone",
     f"{BOUGHT}[0].source.to"),
    (lambda doc: doc["inputs"].update(purchased_electricity=bought(doc)[0]), "an input is a list", BOUGHT)])
def test_what_is_malformed_is_named_with_its_place(change: Any, says: str, where: str) -> None:
    code, message, place = malformed(change)
    assert (code, place) == ("inputs-malformed", where)
    assert says in message


def bought(doc: dict[str, Any]) -> Any:
    return doc["inputs"]["purchased_electricity"]


def test_an_empty_list_is_a_missing_input() -> None:
    assert malformed(lambda doc: doc["inputs"].update(purchased_electricity=[]))[0] == "input-missing"


def test_a_methodology_or_zone_that_is_unknown_has_a_place() -> None:
    for name, period, where in (("no.such", {}, "methodology"), ("inventory.enterprise", {"zone": "Mars/X"}, "period")):
        given_ = inventory()
        given_["period"] = given_["period"] | period
        with pytest.raises(CarbonSealError) as caught:
            run(RULES, name, None, given_, TODAY)
        assert caught.value.where == where
