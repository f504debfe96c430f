"""Evidence files, one per defect, with what must catch it. `make_vectors.py` writes them to tests/vectors/evidence."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

from verify_foreign_cases import FOREIGN_CASES
from verify_forging import (
    BLOCKS,
    EvidenceCase,
    assign,
    billed,
    chain,
    change,
    changed_reading,
    day_of,
    distrust,
    document,
    exchange,
    factor,
    far_neighbour,
    forge_node,
    forged_index,
    frames_from,
    frames_until,
    items,
    lie,
    member_swapped,
    omitted,
    other_checkpoint,
    other_statement,
    participant,
    position_of,
    raised,
    readme,
    relisted,
    statement,
    unproven_head,
    without_history,
    witnesses,
    world,
    zipped_again,
)
from verify_world import (
    CHAIN_TIME,
    ENTERPRISE,
    GATEWAY,
    HOUR,
    NODE,
    ORIGIN,
    PERIOD,
    PV,
    RISE_WH,
    VERIFIER,
    Lies,
    World,
    account,
    altered,
    signer,
)

from core.opinions import Finding
from core.period import instant_text
from core.records import ClockQuality, Conclusion
from ledger import checkpoint
from ledger.anchor.layout import retirement_digest
from ledger.checkpoint import WitnessPolicy
from verify.members import name_of
from verify.trust import ValidatorSet

STATEMENT = world().statement_index
FINDING = Finding("B1", "non-conformity", "铭牌容量与登记不符", True, "corrected")
OTHER = account("somebody-else").address
# A millisecond short of the period; 48 MWh in its 24 h, of which the main meter counts a little more.
LAPSED = {"calibration_until": instant_text(PERIOD.end - 1)}
SMALL = {"capacity_w": "2000000"}
RETIRED = {"purpose": "2026 年绿色用电", "beneficiary": "示例企业", "start": CHAIN_TIME - 24 * HOUR, "end": CHAIN_TIME}

CASES: dict[str, EvidenceCase] = {
    # Files that are valid.
    "full": EvidenceCase("Everything holds, level full.", lambda: world().file()),
    "auditor": EvidenceCase("Everything holds, level auditor.", lambda: world().file("auditor")),
    "buyer": EvidenceCase("Everything holds, level buyer.", lambda: world().file("buyer")),
    "public": EvidenceCase("Everything holds, level public.", lambda: world().file("public")),
    "emission": EvidenceCase("An emission statement with a gap in the period.",
                             lambda: world(Lies(kind="emission")).file()),
    "revoked-after": lie("The gateway's key was revoked after its frames: they stay good.", 0, "", revoke="after"),
    "retired": EvidenceCase("A retired certificate says for whom.", lambda: World(Lies(
        piece={"status": 2, "retirement": int.from_bytes(retirement_digest(*RETIRED.values()), "big")},
        record={"status": "retired", "retirement": RETIRED | {
            "start": "2026-11-16T00:00:00.000Z", "end": "2026-11-17T00:00:00.000Z"}})).file("public")),
    "piece": lie("Units 3 to 9 after a split.", 0, "", "public", record={"u0": 3, "u1": 10}),
    "fast-rise": lie("The register rises before the end as fast as its capacity allows.", 0, "",
                     spikes=raised(PERIOD.end, 17 * 4_000_000 // 60 + 1 - RISE_WH, 16)),
    "calibration-told": lie("A calibration lapsed before the end of the period, and the statement says so.", 0, "",
                            profile=LAPSED, notices=("calibration-lapsed", "simulated-source")),
    "capacity-told": lie("More than the capacity allows in the time, and the statement says so.", 0, "",
                         kind="emission", profile=SMALL, notices=("capacity-exceeded", "simulated-source")),
    "spike-passed-over": lie("A spike at the end is flagged, and the reading before it is taken.", 0, "",
                             earlier_reading=1, completeness={"flagged": "1"}, spikes={PERIOD.end: 50_000_000}),
    "development-chain": EvidenceCase(
        "No seals; the reader allows a development chain.", lambda: world(Lies(development=True)).file("public"),
        trust=lambda trust: replace(trust, allow_development_chain=True), development=True),

    # 1 The container.
    "not-a-zip": EvidenceCase("A text file.", lambda: b"carbonseal\n", 1, "container-not-zip"),
    "truncated": EvidenceCase("The last byte is missing.", lambda: world().file("public")[:-1], 1,
                              "container-not-canonical"),
    "trailing-byte": EvidenceCase("A byte after the end.", lambda: world().file("public") + b"\0", 1,
                                  "container-not-canonical"),
    "zipped-again": EvidenceCase("Unpacked and packed by an ordinary tool.", zipped_again, 1,
                                 "container-not-canonical"),
    "member-changed": EvidenceCase("A member that does not match its hash.", lambda: member_swapped(
        "checkpoint", other_checkpoint()), 1, "container-member-digest"),
    "member-unlisted": EvidenceCase("A member that the list does not name.", lambda: member_swapped(
        "notes.txt", b"trust me"), 1, "container-member-digest"),
    "member-unknown": EvidenceCase(
        "The file brings its own trust list.", lambda: altered(world().file("public"), {"trust.json": b"{}"}), 1,
        "container-member-unknown"),
    "member-missing": change("No claim.", 1, "container-member-missing", "manifest/rows.json", None, "public"),
    "readme-altered": EvidenceCase("README.txt says something else.", lambda: readme(), 1, "readme-altered"),
    "json-not-canonical": change("A space in a JSON member.", 1, "json-not-canonical", "certificate.json",
                                 lambda data: data + b" ", "public"),
    "cbor-not-canonical": change("An integer written longer than it is.", 1, "cbor-not-canonical",
                                 f"histories/{name_of(NODE)}.cbor", lambda data: b"\x82\x18\x01" + data[2:], "public"),

    # 2 The checkpoint.
    "wrong-log-key": distrust("Signed by another log's key.", 2, "checkpoint-unsigned", lambda trust: replace(
        trust, log_key=checkpoint.note.parse_key(checkpoint.log_key(ORIGIN, signer("other").public_key)))),
    "wrong-origin": distrust("The reader trusts another log.", 2, "checkpoint-origin", lambda trust: replace(
        trust, origin="other.example/park", log_key=checkpoint.note.parse_key(
            checkpoint.log_key("other.example/park", signer("log").public_key)))),
    "not-witnessed": distrust("Two witnesses are asked for, one has signed.", 2, "checkpoint-not-witnessed",
                              lambda trust: replace(trust, witnesses=witnesses(2))),
    "frozen": distrust("The witnesses saw it long ago.", 2, "checkpoint-stale", lambda trust: replace(
        trust, max_age=24 * HOUR), CHAIN_TIME + 25 * HOUR),

    # 3 The anchor.
    "anchor-other-root": lie("The chain anchored another root at this size.", 3, "anchor-root", "public",
                             anchored_root=sha256(b"another history").digest()),
    "anchor-absent": lie("The chain holds no root at this size.", 3, "anchor-absent", "public",
                         anchored_root=bytes(32)),
    "anchor-look-alike": lie("Anchored in a contract that only looks like it.", 3, "contract-foreign", "public",
                             anchor_contract=OTHER),
    "anchor-other-chain": lie("Anchored on another chain.", 3, "chain-foreign", "public", chain_id=1),
    "too-few-seals": lie("Two of four validators sealed.", 3, "qbft-quorum", "public", seals=2),
    "validators-unpinned": distrust("The reader pins validators for earlier blocks only.", 3, "validators-unpinned",
                                    chain(validators=(ValidatorSet(0, 50, (OTHER,)),))),
    "strangers-sealed": distrust("Sealed by validators the reader does not trust.", 3, "qbft-seal-foreign",
                                 chain(validators=(ValidatorSet(0, None, (OTHER,)),))),
    "storage-forged": change("A node of the storage proof is another.", 3, "trie-node-hash", "anchor.json",
                             document(lambda value: forge_node(value)), "public"),
    "state-forged": change("The header names another state root.", 3, "header-hash", "anchor.json",
                           document(assign("header", "stateRoot", "0x" + "11" * 32)), "public"),
    "development-chain-refused": EvidenceCase("No seals, and the reader does not allow that.",
                                              lambda: world(Lies(development=True)).file("public"), 3,
                                              "development-chain", development=True),

    # 4 Inclusion.
    "forged-path": change("A hash of an inclusion path is another.", 4, "inclusion-root",
                          f"proofs/{STATEMENT}.tlog-proof", forged_index(STATEMENT), "public"),
    "proof-missing": change("No proof for the statement.", 4, "proof-missing", f"proofs/{STATEMENT}.tlog-proof", None,
                            "public"),
    "proof-surplus": EvidenceCase("A proof that belongs to nothing.", lambda: altered(
        world().file("public"), {"proofs/9.tlog-proof": world().proof(9)}), 4, "proof-surplus"),
    "proof-of-another-moment": change("A checkpoint other than the proofs'.", 4, "proof-checkpoint", "checkpoint",
                                      lambda _: other_checkpoint(), "public"),
    "proof-of-another-index": change("The proof of another entry under this name.", 4, "proof-index",
                                     f"proofs/{STATEMENT}.tlog-proof", lambda _: world().proof(STATEMENT + 1),
                                     "public"),
    "statement-swapped": change("A statement that is not in the log.", 4, "inclusion-root", "statement.cose",
                                lambda _: other_statement(), "public"),
    "chain-head-unproven": EvidenceCase("The last frame has no proof.", lambda: unproven_head(), 4,
                                        "frame-head-unproven"),

    # 5 Signers.
    "frame-unknown-key": lie("Frames signed by a key nobody enrolled.", 5, "key-unknown", frame_signer="thief"),
    "frame-of-another-log": lie("Frames signed for another log.", 5, "signature-invalid",
                                frame_origin="other.example/park"),
    "revoked-before": lie("The gateway's key was revoked before its frames.", 5, "key-revoked", revoke="before"),
    "omitted-revocation": EvidenceCase("A revocation is left out of the gateway's history.", lambda: omitted(
        Lies(revoke="after"), GATEWAY), 5, "history-incomplete"),
    "omitted-entry": change("A history begins with its second entry.", 5, "history-incomplete",
                            f"histories/{name_of(PV)}.cbor", items(lambda values: values.pop())),
    "omitted-history": EvidenceCase("No history of the verifier.", lambda: without_history(VERIFIER), 5,
                                    "history-missing"),
    "manifest-false-row": change("A row that is not in the manifest.", 5, "manifest-root", "manifest/rows.json",
                                 document(assign("rows", 0, "head", "00" * 32)), "public"),
    "manifest-row-missing": change("Neither row nor absence for the statements of this key.", 5,
                                   "manifest-row-missing", "manifest/rows.json", document(
                                       lambda value: value["rows"].pop()), "public"),
    "absence-false": change("A dispute history is said to be absent between rows that are not neighbours.", 5,
                            "manifest-root", "manifest/rows.json", document(lambda value: far_neighbour(value))),
    "manifest-not-named": lie("The opinion names another manifest.", 5, "manifest-mismatch", "public",
                              opinion={"manifest": sha256(b"another").digest()}),
    "manifest-unconfirmed": lie("Nobody but the node vouches for the manifest.", 5, "manifest-unconfirmed", "public",
                                opinion={"manifest_confirmed": False}),
    "superseding-omitted": lie("A newer statement of the same key is in the log.", 5, "statement-superseded", "public",
                               newer_statement=True),
    "registrar-untrusted": distrust("The reader trusts another registrar.", 5, "registrar-untrusted",
                                    lambda trust: replace(trust, registrars=(signer("other").public_key,))),
    "publisher-untrusted": distrust("The reader trusts another publisher of rules.", 5, "publisher-untrusted",
                                    lambda trust: replace(trust, rule_publishers=(signer("other").public_key,))),
    "statement-by-nobody": lie("The statement is signed by an unregistered key.", 5, "signer-unknown", "public",
                               statement_signer="thief"),
    "node-without-role": lie("The key that signs belongs to no node.", 5, "signer-not-valid", "public",
                             **participant(NODE, roles=["trader"])),

    # 6 Completeness.
    "dropped-frame": change("A frame in the middle of the period is missing.", 6, "frame-missing", day_of(5),
                            items(lambda values: values.pop(position_of(5)))),
    "dropped-last-frames": EvidenceCase("The frames end before the period does.", lambda: frames_until(6), 6,
                                        "period-not-covered"),
    "dropped-first-frames": EvidenceCase("The frames begin inside the period.", lambda: frames_from(3), 6,
                                         "period-not-covered"),
    "equivocation": lie("The gateway signed two payloads for one frame.", 6, "frames-disputed", dispute=True),
    "block-missing": change("A frame without the meter's block.", 6, "block-missing", day_of(4, BLOCKS),
                            items(lambda values: values.pop(position_of(4)))),
    "block-of-another-frame": change("A block that is not in its frame.", 6, "block-inclusion", day_of(4, BLOCKS),
                                     items(lambda values: exchange(values))),
    "gaps-hidden": lie("The statement counts no gap where there is one.", 6, "completeness-mismatch", kind="emission",
                       completeness={"gaps": "0"}),

    # 7 Inputs.
    "changed-reading": change("One reading is another.", 7, "body-mismatch", day_of(3, BLOCKS),
                              items(changed_reading)),
    "changed-detail": change("One detail is another.", 7, "details-root", "details/complete.json",
                             document(assign("records", 1, "record", "uncertainty", "5"))),
    "detail-left-out": change("The last detail is missing.", 7, "details-count", "details/complete.json",
                              document(lambda value: value["records"].pop())),
    "salt-changed": change("A salt is another.", 7, "details-root", "details/complete.json",
                           document(assign("records", 0, "salt", "00" * 16))),
    "uncertainty-left-out": lie("The statement states no uncertainty, though the meter's class is registered.", 7,
                                "input-mismatch", uncertainty=None),
    "uncertainty-understated": lie("The statement makes the meter better than its registered class.", 7,
                                   "input-mismatch", uncertainty="0.2"),
    "earlier-reading": lie("A later reading before the end was passed over.", 7, "reading-not-last",
                           earlier_reading=1),
    "end-spike": lie("The period ends on a single reading far above its neighbours.", 7, "reading-implausible",
                     spikes={PERIOD.end: 50_000_000}),
    "end-spike-auditor": lie("The same, in a file that holds the bodies of the ends only.", 7, "reading-implausible",
                             "auditor", spikes={PERIOD.end: 50_000_000}),
    "end-spike-block": lie("The last readings of the period all stand far above what comes next.", 7,
                           "reading-implausible", spikes=raised(PERIOD.end, 50_000_000, 16)),
    "opening-spike": lie("An emission opens on a spike that makes it smaller.", 7, "reading-implausible",
                         kind="emission", spikes={PERIOD.start: 5_000_000}),
    "spike-unflagged": lie("A spike was passed over and the statement flags nothing.", 7, "reading-not-last",
                           earlier_reading=1, spikes={PERIOD.end: 50_000_000}),
    "register-above-later": lie("The register stands below the opening later on, and nothing was flagged.", 7,
                                "reading-not-last", kind="emission", spikes=raised(PERIOD.start + 8 * HOUR,
                                                                                  -9_500_000, 16)),
    "reading-elsewhere": lie("The reading named does not exist.", 7, "reading-not-found", place={"ordinal": "99"}),
    "reading-of-another-frame": lie("The frame is not at the index named.", 7, "reading-not-found",
                                    place={"index": "1"}),
    "position-raised": lie("The serial number is not what the register gives.", 7, "serial-mismatch",
                           place={"position": "45000000"}),
    "fault-taken": lie("The closing reading was taken while the meter was at fault.", 7, "reading-quality",
                       low_quality_end=True),
    "clock-unknown": lie("The frames' clock was not known.", 7, "reading-quality", clock=ClockQuality.UNKNOWN),
    "calibration-left-out": lie("A calibration lapsed before the end of the period, and the statement is silent.", 7,
                                "notice-left-out", profile=LAPSED),
    "capacity-left-out": lie("More than the capacity allows in the time, and the statement is silent.", 7,
                             "notice-left-out", kind="emission", profile=SMALL),
    "calibration-left-out-buyer": lie("A buyer sees it too, without the blocks.", 7, "notice-left-out", "buyer",
                                      profile=LAPSED),

    # 8 Rules.
    "changed-factor": EvidenceCase("An emission factor is another.", lambda: altered(
        world(Lies(kind="emission")).file(), {"rules/documents.json": document(lambda value: factor(value))}), 8,
        "rules-digest"),
    "statement-inflated": statement("The statement claims more than the rules give.", 8, "statement-mismatch",
                                     result={"value": "33", "unit": "MWh"}),
    "notice-hidden": statement("The statement leaves out what must be said.", 8, "statement-mismatch", notices=[]),
    "rules-missing": change("A formula is missing.", 8, "rules-digest", "rules/documents.json",
                            document(lambda value: value.pop("formulas/green-power.whole-units@1"))),
    "rules-unlisted": change("The list of the release leaves out a rule that was not used.", 8, "rules-digest",
                             "rules/listed.json", document(lambda value: value.pop(sorted(value)[-1]))),
    "rules-relisted": EvidenceCase("Factor and list were changed together.", lambda: altered(
        world(Lies(kind="emission")).file(), {
            "rules/documents.json": document(lambda value: factor(value)),
            "rules/listed.json": document(lambda value: relisted(value))}), 8, "rules-digest"),
    "other-release": statement("The statement names another release.", 8, "rules-release",
                                rules=sha256(b"another").hexdigest()),

    # 9 Claim and opinion.
    "claim-by-somebody": lie("The claim is signed by somebody else.", 9, "claim-signer", "public",
                             claim_account="thief"),
    "claim-input-changed": lie("The node changed the value of an input after the enterprise had signed.", 9,
                               "claim-signer", "public", claim={"inputs": billed("12.5")},
                               claim_once_signed={"inputs": billed("125")}),
    "claim-option-changed": lie("The node changed an option after the enterprise had signed.", 9, "claim-signer",
                                "public", claim_once_signed={"options": {"factor": "another"}}),
    "claim-for-another": lie("The claim is for another boundary.", 9, "claim-fields", "public",
                             claim={"boundary": "another roof"}),
    "another-park": lie("The statement is of another park's log.", 9, "claim-fields", "public",
                        statement={"origin": "other.example/park"}),
    "key-exchanged": statement("An exclusivity key that hides an earlier statement.", 9, "exclusivity-key",
                                exclusivity_key=sha256(b"fresh").hexdigest()),
    "opinion-by-somebody": lie("The opinion is signed by somebody else.", 9, "opinion-signer", "public",
                               opinion_account="thief"),
    "confirmation-added": lie("The node confirms the manifest in the verifier's name.", 9, "opinion-signer", "public",
                              opinion={"manifest_confirmed": False}, opinion_once_signed={"manifest_confirmed": True}),
    "assurance-changed": lie("The node raised the assurance after the verifier had signed.", 9, "opinion-signer",
                             "public", opinion={"assurance": "limited"},
                             opinion_once_signed={"assurance": "reasonable"}),
    "finding-removed": lie("The node removed a finding after the verifier had signed.", 9, "opinion-signer", "public",
                           opinion={"findings": (FINDING,)}, opinion_once_signed={"findings": ()}),
    "opinion-amount": lie("The opinion is about another amount.", 9, "opinion-fields", "public",
                          opinion={"amount": 40}),
    "opinion-adverse": lie("The verifier concluded adversely.", 9, "opinion-conclusion", "public",
                           opinion={"conclusion": Conclusion.ADVERSE}),
    "verifier-tied": EvidenceCase("Verifier and subject belong to one group.", lambda: World(Lies(participants={
        VERIFIER: {"group": "org:lanhe"}, ENTERPRISE: {"group": "org:lanhe"}})).file("public"), 9,
        "verifier-not-independent"),
    "verifier-trades": lie("The verifier trades certificates itself.", 9, "verifier-not-independent", "public",
                           **participant(VERIFIER, roles=["verifier", "trader"])),
    "verifier-not-accredited": lie("The verifier has no accreditation.", 9, "verifier-not-accredited", "public",
                                   **participant(VERIFIER, accreditation=None)),

    # 10 The certificate.
    "not-issued": lie("The chain knows no such certificate.", 10, "certificate-not-issued", "public",
                      certificate={"status": 0}),
    "revoked": lie("The chain says revoked.", 10, "certificate-revoked", "public", certificate={"status": 3}),
    "superseded": lie("The chain says superseded.", 10, "certificate-superseded", "public",
                      certificate={"status": 2, "by": 7}),
    "shown-after-retirement": lie("Retired on the chain, live in the file.", 10, "certificate-status", "public",
                                  piece={"status": 2, "retirement": 1}),
    "shown-after-split": lie("The parent of a split is shown as live.", 10, "certificate-status", "public",
                             piece={"status": 3}),
    "owner-false": lie("Another owner on the chain.", 10, "certificate-owner", "public",
                       piece={"owner": int(OTHER, 16)}),
    "retired-for-another": lie("Retired for another beneficiary.", 10, "certificate-retirement", "public",
                               piece={"status": 2, "retirement": 1}, record={
                                   "status": "retired", "retirement": RETIRED | {
                                       "start": "2026-11-16T00:00:00.000Z", "end": "2026-11-17T00:00:00.000Z"}}),
    "id-of-other-units": lie("The id is that of other units.", 10, "certificate-id", "public",
                             record={"id": "00" * 32}),
    "more-units": lie("More units than the statement is good for.", 10, "certificate-units", "public",
                      record={"u0": 30, "u1": 40}),
    "withheld-units": lie("Units that were withheld for a debt.", 10, "certificate-units", "public",
                          certificate={"first": 5}),
    "amount-on-chain": lie("The chain issued another amount.", 10, "certificate-fields", "public",
                           certificate={"amount": 31}),
    "not-the-live-one": lie("Another certificate is live for this key.", 10, "certificate-fields", "public",
                            live=False),
    "mark-behind": lie("The mark has not passed the interval.", 10, "mark-mismatch", "public",
                       mark={"position": 8_000_000}),
    "mark-unbalanced": lie("The mark does not balance.", 10, "mark-mismatch", "public", mark={"live": 1}),
    "status-look-alike": lie("The status comes from a contract that only looks like it.", 10, "contract-foreign",
                             "public", status_contract=OTHER),
    "status-before-anchor": lie("The status is older than the anchor.", 10, "status-before-anchor", "public",
                                status_block=99),
    "status-stale": distrust("The status is older than the reader admits.", 10, "status-stale", lambda trust: replace(
        trust, max_age=24 * HOUR, witnesses=WitnessPolicy()), CHAIN_TIME + 25 * HOUR),
    **FOREIGN_CASES,
}
