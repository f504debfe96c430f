"""Every error in Chinese, by its code: what is wrong and what to do (error_words.json; tests/test_error_words.py).

The message of an error stays English: it names values and places as programs log them. A sentence here holds for every
place that raises its code.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from core.errors import CarbonSealError

_LABELS = {"zh": ("位置", "怎么办"), "en": ("where", "what to do")}
_MESSAGE = "详情"


@dataclass(frozen=True)
class Words:
    """`what` is wrong and what to `do`, in Chinese; `title_en`: title of a frequent problem, "" for its branch's."""

    what: str
    do: str
    title_en: str = ""


@cache
def all_words() -> dict[str, Words]:
    """Code → its words; the file is read when an error is first told."""
    text = files("core").joinpath("error_words.json").read_text(encoding="utf-8")
    return {code: Words(**members) for code, members in json.loads(text).items()}


def words(code: str) -> Words | None:
    """The words of a code; None for one that is not of this version (a newer node's)."""
    return all_words().get(code)


def as_document(error: CarbonSealError) -> dict[str, Any]:
    """The error for programs: its own members, and `message_zh` and `hint_zh` where its code has words."""
    found = words(error.code)
    chinese = {"message_zh": found.what, "hint_zh": found.do} if found else {}
    return {**error.as_dict(), **chinese}


def headline(error: CarbonSealError, language: str) -> str:
    """What is wrong in one line, beside the code: in "zh" the Chinese sentence, else the message."""
    found = words(error.code) if language == "zh" else None
    return found.what if found else error.message


def particulars(error: CarbonSealError, language: str) -> list[str]:
    """The lines below the headline: in "zh" the message too, and what to do in Chinese before the place's own hint."""
    found = words(error.code) if language == "zh" else None
    where, what_to_do = _LABELS[language]
    advice = [text for text in (found.do if found else "", error.hint) if text]
    lines = [f"{_MESSAGE}: {error.message}"] if found else []
    lines += [f"{where}: {error.where}"] if error.where else []
    lines += [f"{what_to_do}: {advice[0]}"] if advice else []
    return ["  " + line for line in (*lines, *("  " + text for text in advice[1:]))]
