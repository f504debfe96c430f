"""Every defect is caught by the step that is meant to catch it, and the committed vectors are those of the cases."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from make_vectors import FOLDER, expected, text, trust_of, vectors
from verify_cases import CASES

from core.errors import InputError
from verify.report import Outcome
from verify.texts import CODES
from verify.trust import load_trust
from verify.verifier import verify

UNUSABLE = {"container-not-zip", "container-too-large"}
FOLDERS = sorted(path for path in FOLDER.iterdir() if path.is_dir())


@pytest.mark.parametrize("name", CASES)
def test_each_defect_is_caught_by_its_step_with_its_code(name: str) -> None:
    case = CASES[name]
    if case.code in UNUSABLE:
        with pytest.raises(InputError, match=case.code):
            verify(case.build(), trust_of(case), now=case.now)
        return
    report = verify(case.build(), trust_of(case), now=case.now)
    assert report.valid is case.valid, report.as_text("en")
    if case.step:
        caught = report.steps[case.step - 1]
        assert caught in report.failed()
        assert caught.code == case.code, caught


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_a_committed_vector_gets_its_verdict_from_its_files_alone(folder: Path) -> None:
    wanted = json.loads((folder / "expected.json").read_text())
    trust = load_trust(folder / "trust.json")
    now = None if wanted["now"] is None else int(wanted["now"])
    data = (folder / "file.cseal").read_bytes()
    if wanted["exit"] == 2:
        with pytest.raises(InputError, match=wanted["error"]):
            verify(data, trust, now=now)
        return
    report = verify(data, trust, now=now)
    assert report.valid is wanted["valid"] is (not folder.name.endswith("_fail"))
    assert {str(step.n): {"outcome": step.outcome.value, "code": step.code} for step in report.steps} == wanted["steps"]


def test_the_committed_vectors_are_those_the_cases_give() -> None:
    made = dict(vectors())
    assert sorted(made) == [folder.name for folder in FOLDERS]
    for name, files in made.items():
        for file, content in files.items():
            assert (FOLDER / name / file).read_bytes() == content, f"{name}/{file}: run tests/verify/make_vectors.py"


def test_one_verdict_for_one_file() -> None:
    case = CASES["full"]
    first, second = (text(expected(case, case.build(), trust_of(case))) for _ in range(2))
    assert first == second


def test_every_code_a_case_meets_has_words_for_a_person() -> None:
    parsers = {"json-not-canonical", "cbor-not-canonical", "trie-node-hash", "header-hash", "qbft-seal-foreign",
               "key-unknown", "key-revoked", "signature-invalid", "claim-carried-whole", "document-text"}
    assert {case.code for case in CASES.values() if case.step} - parsers <= set(CODES)


def test_at_least_one_case_fails_in_each_step() -> None:
    assert {case.step for case in CASES.values()} == set(range(11))


def test_a_step_that_rests_on_a_failed_one_is_not_passed() -> None:
    case = CASES["frame-unknown-key"]
    report = verify(case.build(), trust_of(case))
    assert [step.outcome for step in report.steps[5:7]] == [Outcome.NOT_CHECKED, Outcome.NOT_CHECKED]
    assert {step.code for step in report.steps[5:7]} == {"earlier-step-failed"}
