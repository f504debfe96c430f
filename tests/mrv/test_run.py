"""Methodologies end to end: what is computed, what is refused with which code, both sides of each bound."""

from __future__ import annotations

from copy import deepcopy
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mrv_helpers import (
    MIDDLE,
    PERIOD,
    billed,
    claim_point,
    code_of,
    document,
    green,
    inventory,
    item,
    paper,
    point,
    register,
    saving,
)

from core.errors import Refused
from core.numbers import decimal_text
from core.records import Interval
from mrv.authoring.catalogue import shipped
from mrv.calculation.run import RunResult, run
from mrv.calculation.statement import Context, build, records_of

RULES = shipped()
TODAY = date(2026, 12, 5)
CONTEXT = Context("o", "00" * 32, "00" * 32, {})


def inventory_of(doc: dict[str, Any], at: date = TODAY) -> RunResult:
    return run(RULES, "inventory.enterprise", None, doc, at)


def green_of(doc: dict[str, Any]) -> RunResult:
    return run(RULES, "green-power.pv", None, doc, TODAY)


def saving_of(doc: dict[str, Any]) -> RunResult:
    return run(RULES, "reduction.energy-saving", None, doc, TODAY)


def changed(doc: dict[str, Any], *path: Any, to: Any) -> dict[str, Any]:
    """A copy with one member replaced, or removed when `to` is Ellipsis."""
    copy = deepcopy(doc)
    place = copy
    for step in path[:-1]:
        place = place[step]
    if to is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = to
    return copy


# The inventory


def test_both_scope_2_figures_are_always_reported() -> None:
    outputs = inventory_of(inventory()).outputs
    assert str(outputs["electricity_location"]) == "582.7 tCO2"
    assert str(outputs["electricity_market"]) == "609.6 tCO2"


def test_the_figure_is_rounded_once_half_up_to_whole_kilograms() -> None:
    for kwh, expected in (("1", "1"), ("0.858", "0"), ("0.859", "1")):
        wh = str(int(Decimal(kwh) * 1000))
        doc = inventory(inputs={"purchased_electricity": [item(kwh, "kWh", register("0", wh))]})
        assert str(inventory_of(doc).result.value) == expected


def test_retired_certificates_lower_only_the_market_figure() -> None:
    doc = inventory()
    doc["inputs"]["retired_certificates"] = [item("600", "MWh", paper())]
    outputs = inventory_of(doc).outputs
    assert str(outputs["electricity_location"]) == "582.7 tCO2"
    assert str(outputs["electricity_market"]) == "243.84 tCO2"
    assert str(outputs["certified_share"]) == "0.6 1"


def test_more_certificates_than_electricity_are_refused() -> None:
    doc = inventory()
    doc["inputs"]["retired_certificates"] = [item("1000.001", "MWh", paper())]
    assert code_of(lambda: inventory_of(doc)) == "out-of-range"


def test_several_meters_are_added() -> None:
    doc = inventory(inputs={"purchased_electricity": [
        item("400", "kWh", register("0", "400000", "m:one")), item("0.6", "MWh", register("5", "600005", "m:two"))]})
    assert str(inventory_of(doc).outputs["electricity_location"]) == "0.5827 tCO2"


def test_fuels_are_computed_each_with_its_own_defaults() -> None:
    doc = inventory()
    doc["inputs"] |= {"fuel.diesel": [item("10", "t", paper())], "fuel.lignite": [item("10", "t", paper())]}
    result = inventory_of(doc)
    diesel, lignite = (step.evaluation.outputs["emission"] for step in result.steps if step.step == "fuels")
    assert str(diesel) == "30.95909637333333333333333333333333333333 tCO2"
    assert str(lignite) == "11.72864 tCO2"


def test_an_inventory_spends_nothing() -> None:
    assert inventory_of(inventory()).intervals == ()


def test_the_statement_date_chooses_the_factor_and_both_years_are_recorded() -> None:
    chosen = {day: dict(inventory_of(billed(), date.fromisoformat(day)).parameters)["grid.average.jiangsu"]
              for day in ("2025-12-30", "2025-12-31")}
    assert (chosen["2025-12-30"].year, str(chosen["2025-12-30"].published)) == ("2022", "2024-12-26")
    assert (chosen["2025-12-31"].year, str(chosen["2025-12-31"].published)) == ("2023", "2025-12-31")


