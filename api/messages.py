"""Titles of problems: in Chinese that of the code, in English that of the branch, a closer one for frequent codes.

Those of codes stand in core/error_words.json.
"""

from __future__ import annotations

from core.error_words import words
from core.errors import (
    CarbonSealError,
    Forbidden,
    FormError,
    InputError,
    NotFound,
    Refused,
    Unavailable,
    VerificationFailed,
)

LANGUAGES = ("zh", "en")

BY_BRANCH: dict[type[CarbonSealError], tuple[str, str]] = {
    NotFound: ("未找到", "Not found"),
    FormError: ("格式错误", "Not well formed"),
    InputError: ("输入无法使用", "The input cannot be used"),
    Forbidden: ("无权操作", "Not allowed"),
    Refused: ("已拒绝", "Refused"),
    VerificationFailed: ("核验未通过", "A check failed"),
    Unavailable: ("服务暂不可用", "Temporarily unavailable"),
    CarbonSealError: ("错误", "Error"),
}


def title(error: CarbonSealError, language: str) -> str:
    """The short title of an error for a person; `language` is "zh" or "en"."""
    found = words(error.code)
    branch = next(BY_BRANCH[kind] for kind in type(error).__mro__ if kind in BY_BRANCH)
    if found is None:
        return branch[LANGUAGES.index(language)]
    return found.what.removesuffix("。") if language == "zh" else found.title_en or branch[1]


def preferred(accept_language: str) -> str:
    """"zh" or "en", whichever an Accept-Language header ranks higher; Chinese when it names neither."""
    ranked: list[tuple[float, int, str]] = []
    for position, part in enumerate(accept_language[:1_000].split(",")):
        tag, _, quality = part.strip().partition(";q=")
        language = tag.strip().lower()[:2]
        if language in LANGUAGES:
            ranked.append((-_quality(quality), position, language))
    return min(ranked)[2] if ranked and min(ranked)[0] < 0 else "zh"


def _quality(text: str) -> float:
    try:
        return min(max(float(text), 0.0), 1.0) if text else 1.0
    except ValueError:
        return 0.0
