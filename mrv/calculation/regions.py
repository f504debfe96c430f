"""Regions by their Chinese names, as people write them: 江苏 for the id jiangsu, in a path and in an option."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mrv.definitions.methodology import Methodology
from mrv.definitions.ruleset import RuleSet

_ENDINGS = ("壮族自治区", "回族自治区", "维吾尔自治区", "自治区", "省", "市", "地区")
_NATION = {"全国": "CN", "中国": "CN"}


def known_path(ruleset: RuleSet, path: str) -> str:
    """The path of the parameter that is meant: "grid.average.jiangsu" for "grid.average.江苏"; else the path as it is.
    """
    stem, _, name = path.rpartition(".")
    region = _NATION.get(name, name)
    for ending in _ENDINGS:
        region = region.removesuffix(ending)
    found = [item.id for item in ruleset.parameters.values() if item.id.rpartition(".")[0] == stem
             and region in (item.region, item.region.rpartition("-")[2])]
    return found[0] if path not in ruleset.parameters and len(found) == 1 else path


def with_regions(ruleset: RuleSet, methodology: Methodology, document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The document with the options that end the path of a parameter as ids."""
    options = document.get("options")
    if not isinstance(options, Mapping):
        return document
    stems = {pattern[pattern.rindex("{") + 1:-1]: pattern[:pattern.rindex("{")]
             for pattern in methodology.parameter_patterns() if pattern.endswith("}") and pattern.count("{") == 1}
    named = {name: known_path(ruleset, stems[name] + value).removeprefix(stems[name])
             for name, value in options.items() if name in stems and isinstance(value, str)}
    return {**document, "options": {**options, **named}}
