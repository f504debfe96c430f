"""A statement is computed with exactly the options its claim was signed with."""

from __future__ import annotations

from typing import Any

import pytest
from verify_forging import document, world
from verify_world import Lies, World, altered

from core import jcs
from verify.report import StepResult
from verify.verifier import verify


def ninth(made: World, level: str = "full") -> StepResult:
    return verify(made.file(level), made.trust()).steps[8]


def options_of(run: Any, claim: Any, level: str = "full") -> StepResult:
    """Step 9 on a file whose run shows some options and whose claim was signed with others."""
    made = World(Lies(claim={"options": claim}))
    name = "details/complete.json"
    file = altered(made.file(level), {name: document(lambda value: value["records"][0]["record"].update(options=run))})
    return verify(file, made.trust()).steps[8]


def test_the_options_of_an_honest_file_are_the_claim_s() -> None:
    assert jcs.parse(jcs.canonical(world(Lies(kind="emission")).claim.as_json()))["options"] == {"region": "cn"}
    assert ninth(world(Lies(kind="emission"))).code is None


@pytest.mark.parametrize("claimed", [{"region": "js"}, {}, {"region": "cn", "more": "1"}, {"region": ["cn"]}])
def test_other_options_than_the_claim_s_are_refused(claimed: dict[str, Any]) -> None:
    assert ninth(World(Lies(kind="emission", claim={"options": claimed}))).code == "claim-options"


@pytest.mark.parametrize(("run", "claimed"), [
    ({"x": 1}, {"x": True}), ({"x": 0}, {"x": False}), ({"x": None}, {}), ({"x": ""}, {"x": None}),
    ({"x": ["a", "b"]}, {"x": ["b", "a"]}), (None, {})])
def test_what_only_looks_equal_is_another_option(run: Any, claimed: dict[str, Any]) -> None:
    assert options_of(run, claimed).code == "claim-options"
    assert options_of(claimed, claimed).code is None


def test_a_file_that_shows_no_run_cannot_be_asked() -> None:
    made = World(Lies(kind="emission", claim={"options": {"region": "js"}}))
    assert ninth(made, "buyer").code is None
    assert ninth(made, "public").code is None


def test_two_runs_or_none_are_no_answer() -> None:
    made = world()
    for edit in (lambda value: value["records"].pop(0), lambda value: value["records"].insert(0, value["records"][0])):
        file = altered(made.file(), {"details/complete.json": document(edit)})
        assert verify(file, made.trust()).steps[8].code == "claim-options"