def test_before_any_publication_there_is_no_number() -> None:
    assert code_of(lambda: inventory_of(billed(), date(2024, 12, 25))) == "rule-not-in-force"


def test_an_unconfirmed_methodology_says_so() -> None:
    assert "unconfirmed-methodology" in inventory_of(inventory()).notices


@pytest.mark.parametrize("method", ["estimated"])
def test_an_estimated_input_is_a_notice(method: str) -> None:
    doc = inventory(inputs={"purchased_electricity": [item("1", "kWh", paper(), "2", method)]})
    assert "estimated-input" in inventory_of(doc).notices


def test_a_declared_input_is_a_notice() -> None:
    doc = inventory()
    doc["inputs"]["fuel.diesel"] = [item("1", "t", {"type": "declared"}, "2", "manual")]
    assert {"declared-input", "manual-input"} <= set(inventory_of(doc).notices)


# Green power


@pytest.mark.parametrize(("end", "units"), [("1000500", 1), ("2000499", 1), ("2000500", 2)])
def test_whole_megawatt_hours_are_claimed_and_the_rest_stays(end: str, units: int) -> None:
    result = green_of(green(end))
    assert result.amount == units
    assert result.intervals == (Interval("cp:plant-pv", 500, 500 + units * 1_000_000),)
    assert result.carried_out is None


def test_one_watt_hour_short_of_a_unit_certifies_nothing_and_stays_on_the_register() -> None:
    result = green_of(green("1000499"))
    assert (result.amount, result.intervals, result.carried_out) == (0, (), None)
    assert str(result.outputs["remainder"]) == "999999 Wh"
    with pytest.raises(Refused) as refused:
        build(result, CONTEXT, [bytes(16)] * len(records_of(result)))
    assert refused.value.code == "amount-zero"


def test_two_claim_points_are_rounded_apart() -> None:
    doc = document({"generation": [item("1500000", "Wh", claim_point("0", "1500000", "cp:b")),
                                   item("1.5", "MWh", claim_point("10", "1500010", "cp:a"))]})
    result = green_of(doc)
    assert result.amount == 2
    assert result.intervals == (Interval("cp:a", 10, 1_000_010), Interval("cp:b", 0, 1_000_000))


def test_generation_may_not_come_from_a_document() -> None:
    doc = document({"generation": [item("1", "MWh", paper())]})
    assert code_of(lambda: green_of(doc)) == "source-not-allowed"


@given(st.integers(0, 10**15), st.integers(1_000_000, 10**12))
def test_units_and_remainder_make_the_generation(start: int, generated: int) -> None:
    doc = document({"generation": [item(str(generated), "Wh", claim_point(str(start), str(start + generated)))]})
    result = green_of(doc)
    assert result.amount == generated // 1_000_000
    assert result.outputs["remainder"].value == generated % 1_000_000
    assert result.intervals[0].end - result.intervals[0].start == result.amount * 1_000_000


# Reduction


def test_a_reduction_is_rounded_down_and_its_remainder_carried() -> None:
    result = saving_of(saving())
    assert (result.amount, str(result.carried_out)) == (5, "0.827 tCO2e")


@pytest.mark.parametrize(("carried", "amount", "left"), [
    ("0.172999", 5, "0.999999"), ("0.173", 6, "0"), ("0.9999", 6, "0.8269")])
def test_a_carried_remainder_is_added(carried: str, amount: int, left: str) -> None:
    result = saving_of(saving(carried={"statement": "00" * 32, "value": carried, "unit": "tCO2e"}))
    assert (result.amount, str(result.carried_out)) == (amount, f"{left} tCO2e")


def test_every_facility_spends_the_time_of_the_period() -> None:
    doc = saving(options={"region": "jiangsu", "facilities": ["fac:b", "fac:a"]})
    assert saving_of(doc).intervals == (Interval("fac:a", 1793462400000, 1796054400000),
                                        Interval("fac:b", 1793462400000, 1796054400000))


def test_a_project_above_its_baseline_is_refused() -> None:
    doc = changed(saving(), "inputs", "baseline_electricity", 0, "quantity", "value", to="19999.999")
    assert code_of(lambda: saving_of(doc)) == "out-of-range"


