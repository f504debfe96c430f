"""The words by which rules are found: which mean the same, which lead to a rule, how a word is found in a text.

A short Latin word ("OM") is found as a whole word, a longer one where a word begins with it, a Chinese one anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

WHOLE_WORD_CHARS = 3
"""A Latin word of at most so many letters is part of too many others to be looked for within them."""
MAX_PHRASE = 4
"""Words of the longest phrase in the table."""
_HAN = re.compile(r"[\u4e00-\u9fff]{3,}")


@dataclass(frozen=True)
class Vocabulary:
    """Which words mean the same (`same`: by each word all of its group), and which rules a word leads to.

    Words are casefolded.
    """

    same: Mapping[str, tuple[str, ...]]
    leads: Mapping[str, frozenset[str]]

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Vocabulary:
        """The vocabulary of {"same": [[word]], "leads": [{"words", "rules"}]}."""
        same: dict[str, tuple[str, ...]] = {}
        for group in document["same"]:
            folded = tuple(word.casefold() for word in group)
            for word in folded:
                same[word] = tuple(dict.fromkeys((*same.get(word, ()), *folded)))
        leads: dict[str, frozenset[str]] = {}
        for item in document["leads"]:
            for word in item["words"]:
                leads[word.casefold()] = leads.get(word.casefold(), frozenset()) | set(item["rules"])
        return cls(same, leads)

    def words(self) -> set[str]:
        """Every word of the table."""
        return {*self.same, *self.leads}

    def terms(self, words: str) -> tuple[Term, ...]:
        """What is asked for: phrases of the table as one, other words each by itself."""
        tokens = words.casefold().split()
        found: list[Term] = []
        while tokens:
            length = next((n for n in range(min(MAX_PHRASE, len(tokens)), 1, -1)
                           if " ".join(tokens[:n]) in self.words()), 1)
            parts = tuple(self._term(token, ()) for token in tokens[:length]) if length > 1 else ()
            found.append(self._term(" ".join(tokens[:length]), parts or self._cut(tokens[0])))
            tokens = tokens[length:]
        return tuple(found)

    def _term(self, word: str, parts: tuple[Term, ...]) -> Term:
        others = tuple(other for other in self.same.get(word, ()) if other != word)
        return Term(word, others, parts, self.leads.get(word, frozenset()))

    def _cut(self, word: str) -> tuple[Term, ...]:
        """A Chinese compound cut where words of the table are in it: 绿证核发 is 绿证 and 核发."""
        if not _HAN.fullmatch(word):
            return ()
        pieces, rest, known = [], "", self.words()
        while word:
            length = next((n for n in range(len(word), 1, -1) if word[:n] in known), 0)
            if length:
                pieces += [piece for piece in (rest, word[:length]) if piece]
            rest = "" if length else rest + word[0]
            word = word[length or 1:]
        pieces += [rest] if rest else []
        return tuple(self._term(piece, ()) for piece in pieces) if len(pieces) > 1 else ()


PLAIN = Vocabulary({}, {})
"""Each word by itself."""


@dataclass(frozen=True)
class Term:
    """One word asked for: other words for it, the words it is made of, the rules it leads to."""

    word: str
    others: tuple[str, ...]
    parts: tuple[Term, ...]
    rules: frozenset[str]

    def rank(self, name: str, fields: Sequence[str]) -> int:
        """How well it is found in the casefolded fields of a rule, the first being worth most; 0 where it is not."""
        best = 0
        for weight, text in zip(range(2 * len(fields), 0, -2), fields, strict=True):
            best = max(best, weight if holds(text, self.word) else 0,
                       weight - 1 if any(holds(text, other) for other in self.others) else 0)
        led = 2 * len(fields) - 3 if name in self.rules else 0
        parts = min((part.rank(name, fields) for part in self.parts), default=0)
        return max(best, led, parts and max(parts - 1, 1))


def holds(text: str, word: str) -> bool:
    """Whether a casefolded text has a word."""
    return _pattern(word).search(text) is not None if word.isascii() else word in text


@lru_cache(maxsize=4096)
def _pattern(word: str) -> re.Pattern[str]:
    end = r"(?![a-z0-9])" if len(word) <= WHOLE_WORD_CHARS else ""
    return re.compile(rf"(?<![a-z0-9]){re.escape(word)}{end}")
