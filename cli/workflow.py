"""carbonseal claim, opinion, certificate, evidence, participant: the workflow, each step from its own desk."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from certificates import lifecycle
from certificates.lifecycle import Beneficiary, Intent
from cli.desks.enterprise import EnterpriseDesk, facts_from_json
from cli.desks.holder import holder_desk
from cli.desks.verifier import VerifierDesk
from cli.node import connect
from cli.options import Dir, Json, Key
from cli.output import command, print_fields, print_json, say
from core.clock import SystemClock
from core.errors import InputError
from core.ethereum import load_account
from core.ids import check_hex
from core.jcs import parse_lenient
from core.period import Period, parse_instant
from core.records import Conclusion
from verify.trust import load_trust

claim_app = typer.Typer(no_args_is_help=True, help="申报 · claims")
opinion_app = typer.Typer(no_args_is_help=True, help="核查意见 · opinions")
certificate_app = typer.Typer(no_args_is_help=True, help="证书 · certificates")
evidence_app = typer.Typer(no_args_is_help=True, help="证据文件 · evidence files")
Org = Annotated[str, typer.Option("--org", help="以哪个组织的令牌 · whose token")]
Piece = Annotated[str, typer.Argument(help="证书或分片编号（十六进制）· certificate or piece, hex")]
ClaimId = Annotated[str, typer.Argument(help="申报编号 · claim id")]
Level = Annotated[str, typer.Option("--level", help="public | buyer | auditor | full")]


@claim_app.command("create")
@command
def create_claim(
    facts: Annotated[Path, typer.Option("--facts", "-f", help="事实 JSON（docs/guides/claims.md）· facts as JSON")],
    key: Key, org: Org, directory: Dir = Path(), as_json: Json = False,
) -> None:
    """起草、签名并提交申报，等待计算书 · draft, sign and hand in a claim; waits for its statement."""
    with connect(directory, org) as node:
        desk = EnterpriseDesk(node, load_account(key), SystemClock())
        _print(desk.submit(desk.draft(facts_from_json(parse_lenient(facts.read_bytes())))), as_json)


@claim_app.command("show")
@command
def show_claim(claim: ClaimId, org: Org = "org:node", directory: Dir = Path(), as_json: Json = False) -> None:
    """申报及其计算书、清单、意见 · a claim with its statement, manifest and opinion."""
    with connect(directory, org) as node:
        _print(node.get(f"/v1/claims/{claim}"), as_json)


@opinion_app.command("sign")
@command
def sign_opinion(
    claim: ClaimId, key: Key, org: Org,
    trust: Annotated[Path, typer.Option("--trust", help="核查方自己的信任表 · the verifier's own trust list")],
    criteria: Annotated[list[str], typer.Option("--criteria", help="准则 · criteria")],
    reasons: Annotated[str, typer.Option("--reasons", help="理由 · reasons")],
    conclusion: Annotated[str, typer.Option(help="unmodified | modified | adverse | disclaimed")] = "unmodified",
    directory: Dir = Path(), as_json: Json = False,
) -> None:
    """先复算日志与明细，再用核查方自己的密钥签署 · recompute log and details, then sign with the verifier's own key."""
    if conclusion.upper() not in Conclusion.__members__:
        raise InputError("usage", f"{conclusion!r} is no conclusion", where="--conclusion")
    with connect(directory, org) as node:
        desk = VerifierDesk(node, org, load_account(key), load_trust(trust), SystemClock())
        review = desk.review(claim)
        _print(desk.submit(claim, desk.sign(review, criteria, reasons, Conclusion[conclusion.upper()])), as_json)


@certificate_app.command("issue")
@command
def issue(claim: ClaimId, directory: Dir = Path(), as_json: Json = False) -> None:
    """（再次）签发已有核查意见的申报；不会签发两次 · issue what has an opinion; never twice."""
    with connect(directory) as node:
        _print(node.wait(node.post(f"/v1/claims/{claim}/issue", {})["job"]), as_json)


@certificate_app.command("show")
@command
def show(certificate: Piece, directory: Dir = Path(), as_json: Json = False) -> None:
    """证书的数字、状态与分片 · a certificate's figures, status and pieces."""
    with connect(directory) as node:
        _print(node.get(f"/v1/certificates/{certificate}"), as_json)


@certificate_app.command("check")
@command
def check(piece: Piece, directory: Dir = Path(), as_json: Json = False) -> None:
    """买家的问题：它干净吗？· a buyer's question: is it clean?"""
    with connect(directory) as node:
        answer = node.get(f"/v1/assets/{piece}/check")
    if as_json:
        print_json(answer)
    else:
        print_fields({point["name"]: f"{point['outcome']}  {point['reason'][say('zh', 'en')]}"
                      for point in answer["points"]})
    raise typer.Exit(0 if answer["clean"] else 1)