def test_an_inventory_carries_nothing() -> None:
    doc = inventory(carried={"statement": "00" * 32, "value": "0.5", "unit": "kgCO2e"})
    assert code_of(lambda: inventory_of(doc)) == "carry-not-allowed"


@pytest.mark.parametrize(("carried", "code"), [
    ({"statement": "00" * 32, "value": "-0.1", "unit": "tCO2e"}, "out-of-range"),
    ({"statement": "00", "value": "0.1", "unit": "tCO2e"}, "hex-malformed"),
    ({"statement": "00" * 32, "value": "0.1", "unit": "MWh"}, "unit-mismatch"),
    ({"value": "0.1", "unit": "tCO2e"}, "inputs-malformed"), ("0.1", "inputs-malformed")])
def test_a_malformed_carried_remainder_is_refused(carried: Any, code: str) -> None:
    assert code_of(lambda: saving_of(saving(carried=carried))) == code


# Periods


@pytest.mark.parametrize(("start", "end", "code"), [
    ("2016-05-30T16:00:00.000Z", "2016-05-31T16:00:00.000Z", "rule-not-in-force"),
    ("2026-06-29T16:00:00.000Z", "2026-06-30T16:00:00.001Z", "period-crosses-change"),
    ("2026-06-30T15:59:59.999Z", "2026-07-31T16:00:00.000Z", "period-crosses-change")])
def test_a_period_outside_or_across_the_rule_is_refused(start: str, end: str, code: str) -> None:
    doc = inventory(period={"start": start, "end": end, "zone": "Asia/Shanghai"})
    assert code_of(lambda: inventory_of(doc)) == code


def test_the_first_local_day_of_a_rule_is_inside() -> None:
    doc = billed(period={"start": "2026-06-30T16:00:00.000Z", "end": "2026-07-01T16:00:00.000Z",
                         "zone": "Asia/Shanghai"})
    assert inventory_of(doc).amount == 582700


@pytest.mark.parametrize(("period", "code"), [
    ({**PERIOD, "end": PERIOD["start"]}, "period-empty"), ({**PERIOD, "zone": "Mars/Olympus"}, "zone-unknown"),
    ({**PERIOD, "zone": "../etc/passwd"}, "zone-unknown"), ({"start": PERIOD["start"]}, "period-malformed"),
    (None, "period-malformed"), ({**PERIOD, "end": "2026-11-30"}, "instant-malformed")])
def test_a_malformed_period_is_refused(period: Any, code: str) -> None:
    assert code_of(lambda: inventory_of(inventory(period=period))) == code


@pytest.mark.parametrize(("name", "version", "code"), [
    ("inventory.nothing", None, "methodology-unknown"), ("inventory.enterprise", "99", "methodology-unknown"),
    ("inventory.enterprise@99", None, "methodology-unknown")])
def test_an_unknown_methodology_is_refused(name: str, version: str | None, code: str) -> None:
    assert code_of(lambda: run(RULES, name, version, inventory(), TODAY)) == code


def test_a_methodology_may_be_named_with_its_version() -> None:
    assert run(RULES, "inventory.enterprise@2", None, inventory(), TODAY).methodology.version == "2"


# The inputs document

ELECTRICITY = ("inputs", "purchased_electricity")
FIRST = (*ELECTRICITY, 0)


