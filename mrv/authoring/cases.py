"""The cases beside a rule: read, those that are like an earlier one completed, and their documents made canonical.

Cases are for people and tests: no digest covers them, and no node reads them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from core.errors import CarbonSealError, FormError
from mrv.calculation.spelling import canonical_dates, canonical_numbers, with_priorities
from mrv.definitions.ruleset import RuleSet

FORMULA, METHODOLOGY = "formula", "methodology"
_OUTCOME = {"expected", "error"}
_MEMBERS = {FORMULA: {"name", "like", "inputs"} | _OUTCOME,
            METHODOLOGY: {"name", "like", "at", "document"} | _OUTCOME}


@dataclass(frozen=True)
class Case:
    """A worked case beside a rule: `kind` "formula" or "methodology", the rule's key, and what it says."""

    kind: str
    rule: str
    name: str
    body: dict[str, Any]


def cases_of(written: Mapping[str, Any], kind: str, key: str) -> Iterator[Case]:
    """The cases of a rule's file, each whole: `like: NAME` begins with what that earlier case gives.

    Raises FormError (rule-malformed, case-unknown: no earlier case has that name).
    """
    whole: dict[str, Any] = {}
    for number, case in enumerate(written.get("cases") or ()):
        name, body = _completed(case, whole, kind, f"{key} case {number}")
        whole[name] = body
        yield Case(kind, key, name, body)


def _completed(case: Any, earlier: Mapping[str, Any], kind: str, where: str) -> tuple[str, dict[str, Any]]:
    if not isinstance(case, Mapping) or not isinstance(case.get("name"), str) or not set(case) <= _MEMBERS[kind]:
        raise FormError("rule-malformed", f"a case has a name and of {', '.join(sorted(_MEMBERS[kind]))}", where=where)
    name = case["name"]
    if name in earlier:
        raise FormError("rule-malformed", f"two cases are named {name[:80]!r}", where=where)
    if "like" not in case:
        return name, dict(case)
    like = case["like"]
    if not isinstance(like, str) or like not in earlier:
        raise FormError("case-unknown", f"no earlier case is named {str(like)[:80]!r}", where=f"{where} {name[:80]}",
                        hint="`like` names a case above it in the same file: " + "; ".join(earlier))
    base = {part: value for part, value in earlier[like].items() if part not in _OUTCOME}
    return name, merged(base, {part: value for part, value in case.items() if part != "like"})


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with members changed: a mapping member by member (also the one item of a list), null removes, all else
    replaces."""
    result = dict(base)
    for name, change in changes.items():
        if change == "null":
            result.pop(name, None)
        else:
            result[name] = _changed(result.get(name), change)
    return result


def _changed(old: Any, change: Any) -> Any:
    if not isinstance(change, Mapping):
        return change
    if isinstance(old, list) and len(old) == 1 and isinstance(old[0], Mapping):
        return [merged(old[0], change)]
    return merged(old, change) if isinstance(old, Mapping) else change


def canonical_case(rules: RuleSet, case: Case) -> Case:
    """The case with its inputs document as a run reads it; what has no canonical form is left for the run to refuse."""
    if case.kind != METHODOLOGY or "document" not in case.body:
        return case
    try:
        document = canonical_dates(canonical_numbers(case.body["document"]))
        document = with_priorities(rules.methodologies[case.rule], document)
    except CarbonSealError:
        return case
    return Case(case.kind, case.rule, case.name, {**case.body, "document": document})
