"""A parameter's rows as a list: steam by mass and state through Tables C.4 and C.5, and what a table never gives."""

from __future__ import annotations

from copy import deepcopy
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mrv_helpers import code_of

from core.errors import CarbonSealError
from core.quantity import Quantity
from mrv.authoring.catalogue import shipped
from mrv.calculation.run import RunResult, run
from mrv.calculation.statement import Context, build, rebuild, records_of
from mrv.definitions.binding import check_binding
from mrv.definitions.ruleset import RuleSet

RULES = shipped()
NAME = "inventory.carbon-materials"
D = Decimal
ISOBARS = ["0.01", "0.1", "0.5", "1", "3", "5", "7", "10", "14", "20", "25", "30"]
SEEK = {"among": "steam.superheated.pressure", "at": {"input": "superheated_pressure.*"}}
TABLE = {"table": "steam.saturated.enthalpy", "key": "pressure", "unit": "MPa", "value": "enthalpy"}


def paper(value: str, unit: str, digest: str, priority: str) -> list[dict[str, Any]]:
    return [{"quantity": {"value": value, "unit": unit}, "priority": priority, "method": "measured",
             "uncertainty": None, "source": {"type": "document", "digest": digest * 32, "title": "记录"}}]


def document(**inputs: list[dict[str, Any]]) -> dict[str, Any]:
    given = {name.replace("__", "."): items for name, items in inputs.items()}
    return {"subject": "org:plant", "boundary": "厂区", "options": {"region": "jiangsu"}, "allow_unconfirmed": True,
            "period": {"start": "2026-10-31T16:00:00.000Z", "end": "2026-11-30T16:00:00.000Z",
                       "zone": "Asia/Shanghai"},
            "inputs": {"purchased_electricity": paper("1", "kWh", "aa", "2"), **given}}


def saturated(pressure: str, unit: str = "MPa") -> dict[str, Any]:
    return document(saturated_steam__a=paper("1", "t", "ab", "2"),
                    saturated_pressure__a=paper(pressure, unit, "ac", "1"))


def superheated(pressure: str, temperature: str) -> dict[str, Any]:
    return document(superheated_steam__a=paper("1", "t", "ab", "2"),
                    superheated_pressure__a=paper(pressure, "MPa", "ac", "1"),
                    superheated_temperature__a=paper(temperature, "°C", "ad", "1"))


def calculated(inputs: dict[str, Any], rules: RuleSet = RULES) -> RunResult:
    return run(rules, NAME, None, inputs, date(2026, 12, 5))


def enthalpy(inputs: dict[str, Any], step: str) -> Decimal:
    """Of one tonne: kJ/kg is a thousandth of GJ/t times a million."""
    return calculated(inputs).outputs[f"{step}_heat.a"].to("kJ").value / 1000


def table(path: str) -> dict[Decimal, Decimal]:
    return {D(value.year): value.quantity.value for value in RULES.parameter(path).values}


def test_a_row_of_the_table_gives_its_enthalpy_and_the_middle_of_two_their_mean() -> None:
    assert enthalpy(saturated("1.7"), "saturated") == D("2793.8")
    assert enthalpy(saturated("1.75"), "saturated") == D("2794.45")
    assert enthalpy(saturated("1750", "kPa"), "saturated") == D("2794.45")


@pytest.mark.parametrize(("mass", "pressure"), [("1", "2"), (None, "2"), ("1", "0")])
def test_the_uncertainty_of_a_pressure_reaches_the_emission_by_the_slope_of_its_segment(mass: Any,
                                                                                       pressure: str) -> None:
    """Between 1.7 and 1.8 MPa the enthalpy rises by 13 kJ/kg for each MPa: 2 % of 1.75 MPa are 0.455 kJ/kg."""
    inputs = saturated("1.75")
    inputs["inputs"]["saturated_steam.a"][0]["uncertainty"] = mass
    inputs["inputs"]["saturated_pressure.a"][0]["uncertainty"] = pressure
    inputs["inputs"]["purchased_electricity"][0]["uncertainty"] = "0"
    result = calculated(inputs)
    parts = [D("2.79445") * D(mass or "0") / 100, D("0.455") / 1000 * D(pressure) / 2]
    total = result.outputs[result.methodology.result.output].to("tCO2e").value
    expected = sum(part ** 2 for part in parts).sqrt() * D("0.11") * 100 / total  # type: ignore[union-attr]
    assert result.uncertainty == expected.quantize(D("0.0001"))
    assert [code for code in result.notices if code.startswith("uncertainty")] == (
        [] if mass else ["uncertainty-partial"])


