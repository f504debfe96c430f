"""When a verdict is valid, and what a person and a program read in it."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import pytest
from verify_forging import document, world
from verify_world import Lies, World, altered

from ledger.checkpoint import WitnessPolicy
from verify.report import AsOf, Outcome, Report, StepResult
from verify.texts import ADVICE
from verify.trust import STEPS
from verify.verifier import verify

PASSED, FAILED, UNCHECKED = Outcome.PASSED, Outcome.FAILED, Outcome.NOT_CHECKED


def report(outcomes: dict[int, StepResult] | None = None, **changes: Any) -> Report:
    steps = tuple((outcomes or {}).get(n, StepResult(n, PASSED)) for n in STEPS)
    return Report(steps, **({"required": STEPS} | changes))


def test_ten_passed_steps_are_valid() -> None:
    assert report().valid
    assert report().failed() == []


@pytest.mark.parametrize(("n", "required"), list(product(STEPS, (STEPS, ()))))
def test_one_failed_step_is_not_valid_whether_required_or_not(n: int, required: tuple[int, ...]) -> None:
    verdict = report({n: StepResult(n, FAILED, "x")}, required=required)
    assert not verdict.valid
    assert [step.n for step in verdict.failed()] == [n]


@pytest.mark.parametrize("n", STEPS)
def test_an_unchecked_step_counts_only_where_it_is_required(n: int) -> None:
    step = {n: StepResult(n, UNCHECKED, "details-absent")}
    assert not report(step).valid
    assert report(step, required=tuple(other for other in STEPS if other != n)).valid


@pytest.mark.parametrize(("n", "code", "allowed", "valid"), [
    (3, "development-chain", True, True), (3, "development-chain", False, False), (3, "anchor-not-given", True, False),
    (10, "development-chain", True, False), (3, "earlier-step-failed", True, False)])
def test_only_the_third_step_may_be_excused_and_only_on_a_development_chain(
        n: int, code: str, allowed: bool, valid: bool) -> None:
    assert report({n: StepResult(n, UNCHECKED, code)}, allow_development_chain=allowed).valid is valid


def test_a_failure_on_a_development_chain_is_never_excused() -> None:
    assert not report({3: StepResult(3, FAILED, "development-chain")}, allow_development_chain=True).valid


def test_the_json_form_is_plain_and_complete() -> None:
    made = report({7: StepResult(7, FAILED, "body-mismatch", "block 5")}, level="full", purpose="certificate",
                  as_of=AsOf(20, 7, 0), notices=("no-witnesses",))
    value = json.loads(json.dumps(made.as_json()))
    assert value["steps"][6] == {"n": 7, "name": "inputs", "outcome": "failed", "code": "body-mismatch",
                                 "detail": "block 5"}
    assert value["as_of"] == {"index": "20", "block": "7", "time": "1970-01-01T00:00:00.000Z"}
    assert (value["valid"], value["level"], value["purpose"]) == (False, "full", "certificate")
    assert value["notices"] == ["no-witnesses"]
    assert value["required"] == list(STEPS)


def test_without_a_chain_the_verdict_names_the_index_alone() -> None:
    assert AsOf(20).as_json() == {"index": "20", "block": None, "time": None}
    assert "as of log entry 20\n" in report(as_of=AsOf(20)).as_text("en")


def test_a_person_reads_verdict_steps_reasons_and_limits() -> None:
    made = report({6: StepResult(6, UNCHECKED, "frames-absent", "no frames")}, required=(1,), level="public",
                  purpose="certificate", as_of=AsOf(5, 9, 1000), notices=("no-witnesses", "a-new-code"))
    english, chinese = made.as_text("en"), made.as_text("zh")
    assert english.startswith("Verdict: valid\n")
    assert chinese.startswith("结论")
    assert "The file holds no frames." in english
    assert "6 Frames complete: not checked (frames-absent) [not required]" in english
    assert "block 9 (1970-01-01T00:00:01.000Z)" in english
    assert "! a-new-code" in english
    assert english.count("\n") == chinese.count("\n")


def test_required_steps_are_not_marked_optional() -> None:
    assert "[not required]" not in report().as_text("en")


# What is said aloud.

def test_the_verdict_says_who_signed_the_readings_and_what_was_simulated() -> None:
    made = world(Lies(kind="emission"))
    notices = verify(made.file(), made.trust()).notices
    assert {"gateway-signed", "simulated-source", "gaps"} <= set(notices)
    assert list(notices) == sorted(set(notices))


def test_a_reader_without_witnesses_is_told_so() -> None:
    made = world()
    assert "no-witnesses" in verify(made.file("public"), made.trust(witnesses=WitnessPolicy())).notices
    assert "no-witnesses" not in verify(made.file("public"), made.trust()).notices


def test_flagged_readings_that_were_passed_over_are_said() -> None:
    made = World(Lies(earlier_reading=1, completeness={"flagged": "1"}))
    verdict = verify(made.file(), made.trust())
    assert verdict.valid, verdict.as_text("en")
    assert "readings-passed-over" in verdict.notices
    assert "1 flagged readings passed over" in verdict.steps[6].detail


@pytest.mark.parametrize(("earlier", "code"), [(1, None), (2, "staleness-exceeded")])
def test_a_boundary_reading_is_as_old_as_the_methodology_admits(earlier: int, code: str | None) -> None:
    made = World(Lies(earlier_reading=earlier, completeness={"flagged": "9"}))
    assert verify(made.file(), made.trust()).steps[7].code == code


# Rules.

@pytest.mark.parametrize(("fields", "code"), [
    ({"boundary": "屋顶光伏二期"}, "exclusivity_key"), ({"date": "2026-11-18"}, "date"),
    ({"certificate": {"amount": "31", "unit": "MWh"}}, "certificate"), ({"intervals": []}, "intervals"),
    ({"outputs": {}}, "outputs"), ({"carried_out": {"value": "1", "unit": "MWh"}}, "carried_out")])
def test_whatever_the_statement_says_otherwise_the_rules_say_so(fields: dict[str, Any], code: str) -> None:
    made = World(Lies(statement=fields))
    eighth = verify(made.file(), made.trust()).steps[7]
    assert eighth.code == "statement-mismatch"
    assert code in eighth.detail


@pytest.mark.parametrize(("change", "code"), [
    (lambda v: v.update({"formulas/extra@1": v["formulas/green-power.whole-units@1"]}), "rules-digest"),
    (lambda v: v["methodologies/green-power.pv@1"].update(notices=[]), "rules-digest"),
    (lambda v: v.clear(), "methodology-digest"),
    (lambda v: v.update({"notes/x": {}}), "rules-digest")])
def test_rules_that_were_not_released_are_refused(change: Any, code: str) -> None:
    made = world()
    file = altered(made.file(), {"rules/documents.json": document(change)})
    assert verify(file, made.trust()).steps[7].code == code


def test_a_release_after_the_statement_is_refused() -> None:
    made = World()
    made.release = made.append(made.entries[made.release])
    made.__dict__.pop("leaves", None)
    made.checkpoint = made._seal()
    assert verify(made.file(), made.trust()).steps[7].code == "rules-release"


def test_details_of_another_run_do_not_rebuild_the_statement() -> None:
    made = world()
    def other_date(value: Any) -> None:
        value["records"][0]["record"]["date"] = "2024-01-01"
    verdict = verify(altered(made.file(), {"details/complete.json": document(other_date)}), made.trust())
    assert verdict.steps[6].code == "details-root"
    assert verdict.steps[7].outcome is FAILED


@pytest.mark.parametrize(("language", "column"), [("zh", 0), ("en", 1)])
def test_each_step_that_fails_says_what_to_do_and_no_other_does(language: str, column: int) -> None:
    for n in STEPS:
        steps = tuple(StepResult(m, Outcome.FAILED if m == n else Outcome.PASSED, "some-code" if m == n else None)
                      for m in STEPS)
        lines = [line.strip() for line in Report(steps, tuple(STEPS)).as_text(language).splitlines()]
        assert [line for line in lines if line.startswith("→")] == [f"→ {ADVICE[n][column]}"]
