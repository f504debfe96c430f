"""Whole methodologies: Python and TypeScript give the same bytes, result, trace, notices and errors alike."""

from __future__ import annotations

import importlib.util
import json
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import portal_helpers as portal
import portal_operators as operators
import portal_runs as runs
import pytest

from core.quantity import Quantity
from mrv.authoring.catalogue import Catalogue
from mrv.definitions.ruleset import RuleSet

SEED = 20261122
SHARED_CASES = Path(__file__).parents[1] / "mrv" / "test_shared_cases.py"

CODES = {"amount-zero", "carry-not-allowed", "hex-malformed", "id-malformed", "input-missing", "input-repeated",
         "input-unknown", "inputs-malformed", "inputs-overlap", "instant-malformed", "not-conservative",
         "number-not-canonical", "option-malformed", "option-missing", "option-unknown", "out-of-range",
         "parameter-missing", "parameter-unconfirmed", "parts-malformed", "period-crosses-change", "period-empty",
         "period-malformed", "period-outside", "priority-mismatch", "quantity-malformed", "rule-not-in-force",
         "source-mismatch", "source-not-allowed", "source-priority-dropped", "split-not-allowed",
         "reading-stale", "gap-uncovered", "reading-after-statement", "unit-mismatch",
         "unit-unknown", "zone-unknown"}
NOTICES = {"unconfirmed-parameter", "unconfirmed-formula", "unconfirmed-methodology", "period-split",
           "source-priority-dropped", "uncertainty-partial", "uncertainty-not-carried", "substituted-input",
           "estimated-input", "manual-input", "declared-input", "example-input",
           "gap-uncovered", "coverage-partial"}


@pytest.fixture(scope="module")
def documents(catalogue: Catalogue) -> dict[str, Any]:
    return catalogue.ruleset.documents() | runs.vector_documents() | operators.operator_rules()


@pytest.fixture(scope="module")
def worked(catalogue: Catalogue) -> list[runs.Run]:
    return (runs.worked_runs(catalogue.cases) + runs.vector_runs() + runs.metered_runs()
            + operators.operator_runs())


def differences(ours: list[bytes], theirs: list[bytes]) -> list[str]:
    """Where the answers part, with what stands around it."""
    assert len(ours) == len(theirs)
    found = []
    for number, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        if a != b:
            at = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
            near = slice(max(0, at - 80), at + 160)
            found.append(f"{number}\n  python     {a[near]!r}\n  typescript {b[near]!r}")
    return found


def compare(ruleset: RuleSet, documents_file: Path, given: list[runs.Run]) -> list[dict[str, Any]]:
    """The answers of both, equal byte for byte."""
    ours = runs.python_runs(ruleset, given)
    theirs = portal.run_tool("answer", "run", str(documents_file), stdin=b"\n".join(runs.request_lines(given)))
    assert differences(ours, theirs)[:3] == []
    return [json.loads(line) for line in ours]


def check_spread(answers: list[dict[str, Any]]) -> None:
    """The comparison was of numbers and of every kind of refusal, not of one kind many times."""
    codes = Counter(answer["error"]["code"] for answer in answers if "error" in answer)
    assert len(CODES & codes.keys()) >= len(CODES) - 3
    assert 0.15 < sum("run" in answer for answer in answers) / len(answers) < 0.7
    assert len(NOTICES & notices_of(answers)) >= len(NOTICES) - 2


def test_the_random_runs_draw_documents_that_cover_a_share_of_the_period(
        ruleset: RuleSet, documents_file: Path, documents: dict[str, Any], worked: list[runs.Run]) -> None:
    """Fairly and unfairly: in shares side by side, of one account for one time, and outside the period."""
    drawn = runs.Runs(SEED, documents, worked, unfair=0).draw(5_000)
    covering = [run for run in drawn if '"covers"' in json.dumps(run)]
    answers = compare(ruleset, documents_file, covering)
    codes = Counter(answer["error"]["code"] for answer in answers if "error" in answer)
    assert sum("run" in answer for answer in answers) >= 10
    assert {"period-outside", "inputs-overlap"} <= codes.keys()


def notices_of(answers: list[dict[str, Any]]) -> set[str]:
    return {notice for answer in answers for notice in answer.get("run", {}).get("notices", ())}


