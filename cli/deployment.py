"""carbonseal init, serve, fsck, frames put: a deployment folder and the node in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress, TaskID

from api import fsck as checks
from api.deployment import NODE_ORG, Founding, create, open_deployment
from api.server import Server
from cli.files import read_bounded
from cli.node import CBOR_SEQUENCE, connect
from cli.options import Dir, Json, Org, Place, Token
from cli.output import command, err, out, print_json, print_table, say, told
from core.errors import FormError

frames_app = typer.Typer(no_args_is_help=True, help="帧 · frames")


@command
def init(
    directory: Dir,
    origin: Annotated[str, typer.Option("--origin", help="日志名 <域名>/<园区> · origin of the log")] = "",
    registrar: Annotated[list[str] | None, typer.Option(
        "--registrar", help="登记方公钥（DER 十六进制）· registrar's public key, hex DER")] = None,
    governor: Annotated[list[str] | None, typer.Option("--governor", help="治理账户 · governor account")] = None,
    threshold: Annotated[int, typer.Option("--threshold", help="需签名数 · governors that must sign")] = 1,
    org: Annotated[list[str] | None, typer.Option(
        "--org", help="组织令牌 id=角色,角色 · token for an organisation: id=role,role")] = None,
    as_json: Json = False,
) -> None:
    """新建部署：密钥、数据库、合约、信任表、令牌 · create a deployment: keys, database, contracts, trust."""
    keys = [_hex(text) for text in registrar or []]
    organisations = dict(_organisation(text) for text in org or [])
    made = create(directory, Founding(origin=origin, organisations=organisations, registrars=keys, rule_publishers=keys,
                                      governors=governor or [], threshold=threshold))
    made.close()
    done = {"directory": str(directory), "trust": str(directory / "trust.json"), "tokens": str(directory / "tokens"),
            "origin": made.origin, "node_key": made.node_signer.public_key.hex(), "node_account": made.account.address}
    if as_json:
        print_json(done)
    else:
        out.print(say(f"已建立 {directory}。下一步：carbonseal serve --dir {directory}",
                      f"Created {directory}. Next: carbonseal serve --dir {directory}"))


@command
def serve(
    directory: Dir,
    port: Annotated[int | None, typer.Option("--port", "-p", help="端口 · port")] = None,
) -> None:
    """运行节点：API、页面、封存、锚定，直到 Ctrl-C · run the node until Ctrl-C."""
    deployment = open_deployment(directory, upgrade=True)
    try:
        with Server(deployment, port=port) as server:
            err.print(say(f"节点在 {server.url} ，Ctrl-C 结束", f"node at {server.url}, Ctrl-C to end"))
            server.wait()
    finally:
        deployment.close()


@command
def fsck(directory: Dir, as_json: Json = False) -> None:
    """由日志条目重建一切并比对 · rebuild everything from the entries and compare."""
    deployment = open_deployment(directory)
    link = deployment.chain_link()
    try:
        link.start()
        if as_json:
            findings = checks.check(deployment, link)
        else:
            with Progress(*Progress.get_default_columns(), console=err, transient=True) as bars:
                findings = checks.check(deployment, link, _shown_by(bars))
    finally:
        link.stop()
        deployment.close()
    if as_json:
        print_json({"clean": not findings, "findings": [finding.as_json() for finding in findings]})
    elif findings:
        print_table(say("发现", "Findings"), [say("代码", "code"), say("位置", "where"), say("说明", "message")],
                    [(item.code, item.place, item.message) for item in findings])
    else:
        out.print(say("一致：没有发现问题", "clean: nothing found"))
    raise typer.Exit(1 if findings else 0)


@frames_app.command("put")
@command
def put(
    files: Annotated[list[Path], typer.Argument(help="帧文件 · frame files")],
    place: Place = ".", org: Org = NODE_ORG, token: Token = None, as_json: Json = False,
) -> None:
    """把帧文件送入受理 · feed frame files through acceptance."""
    answers: list[dict[str, Any]] = []
    with connect(place, org, token) as node:
        for path in files:
            answers += node.send("/v1/frames", read_bounded(path), CBOR_SEQUENCE)["frames"]
    if as_json:
        print_json({"frames": answers})
    else:
        print_table(say("帧", "Frames"), [say("结果", "outcome"), say("序号", "index"), say("错误", "error")],
                    [(item["outcome"], item["index"], told(item["error"]["code"]) if item["error"] else "")
                     for item in answers])
    raise typer.Exit(1 if any(item["outcome"] == "refused" for item in answers) else 0)


def _shown_by(bars: Progress) -> Callable[[str, int, int], None]:
    """A bar for each step of the check."""
    tasks: dict[str, TaskID] = {}

    def show(step: str, done: int, total: int) -> None:
        if step not in tasks:
            tasks[step] = bars.add_task(step, total=total)
        bars.update(tasks[step], completed=done, total=total)

    return show


def _hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise FormError("hex-malformed", "a public key is the hex of its DER", where="--registrar") from None


def _organisation(text: str) -> tuple[str, list[str]]:
    org, separator, roles = text.partition("=")
    if not separator:
        raise FormError("usage", "an organisation is given as id=role,role", where="--org")
    return org, roles.split(",")
