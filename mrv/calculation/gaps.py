"""Conservative substitution of a gap: named by the methodology, counted, never silent.

A substituted quantity has the source {"type": "substitution", "rule", "meter", "start", "end", "rate",
"reason", "digest"}: the gap [start, end), the rate that stands for it, why data are missing, the paper with the rate.
quantity = rate × duration. `capacity`: the rate is the rated capacity; `greatest-rate`: the greatest rate known; both
may not lie below a rate measured in the same period. `zero`: nothing is counted (generation, reductions).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

from core.errors import FormError, InputError
from core.ids import DIGEST_HINT, check_hex, check_id
from core.numbers import CONTEXT
from core.period import Period, parse_instant
from core.quantity import Quantity
from core.units import parse_unit
from mrv.definitions.methodology import InputRule

SUBSTITUTION = "substitution"
MEMBERS = {"type", "rule", "meter", "start", "end", "rate", "reason", "digest"}
MAX_REASON_CHARS = 200

_SECOND = parse_unit("s")


def check_substitution(rule: InputRule, quantity: Quantity, source: Mapping[str, Any], period: Period,
                       where: str) -> None:
    """The source of a substituted quantity, alone. Raises FormError (inputs-malformed), InputError.

    Codes: source-not-allowed (another rule than the methodology's), period-outside, source-mismatch (not rate × time).
    """
    if source["rule"] != rule.substitution:
        raise InputError("source-not-allowed", f"{rule.name} is substituted by {rule.substitution}", where=where,
                         hint=f'"rule": "{rule.substitution}"')
    reason = source["reason"]
    if not isinstance(reason, str) or not 0 < len(reason) <= MAX_REASON_CHARS:
        raise FormError("inputs-malformed", "a substitution says why data are missing", where=where,
                        hint=f"a reason of 1 to {MAX_REASON_CHARS} characters")
    if source["meter"] is not None:
        check_id(source["meter"], where=where)
    start, end = gap_of(source, where)
    if not period.start <= start < end <= period.end:
        raise InputError("period-outside", "the gap is empty or not within the period", where=where,
                         hint="start and end of the gap lie within the period, start before end")
    if rule.substitution == "zero":
        if quantity.value != 0 or source["rate"] is not None or source["digest"] is not None:
            raise InputError("source-mismatch", "a gap counted as zero has no quantity, rate or document", where=where,
                             hint='the value is "0", rate and digest are null')
        return
    check_hex(source["digest"], where=where, hint=DIGEST_HINT)
    rate = Quantity.from_json(source["rate"], where=where)
    if rate.value < 0 or quantity.value != over(rate, start, end).to(quantity.unit).value:
        raise InputError("source-mismatch", f"{quantity} is not {rate} over the gap", where=where,
                         hint="the quantity is the rate times the duration of the gap")


def gap_of(source: Mapping[str, Any], where: str = "") -> tuple[int, int]:
    """[start, end) of a substituted gap in ms UTC. Raises FormError."""
    return parse_instant(source["start"], where=where), parse_instant(source["end"], where=where)


def check_gaps(place: str, items: Sequence[tuple[Quantity, Mapping[str, Any]]]) -> None:
    """The substitutions of an input beside its other sources; `place`: where the input stands.

    Raises InputError: inputs-overlap (two gaps, or a gap and a register span of the same meter, share time),
    not-conservative (a rate below one measured).
    """
    gaps = [(quantity, source) for quantity, source in items if source["type"] == SUBSTITUTION]
    registers = [(quantity, source) for quantity, source in items if source["type"] == "register"]
    for meter in {source["meter"] for _, source in gaps}:
        spans = [gap_of(source) for _, source in gaps if source["meter"] == meter]
        spans += [_span_of(source) for _, source in registers if source["meter"] == meter]
        if any(a[1] > b[0] for a, b in pairwise(sorted(spans))):
            raise InputError("inputs-overlap", "a substituted gap shares time with other data", where=place,
                             hint="cut the gap where the readings begin again, and give each gap once")
    for _, source in gaps:
        if source["rate"] is not None:
            _check_conservative(place, Quantity.from_json(source["rate"]), registers)


def _check_conservative(place: str, rate: Quantity, registers: Sequence[tuple[Quantity, Mapping[str, Any]]]) -> None:
    for quantity, source in registers:
        if over(rate, *_span_of(source)).to(quantity.unit).value < quantity.value:
            raise InputError("not-conservative", f"{rate} is below the rate of {source['meter']}",
                             where=place, hint="a gap is filled with the greatest rate, never a lower one")


def _span_of(source: Mapping[str, Any]) -> tuple[int, int]:
    return tuple(parse_instant(source[end]["time"], where="time") for end in ("from", "to"))  # type: ignore[return-value]


def over(rate: Quantity, start: int, end: int) -> Quantity:
    """What a rate brings over [start, end) ms UTC, in the product of its unit with a second."""
    return rate * Quantity(CONTEXT.divide(Decimal(end - start), Decimal(1000)), _SECOND)
