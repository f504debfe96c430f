"""Reads the table of words by which rules are found (mrv/rules/words.yaml): for search alone, part of no digest."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from core.errors import FormError
from mrv.authoring.catalogue import RULES, read_yaml
from mrv.definitions.vocabulary import Vocabulary

WORDS = RULES / "words.yaml"


@cache
def vocabulary(path: Path = WORDS) -> Vocabulary:
    """The table that comes with this version. Raises FormError (rule-malformed, yaml-malformed) naming the file."""
    document = read_yaml(path)
    if set(document) != {"same", "leads"} or not all(map(_is_words, document["same"])) \
            or not all(_is_lead(item) for item in document["leads"]):
        raise FormError("rule-malformed", "a table of words has same: lists of words, leads: words and rules",
                        where=path.name, hint="{same: [[word, word]], leads: [{words: [word], rules: [id]}]}")
    return Vocabulary.from_document(document)


def _is_words(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(word, str) for word in value)


def _is_lead(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"words", "rules"} and all(map(_is_words, value.values()))