def test_pressure_and_temperature_of_superheated_steam_both_reach_the_emission() -> None:
    inputs = superheated("1.5", "250")
    found = []
    for pressure, temperature in (("2", "0"), ("0", "2"), ("2", "2")):
        inputs["inputs"]["superheated_pressure.a"][0]["uncertainty"] = pressure
        inputs["inputs"]["superheated_temperature.a"][0]["uncertainty"] = temperature
        uncertainty = calculated(inputs).uncertainty
        assert uncertainty
        found.append(uncertainty)
    one, other, both = found
    assert abs((one ** 2 + other ** 2).sqrt() - both) < D("0.0002")


@pytest.mark.parametrize(("pressure", "code"), [("0.001", None), ("0.0009", "out-of-range"), ("22", None),
                                                ("22.0001", "out-of-range")])
def test_saturated_steam_outside_the_table_is_an_error(pressure: str, code: str | None) -> None:
    if code is None:
        assert enthalpy(saturated(pressure), "saturated") > 2000
    else:
        assert code_of(lambda: calculated(saturated(pressure))) == code


@pytest.mark.parametrize("pressure", ISOBARS)
def test_on_an_isobar_its_own_row_holds(pressure: str) -> None:
    rows = table(f"steam.superheated.{pressure}MPa")
    temperature = D(500)
    assert enthalpy(superheated(pressure, "500"), "superheated") == rows[temperature]


def test_between_isobars_both_are_read_and_no_other() -> None:
    result = calculated(superheated("2", "290"))
    assert result.outputs["superheated_heat.a"] == Quantity.of("2.9989", "GJ")
    read = {path for path, _ in result.parameters if path.startswith("steam.")}
    assert read == {"steam.superheated.1MPa", "steam.superheated.3MPa", "steam.superheated.pressure"}
    assert [value.text for path, value in result.parameters if path == "steam.superheated.pressure"] == ["1", "3"]


@given(st.integers(1, 2999), st.integers(35_000, 60_000))
def test_superheated_steam_is_the_naive_bilinear_value(hundredths: int, centidegrees: int) -> None:
    pressure, temperature = D(hundredths) / 100, D(centidegrees) / 100
    below, above = next((D(a), D(b)) for a, b in pairwise(ISOBARS) if D(a) <= pressure <= D(b))

    def at(isobar: Decimal) -> Decimal | None:
        rows = table(f"steam.superheated.{isobar.normalize():f}MPa")
        lower = [key for key in rows if key <= temperature]
        upper = [key for key in rows if key >= temperature]
        if not lower or not upper:
            return None
        low, high = max(lower), min(upper)
        share = D(0) if low == high else (temperature - low) / (high - low)
        return rows[low] + (rows[high] - rows[low]) * share

    asked = superheated(f"{pressure.normalize():f}", f"{temperature.normalize():f}")
    ends = at(below), at(above)
    if ends[0] is None or ends[1] is None:
        assert code_of(lambda: calculated(asked)) == "out-of-range"
        return
    naive = ends[0] + (ends[1] - ends[0]) * (pressure - below) / (above - below)
    assert abs(enthalpy(asked, "superheated") - naive) < D("1e-20")


@pytest.mark.parametrize("pressure", ["0.0099", "30.001"])
def test_a_pressure_beyond_all_isobars_is_refused_and_says_which_table(pressure: str) -> None:
    with pytest.raises(CarbonSealError) as caught:
        calculated(superheated(pressure, "500"))
    error = caught.value
    assert (error.code, error.where) == ("out-of-range", "inputs.superheated_pressure.a")
    assert "outside the values of steam.superheated.pressure" in error.message
    assert "never extended" in error.hint


@pytest.mark.parametrize(("inputs", "code"), [
    (superheated("2", "239"), "out-of-range"), (superheated("2", "601"), "out-of-range"),
    (saturated("1", "°C"), "unit-mismatch"), (superheated("2", "290") | {"allow_unconfirmed": False},
                                             "parameter-unconfirmed")])
def test_what_no_table_gives_is_an_error(inputs: dict[str, Any], code: str) -> None:
    assert code_of(lambda: calculated(inputs)) == code


def test_a_statement_of_steam_is_built_again_from_the_parameters_that_it_names() -> None:
    result = calculated(document(**{
        name.replace(".", "__"): items for part in (saturated("1.75"), superheated("2", "290"))
        for name, items in part["inputs"].items() if name != "purchased_electricity"}))
    payload, details = build(result, Context("o", "00" * 32, "00" * 32, {}), [bytes(16)] * len(records_of(result)))
    named = {f"parameters/{record['path']}" for record in records_of(result) if record["kind"] == "parameter"}
    known = {name: value for name, value in RULES.documents_for(result.methodology).items()
             if not name.startswith("parameters/") or name in named}
    assert "parameters/steam.superheated.5MPa" not in known
    again, _ = rebuild(RuleSet.from_documents(known, complete=False), payload, details)
    assert again == payload


# the form of the binding

@pytest.mark.parametrize("binding", [
    TABLE, TABLE | SEEK | {"neighbour": "below"}, SEEK | {"neighbour": "above"}])
