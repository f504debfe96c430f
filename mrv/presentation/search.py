"""Finds rules by the words of a practitioner: other words for the same thing, both languages, the best hits first.

Every word asked for must be found. Pure: the table of words is an argument.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import TypeVar

from mrv.definitions.vocabulary import Vocabulary

T = TypeVar("T")

MAX_NEAR = 6
NEARNESS = {True: 3 / 4, False: 1 / 2}
"""Share of letters that agree: a Latin word has more of them than a Chinese one."""


def ranked(items: Iterable[T], words: str, vocabulary: Vocabulary,
           fields: Callable[[T], tuple[str, Sequence[Iterable[str]]]]) -> list[T]:
    """The items that have each word, the best first and else in their order; all of them where no word is given.

    `fields`: the name of an item and its texts, in groups by falling weight.
    """
    terms = vocabulary.terms(words)
    if not terms:
        return list(items)
    found = []
    for item in items:
        name, groups = fields(item)
        folded = ["\n".join(group).casefold() for group in groups]
        ranks = [term.rank(name, folded) for term in terms]
        if all(rank > 0 for rank in ranks):
            found.append((-sum(ranks), item))
    return [item for _, item in sorted(found, key=lambda pair: pair[0])]


def near_words(words: str, vocabulary: Vocabulary, texts: Iterable[str]) -> list[str]:
    """Words of the table and of texts that are spelled much like one of those asked for."""
    asked = words.casefold().split()
    known = sorted((vocabulary.words() | set(_words_of(texts))) - set(asked))
    near = [get_close_matches(word, known, MAX_NEAR, NEARNESS[word.isascii()]) for word in asked[:MAX_NEAR]]
    return list(dict.fromkeys(word for found in near for word in found))[:MAX_NEAR]


def _words_of(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        yield from re.findall(r"[a-z][a-z0-9]{3,}|[\u4e00-\u9fff]{2,}", text.casefold())
