"""The case under examination: the evidence, the reader's trust, and the ground that earlier steps have laid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from attestation.history import History
from attestation.manifest import Manifest
from core.claims import ClaimDocument
from core.opinions import OpinionDocument
from ledger.checkpoint import Checkpoint
from verify.model import Evidence
from verify.report import EARLIER_STEP_FAILED, AsOf, NotChecked
from verify.statement import StatementDocument
from verify.trust import Trust


@dataclass
class Case:
    """`confirmed`: digests of manifests that the caller recomputed from all entries; `now`: ms UTC or None."""

    evidence: Evidence
    trust: Trust
    now: int | None
    confirmed: frozenset[bytes]
    checkpoint: Checkpoint
    statement: StatementDocument
    claim: ClaimDocument
    opinion: OpinionDocument | None
    manifest: Manifest
    as_of: AsOf
    notices: list[str] = field(default_factory=list)
    anchor_block: int | None = None
    laid_histories: Mapping[str, History] | None = None

    @property
    def histories(self) -> Mapping[str, History]:
        """Subject → registration history, once step 5 found them whole. Raises NotChecked before."""
        if self.laid_histories is None:
            raise NotChecked(EARLIER_STEP_FAILED, "the histories of signers and meters could not be relied on")
        return self.laid_histories

    def notice(self, code: str) -> None:
        """Something every reader of the verdict must see."""
        if code not in self.notices:
            self.notices.append(code)
