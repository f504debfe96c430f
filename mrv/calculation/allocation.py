"""Shares of whole units without a remainder: nothing is created, nothing is lost (docs/spec/rules.md §6).

In proportion: every share is floored, then the units left go one each to the largest quantities first, ties in input
order. Quantities are integers (Wh, certificates), so that conservation is exact.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.errors import InputError, quoted


def proportional(supplies: Sequence[int], demand: int) -> list[int]:
    """How much of `demand` each supply covers, in proportion and never more than it has.

    Raises InputError (allocation-malformed) unless all are non-negative integers.
    """
    _check([*supplies, demand])
    total = sum(supplies)
    if demand >= total:
        return list(supplies)
    shares = [demand * supply // total for supply in supplies]
    left = demand - sum(shares)
    order = sorted(range(len(supplies)), key=lambda i: (-supplies[i], i))
    for i in order[:left]:
        shares[i] += 1
    return shares


def spread(supplies: Sequence[int], demands: Sequence[int]) -> list[list[int]]:
    """What each supply gives to each demand, [supply][demand], every demand served in proportion to the supplies.

    When the demands exceed the supplies they are first cut in proportion. Raises InputError (allocation-malformed).
    """
    _check([*supplies, *demands])
    served = proportional(demands, min(sum(supplies), sum(demands)))
    left = list(supplies)
    columns = []
    for demand in served:
        # Shares are taken from what the demands before left, so no supply gives more than it has.
        column = proportional(left, demand)
        left = [have - gives for have, gives in zip(left, column, strict=True)]
        columns.append(column)
    return [[column[i] for column in columns] for i in range(len(supplies))]


def _check(numbers: Sequence[int]) -> None:
    for number in numbers:
        if type(number) is not int or number < 0:
            raise InputError("allocation-malformed", f"{quoted(number, 40)} is not a non-negative integer",
                             hint="allocate in whole Wh or whole certificates")