def test_a_table_and_a_neighbour_are_bindings(binding: dict[str, Any]) -> None:
    check_binding(binding)
    assert code_of(lambda: check_binding({**binding, "other": "x"})) == "rule-malformed"


@pytest.mark.parametrize("binding", [
    {"table": "a"}, TABLE | {"neighbour": "below"}, TABLE | SEEK, SEEK, SEEK | {"neighbour": "nearest"},
    SEEK | {"neighbour": "below", "at": "inputs.x"}, SEEK | {"neighbour": "below", "at": {"x": "y"}},
    TABLE | {"key": ["pressure"]}, TABLE | {"at": {"input": "x"}}])
def test_anything_near_them_is_none(binding: dict[str, Any]) -> None:
    assert code_of(lambda: check_binding(binding)) == "rule-malformed"


def changed(argument: str, step: str = "saturated", **members: Any) -> dict[str, Any]:
    """The rules with one argument of the methodology bound otherwise."""
    documents = deepcopy(RULES.documents())
    methodology = documents[f"methodologies/{NAME}@1"]
    arguments = next(item for item in methodology["steps"] if item["name"] == step)["arguments"]
    next(item for item in arguments if item["name"] == argument)["binding"].update(members)
    return documents


@pytest.mark.parametrize(("argument", "step", "members", "code"), [
    ("table", "saturated", {"key": "temperature"}, "rule-malformed"),
    ("table", "saturated", {"value": "pressure"}, "rule-malformed"),
    ("table", "saturated", {"unit": "kg"}, "unit-mismatch"),
    ("table", "saturated", {"table": "steam.saturated.temperature"}, "unit-mismatch"),
    ("upper", "superheated", {"at": {"input": "superheated_temperature.*"}}, "unit-mismatch"),
    ("upper", "superheated", {"at": {"input": "no_such"}}, "rule-malformed"),
    ("lower_pressure", "superheated", {"among": "steam.saturated.enthalpy"}, "unit-mismatch")])
def test_a_table_that_does_not_fit_its_list_is_found_when_the_rules_are_loaded(
        argument: str, step: str, members: dict[str, Any], code: str) -> None:
    assert code_of(lambda: RuleSet.from_documents(changed(argument, step, **members))) == code


def test_only_values_named_by_year_are_a_table() -> None:
    documents = RULES.documents()
    name = "parameters/steam.saturated.enthalpy"
    rows = documents[name]
    rules = RuleSet.from_documents(documents | {name: rows | {"select": "fixed", "values": rows["values"][:1]}})
    assert code_of(lambda: calculated(saturated("1"), rules)) == "rule-malformed"


@pytest.mark.parametrize("column", ISOBARS)
def test_every_printed_point_of_table_c5_is_read_as_printed(column: str) -> None:
    """With the neighbours that the methodology finds: the column itself needs no other."""
    below, above = next(pair for pair in pairwise(ISOBARS) if column in pair)
    columns = {side: rows_of(f"steam.superheated.{name}MPa", "temperature", "°C")
               for side, name in (("lower", below), ("upper", above))}
    for temperature, printed in table(f"steam.superheated.{column}MPa").items():
        given_ = {"pressure": Quantity.of(column, "MPa"), "temperature": Quantity.of(str(temperature), "°C"),
                  "lower_pressure": Quantity.of(below, "MPa"), "upper_pressure": Quantity.of(above, "MPa"), **columns}
        assert RULES.formula("heat.steam.superheated").evaluate(given_).outputs["enthalpy"].value == printed


def test_every_printed_point_of_table_c4_is_read_as_printed() -> None:
    rows = [row | {"temperature": Quantity.of("1", "°C")} for row in
            rows_of("steam.saturated.enthalpy", "pressure", "MPa")]
    for pressure, printed in table("steam.saturated.enthalpy").items():
        given_ = {"pressure": Quantity.of(str(pressure), "MPa"), "table": rows}
        assert RULES.formula("heat.steam.saturated").evaluate(given_).outputs["enthalpy"].value == printed


@pytest.mark.parametrize(("pressure", "temperature", "printed"), [
    ("0.01", "60", "2611.3"), ("0.01", "80", "2649.3"), ("1", "180", "2777.3")])
def test_a_run_reads_a_printed_point_that_the_next_column_does_not_reach(pressure: str, temperature: str,
                                                                         printed: str) -> None:
    assert enthalpy(superheated(pressure, temperature), "superheated") == D(printed)


def test_the_first_and_last_state_of_every_column_can_be_run() -> None:
    for column in ISOBARS:
        points = table(f"steam.superheated.{column}MPa")
        for temperature in (min(points), max(points)):
            found = enthalpy(superheated(column, str(temperature)), "superheated")
            assert found == points[temperature], (column, temperature)


def rows_of(path: str, key: str, unit: str) -> list[dict[str, Quantity]]:
    return [{key: Quantity.of(value.year, unit), "enthalpy": value.quantity} for value in RULES.parameter(path).values]
