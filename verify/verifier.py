"""Verification of one evidence file, offline. A pure function of (file, trust list, clock).

The ten steps, numbered here, in every step's module, in the report and in docs/spec/evidence.md:

     1 container      the container is well formed, members match their hashes, everything parses
     2 checkpoint     the checkpoint is signed by the log, and co-signed as the policy asks
     3 anchor         the contract held this root in a block sealed by trusted validators
     4 inclusion      every envelope or chain head is included under the checkpoint
     5 signers        every signer was valid at its index, by its whole history
     6 completeness   frame chains are unbroken across the period, gaps and declared losses listed
     7 inputs         inputs recomputed from blocks equal the statement's details
     8 rules          the rules, run again, give the same statement byte for byte
     9 opinion        the claim and the opinion: signatures, accreditation, independence, conclusion
    10 certificate    intervals, amount, owner, status against the chain, as of a block

Step 1 happens while the file is opened (`container.open_case`, `parse.py`, `bundle.py`). What a file holds beyond its
need is refused by the step that knows the need (5, 6, 8); staleness is held to its limit with the rules (8).
A step that cannot be carried out ends as not checked, with its reason; it never passes silently.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from core.errors import CarbonSealError, InputError
from verify.case import Case
from verify.report import EARLIER_STEP_FAILED, NotChecked, Outcome, Report, StepResult, plain
from verify.steps import (
    anchor,
    certificate,
    checkpoint,
    completeness,
    container,
    inclusion,
    inputs,
    opinion,
    rules,
    signers,
)
from verify.trust import STEPS, Trust

CHECKS: dict[int, Callable[[Case], str]] = {
    1: container.check,
    2: checkpoint.check,
    3: anchor.check,
    4: inclusion.check,
    5: signers.check,
    6: completeness.check,
    7: inputs.check,
    8: rules.check,
    9: opinion.check,
    10: certificate.check,
}


def verify(
    data: bytes, trust: Trust, *, now: int | None = None, confirmed: Collection[bytes] = (),
    require: Collection[int] | None = None,
) -> Report:
    """The verdict on the evidence file `data`.

    `now`: ms UTC, needed where the trust list sets a greatest age. `confirmed`: digests of manifest payloads that the
    caller itself recomputed from all log entries. `require`: steps that must be checked, instead of the trust list's
    (a verifier reviewing before its opinion asks for 1 to 8 without 3: there may be no anchor yet).
    Raises InputError (container-not-zip, container-too-large) when `data` is no evidence file at all; nothing else.
    """
    try:
        case = container.open_case(data, trust, now, frozenset(confirmed))
    except CarbonSealError as error:
        if type(error) is InputError:
            raise
        return _unreadable(error, trust, require)
    results = tuple(_run(n, check, case) for n, check in CHECKS.items())
    if case.evidence.purpose != "certificate":
        case.notice("not-a-certificate")
    level = case.evidence.level
    return Report(results, tuple(trust.required(level) if require is None else require),
                  trust.allow_development_chain, level, case.evidence.purpose, case.as_of,
                  tuple(sorted({*case.notices, *case.statement.notices})))


def _run(n: int, check: Callable[[Case], str], case: Case) -> StepResult:
    try:
        return StepResult(n, Outcome.PASSED, None, plain(check(case)))
    except NotChecked as reason:
        return StepResult(n, Outcome.NOT_CHECKED, reason.code, _detail(reason))
    except CarbonSealError as error:
        return StepResult(n, Outcome.FAILED, error.code, _detail(error))


def _unreadable(error: CarbonSealError, trust: Trust, require: Collection[int] | None) -> Report:
    """The verdict when step 1 fails: nothing else can be asked."""
    first = StepResult(1, Outcome.FAILED, error.code, _detail(error))
    rest = (StepResult(n, Outcome.NOT_CHECKED, EARLIER_STEP_FAILED) for n in STEPS[1:])
    return Report((first, *rest), tuple(trust.required("full") if require is None else require))


def _detail(error: CarbonSealError) -> str:
    place = f" [{error.where}]" if error.where else ""
    return plain(f"{error.message}{place}")
