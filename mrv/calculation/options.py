"""What an inputs document says beside quantities: the options chosen, a remainder carried, the statement before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.errors import FormError, InputError, quoted
from core.ids import check_hex
from core.numbers import parse_natural
from core.period import Period
from core.quantity import Quantity
from mrv.definitions.dates import days_of
from mrv.definitions.methodology import CALENDAR, Methodology, OptionRule

MAX_OPTION_CHARS = 200


def read_options(methodology: Methodology, given: Any, period: Period) -> dict[str, Any]:
    """The options, each known and of its form. Raises FormError (option-unknown, option-missing, option-malformed,
    inputs-malformed), InputError (option-not-of-period).
    """
    if not isinstance(given, Mapping):
        raise FormError("inputs-malformed", "options are an object", where="options")
    rules = {rule.name: rule for rule in methodology.options}
    for name in given:
        if name not in rules:
            raise FormError("option-unknown", f"{methodology.key} has no option {name!r}", where="options",
                            hint="the options are " + ", ".join(rules))
    for name, rule in rules.items():
        if name not in given and rule.required:
            raise FormError("option-missing", f"the option {name!r} is needed", where="options")
        if name in given:
            _check_option(name, given[name], rule.one_of, rule.many)
            _check_calendar(rule, given[name], period)
    return dict(given)


def _check_calendar(rule: OptionRule, value: Any, period: Period) -> None:
    """A factor is chosen by this option: it may not be another year's than the one the quantities are of."""
    if rule.period == "":
        return
    first, last = (day.isoformat()[: CALENDAR[rule.period]] for day in days_of(period))
    if not first == last == value:
        span = first if first == last else f"{first} to {last}"
        raise InputError("option-not-of-period", f"the {rule.period} of the period is {span}, the option {rule.name!r}"
                         f" says {str(value)[:40]!r}", where="options",
                         hint=f"the period lies in one {rule.period}, and the option names it")


def _check_option(name: str, value: Any, one_of: tuple[str, ...], many: bool) -> None:
    texts = value if many else [value]
    if not isinstance(texts, list) or not texts or (many and len(set(map(str, texts))) != len(texts)):
        raise FormError("option-malformed", f"the option {name!r} is a list without repetition", where="options")
    if isinstance(value, Mapping):
        Quantity.from_json(value, where=f"options.{name}")
    elif not all(isinstance(text, str) and len(text) <= MAX_OPTION_CHARS for text in texts):
        raise FormError("option-malformed", f"the option {name!r} is a short text or a quantity", where="options")
    for text in texts:
        if one_of and text not in one_of:
            raise FormError("option-malformed", f"{quoted(text, 40)} is not allowed for {name!r}", where="options",
                            hint="one of " + ", ".join(one_of[:40]))


def read_carried(given: Any) -> Quantity | None:
    """The remainder that an earlier statement left; None where none is carried."""
    if given is None:
        return None
    if not isinstance(given, Mapping) or set(given) != {"statement", "value", "unit"}:
        raise FormError("inputs-malformed", "carried has exactly statement, value and unit", where="carried")
    check_hex(given["statement"], where="carried")
    quantity = Quantity.from_json({"value": given["value"], "unit": given["unit"]}, where="carried")
    if quantity.value < 0:
        raise InputError("out-of-range", "a carried remainder is not negative", where="carried",
                         hint="carry the carried_out of the statement before")
    return quantity


def read_previous(methodology: Methodology, given: Any) -> dict[str, int]:
    """The priority of each input in the statement before."""
    if given is None:
        return {}
    if not isinstance(given, Mapping) or set(given) != {"statement", "priorities"} \
            or not isinstance(given["priorities"], Mapping):
        raise FormError("inputs-malformed", "previous has exactly statement and priorities", where="previous")
    check_hex(given["statement"], where="previous")
    for name in given["priorities"]:
        if methodology.rule_of(name) is None:
            raise InputError("input-unknown", f"{methodology.key} has no input {name!r}", where="previous")
    return {name: parse_natural(text, where="previous") for name, text in given["priorities"].items()}
