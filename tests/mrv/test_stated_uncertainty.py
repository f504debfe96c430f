"""What an item read from the log states as its uncertainty, by the meter's class or the rule for gaps."""

from __future__ import annotations

import pytest

from mrv.definitions.methodology import SUBSTITUTIONS
from mrv.quality.uncertainty import of_register, of_substitution


@pytest.mark.parametrize(("classes", "percent"), [
    (["0.5S"], "0.5"), (["0.2"], "0.2"), (["1.0"], "1"), (["10"], "10"), (["0"], "0")])
def test_the_class_of_a_meter_is_the_limit_of_its_error(classes: list[str], percent: str) -> None:
    assert of_register(classes, "measured") == percent


def test_of_several_classes_the_worst_counts() -> None:
    assert of_register(["0.2S", "1", "0.5"], "measured") == "1"


@pytest.mark.parametrize("classes", [[], ["B"], ["0.5S", "unknown"], ["0.12345"], ["1000"], ["-1"], ["0.5 S"]])
def test_a_meter_whose_class_is_no_number_states_none(classes: list[str]) -> None:
    assert of_register(classes, "measured") is None


@pytest.mark.parametrize("method", ["estimated", "manual"])
def test_the_class_says_nothing_of_an_end_that_was_not_measured(method: str) -> None:
    assert of_register(["0.5S"], method) is None


def test_what_stands_for_a_gap_may_be_wrong_by_all_of_itself() -> None:
    assert {rule: of_substitution(rule) for rule in SUBSTITUTIONS} == {
        "capacity": "100", "greatest-rate": "100", "zero": None}
