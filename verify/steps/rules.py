"""Step 8: the rules are those the statement names and the publisher released, and re-run they give the same bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attestation import envelope
from core import jcs
from core.errors import CarbonSealError, VerificationFailed
from core.fields import mapping
from core.numbers import parse_natural
from mrv.calculation.statement import rebuild
from mrv.definitions.ruleset import RELEASE_SCHEMA, RuleSet, check_released
from verify.case import Case
from verify.report import NotChecked
from verify.surplus import check_rules


def check(case: Case) -> str:
    """Raises VerificationFailed (rules-…, methodology-digest, statement-mismatch), NotChecked (…-absent)."""
    documents, listed, details = case.evidence.documents, case.evidence.listed, case.evidence.details
    if documents is None or listed is None or case.evidence.release is None:
        raise NotChecked("rules-absent", "a public or buyer's file holds no rules")
    if details is None or not details.complete:
        raise NotChecked("details-absent", "re-running needs every detail")
    ruleset = _released(case, documents, listed)
    _check_staleness(case, ruleset)
    payload = case.statement.value
    given = [{"salt": detail.salt.hex(), "record": detail.record} for detail in details.records]
    try:
        again, _ = rebuild(ruleset, payload, given)
    except CarbonSealError as error:
        raise VerificationFailed("rules-outcome", f"{error.code}: {error.message}", where=error.where) from None
    if jcs.canonical(again) != case.evidence.statement.envelope.payload:
        raise VerificationFailed("statement-mismatch", _differences(again, payload),
                                 where=case.evidence.statement.where)
    return f"{len(documents)} rule documents, {len(given)} details, the same {len(jcs.canonical(again))} bytes"


def _released(case: Case, documents: Mapping[str, Any], listed: Mapping[str, Any]) -> RuleSet:
    """The rules of the file, once they are in the list of the release that statement and log name."""
    release, statement = case.evidence.release, case.statement
    if release is None or release.envelope.content_type != envelope.RULES:
        raise VerificationFailed("rules-release", "not a release of rules", where="rules/release.cose")
    if release.envelope.digest != statement.rules:
        raise VerificationFailed("rules-release", "the statement names another release", where=release.where)
    if (release.index or 0) >= (case.evidence.statement.index or 0):
        raise VerificationFailed("rules-release", "the release came after the statement", where=release.where)
    payload = mapping(jcs.parse(release.envelope.payload), "release")
    if payload.get("schema") != RELEASE_SCHEMA:
        raise VerificationFailed("rules-release", f"not a {RELEASE_SCHEMA} document", where=release.where)
    try:
        ruleset = check_released(documents, listed, payload)
    except CarbonSealError as error:
        raise VerificationFailed("rules-digest", f"{error.code}: {error.message}", where=error.where) from None
    name = f"{statement.methodology.id}@{statement.methodology.version}"
    methodology = ruleset.methodologies.get(name)
    if methodology is None or methodology.digest != statement.methodology.digest:
        raise VerificationFailed("methodology-digest", "the file has another methodology of this name", where=name)
    check_rules(ruleset, name)
    return ruleset


def _check_staleness(case: Case, ruleset: RuleSet) -> None:
    """The readings taken for the ends of the period are no older than the methodology admits."""
    used = case.statement.methodology
    limit = ruleset.methodologies[f"{used.id}@{used.version}"].max_staleness_ms
    stated = parse_natural(case.statement.completeness.get("max_staleness_ms", ""), where="completeness")
    if limit is not None and stated > limit:
        raise VerificationFailed("staleness-exceeded", f"readings {stated} ms old were taken for an end of the period, "
                                 f"the methodology admits {limit}", where=case.evidence.statement.where)


def _differences(again: dict[str, Any], stated: Any) -> str:
    names = sorted(name for name in again.keys() | stated.keys() if again.get(name) != stated.get(name))
    return f"re-running gives other {', '.join(names)}"
