"""What rules there are, told so that a person finds the one needed: methodologies, formulas, parameters, units. Pure.

A search narrows a list to what has each of its words in the id, a title of either language, the inputs, outputs or
source, best hits first (`search`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from core.errors import NotFound
from core.numbers import CONTEXT, decimal_text
from core.units import Unit, dimension_text, known_aliases, known_symbols, parse_unit
from mrv.calculation import service
from mrv.calculation.regions import known_path
from mrv.definitions.methodology import InputRule, Methodology, OptionRule, patterns_of, values_of
from mrv.definitions.parameter import BY_YEAR, Parameter
from mrv.definitions.ruleset import RuleSet
from mrv.definitions.vocabulary import PLAIN, Vocabulary
from mrv.language.checker import ListType, Type
from mrv.presentation import fitting
from mrv.presentation.search import near_words, ranked

Document = dict[str, Any]

METERED = {"register", "claim-point", "substitution"}
"""Sources that only a meter in the log can give, and what stands for its gaps."""

_YEAR = re.compile(r"[0-9]{4}")


def has_words(words: str, *texts: str) -> bool:
    """Whether each word is in one of the texts, as it is written."""
    folded = "\n".join(texts).casefold()
    return all(word in folded for word in words.casefold().split())


def _groups(document: Mapping[str, Any], titles: Sequence[str] = ()) -> tuple[str, Sequence[Iterable[str]]]:
    """What a person may remember of a rule, by falling weight: its id, its titles, what goes in and out and its source,
    the titles of the parameters it takes."""
    return document["id"], ((document["id"],), document["title"].values(), _details(document), titles)


def _details(document: Mapping[str, Any]) -> Iterator[str]:
    yield document["source"]
    for item in (*document["inputs"], *document["outputs"], *document.get("options", ())):
        parts = item["list"] if isinstance(item.get("list"), list) else [item]
        yield from item["description"].values()
        for part in parts:
            yield from part["description"].values()
            yield from part.get("one_of", ())
        yield from item.get("members", ())


def formulas(ruleset: RuleSet, words: str = "", vocabulary: Vocabulary = PLAIN) -> list[Document]:
    """As `service.formulas`; of those with the words, the best hits first."""
    titles = fitting.titles(ruleset, fitting.patterns(ruleset)) if words else {}
    return ranked(service.formulas(ruleset), words, vocabulary,
                  lambda item: _groups(item, titles.get(item["formula"], ())))


def formula(ruleset: RuleSet, name: str) -> Document:
    """One formula as `service.describe_formula` tells it, with "parameters": those that fit its inputs."""
    found = ruleset.formula(name)
    return service.describe_formula(found) | {"parameters": fitting.of_formula(ruleset, found)}


def methodologies(ruleset: RuleSet, words: str = "", vocabulary: Vocabulary = PLAIN) -> list[Document]:
    """Every methodology as `describe_methodology` tells it, by id and version; of those with the words the best first.
    """
    ordered = sorted(ruleset.methodologies.values(), key=lambda item: (item.id, int(item.version)))
    return ranked([describe_methodology(ruleset, item) for item in ordered], words, vocabulary, _groups)


def elsewhere(ruleset: RuleSet, words: str, vocabulary: Vocabulary = PLAIN) -> Document:
    """How often words are found in each list, and other words like them: for a search that found nothing.

    {"formulas": count, "methodologies": count, "parameters": count, "units": count, "near": [word]}.
    """
    texts = (text for kind in (ruleset.formulas, ruleset.methodologies, ruleset.parameters)
             for item in kind.values() for text in item.title.values())
    return {"formulas": len(formulas(ruleset, words, vocabulary)),
            "methodologies": len(methodologies(ruleset, words, vocabulary)),
            "parameters": len(parameters(ruleset, "", words, vocabulary)), "units": len(units(words)),
            "near": near_words(words, vocabulary, texts)}


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


def parameters(ruleset: RuleSet, prefix: str = "", words: str = "", vocabulary: Vocabulary = PLAIN) -> list[Document]:
    """Every parameter whose path begins with the prefix: unit, region, how a value is chosen, and its values in short.

    [{"path", "title", "unit", "region", "selection", "values": [{"key", "value", "year", "status"}]}], by path; of
    those with the words the best hits first.
    """
    begun = [item for path, item in sorted(ruleset.parameters.items()) if path.startswith(prefix)]
    found = ranked(begun, words, vocabulary, lambda item: (item.id, (
        (item.id,), item.title.values(), (item.region, *(value.source for value in item.values)))))
    return [_head(item) | {"values": [{"key": value.key, "value": value.text, "year": value.year,
                                       "status": value.status} for value in item.values]} for item in found]


def _head(item: Parameter) -> Document:
    return {"path": item.id, "title": dict(item.title), "unit": item.unit.text, "region": item.region,
            "selection": item.select}


def parameter(ruleset: RuleSet, path: str, at: date, every: bool = False) -> Document:
    """The value in force at a date, as `service.parameter`; of a table, and where `every` is asked for, all its rows.

    A table (steam by pressure, goods by code) is keyed by something else than a year, so that no date chooses a row:
    {"path", "title", "unit", "region", "selection", "rows": [a value's record each]}.
    """
    path = known_path(ruleset, path)
    found = ruleset.parameters.get(path)
    if found is not None and (every or is_table(found)):
        return _head(found) | {"rows": [value.record() for value in found.values],
                               "notices": service.date_notices(found.values)}
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
