"""Cases of what does not belong: members that nothing rests on, and claims and opinions of somebody else's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from verify_forging import BLOCKS, EvidenceCase, change, day_of, document, items, lie, participant, position_of, world
from verify_world import (
    CHAIN_TIME,
    DOMAIN,
    GATEWAY,
    HOUR,
    MAIN,
    ORIGIN,
    REVIEWED,
    RULES,
    VERIFIER,
    account,
    altered,
    item,
    signer,
)

from attestation import envelope
from attestation.block import decode_header
from core import jcs, merkle
from core.period import instant_text
from verify.members import name_of

SEQ = 4
"""A frame in the middle of the period, in which both meters have readings."""
OTHER = "org:lanhe-steel"


def other_meter_s_block() -> bytes:
    """The block of a meter that no input names, rightly included in a frame of the file."""
    made = world()
    blocks = made.frames[SEQ][1].blocks
    ordinal = next(i for i, (header, _) in enumerate(blocks) if decode_header(header).meter == MAIN)
    path = merkle.inclusion_path([merkle.leaf_hash(header) for header, _ in blocks], ordinal)
    name = f"blocks/{name_of(MAIN)}/{made._day(SEQ)}.cbor"
    return altered(made.file(), {name: item([GATEWAY, 0, SEQ, ordinal, path, *blocks[ordinal]])})


def with_row(subject: str) -> bytes:
    """The public file with one more row of the manifest."""
    return altered(world().file("public"), {"manifest/rows.json": document(lambda value: _insert(value, subject))})


def with_history(subject: str) -> bytes:
    """The public file with one more history, whole and proven."""
    made = world()
    indices = made.histories[subject]
    return altered(made.file("public"), {
        f"histories/{name_of(subject)}.cbor": b"".join(item([index, made.entries[index]]) for index in indices),
        "manifest/rows.json": document(lambda value: _insert(value, subject)),
        **{f"proofs/{index}.tlog-proof": made.proof(index) for index in indices}})


def _insert(value: Any, subject: str) -> None:
    value["rows"] = sorted([*value["rows"], world().row(subject)], key=lambda row: row["subject"].encode())


def _other_parameter(value: Any) -> None:
    value["parameters/grid.average.cn"] = RULES.parameters["grid.average.cn"].document


def _without_body(values: list[Any]) -> None:
    values[position_of(SEQ)][6] = None


def _claim_with(**fields: Any) -> bytes:
    """The claim with members that no draft would be signed with."""
    payload = jcs.canonical(world().claim.as_json() | fields)
    return envelope.seal(signer("node"), envelope.CLAIM, payload, ORIGIN)


FOREIGN_CASES: dict[str, EvidenceCase] = {
    # 1 The container.
    "claim-carries-a-unit": change("The claim carries in a whole unit that nobody measured.", 1, "claim-carried-whole",
                                   "claim.cose", lambda _: _claim_with(
                                       carried={"statement": "00" * 32, "value": "1", "unit": "MWh"}), "public"),
    "retired-for-nobody": change("A retirement without beneficiary.", 1, "document-text", "certificate.json", document(
        lambda value: value.update(status="retired", retirement={
            "purpose": "renewable-use", "beneficiary": "", "start": instant_text(CHAIN_TIME - HOUR),
            "end": instant_text(CHAIN_TIME)})), "public"),

    # 5 Signers.
    "history-surplus": EvidenceCase("A history that nothing rests on.", lambda: with_history(GATEWAY), 5,
                                    "history-surplus"),
    "row-surplus": EvidenceCase("A manifest row that nothing rests on.", lambda: with_row(f"frames/{GATEWAY}"), 5,
                                "manifest-row-surplus"),

    # 6 Completeness.
    "block-of-another-meter": EvidenceCase("Blocks of a meter that no input names.", other_meter_s_block, 6,
                                           "block-surplus"),
    "block-twice": change("A frame shows the meter's block twice.", 6, "block-surplus", day_of(SEQ, BLOCKS),
                          items(lambda values: values.insert(position_of(SEQ), values[position_of(SEQ)]))),
    "body-left-out": change("A file of level full without one of the bodies.", 6, "body-missing",
                            day_of(SEQ, BLOCKS), items(_without_body)),

    # 7 Inputs.
    "point-foreign": lie("The claim point is another organisation's.", 7, "input-mismatch", point={"org": OTHER}),
    "meter-foreign": lie("The meter is another organisation's.", 7, "meter-foreign", kind="emission",
                         meter_org=OTHER),

    # 8 Rules.
    "rules-surplus": change("A parameter that the methodology cannot read.", 8, "rules-surplus", "rules/documents.json",
                            document(_other_parameter)),

    # 9 Claim and opinion.
    "claim-option-other": lie("The statement was computed with other options than the claim's.", 9, "claim-options",
                              claim={"options": {"factor": "another"}}),
    "claim-for-another-chain": lie("The claim was signed for another chain.", 9, "claim-fields", "public",
                                   claim={"domain": replace(DOMAIN, chain_id=1)}),
    "claim-for-another-contract": lie("The claim was signed for another contract.", 9, "claim-fields", "public",
                                      claim={"domain": replace(DOMAIN, contract=account("somebody-else").address)}),
    "verifier-expired": lie("The verifier's registration had ended when it concluded.", 9, "opinion-signer", "public",
                            **participant(VERIFIER, valid_until=instant_text(REVIEWED))),
    "opinion-backdated": lie("The opinion is dated before the verifier's registration ended, the manifest after.", 9,
                             "opinion-signer", "public", opinion={"date": REVIEWED - 2 * HOUR},
                             **participant(VERIFIER, valid_until=instant_text(REVIEWED - HOUR))),
}
