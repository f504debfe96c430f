"""Step 4: every envelope with an index stands there under the checkpoint; each chain of frames ends in a proven one."""

from __future__ import annotations

from core.errors import CarbonSealError, VerificationFailed
from core.merkle import leaf_hash, verify_inclusion
from ledger import proof
from ledger.checkpoint import Checkpoint
from verify.case import Case
from verify.frame_chains import check_heads


def check(case: Case) -> str:
    """Raises VerificationFailed (proof-…, index-duplicate, frame-head-unproven, inclusion-…), FormError (proof-…)."""
    leaves = _leaves(case)
    for index in case.evidence.proofs:
        if index not in leaves:
            raise VerificationFailed("proof-surplus", f"no entry of the file has index {index}",
                                     where=f"proofs/{index}.tlog-proof")
    for index, (leaf, where) in leaves.items():
        if index not in case.evidence.proofs:
            raise VerificationFailed("proof-missing", f"no proof for index {index}", where=where)
        _check_proof(case.checkpoint, index, leaf, case.evidence.proofs[index], where)
    for gateway, chain in case.evidence.frames.items():
        check_heads(gateway, chain)
    return f"{len(leaves)} entries under size {case.checkpoint.size}"


def _leaves(case: Case) -> dict[int, tuple[bytes, str]]:
    """index → (leaf hash, place in the file) of every entry that states an index."""
    leaves: dict[int, tuple[bytes, str]] = {}
    for entry in case.evidence.entries():
        if entry.index is None:
            continue
        leaf = leaf_hash(entry.data)
        if leaves.setdefault(entry.index, (leaf, entry.where))[0] != leaf:
            raise VerificationFailed("index-duplicate", f"index {entry.index} is claimed by two entries",
                                     where=entry.where)
    return leaves


def _check_proof(checkpoint: Checkpoint, index: int, leaf: bytes, data: bytes, where: str) -> None:
    place = f"proofs/{index}.tlog-proof"
    try:
        given = proof.parse(data)
    except CarbonSealError as error:
        error.where = place
        raise
    if given.checkpoint.note != checkpoint.note:
        raise VerificationFailed("proof-checkpoint", "the proof is against another checkpoint", where=place,
                                 hint="proof and checkpoint must be of one moment")
    if given.index != index or given.extra is not None:
        raise VerificationFailed("proof-index", f"the proof is for index {given.index}", where=place)
    try:
        verify_inclusion(leaf, index, checkpoint.size, given.path, checkpoint.root)
    except VerificationFailed as error:
        error.where = f"{where}: index {index}"
        raise
