"""Bad input to rules and calculation: one code by command and over HTTP, exit code 2 or 1, never a number."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from cli_helpers import ORIGIN, START, STEEL, refused, run
from starlette.testclient import TestClient

from api.app import create_app
from api.deployment import Founding, create
from api.node import Node
from core.clock import FixedClock
from mrv.authoring.cases import Case
from mrv.authoring.catalogue import load

AT = "2026-12-05"
CASES = load().cases


def worked(rule: str) -> Case:
    """A worked case of a methodology that gives a result."""
    return next(case for case in CASES if case.rule == rule and "document" in case.body and "error" not in case.body)


def document(rule: str = "inventory.enterprise@2", **members: Any) -> dict[str, Any]:
    given = deepcopy(worked(rule).body["document"])
    return {**given, "allow_unconfirmed": given["allow_unconfirmed"] == "true", **members}


def q(value: Any, unit: str) -> dict[str, Any]:
    return {"value": value, "unit": unit}


def fuel(**members: Any) -> dict[str, Any]:
    return {"consumption": q("1", "t"), "net_calorific_value": q("20", "GJ/t"), "carbon_content": q("0.03", "tC/GJ"),
            "oxidation": q("0.98", "1")} | members


def paper(value: str, digest: str = "ab" * 32) -> dict[str, Any]:
    return {"quantity": q(value, "kWh"), "source": {"type": "document", "digest": digest, "title": "结算单"},
            "priority": "2", "method": "measured", "uncertainty": None}


def span(start: str, end: str) -> dict[str, str]:
    return {"start": start, "end": end, "zone": "Asia/Shanghai"}


def bought(*items: dict[str, Any]) -> dict[str, Any]:
    return {"purchased_electricity": list(items)}


STEAM = [{"pressure": q("1", "MPa"), "temperature": q("179.9", "°C"), "enthalpy": q("2777.7", "kJ/kg")},
         {"pressure": q("2", "MPa"), "temperature": q("212.4", "°C"), "enthalpy": q("2798.3", "kJ/kg")}]
MOISTURE = {"carbon_air_dried": q("0.6", "tC/t"), "moisture_as_received": q("10", "%"),
            "moisture_air_dried": q("100", "%")}

FORMULAS: list[Any] = [
    pytest.param("fuel.combustion.heat", fuel(consumption=q("1", "kWh")), "unit-mismatch", id="a wrong unit"),
    pytest.param("fuel.combustion.heat", fuel(consumption=q("1", "bushel")), "unit-unknown", id="an unknown unit"),
    pytest.param("fuel.combustion.heat", fuel(consumption=q("-1", "t")), "out-of-range", id="negative activity data"),
    pytest.param("fuel.combustion.heat", fuel(oxidation=q("1.01", "1")), "out-of-range", id="oxidation above 1"),
    pytest.param("power.carbon-as-received", MOISTURE, "out-of-range", id="moisture at 100 %"),
    pytest.param("heat.steam.saturated", {"pressure": q("2.001", "MPa"), "table": STEAM}, "out-of-range",
                 id="steam outside the table"),
    pytest.param("fuel.combustion.heat", fuel(consumption=q("NaN", "t")), "number-not-finite", id="NaN"),
    pytest.param("fuel.combustion.heat", fuel(consumption=q("1e400", "t")), "number-too-long", id="10^400"),
    pytest.param("fuel.combustion.heat", fuel(consumption=q("1" + "0" * 400, "t")), "number-too-long",
                 id="10^400 in digits"),
    pytest.param("fuel.combustion.heat", fuel(consumption={"value": ["1"], "unit": "t"}), "number-malformed",
                 id="a list for a number"),
    pytest.param("fuel.combustion.heat", fuel(consumption={"value": "1", "unit": ["t"]}), "unit-unknown",
                 id="a list for a unit"),
    pytest.param("fuel.combustion.heat", fuel(consumption=None), "quantity-malformed", id="nothing for a quantity"),
    pytest.param("fuel.combustion.heat", {}, "input-missing", id="a missing input"),
    pytest.param("fuel.combustion.heat", fuel(year=q("1", "1")), "input-unknown", id="an input that is not one"),
    pytest.param("no.such", fuel(), "formula-unknown", id="an unknown formula"),
]

RUNS: list[Any] = [
    pytest.param("inventory.enterprise", document(options={}), "option-missing", id="no region"),
    pytest.param("inventory.enterprise", document(options={"region": "tibet"}), "parameter-missing",
                 id="a region without a factor"),
    pytest.param("footprint.product", document("footprint.product@1", allow_unconfirmed=True, options=worked(
        "footprint.product@1").body["document"]["options"] | {"factor_year": "2010"}), "rule-not-in-force",
        id="a year without a factor"),
    pytest.param("inventory.enterprise", document(inputs=bought({**paper("1"), "quantity": q("1", "t")})),
                 "unit-mismatch", id="a wrong unit"),
    pytest.param("inventory.enterprise", document(inputs=bought(paper("-1"))), "out-of-range",
                 id="negative activity data"),
    pytest.param("inventory.enterprise", document(inputs=bought(paper("1"), paper("2"))), "inputs-overlap",
                 id="overlapping documents"),
    pytest.param("inventory.enterprise", document(inputs=bought(paper("NaN"))), "number-not-finite", id="NaN"),
    pytest.param("inventory.enterprise", document(inputs=bought(paper("1" + "0" * 400))), "number-too-long",
                 id="10^400"),
    pytest.param("inventory.enterprise", document(inputs={}), "input-missing", id="a missing input"),
    pytest.param("inventory.enterprise", document(inputs=[]), "inputs-malformed", id="a list for inputs"),
    pytest.param("inventory.enterprise", document(period=span("2026-11-01T00:00:00.000Z", "2026-11-01T00:00:00.000Z")),
                 "period-empty", id="an empty period"),
    pytest.param("inventory.enterprise", document(period=span("2026-06-01T00:00:00.000Z", "2026-08-01T00:00:00.000Z"),
                                                  inputs=bought(paper("1"))), "period-crosses-change",
                 id="a period across a change"),
    pytest.param("inventory.enterprise", document(period=span("2015-01-01T00:00:00.000Z", "2015-02-01T00:00:00.000Z"),
                                                  inputs=bought(paper("1"))), "rule-not-in-force",
                 id="no rule in force"),
    pytest.param("reduction.energy-saving", None, "inputs-malformed", id="no document"),
    pytest.param("no.such", document(), "methodology-unknown", id="an unknown methodology"),
]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    deployment = create(tmp_path_factory.mktemp("bad") / "node", Founding(ORIGIN, {STEEL: ["enterprise"]}),
                        clock=FixedClock(START), chain=False)
    with TestClient(create_app(Node(deployment)), raise_server_exceptions=False) as made:
        yield made
    deployment.close()


def written(tmp_path: Path, content: Any) -> Path:
    path = tmp_path / "given.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def same(outcome: Any, answer: Any, code: str) -> None:
    """Command and HTTP refuse with one code and one message; neither shows a stack."""
    error = refused(outcome, outcome.code, code)
    assert outcome.code in (1, 2)
    assert "Traceback" not in outcome.stdout + outcome.stderr
    assert 400 <= answer.status_code < 500, answer.text
    problem = answer.json()
    assert (problem["code"], problem["message"]) == (code, error["message"])
    assert error["hint"] or error["where"], error


@pytest.mark.parametrize(("formula", "inputs", "code"), FORMULAS)
def test_a_formula_refuses_alike_by_command_and_http(client: TestClient, tmp_path: Path, formula: str,
                                                     inputs: dict[str, Any], code: str) -> None:
    outcome = run("mrv", "eval", formula, "--inputs", written(tmp_path, inputs), "--json")
    same(outcome, client.post(f"/v1/mrv/eval/{formula}", json=inputs), code)


@pytest.mark.parametrize(("formula", "inputs", "code"), FORMULAS)
def test_a_bad_line_of_a_batch_tells_its_code_and_stops_nothing(tmp_path: Path, formula: str, inputs: dict[str, Any],
                                                                code: str) -> None:
    path = tmp_path / "lines.jsonl"
    lines = [{"id": "bad", "formula": formula, "inputs": inputs},
             {"id": "good", "formula": "fuel.combustion.heat", "inputs": fuel()}]
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    outcome = run("mrv", "eval", "--batch", "--inputs", path, "--json")
    bad, good = (json.loads(line) for line in outcome.stdout.splitlines())
    assert outcome.code == 0
    assert (bad["id"], bad["error"]["code"]) == ("bad", code)
    assert good["outputs"]["emission"]["unit"] == "tCO2"


@pytest.mark.parametrize(("methodology", "given", "code"), RUNS)
def test_a_run_refuses_alike_by_command_and_http(client: TestClient, tmp_path: Path, methodology: str, given: Any,
                                                 code: str) -> None:
    outcome = run("mrv", "run", methodology, "--inputs", written(tmp_path, given), "--at", AT, "--json")
    if given is None:  # over HTTP a body that is no object is refused before the rules see it
        assert client.post(f"/v1/mrv/run/{methodology}?at={AT}", json=given).json()["code"] == "json-malformed"
        refused(outcome, 2, code)
        return
    same(outcome, client.post(f"/v1/mrv/run/{methodology}?at={AT}", json=given), code)


def test_a_year_in_which_the_edition_changes_becomes_two_statements(tmp_path: Path) -> None:
    def outcome(start: str, end: str) -> Any:
        given = document(period={"start": start, "end": end, "zone": "Asia/Shanghai"}, inputs=bought(paper("1000")))
        return run("mrv", "run", "inventory.enterprise", "--inputs", written(tmp_path, given), "--at", AT, "--json")

    error = refused(outcome("2026-01-01", "2027-01-01"), 2, "period-crosses-change")
    assert error["hint"] == "make two statements, one that ends before 2026-07-01 and one from that day"
    halves = [outcome(*half).json for half in (("2026-01-01", "2026-07-01"), ("2026-07-01", "2027-01-01"))]
    assert [half["methodology"]["version"] for half in halves] == ["1", "2"]
    assert halves[0]["result"] == halves[1]["result"]


def test_an_unconfirmed_parameter_needs_leave(client: TestClient, tmp_path: Path) -> None:
    found = [case for case in CASES if case.body.get("error") == "parameter-unconfirmed" and "document" in case.body]
    assert found
    for case in found:
        name = case.rule.partition("@")[0]
        given = {**case.body["document"], "allow_unconfirmed": case.body["document"]["allow_unconfirmed"] == "true"}
        at = case.body.get("at", AT)
        outcome = run("mrv", "run", name, "--inputs", written(tmp_path, given), "--at", at, "--json")
        same(outcome, client.post(f"/v1/mrv/run/{name}?at={at}", json=given), "parameter-unconfirmed")


@pytest.mark.parametrize(("path", "at", "code"), [
    ("grid.average.tibet", AT, "parameter-missing"), ("grid.average.cn", "2010-01-01", "rule-not-in-force"),
    ("grid.average.cn", "2026-13-01", "date-malformed"), ("", AT, "parameter-missing")])
def test_a_parameter_refuses_alike_by_command_and_http(client: TestClient, path: str, at: str, code: str) -> None:
    outcome = run("mrv", "parameters", path, "--at", at, "--json")
    refused(outcome, outcome.code, code)
    assert outcome.code in (1, 2)
    assert client.get(f"/v1/mrv/parameters/{path}?at={at}").json()["code"] == code


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b'{"a": 1, "a": 2}', b"[1.5]", b"NaN", b"[" * 5000])
def test_what_is_no_json_is_refused_by_every_command(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "given.json"
    path.write_bytes(content)
    for words in (("eval", "fuel.combustion.heat"), ("run", "inventory.enterprise"),
                  ("compare", "inventory.enterprise", "--scenarios", path), ("plan", "show", path),
                  ("plan", "check", "inventory.general", "--plan", path)):
        given = () if words[:2] == ("plan", "show") else ("--inputs", path)
        outcome = run("mrv", *words, *given, "--json")
        assert outcome.code == 2, (words, outcome.stdout)
        assert outcome.error["code"] not in ("internal-error", "")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    error = refused(run("mrv", "run", "inventory.enterprise", "--inputs", tmp_path / "none.json", "--json"), 2,
                    "file-unusable")
    assert "none.json" in error["where"]


NUMBERS: list[Any] = [
    ("1e400", "number-too-long"), ("9" * 201, "number-too-long"), ("NaN", "number-not-finite"),
    ("Infinity", "number-not-finite"), ("", "number-malformed"), ("1,000", "number-malformed"), (5, "json-number"),
    (1.5, "json-number")]


@pytest.mark.parametrize(("value", "code"), NUMBERS)
def test_one_bad_number_has_one_code_wherever_it_is_given(client: TestClient, tmp_path: Path, value: Any,
                                                          code: str) -> None:
    formula = fuel(consumption=q(value, "t"))
    given = document(inputs=bought({**paper("1"), "quantity": q(value, "kWh")}))
    both = {"inputs": given, "scenarios": [{"name": "x"}]}
    path = written(tmp_path, formula)
    assert run("mrv", "eval", "fuel.combustion.heat", "--inputs", path, "--json").error["code"] == code
    line = json.dumps({"id": "1", "formula": "fuel.combustion.heat", "inputs": formula})
    assert json.loads(run("mrv", "eval", "--batch", stdin=line).stdout)["error"]["code"] == code
    path = written(tmp_path, given)
    assert run("mrv", "run", "inventory.enterprise", "--inputs", path, "--json").error["code"] == code
    scenarios = tmp_path / "scenarios.json"
    scenarios.write_text(json.dumps(both["scenarios"]), encoding="utf-8")
    words = ("mrv", "compare", "inventory.enterprise", "--inputs", path, "-s", scenarios, "--json")
    assert run(*words).error["code"] == code
    for route, body in (("eval/fuel.combustion.heat", formula), ("run/inventory.enterprise", given),
                        ("compare/inventory.enterprise", both)):
        assert client.post(f"/v1/mrv/{route}", json=body).json()["code"] == code, route


def test_what_rules_there_are_is_told_alike_on_both_ways(client: TestClient) -> None:
    for words, route in ((("formulas", "--find", "蒸汽"), "formulas?find=蒸汽"),
                         (("formulas", "unit.mass"), "formulas/unit.mass"),
                         (("methodologies",), "methodologies"),
                         (("methodologies", "-f", "PV"), "methodologies?find=PV"),
                         (("methodologies", "green-power.pv"), "methodologies/green-power.pv"),
                         (("parameters",), "parameters"), (("parameters", "--list", "gwp."), "parameters?prefix=gwp."),
                         (("parameters", "steam.saturated.enthalpy"), "parameters/steam.saturated.enthalpy"),
                         (("parameters", "grid.average.cn", "--all"), "parameters/grid.average.cn?all=true"),
                         (("units",), "units"), (("units", "--find", "km"), "units?find=km")):
        assert run("mrv", *words, "--json").json == client.get(f"/v1/mrv/{route}").json(), route
    for kind, name in (("formulas", "unit.mas"), ("methodologies", "green-power.vp"), ("parameters", "heat.defaults")):
        error = run("mrv", kind, name, "--json").error
        problem = client.get(f"/v1/mrv/{kind}/{name}").json()
        assert (problem["code"], problem["hint"]) == (error["code"], error["hint"])
        assert "near it" in error["hint"]


def test_a_precision_is_answered_alike_on_both_ways(client: TestClient, tmp_path: Path) -> None:
    given = {"carbon": q("1", "tC")}
    words = ("mrv", "eval", "ghg.carbon-to-co2", "--inputs", written(tmp_path, given), "--json", "--precision")
    for precision in ("60", "101"):
        answer = client.post(f"/v1/mrv/eval/ghg.carbon-to-co2?precision={precision}", json=given).json()
        told = run(*words, precision).json
        assert answer == told or answer["code"] == told["error"]["code"] == "precision-out-of-range"


def test_good_input_gives_one_document_on_both_ways(client: TestClient, tmp_path: Path) -> None:
    inputs = written(tmp_path, fuel())
    assert run("mrv", "formulas", "--json").json == client.get("/v1/mrv/formulas").json()
    assert run("mrv", "parameters", "grid.average.cn", "--at", AT, "--json").json == client.get(
        f"/v1/mrv/parameters/grid.average.cn?at={AT}").json()
    assert run("mrv", "eval", "fuel.combustion.heat", "--inputs", inputs, "--json").json == client.post(
        "/v1/mrv/eval/fuel.combustion.heat", json=fuel()).json()
    given = written(tmp_path, document())
    assert run("mrv", "run", "inventory.enterprise", "--inputs", given, "--at", AT, "--json").json == client.post(
        f"/v1/mrv/run/inventory.enterprise?at={AT}", json=document()).json()
    label = document("footprint.product@1")
    assert run("mrv", "run", "footprint.product", "--inputs", written(tmp_path, label), "--at", AT, "--label",
               "--json").json == client.post(f"/v1/mrv/run/footprint.product?at={AT}&label=true", json=label).json()
