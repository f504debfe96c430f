"""A methodology: which inputs a reporting unit gives, how formulas and parameters chain, what is certified.

The canonical document is plain JSON; this module reads it into frozen dataclasses. `mrv.calculation.run` evaluates it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

from core.errors import CarbonSealError, FormError, quoted
from core.jcs import digest
from core.numbers import parse_natural
from core.records import Kind
from core.units import Unit, parse_unit
from mrv.definitions import members
from mrv.definitions.binding import check_binding
from mrv.definitions.dates import optional_day
from mrv.definitions.rule import Rule, read_head
from mrv.language.checker import MAX_ROUNDING_DIGITS

T = TypeVar("T")

SCHEMA = "carbonseal-methodology/1"
CALCULATION = "calculation"
SOURCES = ("register", "claim-point", "document", "declared", "substitution")
METHODS = ("measured", "estimated", "manual")
SUBSTITUTIONS = ("capacity", "greatest-rate", "zero")
INTERVAL_RULES = {"none": (), "register-whole-units": ("input", "unit"), "register-span": ("input",),
                  "facility-time": ("option",)}
"""The rules and the members of each."""
ROUNDINGS = ("round", "floor")
DROPS = ("notice", "refused")
CALENDAR = {"year": 4, "month": 7}
"""The parts of the calendar that an option may repeat, each with its characters of "2026-11-22"."""

NO_CHOICES: Mapping[str, Sequence[str]] = {}

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True)
class InputRule:
    """What a methodology asks of one input. A name ending in ".*" is a family: one input per suffix.

    `sources`: what may back a value, best first; the position is its priority. `gap`: the treatment of missing data.
    `substitution`: the conservative rule for a gap, "" where a gap is refused. `single`: an intensive quantity (a
    calorific value, a factor), of which two values cannot be added.
    """

    name: str
    title: Mapping[str, str]
    unit: Unit
    required: bool
    sources: tuple[str, ...]
    methods: tuple[str, ...]
    gap: str
    substitution: str = ""
    single: bool = False

    def priority_of(self, source: str) -> str:
        """The priority of a kind of source, "1" for the best. Raises ValueError for one that is not allowed."""
        return str(self.sources.index(source) + 1)

    @property
    def prefix(self) -> str | None:
        """"fuel." of the family "fuel.*", else None."""
        return self.name[:-1] if self.name.endswith(".*") else None


@dataclass(frozen=True)
class OptionRule:
    """A choice the claim makes. `one_of` empty: any text; `many`: a list of texts.

    `period`: the part of the calendar that the option repeats, in which the period lies ("year": "2026"); "" for none.
    """

    name: str
    title: Mapping[str, str]
    required: bool
    one_of: tuple[str, ...]
    many: bool
    period: str = ""


@dataclass(frozen=True)
class StepRule:
    """One formula call. `each`: the input family whose members it is called for, or None."""

    name: str
    formula: str
    each: str | None
    arguments: tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class ResultRule:
    """Which output is reported and how it is rounded, once; `carry`: the remainder goes into the next statement."""

    output: str
    unit: Unit
    rounding: str
    digits: int
    carry: bool


@dataclass(frozen=True)
class Methodology(Rule):
    """A methodology as loaded. `document` is its canonical JSON form, `digest` the SHA-256 of its JCS bytes.

    `split`: the outputs that add up over the parts of a period cut at a rule's change; () refuses such a period.
    `priority_drop`: what a source of lower priority than in the statement before brings, a notice or a refusal.
    `certifies`: False for a calculation of which no statement is made. `published`: the day of what it rests on, where
    it is known and later than its validity begins; no statement is dated before.
    """

    kind: Kind
    inputs: tuple[InputRule, ...]
    options: tuple[OptionRule, ...]
    steps: tuple[StepRule, ...]
    outputs: tuple[tuple[str, str, str], ...]
    result: ResultRule
    intervals: Mapping[str, str]
    notices: tuple[str, ...]
    allows_unconfirmed: bool
    max_staleness_ms: int | None
    document: dict[str, Any]
    digest: bytes
    split: tuple[str, ...] = ()
    priority_drop: str = "notice"
    certifies: bool = True
    published: date | None = None

    @property
    def spends(self) -> bool:
        """Whether its certificates stand for serials of a register or time of a facility, which are used up."""
        return self.intervals["rule"] != "none"

    @property
    def label(self) -> str:
        """The kind of its statements: "emission"; "calculation" where none is made."""
        return self.kind.label if self.certifies else CALCULATION

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Methodology:
        """The methodology of its canonical document. Raises FormError naming it."""
        where = str(document.get("id", "?")) if isinstance(document, dict) else "?"
        try:
            if document["schema"] != SCHEMA:
                raise FormError("rule-malformed", f"{document['schema']!r} is not {SCHEMA}", where=where)
            certifies = document["kind"] != CALCULATION
            return cls(*read_head(document), Kind.parse(document["kind"]) if certifies else Kind.EMISSION,
                       _named(document, "inputs", _input),
                       _named(document, "options", _option), _named(document, "steps", _step),
                       _named(document, "outputs", _output),
                       _result(document["result"]), _intervals(document["intervals"]),
                       members.texts(document, "notices"), document["allows_unconfirmed"] is True,
                       _staleness(document["max_staleness_ms"]),
                       document, digest(document), _split(document),
                       _one_of(document.get("priority_drop", "notice"), DROPS, "treatment of a drop"), certifies,
                       optional_day(document.get("published")))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise FormError("rule-malformed", f"a methodology lacks or misuses {error}", where=where) from None
        except CarbonSealError as error:
            error.where = error.where or where
            raise

    def formula_keys(self) -> list[str]:
        """The formulas it calls, "id@version", in order, without repetition."""
        return list(dict.fromkeys(step.formula for step in self.steps))

    def parameter_patterns(self) -> list[str]:
        """The parameter paths it may read; "{…}" stands for an option or the member of a family."""
        return list(dict.fromkeys(pattern for step in self.steps for _, binding in step.arguments
                                  for pattern in patterns_of(binding)))

    def rule_of(self, name: str) -> InputRule | None:
        """The rule for a given input, families included."""
        for rule in self.inputs:
            if rule.name == name or (rule.prefix and name.startswith(rule.prefix) and len(name) > len(rule.prefix)):
                return rule
        return None


def pattern_matches(pattern: str, path: str) -> bool:
    """Whether a parameter path can come out of a pattern with placeholders."""
    parts = _PLACEHOLDER.split(pattern)
    expression = "".join("[^{}]+" if i % 2 else re.escape(part) for i, part in enumerate(parts))
    return re.fullmatch(expression, path) is not None


def fill(pattern: str, names: Mapping[str, str]) -> str:
    """The pattern with its placeholders replaced. Raises FormError (option-missing)."""
    def value(match: re.Match[str]) -> str:
        if match[1] not in names:
            raise FormError("option-missing", f"the option {match[1]!r} is needed for {pattern!r}", where="options")
        return names[match[1]]

    return _PLACEHOLDER.sub(value, pattern)


def key_name(pattern: str) -> str:
    """What names the value of a parameter: the option in the pattern ("cn_code" of "{cn_code}"), else "year"."""
    found = _PLACEHOLDER.search(pattern)
    return found[1] if found else "year"


def values_of(pattern: str, placeholder: str, paths: Iterable[str],
              allowed: Mapping[str, Sequence[str]] = NO_CHOICES) -> set[str]:
    """What stands for a placeholder in the paths that come out of a pattern; others stand for what is `allowed`."""
    parts = _PLACEHOLDER.split(pattern)
    choices = {name: "|".join(map(re.escape, words)) or "[^{}]+" for name, words in allowed.items()}
    groups = [f"({'' if part == placeholder else '?:'}{choices.get(part, '[^{}]+')})" if i % 2 else re.escape(part)
              for i, part in enumerate(parts)]
    matches = (re.fullmatch("".join(groups), path) for path in paths)
    return {match[1] for match in matches if match}


def patterns_of(binding: Mapping[str, Any]) -> list[str]:
    """The parameter paths that a binding may read, with their placeholders."""
    read = [binding[name] for name in ("parameter", "table", "among") if name in binding]
    if read:
        return read
    inner = binding["fields"].values() if "rows" in binding else binding.get("first", binding.get("list", ()))
    return [pattern for item in inner for pattern in patterns_of(item)]


def _one_of(value: Any, allowed: tuple[str, ...], what: str) -> str:
    if value not in allowed:
        raise FormError("rule-malformed", f"{quoted(value, 40)} is no {what}", hint="one of " + ", ".join(allowed))
    return str(value)


def _named(document: Mapping[str, Any], name: str, read: Callable[[Mapping[str, Any]], T]) -> tuple[T, ...]:
    items = members.objects(document, name)
    members.check_unique((members.text(item, "name") for item in items), f"one of the {name}")
    return tuple(read(item) for item in items)


def _input(item: Mapping[str, Any]) -> InputRule:
    sources = _words(item, "sources", SOURCES, "source")
    substitution = item.get("substitution", "")
    if ("substitution" in sources) != (substitution != ""):
        raise FormError("rule-malformed", "a source 'substitution' and its rule go together", where=item["name"])
    if substitution != "":
        _one_of(substitution, SUBSTITUTIONS, "substitution")
    return InputRule(item["name"], members.title(item), parse_unit(item["unit"]), item["required"] is True, sources,
                     _words(item, "methods", METHODS, "method"), members.text(item, "gap"),
                     substitution, item.get("single") is True)


def _words(item: Mapping[str, Any], name: str, allowed: tuple[str, ...], what: str) -> tuple[str, ...]:
    if name not in item:
        raise KeyError(name)
    return tuple(_one_of(word, allowed, what) for word in members.texts(item, name))


def _option(item: Mapping[str, Any]) -> OptionRule:
    period = item.get("period", "")
    if period != "":
        _one_of(period, tuple(CALENDAR), "part of the calendar")
    return OptionRule(item["name"], members.title(item), item["required"] is True, members.texts(item, "one_of"),
                      item["many"] is True, period)


def _step(item: Mapping[str, Any]) -> StepRule:
    given = members.objects(item, "arguments")
    members.check_unique((members.text(argument, "name") for argument in given), "an argument")
    for argument in given:
        check_binding(argument["binding"])
    arguments = tuple((argument["name"], argument["binding"]) for argument in given)
    return StepRule(item["name"], members.text(item, "formula"),
                    None if item["each"] is None else members.text(item, "each"), arguments)


def _output(item: Mapping[str, Any]) -> tuple[str, str, str]:
    return item["name"], members.text(item, "step"), members.text(item, "output")


def _result(item: Mapping[str, Any]) -> ResultRule:
    digits = parse_natural(item["digits"], limit=MAX_ROUNDING_DIGITS + 1)
    return ResultRule(members.text(item, "output"), parse_unit(item["unit"]),
                      _one_of(item["rounding"], ROUNDINGS, "rounding"), digits, item["carry"] is True)


def _intervals(item: Mapping[str, str]) -> Mapping[str, str]:
    expected = INTERVAL_RULES[_one_of(item["rule"], tuple(INTERVAL_RULES), "interval rule")]
    if set(item) != {"rule", *expected} or not all(isinstance(item[name], str) for name in expected):
        raise FormError("rule-malformed", f"the interval rule {item['rule']} has {', '.join(expected) or 'no members'}")
    if "unit" in expected and parse_natural(item["unit"]) == 0:
        raise FormError("rule-malformed", "a whole unit of a register is not 0")
    return item


def _split(document: Mapping[str, Any]) -> tuple[str, ...]:
    names = members.texts(document, "split")
    if names and document["result"]["output"] not in names:
        raise FormError("rule-malformed", "the result is not among the outputs that add up over parts")
    if names and document["intervals"]["rule"] != "none":
        raise FormError("rule-malformed", "a methodology that spends intervals is not split")
    return names


def _staleness(text: str | None) -> int | None:
    return None if text is None else parse_natural(text)
