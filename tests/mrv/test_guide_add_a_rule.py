"""The guide's YAML works as printed: a sector added without Python, in under 60 lines."""

from __future__ import annotations

import re
import shutil
from datetime import date
from pathlib import Path

import pytest

from core.errors import InputError
from mrv.catalogue import RULES, load
from mrv.run import run

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


def test_a_sector_takes_under_sixty_lines() -> None:
    assert sum(len(block.splitlines()) for block in BLOCKS) < 60