@pytest.mark.parametrize(("path", "to", "code"), [
    (("subject",), ..., "inputs-malformed"), (("surplus",), 1, "inputs-malformed"),
    (("subject",), "Org", "id-malformed"),
    (("boundary",), "", "inputs-malformed"), (("boundary",), "x" * 201, "inputs-malformed"),
    (("allow_unconfirmed",), "true", "inputs-malformed"), (("inputs",), [], "inputs-malformed"),
    (("inputs",), {}, "input-missing"), (ELECTRICITY, [], "input-missing"), (ELECTRICITY, {}, "inputs-malformed"),
    (("inputs", "nothing"), [], "input-unknown"), (("inputs", "fuel."), [], "input-unknown"),
    (("inputs", "fuel.*"), [], "input-unknown"), (("options",), [], "inputs-malformed"),
    (("options",), {}, "option-missing"), (("options", "colour"), "green", "option-unknown"),
    (("options", "region"), "tibet", "parameter-missing"), (("options", "region"), ["jiangsu"], "option-malformed"),
    ((*FIRST, "quantity"), {"value": "1.50", "unit": "kWh"}, "number-not-canonical"),
    ((*FIRST, "quantity"), {"value": "NaN", "unit": "kWh"}, "number-not-canonical"),
    ((*FIRST, "quantity"), {"value": "1e400", "unit": "kWh"}, "number-not-canonical"),
    ((*FIRST, "quantity"), {"value": "9" * 201, "unit": "kWh"}, "number-not-canonical"),
    ((*FIRST, "quantity"), {"value": "-1", "unit": "kWh"}, "out-of-range"),
    ((*FIRST, "quantity"), {"value": "1", "unit": "t"}, "unit-mismatch"),
    ((*FIRST, "quantity"), {"value": "1", "unit": "kwh"}, "unit-unknown"),
    ((*FIRST, "quantity"), {"value": "1"}, "quantity-malformed"),
    ((*FIRST, "quantity", "value"), "999999.999", "source-mismatch"),
    ((*FIRST, "priority"), "2", "priority-mismatch"),
    ((*FIRST, "method"), "manual", "source-not-allowed"), ((*FIRST, "method"), "guessed", "source-not-allowed"),
    ((*FIRST, "uncertainty"), ..., "inputs-malformed"),
    ((*FIRST, "source"), {"type": "declared"}, "source-not-allowed"),
    ((*FIRST, "source"), {"type": "rumour"}, "inputs-malformed"), ((*FIRST, "source"), None, "inputs-malformed"),
    ((*FIRST, "source", "from"), "1000", "inputs-malformed"), ((*FIRST, "source", "from"), {}, "inputs-malformed"),
    ((*FIRST, "source", "from", "position"), "01000", "number-not-canonical"),
    ((*FIRST, "source", "to", "time"), "later", "instant-malformed"), ((*FIRST,), "1 kWh", "inputs-malformed"),
])
def test_a_malformed_inputs_document_is_refused(path: tuple[Any, ...], to: Any, code: str) -> None:
    assert code_of(lambda: inventory_of(changed(inventory(), *path, to=to))) == code


def test_two_spans_of_one_register_may_touch_and_not_overlap() -> None:
    def doc(second: str) -> dict[str, Any]:
        kwh = decimal_text(Decimal(2_000_000 - int(second)) / 1000)
        return inventory(inputs={"purchased_electricity": [
            item("1000", "kWh", register("0", "1000000") | {"to": point("1000000", MIDDLE)}),
            item(kwh, "kWh", register(second, "2000000") | {"from": point(second, MIDDLE)})]})

    assert inventory_of(doc("1000000")).amount == 1165
    assert code_of(lambda: inventory_of(doc("999999"))) == "inputs-overlap"


def test_one_document_is_not_counted_twice() -> None:
    doc = inventory()
    doc["inputs"]["fuel.diesel"] = [item("1", "t", paper()), item("1", "t", paper())]
    assert code_of(lambda: inventory_of(doc)) == "inputs-overlap"
    doc["inputs"]["fuel.diesel"][1]["source"] = paper("cd" * 32)
    assert inventory_of(doc).amount > 582700


@pytest.mark.parametrize(("facilities", "code"), [
    ([], "option-malformed"), (["fac:a", "fac:a"], "option-malformed"), ("fac:a", "option-malformed"),
    (["Fac"], "id-malformed")])
def test_facilities_are_a_list_without_repetition(facilities: Any, code: str) -> None:
    assert code_of(lambda: saving_of(saving(options={"region": "cn", "facilities": facilities}))) == code


def test_a_fuel_without_a_default_is_refused() -> None:
    doc = inventory()
    doc["inputs"]["fuel.straw"] = [item("1", "t", paper())]
    assert code_of(lambda: inventory_of(doc)) == "parameter-missing"


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_electricity_is_additive_and_monotone(first: int, second: int) -> None:
    def total(wh: int) -> Any:
        doc = inventory(inputs={"purchased_electricity": [item(str(wh), "Wh", register("0", str(wh)))]})
        return inventory_of(doc).outputs["electricity_location"].value

    assert total(first + second) == total(first) + total(second)
    assert total(max(first, second)) >= total(min(first, second))