def test_every_case_beside_a_methodology_gives_the_same_bytes(ruleset: RuleSet, documents_file: Path,
                                                              worked: list[runs.Run]) -> None:
    answers = compare(ruleset, documents_file, worked)
    assert sum("run" in answer for answer in answers) > 25
    assert {run["methodology"].partition("@")[0] for run in worked} == {
        methodology.id for methodology in ruleset.methodologies.values()}


def test_uncertainty_of_every_input_is_carried_alike(ruleset: RuleSet, documents_file: Path,
                                                     worked: list[runs.Run]) -> None:
    given = deepcopy(worked)
    for run in given:
        groups = [part["inputs"] for part in run["inputs"].get("parts", [run["inputs"]])]
        for number, item in enumerate(item for group in groups for items in group.values() for item in items):
            item["uncertainty"] = str(number % 7)
    answers = compare(ruleset, documents_file, given)
    stated = [answer["run"]["quality"]["stated"].get("quality.uncertainty") for answer in answers if "run" in answer]
    assert sum(value is not None and value["value"] != "0" for value in stated) > 15
    assert "uncertainty-not-carried" in notices_of(answers)


def test_two_thousand_random_runs_give_the_same_bytes(ruleset: RuleSet, documents_file: Path, documents: dict[str, Any],
                                                      worked: list[runs.Run]) -> None:
    check_spread(compare(ruleset, documents_file, runs.Runs(SEED, documents, worked).draw(2_000)))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_fifty_thousand_random_runs_give_the_same_bytes(seed: int, ruleset: RuleSet, documents_file: Path,
                                                        documents: dict[str, Any], worked: list[runs.Run]) -> None:
    check_spread(compare(ruleset, documents_file, runs.Runs(seed, documents, worked).draw(5_000)))


def test_what_is_no_inputs_document_is_refused_alike(ruleset: RuleSet, documents_file: Path) -> None:
    shapes: tuple[Any, ...] = (None, 5, "x", [], {}, {"period": None}, {"period": {"start": 1}})
    given = [{"methodology": name, "at": "2026-12-05", "inputs": inputs}
             for name in ("inventory.glass", "no.such", "a@b@c", "") for inputs in shapes]
    answers = compare(ruleset, documents_file, given)
    assert {answer["error"]["code"] for answer in answers} == {"inputs-malformed", "period-malformed"}


def test_ten_thousand_quantities_are_read_and_not_one_more(ruleset: RuleSet, documents_file: Path) -> None:
    run = runs.vector_runs()[0]
    [item] = run["inputs"]["inputs"]["soda_ash"]
    given = []
    for count in (10_000, 10_001):
        items = [item | {"source": item["source"] | {"digest": f"{i:064x}"}} for i in range(count)]
        given.append(run | {"inputs": run["inputs"] | {"inputs": {"soda_ash": items}}})
    answers = compare(ruleset, documents_file, given)
    assert [answer["error"]["code"] for answer in answers] == ["input-missing", "inputs-too-many"]


def test_a_methodology_is_named_with_or_without_its_version(ruleset: RuleSet, documents_file: Path) -> None:
    inputs = runs.vector_runs()[0]["inputs"]
    names = ("inventory.glass", "inventory.glass@1", "inventory.glass@2", "inventory.glas", "inventory.glass@")
    given = [{"methodology": name, "at": "2026-12-05", "inputs": inputs} for name in names]
    answers = compare(ruleset, documents_file, given)
    assert ["run" in answer for answer in answers] == [True, True, False, False, True]
    assert answers[2]["error"]["code"] == "methodology-unknown"


def around_the_change(zone: str) -> list[runs.Run]:
    """Periods that end hour by hour, and a millisecond later, around 1 July 2026, when the factor changes."""
    ends = [f"2026-{'06-30' if hour < 0 else '07-01'}T{hour % 24:02d}:00:00.{shift}" for hour in range(-14, 15)
            for shift in ("000Z", "001Z")]
    inputs = runs.vector_runs()[0]["inputs"]
    return [{"methodology": "inventory.glass", "at": "2026-12-05", "inputs": inputs | {"period": {
        "start": "2026-05-20T00:00:00.000Z", "end": end, "zone": zone}}} for end in ends]


