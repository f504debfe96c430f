"""The specification, the words for people and the code name the same steps and codes."""

from __future__ import annotations

import re
from pathlib import Path

from verify.members import required
from verify.readme import README
from verify.report import NotChecked, Outcome, Report, StepResult
from verify.texts import CODES, LABELS, NOTICES, OUTCOMES, STEP_NAMES, STEP_TITLES
from verify.trust import STEPS
from verify.verifier import CHECKS

ROOT = Path(__file__).resolve().parents[2]
SPEC = (ROOT / "docs" / "spec" / "evidence.md").read_text(encoding="utf-8")
STEP_TEXT = SPEC.partition("## The steps")[2].partition("## The command")[0]
CODE = re.compile(r"`([a-z0-9]+(?:-[a-z0-9]+)+)`")
# Words between backticks in the section that are no codes of verify/.
NO_CODES = {"earlier-step-failed"}


def raised() -> set[str]:
    """Codes that stand in the source of verify/ itself."""
    source = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "verify").rglob("*.py")
                       if path.name != "texts.py")
    return set(re.findall(r'(?:VerificationFailed|NotChecked|FormError|InputError)\(\s*"([a-z0-9-]+)"', source))


def test_every_code_the_verifier_raises_is_in_the_specification() -> None:
    trust = {code for code in raised() if code.startswith("trust-")} | {"evidence-unreadable", "key-malformed"}
    shared = {"header-malformed", "hex-malformed", "statement-schema", "history-chain"}
    assert raised() - trust - shared - set(CODE.findall(STEP_TEXT)) == set()


def test_every_code_of_the_verifier_has_words() -> None:
    trust = {code for code in raised() if code.startswith("trust-")} | {"evidence-unreadable", "key-malformed"}
    shared = {"header-malformed", "hex-malformed", "statement-schema", "history-chain"}
    assert raised() - trust - shared <= set(CODES)


def test_every_word_is_chinese_and_english() -> None:
    assert all(english.isascii() for english in CODES.values())
    for table in (LABELS, NOTICES, OUTCOMES, STEP_TITLES):
        for chinese, english in table.values():
            assert re.search(r"[\u4e00-\u9fff]", chinese)
            assert english.isascii()


def test_the_specification_lists_the_ten_steps_by_name_and_number() -> None:
    for n, name in STEP_NAMES.items():
        assert f"**{n} " in STEP_TEXT
        assert name in SPEC
    assert tuple(CHECKS) == STEPS == tuple(STEP_NAMES)


def test_each_step_module_says_its_number() -> None:
    for n, check in CHECKS.items():
        assert check.__module__.startswith("verify.steps.")
        module = (ROOT / "verify" / "steps" / f"{check.__module__.rpartition('.')[2]}.py").read_text(encoding="utf-8")
        assert module.startswith(f'"""Step {n}:')


def test_members_of_the_specification_are_those_of_the_code() -> None:
    table = SPEC.partition("## Members")[2].partition("### bundle.json")[0]
    for level in ("public", "buyer", "auditor", "full"):
        for name in required(level, "certificate"):
            assert f"`{name}`" in table


def test_the_readme_says_what_is_not_proven_in_both_languages() -> None:
    text = README.decode()
    assert "不能证明的" in text
    assert "What it does not" in text
    assert "绿证" in text
    assert "carbonseal-verify" in text


def test_not_checked_is_no_pass() -> None:
    for code in ("development-chain", "earlier-step-failed"):
        step = StepResult(4, Outcome.NOT_CHECKED, code)
        assert not Report((step,), (4,), allow_development_chain=True).valid
    assert issubclass(NotChecked, Exception)
