"""The guide's YAML works as printed: a sector added without Python, in under 60 lines."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from mrv_helpers import run_methodology

from core.errors import CarbonSealError, InputError
from mrv.authoring.catalogue import RULES, load
from mrv.authoring.lint import findings
from mrv.calculation.run import run
from mrv.calculation.service import evaluate

GUIDE = Path(__file__).parents[2] / "docs/guides/add-a-rule.md"
BLOCKS = re.findall(r"```yaml\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
PLACES = ("parameters/glass.yaml", "formulas/glass.yaml", "methodologies/glass.yaml")


def document(*, allow: bool) -> dict[str, object]:
    def item(value: str, unit: str, digest: str) -> list[dict[str, object]]:
        source = {"type": "document", "digest": digest, "title": "台账"}
        return [{"quantity": {"value": value, "unit": unit}, "source": source, "priority": "1",
                 "method": "measured", "uncertainty": None}]

    return {"subject": "org:glass", "boundary": "厂区", "options": {}, "allow_unconfirmed": allow,
            "period": {"start": "2026-01-31T16:00:00.000Z", "end": "2026-02-28T16:00:00.000Z", "zone": "Asia/Shanghai"},
            "inputs": {"soda_ash": item("100", "t", "ab" * 32), "purity": item("0.9", "1", "cd" * 32)}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("rules") / "rules"
    shutil.copytree(RULES, target)
    for place, text in zip(PLACES, BLOCKS, strict=True):
        (target / place).write_text(text, "utf-8")
    return target


def test_the_sector_of_the_guide_is_computed(folder: Path) -> None:
    result = run(load(folder).ruleset, "inventory.glass", None, document(allow=True), date(2026, 3, 1))
    assert str(result.result) == "37350 kgCO2e"
    assert set(result.notices) == {"after-transcriptions", "unconfirmed-formula", "unconfirmed-methodology",
                                   "unconfirmed-parameter"}


def test_it_is_refused_where_unconfirmed_rules_are_not_allowed(folder: Path) -> None:
    with pytest.raises(InputError) as caught:
        run(load(folder).ruleset, "inventory.glass", None, document(allow=False), date(2026, 3, 1))
    assert caught.value.code == "parameter-unconfirmed"


def test_the_cases_of_the_guide_are_run(folder: Path) -> None:
    catalogue = load(folder)
    ours = [case for case in catalogue.cases if "glass" in case.rule]
    assert [case.kind for case in ours] == ["formula", "formula", "methodology"]
    for case in ours[:2]:
        answer = outcome(lambda case=case: evaluate(catalogue.ruleset, case.rule, case.body["inputs"])["outputs"])
        assert answer == case.body.get("expected", case.body.get("error"))
    body = ours[2].body
    given = body["document"] | {"allow_unconfirmed": True}
    answer = run_methodology(catalogue.ruleset, ours[2].rule, given, date.fromisoformat(body["at"]))
    assert answer["result"] == body["expected"]["result"]


def outcome(action: Callable[[], Any]) -> Any:
    """What an action gives, or the code of the error it ends with."""
    try:
        return action()
    except CarbonSealError as error:
        return error.code


def test_lint_finds_nothing_but_that_the_sector_is_new(folder: Path) -> None:
    released = json.loads((RULES / "released.json").read_text("utf-8"))
    found = {(finding.code, finding.where) for finding in findings(load(folder), released)}
    assert found == {("rule-not-entered", where) for where in (
        "formulas/process.glass@1", "methodologies/inventory.glass@1", "values/glass.soda-ash.2026")}


def test_a_sector_takes_under_sixty_lines() -> None:
    assert sum(len(block.splitlines()) for block in BLOCKS) < 60
