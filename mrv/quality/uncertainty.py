"""What an item read from the log states as its uncertainty, by what is on record of how it came to be.

In %, half of the 95 % interval, as text; None where nothing on record says it, and then nothing is guessed. Who gathers
a claim's inputs and who verifies its statement apply the same rule (docs/spec/data-quality.md §4).
"""

from __future__ import annotations

from collections.abc import Iterable

from core.errors import FormError
from core.numbers import decimal_text
from mrv.quality.checks import class_number

BOUNDED_BY_ITSELF = "100"
"""Of a gap filled with a greatest rate: what flowed lies between nothing and what stands for it."""


def of_register(classes: Iterable[str], method: str) -> str | None:
    """The worst of the accuracy classes that a meter had while the difference came about: "0.5" of "0.5S".

    The limit of error of a class is taken as the half width. A difference between ends that were not both measured has
    none, nor one of a meter whose class is no number.
    """
    numbers = []
    for text in classes:
        try:
            numbers.append(class_number(text))
        except FormError:
            return None
    return decimal_text(max(numbers)) if numbers and method == "measured" else None


def of_substitution(rule: str) -> str | None:
    """Of what stands for a gap by a rule of the methodology; None for `zero`, which says nothing of what flowed."""
    return None if rule == "zero" else BOUNDED_BY_ITSELF
