"""The verifier's desk: its own copy of the log, its own verification, its own key; then an opinion."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from typing import Any

from attestation.manifest import check_rows, fold, parse_manifest
from certificates.opinion import draft, sign
from cli.node import POLL_SECONDS, Node
from core import jcs
from core.claims import parse_claim
from core.clock import Clock
from core.errors import InputError, Refused, Unavailable, VerificationFailed
from core.ethereum import Account
from core.merkle import leaf_hash, root
from core.opinions import Judgement
from core.period import DAY_MS
from core.records import Conclusion
from core.sampling import Sampling
from ledger import checkpoint as checkpoints
from ledger.tiles import TILE_WIDTH, TilePath, parse_bundle, path_text
from verify.report import Report
from verify.trust import Trust
from verify.verifier import verify

# Step 9 is about the opinion, 3 and 10 ask the chain: before an opinion there is no certificate and maybe no anchor.
UNANCHORED_STEPS = (1, 2, 4, 5, 6, 7, 8)
SEAL_SECONDS = 30.0
VALID_MS = 30 * DAY_MS


@dataclass(frozen=True)
class Terms:
    """On what terms a verifier gives its opinion. `materiality` in percent of the result."""

    assurance: str = "reasonable"
    materiality: Decimal = Decimal(5)
    materiality_source: str = "demonstration: 5 % as customary under ISO 14064-3"
    visit: str = "none"
    notices: tuple[str, ...] = ()


DEMONSTRATION = Terms(notices=("demonstration", "fictitious-parties"))


@dataclass(frozen=True)
class Review:
    """What a verifier found: the report on the review file, and the manifest it recomputed from every entry."""

    claim: Mapping[str, Any]
    report: Report
    manifest: bytes
    entries: int


class VerifierDesk:
    """One verifier at one node. `trust`: its own trust list, obtained apart from the node."""

    def __init__(self, node: Node, org: str, account: Account, trust: Trust, clock: Clock) -> None:
        self.node, self.org, self.account, self.trust, self.clock = node, org, account, trust, clock

    def review(self, claim_id: str) -> Review:
        """Recompute the manifest from all entries, then verify the full review file.

        Raises Refused (review-failed), VerificationFailed (manifest-mismatch, log-differs).
        """
        claim = self.node.get(f"/v1/claims/{claim_id}")
        if claim["manifest"] is None:
            raise Refused("manifest-pending", "no manifest covers the statement yet", where=claim_id,
                          hint="ask again in a moment")
        payload = jcs.canonical(claim["manifest"]["payload"])
        self._checkpoint(int(claim["manifest"]["index"]) + 1)
        entries = self.read_log(parse_manifest(payload).size)
        check_rows(parse_manifest(payload), fold(entries))
        digest = sha256(payload).digest()
        report = verify(self.node.fetch(f"/v1/claims/{claim_id}/evidence", level="full"), self.trust,
                        now=self.clock.now(), confirmed=[digest], require=UNANCHORED_STEPS)
        if not report.valid:
            bad = report.failed()[0]
            raise Refused("review-failed", f"step {bad.n} ({bad.name}): {bad.code} {bad.detail}", where=claim_id)
        return Review(claim, report, digest, len(entries))

    def read_log(self, size: int) -> list[bytes]:
        """Every entry of the log up to a size, checked against the signed checkpoint that covers it."""
        signed = self._checkpoint(size)
        entries: list[bytes] = []
        while len(entries) < signed.size:
            width = min(TILE_WIDTH, signed.size - len(entries))
            path = path_text(TilePath(None, len(entries) // TILE_WIDTH, width))
            entries += parse_bundle(self.node.fetch(f"/log/tile/{path}"), width)
        if root([leaf_hash(entry) for entry in entries]) != signed.root:
            raise VerificationFailed("log-differs", "the entries are not those of the signed checkpoint",
                                     where=f"size {signed.size}")
        return entries[:size]

    def _checkpoint(self, size: int) -> checkpoints.Checkpoint:
        """The signed checkpoint, once it covers `size` entries. Raises Unavailable (checkpoint-pending)."""
        deadline = time.monotonic() + SEAL_SECONDS
        while True:
            signed = checkpoints.parse(self.node.fetch("/log/checkpoint"))
            checkpoints.verify(signed, self.trust.log_key)
            if signed.size >= size:
                return signed
            if time.monotonic() > deadline:
                raise Unavailable("checkpoint-pending", f"no checkpoint covers {size} entries yet",
                                  hint="ask again when the node has sealed")
            time.sleep(POLL_SECONDS)

    def sign(self, review: Review, criteria: Sequence[str], reasons: str,
             conclusion: Conclusion = Conclusion.UNMODIFIED, terms: Terms = DEMONSTRATION) -> bytes:
        """The signed opinion on the reviewed statement."""
        statement = jcs.canonical(review.claim["statement"]["payload"])
        document = draft(
            self._judgement(review, tuple(criteria), reasons, conclusion, terms), statement=statement,
            leaf=bytes.fromhex(review.claim["statement"]["leaf"]),
            claim=parse_claim(jcs.canonical(review.claim["document"])), manifest=review.manifest,
            manifest_confirmed=True)
        return sign(document, self.account)

    def submit(self, claim_id: str, opinion: bytes) -> dict[str, Any]:
        """Hand the opinion in; what became of it. The certificate is issued when the conclusion permits it."""
        accepted: dict[str, Any] = self.node.send(f"/v1/claims/{claim_id}/opinion", opinion, "application/json")
        if accepted["job"] is not None:
            accepted["issued"] = self.node.wait(accepted["job"])["result"]
        return accepted

    def _judgement(self, review: Review, criteria: tuple[str, ...], reasons: str, conclusion: Conclusion,
                   terms: Terms) -> Judgement:
        own = self.node.get(f"/v1/participants/{self.org}")
        if own.get("accreditation") is None:
            raise InputError("verifier-not-accredited", f"{self.org} is not registered as accredited", where=self.org)
        details = int(review.claim["statement"]["payload"]["details"]["count"])
        now = self.clock.now()
        return Judgement(
            verifier=self.org, accreditation=own["accreditation"],
            addressee=str(review.claim["document"]["subject"]), criteria=criteria, assurance=terms.assurance,
            materiality=terms.materiality, materiality_source=terms.materiality_source, visit=terms.visit,
            sampling=Sampling("all details recomputed, no sample drawn", details, ()), findings=(),
            conclusion=conclusion, reasons=reasons, notices=terms.notices, date=now, valid_until=now + VALID_MS)
