"""The verdict: what each step ended as, when a file is valid, and how a person and a program read it."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from core.error_words import words
from core.errors import VerificationFailed
from core.period import instant_text
from verify.texts import ADVICE, CODES, LABELS, NOTICES, OUTCOMES, STEP_NAMES, STEP_TITLES

DEVELOPMENT_CHAIN = "development-chain"
EARLIER_STEP_FAILED = "earlier-step-failed"


class Outcome(Enum):
    """How a step ended."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_CHECKED = "not-checked"


def plain(text: str) -> str:
    """The text with control and invisible characters spelled out: a file must not draw its own verdict on a screen."""
    return "".join(c if unicodedata.category(c)[0] != "C" and unicodedata.category(c) not in ("Zl", "Zp")
                   else c.encode("unicode_escape").decode() for c in text)


class NotChecked(VerificationFailed):
    """Raised by a step that could not be carried out; `code` is the reason. Never a pass."""


@dataclass(frozen=True)
class StepResult:
    """How step `n` ended. `code`: error code or reason, None when passed; `detail`: what was seen."""

    n: int
    outcome: Outcome
    code: str | None = None
    detail: str = ""

    @property
    def name(self) -> str:
        """The step's stable name."""
        return STEP_NAMES[self.n]

    def as_json(self) -> dict[str, Any]:
        """{"n", "name", "outcome", "code", "detail"}."""
        return {"n": self.n, "name": self.name, "outcome": self.outcome.value, "code": self.code,
                "detail": self.detail}


@dataclass(frozen=True)
class AsOf:
    """What the verdict speaks of: log entries below `index` by the manifest, the chain at `block` (None: none given).

    `time`: that block's time, ms UTC.
    """

    index: int
    block: int | None = None
    time: int | None = None

    def as_json(self) -> dict[str, str | None]:
        """{"index", "block", "time"} as text."""
        return {"index": str(self.index), "block": None if self.block is None else str(self.block),
                "time": None if self.time is None else instant_text(self.time)}


@dataclass(frozen=True)
class Report:
    """The verdict on one file. `required`: steps that must be checked; `notices`: codes a reader must see."""

    steps: tuple[StepResult, ...]
    required: tuple[int, ...]
    allow_development_chain: bool = False
    level: str | None = None
    purpose: str | None = None
    as_of: AsOf | None = None
    notices: tuple[str, ...] = ()

    @property
    def valid(self) -> bool:
        """None failed, and none that is required is unchecked."""
        return all(self._acceptable(step) for step in self.steps)

    def _acceptable(self, step: StepResult) -> bool:
        if step.outcome is Outcome.NOT_CHECKED and step.n in self.required:
            return step.n == 3 and step.code == DEVELOPMENT_CHAIN and self.allow_development_chain
        return step.outcome is not Outcome.FAILED

    def failed(self) -> list[StepResult]:
        """The steps that make it invalid."""
        return [step for step in self.steps if not self._acceptable(step)]

    def as_json(self) -> dict[str, Any]:
        """The document that `carbonseal-verify --json` prints."""
        return {"valid": self.valid, "steps": [step.as_json() for step in self.steps],
                "as_of": self.as_of.as_json() if self.as_of else None, "notices": list(self.notices),
                "level": self.level, "purpose": self.purpose, "required": list(self.required)}

    def as_text(self, language: str = "zh") -> str:
        """A table for a person, one line a step, in "zh" or "en"."""
        column = 0 if language == "zh" else 1
        labels = {name: texts[column] for name, texts in LABELS.items()}
        lines = [labels["valid" if self.valid else "invalid"]]
        if self.level and self.purpose:
            lines.append(f"{labels['level']} {self.level} · {labels['purpose']} {self.purpose}")
        lines += [line for step in self.steps for line in _step_lines(step, column, step.n in self.required, labels)]
        if self.as_of:
            lines.append(_as_of_line(self.as_of, labels))
        lines += [f"! {NOTICES[code][column] if code in NOTICES else code}" for code in self.notices]
        lines.append(labels["claims"])
        return "\n".join(lines)


def _step_lines(step: StepResult, column: int, required: bool, labels: dict[str, str]) -> Sequence[str]:
    mark = {Outcome.PASSED: "✓", Outcome.FAILED: "✗", Outcome.NOT_CHECKED: "–"}[step.outcome]
    outcome = OUTCOMES[step.outcome.value][column]
    reason = f" ({step.code})" if step.code else ""
    optional = "" if required else f" [{labels['optional']}]"
    lines = [f" {mark} {step.n:>2} {STEP_TITLES[step.n][column]}: {outcome}{reason}{optional}"]
    if sentence := _sentence(step.code or "", column):
        lines.append(f"      {sentence}")
    if step.detail:
        lines.append(f"      {step.detail}")
    if step.outcome is Outcome.FAILED:
        lines.append(f"      → {ADVICE[step.n][column]}")
    return lines


def _sentence(code: str, column: int) -> str:
    """What a code means, as far as it has words in this language."""
    found = words(code)
    return (found.what if found else "") if column == 0 else CODES.get(code, "")


def _as_of_line(as_of: AsOf, labels: dict[str, str]) -> str:
    block = "" if as_of.block is None else f", {labels['block']} {as_of.block}"
    time = "" if as_of.time is None else f" ({instant_text(as_of.time)})"
    return f"{labels['as_of']} {as_of.index}{block}{time}"
