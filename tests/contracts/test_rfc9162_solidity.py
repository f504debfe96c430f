"""Solidity and Python give one verdict on every proof: the published probes, all small trees, and spoiled ones."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from chain_helpers import World, account

from core import merkle
from core.errors import VerificationFailed
from ledger.anchor.evm import Chain

pytestmark = pytest.mark.chain

VECTORS = Path(__file__).resolve().parents[1] / "vectors" / "rfc6962"
LEAVES = [merkle.leaf_hash(bytes([i])) for i in range(70)]
UINT64 = 2**64


@pytest.fixture(scope="module")
def probe(deployed: World) -> Any:
    chain = Chain(deployed.url, account("deployer"), deployed.clock)
    return chain.contract("Rfc9162Probe", chain.deploy("Rfc9162Probe")).functions


def says(verify: Callable[..., None], *arguments: Any) -> bool:
    try:
        verify(*arguments)
    except VerificationFailed:
        return False
    return True


def includes(probe: Any, leaf: bytes, index: int, size: int, path: list[bytes], root: bytes) -> bool:
    verdict = bool(probe.includes(leaf, index, size, path, root).call())
    assert verdict == says(merkle.verify_inclusion, leaf, index, size, path, root)
    return verdict


def extends(probe: Any, old: int, new: int, old_root: bytes, new_root: bytes, proof: list[bytes]) -> bool:
    verdict = bool(probe.extends(old, new, old_root, new_root, proof).call())
    assert verdict == says(merkle.verify_consistency, old, new, old_root, new_root, proof)
    return verdict


def probes(kind: str) -> list[Path]:
    return sorted((VECTORS / kind).rglob("*.json"))


def words(values: list[str] | None) -> list[bytes]:
    return [base64.b64decode(value) for value in values or []]


def fits(numbers: list[int], hashes: list[bytes]) -> bool:
    """Whether the ABI can carry the probe at all; what it cannot carry never reaches the contract."""
    return all(0 <= number < UINT64 for number in numbers) and all(len(value) == 32 for value in hashes)


def test_the_published_probes_are_there() -> None:
    assert len(probes("inclusion")) == 98
    assert len(probes("consistency")) == 98


def test_every_inclusion_probe_has_its_verdict(probe: Any) -> None:
    judged = 0
    for path in probes("inclusion"):
        case = json.loads(path.read_text())
        leaf, root = words([case["leafHash"], case["root"]])
        proof = words(case["proof"])
        if fits([case["leafIdx"], case["treeSize"]], [leaf, root, *proof]):
            assert includes(probe, leaf, case["leafIdx"], case["treeSize"], proof, root) != case["wantErr"], path
            judged += 1
        else:
            assert case["wantErr"], path
    assert judged > 60


def test_every_consistency_probe_has_its_verdict(probe: Any) -> None:
    judged = 0
    for path in probes("consistency"):
        case = json.loads(path.read_text())
        old_root, new_root = words([case["root1"], case["root2"]])
        proof = words(case["proof"])
        if not fits([case["size1"], case["size2"]], [old_root, new_root, *proof]):
            # One probe compares two texts that are no hashes; bytes32 cannot carry them.
            assert case["wantErr"] or path.name == "sizes-are-equal-one-and-proof-is-empty.json", path
            continue
        verdict = extends(probe, case["size1"], case["size2"], old_root, new_root, proof)
        # From size 0 we ask for the root of the empty tree; the probes accept any old root there.
        if case["size1"] != 0:
            assert verdict != case["wantErr"], path
        judged += 1
    assert judged > 60


def test_every_leaf_of_small_trees_is_included_and_no_other_place_is(probe: Any) -> None:
    for size in (1, 2, 3, 5, 8, 13):
        root = merkle.root(LEAVES[:size])
        for index in range(size):
            path = merkle.inclusion_path(LEAVES[:size], index)
            assert includes(probe, LEAVES[index], index, size, path, root)
            assert not includes(probe, LEAVES[index], (index + 1) % (size + 1), size, path, root) or size == 1


def test_an_inner_node_or_the_root_is_no_leaf(probe: Any) -> None:
    root = merkle.root(LEAVES[:4])
    inner = merkle.node_hash(LEAVES[0], LEAVES[1])
    assert not includes(probe, inner, 0, 4, [merkle.node_hash(LEAVES[2], LEAVES[3])], root)
    assert not includes(probe, root, 0, 4, [], root)


def test_all_pairs_of_small_trees_extend(probe: Any) -> None:
    for new in (1, 2, 3, 4, 6, 7, 8, 9):
        for old in range(new + 1):
            proof = merkle.consistency_path(LEAVES[:new], old)
            assert extends(probe, old, new, merkle.root(LEAVES[:old]), merkle.root(LEAVES[:new]), proof)


def test_random_proofs_whole_and_spoiled_get_one_verdict(probe: Any) -> None:
    chance = random.Random(20261122)
    accepted = 0
    for _ in range(150):
        new = chance.randint(1, 70)
        index, old = chance.randrange(new), chance.randint(0, new)
        root = merkle.root(LEAVES[:new])
        path = spoil(chance, merkle.inclusion_path(LEAVES[:new], index))
        accepted += includes(probe, LEAVES[index], nudge(chance, index), nudge(chance, new), path, root)
        proof = spoil(chance, merkle.consistency_path(LEAVES[:new], old))
        accepted += extends(probe, nudge(chance, old), nudge(chance, new), merkle.root(LEAVES[:old]), root, proof)
    assert 20 < accepted < 280


def spoil(chance: random.Random, path: list[bytes]) -> list[bytes]:
    action = chance.choice(["keep", "keep", "keep", "drop", "add", "flip", "swap"])
    if action == "add" or (action != "keep" and not path):
        return [*path, chance.randbytes(32)]
    place = chance.randrange(len(path)) if path else 0
    if action == "drop":
        return path[:place] + path[place + 1 :]
    if action == "flip":
        return [*path[:place], bytes([path[place][0] ^ 1]) + path[place][1:], *path[place + 1 :]]
    return path[::-1] if action == "swap" else path


def nudge(chance: random.Random, value: int) -> int:
    return max(0, value + chance.choice([0, 0, 0, 0, 1, -1]))
