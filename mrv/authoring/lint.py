"""Lint of the rules: what was released never changes under its name, no value is unsourced, no gap goes unannounced.

`python -m mrv.authoring.lint` prints the findings and ends with 1 if there are any; with `--add` it first enters rules
that are not yet in `mrv/rules/released.json`. An entry that differs is a finding, never overwritten: raise the version.
Overlaps, units and references are refused when the rules are loaded (`mrv.definitions.ruleset`).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from core.errors import CarbonSealError
from core.jcs import digest
from mrv.authoring.catalogue import RULES, Catalogue, load
from mrv.definitions.formula import Formula
from mrv.definitions.parameter import IN_FORCE, Parameter
from mrv.definitions.ruleset import RuleSet

RELEASED = RULES / "released.json"


@dataclass(frozen=True)
class Finding:
    """What is wrong with which rule: a stable code, the rule's path, and a sentence."""

    code: str
    where: str
    message: str


def entries(ruleset: RuleSet) -> dict[str, str]:
    """The digest of everything that may not change under its name: formulas, methodologies, single parameter values."""
    fixed = {path: value.hex() for path, value in ruleset.digests().items() if not path.startswith("parameters/")}
    for parameter in ruleset.parameters.values():
        for value in parameter.document["values"]:
            fixed[f"values/{value['key']}"] = digest([parameter.id, parameter.document["unit"], value]).hex()
    return dict(sorted(fixed.items()))


def findings(catalogue: Catalogue, released: Mapping[str, str]) -> Iterator[Finding]:
    """Every finding: rule-changed, rule-withdrawn, rule-not-entered, gap-unannounced, cases-missing, title-missing,
    words-missing."""
    now = entries(catalogue.ruleset)
    for path, value in released.items():
        if path not in now:
            yield Finding("rule-withdrawn", path, "a released rule is gone; old rules stay beside new ones")
        elif now[path] != value:
            yield Finding("rule-changed", path, "the content changed and the version did not")
    for path in now.keys() - released.keys():
        yield Finding("rule-not-entered", path, "run `python -m mrv.authoring.lint --add`")
    for parameter in catalogue.ruleset.parameters.values():
        yield from _gaps(parameter)
    for formula in catalogue.ruleset.formulas.values():
        yield from _untold(formula)
    covered = {(case.kind, case.rule) for case in catalogue.cases if "expected" in case.body}
    rules = [("formula", key) for key in catalogue.ruleset.formulas]
    for kind, key in [*rules, *(("methodology", key) for key in catalogue.ruleset.methodologies)]:
        if (kind, key) not in covered:
            yield Finding("cases-missing", key, f"no case beside the {kind} gives a number")


def _untold(formula: Formula) -> Iterator[Finding]:
    """What a person meets without words: a name for a title, a condition with nothing but its expression.

    An English word may be both name and title of an input or output; of a field of a list it says too little.
    """
    titled = [(item.name, item.title) for item in formula.inputs]
    titled += [(item.name, item.title or {}) for item in formula.outputs]
    for name, title in titled:
        if title.get("zh") == name:
            yield Finding("title-missing", f"{formula.key} {name}", "its Chinese title is the bare name")
    for item in formula.inputs:
        for field in item.fields:
            if field.name in field.title.values():
                yield Finding("title-missing", f"{formula.key} {item.name}.{field.name}", "a title is the bare name")
    for definition in formula.definitions:
        if definition.required and definition.title is None:
            yield Finding("words-missing", f"{formula.key} {definition.name}", "a condition has no words in zh and en")


def _gaps(parameter: Parameter) -> Iterator[Finding]:
    if parameter.select != IN_FORCE or parameter.gap:
        return
    spans = sorted((value.validity for value in parameter.values if value.date_status == "known"),
                   key=lambda span: str(span.start or ""))
    for before, after in pairwise(spans):
        if before.end != after.start:
            yield Finding("gap-unannounced", parameter.id, f"nothing holds from {before.end} to {after.start}")


def main(arguments: list[str], target: Path = RELEASED, folder: Path = RULES) -> int:
    """Print the findings; 0 if there are none. A rule that cannot be loaded is the one finding."""
    try:
        catalogue = load(folder)
    except CarbonSealError as error:
        sys.stdout.write(f"{error.code}: {error.where}: {error.message}\n")
        return 1
    released: dict[str, str] = json.loads(target.read_text("utf-8")) if target.exists() else {}
    if arguments == ["--add"]:
        released = entries(catalogue.ruleset) | released
        text = json.dumps(dict(sorted(released.items())), ensure_ascii=False, indent=0)
        target.write_text(text + "\n", "utf-8")
    found = sorted(findings(catalogue, released), key=lambda finding: (finding.code, finding.where))
    for finding in found:
        sys.stdout.write(f"{finding.code}: {finding.where}: {finding.message}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
