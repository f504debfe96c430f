"""How the quantity of each input came to be: measured, estimated, manual, or substituted for a gap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from core.numbers import CONTEXT, decimal_text
from mrv.calculation.gaps import SUBSTITUTION
from mrv.calculation.inputs import Inputs
from mrv.language.interpreter import round_to

SHARE_DIGITS = 4
"""After the point of a percentage: one part in a million of an input is still seen."""


@dataclass(frozen=True)
class Shares:
    """Percentages of one input by quantity, rounded half up; `substitutions` counts its substituted gaps.

    An input that is zero is wholly what its worst item is.
    """

    measured: Decimal
    estimated: Decimal
    manual: Decimal
    substituted: Decimal
    substitutions: int

    def as_json(self) -> dict[str, str]:
        """{"measured", "estimated", "manual", "substituted", "substitutions"}, percentages as text."""
        return {"measured": decimal_text(self.measured), "estimated": decimal_text(self.estimated),
                "manual": decimal_text(self.manual), "substituted": decimal_text(self.substituted),
                "substitutions": str(self.substitutions)}


_KINDS = ("measured", "estimated", "manual", "substituted")


def shares_of(inputs: Inputs) -> dict[str, Shares]:
    """The shares of every input given, by name."""
    return {name: _shares(inputs, name) for name in inputs.items}


def _shares(inputs: Inputs, name: str) -> Shares:
    unit = inputs.rules[name].unit
    amounts = dict.fromkeys(_KINDS, Decimal(0))
    kinds = []
    for item in inputs.items[name]:
        kind = "substituted" if item.source["type"] == SUBSTITUTION else item.document["method"]
        amounts[kind] = CONTEXT.add(amounts[kind], item.quantity.to(unit).value)
        kinds.append(kind)
    count = kinds.count("substituted")
    total = sum(amounts.values(), Decimal(0))
    if total == 0:
        amounts, total = {max(kinds, key=_KINDS.index): Decimal(1)}, Decimal(1)
    measured, estimated, manual, substituted = (_share(amounts, kind, total) for kind in _KINDS)
    return Shares(measured, estimated, manual, substituted, count)


def _share(amounts: Mapping[str, Decimal], kind: str, total: Decimal) -> Decimal:
    share = CONTEXT.divide(CONTEXT.multiply(amounts.get(kind, Decimal(0)), Decimal(100)), total)
    return round_to(share, "round", SHARE_DIGITS)
