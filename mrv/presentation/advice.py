"""What to do about an error, told with what the rules hold: near names, accepted units, the values there are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches

from core.errors import CarbonSealError
from core.units import DIFFERENT, LISTED, Unit, dimension_text, known_symbols, parse_unit
from mrv.definitions.fields import Input
from mrv.definitions.methodology import Methodology, pattern_matches
from mrv.definitions.parameter import BY_YEAR, LATEST_PUBLISHED, Parameter
from mrv.definitions.ruleset import RuleSet
from mrv.presentation.listing import describe_methodology, has_words

MAX_NAMES = 6
MAX_UNITS = 14
MAX_NAME_CHARS = 80
_LISTS = {"formula-unknown": "formulas", "methodology-unknown": "methodologies", "parameter-missing": "parameters"}
_TIBET, _HONG_KONG, _MACAU, _TAIWAN = "西藏 Tibet", "香港 Hong Kong", "澳门 Macau", "台湾 Taiwan"
_WITHOUT_FACTOR = {"xizang": _TIBET, "tibet": _TIBET, "西藏": _TIBET, "西藏自治区": _TIBET, "hongkong": _HONG_KONG,
                   "hong_kong": _HONG_KONG, "hong-kong": _HONG_KONG, "香港": _HONG_KONG, "macau": _MACAU,
                   "macao": _MACAU, "澳门": _MACAU, "taiwan": _TAIWAN, "台湾": _TAIWAN}
"""Regions of China for which no average grid factor is published."""
_OF_FORMULA = re.compile(r"([a-z][a-z0-9_]*)(?:\[[0-9]+\])?(?:\.([a-z0-9_]+))?\.unit")
_OF_METHODOLOGY = re.compile(r"(?:parts\[[0-9]+\]\.)?inputs\.(.+)\[[0-9]+\]\.quantity\.unit")


@contextmanager
def advising(ruleset: RuleSet, *, formula: str = "", methodology: str = "", parameter: str = "") -> Iterator[None]:
    """Gives an error that leaves the block the hint these rules allow; its code, message and place stay."""
    try:
        yield
    except CarbonSealError as error:
        asked = {"formula-unknown": formula, "methodology-unknown": methodology, "parameter-missing": parameter}
        error.hint = _hint(ruleset, error, asked) or error.hint
        raise


def _hint(ruleset: RuleSet, error: CarbonSealError, asked: Mapping[str, str]) -> str:
    without = _WITHOUT_FACTOR.get(error.where.rpartition(".")[2].lower())
    if error.code == "parameter-missing" and without:
        return (f"no factor of {without} is published in the sources here, and none of another region or of the "
                "country is taken in its place; `carbonseal mrv parameters --list grid.average` lists those there are")
    if error.code in _LISTS:
        found = _newest(ruleset, asked["methodology-unknown"])
        beside = _instead(ruleset, found, error.where) if found is not None else ""
        return "; ".join(filter(None, (_near(ruleset, error, asked[error.code] or error.where), beside)))
    if error.code in ("unit-mismatch", "unit-unknown"):
        unit = _unit_at(ruleset, error.where, asked)
        said = error.hint.removesuffix(LISTED).removesuffix("; ") if error.hint != DIFFERENT else ""
        return "; ".join(filter(None, (said, accepted(unit)))) if unit is not None else ""
    if error.code == "rule-not-in-force" and error.where in ruleset.parameters:
        return f"{error.hint}; its values are {_span(ruleset.parameters[error.where])}"
    if error.code in ("input-missing", "input-unknown", "input-malformed") and asked["formula-unknown"]:
        return f"{error.hint}; `carbonseal mrv formulas {asked['formula-unknown']}` shows what it asks for".lstrip("; ")
    if error.code in ("option-missing", "option-unknown") and asked["methodology-unknown"]:
        found = _newest(ruleset, asked["methodology-unknown"])
        return _options(ruleset, found) if found is not None else ""
    return ""


def near(word: str, titles: Mapping[str, Mapping[str, str]]) -> list[str]:
    """The names that are most like a word: that have it, whose title has it, or that are spelled much alike."""
    word = word.partition("@")[0][:MAX_NAME_CHARS]
    having = [name for name, title in titles.items() if word and has_words(word, name, *title.values())]
    # The last part of a path may be a word of a title: the 江苏 of grid.average.江苏, beside the paths that begin so.
    stem, _, last = word.rpartition(".")
    titled = [name for name, title in titles.items()
              if stem and last and name.startswith(f"{stem}.") and has_words(last, name, *title.values())]
    return list(dict.fromkeys([*having, *titled, *get_close_matches(word, titles, MAX_NAMES)]))[:MAX_NAMES]


def _near(ruleset: RuleSet, error: CarbonSealError, name: str) -> str:
    if error.code == "formula-unknown":
        names = near(name, {item.id: item.title for item in ruleset.formulas.values()})
    elif error.code == "methodology-unknown":
        names = near(name, {item.id: item.title for item in ruleset.methodologies.values()})
    else:
        names = near(name, {item.id: item.title for item in ruleset.parameters.values()})
    listed = f"`carbonseal mrv {_LISTS[error.code]} --find WORD` searches names and titles"
    return f"near it: {', '.join(names)}; {listed}" if names else listed


def _unit_at(ruleset: RuleSet, where: str, asked: Mapping[str, str]) -> Unit | None:
    """The unit that the rules declare where an error stands; None where that is not known."""
    if asked["methodology-unknown"]:
        found, match = _newest(ruleset, asked["methodology-unknown"]), _OF_METHODOLOGY.fullmatch(where)
        rule = found.rule_of(match[1]) if found is not None and match else None
        return rule.unit if rule is not None else None
    match = _OF_FORMULA.fullmatch(where)
    if not match or not asked["formula-unknown"]:
        return None
    declared = {item.name: item for item in ruleset.formula(asked["formula-unknown"]).inputs}
    return _field_unit(declared[match[1]], match[2]) if match[1] in declared else None


def _field_unit(item: Input, field: str | None) -> Unit | None:
    kinds = {part.name: part.type for part in item.fields}
    kind = item.field.type if item.field is not None else kinds.get(field or "")
    return kind if isinstance(kind, Unit) else None


def accepted(unit: Unit) -> str:
    """"give it in t; mg, g, kg, … are converted": what a value in this unit may be given in."""
    dimension = dimension_text(unit.dimension)
    others = [symbol for symbol, found in known_symbols().items() if found == dimension and symbol != unit.text
              and parse_unit(symbol).dimension == unit.dimension][:MAX_UNITS]
    said = f"give it in {unit.text}" if unit.atoms else 'give it as a plain number, with the unit "1"'
    if others:
        return f"{said}; {', '.join(others)} are converted"
    return f"{said}, or in another unit of {dimension}: `carbonseal mrv units` lists the symbols"


def _newest(ruleset: RuleSet, name: str) -> Methodology | None:
    found = [item for item in ruleset.methodologies.values() if name in (item.id, item.key)]
    return max(found, key=lambda item: int(item.version)) if found else None


def _instead(ruleset: RuleSet, item: Methodology, path: str) -> str:
    """What may stand in the inputs where a path without a parameter came from: members of a family, or options."""
    patterns = [pattern for pattern in item.parameter_patterns() if pattern_matches(pattern, path)]
    families = [rule for rule in describe_methodology(ruleset, item)["inputs"] if rule.get("members")]
    if any("{member}" in pattern for pattern in patterns):
        return "; ".join(f"{rule['name']} has {', '.join(rule['members'])}" for rule in families)
    return _options(ruleset, item) if patterns else ""


def _options(ruleset: RuleSet, item: Methodology) -> str:
    told = [f"{option['name']}{' (required)' if option['required'] else ''}"
            + (f": {', '.join(option['one_of'] or option['values'])}" if option["one_of"] or option["values"] else "")
            for option in describe_methodology(ruleset, item)["options"]]
    return f"the options of {item.key}: " + ("; ".join(told) or "none")


def _span(item: Parameter) -> str:
    if item.select == BY_YEAR:
        return "of " + ", ".join(value.year for value in item.values)
    if item.select == LATEST_PUBLISHED:
        return "published on " + ", ".join(str(value.published) for value in item.values if value.published)
    spans = [f"{value.validity.start or '…'} to {value.validity.end or '…'}" for value in item.values
             if value.date_status == "known"]
    return "in force " + ", ".join(spans) if spans else "of unknown date: ask for one by its key"
