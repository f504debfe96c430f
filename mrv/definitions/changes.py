"""Where a rule changes within a period, and the parts that the period is then cut into (docs/spec/rules.md §3).

Only a parameter in force changes under a methodology that stays the same: its values are cut at their own days. A
methodology or formula that ends is another rule, and its periods are claimed apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Any

from core.errors import FormError
from core.period import Period, time_zone
from mrv.definitions.dates import days_of
from mrv.definitions.methodology import Methodology, fill
from mrv.definitions.parameter import DATA_YEAR, IN_FORCE, Parameter
from mrv.definitions.ruleset import RuleSet


def parts_of(ruleset: RuleSet, methodology: Methodology, options: Mapping[str, object], names: Iterable[str],
             period: Period) -> list[Period]:
    """The period, cut at the midnights on which a parameter that it reads changes; whole where nothing does.

    A parameter that an option selects by its data year changes with every calendar year.

    `options`, `names`: of the run and of its inputs. A methodology that does not split gets its period back whole.
    Raises FormError (zone-unknown).
    """
    if not methodology.split:
        return [period]
    first, last = days_of(period)
    texts = {name: value for name, value in options.items() if isinstance(value, str)}
    days = {day for parameter in _read(ruleset, methodology, texts, list(names)) for day in _changes(parameter)
            if first < day <= last}
    if _by_data_year(methodology, texts):
        days |= {date(year, 1, 1) for year in range(first.year + 1, last.year + 1)}
    cuts = [period.start, *(midnight(day, period.zone) for day in sorted(days)), period.end]
    return [Period(start, end, period.zone) for start, end in pairwise(cuts)]


def midnight(day: date, zone: str, *, where: str = "period") -> int:
    """The first instant of a day in a zone, ms UTC. Raises FormError (zone-unknown, instant-out-of-range)."""
    local = datetime(day.year, day.month, day.day, tzinfo=time_zone(zone, where=where))
    try:
        return int(local.astimezone(UTC).timestamp()) * 1000
    except OverflowError:
        # The first day of the calendar began east of Greenwich before the calendar did, in UTC.
        raise FormError("instant-out-of-range", f"{day} in {zone} is before 1970 or after 9999") from None


def _changes(parameter: Parameter) -> Iterator[date]:
    for value in parameter.values:
        if value.date_status == "known":
            yield from (day for day in (value.validity.start, value.validity.end) if day is not None)


def _by_data_year(methodology: Methodology, texts: Mapping[str, str]) -> bool:
    return any(texts.get(option) == DATA_YEAR for step in methodology.steps for _, binding in step.arguments
               for option in _selectors(binding))


def _selectors(binding: Any) -> Iterator[str]:
    """The options that select a parameter's value, wherever in a binding."""
    if isinstance(binding, Mapping):
        yield from (binding[name] for name in ("selected_by",) if name in binding)
        binding = list(binding.values())
    if isinstance(binding, list):
        for inner in binding:
            yield from _selectors(inner)


def _read(ruleset: RuleSet, methodology: Methodology, texts: Mapping[str, str],
          names: list[str]) -> Iterator[Parameter]:
    """The parameters in force that the methodology may read with these options and members of families."""
    members = {name[len(rule.prefix):] for name in names for rule in methodology.inputs
               if rule.prefix and name.startswith(rule.prefix)}
    for pattern in methodology.parameter_patterns():
        for member in sorted(members) or [""]:
            try:
                path = fill(pattern, {**texts, "member": member})
            except FormError:
                # An option that was not given: whoever reads this pattern will ask for it by name.
                continue
            parameter = ruleset.parameters.get(path)
            if parameter is not None and parameter.select == IN_FORCE:
                yield parameter
