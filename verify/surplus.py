"""What a file must not carry: members no input asks for. Whoever shows a file could otherwise put there what nobody
checks and let it pass for checked. Each function raises VerificationFailed (…-surplus, body-missing).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from attestation.carriers import carriers
from attestation.dispute import history_of
from attestation.history import History
from attestation.manifest import FRAMES, STATEMENT
from attestation.registration import PARTICIPANT
from core.errors import VerificationFailed
from mrv.definitions.methodology import pattern_matches
from mrv.definitions.ruleset import RuleSet
from verify.case import Case
from verify.histories import key_ids
from verify.model import BlockItem
from verify.sources import RegisterSource

_HINT = "export the file again: it carries what its statement rests on, and nothing else"


def check_histories(case: Case, needed: Collection[str], histories: Mapping[str, History]) -> None:
    """Passes when every history is of a subject needed, of its gateways' disputes, or of who signed as a node."""
    evidence = case.evidence
    known = {*needed, *map(history_of, evidence.frames)}
    signers = {entry.envelope.kid for entry in evidence.entries()}
    for subject in evidence.histories:
        history = histories.get(subject)
        if subject not in known and not (history and _is_node(history, signers)):
            raise VerificationFailed("history-surplus", "nothing in the file rests on this history", where=subject,
                                     hint=_HINT)
    rows = {*evidence.histories, STATEMENT + case.statement.exclusivity_key.hex()}
    rows |= {row for gateway in evidence.frames for row in (FRAMES + gateway, history_of(gateway))}
    for subject in {*evidence.rows.rows, *evidence.rows.absent} - rows:
        raise VerificationFailed("manifest-row-surplus", "nothing in the file rests on this row", where=subject,
                                 hint=_HINT)


def _is_node(history: History, signers: Collection[bytes]) -> bool:
    return history.entries[0].registration.kind == PARTICIPANT and not key_ids(history).isdisjoint(signers)


def check_series(case: Case, sources: Sequence[RegisterSource]) -> None:
    """Passes when frames are of gateways that carried an input's meter, and blocks of such meters in those frames."""
    meters = {source.meter for source in sources}
    carried = {meter: [each.gateway for each in carriers(case.histories[meter], case.statement.period)]
               for meter in meters}
    for gateway in case.evidence.frames.keys() - {each for gateways in carried.values() for each in gateways}:
        raise VerificationFailed("frames-surplus", "the gateway carried no meter of an input in the period",
                                 where=gateway, hint=_HINT)
    for meter, items in case.evidence.blocks.items():
        if meter not in meters:
            raise VerificationFailed("block-surplus", "no input names this meter", where=meter, hint=_HINT)
        _check_blocks(case, items, list(dict.fromkeys(carried[meter])))


def _check_blocks(case: Case, items: Sequence[BlockItem], gateways: Sequence[str]) -> None:
    """At most one block for each frame, in the order of the chains; bodies where there are readings."""
    # Asking whether something is in an iterator uses it up to there: what comes late, or again, is not found.
    frames = ((gateway, item.frame.epoch, item.frame.seq)
              for gateway in gateways for item in case.evidence.frames.get(gateway, ()))
    for item in items:
        place = f"{item.header.meter}: {item.gateway} {item.epoch}/{item.seq}"
        if (item.gateway, item.epoch, item.seq) not in frames:
            raise VerificationFailed("block-surplus", "it is of no frame in the file, out of order, or there twice",
                                     where=place, hint=_HINT)
        if item.body is not None and not item.header.readings:
            raise VerificationFailed("block-surplus", "a silent block has no body", where=place, hint=_HINT)
        if case.evidence.level == "full" and item.body is None and item.header.readings:
            raise VerificationFailed("body-missing", "a file of level full holds every body", where=place,
                                     hint="ask for the file again, or for one of level auditor")


def check_rules(ruleset: RuleSet, methodology: str) -> None:
    """Passes when every rule in the file is one that the methodology can use. `methodology`: id@version."""
    used = ruleset.methodologies[methodology]
    paths = {f"methodologies/{methodology}", *(f"formulas/{key}" for key in used.formula_keys())}
    patterns = [f"parameters/{pattern}" for pattern in used.parameter_patterns()]
    for path in ruleset.digests():
        if path not in paths and not any(pattern_matches(pattern, path) for pattern in patterns):
            raise VerificationFailed("rules-surplus", "the methodology does not use this rule", where=path, hint=_HINT)
