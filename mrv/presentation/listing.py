"""What rules there are, told so that a person finds the one needed: methodologies, formulas, parameters, units. Pure.

A search narrows a list to what has each of its words in the id, the source or a title of either language, whatever
their case.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from core.errors import NotFound
from core.numbers import CONTEXT, decimal_text
from core.units import Unit, dimension_text, known_aliases, known_symbols, parse_unit
from mrv.calculation import service
from mrv.definitions.methodology import InputRule, Methodology, OptionRule, patterns_of, values_of
from mrv.definitions.parameter import BY_YEAR, Parameter
from mrv.definitions.ruleset import RuleSet
from mrv.language.checker import ListType, Type

Document = dict[str, Any]

METERED = {"register", "claim-point", "substitution"}
"""Sources that only a meter in the log can give, and what stands for its gaps."""

_YEAR = re.compile(r"[0-9]{4}")


def has_words(words: str, *texts: str) -> bool:
    """Whether each word is in one of the texts."""
    folded = "\n".join(texts).casefold()
    return all(word in folded for word in words.casefold().split())


def _texts(document: Mapping[str, Any]) -> Iterator[str]:
    """What a person may remember of a rule: its name, titles and source, and the titles of what goes in and out."""
    yield from (document[name] for name in ("id", "source"))
    yield from document["title"].values()
    for item in (*document["inputs"], *document["outputs"]):
        yield from item["description"].values()


def formulas(ruleset: RuleSet, words: str = "") -> list[Document]:
    """As `service.formulas`, of those with the words."""
    return [item for item in service.formulas(ruleset) if has_words(words, *_texts(item))]


def methodologies(ruleset: RuleSet, words: str = "") -> list[Document]:
    """Every methodology as `describe_methodology` tells it, by id and version."""
    ordered = sorted(ruleset.methodologies.values(), key=lambda item: (item.id, int(item.version)))
    described = (describe_methodology(ruleset, item) for item in ordered)
    return [item for item in described if has_words(words, *_texts(item))]


def methodology(ruleset: RuleSet, name: str) -> Document:
    """The methodology of "id@version", or the newest version of "id". Raises NotFound (methodology-unknown)."""
    found = [item for item in ruleset.methodologies.values() if name in (item.id, item.key)]
    if not found:
        raise NotFound("methodology-unknown", f"there is no methodology {name[:80]!r}",
                       hint="`carbonseal mrv methodologies` lists them")
    return describe_methodology(ruleset, max(found, key=lambda item: int(item.version)))


def describe_methodology(ruleset: RuleSet, item: Methodology) -> Document:
    """One methodology: what it asks for and from which sources, what it reports, what becomes of its period."""
    return {
        "methodology": item.key, "id": item.id, "version": item.version, "title": dict(item.title),
        "type": item.label, "source": item.source, "status": item.status, "valid": item.validity.as_json(),
        "period": {"across_change": "split" if item.split else "refused", "adds_up": list(item.split)},
        "inputs": [_input(ruleset, item, rule) for rule in item.inputs],
        "options": [_option(ruleset, item, rule) for rule in item.options],
        "outputs": [{"name": name, **_output(ruleset, item, step, output)} for name, step, output in item.outputs],
        "result": {"output": item.result.output, "unit": item.result.unit.text, "rounding": item.result.rounding,
                   "digits": str(item.result.digits), "carry": item.result.carry},
        "allows_unconfirmed": item.allows_unconfirmed, "notices": list(item.notices),
        "formulas": item.formula_keys(), "parameters": item.parameter_patterns(), "digest": item.digest.hex(),
    }


def _input(ruleset: RuleSet, item: Methodology, rule: InputRule) -> Document:
    """`metered`: nothing but a meter may back it; `members`: of a family, those for which parameters are here."""
    described: Document = {
        "name": rule.name, "description": dict(rule.title), "unit": rule.unit.text, "required": rule.required,
        "metered": set(rule.sources) <= METERED, "documents": "document" in rule.sources,
        "sources": list(rule.sources), "methods": list(rule.methods), "single": rule.single, "gap": rule.gap,
        "substitution": rule.substitution}
    return described | ({"members": _members(ruleset, item, rule.name)} if rule.prefix else {})


def _members(ruleset: RuleSet, item: Methodology, family: str) -> list[str]:
    """The members for which every parameter that their calls read is here, in a unit that the call can take."""
    allowed = _choices(item)
    found = [_fitting(ruleset, pattern, kind, allowed) for binding, kind in _bindings(ruleset, item, family)
             for pattern in patterns_of(binding) if "{member}" in pattern]
    return sorted(set.intersection(*found)) if found else []


def _bindings(ruleset: RuleSet, item: Methodology, family: str) -> Iterator[tuple[Mapping[str, Any], Type | None]]:
    """What is bound for each member of a family, with the kind of value that is asked for there."""
    for step in item.steps:
        types = {given.name: given.type for given in ruleset.formulas[step.formula].inputs}
        for name, binding in step.arguments:
            kind = types[name]
            if binding.get("rows") == family and isinstance(kind, ListType):
                yield from ((inner, kind.fields[field]) for field, inner in binding["fields"].items())
            elif step.each == family and "rows" not in binding:
                yield binding, kind.unit if isinstance(kind, ListType) else kind


def _fitting(ruleset: RuleSet, pattern: str, kind: Type | None, allowed: Mapping[str, Sequence[str]]) -> set[str]:
    paths = (path for path, parameter in ruleset.parameters.items()
             if isinstance(kind, Unit) and parameter.unit.dimension == kind.dimension)
    return values_of(pattern, "member", paths, allowed)


def _choices(item: Methodology) -> dict[str, Sequence[str]]:
    return {rule.name: rule.one_of for rule in item.options}


def _option(ruleset: RuleSet, item: Methodology, rule: OptionRule) -> Document:
    """`one_of`: what the rule allows; `values`: for an option that names a parameter, those for which one is here."""
    return {"name": rule.name, "description": dict(rule.title), "required": rule.required, "many": rule.many,
            "one_of": list(rule.one_of), "values": _known(ruleset, item, rule.name)}


def _known(ruleset: RuleSet, item: Methodology, option: str) -> list[str]:
    found = [values_of(pattern, option, ruleset.parameters, _choices(item)) for pattern in item.parameter_patterns()
             if f"{{{option}}}" in pattern]
    return sorted(set.intersection(*found)) if found else []


def _output(ruleset: RuleSet, item: Methodology, step: str, output: str) -> Document:
    formula = ruleset.formulas[next(rule.formula for rule in item.steps if rule.name == step)]
    definition = next(found for found in formula.outputs if found.name == output)
    return {"unit": definition.node.unit_text, "description": dict(definition.title or {}), "formula": formula.key}


def parameters(ruleset: RuleSet, prefix: str = "", words: str = "") -> list[Document]:
    """Every parameter whose path begins with the prefix: unit, region, how a value is chosen, and its values in short.

    [{"path", "title", "unit", "region", "selection", "values": [{"key", "value", "year", "status"}]}], by path.
    """
    return [_head(item) | {"values": [{"key": value.key, "value": value.text, "year": value.year,
                                       "status": value.status} for value in item.values]}
            for path, item in sorted(ruleset.parameters.items())
            if path.startswith(prefix) and has_words(words, path, item.region, *item.title.values(),
                                                     *(value.source for value in item.values))]


def _head(item: Parameter) -> Document:
    return {"path": item.id, "title": dict(item.title), "unit": item.unit.text, "region": item.region,
            "selection": item.select}


def parameter(ruleset: RuleSet, path: str, at: date, every: bool = False) -> Document:
    """The value in force at a date, as `service.parameter`; of a table, and where `every` is asked for, all its rows.

    A table (steam by pressure, goods by code) is keyed by something else than a year, so that no date chooses a row:
    {"path", "title", "unit", "region", "selection", "rows": [a value's record each]}.
    """
    found = ruleset.parameters.get(path)
    if found is not None and (every or is_table(found)):
        return _head(found) | {"rows": [value.record() for value in found.values]}
    return service.parameter(ruleset, path, at)


def is_table(item: Parameter) -> bool:
    """Whether the rows are chosen by a key that is no year."""
    return item.select == BY_YEAR and not all(_YEAR.fullmatch(value.year) for value in item.values)


def units(words: str = "") -> list[Document]:
    """Every symbol: {"symbol", "dimension", "factor": how many of "base" it is, "base", "alias_of": null or the unit}.

    Symbols are joined with * or /; powers as in m3, a power of ten before a symbol as in 1e4Nm3.
    """
    bases = {dimension: symbol for symbol, dimension in reversed(known_symbols().items())
             if parse_unit(symbol).scale == 1}
    rows = [_unit(symbol, None, bases) for symbol in known_symbols()]
    rows += [_unit(alias, target, bases) for alias, target in known_aliases().items()]
    return [row for row in rows if has_words(words, row["symbol"], row["dimension"], row["alias_of"] or "")]


def _unit(symbol: str, alias_of: str | None, bases: Mapping[str, str]) -> Document:
    unit = parse_unit(symbol)
    dimension = dimension_text(unit.dimension)
    composed = Unit(tuple((bases[name], power) for name, power in unit.dimension), unit.scale, unit.dimension).text
    return {"symbol": symbol, "dimension": dimension, "factor": _factor(unit.scale),
            "base": bases.get(dimension, composed), "alias_of": alias_of}


def _factor(scale: Fraction) -> str:
    """The decimal; the fraction "1/3600" where it has no end."""
    value = CONTEXT.divide(Decimal(scale.numerator), Decimal(scale.denominator))
    return decimal_text(value) if Fraction(value) == scale else str(scale)
