"""Uncertainty is carried from inputs to the result: IPCC Eq. 3.1 for products, 3.2 for sums, beside the value."""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mrv_helpers import code_of, point, small_formula
from split_helpers import AUGUST, JULY, JUNE, glass, glass_rules, in_parts, month, paper_item, whole

from core.numbers import CONTEXT
from core.quantity import Quantity
from core.units import parse_unit
from mrv.calculation.service import result_json
from mrv.calculation.spread import EXACT, Spread, Untraceable, of_input, percent, propagate
from mrv.calculation.statement import Context, build, records_of

RULES = glass_rules()
Q = Quantity.of
D = Decimal


def spread_of(name: str, value: str, unit: str, uncertainty: str) -> Spread:
    return of_input(name, D(value), D(uncertainty), parse_unit(unit))


def uncertainty_of(expression: str, values: dict[str, tuple[str, str, str]], unit: str) -> Decimal | None:
    """Of {name: (value, unit, uncertainty in %)} through an expression, four digits after the point."""
    formula = small_formula(expression, {name: {"unit": unit_, "signed": "true"}
                                         for name, (_, unit_, _) in values.items()}, unit)
    evaluation = formula.evaluate({name: Q(value, unit_) for name, (value, unit_, _) in values.items()})
    spread = propagate(evaluation, {name: spread_of(name, *item) for name, item in values.items()})["result"]
    output = evaluation.outputs["result"]
    assert isinstance(output, Quantity)
    exact = percent(output.value, spread.parts)
    return None if exact is None else exact.quantize(D("0.0001"))


TWO = {"a": ("4", "t", "5"), "b": ("3", "tCO2/t", "10")}
SUM = {"a": ("4", "t", "5"), "b": ("3", "t", "10")}


@pytest.mark.parametrize(("expression", "values", "unit", "expected"), [
    ("a * b", TWO, "tCO2", "11.1803"),
    ("a / c", {"a": ("4", "t", "5"), "c": ("3", "h", "10")}, "t/h", "11.1803"),
    ("a + b", SUM, "t", "5.1508"), ("a - b", SUM, "t", "36.0555"), ("-a + b", SUM, "t", "36.0555"),
    ("convert(a, [kg])", {"a": ("4", "t", "5")}, "kg", "5.0000"),
    ("a * a", {"a": ("4", "t", "5")}, "t^2", "10.0000"), ("a + a", {"a": ("4", "t", "5")}, "t", "5.0000"),
    ("a - a + b", SUM, "t", "10.0000"), ("sqrt(a * a)", {"a": ("4", "t", "5")}, "t", "5.0000"),
    ("exp(a)", {"a": ("2", "1", "5")}, "1", "10.0000"), ("ln(a)", {"a": ("2", "1", "5")}, "1", "7.2135"),
    ("abs(-a)", {"a": ("4", "t", "5")}, "t", "5.0000"), ("min(a, b)", SUM, "t", "10.0000"),
    ("max(a, b)", SUM, "t", "5.0000"), ("if(a > b, a, b)", SUM, "t", "5.0000"),
    ("round(a, 0)", {"a": ("4.2", "t", "5")}, "t", "5.2500"), ("2 * a", {"a": ("4", "t", "5")}, "t", "5.0000"),
    ("if(a > b, 7[t], b)", SUM, "t", "0.0000")])
def test_an_operator_carries_uncertainty(expression: str, values: Any, unit: str, expected: str) -> None:
    assert uncertainty_of(expression, values, unit) == D(expected)


def test_five_and_ten_per_cent_multiply_to_the_figure_of_the_guidelines() -> None:
    assert uncertainty_of("a * b", TWO, "tCO2") == D("11.1803")


def test_a_value_of_zero_has_no_relative_uncertainty() -> None:
    assert uncertainty_of("a - b", {"a": ("4", "t", "5"), "b": ("4", "t", "5")}, "t") is None


@given(st.lists(st.tuples(st.integers(1, 10**6), st.integers(0, 100)), min_size=1, max_size=6))
def test_a_sum_of_a_list_follows_equation_3_2(parts: list[tuple[int, int]]) -> None:
    formula = small_formula("sum(part in parts: part)", {"parts": {"list": "t"}}, "t")
    evaluation = formula.evaluate({"parts": [Q(str(value), "t") for value, _ in parts]})
    spreads = [spread_of(str(i), str(value), "t", str(u)) for i, (value, u) in enumerate(parts)]
    given_spread = propagate(evaluation, {"parts": spreads})["result"]
    with localcontext(CONTEXT):
        naive = sum((D(value * u) / 100) ** 2 for value, u in parts).sqrt() * 100 / sum(value for value, _ in parts)
    exact = percent(D(sum(value for value, _ in parts)), given_spread.parts)
    assert exact is not None
    assert abs(exact - naive) < D("1e-30")


