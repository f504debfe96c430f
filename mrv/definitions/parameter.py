"""A dated parameter: one quantity, its values over time, each with source, dates and status."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from core.errors import FormError, InputError
from core.jcs import digest
from core.quantity import Quantity, printed_decimal
from core.units import Unit, parse_unit
from mrv.definitions import members
from mrv.definitions.dates import Validity, day_text, optional_day

SCHEMA = "carbonseal-parameter/1"

LATEST_PUBLISHED = "latest-published"
IN_FORCE = "in-force"
BY_YEAR = "by-year"
FIXED = "fixed"
DATA_YEAR = "data-year"
"""No selection of a parameter: a methodology may let an option choose by the year of use in place of it."""
CHOICES = (LATEST_PUBLISHED, DATA_YEAR)
"""What such an option offers."""
MAX_NAMED = 12
"""So many years or codes of a table stand in a hint."""
SELECTIONS = (LATEST_PUBLISHED, IN_FORCE, BY_YEAR, FIXED)


@dataclass(frozen=True)
class ParameterValue:
    """One printed value. `text` keeps the digits as printed; a date not known is None and never guessed.

    `selection`: "data-year" where a run chose it so; "" where the parameter's own selection did.
    """

    key: str
    text: str
    quantity: Quantity
    year: str
    validity: Validity
    published: date | None
    source: str
    locator: str
    status: str
    date_status: str
    selection: str = ""

    def record(self) -> dict[str, Any]:
        """What a statement says of a value it read."""
        return {"key": self.key, "value": self.text, "unit": self.quantity.unit.text, "year": self.year,
                "published": day_text(self.published), **self.validity.as_json(),
                "source": self.source, "locator": self.locator, "status": self.status, "date_status": self.date_status,
                **({"selection": self.selection} if self.selection else {})}


@dataclass(frozen=True)
class Parameter:
    """A parameter as loaded. `select` says which of its values applies; see `resolve`.

    `gap`: why a time between its values has none, "" where there is no such time.
    """

    id: str
    title: Mapping[str, str]
    unit: Unit
    printed_unit: str
    select: str
    region: str
    gap: str
    values: tuple[ParameterValue, ...]
    document: dict[str, Any]
    digest: bytes

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Parameter:
        """The parameter of its canonical document. Raises FormError (rule-malformed, parameter-overlap, …)."""
        where = str(document.get("id", "?")) if isinstance(document, dict) else "?"
        try:
            if document["schema"] != SCHEMA or document["select"] not in SELECTIONS:
                raise FormError("rule-malformed", f"not a {SCHEMA} with a known selection", where=where)
            unit = parse_unit(document["unit"])
            values = tuple(_value(item, unit, where) for item in members.objects(document, "values"))
            parameter = cls(members.identity(document), members.title(document), unit,
                            members.text(document, "printed_unit"), document["select"],
                            members.text(document, "region"), members.text(document, "gap"), values, document,
                            digest(document))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise FormError("rule-malformed", f"a parameter lacks or misuses {error}", where=where) from None
        _check(parameter)
        return parameter

    def resolve(self, at: date, first: date, last: date, year: str = "",
                key: str = "year") -> ParameterValue:
        """The one value that applies on a statement date to a period of days.

        `key`: what `year` is, where the values of a by-year parameter go by something else ("cn_code").
        latest-published: the newest publication on the statement date, by publication date and never by data year.
        in-force: the value valid over the whole period. by-year: the value of exactly this year.
        fixed: the single value, whose choice is the rule's. Raises InputError (rule-not-in-force,
        period-crosses-change): never the nearest value, never zero.
        """
        if self.select == FIXED:
            return self.values[0]
        if self.select == LATEST_PUBLISHED:
            known = [value for value in self.values if value.published is not None and value.published <= at]
            if not known:
                raise self._none(f"published by {at}")
            return max(known, key=_published)
        if self.select == BY_YEAR:
            named = [value for value in self.values if value.year == year]
            if not named:
                raise self._none(f"for the {key} {year!r}", self._names(year))
            return named[0]
        return self._in_force(first, last)

    def of_data_year(self, at: date, first: date, last: date) -> ParameterValue:
        """The value whose data year is the calendar year in which the days lie, unless published after `at`.

        Of several of one year the one published last. Raises InputError (period-crosses-change, rule-not-in-force).
        """
        if first.year != last.year:
            cuts = ", ".join(f"{year}-01-01" for year in range(first.year + 1, last.year + 1)[:MAX_NAMED])
            raise InputError("period-crosses-change", f"{self.id} is chosen by the year of use, and the period runs "
                             f"{first} to {last}", where=self.id, hint=f"split the period at {cuts}")
        known = [value for value in self.values if value.year == str(first.year)
                 and (value.published is None or value.published <= at)]
        if not known:
            raise self._none(f"of the data year {first.year} on {at}", self._names())
        chosen = max(known, key=lambda value: value.published or date.min)
        return replace(chosen, selection=DATA_YEAR)

    def rows(self) -> tuple[ParameterValue, ...]:
        """The values as the rows of a table, each under its year. Raises FormError (rule-malformed): not by year."""
        if self.select != BY_YEAR:
            raise FormError("rule-malformed", f"{self.id} is no table: its values are not named by year", where=self.id)
        return self.values

    def _in_force(self, first: date, last: date) -> ParameterValue:
        dated = [value for value in self.values if value.date_status == "known"]
        holding = [value for value in dated if value.validity.holds(first)]
        if holding and holding[0].validity.holds(last):
            return holding[0]
        if holding or any(value.validity.holds(last) for value in dated):
            raise InputError("period-crosses-change", f"{self.id} changes between {first} and {last}", where=self.id,
                             hint="split the period at the day of the change")
        raise self._none(f"in force on {first}")

    def _names(self, asked: str = "") -> str:
        """The years or codes there are, first those that begin as the one asked for: 72193410 is under 7219."""
        names = sorted((value.year for value in self.values), key=lambda name: -_shared(name, asked))
        return ", ".join(names[:MAX_NAMED]) + (", …" if len(names) > MAX_NAMED else "")

    def _none(self, what: str, known: str = "") -> InputError:
        hint = "no other year, region or zero is taken in its place"
        return InputError("rule-not-in-force", f"{self.id} has no value {what}", where=self.id,
                          hint=f"{hint}; it has {known}" if known else hint)


def _shared(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _published(value: ParameterValue) -> date:
    assert value.published is not None
    return value.published


def _value(document: Mapping[str, Any], unit: Unit, where: str) -> ParameterValue:
    if not document["source"]:
        raise FormError("parameter-unsourced", "a value has no source", where=where)
    if document["status"] not in members.STATUSES or document["date_status"] not in ("known", "unknown"):
        raise FormError("rule-malformed", "status and date_status are fixed words", where=where)
    for name in ("key", "value", "year", "source", "locator"):
        members.text(document, name)
    quantity = Quantity(printed_decimal(document["value"], where=where), unit)
    validity = Validity.from_document({"from": document["from"], "to": document["to"]})
    return ParameterValue(document["key"], document["value"], quantity, document["year"], validity,
                          optional_day(document["published"], where=where), document["source"], document["locator"],
                          document["status"], document["date_status"])


def _check(parameter: Parameter) -> None:
    values = parameter.values
    if not values or (parameter.select == FIXED and len(values) != 1):
        raise FormError("rule-malformed", "a fixed parameter has exactly one value, others at least one",
                        where=parameter.id)
    if len({value.key for value in values}) != len(values):
        raise FormError("parameter-overlap", "two values have one key", where=parameter.id)
    dates = [value.published for value in values if value.published is not None]
    if parameter.select == LATEST_PUBLISHED and len(set(dates)) != len(dates):
        raise FormError("parameter-overlap", "two values were published on one day", where=parameter.id)
    if parameter.select == BY_YEAR and len({value.year for value in values}) != len(values):
        raise FormError("parameter-overlap", "two values have one year", where=parameter.id)
    if parameter.select == IN_FORCE:
        _check_overlap(parameter)


def _check_overlap(parameter: Parameter) -> None:
    dated = [value.validity for value in parameter.values if value.date_status == "known"]
    for i, one in enumerate(dated):
        if any(one.overlaps(other) for other in dated[i + 1 :]):
            raise FormError("parameter-overlap", f"two values hold on one day from {one.start}", where=parameter.id)
