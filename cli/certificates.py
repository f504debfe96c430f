"""carbonseal certificate, evidence: what holders, buyers and verifiers do with certificates, each with its own key."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from api.deployment import NODE_ORG
from certificates import lifecycle
from certificates.lifecycle import Beneficiary, Desk
from certificates.outbox import Intent
from cli.claims import ClaimId, FactsFile, hand_in
from cli.desks.holder import holder_desk
from cli.files import read_json
from cli.node import POLL_SECONDS, Node, connect
from cli.options import Json, Key, Org, Place, Token
from cli.output import command, print_answer, print_fields, print_json, say
from core.errors import FormError
from core.ids import check_hex
from core.period import Period, parse_instant

# A node that waits for confirmations follows later than this; the operation stands on the chain all the same.
FOLLOW_SECONDS = 10.0

certificate_app = typer.Typer(no_args_is_help=True, help="证书 · certificates")
evidence_app = typer.Typer(no_args_is_help=True, help="证据文件 · evidence files")
Piece = Annotated[str, typer.Argument(help="分片编号（十六进制）· a piece, hex")]
Certificate = Annotated[str, typer.Argument(help="计算书摘要或分片编号（十六进制）· statement or piece, hex")]
Statement = Annotated[str, typer.Argument(help="计算书摘要（十六进制）· digest of the statement, hex")]


@certificate_app.command("issue")
@command
def issue(claim: ClaimId, place: Place = ".", org: Org = NODE_ORG, token: Token = None, as_json: Json = False) -> None:
    """（再次）签发已有核查意见的申报；不会签发两次 · issue what has an opinion; never twice."""
    with connect(place, org, token) as node:
        print_answer(node.wait(node.post(f"/v1/claims/{claim}/issue", {})["job"])["result"], as_json)


@certificate_app.command("show")
@command
def show(certificate: Certificate, place: Place = ".", org: Org = NODE_ORG, token: Token = None,
         as_json: Json = False) -> None:
    """证书的数字、状态与分片 · a certificate's figures, status and pieces."""
    with connect(place, org, token) as node:
        print_answer(node.get(f"/v1/certificates/{certificate}"), as_json)


@certificate_app.command("check")
@command
def check(
    piece: Piece,
    seller: Annotated[str, typer.Option("--seller", help="卖方组织或账户 · organisation or account that sells")] = "",
    place: Place = ".", org: Org = NODE_ORG, token: Token = None, as_json: Json = False,
) -> None:
    """买家的问题：它干净吗？不干净则退出 1 · a buyer's question: is it clean? Exit 1 if not."""
    with connect(place, org, token) as node:
        answer = node.get(f"/v1/assets/{piece}/check", **({"seller": seller} if seller else {}))
    if as_json:
        print_json(answer)
    else:
        print_fields({point["name"]: f"{point['outcome']}  {point['reason'][say('zh', 'en')]}"
                      for point in answer["points"]})
    raise typer.Exit(0 if answer["clean"] else 1)


@certificate_app.command("split")
@command
def split(piece: Piece, units: Annotated[int, typer.Option("--units", min=1, help="切下多少 · how many to cut off")],
          key: Key, place: Place = ".", org: Org = NODE_ORG, token: Token = None, as_json: Json = False) -> None:
    """从一份上切下若干单位 · cut units off a piece."""
    whole = check_hex(piece, where="piece")
    with connect(place, org, token) as node:
        desk = holder_desk(node, key, node.clock)
        lower, upper = lifecycle.split(desk, whole, units)
        _shown(node, desk, piece)
    print_answer({"lower": lower.hex(), "upper": upper.hex()}, as_json)


@certificate_app.command("transfer")
@command
def transfer(piece: Piece, to: Annotated[str, typer.Option("--to", help="受让账户 · account of the receiver")],
             key: Key, place: Place = ".", org: Org = NODE_ORG, token: Token = None, as_json: Json = False) -> None:
    """转让给已登记的参与方 · give a piece to a registered participant."""
    _run(piece, lambda desk, item: lifecycle.transfer(desk, item, to), key, place, org, token, as_json)


@certificate_app.command("retire")
@command
def retire(
    piece: Piece, key: Key,
    purpose: Annotated[str, typer.Option("--purpose", help="用途 · purpose")],
    beneficiary: Annotated[str, typer.Option("--beneficiary", help="受益方名称 · name of the beneficiary")],
    beneficiary_id: Annotated[str, typer.Option("--beneficiary-id", help="统一社会信用代码或 LEI · USCC, LEI or id")],
    use_place: Annotated[str, typer.Option("--place", help="消费地点 · place of consumption")],
    start: Annotated[str, typer.Option("--start", help="消费期起（UTC）· start of consumption")],
    end: Annotated[str, typer.Option("--end", help="消费期止（UTC）· end of consumption")],
    country: Annotated[str, typer.Option("--country", help="国家代码 · country code")] = "CN",
    place: Place = ".", org: Org = NODE_ORG, token: Token = None, as_json: Json = False,
) -> None:
    """注销：为受益方使用掉，不可逆 · use a piece up for a beneficiary, for good."""
    who = Beneficiary(beneficiary, beneficiary_id, country, use_place)
    period = Period(parse_instant(start, where="--start"), parse_instant(end, where="--end"))
    _run(piece, lambda desk, item: lifecycle.retire(desk, item, purpose, who, period),
         key, place, org, token, as_json)


