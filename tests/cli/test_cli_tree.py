"""carbonseal tree: roots and proofs over lines of hex, and the verdict on a probe."""

import json
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from core.merkle import leaf_hash, root

VECTORS = Path(__file__).resolve().parent.parent / "vectors" / "rfc6962"
runner = CliRunner()


def run(*words: str, stdin: str = "") -> tuple[int, str]:
    result = runner.invoke(app, ["tree", *words], input=stdin)
    return result.exit_code, result.stdout


def lines(count: int) -> str:
    return "".join(f"{n:02x}\n" for n in range(count))


def test_the_root_of_no_leaves_is_the_hash_of_nothing() -> None:
    assert run("root") == (0, sha256(b"").hexdigest() + "\n")


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 9])
def test_the_root_is_the_one_of_rfc_6962(count: int) -> None:
    expected = root([leaf_hash(bytes([n])) for n in range(count)])
    assert run("root", stdin=lines(count)) == (0, expected.hex() + "\n")


def test_moving_bytes_between_leaves_changes_the_root() -> None:
    assert run("root", stdin="aa\nbbcc\n")[1] != run("root", stdin="aabb\ncc\n")[1]


def test_an_inclusion_proof_of_each_leaf_is_accepted_by_check(tmp_path: Path) -> None:
    for index in range(7):
        code, proof = run("prove", "--index", str(index), stdin=lines(7))
        assert code == 0
        assert run("check", stdin=proof) == (0, "成立\n")


def test_a_consistency_proof_from_each_size_is_accepted_by_check() -> None:
    for old in range(8):
        code, proof = run("prove", "--old", str(old), stdin=lines(7 if old < 8 else old))
        assert code == 0
        assert run("check", "--json", stdin=proof)[0] == 0


def test_a_proof_with_one_changed_hash_is_refused_with_exit_1() -> None:
    proof = json.loads(run("prove", "--index", "3", stdin=lines(7))[1])
    proof["proof"][0] = b64encode(bytes(32)).decode()
    code, text = run("check", "--json", stdin=json.dumps(proof))
    assert code == 1
    assert json.loads(text)["code"] == "inclusion-root"


@pytest.mark.parametrize("words", [("prove",), ("prove", "--index", "1", "--old", "1"), ("prove", "--index", "3"),
                                   ("prove", "--old", "9"), ("prove", "--index", "0", "--size", "4")])
def test_a_question_without_an_answer_is_unusable_input(words: tuple[str, ...]) -> None:
    assert run(*words, stdin=lines(3))[0] == 2


@pytest.mark.parametrize("line", ["zz", "a", "５5"])
def test_a_line_that_is_not_hex_is_named(line: str) -> None:
    result = runner.invoke(app, ["tree", "root", "--json"], input=f"00\n{line}\n")
    assert result.exit_code == 2
    error = json.loads(result.stdout)["error"]
    assert error["code"] == "hex-malformed"
    assert error["where"] == "line 2"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"leafIdx":1}', '{"leafIdx":0,"leafIdx":0}', "1e400"])
def test_a_probe_that_is_none_is_unusable_input(text: str) -> None:
    assert run("check", stdin=text)[0] in (1, 2)


def test_the_public_probes_get_the_verdict_their_files_state() -> None:
    deviations = []
    for path in sorted(VECTORS.rglob("*.json")):
        code, _ = run("check", str(path))
        if (code == 0) == json.loads(path.read_bytes())["wantErr"]:
            deviations.append(path.name)
    assert deviations == []
