"""Step 3: the AnchorRegistry held the checkpoint's root, in the state of a block that trusted validators sealed."""

from __future__ import annotations

from core.errors import VerificationFailed
from core.period import instant_text
from ledger.anchor.evidence import read_anchor
from verify.case import Case
from verify.chainstate import validators_for
from verify.report import DEVELOPMENT_CHAIN, NotChecked


def check(case: Case) -> str:
    """Raises VerificationFailed (anchor-root, validators-unpinned, and those of ledger.anchor), FormError,
    NotChecked (anchor-not-given, development-chain).

    On a development chain nobody seals blocks: the proof is checked against the header's state all the same, and the
    step still does not pass.
    """
    document, chain = case.evidence.anchor, case.trust.chain
    if document is None:
        raise NotChecked("anchor-not-given", "the checkpoint is not anchored yet, or the file does not say so")
    validators = validators_for(document, chain)
    fact = read_anchor(document, case.checkpoint.origin, case.checkpoint.size, chain_id=chain.id,
                       contract=chain.anchor_registry, validators=validators)
    if fact.root != case.checkpoint.root:
        raise VerificationFailed("anchor-root", f"the chain holds {fact.root.hex()} for size {case.checkpoint.size}",
                                 where="anchor.json")
    case.anchor_block = fact.storage.header.number
    seen = f"size {case.checkpoint.size} anchored {instant_text(fact.time)}, seen in block {case.anchor_block}"
    if validators is None:
        case.notice(DEVELOPMENT_CHAIN)
        raise NotChecked(DEVELOPMENT_CHAIN, f"{seen}; the proof holds, and nobody sealed the block")
    return f"{seen}, sealed by {len(fact.storage.sealers)} of {len(validators)} trusted validators"
