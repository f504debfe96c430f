"""Rules over HTTP: formulas evaluated, parameters dated, methodologies run."""

from __future__ import annotations

import pytest
from api_helpers import check_problem
from api_park import Park

from core import jcs

pytestmark = [pytest.mark.chain, pytest.mark.timeout(600)]


def test_formulas_are_evaluated(park: Park) -> None:
    names = {item["formula"] for item in park.get("/v1/mrv/formulas").json()}
    assert "green-power.whole-units@1" in names
    inputs = jcs.canonical({"generation": [{"value": "2500000", "unit": "Wh"}]})
    outputs = park.post("/v1/mrv/eval/green-power.whole-units", inputs).json()["outputs"]
    assert outputs["units"] == {"value": "2", "unit": "MWh"}
    check_problem(park.post("/v1/mrv/eval/no.such", inputs), 404, "formula-unknown")
    check_problem(park.post("/v1/mrv/eval/green-power.whole-units", b"[]"), 400, "json-malformed")
    check_problem(park.post("/v1/mrv/eval/green-power.whole-units", b'{"a":1.5}'), 400, "json-number")


def test_rules_are_found_by_other_words(park: Park) -> None:
    assert "scope3.business-travel" in [item["id"] for item in park.get("/v1/mrv/formulas", find="差旅").json()]
    assert park.get("/v1/mrv/parameters", find="limestone").json()[0]["path"] == "carb.CaCO3"
    assert park.get("/v1/mrv/methodologies", find="PV").json()[0]["id"] == "green-power.pv"
    other = park.get("/v1/mrv/search", find="差旅").json()
    assert (other["formulas"] > 0, other["parameters"]) == (True, 0)


def test_parameters_have_a_date(park: Park) -> None:
    found = park.get("/v1/mrv/parameters/grid.average.cn", at="2026-07-01").json()
    assert found["unit"]
    assert found["source"]
    check_problem(park.get("/v1/mrv/parameters/grid.average.cn", at="2026-7-1"), 400, "date-malformed")
    check_problem(park.get("/v1/mrv/parameters/no.such"), 404, "parameter-missing")


def test_a_methodology_runs_on_what_it_is_given(park: Park) -> None:
    check_problem(park.post("/v1/mrv/run/green-power.pv", b"{}"), 400, "period-malformed")
