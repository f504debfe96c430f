"""`python -m mrv.authoring.lint` on files as people break them: a code and a place, never a stack."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mrv.authoring.catalogue import RULES
from mrv.authoring.lint import RELEASED, main


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(RULES, tmp_path / "rules")
    return tmp_path / "rules"


def said(folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    assert main([], RELEASED, folder) == 1
    return capsys.readouterr().out


def add(folder: Path, text: str) -> None:
    (folder / "parameters" / "extra.yaml").write_text(text, encoding="utf-8")


def family(select: str, *values: str) -> str:
    shared = 'shared: {select: ' + select + ', unit: "1", status: published, date_status: known}\n'
    return (shared + "parameters:\n  test.extra:\n    title: {zh: 测试, en: test}\n    values:\n"
            + "".join(f"      - {value}\n" for value in values))


def test_a_duplicate_date_is_told_with_its_parameter(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add(folder, family("latest-published", '{key: a, value: "1", published: 2025-01-01, source: s}',
                       '{key: b, value: "2", published: 2025-01-01, source: s}'))
    assert said(folder, capsys).startswith("parameter-overlap: test.extra")


def test_a_value_without_a_source_is_told_with_the_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add(folder, family("fixed", '{key: a, value: "1"}'))
    out = said(folder, capsys)
    assert "extra.yaml" in out
    assert out.split(":")[0] in ("parameter-unsourced", "rule-malformed")


def test_a_methodology_changed_without_its_version_is_told_by_its_digest(
        folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "methodologies" / "inventory-enterprise-2025.yaml"
    path.write_text(path.read_text("utf-8").replace("digits: 0", "digits: 1"), "utf-8")
    assert "rule-changed: methodologies/inventory.enterprise@2" in said(folder, capsys)


def test_what_is_no_yaml_is_told_with_the_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add(folder, "shared: [")
    assert said(folder, capsys).startswith("yaml-malformed: extra.yaml")


@pytest.mark.parametrize(("dates", "code"), [
    ("from: 2025-13-01, to: null", "date-malformed"), ("from: 2025-01-01, to: 2025-01-01", "validity-empty"),
    ("published: 1 May", "date-malformed")])
def test_a_date_out_of_form_is_told_with_its_place(folder: Path, capsys: pytest.CaptureFixture[str], dates: str,
                                                   code: str) -> None:
    add(folder, family("in-force", f'{{key: a, value: "1", {dates}, date_status: known, source: s}}'))
    out = said(folder, capsys)
    assert out.startswith(f"{code}: ")
    assert "test.extra" in out
