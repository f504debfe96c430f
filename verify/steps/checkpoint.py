"""Step 2: the checkpoint is signed by the log, and co-signed as the reader's policy asks."""

from __future__ import annotations

from ledger.checkpoint import check_age, verify_policy
from verify.case import Case
from verify.report import NotChecked


def check(case: Case) -> str:
    """Raises VerificationFailed (checkpoint-…, note-signature), NotChecked (clock-absent)."""
    policy = case.trust.witnesses
    cosignatures = verify_policy(case.checkpoint, case.trust.log_key, policy)
    if policy.threshold == 0:
        case.notice("no-witnesses")
    elif case.trust.max_age is not None:
        if case.now is None:
            raise NotChecked("clock-absent", "the trust list sets a greatest age, and no clock was given")
        check_age(cosignatures, policy.threshold, case.now, case.trust.max_age)
    return f"{case.checkpoint.origin} size {case.checkpoint.size}, {len(cosignatures)} cosignatures"
