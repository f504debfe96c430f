"""What registrations and boundary readings show of the meters behind a statement: findings whose codes are its notices.

The node states them and the verifier finds them again, by this one rule (docs/spec/data-quality.md, section 4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from attestation.history import History, profile_at
from core.period import Period
from mrv.quality.checks import Finding, Instrument, check_calibration, check_capacity
from verify.sources import RegisterSource


def findings(sources: Iterable[RegisterSource], history_of: Callable[[str], History],
             period: Period) -> Iterator[Finding]:
    """What is found of each source's meter over a period: calibration to its end, energy within the capacity."""
    for source in sources:
        instrument = instrument_of(history_of(source.meter), period.end)
        yield from check_calibration(instrument, period)
        if source.opening is not None and source.opening.time < source.closing.time:
            measured = Period(source.opening.time, source.closing.time, period.zone)
            yield from check_capacity(instrument, source.closing.position - source.start, measured)


def instrument_of(history: History, instant: int) -> Instrument:
    """What is registered of a meter at an instant (ms UTC)."""
    profile = profile_at(history, instant)
    if profile is None:
        return Instrument(history.subject, None, None, None)
    return Instrument(history.subject, profile.accuracy_class, profile.calibration_until, profile.capacity_w)
