"""A methodology: which inputs a reporting unit gives, how formulas and parameters chain, what is certified.

The canonical document is plain JSON; this module reads it into frozen dataclasses. `mrv.run` evaluates it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.errors import CarbonSealError, FormError
from core.jcs import digest
from core.records import Kind
from core.units import Unit, parse_unit
from mrv.dates import Validity

SCHEMA = "carbonseal-methodology/1"
CALCULATION = "calculation"
SOURCES = ("register", "claim-point", "document", "declared", "substitution")
METHODS = ("measured", "estimated", "manual")
SUBSTITUTIONS = ("capacity", "greatest-rate", "zero")
INTERVAL_RULES = ("none", "register-whole-units", "register-span", "facility-time")
ROUNDINGS = ("round", "floor")
DROPS = ("notice", "refused")

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
    """A choice the claim makes. `one_of` empty: any text; `many`: a list of texts."""

    name: str
    title: Mapping[str, str]
    required: bool
    one_of: tuple[str, ...]
    many: bool


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
class Methodology:
    """A methodology as loaded. `document` is its canonical JSON form, `digest` the SHA-256 of its JCS bytes.

    `split`: the outputs that add up over the parts of a period cut at a rule's change; () refuses such a period.
    `priority_drop`: what a source of lower priority than in the statement before brings, a notice or a refusal.
    `certifies`: False for a calculation of which no statement is made.
    """

    id: str
    version: str
    kind: Kind
    title: Mapping[str, str]
    source: str
    status: str
    validity: Validity
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

    @property
    def label(self) -> str:
        """The kind of its statements: "emission"; "calculation" where none is made."""
        return self.kind.label if self.certifies else CALCULATION

    @property
    def key(self) -> str:
        """"id@version"."""
        return f"{self.id}@{self.version}"

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Methodology:
        """The methodology of its canonical document. Raises FormError naming it."""
        where = str(document.get("id", "?")) if isinstance(document, dict) else "?"
        try:
            if document["schema"] != SCHEMA:
                raise FormError("rule-malformed", f"{document['schema']!r} is not {SCHEMA}", where=where)
            certifies = document["kind"] != CALCULATION
            return cls(document["id"], document["version"],
                       Kind.parse(document["kind"]) if certifies else Kind.EMISSION, document["title"],
                       document["source"], document["status"], Validity.from_document(document["valid"]),
                       tuple(_input(item) for item in document["inputs"]),
                       tuple(_option(item) for item in document["options"]),
                       tuple(_step(item) for item in document["steps"]),
                       tuple((item["name"], item["step"], item["output"]) for item in document["outputs"]),
                       _result(document["result"]), _intervals(document["intervals"]), tuple(document["notices"]),
                       document["allows_unconfirmed"] is True, _staleness(document["max_staleness_ms"]),
                       document, digest(document), _split(document),
                       _one_of(document.get("priority_drop", "notice"), DROPS, "treatment of a drop"), certifies)
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
                                  for pattern in _patterns(binding)))

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


def _patterns(binding: Any) -> list[str]:
    if "parameter" in binding:
        return [binding["parameter"]]
    inner = binding["fields"].values() if "rows" in binding else binding.get("first", binding.get("list", ()))
    return [pattern for item in inner for pattern in _patterns(item)]


def _one_of(value: str, allowed: tuple[str, ...], what: str) -> str:
    if value not in allowed:
        raise FormError("rule-malformed", f"{value!r} is no {what}", hint="one of " + ", ".join(allowed))
    return value


def _input(item: Mapping[str, Any]) -> InputRule:
    sources = tuple(_one_of(source, SOURCES, "source") for source in item["sources"])
    substitution = item.get("substitution", "")
    if ("substitution" in sources) != (substitution != ""):
        raise FormError("rule-malformed", "a source 'substitution' and its rule go together", where=item["name"])
    if substitution:
        _one_of(substitution, SUBSTITUTIONS, "substitution")
    return InputRule(item["name"], item["title"], parse_unit(item["unit"]), item["required"] is True, sources,
                     tuple(_one_of(method, METHODS, "method") for method in item["methods"]), item["gap"],
                     substitution, item.get("single") is True)


def _option(item: Mapping[str, Any]) -> OptionRule:
    return OptionRule(item["name"], item["title"], item["required"] is True, tuple(item["one_of"]),
                      item["many"] is True)


def _step(item: Mapping[str, Any]) -> StepRule:
    arguments = tuple((argument["name"], argument["binding"]) for argument in item["arguments"])
    return StepRule(item["name"], item["formula"], item["each"], arguments)


def _result(item: Mapping[str, Any]) -> ResultRule:
    return ResultRule(item["output"], parse_unit(item["unit"]), _one_of(item["rounding"], ROUNDINGS, "rounding"),
                      int(item["digits"]), item["carry"] is True)


def _intervals(item: Mapping[str, str]) -> Mapping[str, str]:
    _one_of(item["rule"], INTERVAL_RULES, "interval rule")
    return item


def _split(document: Mapping[str, Any]) -> tuple[str, ...]:
    names = tuple(document.get("split", ()))
    if names and document["result"]["output"] not in names:
        raise FormError("rule-malformed", "the result is not among the outputs that add up over parts")
    if names and document["intervals"]["rule"] != "none":
        raise FormError("rule-malformed", "a methodology that spends intervals is not split")
    return names


def _staleness(text: str | None) -> int | None:
    return None if text is None else int(text)