@pytest.mark.parametrize(("fold", "expected"), [("mean", "5.1508"), ("least", "10.0000"), ("greatest", "5.0000")])
def test_folds_carry_uncertainty(fold: str, expected: str) -> None:
    formula = small_formula(f"{fold}(row in rows: row.mass)", {"rows": {"list": {"mass": "t"}}}, "t")
    evaluation = formula.evaluate({"rows": [{"mass": Q("4", "t")}, {"mass": Q("3000", "kg")}]})
    rows = [{"mass": spread_of("a", "4", "t", "5")}, {"mass": spread_of("b", "3000", "kg", "10")}]
    output = evaluation.outputs["result"]
    assert isinstance(output, Quantity)
    exact = percent(output.value, propagate(evaluation, {"rows": rows})["result"].parts)
    assert exact is not None
    assert exact.quantize(D("0.0001")) == D(expected)


TABLE = (("1", "10"), ("2", "20"), ("4", "25"))


def through(operator: str, at: str, spread: Spread, rows: Any = (), table: Any = TABLE) -> Any:
    """The contributions to what a table of pressures and enthalpies gives at a pressure."""
    formula = small_formula(f"{operator}(table, p, h, p)", {
        "table": {"list": {"p": "MPa", "h": "kJ/kg"}}, "p": "MPa"}, "kJ/kg")
    evaluation = formula.evaluate({"p": Q(at, "MPa"), "table": [
        {"p": Q(p, "MPa"), "h": Q(h, "kJ/kg")} for p, h in table]})
    known = [{"p": EXACT, "h": EXACT} | dict(rows).get(i, {}) for i in range(len(table))]
    return propagate(evaluation, {"table": known, "p": spread})["result"].parts


@pytest.mark.parametrize(("at", "expected"), [
    ("1.5", "0.15"), ("3", "0.075"), ("1", "0.1"), ("4", "0.1"), ("2", "0.2"), ("2.00000001", "0.050000000250")])
def test_between_two_rows_uncertainty_is_carried_by_the_slope_of_the_segment(at: str, expected: str) -> None:
    """1 % of the pressure, times 10 kJ/kg per MPa below 2 MPa and 2.5 above; at a row the steeper neighbour counts."""
    assert through("interpolate", at, spread_of("p", at, "MPa", "1")) == {"p": D(expected)}


def test_rows_that_are_uncertain_contribute_by_how_near_they_are() -> None:
    """At 1.25 MPa three quarters of the row below and a quarter of the one above; their pressures by the slope."""
    rows = {0: {"h": Spread(parse_unit("kJ/kg"), {"h0": D("0.4")}), "p": Spread(parse_unit("MPa"), {"p0": D("0.04")})},
            1: {"h": Spread(parse_unit("kJ/kg"), {"h1": D("0.4")}), "p": Spread(parse_unit("MPa"), {"p1": D("0.04")})}}
    parts = through("interpolate", "1.25", EXACT, rows)
    assert {name: abs(part) for name, part in parts.items()} == {
        "h0": D("0.3"), "h1": D("0.1"), "p0": D("0.3"), "p1": D("0.1")}


def test_one_row_has_no_slope_and_nothing_is_guessed() -> None:
    with pytest.raises(Untraceable):
        through("interpolate", "1", spread_of("p", "1", "MPa", "1"), table=TABLE[:1])
    assert through("interpolate", "1", EXACT, table=TABLE[:1]) == {}


def test_a_row_that_is_looked_up_gives_its_own_uncertainty_and_an_uncertain_key_gives_none() -> None:
    rows = {1: {"h": spread_of("h", "20", "kJ/kg", "1")}}
    assert through("lookup", "2", EXACT, rows) == {"h": D("0.2")}
    assert through("lookup", "1", EXACT, rows) == {}
    with pytest.raises(Untraceable):
        through("lookup", "2", spread_of("p", "2", "MPa", "1"))


@given(at=st.decimals(D("1.001"), D("3.999"), places=3), half=st.decimals(D("0.1"), D("5"), places=2))
def test_the_slope_is_what_a_small_step_shows(at: Decimal, half: Decimal) -> None:
    """A step that stays within its segment changes the result by as much as its contribution says."""
    formula = small_formula("interpolate(table, p, h, p)", {
        "table": {"list": {"p": "MPa", "h": "kJ/kg"}}, "p": "MPa"}, "kJ/kg")
    table = [{"p": Q(p, "MPa"), "h": Q(h, "kJ/kg")} for p, h in TABLE]

    def enthalpy(pressure: Decimal) -> Decimal:
        value = formula.evaluate({"p": Quantity(pressure, parse_unit("MPa")), "table": table}).outputs["result"]
        assert isinstance(value, Quantity)
        return value.value

    step = D("1e-9")
    rise = abs(enthalpy(at + step) - enthalpy(at)) / step
    if at != 2:
        part = through("interpolate", str(at), spread_of("p", str(at), "MPa", str(half)))["p"]
        assert abs(part - rise * at * half / 100) < D("1e-20")


