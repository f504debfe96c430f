"""Proofs at the command line: what `tree prove` writes `tree check` believes, and nothing that was changed since."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from cli import tree
from cli.main import app
from core.merkle import leaf_hash, root

runner = CliRunner()
quick = settings(max_examples=25, deadline=None)


def run(*words: str, stdin: str = "") -> tuple[int, Any]:
    """(exit code, the JSON document answered)."""
    result = runner.invoke(app, ["tree", *words, "--json"], input=stdin)
    return result.exit_code, json.loads(result.stdout)


def text(leaves: list[bytes]) -> str:
    return "".join(leaf.hex() + "\n" for leaf in leaves)


leaves_ = st.lists(st.binary(min_size=1, max_size=4), min_size=1, max_size=12)


def changed(encoded: str, bit: int) -> str:
    """Another hash in the place of this one."""
    data = bytearray(b64decode(encoded))
    data[bit // 8] ^= 1 << bit % 8
    return b64encode(bytes(data)).decode()


@quick
@given(leaves_, st.data())
def test_an_inclusion_proof_holds_and_with_any_bit_changed_it_does_not(
        leaves: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))
    size = data.draw(st.integers(index + 1, len(leaves)))
    code, proof = run("prove", "--index", str(index), "--size", str(size), stdin=text(leaves))
    assert code == 0
    assert run("check", stdin=json.dumps(proof)) == (0, {"valid": True, "code": None, "message": None})
    assert b64decode(proof["root"]) == root([leaf_hash(leaf) for leaf in leaves[:size]])
    bit = data.draw(st.integers(0, 255))
    forged = [{**proof, name: changed(proof[name], bit)} for name in ("root", "leafHash")]
    forged += [{**proof, "proof": [*proof["proof"], proof["root"]]}, {**proof, "leafIdx": size}]
    if proof["proof"]:
        at = data.draw(st.integers(0, len(proof["proof"]) - 1))
        hashes = list(proof["proof"])
        hashes[at] = changed(hashes[at], bit)
        forged += [{**proof, "proof": hashes}, {**proof, "proof": proof["proof"][:-1]}]
    for document in forged:
        code, verdict = run("check", stdin=json.dumps(document))
        assert (code, verdict["valid"]) == (1, False)
        assert verdict["code"].startswith("inclusion-")


@quick
@given(leaves_, st.data())
def test_a_consistency_proof_holds_and_another_old_root_does_not(leaves: list[bytes], data: st.DataObject) -> None:
    new = data.draw(st.integers(1, len(leaves)))
    old = data.draw(st.integers(0, new))
    code, proof = run("prove", "--old", str(old), "--size", str(new), stdin=text(leaves))
    assert code == 0
    assert run("check", stdin=json.dumps(proof))[0] == 0
    bit = data.draw(st.integers(0, 255))
    names = ["root1"] if old == 0 else ["root1", "root2"]
    forged = [{**proof, name: changed(proof[name], bit)} for name in names]
    forged.append({**proof, "proof": [*proof["proof"], proof["root1"]]})
    for document in forged:
        code, verdict = run("check", stdin=json.dumps(document))
        assert (code, verdict["valid"]) == (1, False)
        assert verdict["code"].startswith("consistency-")


@quick
@given(leaves_)
def test_leaves_and_their_hashes_lead_to_one_root(leaves: list[bytes]) -> None:
    hashed = [leaf_hash(leaf) for leaf in leaves]
    assert run("root", stdin=text(leaves)) == run("root", "--hashed", stdin=text(hashed)) == (
        0, {"size": str(len(leaves)), "root": root(hashed).hex()})


@pytest.mark.parametrize(("words", "code"), [
    (("--index", "3"), "ok"), (("--index", "4"), "tree-index"), (("--index", "-1"), "tree-index"),
    (("--index", "2", "--size", "2"), "tree-index"), (("--index", "1", "--size", "2"), "ok"),
    (("--index", "0", "--size", "0"), "tree-index"), (("--old", "4"), "ok"), (("--old", "5"), "tree-size"),
    (("--old", "0"), "ok"), (("--old", "-1"), "tree-size"), (("--old", "0", "--size", "0"), "ok"),
    (("--old", "3", "--size", "2"), "tree-size"), (("--old", "1", "--size", "5"), "tree-size"),
    (("--old", "1", "--size", "-1"), "tree-size"), ((), "usage"), (("--old", "1", "--index", "1"), "usage")])
def test_a_question_is_about_the_leaves_there_are(words: tuple[str, ...], code: str) -> None:
    exit_code, answer = run("prove", *words, stdin=text([b"a", b"b", b"c", b"d"]))
    assert answer.get("error", {}).get("code", "ok") == code
    assert (exit_code == 0) is (code == "ok")


@pytest.mark.parametrize(("count", "accepted"), [(3, True), (4, False)])
def test_no_more_leaves_are_read_than_fit_the_memory(
        count: int, accepted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "MAX_LINES", 3)
    exit_code, answer = run("root", stdin=text([b"x"] * count))
    assert answer.get("error", {}).get("code") == (None if accepted else "tree-too-large")
    assert (exit_code == 0) is accepted


@pytest.mark.parametrize(("length", "accepted"), [(31, False), (32, True), (33, False), (0, False)])
def test_a_leaf_hash_has_32_bytes(length: int, accepted: bool) -> None:
    exit_code, answer = run("root", "--hashed", stdin=text([bytes(32), bytes(length)]))
    assert answer.get("error", {}).get("code") == (None if accepted else "hash-length")
    assert accepted or answer["error"]["where"] == "line 2"
    assert (exit_code == 0) is accepted


@pytest.mark.parametrize("document", ["[]", "7", "null", '"leafIdx"', '["leafIdx"]', "{}", '{"leafIdx": 0}',
                                      '{"leafIdx": "0", "treeSize": 1}', '{"size1": 0}', '{"start": 0, "end": 1}'])
def test_what_is_no_probe_is_an_answer_and_no_fault_of_ours(document: str) -> None:
    exit_code, answer = run("check", stdin=document)
    assert exit_code != 0
    assert answer.get("error", answer)["code"] not in (None, "internal-error")