@certificate_app.command("split")
@command
def split(piece: Piece, units: Annotated[int, typer.Option("--units", min=1, help="切下多少 · how many to cut off")],
          key: Key, directory: Dir = Path(), as_json: Json = False) -> None:
    """拆分 · cut units off a piece."""
    with connect(directory) as node:
        lower, upper = lifecycle.split(holder_desk(node, key, SystemClock()), _piece(piece), units)
    _print({"lower": lower.hex(), "upper": upper.hex()}, as_json)


@certificate_app.command("transfer")
@command
def transfer(piece: Piece, to: Annotated[str, typer.Option("--to", help="受让账户 · account of the receiver")],
             key: Key, directory: Dir = Path(), as_json: Json = False) -> None:
    """转让给已登记的参与方 · give a piece to a registered participant."""
    with connect(directory) as node:
        _print(_intent(lifecycle.transfer(holder_desk(node, key, SystemClock()), _piece(piece), to)), as_json)


@certificate_app.command("retire")
@command
def retire(
    piece: Piece, key: Key,
    purpose: Annotated[str, typer.Option("--purpose", help="用途 · purpose")],
    beneficiary: Annotated[str, typer.Option("--beneficiary", help="受益方名称 · name of the beneficiary")],
    beneficiary_id: Annotated[str, typer.Option("--beneficiary-id", help="统一社会信用代码或 LEI · USCC, LEI or id")],
    place: Annotated[str, typer.Option("--place", help="消费地点 · place of consumption")],
    start: Annotated[str, typer.Option("--start", help="消费期起 · start of consumption, UTC")],
    end: Annotated[str, typer.Option("--end", help="消费期止 · end of consumption, UTC")],
    country: Annotated[str, typer.Option("--country")] = "CN", directory: Dir = Path(), as_json: Json = False,
) -> None:
    """注销：为受益方使用掉，不可逆 · use a piece up for a beneficiary, for good."""
    who = Beneficiary(beneficiary, beneficiary_id, country, place)
    period = Period(parse_instant(start, where="--start"), parse_instant(end, where="--end"))
    with connect(directory) as node:
        _print(_intent(lifecycle.retire(holder_desk(node, key, SystemClock()), _piece(piece), purpose, who, period)),
               as_json)


@certificate_app.command("supersede")
@command
def supersede(
    statement: Annotated[str, typer.Argument(help="被更正的计算书摘要 · digest of the statement to correct")],
    facts: Annotated[Path, typer.Option("--facts", "-f", help="事实 JSON · facts as JSON")],
    key: Key, org: Org, directory: Dir = Path(), as_json: Json = False,
) -> None:
    """提交更正申报；核查后取代旧证书 · hand in a correcting claim; once reviewed it supersedes the certificate."""
    document = parse_lenient(facts.read_bytes()) | {"supersedes": check_hex(statement, where="statement").hex()}
    with connect(directory, org) as node:
        desk = EnterpriseDesk(node, load_account(key), SystemClock())
        _print(desk.submit(desk.draft(facts_from_json(document))), as_json)


@certificate_app.command("revoke")
@command
def revoke(statement: Annotated[str, typer.Argument(help="计算书摘要 · digest of the statement")],
           reason: Annotated[str, typer.Option("--reason", help="理由 · reason")],
           key: Key, directory: Dir = Path(), as_json: Json = False) -> None:
    """撤销（登记方或出具意见的核查方）· revoke, by a registrar or the verifier that gave the opinion."""
    with connect(directory) as node:
        desk = holder_desk(node, key, SystemClock())
        _print(_intent(lifecycle.revoke(desk, check_hex(statement, where="statement"), reason)), as_json)


@evidence_app.command("export")
@command
def export(
    certificate: Piece,
    output: Annotated[Path, typer.Option("--output", "-o", help="写到哪里 · where to write")],
    level: Level = "auditor", org: Org = "org:node", directory: Dir = Path(), as_json: Json = False,
) -> None:
    """导出证据文件（.cseal）· export the evidence file of a certificate or piece."""
    with connect(directory, org) as node:
        pieces = [item["piece"] for item in node.get(f"/v1/certificates/{certificate}")["pieces"]]
        chosen = certificate if certificate in pieces else pieces[-1]
        data = node.fetch(f"/v1/certificates/{chosen}/evidence", level=level)
    output.write_bytes(data)
    _print({"piece": chosen, "level": level, "path": str(output), "bytes": len(data)}, as_json)


def _piece(text: str) -> bytes:
    return check_hex(text, where="piece")


def _intent(intent: Intent) -> dict[str, Any]:
    """What became of an operation on the chain."""
    sighting = intent.sighting
    return {"state": intent.state, "transaction": sighting.transaction if sighting else None,
            "block": str(sighting.block) if sighting else None, "error": intent.error}


def _print(document: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(document)
    else:
        print_fields({name: value for name, value in document.items() if not isinstance(value, (dict, list))})