def test_both_put_the_midnight_of_a_change_in_the_same_place(ruleset: RuleSet, documents_file: Path) -> None:
    known = ("Asia/Shanghai", "UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Europe/London", "America/St_Johns",
             "Etc/GMT+12", "Asia/Calcutta", "GMT")
    zones = (*known, "Mars/Olympus", "+08:00")
    given = [(zone, run) for zone in zones for run in around_the_change(zone)]
    answers = compare(ruleset, documents_file, [run for _, run in given])
    outcomes: dict[str, list[str]] = {zone: [] for zone in zones}
    for (zone, _), answer in zip(given, answers, strict=True):
        outcomes[zone].append(answer["error"]["code"] if "error" in answer else "a number")
    for zone, seen in outcomes.items():
        assert set(seen) == ({"a number", "period-crosses-change"} if zone in known else {"zone-unknown"})
        assert seen == sorted(seen), "before the change a number, after it none"


def test_a_period_to_the_end_of_the_calendar_is_refused_alike(ruleset: RuleSet, documents_file: Path) -> None:
    inputs = runs.vector_runs()[0]["inputs"]
    given = [{"methodology": "inventory.glass", "at": "2026-12-05", "inputs": inputs | {"period": {
        "start": "9999-12-30T00:00:00.000Z", "end": f"9999-12-31T{hour}:59:59.999Z", "zone": "Asia/Shanghai"}}}
        for hour in ("15", "16", "23")]
    answers = compare(ruleset, documents_file, given)
    assert [answer.get("error", {}).get("code") for answer in answers] == [None, "period-malformed", "period-malformed"]


def test_every_parameter_at_every_date_is_the_same_value(ruleset: RuleSet, documents_file: Path) -> None:
    keys = [value.key for item in ruleset.parameters.values() for value in item.values]
    paths = [*ruleset.parameters, *keys, "no.such"]
    dates = ("2019-06-30", "2022-02-28", "2023-12-31", "2024-01-01", "2026-02-31", "2026-06-30", "2026-07-01")
    questions = [(path, at) for path in paths for at in dates]
    ours = runs.python_parameters(ruleset, questions)
    lines = [portal.written({"id": i, "parameter": path, "at": at}) for i, (path, at) in enumerate(questions)]
    theirs = portal.run_tool("answer", "parameter", str(documents_file), stdin=b"\n".join(lines))
    assert differences(ours, theirs)[:3] == []
    codes = Counter(json.loads(line).get("error", {}).get("code") for line in ours)
    assert codes.keys() == {None, "rule-not-in-force", "parameter-missing", "date-malformed"}
    assert codes[None] > len(questions) // 2


def shared_cases() -> Iterator[tuple[str, list[Any]]]:
    """Each of the 49 published cases with the formula calls and parameter readings its adapter makes."""
    spec = importlib.util.spec_from_file_location("shared_cases", SHARED_CASES)
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    calls: list[Any] = []
    call, read = module.formula, module.parameter

    def formula(name: str, **inputs: Any) -> Any:
        calls.append({"formula": name, "inputs": given(inputs)})
        return call(name, **inputs)

    def parameter(rules: Any, path: str, at: Any) -> Any:
        calls.append({"parameter": path, "at": at.isoformat()})
        return read(rules, path, at)

    module.formula, module.parameter = formula, parameter
    for case in module.CASES:
        calls.clear()
        module.ADAPTERS[case["rule"]](case["inputs"])
        yield case["id"], list(calls)


def given(value: Any) -> Any:
    """Values of a formula call as JSON."""
    if isinstance(value, Quantity):
        return value.as_json()
    if isinstance(value, dict):
        return {name: given(item) for name, item in value.items()}
    return [given(item) for item in value] if isinstance(value, list | tuple) else {"value": value, "unit": "text"}


def test_the_forty_nine_published_cases_are_computed_alike(ruleset: RuleSet, documents_file: Path) -> None:
    cases = list(shared_cases())
    assert len(cases) == 49
    # Three cases are of a conversion or a rounding alone, which the vectors of the operators hold.
    assert sum(not calls for _, calls in cases) <= 3
    requests = [call for _, calls in cases for call in calls]
    formulas = [portal.written({"id": i, **call}) for i, call in enumerate(requests) if "formula" in call]
    ours = portal.python_answers(ruleset, formulas)
    theirs = portal.run_tool("eval-batch", str(documents_file), stdin=b"\n".join(formulas))
    assert differences(ours, theirs) == []
    assert all(b'"outputs"' in line for line in ours)
    asked = [(call["parameter"], call["at"]) for call in requests if "parameter" in call]
    lines = [portal.written({"id": i, "parameter": path, "at": at}) for i, (path, at) in enumerate(asked)]
    theirs = portal.run_tool("answer", "parameter", str(documents_file), stdin=b"\n".join(lines))
    assert differences(runs.python_parameters(ruleset, asked), theirs) == []
