"""An error of an evaluation points at the input or the line it is about, and shows what was compared."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from mrv_helpers import small_formula

from core.errors import CarbonSealError
from core.quantity import Quantity
from mrv.authoring.catalogue import example, shipped, shipped_catalogue
from mrv.calculation.service import evaluate, result_of

RULES = shipped()
LINES = {"list": {"share": "1", "mass": "t"}}


def of(text: str, unit: str = "1") -> Quantity:
    return Quantity.of(text, unit)


def unmet(condition: str, given: dict[str, Any], inputs: dict[str, Any], **definitions: Any) -> CarbonSealError:
    formula = small_formula("x", inputs | {"x": "1"}, "1", require=[condition], **definitions)
    with pytest.raises(CarbonSealError) as caught:
        formula.evaluate(given | {"x": of("1")})
    assert caught.value.code == "out-of-range"
    return caught.value


def refused(formula: str, inputs: Any) -> CarbonSealError:
    with pytest.raises(CarbonSealError) as caught:
        evaluate(RULES, formula, inputs)
    assert caught.value.hint
    return caught.value


def test_an_unmet_condition_points_at_the_inputs_it_compares() -> None:
    error = unmet("a <= b", {"a": of("3", "t"), "b": of("2", "t")}, {"a": "t", "b": "t"})
    assert error.where == "a, b"
    assert error.message.endswith("a <= b; given a = 3 t, b = 2 t")


def test_of_several_conditions_the_one_that_fails_is_told() -> None:
    error = unmet("a <= b and b <= c", {"a": of("1"), "b": of("2"), "c": of("1")}, {"a": "1", "b": "1", "c": "1"})
    assert (error.where, error.message.partition("; given ")[2]) == ("b, c", "b = 2, c = 1")
    either = unmet("a > b or b > c", {"a": of("1"), "b": of("2"), "c": of("3")}, {"a": "1", "b": "1", "c": "1"})
    assert either.message.partition("; given ")[2] == "a = 1, b = 2, c = 3"


def test_the_first_line_that_fails_is_told_with_its_values() -> None:
    lines = [{"share": of("0.5"), "mass": of("1", "t")}, {"share": of("1.5"), "mass": of("1", "t")},
             {"share": of("2"), "mass": of("1", "t")}]
    error = unmet("all(line in lines: line.share <= 1)", {"lines": lines}, {"lines": LINES})
    assert error.where == "lines[1].share"
    assert error.message.endswith("; given lines[1].share = 1.5")


def test_a_sum_over_lines_is_told_and_points_at_the_list() -> None:
    lines = [{"share": of("0.5"), "mass": of("1", "t")}, {"share": of("0.4"), "mass": of("1", "t")}]
    error = unmet("sum(line in lines: line.share) = 1", {"lines": lines}, {"lines": LINES})
    assert error.where == "lines"
    assert "sum(line in lines: line.share) = 0.9" in error.message


def test_a_derived_value_is_shown_and_points_at_what_it_comes_from() -> None:
    error = refused("electricity.market", {
        "consumption": {"value": "100", "unit": "MWh"}, "residual_factor": {"value": "0.5", "unit": "tCO2/MWh"},
        "contracts": [{"energy": {"value": "80", "unit": "MWh"}, "factor": {"value": "0", "unit": "tCO2/MWh"}},
                      {"energy": {"value": "40", "unit": "MWh"}, "factor": {"value": "0", "unit": "tCO2/MWh"}}]})
    assert "contracted = 120 MWh, consumption = 100 MWh" in error.message
    assert error.where == "consumption, contracts"


def test_what_is_looked_up_and_not_there_points_at_the_value_and_a_double_at_the_list() -> None:
    formula = small_formula("lookup(rows, key, x, a)", {"a": "1", "rows": {"list": {"key": "1", "x": "1"}}}, "1")
    for keys, where, told in ((["1", "2"], "a", "key 3 stands 0 times in 'rows', not once"),
                              (["3", "3"], "rows", "key 3 stands 2 times in 'rows', not once")):
        with pytest.raises(CarbonSealError) as caught:
            formula.evaluate({"a": of("3"), "rows": [{"key": of(key), "x": of("1")} for key in keys]})
        assert (caught.value.where, caught.value.message) == (where, told)
        assert "give each key in one line" in caught.value.hint


def test_a_row_given_twice_is_named() -> None:
    formula = small_formula("interpolate(rows, key, x, a)", {"a": "1", "rows": {"list": {"key": "1", "x": "1"}}}, "1")
    with pytest.raises(CarbonSealError) as caught:
        formula.evaluate({"a": of("3"), "rows": [{"key": of("3"), "x": of("1")}, {"key": of("3.0"), "x": of("2")}]})
    assert (caught.value.where, caught.value.message) == ("rows", "the table 'rows' has the key 3 twice")


@pytest.mark.parametrize(("formula", "inputs", "where"), [
    ("ghg.co2e", {"gases": []}, "gases"), ("ghg.co2e", {"gases": {"value": "1", "unit": "t"}}, "gases"),
    ("ghg.co2e", {"gases": [{"value": "1", "unit": "t"}]}, "gases[0]")])
def test_a_list_out_of_form_has_a_hint(formula: str, inputs: Any, where: str) -> None:
    assert refused(formula, inputs).where == where


def test_an_included_category_without_data_is_named_by_its_option() -> None:
    found = example(shipped_catalogue(), "methodology", "inventory.corporate@1")
    assert found is not None
    document = found["inputs"]
    document["options"] |= {"category_9": "included"}
    with pytest.raises(CarbonSealError) as caught:
        result_of(RULES, "inventory.corporate", document, date.fromisoformat(found["at"]))
    assert caught.value.where == "options.category_9"
    assert "lines = 0, status = included" in caught.value.message


def test_steam_beyond_a_table_names_the_input_and_the_parameter() -> None:
    found = example(shipped_catalogue(), "methodology", "inventory.carbon-materials@1")
    assert found is not None
    document = found["inputs"]
    items = document["inputs"]
    given = {"priority": "1", "source": {"type": "declared"}, "method": "measured", "uncertainty": None}
    rule = RULES.methodologies["inventory.carbon-materials@1"]
    for name, value, unit in (("superheated_steam.a", "10", "t"), ("superheated_pressure.a", "1", "MPa"),
                              ("superheated_temperature.a", "700", "°C")):
        asked = rule.rule_of(name)
        assert asked is not None, name
        items[name] = [{**given, "quantity": {"value": value, "unit": unit}, "method": asked.methods[0],
                        "source": {"type": "document", "digest": "ab" * 32, "title": name}, "priority": str(
                            asked.sources.index("document") + 1)}]
    with pytest.raises(CarbonSealError) as caught:
        result_of(RULES, "inventory.carbon-materials", document, date.fromisoformat(found["at"]))
    assert caught.value.where == "inputs.superheated_temperature.a"
    assert "is outside the table steam.superheated." in caught.value.message
