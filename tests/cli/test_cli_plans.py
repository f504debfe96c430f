"""Control plans, data quality and the way of each number, by commands at a running node."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from cli_helpers import JIANGHUI, MAIN, START, STEEL, SUZHENG, Park, answered, datum, period, plan, refused, run

from core.period import instant_text, local_text, parse_instant
from mrv.authoring.catalogue import load
from mrv.quality.plan import parse_plan

DAY = 86_400_000
CASE = next(case for case in load().cases if case.rule == "inventory.general@2"
            and "document" in case.body and "error" not in case.body)
FOOTPRINT = next(case for case in load().cases if case.rule == "footprint.product@1"
                 and "document" in case.body and "error" not in case.body)


def written(folder: Path, name: str, document: Any) -> Path:
    path = folder / f"{name}.json"
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    return path


def given(**members: Any) -> dict[str, Any]:
    document = deepcopy(CASE.body["document"])
    return {**document, "allow_unconfirmed": True, **members}


# from files alone

def test_a_plan_is_shown_from_its_file_in_both_languages(tmp_path: Path) -> None:
    path = written(tmp_path, "plan", plan())
    assert answered(run("mrv", "plan", "show", path, "--json"))["digest"] == parse_plan(plan()).digest.hex()
    chinese, english = (run("--lang", language, "mrv", "plan", "show", path) for language in ("zh", "en"))
    assert (chinese.code, english.code) == (0, 0)
    assert "购入电量" in chinese.stdout
    assert "purchased electricity" in english.stdout
    assert "greatest-rate" in english.stdout


def by_hand(document: dict[str, Any]) -> dict[str, Any]:
    """The same inputs as a person writes them: printed numbers, local dates, no priorities."""
    for items in document["inputs"].values():
        for item in items:
            item["quantity"]["value"] += "" if "." in item["quantity"]["value"] else ".0"
            item["quantity"]["value"] += "0"
            del item["priority"]
            if item["uncertainty"]:
                item["uncertainty"] += "e0"
    document["period"] |= {name: local_text(parse_instant(document["period"][name]), document["period"]["zone"])[:10]
                           for name in ("start", "end")}
    return document


def test_a_plan_is_held_against_inputs_written_as_for_a_run(tmp_path: Path) -> None:
    """What `mrv run` takes, `mrv plan check` takes, with the same findings."""
    strict, lenient = written(tmp_path, "strict", given()), written(tmp_path, "lenient", by_hand(given()))
    assert strict.read_text("utf-8") != lenient.read_text("utf-8")
    assert run("mrv", "run", "inventory.general", "--inputs", lenient, "--at", CASE.body["at"], "--json").code == 0
    rule = written(tmp_path, "plan", plan())
    one, other = (run("mrv", "plan", "check", "inventory.general", "--plan", rule, "--inputs", path, "--json")
                  for path in (strict, lenient))
    assert (one.code, one.json) == (other.code, other.json) == (1, one.json)


@pytest.mark.parametrize(("value", "code"), [("1,000", "number-malformed"), ("NaN", "number-not-finite"),
                                             (12, "json-number")])
def test_a_number_that_a_run_refuses_a_plan_check_refuses_alike(tmp_path: Path, value: Any, code: str) -> None:
    document = given()
    document["inputs"]["purchased_electricity"][0]["quantity"]["value"] = value
    inputs, rule = written(tmp_path, "inputs", document), written(tmp_path, "plan", plan())
    outcomes = [run("mrv", *words, "--inputs", inputs, "--json") for words in (
        ("run", "inventory.general"), ("plan", "check", "inventory.general", "--plan", rule))]
    errors = [refused(outcome, outcome.code, code) for outcome in outcomes]
    assert errors[0] == errors[1]


@pytest.mark.parametrize(("changes", "code"), [
    ({"schema": "x"}, "plan-schema"), ({"reason": "because"}, "plan-malformed"), ({"data": []}, "plan-malformed"),
    ({"methodology": "no.such"}, "methodology-unknown"), ({"data": [datum(input="steam")]}, "input-unknown"),
    ({"data": [datum(gap="capacity")]}, "source-not-allowed"), ({"version": "2"}, "plan-malformed"),
    ({"valid_from": "2026-02-30"}, "date-malformed")])
def test_a_plan_that_is_none_is_refused_with_its_place(tmp_path: Path, changes: dict[str, Any], code: str) -> None:
    outcome = run("mrv", "plan", "show", written(tmp_path, "plan", plan(**changes)), "--json")
    error = refused(outcome, outcome.code, code)
    assert outcome.code in (1, 2)
    assert error["where"]


def test_inputs_are_checked_against_the_plan_and_findings_end_with_1(tmp_path: Path) -> None:
    inputs = written(tmp_path, "inputs", given())
    outcome = run("mrv", "plan", "check", "inventory.general", "--plan", written(tmp_path, "plan", plan()), "--inputs",
                  inputs, "--json")
    assert outcome.code == 1
    assert {item["code"] for item in outcome.json["findings"]} == {"plan-missing", "plan-source-differs"}
    told = run("mrv", "plan", "check", "inventory.general", "--plan", tmp_path / "plan.json", "--inputs", inputs)
    assert told.code == 1
    assert "控制方案未列入该数据" in told.stdout


def test_inputs_as_planned_end_with_0(tmp_path: Path) -> None:
    names = given()["inputs"]
    data = [datum(input=name, source=item["source"]["type"], method=item["method"], instrument=None,
                  unit=item["quantity"]["unit"], frequency="monthly", gap="refused")
            for name, items in names.items() for item in items]
    assert all(item["source"]["type"] == "document" for items in names.values() for item in items)
    outcome = run("mrv", "plan", "check", "inventory.general", "--plan", written(tmp_path, "p", plan(data=data)),
                  "--inputs", written(tmp_path, "i", given()), "--json")
    assert (outcome.code, outcome.json["findings"]) == (0, [])


def test_a_plan_that_does_not_hold_yet_is_no_plan(tmp_path: Path) -> None:
    late = written(tmp_path, "plan", plan(valid_from="2030-01-01"))
    refused(run("mrv", "plan", "check", "inventory.general", "--plan", late, "--inputs",
                written(tmp_path, "i", given()), "--json"), 2, "plan-not-in-force")


# the label of a footprint, and scenarios

def footprint(tmp_path: Path) -> Path:
    document = FOOTPRINT.body["document"]
    return written(tmp_path, "footprint", {**document, "allow_unconfirmed": True})


def test_a_footprint_has_a_label_when_asked(tmp_path: Path) -> None:
    at = FOOTPRINT.body["at"]
    words = ("mrv", "run", "footprint.product", "--inputs", footprint(tmp_path), "--at", at)
    answer = answered(run(*words, "--label", "--json"))
    assert answer["label"]["footprint"] == answer["outputs"]["footprint"]
    assert answer["label"]["notices"] == answer["notices"]
    assert "label" not in answered(run(*words, "--json"))
    told = run(*words, "--label")
    assert told.code == 0
    assert answer["label"]["product"] in told.stdout


def test_only_a_footprint_has_a_label(tmp_path: Path) -> None:
    refused(run("mrv", "run", "inventory.general", "--inputs", written(tmp_path, "i", given()), "--at", "2026-12-05",
                "--label", "--json"), 2, "label-not-a-footprint")


def test_what_if_stands_beside_its_base_and_is_never_attested(tmp_path: Path) -> None:
    scenarios = [{"name": "购绿证一半", "inputs": {"purchased_electricity": {"factor": "0.5"}}}]
    answer = answered(run("mrv", "compare", "inventory.general", "--inputs", written(tmp_path, "i", given()),
                          "--scenarios", written(tmp_path, "s", scenarios), "--at", "2026-12-05", "--json"))
    assert answer["attested"] is False
    assert "scenario" in answer["scenarios"][0]["notices"]
    assert "scenario" not in answer["base"]["notices"]
    assert answer["base"]["result"] != answer["scenarios"][0]["result"]


# at the node

def general(park: Park, name: str, start: int, end: int) -> Path:
    return park.facts(name, boundary="方案厂区", period=period(start, end), methodology="inventory.general",
                      inputs={"purchased_electricity": [{"meter": MAIN, "quantity": "energy"}]},
                      options={"region": "jiangsu", "gwp": "AR6"})


def test_a_plan_goes_into_the_log_and_the_statement_is_held_against_it(park: Park, tmp_path: Path) -> None:
    handed = answered(park.as_(STEEL, "mrv", "plan", "submit", written(tmp_path, "plan", plan())))
    assert handed["signer"] == park.account(STEEL)
    assert park.done("mrv", "plan", "get", handed["id"], "--org", SUZHENG) == handed
    assert handed in park.done("mrv", "plan", "list", "--org", SUZHENG, "--entity", STEEL)
    assert park.done("mrv", "plan", "list", "--org", JIANGHUI) == []
    refused(park.do("mrv", "plan", "get", handed["id"], "--org", JIANGHUI), 1, "organisation-other")
    refused(park.do("mrv", "plan", "get", "00" * 32, "--org", SUZHENG), 2, "plan-unknown")

    claim = park.claimed(general(park, "planned", START, START + 6 * 3_600_000))
    shown = park.done("claim", "show", claim["claim"], "--org", SUZHENG)
    quality = shown["quality"]
    assert (quality["plan"]["id"], quality["plan"]["version"]) == (handed["id"], "1")
    assert [item["code"] for item in quality["findings"]] == ["plan-late"]
    assert quality["shares"]["purchased_electricity"]["measured"] == "100"

    told = run("--lang", "en", "claim", "show", claim["claim"], "--org", SUZHENG, "--dir", park.directory, "--explain")
    assert told.code == 0, told.stderr
    assert "plan handed in after the period began" in told.stdout
    assert instant_text(START) in told.stdout


def test_each_number_of_a_statement_is_walked_to_its_signed_frame(park: Park, inventory: dict[str, str]) -> None:
    sources = park.done("claim", "show", inventory["claim"], "--org", SUZHENG, "--explain")["explanation"]["sources"]
    kinds = {item["source"]: item for item in sources if item["kind"] == "input"}
    assert kinds["document"]["digest"] == "ab" * 32
    start, end = kinds["register"]["readings"]
    assert int(end["position"]) - int(start["position"]) == int(kinds["register"]["value"])
    assert all(len(place["frame"]) == 64 for place in (start, end))