def test_at_the_root_of_zero_uncertainty_is_not_carried() -> None:
    with pytest.raises(Untraceable):
        uncertainty_of("sqrt(a * a - b * b)", {"a": ("2", "t", "1"), "b": ("2", "t", "1")}, "t")


# In a run


def uncertain(ash: str | None, purity: str | None) -> dict[str, Any]:
    inputs = month("100") | {"soda_ash": [paper_item("100", "t", uncertainty=ash)],
                             "purity": [paper_item("0.9", "1", priority="1", uncertainty=purity)]}
    for item in inputs["glass"]:
        item["uncertainty"] = "0"
    return whole(JUNE, JULY, inputs)


def test_the_result_carries_its_uncertainty_beside_the_value() -> None:
    result = glass(uncertain("5", "10"))
    assert (str(result.result), result.uncertainty) == ("36000 kgCO2e", D("11.1803"))
    assert result_json(result)["quality"]["stated"]["quality.uncertainty"] == {"value": "11.1803", "unit": "%"}


def test_the_statement_says_it() -> None:
    result = glass(uncertain("5", "10"))
    payload, _ = build(result, Context("o", "00" * 32, "00" * 32, {}), [bytes(16)] * len(records_of(result)))
    assert payload["outputs"]["quality.uncertainty"] == {"value": "11.1803", "unit": "%"}
    assert payload["result"] == {"value": "36000", "unit": "kgCO2e"}


@pytest.mark.parametrize(("ash", "purity", "value", "notice"), [
    ("5", None, "5", "uncertainty-partial"), (None, "10", "10", "uncertainty-partial"), ("5", "0", "5", None)])
def test_an_input_without_a_stated_uncertainty_is_a_notice(ash: str, purity: str, value: str, notice: Any) -> None:
    result = glass(uncertain(ash, purity))
    assert result.uncertainty == D(value)
    assert [code for code in result.notices if code.startswith("uncertainty")] == ([notice] if notice else [])


def test_where_no_input_states_one_there_is_none() -> None:
    result = glass(whole(JUNE, JULY, month("100")))
    assert result.uncertainty is None
    assert not [code for code in result.notices if code.startswith("uncertainty")]


@pytest.mark.parametrize(("text", "code"), [("-1", "out-of-range"), ("5%", "number-not-canonical"),
                                            ("5.0", "number-not-canonical"), (5, "number-not-canonical")])
def test_a_malformed_uncertainty_is_refused(text: Any, code: str) -> None:
    assert code_of(lambda: glass(uncertain(text, None))) == code


def test_parts_of_a_period_add_as_independent() -> None:
    def part(tonnes: str) -> dict[str, Any]:
        return month(tonnes) | {"soda_ash": [paper_item(tonnes, "t", uncertainty="10")]}

    result = glass(in_parts((JUNE, JULY, part("100")), (JULY, AUGUST, part("80"))))
    assert str(result.result) == "80000 kgCO2e"
    assert result.uncertainty == D("7.0711")


def test_one_register_errs_alike_in_both_parts_of_a_period() -> None:
    def part(first: int, last: int, start: str, end: str, meter: str) -> dict[str, Any]:
        source = {"type": "register", "meter": meter, "quantity": "mass", "from": point(str(first), start),
                  "to": point(str(last), end)}
        return month("100") | {"soda_ash": [{"quantity": {"value": str(last - first), "unit": "g"}, "source": source,
                                             "priority": "1", "method": "measured", "uncertainty": "10"}]}

    def uncertainty(later: str) -> Decimal | None:
        june, july = part(0, 10**8, JUNE, JULY, "m:ash"), part(10**8, 18 * 10**7, JULY, AUGUST, later)
        return glass(in_parts((JUNE, JULY, june), (JULY, AUGUST, july))).uncertainty

    assert uncertainty("m:ash") == D("10")
    assert uncertainty("m:ash-2") == D("7.0711")


@given(st.integers(1, 10**9), st.integers(0, 50))
def test_scaling_a_quantity_leaves_its_relative_uncertainty(tonnes: int, points: int) -> None:
    inputs = month("1") | {"soda_ash": [paper_item(str(tonnes), "t", uncertainty=str(points))]}
    result = glass(whole(JUNE, JULY, inputs), RULES)
    assert result.uncertainty == (D(points) if points else D(0))
