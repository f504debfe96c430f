"""The public RFC 6962 probes, each with its own verdict, and forged ones of ours."""

import json
from base64 import b64encode
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_helpers import VECTORS, naive_path, naive_proof, naive_root

from core.errors import CarbonSealError, FormError, VerificationFailed
from core.merkle import EMPTY_ROOT, leaf_hash
from ledger.probes import check_probe, verify_subtree_consistency

FOLDER = VECTORS / "rfc6962"
PROBES = sorted(FOLDER.rglob("*.json"))
ENTRIES = [b"%d" % index for index in range(33)]


def kind_of(path: Path) -> str:
    return path.relative_to(FOLDER).parts[0]


def test_no_probe_is_missing() -> None:
    assert Counter(map(kind_of, PROBES)) == {"inclusion": 98, "consistency": 98, "subtreeinclusion": 204,
                                             "subtreeconsistency": 118}


@pytest.mark.parametrize("path", PROBES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_the_verdict_of_each_public_probe(path: Path) -> None:
    probe = json.loads(path.read_text())
    if probe["wantErr"]:
        with pytest.raises(CarbonSealError):
            check_probe(probe)
    else:
        check_probe(probe)


def test_from_size_0_the_empty_proof_is_accepted_and_any_other_refused() -> None:
    """The one difference from the probe files' rule: they refuse size 0 outright. None of the files can tell: the only
    one with an empty proof from 0 has a root of 12 bytes."""
    base = {"size1": 0, "size2": 5, "root1": b64(EMPTY_ROOT), "root2": b64(naive_root(ENTRIES[:5]))}
    check_probe({**base, "proof": []})
    check_probe({**base, "proof": None})
    with pytest.raises(VerificationFailed, match="consistency-length"):
        check_probe({**base, "proof": [b64(bytes(32))]})
    probes = [json.loads(path.read_text()) for path in PROBES if kind_of(path) == "consistency"]
    roots = [probe["root2"] for probe in probes if probe["size1"] == 0 < probe["size2"] and not probe["proof"]]
    assert [len(root) < 44 for root in roots] == [True] * len(roots)


def b64(data: bytes) -> str:
    return b64encode(data).decode()


@given(st.integers(1, 33), st.data())
def test_every_subtree_is_consistent_with_its_tree_and_not_with_another(size: int, data: st.DataObject) -> None:
    level = data.draw(st.integers(0, 5))
    start = data.draw(st.integers(0, (size - 1) >> level)) << level
    end = data.draw(st.integers(start + 1, min(size, start + (1 << level))))
    if start % (1 << (end - start - 1).bit_length()):
        return
    root, subtree_root = naive_root(ENTRIES[:size]), naive_root(ENTRIES[start:end])
    proof = subtree_proof(start, end, ENTRIES[:size])
    verify_subtree_consistency(start, end, size, subtree_root, root, proof)
    for forged in ([*proof, bytes(32)], [bytes(32), *proof], proof[:-1] if proof else [bytes(32)]):
        with pytest.raises(VerificationFailed):
            verify_subtree_consistency(start, end, size, subtree_root, root, forged)
    with pytest.raises(VerificationFailed):
        verify_subtree_consistency(start, end, size, bytes(32), root, proof)


def subtree_proof(start: int, end: int, entries: list[bytes], complete: bool = True) -> list[bytes]:
    """The subtree proof by recursion over the tree."""
    if (start, end) == (0, len(entries)):
        return [] if complete else [naive_root(entries)]
    split = 1 << (len(entries) - 1).bit_length() - 1
    if end <= split:
        return [*subtree_proof(start, end, entries[:split], complete), naive_root(entries[split:])]
    if start >= split:
        return [*subtree_proof(start - split, end - split, entries[split:], complete), naive_root(entries[:split])]
    return [*subtree_proof(0, end - split, entries[split:], False), naive_root(entries[:split])]


def test_a_subtree_proof_from_the_left_edge_is_a_consistency_proof() -> None:
    for size in range(1, 34):
        for old in range(1, size + 1):
            assert subtree_proof(0, old, ENTRIES[:size]) == naive_proof(old, ENTRIES[:size])


@pytest.mark.parametrize("probe", [
    {}, {"leafIdx": 0}, {"leafIdx": "0", "treeSize": 1}, {"leafIdx": -1, "treeSize": 1},
    {"leafIdx": 0.5, "treeSize": 1},
    {"leafIdx": True, "treeSize": 1}, {"leafIdx": 0, "treeSize": 2**64}, {"size1": 1}, {"start": 0, "end": 1},
    {"leafIdx": 0, "treeSize": 1, "proof": "x"}, {"leafIdx": 0, "treeSize": 1, "proof": ["*"]},
    {"leafIdx": 0, "treeSize": 1, "leafHash": "ü"}, {"size1": 1, "size2": 2, "root1": 5, "root2": [], "proof": []},
])
def test_a_malformed_probe_is_an_answer_and_not_a_crash(probe: dict[str, object]) -> None:
    with pytest.raises((FormError, VerificationFailed)):
        check_probe(probe)


def test_a_million_siblings_are_refused_at_once() -> None:
    probe = {"leafIdx": 0, "treeSize": 2**40, "root": b64(bytes(32)), "leafHash": b64(bytes(32)),
             "proof": [b64(bytes(32))] * 1_000_000}
    with pytest.raises(VerificationFailed, match="proof-length"):
        check_probe(probe)


def test_an_inclusion_probe_of_ours_is_checked() -> None:
    probe = {"leafIdx": 7, "treeSize": 33, "root": b64(naive_root(ENTRIES)), "leafHash": b64(leaf_hash(b"7")),
             "proof": [b64(item) for item in naive_path(7, ENTRIES)]}
    check_probe(probe)
    with pytest.raises(VerificationFailed, match="inclusion-root"):
        check_probe({**probe, "leafIdx": 6})