@certificate_app.command("pledge")
@command
def pledge(piece: Piece, to: Annotated[str, typer.Option("--to", help="质权人账户 · account of the pledgee")],
           key: Key, place: Place = ".", org: Org = NODE_ORG, token: Token = None, as_json: Json = False) -> None:
    """质押；只有质权人能解除 · pledge a piece; only the pledgee releases it."""
    _run(piece, lambda desk, item: lifecycle.pledge(desk, item, to), key, place, org, token, as_json)


@certificate_app.command("release")
@command
def release(piece: Piece, key: Key, place: Place = ".", org: Org = NODE_ORG, token: Token = None,
            as_json: Json = False) -> None:
    """质权人解除质押 · the pledgee frees a piece."""
    _run(piece, lifecycle.release, key, place, org, token, as_json)


@certificate_app.command("supersede")
@command
def supersede(statement: Statement, facts: FactsFile, key: Key, org: Org, place: Place = ".", token: Token = None,
              as_json: Json = False) -> None:
    """提交更正申报；核查后取代旧证书 · hand in a correcting claim; once reviewed it supersedes the certificate."""
    document = read_json(facts)
    if not isinstance(document, dict):
        raise FormError("document-members", "the facts are no object", where="facts", hint="docs/guides/claims.md")
    corrected = document | {"supersedes": check_hex(statement, where="statement").hex()}
    hand_in(corrected, key, place, org, token, as_json)


@certificate_app.command("revoke")
@command
def revoke(statement: Statement, reason: Annotated[str, typer.Option("--reason", help="理由 · reason")],
           key: Key, place: Place = ".", org: Org = NODE_ORG, token: Token = None, as_json: Json = False) -> None:
    """撤销（登记方或出具意见的核查方）· revoke, by a registrar or the verifier that gave the opinion."""
    _run(statement, lambda desk, digest: lifecycle.revoke(desk, digest, reason), key, place, org, token, as_json)


@evidence_app.command("export")
@command
def export(
    certificate: Certificate,
    output: Annotated[Path, typer.Option("--output", "-o", help="写到哪里 · where to write")],
    level: Annotated[str, typer.Option("--level", help="public | buyer | auditor | full")] = "auditor",
    place: Place = ".", org: Org = NODE_ORG, token: Token = None, as_json: Json = False,
) -> None:
    """导出证据文件（.cseal）· export the evidence file of a certificate or piece."""
    with connect(place, org, token) as node:
        pieces = [item["piece"] for item in node.get(f"/v1/certificates/{certificate}")["pieces"]]
        # A statement's certificate is shown by its last piece; every one carries the same proofs.
        chosen = certificate if certificate in pieces or not pieces else pieces[-1]
        data = node.fetch(f"/v1/certificates/{chosen}/evidence", level=level)
    output.write_bytes(data)
    print_answer({"piece": chosen, "level": level, "path": str(output), "bytes": len(data)}, as_json)


def _run(identity: str, act: Callable[[Desk, bytes], Intent], key: Path, place: str, org: str, token: Path | None,
         as_json: bool) -> None:
    """Let the holder of a key act on a piece or statement and print what became of it."""
    named = check_hex(identity, where="piece")
    with connect(place, org, token) as node:
        desk = holder_desk(node, key, node.clock)
        intent = act(desk, named)
        _shown(node, desk, identity)
    print_answer(_outcome(intent), as_json)


def _shown(node: Node, desk: Desk, identity: str) -> None:
    """Wait a little until the node has read the chain as far as this desk: the next command asks the node."""
    piece = next((item["piece"] for item in node.get(f"/v1/certificates/{identity}")["pieces"]), None)
    head, deadline = desk.blocks.head(), time.monotonic() + FOLLOW_SECONDS
    while piece and int(node.get(f"/v1/assets/{piece}/check")["block"]) < head and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)


def _outcome(intent: Intent) -> dict[str, Any]:
    """What became of an operation on the chain."""
    sighting = intent.sighting
    return {"operation": intent.operation.kind, "state": intent.state,
            "transaction": sighting.transaction if sighting else None,
            "block": str(sighting.block) if sighting else None}
