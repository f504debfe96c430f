"""Statements of runs with made-up surroundings, what evaluating them again gives, and ways to tamper with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import deepcopy
from hashlib import sha256
from random import Random
from typing import Any

from portal_helpers import written
from portal_runs import Run

from core.errors import CarbonSealError, FormError
from core.jcs import canonical
from mrv.calculation.run import run
from mrv.calculation.statement import Context, build, rebuild, records_of
from mrv.definitions.dates import parse_day
from mrv.definitions.ruleset import RuleSet, check_released, listing, listing_root, release

RELEASE_TIME = 1_780_000_000_000

_REPLACEMENTS: tuple[Any, ...] = (
    None, True, 0, "", "0", "1", "x", [], {}, ["a"], "2026-07-01", "ab" * 32, "AB" * 16, " ab" * 16, "a" * 31,
    {"value": "1", "unit": "t"}, {"value": "1.0", "unit": "t"}, "declared", "measured", "node", "input")


def statement_of(ruleset: RuleSet, given: Run, number: int = 0) -> dict[str, Any] | None:
    """{"documents", "listed", "release", "payload", "details"} as in an evidence file; None where none is made."""
    try:
        result = run(ruleset, given["methodology"], None, given["inputs"], parse_day(given["at"]))
        salts = [sha256(f"{number}/{i}".encode()).digest()[:16] for i in range(len(records_of(result)))]
        context = Context("carbonseal.test/log", f"{number:064x}", "22" * 32,
                          {"frames": "10", "gaps": [], "flagged": "0", "max_staleness_ms": "1000"},
                          ["gec:AB12"] if number % 3 == 0 else [], "33" * 32 if number % 5 == 0 else None,
                          ["simulated-source"] if number % 2 else [])
        payload, details = build(result, context, salts)
    except CarbonSealError:
        return None
    documents = ruleset.documents_for(result.methodology, [path for path, _ in result.parameters])
    listed = {path: digest for path, digest in listing(ruleset).items() if path in documents}
    named = release(ruleset, "1", RELEASE_TIME) | {"count": str(len(listed)), "root": listing_root(listed).hex()}
    return {"documents": documents, "listed": listed, "release": named, "payload": payload, "details": details}


def recomputed(statement: dict[str, Any]) -> dict[str, Any]:
    """What `dist/tools/recompute.js` answers: the payload built again, the count of details, what differs."""
    stated = statement["payload"]
    if not isinstance(statement["details"], list):
        raise FormError("inputs-malformed", "the request lacks 'details'")
    ruleset = check_released(statement["documents"], statement["listed"], statement["release"])
    payload, details = rebuild(ruleset, stated, statement["details"])
    different = sorted(name for name in payload.keys() | stated.keys()
                       if payload.get(name, ...) != stated.get(name, ...))
    return {"payload": canonical(payload).decode(), "details": str(len(details)), "different": different}


def python_recomputations(statements: Iterable[dict[str, Any]]) -> list[bytes]:
    """The answer to each, a line."""
    answers = []
    for number, statement in enumerate(statements):
        try:
            answers.append(written({"id": number, **recomputed(statement)}))
        except CarbonSealError as error:
            answers.append(written({"id": number, "error": error.as_dict()}))
    return answers


def statement_lines(statements: Iterable[dict[str, Any]]) -> list[bytes]:
    """A request a line."""
    return [written({"id": number, **statement}) for number, statement in enumerate(statements)]


def tampered(statement: dict[str, Any], random: Random) -> dict[str, Any]:
    """The statement with one thing changed: in its payload, its details, its rules or what the release names."""
    copy = deepcopy(statement)
    part = random.choice(("payload", "details", "details", "documents", "listed", "release"))
    choice = random.random()
    if part == "details" and choice < 0.2:
        copy["details"].pop(random.randrange(len(copy["details"])))
    elif part == "details" and choice < 0.3:
        copy["details"].append(deepcopy(copy["details"][-1]))
    elif part == "details" and choice < 0.8:
        # Most details are nodes of the trace; what is read from comes first.
        _replace(copy["details"][: 1 + random.randrange(8)], random)
    else:
        _replace(copy[part] if part != "documents" else _without_trees(copy), random)
    return copy


def _without_trees(statement: dict[str, Any]) -> Any:
    """One of the parameters; disturbed formulas have a test of their own."""
    found = [document for path, document in statement["documents"].items() if path.startswith("parameters/")]
    return found or statement["release"]


def _replace(value: Any, random: Random) -> None:
    """One value becomes another; what holds others stays so, as it does for a verifier that read the form first."""
    container, key = random.choice(list(_leaves(value)))
    if isinstance(container[key], str) and random.random() < 0.4:
        container[key] = container[key][:-1] + random.choice("0123456789abcdef")
    elif isinstance(container, dict) and random.random() < 0.2:
        del container[key]
    else:
        allowed = [other for other in _REPLACEMENTS if isinstance(other, str) or not isinstance(container, list)]
        container[key] = deepcopy(random.choice(allowed))


def _leaves(value: Any) -> Iterator[tuple[Any, Any]]:
    for key in list(value) if isinstance(value, dict) else range(len(value)):
        if isinstance(value[key], dict | list):
            yield from _leaves(value[key])
        else:
            yield value, key
