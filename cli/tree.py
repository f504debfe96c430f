"""carbonseal tree: roots and proofs of the RFC 6962 tree over lines of hex."""

from __future__ import annotations

from base64 import b64encode
from typing import Annotated

import typer

from cli.files import STDIN, read_json, read_lines
from cli.options import Json
from cli.output import command, out, print_json, say, told
from core.errors import FormError, InputError, VerificationFailed
from core.merkle import consistency_path, inclusion_path, leaf_hash, root
from ledger.probes import check_probe

app = typer.Typer(no_args_is_help=True, help="默克尔树 · RFC 6962 roots and proofs")
Hashed = Annotated[bool, typer.Option("--hashed", help="输入已是叶哈希 · lines are leaf hashes, not leaf data")]
MAX_LINES = 10_000_000


@app.command("root")
@command
def print_root(hashed: Hashed = False, as_json: Json = False) -> None:
    """stdin 每行一个叶（十六进制）→ 树根 · leaves in hex, one a line, on stdin → the root."""
    leaves = _read_leaves(hashed)
    if as_json:
        print_json({"size": str(len(leaves)), "root": root(leaves).hex()})
    else:
        out.print(root(leaves).hex())


@app.command("prove")
@command
def prove(
    index: Annotated[int | None, typer.Option("--index", help="包含证明：叶序号 · inclusion of this leaf")] = None,
    old: Annotated[int | None, typer.Option("--old", help="一致性证明：旧树大小 · consistency from this size")] = None,
    size: Annotated[int | None, typer.Option("--size", help="树大小，默认全部 · tree size, all by default")] = None,
    hashed: Hashed = False,
    as_json: Json = True,
) -> None:
    """包含证明或一致性证明（JSON，可交给 check）· a proof as JSON that `tree check` reads."""
    leaves = _read_leaves(hashed)
    size = len(leaves) if size is None else size
    if (index is None) == (old is None):
        raise InputError("usage", "give exactly one of --index and --old")
    if not 0 <= size <= len(leaves):
        raise InputError("tree-size", f"size {size} is not between 0 and {len(leaves)}", where="--size")
    tree = leaves[:size]
    if index is not None:
        print_json(_inclusion(tree, index))
    elif old is not None:
        print_json(_consistency(tree, old))


@app.command("check")
@command
def check(
    file: Annotated[str, typer.Argument(help="JSON 文件，- 为 stdin · probe file, - for stdin")] = "-",
    as_json: Json = False,
) -> None:
    """检验一个证明；成立退出 0，不成立 1 · check one proof: exit 0 if it holds, 1 if not."""
    probe = read_json(file)
    verdict: dict[str, object] = {"valid": True, "code": None, "message": None}
    try:
        check_probe(probe)
    except VerificationFailed as error:
        verdict = {"valid": False, "code": error.code, "message": error.message}
    if as_json:
        print_json(verdict)
    else:
        invalid = f"{say('不成立', 'invalid')}: {told(str(verdict['code']))}"
        out.print(say("成立", "valid") if verdict["valid"] else invalid)
    raise typer.Exit(0 if verdict["valid"] else 1)


def _inclusion(tree: list[bytes], index: int) -> dict[str, object]:
    if not 0 <= index < len(tree):
        raise InputError("tree-index", f"index {index} is not below the size {len(tree)}", where="--index")
    return {"leafIdx": index, "treeSize": len(tree), "root": _base64(root(tree)), "leafHash": _base64(tree[index]),
            "proof": [_base64(node) for node in inclusion_path(tree, index)]}


def _consistency(tree: list[bytes], old: int) -> dict[str, object]:
    if not 0 <= old <= len(tree):
        raise InputError("tree-size", f"old size {old} is not between 0 and {len(tree)}", where="--old")
    return {"size1": old, "size2": len(tree), "root1": _base64(root(tree[:old])), "root2": _base64(root(tree)),
            "proof": [_base64(node) for node in consistency_path(tree, old)]}


def _base64(node: bytes) -> str:
    return b64encode(node).decode("ascii")


def _read_leaves(hashed: bool) -> list[bytes]:
    leaves: list[bytes] = []
    for number, line in enumerate(read_lines(STDIN), 1):
        text = line.strip()
        if number > MAX_LINES:
            raise InputError("tree-too-large", f"more than {MAX_LINES} leaves on stdin")
        try:
            data = bytes.fromhex(text.decode("ascii"))
        except ValueError:
            raise FormError("hex-malformed", "a line is not hex", where=f"line {number}",
                            hint="one leaf a line, an even number of hex digits") from None
        if hashed and len(data) != 32:
            raise FormError("hash-length", "a leaf hash has 32 bytes", where=f"line {number}")
        leaves.append(data if hashed else leaf_hash(data))
    return leaves
